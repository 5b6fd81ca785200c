//! Whether the stack's time limits fit each other.

use super::{Check, Finding, Level};
use crate::domain::deploy::timing::Timing;

const SUBJECT: &str = "the stack";

/// Judges the time limits of functions and queues. Without them the stack is of a version that does not say them.
#[must_use]
pub fn timing(limits: Option<Timing>) -> Vec<Finding> {
    const CHECK: Check = Check::Timing;
    let Some(limits) = limits else {
        return vec![Finding::bad(
            CHECK,
            SUBJECT,
            Level::Unknown,
            "not known: the stack does not say its time limits",
            "deploy this version's template.yaml, whose outputs say them",
        )];
    };
    let too_short = limits.too_short();
    if too_short.is_empty() {
        return vec![Finding::ok(
            CHECK,
            SUBJECT,
            "functions and queues wait long enough for RDS",
        )];
    }
    let findings = too_short.into_iter().map(|one| {
        Finding::bad(
            CHECK,
            SUBJECT,
            Level::Warning,
            one.what,
            format!("deploy with {}={} or more", one.parameter, one.least),
        )
    });
    findings.collect()
}
