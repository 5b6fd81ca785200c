//! What a restore does next, given its plan, what is stored of it, and what RDS shows now.
//!
//! The order is that of the plan's steps. Whether a step is done is asked of RDS and never of the record, so a restore
//! goes on where it was after a crash, a lost answer or a second start. The record says two things that RDS cannot: the
//! resource ids of what this restore made, and when a call was last sent.

use std::fmt;

use jiff::{SignedDuration, Timestamp};

use super::compare::{is_as_wanted, lacks_backups, lines_of_step};
use super::plan::{RestorePlan, Step, StepKind};
use super::record::{RestoreRecord, Sending};
use super::restored::{Fitness, RestoredDatabase, Seen};
use super::setting::Setting;
use super::value::Value;
use crate::domain::id::names::ResourceId;
use crate::domain::id::tags::RESTORED;
use crate::domain::run::failure::Operation;

/// How long RDS may take to show what it accepted. After that the call is sent again.
pub const PATIENCE: SignedDuration = SignedDuration::from_mins(10);
/// How often a change is sent that RDS accepts and does not show. Then the report names the setting.
pub const TRIES_MAX: u32 = 3;
/// How much the clocks of RDS and of this process may differ.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(5);

/// What is waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WaitsFor {
    /// RDS does not show yet what it was asked to make.
    Shown(String),
    /// A database has a status that lets nothing be done to it.
    Status(String, String),
    /// A change of a database is not made yet.
    Change(String),
    /// RDS has accepted this call and does not show its effect yet.
    Effect(Operation),
}

impl fmt::Display for WaitsFor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shown(name) => write!(f, "RDS does not show {name} yet"),
            Self::Status(name, status) => write!(f, "{name} is {status}"),
            Self::Change(name) => write!(f, "a change of {name} is not made yet"),
            Self::Effect(action) => write!(f, "{action} has no effect yet"),
        }
    }
}

/// Why a restore cannot go on. Nothing of the database is changed then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RestoreFailure {
    /// Another database has the name.
    NameTaken(String),
    /// The database of the name is not the one that this restore made.
    Replaced(String, ResourceId, ResourceId),
    /// RDS has given it up.
    Broken(String, String),
    /// RDS no longer shows it.
    Vanished(String),
}

impl fmt::Display for RestoreFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NameTaken(name) => write!(
                f,
                "another database is called {name}, and this restore did not make it: choose a name with --as"
            ),
            Self::Replaced(name, made, found) => write!(
                f,
                "{name} is no longer the database that this restore made ({made}) but another one ({found}), of which \
                 nothing is changed"
            ),
            Self::Broken(name, status) => write!(
                f,
                "{name} is {status}: look at its events, delete it, and restore again"
            ),
            Self::Vanished(name) => {
                write!(f, "RDS no longer shows {name}: somebody has deleted it")
            }
        }
    }
}

/// What a restore does next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NextStep {
    /// It sends the call of this step.
    Send(usize),
    /// An earlier call of its own made this database: its resource id is stored.
    Note(String, ResourceId),
    /// It waits.
    Wait(WaitsFor),
    /// Nothing is left to do.
    Done,
    /// It cannot go on.
    Fail(RestoreFailure),
}

/// What a restore does next, and whether its database counts as running.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// What is next.
    pub next: NextStep,
    /// Whether it counts as running: everything before that is done, clients can connect, and backups are on unless a
    /// person asked for a fast restore or it had none.
    pub is_running: bool,
}

/// What a restore does next.
#[must_use]
pub fn next_step(
    plan: &RestorePlan,
    record: &RestoreRecord,
    seen: &Seen,
    now: Timestamp,
) -> Decided {
    let view = View {
        plan,
        record,
        seen,
        now,
    };
    let open = view.first_open();
    let is_past = open.as_ref().is_none_or(|(at, next)| {
        *at >= plan.runs_after && !matches!(next, NextStep::Fail(_) | NextStep::Note(..))
    });
    let is_running =
        is_past && view.is_reachable() && (record.is_fast || !lacks_backups(plan, seen));
    Decided {
        next: open.map_or(NextStep::Done, |(_, next)| next),
        is_running,
    }
}

struct View<'a> {
    plan: &'a RestorePlan,
    record: &'a RestoreRecord,
    seen: &'a Seen,
    now: Timestamp,
}

impl View<'_> {
    /// The first step that is not done, and what it needs.
    fn first_open(&self) -> Option<(usize, NextStep)> {
        let steps = self.plan.steps.iter().enumerate();
        for (at, step) in steps {
            let next = match &step.kind {
                StepKind::Restore => self.made(at, step, &self.plan.name, None),
                StepKind::Member(name) => self.made(at, step, name, Some(&self.plan.name)),
                _ => self.changed(at, step),
            };
            if let Some(next) = next {
                return Some((at, next));
            }
        }
        let waits = self.all().find(|one| !one.is_reachable())?;
        let waits = WaitsFor::Status(waits.name.clone(), waits.status.clone());
        Some((self.plan.steps.len(), NextStep::Wait(waits)))
    }

    /// The database and its members, as far as RDS shows them.
    fn all(&self) -> impl Iterator<Item = &RestoredDatabase> {
        let members = self.plan.members.iter();
        let members = members.filter_map(|(name, _)| self.seen.members.get(name));
        self.seen.database.iter().chain(members)
    }

    fn is_reachable(&self) -> bool {
        let wanted = 1 + self.plan.members.len();
        self.all().filter(|one| one.is_reachable()).count() == wanted
    }

    /// A database that a call makes. Nothing once it is there and this restore's own.
    fn made(&self, at: usize, step: &Step, name: &str, cluster: Option<&str>) -> Option<NextStep> {
        let found = match cluster {
            None => self.seen.database.as_ref(),
            Some(_) => self.seen.members.get(name),
        };
        let sent = self.record.sent.get(&step.key());
        let is_young = sent.is_some_and(|sent| self.is_young(*sent));
        let known = self.record.made.get(name);
        let Some(found) = found else {
            return Some(match known {
                _ if is_young => NextStep::Wait(WaitsFor::Shown(name.to_owned())),
                Some(_) => NextStep::Fail(RestoreFailure::Vanished(name.to_owned())),
                None => self.send_when_ready(at, cluster.is_some()),
            });
        };
        match known {
            Some(known) if *known == found.resource_id => {}
            Some(known) => {
                let (known, found) = (known.clone(), found.resource_id.clone());
                let replaced = RestoreFailure::Replaced(name.to_owned(), known, found);
                return Some(NextStep::Fail(replaced));
            }
            None if self.is_own(found, sent, cluster) => {
                return Some(NextStep::Note(name.to_owned(), found.resource_id.clone()));
            }
            None => {
                let taken = RestoreFailure::NameTaken(name.to_owned());
                return Some(NextStep::Fail(taken));
            }
        }
        if found.fitness() == Fitness::Broken {
            let broken = RestoreFailure::Broken(name.to_owned(), found.status.clone());
            return Some(NextStep::Fail(broken));
        }
        None
    }

    /// Whether a call of this restore made a database whose resource id is not stored: the answer was lost. The name was
    /// free when the call was sent, so what bears it and this stack's mark, and is no older than the call, is its own.
    fn is_own(
        &self,
        found: &RestoredDatabase,
        sent: Option<&Sending>,
        cluster: Option<&str>,
    ) -> bool {
        if sent.is_none() {
            return false;
        }
        let mark = self.plan.tags.get(RESTORED);
        let is_marked = mark.is_some() && found.tags.get(RESTORED) == mark;
        // The first of several sendings may be the one that RDS took.
        let earliest = self.record.began_at - CLOCK_SKEW;
        let is_young = found.created_at.is_none_or(|at| at >= earliest);
        is_marked && is_young && found.member_of.as_deref() == cluster
    }

    fn is_young(&self, sent: Sending) -> bool {
        self.now.duration_since(sent.last) < PATIENCE
    }

    /// A member is made only when its cluster is ready.
    fn send_when_ready(&self, at: usize, is_member: bool) -> NextStep {
        let cluster = self.seen.database.as_ref().filter(|_| is_member);
        match cluster {
            Some(cluster) if cluster.fitness() != Fitness::Ready => NextStep::Wait(
                WaitsFor::Status(cluster.name.clone(), cluster.status.clone()),
            ),
            _ => NextStep::Send(at),
        }
    }

    /// A change of the database. Nothing once RDS shows it.
    fn changed(&self, at: usize, step: &Step) -> Option<NextStep> {
        let database = self.seen.database.as_ref()?;
        if self.is_done(step, database) {
            return None;
        }
        let sent = self.record.sent.get(&step.key()).copied();
        if let Some(busy) = self.all().find(|one| one.fitness() != Fitness::Ready) {
            let waits = WaitsFor::Status(busy.name.clone(), busy.status.clone());
            return Some(NextStep::Wait(waits));
        }
        if database.has_pending_changes {
            let waits = WaitsFor::Change(database.name.clone());
            return Some(NextStep::Wait(waits));
        }
        match sent {
            Some(sent) if self.is_young(sent) => {
                Some(NextStep::Wait(WaitsFor::Effect(step.action)))
            }
            // What RDS does not take after several tries stops no restore. Missing backups always do.
            Some(sent) if sent.times >= TRIES_MAX && may_be_left(step, database) => None,
            _ => Some(NextStep::Send(at)),
        }
    }

    fn is_done(&self, step: &Step, database: &RestoredDatabase) -> bool {
        match &step.kind {
            StepKind::Restore | StepKind::Member(_) => true,
            StepKind::Settings | StepKind::Backups => lines_of_step(self.plan, &step.kind)
                .all(|line| is_as_wanted(line, database.settings.get(&line.setting))),
            StepKind::Reboot => !database.needs_restart,
            StepKind::DataApi => {
                let is_on = database.settings.get(&Setting::HttpEndpointEnabled);
                is_on == Some(&Value::Flag(true))
            }
            StepKind::Role => {
                let wanted = step.parameters.get("RoleArn");
                let wanted = wanted.and_then(|sent| sent.value.as_text());
                wanted.is_some_and(|role| {
                    has_role(database, role) && !database.inactive_roles.contains(role)
                })
            }
        }
    }
}

fn may_be_left(step: &Step, database: &RestoredDatabase) -> bool {
    step.kind != StepKind::Backups || database.has_backups()
}

fn has_role(database: &RestoredDatabase, role: &str) -> bool {
    match database.settings.get(&Setting::AssociatedRoles) {
        Some(Value::Records(roles)) => roles
            .iter()
            .any(|one| one.get("RoleArn").is_some_and(|arn| arn == role)),
        _ => false,
    }
}
