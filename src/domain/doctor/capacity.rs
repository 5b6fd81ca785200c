//! Quotas: for manual snapshots, and for copies in flight.

use jiff::Timestamp;

use super::{Check, Finding, Level};
use crate::domain::id::arn::{Family, Region};
use crate::domain::id::tags::PolicyName;
use crate::domain::retention::capacity::days_to_full;
use crate::domain::retention::steady_state::SteadyState;
use crate::domain::run::learnt_limit::LearntLimit;

/// Copies in flight that RDS allows for an account in a destination region (user guide, copying a snapshot).
pub const COPIES_IN_FLIGHT: usize = 20;
/// Copies of cluster snapshots in flight that RDS allows for an account in a destination region (Aurora guide, copying a
/// cluster snapshot).
pub const CLUSTER_COPIES_IN_FLIGHT: usize = 5;
/// The doctor warns if fewer rounds than this fit into the quota.
const ROUNDS: i64 = 7;

/// The account's quota for manual snapshots of a family in a region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SnapshotQuota {
    /// How many exist.
    pub used: i64,
    /// How many are allowed.
    pub max: i64,
}

/// Whether the next due time fits into the quota. It makes one manual snapshot of this family in this region for each
/// database. `databases` is `None` if their number is unknown.
#[must_use]
pub fn snapshot_quota(
    region: &Region,
    family: Family,
    quota: Option<SnapshotQuota>,
    databases: Option<usize>,
) -> Finding {
    const CHECK: Check = Check::SnapshotQuota;
    let (kind, name) = match family {
        Family::Instance => ("manual snapshots", "Manual DB instance snapshots"),
        Family::Cluster => ("manual cluster snapshots", "Manual DB cluster snapshots"),
    };
    let remedy = format!(
        "remove {kind} that nobody needs (in a source region Snapferry removes its own where a policy has a source_retention), or have the quota raised (Service Quotas, {name})"
    );
    let Some(SnapshotQuota { used, max }) = quota else {
        return Finding::bad(
            CHECK,
            region,
            Level::Unknown,
            format!("not known: RDS does not report the quota of {kind}"),
            format!("look it up in Service Quotas ({name})"),
        );
    };
    let room = max.saturating_sub(used).max(0);
    let Some(databases) = databases else {
        let what = format!("{used} of {max} {kind}, there is room for {room}");
        return if room == 0 {
            Finding::bad(CHECK, region, Level::Failure, what, remedy)
        } else {
            let what = format!("{what}; not known: how many a round makes");
            let remedy = "see why the databases could not be listed";
            Finding::bad(CHECK, region, Level::Unknown, what, remedy)
        };
    };
    let round = i64::try_from(databases).unwrap_or(i64::MAX);
    let what =
        format!("{used} of {max} {kind}; a round makes {databases}, there is room for {room}");
    if room < round || room == 0 {
        Finding::bad(CHECK, region, Level::Failure, what, remedy)
    } else if room < round.saturating_mul(ROUNDS) {
        Finding::bad(CHECK, region, Level::Warning, what, remedy)
    } else {
        Finding::ok(CHECK, region, what)
    }
}

/// Whether what the policies keep fits into the recovery region's quota. A policy that keeps everything fills it.
#[must_use]
pub fn kept_within_quota(home: &Region, state: &SteadyState, quota: SnapshotQuota) -> Finding {
    const CHECK: Check = Check::SnapshotQuota;
    let SnapshotQuota { used, max } = quota;
    if let Some(above) = state.above(max) {
        let remedy = "keep less (docs/RETENTION.md), or have the quota raised: once it is full, no copy can be made";
        let what = format!("what the policies keep does not fit: {above}");
        return Finding::bad(CHECK, home, Level::Failure, what, remedy);
    }
    if !state.keep_all.is_empty() {
        let names: Vec<&str> = state.keep_all.iter().map(PolicyName::as_str).collect();
        let full = days_to_full(used, max, state.made_in_30_days, 30);
        let full = full.map_or_else(String::new, |days| {
            format!(
                "; {used} of {max} {} are there, and it is full in about {days} days",
                state.kind()
            )
        });
        let what = format!("{} keeps every recovery point{full}", names.join(", "));
        let remedy = "say how long recovery points are kept (keep_last and so on in the policy file, or the parameter Retention), and deploy with Prune=yes";
        return Finding::bad(CHECK, home, Level::Warning, what, remedy);
    }
    let needed = state.needed();
    let what = format!(
        "the policies keep up to {needed} {}, of {max}: {}",
        state.kind(),
        state.listed()
    );
    Finding::ok(CHECK, home, what)
}

/// The copies in flight to the recovery region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copies {
    /// How many the stack makes at once.
    pub slots: usize,
    /// How many slots are taken.
    pub taken: usize,
    /// How many copies wait for a slot.
    pub queued: usize,
    /// How many copies in flight are not this stack's. `None` if RDS did not say.
    pub of_others: Option<usize>,
}

/// Whether the stack's copies fit together with other people's. Too many copies fail nothing: they wait in the queue.
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
            "have the account's limit raised, or lower CopySlots to it: RDS refuses more copies, and they wait for the sweep",
        )
    } else if others > 0 && slots + others > COPIES_IN_FLIGHT {
        let what = format!("{what}; RDS allows {COPIES_IN_FLIGHT} for all together");
        warn(
            what,
            "lower CopySlots while others copy too, or let the copies wait",
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

/// The copies of a policy with slots of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PolicyCopies {
    /// How many of its copies may hold a slot.
    pub slots: usize,
    /// How many slots all policies together have.
    pub of_all: usize,
    /// How many slots its copies hold.
    pub taken: usize,
    /// How many of its copies wait for a slot.
    pub queued: usize,
}

/// Whether a policy's own limit delays its copies, or can never have an effect.
#[must_use]
pub fn policy_slots(policy: &PolicyName, copies: PolicyCopies) -> Finding {
    const CHECK: Check = Check::CopySlots;
    let PolicyCopies {
        slots,
        of_all,
        taken,
        queued,
    } = copies;
    let subject = format!("policy {policy}");
    let what = format!("{taken} of {slots} taken, {queued} of its copies wait for one");
    let warn =
        |what: String, remedy: &str| Finding::bad(CHECK, &subject, Level::Warning, what, remedy);
    if slots > of_all {
        let what =
            format!("{what}; all policies together have {of_all}, so its limit has no effect");
        warn(what, "lower the policy's copy_slots, or leave it out")
    } else if queued > 0 && taken >= slots {
        warn(
            what,
            "wait, raise the policy's copy_slots, or make it due less often",
        )
    } else {
        Finding::ok(CHECK, &subject, what)
    }
}

/// The copies of cluster snapshots, of all policies or of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClusterCopies {
    /// How many of them may hold a slot.
    pub slots: usize,
    /// How many slots there are for both families together.
    pub of_all: usize,
    /// How many slots they hold.
    pub taken: usize,
    /// How many of them wait for a slot.
    pub queued: usize,
}

/// Whether the slots for clusters are more than RDS allows or than there are slots, or delay their copies. `setting` is
/// the name of what sets them.
#[must_use]
pub fn cluster_slots(subject: &str, setting: &str, copies: ClusterCopies) -> Finding {
    const CHECK: Check = Check::CopySlots;
    let ClusterCopies {
        slots,
        of_all,
        taken,
        queued,
    } = copies;
    let what = format!("{taken} of {slots} for clusters taken, {queued} copies wait for one");
    let warn =
        |what: String, remedy: String| Finding::bad(CHECK, subject, Level::Warning, what, remedy);
    if slots > of_all {
        let what = format!("{what}; there are {of_all} slots, so this limit has no effect");
        warn(what, format!("lower {setting}"))
    } else if slots > CLUSTER_COPIES_IN_FLIGHT {
        let what = format!("{what}; by AWS's guides RDS allows {CLUSTER_COPIES_IN_FLIGHT}");
        warn(
            what,
            format!(
                "lower {setting} unless the account's limit is higher: Snapferry learns the limit from RDS's refusals"
            ),
        )
    } else if queued > 0 && taken >= slots {
        let remedy =
            "wait, or spread the schedules: see snapferry waits for how long each has waited";
        warn(what, remedy.to_owned())
    } else {
        Finding::ok(CHECK, subject, what)
    }
}

/// What RDS's refusals have taught about a family's copies, beside the slots that they may take.
#[must_use]
pub fn learnt(family: Family, slots: usize, known: &LearntLimit, now: Timestamp) -> Finding {
    const CHECK: Check = Check::CopySlots;
    let (subject, setting) = match family {
        Family::Instance => ("learnt, instances", "CopySlots"),
        Family::Cluster => ("learnt, clusters", "ClusterCopySlots"),
    };
    let LearntLimit {
        in_flight, since, ..
    } = known;
    let next = match known.retry_at() {
        at if at > now => format!("one more is tried after {at}"),
        _ => "one more may be tried".to_owned(),
    };
    let what = format!("RDS has allowed {in_flight} copies at once ({since}); {next}");
    if *in_flight < slots {
        let what = format!("{what}; there are {slots} slots for them");
        let remedy = format!(
            "nothing, if other tools copy too and this passes; otherwise have the account's limit raised, or lower {setting}"
        );
        Finding::bad(CHECK, subject, Level::Warning, what, remedy)
    } else {
        Finding::ok(CHECK, subject, what)
    }
}
