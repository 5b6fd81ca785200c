//! Counts how often each fault was really injected. All injectors share it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::Fault;
use crate::faults::World;

/// The counts of one run. Clones count together.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct Tally(Arc<Mutex<BTreeMap<Fault, u64>>>);

impl Tally {
    /// Counts one more.
    pub(in super::super) fn count(&self, fault: Fault) {
        debug_assert!(fault.is_injected_by(World::Demo), "the list lacks {fault}");
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry(fault).or_default() += 1;
    }

    /// How often so far.
    #[must_use]
    pub(in super::super) fn of(&self, fault: Fault) -> u64 {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.get(&fault).copied().unwrap_or_default()
    }
}
