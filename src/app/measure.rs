//! Measures how old the newest recovery points are, by the table alone: the pruner's hourly inventory holds the table
//! against RDS.

use std::collections::BTreeMap;

use futures_util::{StreamExt, TryStreamExt, stream};

use jiff::SignedDuration;

use crate::app::in_force::policies_in_force;
use crate::app::selected::read_all_selected;
use crate::domain::id::names::ResourceId;
use crate::domain::id::tags::PolicyName;
use crate::domain::limits::BATCH_GET_MAX;
use crate::domain::operator::ages::{FleetAges, Known};
use crate::domain::policy::rpo::rpo;
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
/// If the table cannot be read, or a part of what it says. Half a fleet would look well.
pub async fn measure<W: Permissions>(
    world: &W,
    measuring: &Measuring,
) -> Result<FleetAges, PortError> {
    let policies = policies_in_force(world, &measuring.key, &measuring.policies)
        .await?
        .policies;
    let now = world.now();
    // Nothing of a paused policy is started, on purpose: its databases are not late.
    let active = policies.all.iter().filter(|policy| !policy.options.paused);
    let selected = read_all_selected(world, active, &measuring.source_regions).await?;
    if let Some((policy, region, why)) = selected.faults.into_iter().next() {
        let source = format!("which databases {} selects in {region}: {why}", policy.name);
        return Err(PortError {
            action: "dynamodb:GetItem",
            code: None,
            source: Some(source.into()),
        });
    }
    let selected = selected.databases;
    let rpos: BTreeMap<&PolicyName, SignedDuration> = policies
        .all
        .iter()
        .map(|policy| (&policy.name, rpo(policy, now)))
        .collect();
    let pairs: Vec<(ResourceId, PolicyName)> = selected
        .iter()
        .map(|(policy, one)| (one.database.resource_id.clone(), policy.name.clone()))
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
    let known = selected.iter().map(|(policy, one)| {
        let entry = entries.get(&(&one.database.resource_id, &policy.name));
        Known {
            selected: one,
            rpo: rpos[&policy.name],
            newest: entry.map_or(Newest::None, |entry| entry.newest_data()),
            refused: entry.and_then(|entry| entry.refused.as_ref()),
        }
    });
    Ok(FleetAges::of(known, now))
}
