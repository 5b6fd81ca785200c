//! How the drills of a database stand, for status and report.

use std::fmt;

use jiff::{SignedDuration, Timestamp};

use super::choose::due_at;
use super::options::{DrillOptions, Level};
use super::record::{Drills, Verdict};

/// How the drills of a database stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DrillState {
    /// None came to a result at the level of the policy yet.
    Never {
        /// Whether one is under way.
        is_open: bool,
    },
    /// The last one came to a result.
    Last {
        /// When.
        at: Timestamp,
        /// Why it failed. Nothing if it passed.
        failed: Option<String>,
        /// The highest level that it proved, and how long that took.
        reached: Option<(Level, SignedDuration)>,
        /// Whether another one is due.
        is_due: bool,
    },
}

impl DrillState {
    /// How they stand. Nothing if the policy says nothing of drills.
    #[must_use]
    pub fn of(options: Option<&DrillOptions>, drills: &Drills, now: Timestamp) -> Option<Self> {
        let options = options?;
        let (Some(last), Some(at)) = (drills.last(options.level), drills.last_at(options.level))
        else {
            let is_open = drills.open().is_some();
            return Some(Self::Never { is_open });
        };
        let failed = match &last.verdict {
            Some(Verdict::Failed(why)) => Some(why.join("; ")),
            _ => None,
        };
        Some(Self::Last {
            at,
            failed,
            reached: last.measured().pop(),
            is_due: due_at(options, Some(at)).is_some_and(|due| due <= now),
        })
    }

    /// Its word.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Never { is_open: true } => "under-way",
            Self::Never { is_open: false } => "never",
            Self::Last { failed: None, .. } => "passed",
            Self::Last { .. } => "failed",
        }
    }

    /// Whether its last drill failed.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        matches!(
            self,
            Self::Last {
                failed: Some(_),
                ..
            }
        )
    }
}

impl fmt::Display for DrillState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Never { is_open: true } => f.write_str("its first drill is under way"),
            Self::Never { is_open: false } => {
                f.write_str("it was never drilled to the level of its policy")
            }
            Self::Last {
                at,
                failed,
                reached,
                is_due,
            } => {
                match failed {
                    None => write!(f, "its last drill passed at {at}")?,
                    Some(why) => write!(f, "its last drill FAILED at {at}: {why}")?,
                }
                if let Some((level, took)) = reached {
                    write!(f, " ({level} after {} s)", took.as_secs())?;
                }
                if *is_due {
                    f.write_str(", and the next one is due")?;
                }
                Ok(())
            }
        }
    }
}
