//! The local stack runs the project's templates unchanged, records what passes, and leaves nothing behind.

use std::future::Future;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Pid;
use serde_json::{Value, json};
use snapferry_sim::local::{BusEvent, Client, Execution, Function, LocalOptions, LocalStack};
use snapferry_sim::proxy::{Counter, Outcome, Service, Tally};

/// Far more than anything here takes. Only a failure waits this long.
const PATIENCE: Duration = Duration::from_secs(30);

fn fixture() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/bootstrap")
}

async fn start() -> LocalStack {
    let mut options = LocalOptions::new("http://127.0.0.1:9");
    options.function = Function::Binary(fixture());
    let started = LocalStack::start(options, &|_| {}).await;
    started.unwrap_or_else(|error| panic!("{error}"))
}

/// Asks again until there is an answer.
async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, ask: impl Fn() -> F) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "{what} did not come about");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn ended(client: &Client, arn: &str) -> Execution {
    eventually("the execution's end", || async {
        let execution = client.describe_execution(arn).await.unwrap();
        (execution.status != "RUNNING").then_some(execution)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_deployed_chain_runs_and_is_recorded() {
    let stack = start().await;
    commands_reach_the_worker_and_tokens_settle(&stack).await;
    events_of_rds_reach_the_reactor(&stack).await;
    functions_know_their_settings_and_nothing_of_the_caller(&stack).await;
}

async fn commands_reach_the_worker_and_tokens_settle(stack: &LocalStack) {
    let client = stack.client();
    let machine = stack.output("StateMachineArn").unwrap();
    let input = json!({"database": "db-1"});
    let arn = client
        .start_execution(machine, "first", &input)
        .await
        .unwrap();
    let execution = ended(client, &arn).await;

    let output: Value = serde_json::from_str(&execution.output.unwrap()).unwrap();
    let manifest =
        |step: &str| json!({"arn": format!("arn:of:{step}"), "retry": 0, "input": input});
    assert_eq!(output["database"], "db-1");
    assert_eq!(output["snapshot"], manifest("snapshot"));
    assert_eq!(output["copy"], manifest("copy"));

    let history = client.history(&arn).await.unwrap();
    let scheduled = history.iter().filter(|event| event.kind == "TaskScheduled");
    assert_eq!(scheduled.count(), 2);
    let all = client.executions(machine).await.unwrap();
    assert_eq!(all.len(), 1, "an execution of an earlier run came back");

    let recorder = stack.proxy().recorder();
    // The last call of the second command may not have arrived yet when the execution ends.
    let sent = |operation: &str| Counter {
        service: Service::StepFunctions,
        operation: operation.to_owned(),
        app: Some("snapferry-worker".to_owned()),
    };
    let counts = eventually("the worker's last call", || async {
        let counts = recorder.counts();
        let success = counts.get(&sent("SendTaskSuccess"))?;
        (success.calls == 4).then_some(counts)
    })
    .await;
    assert_eq!(
        counts[&sent("SendTaskSuccess")],
        Tally {
            calls: 4,
            errors: 2
        }
    );
    assert_eq!(
        counts[&sent("SendTaskHeartbeat")],
        Tally {
            calls: 2,
            errors: 0
        }
    );

    let settlements = recorder.settlements_of("arn:of:copy");
    assert_eq!(settlements.len(), 2);
    let (first, second) = (&settlements[0], &settlements[1]);
    assert!(first.call.succeeded());
    assert_eq!(first.outcome, Outcome::Success(manifest("copy")));
    // The emulator answers with the one until the state has ended, and then with the other. Both mean that nobody
    // waits any more.
    let refused = second.call.error.as_deref();
    assert!(
        matches!(refused, Some("TaskTimedOut" | "TaskDoesNotExist")),
        "{refused:?}"
    );
    assert_eq!(second.call.caller.region.as_deref(), Some("eu-central-1"));
    assert_eq!(recorder.tokens().len(), 2);
}

async fn events_of_rds_reach_the_reactor(stack: &LocalStack) {
    let subject = "arn:aws:rds:eu-central-1:123456789012:snapshot:sf-1";
    let event = |detail_type: &str, subject: &str| BusEvent {
        source: "aws.rds".to_owned(),
        detail_type: detail_type.to_owned(),
        detail: json!({"EventID": "RDS-EVENT-0060", "SourceArn": subject}),
        resources: vec![subject.to_owned()],
    };
    let events = [
        event("RDS DB Parameter Group Event", "not a snapshot"),
        event("RDS DB Snapshot Event", subject),
    ];
    stack.client().put_events(&events).await.unwrap();
    let recorder = stack.proxy().recorder();
    eventually("the reactor's call", || async {
        let calls = recorder.calls();
        calls
            .into_iter()
            .find(|call| call.caller.operation == "PutItem")
    })
    .await;

    let scan = json!({"TableName": stack.output("TableName").unwrap()});
    let dynamodb = snapferry_sim::local::JsonService::DYNAMODB;
    let found = stack.client().call(dynamodb, "Scan", &scan).await.unwrap();
    assert_eq!(found["Items"], json!([{"pk": {"S": subject}}]));
    let queue = stack.output("EventsQueueUrl").unwrap();
    let depth = eventually("the message's deletion", || async {
        let depth = stack.client().queue_depth(queue).await.unwrap();
        depth.is_empty().then_some(depth)
    })
    .await;
    assert!(depth.is_empty());
    let dead = stack.output("EventsDeadLetterQueueUrl").unwrap();
    assert!(
        stack
            .client()
            .receive_messages(dead)
            .await
            .unwrap()
            .is_empty()
    );
}

async fn functions_know_their_settings_and_nothing_of_the_caller(stack: &LocalStack) {
    let planner = stack.output("PlannerName").unwrap();
    let answer = stack
        .client()
        .invoke(planner, &json!({"why": "a test"}))
        .await
        .unwrap();
    assert_eq!(answer["event"], json!({"why": "a test"}));
    let environment = &answer["environment"];
    assert_eq!(environment["_HANDLER"], "planner");
    assert_eq!(environment["AWS_REGION"], "eu-central-1");
    assert_eq!(environment["SNAPFERRY_SOURCE_REGIONS"], "eu-west-1");
    assert_eq!(environment["SNAPFERRY_SCHEDULE"], "0 3 * * *");
    assert_eq!(
        environment["SNAPFERRY_STATE_MACHINE_ARN"],
        stack.output("StateMachineArn").unwrap()
    );
    assert_eq!(environment["AWS_ENDPOINT_URL_RDS"], "http://127.0.0.1:9");
    assert_eq!(environment["AWS_ENDPOINT_URL_SQS"], stack.proxy().url());
    assert_eq!(environment["CARGO_MANIFEST_DIR"], Value::Null);
    for shortened in stack.overrides() {
        assert_ne!(shortened.shipped.as_deref(), Some(&*shortened.value));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn dropping_the_stack_ends_emulator_and_functions() {
    let stack = start().await;
    let planner = stack.output("PlannerName").unwrap();
    stack.client().invoke(planner, &json!({})).await.unwrap();
    let group = Pid::from_raw(stack.process_group()).unwrap();
    let folder = stack.folder().to_owned();
    let endpoint = stack.endpoint();
    drop(stack);
    assert_eq!(processes_of(group), [""; 0], "a process is left");
    assert!(!listens(&endpoint), "somebody still listens");
    assert!(!folder.exists(), "files are left");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_holder_that_is_killed_leaves_nothing_running() {
    let mut holder = Command::new(env!("CARGO_BIN_EXE_snapferry-sim"))
        .arg("local-stack")
        .arg("--bootstrap")
        .arg(fixture())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let printed = BufReader::new(holder.stdout.take().unwrap());
    let mut group = None;
    let mut endpoint = None;
    let mut function = None;
    for line in printed.lines() {
        let line = line.unwrap();
        if let Some(id) = line.strip_prefix("# process group ") {
            group = Pid::from_raw(id.parse().unwrap());
        } else if let Some(url) = line.strip_prefix("export AWS_ENDPOINT_URL=") {
            endpoint = Some(url.trim_matches('\'').to_owned());
        } else if let Some(arn) = line.strip_prefix("export SNAPFERRY_STATE_MACHINE_ARN=") {
            function = Some(arn.trim_matches('\'').to_owned());
            break;
        }
    }
    let (group, endpoint) = (group.unwrap(), endpoint.unwrap());
    let client = Client::at(&endpoint, "123456789012", "eu-central-1").unwrap();
    // Brings a function's process up, which is to go as well.
    let arn = client
        .start_execution(&function.unwrap(), "one", &json!({}))
        .await
        .unwrap();
    ended(&client, &arn).await;
    assert!(
        processes_of(group).len() >= 2,
        "no function runs beside the emulator"
    );

    holder.kill().unwrap();
    holder.wait().unwrap();
    eventually("the end of every process", || async {
        processes_of(group).is_empty().then_some(())
    })
    .await;
    assert!(!listens(&endpoint), "somebody still listens");
}

fn listens(endpoint: &str) -> bool {
    std::net::TcpStream::connect(endpoint.trim_start_matches("http://")).is_ok()
}

/// The live processes of a group, read from /proc: zombies that nobody has reaped yet are dead, once
/// their last thread is.
fn processes_of(group: Pid) -> Vec<String> {
    let group = group.as_raw_nonzero().to_string();
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let stats = entries.filter_map(|entry| std::fs::read_to_string(entry.path().join("stat")).ok());
    stats
        .filter(|stat| {
            // After the command's name, in parentheses: state, parent, group, …, threads.
            let after = stat.rsplit(')').next().unwrap_or_default();
            let fields: Vec<&str> = after.split_whitespace().collect();
            fields[2] == group && (fields[0] != "Z" || fields[17].parse::<u32>().unwrap() > 1)
        })
        .collect()
}
