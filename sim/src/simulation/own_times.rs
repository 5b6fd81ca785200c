//! Each database's own time within its policy's spread: which worlds have a spread, and what must hold there.
//!
//! The judge counts each own time anew, from the schedule, from the spread as it was drawn, and from the database's resource
//! id. It knows nothing of how the planner finds the databases whose own times have come. Only the hash is the product's.

use std::collections::{BTreeMap, BTreeSet};

use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};
use snapferry::app::planner::{Planned, Row};
use snapferry::domain::id::arn::Region;
use snapferry::domain::id::names::ResourceId;
use snapferry::domain::id::tags::PolicyName;
use snapferry::domain::policy::cursor::{Cursor, Kept};
use snapferry::domain::policy::in_force::Policy;
use snapferry::domain::policy::schedule::Schedule;
use snapferry::domain::policy::spec::Source;
use snapferry::domain::policy::spread::{Spread, offset};
use snapferry::domain::policy::timing::{Waits, WaitsWhy};
use snapferry::domain::run::command::ProtectionRequest;

use super::judge::is_same_run;
use super::rule;
use super::step_functions::Status;
use super::world::{World, rds_region};

/// In half of the worlds, policies that take snapshots have a spread: shorter than the planner's period, longer, or as long
/// as the time between two due times. It is drawn from a generator of its own, so that the other worlds stay the same.
pub(super) fn draw(policies: &mut [Policy], rng: &Rng) {
    const APART: u64 = 0x7370_7265_6164_5F5F;
    let mut rng = Rng::with_seed(rng.clone().u64(..) ^ APART);
    if rng.bool() {
        return;
    }
    let take_snapshots = |policy: &&mut Policy| policy.options.source == Source::Snapshot;
    for policy in policies.iter_mut().filter(take_snapshots) {
        let minutes = match rng.u8(..4) {
            0 => 0,
            1 => rng.u32(1..=4),
            2 => rng.u32(10..=50),
            _ => rng.u32(60..=240),
        };
        let spread = Spread::parse(&format!("{minutes}m")).expect("a spread");
        policy.options.spread = Some(spread);
    }
}

/// A round of the planner.
#[derive(Debug, Clone, Copy)]
pub(super) struct Round {
    pub(super) begun_at: Timestamp,
    /// Whether a person wants all databases at once, whatever their own times are.
    pub(super) is_at_once: bool,
    /// Whether it plans only some databases.
    pub(super) is_partial: bool,
}

/// What the judge knows of own times.
#[derive(Debug, Default)]
pub(super) struct OwnTimes {
    /// The policies that take snapshots, with their schedules and spreads.
    policies: BTreeMap<PolicyName, (Schedule, SignedDuration)>,
    /// How long after its due times each database's own times are.
    offsets: BTreeMap<(PolicyName, ResourceId), SignedDuration>,
    /// The due time with which a policy began in a region.
    first: BTreeMap<(PolicyName, Region), Timestamp>,
    /// The planner's rounds, by their invocations.
    rounds: BTreeMap<u64, Round>,
    /// The databases that a person wanted at once and that were kept by name, each with its due time.
    wanted: BTreeSet<(PolicyName, ResourceId, Timestamp)>,
}

impl OwnTimes {
    /// Of these policies.
    pub(super) fn of(policies: &[Policy]) -> Self {
        let take_snapshots = policies
            .iter()
            .filter(|policy| policy.options.source == Source::Snapshot);
        let drawn = take_snapshots.map(|policy| {
            let spread = policy.options.spread.unwrap_or(Spread::NONE);
            let of_policy = (policy.schedule.clone(), spread.duration());
            (policy.name.clone(), of_policy)
        });
        Self {
            policies: drawn.collect(),
            ..Self::default()
        }
    }

    /// A round of the planner begins.
    pub(super) fn begin(&mut self, invocation: u64, round: Round) {
        self.rounds.insert(invocation, round);
    }

    /// An invocation stores a planner's cursor.
    pub(super) fn note_cursor(
        &mut self,
        by: u64,
        (policy, region): (&PolicyName, &Region),
        cursor: &Cursor,
    ) {
        let key = (policy.clone(), region.clone());
        self.first.entry(key).or_insert(cursor.until);
        if self.rounds.get(&by).is_some_and(|round| round.is_at_once) {
            let kept = cursor.kept.iter();
            let wanted =
                kept.map(|kept| (policy.clone(), kept.database.resource_id.clone(), kept.due));
            self.wanted.extend(wanted);
        }
    }

    /// How long the spread after a due time is. It ends when the next due time comes.
    fn spread_after(&self, policy: &PolicyName, due: Timestamp) -> SignedDuration {
        let Some((schedule, drawn)) = self.policies.get(policy) else {
            return SignedDuration::ZERO;
        };
        let next = schedule.next(due).map(|next| next.timestamp());
        next.map_or(*drawn, |next| next.duration_since(due).min(*drawn))
    }

    /// A database's own time of a due time.
    fn own_time(&self, policy: &PolicyName, database: &ResourceId, due: Timestamp) -> Timestamp {
        let offset = offset(database, self.spread_after(policy, due));
        due.saturating_add(offset).unwrap_or(Timestamp::MAX)
    }

    /// The due time whose own time came last, by this instant.
    fn last_due(
        &self,
        policy: &PolicyName,
        database: &ResourceId,
        by: Timestamp,
    ) -> Option<Timestamp> {
        let (schedule, _) = self.policies.get(policy)?;
        let mut due_times = schedule.last(3, by).into_iter().rev();
        due_times.find(|due| self.own_time(policy, database, *due) <= by)
    }

    /// Whether a cursor says that a database was planned for the cursor's due time.
    fn is_planned(&self, policy: &PolicyName, database: &ResourceId, cursor: &Cursor) -> bool {
        let own = self.own_time(policy, database, cursor.until);
        cursor.spread.is_none_or(|open| own <= open.through)
    }

    /// The due time of which a database must have its execution when this cursor takes the place of the one before. `None`
    /// if nothing new is said about it.
    pub(super) fn newly_planned(
        &self,
        policy: &PolicyName,
        database: &ResourceId,
        (before, cursor): (Option<&Cursor>, &Cursor),
    ) -> Option<Timestamp> {
        let due = cursor.until;
        let goes_on = before.filter(|before| before.until == due);
        let was_kept = before.and_then(|before| kept(before, database));
        if self.is_planned(policy, database, cursor) {
            let was_planned =
                goes_on.is_some_and(|goes_on| self.is_planned(policy, database, goes_on));
            return (!was_planned || was_kept.is_some()).then_some(due);
        }
        // Its own time of this due time is to come. An earlier one may still be owed.
        if goes_on.is_some() {
            return was_kept.map(|kept| kept.due).filter(|owed| *owed < due);
        }
        let before = before.filter(|before| before.until < due)?;
        let (schedule, _) = self.policies.get(policy)?;
        let mut last = schedule.last(2, due).into_iter().rev();
        let last = last.find(|last| *last < due)?;
        let is_owed = before.until < last
            || !self.is_planned(policy, database, before)
            || was_kept.is_some_and(|kept| kept.due == last);
        is_owed.then_some(last)
    }
}

/// What a cursor keeps of a database by name.
fn kept<'c>(cursor: &'c Cursor, database: &ResourceId) -> Option<&'c Kept> {
    let mut all = cursor.kept.iter();
    all.find(|kept| kept.database.resource_id == *database)
}

impl World {
    /// An execution is started by the planner: at its database's own time or later, and once for each due time.
    pub(super) fn judge_own_time(&mut self, by: u64, name: &str, run: &ProtectionRequest) {
        let (policy, database, due) = (&run.policy, &run.database.resource_id, run.planned_at);
        let Some((schedule, _)) = self.own_times.policies.get(policy) else {
            return;
        };
        let is_due_time = schedule.due(None, due) == Some(due);
        let own = self.own_times.own_time(policy, database, due);
        let spread = self.own_times.spread_after(policy, due);
        let offset = own.duration_since(due);
        let key = (policy.clone(), database.clone());
        let first = *self.own_times.offsets.entry(key).or_insert(offset);
        let is_within = offset.is_zero() || !offset.is_negative() && offset < spread;
        let round = self.own_times.rounds.get(&by);
        let is_wanted = self
            .own_times
            .wanted
            .contains(&(policy.clone(), database.clone(), due));
        let is_at_once = is_wanted || round.is_some_and(|round| round.is_at_once);
        if !is_due_time {
            self.broke(rule::OWN_TIME, || {
                format!("{name} is of {due}, when its policy is not due")
            });
        }
        if first != offset || !is_within {
            self.broke(rule::OWN_TIME, || {
                format!("{database} begins {offset:?} after {due}, and began {first:?} after another due time")
            });
        }
        if self.now < own && !is_at_once {
            self.broke(rule::OWN_TIME, || {
                format!("{name} begins, and its own time is {own}")
            });
        }
        let mut executions = self.step_functions.executions.iter();
        let done = executions.find(|(other, execution)| {
            // A person who redrives an execution is responsible for it.
            other.as_str() != name
                && execution.status == Status::Succeeded
                && execution.redrives == 0
                && !execution.by_hand
                && is_same_run(&execution.run, run)
        });
        if let Some((done, _)) = done {
            let detail = format!("{name} is started, and {done} has succeeded");
            self.broke(rule::ONCE, || detail);
        }
    }

    /// Whether the planner says the truth about a database that waits. No policy of these worlds makes one wait for
    /// anything but its own time.
    pub(super) fn waits_for_its_own_time(
        &self,
        by: u64,
        policy: &PolicyName,
        (row, waits): (&Row, &Waits),
    ) -> bool {
        let Some((schedule, _)) = self.own_times.policies.get(policy) else {
            return false;
        };
        let own_time = |due| self.own_times.own_time(policy, &row.resource_id, due);
        let own = schedule.due(None, waits.until).map(own_time);
        let round = self.own_times.rounds.get(&by);
        waits.why == WaitsWhy::OwnTime
            && row.due == waits.until
            && own == Some(waits.until)
            && round.is_some_and(|round| waits.until > round.begun_at)
    }

    /// A round of the planner has ended. Where it met no error, no database is forgotten whose own time had come when the
    /// round began.
    pub(super) fn judge_round(&mut self, by: u64, planned: &[Planned]) {
        let round = self.own_times.rounds.get(&by).copied();
        let Some(round) = round.filter(|round| !round.is_partial) else {
            return;
        };
        let mut complete = planned.iter().filter(|planned| planned.error.is_none());
        let forgotten = complete
            .find_map(|planned| self.forgotten(&planned.policy, &planned.region, round.begun_at));
        if let Some((database, due)) = forgotten {
            self.broke(rule::PLANNED, || {
                format!("{database} has no execution for {due}, and its own time has come")
            });
        }
    }

    /// A database that has no execution for the due time whose own time came last, and for which the stored cursor makes up
    /// no more.
    fn forgotten(
        &self,
        policy: &PolicyName,
        region: &Region,
        by: Timestamp,
    ) -> Option<(ResourceId, Timestamp)> {
        let cursor = self.table.plan_cursor(policy, region)?;
        let first = *self
            .own_times
            .first
            .get(&(policy.clone(), region.clone()))?;
        let selected = self.to_be_protected(&rds_region(region), policy.as_str());
        let own = selected.into_iter().filter_map(|id| {
            let database = ResourceId::parse(id).ok()?;
            let due = self.own_times.last_due(policy, &database, by)?;
            Some((database, due))
        });
        let mut own = own.filter(|(_, due)| *due >= first);
        own.find(|(database, due)| {
            let is_to_come =
                cursor.until == *due && !self.own_times.is_planned(policy, database, cursor);
            !is_to_come
                && kept(cursor, database).is_none()
                && !self.is_refused_for_good(database.as_str(), policy)
                && !self.has_its_execution(database, policy, *due)
        })
    }

    /// Whether a database has an execution for a due time, or for a later one, or had one at work when the planner may have
    /// looked.
    pub(super) fn has_its_execution(
        &self,
        database: &ResourceId,
        policy: &PolicyName,
        due: Timestamp,
    ) -> bool {
        self.step_functions.executions.values().any(|execution| {
            let run = &execution.run;
            run.database.resource_id == *database
                && run.policy == *policy
                && (self.ran_lately(execution) || run.planned_at >= due && !self.is_forged(run))
        })
    }

    /// Whether a round of the planner has planned every own time of the due times that came before the faults stopped.
    pub(super) fn own_times_are_planned(&self, by: u64) -> bool {
        let Some(round) = self.own_times.rounds.get(&by) else {
            return true;
        };
        let policies = self.own_times.policies.iter();
        let mut spread = policies.filter(|(_, (_, drawn))| !drawn.is_zero());
        spread.all(|(policy, (schedule, _))| {
            let due = schedule.due(None, self.fair_since);
            due.is_none_or(|due| {
                let spread = self.own_times.spread_after(policy, due);
                round.begun_at.duration_since(due) >= spread
            })
        })
    }
}
