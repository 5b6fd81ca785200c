//! Snapferry: the product's own use cases, over the fake in the account of the comparison, with a hook that bills every
//! call.
//!
//! Only the services around it are modelled: Step Functions runs the deployed definition, the two queues
//! feed their functions as event source mappings do, schedules run the planner and the sweeper.

mod meter;
mod queue;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use futures_util::FutureExt;
use jiff::{SignedDuration, Timestamp};
use snapferry::app::planner::{self, When};
use snapferry::app::queue::Record;
use snapferry::app::react::{self, ReactorConfig};
use snapferry::app::sweep::{self, SweeperConfig};
use snapferry::app::worker::WorkerConfig;
use snapferry::app::worker::batch;
use snapferry::domain::id::arn::{KeyArn, Region, StateMachineArn};
use snapferry::domain::id::tags::{PolicyName, StackId};
use snapferry::domain::policy::in_force::{Policies, Policy};
use snapferry::domain::policy::schedule::Schedule;
use snapferry::domain::policy::spread::Spread;
use snapferry::domain::policy::timing::FirstRun;
use snapferry::domain::run::backoff::Backoff;
use snapferry::domain::run::pace::Paces;
use snapferry::domain::run::slot_limits::CopySlots;
use snapferry::domain::run::wait::Rules;
use snapferry::fake::Table;
use snapferry::settings::{Planning, Stack};

use self::meter::{AT_ONCE, Account, Calls, Meter, Metered, OTHER_CALL, Spent, State};
use self::queue::{Mapping, settle};
use super::cloud::{
    ACCOUNT, BEGIN, Cloud, KEY, RDS_CALL, REACTION, RdsOutages, later, later_ms, ms_between,
};
use super::drive::{Agenda, Design};
use super::ledger::Processor;
use super::trace::Trace;
use snapferry_sim::asl::StateMachine;
use snapferry_sim::rds::{CLUSTER_COPIES_IN_FLIGHT, COPIES_IN_FLIGHT, EmittedEvent};
use snapferry_sim::simulation::models::Machine;

/// The deployed definition.
const DEFINITION: &str = include_str!("../../../../statemachine/protect.asl.json");
/// `SweeperRate` and `PlannerRate` of the template.
const SWEEP_EVERY: SignedDuration = SignedDuration::from_mins(1);
const PLAN_EVERY: SignedDuration = SignedDuration::from_mins(5);
/// `WorkerConcurrency`, `ReactorConcurrency`, `FunctionMemory`.
const WORKERS: usize = 5;
const REACTORS: usize = 10;
const MEGABYTES: u64 = 256;
/// Empty receives of one mapping: five pollers that wait for twenty seconds each (Lambda's documentation of
/// its SQS pollers).
const IDLE_RECEIVES_A_MINUTE: u64 = 15;
/// How long a warm function takes in addition to its calls.
const HANDLER: SignedDuration = SignedDuration::from_millis(5);

/// The stack.
pub(super) struct Snapferry {
    account: Rc<RefCell<Account>>,
    workers: Mapping,
    reactors: Mapping,
    /// What each execution environment has learnt about RDS's rate. It keeps it, and no other knows it.
    paces: Environments,
    /// How much of the queue for slots the sweep is shown; `None` shows all.
    shown: Option<usize>,
    worker_config: WorkerConfig,
    reactor_config: ReactorConfig,
    sweeper_config: SweeperConfig,
    backoff: Backoff,
    planning: Planning,
}

/// What happens.
pub(super) enum Event {
    Plan,
    Sweep,
    /// Messages of the commands queue may be due.
    Commands,
    /// Messages of the events queue may be due.
    Events,
    WorkerEnded(usize),
    ReactorEnded(usize),
}

/// The memories of the execution environments.
struct Environments {
    planner: Rc<RefCell<Paces>>,
    sweeper: Rc<RefCell<Paces>>,
    workers: Vec<Rc<RefCell<Paces>>>,
    reactors: Vec<Rc<RefCell<Paces>>>,
}

impl Environments {
    fn new() -> Self {
        let all = |count| (0..count).map(|_| Rc::default()).collect();
        Self {
            planner: Rc::default(),
            sweeper: Rc::new(RefCell::new(Paces::of_sweeps())),
            workers: all(WORKERS),
            reactors: all(REACTORS),
        }
    }
}

impl Snapferry {
    /// `whole_queue`: the sweep is shown the whole queue for copy slots, and not only the head that it can
    /// hand out. `spread` is the policy's.
    pub(super) fn new(whole_queue: bool, spread: Spread) -> Self {
        let planning = planning(spread);
        let stack = &planning.stack;
        let machine = StateMachine::read(DEFINITION).expect("the deployed definition can be read");
        let machine = Machine::new(Rc::new(machine), planning.state_machine.clone());
        // Nothing is in it until the comparison's own account takes its place.
        let nothing = || Cloud::new(&Trace { rows: Vec::new() }, RdsOutages::FAIR, 0);
        let (cloud, rds) = (nothing(), nothing().rds);
        let mut state = State::new(BEGIN, rds, machine);
        state.table = Table::with_pages_of(usize::MAX);
        let account = Account {
            state,
            cloud,
            commands_due: Vec::new(),
        };
        Self {
            account: Rc::new(RefCell::new(account)),
            workers: Mapping::new(WORKERS),
            reactors: Mapping::new(REACTORS),
            paces: Environments::new(),
            shown: (!whole_queue).then_some(stack.copy_slots.all),
            worker_config: WorkerConfig::from(stack),
            reactor_config: ReactorConfig::new(stack, planning.key.clone()),
            sweeper_config: SweeperConfig::from(stack),
            backoff: stack.backoff,
            planning,
        }
    }

    /// Runs a function over the ports of the account. What it answers, and what it has spent.
    fn invoke<T>(
        &self,
        cloud: &mut Cloud,
        paces: &Rc<RefCell<Paces>>,
        calls: Calls,
        function: impl AsyncFnOnce(&Metered) -> T,
    ) -> (T, Spent) {
        self.account.borrow_mut().enter(cloud);
        let ports = Meter::ports(&self.account, paces, calls, self.shown);
        let answer = function(&ports).now_or_never();
        self.account.borrow_mut().leave(cloud);
        (answer.expect("no port ever waits"), ports.hook().spent())
    }

    /// Feeds as many workers as are free.
    fn work(&mut self, cloud: &mut Cloud, agenda: &mut Agenda<Event>) {
        while let Some((worker, batch)) = self.next_commands(cloud) {
            let (ids, records) = (ids(&batch), batch.len());
            let paces = &self.paces.workers[worker];
            let (kept, spent) = self.invoke(cloud, paces, Calls::AtOnce, async |ports| {
                batch::work(ports, &self.worker_config, &self.backoff, batch).await
            });
            let until = bill(cloud, spent, parallel(records), parallel(records));
            received(cloud);
            let mut account = self.account.borrow_mut();
            for due in settle(&mut account.state.commands, &ids, &kept) {
                agenda.enter(due, Event::Commands);
            }
            agenda.enter(until, Event::WorkerEnded(worker));
        }
    }

    fn next_commands(&mut self, cloud: &mut Cloud) -> Option<(usize, Vec<Record>)> {
        let queue = &mut self.account.borrow_mut().state.commands;
        self.workers.receive(queue, cloud.now, &mut cloud.ledger)
    }

    /// Feeds as many reactors as are free.
    fn react(&mut self, cloud: &mut Cloud, agenda: &mut Agenda<Event>) {
        while let Some((reactor, batch)) = self.next_events(cloud) {
            let (ids, records) = (ids(&batch), batch.len());
            let paces = &self.paces.reactors[reactor];
            let (kept, spent) = self.invoke(cloud, paces, Calls::AtOnce, async |ports| {
                react::react(ports, &self.reactor_config, &self.backoff, batch).await
            });
            let until = bill(cloud, spent, 1, parallel(records));
            received(cloud);
            let mut account = self.account.borrow_mut();
            for due in settle(&mut account.state.events, &ids, &kept) {
                agenda.enter(due, Event::Events);
            }
            agenda.enter(until, Event::ReactorEnded(reactor));
        }
    }

    fn next_events(&mut self, cloud: &mut Cloud) -> Option<(usize, Vec<Record>)> {
        let queue = &mut self.account.borrow_mut().state.events;
        self.reactors.receive(queue, cloud.now, &mut cloud.ledger)
    }

    fn sweep(&mut self, cloud: &mut Cloud) {
        cloud.ledger.queue_requests += 2 * IDLE_RECEIVES_A_MINUTE;
        // What a sweep could not read, the next one reads.
        let (_, spent) = self.invoke(cloud, &self.paces.sweeper, Calls::InTurn, async |ports| {
            sweep::sweep(ports, &self.sweeper_config).await
        });
        bill(cloud, spent, 1, AT_ONCE);
    }

    fn plan(&mut self, cloud: &mut Cloud) {
        let (_, spent) = self.invoke(cloud, &self.paces.planner, Calls::InTurn, async |ports| {
            planner::plan(ports, &self.planning, When::Due).await
        });
        bill(cloud, spent, 1, AT_ONCE);
    }

    /// Step Functions retries and times out what is due.
    fn advance(&self, cloud: &mut Cloud) {
        let account = &mut *self.account.borrow_mut();
        let next_due = account.state.step_functions.next_due();
        if next_due.is_some_and(|due| due <= cloud.now) {
            account.enter(cloud);
            let now = account.state.now;
            account.state.step_functions.advance(now);
            account.send_commands(now);
            account.leave(cloud);
        }
    }
}

fn ids(batch: &[Record]) -> Vec<String> {
    batch
        .iter()
        .map(|record| record.message_id.clone())
        .collect()
}

fn parallel(records: usize) -> i32 {
    i32::try_from(records).unwrap_or(AT_ONCE).clamp(1, AT_ONCE)
}

/// A batch's receive and its delete.
fn received(cloud: &mut Cloud) {
    cloud.ledger.queue_requests += 2;
}

/// Enters an invocation; until when it ran.
fn bill(cloud: &mut Cloud, spent: Spent, rds_at_once: i32, others_at_once: i32) -> Timestamp {
    let times = |n: u32| i32::try_from(n).unwrap_or(i32::MAX);
    let took = HANDLER
        .saturating_add(spent.waited)
        .saturating_add(RDS_CALL.saturating_mul(times(spent.rds_calls)) / rds_at_once)
        .saturating_add(OTHER_CALL.saturating_mul(times(spent.other_calls)) / others_at_once);
    let until = later(cloud.now, took);
    cloud
        .ledger
        .lambda(Processor::Arm64, MEGABYTES, ms_between(cloud.now, until));
    until
}

impl Design for Snapferry {
    type Event = Event;
    const LISTENS: bool = true;

    fn begin(&mut self, cloud: &mut Cloud, agenda: &mut Agenda<Event>) {
        agenda.enter(BEGIN, Event::Plan);
        // The sweeper's minute begins anywhere in everybody else's.
        let offset = cloud.rng.i64(0..60_000);
        agenda.enter(later_ms(BEGIN, offset), Event::Sweep);
    }

    fn happen(&mut self, cloud: &mut Cloud, agenda: &mut Agenda<Event>, event: Event) {
        self.advance(cloud);
        match event {
            Event::Plan => {
                self.plan(cloud);
                agenda.enter(later(cloud.now, PLAN_EVERY), Event::Plan);
            }
            Event::Sweep => {
                self.sweep(cloud);
                agenda.enter(later(cloud.now, SWEEP_EVERY), Event::Sweep);
            }
            Event::Commands => self.work(cloud, agenda),
            Event::Events => self.react(cloud, agenda),
            Event::WorkerEnded(worker) => {
                self.workers.ended(worker);
                self.work(cloud, agenda);
            }
            Event::ReactorEnded(reactor) => {
                self.reactors.ended(reactor);
                self.react(cloud, agenda);
            }
        }
        for due in self.account.borrow_mut().commands_due.drain(..) {
            agenda.enter(due, Event::Commands);
        }
    }

    fn start_from_hints(
        &mut self,
        cloud: &mut Cloud,
        agenda: &mut Agenda<Event>,
        event: &EmittedEvent,
    ) {
        if event.region == cloud.source {
            cloud.ledger.forwarded_events += 1;
        }
        // The rule's own send.
        cloud.ledger.queue_requests += 1;
        let events = &mut self.account.borrow_mut().state.events;
        events.send(event.envelope().to_string(), (), cloud.now);
        let due = later(cloud.now, REACTION);
        agenda.enter(due, Event::Events);
    }
}

/// The template's defaults.
fn planning(spread: Spread) -> Planning {
    const READABLE: &str = "the comparison's own settings can be read";
    let home = Region::parse("eu-central-1").expect(READABLE);
    let source = Region::parse("eu-west-1").expect(READABLE);
    let mut policy = Policy::new(
        PolicyName::parse("default").expect(READABLE),
        // Once, on the day of the comparison: 2 March, 03:00.
        Schedule::parse("0 3 2 3 *", "UTC").expect(READABLE),
        KeyArn::parse(KEY).expect(READABLE),
    );
    policy.options.spread = Some(spread);
    let machine = format!("arn:aws:states:{home}:{ACCOUNT}:stateMachine:protect");
    Planning {
        stack: Stack {
            rules: Rules {
                stack: StackId::parse("comparison").expect(READABLE),
                grace: SignedDuration::from_mins(10),
            },
            home,
            table: "snapferry".to_owned(),
            copy_slots: CopySlots {
                all: COPIES_IN_FLIGHT,
                clusters: CLUSTER_COPIES_IN_FLIGHT,
            },
            sweep_width: 20,
            look: SignedDuration::from_mins(2),
            backoff: Backoff {
                first: Duration::from_secs(30),
                max: Duration::from_mins(15),
            },
            hint_recheck: Duration::from_secs(5),
            own_events: false,
        },
        source_regions: vec![source],
        state_machine: StateMachineArn::parse(&machine).expect(READABLE),
        key: KeyArn::parse(KEY).expect(READABLE),
        first_run: FirstRun::Now,
        stack_name: None,
        policies: Policies {
            all: vec![policy],
            untagged: None,
            copy_slots: None,
            cluster_copy_slots: None,
        },
    }
}
