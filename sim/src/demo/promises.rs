//! Compares the promises with a run's figures. Speed is shown but never judged, because machines are noisy.

use std::collections::BTreeMap;

use super::costs::Costs;
use super::day::{DrillFigures, Planted};
use super::figures::Figures;

/// Step Functions' state transitions for each recovery point.
pub(super) const TRANSITIONS_MAX: u64 = 6;
/// Calls to RDS on behalf of one recovery point, without retries, that request something: the snapshot and the copy.
pub(super) const MUTATIONS_MAX: u64 = 2;
/// All other calls to RDS on behalf of one recovery point, without retries. A call for several recovery points is divided
/// among them.
pub(super) const DESCRIBES_MAX: f64 = 3.0;
/// The same for a copy of an automated snapshot. Snapferry must ask one question more: to which database the snapshot
/// belongs.
pub(super) const DESCRIBES_MAX_AUTOMATED: f64 = 4.0;
/// Shares of one third or one seventh do not add up exactly.
const ROUNDING: f64 = 1e-6;
/// The drills that must pass.
pub(super) const DRILLS_DONE: u64 = 3;
/// Copies in flight for each destination region.
pub(super) const COPIES_IN_FLIGHT_MAX: u64 = 20;

/// What the run showed in addition to its figures.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Observations {
    /// The databases without a good recovery point, in words.
    pub(super) unprotected: Vec<String>,
    /// Changes to what Snapferry did not make, in words.
    pub(super) touched: Vec<String>,
    /// Places where a task token leaked to, in words.
    pub(super) leaks: Vec<String>,
    /// Events that the bus refused, and other faults of the local world.
    pub(super) world: Vec<String>,
    /// Executions that did not succeed, with their errors.
    pub(super) executions: Vec<String>,
    /// What each recovery point cost.
    pub(super) costs: Costs,
}

/// Every promise that the run broke, each in a sentence.
#[must_use]
pub(super) fn broken(figures: &Figures, seen: &Observations) -> Vec<String> {
    // First, because a denial explains what else is broken.
    let mut broken = figures.iam.broken();
    let mut promise = |kept: bool, sentence: String| {
        if !kept {
            broken.push(sentence);
        }
    };
    let databases = figures.databases;
    promise(
        figures.recovery_points == databases,
        format!(
            "{} of {databases} databases have a good recovery point: {}",
            figures.recovery_points,
            seen.unprotected.join("; ")
        ),
    );
    promise(
        figures.executions.succeeded == databases && figures.executions.failed == 0,
        format!(
            "{} executions succeeded and {} did not: {}",
            figures.executions.succeeded,
            figures.executions.failed,
            seen.executions.join("; ")
        ),
    );
    promise(
        figures.dead_letters == figures.garbage,
        format!(
            "{} messages lie in dead-letter queues, and {} are garbage that was put there",
            figures.dead_letters, figures.garbage
        ),
    );
    let callbacks = &figures.callbacks;
    let successes = callbacks.event + callbacks.sweep + callbacks.worker;
    promise(
        successes == 2 * databases - figures.automated,
        format!("{successes} callbacks are not one for each snapshot that was taken and each copy"),
    );
    for (fault, times) in &figures.faults {
        promise(
            *times > 0,
            format!("{fault} was asked for and never happened"),
        );
    }
    promise(
        figures.max_copies_in_flight <= COPIES_IN_FLIGHT_MAX,
        format!(
            "{} copies were in flight at once, and {COPIES_IN_FLIGHT_MAX} may be",
            figures.max_copies_in_flight
        ),
    );
    if let Some(drills) = &figures.drills {
        for (kept, sentence) in about_drills(drills) {
            promise(kept, sentence);
        }
    }
    if let Some(restored) = &figures.restored {
        promise(
            restored.databases == databases && restored.settings_differ == 0,
            format!(
                "{} of {databases} databases were restored, and {} of their settings differ",
                restored.databases, restored.settings_differ
            ),
        );
    }
    for sentence in seen.touched.iter().chain(&seen.leaks).chain(&seen.world) {
        promise(false, sentence.clone());
    }
    let without_retries = figures.faults.is_empty();
    broken.extend(figures.tried_and_refused.broken(without_retries));
    // The promised numbers of calls hold without retries only.
    broken.extend(over_the_promised_cost(&seen.costs, without_retries));
    broken
}

/// The promises about drills, each with whether it was kept.
fn about_drills(drills: &DrillFigures) -> [(bool, String); 3] {
    let failed: BTreeMap<&str, u64> = Planted::ALL.iter().map(|one| (one.name(), 1)).collect();
    [
        (
            drills.done == DRILLS_DONE && drills.passed == DRILLS_DONE,
            format!(
                "{} drills were done and {} passed, and {DRILLS_DONE} must",
                drills.done, drills.passed
            ),
        ),
        (
            drills.failed == failed,
            format!(
                "of the drills that must fail, these did: {:?}",
                drills.failed
            ),
        ),
        (
            drills.left_behind == 0,
            format!(
                "{} databases of drills were left behind",
                drills.left_behind
            ),
        ),
    ]
}

/// The recovery points that cost more than is promised, each in a sentence.
fn over_the_promised_cost(costs: &Costs, without_retries: bool) -> Vec<String> {
    let mut broken = Vec::new();
    for (database, cost) in &costs.of {
        let mut promise = |kept: bool, count: String, most: &str| {
            if !kept {
                broken.push(format!(
                    "the recovery point of {database} cost {count}, and {most} are promised"
                ));
            }
        };
        promise(
            cost.transitions <= TRANSITIONS_MAX,
            format!("{} state transitions", cost.transitions),
            &format!("at most {TRANSITIONS_MAX}"),
        );
        if without_retries {
            promise(
                cost.mutations <= MUTATIONS_MAX,
                format!(
                    "{} requests to RDS for a snapshot or a copy",
                    cost.mutations
                ),
                &MUTATIONS_MAX.to_string(),
            );
            let most = if costs.automated.contains(database) {
                DESCRIBES_MAX_AUTOMATED
            } else {
                DESCRIBES_MAX
            };
            promise(
                cost.describes <= most + ROUNDING,
                format!("{:.2} descriptions by RDS", cost.describes),
                &format!("at most {most}"),
            );
        }
    }
    if without_retries {
        let unclear = costs.unclear.iter();
        broken.extend(unclear.map(|operation| {
            format!("{operation} was called for a recovery point, and nothing says for which")
        }));
    }
    broken
}

#[cfg(test)]
mod tests {
    use super::super::costs::Cost;
    use super::super::day::RestoredFigures;
    use super::super::figures::{Callbacks, Executions};
    use super::super::iam::Iam;
    use super::*;
    use crate::local::RoleUse;

    fn kept() -> Figures {
        Figures {
            schema: 1,
            databases: 12,
            recovery_points: 12,
            executions: Executions {
                succeeded: 12,
                failed: 0,
            },
            callbacks: Callbacks {
                event: 24,
                ..Callbacks::default()
            },
            max_copies_in_flight: 20,
            tried_and_refused: crate::demo::tried::tests::kept(),
            iam: Iam::of(&[RoleUse {
                role: "WorkerRole".to_owned(),
                evaluated: [("rds:CopyDBSnapshot".to_owned(), 12)].into(),
                ..RoleUse::default()
            }]),
            ..Figures::default()
        }
    }

    /// Two recovery points that cost exactly what is promised. One of them shares six calls with two others, and seven
    /// calls with six others.
    fn at_the_limits() -> Observations {
        let cost = |describes| Cost {
            transitions: 6,
            mutations: 2,
            describes,
        };
        let shares = (0..6).map(|_| 1.0 / 3.0).chain((0..7).map(|_| 1.0 / 7.0));
        let of = [("orders", cost(3.0)), ("billing", cost(shares.sum()))];
        Observations {
            costs: Costs {
                of: of.map(|(name, cost)| (name.to_owned(), cost)).into(),
                ..Costs::default()
            },
            ..Observations::default()
        }
    }

    #[test]
    fn a_recovery_point_that_costs_more_is_named_though_others_cost_less() {
        type Change = fn(&mut Cost);
        let changes: [(Change, &str); 3] = [
            (|c| c.transitions = 7, "7 state transitions"),
            (|c| c.mutations = 3, "3 requests"),
            (|c| c.describes = 3.25, "3.25 descriptions"),
        ];
        for (change, named) in changes {
            let mut seen = at_the_limits();
            seen.costs.of.insert("cheap".to_owned(), Cost::default());
            change(seen.costs.of.entry("orders".to_owned()).or_default());
            let found = broken(&kept(), &seen);
            assert!(
                found.len() == 1
                    && found[0].contains("of orders cost ")
                    && found[0].contains(named),
                "{named}: {found:?}"
            );
        }
    }

    #[test]
    fn a_call_that_belongs_to_no_known_recovery_point_is_named() {
        let mut seen = at_the_limits();
        seen.costs.unclear = ["DescribeAccountAttributes".to_owned()].into();
        let found = broken(&kept(), &seen);
        assert!(
            found.len() == 1 && found[0].starts_with("DescribeAccountAttributes"),
            "{found:?}"
        );
    }

    #[test]
    fn where_there_are_retries_only_the_state_transitions_are_judged() {
        let mut seen = at_the_limits();
        let cost = seen.costs.of.entry("orders".to_owned()).or_default();
        (cost.mutations, cost.describes) = (5, 9.0);
        let mut figures = kept();
        figures.faults = [("garbage", 1)].into();
        assert_eq!(broken(&figures, &seen), [""; 0]);
    }

    #[test]
    fn a_run_that_keeps_every_promise_at_the_limits_breaks_none() {
        assert_eq!(broken(&kept(), &at_the_limits()), Vec::<String>::new());
    }

    #[test]
    fn each_broken_promise_of_the_day_is_named() {
        let kept = || {
            let mut figures = kept();
            let failed = Planted::ALL.iter().map(|one| (one.name(), 1));
            figures.drills = Some(DrillFigures {
                done: 3,
                passed: 3,
                failed: failed.collect(),
                left_behind: 0,
            });
            figures.restored = Some(RestoredFigures {
                databases: 12,
                settings_differ: 0,
            });
            figures
        };
        assert_eq!(broken(&kept(), &Observations::default()), [""; 0]);
        type Change = fn(&mut DrillFigures, &mut RestoredFigures);
        let changes: [(Change, &str); 6] = [
            (|d, _| d.done = 2, "2 drills were done"),
            (|d, _| d.passed = 2, "2 passed"),
            (|d, _| d.left_behind = 1, "left behind"),
            (
                |d, _| {
                    d.failed.remove("broken-copy");
                },
                "must fail",
            ),
            (|_, r| r.databases = 11, "11 of 12"),
            (|_, r| r.settings_differ = 1, "1 of their settings"),
        ];
        for (change, part) in changes {
            let mut figures = kept();
            let (drills, restored) = (&mut figures.drills, &mut figures.restored);
            change(drills.as_mut().unwrap(), restored.as_mut().unwrap());
            let broken = broken(&figures, &Observations::default());
            assert!(
                broken.len() == 1 && broken[0].contains(part),
                "{part}: {broken:?}"
            );
        }
    }

    #[test]
    fn each_broken_promise_is_named() {
        type Change = fn(&mut Figures);
        let changes: [(Change, &str); 7] = [
            (|f| f.recovery_points = 11, "11 of 12"),
            (
                |f| {
                    f.executions = Executions {
                        succeeded: 11,
                        failed: 1,
                    }
                },
                "1 did not",
            ),
            (|f| f.dead_letters = 1, "dead-letter"),
            (|f| f.garbage = 1, "dead-letter"),
            (|f| f.callbacks.event = 23, "23 callbacks"),
            (
                |f| f.faults = [("garbage", 1), ("events-lost", 0)].into(),
                "events-lost was asked for",
            ),
            (|f| f.max_copies_in_flight = 21, "21 copies"),
        ];
        for (change, named) in changes {
            let mut figures = kept();
            change(&mut figures);
            let broken = broken(&figures, &Observations::default());
            assert!(
                broken.len() == 1 && broken[0].contains(named),
                "{named}: {broken:?}"
            );
        }
        let seen = Observations {
            leaks: vec!["a token stands in the log".to_owned()],
            ..Observations::default()
        };
        assert_eq!(broken(&kept(), &seen), ["a token stands in the log"]);
    }
}
