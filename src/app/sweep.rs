//! The sweeper: settles every open wait that RDS has decided, and hands free copy slots to the next copies in the queue.

mod memory;
mod send;
mod silent;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;

use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use tracing::{info, warn};

use crate::app::conclude::{self, SettleOutcome, Settlement};
use crate::app::hearing::by_sweep;
use crate::app::places::{ask, place_of};
use crate::app::queue::CONCURRENCY;
use crate::domain::id::arn::{Family, RdsArn, Region};
use crate::domain::limits::{BATCH_GET_MAX, COMMAND_LIFETIME};
use crate::domain::run::command::Step;
use crate::domain::run::look_times::{LastSweep, is_announced, is_due};
use crate::domain::run::naming::first_attempt;
use crate::domain::run::settle::Look;
use crate::domain::run::slot_candidate::SlotCandidate;
use crate::domain::run::slot_limits::{CopySlots, SlotGroup};
use crate::domain::run::slots;
use crate::domain::run::taken_slots::{SeenSlot, TakenSlots};
use crate::domain::run::wait::{Phase, Rules, Wait};
use crate::error::chain;
use crate::ports::{
    Abandoned, Callbacks, Clock, DescribeSnapshots, EnterCopies, FreeSlot, HandOutSlot, HearDead,
    LearnLimits, ListOpen, LookUpWaits, NoteSweep, PortError, ProbeToken, QueueCopies,
    ReadLastSweep, ReadSlots, RecordRecoveryPoint, SendCommand, Waits, open_pages,
};
use crate::settings::Stack;

use self::memory::{last_sweep, remember};
use self::send::HandedOut;
use self::silent::SilentRegions;

/// How many describe calls run at once. RDS publishes no rate. With four, a sweep of hundreds of pages ends within its
/// function's timeout, and the account's other callers are not throttled.
const DESCRIBES: usize = 4;

/// How many queued copies with dead tokens one sweep passes over, so that it ends in time. The next one goes on.
const PASSED_OVER_MAX: usize = 100;

permissions! {
    /// Everything that the sweeper may do.
    Permissions:
        Callbacks Clock DescribeSnapshots EnterCopies FreeSlot HandOutSlot HearDead LearnLimits ListOpen LookUpWaits
        NoteSweep ProbeToken QueueCopies ReadSlots ReadLastSweep RecordRecoveryPoint SendCommand Waits
}

/// The sweeper's settings.
#[derive(Debug, Clone)]
pub struct SweeperConfig {
    /// The rules' constants.
    pub rules: Rules,
    /// How many identifiers one describe call asks for.
    pub width: usize,
    /// How long it leaves a young wait alone between two looks at it.
    pub look: SignedDuration,
    /// How many copies may be in flight.
    pub copy_slots: CopySlots,
}

impl From<&Stack> for SweeperConfig {
    fn from(stack: &Stack) -> Self {
        Self {
            rules: stack.rules.clone(),
            width: stack.sweep_width,
            look: stack.look,
            copy_slots: stack.copy_slots,
        }
    }
}

/// What a sweep did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SweepReport {
    /// Waits that were open.
    pub open: usize,
    /// When the oldest of them was opened.
    pub oldest: Option<Timestamp>,
    /// Waits that RDS was asked about.
    pub asked: usize,
    /// Waits that it settled.
    pub settled: usize,
    /// Copy slots that it freed.
    pub freed: usize,
    /// Commands of queued copies that it sent again, after it had given them a slot.
    pub handed_out: usize,
    /// Commands of registered waits that it sent again, because their messages have expired.
    pub sent_again: usize,
    /// Regions that did not answer a call. The next sweep asks again.
    pub unreachable: BTreeSet<Region>,
    /// Calls that failed. The next sweep makes them again.
    pub broken: usize,
}

/// One sweep. If nothing is open, it is one read. It asks RDS about the waits that are due for a look ([`is_due`]).
///
/// It may be late, die midway or run twice at once, because it writes every step under a condition. It keeps one page of
/// the open waits in memory, and of the others only the copies that wait for a slot.
///
/// # Errors
/// If the list of open waits cannot be read.
pub async fn sweep<W: Permissions>(
    world: &W,
    sweeper_config: &SweeperConfig,
) -> Result<SweepReport, PortError> {
    let began = world.now();
    let mut round = Round {
        occasion: by_sweep(began),
        ..Round::default()
    };
    let mut pages = pin!(open_pages(world));
    while let Some(page) = pages.try_next().await? {
        if page.slots != TakenSlots::default() {
            round.slots = page.slots;
        }
        let has_no_turn = |wait: &&Wait| page.without_turn.contains(&first_attempt(&wait.resource));
        for wait in page.waits.iter().filter(has_no_turn) {
            round.give_turn(world, wait).await;
        }
        if round.swept.open == 0 && !page.waits.is_empty() {
            round.last = last_sweep(world).await;
        }
        let full: Vec<Vec<Wait>> = page
            .waits
            .into_iter()
            .filter_map(|wait| round.take(sweeper_config, wait, began))
            .collect();
        round.judge(world, sweeper_config, full).await;
    }
    let rest = std::mem::take(&mut round.asking).into_values().collect();
    round.judge(world, sweeper_config, rest).await;
    round.hand_slots_on(world, sweeper_config).await;
    round.send_again(world).await;
    let is_complete = round.swept.unreachable.is_empty() && round.swept.broken == 0;
    let found = LastSweep::after(round.last, began, is_complete, round.has_missed);
    if let Some(found) = found.filter(|_| round.swept.open > 0) {
        remember(world, &found).await;
    }
    info!(
        open = round.swept.open,
        asked = round.swept.asked,
        settled = round.swept.settled,
        freed = round.swept.freed,
        handed_out = round.swept.handed_out,
        sent_again = round.swept.sent_again,
        broken = round.swept.broken,
        unreachable = round.swept.unreachable.len(),
        "swept"
    );
    Ok(round.swept)
}

/// What one sweep keeps in memory: the waits of one describe call for each region and family, and the facts about slots.
#[derive(Default)]
struct Round {
    /// Which sweep this is, where a token is called dead.
    occasion: String,
    last: Option<LastSweep>,
    /// Whether it settled a wait whose event had not come.
    has_missed: bool,
    swept: SweepReport,
    taken: BTreeSet<RdsArn>,
    asking: BTreeMap<(Region, Family), Vec<Wait>>,
    silent: SilentRegions,
    slots: TakenSlots,
    candidates: Vec<SlotCandidate>,
    /// Slots of workers that died before they asked RDS, or whose command is parked.
    abandoned: Vec<(RdsArn, Timestamp)>,
    /// Waits that were registered longer ago than a message lives.
    lost: Vec<Wait>,
}

/// A wait, whether RDS still works on its resource, and the outcome.
type Verdict = (Wait, bool, Result<SettleOutcome, PortError>);

/// The result of one describe call.
enum DescribeOutcome {
    /// RDS answered: the waits with their outcomes.
    Answered(Vec<Verdict>),
    /// RDS did not answer, or the call was not made because RDS had not answered others.
    Unreachable(Vec<Wait>),
}

impl Round {
    /// Collects a wait. Returns a group of waits as soon as there are enough for one describe call.
    fn take(
        &mut self,
        sweeper_config: &SweeperConfig,
        wait: Wait,
        now: Timestamp,
    ) -> Option<Vec<Wait>> {
        // The index is sorted by the beginning of the phase, so a wait that this sweep has just marked appears again.
        if !self.taken.insert(wait.resource.clone()) {
            return None;
        }
        self.swept.open += 1;
        let oldest = self.swept.oldest.unwrap_or(wait.opened_at);
        self.swept.oldest = Some(oldest.min(wait.opened_at));
        if wait.phase == Phase::Queued {
            self.candidate(sweeper_config, &wait);
            return None;
        }
        if !is_due(&wait, self.last.as_ref(), now, sweeper_config.look) {
            // It is under way as far as is known, so it keeps its slot.
            if is_copy(&wait) {
                self.candidate(sweeper_config, &wait);
            }
            return None;
        }
        self.swept.asked += 1;
        let asking = self.asking.entry(place_of(&wait.resource)).or_default();
        asking.push(wait);
        (asking.len() >= sweeper_config.width).then(|| std::mem::take(asking))
    }

    /// Makes one describe call for each group of waits, and settles each wait by the answer.
    async fn judge<W: Permissions>(
        &mut self,
        world: &W,
        sweeper_config: &SweeperConfig,
        groups: Vec<Vec<Wait>>,
    ) {
        let silent = RefCell::new(std::mem::take(&mut self.silent));
        let looked: Vec<DescribeOutcome> = stream::iter(groups)
            .map(|waits| look(world, &sweeper_config.rules, &silent, waits))
            .buffer_unordered(DESCRIBES)
            .collect()
            .await;
        self.silent = silent.into_inner();
        self.swept.unreachable = self.silent.regions();
        for looked in looked {
            match looked {
                DescribeOutcome::Answered(verdicts) => {
                    for verdict in verdicts {
                        self.note(sweeper_config, verdict, world.now());
                    }
                }
                DescribeOutcome::Unreachable(waits) => {
                    for wait in waits.iter().filter(|wait| is_copy(wait)) {
                        self.candidate(sweeper_config, wait);
                    }
                }
            }
        }
    }

    fn candidate(&mut self, sweeper_config: &SweeperConfig, wait: &Wait) {
        let candidate = SlotCandidate::of(wait, sweeper_config.copy_slots);
        self.candidates.push(candidate);
    }

    fn note(
        &mut self,
        sweeper_config: &SweeperConfig,
        (wait, under_way, settle_outcome): Verdict,
        now: Timestamp,
    ) {
        match settle_outcome {
            Ok(SettleOutcome::Settled(ended)) => {
                self.swept.settled += 1;
                self.has_missed |= ended.settlement == Settlement::Succeeded && is_announced(&wait);
            }
            Ok(SettleOutcome::Kept) => self.keep(sweeper_config, &wait, under_way, now),
            Err(error) => {
                warn!(resource = %wait.resource, error = chain(&error), "could not be settled by the sweep");
                self.swept.broken += 1;
                self.keep(sweeper_config, &wait, true, now);
            }
        }
    }

    fn keep(
        &mut self,
        sweeper_config: &SweeperConfig,
        wait: &Wait,
        under_way: bool,
        now: Timestamp,
    ) {
        let idle = match wait.phase {
            Phase::Registered => now.duration_since(wait.since),
            Phase::Queued | Phase::Requested | Phase::Seen => SignedDuration::ZERO,
        };
        if idle > COMMAND_LIFETIME {
            self.lost.push(wait.clone());
        }
        if !is_copy(wait) {
            return;
        }
        self.candidate(sweeper_config, wait);
        if idle > sweeper_config.rules.grace && !under_way {
            let holder = first_attempt(&wait.resource);
            self.abandoned.push((holder, wait.since));
        }
    }

    /// Frees the slots that no copy uses, and gives them to the next copies in the queue.
    async fn hand_slots_on<W: Permissions>(&mut self, world: &W, sweeper_config: &SweeperConfig) {
        let abandoned = std::mem::take(&mut self.abandoned);
        for (copy, since) in abandoned
            .into_iter()
            .filter(|(holder, _)| self.slots.holds(holder))
            .collect::<Vec<_>>()
        {
            self.free(world, &copy, &Abandoned::RegisteredSince(since))
                .await;
        }
        let learnt = self.what_rds_allows(world).await;
        let now = world.now();
        let expected = self
            .slots
            .handed
            .iter()
            .filter(|(_, stamp)| !stamp.is_lost(now));
        let mut expected: BTreeSet<RdsArn> = expected.map(|(copy, _)| copy.clone()).collect();
        let plan = slots::plan(&self.slots, &self.candidates, &learnt, &expected);
        for (what, copies) in &plan.waiting {
            info!(copies, %what, "queued copies wait");
        }
        for copy in &plan.release {
            self.free(world, copy, &Abandoned::WaitGone).await;
        }
        let (mut hand_out, mut passed_over) = (plan.hand_out, 0);
        while !hand_out.is_empty() && passed_over < PASSED_OVER_MAX {
            let mut not_awaited = BTreeSet::new();
            for chunk in hand_out.chunks(BATCH_GET_MAX) {
                // The list may be out of date, so read the queue again consistently before sending anything.
                match world.look_up(chunk).await {
                    Ok(waits) => {
                        let dead = self.hand_out(world, sweeper_config, chunk, waits).await;
                        not_awaited.extend(dead);
                    }
                    Err(error) => self.broken(&error),
                }
            }
            if not_awaited.is_empty() {
                return;
            }
            // Their slots go to the next copies. All others count as if they had theirs.
            passed_over += not_awaited.len();
            let tried = hand_out.iter().map(first_attempt);
            let (dead, tried): (BTreeSet<_>, BTreeSet<_>) =
                tried.partition(|copy| not_awaited.contains(copy) && !self.slots.holds(copy));
            self.candidates.retain(|one| !dead.contains(&one.holder));
            let holders = self.slots.groups.entry(SlotGroup::All).or_default();
            holders.extend(tried.iter().cloned());
            expected.extend(tried);
            hand_out = slots::plan(&self.slots, &self.candidates, &learnt, &expected).hand_out;
        }
    }

    /// How many copies of each family with a queue RDS is known to allow. A family whose limit cannot be read gets no slot
    /// in this sweep.
    async fn what_rds_allows<W: Permissions>(&mut self, world: &W) -> BTreeMap<Family, usize> {
        let queued = self.candidates.iter().filter(|one| one.is_queued());
        let families: BTreeSet<Family> = queued.map(|one| one.holder.family()).collect();
        let mut allowed = BTreeMap::new();
        for family in families {
            match world.learnt_limit(family).await {
                Ok(None) => {}
                Ok(Some(limit)) => {
                    let holding = self.slots.held_by(family);
                    allowed.insert(family, limit.allows(holding, world.now()));
                }
                Err(error) => {
                    self.broken(&error);
                    allowed.insert(family, 0);
                }
            }
        }
        allowed
    }

    async fn free<W: Permissions>(&mut self, world: &W, copy: &RdsArn, proof: &Abandoned) {
        let of_policy = self.slots.policy_of(copy);
        match world.free_slot(copy, of_policy, proof).await {
            Ok(true) => {
                self.slots.free(copy);
                self.swept.freed += 1;
            }
            Ok(false) => {}
            Err(error) => self.broken(&error),
        }
    }

    /// Hands slots out in this order. Returns the copies whose tokens are dead.
    async fn hand_out<W: Permissions>(
        &mut self,
        world: &W,
        sweeper_config: &SweeperConfig,
        order: &[RdsArn],
        waits: Vec<Wait>,
    ) -> Vec<RdsArn> {
        let mut not_awaited = Vec::new();
        let mut queued: BTreeMap<RdsArn, Wait> = waits
            .into_iter()
            .filter(|wait| wait.phase == Phase::Queued)
            .map(|wait| (wait.resource.clone(), wait))
            .collect();
        for copy in order {
            let Some(wait) = queued.remove(copy) else {
                continue;
            };
            let holder = first_attempt(copy);
            let seen = match self.slots.handed.get(&holder) {
                Some(stamp) => SeenSlot::Stamped(*stamp),
                None if self.slots.holds(&holder) => SeenSlot::Held,
                None => SeenSlot::NotHeld,
            };
            let copy_slots = sweeper_config.copy_slots;
            match send::hand_out(world, copy_slots, &self.occasion, &wait, seen).await {
                Ok(HandedOut::Sent) => self.swept.handed_out += 1,
                Ok(HandedOut::NotAwaited) => not_awaited.push(holder),
                Ok(HandedOut::Missed) => {}
                Err(error) => self.broken(&error),
            }
        }
        not_awaited
    }

    /// Gives a place in the queue to a copy that an earlier version has queued. Otherwise every settled copy would hand its
    /// slot on to others.
    async fn give_turn<W: Permissions>(&mut self, world: &W, wait: &Wait) {
        if let Err(error) = world.give_turn(wait).await {
            self.broken(&error);
        }
    }

    /// Sends the commands of waits again that have been registered for too long. Only its command moves a registered
    /// wait on, and the command can get lost: SQS may give one message to two workers. One of them finishes and deletes
    /// the message; the other sets the wait back to registered and dies.
    async fn send_again<W: Permissions>(&mut self, world: &W) {
        for wait in std::mem::take(&mut self.lost) {
            match send::send_again(world, &self.occasion, &wait).await {
                Ok(true) => self.swept.sent_again += 1,
                Ok(false) => {}
                Err(error) => self.broken(&error),
            }
        }
    }

    fn broken(&mut self, error: &PortError) {
        warn!(
            error = chain(error),
            "a command could not be sent again by this sweep"
        );
        self.swept.broken += 1;
    }
}

/// Makes one describe call, and settles each of its waits. If RDS throttles the call, its waits stay for the next sweep.
/// If a region has not answered at all, or has throttled too often, it is not asked again for this family.
async fn look<W: Permissions>(
    world: &W,
    rules: &Rules,
    silent: &RefCell<SilentRegions>,
    waits: Vec<Wait>,
) -> DescribeOutcome {
    let Some(place) = waits.first().map(|wait| place_of(&wait.resource)) else {
        return DescribeOutcome::Answered(Vec::new());
    };
    if silent.borrow().is_left_alone(&place) {
        return DescribeOutcome::Unreachable(waits);
    }
    let truth = match ask(world, &waits).await {
        Ok(truth) => truth,
        Err(error) => {
            warn!(region = %place.0, error = chain(&error), "a region did not answer the sweep");
            silent.borrow_mut().note(place, &error);
            return DescribeOutcome::Unreachable(waits);
        }
    };
    let truth = &truth;
    let verdicts = stream::iter(waits)
        .map(|wait| async move {
            let found = truth.get(&wait.resource);
            let settle_outcome = conclude::judge(world, rules, Look::Sweep, &wait, found).await;
            let under_way = found.is_some_and(|snapshot| !snapshot.status.is_over());
            (wait, under_way, settle_outcome)
        })
        .buffer_unordered(CONCURRENCY);
    DescribeOutcome::Answered(verdicts.collect().await)
}

fn is_copy(wait: &Wait) -> bool {
    wait.command.step == Step::Copy
}
