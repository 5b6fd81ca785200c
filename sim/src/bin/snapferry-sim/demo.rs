//! `cargo demo`.

use std::process::ExitCode;

use snapferry_sim::demo::{Args, run};

/// Fails when a promise was broken, or the demo could not be run.
#[allow(
    clippy::print_stderr,
    reason = "the one sentence for the person who ran it"
)]
pub(super) fn main(args: Args) -> ExitCode {
    let ended = tokio::runtime::Runtime::new()
        .map_err(anyhow::Error::from)
        .and_then(|runtime| {
            let ended = runtime.block_on(run(args));
            // Do not wait for a build that a signal came into: it ends with this process.
            runtime.shutdown_background();
            ended
        });
    ended.unwrap_or_else(|error| {
        eprintln!("cargo demo: {error:#}");
        ExitCode::from(2)
    })
}
