//! Whether a database is overdue: the one rule for everything that shows it or alarms.

use jiff::{SignedDuration, Timestamp};

use super::timing::Newest;
use crate::domain::run::refusal::RefusedForGood;

/// Why a database is overdue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overdue<'a> {
    /// RDS has refused it permanently, so that nothing is made for it. It is overdue at once, whatever its age.
    RefusedForGood(&'a RefusedForGood),
    /// Its newest recovery point is older than its RPO, or it has waited for its first one for longer than that.
    TooOld,
}

/// How long a database has gone without a newer recovery point: the age of its newest one's data, or without any the time
/// since the planner first found it selected. `None` if nobody knows it.
#[must_use]
pub fn time_without(
    newest: Newest,
    selected_since: Option<Timestamp>,
    now: Timestamp,
) -> Option<SignedDuration> {
    let since = match newest {
        Newest::At(taken) => Some(taken),
        Newest::None => selected_since,
        Newest::Undated => None,
    };
    since.map(|since| now.duration_since(since).max(SignedDuration::ZERO))
}

/// Why a database is overdue, if it is: by how long it has gone without a newer recovery point, its RPO, and what RDS has refused for
/// good since. A refusal counts until a recovery point has been made, also if it has lapsed and is about to be tried.
#[must_use]
pub fn overdue(
    without: Option<SignedDuration>,
    rpo: Option<SignedDuration>,
    refused: Option<&RefusedForGood>,
) -> Option<Overdue<'_>> {
    if let Some(refusal) = refused {
        return Some(Overdue::RefusedForGood(refusal));
    }
    let too_old = matches!((without, rpo), (Some(without), Some(rpo)) if without > rpo);
    too_old.then_some(Overdue::TooOld)
}
