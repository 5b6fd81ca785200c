//! The arguments of `snapferry trace`.

use clap::Args;

use super::planning_arguments::PlanningArguments;

pub(super) const EXAMPLES: &str = "\
Examples:
  snapferry trace orders
  snapferry trace sf-orders-20261122t0300z-abcdefghij
  snapferry trace orders --json | jq -r '.events[].what'";

/// Whose story is told.
#[derive(Debug, Args)]
pub(super) struct TraceArguments {
    /// An execution's name or ARN, or a database's identifier, ARN or resource id: then its newest run.
    #[arg(value_name = "EXECUTION|DATABASE")]
    pub(super) of: String,
    #[command(flatten)]
    pub(super) planning: PlanningArguments,
}
