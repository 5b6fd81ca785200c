//! The arguments of `snapferry catalog`.

use clap::{Args, Subcommand};

use crate::cli::time_argument::TimeArgument;

const SHOW_EXAMPLES: &str = "\
Examples:
  snapferry catalog show orders
  snapferry catalog show orders --at 2026-11-22T03:00:00Z --json";

const DIFF_EXAMPLES: &str = "\
Examples:
  snapferry catalog diff orders
  snapferry catalog diff orders --from 30d --to 1d";

#[derive(Debug, Args)]
pub(in crate::cli) struct CatalogArguments {
    #[command(subcommand)]
    pub(in crate::cli) action: CatalogAction,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum CatalogAction {
    /// Show a database's configuration: what its snapshots do not carry.
    #[command(after_help = SHOW_EXAMPLES)]
    Show(ShowArguments),
    /// Show which settings changed between two versions of a database's configuration: the last two, or those in force at
    /// two times.
    #[command(after_help = DIFF_EXAMPLES)]
    Diff(DiffArguments),
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ShowArguments {
    /// The database: its identifier, ARN or resource id.
    #[arg(value_name = "DATABASE")]
    pub(super) database: String,
    /// The version that was in force then: a time, or a span before now [default: the newest]
    #[arg(long, value_name = "TIME", value_parser = TimeArgument::parse)]
    pub(super) at: Option<TimeArgument>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct DiffArguments {
    /// The database: its identifier, ARN or resource id.
    #[arg(value_name = "DATABASE")]
    pub(super) database: String,
    /// The version that was in force then [default: the one before --to]
    #[arg(long, value_name = "TIME", value_parser = TimeArgument::parse)]
    pub(super) from: Option<TimeArgument>,
    /// The version that was in force then [default: the newest]
    #[arg(long, value_name = "TIME", value_parser = TimeArgument::parse)]
    pub(super) to: Option<TimeArgument>,
}
