//! How long the snapshots and the copies of a database took, by its history of due times.

use jiff::SignedDuration;

use crate::domain::retention::history::{History, StepTimes};

/// How long the snapshots and the copies of a database took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Durations {
    /// From the time of the data until the snapshot was finished. `None` too if RDS takes the snapshots by itself.
    pub snapshot: Option<StepTimes>,
    /// From the beginning of the copy until it was settled.
    pub copy: Option<StepTimes>,
}

impl Durations {
    /// What the history says.
    #[must_use]
    pub fn of(history: &History) -> Self {
        Self {
            snapshot: history.took(|made| made.snapshot_took),
            copy: history.took(|made| made.copy_took),
        }
    }

    /// For people: `snapshot usually 3 min, at most 5 min; copy usually 12 min, at most 40 min`. `None` if the history
    /// knows neither.
    #[must_use]
    pub fn sentence(&self) -> Option<String> {
        let parts = [("snapshot", self.snapshot), ("copy", self.copy)];
        let parts = parts
            .into_iter()
            .filter_map(|(what, took)| Some(format!("{what} {}", in_words(took?))));
        let parts: Vec<String> = parts.collect();
        (!parts.is_empty()).then(|| parts.join("; "))
    }
}

fn in_words(took: StepTimes) -> String {
    let usual = rounded(took.usual, SECONDS / 2);
    match took.known {
        1 => format!("once {usual}"),
        // Rounded up, so that none took longer than the page says.
        _ => format!(
            "usually {usual}, at most {}",
            rounded(took.longest, SECONDS - 1)
        ),
    }
}

/// The seconds of a minute.
const SECONDS: u64 = 60;

/// Whole seconds below a minute, else whole minutes after so many seconds were added.
fn rounded(took: SignedDuration, added: u64) -> String {
    let seconds = took.as_secs().max(0).unsigned_abs();
    if seconds < SECONDS {
        return format!("{seconds} s");
    }
    let minutes = (seconds + added) / SECONDS;
    match (minutes / 60, minutes % 60) {
        (0, minutes) => format!("{minutes} min"),
        (hours, 0) => format!("{hours} h"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}
