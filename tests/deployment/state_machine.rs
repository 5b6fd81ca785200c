//! The state machine's numbers, its commands, and how it is deployed.

use serde_json::{Value, json};
use snapferry::domain::id::arn::Region;
use snapferry::domain::limits::{STATE_TIMEOUT, WAIT_TIME_TO_LIVE};
use snapferry::domain::run::failure::{Operation, Owner, Reason, owner};

use crate::document::{definition, keys, resources, template, texts, values_of};

/// A long weekend and a slow copy.
const TIMEOUT_SECONDS: u64 = 4 * 24 * 60 * 60;

/// How long a database may be busy.
const BUSY_SECONDS_MIN: u64 = 8 * 60 * 60;

fn states() -> Vec<(String, Value)> {
    let definition = definition();
    let states = definition["States"].as_object().unwrap();
    states
        .iter()
        // What takes time and sends commands; a choice does neither.
        .filter(|(_, state)| state["Type"] == "Task")
        .map(|(name, state)| (name.clone(), state.clone()))
        .collect()
}

/// The pauses before each of a retrier's attempts, by AWS's formula, without jitter.
fn pauses(retrier: &Value) -> Vec<u64> {
    let number = |name: &str| retrier[name].as_f64().unwrap();
    let longest = retrier["MaxDelaySeconds"].as_f64().unwrap_or(f64::INFINITY);
    let attempts = retrier["MaxAttempts"].as_u64().unwrap();
    let pause = |attempt: u64| {
        let growth = number("BackoffRate").powf(attempt as f64);
        (number("IntervalSeconds") * growth).min(longest) as u64
    };
    (0..attempts).map(pause).collect()
}

fn retrier(state: &str, error: &str) -> Option<Value> {
    let definition = definition();
    let retriers = definition["States"][state]["Retry"].as_array().unwrap();
    let matching = |retrier: &&Value| texts(&retrier["ErrorEquals"]).contains(&error);
    retriers.iter().find(matching).cloned()
}

#[test]
fn each_state_waits_for_four_days() {
    for (name, state) in states() {
        assert_eq!(state["TimeoutSeconds"], TIMEOUT_SECONDS, "{name}");
        assert_eq!(state["HeartbeatSeconds"], TIMEOUT_SECONDS - 1, "{name}");
    }
}

#[test]
fn each_command_says_all_and_no_more() {
    for (name, step) in [("TakeSnapshot", "snapshot"), ("CopySnapshot", "copy")] {
        let expected = json!({
            "schema": 1,
            "step": step,
            "token.$": "$$.Task.Token",
            "execution.$": "$$.Execution.Id",
            "retry.$": "$$.State.RetryCount",
            "input.$": "$$.Execution.Input",
        });
        let parameters = &definition()["States"][name]["Parameters"];
        assert_eq!(parameters["MessageBody"], expected);
        assert_eq!(parameters["QueueUrl"], "${CommandsQueueUrl}");
    }
    assert_eq!(states().len(), 2);
}

#[test]
fn the_states_are_a_line_whose_output_holds_both_manifests() {
    let definition = definition();
    assert_eq!(definition["StartAt"], "ChooseSource");
    let choice = &definition["States"]["ChooseSource"];
    assert_eq!(choice["Default"], "TakeSnapshot");
    let states = &definition["States"];
    assert_eq!(states["TakeSnapshot"]["Next"], "CopySnapshot");
    assert_eq!(states["CopySnapshot"]["End"], true);
    assert_eq!(states["TakeSnapshot"]["ResultPath"], "$.snapshot");
    assert_eq!(states["CopySnapshot"]["ResultPath"], "$.copy");
}

#[test]
fn an_input_that_names_its_source_goes_straight_to_the_copy() {
    let choice = &definition()["States"]["ChooseSource"];
    let rule = json!({"Variable": "$.source", "IsPresent": true, "Next": "CopySnapshot"});
    assert_eq!(choice["Type"], "Choice");
    assert_eq!(choice["Choices"], json!([rule]));
}

#[test]
fn a_busy_database_is_tried_for_eight_hours_at_most_half_an_hour_apart() {
    let busy = retrier("TakeSnapshot", "Snapferry.DatabaseBusy").unwrap();
    let pauses = pauses(&busy);
    assert_eq!(pauses[..3], [300, 600, 1200]);
    assert_eq!(pauses.iter().max(), Some(&1800));
    assert!(pauses.iter().sum::<u64>() >= BUSY_SECONDS_MIN);
    // Jitter may make every pause nothing, and the eight hours a minute.
    assert_eq!(busy["JitterStrategy"], Value::Null);
    assert_eq!(retrier("CopySnapshot", "Snapferry.DatabaseBusy"), None);
}

#[test]
fn a_failed_snapshot_is_made_three_times_at_most() {
    for state in ["TakeSnapshot", "CopySnapshot"] {
        for error in ["Snapferry.SnapshotFailed", "Snapferry.SnapshotVanished"] {
            assert_eq!(pauses(&retrier(state, error).unwrap()), [60, 120]);
        }
    }
}

#[test]
fn a_command_that_cannot_be_sent_is_tried_for_half_an_hour() {
    for state in ["TakeSnapshot", "CopySnapshot"] {
        for error in ["SQS.SdkClientException", "SQS.AmazonSQSException"] {
            let seconds: u64 = pauses(&retrier(state, error).unwrap()).iter().sum();
            assert!((1800..=2400).contains(&seconds), "{seconds} s");
        }
    }
}

#[test]
fn the_workflow_is_standard_and_logs_no_execution_data() {
    let template = template();
    let (_, machine) = resources(&template, "AWS::Serverless::StateMachine")
        .next()
        .unwrap();
    assert_eq!(machine["Type"], "STANDARD");
    assert_eq!(machine["Logging"]["Level"], "ERROR");
    assert_eq!(machine["Logging"]["IncludeExecutionData"], false);
    assert_eq!(machine["Tracing"]["Enabled"], false);
    assert_eq!(machine["DefinitionUri"], "statemachine/protect.asl.json");
}

#[test]
fn each_substitution_of_the_definition_is_given_and_used() {
    let template = template();
    let (_, machine) = resources(&template, "AWS::Serverless::StateMachine")
        .next()
        .unwrap();
    let text = definition().to_string();
    let given = keys(&machine["DefinitionSubstitutions"]);
    let mut used: Vec<&str> = text
        .split("${")
        .skip(1)
        .filter_map(|rest| rest.split('}').next())
        .collect();
    used.sort_unstable();
    used.dedup();
    assert_eq!(used, given);
}

#[test]
fn every_error_of_ours_that_is_retried_is_one_that_the_product_can_send() {
    let known: Vec<&str> = Reason::ALL
        .iter()
        .map(|reason| reason.error_name())
        .collect();
    let mut retried = Vec::new();
    for (_, state) in states() {
        let mut lists = Vec::new();
        values_of(&state, "ErrorEquals", &mut lists);
        retried.extend(lists.into_iter().flat_map(texts).map(ToOwned::to_owned));
    }
    let ours: Vec<&String> = retried
        .iter()
        .filter(|name| name.starts_with("Snapferry."))
        .collect();
    assert!(!ours.is_empty());
    for name in ours {
        assert!(
            known.contains(&name.as_str()),
            "{name} is no error of the product"
        );
    }
}

#[test]
fn every_error_that_the_code_leaves_to_the_state_machine_is_retried_by_it() {
    let region = Region::parse("eu-central-1").unwrap();
    let mut left = 0;
    for operation in [
        Operation::CreateDbSnapshot,
        Operation::CopyDbSnapshot,
        Operation::CreateDbClusterSnapshot,
        Operation::CopyDbClusterSnapshot,
    ] {
        for code in [
            "InvalidDBInstanceState",
            "InvalidDBSnapshotState",
            "InvalidDBClusterStateFault",
            "InvalidDBClusterSnapshotStateFault",
        ] {
            if let Owner::StateMachine(reason) = owner(operation, &region, code, "") {
                left += 1;
                assert!(
                    retrier("TakeSnapshot", reason.error_name()).is_some(),
                    "{reason}"
                );
            }
        }
    }
    assert_eq!(left, 2, "a busy instance and a busy cluster");
    for reason in [Reason::SnapshotFailed, Reason::SnapshotVanished] {
        for state in ["TakeSnapshot", "CopySnapshot"] {
            assert!(
                retrier(state, reason.error_name()).is_some(),
                "{state} {reason}"
            );
        }
    }
}

#[test]
fn the_states_time_out_is_the_one_that_the_product_reckons_with() {
    for (name, state) in states() {
        let seconds = state["TimeoutSeconds"].as_i64();
        assert_eq!(seconds, Some(STATE_TIMEOUT.as_secs()), "{name}");
    }
    assert_eq!(
        WAIT_TIME_TO_LIVE.as_secs(),
        2 * STATE_TIMEOUT.as_secs() + 2 * 86_400
    );
}
