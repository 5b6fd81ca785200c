//! `snapferry freeze` and `snapferry thaw`: a person stops all removal, and lets it go on.

use std::io::Write;

use serde_json::json;

use super::arguments::{StackArguments, variables};
use super::outcome::{CliError, Ended};
use super::show::write_json;
use crate::aws::{Aws, for_operators};
use crate::domain::retention::round::Freeze;
use crate::ports::{CallerIdentity, Clock, ReadFreeze, SetFreeze};
use crate::settings::Stack;

/// With a reason removal is frozen, that of drills too if it says so. Without one it is thawed.
pub(super) async fn execute(
    arguments: &StackArguments,
    why: Option<(&str, bool)>,
    acts: bool,
    environment: Vec<(String, String)>,
    out: &mut impl Write,
) -> Result<Ended, CliError> {
    let stack = Stack::from_variables(variables(environment, arguments.flags()))?;
    let sdk = for_operators(&stack.home, arguments.profile.as_deref()).await;
    let aws = Aws::new(sdk, stack.table.clone(), ());
    run_freeze(&aws, why, acts, arguments.format.is_json(), out).await
}

/// Shows whether removal is frozen. If it is to act, freezes it for this reason, or thaws it without one.
///
/// # Errors
/// When the table cannot be read or written, or the answer cannot be written.
pub async fn run_freeze<W: CallerIdentity + Clock + ReadFreeze + SetFreeze>(
    world: &W,
    why: Option<(&str, bool)>,
    acts: bool,
    json: bool,
    out: &mut impl Write,
) -> Result<Ended, CliError> {
    let before = world.freeze().await?;
    let mut now = before.clone();
    if acts {
        now = match why {
            Some((why, and_drills)) => {
                let freeze = Freeze {
                    why: why.to_owned(),
                    by: world.caller_identity().await?,
                    at: world.now(),
                    and_drills,
                };
                world.set_freeze(&freeze).await?;
                Some(freeze)
            }
            None => {
                world.thaw().await?;
                None
            }
        };
    }
    if json {
        let frozen = now.map(
            |it| json!({ "why": it.why, "by": it.by, "since": it.at, "and_drills": it.and_drills }),
        );
        write_json(out, &json!({ "frozen": frozen, "changed": acts }))?;
        return Ok(Ended::Well);
    }
    match before {
        None => writeln!(out, "removal is not frozen")?,
        Some(freeze) => writeln!(
            out,
            "removal is frozen since {} by {}: {}{}",
            freeze.at,
            freeze.by,
            freeze.why,
            if freeze.and_drills {
                " (that of drills too)"
            } else {
                ""
            }
        )?,
    }
    let what = match why {
        _ if !acts => "Nothing was changed. Add --yes to act.",
        Some((_, true)) => {
            "frozen: the pruner removes nothing, and neither is what drills made. New recovery points are made all the \
             same, so watch the quota (snapferry prune)."
        }
        Some((_, false)) => {
            "frozen: the pruner removes nothing. What drills made is removed all the same, unless --and-drills says \
             otherwise. New recovery points are made, so watch the quota (snapferry prune)."
        }
        None => "thawed: the next round goes on, by its bounds.",
    };
    writeln!(out, "\n{what}")?;
    Ok(Ended::Well)
}
