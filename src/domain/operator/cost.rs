//! What the recovery points and their copies cost in a month at most: list prices, and the sizes that RDS says.
//!
//! RDS says how much storage was allocated, and bills what a snapshot adds to those before it, so the truth is mostly far
//! below.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::pile::Pile;
use super::points::Points;
use super::prices::{AS_KNOWN_AT, REGION, TRANSFER};
use super::status::{Row, State};
use crate::domain::id::arn::Family;
use crate::domain::id::tags::PolicyName;
use crate::domain::policy::in_force::{Policies, Policy};
use crate::domain::policy::spec::Source;

/// How many automated snapshots RDS takes of a database in the 30 days that count as a month.
const AUTOMATED_A_MONTH: i64 = 30;

/// What recovery points and their copies cost in a month at most.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MonthlyCost {
    /// The recovery points that there are.
    pub stored: Pile,
    /// The newest of each database alone.
    pub newest: Pile,
    /// Whether recovery points could not be listed, so that the cost of storage is not known.
    pub is_unread: bool,
    /// How many databases have copies in the next 30 days.
    pub copied: usize,
    /// How many of these have no part in the transfer, because their size is not known.
    pub of_unknown_size: usize,
    /// What these copies transfer if all data changes between two of them, in GiB.
    pub transfer_gib: i64,
}

impl MonthlyCost {
    /// What the storage of the recovery points costs at most, in US dollars.
    #[must_use]
    pub fn storage(&self) -> Option<f64> {
        self.if_read(&self.stored)
    }

    /// The part of it for the newest recovery point of each database.
    #[must_use]
    pub fn storage_of_newest(&self) -> Option<f64> {
        self.if_read(&self.newest)
    }

    fn if_read(&self, pile: &Pile) -> Option<f64> {
        pile.dollars_if_known().filter(|_| !self.is_unread)
    }

    /// What the transfer of a month's copies costs at most, in US dollars.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "dollars are shown in full")]
    pub fn transfer(&self) -> Option<f64> {
        let is_known = self.copied == 0 || self.of_unknown_size < self.copied;
        is_known.then_some(self.transfer_gib as f64 * TRANSFER.per_gb)
    }

    /// For people, in a line.
    #[must_use]
    pub fn sentence(&self) -> String {
        let not_known = || "not known".to_owned();
        let storage = match (self.storage(), self.storage_of_newest()) {
            _ if self.is_unread => {
                "not known, because recovery points could not be listed".to_owned()
            }
            _ if self.stored.count == 0 => "nothing, because there is no recovery point".to_owned(),
            (None, _) => not_known(),
            (Some(all), newest) => {
                let newest = newest.map_or_else(not_known, |newest| format!("${newest:.2}"));
                format!(
                    "at most ${all:.2} for {} GiB (for the newest of each database alone: {newest})",
                    self.stored.gib()
                )
            }
        };
        let transfer = match self.transfer() {
            _ if self.copied == 0 => "nothing, because no copy is due".to_owned(),
            None => not_known(),
            Some(transfer) => {
                format!("at most ${transfer:.2} if all data changes between two copies")
            }
        };
        let left_out = [
            (self.stored.unpriced, "recovery points of unknown cost"),
            (self.of_unknown_size, "databases of unknown size"),
        ];
        let left_out = left_out.into_iter().filter(|(number, _)| *number > 0);
        let left_out: Vec<String> = left_out
            .map(|(number, what)| format!("{what} ({number})"))
            .collect();
        let left_out = match left_out.is_empty() {
            true => String::new(),
            false => format!(" Left out: {}.", left_out.join(", ")),
        };
        format!(
            "Cost a month by list prices of {REGION} as known at {AS_KNOWN_AT}: storage {storage}; transfer {transfer}.{left_out}"
        )
    }
}

/// What recovery points and their copies cost in a month at most.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MonthlyCosts {
    /// All together.
    pub total: MonthlyCost,
    /// By the policy that made the recovery points or makes the copies, whether it is in force or not.
    pub by_policy: BTreeMap<PolicyName, MonthlyCost>,
}

impl MonthlyCosts {
    /// Of the recovery points that are listed, and of the databases in these rows. `unread` are the families whose recovery
    /// points could not be listed to the end.
    #[must_use]
    pub fn of(
        rows: &[Row],
        points: &Points,
        unread: &BTreeSet<Family>,
        policies: &Policies,
        now: Timestamp,
    ) -> Self {
        let mut costs = Self::default();
        for (_, of) in points.iter() {
            for (policy, pile) in &of.by_policy {
                costs.add(policy, |cost| cost.stored.join(pile));
            }
            costs.add(&of.policy, |cost| cost.newest.join(&of.newest_pile));
        }
        let copies: BTreeMap<&PolicyName, i64> = policies
            .all
            .iter()
            .map(|policy| (&policy.name, copies_a_month(policy, now)))
            .filter(|(_, copies)| *copies > 0)
            .collect();
        for row in rows.iter().filter(|row| is_copied(row.state)) {
            let Some(policy) = &row.policy else {
                continue;
            };
            let Some(copies) = copies.get(policy) else {
                continue;
            };
            let newest = points.of(&row.resource_id).map(|of| of.newest_pile);
            let is_listed = !unread.contains(&row.database.family());
            let size = newest.filter(|pile| pile.unpriced == 0 && is_listed);
            costs.add(policy, |cost| {
                cost.copied += 1;
                match size {
                    Some(pile) => {
                        let moved = pile.gib().saturating_mul(*copies);
                        cost.transfer_gib = cost.transfer_gib.saturating_add(moved);
                    }
                    None => cost.of_unknown_size += 1,
                }
            });
        }
        costs.total.is_unread = !unread.is_empty();
        for cost in costs.by_policy.values_mut() {
            cost.is_unread = !unread.is_empty();
        }
        costs
    }

    fn add(&mut self, policy: &PolicyName, add: impl Fn(&mut MonthlyCost)) {
        add(&mut self.total);
        add(self.by_policy.entry(policy.clone()).or_default());
    }
}

fn is_copied(state: State) -> bool {
    match state {
        State::Overdue | State::Parked | State::Failed | State::New | State::Protected => true,
        State::Unprotected | State::Orphaned | State::Excluded => false,
    }
}

/// How many copies of a database a policy makes in the next 30 days.
fn copies_a_month(policy: &Policy, now: Timestamp) -> i64 {
    match policy.options.source {
        _ if policy.options.paused => 0,
        Source::Automated => AUTOMATED_A_MONTH,
        Source::Snapshot => i64::try_from(policy.schedule.times_a_month(now)).unwrap_or(i64::MAX),
    }
}
