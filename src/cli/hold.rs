//! `snapferry hold` and `snapferry release`: a person keeps a recovery point, whatever the rules say.

use std::io::Write;

use super::arguments::{StackArguments, variables};
use super::outcome::{CliError, Ended};
use super::retention_arguments::{HoldArguments, ReleaseArguments};
use super::show::database;
use crate::aws::{Aws, Examines, for_operators, patient};
use crate::domain::id::arn::{Family, Region};
use crate::domain::id::names::SnapshotId;
use crate::domain::id::tags::{HOLD, StackId, is_tag_value};
use crate::domain::rds::snapshot::Snapshot;
use crate::domain::retention::inventory::{Origin, Ownership, ownership};
use crate::ports::{DescribeSnapshots, HoldSnapshots};
use crate::settings::Stack;

/// What is done with a recovery point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HoldAction<'a> {
    /// It is held, for this reason.
    Hold(&'a str),
    /// It is released.
    Release,
}

pub(super) async fn execute_hold(
    arguments: &StackArguments,
    options: &HoldArguments,
    environment: Vec<(String, String)>,
    out: &mut impl Write,
) -> Result<Ended, CliError> {
    let action = HoldAction::Hold(&options.why);
    execute(
        arguments,
        &options.id,
        action,
        options.yes,
        environment,
        out,
    )
    .await
}

pub(super) async fn execute_release(
    arguments: &StackArguments,
    options: &ReleaseArguments,
    environment: Vec<(String, String)>,
    out: &mut impl Write,
) -> Result<Ended, CliError> {
    let action = HoldAction::Release;
    execute(
        arguments,
        &options.id,
        action,
        options.yes,
        environment,
        out,
    )
    .await
}

async fn execute(
    arguments: &StackArguments,
    id: &str,
    action: HoldAction<'_>,
    acts: bool,
    environment: Vec<(String, String)>,
    out: &mut impl Write,
) -> Result<Ended, CliError> {
    let stack = Stack::from_variables(variables(environment, arguments.flags()))?;
    let sdk = for_operators(&stack.home, arguments.profile.as_deref()).await;
    let aws = Aws::new(patient(sdk), stack.table.clone(), Examines);
    let of = (&stack.rules.stack, &stack.home);
    run_hold(&aws, of, id, action, acts, out).await
}

/// Shows the recovery point, and holds or releases it if it is to act.
///
/// # Errors
/// When there is no such recovery point of this stack, RDS refuses, or the answer cannot be written.
pub async fn run_hold<W: DescribeSnapshots + HoldSnapshots>(
    world: &W,
    (stack, home): (&StackId, &Region),
    id: &str,
    action: HoldAction<'_>,
    acts: bool,
    out: &mut impl Write,
) -> Result<Ended, CliError> {
    if let HoldAction::Hold(why) = action
        && (why.trim().is_empty() || why.eq_ignore_ascii_case("false") || !is_tag_value(why))
    {
        return Err(CliError::Argument {
            name: "--why",
            what: "RDS stores the reason as a tag: letters, digits, spaces and _ . : / = + - @, and not the word \
                   false"
                .to_owned(),
        });
    }
    let (snapshot, origin) = find(world, stack, home, id).await?;
    writeln!(out, "{}", snapshot.arn)?;
    writeln!(out, "database  {}", database(&origin.database.arn))?;
    writeln!(out, "policy    {}", origin.policy)?;
    match snapshot.tags.get(HOLD) {
        Some(why) => writeln!(out, "held      {why}")?,
        None => writeln!(out, "held      no")?,
    }
    if !acts {
        writeln!(out, "\nNothing was changed. Add --yes to act.")?;
        return Ok(Ended::Well);
    }
    match action {
        HoldAction::Hold(why) => {
            let held = world.hold_snapshot(&snapshot.arn, why).await;
            held.map_err(CliError::Rds)?;
            writeln!(out, "\nheld: nothing of Snapferry removes it.")?;
        }
        HoldAction::Release => {
            let released = world.release_snapshot(&snapshot.arn).await;
            released.map_err(CliError::Rds)?;
            writeln!(out, "\nreleased: the rules of its policy decide about it.")?;
        }
    }
    Ok(Ended::Well)
}

/// The recovery point of this identifier or ARN, in whichever family it is.
async fn find<W: DescribeSnapshots>(
    world: &W,
    stack: &StackId,
    home: &Region,
    id: &str,
) -> Result<(Snapshot, Origin), CliError> {
    let name = id.rsplit_once(':').map_or(id, |(_, name)| name);
    let wrong = |what: String| CliError::Argument { name: "ID", what };
    let asked = SnapshotId::parse(name).map_err(|error| wrong(error.to_string()))?;
    for family in Family::ALL {
        let found = world.describe_snapshots(home, family, std::slice::from_ref(&asked));
        for snapshot in found.await.map_err(CliError::Rds)? {
            let is_meant = id == name || snapshot.arn.to_string() == id;
            if let (true, Ownership::Ours(origin)) = (is_meant, ownership(&snapshot, stack)) {
                return Ok((snapshot, *origin));
            }
        }
    }
    Err(wrong(format!(
        "{id} is no recovery point of this stack in {home}"
    )))
}
