//! Compares what was answered with what is true.

use std::collections::{BTreeMap, BTreeSet};

use super::figures::{BurstFigures, SweepFigures};
use super::world::{SOURCE, region};
use snapferry_sim::proxy::{Outcome, Settlement};
use snapferry_sim::rds::{Rds, Stage};

/// A sweep of 10,000 waits stays below this.
pub(super) const PEAK_BYTES: u64 = 64_000_000;
/// `ScheduledTimeout` as it ships.
pub(super) const SWEEP_SECONDS: f64 = 300.0;

/// What a round of answers came to.
pub(super) struct Answers {
    /// Snapshots whose token took its answer.
    pub(super) settled: usize,
    /// Answers to a token that was settled before.
    pub(super) late: usize,
    /// What was wrong with them.
    pub(super) broken: Vec<String>,
}

/// Each snapshot of `expected` must have got exactly one success, no other snapshot may have got one, and RDS must show
/// each of them as available.
pub(super) fn answers(
    settlements: &[Settlement],
    expected: &BTreeSet<String>,
    rds: &Rds,
) -> anyhow::Result<Answers> {
    let source = region(SOURCE)?;
    let mut times = BTreeMap::<&str, usize>::new();
    let mut broken = Vec::new();
    let mut late = 0;
    for one in settlements {
        if !one.call.succeeded() {
            late += 1;
            continue;
        }
        let Outcome::Success(output) = &one.outcome else {
            broken.push("an execution was told that its snapshot will not come".to_owned());
            continue;
        };
        let snapshot = output.get("snapshot").and_then(serde_json::Value::as_str);
        let snapshot = snapshot.unwrap_or_default();
        let name = snapshot.rsplit(':').next().unwrap_or_default();
        let found = rds.snapshot(&source, name);
        if !found.is_some_and(|found| found.arn == snapshot && found.stage() == Stage::Available) {
            broken.push(format!("{snapshot} was announced and RDS does not have it"));
        }
        if !expected.contains(snapshot) {
            broken.push(format!(
                "{snapshot} was answered for, and nobody had hinted at it"
            ));
        }
        *times.entry(snapshot).or_default() += 1;
    }
    let twice = times.values().filter(|times| **times > 1).count();
    if twice > 0 {
        broken.push(format!("{twice} waits were settled more than once"));
    }
    let lost = expected
        .iter()
        .filter(|one| !times.contains_key(one.as_str()))
        .count();
    if lost > 0 {
        broken.push(format!("{lost} waits were lost: ready, and not settled"));
    }
    broken.dedup();
    Ok(Answers {
        settled: times.len(),
        late,
        broken,
    })
}

/// What the sweep's figures break.
pub(super) fn of_sweep(figures: &SweepFigures, width: usize, left_open: usize) -> Vec<String> {
    let mut broken = Vec::new();
    let mut check = |kept: bool, sentence: String| {
        if !kept {
            broken.push(sentence);
        }
    };
    let pages = figures.open.div_ceil(width) as u64;
    check(
        figures.describes <= pages,
        format!(
            "the sweep made {} describe calls; {pages} are enough",
            figures.describes
        ),
    );
    let pages = left_open.div_ceil(width) as u64;
    check(
        figures.describes_of_the_next <= pages,
        format!(
            "the next sweep made {} describe calls; {pages} are enough",
            figures.describes_of_the_next
        ),
    );
    check(
        figures.peak_bytes.is_some_and(|peak| peak < PEAK_BYTES),
        format!(
            "the sweeper's process held {:?} bytes; less than {PEAK_BYTES} is promised",
            figures.peak_bytes
        ),
    );
    check(
        figures.seconds < SWEEP_SECONDS,
        format!(
            "the sweep took {:.0} s; its timeout is {SWEEP_SECONDS} s",
            figures.seconds
        ),
    );
    broken
}

/// What the burst's figures break. `in_queues` is what is left in the events queue and its dead letters.
pub(super) fn of_burst(figures: &BurstFigures, in_queues: u64) -> Vec<String> {
    let mut broken = Vec::new();
    if in_queues > 0 {
        broken.push(format!(
            "{in_queues} hints are left in the queue or with the dead letters"
        ));
    }
    if figures.went_on != figures.live {
        broken.push(format!(
            "{} of {} live executions went on",
            figures.went_on, figures.live
        ));
    }
    if figures.peak_bytes.is_none() {
        broken.push("no reactor's process was seen".to_owned());
    }
    broken
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::Timestamp;
    use serde_json::json;

    use super::*;
    use crate::burst::world;
    use snapferry_sim::proxy::{Call, Caller, Service, Token};

    fn answer(snapshot: &str, status: u16) -> Settlement {
        let caller = Caller {
            service: Service::StepFunctions,
            operation: "SendTaskSuccess".to_owned(),
            app: None,
            region: None,
            peer: None,
        };
        Settlement {
            call: Call {
                at: Timestamp::UNIX_EPOCH,
                latency: Duration::ZERO,
                caller,
                status,
                error: None,
            },
            outcome: Outcome::Success(json!({ "snapshot": snapshot })),
            token: Token::new("a token"),
        }
    }

    /// A world with two ready snapshots, both hinted at, and one that RDS has not finished.
    fn judged(answered: impl Fn(&[String], &str) -> Vec<Settlement>) -> Answers {
        let now: Timestamp = "2026-11-23T03:00:00Z".parse().expect("a time");
        let world = world::draw(2, 0, now).expect("a world");
        let ready: Vec<String> = world
            .ready
            .iter()
            .map(|one| one.snapshot.to_string())
            .collect();
        let unfinished = world.unfinished[0].snapshot.to_string();
        let expected = ready.iter().cloned().collect();
        answers(&answered(&ready, &unfinished), &expected, &world.rds).expect("a region")
    }

    #[test]
    fn each_settled_once_is_in_order_and_what_comes_late_is_counted() {
        let answers = judged(|ready, _| {
            vec![
                answer(&ready[0], 200),
                answer(&ready[0], 400),
                answer(&ready[1], 200),
            ]
        });
        assert_eq!((answers.settled, answers.late), (2, 1));
        assert!(answers.broken.is_empty(), "{:?}", answers.broken);
    }

    #[test]
    fn a_lost_wait_is_found() {
        let answers = judged(|ready, _| vec![answer(&ready[0], 200), answer(&ready[1], 400)]);
        assert_eq!(
            answers.broken,
            ["1 waits were lost: ready, and not settled"]
        );
    }

    #[test]
    fn a_wait_that_is_settled_twice_is_found() {
        let answers = judged(|ready, _| {
            let twice = [&ready[0], &ready[1], &ready[1]];
            twice.map(|snapshot| answer(snapshot, 200)).into()
        });
        assert_eq!(answers.broken, ["1 waits were settled more than once"]);
    }

    #[test]
    fn a_snapshot_that_rds_has_not_finished_is_not_announced() {
        let answers = judged(|ready, unfinished| {
            let all = [&ready[0], &ready[1], unfinished];
            all.map(|snapshot| answer(snapshot, 200)).into()
        });
        assert_eq!(
            answers.broken.len(),
            2,
            "untrue, and not asked for: {:?}",
            answers.broken
        );
    }
}
