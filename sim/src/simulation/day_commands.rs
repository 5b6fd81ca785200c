//! The commands of the day: `snapferry drill`, `snapferry drill --clean` and `snapferry restore`, each interrupted whenever the
//! world likes, and run again.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use jiff::{SignedDuration, Timestamp};
use snapferry::app::carry_out_all::{Pause, carry_out_restores};
use snapferry::app::drill::clean::{clean, look_for_leftovers};
use snapferry::app::drill::plan::{DrillOf, plan_drills};
use snapferry::app::drill::run::carry_out_drills;
use snapferry::app::restore::{RestoreOf, Which};
use snapferry::app::resume::plan_or_resume;
use snapferry::domain::restore::plan::RestoreOptions;
use snapferry::ports::Clock as _;

use super::day::DRILL_EVERY;
use super::drive::Simulation;
use super::invoke::Finished;
use super::world::Shared;

/// How many names one question of the commands holds.
const WIDTH: usize = 5;
/// After which time a person runs an interrupted restore again.
const AGAIN_AFTER: SignedDuration = SignedDuration::from_mins(40);
/// How often a person runs the restore again once nothing goes wrong any more.
const LAST_RESTORES: u8 = 2;
/// How often in a thousand steps of the day's commands a person meddles.
const MEDDLES: u8 = 6;

/// A command waits.
pub(super) struct Nap {
    shared: Rc<Shared>,
    invocation: u64,
    until: Option<Timestamp>,
}

impl Nap {
    pub(super) fn new(shared: Rc<Shared>, invocation: u64) -> Self {
        Self {
            shared,
            invocation,
            until: None,
        }
    }
}

impl Future for Nap {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        let shared = Rc::clone(&self.shared);
        let mut world = shared.world.borrow_mut();
        let now = world.now;
        let Some(day) = &mut world.day else {
            return Poll::Ready(());
        };
        let seconds = day.rng.i64(20..=600);
        let until = *self.until.get_or_insert_with(|| {
            let nap = SignedDuration::from_secs(seconds);
            now.saturating_add(nap).unwrap_or(Timestamp::MAX)
        });
        if now >= until {
            day.naps.remove(&self.invocation);
            return Poll::Ready(());
        }
        day.naps.insert(self.invocation, until);
        Poll::Pending
    }
}

impl Drop for Nap {
    fn drop(&mut self) {
        // A command that ends by itself holds no nap, and one that is interrupted is dropped without the world.
        if let Ok(mut world) = self.shared.world.try_borrow_mut()
            && let Some(day) = &mut world.day
        {
            day.naps.remove(&self.invocation);
        }
    }
}

/// What waits between the calls of a command: calls follow each other at once, and looks after a while.
async fn wait(pause: Pause, (shared, invocation): (Rc<Shared>, u64)) {
    if pause == Pause::BetweenLooks {
        Nap::new(shared, invocation).await;
    }
}

impl Simulation {
    /// Begins what is due of the day's commands, and lets a person meddle now and then. Nothing in worlds without a day.
    pub(super) fn day_commands(&mut self) {
        let (drills, cleans, restores, meddles) = {
            let mut world = self.world();
            let (now, faults_are_on) = (world.now, world.faults_are_on);
            let Some(day) = &mut world.day else { return };
            // A world has about as many steps of the day's commands as of everything else.
            let meddles = faults_are_on
                .then(|| day.rng.u16(..1_000))
                .filter(|drawn| *drawn < u16::from(MEDDLES));
            (
                faults_are_on && day.next_drill <= now,
                day.next_clean <= now,
                faults_are_on && day.next_restore <= now,
                meddles,
            )
        };
        match meddles {
            Some(n) if n < u16::from(MEDDLES / 2) => self.world().replace_a_drill(),
            Some(_) => {
                let n = self.steps;
                self.world().take_by_hand(n);
            }
            None => {}
        }
        if drills {
            self.put_off_day(|day, at| day.next_drill = at, DRILL_EVERY);
            self.drill();
        }
        if cleans {
            self.put_off_day(|day, at| day.next_clean = at, DRILL_EVERY);
            self.clean_up_after_drills();
            self.world().judge_drills();
        }
        if restores {
            self.put_off_day(|day, at| day.next_restore = at, AGAIN_AFTER);
            self.restore();
        }
    }

    fn put_off_day(&self, set: impl FnOnce(&mut super::day::Day, Timestamp), by: SignedDuration) {
        let mut world = self.world();
        let at = world.later(by);
        if let Some(day) = &mut world.day {
            set(day, at);
        }
    }

    /// Lets the commands go on whose waiting is over.
    pub(super) fn wake_the_day(&mut self) {
        let due: Vec<u64> = {
            let world = self.world();
            let now = world.now;
            let Some(day) = &world.day else { return };
            let due = day.naps.iter().filter(|(_, until)| **until <= now);
            due.map(|(id, _)| *id).collect()
        };
        for id in due {
            self.poll(id);
        }
    }

    fn drill(&mut self) {
        self.begin_command(|port, settings, pause| {
            Box::pin(async move {
                let planning = &settings.planning;
                let of = DrillOf {
                    stack: &planning.stack.rules.stack,
                    home: &planning.stack.home,
                    sources: &planning.source_regions,
                    width: WIDTH,
                    databases: &[],
                    policy: None,
                    only_due: true,
                    level: None,
                    leaves_removal: false,
                };
                if let Ok(plans) = plan_drills(&port, of, port.now()).await {
                    let rows = plans.rows.into_iter().filter(|row| row.decision.is_ok());
                    let pause = async |one: Pause| wait(one, pause.clone()).await;
                    let rows = rows.collect();
                    let _ = carry_out_drills(&port, of, rows, "a job", pause, |_| {}).await;
                }
                Finished::Commanded
            })
        });
    }

    pub(super) fn clean_up_after_drills(&mut self) {
        self.begin_command(|port, settings, pause| {
            Box::pin(async move {
                let stack = &settings.planning.stack;
                let which = (&stack.rules.stack, &stack.home);
                if let Ok(mut left) = look_for_leftovers(&port, which.0, which.1).await {
                    let pause = async |one: Pause| wait(one, pause.clone()).await;
                    let _ = clean(&port, which, &mut left, pause).await;
                }
                Finished::Commanded
            })
        });
    }

    fn restore(&mut self) {
        let databases = self.world().choose_to_restore();
        if databases.is_empty() {
            return;
        }
        self.begin_command(|port, settings, pause| {
            Box::pin(async move {
                let stack = &settings.planning.stack;
                let which = Which::These(databases);
                let options = RestoreOptions::default();
                let of = RestoreOf {
                    stack: &stack.rules.stack,
                    home: &stack.home,
                    which: &which,
                    up_to: None,
                    width: WIDTH,
                    options: &options,
                };
                if let Ok(plans) = plan_or_resume(&port, of).await {
                    let pause = async |one: Pause| wait(one, pause.clone()).await;
                    let _ = carry_out_restores(&port, of, plans, pause, |_| {}).await;
                }
                Finished::Commanded
            })
        });
    }

    /// A person restores until nothing is left to do, and the remover runs until nothing of any drill is left. A day later it
    /// looks at those whose call brought no answer.
    pub(super) fn end_the_day(&mut self) {
        if self.world().day.is_none() {
            return;
        }
        for _ in 0..LAST_RESTORES {
            self.restore();
            self.finish_the_day();
        }
        for hours in [0, 3, 26, 3] {
            if !self.world().has_drills() {
                return;
            }
            let at = self.world().later(SignedDuration::from_hours(hours));
            self.advance(at);
            self.clean_up_after_drills();
            self.finish_the_day();
        }
        self.world().judge_no_drill();
    }

    /// Goes on until no command of the day runs. While all of them wait, the clock moves to the first that goes on.
    fn finish_the_day(&mut self) {
        while self.day_is_running() && self.world().violation.is_none() {
            let next = {
                let world = self.world();
                let naps = world.day.as_ref().map(|day| &day.naps);
                naps.and_then(|naps| naps.values().min().copied())
            };
            match next.filter(|_| self.is_idle()) {
                Some(at) => self.advance(at),
                None => self.step(),
            }
        }
    }

    /// Whether a command of the day runs.
    pub(super) fn day_is_running(&self) -> bool {
        let world = self.world();
        let day = world.day.as_ref();
        day.is_some_and(|day| {
            let mut running = day.running.iter();
            running.any(|id| self.invocations.contains_key(id))
        })
    }
}
