//! Judges how slots are handed on: whether one stays idle, whether somebody overtakes, and whether a command is sent again
//! too soon.

use std::collections::BTreeMap;

use jiff::Timestamp;
use snapferry::domain::id::arn::RdsArn;
use snapferry::domain::id::token::TaskToken;
use snapferry::domain::run::command::{Command, Step};
use snapferry::domain::run::naming::first_attempt;
use snapferry::domain::run::slot_candidate::SlotCandidate;
use snapferry::domain::run::taken_slots::{HandOver, TakenSlots};
use snapferry::domain::run::turn::Turn;
use snapferry::domain::run::wait::{Phase, Wait};

use super::drive::SWEEP_EVERY;
use super::rule;
use super::world::{FUNCTION_TIMEOUT, World};

/// What is known of slots that were handed over.
#[derive(Debug, Default)]
pub(super) struct HandOvers {
    /// The hand-overs that no worker has taken up yet, by the first attempt's ARN.
    stamps: BTreeMap<RdsArn, HandOver>,
    /// Since when a slot has been idle although a queued copy may have it.
    idle_since: Option<Timestamp>,
    /// The place in the queue that another execution's wait for the same copy has left, and when. The index may still show it.
    earlier_turns: BTreeMap<RdsArn, (Turn, Timestamp)>,
}

impl World {
    /// A slot was handed over to a copy, with this stamp. No other stamp that still counts may stand.
    pub(super) fn judge_hand_over(&mut self, by: u64, holder: &RdsArn, stamp: HandOver) {
        let before = self.hand_overs.stamps.insert(holder.clone(), stamp);
        if let Some(before) = before.filter(|before| !before.is_lost(stamp.at)) {
            self.broke(rule::SENT_TWICE, || {
                format!(
                    "{holder} is handed its slot at {}, and was at {}",
                    stamp.at, before.at
                )
            });
        }
        self.doing(by).handed_over.insert(holder.clone());
        self.slot_is_held(holder);
    }

    /// A hand-over has ended: a worker has claimed the slot, or nobody holds it any more.
    pub(super) fn hand_over_has_ended(&mut self, copy: &RdsArn) {
        self.hand_overs.stamps.remove(&first_attempt(copy));
    }

    /// A command is sent again. A queued copy's needs a hand-over by the same invocation, unless a worker has queued it since
    /// the invocation listed it as registered: then it is one command too many, as SQS delivers some twice.
    pub(super) fn judge_sending(&mut self, by: u64, command: &Command) {
        let queued = self
            .queued()
            .find(|wait| wait.command.token == command.token);
        let holder = queued.map(|wait| (first_attempt(&wait.resource), wait.since));
        let Some((holder, since)) = holder.filter(|_| command.step == Step::Copy) else {
            return;
        };
        if self.doing(by).listed_at.is_some_and(|at| since >= at) {
            return;
        }
        if !self.doing(by).handed_over.remove(&holder) {
            self.broke(rule::SENT_TWICE, || {
                format!("the command of {holder} is sent without a hand-over")
            });
        }
    }

    /// A wait is about to be replaced by another one for the same copy.
    pub(super) fn note_earlier_turn(&mut self, wait: &Wait) {
        if wait.phase == Phase::Queued {
            let (place, now) = (Turn::of(wait), self.now);
            let turns = &mut self.hand_overs.earlier_turns;
            turns.insert(first_attempt(&wait.resource), (place, now));
        }
    }

    /// A settled copy has handed its slot on. Nobody of the same family and policy was before the one that has it, as far as
    /// the index could show, and somebody certainly awaits.
    pub(super) fn judge_order(&mut self, by: u64, known: &TakenSlots, after: &TakenSlots) {
        let new = known.new_stamps(after).map(|(holder, _)| holder);
        for next in new.cloned().collect::<Vec<_>>() {
            let Some(next) = self.table.wait(&next).cloned() else {
                continue;
            };
            let late = self.fault_rates.index_lag.saturating_add(FUNCTION_TIMEOUT);
            let earlier = self
                .hand_overs
                .earlier_turns
                .get(&first_attempt(&next.resource));
            let earlier = earlier.filter(|(_, left)| self.now.duration_since(*left) <= late);
            let turn = earlier.map_or_else(|| Turn::of(&next), |(turn, _)| *turn);
            let is_before = |wait: &&Wait| {
                Turn::of(wait) < turn
                    && wait.resource.family() == next.resource.family()
                    && wait.command.run.policy == next.command.run.policy
                    && self.now.duration_since(wait.since) > late
                    && !known.holds(&first_attempt(&wait.resource))
                    && self.is_awaited(wait)
            };
            let passed = self.queued().filter(is_before);
            let passed: Vec<(RdsArn, TaskToken)> = passed
                .map(|wait| (wait.resource.clone(), wait.command.token.clone()))
                .collect();
            // A copy may be passed over if the answer about its token got lost.
            let not_alive = self.doing(by).not_alive.clone();
            let mut passed = passed.into_iter();
            let wrongly = passed.find(|(_, token)| !not_alive.contains(token.reveal()));
            if let Some((passed, _)) = wrongly {
                self.broke(rule::OVERTAKEN, || {
                    format!("{} gets a slot before {passed}", next.resource)
                });
            }
        }
    }

    fn queued(&self) -> impl Iterator<Item = &Wait> {
        let waits = self.table.waits();
        waits.filter(|wait| wait.phase == Phase::Queued)
    }

    fn is_awaited(&self, wait: &Wait) -> bool {
        self.step_functions.is_alive(wait.command.token.reveal())
    }

    /// Time passes. After the faults have stopped, no slot stays idle for longer than a sweep and a half while a copy in the
    /// queue may have it.
    pub(super) fn judge_idle_slots(&mut self) {
        if self.faults_are_on || !self.a_slot_is_idle() {
            self.hand_overs.idle_since = None;
            return;
        }
        let now = self.now;
        let since = *self.hand_overs.idle_since.get_or_insert(now);
        let a_sweep_and_a_half = SWEEP_EVERY.saturating_add(SWEEP_EVERY / 2);
        let max = a_sweep_and_a_half.saturating_add(self.fault_rates.index_lag);
        if now.duration_since(since) > max {
            self.broke(rule::IDLE, || format!("a slot is idle since {since}"));
        }
    }

    /// Whether a queued copy could have a slot. A copy whose token is dead could not.
    fn a_slot_is_idle(&self) -> bool {
        let taken = self.table.slots().taken();
        let of_stack = self.slots.of_stack;
        let mut waiting = self.queued().filter(|wait| self.is_awaited(wait));
        waiting.any(|wait| {
            let candidate = SlotCandidate::of(wait, of_stack);
            let has_room = |(group, max)| taken.taken_of(group) < max;
            let family = candidate.holder.family();
            let learnt = self.table.learnt_limit(family);
            !taken.holds(&candidate.holder)
                && candidate.limits.iter().all(has_room)
                && learnt.is_none_or(|learnt| taken.held_by(family) < learnt.in_flight)
        })
    }
}
