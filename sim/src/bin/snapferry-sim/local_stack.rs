//! `cargo local-stack`: keeps the local stack up for work by hand.
//!
//! What it prints on standard output is meant for a shell's `eval`.

use std::convert::Infallible;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use snapferry_sim::local::{Function, LocalOptions, LocalStack, Step};
use tokio::io::AsyncReadExt as _;

/// What to deploy, and what to run as the functions.
#[derive(clap::Args)]
pub(super) struct Args {
    /// Where the functions find RDS
    #[arg(long, default_value = "http://127.0.0.1:4599")]
    rds_endpoint: String,
    /// Runs this executable as every function, instead of building the one that ships
    #[arg(long)]
    bootstrap: Option<PathBuf>,
    /// A parameter of template.yaml, as NAME=VALUE
    #[arg(long = "parameter", value_parser = pair)]
    parameters: Vec<(String, String)>,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("not of the form NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// Ends the process, or fails when the stack could not be started.
#[allow(
    clippy::print_stderr,
    reason = "the one sentence for the person who ran it"
)]
pub(super) fn main(arguments: Args) -> ExitCode {
    let failed = tokio::runtime::Runtime::new()
        .map_err(anyhow::Error::from)
        .and_then(|runtime| runtime.block_on(keep_up(arguments)));
    match failed {
        Ok(never) => match never {},
        Err(error) => {
            eprintln!("cargo local-stack: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn keep_up(arguments: Args) -> anyhow::Result<Infallible> {
    let mut options = LocalOptions::new(arguments.rds_endpoint);
    options.parameters = arguments.parameters;
    if let Some(path) = arguments.bootstrap {
        options.function = Function::Binary(path);
    }
    let stack = LocalStack::start(options, &tell).await?;
    std::io::stdout().write_all(environment(&stack)?.as_bytes())?;
    std::io::stdout().flush()?;

    let mut input = tokio::io::stdin();
    let closed = async { while input.read_u8().await.is_ok() {} };
    tokio::select! {
        () = closed => {}
        signal = tokio::signal::ctrl_c() => signal?,
    }
    drop(stack);
    // A read of standard input that is under way would keep the runtime from ending.
    std::process::exit(0)
}

fn tell(step: Step) {
    // Standard error that cannot be written to is no reason to stop.
    let _ = writeln!(std::io::stderr(), "{step:?}");
}

fn environment(stack: &LocalStack) -> anyhow::Result<String> {
    let lines = [
        format!("# process group {}", stack.process_group()),
        format!("# log {}", stack.log().display()),
        format!("export AWS_ENDPOINT_URL='{}'", stack.endpoint()),
        format!("export AWS_ACCESS_KEY_ID='{}'", stack.account()),
        "export AWS_SECRET_ACCESS_KEY='local'".to_owned(),
        stack.output("CliEnvironment")?.to_owned(),
    ];
    Ok(lines.join("\n") + "\n")
}
