//! Snapferry beside the loops that others use: the same RDS, the same durations, virtual time.
//!
//! Every design makes one recovery point of each database of a fleet: a snapshot in the source region, its copy
//! in the recovery region. The RDS model ([`snapferry_sim::rds`]) says when each is ready, and a [`Trace`] for how long
//! it takes; a design says when it looks, and the ledger counts what that costs. Snapferry runs as the product's
//! own use cases; each loop is written as its source describes it, and says so where it stands.
//!
//! `docs/COMPARISON.md` says how each is modelled, and what such a comparison cannot show.

mod bound;
mod charts;
mod cloud;
mod drive;
mod ledger;
mod loops;
pub mod prices;
mod promises;
mod report;
mod study;
mod trace;
mod with_snapferry;

use std::path::PathBuf;

use snapferry_sim::faults::{Fault, World};

pub use charts::{ChartError, draw};
pub use cloud::{RDS_CALLS_PER_MINUTE, RateShape, RdsOutages};
pub use promises::{Broken, broken};
pub use report::{json, tables};
pub use study::{Design, Figures, Study, run, study};
pub use trace::{BadLine, COLUMNS, Durations, Trace, TraceError};

/// What to compare.
#[derive(Debug, Clone, clap::Args)]
#[command(after_long_help = format!("What goes wrong in some of the runs:\n\n{}", Fault::help(World::Comparison)))]
pub struct Args {
    /// End with one line of JSON on standard output; everything else goes to standard error.
    #[arg(long)]
    pub json: bool,
    /// The seed of the durations, of lost events and of everything else left to chance.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Take the durations from a CSV file instead of drawing them.
    ///
    /// Its first line is `snapshot_seconds,copy_seconds`; each line after it is one database: the seconds from
    /// CreateDBSnapshot to available, and from CopyDBSnapshot's acceptance to available, as numbers above 0
    /// and up to 2592000 (30 days). Lines that begin with # are skipped. A fleet larger than the file begins
    /// it again. Every line that cannot be used is named, with its number.
    #[arg(long, value_name = "FILE")]
    pub trace: Option<PathBuf>,
    /// How many databases the fleets have.
    #[arg(long, value_delimiter = ',', default_values_t = [10, 100, 1_000, 10_000], value_parser = fleet)]
    pub fleets: Vec<usize>,
    /// How many calls of one operation RDS takes in one region and minute; it throttles what comes above.
    /// AWS publishes no rate, so this is an assumption.
    #[arg(long, value_name = "CALLS", default_value_t = cloud::RDS_CALLS_PER_MINUTE, value_parser = rate)]
    pub rds_calls_per_minute: f64,
    /// Where the charts go, as SVG.
    #[arg(long, value_name = "DIRECTORY", default_value = "target/compare")]
    pub charts: PathBuf,
    /// How many runs go on at once.
    #[arg(long, default_value_t = threads())]
    pub threads: usize,
}

fn fleet(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(databases @ 1..=99_999) => Ok(databases),
        _ => Err("a number from 1 to 99999".to_owned()),
    }
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if rate.is_finite() && rate >= 1.0 => Ok(rate),
        _ => Err("a number from 1 on".to_owned()),
    }
}

fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
