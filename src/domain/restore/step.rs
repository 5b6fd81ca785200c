//! The calls of a restore plan.

use std::collections::BTreeMap;

use super::decide::Origin;
use super::value::Value;
use crate::domain::run::failure::Operation;

/// A parameter of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// Its value.
    pub value: Value,
    /// Where it comes from.
    pub origin: Origin,
}

/// What a call does.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum StepKind {
    /// Restores the database from the snapshot.
    Restore,
    /// Makes a member of the cluster.
    Member(String),
    /// Changes what the restore call could not take.
    Settings,
    /// Restarts it, if a parameter group waits for that.
    Reboot,
    /// Turns backups on.
    Backups,
    /// Switches the Data API on.
    DataApi,
    /// Attaches a role.
    Role,
}

/// One call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What it does.
    pub kind: StepKind,
    /// The action.
    pub action: Operation,
    /// Its parameters.
    pub parameters: BTreeMap<String, Sent>,
    /// What is waited for afterwards.
    pub then: &'static str,
}

impl Step {
    /// What names the step among the others of its plan.
    #[must_use]
    pub fn key(&self) -> String {
        match &self.kind {
            StepKind::Restore => "restore".to_owned(),
            StepKind::Member(name) => format!("member:{name}"),
            StepKind::Settings => "settings".to_owned(),
            StepKind::Reboot => "reboot".to_owned(),
            StepKind::Backups => "backups".to_owned(),
            StepKind::DataApi => "data-api".to_owned(),
            StepKind::Role => {
                let role = self.parameters.get("RoleArn");
                let role = role.and_then(|sent| sent.value.as_text());
                format!("role:{}", role.unwrap_or_default())
            }
        }
    }
}
