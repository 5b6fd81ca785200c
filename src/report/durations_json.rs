//! How long a database's snapshots and copies took, in JSON.

use serde::Serialize;

use crate::domain::operator::durations::Durations;
use crate::domain::retention::history::StepTimes;

/// How long a database's snapshots and copies took. What the history does not know is null.
#[derive(Debug, Serialize)]
pub(super) struct DurationsJson {
    snapshot: Option<StepTimesJson>,
    copy: Option<StepTimesJson>,
}

#[derive(Debug, Serialize)]
struct StepTimesJson {
    usual_seconds: i64,
    longest_seconds: i64,
    /// Of how many recovery points it is known.
    known: usize,
}

impl From<StepTimes> for StepTimesJson {
    fn from(took: StepTimes) -> Self {
        Self {
            usual_seconds: took.usual.as_secs(),
            longest_seconds: took.longest.as_secs(),
            known: took.known,
        }
    }
}

impl From<Durations> for DurationsJson {
    fn from(durations: Durations) -> Self {
        Self {
            snapshot: durations.snapshot.map(StepTimesJson::from),
            copy: durations.copy.map(StepTimesJson::from),
        }
    }
}
