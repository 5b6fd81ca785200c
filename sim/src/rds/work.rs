//! The calls that make snapshots: create and copy.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::agenda::Due;
use super::cluster::Cluster;
use super::event::Happening;
use super::family::Family;
use super::instance::{Instance, InstanceStatus};
use super::names::{RdsArn, Region, new_identifier};
use super::region::RegionState;
use super::request::{CopyDbSnapshot, CreateDbSnapshot};
use super::snapshot::{
    CopySource, Origin, Snapshot, SnapshotDescription, SnapshotType, SourceInstance, Stage,
};
use super::tags::Tags;
use super::{Rds, RdsFault};

impl Rds {
    /// CreateDBSnapshot.
    ///
    /// # Errors
    /// As RDS: `InvalidParameterValue`, `DBInstanceNotFound`, `DBSnapshotAlreadyExists`,
    /// `InvalidDBInstanceState`, `SnapshotQuotaExceeded`. Nothing is changed then.
    pub fn create_db_snapshot(
        &mut self,
        region: &Region,
        request: &CreateDbSnapshot,
        now: Timestamp,
    ) -> Result<SnapshotDescription, RdsFault> {
        self.create(Family::Instance, region, request, now)
    }

    /// CreateDBClusterSnapshot.
    ///
    /// # Errors
    /// As RDS: `InvalidParameterValue`, `DBClusterNotFoundFault`,
    /// `DBClusterSnapshotAlreadyExistsFault`, `InvalidDBClusterStateFault`,
    /// `SnapshotQuotaExceeded`. Nothing is changed then.
    pub fn create_db_cluster_snapshot(
        &mut self,
        region: &Region,
        request: &CreateDbSnapshot,
        now: Timestamp,
    ) -> Result<SnapshotDescription, RdsFault> {
        self.create(Family::Cluster, region, request, now)
    }

    fn create(
        &mut self,
        family: Family,
        region: &Region,
        request: &CreateDbSnapshot,
        now: Timestamp,
    ) -> Result<SnapshotDescription, RdsFault> {
        let now = self.run_until(now);
        let name = new_identifier(
            family.name_parameter(),
            &request.snapshot,
            family.name_max(),
        )?;
        let tags = Tags::from_caller(&request.tags)?;
        let quota = self.config.quota(family);
        let state = self.region_mut(region);
        let database = Subject::find(state, family, &request.instance)?;
        state.has_place_for(family, &name, quota)?;
        database.lets_a_snapshot_begin(family)?;

        Ok(self.begin(
            region,
            Wanted {
                family,
                name,
                kind: SnapshotType::Manual,
                tags,
            },
            database,
            now,
        ))
    }

    /// Takes an automated snapshot of a database, as RDS does by itself once a day in the backup window: here it is
    /// the operator who says when. RDS removes it when it has been kept for the database's retention.
    ///
    /// # Errors
    /// `InvalidParameterValue` where automated backups are off, `DBInstanceNotFound`, `DBSnapshotAlreadyExists` for
    /// a second one of the same minute, `InvalidDBInstanceState`; and as for clusters. Nothing is changed then.
    pub fn take_automated_snapshot(
        &mut self,
        family: Family,
        region: &Region,
        database: &str,
        now: Timestamp,
    ) -> Result<SnapshotDescription, RdsFault> {
        let now = self.run_until(now);
        let state = self.region_mut(region);
        let database = Subject::find(state, family, database)?;
        if database.retention_days == 0 {
            let message = format!(
                "Automated backups of {} are off",
                database.source.identifier
            );
            return Err(invalid(message));
        }
        let minute = now.strftime("%Y-%m-%d-%H-%M");
        let name = format!("rds:{}-{minute}", database.source.identifier);
        if state.shelf(family).contains_key(&name) {
            return Err(family.snapshot_exists(&name));
        }
        database.lets_a_snapshot_begin(family)?;
        let kept = SignedDuration::from_hours(24 * i64::from(database.retention_days));
        let wanted = Wanted {
            family,
            name,
            kind: SnapshotType::Automated,
            tags: Tags::default(),
        };
        let shown = self.begin(region, wanted, database, now);
        let state = self.region_mut(region);
        if let Some(snapshot) = state.shelf(family).get(&shown.name) {
            let (key, expires_at) = (snapshot.key(region), later(snapshot.taken_at, kept));
            self.agenda.enter(expires_at, Due::Expires(key));
        }
        Ok(shown)
    }

    /// Begins a snapshot of a database that lets it begin.
    fn begin(
        &mut self,
        region: &Region,
        wanted: Wanted,
        database: Subject,
        now: Timestamp,
    ) -> SnapshotDescription {
        let Wanted {
            family,
            name,
            kind,
            tags,
        } = wanted;
        let account = self.config.account.clone();
        let serial = self.next_serial();
        let mut rng = self.rng_of(serial);
        let timings = &self.config.timings;
        let taken_at = later(now, timings.before_data_is_taken.draw(&mut rng));
        let drawn = timings.snapshot.draw(&mut rng);
        let planned = self.config.planned.get(&database.source.identifier);
        let ends_at = later(taken_at, planned.map_or(drawn, |work| work.snapshot));
        let written = rng.u64(20..=90);
        let planned = self.config.faults.fate_of(family, region, &name, &mut rng);
        // Any tag of the caller's own stops the inheritance (RDS User Guide, Tagging).
        let tags = match database.inheritable_tags {
            Some(inherited) if tags.is_empty() => inherited,
            _ => tags,
        };
        let source = database.source;
        let snapshot = Snapshot {
            family,
            arn: arn(family, region, &account, &name),
            kind,
            origin: Origin::Taken,
            size: u64::from(source.allocated_storage) * written * (1 << 30) / 100,
            instance: Arc::new(source),
            kms_key: database.kms_key,
            tags,
            taken_at,
            begun_at: taken_at,
            planned,
            ends_at,
            serial,
            shared_with: BTreeSet::new(),
            stages: vec![(now, Stage::Creating)],
            name,
        };
        if let Some(status) = self.status_mut(region, family, &snapshot.instance.identifier) {
            *status = InstanceStatus::BackingUp;
        }
        self.announce(
            region,
            &snapshot,
            &Happening::Creating,
            now,
            snapshot.planned.begun_event,
        );
        self.accept(region, snapshot, now)
    }

    /// CopyDBSnapshot, called in the destination region.
    ///
    /// # Errors
    /// As RDS: `InvalidParameterValue`, `DBSnapshotAlreadyExists`, `DBSnapshotNotFound`,
    /// `InvalidDBSnapshotState`, `KMSKeyNotAccessibleFault`, `SnapshotQuotaExceeded`. Nothing is
    /// changed then.
    pub fn copy_db_snapshot(
        &mut self,
        region: &Region,
        request: &CopyDbSnapshot,
        now: Timestamp,
    ) -> Result<SnapshotDescription, RdsFault> {
        self.copy(Family::Instance, region, request, now)
    }

    /// CopyDBClusterSnapshot, called in the destination region.
    ///
    /// # Errors
    /// As RDS: `InvalidParameterValue`, `DBClusterSnapshotAlreadyExistsFault`,
    /// `DBClusterSnapshotNotFoundFault`, `InvalidDBClusterSnapshotStateFault`,
    /// `KMSKeyNotAccessibleFault`, `SnapshotQuotaExceeded`. Nothing is changed then.
    pub fn copy_db_cluster_snapshot(
        &mut self,
        region: &Region,
        request: &CopyDbSnapshot,
        now: Timestamp,
    ) -> Result<SnapshotDescription, RdsFault> {
        self.copy(Family::Cluster, region, request, now)
    }

    fn copy(
        &mut self,
        family: Family,
        region: &Region,
        request: &CopyDbSnapshot,
        now: Timestamp,
    ) -> Result<SnapshotDescription, RdsFault> {
        let now = self.run_until(now);
        let parameter = format!("Target{}", family.name_parameter());
        let target = new_identifier(&parameter, &request.target, family.name_max())?;
        let own_tags = Tags::from_caller(&request.tags)?;
        let from = self.source_of_copy(family, region, &request.source)?;
        if self.config.limit_comes_before_the_name {
            self.has_place_for_a_copy(family, region, &from)?;
        }
        let quota = self.config.quota(family);
        self.region_mut(region)
            .has_place_for(family, &target, quota)?;
        let source = self
            .region_mut(&from.region)
            .snapshot(family, &from.name)?
            .clone();
        let from = CopySource {
            serial: source.serial,
            ..from
        };
        if source.stage() != Stage::Available {
            return Err(family.invalid_snapshot_state(format!(
                "The source snapshot {} is {}, but must be available.",
                source.arn,
                source.stage().as_str()
            )));
        }
        if from.across_regions && source.is_of_multi_az_cluster() {
            return Err(invalid(
                "Snapshots of Multi-AZ DB clusters cannot be copied across Regions.".to_owned(),
            ));
        }
        let kms_key = self.key_of_copy(region, &from, &source, request.kms_key.as_deref())?;
        self.has_place_for_a_copy(family, region, &from)?;

        let serial = self.next_serial();
        let mut rng = self.rng_of(serial);
        let timings = &self.config.timings;
        let begun_at = later(now, timings.copy_queued.draw(&mut rng));
        let drawn = timings.copy.draw(&mut rng);
        let planned = self.config.planned.get(&source.instance.identifier);
        let ends_at = later(begun_at, planned.map_or(drawn, |work| work.copy));
        let planned = self
            .config
            .faults
            .fate_of(family, region, &target, &mut rng);
        let tags = match (own_tags.is_empty(), request.copy_tags) {
            (true, true) => source.tags.inheritable(),
            _ => own_tags,
        };
        let mut instance = source.instance;
        if let Some(option_group) = &request.option_group {
            Arc::make_mut(&mut instance)
                .option_group
                .clone_from(option_group);
        }
        let copy = Snapshot {
            family,
            arn: arn(family, region, &self.config.account, &target),
            name: target,
            kind: SnapshotType::Manual,
            origin: Origin::Copied(from),
            instance,
            kms_key,
            tags,
            size: source.size,
            taken_at: source.taken_at,
            begun_at,
            planned,
            ends_at,
            serial,
            shared_with: BTreeSet::new(),
            stages: vec![(now, Stage::Creating)],
        };
        if copy.is_a_copy_in_flight() {
            self.region_mut(region).copy_takes_a_place(family);
        }
        Ok(self.accept(region, copy, now))
    }

    /// Reads the source of a copy: a name of the same region, or an ARN of any.
    fn source_of_copy(
        &self,
        family: Family,
        region: &Region,
        text: &str,
    ) -> Result<CopySource, RdsFault> {
        if text.is_empty() {
            return Err(invalid(format!(
                "The parameter Source{} must be provided and must not be blank.",
                family.name_parameter()
            )));
        }
        let kind = family.snapshot_kind();
        let arn = if text.starts_with("arn:") {
            let arn = RdsArn::parse(text).filter(|arn| arn.kind == kind);
            arn.ok_or_else(|| invalid(format!("Invalid snapshot identifier:  {text}")))?
        } else {
            RdsArn {
                region: region.clone(),
                account: self.config.account.clone(),
                kind: kind.to_owned(),
                name: text.to_ascii_lowercase(),
            }
        };
        if arn.account != self.config.account {
            return Err(family.snapshot_not_found(text));
        }
        let across_regions = arn.region != *region;
        let whole = arn.to_string();
        Ok(CopySource {
            arn: whole,
            region: arn.region,
            name: arn.name,
            serial: 0,
            across_regions,
        })
    }

    /// The key a copy will be under, by RDS's rules.
    fn key_of_copy(
        &mut self,
        region: &Region,
        from: &CopySource,
        source: &Snapshot,
        named: Option<&str>,
    ) -> Result<Option<String>, RdsFault> {
        if let Some(key) = &source.kms_key
            && !self.region_mut(&from.region).keys.is_usable(key)
        {
            return Err(RdsFault::KmsKeyNotAccessible(format!(
                "The source snapshot KMS key [{key}] does not exist, is not enabled or you do \
                 not have permissions to access it."
            )));
        }
        match named {
            // The API reference of CopyDBClusterSnapshot says so of KmsKeyId.
            Some(_) if source.family == Family::Cluster && source.kms_key.is_none() => {
                Err(invalid(
                    "KmsKeyId cannot be given for a copy of an unencrypted cluster snapshot."
                        .to_owned(),
                ))
            }
            Some(named) => {
                let account = self.config.account.clone();
                self.region_mut(region)
                    .keys
                    .resolve(region, &account, named)
                    .map(Some)
            }
            // Code and wording as users report them, for instance in
            // github.com/pbudzon/aws-maintenance/issues/5.
            None if source.kms_key.is_some() && from.across_regions => Err(invalid(
                "Must specify new KMS key for cross region encrypted snapshot copy.".to_owned(),
            )),
            None => Ok(source.kms_key.clone()),
        }
    }

    fn has_place_for_a_copy(
        &mut self,
        family: Family,
        region: &Region,
        from: &CopySource,
    ) -> Result<(), RdsFault> {
        if !from.across_regions {
            return Ok(());
        }
        let of_all = self.config.max_copies_in_flight;
        let of_clusters = self.config.max_cluster_copies_in_flight;
        let state = self.region_mut(region);
        if state.copies_in_flight >= of_all {
            return Err(RdsFault::CopiesInFlightQuota(of_all));
        }
        if family == Family::Cluster && state.cluster_copies_in_flight >= of_clusters {
            return Err(RdsFault::CopiesInFlightQuota(of_clusters));
        }
        Ok(())
    }

    /// Stores a new snapshot, enters what is due for it, and shows it as the call answers.
    fn accept(&mut self, region: &Region, new: Snapshot, now: Timestamp) -> SnapshotDescription {
        let key = new.key(region);
        if new.origin != Origin::Taken {
            self.agenda
                .enter(new.begun_at, Due::CopyBegins(key.clone()));
        }
        self.agenda.enter(new.ends_at, Due::WorkEnds(key));
        let shown = new.described_at(now);
        let shown = shown.expect("a snapshot has reached its first stage when it is accepted");
        self.region_mut(region)
            .shelf_mut(new.family)
            .insert(new.name.clone(), new);
        shown
    }
}

pub(super) fn arn(family: Family, region: &Region, account: &str, name: &str) -> String {
    let kind = family.snapshot_kind();
    format!("arn:aws:rds:{region}:{account}:{kind}:{name}")
}

/// A snapshot that is to be begun.
struct Wanted {
    family: Family,
    name: String,
    kind: SnapshotType,
    tags: Tags,
}

/// A database that a snapshot is to be taken of.
struct Subject {
    source: SourceInstance,
    status: InstanceStatus,
    is_member: bool,
    /// How many days an automated snapshot is kept.
    retention_days: u16,
    kms_key: Option<String>,
    /// What a snapshot without tags of its own gets, if it gets any.
    inheritable_tags: Option<Tags>,
}

impl Subject {
    fn find(state: &RegionState, family: Family, asked: &str) -> Result<Self, RdsFault> {
        let identifier = asked.to_ascii_lowercase();
        let found = match family {
            Family::Instance => state.instances.get(&identifier).map(Self::of_instance),
            Family::Cluster => state.clusters.get(&identifier).map(Self::of_cluster),
        };
        found.ok_or_else(|| family.database_not_found(asked))
    }

    fn of_instance(instance: &Instance) -> Self {
        let spec = &instance.spec;
        Self {
            source: SourceInstance::of(instance),
            status: instance.status,
            is_member: spec.cluster.is_some(),
            retention_days: spec.backup_retention_days,
            kms_key: spec.kms_key.clone(),
            inheritable_tags: spec.copy_tags_to_snapshot.then(|| spec.tags.inheritable()),
        }
    }

    fn of_cluster(cluster: &Cluster) -> Self {
        let spec = &cluster.spec;
        Self {
            source: SourceInstance::of_cluster(cluster),
            status: cluster.status,
            is_member: false,
            retention_days: spec.backup_retention_days,
            kms_key: spec.kms_key.clone(),
            inheritable_tags: spec.copy_tags_to_snapshot.then(|| spec.tags.inheritable()),
        }
    }

    fn lets_a_snapshot_begin(&self, family: Family) -> Result<(), RdsFault> {
        if self.is_member {
            return Err(invalid(
                "The specified instance is a member of a cluster and a snapshot cannot be created \
                 directly. Please use the CreateDBClusterSnapshot API instead."
                    .to_owned(),
            ));
        }
        if self.status.lets_a_snapshot_begin() {
            Ok(())
        } else {
            Err(family.invalid_database_state(&self.source.identifier))
        }
    }
}

pub(super) fn later(time: Timestamp, by: jiff::SignedDuration) -> Timestamp {
    time.checked_add(by).unwrap_or(Timestamp::MAX)
}

fn invalid(message: String) -> RdsFault {
    RdsFault::InvalidParameterValue(message)
}
