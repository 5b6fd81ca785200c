//! `cargo simulate`.

use std::process::ExitCode;

use snapferry_sim::simulation::{Args, simulate, table};

/// Fails when a rule was broken.
#[allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "what the person who ran it wants to read"
)]
pub(super) fn main(args: &Args) -> ExitCode {
    let report = simulate(args);
    if args.trace
        && let Some(outcome) = &report.failure
    {
        for step in &outcome.trace {
            println!("{step}");
        }
    }
    println!("{}", table(&report));
    let failure = report.failure.as_ref();
    match failure.and_then(|outcome| outcome.failure_text(args.mutant)) {
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
