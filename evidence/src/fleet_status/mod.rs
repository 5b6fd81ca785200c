//! How long `snapferry status` and `snapferry report` take for a large fleet, and how much memory: the built program
//! against the model of RDS, with a table that is empty.

mod table;

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::str::FromStr as _;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use clap::builder::RangedU64ValueParser;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::Value;
use snapferry::domain::id::arn::Region as HomeRegion;
use snapferry_sim::local::{self, repository_root};
use snapferry_sim::old_points::OldPoint;
use snapferry_sim::rds::{InstanceSpec, Rds, RdsConfig, Region, SourceInstance, Tags};
use snapferry_sim::rds_http::{RdsService, ServiceConfig, VirtualClock};
use tokio::process::Command;
use tokio::sync::mpsc;

/// What a look at 1,000 databases with 30 recovery points each may take.
pub const SECONDS_MAX: f64 = 3.0;
/// How much memory it may hold at its worst.
pub const BYTES_MAX: u64 = 64 << 20;
/// How large the page of such a report may be.
pub const PAGE_BYTES_MAX: u64 = 1 << 20;
/// What the help may take.
pub const HELP_SECONDS_MAX: f64 = 0.020;

const HOME: &str = "eu-central-1";
const SOURCE: &str = "eu-west-1";
const STACK: &str = "prod";
/// How often the memory is looked at. The kernel keeps the highest.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// What to measure.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// How many databases there are.
    #[arg(long, default_value_t = 1_000, value_parser = RangedU64ValueParser::<usize>::new().range(1..=10_000))]
    pub databases: usize,
    /// How many recovery points each has.
    #[arg(long, default_value_t = 30, value_parser = RangedU64ValueParser::<usize>::new().range(1..=400))]
    pub points: usize,
    /// How often each command runs. The median counts, and of memory the most.
    #[arg(long, default_value_t = 5, value_parser = RangedU64ValueParser::<usize>::new().range(1..=100))]
    pub runs: usize,
    /// Measure this program, and build none.
    #[arg(long, value_name = "FILE")]
    pub program: Option<PathBuf>,
    /// Print one line of JSON.
    #[arg(long)]
    pub json: bool,
}

/// What one command took.
#[derive(Debug, Clone, Serialize)]
pub struct Took {
    /// The command.
    pub command: &'static str,
    /// The median.
    pub seconds: f64,
    /// The most that a run held.
    pub bytes: u64,
}

/// What was measured.
#[derive(Debug, Clone, Serialize)]
pub struct Figures {
    /// The commands.
    pub commands: Vec<Took>,
    /// How large the page is.
    pub page_bytes: u64,
    /// How many calls RDS had for one status.
    pub rds_calls: u64,
    /// The promises that were not kept.
    pub broken: Vec<String>,
}

/// Measures.
///
/// # Errors
/// When the program does not build, does not answer as it should, or the model refuses the fleet.
pub async fn run(args: &Args) -> anyhow::Result<Figures> {
    let root = repository_root()?;
    let program = match &args.program {
        Some(program) => program.clone(),
        None => local::build(&root, "snapferry", "snapferry", &["--release"])?,
    };
    let folder = tempfile::tempdir()?;
    let page = folder.path().join("report.html");
    let now = Timestamp::now();
    let (events, _) = mpsc::unbounded_channel();
    let service = RdsService::start(ServiceConfig {
        rds: fleet(args, now)?,
        clock: VirtualClock::starting_at(now, 1.0),
        events,
    })
    .await?;
    let table = table::serve().await?;
    let bench = Bench {
        program,
        rds: service.url(),
        table,
        runs: args.runs,
    };
    let help = bench.time("snapferry --help", &["--help"]).await?;
    let before = service.counts();
    let status = bench
        .time("snapferry status", &["status", "--json"])
        .await?;
    let after = service.counts();
    let text = page.to_str().context("a path that is no text")?;
    let report = bench
        .time("snapferry report --html", &["report", "--html", text])
        .await?;
    let page_bytes = std::fs::metadata(&page)?.len();
    let shown = bench.summary().await?;
    let calls = after.sum(|_| true) - before.sum(|_| true);
    let others = after.sum(|call| !call.operation.starts_with("Describe"));
    let mut figures = Figures {
        commands: vec![help, status, report],
        page_bytes,
        rds_calls: calls / args.runs as u64,
        broken: Vec::new(),
    };
    let expected = (args.databases, args.databases * args.points);
    if shown != expected {
        bail!("status shows {shown:?} databases and recovery points instead of {expected:?}");
    }
    figures.broken = broken(&figures, others);
    Ok(figures)
}

fn broken(figures: &Figures, others: u64) -> Vec<String> {
    let mut broken = Vec::new();
    let mut judge = |is_kept: bool, promise: String| {
        if !is_kept {
            broken.push(promise);
        }
    };
    for took in &figures.commands {
        let limit = match took.command {
            "snapferry --help" => HELP_SECONDS_MAX,
            _ => SECONDS_MAX,
        };
        let command = took.command;
        judge(
            took.seconds < limit,
            format!("{command} takes less than {limit} s"),
        );
        judge(
            took.bytes < BYTES_MAX,
            format!("{command} holds less than {BYTES_MAX} bytes"),
        );
    }
    judge(
        figures.page_bytes < PAGE_BYTES_MAX,
        format!("the page has less than {PAGE_BYTES_MAX} bytes"),
    );
    judge(others == 0, "RDS is asked for descriptions only".to_owned());
    broken
}

/// Databases of one region, each with a recovery point for each of the last days.
fn fleet(args: &Args, now: Timestamp) -> anyhow::Result<Rds> {
    let config = RdsConfig {
        manual_snapshot_quota: args.databases * args.points,
        ..RdsConfig::default()
    };
    let account = config.account.clone();
    let key = format!("arn:aws:kms:{HOME}:{account}:key/11111111-2222-3333-4444-555555555555");
    let mut rds = Rds::new(config, 1);
    let region = |name: &str| Region::from_str(name).map_err(|error| anyhow::anyhow!("{error}"));
    let (source, home) = (region(SOURCE)?, region(HOME)?);
    let of_names = HomeRegion::parse(HOME)?;
    for nth in 0..args.databases {
        let name = format!("customer-database-{nth:05}");
        let spec = InstanceSpec {
            tags: Tags::of_system([("snapferry:policy", "default")]),
            ..InstanceSpec::postgres(&name)
        };
        rds.add_instance(&source, spec)?;
        let instance = rds.instance(&source, &name).context("an instance")?;
        let instance = SourceInstance::of(instance);
        let arn = format!("arn:aws:rds:{SOURCE}:{account}:db:{name}");
        for day in 0..args.points {
            let hours = 24 * i64::try_from(day)?;
            let planned_at = now.checked_sub(SignedDuration::from_hours(hours + 1))?;
            let point = OldPoint {
                stack: STACK,
                database: &arn,
                policy: "default",
                key: &key,
                // Names have minutes.
                planned_at: Timestamp::from_second(planned_at.as_second() / 60 * 60)?,
                taken_at: planned_at,
                instance: instance.clone(),
                automated: None,
            };
            let copy = point.copy(&of_names).context("a recovery point's parts")?;
            rds.plant_snapshot(&home, copy)?;
        }
    }
    Ok(rds)
}

struct Bench {
    program: PathBuf,
    rds: String,
    table: String,
    runs: usize,
}

impl Bench {
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .env_clear()
            .env("HOME", "/nonexistent")
            .env("AWS_ENDPOINT_URL", &self.table)
            .env("AWS_ENDPOINT_URL_RDS", &self.rds)
            .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
            .env("AWS_SECRET_ACCESS_KEY", "local")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("AWS_REGION", HOME)
            .env("SNAPFERRY_STACK_ID", STACK)
            .env("SNAPFERRY_TABLE", "table")
            .env("SNAPFERRY_SOURCE_REGIONS", SOURCE)
            .env(
                "SNAPFERRY_KMS_KEY",
                format!("arn:aws:kms:{HOME}:111122223333:key/11111111-2222-3333-4444-555555555555"),
            )
            .env(
                "SNAPFERRY_STATE_MACHINE_ARN",
                format!("arn:aws:states:{HOME}:111122223333:stateMachine:protect"),
            )
            .args(arguments)
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    /// How long the command takes, and how much memory it holds at its worst.
    async fn time(&self, command: &'static str, arguments: &[&str]) -> anyhow::Result<Took> {
        let mut seconds = Vec::new();
        let mut bytes = 0;
        for _ in 0..self.runs {
            let begun = Instant::now();
            let mut process = self.command(arguments);
            let process = process.stdout(Stdio::null()).stderr(Stdio::inherit());
            let mut child = process.spawn()?;
            let id = child.id().context("a process without an id")?;
            let status = loop {
                tokio::select! {
                    ended = child.wait() => break ended?,
                    () = tokio::time::sleep(LOOK_EVERY) => bytes = bytes.max(peak(id)),
                }
            };
            seconds.push(begun.elapsed().as_secs_f64());
            if !status.success() {
                bail!("{command} ended with {status}");
            }
        }
        seconds.sort_by(f64::total_cmp);
        Ok(Took {
            command,
            seconds: seconds[seconds.len() / 2],
            bytes,
        })
    }

    /// How many databases are within their RPO, and how many recovery points there are.
    async fn summary(&self) -> anyhow::Result<(usize, usize)> {
        let output = self.command(&["status", "--json"]).output().await?;
        let answer: Value = serde_json::from_slice(&output.stdout)?;
        let count = |name: &str| {
            let count = answer["summary"][name].as_u64();
            usize::try_from(count.unwrap_or_default()).unwrap_or_default()
        };
        Ok((count("within_rpo"), count("recovery_points")))
    }
}

/// The highest resident size of a process so far, as the kernel counts it.
fn peak(id: u32) -> u64 {
    let status = std::fs::read_to_string(Path::new("/proc").join(id.to_string()).join("status"));
    let status = status.unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kib.unwrap_or_default() * 1024
}

/// What was measured, for people.
#[must_use]
pub fn table(args: &Args, figures: &Figures) -> String {
    let mut text = format!(
        "{} databases with {} recovery points each, the median of {} runs; RDS had {} calls for one status\n",
        args.databases, args.points, args.runs, figures.rds_calls
    );
    for Took {
        command,
        seconds,
        bytes,
    } in &figures.commands
    {
        let mib = *bytes as f64 / f64::from(1 << 20);
        text.push_str(&format!(
            "{command}: {seconds:.3} s, {mib:.0} MiB at most\n"
        ));
    }
    text.push_str(&format!("the page: {} KiB", figures.page_bytes / 1024));
    text
}
