//! The options of `snapferry status` and `snapferry report`.

use std::path::PathBuf;

use clap::Args;

use super::planning_arguments::PlanningArguments;

/// How often a watch may look: each look reads the table.
const INTERVAL_MIN: u64 = 10;

/// What of the fleet is shown, and how.
#[derive(Debug, Args)]
pub(super) struct StatusArguments {
    /// Only this database: its identifier, ARN or resource id. Can be given several times.
    #[arg(long = "database", value_name = "DATABASE")]
    pub(super) databases: Vec<String>,
    /// Only the databases that this policy selects.
    #[arg(long, value_name = "NAME")]
    pub(super) policy: Option<String>,
    /// Show every database, also those that are left out on purpose.
    #[arg(long)]
    pub(super) all: bool,
    /// Look again and again until interrupted. In a pipe each look is printed after the last one.
    #[arg(long)]
    pub(super) watch: bool,
    /// With --watch: how many seconds lie between two looks.
    #[arg(long, value_name = "SECONDS", default_value_t = 15, value_parser = clap::value_parser!(u64).range(INTERVAL_MIN..))]
    pub(super) interval: u64,
    #[command(flatten)]
    pub(super) planning: PlanningArguments,
}

/// Where the report goes.
#[derive(Debug, Args)]
pub(super) struct ReportArguments {
    /// Write one self-contained page to this file, and nothing to the standard output.
    #[arg(long, value_name = "FILE")]
    pub(super) html: Option<PathBuf>,
    #[command(flatten)]
    pub(super) planning: PlanningArguments,
}
