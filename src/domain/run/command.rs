//! The input of an execution, and the commands that its states send.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::fingerprint::Fingerprint;
use super::slot_limits::{CopySlots, SlotGroup, SlotLimits};
use crate::domain::id::arn::{ExecutionArn, Family, KeyArn, RdsArn};
use crate::domain::id::database_ref::DatabaseRef;
use crate::domain::id::names::OptionGroup;
use crate::domain::id::tags::{PolicyName, TagKey};
use crate::domain::id::token::TaskToken;
use crate::domain::restore::configuration::ConfigurationHash;

/// The input of one execution: one recovery point of one database.
///
/// Everything that a run needs to know is here or in RDS. No state relies on what an earlier state claims.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProtectionRequest {
    /// The database.
    pub database: DatabaseRef,
    /// The policy that asked for it.
    pub policy: PolicyName,
    /// The due time, or the time at which RDS took the automated snapshot. Never the time of a clock.
    pub planned_at: Timestamp,
    /// The key of the recovery region that the copy must be encrypted under.
    pub key: KeyArn,
    /// What else the policy asks for.
    pub options: RunOptions,
}

/// What a policy may ask for in addition. The default asks for nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunOptions {
    /// The database's own tags for its recovery points.
    pub tags: BTreeMap<TagKey, String>,
    /// The recovery region's option group for the copy.
    pub option_group: Option<OptionGroup>,
    /// How many copies may be in flight when this one begins, if that is fewer than the stack's slots.
    pub copy_slots: Option<usize>,
    /// How many copies of cluster snapshots may be, if that is fewer than the stack's slots for them.
    pub cluster_copy_slots: Option<usize>,
    /// How many copies of this policy may be in flight.
    pub policy_slots: Option<usize>,
    /// How many copies of cluster snapshots of this policy may be in flight.
    pub policy_cluster_slots: Option<usize>,
    /// What RDS's answer depends on. A permanent refusal is remembered with it.
    pub fingerprint: Option<Fingerprint>,
    /// The automated snapshot to copy, if the run takes no snapshot itself.
    pub automated: Option<Automated>,
    /// The database's configuration when the run was started, if it could be stored. It decides nothing: it is only named
    /// on the copy.
    pub configuration: Option<ConfigurationHash>,
}

/// An automated snapshot as the source of a run. RDS took it, and RDS removes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Automated {
    /// The snapshot.
    pub snapshot: RdsArn,
    /// When RDS removes it, calculated from the database's retention when the run was started.
    pub expires_at: Option<Timestamp>,
}

impl ProtectionRequest {
    /// The limits for this run's claim of a copy slot. A policy can only lower the stack's numbers of slots.
    #[must_use]
    pub fn slot_limits(&self, of_stack: CopySlots) -> SlotLimits {
        let family = self.database.arn.family();
        let options = &self.options;
        let policy = || self.policy.clone();
        let all = [
            options.copy_slots.map(|max| (SlotGroup::All, max)),
            options
                .policy_slots
                .map(|max| (SlotGroup::Policy(policy()), max)),
        ];
        let of_clusters = [
            options
                .cluster_copy_slots
                .map(|max| (SlotGroup::Clusters, max)),
            options
                .policy_cluster_slots
                .map(|max| (SlotGroup::ClustersOf(policy()), max)),
        ];
        let of_clusters = of_clusters
            .into_iter()
            .filter(|_| family == Family::Cluster);
        all.into_iter().chain(of_clusters).flatten().fold(
            SlotLimits::of_stack(of_stack, family),
            |limits, (group, max)| limits.with(group, max),
        )
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
    /// Its word in a command.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Snapshot => "snapshot",
            Self::Copy => "copy",
        }
    }
}

/// What a state of the state machine asks the worker to do, with the token that the state sleeps on.
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
    pub run: ProtectionRequest,
}
