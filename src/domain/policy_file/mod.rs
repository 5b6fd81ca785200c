//! Policy files: TOML to a set of policies, or every fault at once with its place.
//!
//! ```toml
//! untagged = "standard"
//!
//! [policy.standard]
//! schedule = "0 3 * * *"
//! time_zone = "Europe/Paris"
//! ```

mod fault;
mod key;
mod read;
mod write;

use std::collections::BTreeMap;

use super::policy_set::{KeyName, PolicySet};
use super::tags::PolicyName;

pub use fault::{Fault, Place};
pub use read::read;
pub use write::write;

/// A file that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyFile {
    /// What it says.
    pub set: PolicySet<KeyName>,
    /// Where it names each policy's key, for what only AWS can say about one.
    pub keys_at: BTreeMap<PolicyName, Place>,
}
