//! Snapshots as RDS describes them: the truth.

use jiff::Timestamp;

use crate::domain::id::arn::{KeyArn, RdsArn};
use crate::domain::id::database_ref::DatabaseRef;
use crate::domain::id::names::ResourceId;
use crate::domain::id::tags::{self, StackId, Tags};

/// A snapshot's status. RDS's set is open: what we do not know means "keep waiting".
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SnapshotStatus {
    /// Being made, or a copy that waits for its turn.
    Creating,
    /// A copy whose data is on its way.
    Copying,
    /// Can be restored.
    Available,
    /// RDS gave up.
    Failed,
    /// On its way out.
    Deleting,
    /// A status of RDS's that we have no rule for.
    Other(String),
}

impl SnapshotStatus {
    /// Reads RDS's word.
    #[must_use]
    pub fn parse(word: &str) -> Self {
        match word {
            "creating" => Self::Creating,
            "copying" => Self::Copying,
            "available" => Self::Available,
            "failed" => Self::Failed,
            "deleting" | "deleted" => Self::Deleting,
            other => Self::Other(other.to_owned()),
        }
    }

    /// Whether nothing more will become of it.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(self, Self::Available | Self::Failed | Self::Deleting)
    }
}

/// A snapshot as RDS described it at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Its ARN.
    pub arn: RdsArn,
    /// The database it is of. On a copy in another region it proves nothing: AWS calls it unique to a region.
    pub resource_id: Option<ResourceId>,
    /// Its status.
    pub status: SnapshotStatus,
    /// The engine, such as `postgres`.
    pub engine: String,
    /// The engine's version.
    pub engine_version: String,
    /// Allocated storage in GiB.
    pub size_gib: i32,
    /// Whether it is encrypted.
    pub encrypted: bool,
    /// The key it is encrypted under.
    pub key: Option<KeyArn>,
    /// For a copy from another region: the snapshot it was copied from.
    pub source: Option<RdsArn>,
    /// When its data was taken, if RDS says so: of a cluster snapshot's copy it does not. A copy's own creation time
    /// says when the copying began, and is not this.
    pub taken_at: Option<Timestamp>,
    /// Its tags.
    pub tags: Tags,
}

impl Snapshot {
    /// Whether this stack made it, for this database: the check before anything is adopted.
    #[must_use]
    pub fn is_ours(&self, stack: &StackId, database: &DatabaseRef) -> bool {
        self.has_tag(tags::STACK, stack.as_str())
            && self.has_tag(tags::RESOURCE_ID, database.resource_id.as_str())
    }

    /// Whether nothing proves yet whose it is: RDS shows no stack's tag on it, and is still at work on it.
    /// Tags may be shown later than the resource.
    #[must_use]
    pub fn may_yet_be_ours(&self) -> bool {
        !self.status.is_over() && !self.tags.contains_key(tags::STACK)
    }

    fn has_tag(&self, key: &str, value: &str) -> bool {
        self.tags.get(key).is_some_and(|found| found == value)
    }
}
