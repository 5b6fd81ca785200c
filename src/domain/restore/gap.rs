//! What a restore cannot bring back as it was.

use std::collections::BTreeSet;
use std::fmt;

use jiff::Timestamp;

use super::taken::NameKind;
use crate::domain::id::text::ParseError;

/// What is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GapKind {
    /// The catalog has no configuration for this recovery point.
    Configuration,
    /// No subnet group stands for the source's.
    SubnetGroup,
    /// No security group stands for one of the source's.
    SecurityGroups,
    /// No parameter group stands for the source's.
    ParameterGroup,
    /// No key stands for the source's.
    Key,
    /// A member's class is not known.
    Members,
    /// No option group stands for the source's.
    OptionGroup,
    /// The database was in a domain.
    Domain,
    /// It is not known whether extended support was wanted.
    LifecycleSupport,
    /// The type of the storage is not known.
    StorageType,
    /// The database had replicas.
    Replicas,
    /// The cluster belonged to a global database.
    GlobalCluster,
    /// The cluster had endpoints of its own.
    CustomEndpoints,
    /// Its data was encrypted by an external key store.
    Tde,
}

impl GapKind {
    /// All kinds.
    pub const ALL: [Self; 14] = [
        Self::Configuration,
        Self::SubnetGroup,
        Self::SecurityGroups,
        Self::ParameterGroup,
        Self::Key,
        Self::Members,
        Self::OptionGroup,
        Self::Domain,
        Self::LifecycleSupport,
        Self::StorageType,
        Self::Replicas,
        Self::GlobalCluster,
        Self::CustomEndpoints,
        Self::Tde,
    ];

    /// Its name, as `--accept-gap` takes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Configuration => "configuration",
            Self::SubnetGroup => "subnet-group",
            Self::SecurityGroups => "security-groups",
            Self::ParameterGroup => "parameter-group",
            Self::Key => "key",
            Self::Members => "members",
            Self::OptionGroup => "option-group",
            Self::Domain => "domain",
            Self::LifecycleSupport => "lifecycle-support",
            Self::StorageType => "storage-type",
            Self::Replicas => "replicas",
            Self::GlobalCluster => "global-cluster",
            Self::CustomEndpoints => "custom-endpoints",
            Self::Tde => "tde",
        }
    }

    /// Reads a name.
    ///
    /// # Errors
    /// The text, and the names of the gaps that stop a restore.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let mut all = Self::ALL.into_iter();
        all.find(|one| one.as_str() == text).ok_or_else(|| {
            ParseError::new(
                text,
                "a gap that stops a restore: configuration, subnet-group, security-groups, parameter-group, key or members",
            )
        })
    }

    /// Whether it stops the restore until a person accepts it. The others are only said.
    #[must_use]
    pub fn stops(self) -> bool {
        match self {
            Self::Configuration
            | Self::SubnetGroup
            | Self::SecurityGroups
            | Self::ParameterGroup
            | Self::Key
            | Self::Members => true,
            Self::OptionGroup
            | Self::Domain
            | Self::LifecycleSupport
            | Self::StorageType
            | Self::Replicas
            | Self::GlobalCluster
            | Self::CustomEndpoints
            | Self::Tde => false,
        }
    }

    /// The gap where no name stands for one of this kind. A class has the same name everywhere.
    #[must_use]
    pub fn of_names(kind: NameKind) -> Option<Self> {
        match kind {
            NameKind::SubnetGroup => Some(Self::SubnetGroup),
            NameKind::SecurityGroup => Some(Self::SecurityGroups),
            NameKind::ParameterGroup => Some(Self::ParameterGroup),
            NameKind::OptionGroup => Some(Self::OptionGroup),
            NameKind::Key => Some(Self::Key),
            NameKind::Class => None,
        }
    }
}

impl fmt::Display for GapKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A gap of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// What is missing.
    pub kind: GapKind,
    /// The member that it concerns, if it is one.
    pub member: Option<String>,
    /// What it is about, in a sentence.
    pub what: String,
    /// Whether a person has accepted it.
    pub is_accepted: bool,
    /// When the restore began for which a person has accepted it, if that was an earlier call of the command.
    pub accepted_at: Option<Timestamp>,
}

impl Gap {
    /// Whether it stops the restore.
    #[must_use]
    pub fn stops(&self) -> bool {
        self.kind.stops() && !self.is_accepted
    }

    /// Takes over what a person accepted when the restore began.
    pub fn keep_accepted(&mut self, accepted: &BTreeSet<GapKind>, at: Timestamp) {
        if self.stops() && accepted.contains(&self.kind) {
            self.is_accepted = true;
            self.accepted_at = Some(at);
        }
    }
}
