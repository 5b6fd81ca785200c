//! Tags and the rules RDS has for them.

use std::collections::BTreeMap;

use super::RdsFault;

/// The most tags one resource may carry (RDS User Guide, Tagging).
pub const TAGS_MAX: usize = 50;
/// The longest key, in characters (RDS API reference, Tag).
pub const KEY_MAX: usize = 128;
/// The longest value, in characters (RDS API reference, Tag).
pub const VALUE_MAX: usize = 256;

/// The tags of one resource, in the order of their keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tags(BTreeMap<String, String>);

impl Tags {
    /// Checks tags that a caller sends, by RDS's rules.
    ///
    /// # Errors
    /// `InvalidParameterValue` for a reserved prefix, a key or value that is too long or holds a
    /// character RDS does not take, a key that is there twice, or more than [`TAGS_MAX`].
    pub fn from_caller(pairs: &[(String, String)]) -> Result<Self, RdsFault> {
        let mut tags = BTreeMap::new();
        for (key, value) in pairs {
            check(key, value)?;
            if tags.insert(key.clone(), value.clone()).is_some() {
                return Err(refused(format!("Duplicate tag key: {key}")));
            }
        }
        let tags = Self(tags);
        tags.within_the_limit()?;
        Ok(tags)
    }

    /// Tags that AWS set and no caller, which may begin with `aws:`.
    pub fn of_system<K: Into<String>, V: Into<String>>(
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        Self(
            pairs
                .into_iter()
                .map(|(k, v)| (k.into(), v.into()))
                .collect(),
        )
    }

    /// What RDS hands on when it copies tags from one resource to another: all but its own and
    /// AWS's reserved ones.
    pub fn inheritable(&self) -> Self {
        let mine = self.0.iter().filter(|(key, _)| !is_reserved(key));
        Self(mine.map(|(k, v)| (k.clone(), v.clone())).collect())
    }

    /// Adds tags; a key that is there already gets the new value.
    ///
    /// # Errors
    /// `InvalidParameterValue` when there would be more than [`TAGS_MAX`]; nothing is changed then.
    pub fn merge(&mut self, more: Self) -> Result<(), RdsFault> {
        let mut merged = self.clone();
        merged.0.extend(more.0);
        merged.within_the_limit()?;
        *self = merged;
        Ok(())
    }

    /// Removes these keys; one that is not there is not an error.
    pub fn remove(&mut self, keys: &[String]) {
        self.0.retain(|key, _| !keys.contains(key));
    }

    /// The value under a key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// Keys and values, ordered by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(k, v)| (k.as_str(), v.as_str()))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn within_the_limit(&self) -> Result<(), RdsFault> {
        if self.0.len() > TAGS_MAX {
            return Err(refused(format!(
                "Cannot have more than {TAGS_MAX} tags per resource"
            )));
        }
        Ok(())
    }
}

fn check(key: &str, value: &str) -> Result<(), RdsFault> {
    if is_reserved(key) {
        let prefix = key.split(':').next().unwrap_or_default();
        return Err(refused(format!(
            "Tag keys cannot start with the reserved prefix \"{prefix}:\"."
        )));
    }
    if key.is_empty() || key.chars().count() > KEY_MAX {
        return Err(refused(format!(
            "Tag keys must have between 1 and {KEY_MAX} characters."
        )));
    }
    if value.chars().count() > VALUE_MAX {
        return Err(refused(format!(
            "Tag values must have at most {VALUE_MAX} characters."
        )));
    }
    if !key.chars().chain(value.chars()).all(is_allowed) {
        return Err(refused(
            "Tag keys and values can only contain letters, digits, white space and _ . : / = + - @"
                .to_owned(),
        ));
    }
    Ok(())
}

fn is_reserved(key: &str) -> bool {
    let starts = |prefix: &str| {
        key.get(..prefix.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    };
    starts("aws:") || starts("rds:")
}

fn is_allowed(c: char) -> bool {
    c.is_alphanumeric() || "_.:/=+-@".contains(c) || (c.is_whitespace() && !c.is_control())
}

fn refused(message: String) -> RdsFault {
    RdsFault::InvalidParameterValue(message)
}
