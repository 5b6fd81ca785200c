//! Whether `snapferry doctor` finds the demo's world in order.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How many findings of the doctor have each level.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DoctorCounts {
    /// What fails at the next due time.
    pub failure: u64,
    /// What a person should know.
    pub warning: u64,
    /// What could not be checked.
    pub unknown: u64,
    /// What is in order.
    pub ok: u64,
}

#[derive(Deserialize)]
struct Report {
    findings: Vec<Finding>,
    counts: DoctorCounts,
}

#[derive(Deserialize)]
struct Finding {
    level: String,
    check: String,
    subject: String,
    what: String,
}

impl Finding {
    /// Whether what is wrong is so on purpose: a database to be refused, quotas for the rounds of one night, alarms
    /// that notify nobody, and drills without the remover.
    fn is_on_purpose(&self, left_out: &[String]) -> bool {
        match self.check.as_str() {
            "databases" => left_out.contains(&self.subject),
            // Nobody reads the mail of a local world.
            "snapshot-quota" | "alarms" => self.level == "failure",
            // The demo waits for its drills to remove what they made.
            "parts" => self.level == "failure" && self.subject == "snapferry-restore",
            _ => false,
        }
    }
}

/// The counts of a report, and a sentence for each finding that is a failure or unknown without the fleet's intention.
///
/// # Errors
/// If the report is in another form.
pub(super) fn judge(
    report: Value,
    left_out: &[String],
) -> Result<(DoctorCounts, Vec<String>), serde_json::Error> {
    let Report { findings, counts } = serde_json::from_value(report)?;
    let bad = findings.iter().filter(|finding| {
        let is_bad = matches!(finding.level.as_str(), "failure" | "unknown");
        is_bad && !finding.is_on_purpose(left_out)
    });
    let sentences = bad.map(|finding| {
        format!(
            "snapferry doctor finds a {} in {} of {}: {}",
            finding.level, finding.check, finding.subject, finding.what
        )
    });
    Ok((counts, sentences.collect()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn report(level: &str, check: &str, subject: &str) -> Value {
        let finding = json!({ "level": level, "check": check, "subject": subject, "what": "it is so", "remedy": null });
        json!({ "findings": [finding], "counts": { "failure": 1, "warning": 0, "unknown": 0, "ok": 4 } })
    }

    #[test]
    fn a_failure_breaks_the_promise_unless_the_fleet_holds_it_on_purpose() {
        let left_out = ["arn:of:oracle".to_owned()];
        let said =
            |level, check, subject| judge(report(level, check, subject), &left_out).unwrap().1;
        assert_eq!(
            said("failure", "source-key", "key"),
            ["snapferry doctor finds a failure in source-key of key: it is so"]
        );
        assert_eq!(said("unknown", "permissions", "worker").len(), 1);
        assert_eq!(said("warning", "permissions", "worker").len(), 0);
        assert_eq!(said("failure", "databases", "arn:of:oracle").len(), 0);
        assert_eq!(said("failure", "alarms", "the stack").len(), 0);
        assert_eq!(said("failure", "parts", "snapferry-restore").len(), 0);
        assert_eq!(said("failure", "parts", "snapferry-report").len(), 1);
        assert_eq!(said("unknown", "snapshot-quota", "eu-central-1").len(), 1);
        assert_eq!(said("failure", "databases", "arn:of:another").len(), 1);
        assert_eq!(judge(report("ok", "policies", "x"), &[]).unwrap().0.ok, 4);
    }
}
