//! `snapferry start --wait`: follows what it has started.

use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use serde::Serialize;

use super::outcome::{CliError, Ended};
use super::show::database;
use crate::app::follow::{Followed, Permissions, Progress, look};

/// How often it looks. One look reads the table's open waits and describes the executions that have none.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Says that the executions go on, if the command ends before them: a person interrupted it, or a call failed.
struct Unfinished {
    left: usize,
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if self.left > 0 {
            eprintln!(
                "{} executions go on without this command; see snapferry status",
                self.left
            );
        }
    }
}

/// The live lines: one for each execution on a terminal. Elsewhere a line for each change.
struct Lines {
    bars: Vec<ProgressBar>,
}

impl Lines {
    fn new(followed: &[Followed]) -> Self {
        let all = MultiProgress::new();
        let style = ProgressStyle::with_template("{spinner} {prefix}: {wide_msg}")
            .unwrap_or_else(|_| ProgressStyle::default_spinner());
        let bars = followed.iter().map(|one| {
            let bar = all.add(ProgressBar::new_spinner().with_style(style.clone()));
            bar.set_prefix(database(&one.database));
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        Self {
            bars: bars.collect(),
        }
    }

    fn show(&self, before: &[Progress], followed: &[Followed]) {
        for ((bar, before), one) in self.bars.iter().zip(before).zip(followed) {
            let says = one.progress.to_string();
            if bar.is_hidden() && *before != one.progress {
                eprintln!("{}: {says}", database(&one.database));
            }
            match one.progress.is_over() {
                true if !bar.is_finished() => bar.finish_with_message(says),
                true => {}
                false => bar.set_message(says),
            }
        }
    }
}

/// Follows executions until all have ended.
///
/// # Errors
/// If the table or Step Functions cannot be read.
pub(super) async fn follow<W: Permissions>(
    world: &W,
    followed: &mut [Followed],
) -> Result<Ended, CliError> {
    let lines = Lines::new(followed);
    let mut unfinished = Unfinished {
        left: followed.len(),
    };
    loop {
        let before: Vec<Progress> = followed.iter().map(|one| one.progress.clone()).collect();
        let all_over = look(world, followed).await?;
        lines.show(&before, followed);
        unfinished.left = followed
            .iter()
            .filter(|one| !one.progress.is_over())
            .count();
        if all_over {
            break;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    let is_made = |one: &Followed| one.progress == Progress::Succeeded;
    Ok(match followed.iter().all(is_made) {
        true => Ended::Well,
        false => Ended::Badly,
    })
}

#[derive(Serialize)]
pub(super) struct FollowedJson {
    database: String,
    execution: String,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl FollowedJson {
    pub(super) fn of(followed: &Followed) -> Self {
        let reason = match &followed.progress {
            Progress::Failed(why) | Progress::Parked(why) => Some(why.clone()),
            Progress::Started | Progress::Waits(_) | Progress::Succeeded => None,
        };
        Self {
            database: followed.database.to_string(),
            execution: followed.execution.to_string(),
            outcome: followed.progress.as_str(),
            reason,
        }
    }
}
