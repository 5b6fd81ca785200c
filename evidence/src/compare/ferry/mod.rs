//! Snapferry: the product's own use cases, over ports to the account of the comparison.
//!
//! Nothing of it is modelled but what is around it: Step Functions runs the deployed definition, the two queues
//! feed their functions as event source mappings do, schedules run the planner and the sweeper.

mod port;
mod port_rds;
mod port_table;
mod queue;
mod table;

use std::rc::Rc;
use std::time::Duration;

use futures_util::FutureExt;
use jiff::{SignedDuration, Timestamp};
use snapferry::app::plan::{self, When};
use snapferry::app::queue::Record;
use snapferry::app::react::{self, Ear};
use snapferry::app::sweep::{self, Broom};
use snapferry::app::work::Desk;
use snapferry::app::work::batch;
use snapferry::domain::arn::{KeyArn, Region, StateMachineArn};
use snapferry::domain::backoff::Backoff;
use snapferry::domain::policy::{Policies, Policy};
use snapferry::domain::schedule::Schedule;
use snapferry::domain::tags::{PolicyName, StackId};
use snapferry::domain::wait::Rules;
use snapferry::settings::{Planning, Stack};

use self::port::{AT_ONCE, OTHER_CALL, Port, State};
use self::queue::Queue;
use self::table::Table;
use super::cloud::{ACCOUNT, BEGIN, Cloud, KEY, RDS_CALL, later, later_ms, ms_between};
use super::drive::{Agenda, Design};
use super::ledger::Processor;
use snapferry_sim::asl::StateMachine;
use snapferry_sim::rds::{COPIES_IN_FLIGHT, EmittedEvent};
use snapferry_sim::simulation::step_functions::StepFunctions;

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
/// What a warm function takes besides its calls.
const HANDLER: SignedDuration = SignedDuration::from_millis(5);

/// The stack.
pub(super) struct Snapferry {
    state: State,
    desk: Desk,
    ear: Ear,
    broom: Broom,
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
    WorkerEnded,
    ReactorEnded,
}

impl Snapferry {
    /// `whole_queue`: the sweep is shown the whole queue for copy slots, and not only the head that it can
    /// hand out.
    pub(super) fn new(whole_queue: bool) -> Self {
        let planning = planning();
        let stack = &planning.stack;
        let machine = StateMachine::read(DEFINITION).expect("the deployed definition can be read");
        Self {
            state: State {
                sfn: StepFunctions::new(Rc::new(machine)),
                machine: planning.state_machine.clone(),
                table: Table::new((!whole_queue).then_some(stack.copy_slots)),
                commands: Queue::new(WORKERS),
                events: Queue::new(REACTORS),
                commands_due: Vec::new(),
                fed_by_events: false,
            },
            desk: Desk::from(stack),
            ear: Ear::new(stack, planning.key.clone()),
            broom: Broom::from(stack),
            backoff: stack.backoff,
            planning,
        }
    }

    /// Feeds as many workers as are free.
    fn work(&mut self, cloud: &mut Cloud, agenda: &mut Agenda<Event>) {
        while let Some(batch) = self.state.commands.receive(cloud.now, &mut cloud.ledger) {
            let (ids, records) = (ids(&batch), batch.len());
            self.state.fed_by_events = false;
            let port = Port::new(cloud, &mut self.state, false);
            let kept = batch::work(&port, &self.desk, &self.backoff, batch).now_or_never();
            let (kept, calls) = (kept.expect("no port ever waits"), port.calls());
            let begun = cloud.now;
            let until = bill(cloud, calls, parallel(records), parallel(records));
            received(cloud);
            for due in self.state.commands.settle(&kept, begun) {
                agenda.enter(due, Event::Commands);
            }
            self.state.commands.forget(&ids);
            agenda.enter(until, Event::WorkerEnded);
        }
    }

    /// Feeds as many reactors as are free.
    fn react(&mut self, cloud: &mut Cloud, agenda: &mut Agenda<Event>) {
        while let Some(batch) = self.state.events.receive(cloud.now, &mut cloud.ledger) {
            let (ids, records) = (ids(&batch), batch.len());
            self.state.fed_by_events = true;
            let port = Port::new(cloud, &mut self.state, false);
            let kept = react::react(&port, &self.ear, &self.backoff, batch).now_or_never();
            let (kept, calls) = (kept.expect("no port ever waits"), port.calls());
            let begun = cloud.now;
            let until = bill(cloud, calls, 1, parallel(records));
            received(cloud);
            for due in self.state.events.settle(&kept, begun) {
                agenda.enter(due, Event::Events);
            }
            self.state.events.forget(&ids);
            agenda.enter(until, Event::ReactorEnded);
        }
    }

    fn sweep(&mut self, cloud: &mut Cloud) {
        cloud.ledger.queue_requests += 2 * IDLE_RECEIVES_A_MINUTE;
        let port = Port::new(cloud, &mut self.state, true);
        // What a sweep could not read, the next one reads.
        let _ = sweep::sweep(&port, &self.broom).now_or_never();
        let calls = port.calls();
        bill(cloud, calls, 1, AT_ONCE);
    }

    fn plan(&mut self, cloud: &mut Cloud) {
        let port = Port::new(cloud, &mut self.state, true);
        let _ = plan::plan(&port, &self.planning, When::Due).now_or_never();
        let calls = port.calls();
        bill(cloud, calls, 1, AT_ONCE);
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
fn bill(cloud: &mut Cloud, calls: (u32, u32), rds_at_once: i32, others_at_once: i32) -> Timestamp {
    let times = |n: u32| i32::try_from(n).unwrap_or(i32::MAX);
    let took = HANDLER
        .saturating_add(RDS_CALL.saturating_mul(times(calls.0)) / rds_at_once)
        .saturating_add(OTHER_CALL.saturating_mul(times(calls.1)) / others_at_once);
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
        if self
            .state
            .sfn
            .next_due()
            .is_some_and(|due| due <= cloud.now)
        {
            self.state.sfn.advance(cloud.now);
            let now = cloud.now;
            self.state.send_commands(cloud, now);
        }
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
            Event::WorkerEnded => {
                self.state.commands.ended();
                self.work(cloud, agenda);
            }
            Event::ReactorEnded => {
                self.state.events.ended();
                self.react(cloud, agenda);
            }
        }
        for due in self.state.commands_due.drain(..) {
            agenda.enter(due, Event::Commands);
        }
    }

    fn hear(&mut self, cloud: &mut Cloud, agenda: &mut Agenda<Event>, event: &EmittedEvent) {
        if event.region == cloud.source {
            cloud.ledger.forwarded_events += 1;
        }
        // The rule's own send.
        cloud.ledger.queue_requests += 1;
        let due = self
            .state
            .events
            .send(event.envelope().to_string(), cloud.now);
        agenda.enter(due, Event::Events);
    }
}

/// The template's defaults.
fn planning() -> Planning {
    const READABLE: &str = "the comparison's own settings can be read";
    let home = Region::parse("eu-central-1").expect(READABLE);
    let source = Region::parse("eu-west-1").expect(READABLE);
    let machine = format!("arn:aws:states:{home}:{ACCOUNT}:stateMachine:protect");
    Planning {
        stack: Stack {
            rules: Rules {
                stack: StackId::parse("comparison").expect(READABLE),
                grace: SignedDuration::from_mins(10),
            },
            home,
            table: "snapferry".to_owned(),
            copy_slots: COPIES_IN_FLIGHT,
            sweep_width: 20,
            backoff: Backoff {
                first: Duration::from_secs(30),
                most: Duration::from_mins(15),
            },
            hint_recheck: Duration::from_secs(5),
        },
        source_regions: vec![source],
        state_machine: StateMachineArn::parse(&machine).expect(READABLE),
        key: KeyArn::parse(KEY).expect(READABLE),
        policies: Policies {
            // Once, on the day of the comparison: 2 March, 03:00.
            all: vec![Policy::new(
                PolicyName::parse("default").expect(READABLE),
                Schedule::parse("0 3 2 3 *", "UTC").expect(READABLE),
                KeyArn::parse(KEY).expect(READABLE),
            )],
            untagged: None,
            copy_slots: None,
        },
    }
}
