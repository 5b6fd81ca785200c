//! What is stored of drills.

use std::collections::BTreeMap;

use super::items::Table;
use crate::domain::id::names::ResourceId;
use crate::ports::{OpenRemovals, StoredDrills, Written};

impl Table {
    /// The drills of these databases, as they are stored.
    #[must_use]
    pub fn drills(&self, of: &[ResourceId]) -> BTreeMap<ResourceId, StoredDrills> {
        let of = of.iter();
        of.filter_map(|of| Some((of.clone(), self.drills.get(of)?.clone())))
            .collect()
    }

    /// What is stored of all drills.
    pub fn all_drills(&self) -> impl Iterator<Item = &StoredDrills> {
        self.drills.values()
    }

    /// Takes what is stored of a database's drills away, as somebody who loses the table does.
    pub fn lose_drills(&mut self, of: &ResourceId) {
        self.drills.remove(of);
    }

    pub(in crate::fake) fn store_drills(
        &mut self,
        of: &ResourceId,
        drills: &StoredDrills,
    ) -> Written {
        let before = self.drills.get(of).map_or(0, |stored| stored.revision);
        if before != drills.revision - 1 {
            return Written::Conflict;
        }
        self.drills.insert(of.clone(), drills.clone());
        Written::Stored
    }

    /// Which drills are being removed.
    #[must_use]
    pub fn open_removals(&self) -> &OpenRemovals {
        &self.open_removals
    }

    pub(in crate::fake) fn store_open_removals(&mut self, removals: &OpenRemovals) -> Written {
        if self.open_removals.revision != removals.revision - 1 {
            return Written::Conflict;
        }
        self.open_removals = removals.clone();
        Written::Stored
    }
}
