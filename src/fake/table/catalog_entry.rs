//! One entry of the catalog.

use jiff::Timestamp;

use super::milliseconds::in_milliseconds;
use crate::domain::id::arn::ExecutionArn;
use crate::domain::id::names::ExecutionName;
use crate::domain::run::command::ProtectionRequest;
use crate::domain::run::manifest::Manifest;
use crate::domain::run::permit::InputHash;
use crate::domain::run::refusal::RefusedForGood;
use crate::json;

/// What the catalog stores about one database and policy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CatalogEntry {
    /// The execution that holds the claim.
    pub open: Option<ExecutionName>,
    /// When that execution was last claimed.
    pub claimed_at: Option<Timestamp>,
    /// The hash of that execution's input. Version 0.1.0 stored none.
    pub input: Option<InputHash>,
    /// The newest recovery point.
    pub newest: Option<Manifest>,
    /// What RDS refused permanently since.
    pub refused: Option<RefusedForGood>,
}

impl CatalogEntry {
    /// Gives the claim to an execution without a condition.
    pub fn give_claim(
        &mut self,
        run: &ProtectionRequest,
        execution: &ExecutionName,
        at: Timestamp,
    ) {
        self.open = Some(execution.clone());
        self.claimed_at = Some(in_milliseconds(at));
        self.input = Some(json::run::hash(run));
    }

    pub(super) fn enter(&mut self, copy: &Manifest) {
        let is_entered = match (&self.newest, copy.taken_at) {
            (None, _) => true,
            // A copy without the time of its data is entered only if it is the first.
            (Some(_), None) => false,
            (Some(newest), Some(taken_at)) => newest
                .taken_at
                .is_none_or(|newest| in_milliseconds(newest) <= in_milliseconds(taken_at)),
        };
        if is_entered {
            self.newest = Some(copy.clone());
            self.refused = None;
        }
    }

    pub(super) fn end_run(&mut self, execution: &ExecutionArn) {
        let arn = execution.as_str();
        let name = arn.rsplit_once(':').map_or(arn, |(_, name)| name);
        self.release(name);
    }

    pub(super) fn release(&mut self, name: &str) {
        if self.open.as_ref().is_some_and(|open| open.as_str() == name) {
            (self.open, self.claimed_at, self.input) = (None, None, None);
        }
    }
}
