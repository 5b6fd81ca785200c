//! The policies that are in force.

use crate::domain::id::arn::KeyArn;
use crate::domain::policy::in_force::Policies;
use crate::domain::policy::set::Stamp;
use crate::ports::{PortError, ReadPolicies};

/// The policies that are in force.
pub(crate) struct PoliciesInForce {
    pub(crate) policies: Policies,
    /// When and by whom they were applied. `None` if the built-in policy is in force.
    pub(crate) stamp: Option<Stamp>,
}

/// Reads the policies that are in force. `key` is the stack's key, for policies that name none.
///
/// # Errors
/// If the applied set cannot be read. The built-in policy replaces a set that was never applied, but never a set that
/// cannot be read.
pub(crate) async fn policies_in_force<W: ReadPolicies>(
    world: &W,
    key: &KeyArn,
    built_in: &Policies,
) -> Result<PoliciesInForce, PortError> {
    Ok(match world.current_policies().await? {
        Some(applied) => PoliciesInForce {
            policies: applied.set.policies(key),
            stamp: Some(applied.stamp),
        },
        None => PoliciesInForce {
            policies: built_in.clone(),
            stamp: None,
        },
    })
}
