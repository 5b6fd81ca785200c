//! What the sweeper needs in order to measure.

use super::planning::{built_in, regions};
use super::variables::Variables;
use crate::domain::id::arn::{KeyArn, Region};
use crate::domain::policy::in_force::Policies;

/// Where metrics go if the environment does not say so.
const NAMESPACE: &str = "Snapferry";

/// What the sweeper needs in order to measure.
#[derive(Debug, Clone)]
pub struct Measuring {
    /// The regions whose databases are protected.
    pub source_regions: Vec<Region>,
    /// The recovery region's key, for policies that name none.
    pub key: KeyArn,
    /// The built-in policy, which is in force if no set was ever applied.
    pub policies: Policies,
    /// Where its metrics go.
    pub metrics: Metrics,
}

impl Measuring {
    /// Reads the variables.
    pub fn read(vars: &mut Variables) -> Option<Self> {
        let source_regions = vars.required("SNAPFERRY_SOURCE_REGIONS", regions);
        let key = vars.required("SNAPFERRY_KMS_KEY", KeyArn::parse);
        let policies = built_in(vars, key.as_ref());
        let metrics = Metrics::read(vars);
        Some(Self {
            source_regions: source_regions?,
            key: key?,
            policies: policies?,
            metrics,
        })
    }
}

/// Where a function's metrics go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metrics {
    /// CloudWatch's namespace.
    pub namespace: String,
    /// Whether each database has a series of its own.
    pub per_database: bool,
}

impl Metrics {
    /// Reads the variables.
    pub fn read(vars: &mut Variables) -> Self {
        let per_database = vars.is_yes("SNAPFERRY_METRICS_PER_DATABASE");
        Self {
            namespace: vars.text("SNAPFERRY_METRICS_NAMESPACE", NAMESPACE),
            per_database,
        }
    }
}
