//! Ten thousand at once: a full sweep and a burst of hints, through the deployed local stack and the shipped
//! function, judged by the simulated RDS's own truth.
//!
//! The waits are put into the table by this program and not by executions: an emulator that holds ten thousand
//! executions asleep would measure itself. Their tokens are answered by the recording proxy ([`StandIn`]), once
//! each, as Step Functions does. Some of the burst's waits are live: the planner starts their executions, the
//! worker takes their snapshots, and the emulator's Step Functions is told.

mod figures;
mod judge;
mod memory;
mod run;
mod stand_in;
mod waits;
mod world;

use std::path::PathBuf;

use snapferry_sim::faults::{Fault, World};

use clap::builder::RangedU64ValueParser;

pub use figures::{BurstFigures, Figures, SweepFigures, json, table};
pub use run::run;
pub use stand_in::StandIn;

/// How much at once.
#[derive(Debug, Clone, clap::Args)]
#[command(after_long_help = format!("What goes wrong in every run:\n\n{}", Fault::help(World::Burst)))]
pub struct Args {
    /// Print one JSON object as the last line of standard output; everything else goes to standard error.
    #[arg(long)]
    pub json: bool,
    /// How many hints the burst has.
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = RangedU64ValueParser::<usize>::new().range(100..=100_000))]
    pub hints: usize,
    /// How many waits are open when the sweep begins.
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = RangedU64ValueParser::<usize>::new().range(100..=100_000))]
    pub waits: usize,
    /// How many of the burst's waits are of executions that sleep in the emulator.
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = RangedU64ValueParser::<usize>::new().range(0..=500))]
    pub live: usize,
    /// Deploy this function instead of building it.
    #[arg(long, value_name = "PATH", hide = true)]
    pub bootstrap: Option<PathBuf>,
}
