//! The restore plan: what is sent, where it comes from, and what stops it.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use snapferry::domain::id::tags::Tags;
use snapferry::domain::rds::snapshot::SnapshotStatus;
use snapferry::domain::restore::configuration::{Configuration, ConfigurationHash, Member};
use snapferry::domain::restore::decide::Origin;
use snapferry::domain::restore::gap::GapKind;
use snapferry::domain::restore::mapping::{Names, RestoreMapping};
use snapferry::domain::restore::plan::{
    RestoreOptions, RestorePlan, Step, StepKind, ToRestore, plan,
};
use snapferry::domain::restore::recovery_point::{NewestPoints, RecoveryPoint};
use snapferry::domain::restore::setting::Setting as S;
use snapferry::domain::restore::taken::{How, NameKind, Part};
use snapferry::domain::restore::value::{Settings, Thousandths, Value};
use snapferry::domain::run::command::ProtectionRequest;

use crate::catalog::any_settings;
use crate::world::{a_cluster_run, a_run, copy_arn, ours, rules, snapshot_arn, time};

fn point_of(run: &ProtectionRequest, engine: &str) -> RecoveryPoint {
    let mut copy = ours(&copy_arn(run, 1), run, SnapshotStatus::Available);
    copy.taken_at = Some(time("2026-11-22T03:01:00Z"));
    copy.engine = engine.to_owned();
    copy.engine_version = "16.9".to_owned();
    copy.tags.extend(
        [
            ("snapferry:database", run.database.arn.to_string()),
            ("snapferry:policy", run.policy.to_string()),
            ("snapferry:source", snapshot_arn(run, 1).to_string()),
            ("Team", "of the copy".to_owned()),
        ]
        .map(|(key, value)| (key.to_owned(), value)),
    );
    let mut points = NewestPoints::up_to(None);
    points.add(&rules().stack, copy);
    let found = points.iter().next().cloned();
    found.expect("a good recovery point")
}

pub(crate) fn instance_point() -> RecoveryPoint {
    point_of(&a_run("orders"), "postgres")
}

pub(crate) fn cluster_point() -> RecoveryPoint {
    point_of(&a_cluster_run("shop"), "aurora-postgresql")
}

pub(crate) fn names<const N: usize>(pairs: [(&str, &str); N]) -> Names {
    pairs
        .map(|(from, to)| (from.to_owned(), to.to_owned()))
        .into()
}

pub(crate) fn mapping() -> RestoreMapping {
    RestoreMapping {
        publicly_accessible: false,
        subnet_groups: names([("private", "private-here")]),
        security_groups: names([("sg-1", "sg-a"), ("sg-2", "sg-b")]),
        parameter_groups: names([("tuned", "tuned-here")]),
        option_groups: names([("options", "options-here")]),
        keys: names([("arn:key", "alias/here")]),
        classes: names([("db.r7g.large", "db.r6g.large")]),
    }
}

fn text(text: &str) -> Value {
    Value::text(text)
}

pub(crate) fn instance_settings() -> Settings {
    [
        (S::Engine, text("postgres")),
        (S::EngineVersion, text("15.1")),
        (S::DbInstanceClass, text("db.r7g.large")),
        (S::Port, Value::Number(5432)),
        (S::DbSubnetGroupName, text("private")),
        (
            S::VpcSecurityGroupIds,
            Value::texts(["sg-1".to_owned(), "sg-2".to_owned()]),
        ),
        (S::DbParameterGroupName, text("tuned")),
        (S::OptionGroupName, text("default:postgres-16")),
        (S::MultiAz, Value::Flag(true)),
        (S::AvailabilityZone, text("eu-west-1a")),
        (S::PubliclyAccessible, Value::Flag(true)),
        (S::AllocatedStorage, Value::Number(90)),
        (S::MaxAllocatedStorage, Value::Number(200)),
        (S::StorageType, text("gp3")),
        (S::Iops, Value::Number(3_000)),
        (S::StorageThroughput, Value::Number(125)),
        (S::KmsKeyId, text("arn:of-the-source")),
        (S::MasterUsername, text("ada")),
        (S::BackupRetentionPeriod, Value::Number(7)),
        (S::PreferredBackupWindow, text("02:00-03:00")),
        (S::PreferredMaintenanceWindow, text("sun:04:00-sun:05:00")),
        (S::DeletionProtection, Value::Flag(true)),
        (
            S::EngineLifecycleSupport,
            text("open-source-rds-extended-support-disabled"),
        ),
        (S::MonitoringInterval, Value::Number(60)),
        (S::MonitoringRoleArn, text("arn:role")),
        (S::PerformanceInsightsEnabled, Value::Flag(true)),
        (S::PerformanceInsightsKmsKeyId, text("arn:key")),
        (
            S::AssociatedRoles,
            Value::records([BTreeMap::from([
                ("RoleArn".to_owned(), "arn:s3".to_owned()),
                ("FeatureName".to_owned(), "s3Import".to_owned()),
            ])]),
        ),
        (S::Endpoint, text("orders.abc")),
    ]
    .into()
}

pub(crate) fn configuration(point: &RecoveryPoint, settings: Settings) -> Configuration {
    Configuration {
        database: point.origin.database.arn.clone(),
        resource_id: point.origin.database.resource_id.clone(),
        settings,
        members: [].into(),
        tags: [
            ("Team", "blue"),
            ("snapferry:policy", "default"),
            ("aws:cloudformation:stack-name", "theirs"),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into(),
    }
}

fn planned(
    point: &RecoveryPoint,
    configuration: Option<&Configuration>,
    mapping: &RestoreMapping,
    options: &RestoreOptions,
) -> RestorePlan {
    let hash = ConfigurationHash::of("a");
    let stack = rules().stack;
    let of = ToRestore {
        stack: &stack,
        point,
        configuration: configuration.map(|configuration| (&hash, configuration)),
        mapping,
    };
    plan(of, options)
}

/// The plan of an instance of which everything is known.
pub(crate) fn usual_plan() -> RestorePlan {
    usual_plan_with(&RestoreOptions::default())
}

/// The same with these options.
pub(crate) fn usual_plan_with(options: &RestoreOptions) -> RestorePlan {
    let point = instance_point();
    let configuration = configuration(&point, instance_settings());
    planned(&point, Some(&configuration), &mapping(), options)
}

/// The plan of a cluster with members.
pub(crate) fn cluster_plan() -> RestorePlan {
    let point = cluster_point();
    planned(
        &point,
        Some(&shop(&point)),
        &mapping(),
        &RestoreOptions::default(),
    )
}

fn with(settings: &[(S, Option<Value>)], mapping: &RestoreMapping) -> RestorePlan {
    let point = instance_point();
    let mut all = instance_settings();
    for (setting, value) in settings {
        match value {
            Some(value) => all.insert(*setting, value.clone()),
            None => all.remove(setting),
        };
    }
    let configuration = configuration(&point, all);
    planned(
        &point,
        Some(&configuration),
        mapping,
        &RestoreOptions::default(),
    )
}

pub(crate) fn sent<'p>(step: &'p Step, parameter: &str) -> Option<&'p Value> {
    step.parameters.get(parameter).map(|sent| &sent.value)
}

pub(crate) fn kinds(plan: &RestorePlan) -> Vec<StepKind> {
    plan.steps.iter().map(|step| step.kind.clone()).collect()
}

fn gaps(plan: &RestorePlan) -> Vec<GapKind> {
    plan.gaps.iter().map(|gap| gap.kind).collect()
}

#[test]
fn an_instance_is_restored_changed_restarted_given_its_roles_and_backed_up() {
    let plan = usual_plan();
    let order = [
        StepKind::Restore,
        StepKind::Settings,
        StepKind::Reboot,
        StepKind::Role,
        StepKind::Backups,
    ];
    assert_eq!(kinds(&plan), order);
    assert_eq!(plan.runs_after, 5);
    assert_eq!(gaps(&plan), []);
    let restore = &plan.steps[0];
    assert_eq!(restore.action.as_str(), "RestoreDBInstanceFromDBSnapshot");
    for (parameter, value) in [
        ("DBInstanceIdentifier", text("orders")),
        ("DBInstanceClass", text("db.r6g.large")),
        ("DBSubnetGroupName", text("private-here")),
        (
            "VpcSecurityGroupIds",
            Value::texts(["sg-a".to_owned(), "sg-b".to_owned()]),
        ),
        ("DBParameterGroupName", text("tuned-here")),
        ("MultiAZ", Value::Flag(true)),
        ("StorageType", text("gp3")),
        ("PubliclyAccessible", Value::Flag(false)),
        ("BackupRetentionPeriod", Value::Number(0)),
        (
            "EngineLifecycleSupport",
            text("open-source-rds-extended-support-disabled"),
        ),
    ] {
        assert_eq!(sent(restore, parameter), Some(&value), "{parameter}");
    }
    for left_out in [
        "EngineVersion",
        "KmsKeyId",
        "AvailabilityZone",
        "AllocatedStorage",
        "Iops",
        "StorageThroughput",
        "OptionGroupName",
        "MasterUsername",
    ] {
        assert_eq!(sent(restore, left_out), None, "{left_out}");
    }
    let change = &plan.steps[1];
    assert_eq!(
        sent(change, "MaxAllocatedStorage"),
        Some(&Value::Number(200))
    );
    assert_eq!(
        sent(change, "PerformanceInsightsKMSKeyId"),
        Some(&text("alias/here"))
    );
    assert_eq!(sent(change, "ApplyImmediately"), Some(&Value::Flag(true)));
    assert_eq!(sent(&plan.steps[3], "RoleArn"), Some(&text("arn:s3")));
    let backups = &plan.steps[4];
    assert_eq!(
        sent(backups, "BackupRetentionPeriod"),
        Some(&Value::Number(7))
    );
}

#[test]
fn a_database_whose_backups_are_not_known_gets_a_weeks() {
    let point = instance_point();
    let plan = planned(&point, None, &mapping(), &RestoreOptions::default());
    let backups = plan.steps.last().expect("a step");
    assert_eq!(backups.kind, StepKind::Backups);
    assert_eq!(
        sent(backups, "BackupRetentionPeriod"),
        Some(&Value::Number(7))
    );
}

#[test]
fn a_restore_with_fast_runs_before_its_backups_are_on() {
    let point = instance_point();
    let configuration = configuration(&point, instance_settings());
    let options = RestoreOptions {
        is_fast: true,
        ..RestoreOptions::default()
    };
    let plan = planned(&point, Some(&configuration), &mapping(), &options);
    assert_eq!(kinds(&plan).last(), Some(&StepKind::Backups));
    assert_eq!(plan.runs_after, plan.steps.len() - 1);
}

#[test]
fn a_database_without_backups_gets_none() {
    let plan = with(
        &[(S::BackupRetentionPeriod, Some(Value::Number(0)))],
        &mapping(),
    );
    assert!(!kinds(&plan).contains(&StepKind::Backups), "{plan:?}");
    assert_eq!(
        sent(&plan.steps[0], "BackupRetentionPeriod"),
        Some(&Value::Number(0))
    );
}

#[test]
fn each_name_that_nothing_stands_for_stops_the_restore_until_it_is_accepted() {
    for (kind, gap) in [
        (NameKind::SubnetGroup, GapKind::SubnetGroup),
        (NameKind::SecurityGroup, GapKind::SecurityGroups),
        (NameKind::ParameterGroup, GapKind::ParameterGroup),
        (NameKind::Key, GapKind::Key),
    ] {
        let mut mapping = mapping();
        mapping.names_mut(kind).clear();
        let plan = with(&[], &mapping);
        assert_eq!(gaps(&plan), [gap]);
        assert!(plan.is_stopped(), "{gap}");
        let point = instance_point();
        let configuration = configuration(&point, instance_settings());
        let options = RestoreOptions {
            accepted: [gap].into(),
            ..RestoreOptions::default()
        };
        let plan = planned(&point, Some(&configuration), &mapping, &options);
        assert_eq!((gaps(&plan), plan.is_stopped()), (vec![gap], false));
    }
}

#[test]
fn one_security_group_without_a_name_is_a_gap_and_the_others_are_not_sent_alone() {
    let mut mapping = mapping();
    mapping.security_groups.remove("sg-2");
    let plan = with(&[], &mapping);
    assert_eq!(gaps(&plan), [GapKind::SecurityGroups]);
    assert!(plan.gaps[0].what.contains("sg-2"), "{:?}", plan.gaps);
    assert_eq!(sent(&plan.steps[0], "VpcSecurityGroupIds"), None);
}

#[test]
fn an_option_group_without_a_name_is_said_and_stops_nothing() {
    let settings = [(S::OptionGroupName, Some(text("of-theirs")))];
    let plan = with(&settings, &mapping());
    assert_eq!(gaps(&plan), [GapKind::OptionGroup]);
    assert!(!plan.is_stopped());
}

#[test]
fn without_a_configuration_the_restore_stops_and_brings_what_the_snapshot_has() {
    let point = instance_point();
    let plan = planned(&point, None, &mapping(), &RestoreOptions::default());
    assert!(plan.is_stopped());
    let expected = [
        GapKind::Configuration,
        GapKind::StorageType,
        GapKind::LifecycleSupport,
    ];
    assert_eq!(gaps(&plan), expected);
    assert_eq!(
        sent(&plan.steps[0], "PubliclyAccessible"),
        Some(&Value::Flag(false))
    );
    assert_eq!(plan.tags["Team"], "of the copy");
}

#[test]
fn public_access_is_opened_only_where_the_policy_says_so_and_it_was_open() {
    let mut mapping = mapping();
    mapping.publicly_accessible = true;
    let open = |was: bool| {
        let plan = with(&[(S::PubliclyAccessible, Some(Value::Flag(was)))], &mapping);
        sent(&plan.steps[0], "PubliclyAccessible").cloned()
    };
    assert_eq!(open(true), Some(Value::Flag(true)));
    assert_eq!(open(false), Some(Value::Flag(false)));
}

#[test]
fn the_speed_of_gp3_is_sent_only_where_it_was_ordered() {
    let speed = |storage: &str, iops: i64| {
        let settings = [
            (S::StorageType, Some(text(storage))),
            (S::Iops, Some(Value::Number(iops))),
        ];
        let plan = with(&settings, &mapping());
        sent(&plan.steps[0], "Iops").and_then(Value::as_number)
    };
    assert_eq!(speed("gp3", 3_000), None);
    assert_eq!(speed("gp3", 12_000), None);
    assert_eq!(speed("gp3", 16_000), Some(16_000));
    assert_eq!(speed("io1", 3_000), Some(3_000));
    assert_eq!(speed("io2", 12_000), Some(12_000));
    assert_eq!(speed("gp2", 300), None);
}

#[test]
fn tags_are_the_databases_own_and_the_mark_and_never_none() {
    let plan = usual_plan();
    let expected: Tags = [("Team", "blue"), ("snapferry:restored", "prod")]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into();
    assert_eq!(plan.tags, expected);
    let many: Tags = (0..60)
        .map(|n| (format!("tag-{n:02}"), String::new()))
        .collect();
    let tags = snapferry::domain::restore::restored_tags::restored_tags(&rules().stack, &many);
    assert_eq!(tags.len(), 50);
    assert!(tags.contains_key("snapferry:restored"));
}

fn member(class: &str, tier: i64, is_writer: bool) -> Member {
    Member {
        is_writer,
        settings: [
            (S::DbInstanceClass, text(class)),
            (S::PromotionTier, Value::Number(tier)),
            (S::PubliclyAccessible, Value::Flag(true)),
        ]
        .into(),
        tags: [].into(),
    }
}

pub(crate) fn shop(point: &RecoveryPoint) -> Configuration {
    let settings: Settings = [
        (S::Engine, text("aurora-postgresql")),
        (S::EngineVersion, text("15.2")),
        (S::DbSubnetGroupName, text("private")),
        (S::VpcSecurityGroupIds, Value::texts(["sg-1".to_owned()])),
        (
            S::DbClusterParameterGroupName,
            text("default.aurora-postgresql16"),
        ),
        (S::BackupRetentionPeriod, Value::Number(7)),
        (
            S::ServerlessMaxCapacity,
            Value::Decimal(Thousandths::of(16.0)),
        ),
        (S::HttpEndpointEnabled, Value::Flag(true)),
        (
            S::EngineLifecycleSupport,
            text("open-source-rds-extended-support"),
        ),
        (S::DatabaseInsightsMode, text("advanced")),
    ]
    .into();
    let mut shop = configuration(point, settings);
    shop.members = [
        ("shop-a".to_owned(), member("db.r6g.large", 0, false)),
        ("shop-b".to_owned(), member("db.serverless", 1, true)),
        ("reader".to_owned(), member("db.r6g.large", 0, false)),
    ]
    .into();
    shop
}

#[test]
fn a_cluster_is_restored_with_the_snapshots_version_then_its_members_the_writer_first() {
    let point = cluster_point();
    let shop = shop(&point);
    let plan = planned(&point, Some(&shop), &mapping(), &RestoreOptions::default());
    let restore = &plan.steps[0];
    assert_eq!(restore.action.as_str(), "RestoreDBClusterFromSnapshot");
    assert_eq!(sent(restore, "EngineVersion"), Some(&text("16.9")));
    assert_eq!(sent(restore, "StorageType"), Some(&text("aurora")));
    assert_eq!(
        sent(restore, "BackupRetentionPeriod"),
        Some(&Value::Number(7))
    );
    assert_eq!(sent(restore, "DBClusterParameterGroupName"), None);
    let members: Vec<&str> = plan.members.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(members, ["shop-b", "reader", "shop-a"]);
    let first = &plan.steps[1];
    assert_eq!(first.action.as_str(), "CreateDBInstance");
    assert_eq!(sent(first, "DBClusterIdentifier"), Some(&text("shop")));
    assert_eq!(sent(first, "Engine"), Some(&text("aurora-postgresql")));
    assert_eq!(sent(first, "PubliclyAccessible"), Some(&Value::Flag(false)));
    assert!(first.parameters.contains_key("Tags"));
    let after: Vec<&str> = plan.steps[4..]
        .iter()
        .map(|step| step.action.as_str())
        .collect();
    assert_eq!(after, ["ModifyDBCluster", "EnableHttpEndpoint"]);
}

#[test]
fn a_cluster_under_another_name_has_members_of_that_name() {
    let point = cluster_point();
    let shop = shop(&point);
    let options = RestoreOptions {
        name: Some("test".to_owned()),
        ..RestoreOptions::default()
    };
    let plan = planned(&point, Some(&shop), &mapping(), &options);
    let members: Vec<&str> = plan.members.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(members, ["test-b", "test-2", "test-a"]);
    assert_eq!(
        sent(&plan.steps[1], "DBClusterIdentifier"),
        Some(&text("test"))
    );
}

#[test]
fn a_member_of_an_unknown_class_stops_the_restore() {
    let point = cluster_point();
    let mut shop = shop(&point);
    let unknown = shop.members.get_mut("shop-a").unwrap();
    unknown.settings.remove(&S::DbInstanceClass);
    let plan = planned(&point, Some(&shop), &mapping(), &RestoreOptions::default());
    assert_eq!(gaps(&plan), [GapKind::Members]);
    assert!(plan.is_stopped());
    assert_eq!(plan.members.len(), 2);
}

fn any_names() -> impl Strategy<Value = Names> {
    prop_oneof![
        Just(Names::new()),
        Just(names([("*", "of-here")])),
        prop::collection::btree_map("[a-z0-9:/.-]{1,3}", "[a-z]{1,6}", 0..3),
    ]
}

prop_compose! {
    pub(crate) fn any_mapping()(
        publicly_accessible in any::<bool>(),
        all in prop::collection::vec(any_names(), 6),
    ) -> RestoreMapping {
        let mut mapping = RestoreMapping { publicly_accessible, ..RestoreMapping::default() };
        for ((kind, _), names) in NameKind::TABLES.into_iter().zip(all) {
            *mapping.names_mut(kind) = names;
        }
        mapping
    }
}

/// The parameters that the table names for a part, by how they are sent.
fn parameters_of(part: Part) -> BTreeMap<&'static str, S> {
    let all = S::ALL.iter().copied();
    all.filter_map(|setting| match setting.of(part)?.how {
        How::Make(parameter) | How::Modify(parameter) | How::Backups(parameter) => {
            Some((parameter, setting))
        }
        How::Own(_) | How::Fixed | How::Shown => None,
    })
    .collect()
}

const NAMING: [&str; 9] = [
    "DBInstanceIdentifier",
    "DBClusterIdentifier",
    "DBSnapshotIdentifier",
    "SnapshotIdentifier",
    "Tags",
    "ApplyImmediately",
    "ResourceArn",
    "RoleArn",
    "FeatureName",
];

proptest! {
    #[test]
    fn every_setting_that_was_known_is_accounted_for_once_and_nothing_is_invented(
        settings in any_settings(),
        members in prop::collection::btree_map("[a-z]{1,4}", any_settings(), 0..3),
        mapping in any_mapping(),
        is_cluster in any::<bool>(),
        is_fast in any::<bool>(),
    ) {
        let point = if is_cluster { cluster_point() } else { instance_point() };
        let part = if is_cluster { Part::Cluster } else { Part::Instance };
        let mut of = configuration(&point, settings.clone());
        if is_cluster {
            of.members = members.into_iter().map(|(name, settings)| {
                (name, Member { settings, ..Member::default() })
            }).collect();
        }
        let options = RestoreOptions { is_fast, ..RestoreOptions::default() };
        let plan = planned(&point, Some(&of), &mapping, &options);
        let here: BTreeSet<S> = plan.lines_of(None).map(|line| line.setting).collect();
        prop_assert_eq!(here.len(), plan.lines_of(None).count());
        for setting in settings.keys().filter(|setting| setting.of(part).is_some()) {
            // Every recovery point here has a key, so that KmsKeyId has a line.
            prop_assert!(here.contains(setting), "{:?}", setting);
        }
        for line in &plan.lines {
            let of = if line.member.is_some() { Part::Member } else { part };
            prop_assert!(line.setting.of(of).is_some());
        }
        let known = parameters_of(part);
        let of_member = parameters_of(Part::Member);
        for step in &plan.steps {
            let table = if matches!(step.kind, StepKind::Member(_)) { &of_member } else { &known };
            for parameter in step.parameters.keys() {
                prop_assert!(
                    NAMING.contains(&parameter.as_str())
                        || table.contains_key(parameter.as_str())
                        || step.kind == StepKind::Role,
                    "{} of {:?}", parameter, step.kind
                );
            }
        }
        let restores = plan.steps.iter().filter(|step| step.kind == StepKind::Restore);
        prop_assert_eq!(restores.count(), 1);
        prop_assert_eq!(&plan.steps[0].kind, &StepKind::Restore);
        prop_assert!(!plan.tags.is_empty());
        for step in &plan.steps {
            let makes = matches!(step.kind, StepKind::Restore | StepKind::Member(_));
            prop_assert_eq!(makes, step.parameters.contains_key("Tags"));
            if makes && step.parameters.contains_key("PubliclyAccessible") && !mapping.publicly_accessible {
                prop_assert_eq!(sent(step, "PubliclyAccessible"), Some(&Value::Flag(false)));
            }
        }
        let backups = plan.steps.iter().position(|step| step.kind == StepKind::Backups);
        prop_assert!(backups.is_none_or(|at| is_fast || at < plan.runs_after));
        let stops = plan.gaps.iter().any(|gap| gap.kind.stops());
        prop_assert_eq!(plan.is_stopped(), stops);
    }

    #[test]
    fn no_name_of_the_source_region_is_sent_unless_the_policy_says_that_it_stands_for_itself(
        settings in any_settings(),
        mapping in any_mapping(),
    ) {
        let point = instance_point();
        let of = configuration(&point, settings);
        let plan = planned(&point, Some(&of), &mapping, &RestoreOptions::default());
        for line in &plan.lines {
            let kind = line.setting.of(Part::Instance).and_then(|taken| taken.names);
            let Some(kind) = kind.filter(|kind| *kind != NameKind::Class) else { continue };
            if line.sent_by.is_none() {
                continue;
            }
            let allowed: BTreeSet<&String> = mapping.names(kind).values().collect();
            let names = line.value.as_ref().unwrap().names();
            prop_assert!(names.iter().all(|name| allowed.contains(&(*name).to_owned())), "{:?}", line);
            prop_assert!(!matches!(line.origin, Origin::RdsDefault(_)));
        }
    }
}

#[test]
fn the_newest_good_recovery_point_of_each_database_up_to_a_time_is_chosen() {
    let stack = rules().stack;
    let mut older = a_run("orders");
    older.planned_at -= jiff::SignedDuration::from_hours(24);
    let of = |run: &ProtectionRequest, taken: &str| {
        let mut point = point_of(run, "postgres").snapshot;
        point.taken_at = Some(time(taken));
        point
    };
    let [old, new] = [
        of(&older, "2026-11-21T03:01:00Z"),
        of(&a_run("orders"), "2026-11-22T03:01:00Z"),
    ];
    let newest = |up_to: Option<&str>| {
        let mut points = NewestPoints::up_to(up_to.map(time));
        for snapshot in [&new, &old] {
            points.add(&stack, snapshot.clone());
        }
        points.iter().next().map(|point| point.snapshot.arn.clone())
    };
    assert_eq!(newest(None), Some(new.arn.clone()));
    assert_eq!(newest(Some("2026-11-22T03:00:00Z")), Some(old.arn.clone()));
    assert_eq!(newest(Some("2026-11-20T03:00:00Z")), None);
}
