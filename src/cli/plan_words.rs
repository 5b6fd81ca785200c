//! The words of a plan, which its text and its JSON share.

use serde::Serialize;

use crate::app::plan_preview::{Preview, Row, Verdict};
use crate::domain::id::tags::PolicyName;
use crate::domain::run::refusal::RefusedForGood;

pub(super) fn policy_of(row: &Row) -> Option<&PolicyName> {
    match &row.verdict {
        Verdict::Selected { policy, .. }
        | Verdict::Refused(policy, _)
        | Verdict::NotNow(policy, _)
        | Verdict::Remembered(policy, _) => Some(policy),
        Verdict::Excluded(_) => None,
    }
}

/// The row's word.
pub(super) fn word(row: &Row) -> &'static str {
    match &row.verdict {
        Verdict::Selected { .. } => "selected",
        Verdict::Excluded(_) => "excluded",
        Verdict::Refused(..) => "refused",
        Verdict::NotNow(..) => "not_now",
        Verdict::Remembered(..) => "tried",
    }
}

/// The reason's name, for scripts: it does not name the database.
pub(super) fn reason_code(row: &Row) -> Option<&'static str> {
    match &row.verdict {
        Verdict::Excluded(why) => Some(why.name()),
        Verdict::Refused(_, why) => Some(why.name()),
        Verdict::NotNow(..) => Some("not-now"),
        Verdict::Remembered(..) => Some(RefusedForGood::NAME),
        Verdict::Selected { .. } => None,
    }
}

#[derive(Serialize)]
pub(super) struct Summary {
    /// The same as `selected`, under the name that earlier versions gave it.
    pub(super) protected: usize,
    pub(super) selected: usize,
    pub(super) excluded: usize,
    pub(super) refused: usize,
    pub(super) not_now: usize,
    pub(super) tried: usize,
    pub(super) skipped: usize,
    pub(super) unreadable: usize,
    pub(super) warned: usize,
    pub(super) unreachable_regions: usize,
}

impl Summary {
    pub(super) fn of(plan: &Preview) -> Self {
        let count = |is: fn(&Row) -> bool| plan.rows.iter().filter(|row| is(row)).count();
        let selected = count(|row| matches!(row.verdict, Verdict::Selected { .. }));
        Self {
            protected: selected,
            selected,
            not_now: count(|row| matches!(row.verdict, Verdict::NotNow(..))),
            tried: count(|row| matches!(row.verdict, Verdict::Remembered(..))),
            skipped: count(|row| {
                matches!(
                    row.verdict,
                    Verdict::Selected {
                        skipped: Some(_),
                        ..
                    }
                )
            }),
            unreadable: plan.unreadable.len(),
            excluded: count(|row| matches!(row.verdict, Verdict::Excluded(_))),
            refused: count(|row| matches!(row.verdict, Verdict::Refused(..))),
            warned: count(|row| !row.warnings.is_empty()),
            unreachable_regions: plan.unreachable.len(),
        }
    }
}
