//! Step Functions: executions of the deployed state machine, their tokens, retries, timeouts and redrives.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;

use jiff::Timestamp;
use serde_json::Value;
use snapferry::domain::run::command::ProtectionRequest;

use crate::asl::{Context, StateMachine, Task};

/// One execution.
#[derive(Debug)]
pub struct Execution {
    /// The execution's ARN.
    pub arn: String,
    /// Its input, as JSON.
    pub input: Rc<str>,
    /// Its input, read.
    pub run: Rc<ProtectionRequest>,
    /// Its state.
    pub status: Status,
    /// The state that it is in or failed in.
    pub state: String,
    /// When it ended, if it has.
    pub ended_at: Option<Timestamp>,
    /// How often it has been redriven.
    pub redrives: u32,
    /// Whether a person started it without the planner.
    pub by_hand: bool,
    /// How often a person has redriven it since the faults stopped.
    pub late_redrives: u32,
    input_json: Value,
    data: Value,
    retry_count: u32,
    retries: Vec<u32>,
}

impl Execution {
    /// Whether it has not ended yet.
    pub fn is_running(&self) -> bool {
        matches!(
            self.status,
            Status::Sleeping { .. } | Status::Retrying { .. }
        )
    }

    /// When it began to sleep on its token, if it sleeps.
    pub fn sleeps_since(&self) -> Option<Timestamp> {
        match &self.status {
            Status::Sleeping { since, .. } => Some(*since),
            Status::Retrying { .. } | Status::Succeeded | Status::Failed { .. } => None,
        }
    }

    /// The result that a state has put into a field of the execution's data.
    pub fn output(&self, field: &str) -> String {
        self.data[field].to_string()
    }

    /// The execution's data, which become its output when it succeeds.
    pub fn whole_output(&self) -> &Value {
        &self.data
    }
}

/// The state of an execution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// It sleeps on a token, at the longest until its deadline.
    Sleeping {
        /// The token it sleeps on.
        token: String,
        /// Since when.
        since: Timestamp,
        /// When the state ends by itself, and by which error.
        deadline: Deadline,
    },
    /// Its state will be entered again.
    Retrying {
        /// When the state is entered again.
        at: Timestamp,
    },
    /// It has succeeded.
    Succeeded,
    /// It has failed, or timed out.
    Failed {
        /// The error's name.
        error: String,
    },
}

/// When a sleeping state ends by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline {
    /// `TimeoutSeconds` after the state was entered: no heartbeat moves it.
    times_out: Timestamp,
    /// `HeartbeatSeconds` after the last heartbeat, or after the state was entered.
    misses_heartbeat: Option<Timestamp>,
}

impl Deadline {
    fn new(task: &Task, entered: Timestamp) -> Self {
        let later = |time: Timestamp, by| time.saturating_add(by).unwrap_or(Timestamp::MAX);
        Self {
            times_out: later(entered, task.timeout),
            misses_heartbeat: task.heartbeat.map(|by| later(entered, by)),
        }
    }

    /// When the state ends, unless somebody sends a heartbeat before.
    #[must_use]
    pub fn at(self) -> Timestamp {
        self.misses_heartbeat
            .map_or(self.times_out, |at| at.min(self.times_out))
    }

    /// The error that it then ends with. Both mean that its four days are over.
    #[must_use]
    pub fn error(self) -> &'static str {
        match self.misses_heartbeat {
            Some(at) if at <= self.times_out => "States.HeartbeatTimeout",
            _ => "States.Timeout",
        }
    }
}

/// What a token was made for.
#[derive(Debug)]
pub struct Token {
    /// The execution's name.
    pub execution: String,
    /// The step that the message names.
    pub step: String,
    /// Whether an execution sleeps on it.
    pub alive: bool,
    /// Step Functions has forgotten it.
    forgotten: bool,
}

/// A message that a state is about to send.
#[derive(Debug)]
pub struct Outgoing {
    /// The token in it.
    pub token: String,
    /// Its body.
    pub body: Rc<str>,
    /// What it is, for the trace.
    pub note: Rc<str>,
}

/// The answer to a caller that sends a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AboutToken {
    /// An execution sleeps on it.
    Alive,
    /// Its task has ended.
    Dead,
    /// Step Functions does not know it.
    Invalid,
}

/// The service.
pub struct StepFunctions {
    machine: Rc<StateMachine>,
    /// Every execution, by its name.
    pub executions: BTreeMap<String, Execution>,
    /// Every token.
    pub tokens: BTreeMap<String, Token>,
    /// Messages that states have sent and no queue has taken yet.
    pub outbox: VecDeque<Outgoing>,
    due: BTreeSet<(Timestamp, String)>,
    made: u64,
    /// How many states have timed out.
    pub timed_out: u64,
}

impl StepFunctions {
    /// A service that runs this state machine, without an execution.
    pub fn new(machine: Rc<StateMachine>) -> Self {
        Self {
            machine,
            executions: BTreeMap::new(),
            tokens: BTreeMap::new(),
            outbox: VecDeque::new(),
            due: BTreeSet::new(),
            made: 0,
            timed_out: 0,
        }
    }

    /// StartExecution of a name that is not used yet.
    pub fn start(
        &mut self,
        name: &str,
        arn: String,
        run: ProtectionRequest,
        input: String,
        now: Timestamp,
    ) {
        let input_json: Value = serde_json::from_str(&input).unwrap_or_default();
        let first = self.machine.first(&input_json).to_owned();
        let execution = Execution {
            arn,
            input: input.into(),
            run: Rc::new(run),
            status: Status::Succeeded,
            state: first.clone(),
            ended_at: None,
            redrives: 0,
            by_hand: false,
            late_redrives: 0,
            data: input_json.clone(),
            input_json,
            retry_count: 0,
            retries: Vec::new(),
        };
        self.executions.insert(name.to_owned(), execution);
        self.enter(name, &first, false, now);
    }

    /// Enters a state, or enters it again: with a new token.
    fn enter(&mut self, name: &str, state: &str, again: bool, now: Timestamp) {
        let Some(task) = self.machine.states.get(state) else {
            return;
        };
        let Some(execution) = self.executions.get_mut(name) else {
            return;
        };
        if !again {
            execution.retry_count = 0;
            execution.retries = vec![0; task.retry.len()];
        }
        self.made += 1;
        let token = format!("token-{}", self.made);
        let message = task.message(Context {
            token: &token,
            execution: &execution.arn,
            input: &execution.input_json,
            retry_count: execution.retry_count,
        });
        let step = message["step"].as_str().unwrap_or_default().to_owned();
        let deadline = Deadline::new(task, now);
        execution.state = state.to_owned();
        execution.ended_at = None;
        execution.status = Status::Sleeping {
            token: token.clone(),
            since: now,
            deadline,
        };
        self.due.insert((deadline.at(), name.to_owned()));
        self.outbox.push_back(Outgoing {
            token: token.clone(),
            body: message.to_string().into(),
            note: format!("{step} #{} of {name}", self.made).into(),
        });
        self.tokens.insert(
            token,
            Token {
                execution: name.to_owned(),
                step,
                alive: true,
                forgotten: false,
            },
        );
    }

    /// SendTaskHeartbeat: restarts the clock that counts heartbeats, and no other.
    pub fn heartbeat(&mut self, token: &str, now: Timestamp) -> AboutToken {
        let about = self.probe(token);
        if about != AboutToken::Alive {
            return about;
        }
        let Some(execution) = self
            .tokens
            .get(token)
            .and_then(|token| self.executions.get_mut(&token.execution))
        else {
            return about;
        };
        let name = &self.tokens[token].execution;
        let task = self.machine.states.get(&execution.state);
        if let (Some(task), Status::Sleeping { deadline, .. }) = (task, &mut execution.status) {
            self.due.remove(&(deadline.at(), name.clone()));
            deadline.misses_heartbeat = Deadline::new(task, now).misses_heartbeat;
            self.due.insert((deadline.at(), name.clone()));
        }
        about
    }

    /// What a heartbeat of this token would be answered.
    pub fn probe(&self, token: &str) -> AboutToken {
        match self.tokens.get(token) {
            None => AboutToken::Invalid,
            Some(token) if token.forgotten => AboutToken::Invalid,
            Some(token) if token.alive => AboutToken::Alive,
            Some(_) => AboutToken::Dead,
        }
    }

    /// Forgets all dead tokens.
    pub fn forget_the_dead(&mut self) {
        for token in self.tokens.values_mut() {
            token.forgotten |= !token.alive;
        }
    }

    /// Whether an execution sleeps on this token.
    pub fn is_alive(&self, token: &str) -> bool {
        self.probe(token) == AboutToken::Alive
    }

    /// Ends a token, and returns the execution that slept on it.
    fn wake(&mut self, token: &str) -> Option<String> {
        let token = self.tokens.get_mut(token).filter(|token| token.alive)?;
        token.alive = false;
        let name = token.execution.clone();
        if let Some(Status::Sleeping { deadline, .. }) =
            self.executions.get(&name).map(|e| &e.status)
        {
            self.due.remove(&(deadline.at(), name.clone()));
        }
        Some(name)
    }

    /// SendTaskSuccess.
    pub fn succeed(&mut self, token: &str, output: &str, now: Timestamp) -> AboutToken {
        let about = self.probe(token);
        let Some(name) = self.wake(token) else {
            return about;
        };
        let Some(execution) = self.executions.get_mut(&name) else {
            return about;
        };
        let task = &self.machine.states[&execution.state];
        if let Value::Object(data) = &mut execution.data {
            let result = serde_json::from_str(output).unwrap_or_default();
            data.insert(task.result_field.clone(), result);
        }
        match task.next.clone() {
            Some(next) => self.enter(&name, &next, false, now),
            None => {
                execution.status = Status::Succeeded;
                execution.ended_at = Some(now);
            }
        }
        about
    }

    /// SendTaskFailure, or an error of the state's own.
    pub fn fail(&mut self, token: &str, error: &str, now: Timestamp) -> AboutToken {
        let about = self.probe(token);
        let Some(name) = self.wake(token) else {
            return about;
        };
        let Some(execution) = self.executions.get_mut(&name) else {
            return about;
        };
        let retriers = &self.machine.states[&execution.state].retry;
        let matching = retriers
            .iter()
            .position(|r| r.errors.iter().any(|e| e == error));
        let retry =
            matching.filter(|index| execution.retries[*index] < retriers[*index].max_attempts);
        match retry {
            Some(index) => {
                let delay = retriers[index].delay(execution.retries[index]);
                execution.retries[index] += 1;
                execution.retry_count += 1;
                let at = now.saturating_add(delay).unwrap_or(Timestamp::MAX);
                execution.status = Status::Retrying { at };
                self.due.insert((at, name));
            }
            None => {
                execution.status = Status::Failed {
                    error: error.to_owned(),
                };
                execution.ended_at = Some(now);
            }
        }
        about
    }

    /// StopExecution. False when it is not running.
    pub fn stop(&mut self, name: &str, now: Timestamp) -> bool {
        let Some(execution) = self.executions.get_mut(name).filter(|e| e.is_running()) else {
            return false;
        };
        let status = std::mem::replace(
            &mut execution.status,
            Status::Failed {
                error: "Stopped".to_owned(),
            },
        );
        execution.ended_at = Some(now);
        match status {
            Status::Sleeping {
                token, deadline, ..
            } => {
                self.due.remove(&(deadline.at(), name.to_owned()));
                if let Some(token) = self.tokens.get_mut(&token) {
                    token.alive = false;
                }
            }
            Status::Retrying { at } => {
                self.due.remove(&(at, name.to_owned()));
            }
            Status::Succeeded | Status::Failed { .. } => {}
        }
        true
    }

    /// RedriveExecution: enters the state that failed. False when it has not failed.
    pub fn redrive(&mut self, name: &str, now: Timestamp) -> bool {
        let Some(execution) = self.executions.get_mut(name) else {
            return false;
        };
        if !matches!(execution.status, Status::Failed { .. }) {
            return false;
        }
        execution.redrives += 1;
        let state = execution.state.clone();
        self.enter(name, &state, false, now);
        true
    }

    /// When the next retry or timeout is due.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Lets due retries and timeouts happen, and returns the executions that timed out.
    pub fn advance(&mut self, now: Timestamp) -> Vec<String> {
        let mut timed_out = Vec::new();
        while let Some((at, name)) = self.due.first().cloned() {
            if at > now {
                break;
            }
            self.due.pop_first();
            match self
                .executions
                .get(&name)
                .map(|e| (e.status.clone(), e.state.clone()))
            {
                Some((Status::Retrying { .. }, state)) => self.enter(&name, &state, true, now),
                Some((
                    Status::Sleeping {
                        token, deadline, ..
                    },
                    _,
                )) => {
                    self.fail(&token, deadline.error(), now);
                    self.timed_out += 1;
                    timed_out.push(name);
                }
                _ => {}
            }
        }
        timed_out
    }
}
