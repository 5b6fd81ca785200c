//! What the demo can be told.

use std::path::PathBuf;

use super::Breakage;
use super::faults::Choice;
use crate::local::Permission;

/// Protects a simulated fleet with the real state machine, the shipped function and the shipped templates, on
/// this machine alone, and checks the result against the simulator's own truth.
#[derive(Debug, Clone, clap::Args)]
#[command(version)]
pub struct Args {
    /// How many databases to protect. RDS's quotas of manual snapshots are raised if need be.
    #[arg(long, value_name = "N", default_value_t = 12, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub databases: u16,

    /// The seed of everything that chance decides: engines, sizes, how long snapshots and copies take.
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub seed: u64,

    /// How much faster than life the simulated RDS runs.
    #[arg(long, value_name = "X", default_value_t = 60.0, value_parser = speed)]
    pub speed: f64,

    #[arg(
        long,
        value_name = "FAULTS",
        default_value = "none",
        hide_default_value = true,
        help = "What goes wrong: none, mild, harsh, or a comma-separated list (see --help)",
        long_help = Choice::help()
    )]
    /// What goes wrong.
    pub faults: Choice,

    /// Take a permission out of a function's role first, such as worker=rds:CopyDBSnapshot. The demo must then fail.
    #[arg(long, value_name = "ROLE=ACTION")]
    pub without_permission: Vec<Permission>,

    /// Put a permission into a function's role first. The summary must then name it as unused.
    #[arg(long, value_name = "ROLE=ACTION")]
    pub with_permission: Vec<Permission>,

    /// Runs this executable as `snapferry`, instead of building it.
    #[arg(long, value_name = "PATH", hide = true)]
    pub snapferry: Option<PathBuf>,

    /// Break one thing and stop there: say what to look at and what to type, and leave the repair to you. docs/TUTORIAL.md
    /// goes through it.
    #[arg(long = "break", value_name = "FAULT", requires = "keep", conflicts_with_all = ["faults", "json"])]
    pub breaks: Option<Breakage>,

    /// Drill recovery points of the protected fleet, three of them so that they fail, then lose the source regions and restore
    /// the whole fleet. It needs 12 databases or more.
    #[arg(long, conflicts_with_all = ["faults", "breaks", "without_permission"])]
    pub drill: bool,

    /// Print one JSON object as the last line of stdout; everything else goes to stderr.
    #[arg(long)]
    pub json: bool,

    /// Stay up after the run until Ctrl-C, and print how `aws` and `snapferry` reach the local world.
    #[arg(long)]
    pub keep: bool,
}

impl Args {
    /// Whether the roles are not the template's.
    pub(super) fn changes_roles(&self) -> bool {
        !self.without_permission.is_empty() || !self.with_permission.is_empty()
    }
}

fn speed(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(speed) if (1.0..=1000.0).contains(&speed) => Ok(speed),
        _ => Err("a number from 1 to 1000 is needed".to_owned()),
    }
}
