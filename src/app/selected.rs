//! The databases that policies select: read and stored as a whole. Everything that shows ages or alarms on them reads
//! them here.

use crate::domain::id::arn::Region;
use crate::domain::id::tags::PolicyName;
use crate::domain::policy::in_force::Policy;
use crate::domain::policy::selected::{FIRST_PART, SelectedDatabase, Selection, UnreadablePart};
use crate::ports::{PortError, ReadSelected, StoreSelected};

/// Reads them. Nothing was stored before the policy's first due time, or by a version that did not store them.
///
/// # Errors
/// If DynamoDB does not answer. What it answers and nobody can read is part of the selection.
pub(crate) async fn read_selection<W: ReadSelected>(
    world: &W,
    policy: &PolicyName,
    region: &Region,
) -> Result<Selection, PortError> {
    let first = world.read_selected(policy, region, FIRST_PART).await?;
    let Some(first) = first else {
        return Ok(Selection::default());
    };
    let mut selection = Selection::of_first(first);
    for number in selection.further() {
        let part = world.read_selected(policy, region, number).await?;
        selection.add(number, part);
    }
    selection.compare();
    Ok(selection)
}

/// Stores them in the place of what was read.
///
/// # Errors
/// If an item cannot be written. What was stored before stays in force.
pub(crate) async fn store_selected<W: StoreSelected>(
    world: &W,
    policy: &PolicyName,
    region: &Region,
    before: &Selection,
    databases: &[SelectedDatabase],
) -> Result<(), PortError> {
    for (number, part) in before.replaced_by(databases) {
        world.store_selected(policy, region, number, &part).await?;
    }
    Ok(())
}

/// The databases that policies select everywhere.
#[derive(Debug, Default)]
pub(crate) struct AllSelected<'p> {
    /// Each database with its policy.
    pub(crate) databases: Vec<(&'p Policy, SelectedDatabase)>,
    /// Where databases may be missing, and why.
    pub(crate) faults: Vec<(&'p Policy, Region, UnreadablePart)>,
}

/// Reads the databases that these policies select in these regions.
///
/// # Errors
/// If DynamoDB does not answer.
pub(crate) async fn read_all_selected<'p, W: ReadSelected>(
    world: &W,
    policies: impl Iterator<Item = &'p Policy>,
    regions: &[Region],
) -> Result<AllSelected<'p>, PortError> {
    let mut all = AllSelected::default();
    for policy in policies {
        for region in regions {
            let of_region = read_selection(world, &policy.name, region).await?;
            let databases = of_region.databases.into_iter();
            all.databases.extend(databases.map(|one| (policy, one)));
            let fault = of_region.fault.map(|why| (policy, region.clone(), why));
            all.faults.extend(fault);
        }
    }
    Ok(all)
}
