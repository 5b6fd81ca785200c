//! Task tokens: which answers tell a live one from a dead one.

use std::time::Duration;

use futures_util::FutureExt as _;
use snapferry::aws::Aws;
use snapferry::domain::id::token::TaskToken;
use snapferry::ports::{Probe, ProbeToken};

use super::{is, yes_or_no};
use crate::bench::Bench;
use crate::error::{Answered, CheckError, of};
use crate::plan::Thing;
use crate::question::Question;

/// A settled, timed-out or stopped task's token. `InvalidToken` would send its command to the dead-letter queue.
const DEAD: &[&str] = &["dead"];

pub(super) const TOKENS: Question = Question {
    name: "tokens",
    does: "probes task tokens: fresh, settled, timed out, of a retry, of a stopped execution, and a text that is no token",
    expects: "a live token takes a heartbeat, with HeartbeatSeconds or without; a dead one answers TaskTimedOut or \
              TaskDoesNotExist; InvalidToken is for what is no token; a retry has a token of its own",
    facts: &[
        is("a fresh token", &["accepted"]),
        is("one of a state without HeartbeatSeconds", &["accepted"]),
        is("a settled token", DEAD),
        is(
            "a settled token, settled again",
            &["TaskTimedOut", "TaskDoesNotExist"],
        ),
        is("the token of a try that timed out", DEAD),
        is("the token of the retry", &["another, accepted"]),
        is("the token of a stopped execution", DEAD),
        is("the stopped execution's error", &["as given"]),
        is("a text that is no token", &["InvalidToken"]),
    ],
    needs: &[Thing::Stacks],
    ask: |bench| tokens(bench).boxed_local(),
};

async fn tokens(bench: &mut Bench) -> Answered<()> {
    let person = bench.account.person();
    let fresh = sleeping_token(bench, TaskKind::Sleep).await?;
    let probe = heartbeat(&person, &fresh.token).await?;
    bench.saw("a fresh token", probe);
    let settled = settle(bench, &fresh.token).await;
    if settled.is_ok() {
        let probe = heartbeat(&person, &fresh.token).await?;
        bench.saw("a settled token", probe);
        let again = settle(bench, &fresh.token).await;
        bench.saw_call("a settled token, settled again", again)?;
    }

    let first = sleeping_token(bench, TaskKind::TimeOut).await?;
    let probe = heartbeat(&person, &first.token).await?;
    bench.saw("one of a state without HeartbeatSeconds", probe);
    let second = next_token(bench).await?;
    let probe = heartbeat(&person, &first.token).await?;
    bench.saw("the token of a try that timed out", probe);
    let which = if second.reveal() == first.token.reveal() {
        "the same"
    } else {
        "another"
    };
    let probe = heartbeat(&person, &second).await?;
    bench.saw("the token of the retry", format!("{which}, {probe}"));

    let stopped = sleeping_token(bench, TaskKind::Sleep).await?;
    let sfn = bench.account.sfn(&bench.account.recovery);
    let stop = sfn.stop_execution().execution_arn(&stopped.execution);
    let stop = stop.error("LiveCheck.Stopped").cause("asked for");
    stop.send().await.map_err(of("StopExecution"))?;
    let probe = heartbeat(&person, &stopped.token).await?;
    bench.saw("the token of a stopped execution", probe);
    let described = sfn
        .describe_execution()
        .execution_arn(&stopped.execution)
        .send()
        .await;
    let described = described.map_err(of("DescribeExecution"))?;
    let shown = (described.error.as_deref(), described.cause.as_deref());
    let is_as_given = shown == (Some("LiveCheck.Stopped"), Some("asked for"));
    bench.saw(
        "the stopped execution's error",
        if is_as_given { "as given" } else { "another" },
    );

    let none =
        TaskToken::parse(&"A".repeat(64)).map_err(|error| CheckError::Unfit(error.to_string()))?;
    let probe = heartbeat(&person, &none).await?;
    bench.saw("a text that is no token", probe);
    Ok(())
}

pub(super) const HEARTBEAT_END: Question = Question {
    name: "heartbeat-end",
    does: "lets a state miss its heartbeat",
    expects: "the state ends after HeartbeatSeconds with States.HeartbeatTimeout, and the execution has failed or timed out",
    facts: &[
        is("it ends by then", &["yes"]),
        is("its status", &["FAILED", "TIMED_OUT"]),
        is("its error", &["States.HeartbeatTimeout"]),
    ],
    needs: &[Thing::Stacks],
    ask: |bench| heartbeat_end(bench).boxed_local(),
};

async fn heartbeat_end(bench: &mut Bench) -> Answered<()> {
    let sleeping = sleeping_token(bench, TaskKind::MissHeartbeat).await?;
    let sfn = bench.account.sfn(&bench.account.recovery);
    let look = async || {
        let asked = sfn
            .describe_execution()
            .execution_arn(&sleeping.execution)
            .send()
            .await;
        let execution = asked.map_err(of("DescribeExecution"))?;
        let is_over = execution.status.as_str() != "RUNNING";
        Ok(is_over.then_some(execution))
    };
    let within = Duration::from_secs(u64::from(bench.account.pace.short_seconds) * 4);
    let ended = match bench.wait("the execution", within, look).await {
        Ok(execution) => Some(execution),
        Err(CheckError::TooLong(_)) => None,
        Err(error) => return Err(error),
    };
    bench.saw("it ends by then", yes_or_no(ended.is_some()));
    if let Some(execution) = ended {
        bench.saw("its status", execution.status.as_str());
        bench.saw("its error", execution.error.as_deref().unwrap_or("none"));
    }
    Ok(())
}

/// How an execution of the run's state machine sleeps.
#[derive(Debug, Clone, Copy)]
pub(super) enum TaskKind {
    Sleep,
    TimeOut,
    MissHeartbeat,
}

/// A token with the execution that sleeps on it.
pub(super) struct Sleeping {
    pub(super) token: TaskToken,
    execution: String,
}

/// Starts an execution, and returns the token on which it sleeps.
pub(super) async fn sleeping_token(bench: &mut Bench, kind: TaskKind) -> Answered<Sleeping> {
    let machine = bench.output("StateMachine").await?;
    let kind = match kind {
        TaskKind::Sleep => "sleep",
        TaskKind::TimeOut => "timeout",
        TaskKind::MissHeartbeat => "heartbeat",
    };
    let sfn = bench.account.sfn(&bench.account.recovery);
    let asked = sfn.start_execution().state_machine_arn(machine);
    let asked = asked.input(serde_json::json!({ "kind": kind }).to_string());
    let started = asked.send().await.map_err(of("StartExecution"))?;
    Ok(Sleeping {
        token: next_token(bench).await?,
        execution: started.execution_arn,
    })
}

/// The next token in the run's queue.
async fn next_token(bench: &mut Bench) -> Answered<TaskToken> {
    const WHAT: &str = "ReceiveMessage";
    let queue = bench.output("Tokens").await?;
    let sqs = bench.account.sqs(&bench.account.recovery);
    let look = async || {
        let asked = sqs
            .receive_message()
            .queue_url(&queue)
            .wait_time_seconds(1)
            .send()
            .await;
        let received = asked.map_err(of(WHAT))?.messages.unwrap_or_default();
        let Some(message) = received.into_iter().next() else {
            return Ok(None);
        };
        let receipt = message.receipt_handle.unwrap_or_default();
        let delete = sqs
            .delete_message()
            .queue_url(&queue)
            .receipt_handle(receipt);
        delete.send().await.map_err(of("DeleteMessage"))?;
        let body: serde_json::Value = serde_json::from_str(&message.body.unwrap_or_default())
            .map_err(|error| CheckError::unusable(WHAT, error))?;
        let token = TaskToken::parse(body["token"].as_str().unwrap_or_default());
        token
            .map(Some)
            .map_err(|error| CheckError::unusable(WHAT, error))
    };
    bench
        .wait("a task token", bench.account.pace.message, look)
        .await
}

/// What Step Functions says to a probe, as the shipped adapter reads it.
pub(super) async fn heartbeat(who: &Aws, token: &TaskToken) -> Answered<String> {
    let said = match who.send_task_heartbeat(token).await {
        Probe::Alive => "accepted",
        Probe::Dead => "dead",
        Probe::Invalid => "InvalidToken",
        Probe::Unknown(error) => match error.code {
            Some(code) if code.starts_with("AccessDenied") => "denied",
            Some(code) => return Ok(code),
            None => return Err(CheckError::unusable("SendTaskHeartbeat", error)),
        },
    };
    Ok(said.to_owned())
}

async fn settle(bench: &Bench, token: &TaskToken) -> Answered<()> {
    let sfn = bench.account.sfn(&bench.account.recovery);
    let asked = sfn
        .send_task_success()
        .task_token(token.reveal())
        .output("{}");
    // AWS does not quote tokens, and the record hides what looks like one.
    asked.send().await.map(drop).map_err(of("SendTaskSuccess"))
}
