//! What is stored of restores.

use super::items::Table;
use crate::domain::restore::record::RestoreKey;
use crate::ports::{StoredRestore, Written};

impl Table {
    /// A restore, as it is stored.
    #[must_use]
    pub fn restore(&self, key: &RestoreKey) -> Option<&StoredRestore> {
        self.restores.get(key)
    }

    pub(in crate::fake) fn store_restore(&mut self, restore: &StoredRestore) -> Written {
        let key = restore.record.key();
        let before = self.restores.get(&key).map_or(0, |stored| stored.revision);
        if before != restore.revision - 1 {
            return Written::Conflict;
        }
        self.restores.insert(key, restore.clone());
        Written::Stored
    }
}
