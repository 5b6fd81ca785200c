//! The state machine as it is deployed, carried out by moto: a second opinion on its commands, retries and
//! timeouts. The local stack's emulator enforces no timeout and lets an execution outlive its own.
//!
//! What moto does otherwise than AWS, and what is therefore not asked of it here: it loses the cause of
//! `SendTaskFailure`, gives a retried state the token that it had before, and lets a retried callback fail again
//! although it is answered with success. So a retry is held to bring the command again, and no more.

#![allow(
    clippy::unwrap_used,
    reason = "a panic is how a test fails, in its helpers too"
)]
#![allow(
    clippy::disallowed_methods,
    reason = "moto runs in real time, on this machine"
)]

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command as Program, Stdio};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use serde_json::{Value, json};
use snapferry::domain::arn::{KeyArn, RdsArn};
use snapferry::domain::command::{Command, DatabaseRef, Extras, Run, Step};
use snapferry::domain::failure::Reason;
use snapferry::domain::manifest::Manifest;
use snapferry::domain::names::ResourceId;
use snapferry::domain::tags::PolicyName;
use snapferry::wire;
use snapferry_sim::local::{Client, JsonService};
use snapferry_sim::python::venv;

const REGION: &str = "eu-central-1";
/// moto's only account.
const ACCOUNT: &str = "123456789012";
/// No condition that a test waits for may take longer, on however busy a machine.
const DEADLINE: Duration = Duration::from_secs(60);
/// The states of the state machine.
const SNAPSHOT: &str = "TakeSnapshot";
const COPY: &str = "CopySnapshot";
/// How often an execution is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Pinned: what is known of moto is known of this version.
const REQUIREMENTS: &str = "moto[server,stepfunctions]==5.2.5\n";

/// Picks its own port and tells it, once executions are switched on. The engine calls SQS back at `MOTO_PORT`.
/// Ends when its input does, so that it never outlives the tests, even if they are killed.
const LAUNCHER: &str = "\
import os, sys, urllib.request
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address='127.0.0.1', port=0, verbose=False)
server.start()
port = server.get_host_and_port()[1]
os.environ['MOTO_PORT'] = str(port)
config = urllib.request.Request(
    f'http://127.0.0.1:{port}/moto-api/config',
    data=b'{\"stepfunctions\": {\"execute_state_machine\": true}}',
    headers={'content-type': 'application/json'},
    method='POST',
)
urllib.request.urlopen(config, timeout=30).read()
print(port, flush=True)
sys.stdin.read()
";

/// A running moto; dropping it ends it.
struct Moto {
    child: Child,
    url: String,
}

/// The one that is running, for tests that run at the same time. The last of them ends it.
static RUNNING: Mutex<Weak<Moto>> = Mutex::new(Weak::new());

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

impl Moto {
    fn shared() -> anyhow::Result<Arc<Self>> {
        let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(moto) = running.upgrade() {
            return Ok(moto);
        }
        let moto = Arc::new(Self::start()?);
        *running = Arc::downgrade(&moto);
        Ok(moto)
    }

    fn start() -> anyhow::Result<Self> {
        let python: PathBuf = venv(root(), "moto-stepfunctions", REQUIREMENTS)?;
        // A file, because a pipe that nobody reads would stop moto once it is full.
        let log = Path::new(env!("CARGO_TARGET_TMPDIR")).join("moto-stepfunctions.log");
        let child = Program::new(python)
            .args(["-c", LAUNCHER])
            .env("AWS_ACCESS_KEY_ID", ACCOUNT)
            .env("AWS_SECRET_ACCESS_KEY", "none")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("NO_PROXY", "localhost,127.0.0.1")
            .env_remove("AWS_PROFILE")
            .env_remove("AWS_ENDPOINT_URL")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(&log)?)
            .spawn()
            .context("cannot start moto")?;
        // From here on it is ended whatever happens.
        let mut moto = Self {
            child,
            url: String::new(),
        };
        let output = moto.child.stdout.take().context("moto has no output")?;
        let mut line = String::new();
        BufReader::new(output)
            .read_line(&mut line)
            .context("moto told nothing")?;
        let Ok(port) = line.trim().parse::<u16>() else {
            let said = std::fs::read_to_string(&log).unwrap_or_default();
            bail!("moto did not start: {said}");
        };
        moto.url = format!("http://127.0.0.1:{port}");
        Ok(moto)
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A number of the definition that would take too long in real time.
#[derive(Clone, Copy)]
struct Shortened {
    pointer: &'static str,
    seconds: u64,
}

const SNAPSHOT_TIMEOUT: Shortened = Shortened {
    pointer: "/States/TakeSnapshot/TimeoutSeconds",
    seconds: 2,
};
const COPY_TIMEOUT: Shortened = Shortened {
    pointer: "/States/CopySnapshot/TimeoutSeconds",
    seconds: 2,
};
const BUSY_INTERVAL: Shortened = Shortened {
    pointer: "/States/TakeSnapshot/Retry/0/IntervalSeconds",
    seconds: 1,
};
const SNAPSHOT_FAILED_INTERVAL: Shortened = Shortened {
    pointer: "/States/TakeSnapshot/Retry/1/IntervalSeconds",
    seconds: 1,
};
const COPY_FAILED_INTERVAL: Shortened = Shortened {
    pointer: "/States/CopySnapshot/Retry/0/IntervalSeconds",
    seconds: 1,
};

/// The deployed definition, its substitutions applied.
fn deployed(queue_url: &str) -> anyhow::Result<Value> {
    let text = std::fs::read_to_string(root().join("statemachine/protect.asl.json"))?;
    let text = text
        .replace("${Partition}", "aws")
        .replace("${CommandsQueueUrl}", queue_url);
    ensure!(!text.contains("${"), "a substitution is not applied");
    Ok(serde_json::from_str(&text)?)
}

/// The definition with some numbers made smaller, and nothing else.
fn shortened(deployed: &Value, numbers: &[Shortened]) -> anyhow::Result<Value> {
    let mut definition = deployed.clone();
    for Shortened { pointer, seconds } in numbers {
        let number = definition
            .pointer_mut(pointer)
            .with_context(|| format!("the definition has no {pointer}"))?;
        ensure!(
            number.as_u64().is_some_and(|real| real > *seconds),
            "{pointer} is no longer time: {number}"
        );
        *number = json!(seconds);
    }
    let mut changed = Vec::new();
    differences("", deployed, &definition, &mut changed);
    let mut named: Vec<String> = numbers.iter().map(|n| n.pointer.to_owned()).collect();
    named.sort();
    changed.sort();
    assert_eq!(changed, named, "what is carried out is what is deployed");
    Ok(definition)
}

/// Where two documents differ.
fn differences(at: &str, a: &Value, b: &Value, found: &mut Vec<String>) {
    match (a, b) {
        (Value::Object(a), Value::Object(b)) if a.keys().eq(b.keys()) => {
            for (key, value) in a {
                differences(&format!("{at}/{key}"), value, &b[key], found);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (index, (a, b)) in a.iter().zip(b).enumerate() {
                differences(&format!("{at}/{index}"), a, b, found);
            }
        }
        _ if a == b => {}
        _ => found.push(at.to_owned()),
    }
}

/// One execution of the state machine, with a queue of its own.
struct Protect {
    // Held, so that moto lives as long as its execution is looked at.
    _moto: Arc<Moto>,
    client: Client,
    queue: String,
    execution: String,
    run: Run,
}

impl Protect {
    /// Starts one. The name is the queue's and the state machine's too.
    async fn start(name: &str, numbers: &[Shortened]) -> anyhow::Result<Self> {
        let moto = Moto::shared()?;
        let client = Client::at(&moto.url, ACCOUNT, REGION).context("moto's address")?;
        let queue = client
            .call(
                JsonService::SQS,
                "CreateQueue",
                // A message is handed out once: what comes again was sent again.
                &json!({"QueueName": name, "Attributes": {"VisibilityTimeout": "43200"}}),
            )
            .await?;
        let queue = queue["QueueUrl"].as_str().context("no queue")?.to_owned();
        let definition = shortened(&deployed(&queue)?, numbers)?;
        let machine = client
            .call(
                JsonService::STEP_FUNCTIONS,
                "CreateStateMachine",
                &json!({
                    "name": name,
                    "definition": definition.to_string(),
                    "roleArn": format!("arn:aws:iam::{ACCOUNT}:role/protect"),
                }),
            )
            .await?;
        let run = a_run();
        let started = client
            .call(
                JsonService::STEP_FUNCTIONS,
                "StartExecution",
                &json!({
                    "stateMachineArn": machine["stateMachineArn"],
                    "name": "sf-orders",
                    "input": wire::run::write(&run),
                }),
            )
            .await?;
        let execution = started["executionArn"].as_str().context("no execution")?;
        Ok(Self {
            _moto: moto,
            execution: execution.to_owned(),
            client,
            queue,
            run,
        })
    }

    /// The next command that the state machine sends, as the worker reads it.
    async fn command(&self) -> anyhow::Result<Command> {
        let until = Instant::now() + DEADLINE;
        while Instant::now() < until {
            if let Some(body) = self.receive(2).await? {
                return wire::command::read(&body).context("the worker cannot read it");
            }
        }
        bail!("no command came; the execution is {}", self.look().await?)
    }

    /// One look into the queue, which waits for so many seconds at most.
    async fn receive(&self, wait_seconds: u32) -> anyhow::Result<Option<String>> {
        let input = json!({"QueueUrl": self.queue, "WaitTimeSeconds": wait_seconds});
        let answer = self
            .client
            .call(JsonService::SQS, "ReceiveMessage", &input)
            .await?;
        Ok(answer["Messages"][0]["Body"].as_str().map(str::to_owned))
    }

    /// A command that is what this run must send at this point.
    async fn expect(&self, step: Step, retry: u32) -> anyhow::Result<Command> {
        let command = self.command().await?;
        assert_eq!(command.step, step);
        assert_eq!(command.retry, retry);
        assert_eq!(command.execution.as_str(), self.execution);
        assert_eq!(command.run, self.run);
        Ok(command)
    }

    async fn succeed(&self, command: &Command) -> anyhow::Result<Manifest> {
        let manifest = a_manifest(command.step);
        let input = json!({
            "taskToken": command.token.reveal(),
            "output": wire::manifest::write(&manifest),
        });
        self.answer("SendTaskSuccess", &input).await?;
        Ok(manifest)
    }

    async fn fail(&self, command: &Command, reason: Reason) -> anyhow::Result<()> {
        let input = json!({
            "taskToken": command.token.reveal(),
            "error": reason.error_name(),
            "cause": reason.meaning(),
        });
        self.answer("SendTaskFailure", &input).await
    }

    async fn answer(&self, action: &str, input: &Value) -> anyhow::Result<()> {
        self.client
            .call(JsonService::STEP_FUNCTIONS, action, input)
            .await?;
        Ok(())
    }

    async fn look(&self) -> anyhow::Result<Value> {
        let input = json!({"executionArn": self.execution});
        let answer = self
            .client
            .call(JsonService::STEP_FUNCTIONS, "DescribeExecution", &input)
            .await?;
        Ok(answer)
    }

    /// The execution as it is once it has ended.
    async fn ended(&self) -> anyhow::Result<Value> {
        let until = Instant::now() + DEADLINE;
        let mut looks = tokio::time::interval(LOOK_EVERY);
        loop {
            looks.tick().await;
            let execution = self.look().await?;
            if execution["status"] != "RUNNING" {
                return Ok(execution);
            }
            ensure!(Instant::now() < until, "it does not end: {execution}");
        }
    }

    /// The states whose commands were sent, one for each command, by the execution's history.
    async fn sent(&self) -> anyhow::Result<Vec<String>> {
        let input = json!({"executionArn": self.execution, "maxResults": 1000});
        let history = self
            .client
            .call(JsonService::STEP_FUNCTIONS, "GetExecutionHistory", &input)
            .await?;
        let (mut state, mut sent) = (String::new(), Vec::new());
        for event in history["events"].as_array().context("no history")? {
            match event["type"].as_str() {
                Some("TaskStateEntered") => {
                    let name = event["stateEnteredEventDetails"]["name"].as_str();
                    name.context("a state without a name")?
                        .clone_into(&mut state);
                }
                Some("TaskScheduled") => sent.push(state.clone()),
                _ => {}
            }
        }
        Ok(sent)
    }

    /// That it has failed with this error, and no command is left that nobody asked for.
    async fn has_failed_with(&self, error: &str, sent: &[&str]) -> anyhow::Result<()> {
        let execution = self.ended().await?;
        assert_eq!(execution["status"], "FAILED", "{execution}");
        assert_eq!(execution["error"], error);
        assert_eq!(self.sent().await?, sent);
        assert_eq!(self.receive(0).await?, None);
        Ok(())
    }
}

fn a_run() -> Run {
    Run {
        database: DatabaseRef {
            arn: RdsArn::parse("arn:aws:rds:eu-west-1:123456789012:db:orders").unwrap(),
            resource_id: ResourceId::parse("db-ORDERS").unwrap(),
        },
        policy: PolicyName::parse("default").unwrap(),
        planned_at: "2026-11-22T03:00:00Z".parse().unwrap(),
        key: KeyArn::parse(
            "arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555",
        )
        .unwrap(),
        extras: Extras::default(),
    }
}

fn a_manifest(step: Step) -> Manifest {
    let run = a_run();
    let arn = |region: &str, name: &str| {
        RdsArn::parse(&format!("arn:aws:rds:{region}:{ACCOUNT}:snapshot:{name}")).unwrap()
    };
    let source = arn("eu-west-1", "orders-1");
    let (snapshot, source, key) = match step {
        Step::Snapshot => (source, None, None),
        Step::Copy => (arn(REGION, "orders-2"), Some(source), Some(run.key)),
    };
    Manifest {
        step,
        snapshot,
        source,
        database: run.database.arn,
        resource_id: run.database.resource_id,
        engine: "postgres".to_owned(),
        engine_version: "17.2".to_owned(),
        size_gib: 100,
        key,
        taken_at: Some("2026-11-22T03:01:00.250Z".parse().unwrap()),
    }
}

#[tokio::test]
async fn two_commands_that_succeed_end_the_execution_with_both_manifests() -> anyhow::Result<()> {
    let protect = Protect::start("both-succeed", &[]).await?;
    let snapshot = protect.expect(Step::Snapshot, 0).await?;
    let taken = protect.succeed(&snapshot).await?;
    let copy = protect.expect(Step::Copy, 0).await?;
    assert!(copy.token != snapshot.token, "each state has its own token");
    let copied = protect.succeed(&copy).await?;

    let execution = protect.ended().await?;
    assert_eq!(execution["status"], "SUCCEEDED", "{execution}");
    let output: Value = serde_json::from_str(execution["output"].as_str().context("no output")?)?;
    for (name, manifest) in [("snapshot", taken), ("copy", copied)] {
        assert_eq!(wire::manifest::read(&output[name].to_string())?, manifest);
    }
    assert_eq!(wire::run::read(&output.to_string())?, protect.run);
    assert_eq!(protect.sent().await?, [SNAPSHOT, COPY]);
    assert_eq!(protect.receive(0).await?, None);
    Ok(())
}

#[tokio::test]
async fn a_snapshot_that_nobody_answers_times_out_and_is_not_tried_again() -> anyhow::Result<()> {
    let protect = Protect::start("snapshot-unanswered", &[SNAPSHOT_TIMEOUT]).await?;
    protect.expect(Step::Snapshot, 0).await?;
    protect.has_failed_with("States.Timeout", &[SNAPSHOT]).await
}

#[tokio::test]
async fn a_copy_that_nobody_answers_times_out_and_is_not_tried_again() -> anyhow::Result<()> {
    let protect = Protect::start("copy-unanswered", &[COPY_TIMEOUT]).await?;
    let snapshot = protect.expect(Step::Snapshot, 0).await?;
    protect.succeed(&snapshot).await?;
    protect.expect(Step::Copy, 0).await?;
    protect
        .has_failed_with("States.Timeout", &[SNAPSHOT, COPY])
        .await
}

#[tokio::test]
async fn a_busy_database_brings_the_command_again() -> anyhow::Result<()> {
    let protect = Protect::start("busy", &[BUSY_INTERVAL]).await?;
    let first = protect.expect(Step::Snapshot, 0).await?;
    protect.fail(&first, Reason::DatabaseBusy).await?;
    protect.expect(Step::Snapshot, 1).await?;
    Ok(())
}

#[tokio::test]
async fn a_snapshot_that_failed_is_tried_three_times_in_all() -> anyhow::Result<()> {
    let protect = Protect::start("snapshot-failed", &[SNAPSHOT_FAILED_INTERVAL]).await?;
    for retry in 0..3 {
        let command = protect.expect(Step::Snapshot, retry).await?;
        protect.fail(&command, Reason::SnapshotFailed).await?;
    }
    protect
        .has_failed_with("Snapferry.SnapshotFailed", &[SNAPSHOT; 3])
        .await
}

#[tokio::test]
async fn a_copy_that_vanished_brings_the_copy_again_and_not_the_snapshot() -> anyhow::Result<()> {
    let protect = Protect::start("copy-vanished", &[COPY_FAILED_INTERVAL]).await?;
    let snapshot = protect.expect(Step::Snapshot, 0).await?;
    protect.succeed(&snapshot).await?;
    let copy = protect.expect(Step::Copy, 0).await?;
    protect.fail(&copy, Reason::SnapshotVanished).await?;
    protect.expect(Step::Copy, 1).await?;
    Ok(())
}

#[tokio::test]
async fn a_permanent_failure_of_the_copy_fails_the_execution_at_once() -> anyhow::Result<()> {
    let protect = Protect::start("copy-mismatch", &[]).await?;
    let snapshot = protect.expect(Step::Snapshot, 0).await?;
    protect.succeed(&snapshot).await?;
    let copy = protect.expect(Step::Copy, 0).await?;
    protect.fail(&copy, Reason::CopyMismatch).await?;
    protect
        .has_failed_with("Snapferry.CopyMismatch", &[SNAPSHOT, COPY])
        .await
}

/// A copy is of no database that could be busy: the state does not know the error, so it is final.
#[tokio::test]
async fn what_only_a_snapshot_is_tried_again_for_fails_a_copy() -> anyhow::Result<()> {
    let protect = Protect::start("copy-busy", &[]).await?;
    let snapshot = protect.expect(Step::Snapshot, 0).await?;
    protect.succeed(&snapshot).await?;
    let copy = protect.expect(Step::Copy, 0).await?;
    protect.fail(&copy, Reason::DatabaseBusy).await?;
    protect
        .has_failed_with("Snapferry.DatabaseBusy", &[SNAPSHOT, COPY])
        .await
}
