//! Event patterns of EventBridge's rules: only whether one catches RDS's snapshot events.

use serde_json::{Map, Value};

use crate::json::{JsonError, object};

/// What `source-region.yaml` forwards.
const NEEDED: [(&str, &[&str]); 2] = [
    ("source", &["aws.rds"]),
    (
        "detail-type",
        &["RDS DB Snapshot Event", "RDS DB Cluster Snapshot Event"],
    ),
];

/// Whether a rule of this pattern catches every snapshot event of RDS; nothing if it has parts that are not
/// weighed here: matchers by prefix and the like, or limits on anything else.
///
/// # Errors
/// When it is no pattern.
pub fn catches_snapshots(text: &str) -> Result<Option<bool>, JsonError> {
    let pattern: Map<String, Value> = object("an event pattern", text)?;
    let mut sure = pattern
        .keys()
        .all(|key| NEEDED.iter().any(|(known, _)| key == known));
    for (key, needed) in NEEDED {
        let Some(wanted) = pattern.get(key) else {
            continue;
        };
        let Value::Array(wanted) = wanted else {
            return Ok(None);
        };
        let has = |text: &&str| wanted.iter().any(|one| one == text);
        if needed.iter().all(has) {
            continue;
        }
        if wanted.iter().all(Value::is_string) {
            return Ok(Some(false));
        }
        sure = false;
    }
    Ok(sure.then_some(true))
}
