//! Deploys the stack, runs the sweep, and sends the burst.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::bail;
use jiff::Timestamp;
use serde_json::json;
use tokio::sync::mpsc;

use super::figures::{BurstFigures, Figures, SweepFigures};
use super::memory::Watch;
use super::world::{ACCOUNT, Awaited, RECOVERY, RECOVERY_KEY, SOURCE, region};
use super::{Args, StandIn, judge, waits, world};
use snapferry_sim::faults::Fault;
use snapferry_sim::local::{Function, LocalOptions, LocalStack};
use snapferry_sim::proxy::Settlement;
use snapferry_sim::rds::Stage;
use snapferry_sim::rds_http::{RdsService, ServiceConfig, VirtualClock};

/// The template's default for `SweepWidth`.
const WIDTH: usize = 20;
/// Rates so slow that the emulator's schedules start nothing while the sweep and the burst are measured.
const SLOW_SCHEDULES: [(&str, &str); 2] = [
    ("SweeperRate", "rate(6 hours)"),
    ("PlannerRate", "rate(6 hours)"),
];
/// The template's defaults of those parameters that the local stack would shorten.
const SHIPPED: [(&str, &str); 9] = [
    ("FunctionTimeout", "60"),
    ("RdsReadSeconds", "10"),
    ("RdsChangeSeconds", "25"),
    ("ScheduledTimeout", "300"),
    ("VisibilitySeconds", "360"),
    ("BackoffSeconds", "30"),
    ("BackoffMaxSeconds", "900"),
    ("GraceSeconds", "600"),
    ("HintRecheckSeconds", "5"),
];
const POLL_INTERVAL: Duration = Duration::from_millis(250);
/// How long the live executions may take until they wait for their tokens.
const START_TIMEOUT: Duration = Duration::from_mins(3);
/// How long the queue may take to become empty.
const DRAIN_TIMEOUT: Duration = Duration::from_mins(15);
/// A little more than the sweeper's own timeout.
const SWEEP_TIMEOUT: Duration = Duration::from_secs(310);
/// Seed of the order in which hints come.
const SEED: u64 = 1;

/// Runs the sweep and the burst. The figures name every broken promise.
///
/// # Errors
/// When the local world could not be built or does not answer.
pub async fn run(args: &Args) -> anyhow::Result<Figures> {
    let now = Timestamp::now();
    let drawn = world::draw(args.waits.max(args.hints), args.live, now)?;
    let (events, _nobody_listens) = mpsc::unbounded_channel();
    let rds = RdsService::start(ServiceConfig {
        rds: drawn.rds,
        clock: VirtualClock::starting_at(Timestamp::now(), 1.0),
        events,
    })
    .await?;
    let stand_in = Arc::new(StandIn::default());
    let stack = LocalStack::start(options(args, &rds, &stand_in), &|_| {}).await?;
    let scene = Scene {
        table: stack.output("TableName")?,
        memory: Watch::begin(stack.process_group()),
        stack: &stack,
        rds: &rds,
        stand_in: &stand_in,
        unfinished: &drawn.unfinished,
    };
    let mut broken = Vec::new();
    let sweep = scene.sweep(&drawn.ready[..args.waits], &mut broken).await?;
    let burst = scene
        .burst(args, &drawn.ready, &drawn.live, &mut broken)
        .await?;
    Ok(Figures {
        schema: 1,
        sweep,
        burst,
        broken,
    })
}

fn options(args: &Args, rds: &RdsService, stand_in: &Arc<StandIn>) -> LocalOptions {
    let ours = SHIPPED.iter().chain(&SLOW_SCHEDULES);
    let mut parameters: Vec<(String, String)> = ours
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    parameters.push(("SweepWidth".to_owned(), WIDTH.to_string()));
    LocalOptions {
        recovery_region: RECOVERY.to_owned(),
        source_regions: vec![SOURCE.to_owned()],
        account: ACCOUNT.to_owned(),
        recovery_key_arn: RECOVERY_KEY.to_owned(),
        parameters,
        function: args
            .bootstrap
            .clone()
            .map_or(Function::Build, Function::Binary),
        interference: stand_in.clone(),
        ..LocalOptions::new(rds.url())
    }
}

/// What both halves work with.
struct Scene<'a> {
    memory: Watch,
    table: &'a str,
    stack: &'a LocalStack,
    rds: &'a RdsService,
    stand_in: &'a StandIn,
    unfinished: &'a [Awaited],
}

impl Scene<'_> {
    async fn sweep(
        &self,
        ready: &[Awaited],
        broken: &mut Vec<String>,
    ) -> anyhow::Result<SweepFigures> {
        self.store("SweepUnfinished", self.unfinished).await?;
        self.store("Sweep", ready).await?;
        let (answered, asked) = (self.answers_so_far(), self.describes("snapferry-sweeper"));
        let begun = Instant::now();
        self.invoke_sweeper().await?;
        let seconds = begun.elapsed().as_secs_f64();
        let describes = self.describes("snapferry-sweeper") - asked;
        self.invoke_sweeper().await?;
        let expected = names(ready);
        let answers = judge::answers(&self.settlements(answered), &expected, &self.rds.model())?;
        let figures = SweepFigures {
            open: ready.len() + self.unfinished.len(),
            settled: answers.settled,
            late: answers.late,
            describes,
            seconds,
            peak_bytes: self.memory.peak("sweeper"),
            describes_of_the_next: self.describes("snapferry-sweeper") - asked - describes,
        };
        broken.extend(answers.broken);
        broken.extend(judge::of_sweep(&figures, WIDTH, self.unfinished.len()));
        self.only_the_unfinished_are_open(broken).await?;
        Ok(figures)
    }

    async fn burst(
        &self,
        args: &Args,
        ready: &[Awaited],
        live: &[String],
        broken: &mut Vec<String>,
    ) -> anyhow::Result<BurstFigures> {
        let live = self.begin_live(live).await?;
        let open = &ready[..args.hints * 2 / 5];
        self.store("Burst", open).await?;
        let mut expected = names(open);
        expected.extend(live.iter().cloned());
        let unfinished = names(self.unfinished);
        let hints = Hints::draw(args.hints, &expected, &unfinished);

        let (answered, asked) = (self.answers_so_far(), self.describes("snapferry-reactor"));
        let queue = self.stack.output("EventsQueueUrl")?;
        let begun = Instant::now();
        waits::send(self.stack.client(), queue, &hints.bodies).await?;
        let seconds_to_send = begun.elapsed().as_secs_f64();
        let seconds = self.drain(begun, answered, expected.len()).await?;

        let answers = judge::answers(&self.settlements(answered), &expected, &self.rds.model())?;
        let figures = BurstFigures {
            hints: hints.bodies.len(),
            waits: expected.len(),
            live: live.len(),
            duplicates: hints.of(Fault::EventsDoubled),
            third_parties: hints.of(Fault::EventsUnrelated),
            premature: hints.of(Fault::ForgedHint),
            settled: answers.settled,
            late: answers.late,
            went_on: self.count_resumed().await?,
            describes: self.describes("snapferry-reactor") - asked,
            seconds_to_send,
            seconds,
            hints_a_second: hints.bodies.len() as f64 / seconds,
            peak_bytes: self.memory.peak("reactor"),
        };
        broken.extend(answers.broken);
        broken.extend(judge::of_burst(&figures, self.in_queues().await?));
        self.only_the_unfinished_are_open(broken).await?;
        Ok(figures)
    }

    async fn store(&self, round: &str, awaited: &[Awaited]) -> anyhow::Result<()> {
        waits::store(
            self.stack.client(),
            self.table,
            self.stand_in,
            round,
            awaited,
        )
        .await
    }

    async fn invoke_sweeper(&self) -> anyhow::Result<()> {
        let sweeper = self.stack.output("SweeperName")?;
        let client = self.stack.client();
        client
            .invoke_within(SWEEP_TIMEOUT, sweeper, &json!({}))
            .await?;
        Ok(())
    }

    /// How many answers there have been.
    fn answers_so_far(&self) -> usize {
        self.stack.proxy().recorder().settlements().len()
    }

    fn settlements(&self, since: usize) -> Vec<Settlement> {
        self.stack.proxy().recorder().settlements().split_off(since)
    }

    /// Counts calls in the source region only: the copies of the live executions, in the recovery region, do not belong
    /// to the burst.
    fn describes(&self, app: &str) -> u64 {
        self.rds.counts().sum(|call| {
            call.operation == "DescribeDBSnapshots" && call.app == app && call.region == SOURCE
        })
    }

    /// Lets the planner start the executions, and waits until RDS has every snapshot. The program sends no event for them.
    async fn begin_live(&self, databases: &[String]) -> anyhow::Result<BTreeSet<String>> {
        if databases.is_empty() {
            return Ok(BTreeSet::new());
        }
        let planner = self.stack.output("PlannerName")?;
        let client = self.stack.client();
        client
            .invoke_within(SWEEP_TIMEOUT, planner, &json!({}))
            .await?;
        let begun = Instant::now();
        loop {
            let ready = self.snapshots_of(databases)?;
            let open = waits::open(client, self.table).await?;
            let all_open = open.len() == databases.len() + self.unfinished.len();
            if ready.len() == databases.len() && all_open {
                return Ok(ready);
            }
            if begun.elapsed() > START_TIMEOUT {
                bail!(
                    "{} of {} executions are asleep on a snapshot that is there",
                    ready.len(),
                    databases.len()
                );
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    /// The available snapshots of these databases.
    fn snapshots_of(&self, databases: &[String]) -> anyhow::Result<BTreeSet<String>> {
        let model = self.rds.model();
        let all = model.snapshots(&region(SOURCE)?);
        let theirs = all.filter(|one| databases.contains(&one.instance.identifier));
        let available = theirs.filter(|one| one.stage() == Stage::Available);
        Ok(available.map(|one| one.arn.clone()).collect())
    }

    /// Waits until every wait is settled and no hint is left, and returns that time. Hints that came too early are looked
    /// at again: it waits for these too, but does not count that time.
    async fn drain(&self, begun: Instant, answered: usize, expected: usize) -> anyhow::Result<f64> {
        let queue = self.stack.output("EventsQueueUrl")?;
        let mut drained = None;
        loop {
            let depth = self.stack.client().queue_depth(queue).await?;
            let held = depth.in_flight + depth.delayed;
            let all_settled = self.answers_so_far() >= answered + expected;
            if all_settled && depth.visible == 0 && held <= self.unfinished.len() as u64 {
                drained.get_or_insert(begun.elapsed().as_secs_f64());
            }
            if let Some(seconds) = drained.filter(|_| depth.is_empty()) {
                return Ok(seconds);
            }
            if begun.elapsed() > DRAIN_TIMEOUT {
                // The judge says what is missing.
                return Ok(begun.elapsed().as_secs_f64());
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    async fn count_resumed(&self) -> anyhow::Result<usize> {
        let client = self.stack.client();
        let machine = self.stack.output("StateMachineArn")?;
        let mut count = 0;
        for execution in client.executions(machine).await? {
            let history = client.history(&execution.execution_arn).await?;
            count += usize::from(history.iter().any(|event| event.kind == "TaskSucceeded"));
        }
        Ok(count)
    }

    async fn in_queues(&self) -> anyhow::Result<u64> {
        let mut all = 0;
        for queue in ["EventsQueueUrl", "EventsDeadLetterQueueUrl"] {
            let depth = self
                .stack
                .client()
                .queue_depth(self.stack.output(queue)?)
                .await?;
            all += depth.visible + depth.in_flight + depth.delayed;
        }
        Ok(all)
    }

    /// Looks at the source region only: in the recovery region the live executions' copies are open too.
    async fn only_the_unfinished_are_open(&self, broken: &mut Vec<String>) -> anyhow::Result<()> {
        let open = waits::open(self.stack.client(), self.table).await?;
        let here = format!(":{SOURCE}:");
        let open: BTreeSet<String> = open.into_iter().filter(|one| one.contains(&here)).collect();
        if open != names(self.unfinished) {
            broken.push(format!(
                "{} waits are open at the end, and {} should be",
                open.len(),
                self.unfinished.len()
            ));
        }
        Ok(())
    }
}

fn names(awaited: &[Awaited]) -> BTreeSet<String> {
    awaited.iter().map(|one| one.snapshot.to_string()).collect()
}

/// The hints of a burst, in the order in which they are sent.
struct Hints {
    bodies: Vec<String>,
    /// How many of them there are of each fault.
    faults: BTreeMap<Fault, usize>,
}

impl Hints {
    /// Draws one hint for each expected and each unfinished snapshot. Half of the rest name expected snapshots again, the
    /// other half name snapshots that nobody waits for.
    fn draw(count: usize, expected: &BTreeSet<String>, unfinished: &BTreeSet<String>) -> Self {
        let rest = count.saturating_sub(expected.len() + unfinished.len());
        let (duplicates, third_parties) = (rest / 2, rest - rest / 2);
        let again = expected.iter().cycle().take(duplicates);
        let theirs = (0..third_parties)
            .map(|n| format!("arn:aws:rds:{SOURCE}:{ACCOUNT}:snapshot:somebody-elses-{n:06}"));
        let hinted = expected.iter().chain(unfinished).chain(again).cloned();
        let mut bodies: Vec<String> = hinted.chain(theirs).map(|one| waits::hint(&one)).collect();
        fastrand::Rng::with_seed(SEED).shuffle(&mut bodies);
        let faults = [
            (Fault::EventsDoubled, duplicates),
            (Fault::EventsUnrelated, third_parties),
            (Fault::ForgedHint, unfinished.len()),
        ];
        Self {
            bodies,
            faults: faults.into(),
        }
    }

    fn of(&self, fault: Fault) -> usize {
        self.faults.get(&fault).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use snapferry_sim::faults::World;

    use super::*;

    #[test]
    fn a_burst_has_the_faults_that_the_list_says() {
        let names = |what: &str| (0..3).map(|n| format!("{what}-{n}")).collect();
        let hints = Hints::draw(20, &names("ready"), &names("unfinished"));
        assert!(hints.faults.keys().copied().eq(Fault::of(World::Burst)));
        assert!(hints.faults.values().all(|count| *count > 0));
        assert_eq!(hints.bodies.len(), 20);
    }
}
