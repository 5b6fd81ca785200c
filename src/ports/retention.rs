//! What retention asks of RDS and of the table.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::error::{PortError, RdsError};
use super::pages::Page;
use super::table::Written;
use crate::domain::id::arn::{RdsArn, Region};
use crate::domain::id::names::ResourceId;
use crate::domain::id::tags::PolicyName;
use crate::domain::retention::bounds::DatabaseId;
use crate::domain::retention::entered::Entered;
use crate::domain::retention::gone::Listing;
use crate::domain::retention::round::{Freeze, RemovalEntry, Round};
use crate::domain::retention::sightings::Notes;
use crate::domain::run::manifest::Manifest;

/// Deletes snapshots. Only the pruner has it.
pub trait DeleteSnapshot {
    /// `DeleteDBSnapshot` or `DeleteDBClusterSnapshot`, as the ARN says, in its region. The answer proves nothing:
    /// removed is what a later describe call does not show.
    async fn delete_snapshot(&self, snapshot: &RdsArn) -> Result<(), RdsError>;
}

/// Holds snapshots for a person.
pub trait HoldSnapshots {
    /// `AddTagsToResource`: nothing removes it from now on. `why` becomes the tag's value.
    async fn hold_snapshot(&self, snapshot: &RdsArn, why: &str) -> Result<(), RdsError>;
    /// `RemoveTagsFromResource`: the hold is gone.
    async fn release_snapshot(&self, snapshot: &RdsArn) -> Result<(), RdsError>;
}

/// Has the pruner carry out a plan that a person has looked at.
pub trait InvokePruner {
    /// `Invoke`: sends this request, and waits for the answer. Both are JSON.
    async fn invoke_pruner(&self, request: &str) -> Result<String, PortError>;
}

/// Enters removals before RDS is called: register, then act.
pub trait RegisterRemovals {
    /// `PutItem`, if no wait stands there, and no removal of another attempt at the same snapshot.
    async fn register_removal(&self, removal: &RemovalEntry) -> Result<Written, PortError>;
    /// `DeleteItem`, if it is a removal of this snapshot. One that is gone is not an error.
    async fn drop_removal(&self, snapshot: &RdsArn) -> Result<(), PortError>;
}

/// Enters what the settling of a copy's wait found. It outlives the wait.
pub trait EnterCopies {
    /// `UpdateItem`. A mismatch never takes the place of a success.
    async fn enter_copy(&self, entered: &Entered) -> Result<(), PortError>;
}

/// Lets what was entered of a copy go once the copy is gone.
pub trait ExpireEntered {
    /// `UpdateItem`, if something was entered: the table may delete it from then on. A copy of which nothing was entered is
    /// not an error.
    async fn expire_entered(&self, copy: &RdsArn, from: Timestamp) -> Result<(), PortError>;
}

/// Reads what was entered of copies.
pub trait ReadEntered {
    /// `BatchGetItem`: what there is and can be read, in any order. At most 100 copies, each once.
    async fn read_entered(&self, copies: &[RdsArn]) -> Result<Vec<Entered>, PortError>;
}

/// Lists the copies that are not what was asked for.
pub trait ListMismatches {
    /// `Query` of the index of open items, which may lag behind the table for a moment: a page of the copies that were
    /// entered as mismatches.
    async fn list_mismatches(&self, marker: Option<String>) -> Result<Page<RdsArn>, PortError>;
}

/// Notes what may go.
pub trait KeepNotes {
    /// `BatchGetItem`, consistent. At most 100 databases, each once.
    async fn read_notes(&self, of: &[DatabaseId])
    -> Result<BTreeMap<DatabaseId, Notes>, PortError>;
    /// `PutItem`, whatever was noted before.
    async fn store_notes(
        &self,
        of: &DatabaseId,
        notes: &Notes,
        at: Timestamp,
    ) -> Result<(), PortError>;
}

/// Reads what the pruner's last round has left.
pub trait ReadRound {
    /// `GetItem`, consistent.
    async fn last_round(&self) -> Result<Round, PortError>;
}

/// Remembers the pruner's rounds, and keeps two of them apart.
pub trait PruneRounds {
    /// `PutItem`.
    async fn store_round(&self, round: &Round) -> Result<(), PortError>;
    /// `UpdateItem`: takes the lease until then, if nobody has it or its time is over. Whether it was taken.
    async fn take_lease(
        &self,
        holder: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool, PortError>;
    /// `DeleteItem`, if this holder has it.
    async fn release_lease(&self, holder: &str) -> Result<(), PortError>;
}

/// Asks whether a person has stopped all removal.
pub trait ReadFreeze {
    /// `GetItem`, consistent. What cannot be read must count as frozen.
    async fn freeze(&self) -> Result<Option<Freeze>, PortError>;
}

/// Stops all removal, and lets it go on.
pub trait SetFreeze {
    /// `PutItem`.
    async fn set_freeze(&self, freeze: &Freeze) -> Result<(), PortError>;
    /// `DeleteItem`. No freeze is not an error.
    async fn thaw(&self) -> Result<(), PortError>;
}

/// Reads when a source region's databases were last listed to the end, and which of them are missing since.
pub trait ReadListings {
    /// `GetItem`.
    async fn listing(&self, region: &Region) -> Result<Option<Listing>, PortError>;
}

/// Remembers it.
pub trait StoreListings {
    /// `PutItem`.
    async fn store_listing(&self, region: &Region, listing: &Listing) -> Result<(), PortError>;
}

/// Sets the catalog's newest recovery point right.
pub trait CorrectNewest {
    /// `UpdateItem`: enters this one, or none, if the entry still has `instead_of`.
    async fn correct_newest(
        &self,
        database: &ResourceId,
        policy: &PolicyName,
        instead_of: &RdsArn,
        newest: Option<&Manifest>,
    ) -> Result<Written, PortError>;
}

actions! {
    DeleteSnapshot: "rds:DeleteDBSnapshot" "rds:DeleteDBClusterSnapshot";
    HoldSnapshots: "rds:AddTagsToResource" "rds:RemoveTagsFromResource";
    InvokePruner: "lambda:InvokeFunction";
    RegisterRemovals: "dynamodb:PutItem" "dynamodb:DeleteItem";
    EnterCopies: "dynamodb:UpdateItem";
    ExpireEntered: "dynamodb:UpdateItem";
    ReadEntered: "dynamodb:BatchGetItem";
    ListMismatches: "dynamodb:Query";
    KeepNotes: "dynamodb:BatchGetItem" "dynamodb:PutItem";
    ReadRound: "dynamodb:GetItem";
    PruneRounds: "dynamodb:PutItem" "dynamodb:UpdateItem" "dynamodb:DeleteItem";
    ReadFreeze: "dynamodb:GetItem";
    SetFreeze: "dynamodb:PutItem" "dynamodb:DeleteItem";
    ReadListings: "dynamodb:GetItem";
    StoreListings: "dynamodb:PutItem";
    CorrectNewest: "dynamodb:UpdateItem";
}
