//! What the reactor's own work costs, in instructions: they do not depend on what else the machine does.
//!
//! Run by hand, it runs itself under valgrind, each case twice with different counts, and takes the difference, so
//! that neither the start nor the making of the input is in it. Exits with 1 when a case has grown by more than a tenth
//! over the figures written down here, which docs/PERFORMANCE.md explains.
#![allow(
    clippy::print_stdout,
    reason = "what the person who ran it wants to read"
)]

use std::error::Error;
use std::hint::black_box;
use std::process::{Command as Process, ExitCode};

use jiff::{SignedDuration, Timestamp};
use snapferry::domain::id::arn::{ExecutionArn, KeyArn, RdsArn};
use snapferry::domain::id::database_ref::DatabaseRef;
use snapferry::domain::id::names::ResourceId;
use snapferry::domain::id::tags::{self, PolicyName, StackId, Tags};
use snapferry::domain::id::token::TaskToken;
use snapferry::domain::rds::snapshot::{Snapshot, SnapshotStatus};
use snapferry::domain::run::command::{Command, ProtectionRequest, RunOptions, Step};
use snapferry::domain::run::manifest::Manifest;
use snapferry::domain::run::settle::{Look, Verdict, settle};
use snapferry::domain::run::wait::{Expectation, Phase, Rules, Wait};
use snapferry::json::{event, manifest};

type Fallible<T> = Result<T, Box<dyn Error>>;

/// A case, and its instructions for one event as they were measured last (rustc 1.95, x86_64, optimised).
const CASES: [(&str, u64); 3] = [("hint", 15_529), ("settle", 3_527), ("manifest", 37_315)];
/// What a case may cost of what it did cost, in percent: less is noise of the compiler's.
const ALLOWED: u64 = 110;
/// Both counts: a batch of 100, and 1,000 events more.
const FEW: u64 = 100;
const MANY: u64 = 1_100;

fn main() -> ExitCode {
    // Cargo adds `--bench`; the two words are ours, for valgrind's child.
    let words: Vec<String> = std::env::args().skip(1).collect();
    let done = match &*words {
        [case, times] => times
            .parse()
            .map_err(Into::into)
            .and_then(|times| run(case, times).map(|()| true)),
        _ => measure(),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            println!("hot_path: {error}");
            ExitCode::from(2)
        }
    }
}

/// Measures every case: whether none has grown.
fn measure() -> Fallible<bool> {
    let mut kept = true;
    for (case, reference) in CASES {
        let spent = instructions(case, MANY)?.saturating_sub(instructions(case, FEW)?);
        let each = spent / (MANY - FEW);
        let has_grown = each * 100 > reference * ALLOWED;
        let verdict = if has_grown { "GROWN" } else { "kept" };
        println!("{case:<10} {each:>7} instructions an event, {reference:>7} before: {verdict}");
        kept &= !has_grown;
    }
    Ok(kept)
}

fn instructions(case: &str, times: u64) -> Fallible<u64> {
    let valgrind = Process::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(std::env::current_exe()?)
        .args([case, &times.to_string()])
        .output()
        .map_err(|error| format!("valgrind could not be run: {error}"))?;
    let said = String::from_utf8_lossy(&valgrind.stderr);
    let collected = said.split("Collected : ").nth(1);
    let number = collected.and_then(|rest| rest.split_whitespace().next());
    match number {
        Some(number) if valgrind.status.success() => Ok(number.parse()?),
        _ => Err(format!("valgrind failed: {said}").into()),
    }
}

fn run(case: &str, times: u64) -> Fallible<()> {
    let (wait, snapshot, rules) = (wait()?, snapshot()?, rules()?);
    let Verdict::Succeed(good) = settle(&wait, Some(&snapshot), &rules, Look::Hint, now()?) else {
        return Err("the snapshot is good".into());
    };
    let (body, now) = (body(), now()?);
    for _ in 0..times {
        match case {
            "hint" => drop(black_box(event::read(black_box(&body)))?),
            "settle" => drop(black_box(settle(
                black_box(&wait),
                Some(&snapshot),
                &rules,
                Look::Hint,
                now,
            ))),
            "manifest" => drop(black_box(there_and_back(black_box(&good)))?),
            _ => return Err(format!("{case:?} is no case").into()),
        }
    }
    Ok(())
}

fn there_and_back(good: &Manifest) -> Fallible<Manifest> {
    Ok(manifest::read(&manifest::write(good))?)
}

fn now() -> Fallible<Timestamp> {
    Ok("2026-11-22T04:00:00Z".parse()?)
}

fn arn() -> Fallible<RdsArn> {
    let arn = "arn:aws:rds:eu-west-1:111122223333:snapshot:sf-orders-20261122t0300z-abcdefghij";
    Ok(RdsArn::parse(arn)?)
}

/// As EventBridge delivers it.
fn body() -> String {
    r#"{"version":"0","id":"844e2571-85d4-695f-b930-0153b71dcb42","detail-type":"RDS DB Snapshot Event",
        "source":"aws.rds","account":"111122223333","time":"2026-11-22T03:59:58Z","region":"eu-west-1",
        "resources":["arn:aws:rds:eu-west-1:111122223333:snapshot:sf-orders-20261122t0300z-abcdefghij"],
        "detail":{"EventCategories":["creation"],"SourceType":"SNAPSHOT",
        "SourceArn":"arn:aws:rds:eu-west-1:111122223333:snapshot:sf-orders-20261122t0300z-abcdefghij",
        "Date":"2026-11-22T03:59:58.003Z","SourceIdentifier":"sf-orders-20261122t0300z-abcdefghij",
        "Message":"Manual snapshot created","EventID":"RDS-EVENT-0042"}}"#
        .to_owned()
}

fn database() -> Fallible<DatabaseRef> {
    Ok(DatabaseRef {
        arn: RdsArn::parse("arn:aws:rds:eu-west-1:111122223333:db:orders")?,
        resource_id: ResourceId::parse("db-ABCDEFGHIJKLMNOPQRSTUVWXYZ")?,
    })
}

fn wait() -> Fallible<Wait> {
    let key = "arn:aws:kms:eu-central-1:111122223333:key/11111111-2222-3333-4444-555555555555";
    let execution = "arn:aws:states:eu-central-1:111122223333:execution:protect:sf-orders";
    let command = Command {
        step: Step::Snapshot,
        token: TaskToken::parse(&"x".repeat(700))?,
        execution: ExecutionArn::parse(execution)?,
        retry: 0,
        run: ProtectionRequest {
            database: database()?,
            policy: PolicyName::parse("default")?,
            planned_at: now()?,
            key: KeyArn::parse(key)?,
            options: RunOptions::default(),
        },
    };
    let mut wait = Wait::new(arn()?, command, Expectation::Snapshot, now()?);
    wait.phase = Phase::Requested;
    Ok(wait)
}

fn snapshot() -> Fallible<Snapshot> {
    let database = database()?;
    Ok(Snapshot {
        arn: arn()?,
        resource_id: Some(database.resource_id.clone()),
        status: SnapshotStatus::Available,
        engine: "postgres".to_owned(),
        engine_version: "17.2".to_owned(),
        size_gib: 100,
        encrypted: true,
        key: None,
        source: None,
        taken_at: Some(now()?),
        created_at: Some(now()?),
        percent: None,
        tags: Tags::from([
            (tags::STACK.to_owned(), "prod".to_owned()),
            (
                tags::RESOURCE_ID.to_owned(),
                database.resource_id.to_string(),
            ),
        ]),
    })
}

fn rules() -> Fallible<Rules> {
    Ok(Rules {
        stack: StackId::parse("prod")?,
        grace: SignedDuration::from_mins(10),
    })
}
