//! RDS: databases and snapshots of all regions.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::domain::drill::judge::FailureEvent;
use crate::domain::id::arn::{Family, RdsArn, Region};
use crate::domain::id::names::{OptionGroup, ResourceId, SnapshotId};
use crate::domain::rds::database::Database;
use crate::domain::rds::option_group;
use crate::domain::rds::snapshot::{Snapshot, SnapshotStatus};
use crate::domain::restore::preflight::{ClassOffer, EngineVersion, GroupKind, Quotas};
use crate::domain::restore::restored::RestoredDatabase;
use crate::ports::{CopySnapshotRequest, CreateSnapshotRequest, DatabaseCall, Page, SnapshotQuota};

use super::refusal::Refusal;
use super::step_functions::page;

/// What the ports ask of RDS. Every call takes effect at once.
pub trait RdsModel {
    /// A page of a region's databases.
    fn list_databases(
        &mut self,
        region: &Region,
        family: Family,
        marker: Option<String>,
        now: Timestamp,
    ) -> Result<Page<Database>, Refusal>;
    /// The databases of these resource ids that exist.
    fn find_databases(
        &mut self,
        region: &Region,
        family: Family,
        ids: &[ResourceId],
        now: Timestamp,
    ) -> Result<Vec<Database>, Refusal>;
    /// The snapshots of these identifiers that exist.
    fn describe_snapshots(
        &mut self,
        region: &Region,
        family: Family,
        ids: &[SnapshotId],
        now: Timestamp,
    ) -> Result<Vec<Snapshot>, Refusal>;
    /// A page of a region's automated snapshots, of one database or of all.
    fn automated_snapshots(
        &mut self,
        region: &Region,
        family: Family,
        of: Option<&RdsArn>,
        marker: Option<String>,
        now: Timestamp,
    ) -> Result<Page<Snapshot>, Refusal>;
    /// Takes a snapshot.
    fn create_snapshot(
        &mut self,
        request: &CreateSnapshotRequest,
        now: Timestamp,
    ) -> Result<(), Refusal>;
    /// Copies a snapshot.
    fn copy_snapshot(
        &mut self,
        request: &CopySnapshotRequest,
        now: Timestamp,
    ) -> Result<(), Refusal>;
    /// Deletes a snapshot.
    fn delete_snapshot(&mut self, snapshot: &RdsArn, now: Timestamp) -> Result<(), Refusal>;
    /// Sets a tag of a snapshot, or takes it away.
    fn set_tag(
        &mut self,
        snapshot: &RdsArn,
        key: &str,
        value: Option<&str>,
        now: Timestamp,
    ) -> Result<(), Refusal>;
    /// A page of a region's manual snapshots.
    fn manual_snapshots(
        &mut self,
        region: &Region,
        family: Family,
        marker: Option<String>,
        now: Timestamp,
    ) -> Result<Page<Snapshot>, Refusal>;
    /// A page of a region's option groups. A model without any shows none.
    fn option_groups(
        &mut self,
        _region: &Region,
        _marker: Option<String>,
        _now: Timestamp,
    ) -> Result<Page<option_group::OptionGroup>, Refusal> {
        Ok(Page::new(Vec::new(), None))
    }
    /// The databases of these names. A model that restores nothing shows none.
    fn describe_restored(
        &mut self,
        _region: &Region,
        _family: Family,
        _names: &[String],
        _now: Timestamp,
    ) -> Result<Vec<RestoredDatabase>, Refusal> {
        Ok(Vec::new())
    }
    /// Makes or changes a database. A model that restores nothing refuses it.
    fn change_database(
        &mut self,
        _region: &Region,
        _call: &DatabaseCall,
        _now: Timestamp,
    ) -> Result<Option<ResourceId>, Refusal> {
        Err(Refusal::code("InvalidAction"))
    }
    /// A page of a region's databases, as restores look at them. A model that restores nothing shows none.
    fn list_restored(
        &mut self,
        _region: &Region,
        _family: Family,
        _marker: Option<String>,
        _now: Timestamp,
    ) -> Result<Page<RestoredDatabase>, Refusal> {
        Ok(Page::new(Vec::new(), None))
    }
    /// Deletes a database that a drill made. A model that restores nothing refuses it.
    fn delete_drilled(
        &mut self,
        _region: &Region,
        _family: Family,
        _name: &str,
        _now: Timestamp,
    ) -> Result<(), Refusal> {
        Err(Refusal::code("InvalidAction"))
    }
    /// What RDS reports as failures of a database. A model that restores nothing reports none.
    fn failure_events(
        &mut self,
        _region: &Region,
        _family: Family,
        _name: &str,
        _since: Timestamp,
        _now: Timestamp,
    ) -> Result<Vec<FailureEvent>, Refusal> {
        Ok(Vec::new())
    }
    /// The quotas that restores use up. A model that restores nothing reports none.
    fn restore_quotas(&mut self, _region: &Region, _now: Timestamp) -> Result<Quotas, Refusal> {
        Ok(Quotas::new())
    }
    /// Whether new databases may have this version.
    fn offers_version(
        &mut self,
        _region: &Region,
        _of: &EngineVersion,
        _now: Timestamp,
    ) -> Result<bool, Refusal> {
        Ok(true)
    }
    /// Whether new databases may have this class.
    fn offers_class(
        &mut self,
        _region: &Region,
        _of: &ClassOffer,
        _now: Timestamp,
    ) -> Result<bool, Refusal> {
        Ok(true)
    }
    /// A page of the names of a region's groups.
    fn list_groups(
        &mut self,
        _region: &Region,
        _kind: GroupKind,
        _marker: Option<String>,
        _now: Timestamp,
    ) -> Result<Page<String>, Refusal> {
        Ok(Page::new(Vec::new(), None))
    }
    /// The account's quota for manual snapshots.
    fn snapshot_quota(
        &mut self,
        region: &Region,
        family: Family,
        now: Timestamp,
    ) -> Option<SnapshotQuota>;
}

/// How many rows a page holds. Few, so that there are several pages.
const PAGE: usize = 2;

/// Databases and snapshots that never change by themselves.
#[derive(Debug, Clone)]
pub struct Shelf {
    /// The databases, in the order of the list.
    pub databases: Vec<Database>,
    /// The snapshots of all regions.
    pub snapshots: BTreeMap<RdsArn, Snapshot>,
    /// What was restored in any region, each with its family.
    pub restored: Vec<(Family, RestoredDatabase)>,
    /// Snapshots that a look at them by name misses, although a list shows them.
    pub overlooked: BTreeSet<RdsArn>,
    /// The quota of each family.
    pub quotas: BTreeMap<Family, SnapshotQuota>,
    /// The quotas that restores use up, in every region.
    pub restore_quotas: Quotas,
    /// The versions and classes that no region offers.
    pub not_offered: BTreeSet<(EngineVersion, Option<String>)>,
    /// The groups of every region.
    pub groups: BTreeMap<GroupKind, Vec<String>>,
    /// The option group in each request for a copy, in order.
    pub option_groups: Vec<Option<OptionGroup>>,
    /// What a new snapshot of a database looks like: the database, then the snapshot.
    newborn: fn(&RdsArn, &RdsArn) -> Snapshot,
}

impl Shelf {
    /// A shelf without databases and snapshots.
    #[must_use]
    pub fn new(newborn: fn(&RdsArn, &RdsArn) -> Snapshot) -> Self {
        Self {
            databases: Vec::new(),
            snapshots: BTreeMap::new(),
            restored: Vec::new(),
            overlooked: BTreeSet::new(),
            quotas: BTreeMap::new(),
            restore_quotas: Quotas::new(),
            not_offered: BTreeSet::new(),
            groups: BTreeMap::new(),
            option_groups: Vec::new(),
            newborn,
        }
    }

    /// Stores a snapshot, and replaces one of the same ARN.
    pub fn put(&mut self, snapshot: Snapshot) {
        self.snapshots.insert(snapshot.arn.clone(), snapshot);
    }

    fn of<'a>(
        &'a self,
        region: &'a Region,
        family: Family,
    ) -> impl Iterator<Item = &'a Snapshot> + 'a {
        self.snapshots
            .values()
            .filter(move |one| one.arn.region() == region && one.arn.family() == family)
    }

    fn databases_of<'a>(
        &'a self,
        region: &'a Region,
        family: Family,
    ) -> impl Iterator<Item = &'a Database> + 'a {
        self.databases
            .iter()
            .filter(move |one| one.arn.region() == region && one.arn.family() == family)
    }

    fn is_free(&self, arn: &RdsArn) -> Result<(), Refusal> {
        if !self.snapshots.contains_key(arn) {
            return Ok(());
        }
        Err(Refusal::code(match arn.family() {
            Family::Instance => "DBSnapshotAlreadyExists",
            Family::Cluster => "DBClusterSnapshotAlreadyExistsFault",
        }))
    }
}

fn not_found(snapshot: &RdsArn) -> Refusal {
    Refusal::code(match snapshot.family() {
        Family::Instance => "DBSnapshotNotFound",
        Family::Cluster => "DBClusterSnapshotNotFoundFault",
    })
}

impl RdsModel for Shelf {
    fn list_databases(
        &mut self,
        region: &Region,
        family: Family,
        marker: Option<String>,
        _now: Timestamp,
    ) -> Result<Page<Database>, Refusal> {
        Ok(page(self.databases_of(region, family), PAGE, marker))
    }

    fn list_restored(
        &mut self,
        _region: &Region,
        family: Family,
        marker: Option<String>,
        _now: Timestamp,
    ) -> Result<Page<RestoredDatabase>, Refusal> {
        let of_family = self.restored.iter().filter(|(of, _)| *of == family);
        Ok(page(of_family.map(|(_, one)| one), PAGE, marker))
    }

    fn find_databases(
        &mut self,
        region: &Region,
        family: Family,
        ids: &[ResourceId],
        _now: Timestamp,
    ) -> Result<Vec<Database>, Refusal> {
        let databases = self.databases_of(region, family);
        let found = databases.filter(|database| ids.contains(&database.resource_id));
        Ok(found.cloned().collect())
    }

    fn describe_snapshots(
        &mut self,
        region: &Region,
        family: Family,
        ids: &[SnapshotId],
        _now: Timestamp,
    ) -> Result<Vec<Snapshot>, Refusal> {
        let shown = |snapshot: &&Snapshot| !self.overlooked.contains(&snapshot.arn);
        let snapshots = self.of(region, family).filter(shown);
        let found = snapshots.filter(|snapshot| ids.contains(&SnapshotId::of(&snapshot.arn)));
        Ok(found.cloned().collect())
    }

    fn automated_snapshots(
        &mut self,
        region: &Region,
        family: Family,
        of: Option<&RdsArn>,
        marker: Option<String>,
        _now: Timestamp,
    ) -> Result<Page<Snapshot>, Refusal> {
        let begins = match of {
            Some(database) => format!("rds:{}-", database.name()),
            None => "rds:".to_owned(),
        };
        let snapshots = self.of(region, family);
        let automated = snapshots.filter(|snapshot| snapshot.arn.name().starts_with(&begins));
        Ok(page(automated, PAGE, marker))
    }

    fn create_snapshot(
        &mut self,
        request: &CreateSnapshotRequest,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let region = request.database.region();
        let arn = request.database.sibling_snapshot(region, &request.id);
        self.is_free(&arn)?;
        self.put(Snapshot {
            created_at: Some(now),
            tags: request.tags.clone(),
            ..(self.newborn)(&request.database, &arn)
        });
        Ok(())
    }

    fn copy_snapshot(
        &mut self,
        request: &CopySnapshotRequest,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let arn = request
            .source
            .sibling_snapshot(&request.region, &request.id);
        self.is_free(&arn)?;
        let Some(source) = self.snapshots.get(&request.source).cloned() else {
            return Err(not_found(&arn));
        };
        self.option_groups.push(request.option_group.clone());
        self.put(Snapshot {
            // RDS does not say this for a cluster snapshot's copy.
            taken_at: source.taken_at.filter(|_| arn.family() == Family::Instance),
            arn,
            status: SnapshotStatus::Creating,
            encrypted: true,
            key: Some(request.key.clone()),
            source: Some(request.source.clone()),
            created_at: Some(now),
            tags: request.tags.clone(),
            ..source
        });
        Ok(())
    }

    fn delete_snapshot(&mut self, snapshot: &RdsArn, _now: Timestamp) -> Result<(), Refusal> {
        let removed = self.snapshots.remove(snapshot);
        removed.map(drop).ok_or_else(|| not_found(snapshot))
    }

    fn set_tag(
        &mut self,
        snapshot: &RdsArn,
        key: &str,
        value: Option<&str>,
        _now: Timestamp,
    ) -> Result<(), Refusal> {
        let Some(found) = self.snapshots.get_mut(snapshot) else {
            return Err(not_found(snapshot));
        };
        match value {
            Some(value) => drop(found.tags.insert(key.to_owned(), value.to_owned())),
            None => drop(found.tags.remove(key)),
        }
        Ok(())
    }

    fn manual_snapshots(
        &mut self,
        region: &Region,
        family: Family,
        marker: Option<String>,
        _now: Timestamp,
    ) -> Result<Page<Snapshot>, Refusal> {
        let snapshots = self.of(region, family);
        let manual = snapshots.filter(|snapshot| !snapshot.arn.is_automated_snapshot());
        Ok(page(manual, PAGE, marker))
    }

    fn restore_quotas(&mut self, _region: &Region, _now: Timestamp) -> Result<Quotas, Refusal> {
        Ok(self.restore_quotas.clone())
    }

    fn offers_version(
        &mut self,
        _region: &Region,
        of: &EngineVersion,
        _now: Timestamp,
    ) -> Result<bool, Refusal> {
        Ok(!self.not_offered.contains(&(of.clone(), None)))
    }

    fn offers_class(
        &mut self,
        _region: &Region,
        of: &ClassOffer,
        _now: Timestamp,
    ) -> Result<bool, Refusal> {
        let class = (of.of.clone(), Some(of.class.clone()));
        Ok(!self.not_offered.contains(&class))
    }

    fn list_groups(
        &mut self,
        _region: &Region,
        kind: GroupKind,
        marker: Option<String>,
        _now: Timestamp,
    ) -> Result<Page<String>, Refusal> {
        let groups = self.groups.get(&kind);
        Ok(page(groups.into_iter().flatten(), PAGE, marker))
    }

    fn snapshot_quota(
        &mut self,
        _region: &Region,
        family: Family,
        _now: Timestamp,
    ) -> Option<SnapshotQuota> {
        self.quotas.get(&family).copied()
    }
}
