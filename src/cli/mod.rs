//! The operator's commands.

mod arguments;
mod asked;
mod catalog;
mod confirmed;
mod deploy;
mod destroy;
mod destroy_arguments;
mod doctor;
mod drain;
mod drain_arguments;
mod drill;
mod emit;
mod examples;
mod follow;
mod format;
mod freeze;
mod groups;
mod hold;
mod not_found;
mod outcome;
mod pace;
mod parse;
mod plan;
mod plan_text;
mod plan_words;
mod planning_arguments;
mod policy;
mod prune;
mod prune_request;
mod redrive;
mod replay;
mod replay_words;
mod report;
mod restore;
mod retention_arguments;
mod shell;
mod show;
mod stack;
mod start;
mod start_arguments;
mod state_machine;
mod status;
mod status_arguments;
mod stop;
mod terminal;
mod time_argument;
mod trace;
mod trace_arguments;
mod unfinished;
mod waits;

use std::io::{ErrorKind, Write};
use std::process::ExitCode;

use clap::CommandFactory;
use serde_json::json;

use crate::app::deploy::DeployError;
use crate::logging::{self, LogLevel};
use crate::settings::SettingsError;

pub use arguments::Arguments;
pub use catalog::{show_configuration, show_difference};
pub use deploy::{Acts, Manner, run_deploy};
pub use destroy::{DestroyManner, Target, run_destroy};
pub use doctor::run_doctor;
pub use drain::run_drain;
pub use drill::{DrillAction, clean_up, drill, drill_progress, write_drills};
pub use freeze::run_freeze;
pub use hold::{HoldAction, run_hold};
pub use outcome::{CliError, Ended};
pub use parse::{asks_for_json, parse};
pub use plan::{Only, show_plan};
pub use policy::{File, Form, PointList, run_apply, run_history, run_keeps, run_show};
pub use prune::{ShownRecoveryPoints, show_prune};
pub use prune_request::request_prune;
pub use redrive::run_redrive;
pub use replay::run_replay;
pub use report::make_report;
pub use restore::{
    RestoreAction, TemplateLanguage, restore_progress, show_restore, write_closing,
    write_json_closing,
};
pub use start::{StartRequest, run_start};
pub use status::{Selected, show_status};
pub use stop::run_stop;
pub use trace::{TraceForm, show_trace};
pub use waits::list_waits;

use arguments::{Action, variables};
use asked::Place;

/// The exit code if something that the command should do failed.
const FAILED: u8 = 1;
/// The exit code if the command line or the settings cannot be used. Clap uses the same number.
const USAGE: u8 = 2;
/// What it exits with when AWS could not be asked: a monitor must not take that for trouble with a database.
const UNREAD: u8 = 3;
/// What it exits with when a person interrupts it: a shell's number for SIGINT.
const INTERRUPTED: u8 = 130;

/// How much is logged to the error output. Errors only, unless `SNAPFERRY_LOG` asks for more: the answer already says
/// what went wrong.
///
/// # Errors
/// If the variable is not a logging filter.
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

/// From now on answers are written as the arguments and the terminal say.
pub fn write_as_asked(arguments: &Arguments) {
    arguments.stack.format.apply();
}

/// Carries the command out, and writes its answer to `out`.
///
/// # Errors
/// If the command could not begin, or its answer could not be written.
pub async fn execute(
    arguments: Arguments,
    environment: Vec<(String, String)>,
    out: &mut impl Write,
) -> Result<Ended, CliError> {
    if !arguments.action.asks_aws() {
        return carry_out(&arguments, environment, out).await;
    }
    let place = place(&arguments, &environment);
    place.check_profile().await?;
    let environment = stack::with_outputs(&arguments.stack, environment).await;
    let environment = environment.map_err(|error| error.at(place))?;
    let place = self::place(&arguments, &environment);
    let ended = carry_out(&arguments, environment, out).await;
    ended.map_err(|error| error.at(place))
}

fn place(arguments: &Arguments, environment: &[(String, String)]) -> Place {
    let stack = &arguments.stack;
    let said = variables(environment.to_vec(), stack.flags());
    Place::of(&said, stack.profile.as_deref())
}

async fn carry_out(
    arguments: &Arguments,
    environment: Vec<(String, String)>,
    out: &mut impl Write,
) -> Result<Ended, CliError> {
    match &arguments.action {
        Action::Catalog(options) => {
            catalog::execute(&arguments.stack, &options.action, environment, out).await
        }
        Action::Completions(options) => {
            shell::write_completions(options, Arguments::command(), out)
        }
        Action::Deploy(options) => {
            place(arguments, &environment).check_profile().await?;
            deploy::execute(&arguments.stack, options, out).await
        }
        Action::Destroy(options) => {
            place(arguments, &environment).check_profile().await?;
            destroy::execute(&arguments.stack, options, environment, out).await
        }
        Action::Doctor(options) => {
            doctor::execute(&arguments.stack, options, environment, out).await
        }
        Action::Man(options) => shell::write_man_pages(options, Arguments::command()),
        Action::Plan(options) => plan::execute(&arguments.stack, options, environment, out).await,
        Action::Policy(options) => {
            policy::execute(&arguments.stack, &options.action, environment, out).await
        }
        Action::Freeze(options) => {
            let freeze = Some((options.why.as_str(), options.and_drills));
            freeze::execute(&arguments.stack, freeze, options.yes, environment, out).await
        }
        Action::Hold(options) => {
            let (id, action) = (&options.id, HoldAction::Hold(&options.why));
            hold::execute(&arguments.stack, id, action, options.yes, environment, out).await
        }
        Action::Release(options) => {
            let (id, action) = (&options.id, HoldAction::Release);
            hold::execute(&arguments.stack, id, action, options.yes, environment, out).await
        }
        Action::Thaw(options) => {
            freeze::execute(&arguments.stack, None, options.yes, environment, out).await
        }
        Action::Prune(options) if options.yes => {
            prune_request::execute(&arguments.stack, options, environment, out).await
        }
        Action::Prune(options) => prune::execute(&arguments.stack, options, environment, out).await,
        Action::Redrive(options) => {
            redrive::execute(&arguments.stack, options, environment, out).await
        }
        Action::Replay(options) => {
            replay::execute(&arguments.stack, &options.action, environment, out).await
        }
        Action::Report(options) => {
            report::execute(&arguments.stack, options, environment, out).await
        }
        Action::Restore(options) => {
            restore::execute(&arguments.stack, options, environment, out).await
        }
        Action::Drill(options) => {
            let drilled = drill::execute(&arguments.stack, options, environment, out);
            Box::pin(drilled).await
        }
        Action::Start(options) => start::execute(&arguments.stack, options, environment, out).await,
        Action::Status(options) => {
            status::execute(&arguments.stack, options, environment, out).await
        }
        Action::Drain(options) => drain::execute(&arguments.stack, options, environment, out).await,
        Action::Stop(options) => stop::execute(&arguments.stack, options, environment, out).await,
        Action::Trace(options) => trace::execute(&arguments.stack, options, environment, out).await,
        Action::Waits => waits::execute(&arguments.stack, environment, out).await,
    }
}

/// Writes an error as JSON, for a program that asked for JSON. Its reader needs no other answer.
pub fn write_error(what: &str, out: &mut impl Write) {
    // If this fails too, the error output still has it.
    let _ = show::write_json(out, &json!({ "error": what }));
}

/// The exit code of the process. Writes what went wrong to `err`.
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
            error @ (CliError::Settings(_)
            | CliError::File { .. }
            | CliError::FileWrite { .. }
            | CliError::Argument { .. }
            | CliError::Deploy(DeployError::Refused(_))
            | CliError::Profile(_)),
        ) => (USAGE, error),
        Err(
            error @ (CliError::Port(_)
            | CliError::Rds(_)
            | CliError::Deploy(DeployError::Port(_))
            | CliError::Asked { .. }),
        ) => (UNREAD, error),
        Err(error) => (FAILED, error),
    };
    // If this fails too, there is no output left to report it to.
    let _ = writeln!(err, "snapferry: {error}");
    ExitCode::from(code)
}
