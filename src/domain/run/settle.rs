//! Settle: the one decision about a wait, which reactor, sweeper and worker share.

use jiff::Timestamp;

use super::failure::{Failure, Reason};
use super::manifest::Manifest;
use super::wait::{Expectation, ExpectedCopy, Phase, Rules, Wait};
use crate::domain::id::arn::Family;
use crate::domain::id::tags;
use crate::domain::rds::snapshot::{Snapshot, SnapshotStatus};

/// Who looks at a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// The reactor after a hint, or the worker: any number of times within a second.
    Hint,
    /// The sweep: at most once a minute.
    Sweep,
}

/// What RDS's answer means for a wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The resource is available and as asked for.
    Succeed(Box<Manifest>),
    /// The resource has failed or gone, or is not as asked for.
    Fail(Failure),
    /// RDS's answer proves nothing yet.
    KeepWaiting {
        /// Whether RDS has shown the resource as ours, so that the wait may be marked `seen`.
        seen: bool,
        /// Whether the wait should carry the note that a sweep missed the resource. Only a sweep makes the note; any
        /// look that sees the resource takes it back.
        absent: bool,
        /// Why, for the log.
        why: &'static str,
    },
}

const fn keep(seen: bool, why: &'static str) -> Verdict {
    Verdict::KeepWaiting {
        seen,
        absent: false,
        why,
    }
}

/// Decides a wait by what RDS says about its resource (`None`: RDS does not know it).
///
/// A `registered` wait never fails here, because the worker still owns its command, or the command is parked. A missing
/// resource proves something only if RDS has shown it before, or has accepted the request longer ago than the grace
/// period. An unknown status proves nothing.
#[must_use]
pub fn settle(
    wait: &Wait,
    truth: Option<&Snapshot>,
    rules: &Rules,
    look: Look,
    now: Timestamp,
) -> Verdict {
    let may_fail = wait.phase >= Phase::Requested;
    let Some(snapshot) = truth else {
        return absent(wait, rules, look, now);
    };
    if !snapshot.is_ours(&rules.stack, &wait.command.run.database) {
        return if may_fail && !snapshot.may_yet_be_ours() {
            Verdict::Fail(Failure::new(
                Reason::NameTaken,
                format!("{} is not of this stack", wait.resource),
            ))
        } else {
            keep(
                false,
                "a resource of this name is not ours; the worker decides",
            )
        };
    }
    match &snapshot.status {
        SnapshotStatus::Available => match mismatch(wait, snapshot) {
            None => Verdict::Succeed(Box::new(manifest(wait, snapshot))),
            Some(failure) if may_fail => Verdict::Fail(failure),
            Some(_) => keep(
                false,
                "available but not what was asked for; the worker decides",
            ),
        },
        SnapshotStatus::Failed if may_fail => Verdict::Fail(Failure::new(
            Reason::SnapshotFailed,
            format!("RDS reports {} as failed", wait.resource),
        )),
        SnapshotStatus::Deleting if may_fail => Verdict::Fail(Failure::new(
            Reason::SnapshotVanished,
            format!("{} is being deleted", wait.resource),
        )),
        SnapshotStatus::Failed | SnapshotStatus::Deleting => keep(
            false,
            "an earlier attempt has ended; the worker takes the next",
        ),
        SnapshotStatus::Creating => keep(true, "RDS is creating it"),
        SnapshotStatus::Copying => keep(true, "RDS is copying it"),
        SnapshotStatus::Other(_) => keep(true, "RDS reports a status that proves nothing"),
    }
}

fn absent(wait: &Wait, rules: &Rules, look: Look, now: Timestamp) -> Verdict {
    let may_be_gone = match wait.phase {
        Phase::Queued | Phase::Registered => false,
        Phase::Requested => now.duration_since(wait.since) > rules.grace,
        Phase::Seen => true,
    };
    if may_be_gone && wait.absent && look == Look::Sweep {
        let cause = format!(
            "RDS no longer knows {}, which it had {}",
            wait.resource,
            match wait.phase {
                Phase::Seen => "shown",
                _ => "accepted",
            }
        );
        return Verdict::Fail(Failure::new(Reason::SnapshotVanished, cause));
    }
    Verdict::KeepWaiting {
        seen: false,
        absent: match look {
            Look::Sweep => may_be_gone,
            Look::Hint => wait.absent,
        },
        why: if may_be_gone {
            "RDS no longer shows it; a second sweep must agree"
        } else {
            "RDS does not show it yet, which proves nothing"
        },
    }
}

/// How an available snapshot differs from what was asked for. `None` if it does not.
#[must_use]
pub fn mismatch(wait: &Wait, snapshot: &Snapshot) -> Option<Failure> {
    let database = &wait.command.run.database;
    let mut faults = Vec::new();
    let mut check = |good: bool, fault: String| {
        if !good {
            faults.push(fault);
        }
    };
    let reason = match &wait.expected {
        Expectation::Snapshot => {
            check(
                snapshot
                    .resource_id
                    .as_ref()
                    .is_none_or(|id| id == &database.resource_id),
                format!(
                    "it is of another database than {}: a blue/green switchover or a rename came between. Each of the two \
                     is planned under its own id, and a redrive would fail the same way; remove this snapshot if nobody \
                     needs it",
                    database.resource_id
                ),
            );
            Reason::SnapshotMismatch
        }
        // RDS calls a database's resource id unique to a region, so on a copy it proves nothing. Our own tag and the
        // source say which database the copy is of.
        Expectation::Copy(ExpectedCopy {
            source,
            key,
            engine,
            size_gib,
            ..
        }) => {
            check(snapshot.encrypted, "it is not encrypted".to_owned());
            check(
                snapshot.key.as_ref() == Some(key),
                format!("its key is not {key}"),
            );
            check(
                snapshot.source.as_ref() == Some(source),
                format!("it is not a copy of {source}"),
            );
            check(
                &snapshot.engine == engine,
                format!("its engine is {} instead of {engine}", snapshot.engine),
            );
            // A cluster's storage grows by itself, so its size says nothing about a snapshot's.
            check(
                snapshot.size_gib == *size_gib || wait.resource.family() == Family::Cluster,
                format!(
                    "its size is {} GiB instead of {size_gib} GiB",
                    snapshot.size_gib
                ),
            );
            Reason::CopyMismatch
        }
    };
    (!faults.is_empty())
        .then(|| Failure::new(reason, format!("{}: {}", wait.resource, faults.join("; "))))
}

/// The manifest of an available snapshot.
#[must_use]
pub fn manifest(wait: &Wait, snapshot: &Snapshot) -> Manifest {
    let database = &wait.command.run.database;
    // RDS does not say this for a cluster snapshot's copy, so use what it said about the source before the copy began. A
    // source that is younger than the copy was taken anew under its name, after retention had removed the one that was
    // copied. Then the tag of the copy knows it.
    let is_older = |at: &Timestamp| snapshot.created_at.is_none_or(|begun| *at <= begun);
    let source_taken_at = match &wait.expected {
        Expectation::Copy(expected_copy) => expected_copy.taken_at.filter(is_older),
        Expectation::Snapshot => None,
    };
    let tag = snapshot.tags.get(tags::TAKEN_AT);
    let by_tag = || tag?.parse().ok().filter(is_older);
    Manifest {
        step: wait.command.step,
        snapshot: snapshot.arn.clone(),
        source: snapshot.source.clone(),
        database: database.arn.clone(),
        resource_id: database.resource_id.clone(),
        engine: snapshot.engine.clone(),
        engine_version: snapshot.engine_version.clone(),
        size_gib: snapshot.size_gib,
        key: snapshot.key.clone(),
        taken_at: snapshot.taken_at.or(source_taken_at).or_else(by_tag),
    }
}
