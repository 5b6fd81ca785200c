//! The calls that make snapshots: create and copy.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::agenda::Due;
use super::copy_rules::crosses_regions;
use super::engine::{DEFAULT_GROUP, default_option_group};
use super::event::Happening;
use super::family::Family;
use super::instance::InstanceStatus;
use super::names::{Region, new_identifier};
use super::presigned_url;
use super::request::{CopyDbSnapshot, CreateDbSnapshot};
use super::snapshot::{CopySource, Origin, Snapshot, SnapshotDescription, SnapshotType, Stage};
use super::subject::Subject;
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
        let until_taken = timings.before_data_is_taken.draw(&mut rng);
        let taken_at = match family {
            Family::Instance => later(now, until_taken),
            Family::Cluster => now,
        };
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
            aws_owned_key: database.aws_owned_key,
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
        presigned_url::check(family, region, &from, request)?;
        if from.across_regions {
            crosses_regions(region, &from, &source, request)?;
        }
        let needed = match from.across_regions {
            true => source.instance.persistent_options.as_slice(),
            false => &[],
        };
        self.region_mut(region)
            .option_group_fits(request.option_group.as_deref(), needed)?;
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
        let is_default = instance.option_group.starts_with(DEFAULT_GROUP);
        if let Some(option_group) = &request.option_group {
            Arc::make_mut(&mut instance)
                .option_group
                .clone_from(option_group);
        } else if family == Family::Instance && from.across_regions && !is_default {
            let default = default_option_group(&instance.engine, &instance.engine_version);
            Arc::make_mut(&mut instance).option_group = default;
        }
        // Seven recorded answers for instances; none is known for clusters.
        let first = match (family, from.across_regions) {
            (Family::Instance, true) => Stage::Pending,
            _ => Stage::Creating,
        };
        let copy = Snapshot {
            family,
            arn: arn(family, region, &self.config.account, &target),
            name: target,
            kind: SnapshotType::Manual,
            origin: Origin::Copied(from),
            instance,
            aws_owned_key: kms_key.is_none() && source.aws_owned_key,
            kms_key,
            tags,
            size: source.size,
            taken_at: source.taken_at,
            begun_at,
            planned,
            ends_at,
            serial,
            shared_with: BTreeSet::new(),
            stages: vec![(now, first)],
        };
        if copy.is_a_copy_in_flight() {
            self.region_mut(region).copy_takes_a_place(family);
        }
        Ok(self.accept(region, copy, now))
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

/// The ARN of a snapshot.
pub(super) fn arn(family: Family, region: &Region, account: &str, name: &str) -> String {
    arn_of_kind(family.snapshot_kind(), region, account, name)
}

pub(super) fn database_arn(family: Family, region: &Region, account: &str, name: &str) -> String {
    arn_of_kind(family.database_kind(), region, account, name)
}

fn arn_of_kind(kind: &str, region: &Region, account: &str, name: &str) -> String {
    let partition = region.partition();
    format!("arn:{partition}:rds:{region}:{account}:{kind}:{name}")
}

/// A snapshot that is to be begun.
struct Wanted {
    family: Family,
    name: String,
    kind: SnapshotType,
    tags: Tags,
}

pub(super) fn later(time: Timestamp, by: jiff::SignedDuration) -> Timestamp {
    time.checked_add(by).unwrap_or(Timestamp::MAX)
}

fn invalid(message: String) -> RdsFault {
    RdsFault::InvalidParameterValue(message)
}
