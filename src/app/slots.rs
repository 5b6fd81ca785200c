//! Claims copy slots under the limits of the stack and under what RDS's refusals have taught.

use jiff::Timestamp;
use tracing::info;

use crate::domain::id::arn::{Family, RdsArn};
use crate::domain::run::learnt_limit::{LearntLimit, Room, after_acceptance, after_refusal};
use crate::domain::run::naming::first_attempt;
use crate::domain::run::slot_limits::{SlotGroup, SlotLimits};
use crate::domain::run::taken_slots::SeenSlot;
use crate::ports::{ClaimSlot, Clock, HandOutSlot, LearnLimits, PortError, ReadSlots, Written};

/// How many times the learnt limit is written again after a conflict. The last one to write has counted the fewest, so
/// one that gives up leaves nothing wrong behind.
const TRIES: usize = 8;

/// The result of a claim.
pub(super) struct Claimed {
    /// Whether the copy holds a slot now.
    pub(super) held: bool,
    /// What was known about RDS's own limit.
    pub(super) known: Option<LearntLimit>,
}

/// Claims a slot for a copy. Where RDS has refused copies of its family, no more may begin than RDS is known to allow; after
/// a pause, one more.
pub(super) async fn claim<W>(
    world: &W,
    copy: &RdsArn,
    limits: SlotLimits,
) -> Result<Claimed, PortError>
where
    W: ClaimSlot + Clock + LearnLimits + ReadSlots,
{
    let known = world.learnt_limit(copy.family()).await?;
    let held = match limits_now(world, copy, limits, known.as_ref()).await? {
        Some(limits) => world.claim_slot(copy, &limits).await?,
        None => false,
    };
    Ok(Claimed { held, known })
}

/// The same for a queued copy whose command is about to be sent: the slot is stamped with the hand-over, unless somebody
/// else has handed it over or claimed it since it was `seen`. Returns whether the copy holds the slot and nobody else sends
/// its command.
pub(super) async fn hand_out<W>(
    world: &W,
    copy: &RdsArn,
    limits: SlotLimits,
    seen: SeenSlot,
) -> Result<bool, PortError>
where
    W: Clock + HandOutSlot + LearnLimits + ReadSlots,
{
    let known = world.learnt_limit(copy.family()).await?;
    let Some(limits) = limits_now(world, copy, limits, known.as_ref()).await? else {
        return Ok(false);
    };
    let new = seen.next(world.now());
    world.hand_out_slot(copy, &limits, &seen, &new).await
}

async fn limits_now<W>(
    world: &W,
    copy: &RdsArn,
    limits: SlotLimits,
    known: Option<&LearntLimit>,
) -> Result<Option<SlotLimits>, PortError>
where
    W: Clock + LearnLimits + ReadSlots,
{
    match known {
        None => Ok(Some(limits)),
        Some(known) => under_what_was_learnt(world, copy, limits, known).await,
    }
}

/// The limits, lowered to what RDS is known to allow. `None` if RDS allows no more now.
async fn under_what_was_learnt<W>(
    world: &W,
    copy: &RdsArn,
    limits: SlotLimits,
    known: &LearntLimit,
) -> Result<Option<SlotLimits>, PortError>
where
    W: Clock + LearnLimits + ReadSlots,
{
    let (family, now) = (copy.family(), world.now());
    let taken = world.taken_slots().await?;
    if taken.holds(&first_attempt(copy)) {
        return Ok(Some(limits));
    }
    let holding = taken.held_by(family);
    let max = match known.room_for_another(holding, now) {
        Room::Within => known.in_flight,
        Room::OneMore(next) => {
            if world.learn_limit(family, Some(known), &next).await? == Written::Conflict {
                return Ok(None);
            }
            info!(%copy, in_flight = known.in_flight, "RDS had refused more copies; one more is tried");
            known.allows(holding, now)
        }
        Room::Full(until) => {
            info!(%copy, in_flight = known.in_flight, %until, "RDS has refused more copies");
            return Ok(None);
        }
    };
    Ok(Some(match family {
        Family::Cluster => limits.with(SlotGroup::Clusters, max),
        // The copies of instances have no set of their own: they are all but those of clusters.
        Family::Instance => {
            let clusters = taken.held_by(Family::Cluster);
            limits.with(SlotGroup::All, max + clusters)
        }
    }))
}

/// Learns from a refusal for RDS's limit, after the refused copy has given its slot back.
pub(super) async fn refused<W>(world: &W, family: Family) -> Result<(), PortError>
where
    W: Clock + LearnLimits + ReadSlots,
{
    learn(world, family, after_refusal).await
}

/// Learns from RDS's acceptance of a copy, where it had refused copies of the family before.
pub(super) async fn accepted<W>(world: &W, family: Family) -> Result<(), PortError>
where
    W: Clock + LearnLimits + ReadSlots,
{
    let raise = |known: Option<&LearntLimit>, holding, now| {
        known.and_then(|known| after_acceptance(known, holding, now))
    };
    learn(world, family, raise).await
}

/// Counts the holders after it has read what is known, so that the last of several that learn at once counts none of the
/// slots that the others have given back.
async fn learn<W>(
    world: &W,
    family: Family,
    lesson: impl Fn(Option<&LearntLimit>, usize, Timestamp) -> Option<LearntLimit>,
) -> Result<(), PortError>
where
    W: Clock + LearnLimits + ReadSlots,
{
    for _ in 0..TRIES {
        let known = world.learnt_limit(family).await?;
        let holding = world.taken_slots().await?.held_by(family);
        let Some(learnt) = lesson(known.as_ref(), holding, world.now()) else {
            return Ok(());
        };
        let written = world.learn_limit(family, known.as_ref(), &learnt).await?;
        if written == Written::Stored {
            info!(
                ?family,
                in_flight = learnt.in_flight,
                "learnt how many copies RDS allows"
            );
            return Ok(());
        }
    }
    Ok(())
}
