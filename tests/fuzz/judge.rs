//! What must hold of every answer, whatever was read.

use snapferry::domain::run::naming;
use std::error::Error;
use std::fmt::Debug;

use jiff::Timestamp;
use serde_json::Value;
use snapferry::domain::id::arn::{RdsArn, ResourceKind};
use snapferry::domain::id::names::{Attempt, SnapshotId};
use snapferry::domain::limits::CLUSTER_SNAPSHOT_ID_MAX;
use snapferry::domain::run::command::ProtectionRequest;
use snapferry::error::chain;

use crate::world::rules;

/// Every token of the saved texts holds this word, wherever an edit puts it.
const SECRET: &str = "SECRET";

/// The longest reason that a log line should carry.
const REASON_MAX: usize = 4_096;

/// A rule of what was read, by its name.
fn holds(rule: &str, is: bool, found: &dyn Debug) {
    assert!(is, "broken: {rule}: {found:?}");
}

/// An error says in one line what was expected, and quotes no token.
pub(crate) fn is_a_reason(error: &dyn Error, expected: &[&str]) {
    let reason = chain(error);
    holds("no token is quoted", !reason.contains(SECRET), &reason);
    assert!(
        expected.iter().any(|word| reason.contains(word)),
        "it does not say what was expected: {reason:?}"
    );
    assert!(reason.len() <= REASON_MAX, "too long: {}", reason.len());
    assert!(
        !reason.contains(['\n', '\r', '\0']),
        "not one line of text: {reason:?}"
    );
}

/// What was read says what was written: nothing is made up, however bent the text.
///
/// A text that is no document for a stricter reader is left out, and so is one that gives fields by position.
pub(crate) fn nothing_is_made_up(original: &str, rewritten: &str, may_be_absent: &[&str]) {
    let Ok(original) = serde_json::from_str(original) else {
        return;
    };
    let rewritten: Value = serde_json::from_str(rewritten).unwrap();
    compare("", &original, &rewritten, may_be_absent);
}

fn compare(at: &str, original: &Value, rewritten: &Value, may_be_absent: &[&str]) {
    match (original, rewritten) {
        (Value::Object(original), Value::Object(rewritten)) => {
            for (key, value) in rewritten {
                let at = format!("{at}/{key}");
                match original.get(key) {
                    Some(there) => compare(&at, there, value, may_be_absent),
                    None => assert!(may_be_absent.contains(&&*at), "{at} is made up: {value}"),
                }
            }
        }
        (Value::Array(_), Value::Object(_)) => {}
        (Value::String(a), Value::String(b)) if a != b => {
            let time = |text: &str| text.parse::<Timestamp>().ok();
            let same = time(a).is_some() && time(a) == time(b);
            holds("nothing is made up", same, &(at, a, b));
        }
        _ => assert_eq!(original, rewritten, "{at}"),
    }
}

/// A run that was read can be carried out: it is of a database, and every name made from it is one for AWS.
pub(crate) fn can_be_carried_out(run: &ProtectionRequest) {
    let kind = run.database.arn.kind();
    let is_database = matches!(kind, ResourceKind::Instance | ResourceKind::Cluster);
    holds("a run is of a database", is_database, &run.database.arn);
    is_printable(run.database.arn.partition());
    is_printable(run.key.as_str());
    let stack = &rules().stack;
    let source = SnapshotId::of(&run.database.arn);
    for attempt in Attempt::all() {
        let execution = naming::execution(stack, run, attempt);
        for name in [
            execution.as_str(),
            naming::source_snapshot(stack, run, attempt).as_str(),
            naming::copy(stack, run, &source, attempt).as_str(),
        ] {
            is_a_name(name);
        }
    }
}

/// RDS's grammar for snapshots, and the shortest of its limits.
fn is_a_name(name: &str) {
    let characters = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let is = characters
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.len() <= CLUSTER_SNAPSHOT_ID_MAX
        && !name.contains("--")
        && !name.ends_with('-');
    holds("a name is one for RDS", is, &name);
}

/// Nothing in it can be mistaken for the end of a line or of a part.
pub(crate) fn is_printable(text: &str) {
    let is = text.bytes().all(|b| b.is_ascii_graphic());
    holds("an ARN is printable", is, &text);
}

/// An ARN of a snapshot of either kind.
pub(crate) fn is_a_snapshot(arn: &RdsArn) {
    let is = matches!(
        arn.kind(),
        ResourceKind::Snapshot | ResourceKind::ClusterSnapshot
    );
    holds("a snapshot's ARN is one", is, arn);
}
