//! The catalog for people: recovery points, and the configurations that they name. It asks the recovery region alone.

use std::pin::pin;

use futures_util::TryStreamExt;
use jiff::Timestamp;

use crate::domain::id::arn::{Family, Region};
use crate::domain::id::names::ResourceId;
use crate::domain::id::tags::StackId;
use crate::domain::restore::configuration::{Configuration, ConfigurationHash};
use crate::domain::restore::recovery_point::{NewestPoints, RecoveryPoint};
use crate::domain::restore::versions::Versions;
use crate::domain::run::failure::Operation;
use crate::ports::doctor::ListManualSnapshots;
use crate::ports::{PAGES_MAX, PortError, RdsError, ReadConfigurations, pages};

permissions! {
    /// Everything that looking at the catalog may do: it only reads.
    Permissions: ListManualSnapshots ReadConfigurations
}

/// The newest good recovery point of each database up to a time: one describe call for each page of each family.
///
/// # Errors
/// If a list cannot be read to its end.
pub async fn newest_points<W: ListManualSnapshots>(
    world: &W,
    stack: &StackId,
    home: &Region,
    up_to: Option<Timestamp>,
) -> Result<NewestPoints, RdsError> {
    let mut newest = NewestPoints::up_to(up_to);
    for family in Family::ALL {
        let operation = Operation::describe_snapshots(family);
        let endless = |endless| RdsError::endless(operation, home, endless);
        let mut pages = pin!(pages(PAGES_MAX, endless, |marker| {
            world.list_manual_snapshots(home, family, marker)
        }));
        while let Some(page) = pages.try_next().await? {
            for snapshot in page.items {
                newest.add(stack, snapshot);
            }
        }
    }
    Ok(newest)
}

/// The versions of a database's configuration.
///
/// # Errors
/// If the table does not answer.
pub async fn versions<W: ReadConfigurations>(
    world: &W,
    of: &ResourceId,
) -> Result<Versions, PortError> {
    let mut read = world
        .configuration_versions(std::slice::from_ref(of))
        .await?;
    Ok(read.remove(of).unwrap_or_default())
}

/// The configuration of a recovery point, with its name: the one that it names, or else the one that was in force when
/// its data was taken.
///
/// # Errors
/// If the table does not answer.
pub async fn configuration_of<W: ReadConfigurations>(
    world: &W,
    point: &RecoveryPoint,
) -> Result<Option<(ConfigurationHash, Configuration)>, PortError> {
    let of = &point.origin.database.resource_id;
    let hash = match (point.configuration(), point.taken_at) {
        (Some(hash), _) => Some(hash),
        (None, None) => None,
        (None, Some(taken_at)) => {
            let versions = versions(world, of).await?;
            versions.at(taken_at).map(|version| version.hash.clone())
        }
    };
    let Some(hash) = hash else { return Ok(None) };
    let configuration = world.configuration(of, &hash).await?;
    Ok(configuration.map(|configuration| (hash, configuration)))
}
