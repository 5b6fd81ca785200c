//! Regions and families: each describe call asks about snapshots of one region and one family.

use std::collections::BTreeMap;

use crate::domain::id::arn::{Family, RdsArn, Region};
use crate::domain::id::names::SnapshotId;
use crate::domain::rds::snapshot::Snapshot;
use crate::domain::run::wait::Wait;
use crate::ports::{DescribeSnapshots, RdsError};

/// Groups items by region and family, with at most `width` items in a group. Each group is one describe call.
pub(crate) fn group<T: Clone>(
    all: Vec<T>,
    width: usize,
    place: impl Fn(&T) -> (Region, Family),
) -> Vec<Vec<T>> {
    let mut places: BTreeMap<(Region, Family), Vec<T>> = BTreeMap::new();
    for one in all {
        places.entry(place(&one)).or_default().push(one);
    }
    places
        .into_values()
        .flat_map(|of_place| {
            of_place
                .chunks(width)
                .map(<[T]>::to_vec)
                .collect::<Vec<_>>()
        })
        .collect()
}

/// The region and family of the describe call for a resource.
pub(crate) fn place_of(resource: &RdsArn) -> (Region, Family) {
    (resource.region().clone(), resource.family())
}

/// Asks RDS about the resources of these waits, which are all of one region and family.
pub(crate) async fn ask<W: DescribeSnapshots>(
    world: &W,
    waits: &[Wait],
) -> Result<BTreeMap<RdsArn, Snapshot>, RdsError> {
    let Some(first) = waits.first() else {
        return Ok(BTreeMap::new());
    };
    let ids: Vec<SnapshotId> = waits
        .iter()
        .map(|wait| SnapshotId::of(&wait.resource))
        .collect();
    let (region, family) = (first.resource.region(), first.resource.family());
    let found = world.describe_snapshots(region, family, &ids).await?;
    Ok(found
        .into_iter()
        .map(|snapshot| (snapshot.arn.clone(), snapshot))
        .collect())
}
