//! Carries out the restores of many plans, in their order, until each is done or a person must act.

use std::time::Duration;

use jiff::Timestamp;

use crate::app::carry_out::{self, Begun, Outcome, Round, advance, begin, look};
use crate::app::restore::{self, OrderedPlan, RestoreError, RestoreOf, RestorePlans};
use crate::app::resume::plan_from;
use crate::domain::id::arn::RdsArn;
use crate::domain::id::names::ResourceId;
use crate::domain::restore::compare::{Difference, differences};
use crate::domain::restore::plan::RestorePlan;
use crate::domain::restore::refusal::RestoreRefusal;
use crate::domain::restore::restored::Seen;
use crate::error::chain;
use crate::ports::{Clock, RdsError, StoredRestore};

const STOPPED_BY_A_GAP: &str = "stopped by a gap: see its plan";
const STOPPED_BY_ANOTHER: &str =
    "stopped: another process has begun another restore under this name";

/// What carrying restores out needs beside what planning them needs.
pub trait Permissions: restore::Permissions + carry_out::Permissions + Clock {}

impl<W: restore::Permissions + carry_out::Permissions + Clock> Permissions for W {}

/// What the command waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pause {
    /// Until RDS takes the next change without being hurried.
    BetweenCalls,
    /// Until another look at RDS is worth it.
    BetweenLooks,
}

impl Pause {
    /// How long that is.
    #[must_use]
    pub fn duration(self) -> Duration {
        match self {
            Self::BetweenCalls => Duration::from_millis(200),
            Self::BetweenLooks => Duration::from_secs(10),
        }
    }
}

/// How far a restore has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// It is under way.
    Restoring,
    /// Its database counts as running, and something is left to do.
    Running,
    /// Nothing is left to do.
    Done,
    /// A person must act.
    Stopped,
}

impl Stage {
    /// Its word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Restoring => "restoring",
            Self::Running => "running",
            Self::Done => "done",
            Self::Stopped => "stopped",
        }
    }
}

/// A restore that is followed.
#[derive(Debug)]
pub struct FollowedRestore {
    /// Its place among the others.
    pub order: Option<i64>,
    /// Its plan.
    pub plan: RestorePlan,
    /// How far it has come.
    pub stage: Stage,
    /// What happened last, in words.
    pub says: String,
    /// What is stored of it, once it has begun.
    pub stored: Option<StoredRestore>,
    /// What RDS showed last.
    pub seen: Seen,
    /// What the restored database has otherwise than planned.
    pub differs: Vec<Difference>,
}

impl FollowedRestore {
    fn of(one: OrderedPlan) -> Self {
        let stopped = match one.findings.iter().find(|finding| finding.stops) {
            _ if one.plan.is_stopped() => Some(STOPPED_BY_A_GAP.to_owned()),
            Some(finding) => {
                let (what, remedy) = (&finding.what, finding.check.remedy());
                Some(format!("stopped by preflight: {what}: {remedy}"))
            }
            None => None,
        };
        Self {
            order: one.order,
            plan: one.plan,
            stage: match stopped {
                Some(_) => Stage::Stopped,
                None => Stage::Restoring,
            },
            says: stopped.unwrap_or_default(),
            stored: None,
            seen: Seen::default(),
            differs: Vec::new(),
        }
    }

    /// The recovery point that its database is restored from. A database that was restored before has that restore's.
    #[must_use]
    pub fn point(&self) -> &RdsArn {
        let stored = self.stored.as_ref();
        stored.map_or(&self.plan.point, |stored| &stored.record.point)
    }

    /// The resource id of the database that it made.
    #[must_use]
    pub fn made(&self) -> Option<&ResourceId> {
        self.stored.as_ref()?.record.made.get(&self.plan.name)
    }

    /// When it was first found running.
    #[must_use]
    pub fn running_at(&self) -> Option<Timestamp> {
        self.stored.as_ref()?.record.running_at
    }

    /// When it was asked for.
    #[must_use]
    pub fn began_at(&self) -> Option<Timestamp> {
        Some(self.stored.as_ref()?.record.began_at)
    }

    /// Those without a number come last.
    fn place(&self) -> (bool, Option<i64>) {
        (self.order.is_none(), self.order)
    }

    fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Done | Stage::Stopped)
    }

    fn stop(&mut self, why: String) {
        self.stage = Stage::Stopped;
        self.says = why;
    }

    fn note(&mut self, round: &Round) {
        self.stage = match &round.outcome {
            Outcome::Done => Stage::Done,
            Outcome::Failed(_) | Outcome::Stopped(_) => Stage::Stopped,
            _ if round.is_running => Stage::Running,
            _ => Stage::Restoring,
        };
        self.says = match &round.outcome {
            Outcome::Sent(operation) => format!("RDS has accepted {operation}"),
            Outcome::Found(name) => format!("RDS shows {name}, which an earlier call made"),
            Outcome::Waits(what) => what.to_string(),
            Outcome::Refused(error) => format!("again later: {}", chain(error)),
            Outcome::Stopped(error) => format!(
                "stopped: {}. Fix this and run the same command again",
                chain(error)
            ),
            Outcome::Elsewhere => "another process carries it out at the same time".to_owned(),
            Outcome::Done => "done".to_owned(),
            Outcome::Failed(failure) => format!("stopped: {failure}"),
        };
    }
}

/// Begins the restores of some plans and follows them until each is done or a person must act. One that stops stops no
/// other. Databases of a larger number begin when all of the smaller ones are running or have stopped.
///
/// # Errors
/// If the table or RDS does not answer. The restores go on when this is begun again.
pub async fn carry_out_restores<W: Permissions>(
    world: &W,
    of: RestoreOf<'_>,
    plans: RestorePlans,
    pause: impl AsyncFn(Pause),
    mut shown: impl FnMut(&FollowedRestore),
) -> Result<Vec<FollowedRestore>, RestoreError> {
    let mut all: Vec<FollowedRestore> = plans.plans.into_iter().map(FollowedRestore::of).collect();
    loop {
        let order = all
            .iter()
            .filter(|one| one.stage == Stage::Restoring)
            .map(FollowedRestore::place)
            .min();
        for one in &mut all {
            let may_begin = order.is_none_or(|order| one.place() <= order);
            if may_begin && !one.is_over() && one.stored.is_none() {
                start(world, of, one).await?;
                shown(one);
            }
        }
        if all.iter().all(FollowedRestore::is_over) {
            return Ok(all);
        }
        let open = all.iter_mut();
        let mut open: Vec<&mut FollowedRestore> = open
            .filter(|one| !one.is_over() && one.stored.is_some())
            .collect();
        match round(world, of, &mut open, &pause, &mut shown).await {
            Err(RestoreError::Rds(error)) if is_passing(&error) => {}
            other => other?,
        }
        if !all.iter().all(FollowedRestore::is_over) {
            pause(Pause::BetweenLooks).await;
        }
    }
}

/// Whether the same question may be answered later.
pub(super) fn is_passing(error: &RdsError) -> bool {
    RestoreRefusal::of(error.code.as_deref()) == RestoreRefusal::Later
}

/// Looks at the open restores and takes each one step further.
async fn round<W: Permissions>(
    world: &W,
    of: RestoreOf<'_>,
    open: &mut [&mut FollowedRestore],
    pause: &impl AsyncFn(Pause),
    shown: &mut impl FnMut(&FollowedRestore),
) -> Result<(), RestoreError> {
    let plans: Vec<&RestorePlan> = open.iter().map(|one| &one.plan).collect();
    let seen = look(world, of, &plans).await?;
    for (one, seen) in open.iter_mut().zip(seen) {
        let Some(stored) = &mut one.stored else {
            continue;
        };
        // Another process has stored a restore of its own since this one made nothing.
        if stored.record.point != one.plan.point {
            one.stop(STOPPED_BY_ANOTHER.to_owned());
            shown(one);
            continue;
        }
        let round = advance(world, of.home, &one.plan, stored, &seen).await?;
        one.differs = differences(&one.plan, &seen);
        one.seen = seen;
        let before = (one.stage, one.says.clone());
        one.note(&round);
        if before != (one.stage, one.says.clone()) {
            shown(one);
        }
        if matches!(round.outcome, Outcome::Sent(_) | Outcome::Refused(_)) {
            pause(Pause::BetweenCalls).await;
        }
    }
    Ok(())
}

/// Begins a restore. One of another recovery point that has begun under the name goes on with that recovery point.
async fn start<W: Permissions>(
    world: &W,
    of: RestoreOf<'_>,
    one: &mut FollowedRestore,
) -> Result<(), RestoreError> {
    match begin(world, of, &one.plan).await? {
        Begun::Goes(stored) => one.stored = Some(*stored),
        Begun::IsDone(stored, at) => {
            one.stage = Stage::Done;
            one.says = format!(
                "it was restored before, at {at}, and is not changed again: --as NAME makes another"
            );
            let mut seen = look(world, of, &[&one.plan]).await?;
            one.seen = seen.pop().unwrap_or_default();
            one.stored = Some(*stored);
        }
        Begun::OfAnotherPoint(point, taken_at) => {
            let planned = plan_from(world, of, &one.plan, &point, taken_at).await?;
            let Some(plan) = planned else {
                one.stop(format!(
                    "stopped: a restore of {} has begun under this name, and that recovery point is not to be found. \
                     Delete what it made, or choose a name with --as",
                    point.name()
                ));
                return Ok(());
            };
            one.plan = plan;
            if one.plan.is_stopped() {
                one.stop(STOPPED_BY_A_GAP.to_owned());
                return Ok(());
            }
            match begin(world, of, &one.plan).await? {
                Begun::Goes(stored) | Begun::IsDone(stored, _) => {
                    one.stored = Some(*stored);
                    one.says = format!("it goes on with {}", point.name());
                }
                Begun::OfAnotherPoint(..) | Begun::OfAnotherDatabase(_) => {
                    one.stop(STOPPED_BY_ANOTHER.to_owned());
                }
            }
        }
        Begun::OfAnotherDatabase(other) => one.stop(format!(
            "stopped: another database, {other}, has this name in the recovery region: choose another with --as"
        )),
    }
    Ok(())
}
