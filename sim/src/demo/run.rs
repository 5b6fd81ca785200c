//! One run of the demo, from the start to the verdict.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, bail};
use jiff::Timestamp;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use crate::local::{LocalIam, LocalOptions, LocalStack, RoleChanges, Step, build_snapferry};
use crate::rds::{COPIES_IN_FLIGHT, MANUAL_SNAPSHOTS, Rds};
use crate::rds_http::{Interference, RdsService, ServiceConfig, VirtualClock};

use super::carrier::Carrier;
use super::day::{self, LongDrill};
use super::faults::{Fault, OutageReport};
use super::figures::Figures;
use super::fleet::{self, ACCOUNT, Database, Fleet, RECOVERY, SOURCES};
use super::iam::Iam;
use super::measure::{Scene, Times, measure};
use super::old_snapshots::OldSnapshots;
use super::progress::progress_of_all;
use super::promises::Observations;
use super::pruning::Pruning;
use super::repairs::Repairs;
use super::schedule::{Sweeps, plan_every, sweep_every};
use super::snapferry::Snapferry;
use super::view::{Out, View};
use super::{Args, LeftOutFigure, doctor, left_out, policies, practice, promises, summary, tried};

/// How often the picture is drawn and the executions are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// How long one wave of copies takes at most in RDS's time: the longest snapshot plus the longest copy.
const WAVE: Duration = Duration::from_mins(30);
/// When the planner should have started something.
const STARTS_WITHIN: Duration = Duration::from_secs(30);
/// How much longer the local world may take, however fast RDS runs.
const PATIENCE: Duration = Duration::from_secs(90);
/// How much longer faults may take: each is over, or repaired, within a minute.
const PATIENCE_WITH_FAULTS: Duration = Duration::from_mins(4);
/// With more databases than this, the planner gets its shipped timeout, because it starts all of them in one run.
const MANY: usize = 50;
/// How often a step may be repeated if faults were requested.
const TRIES: u32 = 3;
/// The factor for the pauses between a state's retries if faults were requested: a minute becomes 1.5 s.
const RETRY_SCALE: f64 = 0.025;
/// The pruner removes here, and all that may go within a minute.
const PRUNING: [(&str, &str); 3] = [("Prune", "yes"), ("PruneGrace", "2"), ("PruneShare", "40")];
/// Settings that are shortened further if faults were requested, so that a dead letter takes seconds and not minutes.
const SHORTENED: [(&str, &str); 2] = [("BackoffMaxSeconds", "2"), ("VisibilitySeconds", "15")];

/// Runs the demo. The answer is the process's exit code: 0 when every promise was kept.
///
/// # Errors
/// When the local world could not be built, with a sentence that says what to do.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let out = match args.json {
        true => Out::stderr(),
        false => Out::stdout(),
    };
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        code = protect(&args, &out) => code,
        _ = interrupt.recv() => Ok(ExitCode::from(130)),
        _ = terminate.recv() => Ok(ExitCode::from(143)),
    }
}

async fn protect(args: &Args, out: &Out) -> anyhow::Result<ExitCode> {
    let mut fleet = fleet::draw(args.databases, args.seed, Timestamp::now())
        .map_err(|fault| anyhow!("the simulated RDS refused the fleet: {fault}"))?;
    if args.drill && args.databases < day::DATABASES_MIN {
        bail!("--drill needs {} databases or more", day::DATABASES_MIN);
    }
    introduce(out, args, &fleet);
    let taken: Vec<Database> = fleet
        .databases
        .iter()
        .filter(|one| !one.policy.is_automated)
        .cloned()
        .collect();
    let trouble = OutageReport::draw(&args.faults, &taken, args.speed, args.seed)
        .map_err(anyhow::Error::msg)?;
    if !trouble.choice.is_empty() {
        // Failed attempts stay while the demo runs, and other people's copies count too.
        let most = fleet.databases.len() * TRIES as usize + COPIES_IN_FLIGHT + fleet.old.len();
        fleet::leave_room(&mut fleet.rds, most);
    }
    if !trouble.choice.is_empty() || args.breaks.is_some() {
        // Their events may be lost, and the policy is due only once, so they must exist before the planner runs.
        take_automated(&mut fleet.rds, &fleet.databases)?;
    }
    let quota = fleet.rds.config().manual_snapshot_quota;
    let selected = fleet.selected();
    let mut interference: Arc<dyn Interference> = trouble.rds_outages.clone();
    let witness = args.drill.then(|| {
        let witness = day::prepare(&mut fleet.rds, &fleet.databases, Arc::clone(&interference));
        interference = witness.clone();
        witness
    });
    let (sender, events) = mpsc::unbounded_channel();
    let config = ServiceConfig {
        rds: fleet.rds,
        clock: VirtualClock::starting_at(Timestamp::now(), args.speed),
        events: sender,
    };
    let rds = Arc::new(RdsService::start_with(config, interference).await?);
    let options = LocalOptions {
        roles: RoleChanges {
            without: args.without_permission.clone(),
            with: args.with_permission.clone(),
        },
        ..options(args, &rds, &trouble, &fleet.databases)
    };
    let stack = LocalStack::start(options, &|step| announce(out, &step)).await?;
    rds.evaluate_iam(LocalIam::of(stack.client()));
    let snapferry = command(out, args, &stack, &rds).await?;
    let policies = match args.drill {
        true => day::policies(false),
        false => policies::file(),
    };
    apply_policies(out, &stack, &snapferry, &policies).await?;
    let callers = match args.drill {
        true => Some(day::Callers::of(&stack, &snapferry).await?),
        false => None,
    };
    // Under faults the plan may rightly be incomplete, so it is not judged.
    let (mut left_out, mut contradictions) = if trouble.choice.is_empty() {
        let plan = snapferry.plan().await?;
        left_out::judge(&plan, &fleet.left_out, &selected)
    } else {
        let all = fleet.left_out.iter().map(LeftOutFigure::from);
        (all.collect(), Vec::new())
    };
    trouble.outages.functions_run_in(stack.process_group());
    explain(out, args, &stack, &trouble, quota);

    let carrier = Arc::new(Carrier::start(
        events,
        stack.client().clone(),
        trouble.plan.hold_back_every(),
        trouble.tally.clone(),
    ));
    let sweeps = Sweeps::start(
        stack.client().clone(),
        stack.output("SweeperName")?.to_owned(),
        args.speed,
    );
    if let Some(breakage) = args.breaks {
        let scene = practice::Scene {
            breakage,
            stack: &stack,
            rds: &rds,
            databases: &fleet.databases,
            old: &fleet.old,
            executions: selected.len(),
            carrier: &carrier,
            speed: args.speed,
        };
        let mirror = scene.play(out).await?;
        drop(sweeps);
        keep(out, args, &stack, &rds, &snapferry.program).await;
        drop((mirror, carrier));
        return Ok(ExitCode::SUCCESS);
    }
    let repairs = Repairs::start(out, &snapferry, &rds, &stack, &trouble)?;
    let pruning = Pruning::start(
        stack.client().clone(),
        stack.output("PrunerName")?.to_owned(),
        snapferry.variable("SNAPFERRY_TABLE")?.to_owned(),
        // A round that a fault kills holds the pruner's lease for longer than the demo takes.
        trouble.choice.is_empty(),
    );
    let begun = Instant::now();
    let planned = stack
        .client()
        .invoke(stack.output("PlannerName")?, &json!({}))
        .await;
    if trouble.choice.is_empty() {
        if !has_denied(&stack).await? {
            planned.context("the planner did not start")?;
        }
        take_automated(&mut rds.model(), &fleet.databases)?;
    }
    let long_drill = callers
        .as_ref()
        .map(|callers| LongDrill::start(&rds, callers, &fleet.databases, &fleet.old));
    let watched = Watched {
        databases: &fleet.databases,
        old: &fleet.old,
        executions: selected.len(),
    };
    let finished = watch(args, out, &rds, &stack, &watched, &repairs).await?;
    let elapsed_s = begun.elapsed().as_secs_f64();
    let unrest = repairs.calm_down(&rds, &stack, &carrier).await?;
    drop(sweeps);
    trouble.count_fates(&rds.model());
    // The pruner removes nothing of databases that a denied planner has not listed.
    let unpruned = match has_denied(&stack).await? {
        true => None,
        false => pruning.finish().await,
    };

    let (tried, forgotten) = match trouble.choice.is_empty() && !has_denied(&stack).await? {
        true => tried::ask(&snapferry, &fleet.tried).await?,
        false => (tried::figure(&fleet.tried), Vec::new()),
    };
    left_out.push(tried);
    contradictions.extend(forgotten);

    let model = rds.model().clone();
    let is_complete = trouble.choice.is_empty();
    let (pruned, unduly) = pruning.judge(&fleet.old, &model, Timestamp::now(), is_complete);
    let diary = repairs.diary();
    let scene = Scene {
        stack: &stack,
        carrier: &carrier,
        rds_calls: rds.counts(),
        asked: rds.asked(),
        databases: &fleet.databases,
        tried: &fleet.tried,
        left_out: &left_out,
        old: &fleet.old,
        pruned: &pruned,
        times: Times {
            real: Timestamp::now(),
            rds: rds.now(),
            speed: args.speed,
        },
        elapsed_s,
        trouble: &trouble,
        diary: &diary,
    };
    let (mut figures, mut seen) = measure(&scene, &model).await?;
    // After faults, or with changed roles, the doctor rightly finds something.
    if trouble.choice.is_empty() && !args.changes_roles() {
        let left_out: Vec<String> = left_out.iter().map(|one| one.database.clone()).collect();
        let (counts, bad) = doctor::judge(snapferry.doctor().await?, &left_out)?;
        figures.doctor = Some(counts);
        seen.world.extend(bad);
    }
    if let (Some(witness), Some(callers), Some(long_drill)) = (&witness, &callers, long_drill) {
        let scene = day::Scene {
            out,
            stack: &stack,
            rds: &rds,
            witness,
            databases: &fleet.databases,
            snapferry: &snapferry,
            callers,
            pruning: &pruning,
        };
        let day = scene.play(long_drill).await?;
        figures.drills = Some(day.drills);
        figures.restored = Some(day.restored);
        figures.iam = Iam::of(&stack.client().roles().await?);
        seen.world.extend(day.broken);
    }
    if !finished {
        seen.world.push(format!(
            "the executions had not all ended after {elapsed_s:.0} s"
        ));
    }
    seen.world.extend(unrest);
    seen.world.extend(unpruned.filter(|_| is_complete));
    seen.world.extend(unduly);
    seen.world.extend(contradictions);
    let page = stack.target().join("demo").join("report.html");
    let written = snapferry.report(&page).await;
    if let Err(error) = &written {
        seen.world.push(format!("{error:#}"));
    }
    let kept = report(out, args, &figures, &seen)?;
    if written.is_ok() {
        out.line(format_args!(
            "\nThe page of `snapferry report --html`: {}",
            page.display()
        ));
    }
    if args.keep {
        keep(out, args, &stack, &rds, &snapferry.program).await;
    }
    Ok(if kept {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn take_automated(rds: &mut Rds, databases: &[Database]) -> anyhow::Result<()> {
    fleet::take_automated_snapshots(rds, databases)
        .map_err(|fault| anyhow!("the simulated RDS took no automated snapshot: {fault}"))
}

/// Prints what was measured, and each promise that was broken. Whether none was.
fn report(out: &Out, args: &Args, figures: &Figures, seen: &Observations) -> anyhow::Result<bool> {
    let broken = promises::broken(figures, seen);
    out.line(format_args!(
        "\nWithout a recovery point, by `snapferry plan`:\n{}",
        summary::left_out(figures)
    ));
    out.line(format_args!(
        "\n{}\n\nCalls, as the recording proxy and the simulated RDS saw them:",
        summary::table(figures, &seen.costs)
    ));
    out.line(summary::calls(figures));
    for promise in &broken {
        out.line(format_args!("BROKEN: {promise}"));
    }
    if broken.is_empty() {
        out.line("\nEvery promise was kept.");
    }
    if args.json {
        Out::stdout().line(serde_json::to_string(figures)?);
    }
    Ok(broken.is_empty())
}

fn options(
    args: &Args,
    rds: &RdsService,
    trouble: &OutageReport,
    databases: &[Database],
) -> LocalOptions {
    let defaults = LocalOptions::new(rds.url());
    let pruning = PRUNING.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let is_calm = trouble.choice.is_empty() && args.breaks.is_none();
    let (mut parameters, retry_scale) = if is_calm {
        (Vec::from(pruning), defaults.retry_scale)
    } else {
        let shortened = SHORTENED.map(|(name, value)| (name.to_owned(), value.to_owned()));
        (pruning.into_iter().chain(shortened).collect(), RETRY_SCALE)
    };
    if args.drill {
        parameters.push(("PeoplePolicies".to_owned(), "yes".to_owned()));
    }
    if databases.len() > MANY {
        parameters.push(("ScheduledTimeout".to_owned(), "300".to_owned()));
    }
    LocalOptions {
        recovery_region: RECOVERY.to_owned(),
        source_regions: SOURCES.map(ToOwned::to_owned).into(),
        account: ACCOUNT.to_owned(),
        recovery_key_arn: policies::STANDARD.key.to_owned(),
        keys: fleet::keys().map(|(_, key, _)| key.to_owned()).into(),
        parameters,
        retry_scale,
        interference: trouble.outages.clone(),
        ..defaults
    }
}

fn announce(out: &Out, step: &Step) {
    out.line(match step {
        Step::Python => "  Python environment (half a minute the first time) …",
        Step::Build => "  the function, built as it ships (some minutes the first time) …",
        Step::Start => "  the emulator …",
        Step::Deploy => "  template.yaml and source-region.yaml, deployed …",
        Step::Ready => "  ready",
    });
}

/// Prints which databases should be protected, and which should not.
fn introduce(out: &Out, args: &Args, fleet: &Fleet) {
    let sources = SOURCES.join(" and ");
    out.line(format_args!(
        "Snapferry protects {} simulated databases in {sources} by copies in {RECOVERY} (seed {}).",
        args.databases, args.seed
    ));
    for line in fleet.composition() {
        out.line(format_args!("  {line}"));
    }
}

/// The command `snapferry`, built if need be.
async fn command(
    out: &Out,
    args: &Args,
    stack: &LocalStack,
    rds: &RdsService,
) -> anyhow::Result<Snapferry> {
    let program = match args.snapferry.clone() {
        Some(program) => program,
        None => {
            out.line("  the command snapferry (some minutes the first time) …");
            tokio::task::spawn_blocking(build_snapferry).await??
        }
    };
    Ok(Snapferry {
        program,
        environment: stack.environment(&rds.url())?,
    })
}

/// Applies the policies, as a person does.
async fn apply_policies(
    out: &Out,
    stack: &LocalStack,
    snapferry: &Snapferry,
    policies: &str,
) -> anyhow::Result<()> {
    let file = stack.folder().join("policies.toml");
    std::fs::write(&file, policies)
        .with_context(|| format!("{} could not be written", file.display()))?;
    out.line("  snapferry policy apply policies.toml:");
    let said = snapferry.apply_policies(&file).await?;
    for line in said.lines() {
        out.line(format_args!("    {line}"));
    }
    Ok(())
}

/// Prints what differs from AWS.
fn explain(out: &Out, args: &Args, stack: &LocalStack, trouble: &OutageReport, quota: usize) {
    let sources = SOURCES.join(" and ");
    out.line(format_args!(
        "\nNot as on AWS: RDS is a model that runs {} times as fast as life; its events of {sources}",
        args.speed
    ));
    out.line(format_args!(
        "are put on {RECOVERY}'s bus by the demo, which stands in for the forwarding rules; the pruner is invoked every 2 s, and the sweeper"
    ));
    if quota > MANUAL_SNAPSHOTS {
        out.line(format_args!(
            "RDS's quotas of manual snapshots are raised from {MANUAL_SNAPSHOTS} to {quota} a region, as Service Quotas does on request;"
        ));
    }
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
    if !trouble.choice.is_empty() {
        let names: Vec<&str> = trouble.choice.iter().map(Fault::name).collect();
        out.line(format_args!("Faults: {}.", names.join(", ")));
        out.line(
            "The emulator knows no MaxDelaySeconds and pauses for a minute at the most between two tries of a state;\n\
             by itself it would give a retry the token of the try before, and is made to give it one of its own.",
        );
    }
    out.line("");
}

/// What the picture shows, and what it does not.
struct Watched<'a> {
    databases: &'a [Database],
    old: &'a OldSnapshots,
    /// How many executions the planner starts.
    executions: usize,
}

/// Shows how it goes until every execution has ended. False when patience ran out first.
async fn watch(
    args: &Args,
    out: &Out,
    rds: &RdsService,
    stack: &LocalStack,
    fleet: &Watched<'_>,
    repairs: &Repairs,
) -> anyhow::Result<bool> {
    let databases = fleet.databases;
    let waves = u32::from(args.databases).div_ceil(20);
    let patience = PATIENCE + WAVE.mul_f64(f64::from(waves) / args.speed);
    let patience = if repairs.are_needed() {
        PATIENCE_WITH_FAULTS + patience * TRIES
    } else {
        patience
    };
    let begun = Instant::now();
    let mut planned = begun;
    let state_machine = stack.output("StateMachineArn")?;
    let mut view = View::new(out, databases);
    loop {
        view.show(&progress_of_all(&rds.model(), databases, fleet.old));
        let executions = stack.client().executions(state_machine).await?;
        let running = executions
            .iter()
            .filter(|one| one.status == "RUNNING")
            .count();
        let all_started = executions.len() >= fleet.executions;
        let all_ended = running == 0 && all_started;
        // What a role is denied comes about on no later try.
        if all_ended || has_denied(stack).await? || begun.elapsed() > patience {
            return Ok(all_ended);
        }
        if !all_started && planned.elapsed() > plan_every(args.speed) {
            planned = Instant::now();
            // If one fails, the next does its work, as on AWS.
            let planner = stack.output("PlannerName")?;
            let _ = stack.client().invoke(planner, &json!({})).await;
        }
        if !repairs.are_needed() && executions.is_empty() && begun.elapsed() > STARTS_WITHIN {
            bail!(
                "the planner started nothing; the functions' log is {}",
                stack.log().display()
            );
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Whether IAM has denied a call of a function.
async fn has_denied(stack: &LocalStack) -> anyhow::Result<bool> {
    let roles = stack.client().roles().await?;
    Ok(roles.iter().any(|role| !role.denied.is_empty()))
}

/// Stays up until Ctrl-C.
async fn keep(out: &Out, args: &Args, stack: &LocalStack, rds: &RdsService, snapferry: &Path) {
    let sweeps = stack
        .output("SweeperName")
        .map(|name| Sweeps::start(stack.client().clone(), name.to_owned(), args.speed));
    out.line("\nThe local world stays up until Ctrl-C. In another terminal:\n");
    match stack.environment(&rds.url()) {
        Ok(variables) => {
            for (name, value) in variables {
                out.line(format_args!("export {name}='{value}'"));
            }
        }
        Err(error) => out.line(format_args!("(the stack lacks an output: {error:#})")),
    }
    // Use the built command: `cargo run` would build again, in an environment with changed variables.
    if let Some(breakage) = args.breaks {
        let folder = snapferry.parent().unwrap_or(Path::new("."));
        out.line(format_args!(
            "export PATH='{}':\"$PATH\"\n",
            folder.display()
        ));
        for (why, command) in practice::steps(breakage) {
            out.line(format_args!("{command}  # {why}"));
        }
    } else {
        out.line(format_args!("\n{} waits", snapferry.display()));
    }
    for kind in ["DBSnapshot", "DBClusterSnapshot"] {
        out.line(list_of(kind));
    }
    std::future::pending::<()>().await;
    drop(sweeps);
}

/// A command line that shows the snapshots of a kind as a table, one row each.
fn list_of(kind: &str) -> String {
    let command = match kind {
        "DBSnapshot" => "describe-db-snapshots",
        _ => "describe-db-cluster-snapshots",
    };
    format!(
        "aws rds {command} --region {RECOVERY} --output table --query '{kind}s[].[{kind}Identifier,Status,SnapshotCreateTime]'"
    )
}
