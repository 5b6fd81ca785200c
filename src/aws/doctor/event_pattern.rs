//! Event patterns of EventBridge's rules: whether a pattern matches RDS's snapshot events.

use serde_json::{Map, Value};

use crate::domain::id::arn::Region;
use crate::json::{JsonError, object};

/// The two kinds of events that `source-region.yaml` forwards.
const DETAIL_TYPES: [&str; 2] = ["RDS DB Snapshot Event", "RDS DB Cluster Snapshot Event"];

/// Whether a rule of this region with this pattern matches every snapshot event of RDS there. `None` if the pattern has
/// parts that this check cannot judge, such as matchers by prefix or limits on other fields.
///
/// # Errors
/// If the text is not a pattern.
pub fn catches_snapshots(text: &str, region: &Region) -> Result<Option<bool>, JsonError> {
    let needed: [(&str, &[&str]); 3] = [
        ("source", &["aws.rds"]),
        ("detail-type", &DETAIL_TYPES),
        ("region", &[region.as_str()]),
    ];
    let pattern: Map<String, Value> = object("an event pattern", text)?;
    let mut sure = pattern
        .keys()
        .all(|key| needed.iter().any(|(known, _)| key == known));
    for (key, needed) in needed {
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
