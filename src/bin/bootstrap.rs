//! The functions of a stack, in one binary. The handler's name, which Lambda passes, says which function it is.

// The planner's future is a hundred and thirty layers deep where the compiler inlines; its own limit is 128.
#![recursion_limit = "256"]

use std::collections::BTreeMap;
use std::process::ExitCode;

use snapferry::aws::Reach;
use snapferry::lambda::{Settings, serve};
use snapferry::logging::{self, LogLevel};
use tracing::error;

// One thread: a function with less than 1,769 MB has at most one vCPU, and a second thread only makes the start slower.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let variables: BTreeMap<String, String> = environment().collect();
    let reach = Reach::read(&variables);
    let settings = Settings::read(variables);
    let level = settings
        .as_ref()
        .map_or_else(|_| LogLevel::default(), |(_, level)| level.clone());
    if tracing::subscriber::set_global_default(logging::json(level, std::io::stdout)).is_err() {
        return ExitCode::FAILURE;
    }
    let served = match (settings, reach) {
        (Ok((settings, _)), Ok(reach)) => serve(settings, &reach).await,
        (Err(error), _) | (_, Err(error)) => Err(error.into()),
    };
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            error!(error = %fault, "the function cannot run");
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the one site of the environment")]
fn environment() -> impl Iterator<Item = (String, String)> {
    // Snapferry's variables are Unicode; it ignores others.
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}
