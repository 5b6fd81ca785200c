//! What a copy can be made of.

use crate::domain::rds::snapshot::Snapshot;
use crate::domain::run::command::{Automated, ProtectionRequest};
use crate::domain::run::failure::Failure;
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
    let expected_copy = ExpectedCopy {
        source: snapshot.arn,
        key: run.key.clone(),
        engine: snapshot.engine,
        size_gib: snapshot.size_gib,
        taken_at: snapshot.taken_at,
    };
    Source::Found(expected_copy)
}
