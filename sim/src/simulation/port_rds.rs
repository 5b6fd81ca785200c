//! The ports that are RDS, with what stands between RDS and a caller.

use snapferry::domain::arn::{Family, RdsArn, Region};
use snapferry::domain::database::Database;
use snapferry::domain::failure::{Operation, Owner};
use snapferry::domain::names::{ResourceId, SnapshotId};
use snapferry::domain::role::Role;
use snapferry::domain::snapshot::{Snapshot, SnapshotStatus};
use snapferry::domain::wait::Expectation;
use snapferry::ports::{
    AutomatedSnapshots, CopySnapshot, CopySnapshotRequest, CreateSnapshot, CreateSnapshotRequest,
    DescribeQuota, DescribeSnapshots, FindDatabases, ListDatabases, Page, RdsError, SnapshotQuota,
};

use super::backups::NIGHTLY;
use super::gate::Broken;
use super::mutant::Mutant;
use super::port::Port;
use super::world::{World, rds_region};
use crate::faults::Fault;
use crate::rds::{Paging, RdsFault, SnapshotDescription};
use crate::rows;

/// What RDS, or what stands before it, answers instead of doing what was asked.
struct Refusal {
    code: Option<String>,
    message: String,
}

impl From<RdsFault> for Refusal {
    fn from(fault: RdsFault) -> Self {
        Self {
            code: Some(fault.code().to_owned()),
            message: fault.to_string(),
        }
    }
}

impl World {
    /// Whether a call gets as far as RDS.
    fn reaches_rds(&mut self, operation: Operation, region: &Region) -> Result<(), Refusal> {
        if self.down.contains_key(region.as_str()) {
            self.count_fault(Fault::RegionDown);
            return Err(Refusal {
                code: None,
                message: "timed out".to_owned(),
            });
        }
        if self.denied.contains_key(&operation) {
            self.count_fault(Fault::AccessDenied);
            let message = format!("not authorized to perform rds:{operation}");
            return Err(Refusal {
                code: Some("AccessDenied".to_owned()),
                message,
            });
        }
        Ok(())
    }
}

impl Port {
    async fn rds<T: 'static>(
        &self,
        operation: Operation,
        region: &Region,
        detail: impl FnOnce() -> String,
        effect: impl FnOnce(&mut World) -> Result<T, Refusal> + 'static,
    ) -> Result<T, RdsError> {
        let mutates = is_mutation(operation);
        let at = region.clone();
        let label = || format!("{operation} {region} {}", detail());
        let answer = self
            .call(label, mutates, move |w| {
                w.reaches_rds(operation, &at)?;
                let answer = effect(w);
                if let Err(refusal) = &answer {
                    w.note(|| format!("  RDS: {}", refusal.code.as_deref().unwrap_or("no answer")));
                }
                answer
            })
            .await;
        let refusal = match answer {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(refusal)) => refusal,
            Err(Broken::Throttled) => Refusal {
                code: Some("Throttling".to_owned()),
                message: "Rate exceeded".to_owned(),
            },
            Err(Broken::Internal) => Refusal {
                code: Some("InternalFailure".to_owned()),
                message: String::new(),
            },
            Err(Broken::Denied) => Refusal {
                code: Some("AccessDenied".to_owned()),
                message: format!("not authorized to perform rds:{operation}"),
            },
            Err(Broken::NoAnswer) => Refusal {
                code: None,
                message: "timed out".to_owned(),
            },
        };
        Err(RdsError {
            operation,
            region: region.clone(),
            code: self.as_told(operation, refusal.code),
            message: refusal.message,
            source: None,
        })
    }

    /// What the planted bugs make of an error code.
    fn as_told(&self, operation: Operation, code: Option<String>) -> Option<String> {
        let mutates = is_mutation(operation);
        match code.as_deref() {
            Some("Throttling") if mutates && self.has(Mutant::ThrottlingIsPermanent) => {
                Some("UnsupportedOperation".to_owned())
            }
            Some("AccessDenied") if mutates && self.has(Mutant::AccessDeniedIsPermanent) => {
                Some("UnsupportedOperation".to_owned())
            }
            Some("KMSKeyNotAccessibleFault") if self.has(Mutant::DisabledKeyIsPermanent) => {
                Some("UnsupportedOperation".to_owned())
            }
            _ => code,
        }
    }
}

impl ListDatabases for Port {
    async fn list_databases(
        &self,
        region: &Region,
        family: Family,
        marker: Option<String>,
    ) -> Result<Page<Database>, RdsError> {
        let at = rds_region(region);
        let operation = Operation::describe_databases(family);
        let page = self
            .rds(operation, region, String::new, move |w| {
                let now = w.now;
                let paging = small_pages(marker);
                Ok(rows::databases(
                    &mut w.rds,
                    &at,
                    family,
                    Vec::new(),
                    paging,
                    now,
                )?)
            })
            .await;
        match page {
            Err(_) if self.has(Mutant::UnreachableHasNoDatabases) => Ok(Page {
                items: Vec::new(),
                next: None,
            }),
            page => page.map(|page| self.as_listed(page)),
        }
    }
}

/// The smallest page that RDS allows. Most of these worlds are smaller.
fn small_pages(marker: Option<String>) -> Paging {
    Paging {
        max_records: Some(20),
        marker,
    }
}

impl Port {
    /// What the planted bugs make of a list of databases.
    fn as_listed(&self, mut page: Page<Database>) -> Page<Database> {
        for database in &mut page.items {
            if self.has(Mutant::ExclusionIsOverlooked) {
                database.tags.remove("snapferry:exclude");
            }
            if self.has(Mutant::HopelessClusterIsPlanned) {
                database.multi_az_cluster = false;
                database.encrypted = true;
            }
            if self.has(Mutant::CarriedTagsAreForgotten) {
                database.tags.retain(|key, _| key.starts_with("snapferry:"));
            }
            if self.has(Mutant::OptionGroupIsForgotten) {
                database.option_group = None;
            }
        }
        page
    }
}

impl Port {
    /// What the planted bugs make of databases that a hint is about.
    fn as_found(&self, mut found: Vec<Database>) -> Vec<Database> {
        if self.has(Mutant::HintSaysWhoIsSelected) && self.role == Role::Reactor {
            for database in &mut found {
                let policy = ("snapferry:policy".to_owned(), NIGHTLY.to_owned());
                database.tags = [policy].into();
            }
        }
        found
    }

    /// What the planted bugs make of a list of automated snapshots.
    fn as_owned(&self, mut page: Page<Snapshot>) -> Page<Snapshot> {
        let newest = page.items.iter().max_by_key(|snapshot| snapshot.taken_at);
        if let Some(newest) = newest
            .cloned()
            .filter(|_| self.has(Mutant::OwnerIsOverlooked))
        {
            for item in &mut page.items {
                *item = Snapshot {
                    resource_id: item.resource_id.clone(),
                    ..newest.clone()
                };
            }
        }
        page
    }
}

fn is_mutation(operation: Operation) -> bool {
    matches!(
        operation,
        Operation::CreateDbSnapshot
            | Operation::CopyDbSnapshot
            | Operation::CreateDbClusterSnapshot
            | Operation::CopyDbClusterSnapshot
    )
}

impl FindDatabases for Port {
    async fn find_databases(
        &self,
        region: &Region,
        family: Family,
        ids: &[ResourceId],
    ) -> Result<Vec<Database>, RdsError> {
        let at = rds_region(region);
        let filters = rows::by_resource_id(family, ids);
        let operation = Operation::describe_databases(family);
        self.rds(
            operation,
            region,
            || joined(ids),
            move |w| {
                let now = w.now;
                let paging = Paging::default();
                let page = rows::databases(&mut w.rds, &at, family, filters, paging, now)?;
                Ok(page.items)
            },
        )
        .await
        .map(|found| self.as_found(found))
    }
}

impl AutomatedSnapshots for Port {
    async fn automated_snapshots(
        &self,
        region: &Region,
        family: Family,
        of: Option<&RdsArn>,
        marker: Option<String>,
    ) -> Result<Page<Snapshot>, RdsError> {
        let (at, of) = (rds_region(region), of.cloned());
        let operation = Operation::describe_snapshots(family);
        let detail = || "automated".to_owned();
        self.rds(operation, region, detail, move |w| {
            let now = w.now;
            let paging = small_pages(marker);
            Ok(rows::automated(
                &mut w.rds,
                &at,
                family,
                of.as_ref(),
                paging,
                now,
            )?)
        })
        .await
        .map(|page| self.as_owned(page))
    }
}

fn joined<T: ToString>(ids: &[T]) -> String {
    let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
    ids.join(",")
}

impl DescribeSnapshots for Port {
    async fn describe_snapshots(
        &self,
        region: &Region,
        family: Family,
        ids: &[SnapshotId],
    ) -> Result<Vec<Snapshot>, RdsError> {
        let at = rds_region(region);
        let request = rows::by_identifier(family, ids);
        let operation = Operation::describe_snapshots(family);
        let found = self
            .rds(
                operation,
                region,
                || joined(ids),
                move |w| {
                    let now = w.now;
                    let page = rows::descriptions(&mut w.rds, &at, family, &request, now)?;
                    let odd = w.climate.odd_statuses && w.faults_are_on && w.rng.u8(..8) == 0;
                    let rows = page.items.iter();
                    let found: Vec<Snapshot> = rows.filter_map(|row| snapshot(row, odd)).collect();
                    if odd && !found.is_empty() {
                        w.count_fault(Fault::UnknownStatus);
                    }
                    w.note(|| format!("  shows {:?}", shown(&found)));
                    Ok(found)
                },
            )
            .await;
        match found {
            Ok(found) => Ok(found
                .into_iter()
                .map(|found| self.as_shown(found))
                .collect()),
            Err(_) if self.has(Mutant::UnreachableIsEmpty) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }
}

fn shown(found: &[Snapshot]) -> Vec<String> {
    found
        .iter()
        .map(|s| format!("{} {:?}", s.arn.name(), s.status))
        .collect()
}

impl Port {
    /// What the planted bugs make of a snapshot.
    fn as_shown(&self, mut found: Snapshot) -> Snapshot {
        let world = self.shared.world.borrow();
        let is_odd = matches!(found.status, SnapshotStatus::Other(_));
        match world.mutant {
            Some(Mutant::TrustsTheHint) if self.role == Role::Reactor => {
                found.status = SnapshotStatus::Available
            }
            Some(Mutant::UnknownStatusIsAvailable) if is_odd => {
                found.status = SnapshotStatus::Available
            }
            Some(Mutant::UnknownStatusIsFailed) if is_odd => found.status = SnapshotStatus::Failed,
            Some(Mutant::WaitsForAFailedOne)
                if self.role == Role::Worker && found.status == SnapshotStatus::Failed =>
            {
                found.status = SnapshotStatus::Creating;
            }
            Some(Mutant::AdoptsWhatIsForeign) => {
                if let Some(id) = &found.resource_id {
                    found
                        .tags
                        .insert("snapferry:stack".to_owned(), world.stack.to_string());
                    found
                        .tags
                        .insert("snapferry:resource-id".to_owned(), id.to_string());
                }
            }
            Some(Mutant::GoodOneCountsAsFailed)
                if self.role == Role::Worker
                    && found.source.is_some()
                    && found.status == SnapshotStatus::Available =>
            {
                found.status = SnapshotStatus::Failed;
            }
            Some(Mutant::UnknownStatusPanics) if is_odd => {
                // Without the hook, which would write to the terminal.
                drop(world);
                std::panic::resume_unwind(Box::new("a status that nobody knows"));
            }
            Some(Mutant::KeyIsOverlooked) if found.source.is_some() => {
                found.key = Some(world.key.clone());
            }
            Some(Mutant::SourceIsOverlooked) => {
                let wait = world.table.get(&found.arn);
                if let Some(Expectation::Copy(copy_of)) = wait.map(|wait| &wait.expected) {
                    found.source = Some(copy_of.source.clone());
                }
            }
            Some(Mutant::CopysOwnTimeIsTaken) if found.source.is_some() => {
                let copy = world.truth(&found.arn);
                found.taken_at = copy.map(|copy| copy.begun_at);
            }
            _ => {}
        }
        found
    }

    /// The planted bug that registers only now.
    fn register_late(&self) {
        let mut world = self.shared.world.borrow_mut();
        let now = world.now;
        for wait in std::mem::take(&mut world.doing(self.invocation).unregistered) {
            world.table.register(&wait, now);
        }
    }
}

impl CreateSnapshot for Port {
    async fn create_snapshot(&self, request: &CreateSnapshotRequest) -> Result<(), RdsError> {
        let region = request.database.region();
        let (at, by, asked) = (rds_region(region), self.invocation, request.clone());
        let arn = request.database.sibling_snapshot(region, &request.id);
        self.shared.world.borrow_mut().judge_asking(by, &arn);
        let operation = Operation::create_snapshot(request.database.family());
        let detail = || request.id.to_string();
        let answer = self
            .rds(operation, region, detail, move |w| {
                let now = w.now;
                let answer = rows::create(&mut w.rds, &at, &asked, now);
                w.answered(by, &arn, answer)
            })
            .await;
        self.register_late();
        self.as_accepted(answer)
    }
}

impl CopySnapshot for Port {
    async fn copy_snapshot(&self, request: &CopySnapshotRequest) -> Result<(), RdsError> {
        let region = &request.region;
        let (at, by, asked) = (rds_region(region), self.invocation, request.clone());
        let arn = request.source.sibling_snapshot(region, &request.id);
        let gives_back = self.has(Mutant::SlotIsGivenBackEarly);
        let operation = Operation::copy_snapshot(request.source.family());
        let detail = || request.id.to_string();
        let answer = self
            .rds(operation, region, detail, move |w| {
                let now = w.now;
                let answer = rows::copy(&mut w.rds, &at, &asked, now);
                if gives_back {
                    w.table.drop_slot(&arn, None, now);
                }
                w.answered(by, &arn, answer)
            })
            .await;
        self.register_late();
        self.as_accepted(answer)
    }
}

impl Port {
    fn as_accepted(&self, answer: Result<(), RdsError>) -> Result<(), RdsError> {
        match answer {
            Err(error)
                if self.has(Mutant::AlreadyExistsIsSuccess)
                    && error.owner() == Owner::AskWhatExists =>
            {
                Ok(())
            }
            answer => answer,
        }
    }
}

impl World {
    fn answered(
        &mut self,
        by: u64,
        arn: &RdsArn,
        answer: Result<SnapshotDescription, RdsFault>,
    ) -> Result<(), Refusal> {
        let code = answer.as_ref().err().map(|fault| fault.code().to_owned());
        if matches!(answer, Err(RdsFault::CopiesInFlightQuota(_))) {
            self.count("RDS refused a copy for lack of places");
        }
        self.doing(by).answers.insert(arn.clone(), code);
        answer?;
        self.judge_accepted(arn);
        Ok(())
    }
}

impl DescribeQuota for Port {
    async fn describe_snapshot_quota(
        &self,
        region: &Region,
        family: Family,
    ) -> Result<Option<SnapshotQuota>, RdsError> {
        let at = rds_region(region);
        let is_full = self.has(Mutant::FullHouseIsParked);
        let operation = Operation::DescribeAccountAttributes;
        self.rds(operation, region, String::new, move |w| {
            let quota = rows::quota(&mut w.rds, &at, family, w.now);
            Ok(quota.map(|quota| SnapshotQuota {
                used: if is_full { quota.max } else { quota.used },
                ..quota
            }))
        })
        .await
    }
}

/// A row as the adapter reads it. An odd status takes the place of what is under way.
fn snapshot(row: &SnapshotDescription, odd: bool) -> Option<Snapshot> {
    let mut snapshot = rows::snapshot(row)?;
    if odd && row.stage.is_under_way() {
        snapshot.status = SnapshotStatus::Other("upgrading".to_owned());
    }
    Some(snapshot)
}
