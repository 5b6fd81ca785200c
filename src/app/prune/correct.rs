//! Sets the catalog's newest recovery points right by what RDS has.

use std::collections::BTreeSet;

use tracing::info;

use super::config::PrunerConfig;
use super::outcome::PruneError;
use super::permissions::Permissions;
use crate::app::prune_preview::{GroupPreview, PreviewError, PrunePreview};
use crate::domain::id::arn::RdsArn;
use crate::domain::id::names::{ResourceId, SnapshotId};
use crate::domain::id::tags::PolicyName;
use crate::domain::limits::BATCH_GET_MAX;
use crate::domain::retention::forget::PointState;
use crate::domain::run::command::Step;
use crate::domain::run::manifest::Manifest;
use crate::ports::Written;

/// A newest one that is gone would keep all older ones out of the catalog for ever. RDS is asked about it once more: it
/// may have been made after the inventory was taken.
pub(super) async fn correct_newest<W: Permissions>(
    world: &W,
    config: &PrunerConfig,
    preview: &PrunePreview,
) -> Result<usize, PruneError> {
    let mut corrected = 0;
    for groups in preview.groups.chunks(BATCH_GET_MAX) {
        let of: Vec<(ResourceId, PolicyName)> = groups
            .iter()
            .map(|group| (group.resource_id.clone(), group.policy.clone()))
            .collect();
        // Two source regions may have given the same id: such groups share an entry.
        let of: Vec<_> = BTreeSet::from_iter(of).into_iter().collect();
        for entry in world.read_entries(&of).await? {
            let Some(newest) = entry.newest else {
                continue;
            };
            let mut groups = groups.iter().filter(|group| {
                group.resource_id == entry.database && group.policy == entry.policy
            });
            let Some(group) = groups.next() else {
                continue;
            };
            let is_there = |arn: &RdsArn| group.snapshots.iter().any(|one| one.arn == *arn);
            if is_there(&newest.snapshot) || newest.snapshot.region() != &config.home {
                continue;
            }
            let asked = [SnapshotId::of(&newest.snapshot)];
            let family = newest.snapshot.family();
            let found = world
                .describe_snapshots(&config.home, family, &asked)
                .await
                .map_err(PreviewError::Rds)?;
            if !found.is_empty() {
                continue;
            }
            let right = newest_good(group);
            let written = world
                .correct_newest(
                    &entry.database,
                    &entry.policy,
                    &newest.snapshot,
                    right.as_ref(),
                )
                .await?;
            if written == Written::Stored {
                info!(gone = %newest.snapshot, "the catalog's newest recovery point is set right");
                corrected += 1;
            }
        }
    }
    Ok(corrected)
}

/// The newest good recovery point of a group. Its points come the newest first.
fn newest_good(group: &GroupPreview) -> Option<Manifest> {
    let is_good = |state: &PointState| *state == PointState::Good;
    let mut points = group.points.iter().map(|(point, _)| point);
    let point = points.find(|point| is_good(&point.state) && point.at.is_some())?;
    let snapshot = group.snapshots.iter().find(|one| one.arn == point.id)?;
    Some(Manifest {
        step: Step::Copy,
        snapshot: snapshot.arn.clone(),
        source: snapshot.source.clone(),
        database: group.database.clone(),
        resource_id: group.resource_id.clone(),
        engine: snapshot.engine.clone(),
        engine_version: snapshot.engine_version.clone(),
        size_gib: snapshot.size_gib,
        key: snapshot.key.clone(),
        taken_at: point.at,
    })
}
