//! Which databases are protected, and by which policy.
//!
//! The one place that decides it, from what RDS says of a database and from its tags. Whatever RDS may accept is
//! selected and tried: only what it is known to refuse for ever is refused before anything is begun.

use std::collections::BTreeSet;
use std::fmt;

use super::in_force::{Policies, Policy};
use super::spec::Source;
use crate::domain::id::arn::Family;
use crate::domain::id::names::OptionGroup;
use crate::domain::id::tags::{self, PolicyName};
use crate::domain::rds::database::Database;
use crate::domain::rds::option_group::is_default;

/// Whether a database is protected, with the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// This policy protects it.
    Protect(PolicyName),
    /// It is left out, for this reason.
    LeaveOut(ExclusionReason),
    /// This policy should protect it, and RDS cannot.
    Refuse(PolicyName, Refusal),
    /// The policy selects it, and RDS takes no snapshot of it in its current status.
    NotNow(PolicyName, NotNow),
}

/// Why a database is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExclusionReason {
    /// It carries `snapferry:exclude`.
    Excluded,
    /// A drill made it.
    Drill,
    /// It has no tag `snapferry:policy`, and no policy covers untagged databases.
    NotTagged,
    /// It is a member of a cluster.
    ClusterMember(String),
    /// It is a member of a cluster and has the tag itself. Only the cluster's own tag counts.
    TaggedMember(String),
    /// Its tag names a policy that does not exist.
    UnknownPolicy(String),
    /// It is a read replica of this database, and does not carry the tag itself.
    Replica(String),
    /// It is a secondary cluster of an Aurora global database, and does not carry the tag itself.
    GlobalSecondary,
    /// It is a cluster of another service's engine, which `DescribeDBClusters` lists too, and does not carry the tag.
    OtherEngine(String),
}

impl ExclusionReason {
    /// Its name in JSON and in the planner's counts.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Excluded => "excluded-by-tag",
            Self::Drill => "drill",
            Self::NotTagged => "not-tagged",
            Self::ClusterMember(_) => "cluster-member",
            Self::TaggedMember(_) => "tagged-member",
            Self::UnknownPolicy(_) => "unknown-policy",
            Self::Replica(_) => "replica",
            Self::GlobalSecondary => "global-secondary",
            Self::OtherEngine(_) => "other-engine",
        }
    }

    /// Whether somebody meant the database to be protected and put the tag in the wrong place, or wrote it wrongly.
    #[must_use]
    pub fn is_mistake(&self) -> bool {
        matches!(self, Self::TaggedMember(_) | Self::UnknownPolicy(_))
    }

    /// Nothing is lost by the tag of a member whose cluster has been decided about by its own tags.
    #[must_use]
    pub fn knowing(self, decided_clusters: &BTreeSet<String>) -> Self {
        match self {
            Self::TaggedMember(cluster) if decided_clusters.contains(&cluster) => {
                Self::ClusterMember(cluster)
            }
            why => why,
        }
    }
}

impl Choice {
    /// Whether the tags of the database itself decided, so that its members' tags do not matter.
    #[must_use]
    pub fn is_by_its_own_tags(&self) -> bool {
        match self {
            Self::Protect(_) | Self::Refuse(..) | Self::NotNow(..) => true,
            Self::LeaveOut(why) => matches!(
                why,
                ExclusionReason::Excluded
                    | ExclusionReason::Drill
                    | ExclusionReason::UnknownPolicy(_)
            ),
        }
    }
}

impl fmt::Display for ExclusionReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const POLICY: &str = tags::POLICY;
        match self {
            Self::Excluded => write!(f, "it has the tag {}", tags::EXCLUDE),
            Self::Drill => write!(f, "a drill made it: it has the tag {}", tags::DRILL),
            Self::NotTagged => write!(f, "it has no tag {POLICY}"),
            Self::ClusterMember(cluster) => write!(f, "it is a member of the cluster {cluster}"),
            Self::TaggedMember(cluster) => write!(
                f,
                "its tag {POLICY} does nothing, because it is a member of a cluster: tag the cluster {cluster}"
            ),
            Self::UnknownPolicy(name) => {
                write!(f, "its tag {POLICY} names the unknown policy {name:?}")
            }
            Self::Replica(of) => write!(
                f,
                "it is a read replica of {of}; to protect it as well, tag it {POLICY}"
            ),
            Self::GlobalSecondary => write!(
                f,
                "it is a secondary cluster of an Aurora global database; to protect it as well, tag it {POLICY}"
            ),
            Self::OtherEngine(engine) => write!(
                f,
                "it is a cluster of the engine {engine}, which is not Aurora; to try it all the same, tag it {POLICY}"
            ),
        }
    }
}

/// Why a database that is selected cannot be protected. Shown in the plan, before anything is begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// It is a Multi-AZ DB cluster.
    MultiAzCluster,
    /// It is in one of the regions in China.
    China,
    /// It is a read replica of SQL Server.
    SqlServerReplica,
    /// It is RDS Custom for Oracle.
    CustomOracle,
    /// Its backups are kept elsewhere than in its region.
    BackupTarget(String),
    /// Its option group has transparent data encryption (TDE), and its policy names none for the copy.
    Tde(OptionGroup),
}

impl Refusal {
    /// Its name in JSON and in the planner's counts.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::MultiAzCluster => "multi-az-cluster",
            Self::China => "china",
            Self::SqlServerReplica => "sqlserver-replica",
            Self::CustomOracle => "custom-oracle",
            Self::BackupTarget(_) => "backup-target",
            Self::Tde(_) => "tde-unmapped",
        }
    }

    /// What a person can do so that it is protected. `None` if nothing helps.
    #[must_use]
    pub fn remedy(&self) -> Option<&'static str> {
        match self {
            Self::Tde(_) => Some(
                "create an option group with TDE in the recovery region, and name it for the database's own in its policy: option_groups (snapferry policy apply)",
            ),
            Self::MultiAzCluster
            | Self::China
            | Self::SqlServerReplica
            | Self::CustomOracle
            | Self::BackupTarget(_) => None,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MultiAzCluster => {
                "it is a Multi-AZ DB cluster, whose snapshots RDS does not copy across regions"
            }
            Self::China => "it is in a region in China, and RDS copies no snapshot to or from there",
            Self::SqlServerReplica => {
                "it is a read replica of SQL Server, and RDS takes no manual snapshot of those"
            }
            Self::CustomOracle => {
                "it is RDS Custom for Oracle, whose snapshots RDS does not copy across regions"
            }
            Self::BackupTarget(target) => {
                return write!(
                    f,
                    "its backups are kept in {target} and not in the region, and RDS does not copy those across regions"
                );
            }
            Self::Tde(group) => {
                return write!(
                    f,
                    "its option group {group} has TDE, and its policy names no option group of the recovery region for it (option_groups): RDS copies TDE only into one that has it too"
                );
            }
        })
    }
}

/// Why RDS takes no snapshot of a database now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotNow {
    /// RDS's word for its status.
    pub status: String,
}

impl fmt::Display for NotNow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let status = &self.status;
        write!(
            f,
            "its status is {status}, in which RDS takes no snapshot; it is tried again when that has changed"
        )
    }
}

/// The statuses that do not pass by themselves within the patience of a run.
const NOT_NOW: [&str; 5] = ["creating", "deleting", "failed", "stopped", "stopping"];
/// How the others of them begin.
const NOT_NOW_BEGINNINGS: [&str; 2] = ["incompatible-", "inaccessible-encryption-credentials"];

/// The partition of the regions in China.
const CHINA: &str = "aws-cn";

/// Chooses: exclusion wins, then a member of a cluster is left to its cluster, then comes the named policy. What is
/// chosen and can never be copied is refused, and what RDS takes no snapshot of now is "not now".
#[must_use]
pub fn choose(database: &Database, policies: &Policies) -> Choice {
    let named = database.tags.get(tags::POLICY);
    if let Some(why) = exclusion(database, named.is_some()) {
        return Choice::LeaveOut(why);
    }
    let of_the_untagged = policies.untagged.as_ref().map(PolicyName::as_str);
    let found = named
        .map(String::as_str)
        .or(of_the_untagged)
        .and_then(|name| policies.get(name));
    let Some(policy) = found else {
        return Choice::LeaveOut(named.map_or(ExclusionReason::NotTagged, |name| {
            ExclusionReason::UnknownPolicy(name.clone())
        }));
    };
    let name = policy.name.clone();
    if let Some(why) = refusal(database).or_else(|| tde(database, policy)) {
        return Choice::Refuse(name, why);
    }
    match not_now(database, policy) {
        Some(why) => Choice::NotNow(name, why),
        None => Choice::Protect(name),
    }
}

/// What leaves a database out, regardless of the policies.
fn exclusion(database: &Database, is_named: bool) -> Option<ExclusionReason> {
    if database.tags.contains_key(tags::DRILL) {
        return Some(ExclusionReason::Drill);
    }
    let is_excluded = |value: &String| !value.eq_ignore_ascii_case("false");
    if database.tags.get(tags::EXCLUDE).is_some_and(is_excluded) {
        return Some(ExclusionReason::Excluded);
    }
    if let Some(cluster) = database.member_of.clone() {
        return Some(if is_named {
            ExclusionReason::TaggedMember(cluster)
        } else {
            ExclusionReason::ClusterMember(cluster)
        });
    }
    if is_named {
        return None;
    }
    let facts = &database.copy_facts;
    if facts.global_secondary {
        return Some(ExclusionReason::GlobalSecondary);
    }
    if let Some(of) = &facts.replica_of {
        return Some(ExclusionReason::Replica(of.clone()));
    }
    is_of_another_service(database).then(|| ExclusionReason::OtherEngine(database.engine.clone()))
}

/// `DescribeDBClusters` lists the clusters of DocumentDB and Neptune too.
fn is_of_another_service(database: &Database) -> bool {
    let is_cluster = database.arn.family() == Family::Cluster;
    is_cluster && !database.copy_facts.multi_az_cluster && !database.engine.starts_with("aurora")
}

/// Why RDS can never make what is promised: a copy in another region.
fn refusal(database: &Database) -> Option<Refusal> {
    let facts = &database.copy_facts;
    let engine = database.engine.as_str();
    if database.arn.partition() == CHINA && engine != "neptune" {
        return Some(Refusal::China);
    }
    if facts.multi_az_cluster {
        return Some(Refusal::MultiAzCluster);
    }
    if engine.starts_with("custom-oracle") {
        return Some(Refusal::CustomOracle);
    }
    if engine.starts_with("sqlserver") && facts.replica_of.is_some() {
        return Some(Refusal::SqlServerReplica);
    }
    let elsewhere = facts.backup_target.as_ref();
    let elsewhere = elsewhere.filter(|target| !target.is_empty() && *target != "region");
    elsewhere.map(|target| Refusal::BackupTarget(target.clone()))
}

/// Whether the choice depends on whether the database's option group has TDE, which RDS must be asked.
#[must_use]
pub fn depends_on_tde(database: &Database, policies: &Policies) -> bool {
    match choose(database, policies) {
        Choice::Protect(name) | Choice::NotNow(name, _) => policies
            .get(name.as_str())
            .is_some_and(|policy| unmapped(database, policy).is_some()),
        Choice::LeaveOut(_) | Choice::Refuse(..) => false,
    }
}

/// The option group that the copy cannot keep, because the policy maps it to none of the recovery region. Only the
/// engines that have TDE as an option count.
fn unmapped<'a>(database: &'a Database, policy: &Policy) -> Option<&'a OptionGroup> {
    let engine = database.engine.as_str();
    let may_have_tde = engine.starts_with("oracle") || engine.starts_with("sqlserver");
    let own = database.option_group.as_ref().filter(|_| may_have_tde)?;
    let is_mapped = policy.options.option_groups.contains_key(own);
    (!is_default(own.as_str()) && !is_mapped).then_some(own)
}

/// A copy without an option group gets the engine's default, and RDS refuses that to data that TDE encrypts
/// (CopyDBSnapshot, `OptionGroupName`).
fn tde(database: &Database, policy: &Policy) -> Option<Refusal> {
    let own = unmapped(database, policy).filter(|_| database.copy_facts.tde)?;
    Some(Refusal::Tde(own.clone()))
}

/// Copying an automated snapshot asks nothing of the database, so its status does not matter there.
fn not_now(database: &Database, policy: &Policy) -> Option<NotNow> {
    if policy.options.source == Source::Automated {
        return None;
    }
    let status = database.status.as_str();
    let begins = NOT_NOW_BEGINNINGS.iter().any(|it| status.starts_with(it));
    (begins || NOT_NOW.contains(&status)).then(|| NotNow {
        status: status.to_owned(),
    })
}
