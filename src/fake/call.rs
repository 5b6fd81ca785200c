//! Every call that a port can be asked for, as a value: one row a method.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use crate::domain::doctor::alarms::Subscribers;
use crate::domain::doctor::databases::Candidate;
use crate::domain::doctor::key_policy::Statement;
use crate::domain::doctor::keys::KeyFacts;
use crate::domain::doctor::namesakes::Outputs;
use crate::domain::doctor::parts::PartFunction;
use crate::domain::doctor::permissions::{Decision, Requirement, RoleArn};
use crate::domain::doctor::region::Rule;
use crate::domain::drill::judge::FailureEvent;
use crate::domain::id::arn::{ExecutionArn, Family, KeyArn, RdsArn, Region};
use crate::domain::id::database_ref::DatabaseRef;
use crate::domain::id::names::{ExecutionName, ResourceId, SnapshotId};
use crate::domain::id::tags::{PolicyName, StackId};
use crate::domain::id::token::TaskToken;
use crate::domain::operator::own_event::OwnEvent;
use crate::domain::operator::redrive::{FailedExecution, FailedStatus, Inspection};
use crate::domain::policy::cursor::Cursor;
use crate::domain::policy::selected::{SelectedPart, UnreadablePart};
use crate::domain::policy::set::{Applied, Stamp, Version};
use crate::domain::policy::spec::KeyName;
use crate::domain::rds::database::Database;
use crate::domain::rds::option_group::OptionGroup;
use crate::domain::rds::snapshot::Snapshot;
use crate::domain::restore::configuration::{Configuration, ConfigurationHash};
use crate::domain::restore::record::RestoreKey;
use crate::domain::restore::restored::RestoredDatabase;
use crate::domain::restore::roster::Roster;
use crate::domain::restore::versions::Versions;
use crate::domain::retention::bounds::DatabaseId;
use crate::domain::retention::entered::Entered;
use crate::domain::retention::gone::Listing;
use crate::domain::retention::history::{Histories, History};
use crate::domain::retention::inventory::Group;
use crate::domain::retention::round::{Freeze, RemovalEntry, Round};
use crate::domain::retention::sightings::Notes;
use crate::domain::run::command::{Command, ProtectionRequest};
use crate::domain::run::failure::{Failure, Operation};
use crate::domain::run::last_error::LastError;
use crate::domain::run::learnt_limit::LearntLimit;
use crate::domain::run::look_times::LastSweep;
use crate::domain::run::manifest::Manifest;
use crate::domain::run::permit::Permit;
use crate::domain::run::refusal::RefusedForGood;
use crate::domain::run::slot_limits::SlotLimits;
use crate::domain::run::taken_slots::{HandOver, SeenSlot, TakenSlots};
use crate::domain::run::turn::QueuedCopy;
use crate::domain::run::wait::{Phase, Wait};
// The rows name nearly every port.
use crate::ports::doctor::*;
use crate::ports::*;

// How an argument is kept: one that is lent `by` reference, one that is `maybe` lent, or a `copy`.
macro_rules! kept {
    (by $type:ty) => { <$type as ToOwned>::Owned };
    (maybe $type:ty) => { Option<$type> };
    (copy $type:ty) => { $type };
}
macro_rules! is_write {
    (reads) => {
        false
    };
    (writes) => {
        true
    };
}

macro_rules! declare {
    ($(
        $port:path {
            $(
                $kind:ident $name:ident: $method:ident($($mode:ident $arg:ident: $type:ty),*) -> $answer:ty, $action:expr;
            )+
        }
    )+) => {
        /// A call with its arguments.
        #[derive(Debug, Clone, PartialEq)]
        #[allow(missing_docs, reason = "a field is the argument of its name")]
        #[allow(
            clippy::large_enum_variant,
            reason = "test support: a call lives only until it is answered"
        )]
        pub enum Call {
            $($(
                #[doc = concat!("`", stringify!($method), "`")]
                $name { $($arg: kept!($mode $type)),* },
            )+)+
        }

        /// Which call, without its arguments.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Name {
            $($(
                #[doc = concat!("`", stringify!($method), "`")]
                $name,
            )+)+
        }

        impl Call {
            /// Which call it is.
            #[must_use]
            pub fn name(&self) -> Name {
                match self {
                    $($(Self::$name { .. } => Name::$name,)+)+
                }
            }

            /// Its AWS action.
            #[must_use]
            #[allow(unused_variables, reason = "most actions do not depend on the arguments")]
            pub fn action(&self) -> Action<'_> {
                match self {
                    $($(Self::$name { $($arg),* } => $action,)+)+
                }
            }

            /// Whether it may change something.
            #[must_use]
            pub fn writes(&self) -> bool {
                match self {
                    $($(Self::$name { .. } => is_write!($kind),)+)+
                }
            }
        }
    };
}

use Action::{Other, Rds};

/// The calls, a row for each method of each port. They are declared here, and implemented in `through`.
macro_rules! every_call {
    ($then:ident) => {
        $then! {
            ListDatabases {
                reads ListDatabases: list_databases(by region: Region, copy family: Family, copy marker: Option<String>)
                    -> Result<Page<Database>, RdsError>, Rds(Operation::describe_databases(*family), region);
            }
            FindDatabases {
                reads FindDatabases: find_databases(by region: Region, copy family: Family, by ids: [ResourceId])
                    -> Result<Vec<Database>, RdsError>, Rds(Operation::describe_databases(*family), region);
            }
            DescribeSnapshots {
                reads DescribeSnapshots: describe_snapshots(by region: Region, copy family: Family, by ids: [SnapshotId])
                    -> Result<Vec<Snapshot>, RdsError>, Rds(Operation::describe_snapshots(*family), region);
            }
            AutomatedSnapshots {
                reads AutomatedSnapshots: automated_snapshots(by region: Region, copy family: Family, maybe of: RdsArn, copy marker: Option<String>)
                    -> Result<Page<Snapshot>, RdsError>, Rds(Operation::describe_snapshots(*family), region);
            }
            CreateSnapshot {
                writes CreateSnapshot: create_snapshot(by request: CreateSnapshotRequest)
                    -> Result<(), RdsError>,
                    Rds(Operation::create_snapshot(request.database.family()), request.database.region());
            }
            CopySnapshot {
                writes CopySnapshot: copy_snapshot(by request: CopySnapshotRequest)
                    -> Result<(), RdsError>, Rds(Operation::copy_snapshot(request.source.family()), &request.region);
            }
            DescribeRestored {
                reads DescribeRestored: describe_restored(by region: Region, copy family: Family, by names: [String]) -> Result<Vec<RestoredDatabase>, RdsError>, Rds(Operation::describe_databases(*family), region);
            }
            ChangeDatabase {
                writes ChangeDatabase: change_database(by region: Region, by call: DatabaseCall) -> Result<Option<ResourceId>, RdsError>, Rds(call.operation, region);
            }
            DescribeRestoreQuotas {
                reads DescribeRestoreQuotas: describe_restore_quotas(by region: Region) -> Result<Quotas, RdsError>, Rds(Operation::DescribeAccountAttributes, region);
            }
            DescribeOffers {
                reads OffersVersion: offers_version(by region: Region, by of: EngineVersion) -> Result<bool, RdsError>, Rds(Operation::DescribeDbEngineVersions, region);
                reads OffersClass: offers_class(by region: Region, by of: ClassOffer) -> Result<bool, RdsError>, Rds(Operation::DescribeOrderableDbInstanceOptions, region);
            }
            ListRestored { reads ListRestored: list_restored(by region: Region, copy family: Family, copy marker: Option<String>) -> Result<Page<RestoredDatabase>, RdsError>, Rds(Operation::describe_databases(*family), region); }
            DeleteDrilled { writes DeleteDrilled: delete_drilled(by region: Region, copy family: Family, by name: str) -> Result<(), RdsError>, Rds(Operation::delete_database(*family), region); }
            ReadFailures { reads FailureEvents: failure_events(by region: Region, copy family: Family, by name: str, copy since: Timestamp) -> Result<Vec<FailureEvent>, RdsError>, Rds(Operation::DescribeEvents, region); }
            CheckDrill { writes CheckDrill: check_drill(by function: str, by request: str) -> Result<String, PortError>, Other("Invoke"); }
            ReadDrills { reads ReadDrills: drills(by of: [ResourceId]) -> Result<BTreeMap<ResourceId, StoredDrills>, PortError>, Other("BatchGetItem"); }
            StoreDrills { writes StoreDrills: store_drills(by of: ResourceId, by drills: StoredDrills) -> Result<Written, PortError>, Other("UpdateItem"); }
            ReadOpenRemovals { reads OpenRemovals: open_removals() -> Result<OpenRemovals, PortError>, Other("GetItem"); }
            StoreOpenRemovals { writes StoreOpenRemovals: store_open_removals(by removals: OpenRemovals) -> Result<Written, PortError>, Other("UpdateItem"); }
            ListGroups {
                reads ListGroups: list_groups(by region: Region, copy kind: GroupKind, copy marker: Option<String>) -> Result<Page<String>, RdsError>, Rds(kind.listed_by(), region);
            }
            ReadRestores { reads Restore: restore(by key: RestoreKey) -> Result<Option<StoredRestore>, PortError>, Other("GetItem"); }
            StoreRestores { writes StoreRestore: store_restore(by restore: StoredRestore) -> Result<Written, PortError>, Other("UpdateItem"); }
            DescribeQuota { reads DescribeQuota: describe_snapshot_quota(by region: Region, copy family: Family) -> Result<Option<SnapshotQuota>, RdsError>, Rds(Operation::DescribeAccountAttributes, region); }
            DeleteSnapshot {
                writes DeleteSnapshot: delete_snapshot(by snapshot: RdsArn)
                    -> Result<(), RdsError>, Rds(Operation::delete_snapshot(snapshot.family()), snapshot.region());
            }
            HoldSnapshots {
                writes HoldSnapshot: hold_snapshot(by snapshot: RdsArn, by why: str)
                    -> Result<(), RdsError>, Rds(Operation::AddTagsToResource, snapshot.region());
                writes ReleaseSnapshot: release_snapshot(by snapshot: RdsArn)
                    -> Result<(), RdsError>, Rds(Operation::RemoveTagsFromResource, snapshot.region());
            }
            InvokePruner { writes InvokePruner: invoke_pruner(by request: str) -> Result<String, PortError>, Other("Invoke"); }
            RegisterRemovals {
                writes RegisterRemoval: register_removal(by removal: RemovalEntry)
                    -> Result<Written, PortError>, Other("PutItem");
                writes DropRemoval: drop_removal(by snapshot: RdsArn) -> Result<(), PortError>, Other("DeleteItem");
            }
            EnterCopies {
                writes EnterCopy: enter_copy(by entered: Entered) -> Result<(), PortError>, Other("UpdateItem");
            }
            ExpireEntered {
                writes ExpireEntered: expire_entered(by copy: RdsArn, copy from: Timestamp) -> Result<(), PortError>, Other("UpdateItem");
            }
            ReadEntered { reads ReadEntered: read_entered(by copies: [RdsArn]) -> Result<Vec<Entered>, PortError>, Other("BatchGetItem"); }
            ListMismatches { reads ListMismatches: list_mismatches(copy marker: Option<String>) -> Result<Page<RdsArn>, PortError>, Other("Query"); }
            KeepNotes {
                reads ReadNotes: read_notes(by of: [DatabaseId])
                    -> Result<BTreeMap<DatabaseId, Notes>, PortError>, Other("BatchGetItem");
                writes StoreNotes: store_notes(by of: DatabaseId, by notes: Notes, copy at: Timestamp)
                    -> Result<(), PortError>, Other("PutItem");
            }
            ReadRound { reads LastRound: last_round() -> Result<Round, PortError>, Other("GetItem"); }
            PruneRounds {
                writes StoreRound: store_round(by round: Round) -> Result<(), PortError>, Other("PutItem");
                writes TakeLease: take_lease(by holder: str, copy now: Timestamp, copy until: Timestamp)
                    -> Result<bool, PortError>, Other("UpdateItem");
                writes ReleaseLease: release_lease(by holder: str) -> Result<(), PortError>, Other("DeleteItem");
            }
            ReadFreeze { reads ReadFreeze: freeze() -> Result<Option<Freeze>, PortError>, Other("GetItem"); }
            SetFreeze {
                writes SetFreeze: set_freeze(by freeze: Freeze) -> Result<(), PortError>, Other("PutItem");
                writes Thaw: thaw() -> Result<(), PortError>, Other("DeleteItem");
            }
            ReadListings { reads ReadListing: listing(by region: Region) -> Result<Option<Listing>, PortError>, Other("GetItem"); }
            StoreListings {
                writes StoreListing: store_listing(by region: Region, by listing: Listing)
                    -> Result<(), PortError>, Other("PutItem");
            }
            ReadHistories { reads ReadHistories: read_histories(by of: [Group]) -> Result<Histories, PortError>, Other("BatchGetItem"); }
            KeepHistories {
                writes StoreHistory: store_history(by of: Group, by history: History, copy at: Timestamp)
                    -> Result<(), PortError>, Other("PutItem");
            }
            CorrectNewest {
                writes CorrectNewest: correct_newest(
                    by database: ResourceId, by policy: PolicyName, by instead_of: RdsArn, maybe newest: Manifest
                ) -> Result<Written, PortError>, Other("UpdateItem");
            }
            ProbeToken {
                reads ProbeToken: send_task_heartbeat(by token: TaskToken) -> Probe, Other("SendTaskHeartbeat");
            }
            Callbacks {
                writes SendTaskSuccess: send_task_success(by token: TaskToken, by manifest: Manifest)
                    -> Delivery, Other("SendTaskSuccess");
                writes SendTaskFailure: send_task_failure(by token: TaskToken, by failure: Failure)
                    -> Delivery, Other("SendTaskFailure");
            }
            StartExecution {
                writes StartExecution: start_execution(by name: ExecutionName, by run: ProtectionRequest)
                    -> Result<Started, PortError>, Other("StartExecution");
                reads DescribeExecution: describe_execution(by name: ExecutionName)
                    -> Result<ExecutionState, PortError>, Other("DescribeExecution");
            }
            RegisterWaits {
                writes Register: register(by wait: Wait) -> Result<Option<Occupant>, PortError>, Other("PutItem");
                writes RegisterPastRemoval: register_past_removal(by wait: Wait, by removed: RdsArn)
                    -> Result<Written, PortError>, Other("PutItem");
                writes Replace: replace(by wait: Wait, by instead_of: Wait)
                    -> Result<Written, PortError>, Other("PutItem");
            }
            Waits {
                writes SetPhase: set_phase(by resource: RdsArn, by token: TaskToken, copy phase: Phase, copy since: Timestamp)
                    -> Result<Written, PortError>, Other("UpdateItem");
                writes NoteAbsence: note_absence(by resource: RdsArn, by token: TaskToken, copy absent: bool)
                    -> Result<Written, PortError>, Other("UpdateItem");
                writes Forget: forget(by resource: RdsArn, by token: TaskToken)
                    -> Result<bool, PortError>, Other("DeleteItem");
            }
            ForgetIdle {
                writes ForgetIdle: forget_idle(by wait: Wait) -> Result<Written, PortError>, Other("DeleteItem");
            }
            NoteError { writes NoteError: note_error(by resource: RdsArn, by token: TaskToken, by last_error: LastError) -> Result<Written, PortError>, Other("UpdateItem"); }
            HearDead {
                writes HearDead: heard_dead(by token: TaskToken, by occasion: str, copy at: Timestamp)
                    -> Result<bool, PortError>, Other("UpdateItem");
            }
            LookUpWaits { reads LookUp: look_up(by resources: [RdsArn]) -> Result<Vec<Wait>, PortError>, Other("BatchGetItem"); }
            ListOpen {
                reads ListOpen: list_open(copy from: Option<OpenMarker>) -> Result<OpenPage, PortError>, Other("Query");
            }
            QueueCopies {
                writes QueueCopy: queue_copy(by wait: Wait, copy since: Timestamp) -> Result<Written, PortError>, Other("UpdateItem");
                writes GiveTurn: give_turn(by wait: Wait) -> Result<Written, PortError>, Other("UpdateItem");
            }
            ListQueue {
                reads ListQueue: list_queue(copy family: Family, copy marker: Option<String>)
                    -> Result<Page<QueuedCopy>, PortError>, Other("Query");
            }
            ReadSlots { reads TakenSlots: taken_slots() -> Result<TakenSlots, PortError>, Other("GetItem"); }
            HandOnSlot {
                writes HandOnSlot: hand_on_slot(by settled: RdsArn, by known: TakenSlots, by after: TakenSlots)
                    -> Result<Written, PortError>, Other("TransactWriteItems");
            }
            HandOutSlot {
                writes HandOutSlot: hand_out_slot(by holder: RdsArn, by limits: SlotLimits, by known: SeenSlot, by new: HandOver)
                    -> Result<bool, PortError>, Other("UpdateItem");
            }
            ClaimSlot {
                writes ClaimSlot: claim_slot(by holder: RdsArn, by limits: SlotLimits)
                    -> Result<bool, PortError>, Other("UpdateItem");
            }
            FreeSlot {
                writes FreeSlot: free_slot(by holder: RdsArn, maybe of_policy: PolicyName, by proof: Abandoned)
                    -> Result<bool, PortError>, Other("TransactWriteItems");
            }
            CheckClaim { reads CheckClaim: check_claim(by run: ProtectionRequest, by execution: str) -> Result<Permit, PortError>, Other("GetItem"); }
            ReadLearntLimit {
                reads LearntLimit: learnt_limit(copy family: Family)
                    -> Result<Option<LearntLimit>, PortError>, Other("GetItem");
            }
            LearnLimits {
                writes LearnLimit: learn_limit(copy family: Family, maybe known: LearntLimit, by learnt: LearntLimit)
                    -> Result<Written, PortError>, Other("UpdateItem");
            }
            ReadLastSweep { reads LastSweep: last_sweep() -> Result<Option<LastSweep>, PortError>, Other("GetItem"); }
            NoteSweep { writes NoteSweep: note_sweep(by sweep: LastSweep) -> Result<(), PortError>, Other("UpdateItem"); }
            ReadConfigurations {
                reads ConfigurationVersions: configuration_versions(by of: [ResourceId])
                    -> Result<BTreeMap<ResourceId, Versions>, PortError>, Other("BatchGetItem");
                reads Configuration: configuration(by of: ResourceId, by hash: ConfigurationHash)
                    -> Result<Option<Configuration>, PortError>, Other("GetItem");
            }
            StoreConfigurations {
                writes StoreConfiguration: store_configuration(by configuration: Configuration, by hash: ConfigurationHash, copy at: Timestamp) -> Result<(), PortError>, Other("UpdateItem");
                writes SetConfigurationVersions: set_configuration_versions(
                    by of: ResourceId, by versions: Versions, maybe known: ConfigurationHash
                ) -> Result<Written, PortError>, Other("UpdateItem");
            }
            RemoveConfigurations {
                writes RemoveConfiguration: remove_configuration(by of: ResourceId, by hash: ConfigurationHash, copy stored_before: Timestamp) -> Result<Written, PortError>, Other("DeleteItem");
            }
            ReadRosters { reads Roster: roster(by region: Region) -> Result<Option<Roster>, PortError>, Other("GetItem"); }
            StoreRosters { writes SetRoster: set_roster(by region: Region, by roster: Roster) -> Result<(), PortError>, Other("UpdateItem"); }
            ClaimRun {
                writes ClaimRun: claim_run(
                    by run: ProtectionRequest, by execution: ExecutionName, copy at: Timestamp, maybe instead_of: Held
                ) -> Result<Claim, PortError>, Other("UpdateItem");
                writes ReleaseRun: release_run(by database: DatabaseRef, by policy: PolicyName, by execution: ExecutionName)
                    -> Result<(), PortError>, Other("UpdateItem");
            }
            RecordRecoveryPoint {
                writes RecordRecoveryPoint: record_recovery_point(by run: ProtectionRequest, by execution: ExecutionArn, by point: Manifest)
                    -> Result<(), PortError>, Other("UpdateItem");
            }
            ReadEntries { reads ReadEntries: read_entries(by of: [(ResourceId, PolicyName)]) -> Result<Vec<Entry>, PortError>, Other("BatchGetItem"); }
            RememberRefusal {
                writes RememberRefusal: remember_refusal(by database: DatabaseRef, by policy: PolicyName, by refusal: RefusedForGood)
                    -> Result<(), PortError>, Other("UpdateItem");
            }
            ForgetRefusal {
                writes ForgetRefusal: forget_refusal(by database: DatabaseRef, by policy: PolicyName)
                    -> Result<(), PortError>, Other("UpdateItem");
            }
            ReadPlanCursor {
                reads PlanCursor: plan_cursor(by policy: PolicyName, by region: Region)
                    -> Result<Option<Cursor>, PortError>, Other("GetItem");
            }
            PlanCursor {
                writes SetPlanCursor: set_plan_cursor(by policy: PolicyName, by region: Region, by cursor: Cursor)
                    -> Result<(), PortError>, Other("UpdateItem");
            }
            ReadSelected {
                reads ReadSelected: read_selected(by policy: PolicyName, by region: Region, copy part: usize)
                    -> Result<Option<Result<SelectedPart, UnreadablePart>>, PortError>, Other("GetItem");
            }
            StoreSelected {
                writes StoreSelected: store_selected(
                    by policy: PolicyName, by region: Region, copy part: usize, by selected: SelectedPart
                ) -> Result<(), PortError>, Other("UpdateItem");
            }
            ReadPolicies {
                reads CurrentPolicies: current_policies() -> Result<Option<Applied>, PortError>, Other("GetItem");
            }
            ReadPolicyHistory {
                reads CurrentStamp: current_stamp() -> Result<Option<Stamp>, PortError>, Other("GetItem");
                reads PolicyVersion: policy_version(copy version: Version)
                    -> Result<Option<Applied>, PortError>, Other("GetItem");
                reads PolicyStamps: policy_stamps(by versions: [Version])
                    -> Result<Vec<Stamp>, PortError>, Other("BatchGetItem");
            }
            StorePolicies {
                writes StorePolicies: store_policies(by set: Applied)
                    -> Result<Written, PortError>, Other("TransactWriteItems");
            }
            DescribeKey {
                reads DescribeKey: describe_key(by key: KeyName)
                    -> Result<Option<KeyFacts>, PortError>, Other("DescribeKey");
            }
            CallerIdentity { reads CallerIdentity: caller_identity() -> Result<String, PortError>, Other("GetCallerIdentity"); }
            SendCommand {
                writes SendCommand: send_command(by command: Command) -> Result<(), PortError>, Other("SendMessage");
            }
            SendLater {
                writes SendLater: send_later(by command: Command, copy tries: u32, copy delay: Duration)
                    -> Result<(), PortError>, Other("SendMessage");
            }
            DelayMessage {
                writes DelayMessage: delay_message(by receipt: ReceiptHandle, copy delay: Duration)
                    -> Result<(), PortError>, Other("ChangeMessageVisibility");
            }
            ReceiveDeadLetters {
                writes ReceiveDeadLetters: receive_dead_letters(copy max: usize, copy hidden_for: Duration)
                    -> Result<Vec<DeadLetter>, PortError>, Other("ReceiveMessage");
            }
            SendAgain { writes SendAgain: send_again(by body: str) -> Result<(), PortError>, Other("SendMessage"); }
            RemoveDeadLetter { writes RemoveDeadLetter: remove_dead_letter(by receipt: ReceiptHandle) -> Result<(), PortError>, Other("DeleteMessage"); }
            ListEnded {
                reads ListExecutions: list_executions(copy ended: FailedStatus, copy from: Option<String>)
                    -> Result<Page<FailedExecution>, PortError>, Other("ListExecutions");
            }
            InspectExecution {
                reads InspectExecution: inspect_execution(by name: ExecutionName)
                    -> Result<Option<Inspection>, PortError>, Other("DescribeExecution");
            }
            ReadDefinitions {
                reads DefinitionNow: definition_now() -> Result<String, PortError>, Other("DescribeStateMachine");
                reads DefinitionOf: definition_of(by name: ExecutionName)
                    -> Result<String, PortError>, Other("DescribeStateMachineForExecution");
            }
            RedriveExecution {
                writes RedriveExecution: redrive_execution(by name: ExecutionName) -> Result<Redriven, PortError>, Other("RedriveExecution");
            }
            ListRunning {
                reads ListRunning: list_running(copy from: Option<String>)
                    -> Result<Page<ExecutionName>, PortError>, Other("ListExecutions");
            }
            StopExecution {
                writes StopExecution: stop_execution(by name: ExecutionName, by cause: str) -> Result<(), PortError>, Other("StopExecution");
            }
            InspectDatabases {
                reads InspectDatabases: inspect_databases(by region: Region, copy family: Family, copy marker: Option<String>)
                    -> Result<Page<Candidate>, RdsError>, Rds(Operation::describe_databases(*family), region);
            }
            ListManualSnapshots {
                reads ListManualSnapshots: list_manual_snapshots(by region: Region, copy family: Family, copy marker: Option<String>)
                    -> Result<Page<Snapshot>, RdsError>, Rds(Operation::describe_snapshots(*family), region);
            }
            ListOptionGroups {
                reads ListOptionGroups: list_option_groups(by region: Region, copy marker: Option<String>)
                    -> Result<Page<OptionGroup>, PortError>, Other("DescribeOptionGroups");
            }
            ReadKeyPolicy {
                reads ReadKeyPolicy: get_key_policy(by key: KeyArn)
                    -> Result<Vec<Statement>, PortError>, Other("GetKeyPolicy");
            }
            FindRules {
                reads FindRules: list_rule_names_by_target(by region: Region, by target: str, copy marker: Option<String>)
                    -> Result<Page<String>, PortError>, Other("ListRuleNamesByTarget");
            }
            PublishEvents {
                writes PutEvents: put_events(by stack: StackId, by events: [OwnEvent]) -> Result<usize, PortError>, Other("PutEvents");
            }
            DescribeRule {
                reads DescribeRule: describe_rule(by region: Region, by name: str)
                    -> Result<Rule, PortError>, Other("DescribeRule");
            }
            FindQueue {
                reads FindQueue: get_queue_url(by region: Region, by name: str)
                    -> Result<Option<String>, PortError>, Other("GetQueueUrl");
            }
            ListQueues { reads ListQueues: list_queue_names(by region: Region, by prefix: str, copy marker: Option<String>) -> Result<Page<String>, PortError>, Other("ListQueues"); }
            ListStacks { reads ListStacks: list_stacks(by region: Region, copy marker: Option<String>) -> Result<Page<Outputs>, PortError>, Other("DescribeStacks"); }
            DescribeStack { reads DescribeStack: stack_outputs(by name: str) -> Result<Option<BTreeMap<String, String>>, PortError>, Other("DescribeStacks"); }
            DescribeFunction { reads DescribeFunction: describe_function(by region: Region, by name: str) -> Result<Option<PartFunction>, PortError>, Other("GetFunctionConfiguration"); }
            CountSubscribers {
                reads CountSubscribers: count_subscribers(by region: Region, by topic: str)
                    -> Result<Option<Subscribers>, PortError>, Other("GetTopicAttributes");
            }
            CountMessages {
                reads CountMessages: count_messages(by region: Region, by url: str)
                    -> Result<Option<u64>, PortError>, Other("GetQueueAttributes");
            }
            SimulatePermissions {
                reads SimulatePermissions: simulate_principal_policy(by role: RoleArn, by requirement: Requirement)
                    -> Result<Vec<Decision>, PortError>, Other("SimulatePrincipalPolicy");
            }
        }
    };
}

every_call!(declare);

mod action;
mod through;

pub use action::Action;
