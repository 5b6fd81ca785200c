//! What is in the recovery region before the demo begins: old recovery points, and snapshots that are not Snapferry's.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use snapferry::domain::id::arn;

use super::fleet::{ACCOUNT, Database, RECOVERY, region};
use super::policies::DemoPolicy;
use crate::local::STACK;
use crate::old_points::OldPoint;
use crate::rds::{
    Family, PlantedSnapshot, Rds, RdsFault, Snapshot, SnapshotType, SourceInstance, Stage, Tags,
};

/// How many databases have old recovery points.
const DATABASES: usize = 12;

/// The ages in days of the good ones of each database.
const GOOD_DAYS: [i64; 10] = [1, 2, 3, 4, 5, 6, 8, 15, 22, 40];

/// Another key than those of the policies.
const OTHER_KEY: &str =
    "arn:aws:kms:eu-central-1:111122223333:key/0ddba11d-0000-4000-8000-000000000ddb";

/// A policy that no file has any more.
const RETIRED: &str = "retired";

/// What an old snapshot is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A good recovery point.
    Good,
    /// A good one that is shared with another account.
    Shared,
    /// A good one that a person holds.
    Held,
    /// One that RDS gave up.
    Failed,
    /// It is under another key than its policy names.
    Mismatched,
    /// Its data lies ahead.
    Future,
    /// Its policy is in no file any more.
    Orphaned,
    /// Another stack's recovery point.
    AnotherStacks,
    /// A person's copy of a recovery point, with its tags.
    PeoplesCopy,
    /// A person's own.
    Peoples,
}

impl Kind {
    /// Whether a database can be restored from it, and its policy's rules rule it.
    #[must_use]
    pub(super) fn is_good(self) -> bool {
        matches!(self, Self::Good | Self::Shared | Self::Held)
    }

    /// Whether it is not this stack's.
    #[must_use]
    pub(super) fn is_foreign(self) -> bool {
        matches!(
            self,
            Self::AnotherStacks | Self::PeoplesCopy | Self::Peoples
        )
    }
}

/// An old snapshot.
#[derive(Debug, Clone)]
pub(super) struct OldSnapshot {
    /// As it was put there.
    pub(super) snapshot: Snapshot,
    /// What it is.
    pub(super) kind: Kind,
    /// What its database's policy asks for.
    pub(super) policy: &'static DemoPolicy,
}

/// All old snapshots, by ARN.
pub(super) type OldSnapshots = BTreeMap<String, OldSnapshot>;

/// How many there will be.
#[must_use]
pub(super) fn expected(databases: usize) -> usize {
    (0..databases.min(DATABASES)).map(|n| kinds(n).len()).sum()
}

/// What the nth database has, with its age in days.
fn kinds(n: usize) -> Vec<(Kind, i64)> {
    let mut kinds: Vec<(Kind, i64)> = GOOD_DAYS.map(|days| (Kind::Good, days)).into();
    kinds.push(match n % 6 {
        0 => (Kind::Failed, 7),
        1 => (Kind::Held, 9),
        2 => (Kind::Mismatched, 10),
        3 => (Kind::Future, -400),
        4 => (Kind::AnotherStacks, 11),
        _ => (Kind::PeoplesCopy, 12),
    });
    kinds.extend(match n % 4 {
        0 => vec![(Kind::Orphaned, 13), (Kind::Orphaned, 14)],
        1 => vec![(Kind::Shared, 17)],
        2 => vec![(Kind::Peoples, 18)],
        _ => Vec::new(),
    });
    kinds
}

/// Puts them there.
///
/// # Errors
/// When the model refuses one, which is a fault of the demo.
pub(super) fn plant(
    rds: &mut Rds,
    databases: &[Database],
    now: Timestamp,
) -> Result<OldSnapshots, RdsFault> {
    // RDS shows times in milliseconds, and names have minutes.
    let now = Timestamp::from_second(now.as_second() / 60 * 60).unwrap_or(now);
    let mut all = OldSnapshots::new();
    for (n, database) in databases.iter().take(DATABASES).enumerate() {
        let Some(instance) = source(rds, database) else {
            continue;
        };
        for (kind, days) in kinds(n) {
            let Some(planted) = planted(kind, database, &instance, days, now) else {
                continue;
            };
            let (family, name) = (planted.family, planted.name.clone());
            rds.plant_snapshot(&region(RECOVERY), planted)?;
            let Some(snapshot) = found(rds, family, &name) else {
                continue;
            };
            let old = OldSnapshot {
                snapshot: snapshot.clone(),
                kind,
                policy: database.policy,
            };
            all.insert(snapshot.arn.clone(), old);
        }
    }
    Ok(all)
}

/// A snapshot of the recovery region.
pub(super) fn found<'a>(rds: &'a Rds, family: Family, name: &str) -> Option<&'a Snapshot> {
    let at = region(RECOVERY);
    match family {
        Family::Instance => rds.snapshot(&at, name),
        Family::Cluster => rds.cluster_snapshot(&at, name),
    }
}

fn source(rds: &Rds, database: &Database) -> Option<SourceInstance> {
    let at = region(database.region);
    match database.family {
        Family::Instance => rds.instance(&at, &database.name).map(SourceInstance::of),
        Family::Cluster => rds
            .cluster(&at, &database.name)
            .map(SourceInstance::of_cluster),
    }
}

fn planted(
    kind: Kind,
    database: &Database,
    instance: &SourceInstance,
    days: i64,
    now: Timestamp,
) -> Option<PlantedSnapshot> {
    let planned_at = now
        .checked_sub(SignedDuration::from_hours(24 * days))
        .ok()?;
    let (arn, name) = (database.arn(), &database.name);
    let automated = database.policy.is_automated.then(|| {
        let (place, kind) = (database.region, database.family.snapshot_kind());
        let minute = planned_at.strftime("%Y-%m-%d-%H-%M");
        format!("arn:aws:rds:{place}:{ACCOUNT}:{kind}:rds:{name}-{minute}")
    });
    let point = OldPoint {
        stack: if kind == Kind::AnotherStacks {
            "another"
        } else {
            STACK
        },
        database: &arn,
        policy: if kind == Kind::Orphaned {
            RETIRED
        } else {
            database.policy.name
        },
        key: if kind == Kind::Mismatched {
            OTHER_KEY
        } else {
            database.policy.key
        },
        planned_at,
        taken_at: planned_at.checked_add(SignedDuration::from_mins(3)).ok()?,
        instance: instance.clone(),
        automated,
    };
    let home = arn::Region::parse(RECOVERY).ok()?;
    let mut planted = point.copy(&home)?;
    match kind {
        Kind::Good | Kind::Mismatched | Kind::Orphaned | Kind::AnotherStacks => {}
        Kind::Shared => planted.shared_with = BTreeSet::from(["444455556666".to_owned()]),
        Kind::Held => {
            let hold = Tags::of_system([("snapferry:hold", "an audit")]);
            planted.tags.merge(hold).ok()?;
        }
        Kind::Failed => planted.stage = Stage::Failed,
        // Its copying began in the past all the same.
        Kind::Future => planted.made_at = now,
        Kind::PeoplesCopy => planted.name = format!("kept-{}", planted.name),
        Kind::Peoples => {
            planted.name = format!("before-the-upgrade-of-{name}");
            planted.kind = SnapshotType::Manual;
            planted.tags = Tags::of_system([("owner", "somebody")]);
        }
    }
    Some(planted)
}
