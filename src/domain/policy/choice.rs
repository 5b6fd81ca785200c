//! Which databases are protected, and by which policy.

use super::in_force::Policies;
use crate::domain::id::tags::{self, PolicyName};
use crate::domain::rds::database::{Database, Refusal};

/// Whether a database is protected, with the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// The policy that protects it.
    Protect(PolicyName),
    /// Left out, and why.
    LeaveOut(ExclusionReason),
    /// It is to be protected by this policy and cannot be.
    Refuse(PolicyName, Refusal),
}

/// Why a database is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExclusionReason {
    /// It carries `snapferry:exclude`.
    Excluded,
    /// It carries no `snapferry:policy`, and no policy is for those.
    NotTagged,
    /// It is a member of a cluster.
    ClusterMember(String),
    /// Its tag names a policy that does not exist.
    UnknownPolicy(String),
}

impl std::fmt::Display for ExclusionReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Excluded => write!(f, "it has the tag {}", tags::EXCLUDE),
            Self::NotTagged => write!(f, "it has no tag {}", tags::POLICY),
            Self::ClusterMember(cluster) => write!(f, "it is a member of the cluster {cluster}"),
            Self::UnknownPolicy(name) => write!(
                f,
                "its tag {} names the unknown policy {name:?}",
                tags::POLICY
            ),
        }
    }
}

/// Chooses by tags: exclusion wins, then a member of a cluster is left to its cluster, then the named policy. What
/// is chosen and cannot be protected is refused.
#[must_use]
pub fn choose(database: &Database, policies: &Policies) -> Choice {
    if database
        .tags
        .get(tags::EXCLUDE)
        .is_some_and(|value| !value.eq_ignore_ascii_case("false"))
    {
        return Choice::LeaveOut(ExclusionReason::Excluded);
    }
    if let Some(cluster) = &database.member_of {
        return Choice::LeaveOut(ExclusionReason::ClusterMember(cluster.clone()));
    }
    let name = match (database.tags.get(tags::POLICY), &policies.untagged) {
        (Some(name), _) => match policies.get(name) {
            Some(policy) => policy.name.clone(),
            None => return Choice::LeaveOut(ExclusionReason::UnknownPolicy(name.clone())),
        },
        (None, Some(policy)) => policy.clone(),
        (None, None) => return Choice::LeaveOut(ExclusionReason::NotTagged),
    };
    match database.refusal() {
        Some(refusal) => Choice::Refuse(name, refusal),
        None => Choice::Protect(name),
    }
}
