//! Which databases a person wants planned.

use crate::domain::rds::database::Database;

/// Which databases a person wants planned. A scope that leaves something out moves no cursor: what it leaves out stays
/// due.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlanScope {
    /// Only these databases, by identifier, ARN or resource id. All if the list is empty.
    pub databases: Vec<String>,
    /// Only these policies. All if the list is empty.
    pub policies: Vec<String>,
    /// Whether nothing is started or stored.
    pub dry_run: bool,
}

impl PlanScope {
    /// Whether everything is planned.
    pub(super) fn is_all(&self) -> bool {
        self.databases.is_empty() && self.policies.is_empty() && !self.dry_run
    }

    pub(super) fn has_policy(&self, name: &str) -> bool {
        self.policies.is_empty() || self.policies.iter().any(|policy| policy == name)
    }

    pub(super) fn has(&self, database: &Database) -> bool {
        let is_named = |name: &String| names_of(database).contains(name);
        self.databases.is_empty() || self.databases.iter().any(is_named)
    }
}

/// The names by which a person may call a database.
pub(super) fn names_of(database: &Database) -> [String; 3] {
    [
        database.arn.name().to_owned(),
        database.arn.to_string(),
        database.resource_id.to_string(),
    ]
}
