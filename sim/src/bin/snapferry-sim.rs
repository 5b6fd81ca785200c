//! `cargo run -r -p snapferry-sim -- <subcommand>`: wiring only.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "what the person who ran it wants to read"
)]

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use snapferry_sim::{bench, simulation};

/// The simulated world of Snapferry.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs the product's use cases under all faults, in virtual time, and judges every step.
    Simulate(simulation::Args),
    /// Measures the shipped function beside an empty one and one over boto3, in one interleaved run.
    LambdaBench(bench::Args),
}

fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Simulate(args) => simulate(&args),
        Command::LambdaBench(args) => bench::main(&args),
    }
}

fn simulate(args: &simulation::Args) -> ExitCode {
    let report = simulation::simulate(args);
    if args.trace
        && let Some(outcome) = &report.failure
    {
        for step in &outcome.trace {
            println!("{step}");
        }
    }
    println!("{}", simulation::table(&report));
    match report.failure_text(args.mutant) {
        None => {
            println!("every rule held");
            ExitCode::SUCCESS
        }
        Some(text) => {
            eprint!("{text}");
            ExitCode::FAILURE
        }
    }
}
