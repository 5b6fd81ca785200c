//! The databases that a policy selects.

use super::items::Table;
use crate::domain::id::arn::Region;
use crate::domain::id::tags::PolicyName;
use crate::domain::policy::selected::{SelectedPart, UnreadablePart};

impl Table {
    /// One of the items that name the databases that a policy selects in a region.
    #[must_use]
    pub fn selected(
        &self,
        policy: &PolicyName,
        region: &Region,
        part: usize,
    ) -> Option<&Result<SelectedPart, UnreadablePart>> {
        let key = (policy.clone(), region.clone(), part);
        self.selected.get(&key)
    }

    pub(in crate::fake) fn store_selected(
        &mut self,
        policy: &PolicyName,
        region: &Region,
        part: usize,
        selected: &SelectedPart,
    ) {
        let key = (policy.clone(), region.clone(), part);
        self.selected.insert(key, Ok(selected.clone()));
    }

    /// From now on nobody can read this item.
    pub fn spoil_selected(&mut self, policy: &PolicyName, region: &Region, part: usize) {
        let key = (policy.clone(), region.clone(), part);
        let fault = UnreadablePart(format!("item {part} is spoilt"));
        self.selected.insert(key, Err(fault));
    }
}
