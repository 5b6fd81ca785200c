//! What is not in the API: changes by an operator, and reads by the judge.

use fastrand::Rng;
use jiff::Timestamp;

use super::cluster::{Cluster, ClusterSpec};
use super::family::Family;
use super::instance::{Instance, InstanceSpec, InstanceStatus, LONG_AGO};
use super::keys::KmsKey;
use super::names::{DATABASE_NAME_MAX, Region, new_identifier};
use super::settings::Life;
use super::snapshot::Snapshot;
use super::work::database_arn;
use super::{Rds, RdsConfig, RdsFault};

/// What an operator of the simulated world does; no API call does these here.
impl Rds {
    /// Puts an instance there, `available`, and returns its DbiResourceId.
    ///
    /// # Errors
    /// `InvalidParameterValue` for a bad or taken identifier, `KMSKeyNotAccessibleFault` for a
    /// key that was not added before or is disabled.
    pub fn add_instance(
        &mut self,
        region: &Region,
        mut spec: InstanceSpec,
    ) -> Result<String, RdsFault> {
        let parameter = "DBInstanceIdentifier";
        spec.identifier = new_identifier(parameter, &spec.identifier, DATABASE_NAME_MAX)?;
        let serial = self.next_serial();
        let resource_id = resource_id("db", &mut self.rng_of(serial));
        let account = self.config.account.clone();
        let state = self.region_mut(region);
        if state.instances.contains_key(&spec.identifier) {
            let message = format!("DB instance {} already exists", spec.identifier);
            return Err(RdsFault::InvalidParameterValue(message));
        }
        if let Some(named) = &spec.kms_key {
            spec.kms_key = Some(state.keys.resolve(region, &account, named)?);
        }
        let instance = Instance {
            arn: database_arn(Family::Instance, region, &account, &spec.identifier),
            resource_id: resource_id.clone(),
            region: region.clone(),
            status: InstanceStatus::Available,
            replicas: Vec::new(),
            life: Life::default(),
            spec,
        };
        let source = instance.spec.replica_of.as_deref().unwrap_or_default();
        if let Some(source) = state.instances.get_mut(&source.to_ascii_lowercase()) {
            source.replicas.push(instance.spec.identifier.clone());
        }
        state
            .instances
            .insert(instance.spec.identifier.clone(), instance);
        Ok(resource_id)
    }

    /// Puts a cluster there with its members, `available`, and returns its DbClusterResourceId.
    ///
    /// # Errors
    /// As [`Rds::add_instance`], for the cluster or one of its members. The members before that
    /// one are there then, and the cluster is not.
    pub fn add_cluster(
        &mut self,
        region: &Region,
        mut spec: ClusterSpec,
    ) -> Result<String, RdsFault> {
        let parameter = "DBClusterIdentifier";
        spec.identifier = new_identifier(parameter, &spec.identifier, DATABASE_NAME_MAX)?;
        let serial = self.next_serial();
        let resource_id = resource_id("cluster", &mut self.rng_of(serial));
        let account = self.config.account.clone();
        let state = self.region_mut(region);
        if state.clusters.contains_key(&spec.identifier) {
            let message = format!("DB cluster {} already exists", spec.identifier);
            return Err(RdsFault::InvalidParameterValue(message));
        }
        if let Some(named) = &spec.kms_key {
            spec.kms_key = Some(state.keys.resolve(region, &account, named)?);
        }
        for member in &mut spec.members {
            member.make_ascii_lowercase();
        }
        for member in &spec.members {
            self.add_instance(region, spec.member(member))?;
        }
        let cluster = Cluster {
            arn: database_arn(Family::Cluster, region, &account, &spec.identifier),
            resource_id: resource_id.clone(),
            region: region.clone(),
            status: InstanceStatus::Available,
            created: LONG_AGO,
            life: Life::default(),
            spec,
        };
        let clusters = &mut self.region_mut(region).clusters;
        clusters.insert(cluster.spec.identifier.clone(), cluster);
        Ok(resource_id)
    }

    /// Changes a cluster at will, but not its identifier. `None` when there is none.
    pub fn change_cluster<T>(
        &mut self,
        region: &Region,
        identifier: &str,
        change: impl FnOnce(&mut Cluster) -> T,
    ) -> Option<T> {
        let clusters = &mut self.region_mut(region).clusters;
        clusters
            .get_mut(&identifier.to_ascii_lowercase())
            .map(change)
    }

    /// Takes an instance away; its manual snapshots stay. False when there is none.
    pub fn remove_instance(&mut self, region: &Region, identifier: &str) -> bool {
        self.region_mut(region)
            .instances
            .remove(&identifier.to_ascii_lowercase())
            .is_some()
    }

    /// Changes an instance at will, but not its identifier. `None` when there is none.
    pub fn change_instance<T>(
        &mut self,
        region: &Region,
        identifier: &str,
        change: impl FnOnce(&mut Instance) -> T,
    ) -> Option<T> {
        self.instance_mut(region, &identifier.to_ascii_lowercase())
            .map(change)
    }

    /// Makes a KMS key known in a region.
    pub fn add_key(&mut self, region: &Region, key: KmsKey) {
        self.region_mut(region).keys.add(key);
    }

    /// Enables or disables a key, by its ARN. False when there is no such key.
    pub fn set_key_enabled(&mut self, region: &Region, arn: &str, enabled: bool) -> bool {
        self.region_mut(region).keys.set_enabled(arn, enabled)
    }

    /// The settings, to be read.
    pub fn config(&self) -> &RdsConfig {
        &self.config
    }

    /// The settings, to be changed: in force from the next call on.
    pub fn config_mut(&mut self) -> &mut RdsConfig {
        &mut self.config
    }
}

/// The truth, for who judges. Nothing here lags.
impl Rds {
    /// The latest time the model was told.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// The regions that were ever used.
    pub fn regions(&self) -> impl Iterator<Item = &Region> {
        self.regions.keys()
    }

    /// The instances of a region, by identifier.
    pub fn instances<'a>(
        &'a self,
        region: &Region,
    ) -> impl Iterator<Item = &'a Instance> + use<'a> {
        self.regions
            .get(region)
            .into_iter()
            .flat_map(|state| state.instances.values())
    }

    /// The clusters of a region, by identifier.
    pub fn clusters<'a>(&'a self, region: &Region) -> impl Iterator<Item = &'a Cluster> + use<'a> {
        self.regions
            .get(region)
            .into_iter()
            .flat_map(|state| state.clusters.values())
    }

    /// One cluster.
    pub fn cluster(&self, region: &Region, identifier: &str) -> Option<&Cluster> {
        self.regions
            .get(region)?
            .clusters
            .get(&identifier.to_ascii_lowercase())
    }

    /// The cluster snapshots of a region, by identifier, in whatever stage.
    pub fn cluster_snapshots<'a>(
        &'a self,
        region: &Region,
    ) -> impl Iterator<Item = &'a Snapshot> + use<'a> {
        self.regions
            .get(region)
            .into_iter()
            .flat_map(|state| state.cluster_snapshots.values())
    }

    /// One cluster snapshot.
    pub fn cluster_snapshot(&self, region: &Region, name: &str) -> Option<&Snapshot> {
        self.regions
            .get(region)?
            .cluster_snapshots
            .get(&name.to_ascii_lowercase())
    }

    /// The instance snapshots of a region, by identifier, in whatever stage.
    pub fn snapshots<'a>(
        &'a self,
        region: &Region,
    ) -> impl Iterator<Item = &'a Snapshot> + use<'a> {
        self.regions
            .get(region)
            .into_iter()
            .flat_map(|state| state.snapshots.values())
    }

    /// The names of all databases of a region.
    pub fn database_names(&self, region: &Region) -> Vec<String> {
        let Some(state) = self.regions.get(region) else {
            return Vec::new();
        };
        let names = state.instances.keys().chain(state.clusters.keys());
        names.cloned().collect()
    }

    /// One instance.
    pub fn instance(&self, region: &Region, identifier: &str) -> Option<&Instance> {
        self.regions
            .get(region)?
            .instances
            .get(&identifier.to_ascii_lowercase())
    }

    /// One instance snapshot.
    pub fn snapshot(&self, region: &Region, name: &str) -> Option<&Snapshot> {
        self.regions
            .get(region)?
            .snapshots
            .get(&name.to_ascii_lowercase())
    }

    /// How many copies from other regions are in flight to this one.
    pub fn copies_in_flight(&self, region: &Region) -> usize {
        self.regions
            .get(region)
            .map_or(0, |state| state.copies_in_flight)
    }

    /// How many of them are of cluster snapshots.
    pub fn cluster_copies_in_flight(&self, region: &Region) -> usize {
        self.regions
            .get(region)
            .map_or(0, |state| state.cluster_copies_in_flight)
    }

    /// The most that ever were in flight at once.
    pub fn most_copies_in_flight(&self, region: &Region) -> usize {
        self.regions
            .get(region)
            .map_or(0, |state| state.most_copies_in_flight)
    }
}

/// `db-` or `cluster-`, and 26 characters of base32, as RDS makes them.
pub(super) fn resource_id(kind: &str, rng: &mut Rng) -> String {
    const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let characters = (0..26).map(|_| char::from(BASE32[rng.usize(..32)]));
    kind.chars()
        .chain(std::iter::once('-'))
        .chain(characters)
        .collect()
}
