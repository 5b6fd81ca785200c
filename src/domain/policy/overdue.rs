//! Whether a database is overdue: the one rule for everything that shows it or alarms.

use jiff::SignedDuration;

use crate::domain::run::refusal::RefusedForGood;

/// Why a database is overdue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overdue<'a> {
    /// RDS has refused it permanently, so that nothing is made for it. It is overdue at once, whatever its age.
    RefusedForGood(&'a RefusedForGood),
    /// Its newest recovery point is older than its RPO.
    TooOld,
}

/// Why a database is overdue, if it is: by the age of its newest recovery point, its RPO, and what RDS has refused for
/// good since. A refusal counts until a recovery point has been made, also if it has lapsed and is about to be tried.
#[must_use]
pub fn overdue(
    age: Option<SignedDuration>,
    rpo: Option<SignedDuration>,
    refused: Option<&RefusedForGood>,
) -> Option<Overdue<'_>> {
    if let Some(refusal) = refused {
        return Some(Overdue::RefusedForGood(refusal));
    }
    let too_old = matches!((age, rpo), (Some(age), Some(rpo)) if age > rpo);
    too_old.then_some(Overdue::TooOld)
}
