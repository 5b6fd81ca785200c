//! Hints: what an RDS event suggests, never what is true.

use crate::domain::id::arn::RdsArn;

/// What an event says has happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HintKind {
    /// A snapshot or a copy is said to be finished.
    Finished,
    /// A copy is said to be cancelled, or a snapshot deleted.
    Gone,
    /// Something has begun, or concerns nobody: nothing to ask.
    Nothing,
}

/// A snapshot event, cut down to what we use of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint {
    /// The snapshot. Region and identity come from here alone.
    pub resource: RdsArn,
    /// What is said to have happened.
    pub kind: HintKind,
    /// RDS's number of the event (`RDS-EVENT-0042`), where it was given.
    pub event_id: Option<String>,
}

/// What an event means, by its number; by its message where the number is missing, as it may be for clusters.
#[must_use]
pub fn kind(event_id: Option<&str>, message: &str) -> HintKind {
    match event_id {
        Some(
            "RDS-EVENT-0042" | "RDS-EVENT-0060" | "RDS-EVENT-0197" | "RDS-EVENT-0075"
            | "RDS-EVENT-0091" | "RDS-EVENT-0169",
        ) => HintKind::Finished,
        Some("RDS-EVENT-0041" | "RDS-EVENT-0061" | "RDS-EVENT-0190") => HintKind::Gone,
        Some(_) => HintKind::Nothing,
        None => by_message(message),
    }
}

fn by_message(message: &str) -> HintKind {
    let message = message.to_ascii_lowercase();
    if message.starts_with("finished copy") || message.contains("snapshot created") {
        HintKind::Finished
    } else if message.starts_with("canceled") || message.starts_with("deleted") {
        HintKind::Gone
    } else {
        HintKind::Nothing
    }
}
