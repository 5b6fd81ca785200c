//! The operator's replay: lists dead letters and sends them to their queue again.
//!
//! It receives, sends and deletes each message, in this order, so that an interruption loses nothing. A message that was
//! received comes back by itself. A message that was sent and not deleted is there twice, which is harmless: the worker
//! asks whether its token is alive, and Step Functions takes one answer.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::{StreamExt, stream};

use crate::app::queue::CONCURRENCY;
use crate::domain::id::arn::{KeyArn, RdsArn};
use crate::domain::id::token::TaskToken;
use crate::domain::operator::dead_letter::{About, DeadLetterSummary, Reason, Selection};
use crate::domain::operator::outdated::{Outdated, outdated};
use crate::domain::policy::set::PolicySet;
use crate::domain::policy::spec::AppliedKey;
use crate::domain::run::wait::Wait;
use crate::error::chain;
use crate::json;
use crate::json::event::Event;
use crate::ports::{
    DeadLetter, DelayMessage, ListOpen, PortError, Probe, ProbeToken, ReadPolicies, ReceiptHandle,
    ReceiveDeadLetters, RemoveDeadLetter, SendAgain, open_waits,
};

permissions! {
    /// Everything that a replay may do.
    Permissions:
        DelayMessage ListOpen ProbeToken ReadPolicies ReceiveDeadLetters RemoveDeadLetter SendAgain
}

/// How many messages one ReceiveMessage returns at most (SQS).
const RECEIVE_MAX: usize = 10;
/// How long a message stays invisible to others: far longer than sending and deleting ten of them takes.
const HIDDEN_FOR: Duration = Duration::from_secs(60);
/// After this many receives without a new message the queue counts as read.
const EMPTY_RECEIVES: u32 = 2;

/// The dead-letter queue to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeadLetterQueue {
    /// The worker's commands.
    Commands,
    /// RDS's events: those that the reactor could not handle, and those that EventBridge could not deliver.
    Events,
}

/// Which messages to select, and what to do with them.
#[derive(Debug, Clone)]
pub struct ReplayRequest {
    /// The queue of the messages.
    pub queue: DeadLetterQueue,
    /// Which of them.
    pub selection: Selection,
    /// Only show them. Then the replay also asks whether a command's token is alive.
    pub dry_run: bool,
    /// Look at this many at most.
    pub max: usize,
    /// The stack's key, which policies without a key of their own use, if it is known.
    pub stack_key: Option<KeyArn>,
}

/// Whether an execution still sleeps on a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenState {
    /// It does.
    Alive,
    /// No. The worker will drop the command.
    Dead,
    /// The token is not one of this account and region.
    Invalid,
    /// Step Functions did not say.
    Unknown,
}

/// The outcome for a dead letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is not selected and stays.
    Skipped,
    /// It is selected. Nothing was done, because this was a dry run.
    Selected,
    /// It is in its queue again, and no longer a dead letter.
    Replayed,
    /// It could not be sent and stays.
    NotSent(String),
    /// It is in its queue again, and still a dead letter, because it could not be deleted.
    SentAndKept(String),
}

/// One dead letter's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The dead letter.
    pub letter: DeadLetterSummary,
    /// Whether an execution still sleeps on it. Only for commands, in a dry run.
    pub token_state: Option<TokenState>,
    /// What its run keeps although its policy says something else: a replay will be refused as before.
    pub outdated: Option<Outdated>,
    /// The outcome.
    pub outcome: Outcome,
}

/// The result of a replay.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Replay {
    /// A row for each dead letter that was looked at, the oldest first.
    pub rows: Vec<Row>,
    /// Whether there may be dead letters that were not looked at.
    pub more: bool,
    /// Why the queue could not be read completely.
    pub error: Option<String>,
}

impl Replay {
    /// Whether every selected dead letter was replayed.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        let broken =
            |row: &Row| matches!(row.outcome, Outcome::NotSent(_) | Outcome::SentAndKept(_));
        self.error.is_none() && !self.rows.iter().any(broken)
    }
}

/// Replays the selected messages. All others, and those that could not be sent, are visible again when this ends.
///
/// # Errors
/// If the open waits cannot be read. Nothing was received then. A later failure is not an error: the answer says so.
pub async fn replay<W: Permissions>(
    world: &W,
    request: &ReplayRequest,
) -> Result<Replay, PortError> {
    let open = Open::read(world, request.stack_key.as_ref()).await?;
    let mut round = Round::default();
    let more = round.read_queue(world, request, &open).await;
    round.release(world).await;
    let mut replay = Replay {
        rows: round.rows,
        ..Replay::default()
    };
    match more {
        Ok(more) => replay.more = more,
        Err(error) => (replay.more, replay.error) = (true, Some(chain(&error))),
    }
    replay
        .rows
        .sort_by(|a, b| sort_key(&a.letter).cmp(&sort_key(&b.letter)));
    Ok(replay)
}

fn sort_key(letter: &DeadLetterSummary) -> (Option<jiff::Timestamp>, &str) {
    (letter.since, &letter.message_id)
}

/// What the table says about dead letters.
struct Open<'a> {
    /// The open waits. They hold why their commands failed, and to which database an event's snapshot belongs.
    waits: Vec<Wait>,
    policies: KnownPolicies<'a>,
}

/// What is known of the policies in force.
enum KnownPolicies<'a> {
    /// The set that was applied last, or none, and the stack's key if it is known.
    Read(Option<PolicySet<AppliedKey>>, Option<&'a KeyArn>),
    /// They cannot be read, which keeps nothing from being replayed.
    Unread,
}

impl<'a> Open<'a> {
    async fn read<W: ListOpen + ReadPolicies>(
        world: &W,
        stack_key: Option<&'a KeyArn>,
    ) -> Result<Self, PortError> {
        let waits = open_waits(world).await?;
        let policies = match world.current_policies().await {
            Ok(applied) => KnownPolicies::Read(applied.map(|applied| applied.set), stack_key),
            Err(error) => {
                tracing::warn!(error = chain(&error), "the policies cannot be read");
                KnownPolicies::Unread
            }
        };
        Ok(Self { waits, policies })
    }

    fn of_token(&self, token: &TaskToken) -> Option<&Wait> {
        self.waits.iter().find(|wait| &wait.command.token == token)
    }

    fn of_resource(&self, resource: &RdsArn) -> Option<&Wait> {
        self.waits.iter().find(|wait| &wait.resource == resource)
    }

    fn outdated(&self, about: &About) -> Option<Outdated> {
        match (about, &self.policies) {
            (About::Command { run, .. }, KnownPolicies::Read(set, stack_key)) => {
                outdated(run, set.as_ref(), *stack_key)
            }
            _ => None,
        }
    }
}

/// What a dead letter says, and apart from it the token of a command, so that no row holds a token.
fn read(
    queue: DeadLetterQueue,
    dead: &DeadLetter,
    open: &Open<'_>,
) -> (DeadLetterSummary, Option<TaskToken>) {
    let (about, token, reason) = match queue {
        DeadLetterQueue::Commands => read_command(dead, open),
        DeadLetterQueue::Events => {
            let (about, reason) = read_event(dead, open);
            (about, None, reason)
        }
    };
    let undelivered = dead.undelivered.clone().map(Reason::Undelivered);
    let letter = DeadLetterSummary {
        message_id: dead.message_id.clone(),
        about,
        since: dead.sent_at,
        receives: dead.receives,
        reason: undelivered.or(reason),
    };
    (letter, token)
}

fn read_command(dead: &DeadLetter, open: &Open<'_>) -> (About, Option<TaskToken>, Option<Reason>) {
    let command = match json::command::read(&dead.body) {
        Ok(command) => command,
        Err(error) => return (About::Unreadable, None, unreadable(&error)),
    };
    let last_error = open.of_token(&command.token).and_then(Wait::current_error);
    let reason = last_error.cloned().map(Reason::LastError);
    let about = About::Command {
        step: command.step,
        execution: command.execution.name().to_owned(),
        run: command.run,
    };
    (about, Some(command.token), reason)
}

fn read_event(dead: &DeadLetter, open: &Open<'_>) -> (About, Option<Reason>) {
    match json::event::read(&dead.body) {
        Ok(Event::Hint(hint)) => {
            let wait = open.of_resource(&hint.resource);
            let about = About::Event {
                database: wait.map(|wait| wait.command.run.database.clone()),
                resource: hint.resource,
                event_id: hint.event_id,
            };
            (about, None)
        }
        Ok(Event::Foreign) => (About::Foreign, None),
        Err(error) => (About::Unreadable, unreadable(&error)),
    }
}

fn unreadable(error: &json::JsonError) -> Option<Reason> {
    Some(Reason::Unreadable(chain(error)))
}

/// What one replay keeps in memory.
#[derive(Default)]
struct Round {
    rows: Vec<Row>,
    /// Every message that was seen, with its newest handle if it must become visible again at the end.
    seen: BTreeMap<String, Option<ReceiptHandle>>,
}

impl Round {
    /// Reads until the queue shows nothing new. Returns whether there may be more.
    async fn read_queue<W: Permissions>(
        &mut self,
        world: &W,
        request: &ReplayRequest,
        open: &Open<'_>,
    ) -> Result<bool, PortError> {
        let mut nothing_new = 0;
        let mut came_back = false;
        while nothing_new < EMPTY_RECEIVES {
            let left = request.max.saturating_sub(self.rows.len());
            if left == 0 {
                return Ok(true);
            }
            let max = left.min(RECEIVE_MAX);
            let received = world.receive_dead_letters(max, HIDDEN_FOR).await?;
            came_back = !received.is_empty();
            let new = self.take(received);
            if new.is_empty() {
                nothing_new += 1;
            } else {
                nothing_new = 0;
                self.handle(world, request, open, new).await;
            }
        }
        // Messages that came back before the end of the queue may have hidden others.
        Ok(came_back)
    }

    /// The messages that were not seen before. A message that comes back has a new handle, and the old one is void.
    fn take(&mut self, received: Vec<DeadLetter>) -> Vec<DeadLetter> {
        let mut new = Vec::new();
        for dead in received {
            let receipt = Some(dead.receipt.clone());
            if self.seen.insert(dead.message_id.clone(), receipt).is_none() {
                new.push(dead);
            }
        }
        new
    }

    async fn handle<W: Permissions>(
        &mut self,
        world: &W,
        request: &ReplayRequest,
        open: &Open<'_>,
        new: Vec<DeadLetter>,
    ) {
        let rows: Vec<Row> = stream::iter(new)
            .map(|dead| handle_one(world, request, open, dead))
            .buffer_unordered(CONCURRENCY)
            .collect()
            .await;
        for row in rows {
            if row.outcome == Outcome::Replayed {
                self.seen.insert(row.letter.message_id.clone(), None);
            }
            self.rows.push(row);
        }
    }

    /// Makes the remaining messages visible at once. If that fails, they become visible by themselves a minute later.
    async fn release<W: Permissions>(&mut self, world: &W) {
        let staying = std::mem::take(&mut self.seen).into_values().flatten();
        stream::iter(staying)
            .for_each_concurrent(CONCURRENCY, |receipt| async move {
                if let Err(error) = world.delay_message(&receipt, Duration::ZERO).await {
                    tracing::warn!(
                        error = chain(&error),
                        "a dead letter comes back later than it could"
                    );
                }
            })
            .await;
    }
}

async fn handle_one<W: Permissions>(
    world: &W,
    request: &ReplayRequest,
    open: &Open<'_>,
    dead: DeadLetter,
) -> Row {
    let (letter, token) = read(request.queue, &dead, open);
    let token_state = match &token {
        Some(token) if request.dry_run => Some(token_state(world, token).await),
        _ => None,
    };
    let outcome = if !request.selection.takes(&letter) {
        Outcome::Skipped
    } else if request.dry_run {
        Outcome::Selected
    } else {
        send_and_remove(world, &dead).await
    };
    Row {
        outdated: open.outdated(&letter.about),
        letter,
        token_state,
        outcome,
    }
}

async fn token_state<W: ProbeToken>(world: &W, token: &TaskToken) -> TokenState {
    match world.send_task_heartbeat(token).await {
        Probe::Alive => TokenState::Alive,
        Probe::Dead => TokenState::Dead,
        Probe::Invalid => TokenState::Invalid,
        Probe::Unknown(_) => TokenState::Unknown,
    }
}

async fn send_and_remove<W: SendAgain + RemoveDeadLetter>(world: &W, dead: &DeadLetter) -> Outcome {
    if let Err(error) = world.send_again(&dead.body).await {
        return Outcome::NotSent(chain(&error));
    }
    match world.remove_dead_letter(&dead.receipt).await {
        Ok(()) => Outcome::Replayed,
        Err(error) => Outcome::SentAndKept(chain(&error)),
    }
}
