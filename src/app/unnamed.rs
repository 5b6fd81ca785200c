//! Which configurations of the catalog no recovery point names.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::group_preview::GroupPreview;
use crate::domain::id::arn::RdsArn;
use crate::domain::id::names::ResourceId;
use crate::domain::id::tags::CONFIGURATION;
use crate::domain::limits::BATCH_GET_MAX;
use crate::domain::restore::configuration::ConfigurationHash;
use crate::domain::restore::unnamed::{Naming, sight_unnamed};
use crate::domain::restore::versions::Versions;
use crate::domain::retention::unnamed_configurations::{
    NamedConfigurations, UnnamedConfiguration, UnnamedConfigurations,
};
use crate::ports::{PortError, ReadConfigurations};

/// How many are shown one by one.
const SHOWN_MAX: usize = 1_000;

/// The recovery points of each database.
pub(super) fn by_database(groups: &[GroupPreview]) -> Vec<(&ResourceId, Vec<&GroupPreview>)> {
    let mut all: BTreeMap<&ResourceId, Vec<&GroupPreview>> = BTreeMap::new();
    for group in groups {
        all.entry(&group.resource_id).or_default().push(group);
    }
    all.into_iter().collect()
}

/// What the recovery points of a database say of its configurations, and what any other snapshot names of them.
pub(super) fn namings(
    groups: &[&GroupPreview],
    versions: &Versions,
    named: &NamedConfigurations,
) -> Vec<Naming> {
    let listed = versions.all.iter().map(|version| &version.hash);
    let others = listed.filter(|hash| named.tags.contains(hash.as_str()));
    let mut all: Vec<Naming> = others
        .map(|hash| Naming {
            named: Some(hash.clone()),
            taken_at: None,
        })
        .collect();
    for group in groups {
        let snapshots = group.snapshots.iter();
        let tags: BTreeMap<&RdsArn, Option<&String>> = snapshots
            .map(|one| (&one.arn, one.tags.get(CONFIGURATION)))
            .collect();
        all.extend(group.points.iter().map(|(point, _)| {
            let named = tags.get(&point.id).copied().flatten();
            Naming {
                named: named.and_then(|text| ConfigurationHash::parse(text).ok()),
                taken_at: point.at,
            }
        }));
    }
    all
}

/// The configurations that no recovery point names, as the pruner would find them.
///
/// # Errors
/// If the table does not answer.
pub(super) async fn unnamed_configurations<W: ReadConfigurations>(
    world: &W,
    groups: &[GroupPreview],
    named: &NamedConfigurations,
    now: Timestamp,
) -> Result<UnnamedConfigurations, PortError> {
    let mut unnamed = UnnamedConfigurations::default();
    if named.has_unreadable {
        return Ok(unnamed);
    }
    for chunk in by_database(groups).chunks(BATCH_GET_MAX) {
        let ids: Vec<ResourceId> = chunk.iter().map(|(id, _)| (*id).clone()).collect();
        let versions = world.configuration_versions(&ids).await?;
        for (id, groups) in chunk {
            let (Some(versions), Some(group)) = (versions.get(*id), groups.first()) else {
                continue;
            };
            let points = namings(groups, versions, named);
            let sighting = sight_unnamed(versions, &points, true, SignedDuration::MAX, now);
            let mut seen = BTreeSet::new();
            for (before, after) in versions.all.iter().zip(&sighting.versions.all) {
                let is_open = after.unnamed_since.is_some() && !after.is_removed;
                if !is_open || !seen.insert(&after.hash) {
                    continue;
                }
                unnamed.count += 1;
                if unnamed.first.len() < SHOWN_MAX {
                    unnamed.first.push(UnnamedConfiguration {
                        database: group.database.clone(),
                        resource_id: (*id).clone(),
                        configuration: after.hash.clone(),
                        since: before.unnamed_since,
                    });
                }
            }
        }
    }
    Ok(unnamed)
}
