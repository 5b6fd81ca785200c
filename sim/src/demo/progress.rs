//! How far each database has come, read from the simulated RDS.

use std::collections::BTreeMap;

use crate::rds::{Origin, Rds, Snapshot, Stage};

use super::fleet::{Database, REGIONS, snapshots};
use super::old_snapshots::OldSnapshots;

/// The phase of a database's recovery point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    /// Nothing yet.
    Planned,
    /// RDS is taking the snapshot.
    Snapshot,
    /// The snapshot is finished, and the copy has not begun.
    AwaitingCopy,
    /// The copy waits for RDS.
    CopyQueued,
    /// RDS is copying.
    Copying,
    /// The recovery point is finished.
    Protected,
    /// RDS gave this attempt up, and the state machine tries again.
    Failed,
}

impl Phase {
    /// The phase in words.
    #[must_use]
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Planned => "waiting for its start",
            Self::Snapshot => "snapshot",
            Self::AwaitingCopy => "snapshot ready, its copy is next",
            Self::CopyQueued => "copy accepted",
            Self::Copying => "copying",
            Self::Protected => "protected",
            Self::Failed => "failed, to be tried again",
        }
    }
}

/// A database's phase and how much of it is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DatabaseProgress {
    /// The phase.
    pub(super) phase: Phase,
    /// 0 to 100, of this phase.
    pub(super) percent: u8,
}

/// Every database's progress, by label.
#[must_use]
pub(super) fn progress_of_all(
    rds: &Rds,
    databases: &[Database],
    old: &OldSnapshots,
) -> BTreeMap<String, DatabaseProgress> {
    let mut found = BTreeMap::new();
    let new = REGIONS.iter().flat_map(|place| snapshots(rds, place));
    for snapshot in new.filter(|one| !old.contains_key(&one.arn)) {
        // A later attempt has a later name, and copies come last, so the last one found counts.
        let of = snapshot.instance.resource_id.as_str();
        found.insert(of, progress(snapshot, rds.now()));
    }
    let nothing_yet = DatabaseProgress {
        phase: Phase::Planned,
        percent: 0,
    };
    let of = |one: &Database| {
        let progress = found.get(one.resource_id.as_str()).copied();
        (one.label(), progress.unwrap_or(nothing_yet))
    };
    databases.iter().map(of).collect()
}

fn progress(snapshot: &Snapshot, now: jiff::Timestamp) -> DatabaseProgress {
    let is_copy = matches!(snapshot.origin, Origin::Copied(_));
    let phase = match (is_copy, snapshot.stage()) {
        (_, Stage::Failed | Stage::Deleting | Stage::Deleted) => Phase::Failed,
        (false, Stage::Available) => Phase::AwaitingCopy,
        (false, _) => Phase::Snapshot,
        (true, Stage::Available) => Phase::Protected,
        (true, Stage::Pending | Stage::Creating) => Phase::CopyQueued,
        (true, _) => Phase::Copying,
    };
    let percent = snapshot
        .seen_at(now)
        .map_or(0, |seen| seen.percent_progress);
    DatabaseProgress { phase, percent }
}
