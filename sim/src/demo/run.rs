//! One run of the demo, from nothing to the verdict.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use jiff::Timestamp;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::local::{Client, LocalOptions, LocalStack, Step};
use crate::rds_http::{RdsService, ServiceConfig, VirtualClock};

use super::carrier::Carrier;
use super::fleet::{self, ACCOUNT, RECOVERY, RECOVERY_KEY, SOURCE};
use super::measure::{Scene, measure};
use super::progress::standings;
use super::view::{Out, View};
use super::{Args, promises, summary};

/// How often the picture is drawn and the executions are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// The sweeper's schedule: a minute of RDS's time, but no oftener than this.
const SWEEP_AT_MOST_EVERY: Duration = Duration::from_secs(1);
/// What one wave of copies takes at most in RDS's time: the longest snapshot and the longest copy.
const WAVE: Duration = Duration::from_mins(30);
/// When the planner should have started something.
const STARTS_WITHIN: Duration = Duration::from_secs(30);
/// What the local world may take besides, however fast RDS runs.
const PATIENCE: Duration = Duration::from_secs(90);

/// Runs the demo. The answer is the process's exit code: 0 when every promise was kept.
///
/// # Errors
/// When the local world could not be built, with a sentence that says what to do.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let out = if args.json { Out::Stderr } else { Out::Stdout };
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        code = protect(&args, out) => code,
        _ = interrupt.recv() => Ok(ExitCode::from(130)),
        _ = terminate.recv() => Ok(ExitCode::from(143)),
    }
}

async fn protect(args: &Args, out: Out) -> anyhow::Result<ExitCode> {
    out.line(format_args!(
        "Snapferry protects {} simulated databases in {SOURCE} by copies in {RECOVERY} (seed {}).",
        args.databases, args.seed
    ));
    let fleet = fleet::draw(args.databases, args.seed, Timestamp::now())
        .map_err(|fault| anyhow::anyhow!("the simulated RDS refused the fleet: {fault}"))?;
    let (sender, events) = mpsc::unbounded_channel();
    let clock = VirtualClock::starting_at(Timestamp::now(), args.speed);
    let rds = RdsService::start(ServiceConfig {
        rds: fleet.rds,
        clock,
        events: sender,
    })
    .await?;
    let stack = LocalStack::start(options(&rds), &|step| announce(out, &step)).await?;
    explain(out, args, &stack);

    let carrier = Carrier::start(events, stack.client().clone());
    let sweeps = Sweeps::start(
        stack.client().clone(),
        stack.output("SweeperName")?.to_owned(),
        args.speed,
    );
    let begun = Instant::now();
    stack
        .client()
        .invoke(stack.output("PlannerName")?, &json!({}))
        .await
        .context("the planner did not start")?;
    let finished = watch(args, out, &rds, &stack, &fleet.databases).await?;
    let elapsed_s = begun.elapsed().as_secs_f64();
    drop(sweeps);

    let scene = Scene {
        stack: &stack,
        carrier: &carrier,
        rds_calls: rds.counts(),
        databases: &fleet.databases,
        elapsed_s,
    };
    let model = rds.model().clone();
    let (figures, mut seen) = measure(&scene, &model).await?;
    if !finished {
        seen.world.push(format!(
            "the executions had not all ended after {elapsed_s:.0} s"
        ));
    }
    let broken = promises::broken(&figures, &seen);
    out.line(format_args!(
        "\n{}\n\nCalls, as the recording proxy and the simulated RDS saw them:",
        summary::table(&figures)
    ));
    out.line(summary::calls(&figures));
    for promise in &broken {
        out.line(format_args!("BROKEN: {promise}"));
    }
    if broken.is_empty() {
        out.line("\nEvery promise was kept.");
    }
    if args.json {
        Out::Stdout.line(serde_json::to_string(&figures)?);
    }
    if args.keep {
        keep(out, &stack, &rds).await;
    }
    Ok(if broken.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn options(rds: &RdsService) -> LocalOptions {
    LocalOptions {
        recovery_region: RECOVERY.to_owned(),
        source_regions: vec![SOURCE.to_owned()],
        account: ACCOUNT.to_owned(),
        recovery_key_arn: RECOVERY_KEY.to_owned(),
        ..LocalOptions::new(rds.url())
    }
}

fn announce(out: Out, step: &Step) {
    out.line(match step {
        Step::Python => "  Python environment (half a minute the first time) …",
        Step::Build => "  the function, built as it ships (some minutes the first time) …",
        Step::Start => "  the emulator …",
        Step::Deploy => "  template.yaml and source-region.yaml, deployed …",
        Step::Ready => "  ready",
    });
}

/// Says what is not as on AWS.
fn explain(out: Out, args: &Args, stack: &LocalStack) {
    out.line(format_args!("\nNot as on AWS: RDS is a model that runs {} times as fast as life; its events of {SOURCE}", args.speed));
    out.line(format_args!(
        "are put on {RECOVERY}'s bus by the demo, which stands in for the forwarding rule; the sweeper is invoked"
    ));
    out.line(format_args!(
        "every {:.0} s instead of every minute; these parameters differ from the template's defaults:",
        sweep_every(args.speed).as_secs_f64()
    ));
    for change in stack.overrides() {
        let shipped = change.shipped.as_deref().unwrap_or("none");
        out.line(format_args!(
            "  {} = {} (ships as {shipped}; {})",
            change.parameter, change.value, change.reason
        ));
    }
    out.line("");
}

/// Shows how it goes until every execution has ended. False when patience ran out first.
async fn watch(
    args: &Args,
    out: Out,
    rds: &RdsService,
    stack: &LocalStack,
    databases: &[String],
) -> anyhow::Result<bool> {
    let waves = u32::from(args.databases).div_ceil(20);
    let patience = PATIENCE + WAVE.mul_f64(f64::from(waves) / args.speed);
    let begun = Instant::now();
    let deadline = begun + patience;
    let state_machine = stack.output("StateMachineArn")?;
    let mut view = View::new(out, databases);
    loop {
        view.show(&standings(&rds.model(), databases));
        let executions = stack.client().executions(state_machine).await?;
        let running = executions
            .iter()
            .filter(|one| one.status == "RUNNING")
            .count();
        let all_ended = running == 0 && executions.len() >= databases.len();
        if all_ended || Instant::now() > deadline {
            view.finish();
            return Ok(all_ended);
        }
        if executions.is_empty() && begun.elapsed() > STARTS_WITHIN {
            bail!(
                "the planner started nothing; the functions' log is {}",
                stack.log().display()
            );
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn sweep_every(speed: f64) -> Duration {
    Duration::from_mins(1)
        .div_f64(speed)
        .max(SWEEP_AT_MOST_EVERY)
}

/// The sweeper's schedule at the demo's speed. EventBridge's own is once a minute at the most.
struct Sweeps(JoinHandle<()>);

impl Sweeps {
    fn start(client: Client, sweeper: String, speed: f64) -> Self {
        Self(tokio::spawn(async move {
            let mut ticks = tokio::time::interval(sweep_every(speed));
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                // A sweep that fails is made up for by the next, as on AWS; the run's figures show what it missed.
                let _ = client.invoke(&sweeper, &json!({})).await;
            }
        }))
    }
}

impl Drop for Sweeps {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Stays up until Ctrl-C.
async fn keep(out: Out, stack: &LocalStack, rds: &RdsService) {
    let sweeps = stack
        .output("SweeperName")
        .map(|name| Sweeps::start(stack.client().clone(), name.to_owned(), 60.0));
    out.line("\nThe local world stays up until Ctrl-C. In another terminal:\n");
    out.line("export AWS_ACCESS_KEY_ID=111122223333 AWS_SECRET_ACCESS_KEY=demo");
    out.line(format_args!("export AWS_ENDPOINT_URL={}", stack.endpoint()));
    out.line(format_args!("export AWS_ENDPOINT_URL_RDS={}", rds.url()));
    if let Ok(environment) = stack.output("CliEnvironment") {
        out.line(environment);
    }
    out.line("\ncargo run -p snapferry -- waits");
    out.line(format_args!(
        "aws rds describe-db-snapshots --region {RECOVERY}"
    ));
    std::future::pending::<()>().await;
    drop(sweeps);
}
