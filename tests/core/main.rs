//! The tests of the core, by subject. They need no AWS crate: `cargo test --no-default-features`.
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop where it is"
)]

mod automated;
mod blue_green;
mod catalog;
mod choice;
mod clusters;
mod copy_limit;
mod deploy;
mod deploy_kept;
mod deploy_rights;
mod destroy;
mod doctor;
mod doctor_checks;
mod doctor_fleet;
mod doctor_source_keys;
mod drain;
mod drill_plan;
mod drill_removal;
mod errors;
mod forget;
mod gone;
mod histories;
mod learnt_limit;
mod left_over;
mod measure;
mod names;
mod next_step;
mod orphans;
mod own_events;
mod pages;
mod permit;
mod plan_preview;
mod planner;
mod policies;
mod policy_file;
mod prune;
mod prune_orders;
mod prune_preview;
mod reactor;
mod redrive;
mod refusals;
mod removals;
mod replay;
mod restore_plan;
mod schedule;
mod semantics;
mod settings;
mod settle;
mod slots;
mod slow_network;
mod start_some;
mod status;
mod steady_state;
mod stop;
mod sweeper;
mod tde;
mod tidy;
mod timing;
mod trace;
mod unnamed;
mod wire;
mod worker;
mod world;
