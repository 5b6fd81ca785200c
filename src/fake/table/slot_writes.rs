//! The writes of the slots' item, each under its condition.

use jiff::Timestamp;

use super::items::Table;
use super::milliseconds::in_milliseconds;
use crate::domain::id::arn::RdsArn;
use crate::domain::id::tags::PolicyName;
use crate::domain::run::naming::first_attempt;
use crate::domain::run::slot_limits::SlotLimits;
use crate::domain::run::taken_slots::{HandOver, SeenSlot, TakenSlots};
use crate::domain::run::wait::Phase;
use crate::ports::{Abandoned, Written};

impl Table {
    pub(in crate::fake) fn claim_slot(
        &mut self,
        copy: &RdsArn,
        limits: &SlotLimits,
        now: Timestamp,
    ) -> bool {
        self.claim_slot_of_attempt(&first_attempt(copy), limits, now)
    }

    /// Claims a slot only for this attempt, and not for all of them. Only a planted bug does this.
    pub fn claim_slot_of_attempt(
        &mut self,
        copy: &RdsArn,
        limits: &SlotLimits,
        now: Timestamp,
    ) -> bool {
        let held = self.slots.claim(copy, limits);
        if held {
            self.slots_changed(now);
        }
        held
    }

    pub(in crate::fake) fn free_slot(
        &mut self,
        copy: &RdsArn,
        of_policy: Option<&PolicyName>,
        proof: &Abandoned,
        now: Timestamp,
    ) -> bool {
        let freed = self.proves(copy, proof) && self.slots.free(copy, of_policy);
        if freed {
            self.slots_changed(now);
        }
        freed
    }

    pub(in crate::fake) fn hand_out_slot(
        &mut self,
        copy: &RdsArn,
        limits: &SlotLimits,
        (known, new): (&SeenSlot, &HandOver),
        now: Timestamp,
    ) -> bool {
        let copy = first_attempt(copy);
        let stamp = self.slots.handed.get(&copy);
        let is_as_seen = match known {
            SeenSlot::NotHeld => stamp.is_none() && !self.slots.holders.contains(&copy),
            SeenSlot::Held => stamp.is_none(),
            SeenSlot::Stamped(known) => stamp == Some(known),
        };
        if !is_as_seen || !self.slots.claim(&copy, limits) {
            return false;
        }
        self.slots.handed.insert(copy, stored(new));
        self.slots_changed(now);
        true
    }

    pub(in crate::fake) fn hand_on_slot(
        &mut self,
        settled: &RdsArn,
        (known, after): (&TakenSlots, &TakenSlots),
        now: Timestamp,
    ) -> Written {
        let mut after = after.clone();
        for hand_over in after.handed.values_mut() {
            *hand_over = stored(hand_over);
        }
        if !self.proves(settled, &Abandoned::WaitGone) || !self.slots.hand_on(known, &after) {
            return Written::Conflict;
        }
        self.slots_changed(now);
        Written::Stored
    }

    fn proves(&self, copy: &RdsArn, proof: &Abandoned) -> bool {
        match (self.waits.get(copy), proof) {
            (None, Abandoned::WaitGone) => true,
            (Some(wait), Abandoned::RegisteredSince(since)) => {
                wait.phase == Phase::Registered && wait.since == in_milliseconds(*since)
            }
            _ => false,
        }
    }
}

fn stored(hand_over: &HandOver) -> HandOver {
    HandOver {
        at: in_milliseconds(hand_over.at),
        ..*hand_over
    }
}
