//! The tests of the edges: the adapters against recorded traffic, and the functions and the command as processes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on should stop where it is"
)]

mod alarms;
mod authorities;
mod automated;
mod catalog_commands;
mod command_line;
mod commands;
mod deploy;
mod deploy_command;
mod destroy;
mod disaster_page;
mod doctor;
mod doctor_documents;
#[path = "../deployment/document.rs"]
#[allow(
    dead_code,
    reason = "the deployment's tests use all of it, these a part of it"
)]
mod document;
mod drain;
mod drill_calls;
mod drill_commands;
mod functions;
mod hand_over;
mod histories;
mod items;
mod lambda_edge;
mod own_events;
mod paced;
mod patience;
mod plan_text;
mod policies;
mod policy_commands;
mod preflight;
mod presigned;
mod profile;
mod prune;
mod queues;
mod rds;
mod rds_clusters;
mod rds_settings;
mod reach;
mod redrive;
mod remover;
mod replay;
mod reporter;
mod restore_calls;
mod restore_commands;
mod secrets;
mod selected;
mod server;
mod stack;
mod start;
mod status;
mod step_functions;
mod stop;
mod table;
mod trace;
mod upgrade;
mod waits;
mod wire;
#[path = "../core/world.rs"]
#[allow(
    dead_code,
    reason = "the core's tests use all of it, these a part of it"
)]
mod world;
