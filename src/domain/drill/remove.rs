//! What of all drills is removed. Two rules decide it by different code: one picks what is over, and the other checks,
//! right before each call, that it is what a drill of this stack made.

use std::fmt;

use jiff::Timestamp;

use super::name::{DRILLED, DrillTags, member_name};
use super::options::DEADLINE_MAX;
use super::record::DrillRecord;
use crate::domain::id::arn::Family;
use crate::domain::id::names::ResourceId;
use crate::domain::id::tags::{DRILL, DRILL_DEADLINE, RESTORED, StackId};
use crate::domain::restore::restored::RestoredDatabase;

/// Why something is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RemovalReason {
    /// Its deadline, by the record.
    Deadline(Timestamp),
    /// Its drill has come to a result, and nothing but its removal is left of it.
    Ended,
    /// Its drill is over, and it is still there.
    LeftBehind,
    /// The table knows nothing of it, and it is older than any drill may become.
    Lost(Timestamp),
}

impl fmt::Display for RemovalReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deadline(at) => write!(f, "its deadline was {at}"),
            Self::Ended => f.write_str("its drill has come to a result"),
            Self::LeftBehind => f.write_str("its drill is over, and it is still there"),
            Self::Lost(at) => write!(
                f,
                "the table knows no such drill, and it was made at {at}, longer ago than any drill may live"
            ),
        }
    }
}

/// Why something stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StayReason {
    /// It does not bear all the tags of a drill of this stack.
    NotOurs,
    /// It lives until then.
    LivesUntil(Timestamp),
    /// The table knows nothing of it, and it may still be a drill that lives.
    Unknown,
    /// The second rule refuses it.
    Broken(BrokenRule),
}

impl fmt::Display for StayReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotOurs => f.write_str("it does not bear all the tags of a drill of this stack"),
            Self::LivesUntil(at) => write!(f, "its drill may live until {at}"),
            Self::Unknown => f.write_str(
                "the table knows no such drill, and it is not older than any drill may become",
            ),
            Self::Broken(rule) => write!(f, "the second rule refuses it: {rule}"),
        }
    }
}

/// The first rule: what is over, by its tags, the record of its drill and the clock.
///
/// # Errors
/// Why it stays.
pub fn decide_removal(
    stack: &StackId,
    found: &RestoredDatabase,
    record: Option<&DrillRecord>,
    now: Timestamp,
) -> Result<RemovalReason, StayReason> {
    let tags = DrillTags::read(stack, &found.tags).ok_or(StayReason::NotOurs)?;
    if let Some(record) = record {
        if record.gone_at.is_some() {
            return Ok(RemovalReason::LeftBehind);
        }
        // The drill itself would do nothing else any more.
        if record.verdict.is_some() {
            return Ok(RemovalReason::Ended);
        }
        return match record.deadline <= now {
            true => Ok(RemovalReason::Deadline(record.deadline)),
            false => Err(StayReason::LivesUntil(record.deadline)),
        };
    }
    match found.created_at {
        Some(made) if tags.deadline <= now && made + DEADLINE_MAX <= now => {
            Ok(RemovalReason::Lost(made))
        }
        Some(_) if tags.deadline > now => Err(StayReason::LivesUntil(tags.deadline)),
        _ => Err(StayReason::Unknown),
    }
}

/// A rule of the check that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BrokenRule {
    /// The tag that marks drills is missing, or names another stack.
    DrillTag,
    /// The tag that marks what was restored is missing, or names another stack.
    RestoredTag,
    /// It is not called as the drill of its tags calls what it makes.
    Name,
    /// The record of its drill names another resource id.
    ResourceId(ResourceId),
    /// The cluster that it is a member of breaks this rule.
    Cluster(Box<BrokenRule>),
    /// The drill is not over.
    NotOver,
    /// It is not old enough to be removed without a resource id in a record.
    TooYoung,
    /// It is being deleted already.
    BeingDeleted,
}

impl BrokenRule {
    /// Whether a person keeps it: its tags or its name no longer mark it as a drill's.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        match self {
            Self::DrillTag | Self::RestoredTag | Self::Name => true,
            Self::Cluster(rule) => rule.is_kept(),
            Self::ResourceId(_) | Self::NotOver | Self::TooYoung | Self::BeingDeleted => false,
        }
    }
}

impl fmt::Display for BrokenRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DrillTag => write!(f, "its tag {DRILL} does not name this stack"),
            Self::RestoredTag => write!(f, "its tag {RESTORED} does not name this stack"),
            Self::Name => f.write_str("its name is not the one that the drill of its tags gives"),
            Self::ResourceId(id) => {
                write!(f, "the drill's own call made {id}, and this is another one")
            }
            Self::Cluster(rule) => write!(f, "its cluster stays: {rule}"),
            Self::NotOver => f.write_str("its drill is not over"),
            Self::TooYoung => f.write_str(
                "no record names its resource id, and it is younger than the longest drill",
            ),
            Self::BeingDeleted => f.write_str("it is being deleted already"),
        }
    }
}

/// The second rule: what RDS shows right before a call is what a drill of this stack made, and that drill is over.
///
/// # Errors
/// The first rule that does not hold.
pub fn check_removal(
    stack: &StackId,
    family: Family,
    found: &RestoredDatabase,
    record: Option<&DrillRecord>,
    now: Timestamp,
) -> Result<(), BrokenRule> {
    let says = |key: &str| found.tags.get(key).map(String::as_str);
    let require = |holds: bool, rule: BrokenRule| if holds { Ok(()) } else { Err(rule) };
    require(says(DRILL) == Some(stack.as_str()), BrokenRule::DrillTag)?;
    require(
        says(RESTORED) == Some(stack.as_str()),
        BrokenRule::RestoredTag,
    )?;
    let proves = DrillTags::read(stack, &found.tags).is_some_and(|tags| {
        tags.give_the_name(stack, family, &found.name, found.member_of.as_deref())
    });
    require(proves && found.name.starts_with(DRILLED), BrokenRule::Name)?;
    require(found.status != "deleting", BrokenRule::BeingDeleted)?;
    // Nothing but its age proves that no drill lives that may have made it.
    let is_old_enough = || {
        let deadline = says(DRILL_DEADLINE).and_then(|text| text.parse::<Timestamp>().ok());
        let is_past = deadline.is_some_and(|deadline| deadline <= now);
        let is_old = found
            .created_at
            .is_some_and(|made| now.duration_since(made) >= DEADLINE_MAX);
        require(is_past && is_old, BrokenRule::TooYoung)
    };
    let Some(record) = record else {
        return is_old_enough();
    };
    let name = &record.restore.name;
    let is_named = match &found.member_of {
        None => family == record.family() && found.name == *name,
        Some(cluster) => {
            let mut numbers = 1..=usize::from(u8::MAX);
            cluster == name && numbers.any(|number| member_name(name, number) == found.name)
        }
    };
    require(is_named, BrokenRule::Name)?;
    match record.restore.made.get(&found.name) {
        Some(made) if *made == found.resource_id => {}
        Some(made) => return Err(BrokenRule::ResourceId(made.clone())),
        // The answer of the call that made it was lost.
        None => is_old_enough()?,
    }
    let is_over = record.verdict.is_some() || record.gone_at.is_some() || record.deadline <= now;
    require(is_over, BrokenRule::NotOver)
}

/// The second rule for the cluster of a member that is to be removed: a person who keeps a cluster keeps its members too.
/// A cluster that is not there, or is being deleted, keeps nothing.
///
/// # Errors
/// The first rule that does not hold for the cluster.
pub fn check_cluster(
    stack: &StackId,
    cluster: Option<&RestoredDatabase>,
    record: Option<&DrillRecord>,
    now: Timestamp,
) -> Result<(), BrokenRule> {
    let check = |cluster| check_removal(stack, Family::Cluster, cluster, record, now);
    match cluster.map_or(Ok(()), check) {
        Err(BrokenRule::BeingDeleted) | Ok(()) => Ok(()),
        Err(rule) => Err(BrokenRule::Cluster(Box::new(rule))),
    }
}

/// Whether something bears all tags of a drill of this stack, is past the deadline that they say, and nobody keeps it by a
/// name of its own.
#[must_use]
pub fn outlives_its_deadline(
    stack: &StackId,
    found: &RestoredDatabase,
    decision: &Result<RemovalReason, StayReason>,
    now: Timestamp,
) -> bool {
    let is_past = DrillTags::read(stack, &found.tags).is_some_and(|tags| tags.deadline <= now);
    let is_settled = match decision {
        Err(StayReason::Broken(rule)) => rule.is_kept() || *rule == BrokenRule::BeingDeleted,
        _ => false,
    };
    is_past && found.status != "deleting" && !is_settled
}
