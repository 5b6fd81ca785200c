//! Sets of policies: as they are written in a file, and as they were applied.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;

use super::in_force::{Policies, Policy};
use super::span::Span;
use super::spec::{AppliedKey, PolicySpec};
use super::spread::Spread;
use crate::domain::id::arn::KeyArn;
use crate::domain::id::tags::PolicyName;
use crate::domain::id::text::{ParseError, text_newtype};

/// A set of policies; `K` is a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicySet<K> {
    /// The policy for databases without the tag `snapferry:policy`. Without such a policy they are left out.
    pub untagged: Option<PolicyName>,
    /// How many copies may be in flight, of all policies together.
    pub copy_slots: Option<usize>,
    /// How many copies of cluster snapshots may be in flight, of all policies together.
    pub cluster_copy_slots: Option<usize>,
    /// The policies by name.
    pub policies: BTreeMap<PolicyName, PolicySpec<K>>,
}

impl<K> PolicySet<K> {
    /// The same set with other keys.
    ///
    /// # Errors
    /// All errors that `key` returns.
    pub fn with_keys<L, E>(
        &self,
        mut key: impl FnMut(&PolicyName, &K) -> Result<L, E>,
    ) -> Result<PolicySet<L>, Vec<E>> {
        let mut errors = Vec::new();
        let set = self.map_keys(|name, of| {
            let key = key(name, of);
            key.map_err(|error| errors.push(error)).ok()
        });
        match errors.is_empty() {
            true => Ok(set),
            false => Err(errors),
        }
    }

    /// The same set with other keys. A policy whose key becomes `None` uses the stack's.
    pub fn map_keys<L>(&self, mut key: impl FnMut(&PolicyName, &K) -> Option<L>) -> PolicySet<L> {
        let policies = self.policies.iter().map(|(name, spec)| {
            let spec = PolicySpec {
                schedule: spec.schedule.clone(),
                key: spec.key.as_ref().and_then(|of| key(name, of)),
                options: spec.options.clone(),
            };
            (name.clone(), spec)
        });
        PolicySet {
            untagged: self.untagged.clone(),
            copy_slots: self.copy_slots,
            cluster_copy_slots: self.cluster_copy_slots,
            policies: policies.collect(),
        }
    }
}

impl<K> PolicySet<K> {
    /// Whether due times are made up for as its policies say. In a set that an earlier version applied they are made up for
    /// however late it is.
    #[must_use]
    pub fn catches_up(&self) -> bool {
        let mut specs = self.policies.values();
        specs.any(|spec| spec.options.catch_up.is_some())
    }

    /// The same set with the usual `catch_up` where a policy names none.
    #[must_use]
    pub fn catching_up(mut self) -> Self {
        for spec in self.policies.values_mut() {
            spec.options.catch_up.get_or_insert(Span::CATCH_UP);
        }
        self
    }

    /// Whether its databases are spread as its policies say. In a set that an earlier version applied they are not, also
    /// where a policy named a `spread`: that version only kept it.
    #[must_use]
    pub fn spreads(&self) -> bool {
        let mut specs = self.policies.values();
        specs.any(|spec| spec.options.spread.is_some())
    }

    /// The same set with the usual `spread` where a policy names none; or, if an earlier version applied it, without any.
    #[must_use]
    pub fn spreading(mut self, spreads: bool) -> Self {
        for spec in self.policies.values_mut() {
            let named = spec.options.spread.unwrap_or(Spread::USUAL);
            spec.options.spread = spreads.then_some(named);
        }
        self
    }
}

impl PolicySet<AppliedKey> {
    /// The policies of this set, with the stack's key for those that name no key.
    #[must_use]
    pub fn policies(&self, key_of_the_stack: &KeyArn) -> Policies {
        let all = self.policies.iter().map(|(name, spec)| Policy {
            name: name.clone(),
            schedule: spec.schedule.clone(),
            key: spec
                .key
                .as_ref()
                .map_or(key_of_the_stack, |key| &key.arn)
                .clone(),
            options: spec.options.clone(),
        });
        Policies {
            all: all.collect(),
            untagged: self.untagged.clone(),
            copy_slots: self.copy_slots,
            cluster_copy_slots: self.cluster_copy_slots,
        }
    }
}

/// The number of an applied set: 1, 2, 3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(u32);

impl Version {
    /// The first.
    pub const FIRST: Self = Self(1);

    /// A number from 1.
    ///
    /// # Errors
    /// When it is 0.
    pub fn new(number: u32) -> Result<Self, ParseError> {
        if number == 0 {
            return Err(ParseError::new("0", "a version: 1, 2, 3"));
        }
        Ok(Self(number))
    }

    /// The next number.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// The previous number. `None` before the first.
    #[must_use]
    pub fn previous(self) -> Option<Self> {
        (self.0 > 1).then(|| Self(self.0 - 1))
    }

    /// The number.
    #[must_use]
    pub fn number(self) -> u32 {
        self.0
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

text_newtype!(
    /// Why a set was applied, in its author's words.
    Note,
    "a note of 1 to 500 characters on one line",
    |text| {
        (1..=500).contains(&text.chars().count()) && !text.chars().any(char::is_control)
    }
);

/// When and by whom a set was applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    /// The set's version.
    pub version: Version,
    /// When it was applied.
    pub at: Timestamp,
    /// Who: the caller's ARN, as AWS reported it.
    pub by: String,
    /// Why it was applied.
    pub note: Option<Note>,
}

/// A set that was applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// When and by whom.
    pub stamp: Stamp,
    /// The file, word for word.
    pub text: String,
    /// The set in the file, with its aliases resolved.
    pub set: PolicySet<AppliedKey>,
}
