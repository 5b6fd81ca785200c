//! What a round of the pruner did.

use std::collections::BTreeMap;

use thiserror::Error;

use super::approval::Unapproved;
use crate::app::prune_part::Ambiguous;
use crate::app::prune_preview::PreviewError;
use crate::domain::id::arn::{RdsArn, Region};
use crate::domain::id::names::ResourceId;
use crate::domain::restore::configuration::ConfigurationHash;
use crate::domain::retention::check::Broken;
use crate::domain::retention::round::Freeze;
use crate::ports::PortError;

/// Why a round did nothing. What is not known must not be removed.
#[derive(Debug, Error)]
pub enum PruneError {
    /// The policies or the snapshots cannot be read to the end.
    #[error(transparent)]
    Preview(#[from] PreviewError),
    /// The table cannot be read or written.
    #[error(transparent)]
    Port(#[from] PortError),
}

/// A snapshot that RDS was asked to delete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removed {
    /// The snapshot.
    pub snapshot: RdsArn,
    /// Why it may go.
    pub why: String,
}

/// A database whose plan the check has refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The database.
    pub database: ResourceId,
    /// The rules, and the snapshots that break them.
    pub broken: Vec<Broken>,
}

/// A database that this round left alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftAlone {
    /// The database.
    pub database: ResourceId,
    /// The reason.
    pub why: String,
}

/// What ended a round's removals before their end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stopped {
    /// The stack's setting says plans and notes only.
    RemovesNothing,
    /// Another round has the lease.
    AnotherRound,
    /// The plan is not the one that the person has looked at.
    AnotherPlan,
    /// The person has named several databases by one name, and wants even the last ones removed.
    Ambiguous(Ambiguous),
    /// The policies let go what the version before them would keep, and nobody has approved that.
    Unapproved(Unapproved),
    /// A person has stopped all removal.
    Frozen(Freeze),
    /// Whether somebody has, cannot be read.
    FreezeUnknown(String),
    /// RDS throttles: the next round goes on.
    Throttled,
    /// The round has taken too long: the next one goes on.
    OutOfTime,
}

impl std::fmt::Display for Stopped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::RemovesNothing => {
                f.write_str("the stack's parameter Prune is no: plans and notes only")
            }
            Self::AnotherRound => f.write_str("another round is under way"),
            Self::AnotherPlan => f.write_str("the plan has changed since it was looked at"),
            Self::Ambiguous(ambiguous) => ambiguous.fmt(f),
            Self::Unapproved(unapproved) => unapproved.fmt(f),
            Self::Frozen(freeze) => write!(f, "frozen by {}: {}", freeze.by, freeze.why),
            Self::FreezeUnknown(error) => {
                write!(
                    f,
                    "whether a person has frozen removal cannot be read: {error}"
                )
            }
            Self::Throttled => f.write_str("RDS throttles; the next round goes on"),
            Self::OutOfTime => f.write_str("out of time; the next round goes on"),
        }
    }
}

/// What became of configurations that no recovery point names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PrunedConfigurations {
    /// How many there were.
    pub unnamed: usize,
    /// Those that were removed.
    pub removed: Vec<(ResourceId, ConfigurationHash)>,
}

/// What a round did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PruneReport {
    /// The hash of the plan.
    pub plan: String,
    /// How many recovery points were looked at.
    pub looked_at: usize,
    /// How many of them may go by their rules.
    pub removable: usize,
    /// How many are held.
    pub held: usize,
    /// How many may go now, before the bounds.
    pub ripe: usize,
    /// What RDS was asked to delete.
    pub removed: Vec<Removed>,
    /// What an earlier round had asked to delete, and this one does not find any more.
    pub gone: Vec<RdsArn>,
    /// What was kept at the last moment: something awaits it, or RDS shows it otherwise than before.
    pub kept: Vec<RdsArn>,
    /// What could not be removed, and why. The next round tries again.
    pub failed: Vec<(RdsArn, String)>,
    /// The databases whose plan the check has refused.
    pub refused: Vec<Refused>,
    /// The databases that were left alone.
    pub left_alone: Vec<LeftAlone>,
    /// The entries of the catalog that named a recovery point that is gone.
    pub corrected: usize,
    /// What became of configurations that no recovery point names.
    pub configurations: PrunedConfigurations,
    /// The source regions that could not be listed though a policy has rules for them, and why. Nothing goes there.
    pub sources_not_listed: BTreeMap<Region, String>,
    /// What ended the removals before their end.
    pub stopped: Option<Stopped>,
    /// After how many days the recovery region's quota is full. `None` if RDS does not say how large it is.
    pub days_to_full: Option<i64>,
}
