//! How databases take their course: what happens to one when it is due.

use jiff::{SignedDuration, Timestamp};

use super::Rds;
use super::agenda::{DatabaseKey, DatabaseStep};
use super::cluster::Cluster;
use super::config::DurationRange;
use super::database_events::DatabaseHappening;
use super::family::Family;
use super::instance::{Instance, InstanceStatus};
use super::settings::{Life, Settings};
use super::tags::Tags;
use super::work::later;

/// What instances and clusters have in common while something happens to them.
pub(super) struct SharedParts<'a> {
    pub(super) status: &'a mut InstanceStatus,
    pub(super) life: &'a mut Life,
    pub(super) settings: &'a mut Settings,
    pub(super) tags: &'a Tags,
    pub(super) kms_key: Option<&'a str>,
}

impl Rds {
    pub(super) fn same_instance(&mut self, key: &DatabaseKey) -> Option<&mut Instance> {
        let found = self.instance_mut(&key.region, &key.name);
        found.filter(|one| one.resource_id == key.resource_id)
    }

    pub(super) fn same_cluster(&mut self, key: &DatabaseKey) -> Option<&mut Cluster> {
        let found = self.regions.get_mut(&key.region)?;
        let found = found.clusters.get_mut(&key.name);
        found.filter(|one| one.resource_id == key.resource_id)
    }

    pub(super) fn course(&mut self, key: &DatabaseKey) -> Option<SharedParts<'_>> {
        match key.family {
            Family::Instance => self.same_instance(key).map(|one| SharedParts {
                status: &mut one.status,
                life: &mut one.life,
                settings: &mut one.spec.settings,
                tags: &one.spec.tags,
                kms_key: one.spec.kms_key.as_deref(),
            }),
            Family::Cluster => self.same_cluster(key).map(|one| SharedParts {
                status: &mut one.status,
                life: &mut one.life,
                settings: &mut one.spec.settings,
                tags: &one.spec.tags,
                kms_key: one.spec.kms_key.as_deref(),
            }),
        }
    }

    pub(super) fn drawn(&mut self, of: DurationRange) -> SignedDuration {
        let serial = self.next_serial();
        of.draw(&mut self.rng_of(serial))
    }

    /// Enters what is due for a database after a time that is drawn.
    pub(super) fn database_later(
        &mut self,
        key: &DatabaseKey,
        step: DatabaseStep,
        after: DurationRange,
        now: Timestamp,
    ) {
        let at = later(now, self.drawn(after));
        self.agenda.enter_database(at, key.clone(), step);
    }

    pub(super) fn database_step(&mut self, key: &DatabaseKey, step: DatabaseStep) {
        let now = self.now;
        if self.course(key).is_none() {
            return;
        }
        match step {
            DatabaseStep::Ready => self.ready(key, now),
            DatabaseStep::ChangeBegins => {
                let changes = self.config.timings.change;
                let Some(course) = self.course(key) else {
                    return;
                };
                let pending = course.life.pending.as_ref();
                let is_password =
                    pending.is_some_and(|it| it.text("ManageMasterUserPassword").is_some());
                *course.status = match is_password {
                    true => InstanceStatus::ResettingMasterCredentials,
                    false => InstanceStatus::Modifying,
                };
                self.database_later(key, DatabaseStep::ChangeEnds, changes, now);
            }
            DatabaseStep::ChangeEnds => self.change_ends(key, now),
            DatabaseStep::BackupEnds => {
                let Some(course) = self.course(key) else {
                    return;
                };
                if *course.status == InstanceStatus::BackingUp {
                    *course.status = InstanceStatus::Available;
                    self.announce_database(key, &DatabaseHappening::BackedUp, now);
                }
            }
            DatabaseStep::Restarted => {
                let Some(course) = self.course(key) else {
                    return;
                };
                if *course.status == InstanceStatus::Rebooting {
                    *course.status = InstanceStatus::Available;
                    course.life.needs_reboot = false;
                    self.announce_database(key, &DatabaseHappening::Restarted, now);
                }
            }
            DatabaseStep::Stopped => {
                if let Some(course) = self.course(key)
                    && *course.status == InstanceStatus::Stopping
                {
                    *course.status = InstanceStatus::Stopped;
                }
            }
            DatabaseStep::RolesActive => self.roles_active(key),
            DatabaseStep::Gone => self.database_gone(key, now),
        }
    }

    fn ready(&mut self, key: &DatabaseKey, now: Timestamp) {
        let outcome = self.config.faults.restore_of(&key.region, &key.name);
        if outcome.never_ends {
            return;
        }
        let has_key = self.has_usable_key(key);
        let Some(course) = self.course(key) else {
            return;
        };
        if *course.status != InstanceStatus::Creating {
            return;
        }
        let ends_as = match (outcome.ends_as, has_key) {
            (Some(status), _) => Some(status),
            (None, false) => Some(InstanceStatus::InaccessibleEncryptionCredentials),
            (None, true) => None,
        };
        if let Some(status) = ends_as {
            *course.status = status;
            self.announce_database(key, &DatabaseHappening::NotMade, now);
            return;
        }
        course.life.has_no_endpoint = false;
        *course.status = InstanceStatus::Available;
        let backs_up = self
            .same_instance(key)
            .is_some_and(|one| one.spec.cluster.is_none() && one.spec.backup_retention_days > 0);
        if backs_up {
            self.first_backup(key, now);
        }
    }

    /// A database whose backups are turned on is backed up at once, for a long time.
    fn first_backup(&mut self, key: &DatabaseKey, now: Timestamp) {
        if let Some(course) = self.course(key) {
            *course.status = InstanceStatus::BackingUp;
        }
        self.announce_database(key, &DatabaseHappening::BackingUp, now);
        let takes = self.config.timings.first_backup;
        self.database_later(key, DatabaseStep::BackupEnds, takes, now);
    }

    fn has_usable_key(&mut self, key: &DatabaseKey) -> bool {
        let named = self
            .course(key)
            .and_then(|it| it.kms_key.map(ToOwned::to_owned));
        let keys = &self.region_mut(&key.region).keys;
        named.is_none_or(|arn| keys.is_usable(&arn))
    }

    fn change_ends(&mut self, key: &DatabaseKey, now: Timestamp) {
        let secrets = self.secrets(&key.region);
        let outcome = self.config.faults.restore_of(&key.region, &key.name);
        let Some(course) = self.course(key) else {
            return;
        };
        let (is_changing, reset) = match course.status {
            InstanceStatus::Modifying => (true, false),
            InstanceStatus::ResettingMasterCredentials => (true, true),
            _ => (false, false),
        };
        let pending = course.life.pending.take();
        let (true, Some(change)) = (is_changing, pending) else {
            return;
        };
        *course.status = InstanceStatus::Available;
        if outcome.ignores_changes {
            return;
        }
        course.life.needs_reboot |= change.text("DBParameterGroupName").is_some()
            || change.text("DBClusterParameterGroupName").is_some();
        let mut turns_backups_on = false;
        // A value that cannot be read was refused when the change was asked for.
        if let Some(instance) = self.same_instance(key) {
            let before = instance.spec.backup_retention_days;
            let _ = change.apply_to_instance(&mut instance.spec, &secrets);
            turns_backups_on = before == 0 && instance.spec.backup_retention_days > 0;
        }
        if let Some(cluster) = self.same_cluster(key) {
            let _ = change.apply_to_cluster(&mut cluster.spec, &secrets);
        }
        if reset {
            self.announce_database(key, &DatabaseHappening::PasswordReset, now);
        }
        if turns_backups_on {
            self.first_backup(key, now);
        }
    }

    fn roles_active(&mut self, key: &DatabaseKey) {
        let roles = self.course(key).map(|it| &mut it.settings.roles);
        for role in roles.into_iter().flatten() {
            role.is_active = true;
        }
    }

    fn database_gone(&mut self, key: &DatabaseKey, now: Timestamp) {
        self.announce_database(key, &DatabaseHappening::Deleted, now);
        let state = self.region_mut(&key.region);
        match key.family {
            Family::Instance => {
                state.instances.remove(&key.name);
                for cluster in state.clusters.values_mut() {
                    cluster.spec.members.retain(|member| *member != key.name);
                }
            }
            Family::Cluster => drop(state.clusters.remove(&key.name)),
        }
    }
}
