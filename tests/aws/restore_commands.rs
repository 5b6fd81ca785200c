//! `snapferry restore`: the plans that it shows, and the templates that it prints.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value as Json;
use snapferry::app::policies::{Outcome, apply};
use snapferry::app::restore::{RestoreOf, Which};
use snapferry::cli::{CliError, Ended, RestoreAction, TemplateLanguage, show_restore};
use snapferry::domain::id::arn::RdsArn;
use snapferry::domain::id::names::ResourceId;
use snapferry::domain::id::tags::{StackId, Tags};
use snapferry::domain::rds::database::Database;
use snapferry::domain::restore::configuration::{Captured, Configuration, Member};
use snapferry::domain::restore::plan::RestoreOptions;
use snapferry::domain::restore::preflight::GroupKind;
use snapferry::domain::restore::roster::Roster;
use snapferry::domain::restore::setting::Setting as S;
use snapferry::domain::restore::value::{Settings, Thousandths, Value};
use snapferry::domain::run::command::ProtectionRequest;
use snapferry::ports::StoreRosters;

use crate::catalog_commands::keep_configurations;
use crate::commands::{bare, ran};
use crate::prune::copy_of_run;
use crate::world::{
    Call, Fixture, HOME, SOURCE, World, a_cluster_run, a_run, region, rules, run, time,
};

const SINCE: &str = "2026-11-20T03:00:00Z";

pub(crate) const POLICIES: &str = r#"
[policy.default]
schedule = "0 3 * * *"
[policy.default.option_groups]
of-theirs = "of-here"
[policy.default.restore.subnet_groups]
"*" = "recovery-private"
[policy.default.restore.security_groups]
"*" = "sg-9f8e7d6c5b4a39281"
[policy.default.restore.parameter_groups]
tuned = "tuned-here"
[policy.default.restore.keys]
"*" = "alias/recovery"
"#;

fn text(text: &str) -> Value {
    Value::text(text)
}

pub(crate) fn orders() -> Configuration {
    let of = a_run("orders").database;
    let role = [
        (
            "RoleArn".to_owned(),
            "arn:aws:iam::111122223333:role/s3".to_owned(),
        ),
        ("FeatureName".to_owned(), "s3Import".to_owned()),
    ];
    let settings: Settings = [
        (S::Engine, text("postgres")),
        (S::EngineVersion, text("17.6")),
        (S::DbInstanceClass, text("db.r6g.large")),
        (S::LicenseModel, text("postgresql-license")),
        (S::Port, Value::Number(5432)),
        (S::DbSubnetGroupName, text("private")),
        (
            S::VpcSecurityGroupIds,
            Value::texts(["sg-0a1b2c3d".to_owned()]),
        ),
        (S::DbParameterGroupName, text("tuned")),
        (S::OptionGroupName, text("of-theirs")),
        (S::MultiAz, Value::Flag(true)),
        (S::PubliclyAccessible, Value::Flag(true)),
        (S::AllocatedStorage, Value::Number(100)),
        (S::MaxAllocatedStorage, Value::Number(200)),
        (S::StorageType, text("gp3")),
        (S::Iops, Value::Number(3_000)),
        (S::MasterUsername, text("ada")),
        (
            S::MasterUserSecretArn,
            text("arn:aws:secretsmanager:eu-west-1:111122223333:secret:s"),
        ),
        (S::IamDatabaseAuthenticationEnabled, Value::Flag(true)),
        (
            S::EnabledCloudwatchLogsExports,
            Value::texts(["postgresql".to_owned(), "upgrade".to_owned()]),
        ),
        (S::BackupRetentionPeriod, Value::Number(7)),
        (S::PreferredBackupWindow, text("02:00-03:00")),
        (S::PreferredMaintenanceWindow, text("sun:04:00-sun:05:00")),
        (S::DeletionProtection, Value::Flag(true)),
        (S::CopyTagsToSnapshot, Value::Flag(true)),
        (S::AutoMinorVersionUpgrade, Value::Flag(false)),
        (
            S::EngineLifecycleSupport,
            text("open-source-rds-extended-support-disabled"),
        ),
        (S::MonitoringInterval, Value::Number(60)),
        (
            S::MonitoringRoleArn,
            text("arn:aws:iam::111122223333:role/monitoring"),
        ),
        (S::PerformanceInsightsEnabled, Value::Flag(true)),
        (
            S::PerformanceInsightsKmsKeyId,
            text("arn:aws:kms:eu-west-1:111122223333:key/1"),
        ),
        (S::PerformanceInsightsRetentionPeriod, Value::Number(7)),
        (S::CaCertificateIdentifier, text("rds-ca-rsa2048-g1")),
        (S::AssociatedRoles, Value::records([role.into()])),
    ]
    .into();
    Configuration {
        database: of.arn,
        resource_id: of.resource_id,
        settings,
        members: [].into(),
        tags: tags(&[
            ("Team", "blue \"${x}\""),
            ("snapferry:restore-group", "shop"),
            ("snapferry:restore-order", "2"),
        ]),
    }
}

fn tags(pairs: &[(&str, &str)]) -> Tags {
    let each = pairs.iter();
    each.map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

pub(crate) fn shop() -> Configuration {
    let of = a_cluster_run("shop").database;
    let member = |class: &str, tier: i64, is_writer: bool| Member {
        is_writer,
        settings: [
            (S::Engine, text("aurora-postgresql")),
            (S::DbInstanceClass, text(class)),
            (S::PromotionTier, Value::Number(tier)),
            (S::PubliclyAccessible, Value::Flag(false)),
            (S::AutoMinorVersionUpgrade, Value::Flag(true)),
            (S::DbParameterGroupName, text("default.aurora-postgresql16")),
        ]
        .into(),
        tags: [].into(),
    };
    let settings: Settings = [
        (S::Engine, text("aurora-postgresql")),
        (S::EngineVersion, text("16.9")),
        (S::EngineMode, text("provisioned")),
        (S::Port, Value::Number(5432)),
        (S::DbSubnetGroupName, text("private")),
        (
            S::VpcSecurityGroupIds,
            Value::texts(["sg-0a1b2c3d".to_owned(), "sg-1a2b3c4d".to_owned()]),
        ),
        (S::DbClusterParameterGroupName, text("tuned")),
        (S::StorageType, text("aurora-iopt1")),
        (
            S::ServerlessMinCapacity,
            Value::Decimal(Thousandths::of(0.5)),
        ),
        (
            S::ServerlessMaxCapacity,
            Value::Decimal(Thousandths::of(16.0)),
        ),
        (S::BackupRetentionPeriod, Value::Number(7)),
        (S::PreferredBackupWindow, text("02:00-03:00")),
        (S::DeletionProtection, Value::Flag(true)),
        (
            S::EngineLifecycleSupport,
            text("open-source-rds-extended-support"),
        ),
        (S::HttpEndpointEnabled, Value::Flag(true)),
    ]
    .into();
    Configuration {
        database: of.arn,
        resource_id: of.resource_id,
        settings,
        members: [
            (
                "shop-1".to_owned(),
                Member {
                    tags: tags(&[("Team", "red")]),
                    ..member("db.r6g.large", 1, true)
                },
            ),
            ("shop-2".to_owned(), member("db.serverless", 2, false)),
        ]
        .into(),
        tags: tags(&[
            ("snapferry:restore-group", "shop"),
            ("snapferry:restore-order", "1"),
        ]),
    }
}

pub(crate) fn copy(
    request: &ProtectionRequest,
    engine: &str,
    version: &str,
) -> snapferry::domain::rds::snapshot::Snapshot {
    let mut copy = copy_of_run(request);
    copy.taken_at = Some(request.planned_at);
    copy.engine = engine.to_owned();
    copy.engine_version = version.to_owned();
    copy
}

/// A world with a policy, an instance and a cluster, their configurations and their recovery points.
pub(crate) fn world() -> World {
    let world = World::new();
    let applied = run(apply(&world, &region(HOME), POLICIES, None)).unwrap();
    assert!(matches!(applied, Outcome::Stored { .. }));
    keep_configurations(&world, &[(orders(), SINCE)]);
    keep_configurations(&world, &[(shop(), SINCE)]);
    world.operator().manual_snapshots = vec![
        copy(&a_run("orders"), "postgres", "17.6"),
        copy(&a_cluster_run("shop"), "aurora-postgresql", "16.9"),
    ];
    world.rds().groups = groups_here();
    world.forget_calls();
    world
}

/// The groups that the policy names, as the recovery region has them.
fn groups_here() -> BTreeMap<GroupKind, Vec<String>> {
    let named = |kind, name: &str| (kind, vec![name.to_owned()]);
    BTreeMap::from([
        named(GroupKind::Subnets, "recovery-private"),
        named(GroupKind::Parameters, "tuned-here"),
        named(GroupKind::ClusterParameters, "tuned-here"),
        named(GroupKind::Options, "of-here"),
    ])
}

pub(crate) fn listed(world: &World, ids: &[&str]) {
    let ids = ids.iter().map(|id| ResourceId::parse(id).unwrap());
    let roster = Roster::of(time("2026-11-22T03:05:00Z"), ids.collect());
    run(world.set_roster(&region(SOURCE), &roster)).unwrap();
    world.forget_calls();
}

/// Every call of a restore goes to the recovery region or to the table. A call to a source region is refused.
fn assert_no_source_region_was_asked(world: &World) {
    for call in world.calls() {
        let asked = match &call {
            Call::ListManualSnapshots { region, .. }
            | Call::ListDatabases { region, .. }
            | Call::DescribeRestored { region, .. }
            | Call::DescribeRestoreQuotas { region }
            | Call::OffersVersion { region, .. }
            | Call::OffersClass { region, .. }
            | Call::ListGroups { region, .. } => region,
            Call::DescribeKey { key } => {
                let of_key = key.region().map(region);
                assert!(of_key.is_none_or(|of_key| of_key == region(HOME)), "{key}");
                continue;
            }
            Call::ConfigurationVersions { .. }
            | Call::Configuration { .. }
            | Call::CurrentPolicies { .. }
            | Call::Restore { .. }
            | Call::Roster { .. } => continue,
            other => panic!("{other:?}"),
        };
        assert_eq!(asked, &region(HOME), "{call:?}");
    }
}

pub(crate) fn restore(
    world: &World,
    which: Which,
    options: &RestoreOptions,
    action: RestoreAction,
    json: bool,
) -> Result<(Ended, String), CliError> {
    let (stack, home) = (StackId::parse("prod").unwrap(), region(HOME));
    assert_eq!(stack, rules().stack);
    let of = RestoreOf {
        stack: &stack,
        home: &home,
        which: &which,
        up_to: None,
        width: 20,
        options,
    };
    let mut out = Vec::new();
    let ended = run(show_restore(world, of, action, json, &mut out));
    assert_no_source_region_was_asked(world);
    Ok((ended?, String::from_utf8(out).unwrap()))
}

pub(crate) fn by_names(names: &[&str]) -> Which {
    Which::These(names.iter().map(ToString::to_string).collect())
}

pub(crate) fn dry_run(world: &World, which: Which) -> (Ended, Json) {
    let options = RestoreOptions::default();
    let shown = restore(world, which, &options, RestoreAction::DryRun, true);
    let (ended, out) = shown.unwrap();
    (ended, serde_json::from_str(&out).unwrap())
}

fn names(answer: &Json) -> Vec<&str> {
    let databases = answer["databases"].as_array().unwrap();
    databases
        .iter()
        .map(|one| one["name"].as_str().unwrap())
        .collect()
}

fn emitted(world: &World, name: &str, language: TemplateLanguage, takes_over: bool) -> String {
    let action = RestoreAction::Emit {
        language,
        takes_over,
    };
    let shown = restore(
        world,
        by_names(&[name]),
        &RestoreOptions::default(),
        action,
        false,
    );
    shown.unwrap().1
}

#[test]
fn the_plan_is_shown_with_every_call_and_where_each_setting_comes_from() {
    let world = world();
    let shown = restore(
        &world,
        by_names(&["orders"]),
        &RestoreOptions::default(),
        RestoreAction::DryRun,
        false,
    );
    let (ended, out) = shown.unwrap();
    assert_eq!(ended, Ended::Well, "{out}");
    for words in [
        "1. RestoreDBInstanceFromDBSnapshot, then wait until it is available",
        "1 to restore, 0 stopped by a gap, 0 left out.",
        "Nothing was changed. --yes carries it out.",
    ] {
        assert!(out.contains(words), "{words}: {out}");
    }
    let line = |setting: &str| {
        let line = out
            .lines()
            .find(|line| line.trim_start().starts_with(setting));
        line.unwrap_or_else(|| panic!("{setting}: {out}"))
            .to_owned()
    };
    assert!(line("DBSubnetGroupName").contains("recovery-private"));
    assert!(line("DBSubnetGroupName").contains("mapping"));
    assert!(line("OptionGroupName").contains("of-here"));
    assert!(line("MultiAZ").contains("catalog"));
    assert!(line("PubliclyAccessible").contains("false"));
    assert!(line("EngineVersion").contains("snapshot"));
}

#[test]
fn json_has_the_calls_in_order_with_their_parameters() {
    let (ended, answer) = dry_run(&world(), by_names(&["shop"]));
    assert_eq!(ended, Ended::Well);
    let shop = &answer["databases"][0];
    let steps = shop["steps"].as_array().unwrap();
    let actions: Vec<&str> = steps
        .iter()
        .map(|step| step["action"].as_str().unwrap())
        .collect();
    let expected = [
        "RestoreDBClusterFromSnapshot",
        "CreateDBInstance",
        "CreateDBInstance",
        "EnableHttpEndpoint",
    ];
    assert_eq!(actions, expected);
    assert_eq!(steps[0]["parameters"]["EngineVersion"], "16.9");
    assert_eq!(
        steps[0]["parameters"]["ServerlessV2ScalingConfiguration.MaxCapacity"],
        16.0
    );
    assert_eq!(
        (&answer["schema"], &shop["stopped"]),
        (&1.into(), &false.into())
    );
}

#[test]
fn all_are_those_that_the_last_complete_listing_showed_in_their_order() {
    let world = world();
    listed(&world, &["db-ORDERS", "cluster-SHOP"]);
    let mut gone = a_run("gone");
    gone.planned_at -= jiff::SignedDuration::from_hours(24);
    world
        .operator()
        .manual_snapshots
        .push(copy(&gone, "postgres", "17.6"));
    let (ended, answer) = dry_run(&world, Which::All);
    assert_eq!(names(&answer), ["shop", "orders"]);
    assert_eq!(answer["left_out"][0]["resource_id"], "db-GONE");
    assert_eq!(answer["left_out"][0]["why"], "gone");
    assert_eq!(ended, Ended::Badly);
    let (_, answer) = dry_run(&world, by_names(&["db-GONE"]));
    assert_eq!(names(&answer), ["gone"]);
}

#[test]
fn a_group_is_what_carries_its_tag() {
    let world = world();
    listed(&world, &["db-ORDERS", "cluster-SHOP"]);
    let (_, answer) = dry_run(&world, Which::Group("shop".to_owned()));
    assert_eq!(names(&answer), ["shop", "orders"]);
    let (ended, answer) = dry_run(&world, Which::Group("other".to_owned()));
    assert_eq!((names(&answer), ended), (vec![], Ended::Badly));
}

#[test]
fn without_a_listing_nothing_counts_as_all() {
    let (ended, answer) = dry_run(&world(), Which::All);
    assert_eq!(names(&answer), Vec::<&str>::new());
    assert_eq!(answer["left_out"][0]["why"], "no-listing");
    assert_eq!(ended, Ended::Badly);
}

#[test]
fn of_two_databases_of_one_name_the_later_is_restored_and_the_other_is_named() {
    let world = world();
    let mut old = a_run("orders");
    old.database.resource_id = ResourceId::parse("db-OLD").unwrap();
    old.planned_at -= jiff::SignedDuration::from_hours(72);
    world
        .operator()
        .manual_snapshots
        .push(copy(&old, "postgres", "16.1"));
    listed(&world, &["db-ORDERS", "db-OLD", "cluster-SHOP"]);
    for which in [by_names(&["orders"]), Which::All] {
        let (_, answer) = dry_run(&world, which);
        let orders = answer["databases"].as_array().unwrap();
        let orders = orders.iter().find(|one| one["name"] == "orders").unwrap();
        assert_eq!(orders["hides"], serde_json::json!(["db-OLD"]));
        assert_ne!(orders["configuration"], Json::Null);
    }
}

#[test]
fn a_recovery_point_that_names_no_configuration_has_the_one_in_force_at_its_time() {
    let (_, answer) = dry_run(&world(), by_names(&["orders"]));
    let expected = snapferry::json::configuration::hash(&orders());
    assert_eq!(answer["databases"][0]["configuration"], expected.as_str());
    let mut before = a_run("orders");
    before.planned_at = time("2026-11-19T03:00:00Z");
    let early = world();
    early.operator().manual_snapshots = vec![copy(&before, "postgres", "17.6")];
    let (ended, answer) = dry_run(&early, by_names(&["orders"]));
    assert_eq!(answer["databases"][0]["configuration"], Json::Null);
    assert_eq!(answer["databases"][0]["gaps"][0]["name"], "configuration");
    assert_eq!(ended, Ended::Badly);
}

#[test]
fn no_template_is_printed_for_a_database_with_an_open_gap() {
    let world = world();
    let text = "[policy.default]\nschedule = \"0 3 * * *\"\n";
    run(apply(&world, &region(HOME), text, None)).unwrap();
    world.forget_calls();
    let action = RestoreAction::Emit {
        language: TemplateLanguage::Terraform,
        takes_over: false,
    };
    let options = RestoreOptions::default();
    let error = restore(&world, by_names(&["orders"]), &options, action, false).unwrap_err();
    let error = error.to_string();
    assert!(
        error.contains("subnet-group") && error.contains("--accept-gap"),
        "{error}"
    );
}

#[test]
fn an_unknown_database_is_said_with_the_name_that_was_meant() {
    let options = RestoreOptions::default();
    let error = restore(
        &world(),
        by_names(&["ordres"]),
        &options,
        RestoreAction::DryRun,
        false,
    );
    let error = error.unwrap_err().to_string();
    assert!(error.contains("did you mean orders?"), "{error}");
}

/// Compares with the files of `tests/fixtures/restore`.
fn assert_golden(templates: Vec<(String, String)>) {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/restore");
    let fresh = Path::new(env!("CARGO_TARGET_TMPDIR")).join("restore");
    std::fs::create_dir_all(&fresh).unwrap();
    let mut others = Vec::new();
    for (file, shown) in templates {
        if std::fs::read_to_string(golden.join(&file)).unwrap_or_default() != shown {
            std::fs::write(fresh.join(&file), shown).unwrap();
            others.push(file);
        }
    }
    let (fresh, golden) = (fresh.display(), golden.display());
    assert!(
        others.is_empty(),
        "{others:?} are others now. Look at the differences, then: cp {fresh}/* {golden}/"
    );
}

/// What was restored, as RDS shows it in the recovery region.
fn with_restored(world: &World) {
    let at_home = |configuration: &Configuration, resource_id: &str| {
        let arn = configuration.database.to_string().replace(SOURCE, HOME);
        let listed = crate::status::database("orders");
        Database {
            arn: RdsArn::parse(&arn).unwrap(),
            resource_id: ResourceId::parse(resource_id).unwrap(),
            captured: Captured {
                settings: configuration.settings.clone(),
                members: configuration.members.clone(),
            },
            tags: tags(&[("snapferry:restored", "prod")]),
            ..listed
        }
    };
    let (orders, shop) = (orders(), shop());
    let mut all = vec![at_home(&orders, "db-ANEW"), at_home(&shop, "cluster-ANEW")];
    for (name, member) in &shop.members {
        let arn = format!("arn:aws:rds:{HOME}:111122223333:db:{name}");
        all.push(Database {
            arn: RdsArn::parse(&arn).unwrap(),
            resource_id: ResourceId::parse(&format!("db-ANEW-{name}")).unwrap(),
            member_of: Some("shop".to_owned()),
            captured: Captured {
                settings: member.settings.clone(),
                members: [].into(),
            },
            ..at_home(&orders, "db-ANEW")
        });
    }
    world.rds().databases = all;
}

/// The templates of both forms, for an instance and for a cluster.
fn templates(language: TemplateLanguage) -> Vec<(String, String)> {
    let world = world();
    with_restored(&world);
    let ending = match language {
        TemplateLanguage::Cloudformation => "yaml",
        TemplateLanguage::Terraform => "tf",
    };
    let mut all = Vec::new();
    for name in ["orders", "shop"] {
        for (form, takes_over) in [("make", false), ("take-over", true)] {
            let shown = emitted(&world, name, language, takes_over);
            all.push((format!("{name}-{form}.{ending}"), shown));
        }
    }
    all
}

#[test]
fn the_cloudformation_templates_are_as_they_were_looked_at() {
    assert_golden(templates(TemplateLanguage::Cloudformation));
}

#[test]
fn the_terraform_configurations_are_as_they_were_looked_at() {
    assert_golden(templates(TemplateLanguage::Terraform));
}

#[test]
fn a_terraform_configuration_is_hcl_with_the_values_of_the_plan() {
    for (file, shown) in templates(TemplateLanguage::Terraform) {
        let body = hcl::parse(&shown).unwrap_or_else(|error| panic!("{file}: {error}\n{shown}"));
        let resources: Vec<&hcl::Block> = body
            .blocks()
            .filter(|block| block.identifier() == "resource")
            .collect();
        assert!(!resources.is_empty(), "{file}");
        let imports = body
            .blocks()
            .filter(|block| block.identifier() == "import")
            .count();
        assert_eq!(imports > 0, file.contains("take-over"), "{file}");
        let attribute = |name: &str| {
            let of = resources[0]
                .body()
                .attributes()
                .find(|one| one.key() == name);
            of.map(|one| one.expr().clone())
        };
        assert_eq!(
            attribute("snapshot_identifier").is_some(),
            file.contains("make"),
            "{file}"
        );
        let names_user = attribute("username").is_some();
        assert!(!(names_user && file.contains("make")), "{file}");
        if file == "orders-make.tf" {
            let tags = attribute("tags").unwrap().to_string();
            assert!(tags.contains("$${x}"), "{tags}");
            assert_eq!(attribute("multi_az"), Some(hcl::Expression::Bool(true)));
        }
    }
}

#[test]
fn a_template_that_makes_a_database_names_nothing_that_the_snapshot_fixes() {
    for (file, shown) in templates(TemplateLanguage::Cloudformation) {
        let json: String = shown
            .lines()
            .filter(|line| !line.starts_with('#'))
            .collect();
        let template: Json =
            serde_json::from_str(&json).unwrap_or_else(|error| panic!("{file}: {error}"));
        for (name, resource) in template["Resources"].as_object().unwrap() {
            assert_eq!(resource["DeletionPolicy"], "Retain", "{name}");
            let properties = resource["Properties"].as_object().unwrap();
            let fixed = [
                "MasterUsername",
                "KmsKeyId",
                "StorageEncrypted",
                "DBName",
                "Timezone",
            ];
            let has_fixed = fixed.iter().any(|name| properties.contains_key(*name));
            let is_made = file.contains("make");
            assert!(!(is_made && has_fixed), "{file}: {properties:?}");
            assert!(!properties.contains_key("MasterUserPassword"), "{file}");
            assert!(properties.contains_key("Tags"), "{file}");
        }
    }
}

#[test]
fn several_databases_are_one_template_with_a_name_for_each() {
    let world = world();
    let mut same = orders();
    same.database = RdsArn::parse(&same.database.to_string().replace("orders", "shop")).unwrap();
    same.resource_id = ResourceId::parse("db-SHOP").unwrap();
    keep_configurations(&world, &[(same, SINCE)]);
    let an_instance = copy(&a_run("shop"), "postgres", "17.6");
    world.operator().manual_snapshots.push(an_instance);
    listed(&world, &["db-ORDERS", "db-SHOP", "cluster-SHOP"]);
    let action = RestoreAction::Emit {
        language: TemplateLanguage::Cloudformation,
        takes_over: false,
    };
    let (_, shown) = restore(
        &world,
        Which::All,
        &RestoreOptions::default(),
        action,
        false,
    )
    .unwrap();
    let json: String = shown
        .lines()
        .filter(|line| !line.starts_with('#'))
        .collect();
    let template: Json = serde_json::from_str(&json).unwrap();
    let names: Vec<&String> = template["Resources"].as_object().unwrap().keys().collect();
    assert_eq!(
        names,
        ["ClusterShop", "DbOrders", "DbShop", "DbShop1", "DbShop2"]
    );
}

#[test]
fn what_is_not_restored_yet_cannot_be_taken_over() {
    let action = RestoreAction::Emit {
        language: TemplateLanguage::Terraform,
        takes_over: true,
    };
    let options = RestoreOptions::default();
    let error = restore(&world(), by_names(&["orders"]), &options, action, false).unwrap_err();
    assert!(error.to_string().contains("restore it first"), "{error}");
}

#[test]
fn without_a_yes_and_without_a_terminal_nothing_is_restored() {
    let output = bare(&["restore", "--database", "orders"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(
        error.contains("it changes the recovery region: add --yes"),
        "{error}"
    );
    let output = bare(&["restore", "--dry-run"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn restores_help_says_what_changes_nothing_and_whose_rights_it_uses() {
    let out = ran(&bare(&["restore", "--help"]).output().unwrap(), 0);
    let out = out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(out.contains("--dry-run changes nothing"), "{out}");
    assert!(out.contains("with your own rights"), "{out}");
    assert!(out.contains("snapferry restore --all --at"), "{out}");
}
