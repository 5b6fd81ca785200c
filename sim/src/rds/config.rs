//! What a world's RDS is like: its account, its limits, how long things take.

use std::collections::{BTreeMap, BTreeSet};

use fastrand::Rng;
use jiff::SignedDuration;

use super::encryption::KeylessClusterCopies;
use super::family::Family;
use super::planned_outcome::Faults;

/// Copies in flight to one region from others (RDS User Guide, Copying a DB snapshot).
pub const COPIES_IN_FLIGHT: usize = 20;
/// Copies of cluster snapshots in flight to one region from others (Aurora, Neptune and DocumentDB guides, Copying a DB
/// cluster snapshot).
pub const CLUSTER_COPIES_IN_FLIGHT: usize = 5;
/// Manual instance snapshots of one region (Service Quotas, L-272F1212: the default).
pub const MANUAL_SNAPSHOTS: usize = 100;
/// Manual cluster snapshots of one region (Service Quotas, L-9B510759: the default).
pub const MANUAL_CLUSTER_SNAPSHOTS: usize = 100;

/// The settings of one simulated RDS.
#[derive(Clone, Debug)]
pub struct RdsConfig {
    /// The one account, twelve digits.
    pub account: String,
    /// How many cross-region copies one destination region lets run at once, of instance and
    /// cluster snapshots together.
    pub max_copies_in_flight: usize,
    /// How many of them may be of cluster snapshots.
    pub max_cluster_copies_in_flight: usize,
    /// Whether a copy is refused for these limits before RDS looks whether its name is taken. AWS does not say.
    pub limit_comes_before_the_name: bool,
    /// How many manual snapshots one region holds.
    pub manual_snapshot_quota: usize,
    /// How many manual cluster snapshots one region holds.
    pub manual_cluster_snapshot_quota: usize,
    /// How many instances one region holds (Service Quotas, DB instances: the default).
    pub max_instances: usize,
    /// How many clusters one region holds (Service Quotas, DB clusters: the default).
    pub max_clusters: usize,
    /// The classes that every region has; `None` for all.
    pub classes: Option<BTreeSet<String>>,
    /// The engines' versions that no region offers any more.
    pub retired_versions: BTreeSet<(String, String)>,
    /// The version that a cluster of an engine gets unless another is named; without one, the snapshot's.
    pub default_versions: BTreeMap<String, String>,
    /// How many values one filter may carry. AWS documents no number; the model refuses more.
    pub max_filter_values: usize,
    /// How RDS answers a request to copy an unencrypted cluster snapshot with a key.
    pub keyless_cluster_copies: KeylessClusterCopies,
    /// Whether RDS keeps events for DescribeEvents. A simulation of very many snapshots that never asks does without.
    pub keeps_events: bool,
    /// How long things take.
    pub timings: Timings,
    /// How long the work on single instances takes, by identifier, instead of what `timings` would draw.
    pub planned: BTreeMap<String, PlannedWork>,
    /// What goes wrong; nothing by default.
    pub faults: Faults,
}

impl RdsConfig {
    pub(super) fn quota(&self, family: Family) -> usize {
        match family {
            Family::Instance => self.manual_snapshot_quota,
            Family::Cluster => self.manual_cluster_snapshot_quota,
        }
    }
}

impl Default for RdsConfig {
    fn default() -> Self {
        Self {
            account: "111122223333".to_owned(),
            max_copies_in_flight: COPIES_IN_FLIGHT,
            max_cluster_copies_in_flight: CLUSTER_COPIES_IN_FLIGHT,
            limit_comes_before_the_name: false,
            manual_snapshot_quota: MANUAL_SNAPSHOTS,
            manual_cluster_snapshot_quota: MANUAL_CLUSTER_SNAPSHOTS,
            max_instances: 40,
            max_clusters: 40,
            classes: None,
            retired_versions: BTreeSet::new(),
            default_versions: BTreeMap::new(),
            max_filter_values: 100,
            keyless_cluster_copies: KeylessClusterCopies::default(),
            keeps_events: true,
            timings: Timings::default(),
            planned: BTreeMap::new(),
            faults: Faults::default(),
        }
    }
}

/// How long the work on one instance takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlannedWork {
    /// From the moment the data was taken to the snapshot's `available`.
    pub snapshot: SignedDuration,
    /// From a copy's beginning to its `available`.
    pub copy: SignedDuration,
}

/// How long each piece of work takes, in virtual time.
#[derive(Clone, Debug)]
pub struct Timings {
    /// From CreateDBSnapshot's answer to the moment whose data the snapshot holds.
    pub before_data_is_taken: DurationRange,
    /// From the moment the data was taken to `available`.
    pub snapshot: DurationRange,
    /// How long a copy stays `creating`, queued and without progress.
    pub copy_queued: DurationRange,
    /// From the copy's beginning to `available`.
    pub copy: DurationRange,
    /// How long a snapshot stays `deleting`.
    pub deletion: DurationRange,
    /// From a restore's answer, or that of the making of a member, to the end of `creating`.
    pub restore: DurationRange,
    /// From then until all storage of an instance is loaded from the snapshot.
    pub loading: DurationRange,
    /// From the answer of a change to its beginning.
    pub before_change: DurationRange,
    /// From a change's beginning to its being in force.
    pub change: DurationRange,
    /// How long the first full backup takes.
    pub first_backup: DurationRange,
    /// How long a restart takes.
    pub restart: DurationRange,
    /// Until a role is active.
    pub role: DurationRange,
    /// How long a database stays `deleting`.
    pub database_deletion: DurationRange,
    /// From what happened to its event's arrival on the event bus.
    pub event_delay: DurationRange,
}

impl Default for Timings {
    fn default() -> Self {
        Self {
            before_data_is_taken: DurationRange::seconds(1, 15),
            snapshot: DurationRange::seconds(120, 360),
            copy_queued: DurationRange::seconds(5, 60),
            copy: DurationRange::seconds(300, 1200),
            deletion: DurationRange::seconds(5, 30),
            restore: DurationRange::seconds(300, 900),
            loading: DurationRange::seconds(600, 7200),
            before_change: DurationRange::seconds(2, 20),
            change: DurationRange::seconds(30, 300),
            first_backup: DurationRange::seconds(3600, 10800),
            restart: DurationRange::seconds(20, 120),
            role: DurationRange::seconds(10, 60),
            database_deletion: DurationRange::seconds(60, 300),
            event_delay: DurationRange::seconds(0, 0),
        }
    }
}

/// A shortest and a longest time; each piece of work draws its own in between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DurationRange {
    /// The shortest.
    pub shortest: SignedDuration,
    /// The longest; taken as the shortest when it is below it.
    pub longest: SignedDuration,
}

impl DurationRange {
    /// From and to, in seconds.
    pub const fn seconds(shortest: i64, longest: i64) -> Self {
        Self {
            shortest: SignedDuration::from_secs(shortest),
            longest: SignedDuration::from_secs(longest),
        }
    }

    /// Always the same time.
    pub const fn exactly(time: SignedDuration) -> Self {
        Self {
            shortest: time,
            longest: time,
        }
    }

    /// One time out of the range, to the millisecond.
    pub(super) fn draw(self, rng: &mut Rng) -> SignedDuration {
        let from = self.shortest.as_millis() as i64;
        let to = (self.longest.as_millis() as i64).max(from);
        SignedDuration::from_millis(rng.i64(from..=to))
    }
}
