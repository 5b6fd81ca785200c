//! A walk over a state machine that refuses what would poll, wait without end, or spoil a redrive.

use serde_json::{Map, Value, json};

use crate::document::{definition, texts};

/// These match errors that nobody named, or say that four days are over: a person must look at what happened.
const UNNAMED_ERRORS: [&str; 4] = [
    "States.ALL",
    "States.TaskFailed",
    "States.Timeout",
    "States.HeartbeatTimeout",
];

/// What is wrong with a definition, state by state.
pub(crate) fn faults(definition: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let Some(states) = definition["States"].as_object() else {
        return vec!["there are no states".to_owned()];
    };
    for (name, state) in states {
        let kind = state["Type"].as_str().unwrap_or_default();
        if matches!(kind, "Wait" | "Map") {
            found.push(format!("{name} is a {kind}"));
        }
        if kind == "Task" {
            found.extend(task_faults(name, state));
        }
        found.extend(retry_faults(name, state));
        found.extend(catch_faults(name, state, states));
        for branch in items(&state["Branches"]) {
            found.extend(faults(branch));
        }
    }
    found
}

fn task_faults(name: &str, task: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let resource = task["Resource"].as_str().unwrap_or_default();
    let carries_token = task["Parameters"].to_string().contains("\"$$.Task.Token\"");
    if !resource.ends_with(".waitForTaskToken") || !carries_token {
        found.push(format!("{name} does not sleep on a task token"));
    }
    // A number in the definition, not a path into the input, which not every interpreter knows.
    match (
        task["TimeoutSeconds"].as_u64(),
        task["HeartbeatSeconds"].as_u64(),
    ) {
        (None, _) => found.push(format!("{name} has no timeout")),
        // Anything shorter would end a parked command's state unless somebody sent heartbeats on a schedule.
        (Some(timeout), heartbeat) if heartbeat != Some(timeout - 1) => {
            found.push(format!(
                "{name} does not take heartbeats until a second before its timeout"
            ));
        }
        (Some(_), _) => {}
    }
    found
}

fn retry_faults(name: &str, state: &Value) -> Vec<String> {
    let retries = items(&state["Retry"]);
    let errors = retries
        .iter()
        .flat_map(|retry| texts(&retry["ErrorEquals"]));
    errors
        .filter(|error| UNNAMED_ERRORS.contains(error))
        .map(|error| format!("{name} retries on {error}"))
        .collect()
}

/// A redrive resumes at the state that failed. Where a Catch led to Fail, that is the Fail.
fn catch_faults(name: &str, state: &Value, states: &Map<String, Value>) -> Vec<String> {
    let catches = items(&state["Catch"]);
    let errors = catches
        .iter()
        .flat_map(|catch| texts(&catch["ErrorEquals"]));
    let unnamed = errors
        .filter(|error| UNNAMED_ERRORS.contains(error))
        .map(|error| format!("{name} catches {error}"));
    let to_fail = catches
        .iter()
        .filter(|catch| {
            leads_to_fail(
                catch["Next"].as_str().unwrap_or_default(),
                states,
                states.len(),
            )
        })
        .map(|_| format!("{name} catches an error only to fail"));
    unnamed.chain(to_fail).collect()
}

/// Follows a chain of states, at most so many, until work is done again or none is.
fn leads_to_fail(name: &str, states: &Map<String, Value>, steps_left: usize) -> bool {
    let Some(state) = states.get(name) else {
        return false;
    };
    match state["Type"].as_str().unwrap_or_default() {
        "Fail" => true,
        "Task" | "Parallel" | "Map" | "Succeed" => false,
        _ if steps_left == 0 => false,
        _ => {
            let choices = items(&state["Choices"]);
            let ways = choices.iter().map(|choice| &choice["Next"]);
            ways.chain([&state["Next"], &state["Default"]])
                .filter_map(Value::as_str)
                .any(|next| leads_to_fail(next, states, steps_left - 1))
        }
    }
}

fn items(value: &Value) -> Vec<&Value> {
    value.as_array().into_iter().flatten().collect()
}

/// The shipped definition with one of its states changed.
fn with(state: &str, change: impl FnOnce(&mut Value)) -> Value {
    let mut changed = definition();
    change(&mut changed["States"][state]);
    changed
}

#[test]
fn the_state_machine_is_sound() {
    assert_eq!(faults(&definition()), Vec::<String>::new());
}

#[test]
fn a_wait_and_a_map_are_refused_also_inside_a_branch() {
    let wait = json!({"Type": "Wait", "Seconds": 60, "End": true});
    let map = json!({"Type": "Map", "ItemProcessor": {"States": {}}, "End": true});
    let mut machine = definition();
    machine["States"]["Pause"] = wait.clone();
    machine["States"]["Each"] = map;
    assert_eq!(faults(&machine), ["Each is a Map", "Pause is a Wait"]);

    let branch = json!({"StartAt": "Pause", "States": {"Pause": wait}});
    let both = json!({"Type": "Parallel", "Branches": [branch], "End": true});
    assert_eq!(
        faults(&json!({"States": {"Both": both}})),
        ["Pause is a Wait"]
    );
}

#[test]
fn a_task_that_does_not_sleep_on_a_token_is_refused() {
    let calls = with("CopySnapshot", |task| {
        task["Resource"] = json!("arn:${Partition}:states:::sqs:sendMessage");
    });
    assert_eq!(
        faults(&calls),
        ["CopySnapshot does not sleep on a task token"]
    );
    let forgets = with("CopySnapshot", |task| {
        task["Parameters"]["MessageBody"]["token.$"] = json!("$$.Execution.Id");
    });
    assert_eq!(
        faults(&forgets),
        ["CopySnapshot does not sleep on a task token"]
    );
}

#[test]
fn a_task_without_a_time_out_in_numbers_is_refused() {
    let refused = ["CopySnapshot has no timeout"];
    let without = with("CopySnapshot", |task| {
        task.as_object_mut().unwrap().remove("TimeoutSeconds");
    });
    assert_eq!(faults(&without), refused);
    let of_input = with("CopySnapshot", |task| {
        let task = task.as_object_mut().unwrap();
        task.remove("TimeoutSeconds");
        task.insert("TimeoutSecondsPath".to_owned(), json!("$.timeout"));
    });
    assert_eq!(faults(&of_input), refused);
}

#[test]
fn a_retry_on_an_unnamed_error_is_refused() {
    for error in UNNAMED_ERRORS {
        let retries = with("TakeSnapshot", |task| {
            let retry = json!({"ErrorEquals": ["Snapferry.Fine", error], "MaxAttempts": 1});
            task["Retry"].as_array_mut().unwrap().push(retry);
        });
        assert_eq!(
            faults(&retries),
            [format!("TakeSnapshot retries on {error}")]
        );
    }
}

#[test]
fn a_task_takes_heartbeats_until_a_second_before_its_time_out() {
    let refused = ["CopySnapshot does not take heartbeats until a second before its timeout"];
    let without = with("CopySnapshot", |task| {
        task.as_object_mut().unwrap().remove("HeartbeatSeconds");
    });
    assert_eq!(faults(&without), refused);
    for seconds in [60, 345_598, 345_600] {
        let other = with("CopySnapshot", |task| {
            task["HeartbeatSeconds"] = json!(seconds);
        });
        assert_eq!(faults(&other), refused, "{seconds}");
    }
}

#[test]
fn a_catch_of_an_unnamed_error_is_refused() {
    for error in UNNAMED_ERRORS {
        let catches = with("TakeSnapshot", |task| {
            task["Catch"] = json!([{"ErrorEquals": [error], "Next": "CopySnapshot"}]);
        });
        assert_eq!(faults(&catches), [format!("TakeSnapshot catches {error}")]);
    }
}

#[test]
fn a_catch_that_leads_to_fail_is_refused_by_whatever_way() {
    let machine = |target: Value| {
        let mut machine = with("TakeSnapshot", |task| {
            task["Catch"] = json!([{"ErrorEquals": ["Snapferry.Fine"], "Next": "Caught"}]);
        });
        machine["States"]["Caught"] = target;
        machine["States"]["Failed"] = json!({"Type": "Fail"});
        faults(&machine)
    };
    let refused = ["TakeSnapshot catches an error only to fail"];
    assert_eq!(machine(json!({"Type": "Fail"})), refused);
    assert_eq!(machine(json!({"Type": "Pass", "Next": "Failed"})), refused);
    let choice =
        json!({"Type": "Choice", "Choices": [{"Next": "CopySnapshot"}], "Default": "Failed"});
    assert_eq!(machine(choice), refused);
    assert!(machine(json!({"Type": "Pass", "Next": "CopySnapshot"})).is_empty());
    assert!(machine(json!({"Type": "Pass", "Next": "Caught"})).is_empty());
}
