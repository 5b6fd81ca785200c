//! Whether the caller has the rights that a deployment needs, as far as IAM says.

use super::permissions::Permissions;
use crate::domain::deploy::rights::{Caller, Rights, RightsQuery, judge};
use crate::error::chain;

/// Asks IAM's simulator. Where it cannot be asked, the answer says why, and the deployment goes on.
pub(super) async fn rights<W: Permissions>(world: &W, query: &RightsQuery<'_>) -> Rights {
    let principal = match Caller::of(query.caller) {
        // No policy of the account limits it.
        Caller::Root => return Rights::Enough,
        Caller::User(arn) => arn,
        Caller::Role(name) => match world.role_arn(&name).await {
            Ok(arn) => arn,
            Err(error) => return Rights::NotKnown(chain(&error)),
        },
        Caller::Other => {
            let why = "IAM simulates users and roles, and you are neither";
            return Rights::NotKnown(why.to_owned());
        }
    };
    let mut decisions = Vec::new();
    for requirement in query.requirements() {
        match world.simulate_caller(&principal, &requirement).await {
            Ok(some) => decisions.extend(some),
            // Who may not simulate one action may not simulate any.
            Err(error) => return Rights::NotKnown(chain(&error)),
        }
    }
    judge(&decisions, query)
}
