//! Step Functions: task tokens that somebody sleeps on, and executions by their names.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::domain::id::names::ExecutionName;
use crate::domain::id::token::TaskToken;
use crate::domain::operator::redrive::{FailedExecution, FailedStatus, Inspection, Redrivable};
use crate::domain::run::command::ProtectionRequest;
use crate::domain::run::failure::Failure;
use crate::domain::run::manifest::Manifest;
use crate::ports::{ExecutionState, Page, Redriven, Started};

use super::refusal::Refusal;

/// What Step Functions knows of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Token {
    /// Somebody sleeps on it.
    Alive,
    /// Nobody does any more.
    Dead,
    /// It is no token.
    Invalid,
    /// Step Functions does not say now.
    Unknown(Refusal),
}

/// What a task was ended with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TaskEnd {
    /// Its output.
    Success(Box<Manifest>),
    /// Its error.
    Failure(Failure),
}

/// What the ports ask of Step Functions. It takes effect at once.
pub trait StepFunctionsModel {
    /// What is known of a token.
    fn token(&mut self, token: &TaskToken, now: Timestamp) -> Token;
    /// Ends the task that sleeps on a token, if one does; what the token was before.
    fn end_task(&mut self, token: &TaskToken, end: TaskEnd, now: Timestamp) -> Token;
    /// Starts an execution, unless one of this name exists.
    fn start(&mut self, name: &ExecutionName, run: &ProtectionRequest, now: Timestamp) -> Started;
    /// How an execution stands.
    fn state(&self, name: &ExecutionName) -> ExecutionState;
}

/// An execution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Execution {
    /// How it stands.
    pub state: ExecutionState,
    /// Its input; nothing where it is not of this stack's form.
    pub run: Option<ProtectionRequest>,
    /// As the list of those that ended without success has it.
    pub ended: Option<FailedExecution>,
    /// The error that it ended with.
    pub error: Option<String>,
    /// What that error says.
    pub cause: Option<String>,
    /// How often it was redriven.
    pub redrives: u32,
    /// Whether Step Functions says that it can be redriven.
    pub redrivable: Redrivable,
    /// What RedriveExecution says, if it says no.
    pub refuses_redrive: Option<String>,
    /// The definition that it follows.
    pub definition: String,
}

impl Execution {
    /// One that stands like this and has nothing else to say.
    #[must_use]
    pub fn new(state: ExecutionState, run: Option<ProtectionRequest>) -> Self {
        Self {
            state,
            run,
            ended: None,
            error: None,
            cause: None,
            redrives: 0,
            redrivable: Redrivable::Yes,
            refuses_redrive: None,
            definition: String::new(),
        }
    }
}

/// How many rows a page of the list holds: few, so that there are several pages.
const PAGE: usize = 2;

/// Tokens and executions that change only when they are told to.
#[derive(Debug, Clone, Default)]
pub struct Executions {
    tokens: BTreeMap<String, Token>,
    /// What each task was ended with, in order, by its token.
    pub ended_tasks: Vec<(String, TaskEnd)>,
    /// The executions by their names.
    pub all: BTreeMap<ExecutionName, Execution>,
    /// The input of each execution that was started, in order.
    pub started: Vec<ProtectionRequest>,
    /// The executions that were redriven, in order.
    pub redriven: Vec<ExecutionName>,
    /// The state machine's definition.
    pub definition: String,
}

impl Executions {
    /// Changes what is known of a token. One that was never told of is dead.
    pub fn set_token(&mut self, token: &str, state: Token) {
        self.tokens.insert(token.to_owned(), state);
    }

    /// Puts an execution that stands like this, whatever was there.
    pub fn set_state(&mut self, name: &ExecutionName, state: ExecutionState) {
        match self.all.get_mut(name) {
            Some(execution) => execution.state = state,
            None => {
                let execution = Execution::new(state, None);
                self.all.insert(name.clone(), execution);
            }
        }
    }

    pub(super) fn list(&self, ended: FailedStatus, from: Option<String>) -> Page<FailedExecution> {
        let rows = self.all.values().filter_map(|one| one.ended.as_ref());
        let mut rows: Vec<&FailedExecution> = rows.filter(|row| row.ended == ended).collect();
        // The youngest first.
        rows.sort_by_key(|row| (std::cmp::Reverse(row.started_at), &row.name));
        page(rows.into_iter(), PAGE, from)
    }

    pub(super) fn inspect(&self, name: &ExecutionName) -> Option<Inspection> {
        self.all.get(name).map(|execution| Inspection {
            running: execution.state == ExecutionState::Running,
            run: execution.run.clone(),
            error: execution.error.clone(),
            cause: execution.cause.clone(),
            redrives: execution.redrives,
            redrivable: execution.redrivable.clone(),
        })
    }

    pub(super) fn definition_of(&self, name: &ExecutionName) -> Result<String, Refusal> {
        let execution = self.all.get(name).ok_or_else(unknown)?;
        Ok(execution.definition.clone())
    }

    pub(super) fn redrive(&mut self, name: &ExecutionName) -> Result<Redriven, Refusal> {
        let execution = self.all.get_mut(name).ok_or_else(unknown)?;
        if let Some(why) = &execution.refuses_redrive {
            return Ok(Redriven::NotRedrivable(why.clone()));
        }
        execution.state = ExecutionState::Running;
        execution.redrives += 1;
        self.redriven.push(name.clone());
        Ok(Redriven::Running)
    }
}

fn unknown() -> Refusal {
    Refusal::code("ExecutionDoesNotExist")
}

impl StepFunctionsModel for Executions {
    fn token(&mut self, token: &TaskToken, _now: Timestamp) -> Token {
        let known = self.tokens.get(token.reveal());
        known.cloned().unwrap_or(Token::Dead)
    }

    fn end_task(&mut self, token: &TaskToken, end: TaskEnd, now: Timestamp) -> Token {
        let before = self.token(token, now);
        if before == Token::Alive {
            self.set_token(token.reveal(), Token::Dead);
            self.ended_tasks.push((token.reveal().to_owned(), end));
        }
        before
    }

    fn start(&mut self, name: &ExecutionName, run: &ProtectionRequest, _now: Timestamp) -> Started {
        if let Some(there) = self.all.get(name) {
            let is_it = there.state == ExecutionState::Running && there.run.as_ref() == Some(run);
            return if is_it {
                Started::Running
            } else {
                Started::NameUsed
            };
        }
        self.started.push(run.clone());
        let execution = Execution::new(ExecutionState::Running, Some(run.clone()));
        self.all.insert(name.clone(), execution);
        Started::Running
    }

    fn state(&self, name: &ExecutionName) -> ExecutionState {
        let execution = self.all.get(name);
        execution.map_or(ExecutionState::Unknown, |execution| execution.state)
    }
}

/// A page of rows, with the number of rows before the next one as its marker.
pub(super) fn page<'a, T: Clone + 'a>(
    rows: impl Iterator<Item = &'a T>,
    of: usize,
    marker: Option<String>,
) -> Page<T> {
    let from: usize = marker.map_or(0, |marker| marker.parse().unwrap_or(0));
    let mut left = rows.skip(from);
    let items: Vec<T> = left.by_ref().take(of).cloned().collect();
    let next = left.next().map(|_| (from + items.len()).to_string());
    Page { items, next }
}
