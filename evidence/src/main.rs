//! The programs that measure: wiring only. `.cargo/config.toml` makes each a command of cargo.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "what the person who ran it wants to read"
)]

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use snapferry_evidence::{bench, burst, compare, fleet_status, idle_cost};

/// What measures the figures in the documents of Snapferry.
#[derive(Parser)]
#[command(bin_name = "cargo")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Snapferry beside the loops that others use: lag, losses, calls and cost, in virtual time.
    Compare(compare::Args),
    /// Measures the shipped function beside an empty one and one over boto3, in one interleaved run.
    LambdaBench(bench::Args),
    /// What a month of the stack costs while nothing happens, computed from its templates.
    IdleCost(idle_cost::Args),
    /// A sweep of ten thousand waits and a burst of ten thousand hints through the deployed local stack.
    Burst(burst::Args),
    /// How long `snapferry status` and `snapferry report` take for a large fleet, and how much memory.
    FleetStatus(fleet_status::Args),
}

fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Compare(args) => comparison(&args),
        Command::LambdaBench(args) => bench::main(&args),
        Command::IdleCost(args) => idle_cost(&args),
        Command::Burst(args) => burst(&args),
        Command::FleetStatus(args) => fleet_status(&args),
    }
}

fn comparison(args: &compare::Args) -> ExitCode {
    match compared(args) {
        Ok(broken) if broken.is_empty() => {
            say(args, "every promise was kept");
            ExitCode::SUCCESS
        }
        Ok(broken) => {
            for compare::Broken { promise, by } in broken {
                eprintln!("broken: {promise}\n  {by}");
            }
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The promises that were not kept. With `--json` the last line of standard output is the object.
fn compared(args: &compare::Args) -> anyhow::Result<Vec<compare::Broken>> {
    let trace = args
        .trace
        .as_deref()
        .map(compare::Trace::open)
        .transpose()?;
    let progress = |figures: &compare::Figures| {
        eprintln!(
            "{} of {}: {} databases, events {} s late, {} % lost",
            figures.design.name(),
            figures.made,
            figures.databases,
            figures.event_delay_seconds,
            figures.events_lost * 100.0
        );
    };
    let study = compare::study(
        trace.as_ref(),
        &args.fleets,
        args.seed,
        args.rds_calls_per_minute,
        args.threads,
        &progress,
    );
    let broken = compare::broken(&study);
    say(args, &compare::tables(&study));
    for chart in compare::draw(&study, &args.charts)? {
        say(args, &chart.display().to_string());
    }
    if args.json {
        println!("{}", compare::json(&study, &broken));
    }
    Ok(broken)
}

/// Fails when the bill is above what is promised.
fn idle_cost(args: &idle_cost::Args) -> ExitCode {
    let bill = match idle_cost::of_repository(args) {
        Ok(bill) => bill,
        Err(error) => {
            eprintln!("{error:#}");
            return ExitCode::FAILURE;
        }
    };
    if args.json {
        println!("{}", idle_cost::json(&bill));
    } else {
        println!("{}", idle_cost::table(&bill));
    }
    if bill.dollars() <= idle_cost::DOLLARS_MAX {
        return ExitCode::SUCCESS;
    }
    eprintln!(
        "broken: an idle stack costs at most ${}",
        idle_cost::DOLLARS_MAX
    );
    ExitCode::FAILURE
}

/// Fails when a promise is broken.
fn fleet_status(args: &fleet_status::Args) -> ExitCode {
    let figures = match measured(fleet_status::run(args)) {
        Ok(figures) => figures,
        Err(code) => return code,
    };
    if args.json {
        println!("{}", serde_json::json!(figures));
    } else {
        println!("{}", fleet_status::table(args, &figures));
    }
    judged(&figures.broken)
}

/// Fails when something was lost or a promise broken.
fn burst(args: &burst::Args) -> ExitCode {
    let figures = match measured(burst::run(args)) {
        Ok(figures) => figures,
        Err(code) => return code,
    };
    let table = burst::table(&figures);
    if args.json {
        eprintln!("{table}");
        println!("{}", burst::json(&figures));
    } else {
        println!("{table}");
    }
    judged(&figures.broken)
}

/// Runs to the end. An error is printed; what is left of it is the exit code.
fn measured<T>(run: impl Future<Output = anyhow::Result<T>>) -> Result<T, ExitCode> {
    let ran = tokio::runtime::Runtime::new()
        .map_err(anyhow::Error::from)
        .and_then(|runtime| runtime.block_on(run));
    ran.map_err(|error| {
        eprintln!("{error:#}");
        ExitCode::FAILURE
    })
}

/// Names the promises that were broken.
fn judged(broken: &[String]) -> ExitCode {
    for promise in broken {
        eprintln!("broken: {promise}");
    }
    match broken.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

/// To standard output, unless that is for JSON only.
fn say(args: &compare::Args, text: &str) {
    if args.json {
        eprintln!("{text}");
    } else {
        println!("{text}");
    }
}
