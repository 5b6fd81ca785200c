//! The arguments of `snapferry restore`.

use clap::{ArgGroup, Args, ValueEnum};

use crate::cli::pace::LOOK_EVERY;
use crate::cli::time_argument::TimeArgument;
use crate::domain::restore::gap::GapKind;

pub(in crate::cli) const EXAMPLES: &str = "\
Examples:
  snapferry restore --database orders --dry-run
  snapferry restore --database orders --yes
  snapferry restore --all --yes --json
  snapferry restore --all --at 2026-11-22T03:00:00Z --dry-run --json
  snapferry restore --database orders --as orders-test --accept-gap parameter-group --dry-run
  snapferry restore --database orders --emit terraform > orders.tf
  snapferry restore --database orders --emit cloudformation --take-over > orders.yaml";

/// Which language a template is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TemplateLanguage {
    /// CloudFormation.
    Cloudformation,
    /// Terraform, or OpenTofu.
    Terraform,
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("which").required(true).args(["databases", "all", "group"]))]
pub(in crate::cli) struct RestoreArguments {
    /// This database: its identifier, ARN or resource id. Can be given several times.
    #[arg(long = "database", value_name = "DATABASE")]
    pub(super) databases: Vec<String>,
    /// All databases that the last complete listing of their region showed.
    #[arg(long)]
    pub(super) all: bool,
    /// Those of them whose tag snapferry:restore-group says this.
    #[arg(long, value_name = "GROUP")]
    pub(super) group: Option<String>,
    /// The newest recovery point whose data was taken no later than this: a time, or a span before now [default: now]
    #[arg(long, value_name = "TIME", value_parser = TimeArgument::parse)]
    pub(super) at: Option<TimeArgument>,
    /// What one database is to be called in the recovery region [default: as before]
    // Its id must not be `name`, which is that of --stack.
    #[arg(long = "as", value_name = "NAME", conflicts_with_all = ["all", "group"])]
    pub(super) restored_name: Option<String>,
    /// Let RDS's default take the place of what nothing stands for: configuration, subnet-group, security-groups,
    /// parameter-group, key or members. Can be given several times.
    #[arg(long = "accept-gap", value_name = "GAP", value_parser = GapKind::parse)]
    pub(super) accepted: Vec<GapKind>,
    /// Count a database as running before its backups are on.
    #[arg(long)]
    pub(super) fast: bool,
    /// Do not ask the recovery region beforehand whether the restore can go: quotas, classes, versions, groups, keys, names.
    #[arg(long, conflicts_with = "emit")]
    pub(super) no_preflight: bool,
    /// How many seconds to wait between two looks at RDS.
    #[arg(long, value_name = "SECONDS", default_value_t = LOOK_EVERY, value_parser = clap::value_parser!(u64).range(1..=600), conflicts_with = "emit")]
    pub(super) look_every: u64,
    /// Show the plan, and change nothing: every call, and every setting with where it comes from.
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Carry the plan out without asking.
    #[arg(long, conflicts_with_all = ["dry_run", "emit"])]
    pub(super) yes: bool,
    /// Print a template that carries the plan out.
    #[arg(long, value_name = "LANGUAGE")]
    pub(super) emit: Option<TemplateLanguage>,
    /// With --emit: print a template that takes over the databases that were restored, as RDS shows them now.
    #[arg(long, requires = "emit")]
    pub(super) take_over: bool,
}
