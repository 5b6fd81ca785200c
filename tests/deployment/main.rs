//! What must hold of the templates and the state machine as they are in the repository.
//!
//! A rule that could be broken by an edit far from where it matters is held here: the numbers that
//! must agree, what each function may do, that nothing waits by polling.

#![allow(clippy::unwrap_used, reason = "helpers fail a test as its body does")]

mod document;
mod drills_and_restores;
mod iam_table;
mod metrics;
mod operators;
mod outputs;
mod parameters_page;
mod permissions;
mod release;
mod remover_rows;
mod report_stack;
mod reporter_rows;
mod restore_stack;
mod security_page;
mod stack;
mod state_machine;
mod terraform;
mod walk;
