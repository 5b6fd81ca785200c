//! The operator's commands.

mod arguments;
mod doctor;
mod format;
mod outcome;
mod plan;
mod policy;
mod redrive;
mod replay;
mod report;
mod show;
mod stack;
mod start;
mod status;
mod status_json;
mod time_argument;
mod waits;

use std::io::{ErrorKind, Write};
use std::process::ExitCode;

use crate::logging::{self, LogLevel};
use crate::settings::SettingsError;

pub use arguments::{Arguments, parse};
pub use doctor::run_doctor;
pub use outcome::{CliError, Ended};
pub use plan::{Only, show_plan};
pub use policy::{File, Form, run_apply, run_history, run_show};
pub use redrive::run_redrive;
pub use replay::run_replay;
pub use report::make_report;
pub use start::run_plan;
pub use status::{Selected, show_status};
pub use waits::list_waits;

use arguments::Action;

/// What the process exits with when something that it was told to do did not succeed.
const FAILED: u8 = 1;
/// What it exits with when it was told in a way that it cannot act on. Clap's own number for usage.
const USAGE: u8 = 2;
/// What it exits with when AWS could not be asked: a monitor must not take that for trouble with a database.
const UNREAD: u8 = 3;
/// What it exits with when a person interrupts it: a shell's number for SIGINT.
const INTERRUPTED: u8 = 130;

/// How much is logged to the error output: errors alone unless `SNAPFERRY_LOG` says otherwise, for what went
/// wrong is in the answer.
///
/// # Errors
/// When the variable says nothing about logging.
pub fn log_level(environment: &[(String, String)]) -> Result<LogLevel, CliError> {
    let set = environment
        .iter()
        .find(|(name, value)| name == logging::VARIABLE && !value.is_empty());
    match set {
        Some((_, text)) => LogLevel::parse(text).map_err(|error| {
            CliError::Settings(SettingsError::one(format!(
                "{}: {error}",
                logging::VARIABLE
            )))
        }),
        None => Ok(LogLevel::errors()),
    }
}

/// Carries the command out; its answer goes to `out`.
///
/// # Errors
/// When it could not be begun, or its answer not be given.
pub async fn execute(
    arguments: Arguments,
    environment: Vec<(String, String)>,
    out: &mut impl Write,
) -> Result<Ended, CliError> {
    let environment = stack::with_outputs(&arguments.stack, environment).await?;
    match &arguments.action {
        Action::Doctor(options) => {
            doctor::execute(&arguments.stack, options, environment, out).await
        }
        Action::Plan(options) => plan::execute(&arguments.stack, options, environment, out).await,
        Action::Policy(options) => {
            policy::execute(&arguments.stack, &options.action, environment, out).await
        }
        Action::Redrive(options) => {
            redrive::execute(&arguments.stack, options, environment, out).await
        }
        Action::Replay(options) => {
            replay::execute(&arguments.stack, &options.action, environment, out).await
        }
        Action::Report(options) => {
            report::execute(&arguments.stack, options, environment, out).await
        }
        Action::Start(options) => start::execute(&arguments.stack, options, environment, out).await,
        Action::Status(options) => {
            status::execute(&arguments.stack, options, environment, out).await
        }
        Action::Waits(options) => waits::execute(&arguments.stack, options, environment, out).await,
    }
}

/// What the process exits with; what went wrong goes to `err`.
pub fn exit_code(ended: Result<Ended, CliError>, err: &mut impl Write) -> ExitCode {
    let (code, error) = match ended {
        Ok(Ended::Well) => return ExitCode::SUCCESS,
        Ok(Ended::Badly) => return ExitCode::from(FAILED),
        Ok(Ended::Unread) => return ExitCode::from(UNREAD),
        Ok(Ended::Interrupted) => return ExitCode::from(INTERRUPTED),
        // The reader (`head`, a pager) has seen enough.
        Err(CliError::Write(error)) if error.kind() == ErrorKind::BrokenPipe => {
            return ExitCode::SUCCESS;
        }
        Err(
            error @ (CliError::Settings(_) | CliError::File { .. } | CliError::FileWrite { .. }),
        ) => (USAGE, error),
        Err(error @ CliError::Port(_)) => (UNREAD, error),
        Err(error) => (FAILED, error),
    };
    // Nowhere is left to say that this could not be said.
    let _ = writeln!(err, "snapferry: {error}");
    ExitCode::from(code)
}
