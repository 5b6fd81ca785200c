//! The programs of the simulated world: wiring only. `.cargo/config.toml` makes each a command of cargo.

mod demo;
mod local_stack;
mod simulate;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The simulated world of Snapferry.
#[derive(Parser)]
#[command(bin_name = "cargo")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Protects a simulated fleet on this machine and checks the result.
    Demo(snapferry_sim::demo::Args),
    /// Runs the product's use cases under all faults, in virtual time, and judges every step.
    Simulate(snapferry_sim::simulation::Args),
    /// Keeps the local stack up, until its standard input closes or Ctrl-C is pressed.
    LocalStack(local_stack::Args),
}

fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Demo(args) => demo::main(args),
        Command::Simulate(args) => simulate::main(&args),
        Command::LocalStack(args) => local_stack::main(args),
    }
}
