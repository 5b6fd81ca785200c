//! The figures of a run. They come from the RDS model, the recording proxy and the emulator, and never from the product.

use std::collections::BTreeMap;

use serde::Serialize;

use super::day::{DrillFigures, RestoredFigures};
use super::doctor::DoctorCounts;
use super::iam::Iam;
use super::left_out::LeftOutFigure;
use super::pruning::Pruned;
use super::tried::TriedFigures;

/// Calls by operation.
pub type Calls = BTreeMap<String, u64>;

/// The result of the run: the demo's JSON.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Figures {
    /// The schema's number.
    pub schema: u32,
    /// Databases that should be protected.
    pub databases: u64,
    /// How many of them are protected by copies of RDS's automated snapshots.
    pub automated: u64,
    /// Databases that should be refused, because RDS cannot make the promised copy.
    pub refused: u64,
    /// Databases that should be left out: by a tag, because they have no tag, or as members of clusters that are left
    /// out.
    pub excluded: u64,
    /// Databases in a status in which RDS takes no snapshot.
    pub not_now: u64,
    /// Databases that RDS has refused permanently, after one try that Snapferry remembers.
    pub tried: u64,
    /// All of these, each with its reason.
    pub left_out: Vec<LeftOutFigure>,
    /// Recovery points in the simulated RDS: available, in the recovery region, with the right source, key, tags and option
    /// group.
    pub recovery_points: u64,
    /// Executions by their end.
    pub executions: Executions,
    /// Callbacks that Step Functions accepted, by who sent them.
    pub callbacks: Callbacks,
    /// Commands whose token turned out to be dead.
    pub stale_commands: u64,
    /// Messages in dead-letter queues at the end.
    pub dead_letters: u64,
    /// How many of them are garbage that the demo itself put into the queues.
    #[serde(skip_serializing_if = "is_zero")]
    pub garbage: u64,
    /// How often each requested fault really happened.
    pub faults: BTreeMap<&'static str, u64>,
    /// Commands in the dead-letter queue that wait until a person has fixed their cause.
    pub parked: u64,
    /// Dead letters that `snapferry replay` sent back to their queue.
    pub replayed: u64,
    /// What the try of the database has cost that RDS refuses permanently. No other figure contains it, but those of the
    /// sweep, of the pruner and of the other services.
    pub tried_and_refused: TriedFigures,
    /// Calls to AWS.
    pub calls: ServiceCalls,
    /// What the functions' own roles allowed them.
    pub iam: Iam,
    /// What became of the snapshots that were there before.
    pub pruned: Pruned,
    /// What `snapferry doctor` finds at the end, where neither faults nor other roles were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub doctor: Option<DoctorCounts>,
    /// What became of the drills, with `--drill`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drills: Option<DrillFigures>,
    /// What became of the restores, with `--drill`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restored: Option<RestoredFigures>,
    /// States entered, and one more for each execution's end.
    pub state_transitions: u64,
    /// Invocations of all functions.
    pub lambda_invocations: u64,
    /// The most copies by Snapferry that the simulated RDS had in flight at once.
    pub max_copies_in_flight: u64,
    /// From an event's delivery to the bus to the accepted callback.
    pub reaction_ms: Reaction,
    /// From the moment that RDS has finished to the sweep's accepted callback, in RDS's time.
    pub sweep_settles_s: Reaction,
    /// From the first invocation of the planner to the last execution's end.
    pub elapsed_s: f64,
}

/// Executions by their end.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Executions {
    /// Succeeded.
    pub succeeded: u64,
    /// Failed, timed out, stopped, or still running when the demo gave up.
    pub failed: u64,
}

/// Accepted callbacks by sender.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Callbacks {
    /// By the reactor, after an event.
    pub event: u64,
    /// By the sweeper: no event came.
    pub sweep: u64,
    /// By the worker: the snapshot was there already.
    pub worker: u64,
    /// Accepted failures. Each led to another try of its step.
    #[serde(skip_serializing_if = "is_zero")]
    pub failures: u64,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// Calls by service. The calls of the sweep and of the pruner to RDS are counted separately.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ServiceCalls {
    /// RDS, without the calls of the sweep, of the pruner and of the command line.
    pub rds: Calls,
    /// RDS, by the sweep.
    pub sweep_rds: Calls,
    /// RDS, by the pruner.
    pub prune_rds: Calls,
    /// RDS, by the command line.
    pub cli_rds: Calls,
    /// Step Functions.
    pub states: Calls,
    /// DynamoDB.
    pub dynamodb: Calls,
    /// SQS, by the functions themselves. Lambda's own polling is not counted.
    pub sqs: Calls,
}

/// Percentiles of times.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Reaction {
    /// The median.
    pub p50: f64,
    /// The 99th percentile.
    pub p99: f64,
}

impl Reaction {
    /// The percentiles of these times (nearest rank); zero where there are none.
    #[must_use]
    pub(super) fn of(mut times: Vec<f64>) -> Self {
        times.sort_by(f64::total_cmp);
        let at = |share: f64| {
            #[expect(
                clippy::cast_precision_loss,
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss
            )]
            let rank = (times.len() as f64 * share).ceil() as usize;
            times
                .get(rank.saturating_sub(1))
                .copied()
                .unwrap_or_default()
        };
        Self {
            p50: at(0.50),
            p99: at(0.99),
        }
    }
}

/// How many calls a map holds.
#[must_use]
pub(super) fn total(calls: &Calls) -> u64 {
    calls.values().sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_nearest_rank() {
        let reaction = Reaction::of((1..=200).rev().map(f64::from).collect());
        assert_eq!(
            reaction,
            Reaction {
                p50: 100.0,
                p99: 198.0
            }
        );
        assert_eq!(Reaction::of(vec![7.0]), Reaction { p50: 7.0, p99: 7.0 });
        assert_eq!(Reaction::of(Vec::new()), Reaction::default());
    }
}
