//! The settings of a deployed stack. They are parsed once, and all faults are reported together.

mod doctor_settings;
mod faults;
mod measuring;
mod planning;
mod pruning;
mod rds_deadlines;
mod stack;
mod variables;

pub use doctor_settings::DoctorSettings;
pub use faults::{Faults, SettingsError};
pub use measuring::{Measuring, Metrics};
pub use planning::{BUILT_IN_POLICY, Planning, STACK_NAME};
pub use pruning::Pruning;
pub use rds_deadlines::RdsDeadlines;
pub use stack::Stack;
pub use variables::Variables;
