//! A history of due times, as the table stores it: short keys, because DynamoDB bills every write by the whole item.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{JsonError, SCHEMA, object};
use crate::domain::retention::history::{DUE_TIMES, DueOutcome, History, MadePoint, RemovedPoint};

const WHAT: &str = "a history of due times";

const MADE: &str = "made";
const MISSED: &str = "missed";
const NOT_NOW: &str = "not-now";

#[derive(Serialize, Deserialize)]
struct HistoryJson {
    schema: u32,
    due: Vec<DueJson>,
}

#[derive(Default, Serialize, Deserialize)]
struct DueJson {
    /// When it was due, in seconds.
    d: i64,
    /// Its outcome.
    o: String,
    /// How many seconds later the data was taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    t: Option<i64>,
    /// How many seconds the snapshot took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    s: Option<i64>,
    /// How many seconds the copy took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    c: Option<i64>,
    /// When it went, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    r: Option<i64>,
    /// Why the pruner removed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    w: Option<String>,
}

/// Writes a history.
#[must_use]
pub fn write(history: &History) -> String {
    let due = history.due.iter().map(|(at, outcome)| {
        let d = at.as_second();
        let made = match outcome {
            DueOutcome::Made(made) => made,
            DueOutcome::Missed | DueOutcome::NotNow => {
                let is_missed = *outcome == DueOutcome::Missed;
                let o = if is_missed { MISSED } else { NOT_NOW }.to_owned();
                return DueJson {
                    d,
                    o,
                    ..DueJson::default()
                };
            }
        };
        DueJson {
            d,
            o: MADE.to_owned(),
            t: made.taken_at.map(|taken| taken.as_second() - d),
            s: made.snapshot_took.map(|took| took.as_secs()),
            c: made.copy_took.map(|took| took.as_secs()),
            r: made.removed.as_ref().map(|removed| removed.at.as_second()),
            w: made
                .removed
                .as_ref()
                .and_then(|removed| removed.why.clone()),
        }
    });
    serde_json::json!(HistoryJson {
        schema: SCHEMA,
        due: due.collect(),
    })
    .to_string()
}

/// Reads it. A due time whose words this version does not know is left out, and the history says that it holds more.
///
/// # Errors
/// If the text is not a history, or another version's.
pub fn read(text: &str) -> Result<History, JsonError> {
    let json: HistoryJson = object(WHAT, text)?;
    JsonError::schema(WHAT, json.schema)?;
    let stored = json.due.len();
    let read: Vec<_> = json.due.into_iter().filter_map(read_due).collect();
    let holds_more = read.len() < stored;
    let mut due: std::collections::BTreeMap<_, _> = read.into_iter().collect();
    while due.len() > DUE_TIMES {
        due.pop_first();
    }
    Ok(History { due, holds_more })
}

fn read_due(json: DueJson) -> Option<(Timestamp, DueOutcome)> {
    let at = Timestamp::from_second(json.d).ok()?;
    let time = |seconds: i64| Timestamp::from_second(seconds).ok();
    let outcome = match json.o.as_str() {
        MISSED => DueOutcome::Missed,
        NOT_NOW => DueOutcome::NotNow,
        MADE => DueOutcome::Made(MadePoint {
            taken_at: json.t.and_then(|later| time(json.d.checked_add(later)?)),
            snapshot_took: json.s.map(SignedDuration::from_secs),
            copy_took: json.c.map(SignedDuration::from_secs),
            removed: json
                .r
                .and_then(time)
                .map(|at| RemovedPoint { at, why: json.w }),
        }),
        _ => return None,
    };
    Some((at, outcome))
}
