//! The loops that Snapferry is compared with, each as its source describes it.
//!
//! What all of them are given, so that only the waiting is compared:
//! - one snapshot and one copy for each database, asked for by the database's own name, though some of them
//!   make a second copy, ask for tags too, or hop through a third region;
//! - the requests for snapshots come ten a second, below RDS's rate limit;
//! - a look at RDS counts as noticed at the moment it is made, without a reaction time;
//! - boto3's four retries when RDS throttles, as they come;
//! - functions that take [`LOOK`] and [`RDS_CALL`] for each call: the least that DRACO publishes of its own
//!   (200 to 800 ms a poll).
//!
//! [`LOOK`]: self::LOOK
//! [`RDS_CALL`]: super::cloud::RDS_CALL

mod cron;
mod event_then_wait;
mod sleeper;
mod step_loop;

use jiff::{SignedDuration, Timestamp};

use super::cloud::later;

pub(super) use cron::{CRON_EVERY_30_MINUTES, CRON_WITH_RETRY_300, Cron};
pub(super) use event_then_wait::EventThenWait;
pub(super) use sleeper::Sleeper;
pub(super) use step_loop::{RERUN_60, StepLoop, WAIT_300_PATIENT};

/// How long a function takes in addition to its RDS calls. An assumption, the same for all loops.
const LOOK: SignedDuration = SignedDuration::from_millis(100);
/// From one database's request for a snapshot to the next one's.
const PACE: SignedDuration = SignedDuration::from_millis(100);

/// When a database's snapshot is asked for.
fn turn_of(begin: Timestamp, database: usize) -> Timestamp {
    let n = i32::try_from(database).unwrap_or(i32::MAX);
    later(begin, PACE.saturating_mul(n))
}
