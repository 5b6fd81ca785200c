//! The scheduler: one step lets one thing happen, and chance picks which.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use jiff::{SignedDuration, Timestamp};
use snapferry::app::batch::{self, Record};
use snapferry::app::plan::{self, Planned, When};
use snapferry::app::react::{self, Ear};
use snapferry::app::sweep::{self, Broom};
use snapferry::app::work::Desk;
use snapferry::domain::backoff::Backoff;
use snapferry::settings::Planning;

use super::gate::{Broken, Decision};
use super::judge::rule;
use super::mutant::Mutant;
use super::port::{Port, Role};
use super::queue::Message;
use super::world::{FUNCTION_TIMEOUT, Shared, World};

/// How many invocations of one function run at once.
const CONCURRENCY: usize = 3;
/// How often the sweeper comes.
const SWEEP_EVERY: SignedDuration = SignedDuration::from_secs(60);
/// How often the planner comes.
const PLAN_EVERY: SignedDuration = SignedDuration::from_secs(300);

/// What the use cases know of their stack.
pub(super) struct Settings {
    pub(super) desk: Desk,
    pub(super) ear: Ear,
    pub(super) broom: Broom,
    pub(super) backoff: Backoff,
    pub(super) planning: Planning,
}

/// How an invocation ended by itself.
enum Finished {
    Kept(Vec<String>),
    Swept,
    /// Nothing where the policies could not be read.
    Planned(Option<Vec<Planned>>),
}

struct Invocation {
    role: Role,
    future: Pin<Box<dyn Future<Output = Finished>>>,
    deadline: Timestamp,
    messages: Vec<u64>,
}

/// A world with what runs in it.
pub(super) struct Simulation {
    pub(super) shared: Rc<Shared>,
    settings: Rc<Settings>,
    invocations: BTreeMap<u64, Invocation>,
    made: u64,
    pub(super) next_sweep: Timestamp,
    pub(super) next_plan: Option<Timestamp>,
    pub(super) swept: u64,
    pub(super) steps: u64,
}

/// What may happen next.
#[derive(Clone, Copy)]
enum Choice {
    Call,
    Command,
    Event,
    Send,
    Sweep,
    Plan,
    Time,
}

impl Simulation {
    pub(super) fn new(world: World, settings: Settings) -> Self {
        let now = world.now;
        Self {
            shared: Rc::new(Shared {
                world: std::cell::RefCell::new(world),
            }),
            settings: Rc::new(settings),
            invocations: BTreeMap::new(),
            made: 0,
            next_sweep: now,
            next_plan: Some(now),
            swept: 0,
            steps: 0,
        }
    }

    pub(super) fn world(&self) -> std::cell::RefMut<'_, World> {
        self.shared.world.borrow_mut()
    }

    fn running(&self, role: Role) -> usize {
        self.invocations
            .values()
            .filter(|invocation| invocation.role == role)
            .count()
    }

    pub(super) fn is_idle(&self) -> bool {
        self.invocations.is_empty()
    }

    /// One thing happens.
    pub(super) fn step(&mut self) {
        self.steps += 1;
        self.misfortune();
        match self.choose() {
            Choice::Call => self.let_a_call_through(),
            Choice::Command => self.deliver(Role::Worker),
            Choice::Event => self.deliver(Role::Reactor),
            Choice::Send => self.send(),
            Choice::Sweep => self.sweep(),
            Choice::Plan => self.plan(When::Due),
            Choice::Time => self.pass_time(),
        }
    }

    fn misfortune(&mut self) {
        let (crash, mischief) = {
            let mut world = self.world();
            if !world.faults_are_on {
                return;
            }
            let climate = world.climate.clone();
            (world.chance(climate.crash), world.chance(climate.mischief))
        };
        if crash && !self.invocations.is_empty() {
            let n = self.world().rng.usize(..self.invocations.len());
            let id = self.invocations.keys().nth(n).copied();
            if let Some(id) = id {
                self.world().count("fault: an invocation crashes");
                self.drop_invocation(id, "crashes");
            }
        }
        if mischief {
            let asks_again = self.world().rng.u8(..24) == 0;
            if asks_again {
                self.world().count("a person runs the planner again");
                self.plan(When::Again);
            } else {
                self.world().mischief();
            }
        }
    }

    fn choose(&mut self) -> Choice {
        let workers = self.running(Role::Worker);
        let reactors = self.running(Role::Reactor);
        let sweepers = self.running(Role::Sweeper);
        let planners = self.running(Role::Planner);
        let (next_sweep, next_plan) = (self.next_sweep, self.next_plan);
        let mut world = self.world();
        let now = world.now;
        let weights = [
            (Choice::Call, if world.calls.len() > 0 { 14 } else { 0 }),
            (
                Choice::Command,
                if workers < CONCURRENCY && world.commands.has_visible(now) {
                    4
                } else {
                    0
                },
            ),
            (
                Choice::Event,
                if reactors < CONCURRENCY && world.events.has_visible(now) {
                    4
                } else {
                    0
                },
            ),
            (
                Choice::Send,
                if world.sfn.outbox.is_empty() { 0 } else { 4 },
            ),
            (
                Choice::Sweep,
                if sweepers < 2 && next_sweep <= now {
                    2
                } else {
                    0
                },
            ),
            (
                Choice::Plan,
                if planners < 2 && next_plan.is_some_and(|at| at <= now) {
                    2
                } else {
                    0
                },
            ),
        ];
        let total: u32 = weights.iter().map(|(_, weight)| weight).sum();
        // In fair weather, time passes when nothing else is to be done.
        let time = u32::from(total == 0 || world.faults_are_on);
        let mut at = world.rng.u32(..total + time);
        for (choice, weight) in weights {
            if at < weight {
                return choice;
            }
            at -= weight;
        }
        Choice::Time
    }

    fn pass_time(&mut self) {
        let idle = self.is_idle();
        let due = self.next_due();
        let to = {
            let mut world = self.world();
            let now = world.now;
            let busy = !idle || world.commands.has_visible(now) || world.events.has_visible(now);
            let milliseconds = match world.rng.u8(..16) {
                0 => world.rng.i64(2_000..=40_000),
                1..=4 => world.rng.i64(200..=3_000),
                _ => world.rng.i64(1..=200),
            };
            let little = world.later(SignedDuration::from_millis(milliseconds));
            if busy && world.faults_are_on {
                little
            } else if world.climate.long_sleeps && world.rng.u8(..200) == 0 {
                world.count("a day or more passes unwatched");
                world.within(86_400..=200_000)
            } else {
                due.unwrap_or(little).max(now)
            }
        };
        self.advance(to);
    }

    /// Moves the clock; whoever has run into its time limit by then is stopped.
    pub(super) fn advance(&mut self, to: Timestamp) {
        self.world().advance(to);
        let late: Vec<u64> = self
            .invocations
            .iter()
            .filter(|(_, i)| i.deadline <= to)
            .map(|(id, _)| *id)
            .collect();
        for id in late {
            self.world().count("fault: an invocation runs out of time");
            self.drop_invocation(id, "runs out of time");
        }
    }

    fn next_due(&self) -> Option<Timestamp> {
        let world = self.shared.world.borrow();
        let now = world.now;
        let candidates = [
            world.rds.next_due(),
            world.sfn.next_due(),
            world.commands.next_visible().filter(|at| *at > now),
            world.events.next_visible().filter(|at| *at > now),
            world.late.first_key_value().map(|((at, _), _)| *at),
            Some(self.next_sweep).filter(|at| *at > now),
            self.next_plan.filter(|at| *at > now),
            self.invocations
                .values()
                .map(|invocation| invocation.deadline)
                .min(),
        ];
        candidates.into_iter().flatten().min()
    }

    fn let_a_call_through(&mut self) {
        let (id, invocation) = {
            let mut world = self.world();
            let n = world.calls.len();
            let n = world.rng.usize(..n);
            let Some((id, call)) = world.calls.nth(n) else {
                return;
            };
            let (invocation, mutates) = (call.invocation, call.mutates);
            let label = call.label.clone();
            let decision = world.decide(mutates);
            world.note(|| match decision {
                Decision::Through => format!("{invocation}: {label}"),
                other => format!("{invocation}: {label}: {other:?}"),
            });
            world.calls.decide(id, decision);
            (id, invocation)
        };
        let _ = id;
        self.poll(invocation);
    }

    fn poll(&mut self, id: u64) {
        let Some(invocation) = self.invocations.get_mut(&id) else {
            return;
        };
        let mut context = Context::from_waker(Waker::noop());
        let polled = catch_unwind(AssertUnwindSafe(|| {
            invocation.future.as_mut().poll(&mut context)
        }));
        match polled {
            Ok(Poll::Pending) => {}
            Ok(Poll::Ready(finished)) => self.finish(id, finished),
            Err(_) => {
                if self.world().climate.panic == 0.0 {
                    self.world()
                        .broke(rule::SOUND, || format!("invocation {id} panics"));
                }
                self.drop_invocation(id, "panics");
            }
        }
    }

    fn drop_invocation(&mut self, id: u64, why: &str) {
        // Its calls are taken back when the future is dropped, so the world must not be borrowed then.
        let dropped = self.invocations.remove(&id);
        drop(dropped);
        let mut world = self.world();
        world.doing.remove(&id);
        world.note(|| format!("{id}: {why}"));
    }

    fn finish(&mut self, id: u64, finished: Finished) {
        let Some(invocation) = self.invocations.remove(&id) else {
            return;
        };
        let mut world = self.world();
        world.doing.remove(&id);
        match finished {
            Finished::Kept(mut kept) => {
                world.note(|| format!("{id}: done, keeps {kept:?}"));
                if world.has(Mutant::FailedRecordIsAcked) {
                    kept.clear();
                }
                for message in invocation.messages {
                    if kept.contains(&message.to_string()) {
                        continue;
                    }
                    let duplicates = world.climate.duplicates;
                    if world.chance(duplicates / 2.0) {
                        world.count("fault: a done message is not deleted");
                        continue;
                    }
                    let queue = if invocation.role == Role::Worker {
                        &mut world.commands
                    } else {
                        &mut world.events
                    };
                    queue.messages.remove(&message);
                }
            }
            Finished::Swept => {
                world.note(|| format!("{id}: swept"));
                drop(world);
                self.swept += 1;
            }
            Finished::Planned(planned) => {
                world.note(|| format!("{id}: planned"));
                let is_complete = planned.is_some_and(|planned| {
                    world.judge_report(&planned);
                    planned.iter().all(Planned::is_complete)
                });
                let faults_are_on = world.faults_are_on;
                drop(world);
                if is_complete && !faults_are_on {
                    self.next_plan = None;
                }
            }
        }
    }

    fn begin(
        &mut self,
        role: Role,
        messages: Vec<u64>,
        start: impl FnOnce(Port, Rc<Settings>) -> Pin<Box<dyn Future<Output = Finished>>>,
    ) {
        self.made += 1;
        let invocation = self.made;
        let port = Port {
            shared: Rc::clone(&self.shared),
            invocation,
            role,
        };
        let future = start(port, Rc::clone(&self.settings));
        let deadline = self.world().later(FUNCTION_TIMEOUT);
        self.world()
            .note(|| format!("{invocation}: {} begins with {messages:?}", role.as_str()));
        self.invocations.insert(
            invocation,
            Invocation {
                role,
                future,
                deadline,
                messages,
            },
        );
        self.poll(invocation);
    }

    fn deliver(&mut self, role: Role) {
        let records = self.world().receive(role);
        if records.is_empty() {
            return;
        }
        let messages = records
            .iter()
            .filter_map(|record| record.message_id.parse().ok())
            .collect();
        self.begin(role, messages, |port, settings| match role {
            Role::Worker => Box::pin(async move {
                Finished::Kept(batch::work(&port, &settings.desk, &settings.backoff, records).await)
            }),
            _ => Box::pin(async move {
                Finished::Kept(react::react(&port, &settings.ear, &settings.backoff, records).await)
            }),
        });
    }

    fn sweep(&mut self) {
        let now = self.world().now;
        self.next_sweep = now.saturating_add(SWEEP_EVERY).unwrap_or(Timestamp::MAX);
        let skipped = {
            let mut world = self.world();
            world.faults_are_on && world.rng.u8(..16) == 0
        };
        if skipped {
            self.world().count("fault: a schedule's tick is lost");
            return;
        }
        self.begin(Role::Sweeper, Vec::new(), |port, settings| {
            Box::pin(async move {
                let _ = sweep::sweep(&port, &settings.broom).await;
                Finished::Swept
            })
        });
    }

    fn plan(&mut self, when: When) {
        if when == When::Due {
            let now = self.world().now;
            self.next_plan = Some(now.saturating_add(PLAN_EVERY).unwrap_or(Timestamp::MAX));
        }
        self.begin(Role::Planner, Vec::new(), |port, settings| {
            Box::pin(async move {
                Finished::Planned(plan::plan(&port, &settings.planning, when).await.ok())
            })
        });
    }

    /// A state sends its message.
    fn send(&mut self) {
        let mut world = self.world();
        let Some(outgoing) = world.sfn.outbox.pop_front() else {
            return;
        };
        let breaks = world.climate.call_breaks;
        let broken = world.chance(breaks / 2.0);
        let arrives = !broken || world.rng.bool();
        if arrives {
            world.note(|| format!("sent: {}", outgoing.note));
            world
                .sent
                .push((Rc::clone(&outgoing.body), Rc::clone(&outgoing.note)));
            let message = Message::new(outgoing.body, outgoing.note, world.now);
            world.commands.send(message);
        }
        if broken {
            world.count("fault: a state cannot send its command");
            let now = world.now;
            let error = if arrives {
                "SQS.SdkClientException"
            } else {
                "SQS.AmazonSQSException"
            };
            world.sfn.fail(&outgoing.token, error, now);
        }
    }
}

impl World {
    /// What becomes of a call.
    fn decide(&mut self, mutates: bool) -> Decision {
        if !self.faults_are_on {
            return Decision::Through;
        }
        let (breaks, panics) = (self.climate.call_breaks, self.climate.panic);
        if self.chance(panics) {
            self.count("fault: a panic");
            return Decision::Panic;
        }
        if !self.chance(breaks) {
            return Decision::Through;
        }
        match self.rng.u8(..7) {
            6 => {
                self.count("fault: denied for a moment");
                Decision::FailBefore(Broken::Denied)
            }
            0..=1 => {
                self.count("fault: throttled");
                Decision::FailBefore(Broken::Throttled)
            }
            2 => {
                self.count("fault: an internal error");
                Decision::FailBefore(Broken::Internal)
            }
            3 => {
                self.count("fault: no answer, no effect");
                Decision::FailBefore(Broken::NoAnswer)
            }
            4 if mutates && self.climate.late_effects => {
                self.count("fault: no answer, effect comes later");
                let at = self.within(1..=30);
                Decision::FailLate(Broken::NoAnswer, at)
            }
            _ => {
                self.count("fault: no answer, but an effect");
                Decision::FailAfter(if self.rng.bool() {
                    Broken::NoAnswer
                } else {
                    Broken::Internal
                })
            }
        }
    }

    /// Some messages are handed over; those received too often die.
    fn receive(&mut self, role: Role) -> Vec<Record> {
        let Self {
            commands,
            events,
            rng,
            ..
        } = self;
        let queue = if role == Role::Worker {
            commands
        } else {
            events
        };
        let (records, died) = queue.receive(self.now, rng, 10);
        for id in died {
            self.count("messages that died");
            if role != Role::Worker {
                continue;
            }
            let Some(message) = self.commands.dead.get(&id) else {
                continue;
            };
            let (healthy, note) = (
                !message.stained && !message.hopeless,
                Rc::clone(&message.note),
            );
            self.note(|| format!("dead: {note}"));
            if healthy && !self.faults_are_on {
                self.broke(rule::HEALTHY, || format!("{note} has died in fair weather"));
            }
        }
        self.count(if role == Role::Worker {
            "batches of commands"
        } else {
            "batches of events"
        });
        let (now, duplicates) = (self.now, self.climate.duplicates);
        for record in &records {
            if self.chance(duplicates) {
                self.count("fault: a message is handed over twice");
                let queue = if role == Role::Worker {
                    &mut self.commands
                } else {
                    &mut self.events
                };
                queue.delay(&record.message_id, now);
            }
        }
        records
    }
}
