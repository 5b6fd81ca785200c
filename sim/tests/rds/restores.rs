//! What RDS makes of snapshots, and how what it made is changed and deleted.

use jiff::Timestamp;
use snapferry_sim::rds::{
    AddRole, Answer, Cluster, ClusterSpec, DatabaseRequest, DbOption, DeleteDatabase,
    DurationRange, Family, Instance, InstanceSpec, InstanceStatus, Making, OptionGroup, Parameters,
    Rds, RdsConfig, RdsFault, Request, RestoreOutcome, SubnetGroup,
};

use super::model::{KEY, at, code, create, here, run_out, tags, with_snapshot, world};

/// A world with an available snapshot `s` of an instance, and groups to restore it into.
fn restorable(change: impl FnOnce(&mut InstanceSpec)) -> Rds {
    let mut rds = with_snapshot(change);
    with_groups(&mut rds);
    rds
}

fn with_groups(rds: &mut Rds) {
    let default = SubnetGroup::of_default_vpc();
    rds.add_subnet_group(&here(), default);
    rds.add_subnet_group(
        &here(),
        SubnetGroup {
            name: "recovery".to_owned(),
            vpc_id: "vpc-1".to_owned(),
            subnets: vec!["subnet-1".to_owned()],
            security_groups: vec!["sg-vpc".to_owned(), "sg-app".to_owned()],
        },
    );
    rds.add_parameter_group(&here(), "own");
}

/// A world with an available snapshot `s` of a cluster.
fn restorable_cluster() -> Rds {
    let mut rds = world(RdsConfig::default());
    let mut shop = ClusterSpec::aurora("shop");
    shop.storage_type = "aurora-iopt1".to_owned();
    shop.tags = snapferry_sim::rds::Tags::of_system([("team", "shop")]);
    shop.copy_tags_to_snapshot = true;
    rds.add_cluster(&here(), shop).unwrap();
    rds.create_db_cluster_snapshot(&here(), &create("s", "shop"), at(0))
        .unwrap();
    run_out(&mut rds);
    with_groups(&mut rds);
    rds
}

fn request(database: &str, of: Option<&str>, given: &[(&str, &str)]) -> DatabaseRequest {
    let mut parameters = Parameters::default();
    for (name, value) in given {
        parameters.add(*name, *value);
    }
    DatabaseRequest {
        database: database.to_owned(),
        of: of.map(ToOwned::to_owned),
        at_once: true,
        parameters,
        ..DatabaseRequest::default()
    }
}

fn make(rds: &mut Rds, making: Making, asked: DatabaseRequest) -> Result<Answer, RdsFault> {
    let now = rds.now();
    rds.handle(&here(), Request::Make(making, asked), now)
}

fn restore(rds: &mut Rds, given: &[(&str, &str)]) -> Result<Answer, RdsFault> {
    make(
        rds,
        Making::RestoreInstance,
        request("back", Some("s"), given),
    )
}

fn modify(rds: &mut Rds, given: &[(&str, &str)]) -> Result<Answer, RdsFault> {
    make(rds, Making::ModifyInstance, request("back", None, given))
}

fn restore_cluster(rds: &mut Rds, given: &[(&str, &str)]) -> Result<Answer, RdsFault> {
    let mut all = vec![("Engine", "aurora-postgresql")];
    all.extend(given);
    make(
        rds,
        Making::RestoreCluster,
        request("back", Some("s"), &all),
    )
}

fn member(rds: &mut Rds, name: &str, given: &[(&str, &str)]) -> Result<Answer, RdsFault> {
    let mut all = vec![("Engine", "aurora-postgresql")];
    all.extend(given);
    make(rds, Making::CreateMember, request(name, Some("back"), &all))
}

fn back(rds: &Rds) -> &Instance {
    rds.instance(&here(), "back").expect("the instance")
}

fn back_cluster(rds: &Rds) -> &Cluster {
    rds.cluster(&here(), "back").expect("the cluster")
}

/// Lets time pass until the next thing happens.
fn step(rds: &mut Rds) -> Timestamp {
    let due = rds.next_due().expect("something is due");
    rds.advance(due);
    due
}

/// As RDS shows it now.
fn shown(rds: &mut Rds) -> Instance {
    let now = rds.now();
    let asked = snapferry_sim::rds::DescribeDbInstances {
        instance: Some("back".to_owned()),
        ..Default::default()
    };
    let page = rds.describe_db_instances(&here(), &asked, now).unwrap();
    page.items.into_iter().next().expect("it is listed")
}

#[test]
fn a_restore_brings_back_what_the_snapshot_has_and_rdss_defaults_for_the_rest() {
    let mut rds = restorable(|spec| {
        spec.multi_az = true;
        spec.storage_type = "io2".to_owned();
        spec.parameter_group = "own".to_owned();
        spec.security_groups = vec!["sg-app".to_owned()];
        spec.iam_authentication = true;
        spec.port = Some(6432);
        spec.settings.monitoring_interval = 60;
        spec.settings.lifecycle_support = "open-source-rds-extended-support-disabled".to_owned();
        spec.kms_key = Some(KEY.to_owned());
    });
    restore(&mut rds, &[]).unwrap();
    let spec = &back(&rds).spec;
    assert_eq!(spec.port, Some(6432));
    assert_eq!(spec.class, "db.m7g.large");
    assert_eq!(spec.backup_retention_days, 7);
    assert_eq!(spec.kms_key.as_deref(), Some(KEY));
    assert!(!spec.multi_az && !spec.iam_authentication && !spec.deletion_protection);
    assert_eq!(spec.storage_type, "gp3");
    assert_eq!(spec.parameter_group, "default.postgres17");
    assert_eq!(spec.option_group, "default:postgres-17");
    assert_eq!(spec.subnet_group, "default");
    assert_eq!(spec.security_groups, ["sg-default"]);
    assert_eq!(spec.settings.monitoring_interval, 0);
    assert_eq!(
        spec.settings.lifecycle_support,
        "open-source-rds-extended-support"
    );
}

#[test]
fn a_restore_takes_what_it_is_given() {
    let mut rds = restorable(|_| {});
    let given = [
        ("DBInstanceClass", "db.r7g.large"),
        ("DBSubnetGroupName", "recovery"),
        ("VpcSecurityGroupIds", "sg-app"),
        ("DBParameterGroupName", "own"),
        ("MultiAZ", "true"),
        ("StorageType", "io2"),
        ("Iops", "4000"),
        ("BackupRetentionPeriod", "0"),
        ("DeletionProtection", "true"),
    ];
    restore(&mut rds, &given).unwrap();
    let spec = &back(&rds).spec;
    assert_eq!(
        (
            spec.class.as_str(),
            spec.subnet_group.as_str(),
            spec.vpc_id.as_str()
        ),
        ("db.r7g.large", "recovery", "vpc-1")
    );
    assert_eq!(
        (spec.storage_type.as_str(), spec.settings.iops),
        ("io2", Some(4000))
    );
    assert!(spec.multi_az && spec.deletion_protection);
    assert_eq!(spec.backup_retention_days, 0);
    assert!(
        !back(&rds).life.needs_reboot,
        "a group of the first start needs no second one"
    );
}

#[test]
fn with_backups_off_it_is_available_at_once_and_with_backups_only_after_the_first() {
    for (days, then) in [
        ("0", InstanceStatus::Available),
        ("7", InstanceStatus::BackingUp),
    ] {
        let mut rds = restorable(|_| {});
        restore(&mut rds, &[("BackupRetentionPeriod", days)]).unwrap();
        assert_eq!(back(&rds).status, InstanceStatus::Creating);
        assert!(shown(&mut rds).life.has_no_endpoint);
        while back(&rds).status == InstanceStatus::Creating {
            step(&mut rds);
        }
        assert_eq!(back(&rds).status, then);
        assert!(!shown(&mut rds).life.has_no_endpoint);
        run_out(&mut rds);
        assert_eq!(back(&rds).status, InstanceStatus::Available);
    }
}

#[test]
fn an_instance_is_available_before_its_storage_is_loaded() {
    let mut rds = restorable(|_| {});
    restore(&mut rds, &[("BackupRetentionPeriod", "0")]).unwrap();
    run_out(&mut rds);
    assert_eq!(shown(&mut rds).life.loaded, Some(0));
    let (_, until) = back(&rds).life.loads.expect("it loads");
    rds.advance(until);
    assert_eq!(shown(&mut rds).life.loaded, None);
}

#[test]
fn a_restore_without_tags_gets_the_snapshots() {
    let own = |rds: &Rds| {
        back(rds)
            .spec
            .tags
            .iter()
            .map(|(k, _)| k.to_owned())
            .collect::<Vec<_>>()
    };
    let mut rds = restorable(|spec| {
        spec.tags = snapferry_sim::rds::Tags::of_system([("team", "shop"), ("aws:made-by", "x")]);
        spec.copy_tags_to_snapshot = true;
    });
    restore(&mut rds, &[]).unwrap();
    assert_eq!(own(&rds), ["team"]);

    let mut rds = restorable(|spec| {
        spec.tags = snapferry_sim::rds::Tags::of_system([("team", "shop")]);
        spec.copy_tags_to_snapshot = true;
    });
    let asked = DatabaseRequest {
        tags: tags(&[("mine", "1")]),
        ..request("back", Some("s"), &[])
    };
    make(&mut rds, Making::RestoreInstance, asked).unwrap();
    assert_eq!(own(&rds), ["mine"]);
}

#[test]
fn what_the_region_does_not_have_is_refused_and_changes_nothing() {
    let rows: [(&[(&str, &str)], &str); 9] = [
        (
            &[("DBSubnetGroupName", "none")],
            "DBSubnetGroupNotFoundFault",
        ),
        (
            &[("DBParameterGroupName", "none")],
            "DBParameterGroupNotFound",
        ),
        (&[("OptionGroupName", "none")], "OptionGroupNotFoundFault"),
        (
            &[
                ("DBSubnetGroupName", "recovery"),
                ("VpcSecurityGroupIds", "sg-default"),
            ],
            "InvalidParameterCombination",
        ),
        (&[("Engine", "mysql")], "InvalidParameterCombination"),
        (&[("MultiAZ", "perhaps")], "InvalidParameterValue"),
        (&[("Port", "many")], "InvalidParameterValue"),
        (&[("EngineVersion", "17.6")], "InvalidParameterValue"),
        (&[("MaxAllocatedStorage", "200")], "InvalidParameterValue"),
    ];
    let mut rds = restorable(|_| {});
    for (given, expected) in rows {
        assert_eq!(code(restore(&mut rds, given)), expected, "{given:?}");
    }
    let no_snapshot = request("back", Some("none"), &[]);
    let answer = make(&mut rds, Making::RestoreInstance, no_snapshot);
    assert_eq!(code(answer), "DBSnapshotNotFound");
    let taken = request("orders", Some("s"), &[]);
    let answer = make(&mut rds, Making::RestoreInstance, taken);
    assert_eq!(code(answer), "DBInstanceAlreadyExists");
    assert!(rds.instance(&here(), "back").is_none());
    assert_eq!(rds.next_due(), None);

    let mut bare = with_snapshot(|_| {});
    assert_eq!(code(restore(&mut bare, &[])), "InvalidSubnet");
}

#[test]
fn a_snapshot_that_needs_options_is_restored_only_with_a_group_that_has_them() {
    let mut rds = world(RdsConfig::default());
    with_groups(&mut rds);
    let group = |name: &str, options: &[&str]| OptionGroup {
        name: name.to_owned(),
        engine: "sqlserver-se".to_owned(),
        major_version: "16.00".to_owned(),
        options: options
            .iter()
            .map(|name| DbOption {
                name: (*name).to_owned(),
                is_persistent: true,
            })
            .collect(),
    };
    rds.add_option_group(&here(), group("books", &["TDE"]));
    rds.add_option_group(&here(), group("plain", &[]));
    let mut spec = InstanceSpec::postgres("orders");
    spec.engine = "sqlserver-se".to_owned();
    spec.option_group = "books".to_owned();
    rds.add_instance(&here(), spec).unwrap();
    rds.create_db_snapshot(&here(), &create("s", "orders"), at(0))
        .unwrap();
    run_out(&mut rds);
    assert_eq!(code(restore(&mut rds, &[])), "InvalidParameterValue");
    assert_eq!(
        code(restore(&mut rds, &[("OptionGroupName", "plain")])),
        "InvalidParameterValue"
    );
    restore(&mut rds, &[("OptionGroupName", "books")]).unwrap();
}

#[test]
fn a_key_that_is_disabled_refuses_a_restore_and_ends_one_that_is_under_way() {
    let encrypted = |spec: &mut InstanceSpec| spec.kms_key = Some(KEY.to_owned());
    let mut rds = restorable(encrypted);
    rds.set_key_enabled(&here(), KEY, false);
    assert_eq!(code(restore(&mut rds, &[])), "KMSKeyNotAccessibleFault");
    rds.set_key_enabled(&here(), KEY, true);
    restore(&mut rds, &[]).unwrap();
    rds.set_key_enabled(&here(), KEY, false);
    run_out(&mut rds);
    assert_eq!(
        back(&rds).status,
        InstanceStatus::InaccessibleEncryptionCredentials
    );
}

#[test]
fn restores_end_as_planned() {
    let plan = |rds: &mut Rds, outcome| {
        let faults = &mut rds.config_mut().faults;
        faults.plan_restore(here(), "back", outcome);
    };
    let mut rds = restorable(|_| {});
    plan(
        &mut rds,
        RestoreOutcome {
            has_no_capacity: true,
            ..RestoreOutcome::default()
        },
    );
    assert_eq!(
        code(restore(&mut rds, &[])),
        "InsufficientDBInstanceCapacity"
    );
    plan(
        &mut rds,
        RestoreOutcome {
            ends_as: Some(InstanceStatus::InsufficientCapacity),
            ..RestoreOutcome::default()
        },
    );
    restore(&mut rds, &[]).unwrap();
    run_out(&mut rds);
    assert_eq!(back(&rds).status, InstanceStatus::InsufficientCapacity);

    let mut rds = restorable(|_| {});
    plan(
        &mut rds,
        RestoreOutcome {
            never_ends: true,
            ..RestoreOutcome::default()
        },
    );
    restore(&mut rds, &[]).unwrap();
    run_out(&mut rds);
    assert_eq!(back(&rds).status, InstanceStatus::Creating);
}

#[test]
fn a_region_that_is_full_or_lacks_the_class_restores_nothing() {
    let mut rds = restorable(|_| {});
    rds.config_mut().max_instances = 1;
    assert_eq!(code(restore(&mut rds, &[])), "InstanceQuotaExceeded");
    rds.config_mut().max_instances = 40;
    rds.config_mut().classes = Some(["db.r7g.large".to_owned()].into());
    assert_eq!(code(restore(&mut rds, &[])), "InvalidParameterCombination");
    restore(&mut rds, &[("DBInstanceClass", "db.r7g.large")]).unwrap();
}

#[test]
fn a_change_is_seen_late_and_one_at_a_time() {
    let mut rds = restorable(|_| {});
    restore(&mut rds, &[("BackupRetentionPeriod", "0")]).unwrap();
    assert_eq!(
        code(modify(&mut rds, &[("MaxAllocatedStorage", "500")])),
        "InvalidDBInstanceState",
        "while it is made"
    );
    run_out(&mut rds);
    modify(&mut rds, &[("MaxAllocatedStorage", "500")]).unwrap();
    assert_eq!(back(&rds).status, InstanceStatus::Available);
    assert_eq!(back(&rds).spec.settings.max_allocated_storage, None);
    assert_eq!(
        code(modify(&mut rds, &[("MaxAllocatedStorage", "600")])),
        "InvalidDBInstanceState",
        "while a change waits"
    );
    step(&mut rds);
    assert_eq!(back(&rds).status, InstanceStatus::Modifying);
    run_out(&mut rds);
    assert_eq!(back(&rds).status, InstanceStatus::Available);
    assert_eq!(back(&rds).spec.settings.max_allocated_storage, Some(500));
}

#[test]
fn a_change_for_the_maintenance_window_is_not_made() {
    let mut rds = restorable(|_| {});
    restore(&mut rds, &[("BackupRetentionPeriod", "0")]).unwrap();
    run_out(&mut rds);
    let asked = DatabaseRequest {
        at_once: false,
        ..request("back", None, &[("DBInstanceClass", "db.r7g.large")])
    };
    make(&mut rds, Making::ModifyInstance, asked).unwrap();
    run_out(&mut rds);
    assert_eq!(back(&rds).spec.class, "db.m7g.large");
    assert!(back(&rds).life.pending.is_some());
}

#[test]
fn turning_backups_on_backs_up_at_once() {
    let mut rds = restorable(|_| {});
    restore(&mut rds, &[("BackupRetentionPeriod", "0")]).unwrap();
    run_out(&mut rds);
    modify(&mut rds, &[("BackupRetentionPeriod", "7")]).unwrap();
    while back(&rds).spec.backup_retention_days == 0 {
        step(&mut rds);
    }
    assert_eq!(back(&rds).status, InstanceStatus::BackingUp);
    assert_eq!(
        code(modify(&mut rds, &[("MaxAllocatedStorage", "500")])),
        "InvalidDBInstanceState"
    );
    run_out(&mut rds);
    assert_eq!(back(&rds).status, InstanceStatus::Available);
}

#[test]
fn a_parameter_group_that_a_change_brings_waits_for_a_restart() {
    let mut rds = restorable(|_| {});
    restore(&mut rds, &[("BackupRetentionPeriod", "0")]).unwrap();
    run_out(&mut rds);
    modify(&mut rds, &[("DBParameterGroupName", "own")]).unwrap();
    run_out(&mut rds);
    assert!(back(&rds).life.needs_reboot);
    let now = rds.now();
    rds.handle(&here(), Request::RebootDbInstance("back".to_owned()), now)
        .unwrap();
    assert_eq!(back(&rds).status, InstanceStatus::Rebooting);
    run_out(&mut rds);
    assert!(!back(&rds).life.needs_reboot);
    assert_eq!(back(&rds).spec.parameter_group, "own");
}

#[test]
fn rds_makes_a_secret_in_a_state_of_its_own() {
    let mut rds = restorable(|_| {});
    restore(&mut rds, &[("BackupRetentionPeriod", "0")]).unwrap();
    run_out(&mut rds);
    modify(&mut rds, &[("ManageMasterUserPassword", "true")]).unwrap();
    step(&mut rds);
    assert_eq!(
        back(&rds).status,
        InstanceStatus::ResettingMasterCredentials
    );
    run_out(&mut rds);
    let secret = back(&rds).spec.settings.secret.as_ref().expect("a secret");
    assert!(secret.arn.contains(":eu-west-1:"), "{secret:?}");
}

#[test]
fn roles_are_added_only_to_what_is_available_and_become_active() {
    let mut rds = restorable(|_| {});
    restore(&mut rds, &[("BackupRetentionPeriod", "0")]).unwrap();
    let add = |rds: &mut Rds| {
        let role = AddRole {
            database: "back".to_owned(),
            role: "arn:aws:iam::111122223333:role/s3".to_owned(),
            feature: "s3Import".to_owned(),
        };
        let now = rds.now();
        rds.handle(&here(), Request::AddRole(Family::Instance, role), now)
    };
    assert_eq!(code(add(&mut rds)), "InvalidDBInstanceState");
    run_out(&mut rds);
    add(&mut rds).unwrap();
    assert!(!back(&rds).spec.settings.roles[0].is_active);
    assert_eq!(code(add(&mut rds)), "DBInstanceRoleAlreadyExists");
    run_out(&mut rds);
    assert!(back(&rds).spec.settings.roles[0].is_active);
}

#[test]
fn a_restored_cluster_has_the_regions_version_and_standard_storage_unless_told() {
    let mut rds = restorable_cluster();
    let versions = &mut rds.config_mut().default_versions;
    versions.insert("aurora-postgresql".to_owned(), "17.4".to_owned());
    restore_cluster(&mut rds, &[]).unwrap();
    let spec = &back_cluster(&rds).spec;
    assert_eq!(spec.engine_version, "17.4");
    assert_eq!(spec.storage_type, "aurora");
    assert_eq!(spec.parameter_group, "default.aurora-postgresql17");
    assert!(spec.members.is_empty() && !spec.deletion_protection);
    assert_eq!(spec.tags.get("team"), Some("shop"));

    let mut rds = restorable_cluster();
    let given = [("EngineVersion", "16.9"), ("StorageType", "aurora-iopt1")];
    restore_cluster(&mut rds, &given).unwrap();
    let spec = &back_cluster(&rds).spec;
    assert_eq!(
        (spec.engine_version.as_str(), spec.storage_type.as_str()),
        ("16.9", "aurora-iopt1")
    );
}

#[test]
fn a_cluster_is_not_restored_without_its_engine_without_backups_or_to_an_older_version() {
    let mut rds = restorable_cluster();
    let bare = request("back", Some("s"), &[]);
    let answer = make(&mut rds, Making::RestoreCluster, bare);
    assert_eq!(code(answer), "MissingParameter");
    for (given, expected) in [
        (("EngineVersion", "15.9"), "InvalidParameterCombination"),
        (("BackupRetentionPeriod", "0"), "InvalidParameterValue"),
        (
            ("DBClusterParameterGroupName", "none"),
            "DBClusterParameterGroupNotFound",
        ),
        (("KmsKeyId", "alias/none"), "KMSKeyNotAccessibleFault"),
    ] {
        assert_eq!(
            code(restore_cluster(&mut rds, &[given])),
            expected,
            "{given:?}"
        );
    }
    assert!(rds.cluster(&here(), "back").is_none());
}

#[test]
fn members_come_when_the_cluster_is_available_and_the_first_one_writes() {
    let mut rds = restorable_cluster();
    restore_cluster(&mut rds, &[]).unwrap();
    let class = ("DBInstanceClass", "db.r7g.large");
    assert_eq!(
        code(member(&mut rds, "back-1", &[class])),
        "InvalidDBClusterStateFault"
    );
    run_out(&mut rds);
    member(&mut rds, "back-1", &[class, ("PromotionTier", "3")]).unwrap();
    member(&mut rds, "back-2", &[class]).unwrap();
    assert_eq!(back_cluster(&rds).spec.members, ["back-1", "back-2"]);
    run_out(&mut rds);
    let first = rds.instance(&here(), "back-1").expect("a member");
    assert_eq!(first.status, InstanceStatus::Available);
    assert_eq!(first.spec.settings.promotion_tier, Some(3));
    assert_eq!(first.life.loads, None, "Aurora's storage is there at once");
    let second = rds.instance(&here(), "back-2").expect("a member");
    assert_eq!(second.spec.settings.promotion_tier, Some(1));
}

#[test]
fn a_member_takes_nothing_that_its_cluster_decides() {
    let mut rds = restorable_cluster();
    restore_cluster(&mut rds, &[]).unwrap();
    run_out(&mut rds);
    let class = ("DBInstanceClass", "db.r7g.large");
    for owned in [
        ("BackupRetentionPeriod", "7"),
        ("VpcSecurityGroupIds", "sg-app"),
        ("Port", "5432"),
        ("DeletionProtection", "true"),
    ] {
        let answer = member(&mut rds, "back-1", &[class, owned]);
        assert_eq!(code(answer), "InvalidParameterValue", "{owned:?}");
    }
    let serverless = [("DBInstanceClass", "db.serverless")];
    assert_eq!(
        code(member(&mut rds, "back-1", &serverless)),
        "InvalidParameterCombination"
    );
    let alone = request("alone", None, &[class, ("Engine", "aurora-postgresql")]);
    let answer = make(&mut rds, Making::CreateMember, alone);
    assert_eq!(code(answer), "MissingParameter");
}

#[test]
fn a_cluster_with_a_capacity_takes_serverless_members() {
    let mut rds = restorable_cluster();
    let given = [
        ("ServerlessV2ScalingConfiguration.MinCapacity", "0.5"),
        ("ServerlessV2ScalingConfiguration.MaxCapacity", "8"),
    ];
    restore_cluster(&mut rds, &given).unwrap();
    run_out(&mut rds);
    member(&mut rds, "back-1", &[("DBInstanceClass", "db.serverless")]).unwrap();
}

#[test]
fn the_data_api_is_switched_on_by_a_call_of_its_own() {
    let mut rds = restorable_cluster();
    restore_cluster(&mut rds, &[]).unwrap();
    let on = |rds: &mut Rds, arn: &str| {
        let now = rds.now();
        rds.handle(&here(), Request::EnableHttpEndpoint(arn.to_owned()), now)
    };
    let arn = back_cluster(&rds).arn.clone();
    assert_eq!(code(on(&mut rds, &arn)), "InvalidResourceStateFault");
    run_out(&mut rds);
    assert_eq!(code(on(&mut rds, "back")), "ResourceNotFoundFault");
    on(&mut rds, &arn).unwrap();
    assert!(back_cluster(&rds).spec.settings.http_endpoint);
}

fn delete(
    rds: &mut Rds,
    family: Family,
    name: &str,
    last: Option<&str>,
) -> Result<Answer, RdsFault> {
    let now = rds.now();
    let deletion = DeleteDatabase {
        database: name.to_owned(),
        skips_final_snapshot: last.is_none(),
        final_snapshot: last.map(ToOwned::to_owned),
    };
    rds.handle(&here(), Request::DeleteDatabase(family, deletion), now)
}

#[test]
fn a_protected_instance_stays_and_another_goes() {
    let mut rds = restorable(|_| {});
    restore(&mut rds, &[("BackupRetentionPeriod", "0")]).unwrap();
    run_out(&mut rds);
    assert_eq!(
        code(delete(&mut rds, Family::Instance, "orders", None)),
        "InvalidParameterCombination",
        "it is protected"
    );
    delete(&mut rds, Family::Instance, "back", None).unwrap();
    assert_eq!(back(&rds).status, InstanceStatus::Deleting);
    assert_eq!(
        code(delete(&mut rds, Family::Instance, "back", None)),
        "InvalidDBInstanceState"
    );
    run_out(&mut rds);
    assert_eq!(
        code(delete(&mut rds, Family::Instance, "back", None)),
        "DBInstanceNotFound"
    );
    assert!(rds.instance(&here(), "orders").is_some());
}

#[test]
fn a_last_snapshot_is_named_or_skipped() {
    let mut rds = restorable(|_| {});
    restore(&mut rds, &[("BackupRetentionPeriod", "0")]).unwrap();
    run_out(&mut rds);
    let now = rds.now();
    let neither = DeleteDatabase {
        database: "back".to_owned(),
        ..DeleteDatabase::default()
    };
    let neither = Request::DeleteDatabase(Family::Instance, neither);
    assert_eq!(
        code(rds.handle(&here(), neither, now)),
        "InvalidParameterCombination"
    );
    delete(&mut rds, Family::Instance, "back", Some("last")).unwrap();
    run_out(&mut rds);
    assert!(rds.instance(&here(), "back").is_none());
    assert!(rds.snapshot(&here(), "last").is_some());
}

#[test]
fn a_cluster_goes_only_after_its_members() {
    let mut rds = restorable_cluster();
    restore_cluster(&mut rds, &[]).unwrap();
    run_out(&mut rds);
    member(&mut rds, "back-1", &[("DBInstanceClass", "db.r7g.large")]).unwrap();
    run_out(&mut rds);
    assert_eq!(
        code(delete(&mut rds, Family::Cluster, "back", None)),
        "InvalidDBClusterStateFault"
    );
    delete(&mut rds, Family::Instance, "back-1", None).unwrap();
    delete(&mut rds, Family::Cluster, "back", None).unwrap();
    run_out(&mut rds);
    assert!(rds.cluster(&here(), "back").is_none());
    assert!(rds.instance(&here(), "back-1").is_none());
}

#[test]
fn a_restore_is_announced_twice_and_its_end_not_at_all() {
    let mut rds = restorable(|_| {});
    restore(&mut rds, &[("BackupRetentionPeriod", "0")]).unwrap();
    let said = |events: Vec<snapferry_sim::rds::EmittedEvent>| {
        let said = events
            .into_iter()
            .map(|event| (event.event_id, event.source_type));
        said.collect::<Vec<_>>()
    };
    let mut found = said(run_out(&mut rds));
    found.sort_unstable();
    assert_eq!(
        found,
        [
            ("RDS-EVENT-0005", "DB_INSTANCE"),
            ("RDS-EVENT-0043", "DB_INSTANCE"),
            ("RDS-EVENT-0043", "SNAPSHOT"),
        ]
    );
    delete(&mut rds, Family::Instance, "back", None).unwrap();
    assert_eq!(said(run_out(&mut rds)), [("RDS-EVENT-0003", "DB_INSTANCE")]);

    let mut rds = restorable_cluster();
    restore_cluster(&mut rds, &[]).unwrap();
    assert_eq!(said(run_out(&mut rds)), [("RDS-EVENT-0170", "CLUSTER")]);
}

#[test]
fn how_long_things_take_is_set() {
    let mut rds = restorable(|_| {});
    let timings = &mut rds.config_mut().timings;
    timings.restore = DurationRange::seconds(60, 60);
    let before = rds.now();
    restore(&mut rds, &[("BackupRetentionPeriod", "0")]).unwrap();
    while back(&rds).status == InstanceStatus::Creating {
        step(&mut rds);
    }
    assert_eq!(rds.now().duration_since(before).as_secs(), 60);
}
