//! The arguments of `snapferry drill`.

use clap::{ArgGroup, Args};

use crate::cli::pace::LOOK_EVERY;
use crate::domain::drill::options::Level;

pub(in crate::cli) const EXAMPLES: &str = "\
Examples:
  snapferry drill --due --dry-run                  which databases are due, and what their drills would cost
  snapferry drill --due --yes --json               drills them; for a scheduled job
  snapferry drill --database orders --yes
  snapferry drill --policy gold --level L1 --dry-run
  snapferry drill --history --json                 what an auditor wants to see
  snapferry drill --clean                          what drills left behind
  snapferry drill --clean --yes                    removes what outlived its deadline";

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("which").required(true).multiple(true).args(["databases", "policy", "due", "clean", "history"]))]
pub(in crate::cli) struct DrillArguments {
    /// This database, whether it is due or not: its identifier, ARN or resource id. Can be given several times.
    #[arg(long = "database", value_name = "DATABASE")]
    pub(super) databases: Vec<String>,
    /// Only databases of this policy. Without --due, all of them.
    #[arg(long, value_name = "POLICY")]
    pub(super) policy: Option<String>,
    /// Those that are due, as many as their policies' samples allow.
    #[arg(long)]
    pub(super) due: bool,
    /// The level of proof, in place of the policies': L1 or L3.
    #[arg(long, value_name = "LEVEL", value_parser = Level::parse)]
    pub(super) level: Option<Level>,
    /// How many seconds to wait between two looks at RDS.
    #[arg(long, value_name = "SECONDS", default_value_t = LOOK_EVERY, value_parser = clap::value_parser!(u64).range(1..=600), conflicts_with_all = ["clean", "history"])]
    pub(super) look_every: u64,
    /// Show the plan, and change nothing.
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Carry it out without asking.
    #[arg(long, conflicts_with = "dry_run")]
    pub(super) yes: bool,
    /// End each drill with its result, and leave what it made to the remover (restore.yaml, deployed by deploy --with
    /// restore), which deletes it within an hour. You then need no right to delete.
    #[arg(long, conflicts_with_all = ["dry_run", "clean", "history"])]
    pub(super) leave_removal: bool,
    /// Show what drills have left behind. With --yes, remove what is over or past its deadline.
    #[arg(long, conflicts_with_all = ["databases", "policy", "due", "level", "history"])]
    pub(super) clean: bool,
    /// Show the last drills of each database, with everything that was checked and measured.
    #[arg(long, conflicts_with_all = ["due", "level", "dry_run", "yes"])]
    pub(super) history: bool,
}
