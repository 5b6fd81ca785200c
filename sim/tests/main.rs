//! The simulated world, in one binary: each binary is linked again after every change.

#![allow(
    clippy::unwrap_used,
    reason = "a panic is how a test fails, in its helpers too"
)]

mod copy_limit;
mod demo;
mod deployment;
mod disaster;
mod doctor;
mod drills;
mod local_stack;
mod own_roles;
mod people_policies;
mod preflight;
mod proxy;
mod python_venv;
mod rds;
mod remover;
mod report_in_bucket;
pub(crate) mod restores;
mod simulation;
mod state_machine;
pub(crate) mod tutorial;
