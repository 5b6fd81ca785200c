//! Copy slots: how many the stack has, how many a policy may take, and how many are taken.

use std::collections::BTreeMap;
use std::pin::pin;

use futures_util::TryStreamExt;

use crate::app::doctor::ask::{Snapshots, port};
use crate::domain::doctor::capacity::{Copies, PolicyCopies, copy_slots, policy_slots};
use crate::domain::doctor::{Check, Finding};
use crate::domain::id::tags::{self, PolicyName, StackId};
use crate::domain::policy::in_force::Policies;
use crate::domain::rds::snapshot::SnapshotStatus;
use crate::domain::run::wait::Phase;
use crate::ports::{ListOpen, PortError, open_pages};
use crate::settings::DoctorSettings;

/// The copies that hold a slot, and the copies that wait for one.
#[derive(Default)]
struct Open {
    taken: usize,
    taken_by: BTreeMap<PolicyName, usize>,
    queued: usize,
    queued_by: BTreeMap<PolicyName, usize>,
}

pub(super) async fn slots<W: ListOpen>(
    world: &W,
    doctor_settings: &DoctorSettings,
    policies: Option<&Policies>,
    snapshots: &Snapshots,
) -> Vec<Finding> {
    let home = &doctor_settings.stack_facts.home;
    let open = match open(world).await {
        Ok(open) => open,
        Err(error) => return vec![Finding::unknown(Check::CopySlots, home, &port(&error))],
    };
    let of_stack = doctor_settings.copy_slots;
    let bound = policies.and_then(|policies| policies.copy_slots);
    let slots = bound.map_or(of_stack, |bound| bound.min(of_stack));
    let is_known = snapshots.missing.is_empty();
    let copies = Copies {
        slots,
        taken: open.taken,
        queued: open.queued,
        of_others: is_known.then(|| of_others(snapshots, &doctor_settings.stack_facts.stack)),
    };
    let mut findings = vec![copy_slots(home, copies)];
    for policy in policies.map_or(&[][..], |policies| &policies.all) {
        let of = |counts: &BTreeMap<PolicyName, usize>| {
            counts.get(&policy.name).copied().unwrap_or_default()
        };
        if let Some(bound) = policy.options.copy_slots {
            let copies = PolicyCopies {
                slots: bound,
                of_all: slots,
                taken: of(&open.taken_by),
                queued: of(&open.queued_by),
            };
            findings.push(policy_slots(&policy.name, copies));
        }
    }
    findings
}

async fn open<W: ListOpen>(world: &W) -> Result<Open, PortError> {
    let mut open = Open::default();
    let mut pages = pin!(open_pages(world));
    while let Some(page) = pages.try_next().await? {
        open.taken += page.holders.len();
        for policy in page.holders_of.into_values() {
            *open.taken_by.entry(policy).or_default() += 1;
        }
        let queued = page.waits.into_iter();
        for wait in queued.filter(|wait| wait.phase == Phase::Queued) {
            open.queued += 1;
            *open.queued_by.entry(wait.command.run.policy).or_default() += 1;
        }
    }
    Ok(open)
}

/// Copies in flight that this stack did not start.
fn of_others(snapshots: &Snapshots, ours: &StackId) -> usize {
    let in_flight = snapshots.found.iter().filter(|snapshot| {
        let is_ours = snapshot
            .tags
            .get(tags::STACK)
            .is_some_and(|tag| tag == ours.as_str());
        snapshot.source.is_some()
            && matches!(
                snapshot.status,
                SnapshotStatus::Creating | SnapshotStatus::Copying
            )
            && !is_ours
    });
    in_flight.count()
}
