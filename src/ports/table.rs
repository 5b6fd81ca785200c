//! The table: waits, slots, the catalog, the planner's cursor, policies.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::error::PortError;
use crate::domain::id::arn::{ExecutionArn, Family, RdsArn, Region};
use crate::domain::id::database_ref::DatabaseRef;
use crate::domain::id::names::{ExecutionName, ResourceId};
use crate::domain::id::tags::PolicyName;
use crate::domain::id::token::TaskToken;
use crate::domain::policy::cursor::Cursor;
use crate::domain::policy::set::{Applied, Stamp, Version};
use crate::domain::policy::timing::Newest;
use crate::domain::run::command::ProtectionRequest;
use crate::domain::run::last_error::LastError;
use crate::domain::run::learnt_limit::LearntLimit;
use crate::domain::run::look_times::LastSweep;
use crate::domain::run::manifest::Manifest;
use crate::domain::run::permit::Permit;
use crate::domain::run::refusal::RefusedForGood;
use crate::domain::run::slot_limits::SlotLimits;
use crate::domain::run::taken_slots::TakenSlots;
use crate::domain::run::wait::{Phase, Wait};

/// The result of a write under the condition of an expected token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    /// It was stored.
    Stored,
    /// Something else is stored under the key, so nothing was written.
    Conflict,
}

/// What stands where a wait was to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Occupant {
    /// Another wait.
    Wait(Box<Wait>),
    /// The removal of this attempt.
    Removal(RdsArn),
}

/// Stores waits: one for all attempts at a snapshot or copy
/// ([`first_attempt`](crate::domain::run::naming::first_attempt)). Every write carries the token that it expects.
pub trait RegisterWaits {
    /// `PutItem` if no attempt has a wait and none is being removed. Otherwise returns what stands there.
    async fn register(&self, wait: &Wait) -> Result<Option<Occupant>, PortError>;
    /// `PutItem` if the removal of exactly this attempt stands there.
    async fn register_past_removal(
        &self,
        wait: &Wait,
        removed: &RdsArn,
    ) -> Result<Written, PortError>;
    /// `PutItem` if the stored wait has the token of `instead_of` and is at its attempt.
    async fn replace(&self, wait: &Wait, instead_of: &Wait) -> Result<Written, PortError>;
}

/// Moves stored waits on, and deletes them. Every write carries the token that it expects.
pub trait Waits {
    /// `UpdateItem` of phase and since, if the stored wait has this token, is at this attempt, and may come into
    /// this phase ([`Phase::may_become`]). A wait is registered again only with a later time than it has: so of two
    /// deliveries of one command, none takes the other's registration for its own.
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
    /// `DeleteItem` if the stored wait has this token, whichever attempt it is at. One that is gone is not an error. Returns
    /// whether this call deleted a wait.
    async fn forget(&self, resource: &RdsArn, token: &TaskToken) -> Result<bool, PortError>;
}

/// Deletes waits that nobody works on any more.
pub trait ForgetIdle {
    /// `DeleteItem` if the stored wait has this wait's token, attempt, phase and time: so it has not been touched since it
    /// was read.
    async fn forget_idle(&self, wait: &Wait) -> Result<Written, PortError>;
}

/// Stores in a wait why its command stays in the queue.
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
    /// `BatchGetItem`, consistent: the waits for these snapshots and copies (at most 100), in any order. A wait may be at
    /// another attempt than the requested one.
    async fn look_up(&self, resources: &[RdsArn]) -> Result<Vec<Wait>, PortError>;
}

/// A page of the open waits and of the copy slots.
#[derive(Debug, Default)]
pub struct OpenPage {
    /// Waits, of every phase.
    pub waits: Vec<Wait>,
    /// Who holds a copy slot. Only one of all pages has them.
    pub slots: TakenSlots,
    /// Waits of queued copies that have no place in the queue, because an earlier version queued them.
    pub without_turn: BTreeSet<RdsArn>,
    /// Where the next page begins.
    pub next: Option<OpenMarker>,
}

/// Where the next page of open waits begins. Only the adapter knows what it means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenMarker(pub String);

/// Lists open waits and copy slots, for the sweep and for people.
pub trait ListOpen {
    /// `Query` of the index of open waits, which may lag behind the table for a moment.
    async fn list_open(&self, from: Option<OpenMarker>) -> Result<OpenPage, PortError>;
}

/// Copy slots: one for all attempts at a copy ([`first_attempt`](crate::domain::run::naming::first_attempt)).
pub trait ClaimSlot {
    /// `UpdateItem`: takes a slot if the limits allow another one, over all policies and for its own policy, or if the copy
    /// holds one already. Returns whether the copy holds a slot now.
    /// A hand-over of the slot ends with it.
    async fn claim_slot(&self, copy: &RdsArn, limits: &SlotLimits) -> Result<bool, PortError>;
}

/// What must be true in the table when somebody frees another's slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Abandoned {
    /// No wait for the copy is stored.
    WaitGone,
    /// Its wait has been registered since exactly this time: its worker died, or its command is parked.
    RegisteredSince(Timestamp),
}

/// Frees slots that no copy uses any more.
pub trait FreeSlot {
    /// `TransactWriteItems`: frees the slot of a holder, and its place in the policy that it counts for, if the proof is
    /// still true. Returns whether it was.
    async fn free_slot(
        &self,
        copy: &RdsArn,
        of_policy: Option<&PolicyName>,
        proof: &Abandoned,
    ) -> Result<bool, PortError>;
}

/// Reads what RDS's refusals have taught about its limit on copies in flight, for each family.
pub trait ReadLearntLimit {
    /// `GetItem`, consistent.
    async fn learnt_limit(&self, family: Family) -> Result<Option<LearntLimit>, PortError>;
}

/// Remembers what RDS's refusals have taught.
pub trait LearnLimits: ReadLearntLimit {
    /// `UpdateItem`, if what was learnt before is still what `known` says.
    async fn learn_limit(
        &self,
        family: Family,
        known: Option<&LearntLimit>,
        learnt: &LearntLimit,
    ) -> Result<Written, PortError>;
}

/// Reads what the last sweeps found.
pub trait ReadLastSweep {
    /// `GetItem`, consistent. `None` before the first sweep that had a wait to ask about.
    async fn last_sweep(&self) -> Result<Option<LastSweep>, PortError>;
}

/// Stores what a sweep found.
pub trait NoteSweep: ReadLastSweep {
    /// `UpdateItem`. Of two sweeps that ran at once, the one that writes last counts.
    async fn note_sweep(&self, sweep: &LastSweep) -> Result<(), PortError>;
}

/// The catalog's answer to a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// This execution holds the claim.
    Ours,
    /// Another execution holds the claim.
    HeldBy(Held),
}

/// The execution that holds the claim of a database and policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The execution.
    pub by: ExecutionName,
    /// When it last claimed.
    pub since: Option<Timestamp>,
}

/// Claims, so that each database and policy has at most one open execution.
pub trait ClaimRun {
    /// `UpdateItem`: gives the claim of the run's database and policy to the execution, with a hash of the run and the time `at`, if nobody or this execution holds it, or if
    /// `instead_of` holds it and has not claimed again since.
    async fn claim_run(
        &self,
        run: &ProtectionRequest,
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

/// Asks whether an execution may make the worker act.
pub trait CheckClaim {
    /// `GetItem`, consistent: whether this execution holds the claim of the run's database and policy, with this run as its
    /// input.
    async fn check_claim(
        &self,
        run: &ProtectionRequest,
        execution: &str,
    ) -> Result<Permit, PortError>;
}

/// What the catalog says about one database and policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The database.
    pub database: ResourceId,
    /// The policy.
    pub policy: PolicyName,
    /// The execution that holds the claim. It may have failed since.
    pub open: Option<ExecutionName>,
    /// Its newest good recovery point.
    pub newest: Option<Manifest>,
    /// What RDS refused permanently since.
    pub refused: Option<RefusedForGood>,
}

impl Entry {
    /// When the data of its newest recovery point was taken.
    #[must_use]
    pub fn newest_data(&self) -> Newest {
        match &self.newest {
            None => Newest::None,
            Some(manifest) => manifest.taken_at.map_or(Newest::Undated, Newest::At),
        }
    }
}

/// Remembers what RDS refused permanently.
pub trait RememberRefusal {
    /// `UpdateItem`: enters the refusal in place of any before it. A recovery point that is entered later removes it.
    async fn remember_refusal(
        &self,
        database: &DatabaseRef,
        policy: &PolicyName,
        refusal: &RefusedForGood,
    ) -> Result<(), PortError>;
}

/// Forgets what RDS refused permanently, because a person says so.
pub trait ForgetRefusal {
    /// `UpdateItem`: removes the refusal. One that is not there is not an error.
    async fn forget_refusal(
        &self,
        database: &DatabaseRef,
        policy: &PolicyName,
    ) -> Result<(), PortError>;
}

/// Reads the catalog.
pub trait ReadEntries {
    /// `BatchGetItem`: the entries that exist and can be read, in any order. At most 100 pairs, each once.
    async fn read_entries(&self, of: &[(ResourceId, PolicyName)]) -> Result<Vec<Entry>, PortError>;
}

/// Enters what can be restored in the catalog.
pub trait RecordRecoveryPoint {
    /// `UpdateItem`: enters the recovery point unless the entry has one with newer data, and then forgets what RDS refused
    /// before. Ends the claim if `execution` holds it.
    async fn record_recovery_point(
        &self,
        run: &ProtectionRequest,
        execution: &ExecutionArn,
        copy: &Manifest,
    ) -> Result<(), PortError>;
}

/// Reads up to when a policy has been planned in a region, and what was left over.
pub trait ReadPlanCursor {
    /// `GetItem`, consistent. Databases that were left over and cannot be read are left out: the next due time plans them.
    async fn plan_cursor(
        &self,
        policy: &PolicyName,
        region: &Region,
    ) -> Result<Option<Cursor>, PortError>;
}

/// Moves the time up to which a policy has been planned in a region.
pub trait PlanCursor: ReadPlanCursor {
    /// `UpdateItem` of the whole cursor, never backwards. At the same time, it replaces what was left over.
    async fn set_plan_cursor(
        &self,
        policy: &PolicyName,
        region: &Region,
        cursor: &Cursor,
    ) -> Result<(), PortError>;
}

/// Reads the set of policies in force.
pub trait ReadPolicies {
    /// `GetItem`, consistent: the set that was applied last. `None` if none ever was.
    async fn current_policies(&self) -> Result<Option<Applied>, PortError>;
}

/// Reads sets of policies that were applied before.
pub trait ReadPolicyHistory {
    /// `GetItem`, consistent: when and by whom the set in force was applied, even if this version cannot read the set.
    async fn current_stamp(&self) -> Result<Option<Stamp>, PortError>;
    /// `GetItem`, consistent.
    async fn policy_version(&self, version: Version) -> Result<Option<Applied>, PortError>;
    /// `BatchGetItem`: when and by whom these versions were applied, in any order. At most 100 versions.
    async fn policy_stamps(&self, versions: &[Version]) -> Result<Vec<Stamp>, PortError>;
}

/// Stores sets of policies. A stored set never changes.
pub trait StorePolicies {
    /// `TransactWriteItems`: the set becomes the current one and a version of the history, if the current version is the one
    /// before it, or if none exists and it is the first.
    async fn store_policies(&self, set: &Applied) -> Result<Written, PortError>;
}

// IAM checks each operation of a transaction by itself.
actions! {
    RegisterWaits: "dynamodb:PutItem";
    Waits: "dynamodb:UpdateItem" "dynamodb:DeleteItem";
    ForgetIdle: "dynamodb:DeleteItem";
    NoteError: "dynamodb:UpdateItem";
    HearDead: "dynamodb:UpdateItem";
    LookUpWaits: "dynamodb:BatchGetItem";
    ListOpen: "dynamodb:Query";
    ClaimSlot: "dynamodb:UpdateItem";
    FreeSlot: "dynamodb:ConditionCheckItem" "dynamodb:UpdateItem";
    CheckClaim: "dynamodb:GetItem";
    ReadLearntLimit: "dynamodb:GetItem";
    LearnLimits: "dynamodb:GetItem" "dynamodb:UpdateItem";
    ReadLastSweep: "dynamodb:GetItem";
    NoteSweep: "dynamodb:GetItem" "dynamodb:UpdateItem";
    ClaimRun: "dynamodb:UpdateItem";
    ReadEntries: "dynamodb:BatchGetItem";
    RememberRefusal: "dynamodb:UpdateItem";
    ForgetRefusal: "dynamodb:UpdateItem";
    RecordRecoveryPoint: "dynamodb:UpdateItem";
    ReadPlanCursor: "dynamodb:GetItem";
    PlanCursor: "dynamodb:GetItem" "dynamodb:UpdateItem";
    ReadPolicies: "dynamodb:GetItem";
    ReadPolicyHistory: "dynamodb:GetItem" "dynamodb:BatchGetItem";
    StorePolicies: "dynamodb:PutItem";
}
