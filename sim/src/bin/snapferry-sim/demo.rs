//! `cargo demo`: wiring only.
#![allow(
    clippy::print_stderr,
    reason = "the one sentence for the person who ran it"
)]

use std::process::ExitCode;

use clap::Parser as _;
use snapferry_sim::demo::{Args, run};

fn main() -> ExitCode {
    let args = Args::parse();
    let ended = tokio::runtime::Runtime::new()
        .map_err(anyhow::Error::from)
        .and_then(|runtime| {
            let ended = runtime.block_on(run(args));
            // A build that a signal came into is not waited for: it ends with this process.
            runtime.shutdown_background();
            ended
        });
    ended.unwrap_or_else(|error| {
        eprintln!("cargo demo: {error:#}");
        ExitCode::from(2)
    })
}
