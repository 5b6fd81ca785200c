//! The last due times of a database, and what there is of each.

use std::fmt::Write as _;

use jiff::{SignedDuration, Timestamp};

use crate::domain::policy::in_force::Policy;
use crate::domain::policy::spec::Source;
use crate::domain::policy::spread::later;
use crate::domain::retention::history::{DueOutcome, History, LATE_AFTER, MadePoint, in_seconds};

/// How many due times a strip shows.
pub const STRIP: usize = 30;

/// What there is of one due time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mark {
    /// A recovery point in time.
    Made,
    /// A recovery point whose data was taken hours after the due time.
    Late,
    /// It was due, and none was made. Only the history of due times says so.
    Missed,
    /// It was due, none was made, and RDS took no snapshot of the database in its status. Only the history says so.
    NotNow,
    /// It was made, and removed as the policy says. Only the history of due times says so.
    Pruned,
    /// RDS lists none now: it was removed by somebody else, or nothing says whether it was made.
    Absent,
    /// It lies before the oldest recovery point that RDS lists, so nothing says whether there ever was one.
    Before,
    /// It is still in time.
    Pending,
    /// The recovery points could not be listed.
    Unread,
}

impl Mark {
    /// Every mark.
    pub const ALL: [Self; 9] = [
        Self::Made,
        Self::Late,
        Self::Missed,
        Self::NotNow,
        Self::Pruned,
        Self::Absent,
        Self::Before,
        Self::Pending,
        Self::Unread,
    ];

    /// The word in JSON and in the page.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Made => "made",
            Self::Late => "late",
            Self::Missed => "missed",
            Self::NotNow => "not-now",
            Self::Pruned => "pruned",
            Self::Absent => "absent",
            Self::Before => "before",
            Self::Pending => "pending",
            Self::Unread => "unread",
        }
    }

    /// What it means, for a legend.
    #[must_use]
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Made => "a recovery point, in time",
            Self::Late => "a recovery point, hours late",
            Self::Missed => "missed",
            Self::NotNow => "none: RDS took no snapshot of it then",
            Self::Pruned => "made, and removed by the policy",
            Self::Absent => "none now: missed, or removed since",
            Self::Before => "before the oldest recovery point",
            Self::Pending => "still in time",
            Self::Unread => "could not be read",
        }
    }

    /// Draws it into the cell that begins at `x`, 8 wide and 14 high. Each mark has a shape of its own, so that no
    /// colour is needed to tell them apart.
    fn draw(self, path: &mut String, x: usize) {
        let right = x + 8;
        // Writing to a string cannot fail.
        let _ = match self {
            Self::Made => write!(path, "M{x} 0h8v14h-8z"),
            Self::Late => write!(path, "M{x} 7h8v7h-8z"),
            Self::Missed => write!(path, "M{x} 2l8 10M{right} 2l-8 10"),
            Self::NotNow => write!(path, "M{x} 2h2v10h-2zM{} 2h2v10h-2z", x + 6),
            Self::Pruned => write!(path, "M{x} 6h8v2h-8z"),
            Self::Absent => write!(path, "M{x} 1h8v12h-8z"),
            Self::Before => write!(path, "M{} 6h2v2h-2z", x + 3),
            Self::Pending => write!(path, "M{x} 12h8v2h-8z"),
            Self::Unread => write!(path, "M{x} 14l8 -14"),
        };
    }
}

/// One due time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// When it was due.
    pub at: Timestamp,
    /// What there is of it.
    pub mark: Mark,
    /// What the history says of the recovery point that was made.
    pub made: Option<MadePoint>,
}

/// The last due times of a policy, the oldest first. RDS takes automated snapshots once a day, whenever the policy looks
/// for them: there each day is one.
#[must_use]
pub fn due_times(policy: &Policy, now: Timestamp) -> Vec<Timestamp> {
    match policy.options.source {
        Source::Snapshot => policy.schedule.last(STRIP, now),
        Source::Automated => {
            let days = (0..STRIP).rev().filter_map(|back| {
                let back = i64::try_from(back).ok()?;
                now.checked_sub(SignedDuration::from_hours(24 * (back + 1)))
                    .ok()
            });
            days.collect()
        }
    }
}

/// Says what there is of each due time by the recovery points that RDS lists now, and by the history of due times where
/// RDS lists none. `taken` is when the data of each was taken, in seconds, in any order; `None` if they could not be
/// listed. A recovery point counts from the database's own time, which is `own` after each due time.
#[must_use]
pub fn strip(
    due_times: &[Timestamp],
    own: SignedDuration,
    taken: Option<&[i64]>,
    history: &History,
    now: Timestamp,
) -> Vec<Due> {
    let taken = taken.map(|taken| {
        let mut taken = taken.to_vec();
        taken.sort_unstable();
        taken
    });
    let dues = due_times.iter().enumerate().map(|(index, at)| {
        let next = due_times.get(index + 1).copied().unwrap_or(Timestamp::MAX);
        let mark = match &taken {
            None => Mark::Unread,
            Some(taken) => mark_of(taken, later(*at, own), later(next, own), now),
        };
        let outcome = history.of(in_seconds(*at), next);
        Due {
            at: *at,
            mark: by_history(mark, outcome),
            made: outcome.and_then(|outcome| match outcome {
                DueOutcome::Made(made) => Some(made.clone()),
                DueOutcome::Missed | DueOutcome::NotNow => None,
            }),
        }
    });
    dues.collect()
}

/// What the listed recovery points say of the due time from `at` until `next`. They are sorted.
fn mark_of(taken: &[i64], at: Timestamp, next: Timestamp, now: Timestamp) -> Mark {
    let from = taken.partition_point(|seconds| *seconds < at.as_second());
    let first = taken
        .get(from)
        .filter(|seconds| **seconds < next.as_second());
    let allowance = LATE_AFTER.as_secs();
    match first {
        Some(seconds) if seconds - at.as_second() <= allowance => Mark::Made,
        Some(_) => Mark::Late,
        None if now.as_second() - at.as_second() <= allowance => Mark::Pending,
        None if taken.first().is_none_or(|oldest| at.as_second() < *oldest) => Mark::Before,
        None => Mark::Absent,
    }
}

/// What RDS lists now outweighs the history: that may be an hour old.
fn by_history(mark: Mark, outcome: Option<&DueOutcome>) -> Mark {
    match (mark, outcome) {
        (Mark::Absent | Mark::Before | Mark::Pending, Some(DueOutcome::NotNow)) => Mark::NotNow,
        (Mark::Absent | Mark::Before, Some(DueOutcome::Missed)) => Mark::Missed,
        (Mark::Absent | Mark::Before, Some(DueOutcome::Made(made))) => match &made.removed {
            Some(removed) if removed.why.is_some() => Mark::Pruned,
            _ => Mark::Absent,
        },
        (mark, _) => mark,
    }
}

/// The strip as SVG paths, one for each mark that occurs.
#[must_use]
pub fn paths(strip: &[Due]) -> Vec<(Mark, String)> {
    let of = |mark: Mark| {
        let mut path = String::new();
        for (index, due) in strip.iter().enumerate() {
            if due.mark == mark {
                mark.draw(&mut path, index * 10);
            }
        }
        (!path.is_empty()).then_some((mark, path))
    };
    Mark::ALL.into_iter().filter_map(of).collect()
}

/// The strip in a sentence, for those who cannot see it.
#[must_use]
pub fn describe(strip: &[Due]) -> String {
    let made = strip
        .iter()
        .filter(|due| matches!(due.mark, Mark::Made | Mark::Late))
        .count();
    let mut text = format!(
        "{made} of the last {} due times have a recovery point",
        strip.len()
    );
    for mark in [
        Mark::Late,
        Mark::Missed,
        Mark::NotNow,
        Mark::Pruned,
        Mark::Absent,
        Mark::Before,
        Mark::Pending,
        Mark::Unread,
    ] {
        let number = strip.iter().filter(|due| due.mark == mark).count();
        if number > 0 {
            let _ = write!(text, "; {number} {}", mark.as_str());
        }
    }
    text
}
