//! `lambda-bench`: the deployed thing, measured.
//!
//! The shipped `bootstrap` runs as the reactor under the benchmark's own Runtime API. Local TLS servers, with
//! certificates made for the run, replace AWS's endpoints. An empty Rust function (the floor) and a function over boto3
//! that makes the same calls run after it. Each gets the same events, and the endpoints check that it did its work. At
//! the end the benchmark checks what is promised of the product.

mod args;
mod chart;
mod contenders;
mod figures;
mod hints;
mod measure;
mod program;
mod report;
mod runtime_api;
mod services;
mod statistics;
#[cfg(test)]
mod tests;
mod tls;

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};

pub use args::Args;
use contenders::Built;
use figures::Figures;
use hints::Hints;
use measure::{BATCHES, Bench, Measured};
use services::Services;
use tls::Identity;

/// AWS's endpoints are behind five authorities, and the product reads as many.
const DECOYS: usize = 4;
const BLOCKS: u64 = 10;
const PROGRAMS: u64 = 3;

/// Runs the benchmark and prints what it found: 0 when every promise is kept, 1 when one is missed, 2 when it
/// could not be measured.
#[allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "what the person who ran it wants to read"
)]
#[must_use]
pub fn main(args: &Args) -> ExitCode {
    let figures = match run(args) {
        Ok(figures) => figures,
        Err(error) => {
            eprintln!("lambda-bench: {error:#}");
            return ExitCode::from(2);
        }
    };
    let tables = report::tables(&figures);
    if args.json {
        eprintln!("{tables}");
        println!("{}", figures.json());
    } else {
        println!("{tables}");
    }
    let promises = figures.promises();
    let missed = promises.iter().filter(|promise| !promise.is_kept());
    let missed: Vec<&str> = missed.map(|promise| promise.name).collect();
    for name in &missed {
        eprintln!("missed: {name}");
    }
    if missed.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

#[allow(clippy::print_stderr, reason = "progress")]
fn run(args: &Args) -> anyhow::Result<Figures> {
    let built = Built::new(args.bootstrap.as_deref(), &|step| eprintln!("{step}"))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("no runtime for the benchmark")?;
    let figures = runtime.block_on(measured(args, &built))?;
    if let Some(path) = &args.chart {
        let svg = chart::svg(&figures)?;
        std::fs::write(path, svg).with_context(|| format!("{}", path.display()))?;
    }
    Ok(figures)
}

async fn measured(args: &Args, built: &Built) -> anyhow::Result<Figures> {
    let folder = tempfile::tempdir().context("no folder for the run")?;
    let hints = Arc::new(Hints::new(BATCHES.into_iter().max().unwrap_or_default())?);
    let identity = Identity::new(DECOYS)?;
    let services = Services::start(&identity, hints.clone()).await?;
    let programs = built.programs(folder.path(), &services, &identity)?;
    let bench = Bench {
        folder: folder.path(),
        hints: &hints,
        services: &services,
    };
    let mut measured: [Measured; 3] = Default::default();

    let bar = progress("cold starts", u64::from(args.rounds) * PROGRAMS)?;
    bench
        .cold(&programs, &mut measured, args.rounds, &|| bar.inc(1))
        .await?;
    bar.finish();
    let sizes = u64::try_from(BATCHES.len()).unwrap_or_default();
    let bar = progress("warm batches", BLOCKS * sizes * PROGRAMS)?;
    bench
        .warm(&programs, &mut measured, args.batches, &|| bar.inc(1))
        .await?;
    bar.finish();
    let [_, snapferry, _] = &programs;
    let slow = bench.slow(snapferry).await?;

    let [empty, snapferry, boto3] = measured;
    Ok(Figures {
        empty,
        snapferry,
        boto3,
        slow,
        zip: built.zip,
    })
}

/// A bar on standard error, if that is a terminal.
fn progress(what: &'static str, length: u64) -> anyhow::Result<ProgressBar> {
    let style = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len}")?;
    Ok(ProgressBar::new(length)
        .with_style(style)
        .with_message(what))
}
