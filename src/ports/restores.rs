//! Restores: what RDS shows of restored databases, the calls that make and change them, and what is stored of each.

use std::collections::BTreeMap;

use super::error::{PortError, RdsError};
use super::table::Written;
use crate::domain::id::arn::{Family, Region};
use crate::domain::id::names::ResourceId;
use crate::domain::restore::plan::Step;
use crate::domain::restore::record::{RestoreKey, RestoreRecord};
use crate::domain::restore::restored::RestoredDatabase;
use crate::domain::restore::value::Value;
use crate::domain::run::failure::Operation;

/// Asks RDS about databases by their names.
pub trait DescribeRestored {
    /// `DescribeDBInstances` or `DescribeDBClusters` with a filter on identifiers, so that an unknown one is no error. All
    /// pages of the answer. Callers keep `names` within the filter's width.
    async fn describe_restored(
        &self,
        region: &Region,
        family: Family,
        names: &[String],
    ) -> Result<Vec<RestoredDatabase>, RdsError>;
}

/// A call that makes or changes a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseCall {
    /// The action.
    pub operation: Operation,
    /// Its parameters, by RDS's names.
    pub parameters: BTreeMap<String, Value>,
}

impl From<&Step> for DatabaseCall {
    fn from(step: &Step) -> Self {
        let parameters = step.parameters.iter();
        let parameters = parameters.map(|(name, sent)| (name.clone(), sent.value.clone()));
        Self {
            operation: step.action,
            parameters: parameters.collect(),
        }
    }
}

/// Makes and changes databases.
pub trait ChangeDatabase {
    /// The call's action. Gives the resource id of a database that it makes.
    async fn change_database(
        &self,
        region: &Region,
        call: &DatabaseCall,
    ) -> Result<Option<ResourceId>, RdsError>;
}

/// A restore, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRestore {
    /// How often it was stored.
    pub revision: i64,
    /// The restore.
    pub record: RestoreRecord,
}

/// Reads restores.
pub trait ReadRestores {
    /// `GetItem`, consistent. Nothing if there is none, or none that this version can read.
    async fn restore(&self, key: &RestoreKey) -> Result<Option<StoredRestore>, PortError>;
}

/// Stores restores.
pub trait StoreRestores {
    /// `UpdateItem`, if its revision is still the one before this one. The first has the revision 1.
    async fn store_restore(&self, restore: &StoredRestore) -> Result<Written, PortError>;
}

actions! {
    DescribeRestored: "rds:DescribeDBInstances" "rds:DescribeDBClusters";
    ChangeDatabase: "rds:RestoreDBInstanceFromDBSnapshot" "rds:RestoreDBClusterFromSnapshot" "rds:CreateDBInstance"
        "rds:ModifyDBInstance" "rds:ModifyDBCluster" "rds:RebootDBInstance" "rds:AddRoleToDBInstance"
        "rds:AddRoleToDBCluster" "rds:EnableHttpEndpoint" "rds:AddTagsToResource" "kms:CreateGrant" "kms:DescribeKey"
        "iam:PassRole";
    ReadRestores: "dynamodb:GetItem";
    StoreRestores: "dynamodb:UpdateItem";
}
