//! A round of the pruner.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::TryStreamExt;
use jiff::{SignedDuration, Timestamp};
use tracing::{info, warn};

use super::approval::{are_at_rest, unapproved};
use super::candidates::{Candidates, Facts, databases, leave_alone};
use super::config::{PruneRequest, PrunerConfig};
use super::configurations::prune_configurations;
use super::correct::correct_newest;
use super::histories::{DueSince, keep_histories, note_removed};
use super::outcome::{PruneError, PruneReport, Stopped};
use super::permissions::Permissions;
use super::quota::days_to_full;
use super::regions::list_regions;
use super::remove::{Removing, remove};
use crate::app::prune_preview::{PreviewOf, PrunePreview, take_inventory};
use crate::domain::id::arn::RdsArn;
use crate::domain::limits::BATCH_GET_MAX;
use crate::domain::rds::snapshot::{Snapshot, SnapshotStatus};
use crate::domain::retention::bounds::{Bounds, DatabaseId, Removal, cut};
use crate::domain::retention::gone::LISTED_MAX;
use crate::domain::retention::plan_hash::plan_hash;
use crate::domain::retention::round::Round;
use crate::domain::retention::sightings::{Notes, Sighted, sight};
use crate::domain::run::naming::first_attempt;
use crate::domain::run::wait::Expectation;
use crate::error::chain;
use crate::ports::{PortError, open_pages};

/// How long a round may hold the lease. It is longer than any function runs.
const LEASE: SignedDuration = SignedDuration::from_mins(16);

/// How long what was entered of a copy outlives it. RDS's lists lag, so one that does not show it proves little.
const ENTERED_AFTER: SignedDuration = SignedDuration::from_hours(24 * 60);

/// Makes one round. `holder` is a name that no other round has. With an order, the plan that a person has looked at is
/// carried out without the grace period, and only if it is the same.
///
/// # Errors
/// When the inventory cannot be taken to its end, or the table cannot be read or written: nothing is removed then.
pub async fn prune<W: Permissions>(
    world: &W,
    config: &PrunerConfig,
    order: Option<&PruneRequest>,
    holder: &str,
) -> Result<PruneReport, PruneError> {
    let now = world.now();
    if !world.take_lease(holder, now, now + LEASE).await? {
        return Ok(PruneReport {
            stopped: Some(Stopped::AnotherRound),
            ..PruneReport::default()
        });
    }
    let report = round(world, config, order, now).await;
    if let Err(error) = world.release_lease(holder).await {
        warn!(
            error = chain(&error),
            "the pruner's lease could not be given back; it ends by itself"
        );
    }
    report
}

async fn round<W: Permissions>(
    world: &W,
    config: &PrunerConfig,
    order: Option<&PruneRequest>,
    started: Timestamp,
) -> Result<PruneReport, PruneError> {
    let mut last = world.last_round().await?;
    let round_before = last.complete_at;
    let of = PreviewOf {
        stack: &config.stack,
        home: &config.home,
        source_regions: &config.source_regions,
        key: &config.key,
        built_in: &config.built_in,
    };
    let (mut preview, _) = take_inventory(world, of).await?;
    let mut report = PruneReport {
        days_to_full: days_to_full(world, config, &preview, started).await,
        sources_not_listed: preview.sources.not_listed.clone(),
        ..PruneReport::default()
    };
    confirm(world, config, &preview, &mut last, &mut report).await?;
    report.corrected = correct_newest(world, config, &preview).await?;
    let unapproved = unapproved(world, of, &preview, &last, started).await;
    if let Some(unapproved) = &unapproved {
        info!(%unapproved, "nothing is removed until a person approves it");
    }
    let part = order.map(PruneRequest::part).unwrap_or_default();
    if let Err(ambiguous) = preview.restrict(part) {
        report.stopped = Some(Stopped::Ambiguous(ambiguous));
        return Ok(report);
    }
    let all = preview.groups.iter().flat_map(|group| &group.points);
    report.looked_at = all.clone().count();
    report.held = all.filter(|(point, _)| point.held).count();
    let mut databases = databases(&preview, part.includes_last());
    let removable: BTreeSet<RdsArn> = preview.removable();
    report.removable = removable.len();
    report.plan = plan_hash(&preview.rules, &removable);
    if order.is_some_and(|order| order.plan != report.plan) {
        report.stopped = Some(Stopped::AnotherPlan);
        return Ok(report);
    }
    let regions = list_regions(world, config, &preview, order.is_none(), started).await?;
    let needed = needed(world, &mut preview).await?;
    let facts = Facts {
        config,
        entered: &preview.entered,
        copied: &preview.sources.copied,
        needed: &needed,
    };
    leave_alone(&mut databases, facts, &regions, started, &mut report);
    let ripe = sightings(
        world,
        config,
        &preview.rules,
        &databases,
        &last,
        order,
        started,
    )
    .await?;
    report.ripe = ripe.len();
    let points = databases.values().flat_map(Candidates::counts).collect();
    // A person has named the database that is to lose everything, so the share of it does not cut the order.
    let bounds = match part.includes_last() {
        true => Bounds {
            share: 100,
            ..config.bounds
        },
        false => config.bounds,
    };
    let mut going = cut(bounds, &points, ripe);
    // From here on a later round must look after what this one asks for, even if this one ends badly.
    if order.is_none() {
        last.complete_at = Some(started);
    }
    match unapproved {
        Some(unapproved) if !order.is_some_and(PruneRequest::approves) => {
            report.stopped = Some(Stopped::Unapproved(unapproved));
            going.clear();
        }
        _ if are_at_rest(&preview.policies) => {}
        // What a source region holds is not known, so nobody has compared it: the rules approved before stay the measure.
        _ if !preview.sources.not_listed.is_empty() => {}
        _ => last.approved = Some(preview.rules.clone()),
    }
    if config.removes {
        let asked = going.iter().map(|one| (one.snapshot.clone(), started));
        last.removing.extend(asked);
    } else {
        report.stopped = Some(Stopped::RemovesNothing);
    }
    // Before the round counts as complete: no later round judges these due times, even if this one ends while it removes.
    let due = order.is_none().then_some(DueSince(round_before));
    keep_histories(world, config, &preview, due, started).await;
    world.store_round(&last).await?;
    if config.removes && !going.is_empty() {
        let removing = Removing { facts, started };
        remove(world, &removing, &mut databases, going, &mut report).await;
    }
    note_removed(world, &preview, &report.removed, started).await;
    if order.is_none() {
        report.configurations =
            prune_configurations(world, config, &preview, round_before, started).await;
    }
    info!(
        plan = report.plan,
        looked_at = report.looked_at,
        removable = report.removable,
        ripe = report.ripe,
        removed = report.removed.len(),
        gone = report.gone.len(),
        refused = report.refused.len(),
        failed = report.failed.len(),
        configurations_removed = report.configurations.removed.len(),
        "pruned"
    );
    Ok(report)
}

/// The recovery points, and the source snapshots that a policy has rules for.
fn all_snapshots(preview: &PrunePreview) -> impl Iterator<Item = &Snapshot> {
    let sources = preview.sources.groups.iter();
    let recovery_points = preview.groups.iter().flat_map(|group| &group.snapshots);
    recovery_points.chain(sources.flat_map(|group| &group.snapshots))
}

/// Looks after what earlier rounds have asked to delete. Removed means not found. What is still there, and not being
/// deleted, loses its entry, so that it can be awaited or removed again.
async fn confirm<W: Permissions>(
    world: &W,
    config: &PrunerConfig,
    preview: &PrunePreview,
    last: &mut Round,
    report: &mut PruneReport,
) -> Result<(), PortError> {
    let snapshots = all_snapshots(preview);
    let there: BTreeMap<&RdsArn, &Snapshot> = snapshots.map(|one| (&one.arn, one)).collect();
    let now = world.now();
    let mut still = BTreeMap::new();
    for (snapshot, since) in std::mem::take(&mut last.removing) {
        let is_at_home = *snapshot.region() == config.home;
        let is_listed = is_at_home || preview.sources.listed.contains(snapshot.region());
        if !is_listed && now.duration_since(since) <= LISTED_MAX {
            still.insert(snapshot, since);
            continue;
        }
        let is_there = preview.sources.without_rule.contains(&snapshot);
        match there.get(&snapshot).map(|found| &found.status) {
            Some(SnapshotStatus::Deleting) => {
                still.insert(snapshot, since);
                continue;
            }
            Some(_) => {}
            None if is_listed && !is_there => {
                info!(%snapshot, "removed");
                // Nothing was entered of a source snapshot.
                if is_at_home {
                    world.expire_entered(&snapshot, now + ENTERED_AFTER).await?;
                }
                report.gone.push(snapshot.clone());
            }
            None => {}
        }
        world.drop_removal(&snapshot).await?;
    }
    last.removing = still;
    Ok(())
}

/// What an open wait needs: its own resource, at whichever attempt, and the source that it copies. The configuration of its
/// run counts as named.
async fn needed<W: Permissions>(
    world: &W,
    preview: &mut PrunePreview,
) -> Result<BTreeSet<RdsArn>, PortError> {
    let mut awaited = BTreeSet::new();
    let mut needed = BTreeSet::new();
    let mut open = std::pin::pin!(open_pages(world));
    while let Some(page) = open.try_next().await? {
        for wait in page.waits {
            awaited.insert(first_attempt(&wait.resource));
            preview.named.add_run(&wait.command.run);
            if let Expectation::Copy(expected) = wait.expected {
                needed.insert(expected.source);
            }
        }
    }
    let arns = all_snapshots(preview).map(|snapshot| &snapshot.arn);
    needed.extend(
        arns.filter(|arn| awaited.contains(&first_attempt(arn)))
            .cloned(),
    );
    Ok(needed)
}

/// Notes what may go, and returns what may go now.
async fn sightings<W: Permissions>(
    world: &W,
    config: &PrunerConfig,
    rules: &str,
    databases: &BTreeMap<DatabaseId, Candidates>,
    last: &Round,
    order: Option<&PruneRequest>,
    now: Timestamp,
) -> Result<Vec<Removal>, PortError> {
    let all: Vec<&Candidates> = databases.values().collect();
    let mut ripe = Vec::new();
    for chunk in all.chunks(BATCH_GET_MAX) {
        let ids: Vec<DatabaseId> = chunk.iter().map(|of| of.id.clone()).collect();
        let noted = world.read_notes(&ids).await?;
        for of in chunk {
            let before = noted.get(&of.id);
            let removable: Vec<RdsArn> = of
                .removable
                .iter()
                .map(|(one, _)| one.snapshot.clone())
                .collect();
            let Sighted { notes, ripe: seen } = sight(
                before,
                rules,
                &removable,
                last.complete_at,
                config.grace,
                now,
            );
            if is_news(before, &notes) {
                world.store_notes(&of.id, &notes, now).await?;
            }
            // A person who has looked at the plan is the second sighting.
            let goes = |one: &Removal| order.is_some() || seen.contains(&one.snapshot);
            let going = of.removable.iter().map(|(one, _)| one);
            ripe.extend(going.filter(|one| goes(one)).cloned());
        }
    }
    Ok(ripe)
}

/// Whether the notes must be written. Notes that were empty and stay empty need no item.
fn is_news(before: Option<&Notes>, notes: &Notes) -> bool {
    match before {
        None => !notes.since.is_empty(),
        Some(before) => before != notes,
    }
}
