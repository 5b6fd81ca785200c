//! What the use cases ask of the outside.
//!
//! One trait a role, one method an AWS action: the bounds of a use case are the permissions of its role.
//! Everything is in the domain's words; adapters alone know wire formats.
#![allow(
    async_fn_in_trait,
    reason = "the use cases are generic and single-threaded; no future needs to be Send"
)]

pub mod doctor;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use thiserror::Error;

use crate::domain::arn::{ExecutionArn, Family, KeyAlias, KeyArn, RdsArn, Region};
use crate::domain::command::{Command, DatabaseRef, Run};
use crate::domain::database::Database;
use crate::domain::failure::{Failure, Operation, Owner, owner};
use crate::domain::letter::Undelivered;
use crate::domain::manifest::Manifest;
use crate::domain::names::{ExecutionName, OptionGroup, ResourceId, SnapshotId};
use crate::domain::policy_set::{Applied, Stamp, Version};
use crate::domain::redrive::{EndedBadly, EndedExecution, Inspection};
use crate::domain::slot_limits::SlotLimits;
use crate::domain::snapshot::Snapshot;
use crate::domain::tags::{PolicyName, Tags};
use crate::domain::token::TaskToken;
use crate::domain::trouble::Trouble;
use crate::domain::wait::{Phase, Wait};

type Source = Box<dyn std::error::Error + Send + Sync>;

/// What RDS answered when it did not do what was asked.
#[derive(Debug, Error)]
#[error("{operation} in {region}: {}: {message}", .code.as_deref().unwrap_or("no usable answer"))]
pub struct RdsError {
    /// The action.
    pub operation: Operation,
    /// The region that was asked.
    pub region: Region,
    /// AWS's error code; nothing when no answer came.
    pub code: Option<String>,
    /// AWS's message, or what went wrong on the way.
    pub message: String,
    /// What the adapter knows besides (HTTP status, request id, the transport's own error).
    #[source]
    pub source: Option<Source>,
}

impl RdsError {
    /// Who owns this failure.
    #[must_use]
    pub fn owner(&self) -> Owner {
        match &self.code {
            Some(code) => owner(self.operation, code, &self.message),
            None => Owner::Transient,
        }
    }
}

/// The table, the queues or Step Functions did not do what was asked. Always worth another try.
#[derive(Debug, Error)]
#[error("{action} did not succeed: {}", .code.as_deref().unwrap_or("no usable answer"))]
pub struct PortError {
    /// The AWS action, such as `PutItem`.
    pub action: &'static str,
    /// AWS's error code, when an answer came.
    pub code: Option<String>,
    /// The transport's or the parser's own error.
    #[source]
    pub source: Option<Source>,
}

/// The clock.
pub trait Clock {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// Randomness, for spreading retries.
pub trait Jitter {
    /// A number from 0 to 1.
    fn jitter(&self) -> f64;
}

/// A page of a list, and the marker of the next.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Where the next page begins; nothing on the last.
    pub next: Option<String>,
}

/// Lists instances.
pub trait DescribeInstances {
    /// `DescribeDBInstances`: one page of up to 100.
    async fn describe_db_instances(
        &self,
        region: &Region,
        marker: Option<String>,
    ) -> Result<Page<Database>, RdsError>;
}

/// Asks RDS for the truth about instance snapshots.
pub trait DescribeSnapshots {
    /// `DescribeDBSnapshots` with a filter on identifiers, so that one that is not there is no error.
    /// All pages of the answer; callers keep `ids` within the filter's width, and automated snapshots, which RDS shows
    /// by another type, apart from others.
    async fn describe_db_snapshots(
        &self,
        region: &Region,
        ids: &[SnapshotId],
    ) -> Result<Vec<Snapshot>, RdsError>;
}

/// Lists clusters.
pub trait DescribeClusters {
    /// `DescribeDBClusters`: one page of up to 100.
    async fn describe_db_clusters(
        &self,
        region: &Region,
        marker: Option<String>,
    ) -> Result<Page<Database>, RdsError>;
}

/// Asks RDS for the truth about cluster snapshots.
pub trait DescribeClusterSnapshots {
    /// `DescribeDBClusterSnapshots`, otherwise as [`DescribeSnapshots::describe_db_snapshots`].
    async fn describe_db_cluster_snapshots(
        &self,
        region: &Region,
        ids: &[SnapshotId],
    ) -> Result<Vec<Snapshot>, RdsError>;
}

/// Finds instances.
pub trait FindInstances {
    /// `DescribeDBInstances` with a filter on resource ids: those that there are, in no order. All pages of the
    /// answer; callers keep `ids` within the filter's width.
    async fn find_db_instances(
        &self,
        region: &Region,
        ids: &[ResourceId],
    ) -> Result<Vec<Database>, RdsError>;
}

/// Finds clusters.
pub trait FindClusters {
    /// `DescribeDBClusters`, otherwise as [`FindInstances::find_db_instances`].
    async fn find_db_clusters(
        &self,
        region: &Region,
        ids: &[ResourceId],
    ) -> Result<Vec<Database>, RdsError>;
}

/// Lists automated snapshots of instances.
pub trait AutomatedSnapshots {
    /// `DescribeDBSnapshots` of the type `automated`: one page of up to 100, of one database or of all.
    async fn automated_db_snapshots(
        &self,
        region: &Region,
        of: Option<&RdsArn>,
        marker: Option<String>,
    ) -> Result<Page<Snapshot>, RdsError>;
}

/// Lists automated snapshots of clusters.
pub trait AutomatedClusterSnapshots {
    /// `DescribeDBClusterSnapshots`, otherwise as [`AutomatedSnapshots::automated_db_snapshots`].
    async fn automated_db_cluster_snapshots(
        &self,
        region: &Region,
        of: Option<&RdsArn>,
        marker: Option<String>,
    ) -> Result<Page<Snapshot>, RdsError>;
}

/// Asks for a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateSnapshotRequest {
    /// The database.
    pub database: RdsArn,
    /// The snapshot's identifier.
    pub id: SnapshotId,
    /// Its tags.
    pub tags: Tags,
}

/// Takes snapshots of instances.
pub trait CreateSnapshot {
    /// `CreateDBSnapshot`, in the database's region.
    async fn create_db_snapshot(&self, request: &CreateSnapshotRequest) -> Result<(), RdsError>;
}

/// Takes snapshots of clusters.
pub trait CreateClusterSnapshot {
    /// `CreateDBClusterSnapshot`, in the cluster's region.
    async fn create_db_cluster_snapshot(
        &self,
        request: &CreateSnapshotRequest,
    ) -> Result<(), RdsError>;
}

/// Asks for a copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopySnapshotRequest {
    /// The region that the copy is made in.
    pub region: Region,
    /// The snapshot to copy.
    pub source: RdsArn,
    /// The copy's identifier.
    pub id: SnapshotId,
    /// The key of the copy.
    pub key: KeyArn,
    /// The recovery region's option group; without one RDS takes the engine's default. A cluster has none.
    pub option_group: Option<OptionGroup>,
    /// The copy's tags, all of them.
    pub tags: Tags,
}

/// Copies snapshots of instances.
pub trait CopySnapshot {
    /// `CopyDBSnapshot`, in the recovery region.
    async fn copy_db_snapshot(&self, request: &CopySnapshotRequest) -> Result<(), RdsError>;
}

/// Copies snapshots of clusters.
pub trait CopyClusterSnapshot {
    /// `CopyDBClusterSnapshot`, in the recovery region.
    async fn copy_db_cluster_snapshot(&self, request: &CopySnapshotRequest)
    -> Result<(), RdsError>;
}

/// The account's figures for manual snapshots of a family in a region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SnapshotQuota {
    /// How many there are.
    pub used: i64,
    /// How many there may be.
    pub max: i64,
}

/// Asks for the account's quotas.
pub trait DescribeQuota {
    /// `DescribeAccountAttributes`: the quota `ManualSnapshots` or `ManualClusterSnapshots`; nothing when RDS does
    /// not report it.
    async fn describe_snapshot_quota(
        &self,
        region: &Region,
        family: Family,
    ) -> Result<Option<SnapshotQuota>, RdsError>;
}

/// What a token turned out to be.
#[derive(Debug)]
pub enum Probe {
    /// Somebody sleeps on it.
    Alive,
    /// Nobody does any more (`TaskTimedOut`, `TaskDoesNotExist`).
    Dead,
    /// It is no token of this account and region (`InvalidToken`).
    Invalid,
    /// Not known now: throttled, refused, broken. Never taken for dead.
    Unknown(PortError),
}

/// Probes tokens.
pub trait ProbeToken {
    /// `SendTaskHeartbeat`.
    async fn send_task_heartbeat(&self, token: &TaskToken) -> Probe;
}

/// What became of a callback.
#[derive(Debug)]
pub enum Delivery {
    /// Step Functions took it.
    Accepted,
    /// Nobody waits any more (`TaskTimedOut`, `TaskDoesNotExist`): settled before, or too late.
    NobodyWaits,
    /// The token is no token (`InvalidToken`), though we had stored it.
    Invalid,
    /// Not known: throttled, refused, broken. To be tried again.
    Unknown(PortError),
}

/// Sends tokens back.
pub trait Callbacks {
    /// `SendTaskSuccess` with the manifest as output.
    async fn send_task_success(&self, token: &TaskToken, manifest: &Manifest) -> Delivery;
    /// `SendTaskFailure` with the reason's name and cause.
    async fn send_task_failure(&self, token: &TaskToken, failure: &Failure) -> Delivery;
}

/// What became of a start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Started {
    /// It runs, started now or by an earlier call with the same input.
    Running,
    /// An execution of this name exists already, ended or with other input.
    NameUsed,
}

/// How an execution stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExecutionState {
    /// It runs, or waits to be redriven by Step Functions itself.
    Running,
    /// It has succeeded.
    Succeeded,
    /// It has failed, timed out or was stopped.
    Failed,
    /// Step Functions knows none of this name.
    Unknown,
}

/// Starts executions.
pub trait StartExecution {
    /// `StartExecution`.
    async fn start_execution(&self, name: &ExecutionName, run: &Run) -> Result<Started, PortError>;
    /// `DescribeExecution`.
    async fn describe_execution(&self, name: &ExecutionName) -> Result<ExecutionState, PortError>;
}

/// What became of a write that carries the token it expects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    /// It is stored.
    Stored,
    /// Something else is stored under the key.
    Conflict,
}

/// The waits by resource. Reads are consistent; every write carries the token it expects.
pub trait Waits {
    /// `PutItem` if there is none; the stored one otherwise.
    async fn register(&self, wait: &Wait) -> Result<Option<Wait>, PortError>;
    /// `PutItem` if the stored wait has the token `instead_of`.
    async fn replace(&self, wait: &Wait, instead_of: &TaskToken) -> Result<Written, PortError>;
    /// `UpdateItem` of phase and since, if the stored wait has this token and may come into this phase
    /// ([`Phase::may_become`]).
    async fn set_phase(
        &self,
        resource: &RdsArn,
        token: &TaskToken,
        phase: Phase,
        since: Timestamp,
    ) -> Result<Written, PortError>;
    /// `DeleteItem` if the stored wait has this token. One that is gone is no error.
    async fn forget(&self, resource: &RdsArn, token: &TaskToken) -> Result<(), PortError>;
}

/// Says in a wait why its command stays in the queue.
pub trait NoteTrouble {
    /// `UpdateItem`, if the stored wait has this token.
    async fn note_trouble(
        &self,
        resource: &RdsArn,
        token: &TaskToken,
        trouble: &Trouble,
    ) -> Result<Written, PortError>;
}

/// Looks waits up.
pub trait LookUpWaits {
    /// `BatchGetItem`, consistent: the waits there are, in no order; at most 100 resources.
    async fn look_up(&self, resources: &[RdsArn]) -> Result<Vec<Wait>, PortError>;
}

/// A page of everything that is open.
#[derive(Debug, Default)]
pub struct OpenPage {
    /// Waits, of every phase.
    pub waits: Vec<Wait>,
    /// Who holds a copy slot; on one page of all only.
    pub holders: BTreeSet<RdsArn>,
    /// For which policy a holder counts, where that policy's slots are bounded.
    pub holders_of: BTreeMap<RdsArn, PolicyName>,
    /// Where the next page begins.
    pub next: Option<OpenMarker>,
}

/// Where the next page of open waits begins: an adapter's own affair.
#[derive(Debug, Clone)]
pub struct OpenMarker(pub String);

/// Lists what is open, for the sweep and for people.
pub trait ListOpen {
    /// `Query` of the index of open waits: it may lag behind by a moment.
    async fn list_open(&self, from: Option<OpenMarker>) -> Result<OpenPage, PortError>;
}

/// Copy slots.
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
    /// `TransactWriteItems`: frees the slot, also of the policy that it counts for, if the proof still holds;
    /// whether it did.
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
    /// Another execution is entered as its run.
    HeldBy(Held),
}

/// The execution that is entered as a database's run.
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
}

/// What the catalog says of one database and policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The database.
    pub database: ResourceId,
    /// The policy.
    pub policy: PolicyName,
    /// The execution that is entered as its run. It may have ended without success since.
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
        run: &Run,
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

/// What KMS says of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFacts {
    /// The key.
    pub arn: KeyArn,
    /// Why RDS could not encrypt under it, if so.
    pub unusable: Option<String>,
}

/// Resolves aliases.
pub trait DescribeKey {
    /// `DescribeKey`, in the recovery region; nothing when there is no such alias.
    async fn describe_key(&self, alias: &KeyAlias) -> Result<Option<KeyFacts>, PortError>;
}

/// Asks who is asking.
pub trait CallerIdentity {
    /// `GetCallerIdentity`: the ARN that AWS knows the caller by.
    async fn caller_identity(&self) -> Result<String, PortError>;
}

/// Sends commands to the worker's queue.
pub trait SendCommand {
    /// `SendMessage`.
    async fn send_command(&self, command: &Command) -> Result<(), PortError>;
}

/// The handle of a received message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptHandle(pub String);

/// Keeps a message away for a while.
pub trait DelayMessage {
    /// `ChangeMessageVisibility`.
    async fn delay_message(
        &self,
        receipt: &ReceiptHandle,
        delay: Duration,
    ) -> Result<(), PortError>;
}

/// A message of a dead-letter queue.
#[derive(Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// SQS's id of it.
    pub message_id: String,
    /// What it says. May hold a token: never shown.
    pub body: String,
    /// The handle to remove or delay it with.
    pub receipt: ReceiptHandle,
    /// When it was first sent.
    pub sent_at: Option<Timestamp>,
    /// How often it has been received.
    pub receives: u32,
    /// What EventBridge says about it, if it was EventBridge that put it there.
    pub undelivered: Option<Undelivered>,
}

impl std::fmt::Debug for DeadLetter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DeadLetter")
            .field("message_id", &self.message_id)
            .finish_non_exhaustive()
    }
}

/// Takes messages from a dead-letter queue.
pub trait ReceiveDeadLetters {
    /// `ReceiveMessage`: up to `most` (at most 10), invisible to others for a while.
    async fn receive_dead_letters(
        &self,
        most: usize,
        hidden_for: Duration,
    ) -> Result<Vec<DeadLetter>, PortError>;
}

/// Sends messages to the queue that they once came from.
pub trait SendAgain {
    /// `SendMessage`: the body as it is.
    async fn send_again(&self, body: &str) -> Result<(), PortError>;
}

/// Removes messages from a dead-letter queue.
pub trait RemoveDeadLetter {
    /// `DeleteMessage`.
    async fn remove_dead_letter(&self, receipt: &ReceiptHandle) -> Result<(), PortError>;
}

/// Lists executions that ended without success.
pub trait ListEnded {
    /// `ListExecutions` of one status, the youngest first: one page.
    async fn list_executions(
        &self,
        ended: EndedBadly,
        from: Option<String>,
    ) -> Result<Page<EndedExecution>, PortError>;
}

/// Looks at one execution.
pub trait InspectExecution {
    /// `DescribeExecution`; nothing when Step Functions does not know it any more.
    async fn inspect_execution(
        &self,
        name: &ExecutionName,
    ) -> Result<Option<Inspection>, PortError>;
}

/// Reads definitions, to compare them.
pub trait ReadDefinitions {
    /// `DescribeStateMachine`: the definition that an execution would follow now.
    async fn definition_now(&self) -> Result<String, PortError>;
    /// `DescribeStateMachineForExecution`: the one that an execution follows, also when it is redriven.
    async fn definition_of(&self, name: &ExecutionName) -> Result<String, PortError>;
}

/// What became of a redrive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Redriven {
    /// It runs again, from the state that failed.
    Running,
    /// Step Functions cannot redrive it, and why.
    NotRedrivable(String),
}

/// Redrives executions.
pub trait RedriveExecution {
    /// `RedriveExecution`.
    async fn redrive_execution(&self, name: &ExecutionName) -> Result<Redriven, PortError>;
}
