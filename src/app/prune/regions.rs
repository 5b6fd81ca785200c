//! Lists the source regions: nothing goes of one that nobody reaches, and a database that no listing shows is gone.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::TryStreamExt;
use jiff::Timestamp;
use tracing::warn;

use super::config::PrunerConfig;
use super::permissions::Permissions;
use crate::app::prune_preview::{GroupPreview, PrunePreview};
use crate::domain::id::arn::{Family, Region};
use crate::domain::id::names::ResourceId;
use crate::domain::retention::bounds::DatabaseId;
use crate::domain::retention::gone::{LISTED_MAX, Listing};
use crate::domain::run::failure::Operation;
use crate::error::chain;
use crate::ports::{Endless, PAGES_MAX, PortError, RdsError, pages};

/// What the source regions have shown.
#[derive(Debug, Default)]
pub(super) struct Regions {
    /// Those whose databases nobody has listed to the end for a day.
    pub(super) unreachable: BTreeSet<Region>,
    /// Databases that the plan takes for gone, and that this round has not missed again.
    pub(super) not_seen_gone: BTreeSet<DatabaseId>,
}

/// Lists the databases of each source region, and remembers which of those with recovery points it misses. A region that
/// is in no setting any more is not listed, and its databases do not count as gone: nobody looks. While its last listing
/// is younger than a day, the plan still takes some for gone, and this round leaves them alone. A person's order is
/// about some databases only, and stores nothing.
pub(super) async fn list_regions<W: Permissions>(
    world: &W,
    config: &PrunerConfig,
    preview: &PrunePreview,
    stores: bool,
    now: Timestamp,
) -> Result<Regions, PortError> {
    let mut regions = Regions::default();
    let not_listed = preview.groups.iter().filter(|group| {
        group.gone_since.is_some() && !config.source_regions.contains(group.database.region())
    });
    regions
        .not_seen_gone
        .extend(not_listed.map(GroupPreview::database_id));
    let mut known: BTreeMap<&Region, BTreeSet<&ResourceId>> = BTreeMap::new();
    for region in &config.source_regions {
        known.entry(region).or_default();
    }
    for group in &preview.groups {
        if let Some(of) = known.get_mut(group.database.region()) {
            of.insert(&group.resource_id);
        }
    }
    for (region, known) in known {
        let before = world.listing(region).await?;
        let there = list(world, region).await;
        let gone = preview
            .groups
            .iter()
            .filter(|group| group.gone_since.is_some() && group.database.region() == region);
        let listing = match there {
            Ok(Some(there)) => {
                let back = gone.filter(|group| there.contains(&group.resource_id));
                regions
                    .not_seen_gone
                    .extend(back.map(GroupPreview::database_id));
                Listing::after(before.as_ref(), known, &there, now)
            }
            // A row that cannot be read may be any of those that seem to be missing.
            Ok(None) => {
                regions
                    .not_seen_gone
                    .extend(gone.map(GroupPreview::database_id));
                Listing {
                    at: now,
                    missing: before.map(|before| before.missing).unwrap_or_default(),
                }
            }
            Err(error) => {
                // Nobody has seen in this round that they are still gone.
                regions
                    .not_seen_gone
                    .extend(gone.map(GroupPreview::database_id));
                warn!(%region, error = chain(&error), "a source region could not be listed");
                let at = before.map(|before| before.at);
                if at.is_none_or(|at| now.duration_since(at) > LISTED_MAX) {
                    regions.unreachable.insert(region.clone());
                }
                continue;
            }
        };
        if stores {
            world.store_listing(region, &listing).await?;
        }
    }
    Ok(regions)
}

/// The databases of a region, unless a row cannot be read.
async fn list<W: Permissions>(
    world: &W,
    region: &Region,
) -> Result<Option<BTreeSet<ResourceId>>, RdsError> {
    let mut there = BTreeSet::new();
    let mut all_readable = true;
    for family in Family::ALL {
        let operation = Operation::describe_databases(family);
        let endless = |endless: Endless| RdsError::endless(operation, region, endless);
        let mut listed = std::pin::pin!(pages(PAGES_MAX, endless, |marker| {
            world.list_databases(region, family, marker)
        }));
        while let Some(page) = listed.try_next().await? {
            all_readable &= page.unreadable.is_empty();
            there.extend(page.items.into_iter().map(|one| one.resource_id));
        }
    }
    Ok(all_readable.then_some(there))
}
