//! Deterministic simulation: the product's use cases over the RDS model, in virtual time.
//!
//! A *world* is one stack with a few databases and few copy slots. Every call that a use case makes waits at a
//! gate; a scheduler with a seed lets one of them through, breaks it, hands messages over, sends hints, moves
//! the clock or drops an invocation, one thing a step. Each effect is judged by RDS's own truth as it happens.
//! Then the faults stop, a person repairs, replays and redrives, and everything must come to its end.
//!
//! The same seed is the same run, to the letter.
//!
//! # Rules and planted bugs
//! Each rule of the design has bugs planted against it; the page of [`mutant`] has the table, and
//! `tests/simulation.rs` holds that each of them is found.

mod backups;
mod call_outcome;
mod drive;
mod fleet;
mod gate;
mod gatekeeper;
mod invoke;
mod judge;
mod judge_end;
pub mod models;
pub mod mutant;
mod mutated;
mod operator_actions;
mod outages;
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
