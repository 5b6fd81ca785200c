//! Names that a person gave, and that nothing has.

use std::fmt;

use super::dead_letter::names;
use crate::domain::id::database_ref::DatabaseRef;
use crate::domain::policy::file::hint;

/// A name that nothing has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotFound {
    wanted: String,
    /// The name that was probably meant, in words; empty if none is alike.
    hint: String,
}

impl NotFound {
    /// The name, if it is not one of these.
    #[must_use]
    pub fn unless_known<'k>(
        wanted: &str,
        known: impl IntoIterator<Item = &'k str> + Clone,
    ) -> Option<Self> {
        let is_known = known.clone().into_iter().any(|name| name == wanted);
        (!is_known).then(|| Self {
            wanted: wanted.to_owned(),
            hint: hint(wanted, known),
        })
    }

    /// Those of the names by which a person calls databases that name none of these.
    #[must_use]
    pub fn of_databases<'k>(
        wanted: &[String],
        known: impl IntoIterator<Item = &'k DatabaseRef>,
    ) -> Vec<Self> {
        let known: Vec<&DatabaseRef> = known.into_iter().collect();
        let is_unknown = |wanted: &&String| !known.iter().any(|database| names(wanted, database));
        let not_found = wanted.iter().filter(is_unknown).map(|wanted| Self {
            wanted: wanted.clone(),
            hint: hint(wanted, known.iter().map(|database| database.arn.name())),
        });
        not_found.collect()
    }
}

impl fmt::Display for NotFound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.wanted, self.hint)
    }
}
