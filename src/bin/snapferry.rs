//! The operator's command line.

use std::ffi::OsString;
use std::process::ExitCode;

use snapferry::cli;
use snapferry::logging;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let environment = environment();
    let words: Vec<OsString> = std::env::args_os().collect();
    let mut out = std::io::stdout();
    let asks_for_json = cli::asks_for_json(&words);
    let arguments = match cli::parse(&words) {
        Ok(arguments) => arguments,
        Err(answer) => {
            if answer.use_stderr() && asks_for_json {
                cli::write_error(answer.to_string().trim_end(), &mut out);
            }
            answer.exit()
        }
    };
    cli::write_as_asked(&arguments);
    let ended = match cli::log_level(&environment) {
        Ok(level) => {
            // The answer is on the standard output; the log must not mix with it.
            let log = logging::plain(level, std::io::stderr);
            if tracing::subscriber::set_global_default(log).is_err() {
                return ExitCode::FAILURE;
            }
            // What was started in AWS goes on there: dropping the command only ends this process's part.
            tokio::select! {
                ended = cli::execute(arguments, environment, &mut out) => ended,
                Ok(()) = tokio::signal::ctrl_c() => Ok(cli::Ended::Interrupted),
            }
        }
        Err(error) => Err(error),
    };
    if let (Err(error), true) = (&ended, asks_for_json) {
        cli::write_error(&error.to_string(), &mut out);
    }
    cli::exit_code(ended, &mut std::io::stderr())
}

#[expect(clippy::disallowed_methods, reason = "the one site of the environment")]
fn environment() -> Vec<(String, String)> {
    // Snapferry's variables are Unicode; it ignores others.
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}
