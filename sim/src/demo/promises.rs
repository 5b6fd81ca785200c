//! The promises, held against a run's figures. Speed is shown, never judged here: machines are noisy.

use super::figures::{Calls, Figures, total};

/// Step Functions' state transitions for each recovery point (design, section 7).
pub(super) const TRANSITIONS_MAX: u64 = 6;
/// Calls to RDS on behalf of one recovery point: two mutations and at most three describes.
pub(super) const RDS_CALLS_MAX: u64 = 5;
/// Copies in flight for each destination region.
pub(super) const COPIES_IN_FLIGHT_MAX: u64 = 20;

/// What else the run showed, besides its figures.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Observations {
    /// What was touched that is not ours, in words.
    pub(super) touched: Vec<String>,
    /// Where a task token stands that must not, in words.
    pub(super) leaks: Vec<String>,
    /// Events that the bus refused, and other faults of the local world.
    pub(super) world: Vec<String>,
    /// Executions that did not succeed, with their errors.
    pub(super) executions: Vec<String>,
}

/// Every promise that the run broke, each in a sentence.
#[must_use]
pub(super) fn broken(figures: &Figures, seen: &Observations) -> Vec<String> {
    let mut broken = Vec::new();
    let mut promise = |kept: bool, sentence: String| {
        if !kept {
            broken.push(sentence);
        }
    };
    let databases = figures.databases;
    promise(
        figures.recovery_points == databases,
        format!(
            "{} of {databases} databases have a good recovery point",
            figures.recovery_points
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
        successes == 2 * databases,
        format!("{successes} callbacks are not one for each snapshot and each copy"),
    );
    for (fault, times) in &figures.faults {
        promise(
            *times > 0,
            format!("{fault} was asked for and never happened"),
        );
    }
    promise(
        figures.state_transitions <= TRANSITIONS_MAX * databases,
        format!(
            "{} state transitions are more than {TRANSITIONS_MAX} a recovery point",
            figures.state_transitions
        ),
    );
    let calls = on_behalf(&figures.calls.rds);
    // The promise is for a recovery point without retries.
    promise(
        calls <= RDS_CALLS_MAX * databases || !figures.faults.is_empty(),
        format!("{calls} calls to RDS are more than {RDS_CALLS_MAX} a recovery point"),
    );
    promise(
        figures.max_copies_in_flight <= COPIES_IN_FLIGHT_MAX,
        format!(
            "{} copies were in flight at once, and {COPIES_IN_FLIGHT_MAX} may be",
            figures.max_copies_in_flight
        ),
    );
    for sentence in seen.touched.iter().chain(&seen.leaks).chain(&seen.world) {
        promise(false, sentence.clone());
    }
    broken
}

/// The calls on behalf of recovery points: all but the planner's listing of databases, which is one a page.
#[must_use]
pub(super) fn on_behalf(calls: &Calls) -> u64 {
    total(calls)
        - calls
            .get("DescribeDBInstances")
            .copied()
            .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::figures::{Callbacks, Executions, ServiceCalls};
    use super::*;

    fn kept() -> Figures {
        let rds = [
            ("CreateDBSnapshot", 12),
            ("CopyDBSnapshot", 12),
            ("DescribeDBSnapshots", 36),
            ("DescribeDBInstances", 3),
        ];
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
            calls: ServiceCalls {
                rds: rds.map(|(name, count)| (name.to_owned(), count)).into(),
                ..ServiceCalls::default()
            },
            state_transitions: 72,
            max_copies_in_flight: 20,
            ..Figures::default()
        }
    }

    #[test]
    fn a_run_that_keeps_every_promise_to_the_brim_breaks_none() {
        assert_eq!(
            broken(&kept(), &Observations::default()),
            Vec::<String>::new()
        );
    }

    #[test]
    fn each_broken_promise_is_named() {
        type Change = fn(&mut Figures);
        let changes: [(Change, &str); 9] = [
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
            (|f| f.state_transitions = 73, "state transitions"),
            (|f| f.max_copies_in_flight = 21, "21 copies"),
            (
                |f| {
                    *f.calls
                        .rds
                        .entry("DescribeDBSnapshots".to_owned())
                        .or_default() += 1
                },
                "calls to RDS",
            ),
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
