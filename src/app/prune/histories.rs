//! Keeps the histories of due times by what a round has seen. They are for people: a round never fails for them.
//!
//! The pruner writes them because it sees every recovery point and every removal anyway. So what settles a copy writes
//! nothing more, and the histories have one writer.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use tracing::warn;

use super::config::PrunerConfig;
use super::outcome::Removed;
use super::permissions::Permissions;
use crate::app::prune_preview::{GroupPreview, PrunePreview};
use crate::app::selected::read_selection;
use crate::domain::id::arn::{RdsArn, Region};
use crate::domain::id::names::ResourceId;
use crate::domain::limits::BATCH_GET_MAX;
use crate::domain::policy::cursor::KeptWhy;
use crate::domain::policy::in_force::Policy;
use crate::domain::policy::selected::SelectedDatabase;
use crate::domain::policy::spec::Source;
use crate::domain::policy::spread::later;
use crate::domain::rds::snapshot::Snapshot;
use crate::domain::retention::entered::AllEntered;
use crate::domain::retention::forget::PointState;
use crate::domain::retention::history::{
    DUE_TIMES, History, LATE_AFTER, MadePoint, Seen, in_seconds,
};
use crate::domain::retention::inventory::Group;
use crate::domain::retention::sightings::ROUND_MAX;
use crate::error::chain;
use crate::ports::PortError;

/// How many histories are stored at once.
const CONCURRENCY: usize = 8;

/// Since which round the due times are judged: the one before, if there was one.
pub(super) struct DueSince(pub(super) Option<Timestamp>);

/// Notes what there is, and the outcome of the due times since the round before. A person's order is about some databases
/// only, and judges no due times.
pub(super) async fn keep_histories<W: Permissions>(
    world: &W,
    config: &PrunerConfig,
    preview: &PrunePreview,
    due_since: Option<DueSince>,
    now: Timestamp,
) {
    let mut seen: BTreeMap<Group, Seen> = BTreeMap::new();
    if let Some(DueSince(round_before)) = due_since {
        for policy in &preview.policies.all {
            if policy.options.paused || policy.options.source != Source::Snapshot {
                continue;
            }
            let ran_out = ran_out(policy, preview.applied_at, round_before, now);
            for region in &config.source_regions {
                if let Err(error) = add_due(world, policy, region, &ran_out, &mut seen).await {
                    let (policy, error) = (&policy.name, chain(&error));
                    warn!(%region, %policy, error, "its due times are missing in the histories");
                }
            }
        }
    }
    keep_all(world, &preview.groups, &seen, &BTreeMap::new(), now).await;
}

/// Notes what a round has removed, with the reason.
pub(super) async fn note_removed<W: Permissions>(
    world: &W,
    preview: &PrunePreview,
    removed: &[Removed],
    now: Timestamp,
) {
    let removed: BTreeMap<&RdsArn, &String> = removed
        .iter()
        .map(|one| (&one.snapshot, &one.why))
        .collect();
    let has_lost = |group: &&GroupPreview| {
        let mut arns = group.snapshots.iter().map(|snapshot| &snapshot.arn);
        arns.any(|arn| removed.contains_key(arn))
    };
    let groups = preview.groups.iter().filter(has_lost);
    keep_all(world, groups, &BTreeMap::new(), &removed, now).await;
}

async fn keep_all<'a, W: Permissions>(
    world: &W,
    groups: impl IntoIterator<Item = &'a GroupPreview>,
    seen: &BTreeMap<Group, Seen>,
    removed: &BTreeMap<&RdsArn, &String>,
    now: Timestamp,
) {
    let groups: BTreeMap<Group, &GroupPreview> = groups
        .into_iter()
        .map(|group| (group.group(), group))
        .collect();
    let all: BTreeSet<&Group> = groups.keys().chain(seen.keys()).collect();
    let all: Vec<&Group> = all.into_iter().collect();
    for chunk in all.chunks(BATCH_GET_MAX) {
        let kept = keep(world, chunk, &groups, seen, removed, now).await;
        if let Err(error) = kept {
            warn!(
                error = chain(&error),
                "histories of due times could not be kept"
            );
        }
    }
}

/// The due times whose time to be made ran out since the round before, for a database that begins at the due time or within
/// the policy's spread after it. If that round is too long ago, somebody may have
/// removed what was made since then, so nothing is called missed. Before its version was applied, the policy may have had
/// other due times, or none.
fn ran_out(
    policy: &Policy,
    applied_at: Option<Timestamp>,
    round_before: Option<Timestamp>,
    now: Timestamp,
) -> RanOut {
    let before = round_before.filter(|before| now.duration_since(*before) <= ROUND_MAX);
    let Some(before) = before else {
        return RanOut::default();
    };
    let (after, until) = (before - LATE_AFTER, now - LATE_AFTER);
    let mut due = policy.schedule.last(DUE_TIMES, until);
    due.retain(|due| {
        let last_own = later(*due, policy.spread_at(*due));
        last_own > after && applied_at.is_none_or(|at| *due >= at)
    });
    RanOut { due, after, until }
}

/// The due times whose time to be made may have run out since the round before.
#[derive(Default)]
struct RanOut {
    due: Vec<Timestamp>,
    /// Between these two lie the own times whose time ran out.
    after: Timestamp,
    until: Timestamp,
}

impl RanOut {
    /// Those of a database: its time to be made counts from its own time.
    fn of<'a>(
        &'a self,
        policy: &'a Policy,
        database: &'a SelectedDatabase,
    ) -> impl Iterator<Item = Timestamp> + 'a {
        let has_run_out = |due: &&Timestamp| {
            let own = policy.own_time(**due, &database.database.resource_id);
            own > self.after && own <= self.until
        };
        let due = self.due.iter().filter(has_run_out);
        due.filter(|due| **due >= database.since)
            .map(|due| in_seconds(*due))
    }
}

/// Adds what the planner knows of the policy's databases in a region: which they are, and which RDS takes no snapshot of.
async fn add_due<W: Permissions>(
    world: &W,
    policy: &Policy,
    region: &Region,
    ran_out: &RanOut,
    seen: &mut BTreeMap<Group, Seen>,
) -> Result<(), PortError> {
    let group = |id: &ResourceId| (region.clone(), id.clone(), policy.name.clone());
    if !ran_out.due.is_empty() {
        let selection = read_selection(world, &policy.name, region).await?;
        for one in selection.databases {
            let of = seen.entry(group(&one.database.resource_id)).or_default();
            of.ran_out = ran_out.of(policy, &one).collect();
        }
    }
    let Some(cursor) = world.plan_cursor(&policy.name, region).await? else {
        return Ok(());
    };
    for kept in cursor.kept {
        if kept.why == KeptWhy::NotNow {
            let of = seen.entry(group(&kept.database.resource_id)).or_default();
            of.not_now = Some(in_seconds(kept.due));
        }
    }
    Ok(())
}

async fn keep<W: Permissions>(
    world: &W,
    chunk: &[&Group],
    groups: &BTreeMap<Group, &GroupPreview>,
    seen: &BTreeMap<Group, Seen>,
    removed: &BTreeMap<&RdsArn, &String>,
    now: Timestamp,
) -> Result<(), PortError> {
    let ids: Vec<Group> = chunk.iter().map(|group| (*group).clone()).collect();
    let before = world.read_histories(&ids).await?;
    let (empty, nothing) = (History::default(), Seen::default());
    let before = |group: &Group| before.get(group).unwrap_or(&empty);
    // A later version may have written it, and goes on with it when it is deployed again.
    let chunk: Vec<&&Group> = chunk.iter().filter(|id| !before(id).holds_more).collect();
    let mut asked = Vec::new();
    for id in &chunk {
        if let Some(group) = groups.get(**id) {
            let good = good_ones(group);
            let unknown = before(id).unknown(good.keys());
            asked.extend(unknown.iter().map(|at| good[*at].0.arn.clone()));
        }
    }
    let mut entered = AllEntered::new();
    for copies in asked.chunks(BATCH_GET_MAX) {
        let found = world.read_entered(copies).await?;
        entered.extend(found.into_iter().map(|one| (one.copy.clone(), one)));
    }
    let changed = chunk.into_iter().filter_map(|id| {
        let due = seen.get(*id).unwrap_or(&nothing);
        let mut of = Seen {
            ran_out: due.ran_out.clone(),
            not_now: due.not_now,
            ..Seen::default()
        };
        if let Some(group) = groups.get(*id) {
            add_shown(&mut of, group, &entered, removed);
        }
        let after = before(id).after(&of, now);
        (after != *before(id)).then_some((*id, after))
    });
    let changed: Vec<(&Group, History)> = changed.collect();
    stream::iter(&changed)
        .map(|(id, history)| world.store_history(id, history, now))
        .buffer_unordered(CONCURRENCY)
        .try_collect()
        .await
}

/// The good recovery points of a group with the time of their data, by planned time.
fn good_ones(group: &GroupPreview) -> BTreeMap<Timestamp, (&Snapshot, Option<Timestamp>)> {
    let good: BTreeMap<&RdsArn, Option<Timestamp>> = group
        .points
        .iter()
        .filter(|(point, _)| point.state == PointState::Good)
        .map(|(point, _)| (&point.id, point.at))
        .collect();
    let snapshots = group.snapshots.iter().zip(&group.planned);
    let found = snapshots.filter_map(|(snapshot, planned_at)| {
        let taken_at = good.get(&snapshot.arn)?;
        Some((in_seconds(*planned_at), (snapshot, *taken_at)))
    });
    found.collect()
}

fn add_shown(
    seen: &mut Seen,
    group: &GroupPreview,
    entered: &AllEntered,
    removed: &BTreeMap<&RdsArn, &String>,
) {
    let planned = group.planned.iter();
    seen.shown = planned.map(|at| (in_seconds(*at), None)).collect();
    for (at, (snapshot, taken_at)) in good_ones(group) {
        let made = MadePoint::of(snapshot, taken_at, entered.get(&snapshot.arn));
        seen.shown.insert(at, Some(made));
        // Another attempt that goes leaves the good one there.
        if let Some(why) = removed.get(&snapshot.arn) {
            seen.removed.insert(at, (*why).clone());
        }
    }
}
