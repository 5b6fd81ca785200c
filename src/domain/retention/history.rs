//! The history of a database under a policy: the outcome of each of its last due times.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::entered::Entered;
use super::inventory::Group;
use crate::domain::rds::snapshot::Snapshot;

/// How many due times a history holds.
pub const DUE_TIMES: usize = 40;

/// How long after its due time a recovery point's data may be taken without being late.
pub const LATE_AFTER: SignedDuration = SignedDuration::from_hours(6);

/// How many characters of a reason a history keeps, so that it stays small.
pub const WHY_MAX: usize = 32;

/// The outcome of the last due times.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    /// Each of them by its time, in whole seconds.
    pub due: BTreeMap<Timestamp, DueOutcome>,
    /// Whether what is stored holds more than this version can read. Such a history is not written over.
    pub holds_more: bool,
}

/// The histories that there are.
pub type Histories = BTreeMap<Group, History>;

/// The outcome of one due time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DueOutcome {
    /// A good recovery point.
    Made(MadePoint),
    /// None, hours after the due time.
    Missed,
    /// None so far: RDS took no snapshot of the database in its status.
    NotNow,
}

/// A recovery point that was made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MadePoint {
    /// When its data was taken.
    pub taken_at: Option<Timestamp>,
    /// How long after that the snapshot was finished. `None` if RDS took it by itself.
    pub snapshot_took: Option<SignedDuration>,
    /// How long the copy took from its beginning until it was settled.
    pub copy_took: Option<SignedDuration>,
    /// When it went.
    pub removed: Option<RemovedPoint>,
}

/// How long something of the recovery points took at the last due times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepTimes {
    /// The median.
    pub usual: SignedDuration,
    /// The longest.
    pub longest: SignedDuration,
    /// Of how many recovery points it is known.
    pub known: usize,
}

/// A recovery point that is not there any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemovedPoint {
    /// When that was seen, or when the pruner asked RDS to delete it.
    pub at: Timestamp,
    /// Why the pruner removed it. `None` if somebody else did, or if the reason is not known.
    pub why: Option<String>,
}

/// The same time in whole seconds, as histories hold it.
#[must_use]
pub fn in_seconds(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

impl MadePoint {
    /// By what RDS shows of a copy, and by what was entered when its wait was settled.
    #[must_use]
    pub fn of(copy: &Snapshot, taken_at: Option<Timestamp>, entered: Option<&Entered>) -> Self {
        let between = |from: Option<Timestamp>, to: Option<Timestamp>| {
            let seconds = to?.as_second() - from?.as_second();
            (seconds >= 0).then(|| SignedDuration::from_secs(seconds))
        };
        let copied = entered.map(|entered| entered.at);
        Self {
            taken_at: taken_at.map(in_seconds),
            snapshot_took: between(taken_at, entered.and_then(|one| one.snapshot_done_at)),
            copy_took: between(copy.created_at, copied),
            removed: None,
        }
    }
}

/// A reason as a history keeps it: as many whole words as fit, and a sign that there were more.
fn shortened(why: &str) -> String {
    const MORE: &str = "…";
    if why.chars().count() <= WHY_MAX {
        return why.to_owned();
    }
    // The sign takes the place of one character.
    let kept: String = why.chars().take(WHY_MAX - 1).collect();
    let is_whole = why[kept.len()..].starts_with(' ');
    let words = match kept.rsplit_once(' ') {
        Some((words, _)) if !is_whole => words,
        _ => kept.as_str(),
    };
    format!("{}{MORE}", words.trim_end_matches([' ', ',', ';']))
}

/// What one round of the pruner sees of a database under a policy.
#[derive(Debug, Default)]
pub struct Seen {
    /// Each planned time that RDS shows a snapshot of, with the good one, if there is one.
    pub shown: BTreeMap<Timestamp, Option<MadePoint>>,
    /// The due times whose time to be made ran out since the round before.
    pub ran_out: Vec<Timestamp>,
    /// The due time that waits until RDS takes a snapshot of the database again.
    pub not_now: Option<Timestamp>,
    /// What the round asked RDS to delete, with the reason.
    pub removed: BTreeMap<Timestamp, String>,
}

impl History {
    /// Of these planned times those that it is to hold and does not know as made: only of them more must be read.
    #[must_use]
    pub fn unknown<'a>(
        &'a self,
        good: impl IntoIterator<Item = &'a Timestamp>,
    ) -> Vec<&'a Timestamp> {
        let mut times: BTreeMap<&Timestamp, bool> =
            self.due.keys().map(|due| (due, false)).collect();
        times.extend(good.into_iter().map(|due| (due, true)));
        let last = times.into_iter().rev().take(DUE_TIMES);
        let is_made = |due: &Timestamp| matches!(self.due.get(due), Some(DueOutcome::Made(_)));
        last.filter(|(due, is_good)| *is_good && !is_made(due))
            .map(|(due, _)| due)
            .collect()
    }

    /// The history after a round. What RDS shows outweighs what was noted before.
    #[must_use]
    pub fn after(&self, seen: &Seen, now: Timestamp) -> Self {
        let mut due = self.due.clone();
        for (at, outcome) in &mut due {
            let DueOutcome::Made(made) = outcome else {
                continue;
            };
            match seen.shown.get(at) {
                Some(Some(_)) => made.removed = None,
                // RDS may still be deleting it.
                Some(None) => {}
                None if made.removed.is_none() => {
                    made.removed = Some(RemovedPoint {
                        at: in_seconds(now),
                        why: None,
                    });
                }
                None => {}
            }
        }
        for (at, made) in &seen.shown {
            let Some(made) = made else {
                continue;
            };
            if !matches!(due.get(at), Some(DueOutcome::Made(_))) {
                due.insert(*at, DueOutcome::Made(made.clone()));
            }
        }
        for (at, why) in &seen.removed {
            if let Some(DueOutcome::Made(made)) = due.get_mut(at) {
                made.removed = Some(RemovedPoint {
                    at: in_seconds(now),
                    why: Some(shortened(why)),
                });
            }
        }
        if let Some(at) = seen.not_now {
            due.entry(at).or_insert(DueOutcome::NotNow);
        }
        for at in &seen.ran_out {
            due.entry(*at).or_insert(DueOutcome::Missed);
        }
        while due.len() > DUE_TIMES {
            due.pop_first();
        }
        Self {
            due,
            holds_more: self.holds_more,
        }
    }

    /// How long something of a recovery point took, of those where that is known.
    #[must_use]
    pub fn took(&self, took: impl Fn(&MadePoint) -> Option<SignedDuration>) -> Option<StepTimes> {
        let made = self.due.values().filter_map(|outcome| match outcome {
            DueOutcome::Made(made) => took(made),
            DueOutcome::Missed | DueOutcome::NotNow => None,
        });
        let mut all: Vec<SignedDuration> = made.collect();
        all.sort_unstable();
        Some(StepTimes {
            usual: *all.get(all.len() / 2)?,
            longest: *all.last()?,
            known: all.len(),
        })
    }

    /// How long something of a recovery point usually takes: the median of those whose duration is known.
    #[must_use]
    pub fn usual(
        &self,
        took: impl Fn(&MadePoint) -> Option<SignedDuration>,
    ) -> Option<SignedDuration> {
        self.took(took).map(|took| took.usual)
    }

    /// How many of them were missed.
    #[must_use]
    pub fn missed(&self) -> usize {
        let outcomes = self.due.values();
        outcomes
            .filter(|outcome| matches!(outcome, DueOutcome::Missed))
            .count()
    }

    /// What is known of the due time that lasts from `at` until `next`. A recovery point that was made outweighs all else.
    #[must_use]
    pub fn of(&self, at: Timestamp, next: Timestamp) -> Option<&DueOutcome> {
        let mut within = self.due.range(at..next.max(at)).map(|(_, outcome)| outcome);
        let made = within.find(|outcome| matches!(outcome, DueOutcome::Made(_)));
        made.or_else(|| self.due.get(&at))
    }
}
