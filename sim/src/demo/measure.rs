//! Measures a finished run: reads the recording proxy, the RDS service's counts and the emulator.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::{Value, json};
use snapferry::json;

use crate::local::{
    Client, ClientError, Execution, HistoryEvent, JsonService, LocalError, LocalStack,
};
use crate::proxy::{Call, Outcome, Recorder, Service, Settlement};
use crate::rds::Rds;
use crate::rds_http::{Asked, CallCounts, CallKey};

use super::carrier::Carrier;
use super::costs::{Costs, is_shared};
use super::faults::{OutageReport, person::Diary};
use super::figures::{Callbacks, Calls, Executions, Figures, Reaction, ServiceCalls};
use super::fleet::{Database, RECOVERY, snapshots};
use super::iam::Iam;
use super::left_out::{Kind, LeftOutFigure};
use super::old_snapshots::OldSnapshots;
use super::promises::Observations;
use super::pruning::Pruned;
use super::tried::{TriedFigures, TriedTraces};
use super::truth;

const SWEEPER: &str = "snapferry-sweeper";
const PRUNER: &str = "snapferry-pruner";
const COMMAND_LINE: &str = "snapferry-cli";
/// Numbers of the events that say "finished" of what the demo makes.
const FINISHED: [&str; 3] = ["RDS-EVENT-0042", "RDS-EVENT-0060", "RDS-EVENT-0075"];

/// What a measurement looks at.
pub(super) struct Scene<'a> {
    /// The deployed stack.
    pub(super) stack: &'a LocalStack,
    /// The carrier of events.
    pub(super) carrier: &'a Carrier,
    /// How often RDS was called, by whom.
    pub(super) rds_calls: CallCounts,
    /// What each of these calls was about.
    pub(super) asked: Vec<Asked>,
    /// The databases that should be protected.
    pub(super) databases: &'a [Database],
    /// The database whose copies RDS refuses permanently.
    pub(super) tried: &'a Database,
    /// Those that get none, each with its reason.
    pub(super) left_out: &'a [LeftOutFigure],
    /// How real time and RDS's time relate.
    pub(super) times: Times,
    /// How long it took.
    pub(super) elapsed_s: f64,
    /// The snapshots that were there before.
    pub(super) old: &'a OldSnapshots,
    /// What became of them.
    pub(super) pruned: &'a Pruned,
    /// What went wrong on request, and how it was repaired.
    pub(super) trouble: &'a OutageReport,
    /// What the person of the demo saw and did.
    pub(super) diary: &'a Diary,
}

/// One moment, in real time and in RDS's time, which runs faster.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    /// In real time.
    pub(super) real: Timestamp,
    /// In RDS's.
    pub(super) rds: Timestamp,
    /// How many of RDS's seconds pass in a real one.
    pub(super) speed: f64,
}

impl Times {
    /// How many seconds of RDS's time had passed, at a real time, since a time of RDS.
    fn since(self, begun: Timestamp, at: Timestamp) -> f64 {
        let since_then = self.real.duration_since(at).as_secs_f64() * self.speed;
        self.rds.duration_since(begun).as_secs_f64() - since_then
    }
}

/// The figures of the run, and its observations.
///
/// # Errors
/// When the emulator does not answer.
pub(super) async fn measure(
    scene: &Scene<'_>,
    rds: &Rds,
) -> Result<(Figures, Observations), MeasureError> {
    let client = scene.stack.client();
    let recorder = scene.stack.proxy().recorder();
    let executions = client
        .executions(scene.stack.output("StateMachineArn")?)
        .await?;
    let runs = runs(client, executions).await?;
    let (of_tried, runs): (Vec<EndedExecution>, Vec<EndedExecution>) = {
        let arn = scene.tried.arn();
        runs.into_iter().partition(|run| run.database == arn)
    };
    let traces = TriedTraces::of(rds, scene.tried);
    let all_settlements = accepted(recorder);
    let (tried_settlements, settlements): (Vec<Settlement>, Vec<Settlement>) = all_settlements
        .iter()
        .cloned()
        .partition(|one| traces.has_callback(one));
    let logs = logs(client).await?;
    let failed = failures(&runs);
    let owners = truth::owners(rds, scene.databases.iter().chain([scene.tried]));
    let tried_and_refused = TriedFigures {
        executions: ended(&of_tried),
        callbacks: callbacks(&tried_settlements),
        state_transitions: of_tried.iter().map(|run| run.transitions).sum(),
        rds: traces.calls(&scene.asked, &owners, is_shared),
        ends: failures(&of_tried),
    };
    let mut costs = Costs::of_calls(&scene.asked, &owners);
    costs.of.remove(&scene.tried.label());
    let automated = scene.databases.iter().filter(|one| one.policy.is_automated);
    costs.automated = automated.map(Database::label).collect();
    let state_transitions = transitions(scene, &runs, &mut costs);
    let unprotected = truth::unprotected(rds, scene.databases, scene.old);
    let of_kind = |kind| scene.left_out.iter().filter(|one| one.kind == kind).count() as u64;
    let figures = Figures {
        schema: 1,
        databases: scene.databases.len() as u64,
        automated: costs.automated.len() as u64,
        refused: of_kind(Kind::Refused),
        excluded: of_kind(Kind::Excluded),
        not_now: of_kind(Kind::NotNow),
        tried: of_kind(Kind::TriedOnce),
        left_out: scene.left_out.to_vec(),
        recovery_points: (scene.databases.len() - unprotected.len()) as u64,
        executions: ended(&runs),
        callbacks: callbacks(&settlements),
        stale_commands: stale_commands(recorder),
        dead_letters: dead_letters(scene.stack).await?,
        garbage: scene.diary.garbage.len() as u64,
        faults: scene.trouble.counted(),
        parked: scene.diary.parked.len() as u64,
        replayed: scene.diary.replayed,
        calls: calls(recorder, &scene.rds_calls, &tried_and_refused.rds),
        tried_and_refused,
        iam: Iam::of(&client.roles().await?),
        pruned: scene.pruned.clone(),
        doctor: None,
        drills: None,
        restored: None,
        state_transitions,
        lambda_invocations: logs
            .iter()
            .filter(|line| line.starts_with("START RequestId"))
            .count() as u64,
        max_copies_in_flight: scene.trouble.rds_outages.most_of_ours() as u64,
        reaction_ms: reaction(&settlements, scene.carrier),
        sweep_settles_s: sweep_settles(&settlements, rds, scene.times),
        elapsed_s: scene.elapsed_s,
    };
    let seen = Observations {
        unprotected,
        touched: truth::touched(rds, scene.databases, scene.tried),
        leaks: leaks(scene, rds, &logs, &all_settlements, &failed),
        world: scene
            .carrier
            .refused()
            .into_iter()
            .chain(scene.diary.trouble.iter().cloned())
            .collect(),
        executions: failed,
        costs,
    };
    Ok((figures, seen))
}

/// Why a run could not be measured.
#[derive(Debug, thiserror::Error)]
pub(super) enum MeasureError {
    /// The emulator did not answer as it should.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The stack lacks an output.
    #[error(transparent)]
    Local(#[from] LocalError),
    /// An execution whose input is not the planner's.
    #[error("an execution's input cannot be read")]
    Input(#[from] json::JsonError),
}

fn accepted(recorder: &Recorder) -> Vec<Settlement> {
    recorder
        .settlements()
        .into_iter()
        .filter(|one| one.call.succeeded())
        .collect()
}

/// An execution, and what it entered.
struct EndedExecution {
    /// Its database's ARN.
    database: String,
    /// States entered, and one more for its end.
    transitions: u64,
    /// How it failed, in words; `None` if it succeeded.
    failure: Option<String>,
}

async fn runs(
    client: &Client,
    executions: Vec<Execution>,
) -> Result<Vec<EndedExecution>, MeasureError> {
    let mut all = Vec::new();
    for execution in executions {
        let arn = &execution.execution_arn;
        let history = client.history(arn).await?;
        let entered = |event: &&HistoryEvent| event.kind.ends_with("StateEntered");
        let described = client.describe_execution(arn).await?;
        let failure = (execution.status != "SUCCEEDED").then(|| {
            let name = arn.rsplit(':').next().unwrap_or_default();
            let why = [described.error.as_deref(), described.cause.as_deref()];
            let why: Vec<&str> = why.into_iter().flatten().collect();
            format!("{name} {} {}", described.status, why.join(": "))
        });
        let input = described.input.unwrap_or_default();
        all.push(EndedExecution {
            database: json::run::read(&input)?.database.arn.to_string(),
            transitions: 1 + history.iter().filter(entered).count() as u64,
            failure,
        });
    }
    Ok(all)
}

fn ended(runs: &[EndedExecution]) -> Executions {
    let failed = failures(runs).len() as u64;
    Executions {
        succeeded: runs.len() as u64 - failed,
        failed,
    }
}

fn failures(runs: &[EndedExecution]) -> Vec<String> {
    runs.iter().filter_map(|run| run.failure.clone()).collect()
}

/// The accepted callbacks by who sent them; a token settles its task once.
fn callbacks(settlements: &[Settlement]) -> Callbacks {
    let mut callbacks = Callbacks::default();
    let mut settled = BTreeSet::new();
    for one in settlements {
        if matches!(one.outcome, Outcome::Failure { .. }) {
            callbacks.failures += 1;
        } else if settled.insert(&one.token) {
            match one.call.caller.app.as_deref() {
                Some("snapferry-reactor") => callbacks.event += 1,
                Some(SWEEPER) => callbacks.sweep += 1,
                Some("snapferry-worker") => callbacks.worker += 1,
                _ => {}
            }
        }
    }
    callbacks
}

/// Probes of the worker that found its command's token dead.
fn stale_commands(recorder: &Recorder) -> u64 {
    let stale = |call: &&Call| {
        call.caller.operation == "SendTaskHeartbeat"
            && call.caller.app.as_deref() == Some("snapferry-worker")
            && matches!(
                call.error.as_deref(),
                Some("TaskTimedOut" | "TaskDoesNotExist")
            )
    };
    recorder.calls().iter().filter(stale).count() as u64
}

async fn dead_letters(stack: &LocalStack) -> Result<u64, MeasureError> {
    let mut all = 0;
    for queue in ["CommandsDeadLetterQueueUrl", "EventsDeadLetterQueueUrl"] {
        let depth = stack.client().queue_depth(stack.output(queue)?).await?;
        all += depth.visible + depth.in_flight + depth.delayed;
    }
    Ok(all)
}

/// The calls by service. Those that the one database cost which RDS refuses stand apart.
fn calls(recorder: &Recorder, rds: &CallCounts, of_tried: &Calls) -> ServiceCalls {
    let mut calls = ServiceCalls::default();
    for (counter, tally) in recorder.counts() {
        let of_service = match counter.service {
            Service::StepFunctions => &mut calls.states,
            Service::DynamoDb => &mut calls.dynamodb,
            Service::Sqs => &mut calls.sqs,
            Service::Other(_) => continue,
        };
        *of_service.entry(counter.operation).or_default() += tally.calls;
    }
    for (CallKey { operation, app, .. }, count) in rds.iter() {
        let of_caller: &mut Calls = match app.as_str() {
            SWEEPER => &mut calls.sweep_rds,
            PRUNER => &mut calls.prune_rds,
            COMMAND_LINE => &mut calls.cli_rds,
            _ => &mut calls.rds,
        };
        *of_caller.entry(operation.clone()).or_default() += count;
    }
    calls.rds.retain(|call, count| {
        *count = count.saturating_sub(of_tried.get(call).copied().unwrap_or_default());
        *count > 0
    });
    calls
}

/// States entered, and one more for the end of each execution. They are costs of the execution's database too.
fn transitions(scene: &Scene<'_>, runs: &[EndedExecution], costs: &mut Costs) -> u64 {
    let label = |one: &Database| (one.arn(), one.label());
    let labels: BTreeMap<String, String> = scene.databases.iter().map(label).collect();
    for run in runs {
        let label = labels.get(&run.database).unwrap_or(&run.database);
        costs.add_transitions(label, run.transitions);
    }
    runs.iter().map(|run| run.transitions).sum()
}

/// From the delivery of the event that says "finished" to the reactor's accepted callback.
fn reaction(settlements: &[Settlement], carrier: &Carrier) -> Reaction {
    let times = settlements.iter().filter_map(|one| {
        let Outcome::Success(output) = &one.outcome else {
            return None;
        };
        if one.call.caller.app.as_deref() != Some("snapferry-reactor") {
            return None;
        }
        let snapshot = output.get("snapshot")?.as_str()?;
        let delivered = FINISHED
            .iter()
            .find_map(|id| carrier.delivered(snapshot, id))?;
        Some(
            one.call
                .answered_at()
                .duration_since(delivered)
                .as_secs_f64()
                * 1_000.0,
        )
    });
    Reaction::of(times.collect())
}

/// From the moment that RDS had a copy ready to the sweep's accepted callback, in seconds of RDS's time. The copies
/// of clusters are among them, for which RDS has no event.
fn sweep_settles(settlements: &[Settlement], rds: &Rds, times: Times) -> Reaction {
    let ready: BTreeMap<&str, Timestamp> = snapshots(rds, RECOVERY)
        .map(|copy| (copy.arn.as_str(), copy.since()))
        .collect();
    let lags = settlements.iter().filter_map(|one| {
        let Outcome::Success(output) = &one.outcome else {
            return None;
        };
        if one.call.caller.app.as_deref() != Some(SWEEPER) {
            return None;
        }
        let ready = ready.get(output.get("snapshot")?.as_str()?)?;
        Some(times.since(*ready, one.call.answered_at()))
    });
    Reaction::of(lags.collect())
}

/// Every line that every function wrote.
async fn logs(client: &Client) -> Result<Vec<String>, ClientError> {
    let groups = client
        .call(JsonService::LOGS, "DescribeLogGroups", &json!({}))
        .await?;
    let groups = groups
        .get("logGroups")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let mut lines = Vec::new();
    for group in groups
        .iter()
        .filter_map(|group| group.get("logGroupName")?.as_str())
    {
        let mut request = json!({ "logGroupName": group, "limit": 10_000 });
        loop {
            let mut answer = client
                .call(JsonService::LOGS, "FilterLogEvents", &request)
                .await?;
            let events = answer.get("events").and_then(Value::as_array);
            let messages = events
                .into_iter()
                .flatten()
                .filter_map(|event| event.get("message")?.as_str());
            lines.extend(messages.map(ToOwned::to_owned));
            match answer.get_mut("nextToken").map(Value::take) {
                Some(next @ Value::String(_)) => request["nextToken"] = next,
                _ => break,
            }
        }
    }
    Ok(lines)
}

/// Where a token stands that must not: logs, tags, events, error texts, what a person was shown.
fn leaks(
    scene: &Scene<'_>,
    rds: &Rds,
    logs: &[String],
    settlements: &[Settlement],
    failed: &[String],
) -> Vec<String> {
    let tokens = scene.stack.proxy().recorder().tokens();
    let secrets: Vec<&str> = tokens.iter().map(|token| token.expose()).collect();
    let mut found = truth::tags_that_hold(rds, &secrets);
    let emulator = std::fs::read_to_string(scene.stack.log()).unwrap_or_default();
    let causes = settlements.iter().filter_map(|one| match &one.outcome {
        Outcome::Failure { error, cause } => Some(format!("{error}: {cause}")),
        Outcome::Success(_) => None,
    });
    let places = [
        ("the functions' logs", logs.join("\n")),
        ("the emulator's log", emulator),
        ("RDS's events", scene.carrier.texts()),
        (
            "the causes of failures",
            causes.collect::<Vec<_>>().join("\n"),
        ),
        ("the executions' errors", failed.join("\n")),
        ("what snapferry printed", scene.diary.said.clone()),
    ];
    for (place, text) in places {
        let standing: Vec<&&str> = secrets.iter().filter(|one| text.contains(**one)).collect();
        if let Some(first) = standing.first() {
            let line = text.lines().find(|line| line.contains(**first));
            let line = line.unwrap_or_default().replace(**first, "(the token)");
            found.push(format!(
                "{} task tokens stand in {place}, one in: {}",
                standing.len(),
                line.chars().take(400).collect::<String>()
            ));
        }
    }
    found
}
