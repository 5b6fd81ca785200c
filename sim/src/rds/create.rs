//! The calls that make databases of nothing, and the one that stops an instance.
//!
//! Only `cargo live-check` makes databases so; Snapferry itself restores them from snapshots (`restore.rs`).

use jiff::Timestamp;

use super::agenda::DatabaseStep;
use super::cluster::{Cluster, ClusterSpec};
use super::engine::default_option_group;
use super::family::Family;
use super::instance::{Instance, InstanceSpec, InstanceStatus};
use super::names::{DATABASE_NAME_MAX, Region, new_identifier};
use super::region_groups::{default_parameter_group, security_groups};
use super::request::{Answer, CreateDatabase};
use super::tags::Tags;
use super::{Rds, RdsFault};

impl Rds {
    /// CreateDBInstance without a cluster, and CreateDBCluster, which makes no members. AWS does not document how the
    /// storage of a cluster is encrypted whose call says nothing of it: here RDS's own key encrypts it.
    ///
    /// # Errors
    /// The error RDS would answer with; nothing is changed then.
    pub fn create_database(
        &mut self,
        family: Family,
        region: &Region,
        request: &CreateDatabase,
        now: Timestamp,
    ) -> Result<Answer, RdsFault> {
        let now = self.run_until(now);
        match family {
            Family::Instance => self
                .create_instance(region, request, now)
                .map(|made| Answer::Instance(Box::new(made))),
            Family::Cluster => self
                .create_cluster(region, request, now)
                .map(|made| Answer::Cluster(Box::new(made))),
        }
    }

    fn create_instance(
        &mut self,
        region: &Region,
        request: &CreateDatabase,
        now: Timestamp,
    ) -> Result<Instance, RdsFault> {
        let name = new_identifier("DBInstanceIdentifier", &request.database, DATABASE_NAME_MAX)?;
        self.is_free_instance(region, &name)?;
        let class = request.class.clone();
        let class = class.ok_or_else(|| RdsFault::MissingParameter("DBInstanceClass".into()))?;
        let storage = request.storage;
        let storage =
            storage.ok_or_else(|| RdsFault::MissingParameter("AllocatedStorage".into()))?;
        let state = self.region_mut(region);
        let subnets = state.subnet_group(request.subnet_group.as_deref())?.clone();
        let mut spec = InstanceSpec::postgres(name);
        let version = self.config.default_versions.get(&request.engine);
        let version = version.cloned().unwrap_or(spec.engine_version);
        spec = InstanceSpec {
            option_group: default_option_group(&request.engine, &version),
            parameter_group: default_parameter_group(&request.engine, &version),
            engine: request.engine.clone(),
            engine_version: version,
            class,
            allocated_storage: storage,
            aws_owned_key: request.encrypted == Some(true),
            tags: Tags::from_caller(&request.tags)?,
            security_groups: security_groups(&subnets, None)?,
            subnet_group: subnets.name,
            subnets: subnets.subnets,
            vpc_id: subnets.vpc_id,
            backup_retention_days: request.backup_retention_days.unwrap_or(1),
            deletion_protection: false,
            created: now,
            ..InstanceSpec::postgres(spec.identifier)
        };
        self.begin_instance(region, spec, None, now)
    }

    fn create_cluster(
        &mut self,
        region: &Region,
        request: &CreateDatabase,
        now: Timestamp,
    ) -> Result<Cluster, RdsFault> {
        let name = new_identifier("DBClusterIdentifier", &request.database, DATABASE_NAME_MAX)?;
        self.is_free_cluster(region, &name)?;
        let state = self.region_mut(region);
        let subnets = state.subnet_group(request.subnet_group.as_deref())?.clone();
        let mut spec = ClusterSpec::aurora(name);
        let version = self.config.default_versions.get(&request.engine);
        let version = version.cloned().unwrap_or(spec.engine_version);
        spec = ClusterSpec {
            parameter_group: default_parameter_group(&request.engine, &version),
            engine: request.engine.clone(),
            engine_version: version,
            members: Vec::new(),
            aws_owned_key: request.encrypted != Some(false),
            tags: Tags::from_caller(&request.tags)?,
            security_groups: security_groups(&subnets, None)?,
            subnet_group: subnets.name,
            vpc_id: subnets.vpc_id,
            backup_retention_days: request.backup_retention_days.unwrap_or(1),
            deletion_protection: false,
            ..ClusterSpec::aurora(spec.identifier)
        };
        self.begin_cluster(region, spec, None, now)
    }

    /// StopDBInstance.
    ///
    /// # Errors
    /// `DBInstanceNotFound`, `InvalidDBInstanceState`.
    pub(super) fn stop(
        &mut self,
        region: &Region,
        name: &str,
        now: Timestamp,
    ) -> Result<Instance, RdsFault> {
        let now = self.run_until(now);
        let key = self.database_key(Family::Instance, region, name)?;
        self.is_at_rest(&key)?;
        if let Some(course) = self.course(&key) {
            *course.status = InstanceStatus::Stopping;
        }
        let takes = self.config.timings.restart;
        self.database_later(&key, DatabaseStep::Stopped, takes, now);
        self.same_instance(&key)
            .cloned()
            .ok_or_else(|| Family::Instance.database_not_found(&key.name))
    }
}
