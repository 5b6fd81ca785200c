//! Hands the slot of a settled copy on to the next one of the queue.
//!
//! Only the one whose delete removed the wait does it, so no two hand on the same slot. What gets lost in between, the
//! sweep makes up for: it frees a slot without a wait, and repeats a hand-over that was not taken up.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use tracing::{info, warn};

use crate::domain::id::arn::{Family, RdsArn};
use crate::domain::run::learnt_limit::LearntLimit;
use crate::domain::run::naming::first_attempt;
use crate::domain::run::slot_candidate::{SlotCandidate, WaitsFor};
use crate::domain::run::slot_limits::{CopySlots, SlotGroup, SlotLimits};
use crate::domain::run::taken_slots::{PassedOver, TakenSlots};
use crate::domain::run::turn::QueuedCopy;
use crate::domain::run::wait::{Phase, Wait};
use crate::error::chain;
use crate::ports::{
    Abandoned, Clock, FreeSlot, HandOnSlot, ListQueue, LookUpWaits, PortError, Probe, ProbeToken,
    ReadLearntLimit, ReadSlots, SendCommand, Written,
};

/// How many times it begins again because somebody else has changed the slots. As many settle at once in a batch of hints.
const TRIES: usize = 10;
/// How many queued copies it looks at in one read of their waits: few at first, because mostly the first one may have the
/// slot.
const LOOKED_AT: [usize; 2] = [5, 20];
/// How many queued copies without a slot it looks at in all. The sweep sees the whole queue.
const LOOKED_AT_MAX: usize = 100;
/// How many tokens that are not certainly alive it passes over.
const NOT_ALIVE_MAX: usize = 20;

sum_of_ports! {
    /// Everything that is called to hand a slot on.
    pub(super) HandsOn:
        Clock FreeSlot HandOnSlot ListQueue LookUpWaits ProbeToken ReadLearntLimit ReadSlots SendCommand
}

/// What the settled copy's slot became.
#[derive(Debug, Clone, PartialEq, Eq)]
enum HandedOn {
    /// This copy has it, and its command was sent.
    To(RdsArn),
    /// Nobody in the whole queue may have it, so it is free.
    Freed,
    /// The copy holds none, others were always faster, or it is not certain who is next. The sweep does the rest: it frees
    /// the slot and hands it out in one go, so that no fresh command overtakes the queue.
    Left,
}

/// Hands the slot of a settled copy on, after its wait was deleted. A failure is logged and left to the sweep: the copy is
/// settled.
pub(super) async fn hand_on<W: HandsOn>(world: &W, copy_slots: CopySlots, settled: &Wait) {
    let holder = first_attempt(&settled.resource);
    let mut queue = Queue::of(copy_slots);
    match try_to(world, &mut queue, &holder).await {
        Ok(HandedOn::To(next)) => info!(settled = %holder, %next, "a slot is handed on"),
        Ok(HandedOn::Freed | HandedOn::Left) => {}
        Err(error) => {
            warn!(settled = %holder, error = chain(&error), "a slot is left to the sweep");
        }
    }
}

async fn try_to<W: HandsOn>(
    world: &W,
    queue: &mut Queue,
    settled: &RdsArn,
) -> Result<HandedOn, PortError> {
    for _ in 0..TRIES {
        let taken = world.taken_slots().await?;
        if !taken.holds(settled) {
            return Ok(HandedOn::Left);
        }
        let (next, after) = match queue.next(world, &taken, settled).await? {
            Next::Copy(next, after) => (next, after),
            Next::Unsure => return Ok(HandedOn::Left),
            Next::Nobody => {
                let of_policy = taken.policy_of(settled);
                let freed = world.free_slot(settled, of_policy, &Abandoned::WaitGone);
                return Ok(match freed.await? {
                    true => HandedOn::Freed,
                    false => HandedOn::Left,
                });
            }
        };
        if world.hand_on_slot(settled, &taken, &after).await? == Written::Stored {
            world.send_command(&next.command).await?;
            return Ok(HandedOn::To(next.resource));
        }
    }
    Ok(HandedOn::Left)
}

/// Who is next for the slot.
enum Next {
    /// The first copy of the queue that may have the slot, and the slots with it.
    Copy(Box<Wait>, TakenSlots),
    /// Nobody: the whole queue was read, and no copy may have it.
    Nobody,
    /// Perhaps somebody: the queue is longer than what was read, or a token may be alive.
    Unsure,
}

/// The queue of one family, as far as it was read.
#[derive(Default)]
struct Line {
    copies: Vec<QueuedCopy>,
    /// Where the next page begins.
    marker: Option<String>,
    is_whole: bool,
}

impl Line {
    /// The copy at this place. Reads on where that place was not read yet.
    async fn at<W: ListQueue>(
        &mut self,
        world: &W,
        family: Family,
        place: usize,
    ) -> Result<Option<&QueuedCopy>, PortError> {
        while self.copies.len() <= place && !self.is_whole {
            let mut page = world.list_queue(family, self.marker.take()).await?;
            // Copies with the same turn come in any order.
            page.items.sort();
            self.copies.extend(page.items);
            self.marker = page.next;
            self.is_whole = self.marker.is_none();
        }
        Ok(self.copies.get(place))
    }
}

/// What is known of the queue while a slot is handed on.
struct Queue {
    copy_slots: CopySlots,
    lines: BTreeMap<Family, Line>,
    /// The waits of those that were looked at. `None` of those that are not queued any more.
    seen: BTreeMap<RdsArn, Option<Wait>>,
    /// The copies whose tokens are dead.
    dead: BTreeSet<RdsArn>,
    /// The copies of whose tokens nothing is known.
    unknown: BTreeSet<RdsArn>,
}

/// How far one search has gone through the queue.
#[derive(Default)]
struct Search {
    places: BTreeMap<Family, usize>,
    /// The families of which no further copy may have the slot.
    full: BTreeSet<Family>,
    /// The smallest limits of all copies so far. They hold for all, so that no copy overtakes by an older set of policies.
    limits: SlotLimits,
    looked_at: usize,
}

impl Queue {
    fn of(copy_slots: CopySlots) -> Self {
        Self {
            copy_slots,
            lines: BTreeMap::new(),
            seen: BTreeMap::new(),
            dead: BTreeSet::new(),
            unknown: BTreeSet::new(),
        }
    }

    /// The first copy of the queue that may have the slot.
    async fn next<W>(
        &mut self,
        world: &W,
        taken: &TakenSlots,
        settled: &RdsArn,
    ) -> Result<Next, PortError>
    where
        W: Clock + ListQueue + LookUpWaits + ProbeToken + ReadLearntLimit,
    {
        let mut learnt: BTreeMap<Family, Option<LearntLimit>> = BTreeMap::new();
        let mut search = Search::default();
        let mut is_unsure = false;
        loop {
            let few = self.few(world, taken, &mut search).await?;
            if few.is_empty() {
                return Ok(match is_unsure {
                    true => Next::Unsure,
                    false => Next::Nobody,
                });
            }
            if search.looked_at > LOOKED_AT_MAX {
                return Ok(Next::Unsure);
            }
            self.look(world, &few).await?;
            let waits = few.iter().filter_map(|copy| self.seen.get(copy)?.as_ref());
            let waits: Vec<Wait> = waits.cloned().collect();
            let candidates: Vec<SlotCandidate> = waits
                .iter()
                .map(|wait| SlotCandidate::of(wait, self.copy_slots))
                .collect();
            let limits = candidates.iter().map(|candidate| &candidate.limits);
            search.limits = limits.fold(search.limits, SlotLimits::and);
            for (wait, candidate) in waits.into_iter().zip(candidates) {
                let (copy, family) = (candidate.holder.clone(), candidate.holder.family());
                if search.full.contains(&family) || self.dead.contains(&copy) {
                    continue;
                }
                if let Entry::Vacant(unread) = learnt.entry(family) {
                    unread.insert(world.learnt_limit(family).await?);
                }
                let limit = learnt.get(&family).and_then(Option::as_ref);
                let candidate = SlotCandidate {
                    limits: candidate.limits.lowered_to(&search.limits),
                    ..candidate
                };
                let after = match taken.handed_on(settled, &candidate, limit, world.now()) {
                    Ok(after) => after,
                    Err(PassedOver::WaitsFor(WaitsFor::Slot(SlotGroup::All))) => {
                        return Ok(Next::Nobody);
                    }
                    Err(PassedOver::WaitsFor(
                        WaitsFor::Slot(SlotGroup::Clusters) | WaitsFor::Rds(_),
                    )) => {
                        search.full.insert(family);
                        continue;
                    }
                    Err(PassedOver::WaitsFor(WaitsFor::Slot(_)) | PassedOver::Holds) => continue,
                };
                if !self.unknown.contains(&copy) && self.is_awaited(world, &wait, &copy).await {
                    return Ok(Next::Copy(Box::new(wait), after));
                }
                is_unsure |= self.unknown.contains(&copy);
                if self.dead.len() + self.unknown.len() >= NOT_ALIVE_MAX {
                    return Ok(Next::Unsure);
                }
            }
        }
    }

    /// The next few copies without a slot. Both families share the slots, and the first of both is next.
    async fn few<W: ListQueue>(
        &mut self,
        world: &W,
        taken: &TakenSlots,
        search: &mut Search,
    ) -> Result<Vec<RdsArn>, PortError> {
        let max = LOOKED_AT[usize::from(search.looked_at > 0)];
        let mut few = Vec::new();
        while few.len() < max {
            let mut first: Option<(Family, QueuedCopy)> = None;
            for family in Family::ALL {
                if search.full.contains(&family) {
                    continue;
                }
                let place = search.places.get(&family).copied().unwrap_or(0);
                let line = self.lines.entry(family).or_default();
                let next = line.at(world, family, place).await?;
                let is_first = |next: &&QueuedCopy| {
                    let first = first.as_ref();
                    first.is_none_or(|(_, first)| *next < first)
                };
                if let Some(next) = next.filter(is_first) {
                    first = Some((family, next.clone()));
                }
            }
            let Some((family, QueuedCopy { copy, .. })) = first else {
                break;
            };
            *search.places.entry(family).or_default() += 1;
            if !taken.holds(&copy) {
                few.push(copy);
            }
        }
        search.looked_at += few.len();
        Ok(few)
    }

    /// Whether the wait's token is certainly alive. The sweep forgets the wait of a dead one: it must hear so twice.
    async fn is_awaited<W: ProbeToken>(&mut self, world: &W, wait: &Wait, copy: &RdsArn) -> bool {
        match world.send_task_heartbeat(&wait.command.token).await {
            Probe::Alive => return true,
            Probe::Dead | Probe::Invalid => self.dead.insert(copy.clone()),
            Probe::Unknown(_) => self.unknown.insert(copy.clone()),
        };
        false
    }

    /// Reads the waits of these copies, unless they were read before.
    async fn look<W: LookUpWaits>(&mut self, world: &W, few: &[RdsArn]) -> Result<(), PortError> {
        let unseen = few.iter().filter(|copy| !self.seen.contains_key(*copy));
        let unseen: BTreeSet<RdsArn> = unseen.cloned().collect();
        if unseen.is_empty() {
            return Ok(());
        }
        let asked: Vec<RdsArn> = unseen.iter().cloned().collect();
        let waits = world.look_up(&asked).await?.into_iter();
        // The index may be behind the table.
        let queued = waits.filter(|wait| wait.phase == Phase::Queued);
        let mut queued: BTreeMap<RdsArn, Wait> = queued
            .map(|wait| (first_attempt(&wait.resource), wait))
            .collect();
        for copy in unseen {
            let wait = queued.remove(&copy);
            self.seen.insert(copy, wait);
        }
        Ok(())
    }
}
