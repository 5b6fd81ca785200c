//! The contract of the ports, held against the adapters over the AWS SDK.
//!
//! The fake in memory meets the same cases (`tests/contract`): what holds here and there, the use cases' own tests
//! may rely on. The emulator is that of the local stack, so nothing has to be installed but Python.
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop where it is"
)]

mod stack;

#[path = "../contract/suite/mod.rs"]
mod suite;

suite::table_contract!(crate::stack::on_a_table);
suite::queue_contract!(crate::stack::on_queues);
suite::step_functions_contract!(crate::stack::on_a_machine);
