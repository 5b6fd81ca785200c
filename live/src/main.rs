//! `cargo live-check`.
#![allow(
    clippy::large_futures,
    reason = "there is one run, and nothing beside it"
)]

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::rc::Rc;

use anyhow::Context as _;
use clap::Parser;
use snapferry::aws::{SystemClock, for_operators};
use snapferry::domain::id::arn::Region;
use snapferry::ports::Clock as _;
use snapferry_live::account::{Account, Pace};
use snapferry_live::journal::Journal;
use snapferry_live::plan::plan;
use snapferry_live::question::{Answer, Question};
use snapferry_live::questions::QUESTIONS;
use snapferry_live::remove::words;
use snapferry_live::run::{Options, Outcome, run};
use tokio::signal::unix::{SignalKind, signal};

/// Asks a real AWS account what Snapferry could only assume (docs/LIVE-CHECK.md).
///
/// It makes databases, snapshots, copies, roles and two stacks, which costs less than $2, and removes them again with your
/// own rights. Run it in an account for tests. Exit codes: 0, all asked questions are answered as assumed or not seen, and
/// nothing is left; 1, something is otherwise, or something is left; 2, refused; 3, AWS could not be asked; 130,
/// interrupted, and all is removed.
#[derive(Debug, Parser)]
#[command(name = "cargo live-check", version)]
struct Arguments {
    /// The account, twelve digits. Your credentials must be of it.
    #[arg(long)]
    account: String,
    /// The region of the copies.
    #[arg(long, value_parser = region)]
    recovery_region: Region,
    /// The region of the databases.
    #[arg(long, value_parser = region)]
    source_region: Region,
    /// Asks these questions alone.
    #[arg(long, value_name = "QUESTION", value_delimiter = ',', value_parser = question)]
    only: Vec<&'static Question>,
    /// Prints the plan, and asks AWS nothing.
    #[arg(long)]
    dry_run: bool,
    /// Asks nothing, and removes what earlier runs left.
    #[arg(long, conflicts_with_all = ["only", "dry_run"])]
    clean: bool,
    /// A profile of AWS's command line.
    #[arg(long)]
    profile: Option<String>,
    /// The source region's DB subnet group, where it has no default VPC.
    #[arg(long)]
    subnet_group: Option<String>,
    /// Where the record goes.
    #[arg(long, default_value = "live-check.json")]
    record: PathBuf,
    /// The folder in which runs remember what they made. Keep it until nothing is left.
    #[arg(long, default_value = ".live-check")]
    journals: PathBuf,
    /// Prints the record as JSON.
    #[arg(long)]
    json: bool,
}

fn region(text: &str) -> Result<Region, String> {
    Region::parse(text).map_err(|error| error.to_string())
}

fn question(name: &str) -> Result<&'static Question, String> {
    let found = QUESTIONS.iter().find(|question| question.name == name);
    let names = QUESTIONS.iter().map(|question| question.name);
    found.ok_or_else(|| format!("the questions are {}", names.collect::<Vec<_>>().join(", ")))
}

const OTHERWISE: u8 = 1;
const REFUSED: u8 = 2;
const NOT_ASKED: u8 = 3;
const INTERRUPTED: u8 = 130;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match check(Arguments::parse()).await {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            tell(&format!("{error:#}"));
            ExitCode::from(NOT_ASKED)
        }
    }
}

async fn check(arguments: Arguments) -> anyhow::Result<u8> {
    let (recovery, source) = (&arguments.recovery_region, &arguments.source_region);
    if recovery == source {
        tell("the source region must not be the recovery region");
        return Ok(REFUSED);
    }
    let questions: Vec<&'static Question> = match (arguments.clean, arguments.only.is_empty()) {
        (true, _) => Vec::new(),
        (false, true) => QUESTIONS.iter().collect(),
        (false, false) => arguments.only.clone(),
    };
    let plan = plan(
        &questions,
        &arguments.account,
        recovery.as_str(),
        source.as_str(),
    );
    if arguments.dry_run {
        print(&plan)?;
        return Ok(0);
    }
    let account = Account {
        id: arguments.account.clone(),
        recovery: recovery.clone(),
        source: source.clone(),
        sdk: for_operators(recovery, arguments.profile.as_deref()).await,
        pace: Pace::AWS,
        clock: || SystemClock.now(),
    };
    let caller = account.caller().await?;
    if caller.account != arguments.account {
        tell(&format!(
            "your credentials are of the account {}, not of {}: nothing was asked",
            caller.account, arguments.account
        ));
        return Ok(REFUSED);
    }
    if !arguments.clean {
        tell(&plan);
    }
    for journal in Journal::left(&arguments.journals, &account.id)? {
        for made in journal.things() {
            tell(&format!(
                "An earlier run left, and this one removes: {}",
                words(made)
            ));
        }
    }
    if !says_yes(arguments.clean)? {
        tell("nothing was made");
        return Ok(REFUSED);
    }
    let options = Options {
        questions,
        run: random(8),
        password: random(32),
        subnet_group: arguments.subnet_group.clone(),
        journals: arguments.journals.clone(),
    };
    let outcome = run(account, caller, options, interrupted(), Rc::new(tell)).await?;
    report(&arguments, &outcome)
}

/// Nobody can say yes for a person: there is no flag for it.
fn says_yes(clean: bool) -> anyhow::Result<bool> {
    if !std::io::stdin().is_terminal() {
        tell("this needs a person at a terminal");
        return Ok(false);
    }
    let what = if clean {
        "remove what earlier runs left"
    } else {
        "make all this and remove it again"
    };
    tell(&format!("Type yes to {what}:"));
    let mut line = String::new();
    std::io::stdin()
        .read_line(&mut line)
        .context("the answer cannot be read")?;
    Ok(line.trim() == "yes")
}

/// The names of a run hold its id, and the databases' password opens nothing that anybody can reach.
fn random(length: usize) -> String {
    let letter = |_| fastrand::alphanumeric().to_ascii_lowercase();
    (0..length).map(letter).collect()
}

/// Ends when somebody presses Ctrl-C or ends the program.
async fn interrupted() {
    let Ok(mut end) = signal(SignalKind::terminate()) else {
        let _ = tokio::signal::ctrl_c().await;
        return;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = end.recv() => {}
    }
}

fn report(arguments: &Arguments, outcome: &Outcome) -> anyhow::Result<u8> {
    let record = &outcome.record;
    let json = serde_json::to_string_pretty(record)?;
    if !record.questions.is_empty() {
        let path = &arguments.record;
        std::fs::write(path, &json).with_context(|| path.display().to_string())?;
        tell(&format!("the record is in {}", path.display()));
    }
    if arguments.json {
        print(&json)?;
    } else {
        for asked in &record.questions {
            print(&format!("{:22} {}", asked.question, asked.answer.words()))?;
        }
    }
    for left in &outcome.left {
        tell(&format!("STILL THERE: {}: {}", left.what, left.why));
    }
    let is_otherwise = |answer: &Answer| matches!(answer, Answer::Otherwise { .. });
    let is_otherwise = record
        .questions
        .iter()
        .any(|asked| is_otherwise(&asked.answer));
    Ok(match () {
        () if !outcome.left.is_empty() => OTHERWISE,
        () if outcome.is_interrupted => INTERRUPTED,
        () if is_otherwise => OTHERWISE,
        () => 0,
    })
}

fn tell(text: &str) {
    // A person whose terminal is gone can read the record.
    let _ = writeln!(std::io::stderr(), "{text}");
}

fn print(text: &str) -> anyhow::Result<()> {
    writeln!(std::io::stdout(), "{text}").context("the answer cannot be written")
}
