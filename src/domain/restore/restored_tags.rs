//! The tags of what is restored.

use crate::domain::id::tags::{RESTORED, StackId, Tags, is_reserved};
use crate::domain::limits::TAGS_MAX;

/// The tags of what is restored: the database's own, and the mark. Never none, or RDS would give it the copy's.
#[must_use]
pub fn restored_tags(stack: &StackId, own: &Tags) -> Tags {
    let own = own.iter().filter(|(key, _)| !is_reserved(key));
    let own = own.map(|(key, value)| (key.clone(), value.clone()));
    let mut tags: Tags = own.take(TAGS_MAX - 1).collect();
    tags.insert(RESTORED.to_owned(), stack.to_string());
    tags
}
