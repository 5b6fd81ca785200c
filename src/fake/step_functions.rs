//! Step Functions: task tokens, and executions by their names.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::domain::id::names::ExecutionName;
use crate::domain::id::token::TaskToken;
use crate::domain::operator::redrive::{
    FailedExecution, FailedStatus, Inspection, Redrivable, STOPPED,
};
use crate::domain::run::command::ProtectionRequest;
use crate::domain::run::failure::Failure;
use crate::domain::run::manifest::Manifest;
use crate::ports::{ExecutionState, Page, Redriven, Started};

use super::refusal::Refusal;

/// What Step Functions knows about a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Token {
    /// An execution sleeps on it.
    Alive,
    /// No execution sleeps on it any more.
    Dead,
    /// It is not a token.
    Invalid,
    /// Step Functions does not say now.
    Unknown(Refusal),
}

/// How a task was ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TaskEnd {
    /// Success, with this output.
    Success(Box<Manifest>),
    /// Failure, with this error.
    Failure(Failure),
}

/// What the ports ask of Step Functions. Every call takes effect at once.
pub trait StepFunctionsModel {
    /// What Step Functions knows about a token.
    fn token(&mut self, token: &TaskToken, now: Timestamp) -> Token;
    /// Ends the task that sleeps on a token, if one does. Returns what the token was before.
    fn end_task(&mut self, token: &TaskToken, end: TaskEnd, now: Timestamp) -> Token;
    /// Starts an execution, unless one of this name exists.
    fn start(&mut self, name: &ExecutionName, run: &ProtectionRequest, now: Timestamp) -> Started;
    /// The state of an execution.
    fn state(&self, name: &ExecutionName) -> ExecutionState;
}

/// What the operator's `stop` asks of Step Functions beside that.
pub trait StoppableModel: StepFunctionsModel {
    /// A page of the names of the executions that run.
    fn list_running(&self, from: Option<String>) -> Page<ExecutionName>;
    /// What Step Functions says about an execution. `None` if it does not know it.
    fn inspect(&self, name: &ExecutionName) -> Option<Inspection>;
    /// Stops an execution. Nothing changes if it has ended.
    ///
    /// # Errors
    /// If there is no execution of this name.
    fn stop(&mut self, name: &ExecutionName, cause: &str, now: Timestamp) -> Result<(), Refusal>;
}

/// An execution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Execution {
    /// How it stands.
    pub state: ExecutionState,
    /// Its input. `None` if it is not an input of Snapferry.
    pub run: Option<ProtectionRequest>,
    /// Its row in the list of failed executions.
    pub ended: Option<FailedExecution>,
    /// The error that ended it.
    pub error: Option<String>,
    /// The cause of that error, for a person.
    pub cause: Option<String>,
    /// How often it was redriven.
    pub redrives: u32,
    /// Whether Step Functions says that it can be redriven.
    pub redrivable: Redrivable,
    /// The refusal of RedriveExecution, if it refuses.
    pub refuses_redrive: Option<String>,
    /// The definition that it follows.
    pub definition: String,
}

impl Execution {
    /// An execution in this state, without anything else.
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

/// How many rows a page of the list holds. Few, so that there are several pages.
const PAGE: usize = 2;

/// Tokens and executions that never change by themselves.
#[derive(Debug, Clone, Default)]
pub struct Executions {
    tokens: BTreeMap<String, Token>,
    /// How each task was ended, in order, by its token.
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
    /// Sets what Step Functions knows about a token. A token that was never set is dead.
    pub fn set_token(&mut self, token: &str, state: Token) {
        self.tokens.insert(token.to_owned(), state);
    }

    /// Stores an execution in this state, and replaces one of the same name.
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
        // The newest first.
        rows.sort_by_key(|row| (std::cmp::Reverse(row.started_at), &row.name));
        page(rows.into_iter(), PAGE, from)
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

impl StoppableModel for Executions {
    fn list_running(&self, from: Option<String>) -> Page<ExecutionName> {
        let all = self.all.iter();
        let running = all.filter(|(_, one)| one.state == ExecutionState::Running);
        page(running.map(|(name, _)| name), PAGE, from)
    }

    fn inspect(&self, name: &ExecutionName) -> Option<Inspection> {
        self.all.get(name).map(|execution| Inspection {
            running: execution.state == ExecutionState::Running,
            started_at: execution.ended.as_ref().map(|ended| ended.started_at),
            ended_at: execution.ended.as_ref().map(|ended| ended.ended_at),
            run: execution.run.clone(),
            error: execution.error.clone(),
            cause: execution.cause.clone(),
            redrives: execution.redrives,
            redrivable: execution.redrivable.clone(),
        })
    }

    fn stop(&mut self, name: &ExecutionName, cause: &str, now: Timestamp) -> Result<(), Refusal> {
        let execution = self.all.get_mut(name).ok_or_else(unknown)?;
        if execution.state == ExecutionState::Running {
            execution.state = ExecutionState::Failed;
            execution.ended = Some(FailedExecution {
                name: name.clone(),
                ended: FailedStatus::Aborted,
                started_at: now,
                ended_at: now,
            });
            execution.error = Some(STOPPED.to_owned());
            execution.cause = Some(cause.to_owned());
        }
        Ok(())
    }
}

/// A page of rows, with the number of rows before the next one as its marker.
pub fn page<'a, T: Clone + 'a>(
    rows: impl Iterator<Item = &'a T>,
    of: usize,
    marker: Option<String>,
) -> Page<T> {
    let from: usize = marker.map_or(0, |marker| marker.parse().unwrap_or(0));
    let mut left = rows.skip(from);
    let items: Vec<T> = left.by_ref().take(of).cloned().collect();
    let next = left.next().map(|_| (from + items.len()).to_string());
    Page::new(items, next)
}
