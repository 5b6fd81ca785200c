//! The pruner: removes what the rules of retention no longer keep. It alone may delete snapshots.
//!
//! One round takes the inventory, asks the rules, asks the check, notes what may go, and removes what could go a grace
//! ago. A removal is entered in the table first, in the place of a wait. Removed means that a later round does not find
//! it.

mod approval;
mod candidates;
mod config;
mod configurations;
mod correct;
mod histories;
mod outcome;
mod permissions;
mod quota;
mod regions;
mod remove;
mod round;

pub use approval::{Unapproved, approval_needed};
pub use config::{PruneRequest, PrunerConfig};
pub use outcome::{
    LeftAlone, PruneError, PruneReport, PrunedConfigurations, Refused, Removed, Stopped,
};
pub use permissions::{ACTIONS, Permissions};
pub use round::prune;
