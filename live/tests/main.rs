//! Tests of the live check: its questions, its rules, and whole runs against the local world.
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop where it is"
)]
#![allow(clippy::large_futures, reason = "a test makes one run at a time")]

mod documents;
mod program;
mod questions;
mod records;
mod removal;
mod runs;
mod world;
