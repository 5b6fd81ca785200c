//! Snapferry copies snapshots of the selected Amazon RDS and Aurora databases to another region. No execution and no
//! function waits for them by polling.
//!
//! Where to begin reading:
//!
//! - [`domain`]: what is true about snapshots, hints, waits and names. Pure: no async, no AWS, no clock.
//! - [`ports`]: what the use cases ask of the outside.
//! - [`app`]: the use cases (plan, work, react, sweep) over those ports.
//! - [`json`]: the JSON between Snapferry's own parts, the table's texts, and the events that RDS sends.
//! - `aws`, `lambda`, `cli`: the adapters, behind the features `lambda` and `cli`.
//!
//! With default features off, the crate names no AWS crate at all: the compiler keeps the core pure.

pub mod app;
#[cfg(feature = "aws")]
pub mod aws;
#[cfg(feature = "cli")]
pub mod cli;
pub mod domain;
pub mod error;
#[cfg(feature = "fake")]
pub mod fake;
pub mod json;
#[cfg(feature = "lambda")]
pub mod lambda;
#[cfg(any(feature = "lambda", feature = "cli"))]
pub mod logging;
pub mod ports;
#[cfg(any(feature = "report", feature = "cli"))]
pub mod report;
pub mod settings;
