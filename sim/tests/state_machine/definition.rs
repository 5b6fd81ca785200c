//! The deployed definition, with smaller numbers where the real ones would take too long.

use std::path::Path;

use anyhow::{Context, ensure};
use serde_json::{Value, json};

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// A number of the definition that would take too long in real time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shortened {
    pub(crate) pointer: &'static str,
    pub(crate) seconds: u64,
}

pub(crate) const SNAPSHOT_TIMEOUT: Shortened = Shortened {
    pointer: "/States/TakeSnapshot/TimeoutSeconds",
    seconds: 2,
};
pub(crate) const COPY_TIMEOUT: Shortened = Shortened {
    pointer: "/States/CopySnapshot/TimeoutSeconds",
    seconds: 2,
};
/// Goes with [`SNAPSHOT_TIMEOUT`]: a heartbeat must be shorter than its timeout.
pub(crate) const SNAPSHOT_HEARTBEAT: Shortened = a_second("/States/TakeSnapshot/HeartbeatSeconds");
/// Goes with [`COPY_TIMEOUT`].
pub(crate) const COPY_HEARTBEAT: Shortened = a_second("/States/CopySnapshot/HeartbeatSeconds");
pub(crate) const BUSY_INTERVAL: Shortened = Shortened {
    pointer: "/States/TakeSnapshot/Retry/0/IntervalSeconds",
    seconds: 1,
};
pub(crate) const SNAPSHOT_FAILED_INTERVAL: Shortened = Shortened {
    pointer: "/States/TakeSnapshot/Retry/1/IntervalSeconds",
    seconds: 1,
};
pub(crate) const COPY_FAILED_INTERVAL: Shortened = Shortened {
    pointer: "/States/CopySnapshot/Retry/0/IntervalSeconds",
    seconds: 1,
};

/// All pauses between the tries of a state.
pub(crate) const EVERY_PAUSE: [Shortened; 7] = [
    BUSY_INTERVAL,
    SNAPSHOT_FAILED_INTERVAL,
    COPY_FAILED_INTERVAL,
    a_second("/States/TakeSnapshot/Retry/0/MaxDelaySeconds"),
    a_second("/States/TakeSnapshot/Retry/2/IntervalSeconds"),
    a_second("/States/TakeSnapshot/Retry/2/MaxDelaySeconds"),
    a_second("/States/CopySnapshot/Retry/1/IntervalSeconds"),
];

const fn a_second(pointer: &'static str) -> Shortened {
    Shortened {
        pointer,
        seconds: 1,
    }
}

/// The deployed definition, its substitutions applied.
pub(crate) fn deployed(queue_url: &str) -> anyhow::Result<Value> {
    let text = std::fs::read_to_string(root().join("statemachine/protect.asl.json"))?;
    let text = text
        .replace("${Partition}", "aws")
        .replace("${CommandsQueueUrl}", queue_url);
    ensure!(!text.contains("${"), "a substitution is not applied");
    Ok(serde_json::from_str(&text)?)
}

/// The definition with some numbers made smaller, and nothing else.
pub(crate) fn shortened(deployed: &Value, numbers: &[Shortened]) -> anyhow::Result<Value> {
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
