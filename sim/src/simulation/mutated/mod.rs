//! The ports of one invocation with a planted bug, if the world has one.
//!
//! Each bug is what an adapter or a use case could get wrong: a wrong argument, a wrong reading of an answer, or a
//! write under no condition. The fake inside knows nothing of them.

mod configurations;
mod day;
mod operator;
mod retention;
mod table;

use std::cell::{RefCell, RefMut};
use std::time::Duration;

use jiff::Timestamp;
use snapferry::domain::id::arn::{ExecutionArn, Family, KeyArn, RdsArn, Region};
use snapferry::domain::id::database_ref::DatabaseRef;
use snapferry::domain::id::names::{ExecutionName, ResourceId, SnapshotId};
use snapferry::domain::id::role::Role;
use snapferry::domain::id::tags::PolicyName;
use snapferry::domain::id::token::TaskToken;
use snapferry::domain::policy::cursor::Cursor;
use snapferry::domain::policy::selected::{SelectedPart, UnreadablePart};
use snapferry::domain::policy::set::Applied;
use snapferry::domain::rds::database::Database;
use snapferry::domain::rds::option_group::OptionGroup;
use snapferry::domain::rds::snapshot::{Snapshot, SnapshotStatus};
use snapferry::domain::retention::entered::Entered;
use snapferry::domain::retention::round::Freeze;
use snapferry::domain::run::command::{Command, ProtectionRequest};
use snapferry::domain::run::failure::{Failure, Owner};
use snapferry::domain::run::last_error::LastError;
use snapferry::domain::run::learnt_limit::LearntLimit;
use snapferry::domain::run::look_times::LastSweep;
use snapferry::domain::run::manifest::Manifest;
use snapferry::domain::run::naming::first_attempt;
use snapferry::domain::run::permit::Permit;
use snapferry::domain::run::refusal::{RefusedForGood, TRY_AGAIN_AFTER};
use snapferry::domain::run::slot_limits::SlotLimits;
use snapferry::domain::run::taken_slots::{HandOver, SeenSlot, TakenSlots};
use snapferry::domain::run::turn::QueuedCopy;
use snapferry::domain::run::wait::{Expectation, Phase, Wait};
use snapferry::fake::{Refusal, Through};
use snapferry::ports::{
    Abandoned, AutomatedSnapshots, Callbacks, CheckClaim, Claim, ClaimRun, ClaimSlot, Clock,
    CopySnapshot, CopySnapshotRequest, CreateSnapshot, CreateSnapshotRequest, DelayMessage,
    Delivery, DescribeQuota, DescribeSnapshots, EnterCopies, Entry, ExecutionState, FindDatabases,
    ForgetRefusal, FreeSlot, HandOnSlot, HandOutSlot, HearDead, Held, Jitter, LearnLimits,
    ListDatabases, ListOpen, ListOptionGroups, ListQueue, LookUpWaits, NoteError, NoteSweep,
    Occupant, OpenMarker, OpenPage, Page, PlanCursor, PortError, Probe, ProbeToken, QueueCopies,
    RdsError, ReadEntries, ReadLastSweep, ReadLearntLimit, ReadPlanCursor, ReadPolicies,
    ReadSelected, ReadSlots, ReceiptHandle, RecordRecoveryPoint, RegisterWaits, RememberRefusal,
    SendCommand, SendLater, SnapshotQuota, StartExecution, Started, StoreSelected, Waits, Written,
};

use super::backups::NIGHTLY;
use super::gatekeeper::{Fake, Gatekeeper};
use super::mutant::Mutant;
use super::world::World;

/// The ports of one invocation.
pub(super) struct Mutated {
    inner: Through<Fake, Gatekeeper>,
    mutant: Option<Mutant>,
    /// What the invocation has read of a freeze, for a planted bug.
    freeze_read: RefCell<Option<Option<Freeze>>>,
}

impl Mutated {
    pub(super) fn new(inner: Through<Fake, Gatekeeper>) -> Self {
        let mutant = inner.hook().shared.world.borrow().mutant;
        Self {
            inner,
            mutant,
            freeze_read: RefCell::default(),
        }
    }

    fn has(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    fn role(&self) -> Option<Role> {
        self.inner.hook().role
    }

    fn invocation(&self) -> u64 {
        self.inner.hook().invocation
    }

    fn world(&self) -> RefMut<'_, World> {
        self.inner.hook().shared.world.borrow_mut()
    }
}

impl Clock for Mutated {
    fn now(&self) -> Timestamp {
        self.inner.now()
    }
}

impl Jitter for Mutated {
    fn jitter(&self) -> f64 {
        self.inner.jitter()
    }
}

impl ListDatabases for Mutated {
    async fn list_databases(
        &self,
        region: &Region,
        family: Family,
        marker: Option<String>,
    ) -> Result<Page<Database>, RdsError> {
        match self.inner.list_databases(region, family, marker).await {
            Err(_) if self.has(Mutant::UnreachableHasNoDatabases) => {
                Ok(Page::new(Vec::new(), None))
            }
            page => page.map(|page| self.as_listed(page)),
        }
    }
}

impl Mutated {
    fn as_listed(&self, mut page: Page<Database>) -> Page<Database> {
        for database in &mut page.items {
            match self.mutant {
                Some(Mutant::ExclusionIsOverlooked) => {
                    database.tags.remove("snapferry:exclude");
                }
                Some(Mutant::HopelessClusterIsPlanned) => {
                    database.copy_facts.multi_az_cluster = false;
                }
                Some(Mutant::RefusedKindIsPlanned) => {
                    database.copy_facts.backup_target = None;
                    database.copy_facts.replica_of = None;
                    database.engine = database.engine.replace("custom-", "");
                }
                Some(Mutant::StoppedIsPlanned) => "available".clone_into(&mut database.status),
                Some(Mutant::CarriedTagsAreForgotten) => {
                    database.tags.retain(|key, _| key.starts_with("snapferry:"));
                }
                Some(Mutant::OptionGroupIsForgotten) => database.option_group = None,
                _ => {}
            }
        }
        page
    }
}

impl ListOptionGroups for Mutated {
    async fn list_option_groups(
        &self,
        region: &Region,
        marker: Option<String>,
    ) -> Result<Page<OptionGroup>, PortError> {
        let mut page = self.inner.list_option_groups(region, marker).await?;
        if self.has(Mutant::TdeIsOverlooked) {
            for group in &mut page.items {
                group.has_tde = false;
            }
        }
        Ok(page)
    }
}

impl FindDatabases for Mutated {
    async fn find_databases(
        &self,
        region: &Region,
        family: Family,
        ids: &[ResourceId],
    ) -> Result<Vec<Database>, RdsError> {
        let mut found = self.inner.find_databases(region, family, ids).await?;
        if self.has(Mutant::HintSaysWhoIsSelected) && self.role() == Some(Role::Reactor) {
            for database in &mut found {
                let policy = ("snapferry:policy".to_owned(), NIGHTLY.to_owned());
                database.tags = [policy].into();
            }
        }
        Ok(found)
    }
}

impl AutomatedSnapshots for Mutated {
    async fn automated_snapshots(
        &self,
        region: &Region,
        family: Family,
        of: Option<&RdsArn>,
        marker: Option<String>,
    ) -> Result<Page<Snapshot>, RdsError> {
        let page = self.inner.automated_snapshots(region, family, of, marker);
        let mut page = page.await?;
        let newest = page.items.iter().max_by_key(|snapshot| snapshot.taken_at);
        if self.has(Mutant::OwnerIsOverlooked)
            && let Some(newest) = newest.cloned()
        {
            for item in &mut page.items {
                *item = Snapshot {
                    resource_id: item.resource_id.clone(),
                    ..newest.clone()
                };
            }
        }
        Ok(page)
    }
}

impl DescribeSnapshots for Mutated {
    async fn describe_snapshots(
        &self,
        region: &Region,
        family: Family,
        ids: &[SnapshotId],
    ) -> Result<Vec<Snapshot>, RdsError> {
        if self.has(Mutant::RefusedCopyIsNotLookedFor) && self.was_refused(region, ids) {
            return Ok(Vec::new());
        }
        match self.inner.describe_snapshots(region, family, ids).await {
            Ok(found) if self.role() == Some(Role::Pruner) => {
                let weighed = found.into_iter().map(|one| self.as_weighed(one));
                Ok(weighed.map(|one| self.as_listed_before(one)).collect())
            }
            Ok(found) => Ok(found.into_iter().map(|one| self.as_shown(one)).collect()),
            Err(_) if self.has(Mutant::UnreachableIsEmpty) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }
}

impl Mutated {
    /// A candidate as the pruner's inventory has shown it. What a person held then is no candidate.
    fn as_listed_before(&self, mut snapshot: Snapshot) -> Snapshot {
        if self.has(Mutant::HoldSinceTheListIsOverlooked) {
            snapshot.tags.remove("snapferry:hold");
        }
        snapshot
    }

    /// Whether RDS has refused one of these copies to this invocation for its limit.
    fn was_refused(&self, region: &Region, ids: &[SnapshotId]) -> bool {
        let (by, mut world) = (self.invocation(), self.world());
        let mut answers = world.doing(by).answers.iter();
        answers.any(|(copy, code)| {
            copy.region() == region
                && ids.contains(&SnapshotId::of(copy))
                && code.as_deref() == Some("SnapshotQuotaExceeded")
        })
    }

    fn as_shown(&self, mut found: Snapshot) -> Snapshot {
        let is_odd = matches!(found.status, SnapshotStatus::Other(_));
        let is_copy = found.source.is_some();
        match self.mutant {
            Some(Mutant::TrustsTheHint) if self.role() == Some(Role::Reactor) => {
                found.status = SnapshotStatus::Available;
            }
            Some(Mutant::UnknownStatusIsAvailable) if is_odd => {
                found.status = SnapshotStatus::Available;
            }
            Some(Mutant::UnknownStatusIsFailed) if is_odd => found.status = SnapshotStatus::Failed,
            Some(Mutant::WaitsForAFailedOne)
                if self.role() == Some(Role::Worker) && found.status == SnapshotStatus::Failed =>
            {
                found.status = SnapshotStatus::Creating;
            }
            Some(Mutant::AdoptsWhatIsForeign) => self.adopt(&mut found),
            Some(Mutant::GoodOneCountsAsFailed)
                if self.role() == Some(Role::Worker)
                    && is_copy
                    && found.status == SnapshotStatus::Available =>
            {
                found.status = SnapshotStatus::Failed;
            }
            Some(Mutant::UnknownStatusPanics) if is_odd => {
                // Without the hook, which would write to the terminal.
                std::panic::resume_unwind(Box::new("a status that nobody knows"));
            }
            Some(Mutant::KeyIsOverlooked) if is_copy => {
                found.key = Some(self.world().key.clone());
            }
            Some(Mutant::SourceIsOverlooked) => {
                let world = self.world();
                let wait = world.table.wait(&found.arn);
                if let Some(Expectation::Copy(expected_copy)) = wait.map(|wait| &wait.expected) {
                    found.source = Some(expected_copy.source.clone());
                }
            }
            Some(Mutant::CopysOwnTimeIsTaken) if is_copy => {
                let world = self.world();
                found.taken_at = world.truth(&found.arn).map(|copy| copy.begun_at);
            }
            _ => {}
        }
        found
    }

    fn adopt(&self, found: &mut Snapshot) {
        let stack = self.world().stack.to_string();
        if let Some(id) = &found.resource_id {
            let id = ("snapferry:resource-id".to_owned(), id.to_string());
            let stack = ("snapferry:stack".to_owned(), stack);
            found.tags.extend([id, stack]);
        }
    }

    /// What the planted bugs make of RDS's answer to a request.
    fn as_answered(&self, answer: Result<(), RdsError>) -> Result<(), RdsError> {
        self.register_late();
        let mut error = match answer {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        let taken_for_permanent = match self.mutant {
            Some(Mutant::ThrottlingIsPermanent) => "Throttling",
            Some(Mutant::AccessDeniedIsPermanent) => "AccessDenied",
            Some(Mutant::DisabledKeyIsPermanent) => "KMSKeyNotAccessibleFault",
            Some(Mutant::AlreadyExistsIsSuccess) if error.owner() == Owner::AskWhatExists => {
                return Ok(());
            }
            Some(Mutant::FullHouseIsParked) if error.owner() == Owner::CopyLimit => {
                error.message = "Cannot create more than 100 manual snapshots".to_owned();
                return Err(error);
            }
            _ => return Err(error),
        };
        if error.code.as_deref() == Some(taken_for_permanent) {
            error.code = Some("UnsupportedOperation".to_owned());
        }
        Err(error)
    }

    /// The bug that registers only now.
    fn register_late(&self) {
        let (by, mut world) = (self.invocation(), self.world());
        let now = world.now;
        for wait in std::mem::take(&mut world.doing(by).unregistered) {
            if world.table.wait(&wait.resource).is_none() {
                world.table.put_wait(&wait, now);
            }
        }
    }
}

impl CreateSnapshot for Mutated {
    async fn create_snapshot(&self, request: &CreateSnapshotRequest) -> Result<(), RdsError> {
        self.as_answered(self.inner.create_snapshot(request).await)
    }
}

impl CopySnapshot for Mutated {
    async fn copy_snapshot(&self, request: &CopySnapshotRequest) -> Result<(), RdsError> {
        let answer = self.inner.copy_snapshot(request).await;
        if self.has(Mutant::SlotIsGivenBackEarly) {
            let mut world = self.world();
            let now = world.now;
            let copy = request
                .source
                .sibling_snapshot(&request.region, &request.id);
            world.table.change_slots(now, |slots| {
                slots.free(&first_attempt(&copy), None);
            });
        }
        self.as_answered(answer)
    }
}

impl DescribeQuota for Mutated {
    async fn describe_snapshot_quota(
        &self,
        region: &Region,
        family: Family,
    ) -> Result<Option<SnapshotQuota>, RdsError> {
        self.inner.describe_snapshot_quota(region, family).await
    }
}

fn internal_error(action: &'static str) -> PortError {
    Refusal::code("InternalServerError").of_port(action)
}

impl ProbeToken for Mutated {
    async fn send_task_heartbeat(&self, token: &TaskToken) -> Probe {
        let probe = self.inner.send_task_heartbeat(token).await;
        let probe = match (probe, self.mutant) {
            (Probe::Dead, Some(Mutant::DeadProbeIsAlive))
            | (Probe::Invalid, Some(Mutant::GarbageTokenIsAlive)) => Probe::Alive,
            (Probe::Invalid, Some(Mutant::InvalidTokenIsAnError)) => {
                Probe::Unknown(internal_error("SendTaskHeartbeat"))
            }
            (Probe::Unknown(_), Some(Mutant::UnknownProbeIsDead)) => Probe::Dead,
            (probe, _) => probe,
        };
        let mut world = self.world();
        let not_alive = &mut world.doing(self.invocation()).not_alive;
        match probe {
            Probe::Alive => not_alive.remove(token.reveal()),
            _ => not_alive.insert(token.reveal().to_owned()),
        };
        drop(world);
        probe
    }
}

impl Mutated {
    fn as_delivered(&self, delivery: Delivery) -> Delivery {
        match (delivery, self.mutant) {
            (Delivery::NobodyWaits, Some(Mutant::NobodyWaitsIsAnError))
            | (Delivery::Invalid, Some(Mutant::InvalidTokenIsAnError)) => {
                Delivery::Unknown(internal_error("SendTask"))
            }
            (Delivery::Unknown(_), Some(Mutant::UnknownDeliveryIsAccepted)) => Delivery::Accepted,
            (delivery, _) => delivery,
        }
    }
}

impl Callbacks for Mutated {
    async fn send_task_success(&self, token: &TaskToken, manifest: &Manifest) -> Delivery {
        if self.has(Mutant::DeletesFirst) {
            let _ = self.inner.forget(&manifest.snapshot, token).await;
        }
        self.as_delivered(self.inner.send_task_success(token, manifest).await)
    }

    async fn send_task_failure(&self, token: &TaskToken, failure: &Failure) -> Delivery {
        self.as_delivered(self.inner.send_task_failure(token, failure).await)
    }
}

impl StartExecution for Mutated {
    async fn start_execution(
        &self,
        name: &ExecutionName,
        run: &ProtectionRequest,
    ) -> Result<Started, PortError> {
        match self.inner.start_execution(name, run).await {
            Err(_) if self.has(Mutant::UnansweredStartIsStarted) => Ok(Started::Running),
            Ok(_) if self.has(Mutant::UsedNameIsDone) => Ok(Started::Running),
            started => started,
        }
    }

    async fn describe_execution(&self, name: &ExecutionName) -> Result<ExecutionState, PortError> {
        match self.inner.describe_execution(name).await? {
            ExecutionState::Failed if self.has(Mutant::FailedExecutionIsDone) => {
                Ok(ExecutionState::Succeeded)
            }
            ExecutionState::Succeeded if self.has(Mutant::DoneIsStartedAgain) => {
                Ok(ExecutionState::Failed)
            }
            state => Ok(state),
        }
    }
}
