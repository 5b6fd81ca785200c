//! Snapshots as RDS describes them. Only this counts as the truth.

use jiff::Timestamp;

use crate::domain::id::arn::{KeyArn, RdsArn};
use crate::domain::id::database_ref::DatabaseRef;
use crate::domain::id::names::ResourceId;
use crate::domain::id::tags::{self, StackId, Tags};

/// A snapshot's status. RDS may add others. An unknown status means "keep waiting".
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SnapshotStatus {
    /// RDS is making it, or it is a copy that waits for its turn.
    Creating,
    /// It is a copy whose data RDS is copying.
    Copying,
    /// It can be restored.
    Available,
    /// RDS has given up.
    Failed,
    /// RDS is deleting it.
    Deleting,
    /// Another status of RDS, which Snapferry has no rule for.
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

    /// Whether it has failed, or RDS is deleting it.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        matches!(self, Self::Failed | Self::Deleting)
    }

    /// Whether it changes no more by itself.
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
    /// The resource id of its database. Copies keep it.
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
    /// When its data was taken, if RDS says so. RDS does not say so for a cluster snapshot's copy. A copy's own creation
    /// time is another thing: it says when the copying began.
    pub taken_at: Option<Timestamp>,
    /// When RDS began to make it: for a copy, when the copying began.
    pub created_at: Option<Timestamp>,
    /// How far RDS has come with it, in percent, while it is at work.
    pub percent: Option<u8>,
    /// Its tags.
    pub tags: Tags,
}

impl Snapshot {
    /// Whether this stack made it for this database. Snapferry adopts nothing without this check.
    #[must_use]
    pub fn is_ours(&self, stack: &StackId, database: &DatabaseRef) -> bool {
        self.has_tag(tags::STACK, stack.as_str())
            && self.has_tag(tags::RESOURCE_ID, database.resource_id.as_str())
    }

    /// Whether it may turn out to be ours: RDS still works on it and shows no stack's tag on it. RDS may show tags later
    /// than the resource.
    #[must_use]
    pub fn may_yet_be_ours(&self) -> bool {
        !self.status.is_over() && !self.tags.contains_key(tags::STACK)
    }

    /// Whether its row could not be read. The adapter leaves everything out of such a row.
    #[must_use]
    pub fn is_unreadable(&self) -> bool {
        matches!(self.status, SnapshotStatus::Other(_)) && self.engine.is_empty()
    }

    fn has_tag(&self, key: &str, value: &str) -> bool {
        self.tags.get(key).is_some_and(|found| found == value)
    }
}
