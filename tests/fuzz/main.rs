//! Bad input: what crosses our edges may be anything. Never a panic, never a poisoned batch, always a reason,
//! and never a token in it.
//!
//! Each target replays the texts saved in `corpus/<target>/` and then judges thousands made from them by edits
//! (`edits.rs`). The edits are the same on every run; `PROPTEST_RNG_SEED` and `PROPTEST_CASES` choose others.
//! What is found is saved as one more text of the corpus, so that it is judged for ever after.
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop where it is"
)]

mod commands;
mod corpus;
mod edits;
mod events;
#[cfg(feature = "aws")]
mod items;
mod judge;
mod manifests;
mod policies;
mod policy_files;
mod runs;
mod settings;
#[path = "../core/world.rs"]
#[allow(
    dead_code,
    reason = "the core's tests use all of it, these a part of it"
)]
mod world;
