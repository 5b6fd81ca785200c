//! The live check: it asks a real AWS account what Snapferry could only assume, for a person who has one.
//!
//! A [`Question`](question::Question) says what it does and what it expects, and [`judge`](question::judge) turns what was
//! observed into one of three answers. [`run`](run::run) makes what the questions need, asks them, and removes everything,
//! also when it is interrupted; what a killed run left, the next one removes. Nothing of this ships.

#![allow(
    clippy::large_futures,
    reason = "one question is asked at a time, and its future is boxed once"
)]

pub mod account;
pub mod bench;
pub mod error;
pub mod journal;
pub mod plan;
pub mod question;
pub mod questions;
pub mod record;
pub mod remove;
pub mod run;
pub mod shown;
mod strays;
