//! Tests of the live check: its questions, its rules, and whole runs against the local world.
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop where it is"
)]

mod documents;
mod program;
mod questions;
mod records;
mod removal;
mod runs;
mod world;
