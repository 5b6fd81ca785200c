//! The arguments of `snapferry policy`, as clap reads them.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use jiff::Timestamp;

use crate::domain::id::tags::PolicyName;
use crate::domain::policy::set::{Note, Version};

#[derive(Debug, Args)]
pub(in crate::cli) struct PolicyArguments {
    #[command(subcommand)]
    pub(in crate::cli) action: PolicyAction,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum PolicyAction {
    /// Check a policy file and apply it.
    ///
    /// Reports all faults at once, each with its line. Resolves aliases of KMS keys to the keys that they name now.
    /// Keeps every set that was applied before, and never overwrites a set that somebody else applies at the same
    /// moment. The planner uses the new set from its next run on.
    #[command(after_help = APPLY_EXAMPLES)]
    Apply(ApplyArguments),
    /// Show the set of policies in force, as the file that was applied.
    #[command(after_help = SHOW_EXAMPLES, disable_version_flag = true)]
    Show(ShowArguments),
    /// Show which recovery points a policy of a file would keep, and why. Does not call AWS.
    ///
    /// Takes the times of recovery points and the time that counts as now, and applies the policy's rules as the pruner
    /// would. Removes nothing.
    #[command(after_help = KEEPS_EXAMPLES)]
    Keeps(KeepsArguments),
    /// List the sets that were applied, the newest first: when, who and why.
    #[command(after_help = HISTORY_EXAMPLES)]
    History(HistoryArguments),
}

const APPLY_EXAMPLES: &str = "\
Examples:
  snapferry policy apply policies.toml --check             check the file without AWS
  snapferry policy apply policies.toml --note 'CHG-1234: gold every six hours'
  snapferry policy show --version 3 --file | snapferry policy apply -    go back to version 3";

const SHOW_EXAMPLES: &str = "\
Examples:
  snapferry policy show                           the set in force
  snapferry policy show --file > policies.toml    the file that was applied, or one to begin with
  snapferry policy show --version 3 --json";

const KEEPS_EXAMPLES: &str = "\
Examples:
  snapferry policy keeps policies.toml --policy gold --points daily:400d
  snapferry policy keeps policies.toml --policy gold --points times.json --json \\
    --now 2026-11-28T04:00:00Z";

const HISTORY_EXAMPLES: &str = "\
Examples:
  snapferry policy history
  snapferry policy history --limit 100 --json";

#[derive(Debug, Args)]
pub(in crate::cli) struct ApplyArguments {
    /// The policy file (see docs/POLICIES.md), or - for the standard input.
    pub(super) file: PathBuf,
    /// Only check the file, without AWS and credentials. If the recovery region is given, also check that keys are in it.
    #[arg(long)]
    pub(super) check: bool,
    /// Why you apply it. `policy history` shows it.
    #[arg(long, value_name = "TEXT", value_parser = Note::parse)]
    pub(super) note: Option<Note>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ShowArguments {
    /// The version to show, instead of the one in force.
    // The id is not `version`, because clap uses that itself.
    #[arg(long = "version", id = "of", value_name = "N", value_parser = version)]
    pub(super) version: Option<Version>,
    /// Print only the file, byte for byte, without comments about who applied it.
    #[arg(long, conflicts_with = "json")]
    pub(super) file: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct KeepsArguments {
    /// The policy file (see docs/RETENTION.md); - for the standard input.
    pub(super) file: PathBuf,
    /// The policy to evaluate.
    #[arg(long, value_name = "NAME", value_parser = PolicyName::parse)]
    pub(super) policy: PolicyName,
    /// When the data of the recovery points was taken: a file with a JSON array of RFC 3339 times; - for the standard
    /// input; or a pattern that ends now, such as daily:400d (one a day for 400 days) or hourly:7d.
    #[arg(long, value_name = "POINTS")]
    pub(super) points: String,
    /// The time to evaluate at, such as 2026-11-28T04:00:00Z [default: now]
    #[arg(long, value_name = "TIME")]
    pub(super) now: Option<Timestamp>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct HistoryArguments {
    /// List this many at most.
    #[arg(long, alias = "most", value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) limit: u32,
}

fn version(text: &str) -> Result<Version, String> {
    let number = text.parse().ok();
    number
        .and_then(|number| Version::new(number).ok())
        .ok_or_else(|| "a version was expected: 1, 2, 3".to_owned())
}
