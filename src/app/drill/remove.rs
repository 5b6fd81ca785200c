//! The one place that deletes databases, and only what drills made: look once more, ask for a freeze, check, delete.

use std::fmt;

use crate::domain::drill::record::DrillRecord;
use crate::domain::drill::remove::{BrokenRule, check_cluster, check_removal};
use crate::domain::id::arn::{Family, Region};
use crate::domain::id::tags::StackId;
use crate::domain::restore::refusal::RestoreRefusal;
use crate::domain::restore::restored::RestoredDatabase;
use crate::domain::retention::round::Freeze;
use crate::error::chain;
use crate::ports::{Clock, DeleteDrilled, DescribeRestored, RdsError, ReadFreeze};

permissions! {
    /// Everything that removing one database of a drill may do.
    Permissions: DeleteDrilled DescribeRestored ReadFreeze
}

/// The result of a removal.
#[derive(Debug)]
pub enum Removal {
    /// RDS has accepted the deletion.
    Asked,
    /// RDS does not show it any more.
    Gone,
    /// RDS refused the deletion, and it is asked again later.
    Later(RdsError),
    /// RDS refused the deletion, and a person must act.
    Refused(RdsError),
    /// The check refuses it. Nothing was asked.
    Broken(BrokenRule),
    /// A person has frozen the removal of drills too. Nothing was asked.
    Frozen(Freeze),
    /// Whether there is a freeze cannot be read, which counts as one.
    FreezeUnknown(String),
}

impl fmt::Display for Removal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Asked => f.write_str("RDS was asked to delete it"),
            Self::Gone => f.write_str("it is gone"),
            Self::Later(error) => write!(f, "again later: {}", chain(error)),
            Self::Refused(error) => write!(f, "RDS does not delete it: {}", chain(error)),
            Self::Broken(rule) => write!(f, "it is not removed: {rule}"),
            Self::Frozen(freeze) => {
                write!(
                    f,
                    "it is not removed: frozen by {}: {}",
                    freeze.by, freeze.why
                )
            }
            Self::FreezeUnknown(error) => {
                write!(
                    f,
                    "it is not removed: whether there is a freeze cannot be read: {error}"
                )
            }
        }
    }
}

/// Codes that say that it is not there.
const NOT_FOUND: [&str; 3] = [
    "DBInstanceNotFound",
    "DBInstanceNotFoundFault",
    "DBClusterNotFoundFault",
];

/// Removes one database that a drill made, if the check allows it by what RDS shows right now.
///
/// # Errors
/// If RDS does not show it.
pub async fn remove_drilled<W: Permissions + Clock>(
    world: &W,
    (stack, home): (&StackId, &Region),
    (family, name): (Family, &str),
    record: Option<&DrillRecord>,
) -> Result<Removal, RdsError> {
    let freeze = match world.freeze().await {
        Ok(freeze) => freeze,
        Err(error) => return Ok(Removal::FreezeUnknown(chain(&error).to_string())),
    };
    if let Some(freeze) = freeze.filter(|freeze| freeze.and_drills) {
        return Ok(Removal::Frozen(freeze));
    }
    let names = [name.to_owned()];
    let found: Vec<RestoredDatabase> = world.describe_restored(home, family, &names).await?;
    let Some(found) = found.into_iter().find(|found| found.name == name) else {
        return Ok(Removal::Gone);
    };
    if let Err(rule) = check_removal(stack, family, &found, record, world.now()) {
        return Ok(match rule {
            BrokenRule::BeingDeleted => Removal::Asked,
            rule => Removal::Broken(rule),
        });
    }
    if let Some(cluster) = &found.member_of {
        let names = [cluster.clone()];
        let shown = world
            .describe_restored(home, Family::Cluster, &names)
            .await?;
        let cluster = shown.iter().find(|one| one.name == *cluster);
        if let Err(rule) = check_cluster(stack, cluster, record, world.now()) {
            return Ok(Removal::Broken(rule));
        }
    }
    let Err(error) = world.delete_drilled(home, family, name).await else {
        return Ok(Removal::Asked);
    };
    let code = error.code.as_deref();
    if code.is_some_and(|code| NOT_FOUND.contains(&code)) {
        return Ok(Removal::Gone);
    }
    Ok(match RestoreRefusal::of(code) {
        RestoreRefusal::Later => Removal::Later(error),
        RestoreRefusal::AlreadyThere | RestoreRefusal::Person => Removal::Refused(error),
    })
}
