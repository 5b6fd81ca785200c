//! Deterministic simulation: the product's use cases over the RDS model, in virtual time.
//!
//! A *world* is one stack with a few databases and few copy slots. Every call of a use case waits at a gate. A scheduler
//! with a seed does one thing in each step: it lets a call through or breaks it, delivers messages, sends hints, moves the
//! clock, or drops an invocation. The rules judge each effect at once, by the model of RDS. Then the faults stop, a person
//! repairs, replays and redrives, and everything must come to its end.
//!
//! The same seed gives exactly the same run.
//!
//! # Rules and planted bugs
//! Each rule of the design has planted bugs that break it. The page of [`mutant`] lists them, and `tests/simulation.rs`
//! checks that the simulation finds each of them.

mod backups;
mod call_outcome;
mod day;
mod day_commands;
mod drive;
mod fleet;
mod gate;
mod gatekeeper;
mod invoke;
mod judge;
mod judge_end;
mod judge_hand_over;
mod judge_slots;
mod kinds;
pub mod models;
pub mod mutant;
mod mutated;
mod never_copied;
mod operator_actions;
mod outages;
mod own_times;
mod pruning;
mod queue;
mod report;
pub mod rule;
mod run;
pub mod step_functions;
mod third_parties;
mod walk;
mod world;

pub use mutant::Mutant;
pub use report::{Args, Report, simulate, table, world_seeds};
pub use run::{Outcome, run_world};
pub use walk::{End, Sent, Walk};
pub use world::Violation;
