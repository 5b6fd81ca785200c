//! How every database stands: whether it has a recovery point that is young enough, and if not, why.
//!
//! Everything is computed from what RDS holds now and from the table, never from remembered successes.

mod facts;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::{SignedDuration, Timestamp};

use super::points::Point;
use super::redrive::FailedStatus;
use crate::domain::id::arn::{Family, RdsArn};
use crate::domain::id::names::ResourceId;
use crate::domain::id::tags::PolicyName;
use crate::domain::policy::choice::{Choice, ExclusionReason, choose};
use crate::domain::policy::overdue::{Overdue, overdue, time_without};
use crate::domain::policy::rpo::rpo;
use crate::domain::policy::timing::Newest;
use crate::domain::rds::database::Database;
use crate::domain::retention::inventory::Group;
use crate::domain::run::command::Step;
use crate::domain::run::failure::Remedy;
use crate::domain::run::refusal::RefusedForGood;
use crate::domain::run::wait::{Phase, Wait};

pub use facts::{CatalogFacts, ClaimedRun, Facts};

/// How a database stands, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// Its newest recovery point is older than its RPO, or it has none for that long, or after a run that failed.
    Overdue,
    /// It is young enough, and a command waits for a person.
    Parked,
    /// It is young enough, and its last run ended without success.
    Failed,
    /// It is selected, or its tag names a policy, and Snapferry cannot protect it.
    Unprotected,
    /// It has no recovery point yet, and nothing has gone wrong.
    New,
    /// Its newest recovery point is young enough.
    Protected,
    /// It no longer exists; its recovery points do.
    Orphaned,
    /// It is left out on purpose.
    Excluded,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 8] = [
        Self::Overdue,
        Self::Parked,
        Self::Failed,
        Self::Unprotected,
        Self::New,
        Self::Protected,
        Self::Orphaned,
        Self::Excluded,
    ];

    /// The word in listings and JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Overdue => "overdue",
            Self::Parked => "parked",
            Self::Failed => "failed",
            Self::Unprotected => "unprotected",
            Self::New => "new",
            Self::Protected => "protected",
            Self::Orphaned => "orphaned",
            Self::Excluded => "excluded",
        }
    }

    /// Whether a person has to do something about it.
    #[must_use]
    pub fn needs_a_person(self) -> bool {
        matches!(
            self,
            Self::Overdue | Self::Parked | Self::Failed | Self::Unprotected
        )
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What is being made for a database now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InFlight {
    /// Its snapshot, or the copy.
    pub step: Step,
    /// How far that has come; `None` before the worker has stored a wait.
    pub phase: Option<Phase>,
    /// Since when; `None` before the worker has stored a wait.
    pub since: Option<Timestamp>,
    /// The name of the execution.
    pub execution: String,
    /// How far RDS has come with the copy, in percent, when its copies were listed last.
    pub percent: Option<u8>,
    /// How long this step usually takes, by the database's history.
    pub usual: Option<SignedDuration>,
}

impl fmt::Display for InFlight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let thing = self.step.as_str();
        match self.phase {
            None => write!(f, "its execution has started"),
            Some(Phase::Queued) => write!(f, "the {thing} waits for a free copy slot"),
            Some(Phase::Registered) => write!(f, "the {thing} is about to be requested"),
            Some(Phase::Requested) => write!(f, "RDS has accepted the {thing}"),
            Some(Phase::Seen) => {
                write!(f, "RDS is making the {thing}")?;
                match self.percent {
                    Some(percent) => write!(f, " ({percent} %)"),
                    None => Ok(()),
                }
            }
        }
    }
}

/// Why the last run did not succeed, or does not go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastFailure {
    /// When; `None` if Step Functions no longer lists it.
    pub at: Option<Timestamp>,
    /// What happened.
    pub why: String,
    /// The name of the execution.
    pub execution: String,
}

/// How one database stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The database.
    pub database: RdsArn,
    /// Its resource id.
    pub resource_id: ResourceId,
    /// The policy that it is judged by.
    pub policy: Option<PolicyName>,
    /// How it stands.
    pub state: State,
    /// Why, in a sentence.
    pub reason: String,
    /// Its newest recovery point.
    pub newest: Option<Point>,
    /// How many recovery points RDS lists.
    pub count: usize,
    /// How old the data of the newest is.
    pub age: Option<SignedDuration>,
    /// Since when the planner has found it selected by its policy.
    pub selected_since: Option<Timestamp>,
    /// How old it may be.
    pub rpo: Option<SignedDuration>,
    /// Whether it is too old, or has been missing for too long or after a failure.
    pub overdue: bool,
    /// What is being made now.
    pub in_flight: Option<InFlight>,
    /// What went wrong last, if it still matters.
    pub last_failure: Option<LastFailure>,
    /// What a person does about it.
    pub remedy: Option<String>,
}

impl Row {
    /// The group that its recovery points share.
    #[must_use]
    pub fn group(&self) -> Option<Group> {
        let region = self.database.region().clone();
        Some((region, self.resource_id.clone(), self.policy.clone()?))
    }
}

/// Judges every database: those that need a person first, then by name.
#[must_use]
pub fn judge(facts: &Facts<'_>) -> Vec<Row> {
    let judge = Judge::new(facts);
    let listed: BTreeSet<&ResourceId> = facts
        .databases
        .iter()
        .map(|database| &database.resource_id)
        .collect();
    let mut rows: Vec<Row> = facts
        .databases
        .iter()
        .filter_map(|database| judge.listed(database))
        .collect();
    let unlisted = facts.points.iter().filter(|(id, _)| !listed.contains(id));
    rows.extend(unlisted.map(|(id, of)| judge.unlisted(id, &of.database, &of.policy)));
    rows.extend(
        facts
            .hidden(&listed)
            .map(|(id, arn, policy)| judge.unlisted(id, arn, policy)),
    );
    rows.sort_by(|a, b| (a.state, &a.database).cmp(&(b.state, &b.database)));
    rows
}

/// What keeps a database from its next recovery point until a person acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hindrance {
    /// Its command is parked.
    Parked,
    /// Its run ended without success.
    Failed,
}

struct Judge<'a> {
    facts: &'a Facts<'a>,
    waits: BTreeMap<(&'a ResourceId, &'a PolicyName), &'a Wait>,
    rpos: BTreeMap<&'a PolicyName, SignedDuration>,
    /// The clusters whose own tags decide, whatever their members carry.
    decided: BTreeSet<String>,
}

impl<'a> Judge<'a> {
    fn new(facts: &'a Facts<'a>) -> Self {
        let waits = facts.waits.iter().map(|wait| {
            let run = &wait.command.run;
            ((&run.database.resource_id, &run.policy), wait)
        });
        let policies = facts.policies.all.iter();
        let decided = facts.databases.iter().filter(|database| {
            database.arn.family() == Family::Cluster
                && choose(database, facts.policies).is_by_its_own_tags()
        });
        Self {
            decided: decided.map(|it| it.arn.name().to_owned()).collect(),
            facts,
            waits: waits.collect(),
            rpos: policies
                .map(|policy| (&policy.name, rpo(policy, facts.now)))
                .collect(),
        }
    }

    /// Members of a cluster are protected through it, and are no rows of their own.
    fn listed(&self, database: &Database) -> Option<Row> {
        let id = &database.resource_id;
        Some(match choose(database, self.facts.policies) {
            Choice::LeaveOut(why) => self.left_out(database, why.knowing(&self.decided))?,
            Choice::Refuse(policy, why) => Row {
                state: State::Unprotected,
                reason: why.to_string(),
                remedy: Some(
                    why.remedy()
                        .unwrap_or("exclude it by the tag snapferry:exclude, or change it")
                        .to_owned(),
                ),
                ..self.row(id, &database.arn, Some(&policy))
            },
            Choice::Protect(policy) => self.selected(id, &database.arn, &policy),
            Choice::NotNow(policy, why) => {
                let mut row = self.selected(id, &database.arn, &policy);
                if row.state != State::Protected {
                    row.reason = format!("{}; {why}", row.reason);
                }
                row
            }
        })
    }

    fn left_out(&self, database: &Database, why: ExclusionReason) -> Option<Row> {
        let row = self.row(&database.resource_id, &database.arn, None);
        let reason = why.to_string();
        Some(match why {
            ExclusionReason::ClusterMember(_) => return None,
            why if why.is_mistake() => Row {
                state: State::Unprotected,
                reason,
                remedy: Some(
                    "correct the tag, or add the policy: snapferry policy apply".to_owned(),
                ),
                ..row
            },
            _ => Row {
                state: State::Excluded,
                reason,
                ..row
            },
        })
    }

    /// A database that only its recovery points speak of: its region cannot be read, or it no longer exists.
    fn unlisted(&self, id: &ResourceId, database: &RdsArn, policy: &PolicyName) -> Row {
        let place = (database.region().clone(), database.family());
        if self.facts.unread.contains(&place) {
            let mut row = self.selected(id, database, policy);
            row.reason.push_str("; its region cannot be read now");
            return row;
        }
        Row {
            state: State::Orphaned,
            reason: "the database no longer exists; its recovery points stay".to_owned(),
            ..self.row(id, database, Some(policy))
        }
    }

    /// The facts of a database without a verdict.
    fn row(&self, id: &ResourceId, database: &RdsArn, policy: Option<&PolicyName>) -> Row {
        let of = self.facts.points.of(id);
        let entry = policy.and_then(|policy| self.entry(id, policy));
        let listed = of.map(|of| of.newest.clone());
        let newest = if self.facts.points_unread.contains(&database.family()) {
            let known = entry.and_then(|entry| entry.newest.clone());
            [listed, known]
                .into_iter()
                .flatten()
                .max_by_key(|point| point.taken_at)
        } else {
            listed
        };
        let age = newest.as_ref().and_then(|point| point.taken_at).map(|at| {
            let age = self.facts.now.duration_since(at);
            age.max(SignedDuration::ZERO)
        });
        let rpo = policy.and_then(|policy| self.rpos.get(policy).copied());
        let selected = policy.and_then(|policy| {
            let key = (id.clone(), policy.clone());
            self.facts.selected.get(&key)
        });
        Row {
            database: database.clone(),
            resource_id: id.clone(),
            policy: policy.cloned(),
            state: State::Protected,
            reason: String::new(),
            newest,
            count: of.map_or(0, |of| of.count),
            age,
            selected_since: selected.map(|selected| selected.since),
            rpo,
            overdue: false,
            in_flight: None,
            last_failure: None,
            remedy: None,
        }
    }

    fn entry(&self, id: &ResourceId, policy: &PolicyName) -> Option<&CatalogFacts> {
        self.facts.catalog.get(&(id.clone(), policy.clone()))
    }

    fn selected(&self, id: &ResourceId, database: &RdsArn, policy: &PolicyName) -> Row {
        let mut row = self.row(id, database, Some(policy));
        let hindrance = self.under_way(&mut row, id, policy);
        let refused = self.entry(id, policy).and_then(|it| it.refused.as_ref());
        let newest = match &row.newest {
            None => Newest::None,
            Some(point) => point.taken_at.map_or(Newest::Undated, Newest::At),
        };
        let without = time_without(newest, row.selected_since, self.facts.now);
        let overdue = overdue(without, row.rpo, refused);
        let too_old = overdue == Some(Overdue::TooOld);
        let parked = hindrance == Some(Hindrance::Parked);
        let failed = hindrance.is_some();
        let (state, reason) = match &row.newest {
            _ if let Some(Overdue::RefusedForGood(refusal)) = overdue => {
                row.remedy = Some(RefusedForGood::REMEDY.to_owned());
                (State::Overdue, refusal.to_string())
            }
            None if failed => (
                State::Overdue,
                "it has no recovery point, and its run did not succeed".to_owned(),
            ),
            None if too_old => (
                State::Overdue,
                "it has no recovery point, and a policy has selected it for longer than its RPO"
                    .to_owned(),
            ),
            None => (State::New, self.first_time(&row, policy)),
            Some(point) if point.taken_at.is_none() => (
                State::Protected,
                "neither RDS nor the copy's tag says how old its newest recovery point is"
                    .to_owned(),
            ),
            Some(_) if too_old => (
                State::Overdue,
                "its newest recovery point is older than its RPO".to_owned(),
            ),
            Some(_) if parked => (State::Parked, "a command waits for a person".to_owned()),
            Some(_) if failed => (State::Failed, "its last run did not succeed".to_owned()),
            Some(_) => (
                State::Protected,
                "its newest recovery point is within its RPO".to_owned(),
            ),
        };
        row.overdue = state == State::Overdue;
        if row.overdue && row.remedy.is_none() {
            row.remedy = Some(match row.in_flight {
                Some(_) => "a new one is being made; see snapferry waits".to_owned(),
                None => "run snapferry doctor, which says what is in the way; then snapferry start --again"
                    .to_owned(),
            });
        }
        row.state = state;
        row.reason = reason;
        row
    }

    /// Says what is being made and what went wrong. Answers what a person has to clear away, if anything.
    fn under_way(&self, row: &mut Row, id: &ResourceId, policy: &PolicyName) -> Option<Hindrance> {
        if let Some(wait) = self.waits.get(&(id, policy)) {
            let execution = wait.command.execution.name().to_owned();
            row.in_flight = Some(InFlight {
                step: wait.command.step,
                phase: Some(wait.phase),
                since: Some(wait.opened_at),
                execution: execution.clone(),
                percent: self.facts.points.percent(&wait.resource),
                usual: self.usual(row, wait.command.step),
            });
            let error = wait.current_error()?;
            row.last_failure = Some(LastFailure {
                at: Some(error.at),
                why: error.why.clone(),
                execution,
            });
            row.remedy = error.remedy.map(Remedy::sentence).map(ToOwned::to_owned);
            // Without a remedy it may pass by itself: the worker tries again.
            return error.remedy.map(|_| Hindrance::Parked);
        }
        let open = self.entry(id, policy)?.open.as_ref()?;
        let run = self.facts.claimed.get(open)?;
        if run.running {
            row.in_flight = Some(InFlight {
                step: Step::Snapshot,
                phase: None,
                since: None,
                execution: open.to_string(),
                percent: None,
                usual: None,
            });
            return None;
        }
        // Without an error it succeeded: the claim is taken over by the next run.
        let why = describe(run)?;
        row.last_failure = Some(LastFailure {
            at: run.ended.map(|(_, at)| at),
            why,
            execution: open.to_string(),
        });
        row.remedy = Some(format!(
            "fix the cause, then: snapferry redrive --database {} --yes",
            row.database.name()
        ));
        Some(Hindrance::Failed)
    }

    /// How long a step of a database's runs usually takes.
    fn usual(&self, row: &Row, step: Step) -> Option<SignedDuration> {
        let history = self.facts.histories.get(&row.group()?)?;
        history.usual(|made| match step {
            Step::Snapshot => made.snapshot_took,
            Step::Copy => made.copy_took,
        })
    }

    fn first_time(&self, row: &Row, policy: &PolicyName) -> String {
        if let Some(in_flight) = &row.in_flight {
            return format!("its first recovery point is being made: {in_flight}");
        }
        let next = self.facts.policies.get(policy.as_str());
        match next.and_then(|policy| policy.next_own_time(&row.resource_id, self.facts.now)) {
            Some(next) => format!("it has no recovery point yet; due {next}"),
            None => "it has no recovery point yet".to_owned(),
        }
    }
}

fn describe(run: &ClaimedRun) -> Option<String> {
    let ended = run.ended.map(|(status, _)| match status {
        FailedStatus::Failed => "the execution failed",
        FailedStatus::TimedOut => "the execution timed out",
        FailedStatus::Aborted => "somebody stopped the execution",
    });
    match (&run.error, &run.cause, ended) {
        (Some(error), Some(cause), _) => Some(format!("{error}: {cause}")),
        (Some(error), None, _) => Some(error.clone()),
        (None, Some(cause), _) => Some(cause.clone()),
        (None, None, ended) => ended.map(ToOwned::to_owned),
    }
}
