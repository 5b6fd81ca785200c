//! The fleet as a whole: how many databases stand how, and whether the stack itself keeps up.

use jiff::{SignedDuration, Timestamp};

use super::status::{Row, State};
use crate::domain::deploy::names::StackName;
use crate::domain::deploy::part::Part;
use crate::domain::id::arn::Region;
use crate::domain::policy::cursor::Cursor;
use crate::domain::policy::in_force::{Policies, Policy};

/// How long after a due time the planner may take to look. It looks every five minutes.
pub const PLANNER_GRACE: SignedDuration = SignedDuration::from_mins(30);

/// Something about the stack as a whole that a person has to see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// What it is about, in a word.
    pub subject: &'static str,
    /// What is the matter, and what to do.
    pub message: String,
}

/// Whether the planner has kept up: it must have planned the last due time of a policy in each region, and
/// every own time within its spread.
#[must_use]
pub fn silent_planner(
    policy: &Policy,
    region: &Region,
    cursor: Option<&Cursor>,
    now: Timestamp,
) -> Option<Notice> {
    let planned = cursor?.until;
    let late = now.saturating_sub(PLANNER_GRACE).ok()?;
    if let Some(open) = cursor.and_then(|cursor| cursor.spread)
        && open.through < late
    {
        return Some(Notice {
            subject: "planner",
            message: format!(
                "the planner has stopped within the spread of the policy {} in {region} after {planned}; the last time was \
                 {}: look at the planner's log, and at snapferry doctor",
                policy.name, open.through
            ),
        });
    }
    let due = policy.schedule.due(Some(planned), late)?;
    Some(Notice {
        subject: "planner",
        message: format!(
            "the planner has not planned the policy {} in {region} for {due}; the last time was {planned}: look at the \
             planner's log, and at snapferry doctor",
            policy.name
        ),
    })
}

/// That nobody removes what drills leave: policies have drills, and the stack that holds the remover is not deployed.
#[must_use]
pub fn no_remover(policies: &Policies, stack: &StackName) -> Notice {
    let drilled = policies
        .all
        .iter()
        .filter(|policy| policy.options.drill.is_some());
    let names: Vec<&str> = drilled.map(|policy| policy.name.as_str()).collect();
    Notice {
        subject: "remover",
        message: format!(
            "the policy {} has drills, and the stack {} is not deployed, so nothing removes what a drill leaves: run \
             snapferry deploy --stack {stack} --with {}",
            names.join(", "),
            stack.of_part(Part::Restore),
            Part::Restore.word()
        ),
    }
}

/// How many databases stand how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Those that a policy selects, and those that only their recovery points speak of in a region that cannot be read.
    pub selected: usize,
    /// Those of them with a recovery point within their RPO.
    pub within_rpo: usize,
    /// Those of them that are overdue.
    pub overdue: usize,
    /// Those of them without a recovery point so far, where nothing has gone wrong.
    pub new: usize,
    /// Those of them that Snapferry cannot protect.
    pub unprotected: usize,
}

/// Counts the rows.
#[must_use]
pub fn count(rows: &[Row]) -> Counts {
    let of = |wanted: &[State]| {
        rows.iter()
            .filter(|row| wanted.contains(&row.state))
            .count()
    };
    Counts {
        selected: rows.len() - of(&[State::Orphaned, State::Excluded]),
        within_rpo: of(&[State::Protected, State::Parked, State::Failed]),
        overdue: of(&[State::Overdue]),
        new: of(&[State::New]),
        unprotected: of(&[State::Unprotected]),
    }
}
