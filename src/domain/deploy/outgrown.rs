//! Parameters that a stack keeps from an earlier version, and that no longer fit.
//!
//! CloudFormation keeps the value of every parameter that nobody names, also where that value was only the default of the
//! version before.

use std::collections::BTreeMap;

use super::defaults::parameter_defaults;
use super::timing::Timing;

/// A default of an earlier version that does not fit this one.
struct Outgrown {
    parameter: &'static str,
    was: &'static str,
    why: &'static str,
}

/// All of them. A test compares this list with the templates of the earlier versions.
const OUTGROWN: [Outgrown; 2] = [
    Outgrown {
        parameter: "FunctionTimeout",
        was: "30",
        why: "a slow answer of RDS to two reads and a change must fit into it",
    },
    Outgrown {
        parameter: "VisibilitySeconds",
        was: "180",
        why: "it must be six times FunctionTimeout",
    },
];

/// A parameter that a deployment raises by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raised {
    /// The parameter.
    pub parameter: &'static str,
    /// The value that the stack has, which is an earlier version's default.
    pub from: &'static str,
    /// This version's default.
    pub to: String,
    /// Why the old value no longer fits.
    pub why: &'static str,
}

/// The parameters that nobody names, and that a stack has only because an earlier version had them as defaults. Without a
/// stack there are none.
#[must_use]
pub fn raised(
    template: &str,
    held: &BTreeMap<String, String>,
    named: &BTreeMap<String, String>,
) -> Vec<Raised> {
    let defaults = parameter_defaults(template);
    let outgrown = OUTGROWN.iter().filter(|one| {
        let is_held = held
            .get(one.parameter)
            .is_some_and(|value| value == one.was);
        is_held && !named.contains_key(one.parameter)
    });
    outgrown
        .filter_map(|one| {
            let now = defaults.get(one.parameter)?;
            (*now != one.was).then(|| Raised {
                parameter: one.parameter,
                from: one.was,
                to: (*now).to_owned(),
                why: one.why,
            })
        })
        .collect()
}

/// What does not fit of the values that the stack will have, each as a sentence with what to do.
#[must_use]
pub fn misfits(
    template: &str,
    held: &BTreeMap<String, String>,
    set: &BTreeMap<String, String>,
) -> Vec<String> {
    let mut values = parameter_defaults(template);
    let given = held.iter().chain(set);
    values.extend(given.map(|(name, value)| (name.as_str(), value.as_str())));
    let too_short = Timing::of_parameters(&values).map_or_else(Vec::new, Timing::too_short);
    let advice = too_short.into_iter().map(|one| {
        format!(
            "{}; deploy with --parameter {}={} or more",
            one.what, one.parameter, one.least
        )
    });
    advice.collect()
}
