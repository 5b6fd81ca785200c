//! Preflight: what a restore needs of the recovery region, and what RDS says of it before anything is made.
//!
//! RDS would refuse the same later, one database after another. Preflight says it before, so that a person can act.

use std::collections::{BTreeMap, BTreeSet};

use super::plan::{RestorePlan, Step, StepKind};
use super::record::RestoreRecord;
use super::setting::Setting;
use super::value::Value;
use crate::domain::id::arn::{Family, Region};
use crate::domain::id::names::ResourceId;
use crate::domain::policy::spec::KeyName;
use crate::domain::run::failure::Operation;

/// Groups that a restored database needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GroupKind {
    /// A subnet group.
    Subnets,
    /// A parameter group of instances.
    Parameters,
    /// A parameter group of clusters.
    ClusterParameters,
    /// An option group.
    Options,
}

impl GroupKind {
    /// All kinds, each with the parameter of RDS's calls that names one.
    pub const PARAMETERS: [(Self, &str); 4] = [
        (Self::Subnets, "DBSubnetGroupName"),
        (Self::Parameters, "DBParameterGroupName"),
        (Self::ClusterParameters, "DBClusterParameterGroupName"),
        (Self::Options, "OptionGroupName"),
    ];

    /// The action that lists them.
    #[must_use]
    pub fn listed_by(self) -> Operation {
        match self {
            Self::Subnets => Operation::DescribeDbSubnetGroups,
            Self::Parameters => Operation::DescribeDbParameterGroups,
            Self::ClusterParameters => Operation::DescribeDbClusterParameterGroups,
            Self::Options => Operation::DescribeOptionGroups,
        }
    }

    /// Whether RDS makes a group of this name by itself when a database first needs it.
    pub(super) fn is_made_by_rds(self, name: &str) -> bool {
        match self {
            Self::Subnets => false,
            Self::Parameters | Self::ClusterParameters => name.starts_with("default."),
            Self::Options => name.starts_with("default:"),
        }
    }

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Subnets => "subnet group",
            Self::Parameters => "parameter group",
            Self::ClusterParameters => "cluster parameter group",
            Self::Options => "option group",
        }
    }
}

/// Quotas that restores use up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum QuotaKind {
    /// Instances, the members of clusters among them.
    Instances,
    /// Clusters.
    Clusters,
    /// The storage of instances in GiB.
    Storage,
}

impl QuotaKind {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::Instances, Self::Clusters, Self::Storage];

    /// RDS's name for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Instances => "DBInstances",
            Self::Clusters => "DBClusters",
            Self::Storage => "AllocatedStorage",
        }
    }
}

/// How much of a quota is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// What is used.
    pub used: i64,
    /// What RDS allows.
    pub max: i64,
}

/// The quotas that RDS reports.
pub type Quotas = BTreeMap<QuotaKind, Quota>;

/// A version of an engine.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EngineVersion {
    /// The engine.
    pub engine: String,
    /// The version.
    pub version: String,
}

/// A class of instances under a version of an engine.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClassOffer {
    /// The engine and its version.
    pub of: EngineVersion,
    /// The class.
    pub class: String,
}

/// The databases of the recovery region, by family and identifier. Members of clusters are instances.
pub type Present = BTreeMap<(Family, String), ResourceId>;

/// What one call of a plan would make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Making {
    pub(super) key: (Family, String),
    /// Whether it is a cluster or one's member.
    pub(super) is_of_cluster: bool,
    pub(super) version: Option<EngineVersion>,
    pub(super) class: Option<String>,
    pub(super) storage: i64,
    pub(super) groups: Vec<(GroupKind, String)>,
    pub(super) keys: Vec<String>,
    /// Keys that only a change of the running database uses.
    pub(super) later_keys: Vec<String>,
}

/// What a plan would make that is not there yet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Makings {
    pub(super) all: Vec<Making>,
    /// Names that other databases have.
    pub(super) taken: Vec<String>,
    /// Whether a gap stops the plan, so that it makes nothing.
    pub(super) is_stopped: bool,
}

impl Makings {
    /// What a plan makes, given what is there and what is stored of an earlier restore under its name.
    #[must_use]
    pub fn of(plan: &RestorePlan, present: &Present, record: Option<&RestoreRecord>) -> Self {
        let mut makings = Self {
            is_stopped: plan.is_stopped(),
            ..Self::default()
        };
        // What a restore of another database made is another's.
        let record = record.filter(|record| record.database == plan.database);
        for step in &plan.steps {
            let Some(making) = making(plan, step) else {
                continue;
            };
            match present.get(&making.key) {
                None => makings.all.push(making),
                Some(found) if !is_own(step, &making.key.1, found, record) => {
                    makings.taken.push(making.key.1);
                }
                Some(_) => {}
            }
        }
        makings
    }
}

/// Whether a database is what an earlier call of the same restore made. One whose call was sent without an answer counts as
/// well: the restore itself decides about it when it goes on.
fn is_own(step: &Step, name: &str, found: &ResourceId, record: Option<&RestoreRecord>) -> bool {
    let Some(record) = record else { return false };
    match record.made.get(name) {
        Some(made) => made == found,
        None => record.sent.contains_key(&step.key()),
    }
}

fn making(plan: &RestorePlan, step: &Step) -> Option<Making> {
    let text = |name: &str| {
        let sent = step.parameters.get(name)?;
        sent.value.as_text().map(ToOwned::to_owned)
    };
    let own = |setting: Setting| {
        let line = plan.lines_of(None).find(|line| line.setting == setting)?;
        line.value.as_ref()
    };
    let (family, name) = match &step.kind {
        StepKind::Restore => (plan.database.family(), plan.name.clone()),
        StepKind::Member(name) => (Family::Instance, name.clone()),
        _ => return None,
    };
    let is_main = step.kind == StepKind::Restore;
    let version = own(Setting::EngineVersion).and_then(Value::as_text);
    let engine = text("Engine");
    let storage = own(Setting::AllocatedStorage).filter(|_| is_main && family == Family::Instance);
    let groups = GroupKind::PARAMETERS.into_iter();
    let mut later_keys: Vec<String> = Vec::new();
    let mut keys: Vec<String> = text("PerformanceInsightsKMSKeyId").into_iter().collect();
    if is_main {
        let key = |setting| own(setting).and_then(Value::as_text);
        keys.extend(key(Setting::KmsKeyId).map(ToOwned::to_owned));
        for other in plan
            .steps
            .iter()
            .filter(|one| one.kind == StepKind::Settings)
        {
            for parameter in ["PerformanceInsightsKMSKeyId", "MasterUserSecretKmsKeyId"] {
                let sent = other.parameters.get(parameter);
                later_keys
                    .extend(sent.and_then(|sent| sent.value.as_text().map(ToOwned::to_owned)));
            }
        }
    }
    later_keys.retain(|key| !keys.contains(key));
    Some(Making {
        key: (family, name.to_ascii_lowercase()),
        is_of_cluster: plan.database.family() == Family::Cluster,
        version: engine.zip(version).map(|(engine, version)| EngineVersion {
            engine,
            version: version.to_owned(),
        }),
        class: text("DBInstanceClass"),
        storage: storage.and_then(Value::as_number).unwrap_or_default(),
        groups: groups
            .filter_map(|(kind, parameter)| Some((kind, text(parameter)?)))
            .collect(),
        keys,
        later_keys,
    })
}

/// What is asked of the recovery region: each thing once, however many databases need it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Questions {
    /// Versions of engines.
    pub versions: BTreeSet<EngineVersion>,
    /// Classes.
    pub classes: BTreeSet<ClassOffer>,
    /// Kinds of groups.
    pub groups: BTreeSet<GroupKind>,
    /// Keys of the recovery region.
    pub keys: BTreeSet<KeyName>,
}

impl Questions {
    /// What must be asked about these.
    pub fn about<'a>(home: &Region, all: impl IntoIterator<Item = &'a Makings>) -> Self {
        let mut questions = Self::default();
        for making in all.into_iter().flat_map(|makings| &makings.all) {
            questions.versions.extend(making.version.clone());
            questions.classes.extend(making.offer());
            let groups = making.groups.iter();
            questions.groups.extend(
                groups
                    .filter(|(kind, name)| !kind.is_made_by_rds(name))
                    .map(|(kind, _)| *kind),
            );
            let keys = making.keys.iter().chain(&making.later_keys);
            let keys = keys.filter_map(|key| key_here(home, key).ok());
            questions.keys.extend(keys);
        }
        questions
    }
}

impl Making {
    pub(super) fn offer(&self) -> Option<ClassOffer> {
        Some(ClassOffer {
            of: self.version.clone()?,
            class: self.class.clone()?,
        })
    }
}

/// A key of the recovery region, or why it can be none. A key of another region is never asked about.
pub(super) fn key_here(home: &Region, key: &str) -> Result<KeyName, String> {
    let name = KeyName::parse(key).map_err(|error| error.to_string())?;
    match name.region() {
        Some(region) if region != home.as_str() => {
            Err(format!("the key {name} belongs to {region}"))
        }
        _ => Ok(name),
    }
}

/// What the recovery region said. What is missing here was not answered, and nothing follows from it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answers {
    /// Its quotas.
    pub quotas: Quotas,
    /// Whether it has these versions.
    pub versions: BTreeMap<EngineVersion, bool>,
    /// Whether it has these classes.
    pub classes: BTreeMap<ClassOffer, bool>,
    /// The names of its groups.
    pub groups: BTreeMap<GroupKind, BTreeSet<String>>,
    /// Why these keys cannot be used; nothing if they can.
    pub keys: BTreeMap<KeyName, Option<String>>,
}
