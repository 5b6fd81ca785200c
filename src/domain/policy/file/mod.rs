//! Policy files: TOML to a set of policies, or every fault at once with its place.
//!
//! ```toml
//! untagged = "standard"
//!
//! [policy.standard]
//! schedule = "0 3 * * *"
//! time_zone = "Europe/Paris"
//! ```

mod drill;
mod fault;
mod key;
mod read;
mod restore;
mod retention;
mod write;

pub use fault::{Fault, Place};
pub use key::hint;
pub use read::{PolicyFile, read};
pub use write::write;
