//! One emulator for all tests of this program; a table and queues of its own for each of them.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use serde_json::{Value, json};
use snapferry::aws::{
    Aws, QueueUrl, Reach, Replays, SourceQueue, StateMachine, TargetQueue, for_functions,
};
use snapferry::domain::id::arn::{Region, StateMachineArn};
use snapferry::domain::id::token::TaskToken;
use snapferry::domain::run::command::Command;
use snapferry::domain::run::failure::{Failure, Reason};
use snapferry::json;
use snapferry::ports::{
    Callbacks, DelayMessage, ExecutionState, PortError, ReceiptHandle, SendCommand, SendLater,
    StartExecution, Started,
};
use snapferry_sim::local::{BareStack, JsonService, LocalOptions, repository_root};
use tokio::runtime::Runtime;

use crate::suite::letters::{LOOKS, Queues};
use crate::suite::samples::{execution, recovery_point, run};
use crate::suite::step_functions::MachineUnderTest;

const HOME: &str = "eu-central-1";
const ACCOUNT: &str = "111122223333";

/// The emulator lives as long as this process, and ends with it however that ends.
struct Emulator {
    runtime: Runtime,
    stack: BareStack,
    made: AtomicU32,
}

fn emulator() -> &'static Emulator {
    static EMULATOR: OnceLock<Emulator> = OnceLock::new();
    EMULATOR.get_or_init(|| {
        let runtime = Runtime::new().unwrap();
        let mut options = LocalOptions::new("http://127.0.0.1:9");
        options.account = ACCOUNT.to_owned();
        options.recovery_region = HOME.to_owned();
        let stack = runtime.block_on(BareStack::start(options));
        Emulator {
            stack: stack.unwrap_or_else(|error| panic!("{error}")),
            runtime,
            made: AtomicU32::new(0),
        }
    })
}

/// Runs a case on a table of its own.
pub(crate) fn on_a_table(case: impl AsyncFn(&Aws)) {
    let emulator = emulator();
    emulator.runtime.block_on(async {
        let table = emulator.create_table().await;
        case(&Aws::new(emulator.sdk(), table, ())).await;
    });
}

/// Runs a case on queues of its own.
pub(crate) fn on_queues(case: impl AsyncFn(&AwsQueues)) {
    let emulator = emulator();
    emulator.runtime.block_on(async {
        case(&emulator.create_queues().await).await;
    });
}

/// Runs a case on a state machine of its own.
pub(crate) fn on_a_machine(case: impl AsyncFn(&Machine)) {
    let emulator = emulator();
    emulator.runtime.block_on(async {
        case(&emulator.create_machine().await).await;
    });
}

fn home() -> Region {
    Region::parse(HOME).unwrap()
}

impl Emulator {
    /// As a function is configured, but for the credentials, which are a function's environment's.
    fn sdk(&self) -> SdkConfig {
        let endpoint = ("AWS_ENDPOINT_URL".to_owned(), self.stack.endpoint());
        let reach = Reach::read(&BTreeMap::from([endpoint])).unwrap();
        let credentials = Credentials::from_keys(ACCOUNT, "local", None);
        for_functions("contract", &home(), &reach)
            .into_builder()
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .build()
    }

    fn name(&self, of: &str) -> String {
        format!("{of}-{}", self.made.fetch_add(1, Ordering::Relaxed))
    }

    async fn call(&self, service: JsonService, operation: &str, input: &Value) -> Value {
        let answer = self.stack.client().call(service, operation, input).await;
        answer.unwrap_or_else(|error| panic!("{error}"))
    }

    /// The table of the template, with its indexes.
    async fn create_table(&self) -> String {
        let name = self.name("table");
        let mut table = template()["Resources"]["Table"]["Properties"].clone();
        table["TableName"] = json!(name);
        let of = ["TableName", "BillingMode", "AttributeDefinitions"];
        let of = of
            .into_iter()
            .chain(["KeySchema", "GlobalSecondaryIndexes"]);
        let input: serde_json::Map<String, Value> =
            of.map(|key| (key.to_owned(), table[key].clone())).collect();
        self.call(JsonService::DYNAMODB, "CreateTable", &Value::Object(input))
            .await;
        name
    }

    async fn create_queue(&self, of: &str) -> QueueUrl {
        let input = json!({ "QueueName": self.name(of) });
        let answer = self.call(JsonService::SQS, "CreateQueue", &input).await;
        QueueUrl::parse(answer["QueueUrl"].as_str().unwrap()).unwrap()
    }

    async fn create_queues(&self) -> AwsQueues {
        let commands = self.create_queue("commands").await;
        let dead_letters = self.create_queue("dead-letters").await;
        let machine = format!("arn:aws:states:{HOME}:{ACCOUNT}:stateMachine:protect");
        let receives = SourceQueue {
            queue: commands.clone(),
            commands: commands.clone(),
            starts: StateMachineArn::parse(&machine).unwrap(),
        };
        let replays = Replays::new(&self.sdk(), &home(), dead_letters.clone(), commands.clone());
        AwsQueues {
            commands_url: commands.clone(),
            dead_letters_url: dead_letters,
            commands: Commands {
                sweeper: Aws::new(self.sdk(), "none", TargetQueue(commands)),
                worker: Aws::new(self.sdk(), "none", receives),
            },
            dead_letters: Aws::new(self.sdk(), "none", replays),
        }
    }

    /// A state machine whose executions put a token into a queue and sleep on it.
    async fn create_machine(&self) -> Machine {
        let queue = self.create_queue("tokens").await;
        let definition = json!({
            "StartAt": "Sleep",
            "States": { "Sleep": {
                "Type": "Task",
                "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
                "Parameters": {
                    "QueueUrl": queue.as_str(),
                    "MessageBody": { "token.$": "$$.Task.Token" },
                },
                "End": true,
            } },
        });
        let input = json!({
            "name": self.name("machine"),
            "definition": definition.to_string(),
            "roleArn": format!("arn:aws:iam::{ACCOUNT}:role/anybody"),
        });
        let answer = self
            .call(JsonService::STEP_FUNCTIONS, "CreateStateMachine", &input)
            .await;
        let arn = answer["stateMachineArn"].as_str().unwrap();
        let starts = StateMachine(StateMachineArn::parse(arn).unwrap());
        Machine {
            queue,
            ports: Aws::new(self.sdk(), "none", starts),
        }
    }

    async fn send(&self, queue: &QueueUrl, body: &str) {
        let input = json!({ "QueueUrl": queue.as_str(), "MessageBody": body });
        self.call(JsonService::SQS, "SendMessage", &input).await;
    }

    /// Messages that are visible within a second, as many as come at once.
    async fn receive(&self, queue: &QueueUrl) -> Vec<Value> {
        let input = json!({
            "QueueUrl": queue.as_str(), "MaxNumberOfMessages": 10, "WaitTimeSeconds": 1,
        });
        let answer = self.call(JsonService::SQS, "ReceiveMessage", &input).await;
        answer["Messages"].as_array().cloned().unwrap_or_default()
    }
}

/// The template; `!Ref` and its like are left out, for nothing that is read here has any.
fn template() -> Value {
    let path = repository_root().unwrap().join("template.yaml");
    let text = std::fs::read_to_string(path).unwrap();
    let yaml: serde_norway::Value = serde_norway::from_str(&text).unwrap();
    untagged(yaml)
}

fn untagged(yaml: serde_norway::Value) -> Value {
    use serde_norway::Value as Yaml;
    match yaml {
        Yaml::Tagged(_) | Yaml::Null => Value::Null,
        Yaml::Bool(value) => value.into(),
        Yaml::Number(number) => number.as_i64().into(),
        Yaml::String(text) => text.into(),
        Yaml::Sequence(items) => items.into_iter().map(untagged).collect(),
        Yaml::Mapping(map) => map
            .into_iter()
            .filter_map(|(key, value)| Some((key.as_str()?.to_owned(), untagged(value))))
            .collect(),
    }
}

/// The queues of one case: commands, and dead letters that are sent there again.
pub(crate) struct AwsQueues {
    commands_url: QueueUrl,
    dead_letters_url: QueueUrl,
    commands: Commands,
    dead_letters: Aws<Replays>,
}

/// Two roles share the commands queue: one sends, the other delays.
pub(crate) struct Commands {
    sweeper: Aws<TargetQueue>,
    worker: Aws<SourceQueue>,
}

impl SendCommand for Commands {
    async fn send_command(&self, command: &Command) -> Result<(), PortError> {
        self.sweeper.send_command(command).await
    }
}

impl SendLater for Commands {
    async fn send_later(
        &self,
        command: &Command,
        tries: u32,
        delay: std::time::Duration,
    ) -> Result<(), PortError> {
        self.worker.send_later(command, tries, delay).await
    }
}

impl DelayMessage for Commands {
    async fn delay_message(
        &self,
        receipt: &ReceiptHandle,
        delay: std::time::Duration,
    ) -> Result<(), PortError> {
        self.worker.delay_message(receipt, delay).await
    }
}

impl Queues for AwsQueues {
    type Commands = Commands;
    type DeadLetters = Aws<Replays>;

    fn commands(&self) -> &Commands {
        &self.commands
    }

    fn dead_letters(&self) -> &Aws<Replays> {
        &self.dead_letters
    }

    async fn receive_command(&self) -> Option<(Command, ReceiptHandle)> {
        let received = emulator().receive(&self.commands_url).await;
        let message = received.first()?;
        let body = message["Body"].as_str().unwrap();
        let receipt = message["ReceiptHandle"].as_str().unwrap();
        let command = json::command::read(body).unwrap();
        Some((command, ReceiptHandle(receipt.to_owned())))
    }

    async fn put_dead_letter(&self, body: &str) {
        emulator().send(&self.dead_letters_url, body).await;
    }

    async fn sent_again(&self) -> Vec<String> {
        let received = emulator().receive(&self.commands_url).await;
        let body = |message: Value| message["Body"].as_str().unwrap().to_owned();
        received.into_iter().map(body).collect()
    }

    /// Time passes by itself: a look at an empty queue waits for a second.
    fn a_second_passes(&self) {}
}

/// The state machine of one case.
pub(crate) struct Machine {
    queue: QueueUrl,
    ports: Aws<StateMachine>,
}

impl Machine {
    /// The token that the next execution has put into the queue.
    async fn token(&self) -> TaskToken {
        for _ in 0..LOOKS {
            let received = emulator().receive(&self.queue).await;
            if let Some(message) = received.first() {
                let body: Value = serde_json::from_str(message["Body"].as_str().unwrap()).unwrap();
                return TaskToken::parse(body["token"].as_str().unwrap()).unwrap();
            }
        }
        panic!("no execution has put its token into the queue")
    }
}

impl MachineUnderTest for Machine {
    type Ports = Aws<StateMachine>;

    fn ports(&self) -> &Aws<StateMachine> {
        &self.ports
    }

    async fn sleeping_token(&self) -> TaskToken {
        let name = execution("asleep");
        let started = self.ports.start_execution(&name, &run("asleep")).await;
        assert_eq!(started.unwrap(), Started::Running);
        self.token().await
    }

    async fn end(&self, name: &str, well: bool) {
        let token = self.token().await;
        if well {
            let output = recovery_point("orders", None);
            self.ports.send_task_success(&token, &output).await;
        } else {
            let failure = Failure::new(Reason::SnapshotFailed, "RDS says failed");
            self.ports.send_task_failure(&token, &failure).await;
        }
        for _ in 0..LOOKS {
            let state = self.ports.describe_execution(&execution(name)).await;
            if state.unwrap() != ExecutionState::Running {
                return;
            }
            // A look at the empty queue waits for a second.
            emulator().receive(&self.queue).await;
        }
        panic!("the execution did not end")
    }
}
