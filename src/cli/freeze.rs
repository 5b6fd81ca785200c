//! `snapferry freeze` and `snapferry thaw`: a person stops all removal, and lets it go on.

use std::io::Write;

use super::arguments::{StackArguments, variables};
use super::outcome::{CliError, Ended};
use super::retention_arguments::{FreezeArguments, ThawArguments};
use crate::aws::{Aws, for_operators};
use crate::domain::retention::round::Freeze;
use crate::ports::{CallerIdentity, Clock, ReadFreeze, SetFreeze};
use crate::settings::Stack;

pub(super) async fn execute_freeze(
    arguments: &StackArguments,
    options: &FreezeArguments,
    environment: Vec<(String, String)>,
    out: &mut impl Write,
) -> Result<Ended, CliError> {
    let aws = reach(arguments, environment).await?;
    run_freeze(&aws, Some(&options.why), options.yes, out).await
}

pub(super) async fn execute_thaw(
    arguments: &StackArguments,
    options: &ThawArguments,
    environment: Vec<(String, String)>,
    out: &mut impl Write,
) -> Result<Ended, CliError> {
    let aws = reach(arguments, environment).await?;
    run_freeze(&aws, None, options.yes, out).await
}

async fn reach(
    arguments: &StackArguments,
    environment: Vec<(String, String)>,
) -> Result<Aws, CliError> {
    let stack = Stack::from_variables(variables(environment, arguments.flags()))?;
    let sdk = for_operators(&stack.home, arguments.profile.as_deref()).await;
    Ok(Aws::new(sdk, stack.table.clone(), ()))
}

/// Shows whether removal is frozen. If it is to act, freezes it for this reason, or thaws it without one.
///
/// # Errors
/// When the table cannot be read or written, or the answer cannot be written.
pub async fn run_freeze<W: CallerIdentity + Clock + ReadFreeze + SetFreeze>(
    world: &W,
    why: Option<&str>,
    acts: bool,
    out: &mut impl Write,
) -> Result<Ended, CliError> {
    match world.freeze().await? {
        None => writeln!(out, "removal is not frozen")?,
        Some(freeze) => writeln!(
            out,
            "removal is frozen since {} by {}: {}",
            freeze.at, freeze.by, freeze.why
        )?,
    }
    if !acts {
        writeln!(out, "\nNothing was changed. Add --yes to act.")?;
        return Ok(Ended::Well);
    }
    match why {
        Some(why) => {
            let freeze = Freeze {
                why: why.to_owned(),
                by: world.caller_identity().await?,
                at: world.now(),
            };
            world.set_freeze(&freeze).await?;
            writeln!(
                out,
                "\nfrozen: the pruner removes nothing. New recovery points are made all the same, so watch the quota \
                 (snapferry prune)."
            )?;
        }
        None => {
            world.thaw().await?;
            writeln!(out, "\nthawed: the next round goes on, by its bounds.")?;
        }
    }
    Ok(Ended::Well)
}
