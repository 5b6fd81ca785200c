//! `cargo demo`: wiring only.
#![allow(
    clippy::print_stderr,
    reason = "the one sentence for the person who ran it"
)]

use std::process::ExitCode;

use clap::Parser as _;
use snapferry_sim::demo::{Args, run};

#[tokio::main]
async fn main() -> ExitCode {
    match run(Args::parse()).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("cargo demo: {error:#}");
            ExitCode::from(2)
        }
    }
}
