//! What a drill and what it makes are called, and the tags that prove it.
//!
//! `sfd-<slug>-<hash>`: at most 45 characters; a member of a cluster has its number behind that. The hash is made of the
//! stack, the database and the drill, so the tags of what a drill made and its name must agree.

use jiff::Timestamp;

use crate::domain::id::arn::Family;
use crate::domain::id::database_ref::DatabaseRef;
use crate::domain::id::names::ResourceId;
use crate::domain::id::tags::{
    DRILL, DRILL_DEADLINE, DRILL_ID, DRILL_OF, EXCLUDE, RESTORED, StackId, Tags, is_reserved,
};
use crate::domain::id::text::text_newtype;
use crate::domain::limits::TAGS_MAX;
use crate::domain::run::fingerprint::Fingerprint;
use crate::domain::run::naming::slug;

/// How the name of everything that a drill makes begins.
pub const DRILLED: &str = "sfd-";

text_newtype!(
    /// Which drill of a database it is: the second in which it began.
    DrillId,
    "a drill's id: yyyymmddthhmmssz",
    |text| {
        text.len() == 16
            && text.bytes().enumerate().all(|(at, b)| match at {
                8 => b == b't',
                15 => b == b'z',
                _ => b.is_ascii_digit(),
            })
    }
);

impl DrillId {
    /// The drill that begins now.
    #[must_use]
    pub fn at(now: Timestamp) -> Self {
        Self(now.strftime("%Y%m%dt%H%M%Sz").to_string())
    }
}

const HASH_CHARACTERS: usize = 10;

fn hash(stack: &StackId, family: Family, of: &ResourceId, id: &DrillId) -> String {
    let family = match family {
        Family::Instance => "instance",
        Family::Cluster => "cluster",
    };
    let print = Fingerprint::of(&[stack.as_str(), "drill", family, of.as_str(), id.as_str()]);
    print.as_str().chars().take(HASH_CHARACTERS).collect()
}

/// The name of what a drill restores.
#[must_use]
pub fn drill_name(stack: &StackId, database: &DatabaseRef, id: &DrillId) -> String {
    let hash = hash(stack, database.arn.family(), &database.resource_id, id);
    format!("{DRILLED}{}-{hash}", slug(database.arn.name()))
}

/// The name of a member of the cluster that a drill restores. The first is 1.
#[must_use]
pub fn member_name(drill: &str, number: usize) -> String {
    format!("{drill}-{number}")
}

/// The tags of what a drill makes: the database's own, the marks of restores and drills, and the one that keeps
/// Snapferry from protecting it.
#[must_use]
pub fn drill_tags(
    stack: &StackId,
    of: &ResourceId,
    id: &DrillId,
    deadline: Timestamp,
    own: &Tags,
) -> Tags {
    let ours = [
        (RESTORED, stack.to_string()),
        (DRILL, stack.to_string()),
        (DRILL_ID, id.to_string()),
        (DRILL_OF, of.to_string()),
        (DRILL_DEADLINE, deadline.to_string()),
        (EXCLUDE, "drill".to_owned()),
    ];
    let own = own.iter().filter(|(key, _)| !is_reserved(key));
    let own = own.map(|(key, value)| (key.clone(), value.clone()));
    let mut tags: Tags = own.take(TAGS_MAX - ours.len()).collect();
    tags.extend(ours.map(|(key, value)| (key.to_owned(), value)));
    tags
}

/// What the tags of a drill say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DrillTags {
    /// The drill.
    pub id: DrillId,
    /// The database whose recovery point it was made from.
    pub of: ResourceId,
    /// When it must be gone.
    pub deadline: Timestamp,
}

impl DrillTags {
    /// Reads them. Nothing if one is missing, cannot be read, or names another stack.
    #[must_use]
    pub fn read(stack: &StackId, tags: &Tags) -> Option<Self> {
        let is_ours = |key: &str| tags.get(key).is_some_and(|found| found == stack.as_str());
        if !is_ours(DRILL) || !is_ours(RESTORED) {
            return None;
        }
        Some(Self {
            id: DrillId::parse(tags.get(DRILL_ID)?).ok()?,
            of: ResourceId::parse(tags.get(DRILL_OF)?).ok()?,
            deadline: tags.get(DRILL_DEADLINE)?.parse().ok()?,
        })
    }

    /// Whether a database of these tags is called as a drill calls what it makes: an instance, a cluster, or a member of
    /// the cluster `member_of`.
    #[must_use]
    pub fn give_the_name(
        &self,
        stack: &StackId,
        family: Family,
        name: &str,
        member_of: Option<&str>,
    ) -> bool {
        let (drill, family) = match member_of {
            None => (name, family),
            Some(cluster) => (cluster, Family::Cluster),
        };
        let is_member = member_of.is_none_or(|cluster| {
            let number = name
                .strip_prefix(cluster)
                .and_then(|rest| rest.strip_prefix('-'));
            number
                .and_then(|number| number.parse::<u8>().ok())
                .is_some_and(|number| member_name(cluster, number.into()) == name)
        });
        let ends = format!("-{}", hash(stack, family, &self.of, &self.id));
        is_member && drill.starts_with(DRILLED) && drill.ends_with(&ends)
    }
}
