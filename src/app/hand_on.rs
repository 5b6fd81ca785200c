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
use crate::domain::run::slot_limits::CopySlots;
use crate::domain::run::slots::SlotCandidate;
use crate::domain::run::taken_slots::TakenSlots;
use crate::domain::run::turn::QueuedCopy;
use crate::domain::run::wait::{Phase, Wait};
use crate::error::chain;
use crate::ports::{
    Abandoned, Clock, FreeSlot, HandOnSlot, ListQueue, LookUpWaits, PortError, Probe, ProbeToken,
    ReadLearntLimit, ReadSlots, SendCommand, Written,
};

/// How many times it begins again because somebody else has changed the slots. As many settle at once in a batch of hints.
const TRIES: usize = 10;
/// How many queued copies it looks at in one read of their waits.
const LOOKED_AT: usize = 5;
/// How many copies of the queue it tries. The sweep sees the whole queue.
const TRIED_MAX: usize = 20;

/// What the settled copy's slot became.
#[derive(Debug, Clone, PartialEq, Eq)]
enum HandedOn {
    /// This copy has it, and its command was sent.
    To(RdsArn),
    /// Nobody in the queue may have it, so it is free.
    Freed,
    /// The copy holds none, or others were always faster: the sweep does the rest.
    Left,
}

/// Hands the slot of a settled copy on, after its wait was deleted. A failure is logged and left to the sweep: the copy is
/// settled.
pub(super) async fn hand_on<W>(world: &W, copy_slots: CopySlots, settled: &Wait)
where
    W: Clock
        + FreeSlot
        + HandOnSlot
        + ListQueue
        + LookUpWaits
        + ProbeToken
        + ReadLearntLimit
        + ReadSlots
        + SendCommand,
{
    let holder = first_attempt(&settled.resource);
    let mut queue = Queue {
        copy_slots,
        next: None,
        seen: BTreeMap::new(),
    };
    match try_to(world, &mut queue, &holder).await {
        Ok(HandedOn::To(next)) => info!(settled = %holder, %next, "a slot is handed on"),
        Ok(HandedOn::Freed | HandedOn::Left) => {}
        Err(error) => {
            warn!(settled = %holder, error = chain(&error), "a slot is left to the sweep");
        }
    }
}

async fn try_to<W>(world: &W, queue: &mut Queue, settled: &RdsArn) -> Result<HandedOn, PortError>
where
    W: Clock
        + FreeSlot
        + HandOnSlot
        + ListQueue
        + LookUpWaits
        + ProbeToken
        + ReadLearntLimit
        + ReadSlots
        + SendCommand,
{
    for _ in 0..TRIES {
        let taken = world.taken_slots().await?;
        if !taken.holds(settled) {
            return Ok(HandedOn::Left);
        }
        let Some((next, after)) = queue.next(world, &taken, settled).await? else {
            let of_policy = taken.policy_of(settled);
            let freed = world.free_slot(settled, of_policy, &Abandoned::WaitGone);
            return Ok(match freed.await? {
                true => HandedOn::Freed,
                false => HandedOn::Left,
            });
        };
        if world.hand_on_slot(settled, &taken, &after).await? == Written::Stored {
            world.send_command(&next.command).await?;
            return Ok(HandedOn::To(next.resource));
        }
    }
    Ok(HandedOn::Left)
}

/// What is known of the queue while a slot is handed on.
struct Queue {
    copy_slots: CopySlots,
    /// The first copies of both families, in order, once they were read.
    next: Option<Vec<QueuedCopy>>,
    /// The waits of those that were looked at. `None` of those that get no slot: they are not queued any more, or it is not
    /// certain that somebody awaits them.
    seen: BTreeMap<RdsArn, Option<Wait>>,
}

impl Queue {
    /// The first copy of the queue that may have the slot, and the slots with it.
    async fn next<W>(
        &mut self,
        world: &W,
        taken: &TakenSlots,
        settled: &RdsArn,
    ) -> Result<Option<(Wait, TakenSlots)>, PortError>
    where
        W: Clock + ListQueue + LookUpWaits + ProbeToken + ReadLearntLimit,
    {
        let mut learnt: BTreeMap<Family, Option<LearntLimit>> = BTreeMap::new();
        let copies = self.first(world, taken).await?;
        let waiting: Vec<RdsArn> = copies
            .into_iter()
            .filter(|copy| !taken.holds(copy))
            .take(TRIED_MAX)
            .collect();
        for few in waiting.chunks(LOOKED_AT) {
            self.look(world, few).await?;
            for copy in few {
                let Some(wait) = self.seen.get(copy).and_then(Option::as_ref).cloned() else {
                    continue;
                };
                let family = copy.family();
                if let Entry::Vacant(unread) = learnt.entry(family) {
                    unread.insert(world.learnt_limit(family).await?);
                }
                let limit = learnt.get(&family).and_then(Option::as_ref);
                let candidate = SlotCandidate::of(&wait, self.copy_slots);
                let Some(after) = taken.handed_on(settled, &candidate, limit, world.now()) else {
                    continue;
                };
                if !is_awaited(world, &wait).await {
                    self.seen.insert(copy.clone(), None);
                    continue;
                }
                return Ok(Some((wait, after)));
            }
        }
        Ok(None)
    }

    /// The first copies of the queue. Both families share the slots, and the first of both is next.
    async fn first<W: ListQueue>(
        &mut self,
        world: &W,
        taken: &TakenSlots,
    ) -> Result<Vec<RdsArn>, PortError> {
        if self.next.is_none() {
            let mut copies = Vec::new();
            for family in Family::ALL {
                copies.extend(first_of(world, family, taken).await?);
            }
            copies.sort();
            self.next = Some(copies);
        }
        let copies = self.next.iter().flatten();
        Ok(copies.map(|queued| queued.copy.clone()).collect())
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

/// The first copies of a family's queue: a page, or more where all of its copies hold a slot already. There are no more of
/// those than slots.
async fn first_of<W: ListQueue>(
    world: &W,
    family: Family,
    taken: &TakenSlots,
) -> Result<Vec<QueuedCopy>, PortError> {
    let (mut copies, mut marker) = (Vec::new(), None);
    loop {
        let page = world.list_queue(family, marker).await?;
        let some_wait = page.items.iter().any(|queued| !taken.holds(&queued.copy));
        copies.extend(page.items);
        marker = page.next;
        if some_wait || marker.is_none() {
            return Ok(copies);
        }
    }
}

/// Whether the wait's token is certainly alive. The sweep forgets the wait of a dead one: it must hear so twice.
async fn is_awaited<W: ProbeToken>(world: &W, wait: &Wait) -> bool {
    let probe = world.send_task_heartbeat(&wait.command.token).await;
    matches!(probe, Probe::Alive)
}
