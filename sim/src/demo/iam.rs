//! What the functions' own roles allowed them.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::figures::Calls;
use crate::local::RoleUse;

/// What IAM evaluated in a run, for calls under a function's own role alone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Iam {
    /// Decisions of IAM.
    pub evaluated: u64,
    /// How many of them denied the call.
    pub denied: u64,
    /// Decisions by function and action.
    pub by_role: BTreeMap<String, Calls>,
    /// Permissions that no call needed, and that no reason explains.
    pub unused: Vec<String>,
    /// Each denied action, in a sentence.
    #[serde(skip)]
    pub(super) denials: Vec<String>,
}

/// Permissions that a run may leave unused, and why. A name may end with `*`.
const MAY_BE_UNUSED: [(&str, &str); 0] = [];

impl Iam {
    #[must_use]
    pub(super) fn of(roles: &[RoleUse]) -> Self {
        let mut iam = Self::default();
        for role in roles {
            let function = role.role.trim_end_matches("Role").to_ascii_lowercase();
            for denial in &role.denied {
                iam.denied += denial.times;
                iam.denials.push(format!(
                    "IAM denied {function} {} {}: {}",
                    denial.action,
                    times(denial.times),
                    denial.sentence
                ));
            }
            let never = role.granted.iter().filter(|action| !is_used(role, action));
            let unused = never.filter(|action| reason(&function, action).is_none());
            iam.unused
                .extend(unused.map(|action| format!("{function} {action}")));
            iam.evaluated += role.evaluated.values().sum::<u64>();
            iam.by_role.insert(function, role.evaluated.clone());
        }
        iam
    }

    /// The promises about roles that the run broke, each in a sentence.
    #[must_use]
    pub(super) fn broken(&self) -> Vec<String> {
        let mut broken = self.denials.clone();
        let idle: BTreeSet<&str> = self
            .by_role
            .iter()
            .filter(|(_, calls)| calls.is_empty())
            .map(|(function, _)| function.as_str())
            .collect();
        // Without this, a run whose roles nobody evaluates would keep the promise.
        if self.by_role.is_empty() || (self.denied == 0 && !idle.is_empty()) {
            broken.push(format!("IAM evaluated no call of some functions: {idle:?}"));
        }
        broken
    }
}

fn times(count: u64) -> String {
    match count {
        1 => "once".to_owned(),
        more => format!("{more} times"),
    }
}

fn is_used(role: &RoleUse, action: &str) -> bool {
    role.evaluated.contains_key(action)
}

/// Why this permission may stay unused.
fn reason(function: &str, action: &str) -> Option<&'static str> {
    let named = format!("{function} {action}");
    let fits = |pattern: &str| match pattern.strip_suffix('*') {
        Some(start) => named.starts_with(start) || action.starts_with(start),
        None => pattern == named || pattern == action,
    };
    let found = MAY_BE_UNUSED.iter().find(|(pattern, _)| fits(pattern));
    found.map(|(_, reason)| *reason)
}
