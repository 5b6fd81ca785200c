//! What people have stopped, as every view says it: policies, removals, and the removal of single recovery points.

use crate::app::status::Gathered;
use crate::domain::policy::in_force::Policies;

/// The policies of which nothing is started.
pub(super) fn paused(policies: &Policies) -> Vec<&str> {
    let paused = policies.all.iter().filter(|policy| policy.options.paused);
    paused.map(|policy| policy.name.as_str()).collect()
}

/// A sentence for each thing that is stopped.
pub(crate) fn stopped_sentences(gathered: &Gathered) -> Vec<String> {
    let paused = paused(&gathered.policies);
    let names = paused.join(", ");
    let paused = (!paused.is_empty())
        .then(|| format!("Paused, so that nothing of them is started: {names}."));
    let frozen = gathered.frozen.as_ref().map(|freeze| {
        let what = match freeze.and_drills {
            true => "nothing is removed, also not what drills made",
            false => "no recovery point is removed",
        };
        format!(
            "Frozen by {} since {}, so that {what}: {}. `snapferry thaw` ends it.",
            freeze.by, freeze.at, freeze.why
        )
    });
    let held = match gathered.points.held() {
        0 => None,
        1 => Some("1 recovery point is held, so that nothing removes it.".to_owned()),
        held => Some(format!(
            "{held} recovery points are held, so that nothing removes them."
        )),
    };
    paused.into_iter().chain(frozen).chain(held).collect()
}
