//! Items that are stored whole, each time under the next revision: so of two processes only one stores the next one.

use aws_sdk_dynamodb::types::AttributeValue;

use super::clients::Aws;
use super::fault::port_error;
use super::items::{PK, number, text};
use super::waits::is_conflict;
use crate::ports::{PortError, Written};

pub(super) const REVISION: &str = "revision";

impl<Extra> Aws<Extra> {
    /// `UpdateItem`, if the item's revision is still the one before this one. The first has the revision 1.
    pub(super) async fn store_revision(
        &self,
        key: AttributeValue,
        (attribute, value): (&'static str, String),
        revision: i64,
    ) -> Result<Written, PortError> {
        let before = revision - 1;
        let condition = match before {
            0 => "attribute_not_exists(#revision)",
            _ => "#revision = :before",
        };
        let mut request = self
            .dynamodb()
            .update_item()
            .table_name(&self.table)
            .key(PK, key)
            .update_expression("SET #value = :value, #revision = :revision")
            .condition_expression(condition)
            .expression_attribute_names("#value", attribute)
            .expression_attribute_names("#revision", REVISION)
            .expression_attribute_values(":value", text(value))
            .expression_attribute_values(":revision", number(revision));
        if before > 0 {
            request = request.expression_attribute_values(":before", number(before));
        }
        match request.send().await {
            Ok(_) => Ok(Written::Stored),
            Err(error) if is_conflict(error.as_service_error().map(|e| e.meta())) => {
                Ok(Written::Conflict)
            }
            Err(error) => Err(port_error("dynamodb:UpdateItem", &error, &[])),
        }
    }
}
