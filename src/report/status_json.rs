//! The JSON of status and report. Its keys are documented in docs/STATUS.md.

use jiff::Timestamp;
use serde::Serialize;

use super::durations_json::DurationsJson;
use super::orphans_json::OrphansJson;
use super::stopped::paused;
use super::words::id;
use crate::app::status::{Gathered, Unreachable};
use crate::domain::drill::state::DrillState;
use crate::domain::operator::durations::Durations;
use crate::domain::operator::fleet::{Counts, count};
use crate::domain::operator::status::Row;
use crate::domain::retention::history::History;
use crate::domain::retention::round::Freeze;

/// The whole answer.
#[derive(Debug, Serialize)]
pub(crate) struct StatusJson {
    generated_at: String,
    stack: String,
    region: String,
    summary: SummaryJson,
    databases: Vec<DatabaseJson>,
    attention: Vec<AttentionJson>,
    unreachable: Vec<UnreachableJson>,
    orphans: OrphansJson,
    /// The policies of which nothing is started.
    paused: Vec<String>,
    /// `None` if nobody has stopped all removal.
    frozen: Option<FrozenJson>,
}

#[derive(Debug, Serialize)]
struct FrozenJson {
    why: String,
    by: String,
    since: String,
    /// Whether what drills made stays, too.
    and_drills: bool,
}

impl From<&Freeze> for FrozenJson {
    fn from(freeze: &Freeze) -> Self {
        Self {
            why: freeze.why.clone(),
            by: freeze.by.clone(),
            since: freeze.at.to_string(),
            and_drills: freeze.and_drills,
        }
    }
}

#[derive(Debug, Serialize)]
struct SummaryJson {
    selected: usize,
    within_rpo: usize,
    overdue: usize,
    new: usize,
    unprotected: usize,
    recovery_points: usize,
    held: usize,
}

#[derive(Debug, Serialize)]
struct DatabaseJson {
    id: String,
    arn: String,
    resource_id: String,
    policy: Option<String>,
    state: &'static str,
    reason: String,
    newest: Option<String>,
    taken_at: Option<String>,
    age_seconds: Option<i64>,
    selected_since: Option<String>,
    rpo_seconds: Option<i64>,
    overdue: bool,
    recovery_points: usize,
    /// How many of the due times in its history were missed. `None` without a history.
    missed: Option<usize>,
    /// How long its snapshots and copies took, by its history.
    durations: DurationsJson,
    in_flight: Option<InFlightJson>,
    last_failure: Option<FailureJson>,
    remedy: Option<String>,
    /// How its drills stand. `None` if its policy has none.
    drill: Option<DrillJson>,
}

#[derive(Debug, Serialize)]
struct DrillJson {
    result: &'static str,
    at: Option<String>,
    level: Option<&'static str>,
    rto_seconds: Option<i64>,
    due: bool,
    message: String,
}

impl From<&DrillState> for DrillJson {
    fn from(state: &DrillState) -> Self {
        let (at, reached, due) = match state {
            DrillState::Never { is_open } => (None, None, !is_open),
            DrillState::Last {
                at,
                reached,
                is_due,
                ..
            } => (Some(at.to_string()), *reached, *is_due),
        };
        Self {
            result: state.as_str(),
            at,
            level: reached.map(|(level, _)| level.as_str()),
            rto_seconds: reached.map(|(_, took)| took.as_secs()),
            due,
            message: state.to_string(),
        }
    }
}

#[derive(Debug, Serialize)]
struct InFlightJson {
    step: &'static str,
    phase: Option<&'static str>,
    since: Option<String>,
    execution: String,
    message: String,
    /// RDS's percentage for a copy, from the last list.
    percent: Option<u8>,
    /// The median of what the history says of this step.
    usual_seconds: Option<i64>,
}

#[derive(Debug, Serialize)]
struct FailureJson {
    at: Option<String>,
    why: String,
    execution: String,
}

#[derive(Debug, Serialize)]
struct AttentionJson {
    subject: String,
    arn: Option<String>,
    message: String,
    remedy: Option<String>,
}

/// A list that could not be read.
#[derive(Debug, Serialize)]
pub(crate) struct UnreachableJson {
    region: String,
    error: String,
}

impl From<&Unreachable> for UnreachableJson {
    fn from(one: &Unreachable) -> Self {
        Self {
            region: one.region.to_string(),
            error: one.error.clone(),
        }
    }
}

impl StatusJson {
    /// Of all rows that were judged and those of them that are shown.
    pub(crate) fn of(
        stack: &str,
        region: &str,
        gathered: &Gathered,
        all: &[Row],
        shown: &[&Row],
    ) -> Self {
        let notices = gathered.notices.iter().map(|notice| AttentionJson {
            subject: notice.subject.to_owned(),
            arn: None,
            message: notice.message.clone(),
            remedy: None,
        });
        let troubled = shown.iter().filter(|row| row.state.needs_a_person());
        let troubled = troubled.map(|row| AttentionJson {
            subject: id(&row.database),
            arn: Some(row.database.to_string()),
            message: row.reason.clone(),
            remedy: row.remedy.clone(),
        });
        let unreachable = gathered.unreachable.iter().map(UnreachableJson::from);
        Self {
            generated_at: gathered.at.to_string(),
            stack: stack.to_owned(),
            region: region.to_owned(),
            summary: SummaryJson::of(count(all), gathered),
            databases: shown
                .iter()
                .map(|row| DatabaseJson::of(row, gathered.history(row), gathered.drill(row)))
                .collect(),
            attention: notices.chain(troubled).collect(),
            unreachable: unreachable.collect(),
            orphans: OrphansJson::of(&gathered.orphans(all)),
            paused: paused(&gathered.policies)
                .into_iter()
                .map(ToOwned::to_owned)
                .collect(),
            frozen: gathered.frozen.as_ref().map(FrozenJson::from),
        }
    }
}

impl SummaryJson {
    fn of(counts: Counts, gathered: &Gathered) -> Self {
        Self {
            selected: counts.selected,
            within_rpo: counts.within_rpo,
            overdue: counts.overdue,
            new: counts.new,
            unprotected: counts.unprotected,
            recovery_points: gathered.points.count(),
            held: gathered.points.held(),
        }
    }
}

impl DatabaseJson {
    fn of(row: &Row, history: Option<&History>, drill: Option<&DrillState>) -> Self {
        let text = |time: Timestamp| time.to_string();
        let newest = row.newest.as_ref();
        Self {
            id: id(&row.database),
            arn: row.database.to_string(),
            resource_id: row.resource_id.to_string(),
            policy: row.policy.as_ref().map(ToString::to_string),
            state: row.state.as_str(),
            reason: row.reason.clone(),
            newest: newest.map(|point| point.arn.to_string()),
            taken_at: newest.and_then(|point| point.taken_at).map(text),
            age_seconds: row.age.map(|age| age.as_secs()),
            selected_since: row.selected_since.map(text),
            rpo_seconds: row.rpo.map(|rpo| rpo.as_secs()),
            overdue: row.overdue,
            recovery_points: row.count,
            missed: history.map(History::missed),
            durations: history.map(Durations::of).unwrap_or_default().into(),
            in_flight: row.in_flight.as_ref().map(|of| InFlightJson {
                step: of.step.as_str(),
                phase: of.phase.map(|phase| phase.as_str()),
                since: of.since.map(text),
                execution: of.execution.clone(),
                message: of.to_string(),
                percent: of.percent,
                usual_seconds: of.usual.map(|usual| usual.as_secs()),
            }),
            last_failure: row.last_failure.as_ref().map(|of| FailureJson {
                at: of.at.map(text),
                why: of.why.clone(),
                execution: of.execution.clone(),
            }),
            remedy: row.remedy.clone(),
            drill: drill.map(DrillJson::from),
        }
    }
}
