//! Deleting databases.

use jiff::Timestamp;

use super::agenda::{DatabaseKey, DatabaseStep};
use super::change::busy;
use super::cluster::Cluster;
use super::family::Family;
use super::instance::{Instance, InstanceStatus};
use super::names::Region;
use super::request::{CreateDbSnapshot, DeleteDatabase};
use super::{Rds, RdsFault};

/// The states in which a database can be deleted only without a last snapshot.
const BROKEN: [InstanceStatus; 5] = [
    InstanceStatus::Failed,
    InstanceStatus::IncompatibleRestore,
    InstanceStatus::IncompatibleNetwork,
    InstanceStatus::InsufficientCapacity,
    InstanceStatus::Creating,
];

impl Rds {
    /// DeleteDBInstance.
    ///
    /// # Errors
    /// `DBInstanceNotFound`; `InvalidDBInstanceState` for one that is being deleted; `InvalidParameterCombination` for one
    /// that is protected, or for a last snapshot that is neither named nor skipped.
    pub(super) fn delete_instance(
        &mut self,
        region: &Region,
        request: &DeleteDatabase,
        now: Timestamp,
    ) -> Result<Instance, RdsFault> {
        let now = self.run_until(now);
        let key = self.database_key(Family::Instance, region, &request.database)?;
        let not_found = || Family::Instance.database_not_found(&key.name);
        let instance = self.same_instance(&key).ok_or_else(not_found)?.clone();
        let is_member = instance.spec.cluster.is_some();
        // A member's protection is its cluster's, and its data is in the cluster's snapshots.
        if instance.spec.deletion_protection && !is_member {
            return Err(RdsFault::InvalidParameterCombination(
                "Cannot delete protected DB Instance, please disable deletion protection and try again."
                    .to_owned(),
            ));
        }
        let skips = is_member || request.skips_final_snapshot;
        self.before_deletion(&key, instance.status, skips, request, now)?;
        self.deletion_begins(&key, now);
        self.same_instance(&key).cloned().ok_or_else(not_found)
    }

    /// DeleteDBCluster.
    ///
    /// # Errors
    /// `DBClusterNotFoundFault`; `InvalidDBClusterStateFault` for one that is being deleted, or that has members;
    /// `InvalidParameterCombination` as for instances.
    pub(super) fn delete_cluster(
        &mut self,
        region: &Region,
        request: &DeleteDatabase,
        now: Timestamp,
    ) -> Result<Cluster, RdsFault> {
        let now = self.run_until(now);
        let key = self.database_key(Family::Cluster, region, &request.database)?;
        let not_found = || Family::Cluster.database_not_found(&key.name);
        let cluster = self.same_cluster(&key).ok_or_else(not_found)?.clone();
        if cluster.spec.deletion_protection {
            return Err(RdsFault::InvalidParameterCombination(
                "Cannot delete protected Cluster, please disable deletion protection and try again."
                    .to_owned(),
            ));
        }
        let state = self.region_mut(region);
        let members = cluster.spec.members.iter();
        let mut living = members.filter_map(|member| state.instances.get(member));
        if living.any(|member| member.status != InstanceStatus::Deleting) {
            let message =
                "Cluster cannot be deleted, it still contains DB instances in non-deleting state.";
            return Err(busy(Family::Cluster, message.to_owned()));
        }
        let skips = request.skips_final_snapshot;
        self.before_deletion(&key, cluster.status, skips, request, now)?;
        self.deletion_begins(&key, now);
        self.same_cluster(&key).cloned().ok_or_else(not_found)
    }

    fn before_deletion(
        &mut self,
        key: &DatabaseKey,
        status: InstanceStatus,
        skips: bool,
        request: &DeleteDatabase,
        now: Timestamp,
    ) -> Result<(), RdsFault> {
        if status == InstanceStatus::Deleting {
            let message = format!("Database {} is already being deleted.", key.name);
            return Err(busy(key.family, message));
        }
        match (skips, &request.final_snapshot) {
            (true, Some(_)) if request.skips_final_snapshot => {
                Err(RdsFault::InvalidParameterCombination(
                    "FinalDBSnapshotIdentifier can not be specified when deleting a database without a final snapshot."
                        .to_owned(),
                ))
            }
            (true, _) => Ok(()),
            (false, None) => Err(RdsFault::InvalidParameterCombination(
                "FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified."
                    .to_owned(),
            )),
            (false, Some(_)) if BROKEN.contains(&status) => {
                let message = format!("No last snapshot can be taken of {}.", key.name);
                Err(busy(key.family, message))
            }
            (false, Some(snapshot)) => {
                let wanted = CreateDbSnapshot {
                    snapshot: snapshot.clone(),
                    instance: key.name.clone(),
                    tags: Vec::new(),
                };
                let region = &key.region;
                let taken = match key.family {
                    Family::Instance => self.create_db_snapshot(region, &wanted, now),
                    Family::Cluster => self.create_db_cluster_snapshot(region, &wanted, now),
                };
                taken.map(drop)
            }
        }
    }

    fn deletion_begins(&mut self, key: &DatabaseKey, now: Timestamp) {
        if let Some(course) = self.course(key) {
            *course.status = InstanceStatus::Deleting;
        }
        let takes = self.config.timings.database_deletion;
        self.database_later(key, DatabaseStep::Gone, takes, now);
    }
}
