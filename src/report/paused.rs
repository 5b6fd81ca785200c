//! The paused policies, as every view names them.

use crate::domain::policy::in_force::Policies;

/// The policies of which nothing is started.
pub(super) fn paused(policies: &Policies) -> Vec<&str> {
    let paused = policies.all.iter().filter(|policy| policy.options.paused);
    paused.map(|policy| policy.name.as_str()).collect()
}

/// Which policies are paused, if any.
pub(crate) fn paused_sentence(policies: &Policies) -> Option<String> {
    let paused = paused(policies);
    let names = paused.join(", ");
    (!paused.is_empty()).then(|| format!("Paused, so that nothing of them is started: {names}."))
}
