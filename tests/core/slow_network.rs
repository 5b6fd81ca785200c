//! The reactor behind a network where each answer takes its time, on a clock that jumps.

use std::cell::Cell;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;
use snapferry::app::queue::Record;
use snapferry::app::react::react;
use snapferry::domain::arn::{ExecutionArn, Family, RdsArn, Region};
use snapferry::domain::command::{DatabaseRef, Run, Step};
use snapferry::domain::database::Database;
use snapferry::domain::failure::Failure;
use snapferry::domain::manifest::Manifest;
use snapferry::domain::names::{ExecutionName, ResourceId, SnapshotId};
use snapferry::domain::policy_set::Applied;
use snapferry::domain::snapshot::{Snapshot, SnapshotStatus};
use snapferry::domain::tags::PolicyName;
use snapferry::domain::token::TaskToken;
use snapferry::domain::wait::{Expectation, Phase, Wait};
use snapferry::ports::{
    Callbacks, Claim, ClaimRun, Clock, DelayMessage, Delivery, DescribeSnapshots, ExecutionState,
    FindDatabases, Held, Jitter, LookUpWaits, PortError, RdsError, ReadPolicies, ReceiptHandle,
    RecordRecoveryPoint, StartExecution, Started, Waits, Written,
};
use tokio::time::{Instant, sleep};

use crate::world::{
    HOME, SOURCE, Token, World, a_run, backoff, command, ear, ours, record, region,
};

const ANSWER: Duration = Duration::from_millis(10);

/// A world whose every answer takes [`ANSWER`], or longer from one region's RDS.
struct Slow {
    world: World,
    late: Option<(Region, Duration)>,
    under_way: Cell<usize>,
    most: Cell<usize>,
    asked: Cell<u32>,
}

impl Slow {
    fn new() -> Self {
        Self {
            world: World::new(),
            late: None,
            under_way: Cell::new(0),
            most: Cell::new(0),
            asked: Cell::new(0),
        }
    }

    async fn answer(&self) {
        self.asked.set(self.asked.get() + 1);
        sleep(ANSWER).await;
    }

    async fn answer_to_callback(&self) {
        self.under_way.set(self.under_way.get() + 1);
        self.most.set(self.most.get().max(self.under_way.get()));
        self.answer().await;
        self.under_way.set(self.under_way.get() - 1);
    }

    /// A snapshot of this region that is done, and the event that says so.
    fn finished(&self, number: usize, place: &str) -> Record {
        let name = format!("{place}-{number}");
        let the_run = a_run(&name);
        let id = SnapshotId::parse(&format!("sf-{name}")).unwrap();
        let arn = the_run.database.arn.sibling_snapshot(&region(place), &id);
        self.world.set_token(&name, Token::Alive);
        self.world
            .put_snapshot(ours(&arn, &the_run, SnapshotStatus::Available));
        let asked = command(Step::Snapshot, &name, &name);
        let mut wait = Wait::new(
            arn.clone(),
            asked,
            Expectation::Snapshot,
            self.world.now.get(),
        );
        wait.phase = Phase::Requested;
        self.world.store(wait);
        let event = json!({
            "detail-type": "RDS DB Snapshot Event", "source": "aws.rds",
            "detail": { "SourceArn": arn.to_string(), "EventID": "RDS-EVENT-0042" }
        });
        record(&name, event.to_string(), 1)
    }

    /// How long a batch takes, and how many of its callbacks were under way at once at most.
    async fn takes(&self, batch: Vec<Record>) -> (Duration, usize) {
        let start = Instant::now();
        let stay = react(self, &ear(), &backoff(), batch).await;
        assert_eq!(stay, [""; 0]);
        (start.elapsed(), self.most.get())
    }
}

impl Clock for Slow {
    fn now(&self) -> Timestamp {
        self.world.now()
    }
}

impl Jitter for Slow {
    fn jitter(&self) -> f64 {
        self.world.jitter()
    }
}

impl DelayMessage for Slow {
    async fn delay_message(&self, message: &ReceiptHandle, by: Duration) -> Result<(), PortError> {
        self.answer().await;
        self.world.delay_message(message, by).await
    }
}

impl DescribeSnapshots for Slow {
    async fn describe_snapshots(
        &self,
        region: &Region,
        family: Family,
        ids: &[SnapshotId],
    ) -> Result<Vec<Snapshot>, RdsError> {
        if let Some((late, by)) = &self.late
            && late == region
        {
            sleep(*by).await;
        }
        self.answer().await;
        self.world.describe_snapshots(region, family, ids).await
    }
}

impl FindDatabases for Slow {
    async fn find_databases(
        &self,
        region: &Region,
        family: Family,
        ids: &[ResourceId],
    ) -> Result<Vec<Database>, RdsError> {
        self.answer().await;
        self.world.find_databases(region, family, ids).await
    }
}

impl ReadPolicies for Slow {
    async fn current_policies(&self) -> Result<Option<Applied>, PortError> {
        self.answer().await;
        self.world.current_policies().await
    }
}

impl ClaimRun for Slow {
    async fn claim_run(
        &self,
        database: &DatabaseRef,
        policy: &PolicyName,
        execution: &ExecutionName,
        at: Timestamp,
        instead_of: Option<&Held>,
    ) -> Result<Claim, PortError> {
        self.answer().await;
        let world = &self.world;
        world
            .claim_run(database, policy, execution, at, instead_of)
            .await
    }
}

impl StartExecution for Slow {
    async fn start_execution(&self, name: &ExecutionName, run: &Run) -> Result<Started, PortError> {
        self.answer().await;
        self.world.start_execution(name, run).await
    }

    async fn describe_execution(&self, name: &ExecutionName) -> Result<ExecutionState, PortError> {
        self.answer().await;
        self.world.describe_execution(name).await
    }
}

impl Callbacks for Slow {
    async fn send_task_success(&self, token: &TaskToken, manifest: &Manifest) -> Delivery {
        self.answer_to_callback().await;
        self.world.send_task_success(token, manifest).await
    }

    async fn send_task_failure(&self, token: &TaskToken, failure: &Failure) -> Delivery {
        self.answer_to_callback().await;
        self.world.send_task_failure(token, failure).await
    }
}

impl LookUpWaits for Slow {
    async fn look_up(&self, resources: &[RdsArn]) -> Result<Vec<Wait>, PortError> {
        self.answer().await;
        self.world.look_up(resources).await
    }
}

impl Waits for Slow {
    async fn set_phase(
        &self,
        resource: &RdsArn,
        token: &TaskToken,
        phase: Phase,
        since: Timestamp,
    ) -> Result<Written, PortError> {
        self.answer().await;
        self.world.set_phase(resource, token, phase, since).await
    }

    async fn forget(&self, resource: &RdsArn, token: &TaskToken) -> Result<(), PortError> {
        self.answer().await;
        self.world.forget(resource, token).await
    }
}

impl RecordRecoveryPoint for Slow {
    async fn record_recovery_point(
        &self,
        run: &Run,
        execution: &ExecutionArn,
        copy: &Manifest,
    ) -> Result<(), PortError> {
        self.answer().await;
        self.world.record_recovery_point(run, execution, copy).await
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_takes_a_fraction_of_the_time_of_its_calls_one_after_another() {
    for (size, fraction) in [(10, 3), (100, 10)] {
        let world = Slow::new();
        let batch = (0..size).map(|n| world.finished(n, SOURCE)).collect();
        let (took, _) = world.takes(batch).await;
        let sequential = ANSWER * world.asked.get();
        assert!(
            took * fraction < sequential,
            "a batch of {size}: {took:?} of {sequential:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn no_more_than_twenty_callbacks_are_under_way_at_once() {
    let world = Slow::new();
    let batch = (0..100).map(|n| world.finished(n, SOURCE)).collect();
    let (_, most) = world.takes(batch).await;
    assert_eq!(most, 20);
}

#[tokio::test(start_paused = true)]
async fn a_region_that_answers_late_keeps_no_other_regions_callbacks_back() {
    let mut world = Slow::new();
    let late = Duration::from_secs(4);
    world.late = Some((region(HOME), late));
    let batch = vec![world.finished(1, HOME), world.finished(2, SOURCE)];
    let start = Instant::now();
    let ear = ear();
    let backoff = backoff();
    let reacting = react(&world, &ear, &backoff, batch);
    tokio::pin!(reacting);
    // The one that is not late is called back and forgotten long before the other.
    let soon = tokio::time::timeout(ANSWER * 10, &mut reacting).await;
    assert!(soon.is_err() && world.world.answers.borrow().len() == 1);
    assert_eq!(reacting.await, [""; 0]);
    assert_eq!(world.world.answers.borrow().len(), 2);
    assert!(start.elapsed() < late + ANSWER * 10);
}
