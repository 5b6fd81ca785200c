//! One execution of the state machine in an emulator, its queue and its commands.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use serde_json::{Value, json};
use snapferry::domain::id::arn::{KeyArn, RdsArn};
use snapferry::domain::id::database_ref::DatabaseRef;
use snapferry::domain::id::names::ResourceId;
use snapferry::domain::id::tags::PolicyName;
use snapferry::domain::run::command::{Automated, Command, ProtectionRequest, RunOptions, Step};
use snapferry::domain::run::failure::Reason;
use snapferry::domain::run::manifest::Manifest;
use snapferry::json;
use snapferry_sim::local::{Client, JsonService};

use super::definition::{Shortened, deployed, shortened};

pub(crate) const REGION: &str = "eu-central-1";
/// moto's only account.
pub(crate) const ACCOUNT: &str = "123456789012";
/// The states of the state machine.
pub(crate) const SNAPSHOT: &str = "TakeSnapshot";
pub(crate) const COPY: &str = "CopySnapshot";
/// The name of every execution; each has a state machine of its own.
pub(crate) const NAME: &str = "sf-orders";
/// The longest time that a test waits for a condition, even on a busy machine.
const DEADLINE: Duration = Duration::from_secs(60);
/// How often an execution is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// A service that runs state machines.
pub(crate) trait Emulator: Send + Sync {
    /// A client of it, in the region and account of the tests.
    fn client(&self) -> Client;
}

/// One execution of the state machine, with a queue of its own.
pub(crate) struct Protect {
    // Held, so that it lives as long as its execution is looked at.
    _emulator: Arc<dyn Emulator>,
    client: Client,
    queue: String,
    pub(crate) execution: String,
    pub(crate) run: ProtectionRequest,
}

impl Protect {
    /// Starts one. The name is the queue's and the state machine's too.
    pub(crate) async fn start(
        emulator: Arc<dyn Emulator>,
        name: &str,
        numbers: &[Shortened],
    ) -> anyhow::Result<Self> {
        Self::start_run(emulator, name, numbers, a_run()).await
    }

    /// Starts one of this run.
    pub(crate) async fn start_run(
        emulator: Arc<dyn Emulator>,
        name: &str,
        numbers: &[Shortened],
        run: ProtectionRequest,
    ) -> anyhow::Result<Self> {
        let client = emulator.client();
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
        let started = client
            .call(
                JsonService::STEP_FUNCTIONS,
                "StartExecution",
                &json!({
                    "stateMachineArn": machine["stateMachineArn"],
                    "name": NAME,
                    "input": json::run::write(&run),
                }),
            )
            .await?;
        let execution = started["executionArn"].as_str().context("no execution")?;
        Ok(Self {
            _emulator: emulator,
            execution: execution.to_owned(),
            client,
            queue,
            run,
        })
    }

    /// The next command that the state machine sends, as the worker reads it.
    pub(crate) async fn command(&self) -> anyhow::Result<Command> {
        let until = Instant::now() + DEADLINE;
        while Instant::now() < until {
            if let Some(body) = self.receive(2).await? {
                return json::command::read(&body).context("the worker cannot read it");
            }
        }
        bail!("no command came; the execution is {}", self.look().await?)
    }

    /// The next message that the state machine sends; [`None`] once it has ended and sent no other.
    pub(crate) async fn body_or_end(&self) -> anyhow::Result<Option<String>> {
        let until = Instant::now() + DEADLINE;
        let mut looks = tokio::time::interval(LOOK_EVERY);
        loop {
            looks.tick().await;
            // Look at the execution first, so that a command that it sent before it ended is not missed.
            let execution = self.look().await?;
            if let Some(body) = self.receive(0).await? {
                return Ok(Some(body));
            }
            if execution["status"] != "RUNNING" {
                return Ok(None);
            }
            ensure!(Instant::now() < until, "it does nothing: {execution}");
        }
    }

    /// Looks into the queue once, and waits for at most this many seconds.
    pub(crate) async fn receive(&self, wait_seconds: u32) -> anyhow::Result<Option<String>> {
        let input = json!({"QueueUrl": self.queue, "WaitTimeSeconds": wait_seconds});
        let answer = self
            .client
            .call(JsonService::SQS, "ReceiveMessage", &input)
            .await?;
        Ok(answer["Messages"][0]["Body"].as_str().map(str::to_owned))
    }

    /// A command that is what this run must send at this point.
    pub(crate) async fn expect(&self, step: Step, retry: u32) -> anyhow::Result<Command> {
        let command = self.command().await?;
        assert_eq!(command.step, step);
        assert_eq!(command.retry, retry);
        assert_eq!(command.execution.as_str(), self.execution);
        assert_eq!(command.run, self.run);
        Ok(command)
    }

    pub(crate) async fn succeed(&self, command: &Command) -> anyhow::Result<Manifest> {
        let manifest = a_manifest(command.step);
        let input = json!({
            "taskToken": command.token.reveal(),
            "output": json::manifest::write(&manifest),
        });
        self.answer("SendTaskSuccess", &input).await?;
        Ok(manifest)
    }

    pub(crate) async fn fail(&self, command: &Command, reason: Reason) -> anyhow::Result<()> {
        self.fail_with(command, reason.error_name()).await
    }

    pub(crate) async fn fail_with(&self, command: &Command, error: &str) -> anyhow::Result<()> {
        let input = json!({
            "taskToken": command.token.reveal(),
            "error": error,
            "cause": "asked for",
        });
        self.answer("SendTaskFailure", &input).await
    }

    pub(crate) async fn answer(&self, action: &str, input: &Value) -> anyhow::Result<()> {
        self.client
            .call(JsonService::STEP_FUNCTIONS, action, input)
            .await?;
        Ok(())
    }

    pub(crate) async fn look(&self) -> anyhow::Result<Value> {
        let input = json!({"executionArn": self.execution});
        let answer = self
            .client
            .call(JsonService::STEP_FUNCTIONS, "DescribeExecution", &input)
            .await?;
        Ok(answer)
    }

    /// The execution as it is once it has ended.
    pub(crate) async fn ended(&self) -> anyhow::Result<Value> {
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
    pub(crate) async fn sent(&self) -> anyhow::Result<Vec<String>> {
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

    /// Checks that it has failed with this error, and that no unexpected command is left.
    pub(crate) async fn has_failed_with(&self, error: &str, sent: &[&str]) -> anyhow::Result<()> {
        let execution = self.ended().await?;
        assert_eq!(execution["status"], "FAILED", "{execution}");
        assert_eq!(execution["error"], error);
        assert_eq!(self.sent().await?, sent);
        assert_eq!(self.receive(0).await?, None);
        Ok(())
    }
}

pub(crate) fn a_run() -> ProtectionRequest {
    ProtectionRequest {
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
        options: RunOptions::default(),
    }
}

/// One that copies an automated snapshot of RDS's.
pub(crate) fn a_run_of_an_automated_snapshot() -> ProtectionRequest {
    let source = format!("arn:aws:rds:eu-west-1:{ACCOUNT}:snapshot:rds:orders-2026-11-22-03-04");
    ProtectionRequest {
        options: RunOptions {
            automated: Some(Automated {
                snapshot: RdsArn::parse(&source).unwrap(),
                expires_at: None,
            }),
            ..RunOptions::default()
        },
        ..a_run()
    }
}

pub(crate) fn a_manifest(step: Step) -> Manifest {
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
