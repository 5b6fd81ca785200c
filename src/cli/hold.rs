//! `snapferry hold` and `snapferry release`: a person keeps a recovery point, regardless of the rules.

use std::io::Write;

use serde::Serialize;

use super::arguments::{StackArguments, variables};
use super::outcome::{CliError, Ended};
use super::show::{database, write_json};
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

pub(super) async fn execute(
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
    let json = arguments.format.is_json();
    run_hold(&aws, of, id, action, acts, json, out).await
}

/// Holds or releases the recovery point if it is to act, and shows it.
///
/// # Errors
/// When there is no such recovery point of this stack, RDS refuses, or the answer cannot be written.
pub async fn run_hold<W: DescribeSnapshots + HoldSnapshots>(
    world: &W,
    (stack, home): (&StackId, &Region),
    id: &str,
    action: HoldAction<'_>,
    acts: bool,
    json: bool,
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
    let before = snapshot.tags.get(HOLD).map(String::as_str);
    let mut held = before;
    if acts {
        let done = match action {
            HoldAction::Hold(why) => {
                held = Some(why);
                world.hold_snapshot(&snapshot.arn, why).await
            }
            HoldAction::Release => {
                held = None;
                world.release_snapshot(&snapshot.arn).await
            }
        };
        done.map_err(CliError::Rds)?;
    }
    if json {
        let answer = HoldJson {
            recovery_point: snapshot.arn.to_string(),
            database: origin.database.arn.to_string(),
            policy: origin.policy.to_string(),
            held,
            changed: acts,
        };
        write_json(out, &answer)?;
        return Ok(Ended::Well);
    }
    writeln!(out, "{}", snapshot.arn)?;
    writeln!(out, "database  {}", database(&origin.database.arn))?;
    writeln!(out, "policy    {}", origin.policy)?;
    writeln!(out, "held      {}", before.unwrap_or("no"))?;
    let what = match action {
        _ if !acts => "Nothing was changed. Add --yes to act.",
        HoldAction::Hold(_) => "held: nothing of Snapferry removes it.",
        HoldAction::Release => "released: the rules of its policy decide about it.",
    };
    writeln!(out, "\n{what}")?;
    Ok(Ended::Well)
}

#[derive(Serialize)]
struct HoldJson<'a> {
    recovery_point: String,
    database: String,
    policy: String,
    /// The reason for which it is held now.
    held: Option<&'a str>,
    changed: bool,
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
