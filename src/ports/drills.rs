//! Drills: what RDS shows of what they made, the one call that deletes it, and what is stored of each.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::error::{PortError, RdsError};
use super::pages::Page;
use super::table::Written;
use crate::domain::drill::judge::FailureEvent;
use crate::domain::drill::name::DrillId;
use crate::domain::drill::record::Drills;
use crate::domain::id::arn::{Family, Region};
use crate::domain::id::names::ResourceId;
use crate::domain::restore::restored::RestoredDatabase;

/// Lists the databases of a region as restores and drills look at them.
pub trait ListRestored {
    /// `DescribeDBInstances` or `DescribeDBClusters`: one page of up to 100.
    async fn list_restored(
        &self,
        region: &Region,
        family: Family,
        marker: Option<String>,
    ) -> Result<Page<RestoredDatabase>, RdsError>;
}

/// Deletes what a drill made. Nothing else has this port.
pub trait DeleteDrilled {
    /// `DeleteDBInstance` or `DeleteDBCluster`, without a last snapshot and with its automated backups. The answer proves
    /// nothing: it is gone when a later describe call does not show it.
    async fn delete_drilled(
        &self,
        region: &Region,
        family: Family,
        name: &str,
    ) -> Result<(), RdsError>;
}

/// Asks RDS what went wrong with a database.
pub trait ReadFailures {
    /// `DescribeEvents` of the category `failure` for one database since then. All pages of the answer.
    async fn failure_events(
        &self,
        region: &Region,
        family: Family,
        name: &str,
        since: Timestamp,
    ) -> Result<Vec<FailureEvent>, RdsError>;
}

/// Asks a function of the user's whether the data of a drill is right.
pub trait CheckDrill {
    /// `Invoke`: sends this request to this function, and waits for the answer. Both are JSON.
    async fn check_drill(&self, function: &str, request: &str) -> Result<String, PortError>;
}

/// The drills of a database, as they are stored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoredDrills {
    /// How often they were stored.
    pub revision: i64,
    /// The drills.
    pub drills: Drills,
}

/// Reads drills.
pub trait ReadDrills {
    /// `BatchGetItem`, consistent: what there is, of at most 100 databases, each once.
    ///
    /// # Errors
    /// If the table does not answer, or if this version cannot read one: it must not count as none.
    async fn drills(
        &self,
        of: &[ResourceId],
    ) -> Result<BTreeMap<ResourceId, StoredDrills>, PortError>;
}

/// Stores drills.
pub trait StoreDrills {
    /// `UpdateItem`, if their revision is still the one before this one. The first has the revision 1.
    async fn store_drills(
        &self,
        of: &ResourceId,
        drills: &StoredDrills,
    ) -> Result<Written, PortError>;
}

/// The drills whose remains the remover is removing: it has asked RDS to delete them or is about to, and has not seen them
/// gone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OpenRemovals {
    /// How often they were stored.
    pub revision: i64,
    /// Each drill with the database that it is of.
    pub drills: BTreeSet<(ResourceId, DrillId)>,
}

/// Reads which drills are being removed.
pub trait ReadOpenRemovals {
    /// `GetItem`, consistent.
    ///
    /// # Errors
    /// If the table does not answer, or if this version cannot read what it holds.
    async fn open_removals(&self) -> Result<OpenRemovals, PortError>;
}

/// Stores which drills are being removed.
pub trait StoreOpenRemovals {
    /// `UpdateItem`, if their revision is still the one before this one. The first has the revision 1.
    async fn store_open_removals(&self, removals: &OpenRemovals) -> Result<Written, PortError>;
}

actions! {
    ListRestored: "rds:DescribeDBInstances" "rds:DescribeDBClusters";
    DeleteDrilled: "rds:DeleteDBInstance" "rds:DeleteDBCluster";
    ReadFailures: "rds:DescribeEvents";
    CheckDrill: "lambda:InvokeFunction";
    ReadDrills: "dynamodb:BatchGetItem";
    StoreDrills: "dynamodb:UpdateItem";
    ReadOpenRemovals: "dynamodb:GetItem";
    StoreOpenRemovals: "dynamodb:UpdateItem";
}
