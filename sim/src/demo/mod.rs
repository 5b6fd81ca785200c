//! `cargo demo`: a simulated fleet, protected by the product as it ships, and checked.
//!
//! Only AWS itself is replaced. The shipped function runs under an emulator, to which the project's own templates were
//! deployed, and RDS is [the model](crate::rds) behind its HTTP service.

mod args;
mod carrier;
mod costs;
mod day;
mod doctor;
mod faults;
mod figures;
mod fleet;
mod iam;
mod left_out;
mod measure;
mod old_snapshots;
mod parts;
mod policies;
mod practice;
mod progress;
mod promises;
mod pruning;
mod repairs;
mod run;
mod schedule;
mod snapferry;
mod summary;
mod tried;
mod truth;
mod view;

pub use args::Args;
pub use day::{DrillFigures, RestoredFigures};
pub use doctor::DoctorCounts;
pub use faults::{Choice, Fault};
pub use figures::{Callbacks, Calls, Executions, Figures, Reaction, ServiceCalls};
pub use iam::Iam;
pub use left_out::{Kind, LeftOutFigure};
pub use practice::Breakage;
pub use pruning::Pruned;
pub use run::run;
