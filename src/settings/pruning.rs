//! The pruner's settings.

use jiff::SignedDuration;

use super::faults::SettingsError;
use super::measuring::Metrics;
use super::planning::{built_in, regions};
use super::stack::Stack;
use super::variables::Variables;
use crate::domain::id::arn::{KeyArn, Region};
use crate::domain::policy::in_force::Policies;
use crate::domain::retention::bounds::Bounds;
use crate::domain::retention::sightings::GRACE;

/// The pruner's settings.
#[derive(Debug, Clone)]
pub struct Pruning {
    /// The stack.
    pub stack: Stack,
    /// The regions whose databases are protected.
    pub source_regions: Vec<Region>,
    /// The recovery region's key, for policies that name none.
    pub key: KeyArn,
    /// The built-in policy, which is in force if no set was ever applied.
    pub policies: Policies,
    /// Whether anything is removed at all.
    pub removes: bool,
    /// How long after its first sighting something goes.
    pub grace: SignedDuration,
    /// How much one round may remove.
    pub bounds: Bounds,
    /// Where its metrics go.
    pub metrics: Metrics,
}

impl Pruning {
    /// Reads the pruner's variables.
    ///
    /// # Errors
    /// All faults at once.
    pub fn from_variables(mut vars: Variables) -> Result<Self, SettingsError> {
        let pruning = Self::read(&mut vars);
        vars.finish(pruning)
    }

    /// Reads the same variables, and adds their faults to the others.
    pub fn read(vars: &mut Variables) -> Option<Self> {
        let stack = Stack::read(vars);
        let source_regions = vars.required("SNAPFERRY_SOURCE_REGIONS", regions);
        let key = vars.required("SNAPFERRY_KMS_KEY", KeyArn::parse);
        let policies = built_in(vars, key.as_ref());
        // Nothing goes unasked: every other word than yes is a fault or no.
        let removes = vars.is_yes("SNAPFERRY_PRUNE");
        let grace = vars.number(
            "SNAPFERRY_PRUNE_GRACE_SECONDS",
            GRACE.as_secs(),
            0..=31_536_000,
        );
        let default = Bounds::default();
        let share = vars.number("SNAPFERRY_PRUNE_SHARE", default.share, 1..=100);
        let max = vars.number("SNAPFERRY_PRUNE_MAX", default.max, 1..=1_000);
        let metrics = Metrics::read(vars);
        Some(Self {
            stack: stack?,
            source_regions: source_regions?,
            key: key?,
            policies: policies?,
            removes,
            grace: SignedDuration::from_secs(grace),
            bounds: Bounds { share, max },
            metrics,
        })
    }
}
