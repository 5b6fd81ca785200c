//! Removes configurations that no recovery point names any more: noted first, and removed after the grace period.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use tracing::{info, warn};

use super::config::PrunerConfig;
use super::outcome::PrunedConfigurations;
use super::permissions::Permissions;
use crate::app::prune_preview::{GroupPreview, PrunePreview};
use crate::app::unnamed::{by_database, namings};
use crate::domain::id::names::ResourceId;
use crate::domain::limits::BATCH_GET_MAX;
use crate::domain::rds::snapshot::Snapshot;
use crate::domain::restore::configuration::ConfigurationHash;
use crate::domain::restore::unnamed::{sight_unnamed, with_removed};
use crate::domain::restore::versions::{Version, Versions};
use crate::domain::retention::configuration_check::{ConfigurationCase, keeps};
use crate::domain::retention::sightings::ROUND_MAX as NOTES_LAPSE_AFTER;
use crate::error::chain;
use crate::ports::{PortError, Written};

/// How many configurations one round tries to remove, and the notes of how many databases it writes, at most.
const MAX: usize = 100;

/// How long a round may have taken before it looks after configurations. Recovery points come first.
const LATEST: SignedDuration = SignedDuration::from_mins(11);

/// How long ago a configuration must have been stored. A run enters it among the versions within seconds.
const STORED_BEFORE: SignedDuration = SignedDuration::from_hours(1);

/// Notes which configurations no recovery point names, and removes those that nobody has named for the grace period. A
/// fault costs no round: the next one looks again.
pub(super) async fn prune_configurations<W: Permissions>(
    world: &W,
    config: &PrunerConfig,
    preview: &PrunePreview,
    round_before: Option<Timestamp>,
    started: Timestamp,
) -> PrunedConfigurations {
    let mut pruned = PrunedConfigurations::default();
    // What a row that cannot be read names, nobody knows.
    if preview.named.has_unreadable {
        return pruned;
    }
    let pruning = Pruning {
        world,
        config,
        preview,
        rounds_went_on: round_before
            .is_some_and(|last| started.duration_since(last) <= NOTES_LAPSE_AFTER),
        started,
    };
    if let Err(error) = pruning.all(&mut pruned).await {
        let error = chain(&error);
        warn!(error, "configurations could not be looked after");
    }
    pruned
}

/// What a round has done so far.
#[derive(Default)]
struct Progress {
    /// The databases whose notes were written.
    written: usize,
    /// The configurations that it tried to remove.
    tried: usize,
    /// Whether removal was frozen when the first one was ripe.
    is_frozen: Option<bool>,
}

struct Pruning<'a, W> {
    world: &'a W,
    config: &'a PrunerConfig,
    preview: &'a PrunePreview,
    rounds_went_on: bool,
    started: Timestamp,
}

impl<W: Permissions> Pruning<'_, W> {
    async fn all(&self, pruned: &mut PrunedConfigurations) -> Result<(), PortError> {
        let mut progress = Progress::default();
        for chunk in by_database(&self.preview.groups).chunks(BATCH_GET_MAX) {
            let ids: Vec<ResourceId> = chunk.iter().map(|(id, _)| (*id).clone()).collect();
            let versions = self.world.configuration_versions(&ids).await?;
            for (id, groups) in chunk {
                let is_late = self.world.now().duration_since(self.started) > LATEST;
                if progress.written >= MAX || progress.tried >= MAX || is_late {
                    return Ok(());
                }
                if let Some(before) = versions.get(*id) {
                    self.one(id, groups, before, &mut progress, pruned).await?;
                }
            }
        }
        Ok(())
    }

    /// One database.
    async fn one(
        &self,
        id: &ResourceId,
        groups: &[&GroupPreview],
        before: &Versions,
        progress: &mut Progress,
        pruned: &mut PrunedConfigurations,
    ) -> Result<(), PortError> {
        let (grace, now) = (self.config.grace, self.started);
        let points = namings(groups, before, &self.preview.named);
        let sighting = sight_unnamed(before, &points, self.rounds_went_on, grace, now);
        let is_open = |one: &&Version| one.unnamed_since.is_some() && !one.is_removed;
        pruned.unnamed += sighting.versions.all.iter().filter(is_open).count();
        let mut removed = Vec::new();
        for hash in &sighting.ripe {
            if progress.tried >= MAX || !self.may_remove(progress).await? {
                break;
            }
            progress.tried += 1;
            if self.remove(id, groups, hash).await? {
                removed.push(hash.clone());
            }
        }
        let after = with_removed(&sighting.versions, &removed);
        let each = removed.into_iter().map(|hash| (id.clone(), hash));
        pruned.removed.extend(each);
        if after == *before {
            return Ok(());
        }
        // A run that has entered a version meanwhile wins, and the next round notes anew.
        let newest = before.newest();
        let world = self.world;
        world.set_configuration_versions(id, &after, newest).await?;
        progress.written += 1;
        Ok(())
    }

    /// Whether the stack removes at all, and nobody had frozen removal when the first configuration was ripe.
    async fn may_remove(&self, progress: &mut Progress) -> Result<bool, PortError> {
        if !self.config.removes {
            return Ok(false);
        }
        let is_frozen = match progress.is_frozen {
            Some(is_frozen) => is_frozen,
            None => self.world.freeze().await?.is_some(),
        };
        progress.is_frozen = Some(is_frozen);
        Ok(!is_frozen)
    }

    /// Removes a configuration if the second rule lets it go, and nobody has frozen removal.
    async fn remove(
        &self,
        id: &ResourceId,
        groups: &[&GroupPreview],
        hash: &ConfigurationHash,
    ) -> Result<bool, PortError> {
        let asked = std::slice::from_ref(id);
        let read: BTreeMap<ResourceId, Versions> = self.world.configuration_versions(asked).await?;
        let Some(versions) = read.get(id) else {
            return Ok(false);
        };
        let snapshots = groups.iter().flat_map(|group| &group.snapshots);
        let snapshots: Vec<&Snapshot> = snapshots.collect();
        let case = ConfigurationCase {
            is_complete: !self.preview.named.has_unreadable,
            named_anywhere: &self.preview.named.tags,
            snapshots: &snapshots,
            versions,
            now: self.started,
        };
        if let Some(why) = keeps(&case, hash) {
            warn!(database = %id, configuration = %hash, %why, "kept by the second rule");
            return Ok(false);
        }
        // A freeze that cannot be read is a freeze: the error ends this part of the round.
        if self.world.freeze().await?.is_some() {
            return Ok(false);
        }
        let before = self.started - STORED_BEFORE;
        let removed = self.world.remove_configuration(id, hash, before).await?;
        if removed == Written::Stored {
            info!(database = %id, configuration = %hash, "no recovery point names it: removed");
        }
        Ok(removed == Written::Stored)
    }
}
