//! How long a function waits for RDS.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::faults::SettingsError;

const READ: &str = "SNAPFERRY_RDS_READ_SECONDS";
const CHANGE: &str = "SNAPFERRY_RDS_CHANGE_SECONDS";
/// What the variables may say. A function lives for a quarter of an hour at most.
const SECONDS: RangeInclusive<u64> = 1..=300;
/// What a read's second try may cost beyond its own limit, for the pause before it.
const PAUSE: Duration = Duration::from_secs(1);
/// How much longer a change may be tried again after an answer that came early.
const AGAIN: Duration = Duration::from_secs(1);

/// How long a function waits for one try of a call to RDS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RdsDeadlines {
    read: Duration,
    change: Duration,
}

impl Default for RdsDeadlines {
    fn default() -> Self {
        Self {
            read: Duration::from_secs(10),
            change: Duration::from_secs(25),
        }
    }
}

impl RdsDeadlines {
    /// Reads the function's variables.
    ///
    /// # Errors
    /// If one is no number of seconds.
    pub fn read(pairs: &BTreeMap<String, String>) -> Result<Self, SettingsError> {
        let usual = Self::default();
        let seconds = |name: &str, usual: Duration| match pairs.get(name).map(String::as_str) {
            None | Some("") => Ok(usual),
            Some(text) => match text.parse() {
                Ok(seconds) if SECONDS.contains(&seconds) => Ok(Duration::from_secs(seconds)),
                _ => Err(SettingsError::one(format!(
                    "{name}: {text:?} is not a number from {} to {}",
                    SECONDS.start(),
                    SECONDS.end()
                ))),
            },
        };
        Ok(Self {
            read: seconds(READ, usual.read)?,
            change: seconds(CHANGE, usual.change)?,
        })
    }

    /// One try of a read, and the whole call with its second try.
    #[must_use]
    pub fn of_reads(self) -> (Duration, Duration) {
        (self.read, 2 * self.read + PAUSE)
    }

    /// One try of a change, and the whole call. What comes early is tried again; a second try after the first one's time is
    /// over has little time left, for RDS has most likely begun.
    #[must_use]
    pub fn of_changes(self) -> (Duration, Duration) {
        (self.change, self.change + AGAIN)
    }
}
