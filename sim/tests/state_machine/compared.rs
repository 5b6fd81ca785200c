//! One list of scenarios, three interpreters of the same definition: the deterministic simulation's, moto, and the
//! local stack's emulator.
//!
//! The test compares the whole course: which state sent which command in which order, the body of each command without
//! the token, and the execution's end with its output or error. Neither emulator gets an exception: both are patched at
//! their start, so that each try has its own token. The test does not compare how long a pause takes: the local stack's
//! emulator knows no `MaxDelaySeconds`, and the pauses here take a second or less.

use std::sync::Arc;

use anyhow::Context;
use futures_util::future::try_join_all;
use serde_json::{Value, json};
use snapferry::domain::run::command::{Command, ProtectionRequest};
use snapferry::json;
use snapferry_sim::local::{BareStack, Client, LocalOptions};
use snapferry_sim::simulation::{End, Walk};

use super::definition::{EVERY_PAUSE, deployed, shortened};
use super::moto::Moto;
use super::protect::{
    ACCOUNT, COPY, Emulator, NAME, Protect, REGION, a_manifest, a_run,
    a_run_of_an_automated_snapshot,
};
use super::scenarios::{self, Answer, Scenario};

/// What an execution did.
#[derive(Debug, PartialEq)]
struct StepFaults {
    commands: Vec<Sent>,
    end: End,
}

/// One command.
#[derive(Debug, PartialEq)]
struct Sent {
    state: String,
    /// The body without its token.
    body: Value,
}

impl Sent {
    fn new(state: String, body: &str) -> anyhow::Result<Self> {
        let mut body: Value = serde_json::from_str(body)?;
        let members = body.as_object_mut().context("a command is an object")?;
        let token = members.remove("token").context("a command has a token")?;
        assert!(token.as_str().is_some_and(|token| !token.is_empty()));
        Ok(Self { state, body })
    }
}

/// By the reader of the simulation.
fn read(scenario: &Scenario) -> anyhow::Result<StepFaults> {
    let definition = shortened(&deployed("a queue")?, &numbers(scenario))?;
    let execution = format!(
        "arn:aws:states:{REGION}:{ACCOUNT}:execution:{}:{NAME}",
        scenario.name
    );
    let mut walk = Walk::start(&definition.to_string(), &execution, &input(scenario))?;
    let mut answers = scenario.answers.iter();
    let mut commands = Vec::new();
    while let Some(sent) = walk.next_command() {
        let command = json::command::read(&sent.body)?;
        commands.push(Sent::new(sent.state, &sent.body)?);
        match answers.next().context("a command too many")? {
            Answer::Success => walk.succeed(command.token.reveal(), &output(&command)),
            Answer::Failure(error) => walk.fail(command.token.reveal(), error),
            Answer::Nothing => walk.answer_nothing(),
        }
    }
    Ok(StepFaults {
        commands,
        end: walk.end().context("it has not ended")?,
    })
}

/// By an emulator.
async fn emulated(emulator: Arc<dyn Emulator>, scenario: &Scenario) -> anyhow::Result<StepFaults> {
    let protect = Protect::start_run(
        emulator,
        &scenario.name,
        &numbers(scenario),
        input(scenario),
    )
    .await?;
    let mut answers = scenario.answers.iter();
    let mut bodies = Vec::new();
    while let Some(body) = protect.body_or_end().await? {
        let command = json::command::read(&body).context("the worker cannot read it")?;
        bodies.push(body);
        match answers.next().context("a command too many")? {
            Answer::Success => {
                protect.succeed(&command).await?;
            }
            Answer::Failure(error) => protect.fail_with(&command, error).await?,
            Answer::Nothing => {}
        }
    }
    let end = end(&protect.ended().await?)?;
    // A command that nobody expected would have arrived by now.
    bodies.extend(protect.receive(0).await?);
    let states = protect.sent().await?;
    assert_eq!(
        states.len(),
        bodies.len(),
        "{}: {states:?} scheduled",
        scenario.name
    );
    let commands = states.into_iter().zip(&bodies);
    let commands: anyhow::Result<_> = commands
        .map(|(state, body)| Sent::new(state, body))
        .collect();
    Ok(StepFaults {
        commands: commands?,
        end,
    })
}

fn end(execution: &Value) -> anyhow::Result<End> {
    let text = |name: &str| execution[name].as_str().map(ToOwned::to_owned);
    match execution["status"].as_str() {
        Some("SUCCEEDED") => {
            let output = text("output").context("no output")?;
            Ok(End::Succeeded(serde_json::from_str(&output)?))
        }
        Some("FAILED") => Ok(End::failed(&text("error").context("no error")?)),
        _ => anyhow::bail!("neither succeeded nor failed: {execution}"),
    }
}

fn input(scenario: &Scenario) -> ProtectionRequest {
    if scenario.names_source {
        a_run_of_an_automated_snapshot()
    } else {
        a_run()
    }
}

fn output(command: &Command) -> String {
    json::manifest::write(&a_manifest(command.step))
}

fn numbers(scenario: &Scenario) -> Vec<super::definition::Shortened> {
    [&EVERY_PAUSE, scenario.timeouts].concat()
}

/// Compares the reader's courses with an emulator's.
async fn agree(emulator: Arc<dyn Emulator>) -> anyhow::Result<()> {
    let scenarios = scenarios::all();
    // Run them at the same time, because most of their time is pauses.
    let courses = scenarios.iter().map(async |scenario| {
        emulated(Arc::clone(&emulator), scenario)
            .await
            .with_context(|| scenario.name.clone())
    });
    let courses = try_join_all(courses).await?;
    for (scenario, theirs) in scenarios.iter().zip(courses) {
        assert_eq!(
            read(scenario)?,
            theirs,
            "{}: the reader, then the emulator",
            scenario.name
        );
    }
    Ok(())
}

#[test]
fn an_input_that_names_its_source_sends_no_command_but_the_copys() -> anyhow::Result<()> {
    let mut read_so = 0;
    for scenario in scenarios::all().iter().filter(|s| s.names_source) {
        let commands = read(scenario)?.commands;
        assert_eq!(commands.len(), scenario.answers.len(), "{}", scenario.name);
        assert!(
            commands.iter().all(|sent| sent.state == COPY),
            "{commands:?}"
        );
        read_so += 1;
    }
    assert!(read_so > 0);
    Ok(())
}

/// A state ends a second before its timeout, unless somebody has asked for its token after that second.
#[test]
fn four_days_are_over_by_either_name() -> anyhow::Result<()> {
    for (asked_after, error) in [
        (None, "States.HeartbeatTimeout"),
        (Some(0), "States.HeartbeatTimeout"),
        (Some(60), "States.Timeout"),
    ] {
        let definition = deployed("a queue")?.to_string();
        let execution = format!("arn:aws:states:{REGION}:{ACCOUNT}:execution:days:{NAME}");
        let mut walk = Walk::start(&definition, &execution, &a_run())?;
        let sent = walk.next_command().context("no command")?;
        let command = json::command::read(&sent.body)?;
        if let Some(seconds) = asked_after {
            walk.heartbeat_after(seconds, command.token.reveal());
        }
        walk.answer_nothing();
        assert_eq!(walk.error(), Some(error), "asked after {asked_after:?}");
        assert_eq!(walk.end(), Some(End::FourDaysAreOver));
    }
    Ok(())
}

#[test]
fn a_choice_that_the_reader_does_not_know_is_refused() -> anyhow::Result<()> {
    let choice = json!({
        "Type": "Choice",
        "Choices": [{"Variable": "$.source", "IsPresent": true, "Next": COPY}],
        "Default": "TakeSnapshot",
    });
    let start = |choice: &Value| -> anyhow::Result<bool> {
        let mut definition = deployed("a queue")?;
        definition["States"]["ChooseSource"] = choice.clone();
        Ok(Walk::start(&definition.to_string(), "an execution", &a_run()).is_ok())
    };
    assert!(start(&choice)?);
    for (pointer, value) in [
        ("/Type", json!("Pass")),
        ("/Default", json!("Nowhere")),
        ("/Default", json!("ChooseSource")),
        ("/Choices", json!([])),
        ("/Choices/0/Next", json!("Nowhere")),
        ("/Choices/0/Variable", json!("$.database.arn")),
        ("/Choices/0/Variable", json!("$$.Execution.Name")),
        (
            "/Choices/0",
            json!({"Variable": "$.source", "IsNull": true, "Next": COPY}),
        ),
        (
            "/Choices/0",
            json!({"Not": {"Variable": "$.source", "IsPresent": true}, "Next": COPY}),
        ),
    ] {
        let mut changed = choice.clone();
        *changed.pointer_mut(pointer).context("no such field")? = value;
        assert!(!start(&changed)?, "{changed}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_simulations_reader_and_moto_take_the_same_course() -> anyhow::Result<()> {
    agree(Moto::shared()?).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_simulations_reader_and_the_local_stacks_emulator_take_the_same_course()
-> anyhow::Result<()> {
    let mut options = LocalOptions::new("http://127.0.0.1:9");
    ACCOUNT.clone_into(&mut options.account);
    REGION.clone_into(&mut options.recovery_region);
    // It knows no MaxDelaySeconds, so that eighteen growing pauses would take it a quarter of an hour.
    options.retry_scale = 0.01;
    agree(Arc::new(BareStack::start(options).await?)).await
}

impl Emulator for BareStack {
    fn client(&self) -> Client {
        Self::client(self).clone()
    }
}
