//! The settings of a deployed stack, parsed once; every fault is reported at once.

mod faults;
mod planning;
mod preflight;
mod stack;
mod variables;

pub use faults::{Faults, SettingsError};
pub use planning::{BUILT_IN_POLICY, Planning};
pub use preflight::Preflight;
pub use stack::Stack;
pub use variables::Variables;
