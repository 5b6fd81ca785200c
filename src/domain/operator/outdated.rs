//! What a run keeps although its policy says something else by now.

use std::fmt;

use crate::domain::id::arn::KeyArn;
use crate::domain::id::names::OptionGroup;
use crate::domain::policy::set::PolicySet;
use crate::domain::policy::spec::AppliedKey;
use crate::domain::run::command::ProtectionRequest;

/// What a run was started with, and its policy no longer says. A replay changes nothing about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outdated {
    /// The key of the copy.
    Key {
        /// The run's.
        of_run: KeyArn,
        /// The policy's.
        of_policy: KeyArn,
    },
    /// The option group of the copy, which the policy no longer names.
    OptionGroup(OptionGroup),
}

impl fmt::Display for Outdated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key { of_run, of_policy } => write!(
                f,
                "the run keeps the key {of_run}, and its policy names {of_policy} now"
            ),
            Self::OptionGroup(group) => write!(
                f,
                "the run keeps the option group {group}, which its policy no longer names"
            ),
        }
    }
}

/// Compares a run with the applied set of policies. `None` if they agree, or where it is not known what the policy says:
/// it is gone, or it names no key and the stack's is not known.
#[must_use]
pub fn outdated(
    run: &ProtectionRequest,
    set: Option<&PolicySet<AppliedKey>>,
    key_of_the_stack: Option<&KeyArn>,
) -> Option<Outdated> {
    let spec = match set {
        Some(set) => Some(set.policies.get(&run.policy)?),
        None => None,
    };
    let key = spec.and_then(|spec| spec.key.as_ref().map(|key| &key.arn));
    if let Some(of_policy) = key.or(key_of_the_stack).filter(|key| **key != run.key) {
        return Some(Outdated::Key {
            of_run: run.key.clone(),
            of_policy: of_policy.clone(),
        });
    }
    let groups = &spec?.options.option_groups;
    let of_run = run.options.option_group.as_ref()?;
    let is_named = groups.values().any(|group| group == of_run);
    (!is_named).then(|| Outdated::OptionGroup(of_run.clone()))
}
