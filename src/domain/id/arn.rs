//! ARNs of RDS resources, regions, keys and executions.

use std::fmt;

use super::names::{ExecutionName, SnapshotId};
use super::text::{ParseError, text_newtype, text_serde};

fn is_region(text: &str) -> bool {
    let mut parts = text.split('-');
    text.len() <= 32
        && text.split('-').count() >= 3
        && parts
            .next_back()
            .is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
        && parts.all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase()))
}

/// `aws`, or `aws-` and a name: `aws-cn`, `aws-us-gov`, `aws-eusc`.
fn is_partition(text: &str) -> bool {
    text.strip_prefix("aws").is_some_and(|rest| {
        rest.is_empty()
            || (rest.starts_with('-')
                && rest.len() > 1
                && rest.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'))
    })
}

/// 256 characters with `alias/` (CreateAlias).
fn is_alias_name(text: &str) -> bool {
    (1..=250).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"/_-".contains(&b))
}

fn is_arn_of(text: &str, service: &str, resource_prefix: &str) -> bool {
    let mut parts = text.splitn(6, ':');
    parts.next() == Some("arn")
        && parts.next().is_some_and(is_partition)
        && parts.next() == Some(service)
        && parts.next().is_some_and(is_region)
        && parts.next().is_some_and(|account| {
            account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit())
        })
        && parts.next().is_some_and(|resource| {
            resource.starts_with(resource_prefix)
                && resource.len() > resource_prefix.len()
                && resource.bytes().all(|b| b.is_ascii_graphic())
        })
}

text_newtype!(
    /// An AWS region, such as `eu-west-1`.
    Region,
    "an AWS region such as eu-west-1",
    is_region
);
text_newtype!(
    /// The full ARN of a KMS key. Aliases are resolved before one of these is made.
    KeyArn,
    "the ARN of a KMS key (arn:aws:kms:REGION:ACCOUNT:key/ID)",
    |text| is_arn_of(text, "kms", "key/")
);
text_newtype!(
    /// A KMS alias, by name or by ARN. The key behind it can change, so it is resolved before it is used.
    KeyAlias,
    "a KMS alias (alias/NAME, or arn:aws:kms:REGION:ACCOUNT:alias/NAME)",
    |text| match text.strip_prefix("alias/") {
        Some(name) => is_alias_name(name),
        None => {
            is_arn_of(text, "kms", "alias/")
                && text.split_once(":alias/").is_some_and(|(_, name)| is_alias_name(name))
        }
    }
);
text_newtype!(
    /// The ARN of a Step Functions execution.
    ExecutionArn,
    "the ARN of an execution (arn:aws:states:REGION:ACCOUNT:execution:STATE-MACHINE:NAME)",
    |text| is_arn_of(text, "states", "execution:")
);
text_newtype!(
    /// The ARN of a Step Functions state machine.
    StateMachineArn,
    "the ARN of a state machine (arn:aws:states:REGION:ACCOUNT:stateMachine:NAME)",
    |text| is_arn_of(text, "states", "stateMachine:")
);

text_serde!(KeyArn KeyAlias);

impl KeyArn {
    /// The region that the key lives in.
    #[must_use]
    pub fn region(&self) -> &str {
        self.0.split(':').nth(3).unwrap_or_default()
    }

    /// The account that owns the key.
    #[must_use]
    pub fn account(&self) -> &str {
        self.0.split(':').nth(4).unwrap_or_default()
    }
}

impl KeyAlias {
    /// The region in it, if it is an ARN.
    #[must_use]
    pub fn region(&self) -> Option<&str> {
        self.0.strip_prefix("arn:")?.split(':').nth(2)
    }
}

impl ExecutionArn {
    /// The name of the execution.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.rsplit_once(':').map_or(&self.0, |(_, name)| name)
    }
}

impl StateMachineArn {
    /// The ARN that an execution of this state machine has under a given name.
    #[must_use]
    pub fn execution(&self, name: &ExecutionName) -> ExecutionArn {
        ExecutionArn(format!(
            "{}:{name}",
            self.0.replacen(":stateMachine:", ":execution:", 1)
        ))
    }
}

/// The kinds of RDS resource that Snapferry deals with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ResourceKind {
    /// A DB instance (`db`).
    Instance,
    /// A DB cluster (`cluster`).
    Cluster,
    /// A snapshot of a DB instance (`snapshot`).
    Snapshot,
    /// A snapshot of a DB cluster (`cluster-snapshot`).
    ClusterSnapshot,
}

impl ResourceKind {
    /// Its word in an ARN.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Instance => "db",
            Self::Cluster => "cluster",
            Self::Snapshot => "snapshot",
            Self::ClusterSnapshot => "cluster-snapshot",
        }
    }

    /// Whether it is a snapshot, of an instance or a cluster, and not the database itself.
    #[must_use]
    pub fn is_snapshot(self) -> bool {
        matches!(self, Self::Snapshot | Self::ClusterSnapshot)
    }

    fn parse(word: &str) -> Option<Self> {
        [
            Self::Instance,
            Self::Cluster,
            Self::Snapshot,
            Self::ClusterSnapshot,
        ]
        .into_iter()
        .find(|kind| kind.as_str() == word)
    }
}

/// The two families of databases, each with its own operations, quota and names.
///
/// An instance and a cluster may have the same name, and so may their snapshots. So Snapferry always says which family it
/// asks about, and never takes one for the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// DB instances and their snapshots.
    Instance,
    /// DB clusters and their snapshots.
    Cluster,
}

impl Family {
    /// Both families.
    pub const ALL: [Self; 2] = [Self::Instance, Self::Cluster];
}

impl ResourceKind {
    /// The family that it belongs to.
    #[must_use]
    pub fn family(self) -> Family {
        match self {
            Self::Instance | Self::Snapshot => Family::Instance,
            Self::Cluster | Self::ClusterSnapshot => Family::Cluster,
        }
    }
}

/// The ARN of a database or a snapshot: its region, account, kind and name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RdsArn {
    partition: String,
    region: Region,
    account: String,
    kind: ResourceKind,
    name: String,
}

impl SnapshotId {
    /// The identifier of the snapshot that an ARN names.
    #[must_use]
    pub fn of(arn: &RdsArn) -> Self {
        Self::from_valid(arn.name().to_owned())
    }
}

const RDS_ARN: &str =
    "the ARN of an RDS database or snapshot (arn:aws:rds:REGION:ACCOUNT:KIND:NAME)";

impl RdsArn {
    /// Reads an ARN. Everything after the kind is the name, because an automated snapshot's name has a colon itself.
    ///
    /// # Errors
    /// The text, if it is not the ARN of an RDS instance, cluster, snapshot or cluster snapshot.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let fail = || ParseError::new(text, RDS_ARN);
        let mut parts = text.splitn(7, ':');
        let mut next = || parts.next().ok_or_else(fail);
        let (arn, partition, service) = (next()?, next()?, next()?);
        let (region, account, kind, name) = (next()?, next()?, next()?, next()?);
        let kind = ResourceKind::parse(kind).ok_or_else(fail)?;
        let region = Region::parse(region).map_err(|_| fail())?;
        let account_is_valid = account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
        let name_is_valid =
            !name.is_empty() && name.len() <= 512 && name.bytes().all(|b| b.is_ascii_graphic());
        if arn != "arn"
            || !is_partition(partition)
            || service != "rds"
            || !account_is_valid
            || !name_is_valid
        {
            return Err(fail());
        }
        Ok(Self {
            partition: partition.to_owned(),
            region,
            account: account.to_owned(),
            kind,
            name: name.to_owned(),
        })
    }

    /// Whether a text is the ARN of an RDS resource of a kind that is no database and no snapshot, such as a proxy's.
    #[must_use]
    pub fn is_of_another_kind(text: &str) -> bool {
        let parts: Vec<&str> = text.splitn(7, ':').collect();
        let [arn, partition, service, region, account, kind, name] = parts[..] else {
            return false;
        };
        let known = [arn, partition, service, region, account, "db", name].join(":");
        ResourceKind::parse(kind).is_none() && !kind.is_empty() && Self::parse(&known).is_ok()
    }

    /// The ARN of a snapshot of this resource's kind, in the same partition and account.
    #[must_use]
    pub fn sibling_snapshot(&self, region: &Region, name: &SnapshotId) -> Self {
        let kind = match self.family() {
            Family::Instance => ResourceKind::Snapshot,
            Family::Cluster => ResourceKind::ClusterSnapshot,
        };
        Self {
            region: region.clone(),
            kind,
            name: name.as_str().to_owned(),
            ..self.clone()
        }
    }

    /// Whether RDS took this snapshot by itself. Only the names of such snapshots begin with `rds:`.
    #[must_use]
    pub fn is_automated_snapshot(&self) -> bool {
        let is_snapshot = matches!(
            self.kind,
            ResourceKind::Snapshot | ResourceKind::ClusterSnapshot
        );
        is_snapshot && SnapshotId::of(self).is_automated()
    }

    /// The partition: `aws`, `aws-cn`, `aws-us-gov`.
    #[must_use]
    pub fn partition(&self) -> &str {
        &self.partition
    }

    /// The region of the resource.
    #[must_use]
    pub fn region(&self) -> &Region {
        &self.region
    }

    /// The account, twelve digits.
    #[must_use]
    pub fn account(&self) -> &str {
        &self.account
    }

    /// What kind of resource it is.
    #[must_use]
    pub fn kind(&self) -> ResourceKind {
        self.kind
    }

    /// The family that it belongs to.
    #[must_use]
    pub fn family(&self) -> Family {
        self.kind.family()
    }

    /// The identifier of the resource.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for RdsArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            partition,
            region,
            account,
            kind,
            name,
        } = self;
        write!(
            f,
            "arn:{partition}:rds:{region}:{account}:{}:{name}",
            kind.as_str()
        )
    }
}

impl fmt::Debug for RdsArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
