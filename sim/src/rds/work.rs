//! The calls that change something: create, copy, delete, tag.

use std::sync::Arc;

use jiff::Timestamp;

use super::agenda::{Due, SnapshotKey};
use super::event::Happening;
use super::instance::InstanceStatus;
use super::names::{RdsArn, Region, SNAPSHOT_NAME_MAX, new_identifier};
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
        let now = self.run_until(now);
        let name = new_identifier("DBSnapshotIdentifier", &request.snapshot, SNAPSHOT_NAME_MAX)?;
        let tags = Tags::from_caller(&request.tags)?;
        let quota = self.config.manual_snapshot_quota;
        let account = self.config.account.clone();
        let state = self.region_mut(region);
        let instance = state.instances.get(&request.instance.to_ascii_lowercase());
        let instance = instance
            .ok_or_else(|| RdsFault::DbInstanceNotFound(request.instance.clone()))?
            .clone();
        state.has_place_for(&name, quota)?;
        if instance.spec.cluster.is_some() {
            return Err(invalid(
                "The specified instance is a member of a cluster and a snapshot cannot be created \
                 directly. Please use the CreateDBClusterSnapshot API instead."
                    .to_owned(),
            ));
        }
        if !instance.status.lets_a_snapshot_begin() {
            return Err(RdsFault::InvalidDbInstanceState(
                instance.spec.identifier.clone(),
            ));
        }

        let serial = self.next_serial();
        let mut rng = self.rng_of(serial);
        let timings = &self.config.timings;
        let taken_at = later(now, timings.before_data_is_taken.draw(&mut rng));
        let drawn = timings.snapshot.draw(&mut rng);
        let planned = self.config.planned.get(&instance.spec.identifier);
        let ends_at = later(taken_at, planned.map_or(drawn, |work| work.snapshot));
        let written = rng.u64(20..=90);
        let fate = self.config.faults.fate_of(region, &name, &mut rng);
        // Any tag of the caller's own stops the inheritance (RDS User Guide, Tagging).
        let tags = if tags.is_empty() && instance.spec.copy_tags_to_snapshot {
            instance.spec.tags.inheritable()
        } else {
            tags
        };
        let snapshot = Snapshot {
            arn: arn(region, &account, &name),
            kind: SnapshotType::Manual,
            origin: Origin::Taken,
            instance: Arc::new(SourceInstance::of(&instance)),
            kms_key: instance.spec.kms_key.clone(),
            tags,
            size: u64::from(instance.spec.allocated_storage) * written * (1 << 30) / 100,
            taken_at,
            begun_at: taken_at,
            fate,
            ends_at,
            serial,
            stages: vec![(now, Stage::Creating)],
            name,
        };
        if let Some(instance) = self.instance_mut(region, &instance.spec.identifier) {
            instance.status = InstanceStatus::BackingUp;
        }
        self.announce(
            region,
            &snapshot,
            &Happening::Creating,
            now,
            snapshot.fate.begun_event,
        );
        Ok(self.accept(region, snapshot, now))
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
        let now = self.run_until(now);
        let target = new_identifier(
            "TargetDBSnapshotIdentifier",
            &request.target,
            SNAPSHOT_NAME_MAX,
        )?;
        let own_tags = Tags::from_caller(&request.tags)?;
        let from = self.source_of_copy(region, &request.source)?;
        let quota = self.config.manual_snapshot_quota;
        self.region_mut(region).has_place_for(&target, quota)?;
        let source = self.region_mut(&from.region).snapshot(&from.name)?.clone();
        let from = CopySource {
            serial: source.serial,
            ..from
        };
        if source.stage() != Stage::Available {
            return Err(RdsFault::InvalidDbSnapshotState(format!(
                "The source snapshot {} is {}, but must be available.",
                source.arn,
                source.stage().as_str()
            )));
        }
        let kms_key = self.key_of_copy(region, &from, &source, request.kms_key.as_deref())?;
        self.has_place_for_a_copy(region, &from)?;

        let serial = self.next_serial();
        let mut rng = self.rng_of(serial);
        let timings = &self.config.timings;
        let begun_at = later(now, timings.copy_queued.draw(&mut rng));
        let drawn = timings.copy.draw(&mut rng);
        let planned = self.config.planned.get(&source.instance.identifier);
        let ends_at = later(begun_at, planned.map_or(drawn, |work| work.copy));
        let fate = self.config.faults.fate_of(region, &target, &mut rng);
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
            arn: arn(region, &self.config.account, &target),
            name: target,
            kind: SnapshotType::Manual,
            origin: Origin::Copied(from),
            instance,
            kms_key,
            tags,
            size: source.size,
            taken_at: source.taken_at,
            begun_at,
            fate,
            ends_at,
            serial,
            stages: vec![(now, Stage::Creating)],
        };
        if copy.is_a_copy_in_flight() {
            self.region_mut(region).copy_takes_a_place();
        }
        Ok(self.accept(region, copy, now))
    }

    /// DeleteDBSnapshot. A copy that is under way is ended by it.
    ///
    /// # Errors
    /// `DBSnapshotNotFound`; `InvalidDBSnapshotState` for one that is being taken or deleted.
    pub fn delete_db_snapshot(
        &mut self,
        region: &Region,
        name: &str,
        now: Timestamp,
    ) -> Result<SnapshotDescription, RdsFault> {
        let now = self.run_until(now);
        let name = name.to_ascii_lowercase();
        let snapshot = self.region_mut(region).snapshot(&name)?.clone();
        let stage = snapshot.stage();
        let being_taken = stage == Stage::Creating && snapshot.origin == Origin::Taken;
        if being_taken || stage == Stage::Deleting {
            return Err(RdsFault::InvalidDbSnapshotState(format!(
                "Cannot delete the snapshot {name} because it is in the {} state.",
                stage.as_str()
            )));
        }
        if let (Origin::Copied(from), true) = (&snapshot.origin, stage.is_under_way()) {
            let canceled = Happening::CopyCanceled(from.clone());
            self.announce(region, &snapshot, &canceled, now, Default::default());
        }
        let state = self.region_mut(region);
        if snapshot.is_a_copy_in_flight() {
            state.copy_leaves_its_place();
        }
        let serial = snapshot.serial;
        let shown = state.same(&name, serial).and_then(|snapshot| {
            snapshot.enter(Stage::Deleting, now);
            snapshot.described_at(now)
        });
        let mut rng = self.rng_of(serial.wrapping_add(DELETION));
        let gone_at = later(now, self.config.timings.deletion.draw(&mut rng));
        let key = SnapshotKey {
            region: region.clone(),
            name: name.clone(),
            serial,
        };
        self.agenda.enter(gone_at, Due::Gone(key));
        shown.ok_or(RdsFault::DbSnapshotNotFound(name))
    }

    /// ListTagsForResource.
    ///
    /// # Errors
    /// `InvalidParameterValue` when it is no ARN of a resource here, `DBSnapshotNotFound`,
    /// `DBInstanceNotFound`.
    pub fn list_tags_for_resource(
        &mut self,
        region: &Region,
        arn: &str,
        now: Timestamp,
    ) -> Result<Tags, RdsFault> {
        self.run_until(now);
        Ok(self.tags_mut(region, arn)?.clone())
    }

    /// AddTagsToResource.
    ///
    /// # Errors
    /// As [`Rds::list_tags_for_resource`]; `InvalidParameterValue` for tags RDS does not take.
    pub fn add_tags_to_resource(
        &mut self,
        region: &Region,
        arn: &str,
        tags: &[(String, String)],
        now: Timestamp,
    ) -> Result<(), RdsFault> {
        self.run_until(now);
        if tags.is_empty() {
            return Err(RdsFault::MissingParameter("Tags".to_owned()));
        }
        let more = Tags::from_caller(tags)?;
        self.tags_mut(region, arn)?.merge(more)
    }

    fn tags_mut(&mut self, region: &Region, arn: &str) -> Result<&mut Tags, RdsFault> {
        let account = self.config.account.clone();
        let parsed = RdsArn::parse(arn)
            .filter(|parsed| parsed.region == *region && parsed.account == account)
            .ok_or_else(|| invalid(format!("Invalid resource name: {arn}")))?;
        let state = self.region_mut(region);
        match parsed.kind.as_str() {
            "snapshot" => {
                let found = state.snapshots.get_mut(&parsed.name);
                let found = found.map(|snapshot| &mut snapshot.tags);
                found.ok_or(RdsFault::DbSnapshotNotFound(parsed.name))
            }
            "db" => {
                let found = state.instances.get_mut(&parsed.name);
                let found = found.map(|instance| &mut instance.spec.tags);
                found.ok_or(RdsFault::DbInstanceNotFound(parsed.name))
            }
            _ => Err(invalid(format!("Invalid resource name: {arn}"))),
        }
    }

    /// Reads the source of a copy: a name of the same region, or an ARN of any.
    fn source_of_copy(&self, region: &Region, text: &str) -> Result<CopySource, RdsFault> {
        if text.is_empty() {
            return Err(invalid(
                "The parameter SourceDBSnapshotIdentifier must be provided and must not be blank."
                    .to_owned(),
            ));
        }
        let arn = if text.starts_with("arn:") {
            let arn = RdsArn::parse(text).filter(|arn| arn.kind == "snapshot");
            arn.ok_or_else(|| invalid(format!("Invalid snapshot identifier:  {text}")))?
        } else {
            RdsArn {
                region: region.clone(),
                account: self.config.account.clone(),
                kind: "snapshot".to_owned(),
                name: text.to_ascii_lowercase(),
            }
        };
        if arn.account != self.config.account {
            return Err(RdsFault::DbSnapshotNotFound(text.to_owned()));
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

    fn has_place_for_a_copy(&mut self, region: &Region, from: &CopySource) -> Result<(), RdsFault> {
        let limit = self.config.max_copies_in_flight;
        if from.across_regions && self.region_mut(region).copies_in_flight >= limit {
            return Err(RdsFault::CopiesInFlightQuota(limit));
        }
        Ok(())
    }

    /// Stores a new snapshot, enters what is due for it, and shows it as the call answers.
    fn accept(&mut self, region: &Region, new: Snapshot, now: Timestamp) -> SnapshotDescription {
        let key = SnapshotKey {
            region: region.clone(),
            name: new.name.clone(),
            serial: new.serial,
        };
        if new.origin != Origin::Taken {
            self.agenda
                .enter(new.begun_at, Due::CopyBegins(key.clone()));
        }
        self.agenda.enter(new.ends_at, Due::WorkEnds(key));
        let shown = new.described_at(now);
        let shown = shown.expect("a snapshot has reached its first stage when it is accepted");
        self.region_mut(region)
            .snapshots
            .insert(new.name.clone(), new);
        shown
    }
}

/// Keeps what is drawn for a deletion apart from what was drawn for the snapshot itself.
const DELETION: u64 = 1 << 63;

fn arn(region: &Region, account: &str, name: &str) -> String {
    format!("arn:aws:rds:{region}:{account}:snapshot:{name}")
}

fn later(time: Timestamp, by: jiff::SignedDuration) -> Timestamp {
    time.checked_add(by).unwrap_or(Timestamp::MAX)
}

fn invalid(message: String) -> RdsFault {
    RdsFault::InvalidParameterValue(message)
}
