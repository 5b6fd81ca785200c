//! The source of a copy.

use crate::domain::rds::snapshot::Snapshot;
use crate::domain::run::command::{Automated, ProtectionRequest};
use crate::domain::run::failure::Failure;
use crate::domain::run::wait::ExpectedCopy;

/// The source of a copy.
pub(super) enum Source {
    /// The source exists, and a copy of it must look like this.
    Found(ExpectedCopy),
    /// RDS has removed the automated snapshot that the run names.
    Expired(Automated),
    /// RDS shows no available source.
    None,
    /// The source exists, but no copy of it can be what Snapferry promises.
    Unfit(Failure),
}

/// What a copy of an available snapshot must look like.
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
