//! The reactor behind a slow network, on a clock that jumps.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use serde_json::json;
use snapferry::app::queue::Record;
use snapferry::app::react::react;
use snapferry::domain::id::arn::Region;
use snapferry::domain::id::names::SnapshotId;
use snapferry::domain::rds::snapshot::SnapshotStatus;
use snapferry::domain::run::command::Step;
use snapferry::domain::run::wait::{Expectation, Phase, Wait};
use snapferry::fake::{self, Call, CallOutcome, Hook, Shelf, Through};
use tokio::time::{Instant, sleep};

use crate::world::{
    Fixture, HOME, Name, SOURCE, Script, Token, a_run, backoff, command, fake_world, ours,
    reactor_config, record, region,
};

const ANSWER: Duration = Duration::from_millis(10);

/// A world whose every answer takes [`ANSWER`], or longer from one region's RDS.
type Slow = Through<fake::World<Shelf>, Network>;

#[derive(Default)]
struct Network {
    script: Script,
    late: RefCell<Option<(Region, Duration)>>,
    under_way: Cell<usize>,
    max: Cell<usize>,
    asked: Cell<u32>,
}

impl Network {
    fn delay_of(&self, call: &Call) -> Duration {
        match (call, &*self.late.borrow()) {
            (Call::DescribeSnapshots { region, .. }, Some((late, by))) if late == region => {
                *by + ANSWER
            }
            _ => ANSWER,
        }
    }
}

impl Hook<fake::World<Shelf>> for Network {
    async fn before(&self, _: &fake::World<Shelf>, call: &Call) -> CallOutcome {
        let is_callback = matches!(call.name(), Name::SendTaskSuccess | Name::SendTaskFailure);
        let counts = usize::from(is_callback);
        self.under_way.set(self.under_way.get() + counts);
        self.max.set(self.max.get().max(self.under_way.get()));
        self.asked.set(self.asked.get() + 1);
        sleep(self.delay_of(call)).await;
        self.under_way.set(self.under_way.get() - counts);
        CallOutcome::Proceeds
    }
}

impl Fixture for Slow {
    fn new() -> Self {
        Self::around(fake_world(), Network::default())
    }

    fn parts(&self) -> (&fake::World<Shelf>, &Script) {
        (self.world(), &self.hook().script)
    }
}

/// A finished snapshot of this region, and its event.
fn finished(world: &Slow, number: usize, place: &str) -> Record {
    let name = format!("{place}-{number}");
    let the_run = a_run(&name);
    let id = SnapshotId::parse(&format!("sf-{name}")).unwrap();
    let arn = the_run.database.arn.sibling_snapshot(&region(place), &id);
    world.set_token(&name, Token::Alive);
    world.put_snapshot(ours(&arn, &the_run, SnapshotStatus::Available));
    let asked = command(Step::Snapshot, &name, &name);
    let mut wait = Wait::new(arn.clone(), asked, Expectation::Snapshot, world.clock());
    wait.phase = Phase::Requested;
    world.store(wait);
    let event = json!({
        "detail-type": "RDS DB Snapshot Event", "source": "aws.rds",
        "detail": { "SourceArn": arn.to_string(), "EventID": "RDS-EVENT-0042" }
    });
    record(&name, event.to_string(), 1)
}

/// How long a batch takes, and how many of its callbacks ran at once at most.
async fn takes(world: &Slow, batch: Vec<Record>) -> (Duration, usize) {
    let start = Instant::now();
    let stay = react(world, &reactor_config(), &backoff(), batch).await;
    assert_eq!(stay, [""; 0]);
    (start.elapsed(), world.hook().max.get())
}

#[tokio::test(start_paused = true)]
async fn a_batch_takes_a_fraction_of_the_time_of_its_calls_one_after_another() {
    for (size, fraction) in [(10, 3), (100, 10)] {
        let world = Slow::new();
        let batch = (0..size).map(|n| finished(&world, n, SOURCE)).collect();
        let (took, _) = takes(&world, batch).await;
        let sequential = ANSWER * world.hook().asked.get();
        assert!(
            took * fraction < sequential,
            "a batch of {size}: {took:?} of {sequential:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn no_more_than_twenty_callbacks_are_under_way_at_once() {
    let world = Slow::new();
    let batch = (0..100).map(|n| finished(&world, n, SOURCE)).collect();
    let (_, max) = takes(&world, batch).await;
    assert_eq!(max, 20);
}

#[tokio::test(start_paused = true)]
async fn a_region_that_answers_late_keeps_no_other_regions_callbacks_back() {
    let world = Slow::new();
    let late = Duration::from_secs(4);
    world.hook().late.replace(Some((region(HOME), late)));
    let batch = vec![finished(&world, 1, HOME), finished(&world, 2, SOURCE)];
    let start = Instant::now();
    let reactor_config = reactor_config();
    let backoff = backoff();
    let reacting = react(&world, &reactor_config, &backoff, batch);
    tokio::pin!(reacting);
    // The token of the fast region is answered, and its wait deleted, long before the other's.
    let soon = tokio::time::timeout(ANSWER * 10, &mut reacting).await;
    assert!(soon.is_err() && world.answers().len() == 1);
    assert_eq!(reacting.await, [""; 0]);
    assert_eq!(world.answers().len(), 2);
    assert!(start.elapsed() < late + ANSWER * 10);
}
