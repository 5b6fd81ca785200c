//! What changed between two versions of a configuration.

use std::collections::{BTreeMap, BTreeSet};

use super::configuration::Configuration;
use super::value::{Settings, Value};
use crate::domain::id::tags::Tags;

/// What changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changed {
    /// A setting of the database, or of a member.
    Setting {
        /// The member, if it is one's.
        member: Option<String>,
        /// RDS's field.
        field: &'static str,
    },
    /// A tag of the database, or of a member.
    Tag {
        /// The member, if it is one's.
        member: Option<String>,
        /// The tag's key.
        key: String,
    },
    /// A member came or went.
    Member(String),
    /// A member became the writer, or another did.
    Writer(String),
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What changed.
    pub what: Changed,
    /// The value before. `None` if it was not set.
    pub before: Option<Value>,
    /// The value after.
    pub after: Option<Value>,
}

/// What changed from one configuration to another.
#[must_use]
pub fn diff(before: &Configuration, after: &Configuration) -> Vec<Difference> {
    let mut found = settings(None, &before.settings, &after.settings);
    found.extend(tags(None, &before.tags, &after.tags));
    for name in keys(&before.members, &after.members) {
        match (before.members.get(name), after.members.get(name)) {
            (Some(was), Some(is)) => {
                if was.is_writer != is.is_writer {
                    found.push(Difference {
                        what: Changed::Writer(name.clone()),
                        before: Some(Value::Flag(was.is_writer)),
                        after: Some(Value::Flag(is.is_writer)),
                    });
                }
                found.extend(settings(Some(name), &was.settings, &is.settings));
                found.extend(tags(Some(name), &was.tags, &is.tags));
            }
            (was, is) => found.push(Difference {
                what: Changed::Member(name.clone()),
                before: was.map(|_| Value::Flag(true)),
                after: is.map(|_| Value::Flag(true)),
            }),
        }
    }
    found
}

fn keys<'a, K: Ord, V>(a: &'a BTreeMap<K, V>, b: &'a BTreeMap<K, V>) -> BTreeSet<&'a K> {
    a.keys().chain(b.keys()).collect()
}

fn settings(member: Option<&String>, before: &Settings, after: &Settings) -> Vec<Difference> {
    let differs = keys(before, after).into_iter().filter_map(|setting| {
        let (was, is) = (before.get(setting), after.get(setting));
        (was != is).then(|| Difference {
            what: Changed::Setting {
                member: member.cloned(),
                field: setting.field(),
            },
            before: was.cloned(),
            after: is.cloned(),
        })
    });
    differs.collect()
}

fn tags(member: Option<&String>, before: &Tags, after: &Tags) -> Vec<Difference> {
    let differs = keys(before, after).into_iter().filter_map(|key| {
        let (was, is) = (before.get(key), after.get(key));
        (was != is).then(|| Difference {
            what: Changed::Tag {
                member: member.cloned(),
                key: key.clone(),
            },
            before: was.map(|text| Value::text(text)),
            after: is.map(|text| Value::text(text)),
        })
    });
    differs.collect()
}
