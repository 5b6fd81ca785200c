//! The ports over the AWS SDK.
//!
//! One [`Aws`] serves all use cases. It always reaches RDS, the callbacks and the table; its type parameter says what
//! else it can reach, so a role can only call what its settings name. Each client is made at its first use, so a role
//! pays only for the clients that it uses.

mod catalog;
mod clients;
mod clock;
mod configurations;
mod connect;
mod copy_queue;
mod correct_newest;
mod dead_letters;
mod deadlines;
#[cfg(feature = "cli")]
mod deploy;
#[cfg(feature = "cli")]
mod doctor;
#[cfg(any(feature = "cli", feature = "drills"))]
mod drill_calls;
mod drills;
mod entered;
mod executions;
mod fault;
mod get_items;
mod histories;
#[cfg(feature = "cli")]
mod invoke;
mod items;
#[cfg(feature = "cli")]
mod keys;
mod last_sweep;
mod manual_snapshots;
mod open_items;
mod option_groups;
mod own_events;
mod paced;
#[cfg(any(feature = "cli", feature = "report"))]
mod patient;
mod plan_cursor;
mod policies;
#[cfg(feature = "cli")]
mod preflight;
mod presigned;
#[cfg(feature = "cli")]
mod profile;
mod prune_state;
mod queue_url;
mod queues;
mod rds;
mod rds_errors;
mod rds_rows;
mod rds_settings;
mod reach;
mod removals;
#[cfg(feature = "report")]
mod reports;
#[cfg(feature = "cli")]
mod restore_calls;
#[cfg(any(feature = "cli", feature = "drills"))]
mod restored_rows;
mod restores;
mod revised;
mod selected;
mod slots;
mod slots_item;
#[cfg(any(feature = "cli", feature = "report"))]
mod stack;
mod step_functions;
mod throttled_once;
mod time_source;
mod waits;
mod warm;

pub use clients::{Aws, CommandsQueue, Machine, SourceQueue, StateMachine, TargetQueue};
pub use clock::SystemClock;
pub use connect::{app_name, for_functions, tuned};
#[cfg(feature = "cli")]
pub use connect::{for_operators, for_operators_at};
pub use dead_letters::{Replays, find_queue};
#[cfg(feature = "cli")]
pub use deploy::{Deploys, leisurely};
#[cfg(feature = "cli")]
pub use doctor::{Examines, catches_snapshots, read_key_policy};
pub use fault::Fault;
#[cfg(feature = "cli")]
pub use invoke::PrunerName;
pub use items::{Item, ItemError, read_wait, write_wait};
#[cfg(any(feature = "cli", feature = "report"))]
pub use patient::patient;
#[cfg(feature = "cli")]
pub use profile::{ProfileError, find_profile, sign_on_region};
pub use queue_url::{QueueUrl, QueueUrlError};
pub use reach::{Reach, Trust};
#[cfg(feature = "report")]
pub use reports::ReportBucket;
#[cfg(feature = "cli")]
pub use stack::Stacks;
pub use warm::Service;
