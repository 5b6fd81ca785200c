//! A stack as CloudFormation shows it, and whether a deployment may change it.

use std::collections::BTreeMap;

use super::part::Part;
use crate::domain::id::arn::Region;
use crate::domain::operator::stack_outputs;

/// A stack as CloudFormation shows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StackFacts {
    /// Its ARN.
    pub id: String,
    /// Its status, in CloudFormation's word.
    pub status: String,
    /// Its parameters.
    pub parameters: BTreeMap<String, String>,
    /// Its outputs.
    pub outputs: BTreeMap<String, String>,
}

impl StackFacts {
    /// Whether it exists only as the shell of a change set that was never carried out.
    #[must_use]
    pub fn is_only_a_review(&self) -> bool {
        self.status == "REVIEW_IN_PROGRESS"
    }

    /// Whether CloudFormation is at work on it.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.status.ends_with("_IN_PROGRESS") && !self.is_only_a_review()
    }

    /// Whether the last thing that was done with it succeeded.
    #[must_use]
    pub fn is_well(&self) -> bool {
        matches!(
            self.status.as_str(),
            "CREATE_COMPLETE" | "UPDATE_COMPLETE" | "IMPORT_COMPLETE"
        )
    }

    /// Why it belongs to another stack of Snapferry, if it is a source region's and does.
    pub(super) fn of_another(&self, template: &Template) -> Option<String> {
        let Template::Source(recovery) = template else {
            return None;
        };
        let other = self.parameters.get("RecoveryRegion")?;
        (other != recovery.as_str()).then(|| {
            format!(
                "it forwards to the recovery region {other}, so it belongs to another stack of Snapferry"
            )
        })
    }
}

/// Which of the templates a stack is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Template {
    /// `template.yaml`.
    Recovery,
    /// `source-region.yaml`, for this recovery region.
    Source(Region),
    /// That of a part.
    Part(Part),
}

/// Why the stack of this name must not be made or changed, or cannot be now, and what to do. `None` if it may.
#[must_use]
pub fn why_not(found: Option<&StackFacts>, template: &Template) -> Option<String> {
    let stack = found.filter(|stack| !stack.is_only_a_review())?;
    let status = &stack.status;
    if stack.is_busy() {
        return Some(format!(
            "CloudFormation is at work on it ({status}); wait until it is done"
        ));
    }
    // CloudFormation can only delete a stack whose creation it has rolled back.
    if [
        "ROLLBACK_COMPLETE",
        "ROLLBACK_FAILED",
        "CREATE_FAILED",
        "DELETE_FAILED",
    ]
    .contains(&status.as_str())
    {
        return Some(format!(
            "it was never finished ({status}); read its events, delete it, and deploy again"
        ));
    }
    if status == "UPDATE_ROLLBACK_FAILED" {
        return Some(
            "its last update could not be taken back (UPDATE_ROLLBACK_FAILED); continue its rollback in \
             CloudFormation first"
                .to_owned(),
        );
    }
    let is_ours = match template {
        Template::Recovery => stack_outputs::is_of_any_version(&stack.outputs),
        Template::Source(_) => stack.outputs.contains_key("ForwardingRuleArn"),
        Template::Part(part) => stack.outputs.contains_key(part.own_output()),
    };
    if !is_ours {
        return Some("it is another product's stack; choose another name with --stack".to_owned());
    }
    let elsewhere = stack.of_another(template);
    elsewhere.map(|why| format!("{why}; choose another name with --stack"))
}
