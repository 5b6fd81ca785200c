//! Which databases a policy selects in a region, as the planner last listed them to the end.

use super::error::PortError;
use crate::domain::id::arn::Region;
use crate::domain::id::tags::PolicyName;
use crate::domain::policy::selected::{SelectedPart, UnreadablePart};

/// Reads which databases a policy selects.
pub trait ReadSelected {
    /// `GetItem`, consistent: one of the items that name them. An item that cannot be read is no error of the call: the
    /// planner replaces it at the next due time.
    async fn read_selected(
        &self,
        policy: &PolicyName,
        region: &Region,
        part: usize,
    ) -> Result<Option<Result<SelectedPart, UnreadablePart>>, PortError>;
}

/// Stores which databases a policy selects.
pub trait StoreSelected {
    /// `UpdateItem`: one of the items that name them, whatever it said before.
    async fn store_selected(
        &self,
        policy: &PolicyName,
        region: &Region,
        part: usize,
        selected: &SelectedPart,
    ) -> Result<(), PortError>;
}

actions! {
    ReadSelected: "dynamodb:GetItem";
    StoreSelected: "dynamodb:UpdateItem";
}
