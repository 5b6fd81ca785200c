//! A model of Amazon RDS, as far as snapshots, their copies and what is restored from them go.
//!
//! [`Rds`] is one account's RDS in all its regions. It is synchronous and pure: no clock (every
//! call says what time it is), no randomness of its own (a seed is given), nothing but ordered
//! maps. The same seed and the same calls give the same answers and the same events. An HTTP
//! service ticks it in scaled real time; a simulation jumps from one [`Rds::next_due`] to the
//! next.
//!
//! ```
//! use snapferry_sim::rds::{CreateDbSnapshot, InstanceSpec, Rds, RdsConfig, Stage};
//!
//! let mut rds = Rds::new(RdsConfig::default(), 7);
//! let ireland = "eu-west-1".parse()?;
//! rds.add_instance(&ireland, InstanceSpec::postgres("orders"))?;
//!
//! let now = "2026-01-02T03:00:00Z".parse()?;
//! let request = CreateDbSnapshot { snapshot: "s1".into(), instance: "orders".into(), tags: vec![] };
//! assert_eq!(rds.create_db_snapshot(&ireland, &request, now)?.stage, Stage::Creating);
//!
//! let mut ids = vec![];
//! while let Some(due) = rds.next_due() {
//!     ids.extend(rds.advance(due).iter().map(|event| event.event_id));
//! }
//! assert_eq!(ids, ["RDS-EVENT-0040", "RDS-EVENT-0042"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is known and what is assumed
//! Shapes, codes, ids, categories, limits and grammar follow AWS's service model and user guide.
//! AWS does not document the following; here the model does what is hardest on its users:
//! - both creation times of an instance's snapshot are absent until the data is taken or the copying begins, and the
//!   first lies some seconds after the call; a cluster snapshot holds the data of the call;
//! - a copy from another region is `pending` at first, and shows its option group, VPC, zone and resource id afterwards;
//! - a copy fails at its end if its source is gone by then, or its key no longer usable;
//! - a deleted copy that was under way sends both "canceled" and "deleted";
//! - a copy that is under way fails at once, without an event, when its source is deleted;
//! - a snapshot that failed can be deleted;
//! - the identifier of an automated snapshot finds nothing without its type, in a filter too;
//! - an automated snapshot goes without an event when it has been kept long enough, and a copy
//!   of it that is under way fails then;
//! - a name that is taken is reported before a quota that is full;
//! - cluster snapshots and instance snapshots share the limit of copies in flight;
//! - a cluster takes one snapshot at a time, and every second event of a cluster snapshot leaves
//!   its id out;
//! - a copy of a Multi-AZ DB cluster's snapshot to another region is an invalid parameter, and so
//!   is, unless [`KeylessClusterCopies`] says otherwise, a key for the copy of a cluster snapshot that is under none;
//! - RDS names a copy's missing options before it looks at the key;
//! - tags that begin with `aws:` are not inherited, neither by snapshots nor by copies;
//! - a restore without tags gets the snapshot's, for clusters too;
//! - a change begins some seconds after its call, and until then the database looks as if nothing were to change;
//! - a new cluster whose call says nothing of encryption is under a key of RDS's own;
//! - a database that is not `available`, or that a change is accepted for, takes no other change;
//! - turning backups on begins a full backup at once, and so does a restore with backups on;
//! - a parameter group that a change brings is in force only after a restart.

mod agenda;
mod change;
mod cluster;
mod config;
mod copy_rules;
mod create;
mod database_events;
mod delete;
mod describe;
mod due_work;
mod encryption;
mod engine;
mod event;
mod event_log;
mod family;
mod fault;
mod instance;
mod keys;
mod lifecycle;
mod names;
mod offers;
mod operator;
mod option_groups;
mod pages;
mod parameters;
mod planned_outcome;
mod plant;
mod presigned_url;
mod region;
mod region_groups;
mod remove;
mod request;
mod restore;
mod settings;
mod sharing;
mod snapshot;
mod subject;
mod tagging;
mod tags;
mod work;

use std::collections::BTreeMap;

use fastrand::Rng;
use jiff::Timestamp;

use agenda::Agenda;
use describe::Place;
use region::RegionState;

pub use cluster::{Cluster, ClusterSpec, availability_zones};
pub use config::{
    CLUSTER_COPIES_IN_FLIGHT, COPIES_IN_FLIGHT, DurationRange, MANUAL_CLUSTER_SNAPSHOTS,
    MANUAL_SNAPSHOTS, PlannedWork, RdsConfig, Timings,
};
pub use encryption::{KeylessClusterCopies, StorageEncryption};
pub use event::{EmittedEvent, with_milliseconds};
pub use event_log::source_type;
pub use family::Family;
pub use fault::RdsFault;
pub use instance::{Instance, InstanceSpec, InstanceStatus};
pub use keys::KmsKey;
pub use names::{BadRegion, CLUSTER_SNAPSHOT_NAME_MAX, RdsArn, Region, SNAPSHOT_NAME_MAX};
pub use option_groups::{DbOption, OptionGroup};
pub use parameters::{Making, Parameters};
pub use planned_outcome::{Ending, EventOutcome, Faults, Odds, PlannedOutcome, RestoreOutcome};
pub use plant::PlantedSnapshot;
pub use region_groups::{SubnetGroup, default_parameter_group};
pub use request::{
    AddRole, Answer, CopyDbSnapshot, CreateDatabase, CreateDbSnapshot, DatabaseRequest,
    DeleteDatabase, DescribeDbClusters, DescribeDbInstances, DescribeDbSnapshots, DescribeEvents,
    DescribeOptionGroups, Filter, GroupKind, ListGroups, ModifySnapshotAttribute, Offer, Page,
    Paging, Quota, Request, SnapshotAttributes,
};
pub use settings::{AssociatedRole, Life, ManagedSecret, PerformanceInsights, Scaling, Settings};
pub use snapshot::{
    CopySource, Origin, Snapshot, SnapshotDescription, SnapshotType, SourceInstance, Stage,
};
pub use tags::{KEY_MAX, TAGS_MAX, Tags, VALUE_MAX};

/// One account's RDS. See the [module](self) for what it promises.
#[derive(Clone, Debug)]
pub struct Rds {
    config: RdsConfig,
    seed: u64,
    serials: u64,
    now: Timestamp,
    regions: BTreeMap<Region, RegionState>,
    agenda: Agenda,
    /// Events that have arrived but were not handed out yet.
    outbox: Vec<EmittedEvent>,
}

impl Rds {
    /// An RDS without databases. Regions come into being as they are used.
    pub fn new(config: RdsConfig, seed: u64) -> Self {
        Self {
            config,
            seed,
            serials: 0,
            now: Timestamp::MIN,
            regions: BTreeMap::new(),
            agenda: Agenda::default(),
            outbox: Vec::new(),
        }
    }

    /// Answers one call made in `region` at `now`. Whatever was due by then happens first; a
    /// `now` before the latest one is taken as the latest.
    ///
    /// # Errors
    /// The error RDS would answer with; nothing is changed then.
    pub fn handle(
        &mut self,
        region: &Region,
        request: Request,
        now: Timestamp,
    ) -> Result<Answer, RdsFault> {
        let one = |snapshot| Answer::Snapshot(Box::new(snapshot));
        let one_cluster = |snapshot| Answer::ClusterSnapshot(Box::new(snapshot));
        let one_instance = |instance| Answer::Instance(Box::new(instance));
        match request {
            Request::CreateDbSnapshot(r) => self.create_db_snapshot(region, &r, now).map(one),
            Request::CopyDbSnapshot(r) => self.copy_db_snapshot(region, &r, now).map(one),
            Request::DeleteDbSnapshot(name) => self.delete_db_snapshot(region, &name, now).map(one),
            Request::DescribeDbSnapshots(r) => self
                .describe_db_snapshots(region, &r, now)
                .map(Answer::Snapshots),
            Request::DescribeDbInstances(r) => self
                .describe_db_instances(region, &r, now)
                .map(Answer::Instances),
            Request::ListTagsForResource(arn) => self
                .list_tags_for_resource(region, &arn, now)
                .map(Answer::Tags),
            Request::AddTagsToResource(arn, tags) => self
                .add_tags_to_resource(region, &arn, &tags, now)
                .map(|()| Answer::Done),
            Request::RemoveTagsFromResource(arn, keys) => self
                .remove_tags_from_resource(region, &arn, &keys, now)
                .map(|()| Answer::Done),
            Request::DescribeSnapshotAttributes(family, name) => self
                .describe_snapshot_attributes(family, region, &name, now)
                .map(Answer::Attributes),
            Request::ModifySnapshotAttribute(family, r) => self
                .modify_snapshot_attribute(family, region, &r, now)
                .map(Answer::Attributes),
            Request::DescribeEvents(r) => self.describe_events(region, &r, now).map(Answer::Events),
            Request::DescribeOptionGroups(r) => self
                .describe_option_groups(region, &r, now)
                .map(Answer::OptionGroups),
            Request::ListGroups(r) => {
                let page = self.list_groups(region, &r, now)?;
                Ok(Answer::Groups(r.kind, page))
            }
            Request::DescribeDbEngineVersions(of) => {
                Ok(Answer::EngineVersions(self.offered_versions(of)))
            }
            Request::DescribeOrderableDbInstanceOptions(of) => {
                Ok(Answer::OrderableOptions(self.offered_classes(of)))
            }
            Request::DescribeAccountAttributes => Ok(Answer::Quotas(
                self.describe_account_attributes(region, now),
            )),
            Request::CreateDbClusterSnapshot(r) => self
                .create_db_cluster_snapshot(region, &r, now)
                .map(one_cluster),
            Request::CopyDbClusterSnapshot(r) => self
                .copy_db_cluster_snapshot(region, &r, now)
                .map(one_cluster),
            Request::DeleteDbClusterSnapshot(name) => self
                .delete_db_cluster_snapshot(region, &name, now)
                .map(one_cluster),
            Request::DescribeDbClusterSnapshots(r) => self
                .describe_db_cluster_snapshots(region, &r, now)
                .map(Answer::ClusterSnapshots),
            Request::DescribeDbClusters(r) => self
                .describe_db_clusters(region, &r, now)
                .map(Answer::Clusters),
            Request::Make(making, r) => self.make(making, region, &r, now),
            Request::CreateDatabase(family, r) => self.create_database(family, region, &r, now),
            Request::StopDbInstance(name) => self.stop(region, &name, now).map(one_instance),
            Request::RebootDbInstance(name) => self.reboot(region, &name, now).map(one_instance),
            Request::AddRole(family, r) => self
                .add_role(family, region, &r, now)
                .map(|()| Answer::Done),
            Request::EnableHttpEndpoint(arn) => self
                .enable_http_endpoint(region, &arn, now)
                .map(Answer::HttpEndpoint),
            Request::DeleteDatabase(Family::Instance, r) => {
                self.delete_instance(region, &r, now).map(one_instance)
            }
            Request::DeleteDatabase(Family::Cluster, r) => self
                .delete_cluster(region, &r, now)
                .map(|cluster| Answer::Cluster(Box::new(cluster))),
        }
    }

    /// DescribeDBSnapshots.
    ///
    /// # Errors
    /// `InvalidParameterValue`; `DBSnapshotNotFound` when an identifier was given and nothing fits.
    pub fn describe_db_snapshots(
        &mut self,
        region: &Region,
        request: &DescribeDbSnapshots,
        now: Timestamp,
    ) -> Result<Page<SnapshotDescription>, RdsFault> {
        let now = self.run_until(now);
        self.place(region).snapshots(Family::Instance, request, now)
    }

    /// DescribeDBClusterSnapshots.
    ///
    /// # Errors
    /// `InvalidParameterValue`; `DBClusterSnapshotNotFoundFault` when an identifier was given and
    /// nothing fits.
    pub fn describe_db_cluster_snapshots(
        &mut self,
        region: &Region,
        request: &DescribeDbSnapshots,
        now: Timestamp,
    ) -> Result<Page<SnapshotDescription>, RdsFault> {
        let now = self.run_until(now);
        self.place(region).snapshots(Family::Cluster, request, now)
    }

    /// DescribeDBClusters.
    ///
    /// # Errors
    /// `InvalidParameterValue`; `DBClusterNotFoundFault` when an identifier was given and nothing
    /// fits.
    pub fn describe_db_clusters(
        &mut self,
        region: &Region,
        request: &DescribeDbClusters,
        now: Timestamp,
    ) -> Result<Page<Cluster>, RdsFault> {
        let now = self.run_until(now);
        self.place(region).clusters(request, now)
    }

    /// DescribeDBInstances.
    ///
    /// # Errors
    /// `InvalidParameterValue`; `DBInstanceNotFound` when an identifier was given and nothing fits.
    pub fn describe_db_instances(
        &mut self,
        region: &Region,
        request: &DescribeDbInstances,
        now: Timestamp,
    ) -> Result<Page<Instance>, RdsFault> {
        let now = self.run_until(now);
        self.place(region).instances(request, now)
    }

    /// DescribeAccountAttributes.
    pub fn describe_account_attributes(&mut self, region: &Region, now: Timestamp) -> Vec<Quota> {
        self.run_until(now);
        let max = |family| self.config.quota(family);
        let (max, max_of_clusters) = (max(Family::Instance), max(Family::Cluster));
        let (max_instances, max_clusters) = (self.config.max_instances, self.config.max_clusters);
        let state = self.region_mut(region);
        let gibibytes = |i: &Instance| usize::try_from(i.spec.allocated_storage).unwrap_or(0);
        let storage = state.instances.values().map(gibibytes).sum();
        // AllocatedStorage's maximum is the documented default.
        vec![
            Quota {
                name: "DBInstances",
                used: state.instances.len(),
                max: max_instances,
            },
            Quota {
                name: "DBClusters",
                used: state.clusters.len(),
                max: max_clusters,
            },
            Quota {
                name: "AllocatedStorage",
                used: storage,
                max: 100_000,
            },
            Quota {
                name: "ManualSnapshots",
                used: state.manual_snapshots(Family::Instance),
                max,
            },
            Quota {
                name: "ManualClusterSnapshots",
                used: state.manual_snapshots(Family::Cluster),
                max: max_of_clusters,
            },
        ]
    }

    /// Lets everything happen that is due by `to`, and returns the events that have arrived
    /// since the last call, in the order of their arrival.
    pub fn advance(&mut self, to: Timestamp) -> Vec<EmittedEvent> {
        self.run_until(to);
        std::mem::take(&mut self.outbox)
    }

    /// When the next thing happens that [`Rds::advance`] would do or hand out; `None` when
    /// everything is at rest.
    pub fn next_due(&self) -> Option<Timestamp> {
        if self.outbox.is_empty() {
            self.agenda.next()
        } else {
            Some(self.now)
        }
    }

    /// Whether something is on its way still: work on a snapshot, or an event. That a snapshot will expire one day is
    /// not.
    pub fn is_at_work(&self) -> bool {
        !self.outbox.is_empty() || self.agenda.has_work()
    }

    fn place<'a>(&'a mut self, region: &'a Region) -> Place<'a> {
        self.region_mut(region);
        Place {
            region,
            account: &self.config.account,
            state: &self.regions[region],
            max_filter_values: self.config.max_filter_values,
        }
    }

    fn region_mut(&mut self, region: &Region) -> &mut RegionState {
        self.regions.entry(region.clone()).or_default()
    }

    fn instance_mut(&mut self, region: &Region, identifier: &str) -> Option<&mut Instance> {
        self.regions.get_mut(region)?.instances.get_mut(identifier)
    }

    fn status_mut(
        &mut self,
        region: &Region,
        family: Family,
        identifier: &str,
    ) -> Option<&mut InstanceStatus> {
        let state = self.regions.get_mut(region)?;
        match family {
            Family::Instance => {
                let found = state.instances.get_mut(identifier);
                found.map(|instance| &mut instance.status)
            }
            Family::Cluster => {
                let found = state.clusters.get_mut(identifier);
                found.map(|cluster| &mut cluster.status)
            }
        }
    }

    fn next_serial(&mut self) -> u64 {
        self.serials += 1;
        self.serials
    }

    /// The randomness of one piece of work. Each has its own, so that one call more does not
    /// change what every later one draws.
    fn rng_of(&self, serial: u64) -> Rng {
        Rng::with_seed(self.seed ^ serial.wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }
}
