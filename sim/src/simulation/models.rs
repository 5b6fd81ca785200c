//! The models of RDS and Step Functions behind the fake's ports.

use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};
use std::rc::Rc;

use jiff::Timestamp;
use snapferry::domain::drill::judge::FailureEvent;
use snapferry::domain::id::arn::{Family, RdsArn, Region, StateMachineArn};
use snapferry::domain::id::names::{ExecutionName, ResourceId, SnapshotId};
use snapferry::domain::id::token::TaskToken;
use snapferry::domain::operator::redrive::{Inspection, Redrivable};
use snapferry::domain::rds::database::Database;
use snapferry::domain::rds::option_group::OptionGroup;
use snapferry::domain::rds::snapshot::{Snapshot, SnapshotStatus};
use snapferry::domain::restore::configuration::{Captured, Member};
use snapferry::domain::restore::preflight::{ClassOffer, EngineVersion, GroupKind, Quotas};
use snapferry::domain::restore::restored::RestoredDatabase;
use snapferry::domain::run::command::ProtectionRequest;
use snapferry::fake::step_functions::page;
use snapferry::fake::{RdsModel, Refusal, StepFunctionsModel, StoppableModel, TaskEnd, Token};
use snapferry::json;
use snapferry::ports::{
    CopySnapshotRequest, CreateSnapshotRequest, DatabaseCall, ExecutionState, Page, SnapshotQuota,
    Started,
};

use super::step_functions::{AboutToken, Status, StepFunctions};
use super::world::rds_region;
use crate::asl::StateMachine;
use crate::preflight_to_domain;
use crate::rds::{self, Paging, Rds, RdsFault, SnapshotDescription};
use crate::rds_to_domain;
use crate::restores_to_domain::{self, cluster_settings, instance_settings};

/// The model of RDS, behind the product's types.
pub struct ModelledRds {
    rds: Rds,
    rows_of_a_page: Option<i64>,
    /// Whether its lists of databases show all settings. Worlds in which nothing is restored do without.
    pub(super) shows_settings: bool,
    /// Whether RDS shows unfinished snapshots with an unknown status.
    pub(super) shows_odd_statuses: bool,
    /// Whether its lists may leave a snapshot out.
    pub(super) lags: bool,
    /// How many snapshots its lists have left out since somebody asked last.
    pub(super) left_out: u64,
    shown: BTreeMap<RdsArn, u32>,
}

/// On which look at a snapshot, or question about a token, the answer is wrong: on one of the first few, for one in
/// seven.
fn wrong_on(name: &str) -> Option<u32> {
    let sum: u32 = name.bytes().map(u32::from).sum();
    sum.is_multiple_of(7).then_some(sum / 7 % 4)
}

impl ModelledRds {
    /// Over a model of RDS.
    #[must_use]
    pub fn new(rds: Rds) -> Self {
        Self {
            rds,
            rows_of_a_page: None,
            shows_settings: false,
            shows_odd_statuses: false,
            lags: false,
            left_out: 0,
            shown: BTreeMap::new(),
        }
    }

    /// The same with pages of this many rows. RDS allows no fewer than 20.
    #[must_use]
    pub fn with_pages_of(self, rows: i64) -> Self {
        Self {
            rows_of_a_page: Some(rows),
            ..self
        }
    }

    fn page(&self, marker: Option<String>) -> Paging {
        Paging {
            max_records: self.rows_of_a_page,
            marker,
        }
    }

    /// Whether a list shows a snapshot that is there. It leaves each out at most once.
    fn is_listed(&mut self, snapshot: &Snapshot) -> bool {
        if !self.lags {
            return true;
        }
        let looks = self.shown.entry(snapshot.arn.clone()).or_default();
        let left_out = wrong_on(snapshot.arn.name()) == Some(*looks);
        *looks += 1;
        self.left_out += u64::from(left_out);
        !left_out
    }

    /// Databases with their settings, where those are shown.
    fn captured(&self, at: &rds::Region, mut databases: Vec<Database>) -> Vec<Database> {
        let shown = databases.iter_mut().filter(|_| self.shows_settings);
        for database in shown {
            let name = database.arn.name();
            let captured = match database.arn.family() {
                Family::Instance => {
                    let row = self.rds.instance(at, name);
                    row.map(|row| (instance_settings(row), BTreeMap::new()))
                }
                Family::Cluster => {
                    let row = self.rds.cluster(at, name);
                    row.map(|row| (cluster_settings(row), members(&row.spec.members)))
                }
            };
            if let Some((settings, members)) = captured {
                database.captured = Captured { settings, members };
            }
        }
        databases
    }

    /// A row as the adapter reads it.
    fn read(&self, row: &SnapshotDescription) -> Option<Snapshot> {
        let mut snapshot = rds_to_domain::snapshot(row)?;
        if self.shows_odd_statuses && row.stage.is_under_way() {
            snapshot.status = SnapshotStatus::Other("upgrading".to_owned());
        }
        Some(snapshot)
    }
}

impl Deref for ModelledRds {
    type Target = Rds;

    fn deref(&self) -> &Rds {
        &self.rds
    }
}

impl DerefMut for ModelledRds {
    fn deref_mut(&mut self) -> &mut Rds {
        &mut self.rds
    }
}

/// What a cluster's row shows of its members. The first one writes.
fn members(names: &[String]) -> BTreeMap<String, Member> {
    let member = |(at, name): (usize, &String)| {
        let member = Member {
            is_writer: at == 0,
            ..Member::default()
        };
        (name.clone(), member)
    };
    names.iter().enumerate().map(member).collect()
}

fn refusal(fault: RdsFault) -> Refusal {
    Refusal {
        code: Some(fault.code().to_owned()),
        message: fault.to_string(),
    }
}

impl RdsModel for ModelledRds {
    fn list_databases(
        &mut self,
        region: &Region,
        family: Family,
        marker: Option<String>,
        now: Timestamp,
    ) -> Result<Page<Database>, Refusal> {
        let (at, paging) = (rds_region(region), self.page(marker));
        let mut page = rds_to_domain::databases(self, &at, family, Vec::new(), paging, now)
            .map_err(refusal)?;
        page.items = self.captured(&at, page.items);
        Ok(page)
    }

    fn find_databases(
        &mut self,
        region: &Region,
        family: Family,
        ids: &[ResourceId],
        now: Timestamp,
    ) -> Result<Vec<Database>, Refusal> {
        let filters = rds_to_domain::by_resource_id(family, ids);
        let (at, paging) = (rds_region(region), Paging::default());
        let page =
            rds_to_domain::databases(self, &at, family, filters, paging, now).map_err(refusal)?;
        Ok(self.captured(&at, page.items))
    }

    fn option_groups(
        &mut self,
        region: &Region,
        marker: Option<String>,
        now: Timestamp,
    ) -> Result<Page<OptionGroup>, Refusal> {
        let (at, paging) = (rds_region(region), self.page(marker));
        rds_to_domain::option_groups(self, &at, paging, now).map_err(refusal)
    }

    fn describe_restored(
        &mut self,
        region: &Region,
        family: Family,
        names: &[String],
        now: Timestamp,
    ) -> Result<Vec<RestoredDatabase>, Refusal> {
        let at = rds_region(region);
        restores_to_domain::described(self, &at, family, names, now).map_err(refusal)
    }

    fn change_database(
        &mut self,
        region: &Region,
        call: &DatabaseCall,
        now: Timestamp,
    ) -> Result<Option<ResourceId>, Refusal> {
        let at = rds_region(region);
        restores_to_domain::change(self, &at, call, now).map_err(refusal)
    }

    fn list_restored(
        &mut self,
        region: &Region,
        family: Family,
        marker: Option<String>,
        now: Timestamp,
    ) -> Result<Page<RestoredDatabase>, Refusal> {
        let (at, paging) = (rds_region(region), self.page(marker));
        restores_to_domain::listed(self, &at, family, paging, now).map_err(refusal)
    }

    fn delete_drilled(
        &mut self,
        region: &Region,
        family: Family,
        name: &str,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let at = rds_region(region);
        restores_to_domain::delete(self, &at, family, name, now).map_err(refusal)
    }

    fn failure_events(
        &mut self,
        region: &Region,
        family: Family,
        name: &str,
        since: Timestamp,
        now: Timestamp,
    ) -> Result<Vec<FailureEvent>, Refusal> {
        let at = rds_region(region);
        restores_to_domain::failures(self, &at, (family, name), since, now).map_err(refusal)
    }

    fn restore_quotas(&mut self, region: &Region, now: Timestamp) -> Result<Quotas, Refusal> {
        Ok(preflight_to_domain::quotas(self, &rds_region(region), now))
    }

    fn offers_version(
        &mut self,
        region: &Region,
        of: &EngineVersion,
        now: Timestamp,
    ) -> Result<bool, Refusal> {
        let at = rds_region(region);
        preflight_to_domain::offers_version(self, &at, of, now).map_err(refusal)
    }

    fn offers_class(
        &mut self,
        region: &Region,
        of: &ClassOffer,
        now: Timestamp,
    ) -> Result<bool, Refusal> {
        let at = rds_region(region);
        preflight_to_domain::offers_class(self, &at, of, now).map_err(refusal)
    }

    fn list_groups(
        &mut self,
        region: &Region,
        kind: GroupKind,
        marker: Option<String>,
        now: Timestamp,
    ) -> Result<Page<String>, Refusal> {
        let (at, paging) = (rds_region(region), self.page(marker));
        preflight_to_domain::groups(self, &at, kind, paging, now).map_err(refusal)
    }

    fn describe_snapshots(
        &mut self,
        region: &Region,
        family: Family,
        ids: &[SnapshotId],
        now: Timestamp,
    ) -> Result<Vec<Snapshot>, Refusal> {
        let request = rds_to_domain::by_identifier(family, ids);
        let at = rds_region(region);
        let page =
            rds_to_domain::descriptions(self, &at, family, &request, now).map_err(refusal)?;
        let rows = page.items.iter();
        let found: Vec<Snapshot> = rows.filter_map(|row| self.read(row)).collect();
        Ok(found
            .into_iter()
            .filter(|snapshot| self.is_listed(snapshot))
            .collect())
    }

    fn automated_snapshots(
        &mut self,
        region: &Region,
        family: Family,
        of: Option<&RdsArn>,
        marker: Option<String>,
        now: Timestamp,
    ) -> Result<Page<Snapshot>, Refusal> {
        let (at, paging) = (rds_region(region), self.page(marker));
        rds_to_domain::automated(self, &at, family, of, paging, now).map_err(refusal)
    }

    fn create_snapshot(
        &mut self,
        request: &CreateSnapshotRequest,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let at = rds_region(request.database.region());
        let created = rds_to_domain::create(self, &at, request, now);
        created.map(drop).map_err(refusal)
    }

    fn copy_snapshot(
        &mut self,
        request: &CopySnapshotRequest,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let at = rds_region(&request.region);
        let copied = rds_to_domain::copy(self, &at, request, now);
        copied.map(drop).map_err(refusal)
    }

    fn delete_snapshot(&mut self, snapshot: &RdsArn, now: Timestamp) -> Result<(), Refusal> {
        rds_to_domain::delete(self, &rds_region(snapshot.region()), snapshot, now).map_err(refusal)
    }

    fn set_tag(
        &mut self,
        snapshot: &RdsArn,
        key: &str,
        value: Option<&str>,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        rds_to_domain::set_tag(
            self,
            &rds_region(snapshot.region()),
            snapshot,
            (key, value),
            now,
        )
        .map_err(refusal)
    }

    fn manual_snapshots(
        &mut self,
        region: &Region,
        family: Family,
        marker: Option<String>,
        now: Timestamp,
    ) -> Result<Page<Snapshot>, Refusal> {
        let (at, paging) = (rds_region(region), self.page(marker));
        rds_to_domain::manual(self, &at, family, paging, now).map_err(refusal)
    }

    fn snapshot_quota(
        &mut self,
        region: &Region,
        family: Family,
        now: Timestamp,
    ) -> Option<SnapshotQuota> {
        rds_to_domain::quota(self, &rds_region(region), family, now)
    }
}

/// The model of Step Functions with the machine whose executions it runs.
pub struct Machine {
    service: StepFunctions,
    arn: StateMachineArn,
    /// For the planted bug that sends no manifest.
    pub(super) loses_outputs: bool,
    /// Whether it may say of a live token that it is dead.
    pub(super) errs: bool,
    /// How often it did since somebody asked last.
    pub(super) erred: u64,
    asked: BTreeMap<String, u32>,
}

impl Machine {
    /// A machine that has run nothing yet.
    #[must_use]
    pub fn new(definition: Rc<StateMachine>, arn: StateMachineArn) -> Self {
        Self {
            service: StepFunctions::new(definition),
            arn,
            loses_outputs: false,
            errs: false,
            erred: 0,
            asked: BTreeMap::new(),
        }
    }
}

impl Deref for Machine {
    type Target = StepFunctions;

    fn deref(&self) -> &StepFunctions {
        &self.service
    }
}

impl DerefMut for Machine {
    fn deref_mut(&mut self) -> &mut StepFunctions {
        &mut self.service
    }
}

fn token(about: AboutToken) -> Token {
    match about {
        AboutToken::Alive => Token::Alive,
        AboutToken::Dead => Token::Dead,
        AboutToken::Invalid => Token::Invalid,
    }
}

impl StepFunctionsModel for Machine {
    fn token(&mut self, asked: &TaskToken, now: Timestamp) -> Token {
        let about = self.heartbeat(asked.reveal(), now);
        if !self.errs || about != AboutToken::Alive {
            return token(about);
        }
        let times = self.asked.entry(asked.reveal().to_owned()).or_default();
        let errs = wrong_on(asked.reveal()) == Some(*times);
        *times += 1;
        self.erred += u64::from(errs);
        token(if errs { AboutToken::Dead } else { about })
    }

    fn end_task(&mut self, sent: &TaskToken, end: TaskEnd, now: Timestamp) -> Token {
        token(match end {
            TaskEnd::Success(_) if self.loses_outputs => self.succeed(sent.reveal(), "{}", now),
            TaskEnd::Success(manifest) => {
                let output = json::manifest::write(&manifest);
                self.succeed(sent.reveal(), &output, now)
            }
            TaskEnd::Failure(failure) => self.fail(sent.reveal(), failure.reason.error_name(), now),
        })
    }

    fn start(&mut self, name: &ExecutionName, run: &ProtectionRequest, now: Timestamp) -> Started {
        let input = json::run::write(run);
        if let Some(execution) = self.executions.get(name.as_str()) {
            let same = execution.is_running() && *execution.input == *input;
            return if same {
                Started::Running
            } else {
                Started::NameUsed
            };
        }
        let arn = self.arn.execution(name).to_string();
        self.service
            .start(name.as_str(), arn, run.clone(), input, now);
        Started::Running
    }

    fn state(&self, name: &ExecutionName) -> ExecutionState {
        let execution = self.executions.get(name.as_str());
        match execution.map(|execution| &execution.status) {
            None => ExecutionState::Unknown,
            Some(Status::Sleeping { .. } | Status::Retrying { .. }) => ExecutionState::Running,
            Some(Status::Succeeded) => ExecutionState::Succeeded,
            Some(Status::Failed { .. }) => ExecutionState::Failed,
        }
    }
}

/// How many rows a page of the list of executions holds. Few, so that there are several pages.
const EXECUTIONS_PAGE: usize = 4;

impl StoppableModel for Machine {
    fn list_running(&self, from: Option<String>) -> Page<ExecutionName> {
        let running = self.executions.iter().filter(|(_, one)| one.is_running());
        let names = running.filter_map(|(name, _)| ExecutionName::parse(name).ok());
        let names: Vec<ExecutionName> = names.collect();
        page(names.iter(), EXECUTIONS_PAGE, from)
    }

    fn inspect(&self, name: &ExecutionName) -> Option<Inspection> {
        let execution = self.executions.get(name.as_str())?;
        let error = match &execution.status {
            Status::Failed { error } => Some(error.clone()),
            Status::Sleeping { .. } | Status::Retrying { .. } | Status::Succeeded => None,
        };
        Some(Inspection {
            running: execution.is_running(),
            started_at: None,
            ended_at: None,
            run: Some((*execution.run).clone()),
            error,
            cause: None,
            redrives: execution.redrives,
            redrivable: Redrivable::Yes,
        })
    }

    fn stop(&mut self, name: &ExecutionName, _: &str, now: Timestamp) -> Result<(), Refusal> {
        if !self.executions.contains_key(name.as_str()) {
            return Err(Refusal::code("ExecutionDoesNotExist"));
        }
        self.service.stop(name.as_str(), now);
        Ok(())
    }
}
