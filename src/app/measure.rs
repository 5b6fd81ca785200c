//! Measures how old the newest recovery points are, by the table alone: the pruner's hourly inventory holds the table
//! against RDS.

use std::collections::BTreeMap;

use futures_util::{StreamExt, TryStreamExt, stream};

use jiff::SignedDuration;

use crate::app::in_force::policies_in_force;
use crate::app::selected::read_selected;
use crate::domain::id::names::ResourceId;
use crate::domain::id::tags::PolicyName;
use crate::domain::limits::BATCH_GET_MAX;
use crate::domain::operator::ages::{FleetAges, Known};
use crate::domain::policy::rpo::rpo;
use crate::domain::policy::selected::SelectedDatabase;
use crate::domain::policy::timing::Newest;
use crate::ports::{Clock, Entry, PortError, ReadEntries, ReadPolicies, ReadSelected};
use crate::settings::Measuring;

/// How many pages of the catalog are read at once.
const CONCURRENCY: usize = 4;

permissions! {
    /// Everything that measuring may do: it only reads.
    Permissions: Clock ReadEntries ReadPolicies ReadSelected
}

/// Measures every database that a policy in force selects.
///
/// # Errors
/// If the table cannot be read. Half a fleet would look well.
pub async fn measure<W: Permissions>(
    world: &W,
    measuring: &Measuring,
) -> Result<FleetAges, PortError> {
    let policies = policies_in_force(world, &measuring.key, &measuring.policies)
        .await?
        .policies;
    let now = world.now();
    // Each with its policy and the policy's RPO.
    let mut selected: Vec<(&PolicyName, SignedDuration, SelectedDatabase)> = Vec::new();
    // Nothing of a paused policy is started, on purpose: its databases are not late.
    for policy in policies.all.iter().filter(|policy| !policy.options.paused) {
        let rpo = rpo(policy, now);
        for region in &measuring.source_regions {
            let of_region = read_selected(world, &policy.name, region).await?;
            selected.extend(of_region.into_iter().map(|one| (&policy.name, rpo, one)));
        }
    }
    let pairs: Vec<(ResourceId, PolicyName)> = selected
        .iter()
        .map(|(policy, _, one)| (one.database.resource_id.clone(), (*policy).clone()))
        .collect();
    let entries: Vec<Entry> = stream::iter(pairs.chunks(BATCH_GET_MAX))
        .map(|pairs| world.read_entries(pairs))
        .buffered(CONCURRENCY)
        .try_concat()
        .await?;
    let entries: BTreeMap<(&ResourceId, &PolicyName), &Entry> = entries
        .iter()
        .map(|entry| ((&entry.database, &entry.policy), entry))
        .collect();
    let known = selected.iter().map(|(policy, rpo, one)| {
        let entry = entries.get(&(&one.database.resource_id, *policy));
        Known {
            selected: one,
            rpo: *rpo,
            newest: entry.map_or(Newest::None, |entry| entry.newest_data()),
            refused: entry.and_then(|entry| entry.refused.as_ref()),
        }
    });
    Ok(FleetAges::of(known, now))
}
