//! The regions that a sweep leaves alone, because RDS does not answer there.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::id::arn::{Family, Region};
use crate::domain::run::failure::Owner;
use crate::ports::RdsError;

/// How many describe calls of one region and family may be throttled before the sweep leaves it alone for this round.
/// Those that the pace holds back count too: they cost no time, but the next ones would be held back as well.
const THROTTLED_MAX: usize = 10;

/// How often RDS did not answer, for each region and family.
#[derive(Default)]
pub(super) struct SilentRegions(BTreeMap<(Region, Family), usize>);

impl SilentRegions {
    /// Whether the sweep asks nothing more there in this round.
    pub(super) fn is_left_alone(&self, place: &(Region, Family)) -> bool {
        self.0
            .get(place)
            .is_some_and(|count| *count >= THROTTLED_MAX)
    }

    /// Counts a failure, unless the next call may succeed. An unreachable region would cost its whole timeout again,
    /// and RDS refuses every time what a person must fix first.
    pub(super) fn note(&mut self, place: (Region, Family), error: &RdsError) {
        let passes = error.code.is_some() && error.owner() == Owner::Transient;
        let count = self.0.entry(place).or_default();
        *count = if passes { *count + 1 } else { THROTTLED_MAX };
    }

    pub(super) fn regions(&self) -> BTreeSet<Region> {
        self.0.keys().map(|(region, _)| region.clone()).collect()
    }
}
