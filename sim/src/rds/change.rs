//! The calls that change databases: settings, restarts, roles, the Data API.

use jiff::Timestamp;

use super::agenda::{DatabaseKey, DatabaseStep};
use super::cluster::Cluster;
use super::family::Family;
use super::instance::{Instance, InstanceStatus};
use super::names::{RdsArn, Region};
use super::request::{AddRole, DatabaseRequest};
use super::settings::AssociatedRole;
use super::{Rds, RdsFault};

impl Rds {
    pub(super) fn database_key(
        &self,
        family: Family,
        region: &Region,
        asked: &str,
    ) -> Result<DatabaseKey, RdsFault> {
        let resource_id = match family {
            Family::Instance => self.instance(region, asked).map(|one| &one.resource_id),
            Family::Cluster => self.cluster(region, asked).map(|one| &one.resource_id),
        };
        let resource_id = resource_id.ok_or_else(|| family.database_not_found(asked))?;
        Ok(DatabaseKey {
            family,
            region: region.clone(),
            name: asked.to_ascii_lowercase(),
            resource_id: resource_id.clone(),
        })
    }

    /// Refuses a change of a database that is busy, or has another change before it.
    pub(super) fn is_at_rest(&mut self, key: &DatabaseKey) -> Result<(), RdsFault> {
        let course = self.course(key);
        let is_at_rest = course.is_some_and(|it| {
            let status = *it.status;
            let lets = status == InstanceStatus::Available
                || status == InstanceStatus::StorageOptimization;
            lets && it.life.pending.is_none()
        });
        match is_at_rest {
            true => Ok(()),
            false => {
                let message = format!(
                    "Database {} is not in a state that lets it be changed; try your request later.",
                    key.name
                );
                Err(busy(key.family, message))
            }
        }
    }

    pub(super) fn modify_instance(
        &mut self,
        region: &Region,
        request: &DatabaseRequest,
        now: Timestamp,
    ) -> Result<Instance, RdsFault> {
        let key = self.database_key(Family::Instance, region, &request.database)?;
        self.is_at_rest(&key)?;
        let named = request.parameters.text("DBParameterGroupName");
        self.region_mut(region)
            .has_parameter_group("DBParameterGroupNotFound", named)?;
        // What cannot be read is refused at once.
        let mut tried = self
            .same_instance(&key)
            .map(|one| one.spec.clone())
            .ok_or_else(|| Family::Instance.database_not_found(&key.name))?;
        if tried.cluster.is_some() && request.parameters.text("BackupRetentionPeriod").is_some() {
            return Err(RdsFault::InvalidParameterCombination(
                "The cluster decides on the backups of its members.".to_owned(),
            ));
        }
        let secrets = self.secrets(region);
        request.parameters.apply_to_instance(&mut tried, &secrets)?;
        self.change_pends(&key, request, now);
        self.same_instance(&key)
            .cloned()
            .ok_or_else(|| Family::Instance.database_not_found(&key.name))
    }

    pub(super) fn modify_cluster(
        &mut self,
        region: &Region,
        request: &DatabaseRequest,
        now: Timestamp,
    ) -> Result<Cluster, RdsFault> {
        let key = self.database_key(Family::Cluster, region, &request.database)?;
        self.is_at_rest(&key)?;
        let named = request.parameters.text("DBClusterParameterGroupName");
        self.region_mut(region)
            .has_parameter_group("DBClusterParameterGroupNotFound", named)?;
        let mut tried = self
            .same_cluster(&key)
            .map(|one| one.spec.clone())
            .ok_or_else(|| Family::Cluster.database_not_found(&key.name))?;
        let secrets = self.secrets(region);
        request.parameters.apply_to_cluster(&mut tried, &secrets)?;
        self.change_pends(&key, request, now);
        self.same_cluster(&key)
            .cloned()
            .ok_or_else(|| Family::Cluster.database_not_found(&key.name))
    }

    /// A change that is not to be made at once waits for the maintenance window, which never comes here.
    fn change_pends(&mut self, key: &DatabaseKey, request: &DatabaseRequest, now: Timestamp) {
        if let Some(course) = self.course(key) {
            course.life.pending = Some(request.parameters.clone());
        }
        if request.at_once {
            let begins = self.config.timings.before_change;
            self.database_later(key, DatabaseStep::ChangeBegins, begins, now);
        }
    }

    /// RebootDBInstance.
    ///
    /// # Errors
    /// `DBInstanceNotFound`, `InvalidDBInstanceState`.
    pub(super) fn reboot(
        &mut self,
        region: &Region,
        name: &str,
        now: Timestamp,
    ) -> Result<Instance, RdsFault> {
        let now = self.run_until(now);
        let key = self.database_key(Family::Instance, region, name)?;
        self.is_at_rest(&key)?;
        if let Some(course) = self.course(&key) {
            *course.status = InstanceStatus::Rebooting;
        }
        let takes = self.config.timings.restart;
        self.database_later(&key, DatabaseStep::Restarted, takes, now);
        self.same_instance(&key)
            .cloned()
            .ok_or_else(|| Family::Instance.database_not_found(&key.name))
    }

    /// AddRoleToDBInstance or AddRoleToDBCluster.
    ///
    /// # Errors
    /// `DBInstanceNotFound`, `InvalidDBInstanceState`, `DBInstanceRoleAlreadyExists`; and as for clusters.
    pub(super) fn add_role(
        &mut self,
        family: Family,
        region: &Region,
        request: &AddRole,
        now: Timestamp,
    ) -> Result<(), RdsFault> {
        let now = self.run_until(now);
        let key = self.database_key(family, region, &request.database)?;
        self.is_at_rest(&key)?;
        let roles = self.course(&key).map(|it| &mut it.settings.roles);
        let roles = roles.ok_or_else(|| family.database_not_found(&key.name))?;
        if roles.iter().any(|role| role.arn == request.role) {
            let code = match family {
                Family::Instance => "DBInstanceRoleAlreadyExists",
                Family::Cluster => "DBClusterRoleAlreadyExists",
            };
            let message = format!("The role {} is associated already.", request.role);
            return Err(RdsFault::other(code, 400, message));
        }
        roles.push(AssociatedRole {
            arn: request.role.clone(),
            feature: request.feature.clone(),
            is_active: false,
        });
        let takes = self.config.timings.role;
        self.database_later(&key, DatabaseStep::RolesActive, takes, now);
        Ok(())
    }

    /// EnableHttpEndpoint.
    ///
    /// # Errors
    /// `ResourceNotFoundFault`, `InvalidResourceStateFault`.
    pub(super) fn enable_http_endpoint(
        &mut self,
        region: &Region,
        arn: &str,
        now: Timestamp,
    ) -> Result<String, RdsFault> {
        self.run_until(now);
        let not_found = || {
            let message = format!("{arn} is not found.");
            RdsFault::other("ResourceNotFoundFault", 404, message)
        };
        let named = RdsArn::parse(arn).ok_or_else(not_found)?;
        if named.region != *region || named.kind != "cluster" {
            return Err(not_found());
        }
        let key = self
            .database_key(Family::Cluster, region, &named.name)
            .map_err(|_| not_found())?;
        self.is_at_rest(&key).map_err(|fault| {
            RdsFault::other("InvalidResourceStateFault", 400, fault.to_string())
        })?;
        if let Some(cluster) = self.course(&key) {
            cluster.settings.http_endpoint = true;
        }
        Ok(arn.to_owned())
    }
}

/// A database is not in a state that lets it be changed.
pub(super) fn busy(family: Family, message: String) -> RdsFault {
    let code = match family {
        Family::Instance => "InvalidDBInstanceState",
        Family::Cluster => "InvalidDBClusterStateFault",
    };
    RdsFault::other(code, 400, message)
}
