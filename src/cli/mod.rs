//! The operator's commands.

mod arguments;
mod doctor;
mod outcome;
mod plan;
mod policy;
mod prune;
mod redrive;
mod replay;
mod show;
mod start;
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
pub use policy::{File, Form, PointList, run_apply, run_history, run_keeps, run_show};
pub use prune::{ShownRecoveryPoints, show_prune};
pub use redrive::run_redrive;
pub use replay::run_replay;
pub use start::run_plan;
pub use waits::list_waits;

use arguments::Action;

/// What the process exits with when something that it was told to do did not succeed.
const FAILED: u8 = 1;
/// What it exits with when it was told in a way that it cannot act on. Clap's own number for usage.
const USAGE: u8 = 2;

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
    match &arguments.action {
        Action::Doctor(options) => {
            doctor::execute(&arguments.stack, options, environment, out).await
        }
        Action::Plan(options) => plan::execute(&arguments.stack, options, environment, out).await,
        Action::Policy(options) => {
            policy::execute(&arguments.stack, &options.action, environment, out).await
        }
        Action::Prune(options) => prune::execute(&arguments.stack, options, environment, out).await,
        Action::Redrive(options) => {
            redrive::execute(&arguments.stack, options, environment, out).await
        }
        Action::Replay(options) => {
            replay::execute(&arguments.stack, &options.action, environment, out).await
        }
        Action::Start(options) => start::execute(&arguments.stack, options, environment, out).await,
        Action::Waits(options) => waits::execute(&arguments.stack, options, environment, out).await,
    }
}

/// What the process exits with; what went wrong goes to `err`.
pub fn exit_code(ended: Result<Ended, CliError>, err: &mut impl Write) -> ExitCode {
    let (code, error) = match ended {
        Ok(Ended::Well) => return ExitCode::SUCCESS,
        Ok(Ended::Badly) => return ExitCode::from(FAILED),
        // The reader (`head`, a pager) has seen enough.
        Err(CliError::Write(error)) if error.kind() == ErrorKind::BrokenPipe => {
            return ExitCode::SUCCESS;
        }
        Err(
            error @ (CliError::Settings(_) | CliError::File { .. } | CliError::Argument { .. }),
        ) => (USAGE, error),
        Err(error) => (FAILED, error),
    };
    // Nowhere is left to say that this could not be said.
    let _ = writeln!(err, "snapferry: {error}");
    ExitCode::from(code)
}
