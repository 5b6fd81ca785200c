//! The one implementation of the ports in memory, for tests and simulations.
//!
//! It refuses what AWS refuses: `tests/contract` runs the same cases against it and against the adapters on an emulator.
//! Nothing here fails or is late by itself. [`through::Through`] adds that, with a hook around every call.
//!
//! | module | stands for |
//! | --- | --- |
//! | [`table`] | the DynamoDB table with its conditions, and its index, which may lag |
//! | [`queue`] | an SQS queue: visibility, receives, receipt handles |
//! | [`step_functions`] | task tokens and executions |
//! | [`rds`] | databases and snapshots of all regions |
//! | [`deploy`] | CloudFormation and the bucket of a deployment |
//! | [`operator`] | the answers to calls that only the operator's commands make |
//! | [`world`] | all ports over the four |
//! | [`through`] | any implementation of the ports, with a hook before and after each call |
//!
//! The module exists only under the feature `fake`, which no shipped binary has.

mod call;
pub mod deploy;
pub mod operator;
pub mod queue;
pub mod rds;
mod refusal;
pub mod step_functions;
pub mod table;
pub mod through;
pub mod world;

pub use call::Action;
pub use deploy::Deployments;
pub use operator::Operator;
pub use queue::Queue;
pub use rds::{RdsModel, Shelf};
pub use refusal::Refusal;
pub use step_functions::{
    Execution, Executions, StepFunctionsModel, StoppableModel, TaskEnd, Token,
};
pub use table::Table;
pub use through::{Answer, Call, CallOutcome, Effect, Hook, Name, Through};
pub use world::{Holds, Ports, State, World};
