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
    /// Its drill is over, and it is still there.
    LeftBehind,
    /// The table knows nothing of it, and it is older than any drill may become.
    Lost(Timestamp),
}

impl fmt::Display for RemovalReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deadline(at) => write!(f, "its deadline was {at}"),
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
    /// The record of its drill names another resource id, or none.
    ResourceId(Option<ResourceId>),
    /// The drill is not over.
    NotOver,
    /// It is not old enough to be removed without a record.
    TooYoung,
    /// It is being deleted already.
    BeingDeleted,
}

impl fmt::Display for BrokenRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DrillTag => write!(f, "its tag {DRILL} does not name this stack"),
            Self::RestoredTag => write!(f, "its tag {RESTORED} does not name this stack"),
            Self::Name => f.write_str("its name is not the one that the drill of its tags gives"),
            Self::ResourceId(Some(id)) => {
                write!(f, "the drill's own call made {id}, and this is another one")
            }
            Self::ResourceId(None) => f.write_str("no call of the drill made it"),
            Self::NotOver => f.write_str("its drill is not over"),
            Self::TooYoung => f.write_str("it is younger than the longest drill"),
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
    let Some(record) = record else {
        let deadline = says(DRILL_DEADLINE).and_then(|text| text.parse::<Timestamp>().ok());
        let is_past = deadline.is_some_and(|deadline| deadline <= now);
        let is_old = found
            .created_at
            .is_some_and(|made| now.duration_since(made) >= DEADLINE_MAX);
        return require(is_past && is_old, BrokenRule::TooYoung);
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
    let made = record.restore.made.get(&found.name);
    require(
        made == Some(&found.resource_id),
        BrokenRule::ResourceId(made.cloned()),
    )?;
    let is_over = record.verdict.is_some() || record.gone_at.is_some() || record.deadline <= now;
    require(is_over, BrokenRule::NotOver)
}
