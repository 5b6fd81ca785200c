//! Remembers what RDS refused permanently, so that the planner takes no further snapshot for it.

use crate::domain::run::refusal::RefusedForGood;
use crate::domain::run::wait::{Expectation, Wait};
use crate::ports::{Clock, PortError, RdsError, RememberRefusal};

/// Enters the refusal in the catalog, before the execution hears of it: a worker that dies in between does both again.
/// Only RDS's own words count, and only where the owner of its code is nobody ([`Owner::is_for_good`]). A run of an
/// earlier version has no fingerprint, and its refusal could not be compared with anything.
///
/// [`Owner::is_for_good`]: crate::domain::run::failure::Owner::is_for_good
pub(super) async fn remember<W: Clock + RememberRefusal>(
    world: &W,
    wait: &Wait,
    error: &RdsError,
) -> Result<(), PortError> {
    let run = &wait.command.run;
    let Some(fingerprint) = run.options.fingerprint.clone() else {
        return Ok(());
    };
    if !error.owner().is_for_good() {
        return Ok(());
    }
    let source = match &wait.expected {
        Expectation::Copy(expected_copy) => Some(expected_copy.source.clone()),
        Expectation::Snapshot => None,
    };
    let refusal = RefusedForGood {
        at: world.now(),
        words: error.to_string(),
        fingerprint,
        planned_at: run.planned_at,
        source,
    };
    world
        .remember_refusal(&run.database, &run.policy, &refusal.bounded())
        .await
}
