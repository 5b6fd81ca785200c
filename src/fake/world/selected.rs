//! The ports of the databases that a policy selects.

use super::{Holds, Ports};
use crate::domain::id::arn::Region;
use crate::domain::id::tags::PolicyName;
use crate::domain::policy::selected::{SelectedPart, UnreadablePart};
use crate::ports::{PortError, ReadSelected, StoreSelected};

impl<L: Holds> ReadSelected for Ports<L> {
    async fn read_selected(
        &self,
        policy: &PolicyName,
        region: &Region,
        part: usize,
    ) -> Result<Option<Result<SelectedPart, UnreadablePart>>, PortError> {
        Ok(self.with(|state| state.table.selected(policy, region, part).cloned()))
    }
}

impl<L: Holds> StoreSelected for Ports<L> {
    async fn store_selected(
        &self,
        policy: &PolicyName,
        region: &Region,
        part: usize,
        selected: &SelectedPart,
    ) -> Result<(), PortError> {
        self.with(|state| {
            state.table.store_selected(policy, region, part, selected);
        });
        Ok(())
    }
}
