//! What status is computed from.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::super::points::{Point, Points};
use super::super::redrive::FailedStatus;
use crate::domain::id::arn::{Family, RdsArn, Region};
use crate::domain::id::names::{ExecutionName, ResourceId};
use crate::domain::id::tags::PolicyName;
use crate::domain::policy::in_force::Policies;
use crate::domain::policy::selected::SelectedDatabase;
use crate::domain::rds::database::Database;
use crate::domain::retention::history::Histories;
use crate::domain::run::refusal::RefusedForGood;
use crate::domain::run::wait::Wait;

/// How an execution stands that holds a database's claim and has no open wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedRun {
    /// Whether it still runs.
    pub running: bool,
    /// How it ended, and when, where that is known.
    pub ended: Option<(FailedStatus, Timestamp)>,
    /// The error that it ended with.
    pub error: Option<String>,
    /// What that error says.
    pub cause: Option<String>,
}

/// What the catalog says of one database.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CatalogFacts {
    /// The execution that holds the database's claim.
    pub open: Option<ExecutionName>,
    /// The newest recovery point that it knows.
    pub newest: Option<Point>,
    /// What RDS refused permanently since.
    pub refused: Option<RefusedForGood>,
}

/// Everything that status is computed from.
#[derive(Debug)]
pub struct Facts<'a> {
    /// When it was looked at.
    pub now: Timestamp,
    /// The policies in force.
    pub policies: &'a Policies,
    /// The databases of the source regions that answered.
    pub databases: &'a [Database],
    /// Where the list of databases could not be read to its end.
    pub unread: &'a BTreeSet<(Region, Family)>,
    /// What RDS lists in the recovery region.
    pub points: &'a Points,
    /// The families whose recovery points could not be listed to the end: there the catalog has the word.
    pub points_unread: &'a BTreeSet<Family>,
    /// The catalog, by database and policy.
    pub catalog: &'a BTreeMap<(ResourceId, PolicyName), CatalogFacts>,
    /// The open waits.
    pub waits: &'a [Wait],
    /// The databases that the planner has found selected, each since when.
    pub selected: &'a BTreeMap<(ResourceId, PolicyName), SelectedDatabase>,
    /// The outcomes of their last due times, as far as they were read.
    pub histories: &'a Histories,
    /// Executions that hold a claim and have no open wait.
    pub claimed: &'a BTreeMap<ExecutionName, ClaimedRun>,
}

impl<'a> Facts<'a> {
    /// The databases that the table alone knows while their region cannot be read.
    pub(super) fn hidden(
        &self,
        listed: &BTreeSet<&ResourceId>,
    ) -> impl Iterator<Item = (&'a ResourceId, &'a RdsArn, &'a PolicyName)> {
        let hidden = self.selected.iter().filter(|((id, _), one)| {
            let arn = &one.database.arn;
            let place = (arn.region().clone(), arn.family());
            self.unread.contains(&place) && !listed.contains(id) && self.points.of(id).is_none()
        });
        // One that has just changed its policy stands in the lists of both.
        let hidden: BTreeMap<&ResourceId, (&RdsArn, &PolicyName)> = hidden
            .map(|((id, policy), one)| (id, (&one.database.arn, policy)))
            .collect();
        hidden
            .into_iter()
            .map(|(id, (arn, policy))| (id, arn, policy))
    }
}
