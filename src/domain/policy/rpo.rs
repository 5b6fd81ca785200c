//! How old a database's newest recovery point may be.

use jiff::{SignedDuration, Timestamp};

use super::in_force::Policy;
use super::spec::Source;

/// RDS takes automated snapshots once a day.
const AUTOMATED_PERIOD: SignedDuration = SignedDuration::from_hours(24);

/// How old the data of a database's newest recovery point may be: what its policy says, or else twice the longest time
/// between two due times.
#[must_use]
pub fn rpo(policy: &Policy, now: Timestamp) -> SignedDuration {
    if let Some(rpo) = policy.options.rpo {
        return rpo.duration();
    }
    let gap = policy.schedule.longest_gap(now);
    let period = match policy.options.source {
        Source::Snapshot => gap,
        Source::Automated => gap.max(AUTOMATED_PERIOD),
    };
    period.saturating_mul(2)
}
