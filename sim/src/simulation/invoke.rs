//! Invocations of the five functions and of a person's commands: how they begin, go on and end.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use jiff::Timestamp;
use snapferry::app::planner::{self, PlanScope, Planned, When};
use snapferry::app::prune::prune;
use snapferry::app::react;
use snapferry::app::stop::{StopRequest, stop};
use snapferry::app::sweep;
use snapferry::app::worker::batch;
use snapferry::domain::id::role::Role;
use snapferry::fake::{Ports, Through};

use super::drive::{PLAN_EVERY, SWEEP_EVERY, Settings, Simulation};
use super::gatekeeper::{Gatekeeper, Held};
use super::mutant::Mutant;
use super::mutated::Mutated;
use super::own_times::Round;
use super::pruning::{self, PRUNE_EVERY};
use super::queue::Note;
use super::rule;
use super::world::{FUNCTION_TIMEOUT, Shared};
use crate::faults::Fault;

/// How an invocation ended by itself.
pub(super) enum Finished {
    Kept(Vec<String>),
    SweepReport,
    Pruned,
    /// A person's command.
    Commanded,
    /// `None` if the policies could not be read.
    Planned(Option<Vec<Planned>>),
}

/// A function at work.
pub(super) struct Invocation {
    /// Which function it is. `None` for a person's command.
    pub(super) role: Option<Role>,
    future: Pin<Box<dyn Future<Output = Finished>>>,
    pub(super) deadline: Timestamp,
    messages: Vec<String>,
}

impl Simulation {
    pub(super) fn poll(&mut self, id: u64) {
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
                if self.world().fault_rates.panic == 0.0 {
                    self.world()
                        .broke(rule::SOUND, || format!("invocation {id} panics"));
                }
                self.drop_invocation(id, "panics");
            }
        }
    }

    pub(super) fn drop_invocation(&mut self, id: u64, why: &str) {
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
                    if kept.contains(&message) {
                        continue;
                    }
                    let duplicates = world.fault_rates.duplicates;
                    if world.chance(duplicates / 2.0) {
                        world.count_fault(Fault::MessageKept);
                        continue;
                    }
                    let queue = match invocation.role {
                        Some(Role::Worker) => &mut world.commands,
                        _ => &mut world.events,
                    };
                    if let Some(number) = queue.number(&message) {
                        queue.remove(number);
                    }
                }
            }
            Finished::SweepReport => {
                world.note(|| format!("{id}: swept"));
                drop(world);
                self.swept += 1;
            }
            Finished::Pruned => {
                world.note(|| format!("{id}: pruned"));
                drop(world);
                self.pruned += 1;
            }
            Finished::Commanded => world.note(|| format!("{id}: the command has ended")),
            Finished::Planned(planned) => {
                world.note(|| format!("{id}: planned"));
                let is_complete = planned.is_some_and(|planned| {
                    world.judge_report(id, &planned);
                    planned.iter().all(Planned::is_complete)
                });
                let goes_on = world.faults_are_on || !world.own_times_are_planned(id);
                drop(world);
                if is_complete && !goes_on {
                    self.next_plan = None;
                }
            }
        }
    }

    fn begin(
        &mut self,
        role: impl Into<Option<Role>>,
        messages: Vec<String>,
        start: impl FnOnce(Mutated, Rc<Settings>) -> Pin<Box<dyn Future<Output = Finished>>>,
    ) {
        let deadline = self.world().later(FUNCTION_TIMEOUT);
        self.begin_until(role, messages, deadline, start);
    }

    /// Begins a command of a person or a job, which may take hours. It waits by the world and the number that it gets.
    pub(super) fn begin_command(
        &mut self,
        start: impl FnOnce(
            Mutated,
            Rc<Settings>,
            (Rc<Shared>, u64),
        ) -> Pin<Box<dyn Future<Output = Finished>>>,
    ) {
        let (shared, id) = (Rc::clone(&self.shared), self.made + 1);
        if let Some(day) = &mut self.world().day {
            day.running.insert(id);
        }
        self.begin_until(None, Vec::new(), Timestamp::MAX, |port, settings| {
            start(port, settings, (shared, id))
        });
    }

    fn begin_until(
        &mut self,
        role: impl Into<Option<Role>>,
        messages: Vec<String>,
        deadline: Timestamp,
        start: impl FnOnce(Mutated, Rc<Settings>) -> Pin<Box<dyn Future<Output = Finished>>>,
    ) {
        let role = role.into();
        self.made += 1;
        let invocation = self.made;
        let hook = Gatekeeper {
            shared: Rc::clone(&self.shared),
            invocation,
            role,
        };
        let fake = Ports(Held(Rc::clone(&self.shared)));
        let ports = Mutated::new(Through::around(fake, hook));
        let future = start(ports, Rc::clone(&self.settings));
        self.world().note(|| {
            let who = role.map_or("a person's command", Role::as_str);
            format!("{invocation}: {who} begins with {messages:?}")
        });
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

    pub(super) fn deliver(&mut self, role: Role) {
        let records = self.world().receive(role);
        if records.is_empty() {
            return;
        }
        let ids = records.iter().map(|record| record.message_id.clone());
        let messages = ids.collect();
        self.begin(role, messages, |port, settings| match role {
            Role::Worker => Box::pin(async move {
                Finished::Kept(
                    batch::work(&port, &settings.worker_config, &settings.backoff, records).await,
                )
            }),
            _ => Box::pin(async move {
                Finished::Kept(
                    react::react(&port, &settings.reactor_config, &settings.backoff, records).await,
                )
            }),
        });
    }

    pub(super) fn sweep(&mut self) {
        let now = self.world().now;
        self.next_sweep = now.saturating_add(SWEEP_EVERY).unwrap_or(Timestamp::MAX);
        let skipped = {
            let mut world = self.world();
            world.faults_are_on && world.rng.u8(..16) == 0
        };
        if skipped {
            self.world().count_fault(Fault::ScheduleSkipped);
            return;
        }
        self.begin(Role::Sweeper, Vec::new(), |port, settings| {
            Box::pin(async move {
                let _ = sweep::sweep(&port, &settings.sweeper_config).await;
                Finished::SweepReport
            })
        });
    }

    /// A round of the pruner.
    pub(super) fn prune(&mut self) {
        let now = self.world().now;
        self.next_prune = now.saturating_add(PRUNE_EVERY).unwrap_or(Timestamp::MAX);
        let mutant = self.world().mutant;
        let holder = format!("round-{}", self.made + 1);
        self.begin(Role::Pruner, Vec::new(), |port, settings| {
            Box::pin(async move {
                let config = pruning::config(settings.limits, &settings.planning, mutant);
                let _ = prune(&port, &config, None, &holder).await;
                Finished::Pruned
            })
        });
    }

    pub(super) fn plan(&mut self, when: When) {
        if when == When::Due {
            let now = self.world().now.as_second();
            let round = (now / PLAN_EVERY + 1) * PLAN_EVERY;
            self.next_plan = Timestamp::from_second(round).ok();
        }
        self.note_round(when != When::Due, false);
        self.begin(Role::Planner, Vec::new(), |port, settings| {
            Box::pin(async move {
                Finished::Planned(planner::plan(&port, &settings.planning, when).await.ok())
            })
        });
    }

    /// Notes of which kind the round of the planner is that begins next.
    fn note_round(&mut self, is_at_once: bool, is_partial: bool) {
        let mut world = self.shared.world.borrow_mut();
        let round = Round {
            begun_at: world.now,
            is_at_once,
            is_partial,
        };
        world.own_times.begin(self.made + 1, round);
    }

    /// The planner plans only these databases.
    pub(super) fn plan_only(&mut self, databases: Vec<String>) {
        let scope = PlanScope {
            databases,
            ..PlanScope::default()
        };
        self.note_round(false, true);
        self.begin(Role::Planner, Vec::new(), |port, settings| {
            Box::pin(async move {
                let (planning, due) = (&settings.planning, When::Due);
                let planned = planner::plan_some(&port, planning, due, &scope).await;
                Finished::Planned(planned.ok())
            })
        });
    }

    /// A person runs `snapferry stop --yes`. Like every command it may be interrupted.
    pub(super) fn stop_by_command(&mut self) {
        let Some(selection) = self.world().draw_stop() else {
            return;
        };
        let request = StopRequest {
            selection,
            why: "a person wants it".to_owned(),
            act: true,
        };
        self.begin(None, Vec::new(), |port, settings| {
            Box::pin(async move {
                let _ = stop(&port, &settings.stop_config, &request).await;
                Finished::Commanded
            })
        });
    }

    /// A state sends its message.
    pub(super) fn send(&mut self) {
        let mut world = self.world();
        let Some(outgoing) = world.step_functions.outbox.pop_front() else {
            return;
        };
        let breaks = world.fault_rates.call_breaks;
        let broken = world.chance(breaks / 2.0);
        let arrives = !broken || world.rng.bool();
        if arrives {
            world.note(|| format!("sent: {}", outgoing.note));
            world
                .sent
                .push((Rc::clone(&outgoing.body), Rc::clone(&outgoing.note)));
            let now = world.now;
            world
                .commands
                .send(outgoing.body, Note::new(outgoing.note), now);
        }
        if broken {
            world.count_fault(Fault::CommandNotSent);
            let now = world.now;
            let error = if arrives {
                "SQS.SdkClientException"
            } else {
                "SQS.AmazonSQSException"
            };
            world.step_functions.fail(&outgoing.token, error, now);
        }
    }
}
