//! What an execution asks for, and the commands that its states send.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::arn::{ExecutionArn, KeyArn, RdsArn};
use super::names::{OptionGroup, ResourceId};
use super::tags::{PolicyName, TagKey};
use super::token::TaskToken;

/// The database that a run protects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseRef {
    /// Its ARN when the run was planned; a rename changes it.
    pub arn: RdsArn,
    /// Its resource id, which a rename leaves alone.
    pub resource_id: ResourceId,
}

/// The input of one execution: one recovery point of one database.
///
/// All that a run needs to know is here or in RDS; no state reads what an earlier one claims.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// The database.
    pub database: DatabaseRef,
    /// The policy that asked for it.
    pub policy: PolicyName,
    /// The schedule's time, never the clock's.
    pub planned_at: Timestamp,
    /// The key of the recovery region that the copy must be encrypted under.
    pub key: KeyArn,
    /// What the policy asks for besides.
    pub extras: Extras,
}

/// What a policy may ask for besides: nothing, by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extras {
    /// The database's own tags that its recovery points carry.
    pub tags: BTreeMap<TagKey, String>,
    /// The recovery region's option group for the copy.
    pub option_group: Option<OptionGroup>,
    /// How many copies may be in flight while this one begins, where that is less than the stack's slots.
    pub copy_slots: Option<usize>,
}

impl Run {
    /// How many copies may be in flight while this run's begins: the stack's slots, or fewer.
    #[must_use]
    pub fn copy_slots(&self, of_the_stack: usize) -> usize {
        self.extras
            .copy_slots
            .map_or(of_the_stack, |slots| slots.min(of_the_stack))
    }
}

/// The two states of the state machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// Take a snapshot in the source region.
    Snapshot,
    /// Copy it to the recovery region.
    Copy,
}

impl Step {
    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Snapshot => "snapshot",
            Self::Copy => "copy",
        }
    }
}

/// What a state of the state machine asks of the worker, with the token it sleeps on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// What to do.
    pub step: Step,
    /// The token to answer with.
    pub token: TaskToken,
    /// The execution that sleeps.
    pub execution: ExecutionArn,
    /// How often Step Functions has retried the state.
    pub retry: u32,
    /// The execution's input.
    pub run: Run,
}
