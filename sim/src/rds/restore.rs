//! The calls that make databases: restores, and the members of clusters.

use fastrand::Rng;
use jiff::Timestamp;

use super::agenda::{DatabaseKey, DatabaseStep};
use super::cluster::{Cluster, ClusterSpec, is_multi_az_cluster};
use super::database_events::DatabaseHappening;
use super::engine::default_option_group;
use super::family::Family;
use super::instance::{Instance, InstanceSpec, InstanceStatus};
use super::names::{DATABASE_NAME_MAX, Region, new_identifier};
use super::operator::resource_id;
use super::parameters::Making;
use super::region_groups::{default_parameter_group, security_groups};
use super::request::{Answer, DatabaseRequest};
use super::settings::{Life, Settings};
use super::snapshot::{Snapshot, Stage};
use super::tags::Tags;
use super::work::{database_arn, later};
use super::{Rds, RdsFault};

/// The class of a member whose capacity its cluster decides.
const SERVERLESS: &str = "db.serverless";

impl Rds {
    /// Restores, CreateDBInstance, ModifyDBInstance and ModifyDBCluster.
    ///
    /// # Errors
    /// The error RDS would answer with; nothing is changed then.
    pub fn make(
        &mut self,
        making: Making,
        region: &Region,
        request: &DatabaseRequest,
        now: Timestamp,
    ) -> Result<Answer, RdsFault> {
        request.parameters.check(making)?;
        let now = self.run_until(now);
        let instance = |instance| Answer::Instance(Box::new(instance));
        let cluster = |cluster| Answer::Cluster(Box::new(cluster));
        match making {
            Making::RestoreInstance => self.restore_instance(region, request, now).map(instance),
            Making::RestoreCluster => self.restore_cluster(region, request, now).map(cluster),
            Making::CreateMember => self.create_member(region, request, now).map(instance),
            Making::ModifyInstance => self.modify_instance(region, request, now).map(instance),
            Making::ModifyCluster => self.modify_cluster(region, request, now).map(cluster),
        }
    }

    fn restore_instance(
        &mut self,
        region: &Region,
        request: &DatabaseRequest,
        now: Timestamp,
    ) -> Result<Instance, RdsFault> {
        let name = new_identifier("DBInstanceIdentifier", &request.database, DATABASE_NAME_MAX)?;
        self.is_free_instance(region, &name)?;
        let snapshot = self.snapshot_to_restore(Making::RestoreInstance, region, request)?;
        let given = &request.parameters;
        let of = &snapshot.instance;
        if given.text("Engine").is_some_and(|it| it != of.engine) {
            return Err(other_engine(&of.engine));
        }
        let state = self.region_mut(region);
        state.has_parameter_group(
            "DBParameterGroupNotFound",
            given.text("DBParameterGroupName"),
        )?;
        state.option_group_fits(given.text("OptionGroupName"), &of.persistent_options)?;
        let subnets = state.subnet_group(given.text("DBSubnetGroupName"))?.clone();
        let groups = security_groups(&subnets, given.texts("VpcSecurityGroupIds"))?;
        // Everything that the snapshot does not carry is RDS's default.
        let mut spec = InstanceSpec {
            identifier: name.clone(),
            engine: of.engine.clone(),
            engine_version: of.engine_version.clone(),
            license_model: of.license_model.clone(),
            class: given
                .text("DBInstanceClass")
                .unwrap_or(&of.class)
                .to_owned(),
            allocated_storage: of.allocated_storage,
            storage_type: match given.text("Iops") {
                Some(_) => "io1".to_owned(),
                None => "gp3".to_owned(),
            },
            kms_key: snapshot.kms_key.clone(),
            aws_owned_key: snapshot.aws_owned_key,
            timezone: of.timezone.clone(),
            tags: tags_of(request, &snapshot)?,
            option_group: default_option_group(&of.engine, &of.engine_version),
            parameter_group: default_parameter_group(&of.engine, &of.engine_version),
            subnet_group: subnets.name,
            subnets: subnets.subnets,
            vpc_id: subnets.vpc_id,
            port: Some(of.port),
            master_username: of.master_username.clone(),
            backup_retention_days: of.backup_retention_days,
            deletion_protection: false,
            created: now,
            settings: Settings::default(),
            ..InstanceSpec::postgres(name)
        };
        given.apply_to_instance(&mut spec, &self.secrets(region))?;
        spec.security_groups = groups;
        if spec.multi_az && given.text("AvailabilityZone").is_some() {
            return Err(RdsFault::InvalidParameterCombination(
                "Requesting a specific availability zone is not valid for Multi-AZ instances."
                    .to_owned(),
            ));
        }
        self.begin_instance(region, spec, Some(snapshot), now)
    }

    fn create_member(
        &mut self,
        region: &Region,
        request: &DatabaseRequest,
        now: Timestamp,
    ) -> Result<Instance, RdsFault> {
        let name = new_identifier("DBInstanceIdentifier", &request.database, DATABASE_NAME_MAX)?;
        self.is_free_instance(region, &name)?;
        let Some(of) = &request.of else {
            return Err(RdsFault::MissingParameter("DBClusterIdentifier".to_owned()));
        };
        let given = &request.parameters;
        let state = self.region_mut(region);
        let cluster = state
            .clusters
            .get(&of.to_ascii_lowercase())
            .ok_or_else(|| Family::Cluster.database_not_found(of))?;
        if cluster.status != InstanceStatus::Available {
            return Err(Family::Cluster.invalid_database_state(of));
        }
        let class = given
            .text("DBInstanceClass")
            .ok_or_else(|| RdsFault::MissingParameter("DBInstanceClass".to_owned()))?;
        match given.text("Engine") {
            None => return Err(RdsFault::MissingParameter("Engine".to_owned())),
            Some(engine) if engine != cluster.spec.engine => {
                return Err(other_engine(&cluster.spec.engine));
            }
            Some(_) => {}
        }
        if class == SERVERLESS && cluster.spec.settings.scaling.is_none() {
            return Err(RdsFault::InvalidParameterCombination(
                "Set the Serverless v2 scaling configuration on the parent DB cluster before creating a Serverless v2 \
                 DB instance."
                    .to_owned(),
            ));
        }
        state.has_parameter_group(
            "DBParameterGroupNotFound",
            given.text("DBParameterGroupName"),
        )?;
        let cluster = &cluster.spec;
        let mut spec = InstanceSpec {
            tags: Tags::from_caller(&request.tags)?,
            class: class.to_owned(),
            created: now,
            ..cluster.member(&name)
        };
        given.apply_to_instance(&mut spec, &self.secrets(region))?;
        let of = of.to_ascii_lowercase();
        let made = self.begin_instance(region, spec, None, now)?;
        if let Some(cluster) = self.region_mut(region).clusters.get_mut(&of) {
            cluster.spec.members.push(name);
        }
        Ok(made)
    }

    fn restore_cluster(
        &mut self,
        region: &Region,
        request: &DatabaseRequest,
        now: Timestamp,
    ) -> Result<Cluster, RdsFault> {
        let name = new_identifier("DBClusterIdentifier", &request.database, DATABASE_NAME_MAX)?;
        self.is_free_cluster(region, &name)?;
        let snapshot = self.snapshot_to_restore(Making::RestoreCluster, region, request)?;
        let given = &request.parameters;
        let of = &snapshot.instance;
        match given.text("Engine") {
            None => return Err(RdsFault::MissingParameter("Engine".to_owned())),
            Some(engine) if engine != of.engine => return Err(other_engine(&of.engine)),
            Some(_) => {}
        }
        if is_multi_az_cluster(&of.engine) {
            return Err(RdsFault::InvalidParameterCombination(
                "The model restores no Multi-AZ DB clusters.".to_owned(),
            ));
        }
        let default_version = self.config.default_versions.get(&of.engine);
        let version = given
            .text("EngineVersion")
            .or(default_version.map(String::as_str))
            .unwrap_or(&of.engine_version)
            .to_owned();
        if numbers(&version) < numbers(&of.engine_version) {
            return Err(RdsFault::InvalidParameterCombination(format!(
                "The snapshot's engine version {} is newer than {version}.",
                of.engine_version
            )));
        }
        if !self.offers_version(&of.engine, &version) {
            return Err(RdsFault::InvalidParameterCombination(format!(
                "Cannot find version {version} for {}",
                of.engine
            )));
        }
        let account = self.config.account.clone();
        let state = self.region_mut(region);
        let groups = given.text("DBClusterParameterGroupName");
        state.has_parameter_group("DBClusterParameterGroupNotFound", groups)?;
        let subnets = state.subnet_group(given.text("DBSubnetGroupName"))?.clone();
        let groups = security_groups(&subnets, given.texts("VpcSecurityGroupIds"))?;
        let kms_key = match given.text("KmsKeyId") {
            Some(named) => Some(state.keys.resolve(region, &account, named)?),
            None => snapshot.kms_key.clone(),
        };
        let mut spec = ClusterSpec {
            engine: of.engine.clone(),
            engine_version: version.clone(),
            kms_key,
            aws_owned_key: snapshot.aws_owned_key,
            tags: tags_of(request, &snapshot)?,
            members: Vec::new(),
            parameter_group: default_parameter_group(&of.engine, &version),
            subnet_group: subnets.name,
            vpc_id: subnets.vpc_id,
            port: Some(of.port),
            master_username: of.master_username.clone(),
            backup_retention_days: of.backup_retention_days,
            deletion_protection: false,
            storage_type: "aurora".to_owned(),
            settings: Settings::default(),
            ..ClusterSpec::aurora(name.clone())
        };
        given.apply_to_cluster(&mut spec, &self.secrets(region))?;
        spec.security_groups = groups;
        if spec.backup_retention_days == 0 {
            return Err(RdsFault::InvalidParameterValue(
                "Invalid backup retention period: 0. Must be between 1 and 35.".to_owned(),
            ));
        }
        self.begin_cluster(region, spec, Some(&snapshot), now)
    }

    pub(super) fn is_free_instance(&mut self, region: &Region, name: &str) -> Result<(), RdsFault> {
        match self.region_mut(region).instances.contains_key(name) {
            false => Ok(()),
            true => Err(RdsFault::other(
                "DBInstanceAlreadyExists",
                400,
                "DB instance already exists".to_owned(),
            )),
        }
    }

    pub(super) fn is_free_cluster(&mut self, region: &Region, name: &str) -> Result<(), RdsFault> {
        match self.region_mut(region).clusters.contains_key(name) {
            false => Ok(()),
            true => Err(RdsFault::other(
                "DBClusterAlreadyExistsFault",
                400,
                "DB Cluster already exists".to_owned(),
            )),
        }
    }

    /// The snapshot that a restore names, if it can be restored.
    fn snapshot_to_restore(
        &mut self,
        making: Making,
        region: &Region,
        request: &DatabaseRequest,
    ) -> Result<Snapshot, RdsFault> {
        let family = making.family();
        let Some(named) = &request.of else {
            let parameter = making.of_parameter().unwrap_or_default();
            return Err(RdsFault::MissingParameter(parameter.to_owned()));
        };
        let here = super::work::arn(family, region, &self.config.account, "");
        let name = named.strip_prefix(&here).unwrap_or(named);
        let state = self.region_mut(region);
        let snapshot = state.snapshot(family, &name.to_ascii_lowercase())?;
        if snapshot.stage() != Stage::Available {
            return Err(family.invalid_snapshot_state(format!(
                "The snapshot {name} is {}, but must be available.",
                snapshot.stage().as_str()
            )));
        }
        if let Some(key) = &snapshot.kms_key
            && !state.keys.is_usable(key)
        {
            return Err(RdsFault::KmsKeyNotAccessible(format!(
                "The KMS key [{key}] does not exist, is not enabled or you do not have permissions to access it."
            )));
        }
        Ok(snapshot.clone())
    }

    /// The ARN of a database.
    pub(super) fn arn_of(&self, key: &DatabaseKey) -> String {
        database_arn(key.family, &key.region, &self.config.account, &key.name)
    }

    /// Names a database that is made from now on, and says when it is ready.
    fn enter_making(
        &mut self,
        family: Family,
        region: &Region,
        name: &str,
        now: Timestamp,
    ) -> (DatabaseKey, Timestamp, Rng) {
        let serial = self.next_serial();
        let mut rng = self.rng_of(serial);
        let key = DatabaseKey {
            family,
            region: region.clone(),
            name: name.to_owned(),
            resource_id: resource_id(family.database_kind(), &mut rng),
        };
        let ready_at = later(now, self.config.timings.restore.draw(&mut rng));
        self.agenda
            .enter_database(ready_at, key.clone(), DatabaseStep::Ready);
        (key, ready_at, rng)
    }

    /// How the ARNs of a region's secrets begin.
    pub(super) fn secrets(&self, region: &Region) -> String {
        let (partition, account) = (region.partition(), &self.config.account);
        format!("arn:{partition}:secretsmanager:{region}:{account}")
    }

    pub(super) fn begin_instance(
        &mut self,
        region: &Region,
        spec: InstanceSpec,
        from: Option<Snapshot>,
        now: Timestamp,
    ) -> Result<Instance, RdsFault> {
        let max = self.config.max_instances;
        if self.region_mut(region).instances.len() >= max {
            let message = format!("Cannot create more than {max} DB instances");
            return Err(RdsFault::other("InstanceQuotaExceeded", 400, message));
        }
        let outcome = self.config.faults.restore_of(region, &spec.identifier);
        let is_known = self.config.classes.as_ref();
        if outcome.refuses_class || is_known.is_some_and(|known| !known.contains(&spec.class)) {
            return Err(RdsFault::InvalidParameterCombination(format!(
                "RDS does not support creating a DB instance with the following combination: DBInstanceClass={}, \
                 Engine={}, EngineVersion={}.",
                spec.class, spec.engine, spec.engine_version
            )));
        }
        if outcome.has_no_capacity {
            return Err(no_capacity(Family::Instance));
        }
        let (key, ready_at, mut rng) =
            self.enter_making(Family::Instance, region, &spec.identifier, now);
        // Aurora's storage is there when it is `available`.
        let loads = from.as_ref().map(|_| {
            let loading = self.config.timings.loading.draw(&mut rng);
            (ready_at, later(ready_at, loading))
        });
        let instance = Instance {
            arn: self.arn_of(&key),
            resource_id: key.resource_id.clone(),
            region: region.clone(),
            status: InstanceStatus::Creating,
            replicas: Vec::new(),
            life: Life {
                restored_from: from.as_ref().map(|snapshot| snapshot.arn.clone()),
                has_no_endpoint: true,
                loads,
                ..Life::default()
            },
            spec,
        };
        let shown = instance.clone();
        let instances = &mut self.region_mut(region).instances;
        instances.insert(key.name.clone(), instance);
        if let Some(snapshot) = from {
            let restored = DatabaseHappening::Restored(snapshot.name.clone());
            self.announce_database(&key, &restored, now);
            self.announce_restore_of_snapshot(region, &snapshot, now);
        }
        self.announce_database(&key, &DatabaseHappening::Created, now);
        Ok(shown)
    }

    pub(super) fn begin_cluster(
        &mut self,
        region: &Region,
        spec: ClusterSpec,
        from: Option<&Snapshot>,
        now: Timestamp,
    ) -> Result<Cluster, RdsFault> {
        let max = self.config.max_clusters;
        if self.region_mut(region).clusters.len() >= max {
            let message = format!("Cannot create more than {max} DB clusters");
            return Err(RdsFault::other("DBClusterQuotaExceededFault", 403, message));
        }
        let outcome = self.config.faults.restore_of(region, &spec.identifier);
        if outcome.has_no_capacity {
            return Err(no_capacity(Family::Cluster));
        }
        let (key, _, _) = self.enter_making(Family::Cluster, region, &spec.identifier, now);
        let cluster = Cluster {
            arn: self.arn_of(&key),
            resource_id: key.resource_id.clone(),
            region: region.clone(),
            status: InstanceStatus::Creating,
            created: now,
            life: Life {
                restored_from: from.map(|snapshot| snapshot.arn.clone()),
                ..Life::default()
            },
            spec,
        };
        let shown = cluster.clone();
        let clusters = &mut self.region_mut(region).clusters;
        clusters.insert(key.name.clone(), cluster);
        self.announce_database(&key, &DatabaseHappening::Created, now);
        Ok(shown)
    }
}

/// The tags of what is restored: those of the call, or the snapshot's if it has none.
fn tags_of(request: &DatabaseRequest, from: &Snapshot) -> Result<Tags, RdsFault> {
    match request.tags.is_empty() {
        true => Ok(from.tags.inheritable()),
        false => Tags::from_caller(&request.tags),
    }
}

fn other_engine(engine: &str) -> RdsFault {
    RdsFault::InvalidParameterCombination(format!("The engine must be {engine}."))
}

fn no_capacity(family: Family) -> RdsFault {
    match family {
        Family::Instance => RdsFault::other(
            "InsufficientDBInstanceCapacity",
            400,
            "Insufficient capacity for the requested DB instance class in these Availability Zones."
                .to_owned(),
        ),
        Family::Cluster => RdsFault::other(
            "InsufficientDBClusterCapacityFault",
            403,
            "The DB cluster doesn't have enough capacity for the current operation.".to_owned(),
        ),
    }
}

/// The numbers of a version, to be compared.
fn numbers(version: &str) -> Vec<u64> {
    version
        .split(['.', '-'])
        .map_while(|part| part.parse().ok())
        .collect()
}
