//! Sets the catalog's newest recovery point right.

use aws_sdk_dynamodb::types::AttributeValue;

use super::catalog::{RECOVERY_POINT, TAKEN_AT, entry_key};
use super::clients::Aws;
use super::fault::port_error;
use super::items::{PK, text, time};
use super::waits::is_conflict;
use crate::domain::id::arn::RdsArn;
use crate::domain::id::names::ResourceId;
use crate::domain::id::tags::PolicyName;
use crate::domain::run::manifest::Manifest;
use crate::json;
use crate::ports::{CorrectNewest, PortError, Written};

/// The recovery point is stored as JSON, in which the ARN stands between quotes.
fn quoted(snapshot: &RdsArn) -> AttributeValue {
    text(format!("\"{snapshot}\""))
}

impl<Extra> CorrectNewest for Aws<Extra> {
    async fn correct_newest(
        &self,
        database: &ResourceId,
        policy: &PolicyName,
        instead_of: &RdsArn,
        newest: Option<&Manifest>,
    ) -> Result<Written, PortError> {
        let request = self
            .dynamodb()
            .update_item()
            .table_name(&self.table)
            .key(PK, entry_key(database, policy))
            .condition_expression("contains(#point, :instead_of)")
            .expression_attribute_names("#point", RECOVERY_POINT)
            .expression_attribute_names("#taken", TAKEN_AT)
            .expression_attribute_values(":instead_of", quoted(instead_of));
        let request = match newest {
            None => request.update_expression("REMOVE #point, #taken"),
            Some(copy) => {
                let request = request
                    .expression_attribute_values(":point", text(json::manifest::write(copy)));
                match copy.taken_at {
                    None => request.update_expression("SET #point = :point REMOVE #taken"),
                    Some(at) => request
                        .update_expression("SET #point = :point, #taken = :taken")
                        .expression_attribute_values(":taken", time(at)),
                }
            }
        };
        match request.send().await {
            Ok(_) => Ok(Written::Stored),
            Err(error) if is_conflict(error.as_service_error().map(|e| e.meta())) => {
                Ok(Written::Conflict)
            }
            Err(error) => Err(port_error("dynamodb:UpdateItem", &error, &[])),
        }
    }
}
