//! The function of report.yaml that puts the report into a bucket. It is a program of its own, so that the functions of
//! template.yaml, whose archive is limited, link nothing of it.

// The compiler's own limit on the depth of a future is 128.
#![recursion_limit = "256"]

use std::collections::BTreeMap;
use std::process::ExitCode;

use snapferry::aws::Reach;
use snapferry::lambda::{ReporterSettings, serve_reporter};
use snapferry::logging::{self, LogLevel};
use tracing::error;

// One thread, as the functions of template.yaml have.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let variables: BTreeMap<String, String> = environment().collect();
    let reach = Reach::read(&variables);
    let settings = ReporterSettings::read(variables);
    let level = settings
        .as_ref()
        .map_or_else(|_| LogLevel::default(), |(_, level)| level.clone());
    if tracing::subscriber::set_global_default(logging::json(level, std::io::stdout)).is_err() {
        return ExitCode::FAILURE;
    }
    let served = match (settings, reach) {
        // The future is large: it holds the whole report.
        (Ok((settings, _)), Ok(reach)) => Box::pin(serve_reporter(settings, &reach)).await,
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

#[expect(
    clippy::disallowed_methods,
    reason = "this program's one site of the environment"
)]
fn environment() -> impl Iterator<Item = (String, String)> {
    // Snapferry's variables are Unicode; it ignores others.
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}
