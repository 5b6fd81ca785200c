//! What nobody answers for, in JSON.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::domain::operator::orphans::{Orphans, Pile};

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
}

impl From<&Pile> for PileJson {
    fn from(pile: &Pile) -> Self {
        Self {
            snapshots: pile.count,
            gib: pile.gib(),
            // In cents: what is shown must not seem more exact than it is.
            usd_a_month_at_most: (pile.dollars_a_month() * 100.0).round() / 100.0,
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
