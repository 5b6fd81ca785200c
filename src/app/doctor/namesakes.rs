//! Looks for other stacks with this stack's id, where they can be: in the recovery regions that the source regions
//! forward their events to, and in this one.

use std::collections::BTreeSet;

use crate::app::doctor::ask::{all, port};
use crate::app::doctor::scope::Permissions;
use crate::domain::doctor::namesakes::{FORWARDING_QUEUES, Outputs, namesakes, recovery_regions};
use crate::domain::doctor::{Check, Finding, Unanswered};
use crate::domain::id::arn::Region;
use crate::settings::DoctorSettings;

/// A finding about all the regions that answered, and one for each that did not.
pub(super) async fn other_stacks_of_the_id<W: Permissions>(
    world: &W,
    doctor_settings: &DoctorSettings,
    mut recovery_regions: BTreeSet<Region>,
) -> Vec<Finding> {
    let facts = &doctor_settings.stack_facts;
    recovery_regions.insert(facts.home.clone());
    let mut findings = Vec::new();
    let mut listed = Vec::new();
    for region in recovery_regions {
        match stacks(world, &region).await {
            Ok(stacks) => listed.push((region, stacks)),
            Err(error) => findings.push(Finding::unknown(Check::StackId, &region, &error)),
        }
    }
    if !listed.is_empty() {
        let own = &doctor_settings.commands_dead_letters;
        findings.push(namesakes(&facts.stack, own, &listed));
    }
    findings
}

/// The recovery regions that a source region forwards its events to.
pub(super) async fn forwards_to<W: Permissions>(
    world: &W,
    region: &Region,
) -> Result<BTreeSet<Region>, Unanswered> {
    let names = all(|marker| async {
        let page = world.list_queue_names(region, FORWARDING_QUEUES, marker);
        page.await.map_err(|error| port(&error))
    })
    .await?;
    Ok(recovery_regions(&names))
}

async fn stacks<W: Permissions>(world: &W, region: &Region) -> Result<Vec<Outputs>, Unanswered> {
    all(|marker| async {
        let page = world.list_stacks(region, marker).await;
        page.map_err(|error| port(&error))
    })
    .await
}
