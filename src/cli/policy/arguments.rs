//! The arguments of `snapferry policy`, as clap reads them.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::domain::policy::set::{Note, Version};

#[derive(Debug, Args)]
pub(in crate::cli) struct PolicyArguments {
    #[command(subcommand)]
    pub(in crate::cli) action: PolicyAction,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum PolicyAction {
    /// Check a policy file and put it into force.
    ///
    /// Every fault is told at once, with its line. Aliases of KMS keys are resolved to the keys that they stand
    /// for now. What was applied before is kept; a set that somebody else applied at the same moment is never
    /// overwritten. The planner follows the new set from its next run on.
    #[command(after_help = APPLY_EXAMPLES)]
    Apply(ApplyArguments),
    /// Show the set of policies that holds, as the file that was applied.
    #[command(after_help = SHOW_EXAMPLES, disable_version_flag = true)]
    Show(ShowArguments),
    /// List the sets that were applied, the newest first: when, by whom, why.
    #[command(after_help = HISTORY_EXAMPLES)]
    History(HistoryArguments),
}

const APPLY_EXAMPLES: &str = "\
Examples:
  snapferry policy apply policies.toml --check             look for faults, without AWS
  snapferry policy apply policies.toml --note 'CHG-1234: gold every six hours'
  snapferry policy show --version 3 --file | snapferry policy apply -    go back to version 3";

const SHOW_EXAMPLES: &str = "\
Examples:
  snapferry policy show                           what holds
  snapferry policy show --file > policies.toml    the file as it was, or one to begin with
  snapferry policy show --version 3 --json";

const HISTORY_EXAMPLES: &str = "\
Examples:
  snapferry policy history
  snapferry policy history --limit 100 --json";

#[derive(Debug, Args)]
pub(in crate::cli) struct ApplyArguments {
    /// The policy file (see docs/POLICIES.md); - for the standard input.
    pub(super) file: PathBuf,
    /// Only look for faults: no AWS, no credentials. Keys are held to the recovery region if it is given.
    #[arg(long)]
    pub(super) check: bool,
    /// Why it is applied, for the history.
    #[arg(long, value_name = "TEXT", value_parser = Note::parse)]
    pub(super) note: Option<Note>,
    /// Print JSON.
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ShowArguments {
    /// The version to show, instead of the one that holds.
    // Not `version`: that is clap's own.
    #[arg(long = "version", id = "of", value_name = "N", value_parser = version)]
    pub(super) version: Option<Version>,
    /// Print only the file, byte for byte, without comments about who applied it.
    #[arg(long, conflicts_with = "json")]
    pub(super) file: bool,
    /// Print JSON.
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct HistoryArguments {
    /// List no more than this many.
    #[arg(long, alias = "most", value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) limit: u32,
    /// Print JSON.
    #[arg(long)]
    pub(super) json: bool,
}

fn version(text: &str) -> Result<Version, String> {
    let number = text.parse().ok();
    number
        .and_then(|number| Version::new(number).ok())
        .ok_or_else(|| "a version was expected: 1, 2, 3".to_owned())
}
