//! What can be asked of RDS, and what it answers.
//!
//! Requests carry plain text: it is RDS that judges identifiers, keys and tags.

use jiff::Timestamp;

use super::cluster::Cluster;
use super::event::EmittedEvent;
use super::family::Family;
use super::instance::Instance;
use super::option_groups::OptionGroup;
use super::parameters::{Making, Parameters};
use super::snapshot::SnapshotDescription;
use super::tags::Tags;

/// One call of the RDS API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// CreateDBSnapshot.
    CreateDbSnapshot(CreateDbSnapshot),
    /// CopyDBSnapshot, called in the destination region.
    CopyDbSnapshot(CopyDbSnapshot),
    /// DescribeDBSnapshots.
    DescribeDbSnapshots(DescribeDbSnapshots),
    /// DescribeDBInstances.
    DescribeDbInstances(DescribeDbInstances),
    /// DeleteDBSnapshot, with the identifier.
    DeleteDbSnapshot(String),
    /// ListTagsForResource, with the ARN.
    ListTagsForResource(String),
    /// AddTagsToResource, with the ARN and the tags.
    AddTagsToResource(String, Vec<(String, String)>),
    /// RemoveTagsFromResource, with the ARN and the keys.
    RemoveTagsFromResource(String, Vec<String>),
    /// DescribeDBSnapshotAttributes or DescribeDBClusterSnapshotAttributes, with the identifier.
    DescribeSnapshotAttributes(Family, String),
    /// ModifyDBSnapshotAttribute or ModifyDBClusterSnapshotAttribute.
    ModifySnapshotAttribute(Family, ModifySnapshotAttribute),
    /// DescribeEvents.
    DescribeEvents(DescribeEvents),
    /// DescribeOptionGroups.
    DescribeOptionGroups(DescribeOptionGroups),
    /// DescribeDBSubnetGroups, DescribeDBParameterGroups or DescribeDBClusterParameterGroups.
    ListGroups(ListGroups),
    /// DescribeDBEngineVersions, for one version.
    DescribeDbEngineVersions(Offer),
    /// DescribeOrderableDBInstanceOptions, for one class.
    DescribeOrderableDbInstanceOptions(Offer),
    /// DescribeAccountAttributes.
    DescribeAccountAttributes,
    /// CreateDBClusterSnapshot.
    CreateDbClusterSnapshot(CreateDbSnapshot),
    /// CopyDBClusterSnapshot, called in the destination region.
    CopyDbClusterSnapshot(CopyDbSnapshot),
    /// DescribeDBClusterSnapshots.
    DescribeDbClusterSnapshots(DescribeDbSnapshots),
    /// DescribeDBClusters.
    DescribeDbClusters(DescribeDbClusters),
    /// DeleteDBClusterSnapshot, with the identifier.
    DeleteDbClusterSnapshot(String),
    /// A call that makes or changes a database.
    Make(Making, DatabaseRequest),
    /// CreateDBInstance without a cluster, or CreateDBCluster.
    CreateDatabase(Family, CreateDatabase),
    /// StopDBInstance, with the identifier.
    StopDbInstance(String),
    /// RebootDBInstance, with the identifier.
    RebootDbInstance(String),
    /// AddRoleToDBInstance or AddRoleToDBCluster.
    AddRole(Family, AddRole),
    /// EnableHttpEndpoint, with the cluster's ARN.
    EnableHttpEndpoint(String),
    /// DeleteDBInstance or DeleteDBCluster.
    DeleteDatabase(Family, DeleteDatabase),
}

impl Request {
    /// The operation's name in the API.
    pub fn operation(&self) -> &'static str {
        match self {
            Self::CreateDbSnapshot(_) => "CreateDBSnapshot",
            Self::CopyDbSnapshot(_) => "CopyDBSnapshot",
            Self::DescribeDbSnapshots(_) => "DescribeDBSnapshots",
            Self::DescribeDbInstances(_) => "DescribeDBInstances",
            Self::DeleteDbSnapshot(_) => "DeleteDBSnapshot",
            Self::ListTagsForResource(_) => "ListTagsForResource",
            Self::AddTagsToResource(..) => "AddTagsToResource",
            Self::RemoveTagsFromResource(..) => "RemoveTagsFromResource",
            Self::DescribeSnapshotAttributes(Family::Instance, _) => "DescribeDBSnapshotAttributes",
            Self::DescribeSnapshotAttributes(Family::Cluster, _) => {
                "DescribeDBClusterSnapshotAttributes"
            }
            Self::ModifySnapshotAttribute(Family::Instance, _) => "ModifyDBSnapshotAttribute",
            Self::ModifySnapshotAttribute(Family::Cluster, _) => "ModifyDBClusterSnapshotAttribute",
            Self::DescribeEvents(_) => "DescribeEvents",
            Self::DescribeOptionGroups(_) => "DescribeOptionGroups",
            Self::ListGroups(r) => r.kind.operation(),
            Self::DescribeDbEngineVersions(_) => "DescribeDBEngineVersions",
            Self::DescribeOrderableDbInstanceOptions(_) => "DescribeOrderableDBInstanceOptions",
            Self::DescribeAccountAttributes => "DescribeAccountAttributes",
            Self::CreateDbClusterSnapshot(_) => "CreateDBClusterSnapshot",
            Self::CopyDbClusterSnapshot(_) => "CopyDBClusterSnapshot",
            Self::DescribeDbClusterSnapshots(_) => "DescribeDBClusterSnapshots",
            Self::DescribeDbClusters(_) => "DescribeDBClusters",
            Self::DeleteDbClusterSnapshot(_) => "DeleteDBClusterSnapshot",
            Self::Make(making, _) => making.action(),
            Self::CreateDatabase(Family::Instance, _) => "CreateDBInstance",
            Self::CreateDatabase(Family::Cluster, _) => "CreateDBCluster",
            Self::StopDbInstance(_) => "StopDBInstance",
            Self::RebootDbInstance(_) => "RebootDBInstance",
            Self::AddRole(Family::Instance, _) => "AddRoleToDBInstance",
            Self::AddRole(Family::Cluster, _) => "AddRoleToDBCluster",
            Self::EnableHttpEndpoint(_) => "EnableHttpEndpoint",
            Self::DeleteDatabase(Family::Instance, _) => "DeleteDBInstance",
            Self::DeleteDatabase(Family::Cluster, _) => "DeleteDBCluster",
        }
    }
}

/// CreateDBSnapshot or CreateDBClusterSnapshot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CreateDbSnapshot {
    /// DBSnapshotIdentifier or DBClusterSnapshotIdentifier.
    pub snapshot: String,
    /// DBInstanceIdentifier or DBClusterIdentifier.
    pub instance: String,
    /// Tags, as keys and values.
    pub tags: Vec<(String, String)>,
}

/// CopyDBSnapshot or CopyDBClusterSnapshot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CopyDbSnapshot {
    /// SourceDBSnapshotIdentifier or SourceDBClusterSnapshotIdentifier: an ARN, or a name of the
    /// same region.
    pub source: String,
    /// TargetDBSnapshotIdentifier or TargetDBClusterSnapshotIdentifier.
    pub target: String,
    /// KmsKeyId: key ARN, key id, alias name or alias ARN.
    pub kms_key: Option<String>,
    /// CopyTags; without effect when there are explicit tags.
    pub copy_tags: bool,
    /// Tags, as keys and values.
    pub tags: Vec<(String, String)>,
    /// OptionGroupName; clusters have none.
    pub option_group: Option<String>,
    /// PreSignedUrl, which only copies between the regions of AWS GovCloud (US) need. A wrong one is refused everywhere.
    pub pre_signed_url: Option<String>,
}

/// DescribeDBSnapshots or DescribeDBClusterSnapshots. All conditions must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DescribeDbSnapshots {
    /// DBSnapshotIdentifier or DBClusterSnapshotIdentifier: a name or an ARN.
    pub snapshot: Option<String>,
    /// DBInstanceIdentifier or DBClusterIdentifier.
    pub instance: Option<String>,
    /// DbiResourceId or DbClusterResourceId.
    pub resource_id: Option<String>,
    /// SnapshotType.
    pub snapshot_type: Option<String>,
    /// Filters.
    pub filters: Vec<Filter>,
    /// MaxRecords and Marker.
    pub paging: Paging,
}

/// DescribeDBInstances. All conditions must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DescribeDbInstances {
    /// DBInstanceIdentifier: a name or an ARN.
    pub instance: Option<String>,
    /// Filters.
    pub filters: Vec<Filter>,
    /// MaxRecords and Marker.
    pub paging: Paging,
}

/// DescribeDBClusters. All conditions must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DescribeDbClusters {
    /// DBClusterIdentifier: a name or an ARN.
    pub cluster: Option<String>,
    /// Filters.
    pub filters: Vec<Filter>,
    /// MaxRecords and Marker.
    pub paging: Paging,
}

/// ModifyDBSnapshotAttribute or ModifyDBClusterSnapshotAttribute.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModifySnapshotAttribute {
    /// DBSnapshotIdentifier or DBClusterSnapshotIdentifier.
    pub snapshot: String,
    /// AttributeName: `restore`.
    pub attribute: String,
    /// ValuesToAdd: accounts, or `all`.
    pub add: Vec<String>,
    /// ValuesToRemove.
    pub remove: Vec<String>,
}

/// DescribeEvents. All conditions must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DescribeEvents {
    /// SourceIdentifier.
    pub source: Option<String>,
    /// SourceType.
    pub source_type: Option<String>,
    /// StartTime.
    pub start: Option<Timestamp>,
    /// EndTime.
    pub end: Option<Timestamp>,
    /// Duration, in minutes.
    pub minutes: Option<i64>,
    /// EventCategories: one of them must fit, if there are any.
    pub categories: Vec<String>,
    /// MaxRecords and Marker.
    pub paging: Paging,
}

/// DescribeOptionGroups. All conditions must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DescribeOptionGroups {
    /// OptionGroupName.
    pub name: Option<String>,
    /// EngineName.
    pub engine: Option<String>,
    /// MajorEngineVersion.
    pub major_version: Option<String>,
    /// MaxRecords and Marker.
    pub paging: Paging,
}

/// Groups of a region that databases need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupKind {
    /// Subnet groups.
    Subnets,
    /// Parameter groups of instances.
    Parameters,
    /// Parameter groups of clusters.
    ClusterParameters,
}

/// DescribeDBSubnetGroups, DescribeDBParameterGroups or DescribeDBClusterParameterGroups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListGroups {
    /// Which of them.
    pub kind: GroupKind,
    /// The name of one.
    pub name: Option<String>,
    /// MaxRecords and Marker.
    pub paging: Paging,
}

/// What a region may offer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offer {
    /// Engine.
    pub engine: String,
    /// EngineVersion.
    pub version: String,
    /// DBInstanceClass.
    pub class: Option<String>,
}

/// A call that makes or changes a database.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DatabaseRequest {
    /// DBInstanceIdentifier or DBClusterIdentifier.
    pub database: String,
    /// What it is made of: DBSnapshotIdentifier or SnapshotIdentifier; for a member, DBClusterIdentifier.
    pub of: Option<String>,
    /// ApplyImmediately.
    pub at_once: bool,
    /// Tags, as keys and values.
    pub tags: Vec<(String, String)>,
    /// Everything else.
    pub parameters: Parameters,
}

/// CreateDBInstance without a cluster, or CreateDBCluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CreateDatabase {
    /// DBInstanceIdentifier or DBClusterIdentifier.
    pub database: String,
    /// Engine.
    pub engine: String,
    /// DBInstanceClass; a cluster has none.
    pub class: Option<String>,
    /// AllocatedStorage, in GiB; a cluster has none.
    pub storage: Option<u32>,
    /// StorageEncrypted.
    pub encrypted: Option<bool>,
    /// DBSubnetGroupName.
    pub subnet_group: Option<String>,
    /// BackupRetentionPeriod.
    pub backup_retention_days: Option<u16>,
    /// Tags, as keys and values.
    pub tags: Vec<(String, String)>,
}

/// AddRoleToDBInstance or AddRoleToDBCluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddRole {
    /// DBInstanceIdentifier or DBClusterIdentifier.
    pub database: String,
    /// RoleArn.
    pub role: String,
    /// FeatureName.
    pub feature: String,
}

/// DeleteDBInstance or DeleteDBCluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeleteDatabase {
    /// DBInstanceIdentifier or DBClusterIdentifier.
    pub database: String,
    /// SkipFinalSnapshot.
    pub skips_final_snapshot: bool,
    /// FinalDBSnapshotIdentifier.
    pub final_snapshot: Option<String>,
}

/// One filter: one of its values must fit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Name.
    pub name: String,
    /// Values.
    pub values: Vec<String>,
}

/// Which page of a listing is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Paging {
    /// MaxRecords, 20 to 100.
    pub max_records: Option<i64>,
    /// Marker, as the page before gave it.
    pub marker: Option<String>,
}

/// One page of a listing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// Marker: what to ask for the next page with; absent on the last one.
    pub marker: Option<String>,
}

/// A quota of the account in one region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quota {
    /// AccountQuotaName.
    pub name: &'static str,
    /// Used.
    pub used: usize,
    /// Max.
    pub max: usize,
}

/// The attributes of a snapshot, of which `restore` is the only one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotAttributes {
    /// What it is a snapshot of.
    pub family: Family,
    /// DBSnapshotIdentifier or DBClusterSnapshotIdentifier.
    pub snapshot: String,
    /// The values of `restore`: the accounts that it is shared with, or `all`.
    pub restore: Vec<String>,
}

/// What RDS answers.
#[derive(Clone, Debug)]
pub enum Answer {
    /// The snapshot that is being made or deleted.
    Snapshot(Box<SnapshotDescription>),
    /// A page of snapshots.
    Snapshots(Page<SnapshotDescription>),
    /// A page of instances.
    Instances(Page<Instance>),
    /// A page of clusters.
    Clusters(Page<Cluster>),
    /// A page of cluster snapshots.
    ClusterSnapshots(Page<SnapshotDescription>),
    /// The cluster snapshot that is being made or deleted.
    ClusterSnapshot(Box<SnapshotDescription>),
    /// The tags of a resource.
    Tags(Tags),
    /// Whom a snapshot is shared with.
    Attributes(SnapshotAttributes),
    /// A page of events.
    Events(Page<EmittedEvent>),
    /// A page of option groups.
    OptionGroups(Page<OptionGroup>),
    /// A page of the names of groups.
    Groups(GroupKind, Page<String>),
    /// The versions that a region offers.
    EngineVersions(Vec<Offer>),
    /// The classes that a region offers.
    OrderableOptions(Vec<Offer>),
    /// The account's quotas.
    Quotas(Vec<Quota>),
    /// The instance that is being made, changed or deleted.
    Instance(Box<Instance>),
    /// The cluster that is being made, changed or deleted.
    Cluster(Box<Cluster>),
    /// The ARN of the cluster whose Data API is on now.
    HttpEndpoint(String),
    /// Nothing but that it was done.
    Done,
}
