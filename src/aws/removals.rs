//! Removals: the entry that is written first, and the call to RDS. Holds are here too.

use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_rds::types::Tag;

use super::clients::Aws;
use super::fault::port_error;
use super::items::{Item, PK, REMOVAL, TTL, number, text, time, wait_key};
use super::rds_errors::Call;
use super::waits::is_conflict;
use crate::domain::id::arn::{Family, RdsArn};
use crate::domain::id::tags::HOLD;
use crate::domain::retention::round::{REMOVAL_TIME_TO_LIVE, RemovalEntry};
use crate::domain::run::failure::Operation;
use crate::ports::{DeleteSnapshot, HoldSnapshots, PortError, RdsError, RegisterRemovals, Written};

const AT: &str = "at";
const WHY: &str = "why";

impl<Extra> RegisterRemovals for Aws<Extra> {
    async fn register_removal(&self, removal: &RemovalEntry) -> Result<Written, PortError> {
        let expires = removal.at + REMOVAL_TIME_TO_LIVE;
        let item = Item::from([
            (PK.to_owned(), wait_key(&removal.snapshot)),
            (REMOVAL.to_owned(), text(removal.snapshot.to_string())),
            (AT.to_owned(), time(removal.at)),
            (WHY.to_owned(), text(&removal.why)),
            (TTL.to_owned(), number(expires.as_second())),
        ]);
        let request = self
            .dynamodb()
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(#pk) OR #removal = :snapshot")
            .expression_attribute_names("#pk", PK)
            .expression_attribute_names("#removal", REMOVAL)
            .expression_attribute_values(":snapshot", text(removal.snapshot.to_string()));
        match request.send().await {
            Ok(_) => Ok(Written::Stored),
            Err(error) if is_conflict(error.as_service_error().map(PutItemError::meta)) => {
                Ok(Written::Conflict)
            }
            Err(error) => Err(port_error("dynamodb:PutItem", &error, &[])),
        }
    }

    async fn drop_removal(&self, snapshot: &RdsArn) -> Result<(), PortError> {
        let request = self
            .dynamodb()
            .delete_item()
            .table_name(&self.table)
            .key(PK, wait_key(snapshot))
            .condition_expression("#removal = :snapshot")
            .expression_attribute_names("#removal", REMOVAL)
            .expression_attribute_values(":snapshot", text(snapshot.to_string()));
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) if is_conflict(error.as_service_error().map(DeleteItemError::meta)) => {
                Ok(())
            }
            Err(error) => Err(port_error("dynamodb:DeleteItem", &error, &[])),
        }
    }
}

impl<Extra> DeleteSnapshot for Aws<Extra> {
    async fn delete_snapshot(&self, snapshot: &RdsArn) -> Result<(), RdsError> {
        let (region, family) = (snapshot.region(), snapshot.family());
        let call = Call {
            operation: Operation::delete_snapshot(family),
            region,
        };
        let client = self.rds_for_changes(region);
        match family {
            Family::Instance => client
                .delete_db_snapshot()
                .db_snapshot_identifier(snapshot.name())
                .send()
                .await
                .map(drop)
                .map_err(|error| call.refused(&error)),
            Family::Cluster => client
                .delete_db_cluster_snapshot()
                .db_cluster_snapshot_identifier(snapshot.name())
                .send()
                .await
                .map(drop)
                .map_err(|error| call.refused(&error)),
        }
    }
}

impl<Extra> HoldSnapshots for Aws<Extra> {
    async fn hold_snapshot(&self, snapshot: &RdsArn, why: &str) -> Result<(), RdsError> {
        let call = Call {
            operation: Operation::AddTagsToResource,
            region: snapshot.region(),
        };
        self.rds_for_changes(snapshot.region())
            .add_tags_to_resource()
            .resource_name(snapshot.to_string())
            .tags(Tag::builder().key(HOLD).value(why).build())
            .send()
            .await
            .map(drop)
            .map_err(|error| call.refused(&error))
    }

    async fn release_snapshot(&self, snapshot: &RdsArn) -> Result<(), RdsError> {
        let call = Call {
            operation: Operation::RemoveTagsFromResource,
            region: snapshot.region(),
        };
        self.rds_for_changes(snapshot.region())
            .remove_tags_from_resource()
            .resource_name(snapshot.to_string())
            .tag_keys(HOLD)
            .send()
            .await
            .map(drop)
            .map_err(|error| call.refused(&error))
    }
}
