//! The weekly try of what RDS refused permanently: the copy of a snapshot that there is, so that no further one is taken.

use crate::domain::id::names::SnapshotId;
use crate::domain::id::tags::StackId;
use crate::domain::rds::snapshot::SnapshotStatus;
use crate::domain::run::command::ProtectionRequest;
use crate::domain::run::refusal::RefusedForGood;
use crate::ports::{DescribeSnapshots, RdsError};

/// The run whose copy was refused, under today's key and options, if the snapshot that it took still exists. Its next
/// execution finds the snapshot under its own name, and goes on to the copy. A policy that copies automated snapshots
/// takes none itself, so its usual run is that try.
pub(super) async fn source_there_is<W: DescribeSnapshots>(
    world: &W,
    stack: &StackId,
    run: &ProtectionRequest,
    refusal: &RefusedForGood,
) -> Result<Option<ProtectionRequest>, RdsError> {
    if run.options.automated.is_some() {
        return Ok(None);
    }
    let Some(source) = &refusal.source else {
        return Ok(None);
    };
    let ids = [SnapshotId::of(source)];
    let found = world
        .describe_snapshots(source.region(), source.family(), &ids)
        .await?;
    let is_there = found.iter().any(|snapshot| {
        snapshot.arn == *source
            && snapshot.status == SnapshotStatus::Available
            && snapshot.is_ours(stack, &run.database)
    });
    Ok(is_there.then(|| ProtectionRequest {
        planned_at: refusal.planned_at,
        ..run.clone()
    }))
}
