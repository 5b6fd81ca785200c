//! The databases that a policy selects in a region: read and stored as a whole.

use crate::domain::id::arn::Region;
use crate::domain::id::tags::PolicyName;
use crate::domain::policy::selected::{SelectedDatabase, parts};
use crate::ports::{PortError, ReadSelected, StoreSelected};

/// Reads them. Nothing was stored before the policy's first due time, or by a version that did not store them.
///
/// # Errors
/// If an item cannot be read.
pub(crate) async fn read_selected<W: ReadSelected>(
    world: &W,
    policy: &PolicyName,
    region: &Region,
) -> Result<Vec<SelectedDatabase>, PortError> {
    let mut all = Vec::new();
    let mut part = 0;
    while let Some(read) = world.read_selected(policy, region, part).await? {
        all.extend(read.databases);
        part += 1;
        if part >= read.parts {
            break;
        }
    }
    Ok(all)
}

/// Stores them. The item that is read first is written last: it says how many there are.
///
/// # Errors
/// If an item cannot be written. The others may be.
pub(crate) async fn store_selected<W: StoreSelected>(
    world: &W,
    policy: &PolicyName,
    region: &Region,
    databases: &[SelectedDatabase],
) -> Result<(), PortError> {
    for (part, selected) in parts(databases).iter().enumerate().rev() {
        world.store_selected(policy, region, part, selected).await?;
    }
    Ok(())
}
