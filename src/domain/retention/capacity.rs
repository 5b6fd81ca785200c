//! How long a region's quota of manual snapshots lasts.

/// How many whole days it lasts at the pace at which snapshots were made, if nothing is removed. `None` if none was
/// made.
#[must_use]
pub fn days_to_full(used: i64, max: i64, made: usize, in_days: i64) -> Option<i64> {
    let made = i64::try_from(made).ok().filter(|made| *made > 0)?;
    let free = max.saturating_sub(used).max(0);
    Some(free.saturating_mul(in_days) / made)
}
