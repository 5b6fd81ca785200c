//! The messages of the commands queue: the state machine sends them, and the sweeper sends them again.

use serde::{Deserialize, Serialize};

use super::run::RunJson;
use super::{JsonError, SCHEMA, object, secret_part};
use crate::domain::id::arn::ExecutionArn;
use crate::domain::id::token::TaskToken;
use crate::domain::run::command::{Command, Step};

const WHAT: &str = "a command of the state machine (schema, step, token, execution, retry, input)";

// No Debug: it holds the token.
#[derive(Serialize, Deserialize)]
struct CommandJson {
    schema: u32,
    step: StepJson,
    token: String,
    execution: String,
    #[serde(default)]
    retry: u32,
    #[serde(default, skip_serializing_if = "is_zero")]
    tries: u32,
    input: RunJson,
}

fn is_zero(tries: &u32) -> bool {
    *tries == 0
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum StepJson {
    Snapshot,
    Copy,
}

/// Writes a command, including its token.
#[must_use]
pub fn write(command: &Command) -> String {
    write_again(command, 0)
}

/// Writes a command of which RDS has throttled this many messages, including its token.
#[must_use]
pub fn write_again(command: &Command, tries: u32) -> String {
    let step = match command.step {
        Step::Snapshot => StepJson::Snapshot,
        Step::Copy => StepJson::Copy,
    };
    serde_json::json!(CommandJson {
        schema: SCHEMA,
        step,
        token: command.token.reveal().to_owned(),
        execution: command.execution.to_string(),
        retry: command.retry,
        tries,
        input: RunJson::of(&command.run),
    })
    .to_string()
}

/// Reads a command. The error says what was expected and quotes nothing.
///
/// # Errors
/// If the text is not a command.
pub fn read(body: &str) -> Result<Command, JsonError> {
    read_with_tries(body).map(|(command, _)| command)
}

/// Reads a command, and how many of its messages RDS has throttled.
///
/// # Errors
/// If the text is not a command.
pub fn read_with_tries(body: &str) -> Result<(Command, u32), JsonError> {
    let json: CommandJson = object(WHAT, body)?;
    JsonError::schema("a command", json.schema)?;
    let command = Command {
        step: match json.step {
            StepJson::Snapshot => Step::Snapshot,
            StepJson::Copy => Step::Copy,
        },
        token: secret_part("token", "a command", TaskToken::parse(&json.token))?,
        execution: secret_part(
            "execution",
            "a command",
            ExecutionArn::parse(&json.execution),
        )?,
        retry: json.retry,
        run: json.input.into_run()?,
    };
    Ok((command, json.tries))
}
