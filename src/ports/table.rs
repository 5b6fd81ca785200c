//! The table: waits, slots, the catalog, the planner's cursor, policies.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::error::PortError;
use crate::domain::id::arn::{ExecutionArn, RdsArn, Region};
use crate::domain::id::database_ref::DatabaseRef;
use crate::domain::id::names::{ExecutionName, ResourceId};
use crate::domain::id::tags::PolicyName;
use crate::domain::id::token::TaskToken;
use crate::domain::policy::set::{Applied, Stamp, Version};
use crate::domain::run::command::ProtectionRequest;
use crate::domain::run::last_error::LastError;
use crate::domain::run::manifest::Manifest;
use crate::domain::run::slot_limits::SlotLimits;
use crate::domain::run::wait::{Phase, Wait};

/// What became of a write that carries the token it expects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    /// It is stored.
    Stored,
    /// Something else is stored under the key.
    Conflict,
}

/// Stores waits: one for all attempts at a snapshot or copy
/// ([`first_attempt`](crate::domain::run::naming::first_attempt)). Every write carries the token that it expects.
pub trait RegisterWaits {
    /// `PutItem` if no attempt has a wait; the stored one otherwise.
    async fn register(&self, wait: &Wait) -> Result<Option<Wait>, PortError>;
    /// `PutItem` if the stored wait has the token of `instead_of` and is at its attempt.
    async fn replace(&self, wait: &Wait, instead_of: &Wait) -> Result<Written, PortError>;
}

/// Moves stored waits on, and deletes them. Every write carries the token that it expects.
pub trait Waits {
    /// `UpdateItem` of phase and since, if the stored wait has this token, is at this attempt, and may come into
    /// this phase ([`Phase::may_become`]).
    async fn set_phase(
        &self,
        resource: &RdsArn,
        token: &TaskToken,
        phase: Phase,
        since: Timestamp,
    ) -> Result<Written, PortError>;
    /// `UpdateItem`, if the stored wait has this token and is at this attempt: whether the last sweep did not see the
    /// resource, although RDS had shown or accepted it.
    async fn note_absence(
        &self,
        resource: &RdsArn,
        token: &TaskToken,
        absent: bool,
    ) -> Result<Written, PortError>;
    /// `DeleteItem` if the stored wait has this token, whichever attempt it is at. One that is gone is no error.
    async fn forget(&self, resource: &RdsArn, token: &TaskToken) -> Result<(), PortError>;
}

/// Says in a wait why its command stays in the queue.
pub trait NoteError {
    /// `UpdateItem`, if the stored wait has this token and is at this attempt.
    async fn note_error(
        &self,
        resource: &RdsArn,
        token: &TaskToken,
        last_error: &LastError,
    ) -> Result<Written, PortError>;
}

/// Remembers which tokens Step Functions has called dead.
pub trait HearDead {
    /// `UpdateItem`: notes that a token was called dead on this occasion, unless another is noted. Whether another is.
    async fn heard_dead(
        &self,
        token: &TaskToken,
        occasion: &str,
        at: Timestamp,
    ) -> Result<bool, PortError>;
}

/// Looks waits up.
pub trait LookUpWaits {
    /// `BatchGetItem`, consistent: the waits of these snapshots and copies, in no order; at most 100 resources. A
    /// wait may be at another attempt than the one that was asked for.
    async fn look_up(&self, resources: &[RdsArn]) -> Result<Vec<Wait>, PortError>;
}

/// A page of everything that is open.
#[derive(Debug, Default)]
pub struct OpenPage {
    /// Waits, of every phase.
    pub waits: Vec<Wait>,
    /// Who holds a copy slot: the ARN of each copy's first attempt; on one page of all only.
    pub holders: BTreeSet<RdsArn>,
    /// For which policy a holder counts, where that policy's slots are bounded.
    pub holders_of: BTreeMap<RdsArn, PolicyName>,
    /// Where the next page begins.
    pub next: Option<OpenMarker>,
}

/// Where the next page of open waits begins: an adapter's own affair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenMarker(pub String);

/// Lists what is open, for the sweep and for people.
pub trait ListOpen {
    /// `Query` of the index of open waits: it may lag behind by a moment.
    async fn list_open(&self, from: Option<OpenMarker>) -> Result<OpenPage, PortError>;
}

/// Copy slots: one for all attempts at a copy ([`first_attempt`](crate::domain::run::naming::first_attempt)).
pub trait ClaimSlot {
    /// `UpdateItem`: takes a slot if fewer are taken than the limits allow, of all and of its policy, or if it is
    /// held already. Whether it is held now.
    async fn claim_slot(&self, copy: &RdsArn, limits: &SlotLimits) -> Result<bool, PortError>;
}

/// What must hold in the table at the moment that another's slot is freed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Abandoned {
    /// No wait for the copy is stored.
    WaitGone,
    /// Its wait is still registered since this time: its worker died or its command is parked.
    RegisteredSince(Timestamp),
}

/// Frees slots that nobody uses any more.
pub trait FreeSlot {
    /// `TransactWriteItems`: frees the slot of a holder, also of the policy that it counts for, if the proof still
    /// holds; whether it did.
    async fn free_slot(
        &self,
        copy: &RdsArn,
        of_policy: Option<&PolicyName>,
        proof: &Abandoned,
    ) -> Result<bool, PortError>;
}

/// The catalog's answer to a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// The database's run is this one.
    Ours,
    /// Another execution holds the database's place.
    HeldBy(Held),
}

/// The execution that holds a database's place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Which one.
    pub by: ExecutionName,
    /// When it was last claimed.
    pub since: Option<Timestamp>,
}

/// Single flight: at most one open execution for each database and policy.
pub trait ClaimRun {
    /// `UpdateItem`: enters the execution, with the time `at`, if none, this one, or `instead_of` is entered, and
    /// that not claimed anew since it was looked at.
    async fn claim_run(
        &self,
        database: &DatabaseRef,
        policy: &PolicyName,
        execution: &ExecutionName,
        at: Timestamp,
        instead_of: Option<&Held>,
    ) -> Result<Claim, PortError>;
    /// `UpdateItem`: takes the execution out again, if it is the one that is entered.
    async fn release_run(
        &self,
        database: &DatabaseRef,
        policy: &PolicyName,
        execution: &ExecutionName,
    ) -> Result<(), PortError>;
}

/// What the catalog says of one database and policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The database.
    pub database: ResourceId,
    /// The policy.
    pub policy: PolicyName,
    /// The execution that holds the database's place. It may have ended without success since.
    pub open: Option<ExecutionName>,
    /// Its newest good recovery point.
    pub newest: Option<Manifest>,
}

/// Reads the catalog.
pub trait ReadEntries {
    /// `BatchGetItem`: the entries there are and that can be read, in no order; at most 100 pairs, each once.
    async fn read_entries(&self, of: &[(ResourceId, PolicyName)]) -> Result<Vec<Entry>, PortError>;
}

/// The catalog's entry of what can be restored.
pub trait RecordRecoveryPoint {
    /// `UpdateItem`: the newest good recovery point, unless one with younger data is entered; and ends the
    /// database's run if it is `execution`.
    async fn record_recovery_point(
        &self,
        run: &ProtectionRequest,
        execution: &ExecutionArn,
        copy: &Manifest,
    ) -> Result<(), PortError>;
}

/// Reads up to when a policy has been planned in a region.
pub trait ReadPlanCursor {
    /// `GetItem`, consistent.
    async fn planned_until(
        &self,
        policy: &PolicyName,
        region: &Region,
    ) -> Result<Option<Timestamp>, PortError>;
}

/// Moves up to when a policy has been planned in a region.
pub trait PlanCursor: ReadPlanCursor {
    /// `UpdateItem`, never backwards.
    async fn set_planned_until(
        &self,
        policy: &PolicyName,
        region: &Region,
        due: Timestamp,
    ) -> Result<(), PortError>;
}

/// Reads the set of policies that holds.
pub trait ReadPolicies {
    /// `GetItem`, consistent: the set that was applied last; nothing where none ever was.
    async fn current_policies(&self) -> Result<Option<Applied>, PortError>;
}

/// Reads sets of policies that were applied before.
pub trait ReadPolicyHistory {
    /// `GetItem`, consistent: when and by whom what holds was applied, also where this version cannot read it.
    async fn current_stamp(&self) -> Result<Option<Stamp>, PortError>;
    /// `GetItem`, consistent.
    async fn policy_version(&self, version: Version) -> Result<Option<Applied>, PortError>;
    /// `BatchGetItem`: when and by whom these were applied, in no order; at most 100 versions.
    async fn policy_stamps(&self, versions: &[Version]) -> Result<Vec<Stamp>, PortError>;
}

/// Stores sets of policies. What was stored is never changed.
pub trait StorePolicies {
    /// `TransactWriteItems`: the set becomes the current one and a version of the history, if the current one's
    /// version is the one before it (for the first: if there is none).
    async fn store_policies(&self, set: &Applied) -> Result<Written, PortError>;
}

// IAM checks a transaction by what is in it.
actions! {
    RegisterWaits: "dynamodb:PutItem";
    Waits: "dynamodb:UpdateItem" "dynamodb:DeleteItem";
    NoteError: "dynamodb:UpdateItem";
    HearDead: "dynamodb:UpdateItem";
    LookUpWaits: "dynamodb:BatchGetItem";
    ListOpen: "dynamodb:Query";
    ClaimSlot: "dynamodb:UpdateItem";
    FreeSlot: "dynamodb:ConditionCheckItem" "dynamodb:UpdateItem";
    ClaimRun: "dynamodb:UpdateItem";
    ReadEntries: "dynamodb:BatchGetItem";
    RecordRecoveryPoint: "dynamodb:UpdateItem";
    ReadPlanCursor: "dynamodb:GetItem";
    PlanCursor: "dynamodb:GetItem" "dynamodb:UpdateItem";
    ReadPolicies: "dynamodb:GetItem";
    ReadPolicyHistory: "dynamodb:GetItem" "dynamodb:BatchGetItem";
    StorePolicies: "dynamodb:PutItem";
}
