//! How long functions, and a person's quick commands, wait for AWS.
//!
//! A person waits five seconds for a call; `deploy`, the doctor and the commands that list snapshots have longer limits of
//! their own. A function has longer for RDS: pages of 100 rows with their tags, and copies
//! of encrypted snapshots between regions, take many seconds to be answered. docs/SCALE.md has the same table.

use std::time::Duration;

use aws_config::timeout::TimeoutConfig;

use crate::settings::RdsDeadlines;

/// The limit for connecting: DNS, TCP and TLS together, to another continent too.
const CONNECT: Duration = Duration::from_secs(3);
/// The limit for one try of any other call, connecting included. A frozen sandbox wakes up with dead connections, and this
/// leaves time for a try on a new one.
const ATTEMPT: Duration = Duration::from_secs(3);
/// The limit for such a call with its second try. What does not answer costs no more than this.
const CALL: Duration = Duration::from_secs(5);

/// The limits of every call but a function's calls to RDS.
pub(super) fn usual() -> TimeoutConfig {
    limits(ATTEMPT, CALL)
}

/// The limits of a function's call to RDS.
pub(super) fn of_rds(deadlines: RdsDeadlines, purpose: Purpose) -> TimeoutConfig {
    let (attempt, call) = match purpose {
        Purpose::Read => deadlines.of_reads(),
        Purpose::Change => deadlines.of_changes(),
    };
    limits(attempt, call)
}

/// What a call to RDS is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Purpose {
    /// It describes.
    Read,
    /// It takes, copies, tags or deletes a snapshot.
    Change,
}

fn limits(attempt: Duration, call: Duration) -> TimeoutConfig {
    TimeoutConfig::builder()
        .operation_timeout(call)
        .operation_attempt_timeout(attempt)
        .connect_timeout(CONNECT)
        .build()
}
