//! Compares the RDS service's clusters with moto's: both get the same calls.

use snapferry_sim::rds::{ClusterSpec, KmsKey, Rds};

use super::against_moto::{OtherElements, OtherOutcome, OtherText, Side, Step, compare, explain};
use super::moto::Moto;
use super::service::{HOME, SOURCE, call, instant, region, serve};

/// Calls that end differently: the call, our answer, moto's, and why ours is right (or not known to be wrong).
const OTHER_OUTCOMES: [OtherOutcome; 6] = [
    (
        "a name that begins with a digit",
        "InvalidParameterValue",
        "Ok",
        "moto checks the names of instance snapshots only",
    ),
    (
        "a name with two hyphens",
        "InvalidParameterValue",
        "Ok",
        "moto checks the names of instance snapshots only",
    ),
    (
        "a copy of an encrypted snapshot without a key",
        "InvalidParameterValue",
        "Ok",
        "moto does not ask for a key of the destination; AWS does (CopyDBClusterSnapshot, KmsKeyId)",
    ),
    (
        "a copy of an unencrypted snapshot with a key",
        "InvalidParameterValue",
        "Ok",
        "moto encrypts it; AWS refuses it (CopyDBClusterSnapshot, KmsKeyId)",
    ),
    (
        "describe by ARN",
        "Ok",
        "DBClusterSnapshotNotFoundFault",
        "moto looks up names only; AWS takes both",
    ),
    (
        "too small a page",
        "InvalidParameterValue",
        "Ok",
        "moto does not page cluster snapshots",
    ),
];

pub(crate) const NO_KEY: &str = "moto gives an unencrypted cluster the key default_kms_key_id";

const OTHER_TEXTS: [OtherText; 2] = [
    ("a snapshot of an unencrypted cluster", "KmsKeyId", NO_KEY),
    ("an unencrypted copy", "KmsKeyId", NO_KEY),
];

/// Elements that only one of the two shows, by a part of their path, and why.
const OTHER_ELEMENTS: [OtherElements; 6] = [
    (
        Side::Ours,
        &["/SourceDBClusterSnapshotArn"],
        "moto does not tell a copy's source",
    ),
    (
        Side::Ours,
        &[
            "DBClusterSnapshot/AvailabilityZones",
            "DBClusterSnapshot/DbClusterResourceId",
            "DBClusterSnapshot/EngineMode",
            "DBClusterSnapshot/IAMDatabaseAuthenticationEnabled",
            "DBClusterSnapshot/LicenseModel",
            "DBClusterSnapshot/StorageEncryptionType",
            "DBClusterSnapshot/StorageType",
            "DBClusterSnapshot/VpcId",
        ],
        "in AWS's model of a cluster snapshot, but moto keeps less of the cluster",
    ),
    (
        Side::Ours,
        &[
            "DBCluster/DatabaseInsightsMode",
            "DBCluster/EngineLifecycleSupport",
            "DBCluster/MonitoringInterval",
            "DBCluster/PendingModifiedValues",
            "DBCluster/PerformanceInsightsEnabled",
            "DBCluster/StorageEncryptionType",
        ],
        "in AWS's newer model of a cluster",
    ),
    (
        Side::Ours,
        &["VpcSecurityGroups/VpcSecurityGroupMembership"],
        "moto's cluster has only the security groups it was made with",
    ),
    (Side::Moto, &["DBClusterSnapshot/KmsKeyId"], NO_KEY),
    (
        Side::Moto,
        &[
            "DBCluster/CrossAccountClone",
            "DBClusterMember/PromotionTier",
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

/// Keys of the same ARNs and clusters of the same names on both sides.
async fn same_worlds(moto: &Moto) -> anyhow::Result<(Rds, [String; 2])> {
    let keys = [moto.make_key(SOURCE).await?, moto.make_key(HOME).await?];
    let mut rds = Rds::new(instant(), 7);
    for (place, arn) in [SOURCE, HOME].into_iter().zip(&keys) {
        let key = KmsKey {
            arn: arn.clone(),
            aliases: vec![],
            enabled: true,
        };
        rds.add_key(&region(place), key);
    }
    for (name, key) in [("open", None), ("shop", Some(&keys[0]))] {
        let mut spec = ClusterSpec::aurora(name);
        spec.kms_key = key.cloned();
        rds.add_cluster(&region(SOURCE), spec.clone())?;
        let mut pairs = vec![
            ("Action", "CreateDBCluster"),
            ("DBClusterIdentifier", name),
            ("Engine", "aurora-postgresql"),
            ("MasterUsername", "operator"),
            ("MasterUserPassword", "not-a-secret"),
        ];
        if let Some(key) = key {
            pairs.extend([("StorageEncrypted", "true"), ("KmsKeyId", key.as_str())]);
        }
        let made = call(&moto.url, SOURCE, &pairs).await?;
        anyhow::ensure!(made.status == 200, "{}", made.body);
        for member in &spec.members {
            let pairs = [
                ("Action", "CreateDBInstance"),
                ("DBInstanceIdentifier", member.as_str()),
                ("DBClusterIdentifier", name),
                ("DBInstanceClass", "db.r7g.large"),
                ("Engine", "aurora-postgresql"),
            ];
            let made = call(&moto.url, SOURCE, &pairs).await?;
            anyhow::ensure!(made.status == 200, "{}", made.body);
        }
    }
    Ok((rds, keys))
}

const SHOP_SNAPSHOT: &str = "arn:aws:rds:eu-west-1:123456789012:cluster-snapshot:s1";

fn steps(home_key: &str) -> Vec<Step<'_>> {
    let mut steps = snapshot_steps();
    steps.extend(copy_steps(home_key));
    steps.extend(listing_steps());
    steps
}

fn step<'a>(
    what: &'static str,
    region: &'static str,
    action: &'a str,
    more: &[(&'static str, &'a str)],
) -> Step<'a> {
    let mut pairs = vec![("Action", action)];
    pairs.extend(more);
    Step {
        what,
        region,
        pairs,
    }
}

fn snapshot_steps() -> Vec<Step<'static>> {
    let create = |what, snapshot, cluster| {
        let names = [
            ("DBClusterSnapshotIdentifier", snapshot),
            ("DBClusterIdentifier", cluster),
            ("Tags.Tag.1.Key", "a"),
            ("Tags.Tag.1.Value", "b"),
        ];
        step(what, SOURCE, "CreateDBClusterSnapshot", &names)
    };
    let describe = |what, more: &[(&'static str, &'static str)]| {
        step(what, SOURCE, "DescribeDBClusterSnapshots", more)
    };
    vec![
        create("a cluster snapshot", "s1", "shop"),
        create("the same cluster snapshot again", "s1", "shop"),
        create("a snapshot of an unencrypted cluster", "s2", "open"),
        create("a snapshot of no cluster", "s9", "none"),
        create("a snapshot of a member", "s9", "shop-1"),
        create("a name that begins with a digit", "9s", "shop"),
        create("a name with two hyphens", "s--9", "shop"),
        describe("describe by name", &[("DBClusterSnapshotIdentifier", "s1")]),
        describe(
            "describe by upper-case name",
            &[("DBClusterSnapshotIdentifier", "S1")],
        ),
        describe(
            "describe by ARN",
            &[("DBClusterSnapshotIdentifier", SHOP_SNAPSHOT)],
        ),
        describe(
            "describe no snapshot",
            &[("DBClusterSnapshotIdentifier", "none")],
        ),
        describe("too small a page", &[("MaxRecords", "19")]),
        describe(
            "a filter that fits nothing",
            &[
                ("Filters.Filter.1.Name", "db-cluster-snapshot-id"),
                ("Filters.Filter.1.Values.Value.1", "none"),
            ],
        ),
        describe(
            "a filter by name",
            &[
                ("Filters.Filter.1.Name", "db-cluster-snapshot-id"),
                ("Filters.Filter.1.Values.Value.1", "none"),
                ("Filters.Filter.1.Values.Value.2", "S1"),
            ],
        ),
        describe(
            "a filter of instance snapshots",
            &[
                ("Filters.Filter.1.Name", "db-snapshot-id"),
                ("Filters.Filter.1.Values.Value.1", "s1"),
            ],
        ),
        step(
            "an instance snapshot of a cluster snapshot's name",
            SOURCE,
            "DescribeDBSnapshots",
            &[("DBSnapshotIdentifier", "s1")],
        ),
        step(
            "tags of a cluster snapshot",
            SOURCE,
            "ListTagsForResource",
            &[("ResourceName", SHOP_SNAPSHOT)],
        ),
    ]
}

fn copy_steps(home_key: &str) -> Vec<Step<'_>> {
    const PLAIN: &str = "arn:aws:rds:eu-west-1:123456789012:cluster-snapshot:s2";
    const NONE: &str = "arn:aws:rds:eu-west-1:123456789012:cluster-snapshot:none";
    let copy = |what, source, target, key: Option<_>| {
        let mut names = vec![
            ("SourceDBClusterSnapshotIdentifier", source),
            ("TargetDBClusterSnapshotIdentifier", target),
        ];
        names.extend(key.map(|key| ("KmsKeyId", key)));
        step(what, HOME, "CopyDBClusterSnapshot", &names)
    };
    vec![
        copy("a copy", SHOP_SNAPSHOT, "c1", Some(home_key)),
        copy("the same copy again", SHOP_SNAPSHOT, "c1", Some(home_key)),
        copy("a copy of no snapshot", NONE, "c9", Some(home_key)),
        copy("an unencrypted copy", PLAIN, "c2", None),
        copy(
            "a copy of an encrypted snapshot without a key",
            SHOP_SNAPSHOT,
            "c3",
            None,
        ),
        copy(
            "a copy of an unencrypted snapshot with a key",
            PLAIN,
            "c4",
            Some(home_key),
        ),
    ]
}

fn listing_steps() -> Vec<Step<'static>> {
    vec![
        step(
            "describe a copy",
            HOME,
            "DescribeDBClusterSnapshots",
            &[("DBClusterSnapshotIdentifier", "c1")],
        ),
        step(
            "describe a cluster",
            SOURCE,
            "DescribeDBClusters",
            &[("DBClusterIdentifier", "shop")],
        ),
        step(
            "describe no cluster",
            SOURCE,
            "DescribeDBClusters",
            &[("DBClusterIdentifier", "none")],
        ),
        step(
            "share",
            SOURCE,
            "ModifyDBClusterSnapshotAttribute",
            &[
                ("DBClusterSnapshotIdentifier", "s1"),
                ("AttributeName", "restore"),
                ("ValuesToAdd.AttributeValue.1", "444455556666"),
            ],
        ),
        step(
            "whom it is shared with",
            SOURCE,
            "DescribeDBClusterSnapshotAttributes",
            &[("DBClusterSnapshotIdentifier", "s1")],
        ),
        step(
            "delete",
            SOURCE,
            "DeleteDBClusterSnapshot",
            &[("DBClusterSnapshotIdentifier", "s1")],
        ),
        step(
            "delete no snapshot",
            SOURCE,
            "DeleteDBClusterSnapshot",
            &[("DBClusterSnapshotIdentifier", "none")],
        ),
    ]
}

#[tokio::test]
async fn answers_about_clusters_differ_from_motos_only_where_it_is_known_and_why()
-> anyhow::Result<()> {
    let moto = Moto::start()?;
    let (rds, keys) = same_worlds(&moto).await?;
    let (service, _events) = serve(rds, 1.0).await?;
    let found = compare(&service.url(), &moto.url, &steps(&keys[1])).await?;
    explain(&found, &OTHER_OUTCOMES, &OTHER_TEXTS, &OTHER_ELEMENTS);
    Ok(())
}
