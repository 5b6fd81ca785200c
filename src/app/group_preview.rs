//! What the rules of retention decide about one database under one policy.

use jiff::Timestamp;

use crate::domain::id::arn::RdsArn;
use crate::domain::id::names::ResourceId;
use crate::domain::id::tags::PolicyName;
use crate::domain::rds::snapshot::Snapshot;
use crate::domain::retention::bounds::DatabaseId;
use crate::domain::retention::forget::{Decision, Point};
use crate::domain::retention::inventory::Group;

/// The recovery points of one database under one policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupPreview {
    /// The database, as the newest recovery point's tags name it.
    pub database: RdsArn,
    /// Its resource id.
    pub resource_id: ResourceId,
    /// The policy that asked for them.
    pub policy: PolicyName,
    /// By whose rules they stay, where a policy is in force for them.
    pub ruled_by: Option<PolicyName>,
    /// Whether those rules were applied by a version that removed nothing.
    pub shown_only: bool,
    /// Since when the database is gone, if listings of its region no longer show it.
    pub gone_since: Option<Timestamp>,
    /// Each of them with its decision, the newest first.
    pub points: Vec<(Point<RdsArn>, Decision)>,
    /// As RDS describes them.
    pub snapshots: Vec<Snapshot>,
    /// The planned time of each snapshot's run, in the same order.
    pub planned: Vec<Timestamp>,
}

impl GroupPreview {
    /// Its database.
    #[must_use]
    pub fn database_id(&self) -> DatabaseId {
        (self.database.region().clone(), self.resource_id.clone())
    }

    /// What its recovery points share.
    #[must_use]
    pub fn group(&self) -> Group {
        let (region, database) = self.database_id();
        (region, database, self.policy.clone())
    }

    /// The names by which a person may call its database.
    #[must_use]
    pub fn names(&self) -> [String; 3] {
        [
            self.database.name().to_owned(),
            self.database.to_string(),
            self.resource_id.to_string(),
        ]
    }

    /// What may go by rules that are carried out, the oldest first.
    pub fn removable(&self) -> impl Iterator<Item = &(Point<RdsArn>, Decision)> {
        let points = self.points.iter().rev();
        points.filter(|(_, decision)| !self.shown_only && !decision.keeps())
    }
}
