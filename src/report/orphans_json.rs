//! What nobody answers for, in JSON.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::domain::operator::orphans::Orphans;
use crate::domain::operator::pile::Pile;

/// Recovery points that nobody answers for.
#[derive(Debug, Serialize)]
pub(crate) struct OrphansJson {
    database_gone: PileJson,
    no_policy: PileJson,
    other_stacks: BTreeMap<String, PileJson>,
}

#[derive(Debug, Serialize)]
struct PileJson {
    snapshots: usize,
    gib: i64,
    usd_a_month_at_most: f64,
    /// How many of them have no part in the size and the cost, because the cost is not known.
    of_unknown_cost: usize,
}

/// In cents: what is shown must not seem more exact than it is.
pub(super) fn in_cents(dollars: f64) -> f64 {
    (dollars * 100.0).round() / 100.0
}

impl From<&Pile> for PileJson {
    fn from(pile: &Pile) -> Self {
        Self {
            snapshots: pile.count,
            gib: pile.gib(),
            usd_a_month_at_most: in_cents(pile.dollars_a_month()),
            of_unknown_cost: pile.unpriced,
        }
    }
}

impl OrphansJson {
    pub(crate) fn of(orphans: &Orphans) -> Self {
        let others = orphans.other_stacks.iter();
        Self {
            database_gone: (&orphans.database_gone).into(),
            no_policy: (&orphans.no_policy).into(),
            other_stacks: others
                .map(|(stack, pile)| (stack.clone(), pile.into()))
                .collect(),
        }
    }
}
