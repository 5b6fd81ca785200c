//! `snapferry restore --yes`: carries restores out and follows them.

use std::io::Write;
use std::time::Duration;

use super::closing::{write_closing, write_json_closing};
use crate::app::carry_out_all::{FollowedRestore, Pause, Permissions, Stage, carry_out_restores};
use crate::app::restore::{RestoreError, RestoreOf, RestorePlans};
use crate::cli::outcome::{CliError, Ended};
use crate::cli::pace;
use crate::cli::show::database;
use crate::cli::unfinished::Unfinished;
use crate::domain::restore::compare::lacks_backups;

impl From<RestoreError> for CliError {
    fn from(error: RestoreError) -> Self {
        match error {
            RestoreError::Port(error) => Self::Port(error),
            RestoreError::Rds(error) => Self::Rds(error),
        }
    }
}

/// The line that says how far a restore has come.
#[must_use]
pub fn restore_progress(one: &FollowedRestore) -> String {
    let stage = match one.stage {
        Stage::Running if lacks_backups(&one.plan, &one.seen) => " (running, NO BACKUPS YET)",
        Stage::Running => " (running)",
        Stage::Restoring | Stage::Done | Stage::Stopped => "",
    };
    format!("{}{stage}: {}", database(&one.plan.database), one.says)
}

const UNFINISHED: &str =
    "Not all is restored. Run the same command again: it goes on where it was.";

/// Carries the restores out and writes the closing page.
///
/// # Errors
/// When AWS does not answer, or the page cannot be written. The restores go on when the command is run again.
pub(super) async fn restore_and_close<W: Permissions>(
    world: &W,
    of: RestoreOf<'_>,
    plans: RestorePlans,
    look_every: Duration,
    json: bool,
    out: &mut impl Write,
) -> Result<Ended, CliError> {
    let left_out = plans.left_out.len();
    let unfinished = Unfinished::saying(UNFINISHED);
    let pause = async |pause: Pause| pace::wait(pause, look_every).await;
    let shown = |one: &FollowedRestore| eprintln!("{}", restore_progress(one));
    let all = carry_out_restores(world, of, plans, pause, shown).await?;
    unfinished.finish();
    match json {
        true => write_json_closing(out, &all)?,
        false => write_closing(out, &all)?,
    }
    let is_well = left_out == 0 && all.iter().all(|one| one.stage == Stage::Done);
    Ok(if is_well && !all.is_empty() {
        Ended::Well
    } else {
        Ended::Badly
    })
}
