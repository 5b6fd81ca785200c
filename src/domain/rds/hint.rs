//! Hints: an RDS event only suggests something. RDS's answer says whether it is true.

use crate::domain::id::arn::RdsArn;

/// What has happened, according to an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HintKind {
    /// A snapshot or a copy has finished.
    Finished,
    /// A copy was cancelled, or a snapshot was deleted.
    Gone,
    /// Something has begun, or concerns nobody, so there is nothing to ask.
    Nothing,
}

/// The parts of a snapshot event that Snapferry uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint {
    /// The snapshot. Its region and identity come only from this ARN.
    pub resource: RdsArn,
    /// What has happened, according to the event.
    pub kind: HintKind,
    /// RDS's number of the event (`RDS-EVENT-0042`), if the event has one.
    pub event_id: Option<String>,
}

/// What an event means by its number, or by its message if the number is missing, as it may be for clusters.
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
