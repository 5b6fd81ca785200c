//! What a copy can be made of.

use crate::domain::id::arn::Family;
use crate::domain::rds::database::Refusal;
use crate::domain::rds::snapshot::Snapshot;
use crate::domain::run::command::{Automated, ProtectionRequest};
use crate::domain::run::failure::{Failure, Reason};
use crate::domain::run::wait::ExpectedCopy;

/// What a copy can be made of.
pub(super) enum Source {
    /// This.
    Found(ExpectedCopy),
    /// RDS has removed the automated snapshot that the run names.
    Expired(Automated),
    /// RDS shows none that is available.
    None,
    /// Of this, no copy can be what it must be.
    Unfit(Failure),
}

/// What a copy of an available snapshot must turn out to be.
pub(super) fn expected_copy(run: &ProtectionRequest, snapshot: Snapshot) -> Source {
    if snapshot.arn.family() == Family::Cluster && !snapshot.encrypted {
        // The planner refuses such a cluster; who starts its execution all the same must hear of it as well.
        let cause = format!("{}: {}", snapshot.arn, Refusal::UnencryptedCluster);
        return Source::Unfit(Failure::new(Reason::Unsupported, cause));
    }
    let expected_copy = ExpectedCopy {
        source: snapshot.arn,
        key: run.key.clone(),
        engine: snapshot.engine,
        size_gib: snapshot.size_gib,
        taken_at: snapshot.taken_at,
    };
    Source::Found(expected_copy)
}
