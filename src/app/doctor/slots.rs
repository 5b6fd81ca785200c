//! Copy slots: how many the stack has, how many a policy may take, and how many are taken.

use std::collections::BTreeMap;
use std::pin::pin;

use futures_util::TryStreamExt;

use crate::app::doctor::ask::{Snapshots, port};
use crate::domain::doctor::capacity::{
    ClusterCopies, Copies, PolicyCopies, cluster_slots, copy_slots, learnt, policy_slots,
};
use crate::domain::doctor::{Check, Finding};
use crate::domain::id::arn::Family;
use crate::domain::id::tags::{self, PolicyName, StackId};
use crate::domain::policy::in_force::Policies;
use crate::domain::rds::snapshot::SnapshotStatus;
use crate::domain::run::slot_limits::CopySlots;
use crate::domain::run::wait::Phase;
use crate::ports::{Clock, ListOpen, PortError, ReadLearntLimit, open_pages};
use crate::settings::DoctorSettings;

/// How many copies hold a slot, and how many wait for one.
#[derive(Default)]
struct Counts {
    taken: usize,
    queued: usize,
}

/// The counts for each policy that they count for, or that they are of, and for each family.
type Open = BTreeMap<(Option<PolicyName>, Family), Counts>;

/// The copies of one policy, or of all.
fn of<'o>(
    open: &'o Open,
    policy: Option<&'o PolicyName>,
) -> impl Iterator<Item = (Family, &'o Counts)> {
    let fits = move |found: &Option<PolicyName>| policy.is_none() || found.as_ref() == policy;
    open.iter()
        .filter(move |((found, _), _)| fits(found))
        .map(|((_, family), counts)| (*family, counts))
}

fn total<'o>(counts: impl Iterator<Item = (Family, &'o Counts)>) -> Counts {
    counts.fold(Counts::default(), |sum, (_, one)| Counts {
        taken: sum.taken + one.taken,
        queued: sum.queued + one.queued,
    })
}

fn clusters(open: &Open, policy: Option<&PolicyName>) -> Counts {
    total(of(open, policy).filter(|(family, _)| *family == Family::Cluster))
}

pub(super) async fn slots<W: Clock + ListOpen + ReadLearntLimit>(
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
    let lower = |bound: Option<usize>, slots: usize| bound.map_or(slots, |bound| bound.min(slots));
    let slots = CopySlots {
        all: lower(policies.and_then(|set| set.copy_slots), of_stack.all),
        clusters: lower(
            policies.and_then(|set| set.cluster_copy_slots),
            of_stack.clusters,
        ),
    };
    let is_known = snapshots.missing.is_empty();
    let Counts { taken, queued } = total(of(&open, None));
    let copies = Copies {
        slots: slots.all,
        taken,
        queued,
        of_others: is_known.then(|| of_others(snapshots, &doctor_settings.stack_facts.stack)),
    };
    let Counts { taken, queued } = clusters(&open, None);
    let copies_of_clusters = ClusterCopies {
        slots: slots.clusters,
        of_all: slots.all,
        taken,
        queued,
    };
    let mut findings = vec![
        copy_slots(home, copies),
        cluster_slots("clusters", "ClusterCopySlots", copies_of_clusters),
    ];
    for (family, slots) in [
        (Family::Instance, slots.all),
        (Family::Cluster, slots.clusters),
    ] {
        match world.learnt_limit(family).await {
            Ok(None) => {}
            Ok(Some(known)) => findings.push(learnt(family, slots, &known, world.now())),
            Err(error) => {
                findings.push(Finding::unknown(Check::CopySlots, home, &port(&error)));
            }
        }
    }
    for policy in policies.map_or(&[][..], |policies| &policies.all) {
        if let Some(bound) = policy.options.copy_slots {
            let Counts { taken, queued } = total(of(&open, Some(&policy.name)));
            let copies = PolicyCopies {
                slots: bound,
                of_all: slots.all,
                taken,
                queued,
            };
            findings.push(policy_slots(&policy.name, copies));
        }
        if let Some(bound) = policy.options.cluster_copy_slots {
            let Counts { taken, queued } = clusters(&open, Some(&policy.name));
            let copies = ClusterCopies {
                slots: bound,
                of_all: slots.all,
                taken,
                queued,
            };
            let subject = format!("policy {}, clusters", policy.name);
            findings.push(cluster_slots(&subject, "its cluster_copy_slots", copies));
        }
    }
    findings
}

async fn open<W: ListOpen>(world: &W) -> Result<Open, PortError> {
    let mut open = Open::new();
    let mut pages = pin!(open_pages(world));
    while let Some(page) = pages.try_next().await? {
        for holder in page.slots.holders() {
            let policy = page.slots.policy_of(&holder).cloned();
            open.entry((policy, holder.family())).or_default().taken += 1;
        }
        let queued = page.waits.into_iter();
        for wait in queued.filter(|wait| wait.phase == Phase::Queued) {
            let family = wait.resource.family();
            let policy = Some(wait.command.run.policy);
            open.entry((policy, family)).or_default().queued += 1;
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
