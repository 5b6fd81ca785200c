//! A person's request to the pruner, and its answer.

use serde::{Deserialize, Serialize};

use super::{JsonError, object};

/// A person has looked at a plan, and wants it carried out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestJson {
    /// The hash of the plan.
    pub plan: String,
    /// The databases that the plan was about; nothing named is all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub databases: Vec<String>,
    /// Approves a version of the policies that removes what the one before it would keep.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub force: bool,
    /// Only the recovery points of databases that are gone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub gone: bool,
    /// Even the last ones of databases that are gone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub include_last: bool,
}

/// The pruner's answer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PruneAnswer {
    /// The hash of the plan.
    pub plan: String,
    /// Recovery points that it looked at.
    pub looked_at: usize,
    /// Those that no rule keeps.
    pub removable: usize,
    /// Those that people hold.
    pub held: usize,
    /// Those that could go now, before the bounds.
    pub ripe: usize,
    /// What RDS was asked to delete, with the reason.
    pub removed: Vec<(String, String)>,
    /// What an earlier round had asked for, and is gone now.
    pub gone: Vec<String>,
    /// What was kept at the last moment.
    pub kept: Vec<String>,
    /// What could not be removed, and why.
    pub failed: Vec<(String, String)>,
    /// Snapshots whose removal broke a rule of the check, with the rule. Nothing of their databases was removed.
    pub refused: Vec<(String, String)>,
    /// Databases that were left alone, and why.
    pub left_alone: Vec<(String, String)>,
    /// The source regions that could not be listed, and why. Nothing went there.
    #[serde(default)]
    pub sources_not_listed: Vec<(String, String)>,
    /// What ended the round's removals early.
    pub stopped: Option<String>,
}

/// Writes a request.
#[must_use]
pub fn write_request(request: &RequestJson) -> String {
    serde_json::json!(request).to_string()
}

/// Reads an answer.
///
/// # Errors
/// If the text is no answer of the pruner.
pub fn read_answer(text: &str) -> Result<PruneAnswer, JsonError> {
    object("an answer of the pruner", text)
}
