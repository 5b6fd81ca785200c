//! Runs the deployed state machine outside the simulation: in moto, for a second opinion on its commands, retries and
//! timeouts, and in the local stack's emulator. The simulation's interpreter is compared with both.
//!
//! Both emulators use one token for all tries of a state; AWS does not. A patch where they are started gives each try
//! its own token. moto also loses the cause of `SendTaskFailure`, so nothing here compares that cause.

#![allow(
    clippy::disallowed_methods,
    reason = "emulators run in real time, on this machine"
)]

mod compared;
mod definition;
mod moto;
mod on_moto;
mod protect;
mod scenarios;
