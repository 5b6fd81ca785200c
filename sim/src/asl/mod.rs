//! A reader for the part of the Amazon States Language that the state machine uses.
//!
//! It reads the deployed definition, so that the simulation always runs what is deployed. It refuses everything that it
//! does not know, because an ignored field could change what the definition means.

mod choice;

use std::collections::BTreeMap;

use jiff::SignedDuration;
use serde::Deserialize;
use serde_json::{Map, Value};
use thiserror::Error;

use choice::{Choice, ChoiceJson};

/// The ending of every resource that this reader knows.
const SEND_AND_SLEEP: &str = ":states:::sqs:sendMessage.waitForTaskToken";

/// Why a definition cannot be read.
#[derive(Debug, Error)]
pub enum AslError {
    /// It is not JSON, or has fields that this reader does not know.
    #[error("not a definition in the subset that this reader knows")]
    Shape(#[from] serde_json::Error),
    /// A state has something that this reader does not support.
    #[error("{state}: {fault}")]
    State {
        /// The state.
        state: String,
        /// What is wrong with it.
        fault: String,
    },
}

/// A state machine of tasks, each of which sends a message and sleeps on its token. It may begin with a choice.
#[derive(Debug, Clone)]
pub struct StateMachine {
    start: Start,
    /// The tasks by name.
    pub states: BTreeMap<String, Task>,
}

/// Where an execution begins.
#[derive(Debug, Clone)]
enum Start {
    /// At this task.
    Task(String),
    /// At a choice between tasks.
    Choice(Choice),
}

/// A state that sends a message and sleeps on its token.
#[derive(Debug, Clone)]
pub struct Task {
    /// The message, with its paths.
    message: Value,
    /// How long it sleeps.
    pub timeout: SignedDuration,
    /// How long it sleeps without a heartbeat, if that is bounded.
    pub heartbeat: Option<SignedDuration>,
    /// The field of the state's input that its result is put into.
    pub result_field: String,
    /// Its retries, in order.
    pub retry: Vec<Retrier>,
    /// The next state. Without one the execution ends.
    pub next: Option<String>,
}

/// One entry of a state's `Retry`.
#[derive(Debug, Clone)]
pub struct Retrier {
    /// The errors that it matches, literally.
    pub errors: Vec<String>,
    /// The first delay.
    pub interval: SignedDuration,
    /// The factor by which the delay grows.
    pub backoff_rate: f64,
    /// The longest delay.
    pub max_delay: Option<SignedDuration>,
    /// How many retries it allows.
    pub max_attempts: u32,
}

impl Retrier {
    /// The delay before the next retry, after this many retries of this entry.
    #[must_use]
    pub fn delay(&self, retries: u32) -> SignedDuration {
        let growth = self
            .backoff_rate
            .powi(i32::try_from(retries).unwrap_or(i32::MAX));
        let delay = SignedDuration::try_from_secs_f64(self.interval.as_secs_f64() * growth);
        let delay = delay.unwrap_or(SignedDuration::MAX);
        self.max_delay.map_or(delay, |most| delay.min(most))
    }
}

/// The context object when a state is entered.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// `$$.Task.Token`
    pub token: &'a str,
    /// `$$.Execution.Id`
    pub execution: &'a str,
    /// `$$.Execution.Input`
    pub input: &'a Value,
    /// `$$.State.RetryCount`
    pub retry_count: u32,
}

const CONTEXT_PATHS: [&str; 4] = [
    "$$.Task.Token",
    "$$.Execution.Id",
    "$$.Execution.Input",
    "$$.State.RetryCount",
];

impl Context<'_> {
    fn get(&self, path: &str) -> Value {
        match path {
            "$$.Task.Token" => self.token.into(),
            "$$.Execution.Id" => self.execution.into(),
            "$$.Execution.Input" => self.input.clone(),
            "$$.State.RetryCount" => self.retry_count.into(),
            // Every path was checked when the definition was read.
            _ => Value::Null,
        }
    }
}

impl Task {
    /// The message that the state sends when it is entered.
    #[must_use]
    pub fn message(&self, context: Context<'_>) -> Value {
        fill(&self.message, context)
    }
}

fn fill(template: &Value, context: Context<'_>) -> Value {
    let Value::Object(fields) = template else {
        return template.clone();
    };
    let filled = fields
        .iter()
        .map(|(key, value)| match (key.strip_suffix(".$"), value) {
            (Some(key), Value::String(path)) => (key.to_owned(), context.get(path)),
            _ => (key.clone(), fill(value, context)),
        });
    Value::Object(filled.collect())
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct MachineJson {
    #[serde(rename = "Comment")]
    _comment: Option<String>,
    start_at: String,
    states: BTreeMap<String, StateJson>,
}

/// A state, by its type. The subset has no other types.
#[derive(Deserialize)]
#[serde(tag = "Type")]
enum StateJson {
    Task(TaskJson),
    Choice(ChoiceJson),
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct TaskJson {
    #[serde(rename = "Comment")]
    _comment: Option<String>,
    resource: String,
    parameters: ParametersJson,
    timeout_seconds: u32,
    heartbeat_seconds: Option<u32>,
    result_path: String,
    #[serde(default)]
    retry: Vec<RetrierJson>,
    next: Option<String>,
    end: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct ParametersJson {
    #[serde(rename = "QueueUrl")]
    _queue_url: String,
    message_body: Map<String, Value>,
}

/// The defaults are those of the language.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct RetrierJson {
    #[serde(rename = "Comment")]
    _comment: Option<String>,
    error_equals: Vec<String>,
    #[serde(default = "one")]
    interval_seconds: u32,
    #[serde(default = "two")]
    backoff_rate: f64,
    max_delay_seconds: Option<u32>,
    #[serde(default = "three")]
    max_attempts: u32,
}

fn one() -> u32 {
    1
}

fn two() -> f64 {
    2.0
}

fn three() -> u32 {
    3
}

impl StateMachine {
    /// Reads a definition.
    ///
    /// # Errors
    /// If it has something that this reader does not know, or leads to a state that does not exist.
    pub fn read(definition: &str) -> Result<Self, AslError> {
        let json: MachineJson = serde_json::from_str(definition)?;
        let mut states = BTreeMap::new();
        let mut choices = BTreeMap::new();
        for (name, state) in json.states {
            match state {
                StateJson::Task(state) => {
                    let task = task(&name, state)?;
                    states.insert(name, task);
                }
                StateJson::Choice(state) => {
                    let choice = choice::read(&name, state)?;
                    choices.insert(name, choice);
                }
            }
        }
        let known = |of: &str, name: &str| {
            if states.contains_key(name) {
                Ok(())
            } else {
                Err(fault(of, format!("leads to {name}, which is no task")))
            }
        };
        for (name, task) in &states {
            if let Some(next) = &task.next {
                known(name, next)?;
            }
        }
        let start = match choices.remove(&json.start_at) {
            Some(choice) => {
                for next in choice.leads_to() {
                    known(&json.start_at, next)?;
                }
                Start::Choice(choice)
            }
            None => {
                known("StartAt", &json.start_at)?;
                Start::Task(json.start_at)
            }
        };
        if let Some(name) = choices.keys().next() {
            return Err(fault(name, "a choice is read only at the start".to_owned()));
        }
        Ok(Self { start, states })
    }

    /// The task that an execution of this input enters first.
    #[must_use]
    pub fn first(&self, input: &Value) -> &str {
        match &self.start {
            Start::Task(name) => name,
            Start::Choice(choice) => choice.next(input),
        }
    }
}

fn task(name: &str, state: TaskJson) -> Result<Task, AslError> {
    let refuse = |text: String| Err(fault(name, text));
    if !state.resource.ends_with(SEND_AND_SLEEP) {
        return refuse(format!("its resource does not end with {SEND_AND_SLEEP}"));
    }
    if state.next.is_some() == (state.end == Some(true)) {
        return refuse("it must either end or have a next state".to_owned());
    }
    let Some(field) = state
        .result_path
        .strip_prefix("$.")
        .filter(|field| is_field(field))
    else {
        return refuse(format!(
            "its result path {} is not one field",
            state.result_path
        ));
    };
    if state
        .heartbeat_seconds
        .is_some_and(|heartbeat| heartbeat >= state.timeout_seconds)
    {
        return refuse("its heartbeat is not shorter than its timeout".to_owned());
    }
    let message = Value::Object(state.parameters.message_body);
    let mut paths = Vec::new();
    check_paths(name, &message, &mut paths)?;
    if !paths.iter().any(|path| path == "$$.Task.Token") {
        return refuse("its message does not carry the token".to_owned());
    }
    let retry: Result<Vec<Retrier>, AslError> = state
        .retry
        .into_iter()
        .map(|retrier| read_retrier(name, retrier))
        .collect();
    Ok(Task {
        message,
        timeout: SignedDuration::from_secs(state.timeout_seconds.into()),
        heartbeat: state
            .heartbeat_seconds
            .map(|seconds| SignedDuration::from_secs(seconds.into())),
        result_field: field.to_owned(),
        retry: retry?,
        next: state.next,
    })
}

fn read_retrier(state: &str, json: RetrierJson) -> Result<Retrier, AslError> {
    // Names with a special meaning would need rules of their own.
    if let Some(own) = json
        .error_equals
        .iter()
        .find(|error| error.starts_with("States."))
    {
        return Err(fault(
            state,
            format!("retries on {own}, which is not read here"),
        ));
    }
    if json.backoff_rate < 1.0 {
        return Err(fault(state, "a back-off rate below 1".to_owned()));
    }
    let seconds = |seconds: u32| SignedDuration::from_secs(seconds.into());
    Ok(Retrier {
        errors: json.error_equals,
        interval: seconds(json.interval_seconds),
        backoff_rate: json.backoff_rate,
        max_delay: json.max_delay_seconds.map(seconds),
        max_attempts: json.max_attempts,
    })
}

fn check_paths(state: &str, template: &Value, paths: &mut Vec<String>) -> Result<(), AslError> {
    let Value::Object(fields) = template else {
        return if template.is_array() {
            Err(fault(
                state,
                "an array in the message is not read here".to_owned(),
            ))
        } else {
            Ok(())
        };
    };
    for (key, value) in fields {
        match (key.ends_with(".$"), value) {
            (true, Value::String(path)) if CONTEXT_PATHS.contains(&path.as_str()) => {
                paths.push(path.clone());
            }
            (true, other) => {
                return Err(fault(state, format!("the path {other} is not read here")));
            }
            (false, value) => check_paths(state, value, paths)?,
        }
    }
    Ok(())
}

fn is_field(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

fn fault(state: &str, fault: String) -> AslError {
    AslError::State {
        state: state.to_owned(),
        fault,
    }
}
