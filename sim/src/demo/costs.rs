//! The cost of each recovery point: state transitions, and calls to RDS on its behalf.
//!
//! A call belongs to the recovery points of the databases whose snapshots or resource ids it names. A description that names the
//! snapshots of several, as the reactor's for a batch of events does, counts for each of them by its share: by a
//! third, where it names those of three. The sweep's and the pruner's calls and the planner's listing belong to none.

use std::collections::{BTreeMap, BTreeSet};

use crate::rds_http::Asked;

/// The callers that ask RDS for all recovery points together, or for none.
const SHARED: [&str; 4] = [
    "snapferry-planner",
    "snapferry-sweeper",
    "snapferry-pruner",
    "snapferry-cli",
];

/// The cost of one recovery point.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Cost {
    /// States entered, and one more for the end of each of its executions.
    pub(super) transitions: u64,
    /// Requests for snapshots and copies.
    pub(super) mutations: u64,
    /// Its share of all other calls.
    pub(super) describes: f64,
}

/// The cost of every recovery point.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Costs {
    /// By the label of its database.
    pub(super) of: BTreeMap<String, Cost>,
    /// The labels of those that are copies of automated snapshots.
    pub(super) automated: BTreeSet<String>,
    /// The operations that were called for a recovery point and do not say for which.
    pub(super) unclear: BTreeSet<String>,
}

impl Costs {
    /// Counts the calls. `owners` maps the names of snapshots and copies (of the first attempt) and resource ids to the
    /// database that they belong to.
    #[must_use]
    pub(super) fn of_calls(calls: &[Asked], owners: &BTreeMap<String, String>) -> Self {
        let mut costs = Self::default();
        let on_behalf = |call: &&Asked| !is_shared(call);
        for call in calls.iter().filter(on_behalf) {
            let named: BTreeSet<&String> = call
                .snapshots
                .iter()
                .chain(&call.resource_ids)
                .filter_map(|name| owners.get(first_attempt(name)))
                .collect();
            if named.is_empty() {
                costs.unclear.insert(call.operation.clone());
            }
            #[expect(clippy::cast_precision_loss, reason = "a call names some dozens")]
            let share = 1.0 / named.len() as f64;
            for database in named {
                let cost = costs.of.entry(database.clone()).or_default();
                if is_mutation(call) {
                    cost.mutations += 1;
                } else {
                    cost.describes += share;
                }
            }
        }
        costs
    }

    /// Adds what an execution for this database has entered.
    pub(super) fn add_transitions(&mut self, database: &str, transitions: u64) {
        let cost = self.of.entry(database.to_owned()).or_default();
        cost.transitions += transitions;
    }
}

/// Whether the caller asks for all recovery points together, or for none.
#[must_use]
pub(super) fn is_shared(call: &Asked) -> bool {
    SHARED.contains(&call.app.as_str())
}

fn is_mutation(call: &Asked) -> bool {
    call.operation.starts_with("Create") || call.operation.starts_with("Copy")
}

/// A snapshot's name without the suffix `-a2`, `-a3`, … of a later attempt.
#[must_use]
pub(super) fn first_attempt(name: &str) -> &str {
    match name.rsplit_once("-a") {
        Some((first, attempt)) if attempt.parse::<u8>().is_ok() => first,
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(operation: &str, snapshots: &[&str], databases: &[&str]) -> Asked {
        let set = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        Asked {
            operation: operation.to_owned(),
            app: "snapferry-worker".to_owned(),
            snapshots: set(snapshots),
            databases: set(databases),
            ..Asked::default()
        }
    }

    #[test]
    fn a_call_counts_for_the_recovery_points_whose_snapshots_it_names_by_its_share() {
        let swept = Asked {
            app: "snapferry-sweeper".to_owned(),
            ..call("DescribeDBSnapshots", &["o", "b"], &[])
        };
        let owners = [("o", "orders"), ("z-copy", "orders"), ("b", "billing")];
        let owners = owners.map(|(name, database)| (name.to_owned(), database.to_owned()));
        let calls = [
            // An instance and a cluster may have the same name, but their snapshots never do.
            call("CreateDBSnapshot", &["o"], &["shop"]),
            call("CreateDBClusterSnapshot", &["b"], &["shop"]),
            call("DescribeDBSnapshots", &["o", "b", "nobodys"], &[]),
            swept,
            // All names that the source may have: of one recovery point.
            call("DescribeDBSnapshots", &["o", "o-a2", "o-a3"], &[]),
            call("CopyDBSnapshot", &["o", "z-copy-a2"], &[]),
            call("DescribeDBSnapshots", &["z-copy"], &[]),
            call("DescribeAccountAttributes", &[], &[]),
        ];
        let costs = Costs::of_calls(&calls, &owners.into());
        let cost = |mutations, describes| Cost {
            mutations,
            describes,
            ..Cost::default()
        };
        assert_eq!(costs.of["orders"], cost(2, 2.5));
        assert_eq!(costs.of["billing"], cost(1, 0.5));
        assert_eq!(costs.of.len(), 2);
        assert_eq!(
            Vec::from_iter(costs.unclear),
            ["DescribeAccountAttributes".to_owned()]
        );
    }
}
