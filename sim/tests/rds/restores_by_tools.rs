//! Restores through the real SDK, and compared with moto's.

use snapferry_sim::rds::{ClusterSpec, InstanceSpec, KmsKey, Making, Rds, SubnetGroup};

use super::against_moto::{OtherElements, OtherOutcome, OtherText, Side, Step, compare, explain};
use super::clusters_against_moto::NO_KEY;
use super::moto::{Moto, python};
use super::service::{HOME_KEY, SOURCE, call, instant, region, run_script, serve, world};

#[tokio::test]
async fn the_real_sdk_restores_changes_and_deletes_databases() -> anyhow::Result<()> {
    let mut rds = world(instant());
    rds.add_subnet_group(&region(SOURCE), SubnetGroup::of_default_vpc());
    rds.add_parameter_group(&region(SOURCE), "own");
    rds.add_cluster(&region(SOURCE), ClusterSpec::aurora("shop"))?;
    let (service, _events) = serve(rds, 1.0).await?;
    let known = run_script(python()?, "restores_by_sdk.py", &service, HOME_KEY).await?;
    for making in Making::ALL {
        let action = making.action();
        let known: Vec<&str> = known[action]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|name| name.as_str())
            .collect();
        for parameter in making.parameters() {
            assert!(known.contains(&parameter), "{action} has no {parameter}");
        }
    }
    Ok(())
}

/// Calls that end differently: the call, our answer, moto's, and why ours is right.
const OTHER_OUTCOMES: [OtherOutcome; 0] = [];

/// Texts that differ, and why.
const OTHER_TEXTS: [OtherText; 3] = [
    ("a snapshot of a cluster", "KmsKeyId", NO_KEY),
    ("a restore of a cluster", "KmsKeyId", NO_KEY),
    ("a member", "KmsKeyId", NO_KEY),
];

/// Elements that only one of the two shows.
const OTHER_ELEMENTS: [OtherElements; 8] = [
    (
        Side::Ours,
        &[
            "DBSnapshot/AvailabilityZone",
            "DBSnapshot/DedicatedLogVolume",
            "DBSnapshot/LicenseModel",
            "DBSnapshot/OptionGroupName",
            "DBSnapshot/PercentProgress",
            "DBSnapshot/SnapshotTarget",
            "DBSnapshot/StorageEncryptionType",
            "DBSnapshot/StorageType",
            "DBSnapshot/VpcId",
            "DBClusterSnapshot/AvailabilityZones",
            "DBClusterSnapshot/DbClusterResourceId",
            "DBClusterSnapshot/EngineMode",
            "DBClusterSnapshot/IAMDatabaseAuthenticationEnabled",
            "DBClusterSnapshot/LicenseModel",
            "DBClusterSnapshot/StorageEncryptionType",
            "DBClusterSnapshot/StorageType",
            "DBClusterSnapshot/VpcId",
        ],
        "in AWS's model of a snapshot, but moto keeps less of the database",
    ),
    (
        Side::Ours,
        &[
            "DBInstance/BackupTarget",
            "DBInstance/DatabaseInsightsMode",
            "DBInstance/DedicatedLogVolume",
            "DBInstance/EngineLifecycleSupport",
            "DBInstance/NetworkType",
            "DBInstance/PendingModifiedValues",
            "DBInstance/PerformanceInsightsEnabled",
            "DBInstance/PubliclyAccessible",
            "DBInstance/StorageEncryptionType",
            "DBCluster/DatabaseInsightsMode",
            "DBCluster/EngineLifecycleSupport",
            "DBCluster/MonitoringInterval",
            "DBCluster/PendingModifiedValues",
            "DBCluster/PerformanceInsightsEnabled",
            "DBCluster/StorageEncryptionType",
        ],
        "in AWS's model of a database, but moto keeps fewer settings",
    ),
    (
        Side::Ours,
        &["DBInstance/DBSubnetGroup", "VpcSecurityGroupMembership"],
        "RDS takes the default VPC's groups where a call names none; moto's database has none",
    ),
    (
        Side::Ours,
        &["DBInstance/AssociatedRoles"],
        "moto's members have no roles",
    ),
    (
        Side::Ours,
        &["StorageOperationPercentProgress", "StorageOperationStatus"],
        "moto's instances are loaded at once",
    ),
    (
        Side::Moto,
        &["DBInstance/Endpoint"],
        "moto's databases are available at once, and have their endpoint then",
    ),
    (
        Side::Moto,
        &[
            "DBClusterSnapshot/KmsKeyId",
            "DBCluster/KmsKeyId",
            "DBInstance/KmsKeyId",
        ],
        NO_KEY,
    ),
    (
        Side::Moto,
        &[
            "DBInstance/DBSecurityGroups",
            "DBInstance/DbInstancePort",
            "DBInstance/LatestRestorableTime",
            "DBCluster/CrossAccountClone",
            "DBCluster/EarliestRestorableTime",
            "DBCluster/GlobalWriteForwardingRequested",
            "DBCluster/HostedZoneId",
            "DBCluster/LatestRestorableTime",
            "DBCluster/PubliclyAccessible",
            "DBCluster/ReadReplicaIdentifiers",
            "DBCluster/ScalingConfigurationInfo",
        ],
        "not modelled: nothing that is simulated depends on it",
    ),
];

fn steps() -> Vec<Step<'static>> {
    let on = |what, action, more: &[(&'static str, &'static str)]| {
        let mut pairs = vec![("Action", action)];
        pairs.extend(more);
        Step {
            what,
            region: SOURCE,
            pairs,
        }
    };
    let restore = "RestoreDBInstanceFromDBSnapshot";
    let from = ("DBSnapshotIdentifier", "s");
    vec![
        on(
            "a snapshot",
            "CreateDBSnapshot",
            &[from, ("DBInstanceIdentifier", "orders")],
        ),
        on(
            "a restore",
            restore,
            &[
                from,
                ("DBInstanceIdentifier", "back"),
                ("BackupRetentionPeriod", "0"),
                ("Tags.Tag.1.Key", "a"),
                ("Tags.Tag.1.Value", "b"),
            ],
        ),
        on(
            "a restore under a taken name",
            restore,
            &[from, ("DBInstanceIdentifier", "orders")],
        ),
        on(
            "a restore of no snapshot",
            restore,
            &[
                ("DBSnapshotIdentifier", "none"),
                ("DBInstanceIdentifier", "other"),
            ],
        ),
        on(
            "a restore into no subnet group",
            restore,
            &[
                from,
                ("DBInstanceIdentifier", "other"),
                ("DBSubnetGroupName", "none"),
            ],
        ),
        on(
            "what was restored",
            "DescribeDBInstances",
            &[("DBInstanceIdentifier", "back")],
        ),
        on(
            "a role",
            "AddRoleToDBInstance",
            &[
                ("DBInstanceIdentifier", "back"),
                ("RoleArn", "arn:aws:iam::123456789012:role/import"),
                ("FeatureName", "s3Import"),
            ],
        ),
        on(
            "the same role again",
            "AddRoleToDBInstance",
            &[
                ("DBInstanceIdentifier", "back"),
                ("RoleArn", "arn:aws:iam::123456789012:role/import"),
                ("FeatureName", "s3Import"),
            ],
        ),
        on(
            "a change",
            "ModifyDBInstance",
            &[
                ("DBInstanceIdentifier", "back"),
                ("ApplyImmediately", "true"),
                ("CopyTagsToSnapshot", "true"),
            ],
        ),
        on(
            "a change of no instance",
            "ModifyDBInstance",
            &[
                ("DBInstanceIdentifier", "none"),
                ("ApplyImmediately", "true"),
            ],
        ),
        on(
            "a restart of no instance",
            "RebootDBInstance",
            &[("DBInstanceIdentifier", "none")],
        ),
        on(
            "a deletion",
            "DeleteDBInstance",
            &[
                ("DBInstanceIdentifier", "back"),
                ("SkipFinalSnapshot", "true"),
            ],
        ),
        on(
            "a deletion of no instance",
            "DeleteDBInstance",
            &[
                ("DBInstanceIdentifier", "none"),
                ("SkipFinalSnapshot", "true"),
            ],
        ),
        on(
            "a snapshot of a cluster",
            "CreateDBClusterSnapshot",
            &[
                ("DBClusterSnapshotIdentifier", "s"),
                ("DBClusterIdentifier", "shop"),
            ],
        ),
        on(
            "a restore of a cluster",
            "RestoreDBClusterFromSnapshot",
            &[
                ("SnapshotIdentifier", "s"),
                ("DBClusterIdentifier", "back"),
                ("Engine", "aurora-postgresql"),
            ],
        ),
        on(
            "a member",
            "CreateDBInstance",
            &[
                ("DBInstanceIdentifier", "back-1"),
                ("DBClusterIdentifier", "back"),
                ("DBInstanceClass", "db.r7g.large"),
                ("Engine", "aurora-postgresql"),
            ],
        ),
        on(
            "a deletion of a cluster with a member",
            "DeleteDBCluster",
            &[
                ("DBClusterIdentifier", "back"),
                ("SkipFinalSnapshot", "true"),
            ],
        ),
    ]
}

/// An instance and a cluster of the same names on both sides.
async fn same_worlds(moto: &Moto) -> anyhow::Result<Rds> {
    let mut rds = Rds::new(instant(), 7);
    rds.add_key(
        &region(SOURCE),
        KmsKey {
            arn: moto.make_key(SOURCE).await?,
            aliases: vec![],
            enabled: true,
        },
    );
    rds.add_subnet_group(&region(SOURCE), SubnetGroup::of_default_vpc());
    rds.add_instance(&region(SOURCE), InstanceSpec::postgres("orders"))?;
    let mut shop = ClusterSpec::aurora("shop");
    shop.members.clear();
    rds.add_cluster(&region(SOURCE), shop)?;
    let instance = [
        ("Action", "CreateDBInstance"),
        ("DBInstanceIdentifier", "orders"),
        ("DBInstanceClass", "db.m7g.large"),
        ("Engine", "postgres"),
        ("EngineVersion", "17.6"),
        ("MasterUsername", "operator"),
        ("MasterUserPassword", "not-a-secret"),
        ("AllocatedStorage", "100"),
    ];
    let cluster = [
        ("Action", "CreateDBCluster"),
        ("DBClusterIdentifier", "shop"),
        ("Engine", "aurora-postgresql"),
        ("EngineVersion", "16.9"),
        ("MasterUsername", "operator"),
        ("MasterUserPassword", "not-a-secret"),
    ];
    for pairs in [&instance[..], &cluster[..]] {
        let made = call(&moto.url, SOURCE, pairs).await?;
        anyhow::ensure!(made.status == 200, "{}", made.body);
    }
    Ok(rds)
}

#[tokio::test]
async fn restores_differ_from_motos_only_where_it_is_known_and_why() -> anyhow::Result<()> {
    let moto = Moto::start()?;
    let rds = same_worlds(&moto).await?;
    let (service, _events) = serve(rds, 1.0).await?;
    let found = compare(&service.url(), &moto.url, &steps()).await?;
    explain(&found, &OTHER_OUTCOMES, &OTHER_TEXTS, &OTHER_ELEMENTS);
    Ok(())
}
