//! Removes, one snapshot at a time: look at RDS, ask for a freeze, enter the removal, delete.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use jiff::{SignedDuration, Timestamp};
use tracing::{info, warn};

use super::candidates::{Candidates, Facts};
use super::outcome::{PruneReport, Refused, Removed, Stopped};
use super::permissions::Permissions;
use crate::domain::id::arn::RdsArn;
use crate::domain::id::names::SnapshotId;
use crate::domain::rds::snapshot::Snapshot;
use crate::domain::retention::bounds::{DatabaseId, Place, Removal};
use crate::domain::retention::round::RemovalEntry;
use crate::error::chain;
use crate::ports::{RdsError, Written};

/// How many candidates one describe call is about.
const WIDTH: usize = 20;

/// How old that look may be when one of them is deleted.
const LOOK_MAX: SignedDuration = SignedDuration::from_secs(30);

/// How long a round goes on removing. Its function runs no longer than a quarter of an hour.
const ROUND_MAX: SignedDuration = SignedDuration::from_mins(10);

/// What a round removes by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Removing<'a> {
    pub(super) facts: Facts<'a>,
    pub(super) started: Timestamp,
}

/// Removes these, in this order. One that fails never stops the others; a freeze, a throttled call and the clock do.
pub(super) async fn remove<W: Permissions>(
    world: &W,
    by: &Removing<'_>,
    databases: &mut BTreeMap<DatabaseId, Candidates>,
    going: Vec<Removal>,
    report: &mut PruneReport,
) {
    let mut left: VecDeque<Removal> = going.into();
    while let Some(first) = left.front() {
        let beside = |one: &Removal| (one.snapshot.region().clone(), one.snapshot.family());
        let of_first = beside(first);
        let is_beside = |one: &Removal| beside(one) == of_first;
        let (batch, others): (Vec<_>, Vec<_>) = left.drain(..).partition(is_beside);
        let mut batch: VecDeque<Removal> = batch.into();
        let rest = batch.split_off(batch.len().min(WIDTH));
        left = rest.into_iter().chain(others).collect();
        let looked_at = world.now();
        match look(world, by, databases, &batch, report).await {
            Ok(fit) => batch.retain(|one| fit.contains(&one.snapshot)),
            Err(error) if error.is_throttled() => {
                report.stopped = Some(Stopped::Throttled);
                return;
            }
            Err(error) => {
                let why = chain(&error).to_string();
                let failed = batch.into_iter().map(|one| (one.snapshot, why.clone()));
                report.failed.extend(failed);
                continue;
            }
        }
        while let Some(removal) = batch.pop_front() {
            let now = world.now();
            if now.duration_since(by.started) > ROUND_MAX {
                report.stopped = Some(Stopped::OutOfTime);
                return;
            }
            if now.duration_since(looked_at) > LOOK_MAX {
                // The look is too old: these are looked at again.
                batch.push_front(removal);
                left = batch.into_iter().chain(left).collect();
                break;
            }
            if let Err(stopped) = remove_one(world, by, databases, removal, report).await {
                report.stopped = Some(stopped);
                return;
            }
        }
    }
}

/// Looks at a batch once more, and asks the check again by what RDS says now. Returns what may still go.
async fn look<W: Permissions>(
    world: &W,
    by: &Removing<'_>,
    databases: &mut BTreeMap<DatabaseId, Candidates>,
    batch: &VecDeque<Removal>,
    report: &mut PruneReport,
) -> Result<BTreeSet<RdsArn>, RdsError> {
    let Some(first) = batch.front() else {
        return Ok(BTreeSet::new());
    };
    let ids: Vec<SnapshotId> = batch
        .iter()
        .map(|one| SnapshotId::of(&one.snapshot))
        .collect();
    let (region, family) = (first.snapshot.region(), first.snapshot.family());
    let found = world.describe_snapshots(region, family, &ids).await?;
    let mut found: BTreeMap<RdsArn, Snapshot> = found
        .into_iter()
        .map(|snapshot| (snapshot.arn.clone(), snapshot))
        .collect();
    let mut of: BTreeMap<&DatabaseId, BTreeSet<RdsArn>> = BTreeMap::new();
    for one in batch {
        of.entry(&one.database)
            .or_default()
            .insert(one.snapshot.clone());
    }
    let mut fit = BTreeSet::new();
    for (id, asked) in of {
        let Some(database) = databases.get_mut(id) else {
            continue;
        };
        database.update(&asked, &mut found);
        let (there, gone): (BTreeSet<RdsArn>, BTreeSet<RdsArn>) =
            asked.into_iter().partition(|arn| database.has(arn));
        report.kept.extend(gone);
        let broken = database.broken(by.facts, &there, world.now());
        if broken.is_empty() {
            fit.extend(there);
        } else {
            warn!(database = %id.1, first = ?broken.first(), "the check refuses at the last moment");
            report.refused.push(Refused {
                database: id.1.clone(),
                broken,
            });
        }
    }
    Ok(fit)
}

async fn remove_one<W: Permissions>(
    world: &W,
    by: &Removing<'_>,
    databases: &mut BTreeMap<DatabaseId, Candidates>,
    removal: Removal,
    report: &mut PruneReport,
) -> Result<(), Stopped> {
    match world.freeze().await {
        Ok(None) => {}
        Ok(Some(freeze)) => return Err(Stopped::Frozen(freeze)),
        Err(error) => return Err(Stopped::FreezeUnknown(chain(&error).to_string())),
    }
    let snapshot = removal.snapshot;
    let of = databases.get_mut(&removal.database);
    let why = of.as_ref().and_then(|of| {
        let mut reasons = of.removable.iter();
        let (_, why) = reasons.find(|(one, _)| one.snapshot == snapshot)?;
        Some(why.clone())
    });
    let entry = RemovalEntry {
        snapshot: snapshot.clone(),
        at: world.now(),
        why: why.unwrap_or_default(),
    };
    match world.register_removal(&entry).await {
        Ok(Written::Stored) => {}
        Ok(Written::Conflict) => {
            info!(%snapshot, "kept: something awaits it");
            report.kept.push(snapshot);
            return Ok(());
        }
        Err(error) => {
            report.failed.push((snapshot, chain(&error).to_string()));
            return Ok(());
        }
    }
    if removal.place == Place::Source {
        // A wait for a copy of it stands in another place, so the entry has not met it.
        let awaited = of
            .as_ref()
            .and_then(|of| of.awaited_as(by.facts.config, &snapshot));
        let waits = world.look_up(awaited.as_slice()).await;
        if !waits.as_ref().is_ok_and(Vec::is_empty) {
            info!(%snapshot, "kept: something copies it, or that is not known");
            if let Err(error) = world.drop_removal(&snapshot).await {
                report.failed.push((snapshot, chain(&error).to_string()));
            } else {
                report.kept.push(snapshot);
            }
            return Ok(());
        }
    }
    let Err(error) = world.delete_snapshot(&snapshot).await else {
        info!(%snapshot, why = entry.why, "asked RDS to delete it");
        if let Some(of) = of {
            of.lose(&snapshot);
        }
        report.removed.push(Removed {
            snapshot,
            why: entry.why,
        });
        return Ok(());
    };
    // Without an answer RDS may have taken the request: the next round looks, and until then the entry stays.
    if error.code.is_some()
        && let Err(error) = world.drop_removal(&snapshot).await
    {
        warn!(%snapshot, error = chain(&error), "the removal's entry stays until the next round");
    }
    if error.is_throttled() {
        return Err(Stopped::Throttled);
    }
    warn!(%snapshot, error = chain(&error), "it could not be removed");
    report.failed.push((snapshot, chain(&error).to_string()));
    Ok(())
}
