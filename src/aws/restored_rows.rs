//! Reads the rows of databases that are restored.

use aws_sdk_rds::types::{DbCluster, DbInstance, PendingModifiedValues};

use super::clients::Aws;
use super::rds::{RowReaders, databases, filter};
use super::rds_errors::{Answer, Unusable};
use super::rds_rows::tags;
use super::rds_settings::{captured_cluster, captured_instance};
use crate::domain::id::arn::{Family, Region};
use crate::domain::id::names::ResourceId;
use crate::domain::restore::restored::RestoredDatabase;
use crate::domain::run::failure::Operation;
use crate::ports::{DescribeRestored, ListRestored, Page, RdsError, all_rows};

const READERS: RowReaders<RestoredDatabase> = RowReaders { instance, cluster };

/// The status of a group that waits for a restart.
const WAITS_FOR_RESTART: &str = "pending-reboot";
/// The status of a role that can be used.
const ACTIVE: &str = "ACTIVE";

fn instance(row: &DbInstance) -> Result<RestoredDatabase, Unusable> {
    let name = row.db_instance_identifier();
    let answer = Answer {
        of: name.unwrap_or("a DB instance"),
    };
    let resource_id = answer.required("DbiResourceId", row.dbi_resource_id())?;
    let cluster = row.db_cluster_identifier();
    let groups = row.db_parameter_groups().iter();
    let mut waiting = groups.filter_map(|group| group.parameter_apply_status());
    let roles = row.associated_roles().iter();
    let inactive = roles.filter(|role| role.status() != Some(ACTIVE));
    let loaded = row.storage_operation_percent_progress();
    Ok(RestoredDatabase {
        name: answer.required("DBInstanceIdentifier", name)?.to_owned(),
        resource_id: answer.parsed("DbiResourceId", ResourceId::parse(resource_id))?,
        member_of: cluster.filter(|id| !id.is_empty()).map(ToOwned::to_owned),
        status: row.db_instance_status().unwrap_or_default().to_owned(),
        created_at: answer.time("InstanceCreateTime", row.instance_create_time())?,
        tags: tags(row.tag_list()),
        settings: captured_instance(row).settings,
        has_pending_changes: row
            .pending_modified_values()
            .is_some_and(|pending| *pending != PendingModifiedValues::builder().build()),
        needs_restart: waiting.any(|status| status == WAITS_FOR_RESTART),
        inactive_roles: inactive
            .filter_map(|role| role.role_arn().map(ToOwned::to_owned))
            .collect(),
        loaded: row
            .storage_operation_status()
            .and(loaded)
            .and_then(|percent| u8::try_from(percent).ok()),
    })
}

fn cluster(row: &DbCluster) -> Result<RestoredDatabase, Unusable> {
    let name = row.db_cluster_identifier();
    let answer = Answer {
        of: name.unwrap_or("a DB cluster"),
    };
    let resource_id = answer.required("DbClusterResourceId", row.db_cluster_resource_id())?;
    let roles = row.associated_roles().iter();
    let inactive = roles.filter(|role| role.status() != Some(ACTIVE));
    let pending = row.pending_modified_values();
    Ok(RestoredDatabase {
        name: answer.required("DBClusterIdentifier", name)?.to_owned(),
        resource_id: answer.parsed("DbClusterResourceId", ResourceId::parse(resource_id))?,
        member_of: None,
        status: row.status().unwrap_or_default().to_owned(),
        created_at: answer.time("ClusterCreateTime", row.cluster_create_time())?,
        tags: tags(row.tag_list()),
        settings: captured_cluster(row).settings,
        has_pending_changes: pending.is_some_and(|pending| {
            pending.backup_retention_period().is_some()
                || pending.storage_type().is_some()
                || pending.engine_version().is_some()
        }),
        // The group of a cluster is given when it is restored, and its members start with it.
        needs_restart: false,
        inactive_roles: inactive
            .filter_map(|role| role.role_arn().map(ToOwned::to_owned))
            .collect(),
        loaded: None,
    })
}

impl<Extra> DescribeRestored for Aws<Extra> {
    async fn describe_restored(
        &self,
        region: &Region,
        family: Family,
        names: &[String],
    ) -> Result<Vec<RestoredDatabase>, RdsError> {
        if names.is_empty() {
            // RDS ignores a filter without values, and would list the whole region.
            return Ok(Vec::new());
        }
        let by_name = match family {
            Family::Instance => "db-instance-id",
            Family::Cluster => "db-cluster-id",
        };
        let client = self.rds(region);
        let filters = vec![filter(by_name, names)];
        let operation = Operation::describe_databases(family);
        let endless = |endless| RdsError::endless(operation, region, endless);
        all_rows(names.len() + 1, endless, |marker| {
            let filters = Some(filters.clone());
            databases(&client, region, family, &READERS, filters, marker)
        })
        .await
    }
}

impl<Extra> ListRestored for Aws<Extra> {
    async fn list_restored(
        &self,
        region: &Region,
        family: Family,
        marker: Option<String>,
    ) -> Result<Page<RestoredDatabase>, RdsError> {
        databases(&self.rds(region), region, family, &READERS, None, marker).await
    }
}
