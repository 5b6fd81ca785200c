//! Room: for manual snapshots, and for copies in flight.

use super::{Check, Finding, Level};
use crate::domain::arn::Region;

/// Copies in flight that RDS allows for an account in a destination region (user guide, copying a snapshot).
pub const COPIES_IN_FLIGHT: usize = 20;
/// How many rounds must fit for nobody to be warned.
const ROUNDS: i64 = 7;

/// How many manual snapshots a region has, and may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// There are this many.
    pub used: i64,
    /// There may be this many.
    pub max: i64,
}

/// Whether the next round fits, at one manual snapshot in this region for each database; `databases` is nothing
/// where it is not known how many there are.
#[must_use]
pub fn snapshot_quota(region: &Region, quota: Option<Quota>, databases: Option<usize>) -> Finding {
    const CHECK: Check = Check::SnapshotQuota;
    const REMEDY: &str = "remove manual snapshots that nobody needs, or have the quota raised (Service Quotas, Manual DB instance snapshots)";
    let Some(Quota { used, max }) = quota else {
        return Finding::bad(
            CHECK,
            region,
            Level::Unknown,
            "not known: RDS does not report the quota of manual snapshots",
            "look it up in Service Quotas (Manual DB instance snapshots)",
        );
    };
    let room = max.saturating_sub(used).max(0);
    let Some(databases) = databases else {
        let what = format!("{used} of {max} manual snapshots, there is room for {room}");
        return if room == 0 {
            Finding::bad(CHECK, region, Level::Failure, what, REMEDY)
        } else {
            let what = format!("{what}; not known: how many a round makes");
            let remedy = "see why the databases could not be listed";
            Finding::bad(CHECK, region, Level::Unknown, what, remedy)
        };
    };
    let round = i64::try_from(databases).unwrap_or(i64::MAX);
    let what = format!(
        "{used} of {max} manual snapshots; a round makes {databases}, there is room for {room}"
    );
    if room < round || room == 0 {
        Finding::bad(CHECK, region, Level::Failure, what, REMEDY)
    } else if room < round.saturating_mul(ROUNDS) {
        Finding::bad(CHECK, region, Level::Warning, what, REMEDY)
    } else {
        Finding::ok(CHECK, region, what)
    }
}

/// What is known of copies in flight into the recovery region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copies {
    /// How many the stack makes at once.
    pub slots: usize,
    /// How many of those places are taken.
    pub taken: usize,
    /// How many copies wait for a place.
    pub queued: usize,
    /// Copies in flight that are not this stack's; nothing if RDS did not say.
    pub of_others: Option<usize>,
}

/// Whether the stack's copies fit beside the others'. Nothing fails by it: what RDS refuses is queued.
#[must_use]
pub fn copy_slots(home: &Region, copies: Copies) -> Finding {
    const CHECK: Check = Check::CopySlots;
    let Copies {
        slots,
        taken,
        queued,
        of_others,
    } = copies;
    let others = of_others.unwrap_or(0);
    let mut what = format!("{taken} of {slots} taken, {queued} copies wait for one");
    match of_others {
        Some(others) => what.push_str(&format!(", {others} copies of others are in flight")),
        None => what.push_str(", how many copies of others are in flight is not known"),
    }
    let warn = |what: String, remedy: &str| Finding::bad(CHECK, home, Level::Warning, what, remedy);
    if slots > COPIES_IN_FLIGHT {
        let what = format!("{what}; RDS allows {COPIES_IN_FLIGHT} by default");
        warn(
            what,
            "see that the account's limit was raised, or set CopySlots to it: what RDS refuses waits for the sweep",
        )
    } else if others > 0 && slots + others > COPIES_IN_FLIGHT {
        let what = format!("{what}; RDS allows {COPIES_IN_FLIGHT} for all together");
        warn(
            what,
            "lower CopySlots while others copy too, or let them wait",
        )
    } else if queued > 0 && taken >= slots {
        warn(
            what,
            "wait, or spread the schedules: see snapferry waits for how long each has waited",
        )
    } else {
        Finding::ok(CHECK, home, what)
    }
}
