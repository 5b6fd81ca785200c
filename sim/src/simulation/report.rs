//! Runs many worlds and reports them in one table.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use comfy_table::{CellAlignment, Table};

use super::mutant::Mutant;
use super::run::{Outcome, run_world};
use crate::faults::{Fault, World};

/// How many of its last steps a failure shows.
const STEPS_SHOWN: usize = 80;

/// What to simulate.
#[derive(Debug, Clone, clap::Args)]
#[command(after_long_help = format!("What goes wrong by chance:\n\n{}", Fault::help(World::Simulation)))]
pub struct Args {
    /// How many executions of the state machine, at least.
    #[arg(long, default_value_t = 1_000)]
    pub executions: u64,
    /// The seed that determines everything.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Run only the world of this seed, as a failure names it.
    #[arg(long)]
    pub world: Option<u64>,
    /// Plant a bug. The simulation must find it.
    #[arg(long, value_parser = parse_mutant)]
    pub mutant: Option<Mutant>,
    /// How many threads run worlds.
    #[arg(long, default_value_t = threads())]
    pub threads: usize,
    /// Print every step of the world.
    #[arg(long, requires = "world")]
    pub trace: bool,
}

fn parse_mutant(name: &str) -> Result<Mutant, String> {
    Mutant::by_name(name).ok_or_else(|| {
        let names: Vec<&str> = Mutant::ALL.iter().map(|mutant| mutant.name()).collect();
        format!("expected one of {}", names.join(", "))
    })
}

fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// The result of all worlds together.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// How many worlds there were.
    pub worlds: u64,
    /// How many executions they had.
    pub executions: u64,
    /// How many steps they took.
    pub steps: u64,
    /// What happened, and how often.
    pub counts: BTreeMap<&'static str, u64>,
    /// The first world that broke a rule, with its trace.
    pub failure: Option<Outcome>,
}

impl Report {
    fn add(&mut self, outcome: &Outcome) {
        self.worlds += 1;
        self.executions += outcome.executions;
        self.steps += outcome.steps;
        for (what, count) in &outcome.counts {
            *self.counts.entry(what).or_default() += count;
        }
    }
}

impl Outcome {
    /// What a violation prints: the last steps, the rule, the seed, the command that shows it again.
    #[must_use]
    pub fn failure_text(&self, mutant: Option<Mutant>) -> Option<String> {
        let violation = self.violation.as_ref()?;
        let mut text = String::new();
        let from = self.trace.len().saturating_sub(STEPS_SHOWN);
        let _ = writeln!(text, "the last of {} steps:", self.trace.len());
        for step in &self.trace[from..] {
            let _ = writeln!(text, "  {step}");
        }
        let planted = mutant.map_or(String::new(), |mutant| {
            format!(" --mutant {}", mutant.name())
        });
        let _ = writeln!(text, "broken: {}\n  {}", violation.rule, violation.detail);
        let _ = writeln!(text, "seed of the world: {}", self.seed);
        let _ = writeln!(
            text,
            "replay: cargo simulate --world {}{planted} --trace",
            self.seed
        );
        Some(text)
    }
}

/// The seeds of all worlds of a run, in order.
pub fn world_seeds(seed: u64) -> impl Iterator<Item = u64> {
    (0..).map(move |n| world_seed(seed, n))
}

/// The seed of the nth world (SplitMix64), so that each is independent of how many there are.
fn world_seed(seed: u64, n: u64) -> u64 {
    let mut z = seed.wrapping_add(n.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Worlds that finished before earlier ones.
#[derive(Default)]
struct Merge {
    next: u64,
    ahead: BTreeMap<u64, Outcome>,
    report: Report,
}

impl Merge {
    /// Adds an outcome, and counts the complete ones in order. Returns whether they are enough.
    fn take(&mut self, n: u64, outcome: Outcome, executions: u64) -> bool {
        self.ahead.insert(n, outcome);
        while self.report.executions < executions && self.report.failure.is_none() {
            let Some(outcome) = self.ahead.remove(&self.next) else {
                return false;
            };
            self.next += 1;
            self.report.add(&outcome);
            if outcome.violation.is_some() {
                self.report.failure = Some(outcome);
            }
        }
        true
    }
}

/// Runs worlds until there were enough executions or a rule was broken. The result does not depend on the number of threads.
#[must_use]
pub fn simulate(args: &Args) -> Report {
    if let Some(seed) = args.world {
        let outcome = run_world(seed, args.mutant, true);
        let mut report = Report::default();
        report.add(&outcome);
        report.failure = Some(outcome).filter(|outcome| outcome.violation.is_some() || args.trace);
        return report;
    }
    let (next, enough) = (AtomicU64::new(0), AtomicBool::new(false));
    let merge = Mutex::new(Merge::default());
    std::thread::scope(|scope| {
        for _ in 0..args.threads.max(1) {
            scope.spawn(|| {
                while !enough.load(Ordering::Relaxed) {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    let outcome = run_world(world_seed(args.seed, n), args.mutant, false);
                    let mut merge = merge
                        .lock()
                        .unwrap_or_else(std::sync::PoisonError::into_inner);
                    if merge.take(n, outcome, args.executions) {
                        enough.store(true, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let mut report = merge
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
        .report;
    // Run the same world again, and record its steps this time.
    report.failure = report
        .failure
        .map(|outcome| run_world(outcome.seed, args.mutant, true));
    report
}

/// The table of injected faults and of what happened.
#[must_use]
pub fn table(report: &Report) -> String {
    let mut table = Table::new();
    table.set_header(["what", "times", "per 1,000 executions"]);
    let executions = report.executions.max(1);
    for (what, count) in &report.counts {
        let rate = count * 1_000 / executions;
        table.add_row([(*what).to_owned(), count.to_string(), rate.to_string()]);
    }
    for n in 1..=2 {
        if let Some(column) = table.column_mut(n) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    format!(
        "{table}\n{} executions in {} worlds, {} steps",
        report.executions, report.worlds, report.steps
    )
}
