//! The reactor: reads hints, looks their waits up, asks RDS once, and settles.

mod automated;

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use futures_util::{StreamExt, stream};
use tracing::{error, info, warn};

use crate::app::conclude::{self, SettleOutcome};
use crate::app::hand_on::hand_on;
use crate::app::places::{ask, group, place_of};
use crate::app::queue::{self, CONCURRENCY, Outcome, Record};
use crate::domain::id::arn::{KeyArn, RdsArn};
use crate::domain::limits::{BATCH_GET_MAX, HINT_RECHECKS};
use crate::domain::rds::hint::{Hint, HintKind};
use crate::domain::rds::snapshot::Snapshot;
use crate::domain::run::backoff::Backoff;
use crate::domain::run::command::Step;
use crate::domain::run::settle::Look;
use crate::domain::run::slot_limits::CopySlots;
use crate::domain::run::wait::{Rules, Wait};
use crate::error::chain;
use crate::json::event::{self, Event};
use crate::ports::{
    Callbacks, ClaimRun, Clock, DelayMessage, DescribeSnapshots, EnterCopies, FindDatabases,
    FreeSlot, HandOnSlot, Jitter, ListOptionGroups, ListQueue, LookUpWaits, ProbeToken,
    ReadConfigurations, ReadEntries, ReadLearntLimit, ReadPolicies, ReadSlots, RecordRecoveryPoint,
    SendCommand, StartExecution, StoreConfigurations, Waits,
};
use crate::settings::Stack;

/// How many callbacks run at once, over all regions.
const CALLBACKS: usize = 20;

permissions! {
    /// Everything that the reactor may do.
    Permissions:
        Callbacks ClaimRun Clock DelayMessage DescribeSnapshots EnterCopies FindDatabases FreeSlot HandOnSlot Jitter
        ListOptionGroups ListQueue LookUpWaits ProbeToken ReadConfigurations ReadEntries ReadLearntLimit ReadPolicies
        ReadSlots RecordRecoveryPoint SendCommand StartExecution StoreConfigurations Waits
}

/// The reactor's settings.
#[derive(Debug, Clone)]
pub struct ReactorConfig {
    /// The rules' constants.
    pub rules: Rules,
    /// How many identifiers one describe call asks for.
    pub width: usize,
    /// How long a hint waits in the queue before Snapferry asks again, if RDS does not confirm it yet.
    pub recheck: Duration,
    /// How many copies may be in flight.
    pub copy_slots: CopySlots,
    /// The recovery region's key, for policies that name none.
    pub key: KeyArn,
}

impl ReactorConfig {
    /// Takes the reactor's settings from the stack's, with the recovery region's key.
    #[must_use]
    pub fn new(stack: &Stack, key: KeyArn) -> Self {
        Self {
            rules: stack.rules.clone(),
            width: stack.sweep_width,
            recheck: stack.hint_recheck,
            copy_slots: stack.copy_slots,
            key,
        }
    }
}

/// What happened to the resource of a hint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    /// Nobody waits for it.
    NobodyWaits,
    /// Its wait was settled.
    Settled,
    /// RDS does not confirm the hint yet.
    NotBorneOut,
    /// RDS, the table or Step Functions could not be asked now.
    Broken,
}

/// Works through a batch of events. The answer names the messages that stay in the queue.
pub async fn react<W: Permissions>(
    world: &W,
    reactor_config: &ReactorConfig,
    backoff: &Backoff,
    records: Vec<Record>,
) -> Vec<String> {
    let read: Vec<(Record, Read)> = records
        .into_iter()
        .map(|record| {
            let read = read_one(&record);
            (record, read)
        })
        .collect();
    let is_foreign = |(_, read): &&(Record, Read)| matches!(read, Read::Foreign);
    let foreign = read.iter().filter(is_foreign).count();
    if foreign > 0 {
        info!(foreign, "events that concern nothing here");
    }
    let hinted: BTreeSet<RdsArn> = read
        .iter()
        .filter_map(|(_, read)| read.resource().cloned())
        .collect();
    let (automated, awaited): (Vec<_>, Vec<_>) =
        hinted.into_iter().partition(RdsArn::is_automated_snapshot);
    let mut answers = answer(world, reactor_config, awaited).await;
    if !automated.is_empty() {
        // This future is rare and large, so keep it out of every batch's own future.
        let started = Box::pin(start(world, reactor_config, automated));
        let started = queue::guarded("automated snapshots", started).await;
        answers.extend(started.unwrap_or_default());
    }
    let outcomes = read
        .into_iter()
        .map(|(record, read)| {
            let outcome = outcome(reactor_config, &record, &read, &answers);
            (record, outcome)
        })
        .collect();
    queue::keep(world, backoff, outcomes).await
}

/// What a record says.
enum Read {
    /// A hint that RDS can confirm.
    Hint(Hint),
    /// Nothing that Snapferry needs to know.
    Nothing,
    /// It is about nothing that matters here.
    Foreign,
    /// Not readable: it goes to the dead letters by itself.
    Malformed,
}

impl Read {
    fn resource(&self) -> Option<&RdsArn> {
        match self {
            Self::Hint(hint) => Some(&hint.resource),
            Self::Nothing | Self::Foreign | Self::Malformed => None,
        }
    }
}

fn read_one(record: &Record) -> Read {
    match catch_unwind(AssertUnwindSafe(|| event::read(&record.body))) {
        Ok(Ok(Event::Hint(hint))) if hint.kind != HintKind::Nothing => Read::Hint(hint),
        Ok(Ok(Event::Hint(_))) => Read::Nothing,
        Ok(Ok(Event::Foreign)) => Read::Foreign,
        Ok(Err(error)) => {
            error!(
                message_id = record.message_id,
                error = chain(&error),
                "an event that cannot be read"
            );
            Read::Malformed
        }
        Err(_) => {
            error!(
                message_id = record.message_id,
                "an event made the reader panic"
            );
            Read::Malformed
        }
    }
}

fn outcome(
    reactor_config: &ReactorConfig,
    record: &Record,
    read: &Read,
    answers: &BTreeMap<RdsArn, Answer>,
) -> Outcome {
    let hint = match read {
        Read::Hint(hint) => hint,
        Read::Nothing | Read::Foreign => return Outcome::Done,
        Read::Malformed => return Outcome::Again,
    };
    match answers
        .get(&hint.resource)
        .copied()
        .unwrap_or(Answer::Broken)
    {
        Answer::NobodyWaits | Answer::Settled => Outcome::Done,
        // RDS's answer may lag behind its own event. After a few looks the reactor leaves a wait to the sweep, and an
        // automated snapshot, for which nobody waits, to the planner.
        Answer::NotBorneOut if record.receives <= HINT_RECHECKS => {
            Outcome::AgainIn(reactor_config.recheck)
        }
        Answer::NotBorneOut => Outcome::Done,
        Answer::Broken => Outcome::Again,
    }
}

/// Starts runs for automated snapshots. Nobody waits for one, but a run may begin with it. If no policy copies automated
/// snapshots, this costs one read of the policies.
async fn start<W: Permissions>(
    world: &W,
    reactor_config: &ReactorConfig,
    hinted: Vec<RdsArn>,
) -> Vec<(RdsArn, Answer)> {
    let policies = match automated::policies(world, &reactor_config.key).await {
        Ok(policies) => policies,
        Err(error) => {
            warn!(error = chain(&error), "the policies could not be read");
            return hinted
                .into_iter()
                .map(|arn| (arn, Answer::Broken))
                .collect();
        }
    };
    let Some(policies) = policies else {
        return hinted
            .into_iter()
            .map(|arn| (arn, Answer::NobodyWaits))
            .collect();
    };
    let stack = &reactor_config.rules.stack;
    let mut answers = Vec::with_capacity(hinted.len());
    for group in group(hinted, reactor_config.width, place_of) {
        for (arn, hint_outcome) in
            automated::start_from_hints(world, stack, &policies, &group).await
        {
            let answer = match hint_outcome {
                automated::HintOutcome::Done => Answer::Settled,
                automated::HintOutcome::NotYet => Answer::NotBorneOut,
                automated::HintOutcome::Broken => Answer::Broken,
            };
            answers.push((arn, answer));
        }
    }
    answers
}

/// Reads the waits once, and makes one describe call for each region and family, however many hints there are.
async fn answer<W: Permissions>(
    world: &W,
    reactor_config: &ReactorConfig,
    hinted: Vec<RdsArn>,
) -> BTreeMap<RdsArn, Answer> {
    let mut answers = BTreeMap::new();
    let mut waits = Vec::new();
    for chunk in hinted.chunks(BATCH_GET_MAX) {
        match world.look_up(chunk).await {
            Ok(found) => {
                answers.extend(
                    chunk
                        .iter()
                        .map(|resource| (resource.clone(), Answer::NobodyWaits)),
                );
                // The hint is not about a wait that has moved on to its next attempt.
                waits.extend(
                    found
                        .into_iter()
                        .filter(|wait| chunk.contains(&wait.resource)),
                );
            }
            Err(error) => warn!(error = chain(&error), "the waits could not be read"),
        }
    }
    let groups = group(waits, reactor_config.width, |wait| place_of(&wait.resource));
    let judged: Vec<_> = stream::iter(groups)
        .map(|group| look(world, group))
        .buffer_unordered(CONCURRENCY)
        // A slow region must not delay callbacks for other regions.
        .flat_map(stream::iter)
        .map(|(wait, truth)| judge(world, reactor_config, wait, truth))
        .buffer_unordered(CALLBACKS)
        .collect()
        .await;
    answers.extend(judged);
    answers
}

/// What RDS says about a wait's resource. `Err` if it could not be asked.
type Truth = Result<Option<Snapshot>, ()>;

/// Asks RDS about a group of waits, all of one region and family.
async fn look<W>(world: &W, group: Vec<Wait>) -> Vec<(Wait, Truth)>
where
    W: DescribeSnapshots,
{
    match ask(world, &group).await {
        Ok(mut truth) => group
            .into_iter()
            .map(|wait| {
                let truth = truth.remove(&wait.resource);
                (wait, Ok(truth))
            })
            .collect(),
        Err(error) => {
            warn!(error = chain(&error), "RDS could not be asked about a hint");
            group.into_iter().map(|wait| (wait, Err(()))).collect()
        }
    }
}

async fn judge<W: Permissions>(
    world: &W,
    reactor_config: &ReactorConfig,
    wait: Wait,
    truth: Truth,
) -> (RdsArn, Answer) {
    let Ok(truth) = truth else {
        return (wait.resource, Answer::Broken);
    };
    let rules = &reactor_config.rules;
    let settle_outcome = conclude::judge(world, rules, Look::Hint, &wait, truth.as_ref());
    let answer = match queue::guarded(wait.resource.name(), settle_outcome).await {
        Some(Ok(SettleOutcome::Settled(ended))) => {
            if ended.is_deleted && wait.command.step == Step::Copy {
                let handed_on = hand_on(world, reactor_config.copy_slots, &wait);
                queue::guarded(wait.resource.name(), handed_on).await;
            }
            Answer::Settled
        }
        Some(Ok(SettleOutcome::Kept)) => Answer::NotBorneOut,
        Some(Err(error)) => {
            warn!(resource = %wait.resource, error = chain(&error), "could not be settled now");
            Answer::Broken
        }
        None => Answer::Broken,
    };
    (wait.resource, answer)
}
