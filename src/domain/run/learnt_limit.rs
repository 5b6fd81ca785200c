//! RDS's own limit on copies in flight, learnt from its refusals: one for each family.
//!
//! RDS does not say how many copies it allows, and other tools copy too. So Snapferry remembers how many of its own copies
//! were in flight when RDS refused one more. It begins no further copy of that family until one of them ends, or until a
//! pause is over. Then it tries one more.

use jiff::Timestamp;

use super::pauses::{LAST, pause};

/// What RDS's refusals have taught about one family's copies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LearntLimit {
    /// How many of the stack's copies were in flight when RDS refused one more.
    pub in_flight: usize,
    /// When the pause began.
    pub since: Timestamp,
    /// Which pause it is, from 0.
    pub step: usize,
}

/// Whether another copy may take a slot under what was learnt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Room {
    /// Fewer copies hold a slot than RDS is known to allow.
    Within,
    /// As many hold one as RDS is known to allow, or more, and the pause is over: one more may be tried, once this is
    /// stored.
    OneMore(LearntLimit),
    /// As many hold one as RDS is known to allow, until this time.
    Full(Timestamp),
}

impl LearntLimit {
    /// When one more copy may be tried.
    #[must_use]
    pub fn retry_at(&self) -> Timestamp {
        let retry_at = self.since.saturating_add(pause(self.step));
        retry_at.unwrap_or(Timestamp::MAX)
    }

    /// How many copies of the family may hold a slot at this time, while this many hold one. More may hold one than RDS is
    /// known to allow: RDS has accepted a copy whose acceptance could not be stored, or has not been asked yet. After a
    /// pause one more is tried all the same. Otherwise one copy that never ends would keep back all others.
    #[must_use]
    pub fn allows(&self, holding: usize, now: Timestamp) -> usize {
        match now >= self.retry_at() {
            true => self.in_flight.max(holding) + 1,
            false => self.in_flight,
        }
    }

    /// Whether another copy may take a slot while this many hold one. The one that tries one more first stores the next,
    /// longer pause, so that nobody else tries another.
    #[must_use]
    pub fn room_for_another(&self, holding: usize, now: Timestamp) -> Room {
        if holding < self.in_flight {
            Room::Within
        } else if holding < self.allows(holding, now) {
            Room::OneMore(Self {
                since: now,
                step: (self.step + 1).min(LAST),
                ..self.clone()
            })
        } else {
            Room::Full(self.retry_at())
        }
    }
}

/// What to store when RDS has refused a copy for its limit, and this many other copies of the family hold a slot. Nothing
/// if the refusal teaches nothing new: one more was tried, and its pause has begun already.
#[must_use]
pub fn after_refusal(
    known: Option<&LearntLimit>,
    holding: usize,
    now: Timestamp,
) -> Option<LearntLimit> {
    if known.is_some_and(|known| known.in_flight <= holding) {
        return None;
    }
    Some(LearntLimit {
        in_flight: holding,
        since: now,
        step: 0,
    })
}

/// What to store when RDS has accepted a copy, and this many of the family hold a slot, this one included. `None` if no
/// more are in flight than was known to be allowed.
#[must_use]
pub fn after_acceptance(
    known: &LearntLimit,
    holding: usize,
    now: Timestamp,
) -> Option<LearntLimit> {
    (holding > known.in_flight).then(|| LearntLimit {
        in_flight: known.in_flight + 1,
        since: now,
        step: 0,
    })
}
