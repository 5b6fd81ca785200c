//! Compares the RDS service with moto's RDS: both get the same calls.

use std::collections::BTreeSet;

use anyhow::Context;
use snapferry_sim::rds::{InstanceSpec, KmsKey, Rds};

use super::moto::Moto;
use super::service::{HOME, SOURCE, Shape, call, instant, region, serve};

/// One call, made to both.
pub(crate) struct Step<'a> {
    /// What it shows; the tables below refer to it.
    pub(crate) what: &'static str,
    pub(crate) region: &'static str,
    pub(crate) pairs: Vec<(&'static str, &'a str)>,
}

/// A call that ends differently: what, here, at moto, and why.
pub(crate) type OtherOutcome = (&'static str, &'static str, &'static str, &'static str);

/// A call in whose answers an element has other texts: what, the element, and why.
pub(crate) type OtherText = (&'static str, &'static str, &'static str);

/// Elements that only one of the two shows, by a part of their path, and why.
pub(crate) type OtherElements = (Side, &'static [&'static str], &'static str);

/// Calls that end differently: the call, our answer, moto's, and why ours is right (or not known to be wrong).
const OTHER_OUTCOMES: [OtherOutcome; 5] = [
    (
        "a copy of an encrypted snapshot without a key",
        "InvalidParameterValue",
        "Ok",
        "moto does not ask for a key of the destination; AWS does (CopyDBSnapshot, KmsKeyId)",
    ),
    (
        "a reserved tag",
        "InvalidParameterValue",
        "Ok",
        "moto does not know the reserved prefix; AWS refuses it",
    ),
    (
        "a tag value that is too long",
        "InvalidParameterValue",
        "Ok",
        "moto has no limits for tags",
    ),
    (
        "describe by ARN",
        "Ok",
        "DBSnapshotNotFound",
        "moto looks up names only; AWS takes both",
    ),
    (
        "too small a page",
        "InvalidParameterValue",
        "Ok",
        "moto does not page snapshots",
    ),
];

/// Elements whose texts must be the same on both sides, wherever both answer alike.
const SAME_TEXTS: [&str; 19] = [
    "AllocatedStorage",
    "AttributeName",
    "AttributeValue",
    "Code",
    "DBClusterIdentifier",
    "DBClusterSnapshotArn",
    "DBClusterSnapshotIdentifier",
    "DBInstanceIdentifier",
    "DBSnapshotArn",
    "DBSnapshotIdentifier",
    "Encrypted",
    "Engine",
    "Key",
    "KmsKeyId",
    "MasterUsername",
    "SnapshotType",
    "StorageEncrypted",
    "Type",
    "Value",
];

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Side {
    Ours,
    Moto,
}
use Side::{Moto as AtMoto, Ours};

/// Elements that only one of the two shows, by a part of their path, and why.
const OTHER_ELEMENTS: [OtherElements; 6] = [
    (
        AtMoto,
        &[
            "CopyDBSnapshotResult/DBSnapshot/DbiResourceId",
            "CopyDBSnapshotResult/DBSnapshot/OriginalSnapshotCreateTime",
            "CopyDBSnapshotResult/DBSnapshot/SnapshotCreateTime",
        ],
        "moto copies at once; recorded answers of AWS say pending and show these later",
    ),
    (
        Ours,
        &[
            "/PercentProgress",
            "/SourceRegion",
            "/SourceDBSnapshotIdentifier",
        ],
        "moto has no progress and does not tell a copy's source",
    ),
    (
        Ours,
        &[
            "DBSnapshot/AvailabilityZone",
            "DBSnapshot/DedicatedLogVolume",
            "DBSnapshot/FullSnapshotSizeInBytes",
            "DBSnapshot/LicenseModel",
            "DBSnapshot/OptionGroupName",
            "DBSnapshot/SnapshotTarget",
            "DBSnapshot/StorageEncryptionType",
            "DBSnapshot/StorageType",
            "DBSnapshot/VpcId",
        ],
        "in AWS's model of a snapshot, but moto keeps less of the instance",
    ),
    (
        Ours,
        &[
            "DBInstance/BackupTarget",
            "DBInstance/DBSubnetGroup",
            "DBInstance/PubliclyAccessible",
            "DBInstance/StorageEncryptionType",
        ],
        "moto's instance has no subnet group unless one was made first",
    ),
    (
        Ours,
        &[
            "DBInstance/DatabaseInsightsMode",
            "DBInstance/DedicatedLogVolume",
            "DBInstance/EngineLifecycleSupport",
            "DBInstance/NetworkType",
            "DBInstance/PendingModifiedValues",
            "DBInstance/PerformanceInsightsEnabled",
        ],
        "in AWS's model of an instance, but moto keeps fewer settings",
    ),
    (
        AtMoto,
        &[
            "DBInstance/DBSecurityGroups",
            "DBInstance/DbInstancePort",
            "DBInstance/LatestRestorableTime",
        ],
        "not modelled: nothing that is simulated depends on it",
    ),
];

/// Keys of the same ARNs and instances of the same names on both sides.
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
    for (name, key) in [("orders", None), ("secret", Some(&keys[0]))] {
        let mut spec = InstanceSpec::postgres(name);
        spec.kms_key = key.cloned();
        rds.add_instance(&region(SOURCE), spec)?;
        let mut pairs = vec![
            ("Action", "CreateDBInstance"),
            ("DBInstanceIdentifier", name),
            ("DBInstanceClass", "db.m7g.large"),
            ("Engine", "postgres"),
            ("MasterUsername", "operator"),
            ("MasterUserPassword", "not-a-secret"),
            ("AllocatedStorage", "100"),
        ];
        if let Some(key) = key {
            pairs.extend([("StorageEncrypted", "true"), ("KmsKeyId", key.as_str())]);
        }
        let made = call(&moto.url, SOURCE, &pairs).await?;
        anyhow::ensure!(made.status == 200, "{}", made.body);
    }
    Ok((rds, keys))
}

fn steps(home_key: &str) -> Vec<Step<'_>> {
    const S1: &str = "arn:aws:rds:eu-west-1:123456789012:snapshot:s1";
    const S2: &str = "arn:aws:rds:eu-west-1:123456789012:snapshot:s2";
    const LONG: &str = concat!(
        "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567",
        "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567",
        "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567",
    );
    let create = |what, snapshot, instance, more: &[(&'static str, &'static str)]| {
        let mut pairs = vec![
            ("Action", "CreateDBSnapshot"),
            ("DBSnapshotIdentifier", snapshot),
            ("DBInstanceIdentifier", instance),
        ];
        pairs.extend(more);
        Step {
            what,
            region: SOURCE,
            pairs,
        }
    };
    let copy = |what, source, target, more: &[(&'static str, &str)]| {
        let mut pairs: Vec<(&'static str, &str)> = vec![
            ("Action", "CopyDBSnapshot"),
            ("SourceDBSnapshotIdentifier", source),
            ("TargetDBSnapshotIdentifier", target),
        ];
        // The key must outlive the step, and the slice need not.
        pairs.extend(more.iter().map(|(name, _)| (*name, home_key)));
        Step {
            what,
            region: HOME,
            pairs,
        }
    };
    let describe = |what, region, more: &[(&'static str, &'static str)]| {
        let mut pairs = vec![("Action", "DescribeDBSnapshots")];
        pairs.extend(more);
        Step {
            what,
            region,
            pairs,
        }
    };
    let on = |what, action, more: &[(&'static str, &'static str)]| {
        let mut pairs = vec![("Action", action)];
        pairs.extend(more);
        Step {
            what,
            region: SOURCE,
            pairs,
        }
    };
    vec![
        create(
            "a snapshot",
            "s1",
            "orders",
            &[("Tags.Tag.1.Key", "a"), ("Tags.Tag.1.Value", "b")],
        ),
        create("the same snapshot again", "s1", "orders", &[]),
        create("an encrypted snapshot", "s2", "secret", &[]),
        create("a snapshot of no instance", "s9", "none", &[]),
        create("a name that begins with a digit", "9s", "orders", &[]),
        create("a name with two hyphens", "s--9", "orders", &[]),
        create("a name that ends with a hyphen", "s9-", "orders", &[]),
        create("no name", "", "orders", &[]),
        create(
            "a reserved tag",
            "s8",
            "orders",
            &[("Tags.Tag.1.Key", "aws:x"), ("Tags.Tag.1.Value", "b")],
        ),
        create(
            "a tag value that is too long",
            "s7",
            "orders",
            &[("Tags.Tag.1.Key", "k"), ("Tags.Tag.1.Value", LONG)],
        ),
        describe(
            "describe by name",
            SOURCE,
            &[("DBSnapshotIdentifier", "s1")],
        ),
        describe(
            "describe by upper-case name",
            SOURCE,
            &[("DBSnapshotIdentifier", "S1")],
        ),
        describe("describe by ARN", SOURCE, &[("DBSnapshotIdentifier", S1)]),
        describe(
            "describe no snapshot",
            SOURCE,
            &[("DBSnapshotIdentifier", "none")],
        ),
        describe("too small a page", SOURCE, &[("MaxRecords", "19")]),
        describe(
            "a filter that fits nothing",
            SOURCE,
            &[
                ("Filters.Filter.1.Name", "db-snapshot-id"),
                ("Filters.Filter.1.Values.Value.1", "none"),
            ],
        ),
        describe(
            "a filter by name",
            SOURCE,
            &[
                ("Filters.Filter.1.Name", "db-snapshot-id"),
                ("Filters.Filter.1.Values.Value.1", "none"),
                ("Filters.Filter.1.Values.Value.2", "S2"),
            ],
        ),
        describe(
            "a filter by instance",
            SOURCE,
            &[
                ("Filters.Filter.1.Name", "db-instance-id"),
                ("Filters.Filter.1.Values.Value.1", "secret"),
                // moto makes an automated snapshot with each instance.
                ("Filters.Filter.2.Name", "snapshot-type"),
                ("Filters.Filter.2.Values.Value.1", "manual"),
            ],
        ),
        describe(
            "a filter that is not known",
            SOURCE,
            &[
                ("Filters.Filter.1.Name", "tag:a"),
                ("Filters.Filter.1.Values.Value.1", "b"),
            ],
        ),
        copy("a copy", S1, "c1", &[]),
        copy("the same copy again", S1, "c1", &[]),
        copy(
            "a copy of no snapshot",
            "arn:aws:rds:eu-west-1:123456789012:snapshot:none",
            "c9",
            &[],
        ),
        copy(
            "a copy of an encrypted snapshot",
            S2,
            "c2",
            &[("KmsKeyId", "")],
        ),
        copy(
            "a copy of an encrypted snapshot without a key",
            S2,
            "c3",
            &[],
        ),
        describe(
            "describe copies",
            HOME,
            &[("DBInstanceIdentifier", "orders")],
        ),
        on(
            "tags of a snapshot",
            "ListTagsForResource",
            &[("ResourceName", S1)],
        ),
        on(
            "more tags",
            "AddTagsToResource",
            &[
                ("ResourceName", S1),
                ("Tags.Tag.1.Key", "c"),
                ("Tags.Tag.1.Value", "d"),
            ],
        ),
        on(
            "fewer tags",
            "RemoveTagsFromResource",
            &[
                ("ResourceName", S1),
                ("TagKeys.member.1", "c"),
                ("TagKeys.member.2", "none"),
            ],
        ),
        on(
            "tags afterwards",
            "ListTagsForResource",
            &[("ResourceName", S1)],
        ),
        on(
            "share",
            "ModifyDBSnapshotAttribute",
            &[
                ("DBSnapshotIdentifier", "s1"),
                ("AttributeName", "restore"),
                ("ValuesToAdd.AttributeValue.1", "444455556666"),
                ("ValuesToAdd.AttributeValue.2", "777788889999"),
            ],
        ),
        on(
            "share less",
            "ModifyDBSnapshotAttribute",
            &[
                ("DBSnapshotIdentifier", "s1"),
                ("AttributeName", "restore"),
                ("ValuesToRemove.AttributeValue.1", "777788889999"),
            ],
        ),
        on(
            "whom it is shared with",
            "DescribeDBSnapshotAttributes",
            &[("DBSnapshotIdentifier", "s1")],
        ),
        on(
            "whom no snapshot is shared with",
            "DescribeDBSnapshotAttributes",
            &[("DBSnapshotIdentifier", "none")],
        ),
        on(
            "no option group",
            "DescribeOptionGroups",
            &[("OptionGroupName", "none")],
        ),
        on(
            "events of a source without its type",
            "DescribeEvents",
            &[("SourceIdentifier", "s1")],
        ),
        on(
            "describe an instance",
            "DescribeDBInstances",
            &[("DBInstanceIdentifier", "secret")],
        ),
        on(
            "describe no instance",
            "DescribeDBInstances",
            &[("DBInstanceIdentifier", "none")],
        ),
        on(
            "delete",
            "DeleteDBSnapshot",
            &[("DBSnapshotIdentifier", "s1")],
        ),
        on(
            "delete no snapshot",
            "DeleteDBSnapshot",
            &[("DBSnapshotIdentifier", "none")],
        ),
    ]
}

/// The differences that were found.
#[derive(Default)]
pub(crate) struct Findings {
    outcomes: BTreeSet<(String, String, String)>,
    texts: BTreeSet<(&'static str, &'static str)>,
    elements: BTreeSet<(Side, String)>,
}

pub(crate) async fn compare(
    ours: &str,
    moto: &str,
    steps: &[Step<'_>],
) -> anyhow::Result<Findings> {
    let mut found = Findings::default();
    for step in steps {
        let here = call(ours, step.region, &step.pairs).await?;
        let there = call(moto, step.region, &step.pairs).await?;
        let theirs = there.outcome().context(step.what)?;
        let outcomes = (here.outcome()?, theirs);
        if outcomes.0 != outcomes.1 {
            found
                .outcomes
                .insert((step.what.to_owned(), outcomes.0, outcomes.1));
            continue;
        }
        assert_eq!(here.status, there.status, "{}", step.what);
        let (here, there) = (here.shape()?, there.shape()?);
        for element in SAME_TEXTS {
            if here.all(element) != there.all(element) {
                found.texts.insert((step.what, element));
            }
        }
        let paths = |shape: &Shape| shape.0.keys().cloned().collect::<BTreeSet<_>>();
        let (here, there) = (paths(&here), paths(&there));
        found
            .elements
            .extend(here.difference(&there).map(|path| (Ours, path.clone())));
        found
            .elements
            .extend(there.difference(&here).map(|path| (AtMoto, path.clone())));
    }
    Ok(found)
}

#[tokio::test]
async fn answers_differ_from_motos_only_where_it_is_known_and_why() -> anyhow::Result<()> {
    let moto = Moto::start()?;
    let (rds, keys) = same_worlds(&moto).await?;
    let (service, _events) = serve(rds, 1.0).await?;
    let found = compare(&service.url(), &moto.url, &steps(&keys[1])).await?;
    explain(&found, &OTHER_OUTCOMES, &[], &OTHER_ELEMENTS);
    Ok(())
}

/// Every found difference must be known, and every known one must be found.
pub(crate) fn explain(
    found: &Findings,
    outcomes: &[OtherOutcome],
    texts: &[OtherText],
    elements: &[OtherElements],
) {
    let known: BTreeSet<_> = outcomes
        .iter()
        .map(|(what, ours, theirs, _)| {
            ((*what).to_owned(), (*ours).to_owned(), (*theirs).to_owned())
        })
        .collect();
    assert_eq!(
        found.outcomes, known,
        "outcomes that differ, and those known to"
    );

    let known: BTreeSet<_> = texts
        .iter()
        .map(|(what, element, _)| (*what, *element))
        .collect();
    assert_eq!(found.texts, known, "texts that differ, and those known to");

    let mut stale: BTreeSet<(Side, &str)> = elements
        .iter()
        .flat_map(|(side, parts, _)| parts.iter().map(|part| (*side, *part)))
        .collect();
    let known = stale.clone();
    let mut unknown = Vec::new();
    for (side, path) in &found.elements {
        let explains = |(whose, part): &(Side, &str)| whose == side && path.contains(part);
        if !known.iter().any(explains) {
            unknown.push((side, path));
        }
        stale.retain(|difference| !explains(difference));
    }
    assert!(
        unknown.is_empty(),
        "it is not said why one alone has these: {unknown:#?}"
    );
    assert!(stale.is_empty(), "no longer differences: {stale:?}");
}
