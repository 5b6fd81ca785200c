//! Copy slots: they count over all policies and for each policy, and each is taken or freed in one write.

use std::collections::{BTreeMap, BTreeSet};

use snapferry::domain::id::arn::{Family, RdsArn};
use snapferry::domain::id::names::Attempt;
use snapferry::domain::id::tags::PolicyName;
use snapferry::domain::run::learnt_limit::LearntLimit;
use snapferry::domain::run::look_times::LastSweep;
use snapferry::domain::run::naming::nth_attempt;
use snapferry::domain::run::slot_limits::{CopySlots, SlotGroup, SlotLimits};
use snapferry::domain::run::taken_slots::TakenSlots;
use snapferry::domain::run::wait::Phase;
use snapferry::ports::{
    Abandoned, ClaimSlot, FreeSlot, LearnLimits, ListOpen, NoteSweep, ReadSlots, RegisterWaits,
    Waits, Written,
};

use super::samples::{copy, policy, time, token, wait, wait_in};

table! { ClaimSlot FreeSlot LearnLimits ListOpen NoteSweep ReadSlots RegisterWaits Waits }

fn of_all(max: usize) -> SlotLimits {
    SlotLimits::new(max)
}

fn of_policy(max: usize, name: &str, most_of_it: usize) -> SlotLimits {
    of_all(max).with(SlotGroup::Policy(policy(name)), most_of_it)
}

async fn claim(table: &impl Table, name: &str, limits: &SlotLimits) -> bool {
    table.claim_slot(&copy(name), limits).await.unwrap()
}

/// Frees the slot of a copy whose wait is gone.
async fn free(table: &impl Table, name: &str, of: Option<&str>) -> bool {
    let of = of.map(policy);
    let freed = table
        .free_slot(&copy(name), of.as_ref(), &Abandoned::WaitGone)
        .await;
    freed.unwrap()
}

/// Who holds a slot, and who counts for a policy: over all pages of the list.
async fn holders(table: &impl Table) -> (BTreeSet<RdsArn>, BTreeMap<RdsArn, PolicyName>) {
    let (mut holders, mut of) = (BTreeSet::new(), BTreeMap::new());
    let mut next = None;
    loop {
        let page = table.list_open(next).await.unwrap();
        for holder in page.slots.holders() {
            let policy = page.slots.policy_of(&holder).cloned();
            of.extend(policy.map(|policy| (holder.clone(), policy)));
            holders.insert(holder);
        }
        next = page.next;
        if next.is_none() {
            return (holders, of);
        }
    }
}

fn copies(names: &[&str]) -> BTreeSet<RdsArn> {
    names.iter().map(|name| copy(name)).collect()
}

pub(crate) async fn slots_are_taken_up_to_the_limit(table: &impl Table) {
    assert!(claim(table, "a", &of_all(2)).await);
    assert!(claim(table, "b", &of_all(2)).await);
    assert!(!claim(table, "c", &of_all(2)).await);
    assert_eq!(holders(table).await.0, copies(&["a", "b"]));
}

pub(crate) async fn a_slot_that_is_held_is_held_again_when_the_limit_is_lowered(
    table: &impl Table,
) {
    assert!(claim(table, "a", &of_all(2)).await);
    assert!(claim(table, "b", &of_all(2)).await);
    assert!(claim(table, "a", &of_all(1)).await);
    assert!(!claim(table, "c", &of_all(1)).await);
}

pub(crate) async fn a_policy_takes_no_more_slots_than_its_own_limit(table: &impl Table) {
    let limits = of_policy(5, "gold", 1);
    assert!(claim(table, "a", &limits).await);
    assert!(!claim(table, "b", &limits).await);
    assert!(claim(table, "a", &limits).await, "it holds one already");
}

pub(crate) async fn a_policy_with_slots_of_its_own_leaves_the_others_theirs(table: &impl Table) {
    assert!(claim(table, "a", &of_policy(5, "gold", 1)).await);
    assert!(claim(table, "b", &of_policy(5, "silver", 1)).await);
    assert!(claim(table, "c", &of_all(5)).await);
    let (all, of) = holders(table).await;
    assert_eq!(all, copies(&["a", "b", "c"]));
    let counted = [(copy("a"), policy("gold")), (copy("b"), policy("silver"))];
    assert_eq!(of, counted.into());
}

pub(crate) async fn the_limit_of_all_holds_for_a_policy_with_room_of_its_own(table: &impl Table) {
    assert!(claim(table, "a", &of_all(1)).await);
    assert!(!claim(table, "b", &of_policy(1, "gold", 1)).await);
}

pub(crate) async fn a_holder_counts_for_its_policy_once_it_claims_for_it(table: &impl Table) {
    assert!(claim(table, "a", &of_all(2)).await);
    // It holds a slot already, and its policy's limit does not take the slot away.
    assert!(claim(table, "b", &of_policy(2, "gold", 1)).await);
    assert!(claim(table, "a", &of_policy(2, "gold", 1)).await);
    let (_, of) = holders(table).await;
    assert_eq!(of.len(), 2);
}

pub(crate) async fn a_holder_counts_for_each_policy_that_it_has_claimed_for(table: &impl Table) {
    assert!(claim(table, "a", &of_policy(5, "gold", 1)).await);
    assert!(claim(table, "a", &of_policy(5, "silver", 1)).await);
    assert!(!claim(table, "b", &of_policy(5, "gold", 1)).await);
    assert!(!claim(table, "b", &of_policy(5, "silver", 1)).await);
}

pub(crate) async fn a_refused_claim_leaves_nothing_behind(table: &impl Table) {
    assert!(claim(table, "a", &of_all(1)).await);
    assert!(!claim(table, "b", &of_policy(1, "gold", 1)).await);
    let (all, of) = holders(table).await;
    assert_eq!(all, copies(&["a"]));
    assert_eq!(of, BTreeMap::new());
}

pub(crate) async fn all_attempts_at_a_copy_have_one_slot(table: &impl Table) {
    let second = nth_attempt(&copy("a"), Attempt::from_number(2).expect("an attempt"));
    let limits = of_policy(1, "gold", 1);
    assert!(table.claim_slot(&second, &limits).await.unwrap());
    assert!(
        claim(table, "a", &limits).await,
        "the first attempt holds it"
    );
    assert!(table.claim_slot(&second, &limits).await.unwrap());
    let of = [(copy("a"), policy("gold"))].into();
    assert_eq!(holders(table).await, (copies(&["a"]), of));
}

pub(crate) async fn a_slot_is_kept_while_a_later_attempt_has_the_wait(table: &impl Table) {
    let mut later = wait("a", "t");
    later.resource = nth_attempt(&copy("a"), Attempt::from_number(2).expect("an attempt"));
    assert!(claim(table, "a", &of_all(1)).await);
    table.register(&later).await.unwrap();
    assert!(!free(table, "a", None).await);
    let proof = Abandoned::RegisteredSince(later.since);
    let freed = table.free_slot(&copy("a"), None, &proof).await;
    assert!(freed.unwrap());
}

pub(crate) async fn a_slot_is_freed_when_the_wait_is_gone(table: &impl Table) {
    assert!(claim(table, "a", &of_all(1)).await);
    assert!(free(table, "a", None).await);
    assert_eq!(holders(table).await.0, copies(&[]));
    assert!(claim(table, "b", &of_all(1)).await);
}

pub(crate) async fn a_slot_is_not_freed_while_a_wait_is_stored(table: &impl Table) {
    assert!(claim(table, "a", &of_all(1)).await);
    table.register(&wait("a", "t")).await.unwrap();
    assert!(!free(table, "a", None).await);
    assert_eq!(holders(table).await.0, copies(&["a"]));
    table.forget(&copy("a"), &token("t")).await.unwrap();
    assert!(free(table, "a", None).await);
}

pub(crate) async fn a_slot_is_freed_while_the_wait_is_registered_since_that_time(
    table: &impl Table,
) {
    assert!(claim(table, "a", &of_all(1)).await);
    let registered = wait("a", "t");
    table.register(&registered).await.unwrap();
    let proof = Abandoned::RegisteredSince(registered.since);
    let freed = table.free_slot(&copy("a"), None, &proof).await;
    assert!(freed.unwrap());
    assert_eq!(holders(table).await.0, copies(&[]));
}

pub(crate) async fn a_registered_waits_time_is_compared_in_milliseconds(table: &impl Table) {
    assert!(claim(table, "a", &of_all(1)).await);
    let mut registered = wait("a", "t");
    registered.since = time("2026-11-22T03:06:00.250999Z");
    table.register(&registered).await.unwrap();
    let proof = Abandoned::RegisteredSince(time("2026-11-22T03:06:00.250001Z"));
    let freed = table.free_slot(&copy("a"), None, &proof).await;
    assert!(freed.unwrap());
}

pub(crate) async fn a_slot_is_not_freed_when_the_wait_has_moved_on(table: &impl Table) {
    let proof = Abandoned::RegisteredSince(wait("a", "t").since);
    for phase in Phase::ALL {
        let name = phase.as_str();
        assert!(claim(table, name, &of_all(9)).await);
        table.register(&wait_in(phase, name, "t")).await.unwrap();
        let freed = table.free_slot(&copy(name), None, &proof).await;
        assert_eq!(freed.unwrap(), phase == Phase::Registered, "{phase:?}");
    }
    assert!(claim(table, "again", &of_all(9)).await);
    table.register(&wait("again", "t")).await.unwrap();
    let earlier = Abandoned::RegisteredSince(time("2026-11-22T03:00:00Z"));
    let freed = table.free_slot(&copy("again"), None, &earlier).await;
    assert!(!freed.unwrap(), "it was registered anew");
    assert!(claim(table, "gone", &of_all(9)).await);
    let freed = table.free_slot(&copy("gone"), None, &proof).await;
    assert!(!freed.unwrap(), "it is gone and proves nothing of its time");
    let left = copies(&["queued", "requested", "seen", "again", "gone"]);
    assert_eq!(holders(table).await.0, left);
}

pub(crate) async fn a_slot_that_nobody_holds_is_not_freed(table: &impl Table) {
    assert!(!free(table, "a", None).await);
    assert!(!free(table, "a", Some("gold")).await);
    assert!(claim(table, "b", &of_all(1)).await);
    assert!(!free(table, "a", None).await);
    assert_eq!(holders(table).await.0, copies(&["b"]));
}

pub(crate) async fn a_freed_slot_is_free_for_its_policy_too(table: &impl Table) {
    let limits = of_policy(5, "gold", 1);
    assert!(claim(table, "a", &limits).await);
    assert!(free(table, "a", Some("gold")).await);
    assert_eq!(holders(table).await, Default::default());
    assert!(claim(table, "b", &limits).await);
}

pub(crate) async fn a_slot_freed_without_its_policy_still_counts_for_the_policy(
    table: &impl Table,
) {
    let limits = of_policy(5, "gold", 1);
    assert!(claim(table, "a", &limits).await);
    assert!(free(table, "a", None).await);
    assert!(!claim(table, "b", &limits).await);
    assert!(claim(table, "b", &of_all(1)).await, "of all, it is free");
}

pub(crate) async fn a_slot_freed_for_another_policy_still_counts_for_its_own(table: &impl Table) {
    let limits = of_policy(5, "gold", 1);
    assert!(claim(table, "a", &limits).await);
    assert!(free(table, "a", Some("silver")).await);
    assert!(!claim(table, "b", &limits).await);
    assert!(claim(table, "b", &of_all(1)).await, "of all, it is free");
}

pub(crate) async fn what_is_left_in_a_policys_set_alone_is_shown_and_can_be_freed(
    table: &impl Table,
) {
    let limits = of_policy(5, "gold", 1);
    assert!(claim(table, "a", &limits).await);
    assert!(free(table, "a", None).await);
    // It is in the list only while another copy holds a slot, because an empty set removes the item from the index.
    assert!(claim(table, "b", &of_all(5)).await);
    let (all, of) = holders(table).await;
    assert_eq!(all, copies(&["a", "b"]));
    assert_eq!(of, [(copy("a"), policy("gold"))].into());
    assert!(free(table, "a", Some("gold")).await);
    assert_eq!(holders(table).await.0, copies(&["b"]));
    assert!(!free(table, "a", Some("gold")).await);
}

pub(crate) async fn the_list_shows_the_holders_on_one_page(table: &impl Table) {
    for n in 0..12 {
        let name = format!("db-{n}");
        table.register(&wait(&name, &name)).await.unwrap();
    }
    assert!(claim(table, "db-3", &of_policy(5, "gold", 1)).await);
    assert!(claim(table, "db-7", &of_all(5)).await);
    let (mut pages, mut next) = (0, None);
    loop {
        let page = table.list_open(next).await.unwrap();
        if page.slots != TakenSlots::default() {
            pages += 1;
            let groups = [
                (SlotGroup::All, copies(&["db-3", "db-7"])),
                (SlotGroup::Policy(policy("gold")), copies(&["db-3"])),
            ];
            assert_eq!(page.slots.groups, groups.into());
        }
        next = page.next;
        if next.is_none() {
            break;
        }
    }
    assert_eq!(pages, 1);
}

fn cluster_copy(name: &str) -> RdsArn {
    let arn = format!("arn:aws:rds:eu-central-1:111122223333:cluster-snapshot:sf-{name}");
    RdsArn::parse(&arn).expect("a snapshot's ARN")
}

fn of_clusters(all: usize, clusters: usize) -> SlotLimits {
    SlotLimits::of_stack(CopySlots { all, clusters }, Family::Cluster)
}

async fn claim_cluster(table: &impl Table, name: &str, limits: &SlotLimits) -> bool {
    let held = table.claim_slot(&cluster_copy(name), limits).await;
    held.unwrap()
}

pub(crate) async fn clusters_take_no_more_than_their_part_of_the_slots(table: &impl Table) {
    let limits = of_clusters(3, 1);
    assert!(claim_cluster(table, "a", &limits).await);
    assert!(!claim_cluster(table, "b", &limits).await);
    assert!(
        claim_cluster(table, "a", &limits).await,
        "it holds one already"
    );
    for name in ["a", "b"] {
        assert!(claim(table, name, &of_all(3)).await, "clusters leave two");
    }
    assert!(!claim(table, "c", &of_all(3)).await);
}

pub(crate) async fn clusters_take_no_slot_where_instances_have_all(table: &impl Table) {
    assert!(claim(table, "a", &of_all(1)).await);
    assert!(!claim_cluster(table, "a", &of_clusters(1, 1)).await);
}

pub(crate) async fn a_freed_slot_of_a_cluster_is_free_for_the_next(table: &impl Table) {
    let gold = SlotGroup::ClustersOf(policy("gold"));
    let limits = of_clusters(3, 1).with(gold, 1);
    assert!(claim_cluster(table, "a", &limits).await);
    let (all, of) = holders(table).await;
    assert_eq!(all, [cluster_copy("a")].into());
    assert_eq!(of, [(cluster_copy("a"), policy("gold"))].into());
    let proof = Abandoned::WaitGone;
    let gold = policy("gold");
    let freed = table
        .free_slot(&cluster_copy("a"), Some(&gold), &proof)
        .await;
    assert!(freed.unwrap());
    assert_eq!(holders(table).await, Default::default());
    assert!(claim_cluster(table, "b", &limits).await);
}

pub(crate) async fn a_policy_takes_no_more_slots_for_clusters_than_its_own_limit(
    table: &impl Table,
) {
    let gold = SlotGroup::ClustersOf(policy("gold"));
    let limits = of_clusters(9, 5).with(gold, 1);
    assert!(claim_cluster(table, "a", &limits).await);
    assert!(!claim_cluster(table, "b", &limits).await);
    assert!(claim_cluster(table, "b", &of_clusters(9, 5)).await);
}

pub(crate) async fn the_holders_are_read_at_once(table: &impl Table) {
    assert_eq!(table.taken_slots().await.unwrap(), TakenSlots::default());
    assert!(claim(table, "a", &of_all(3)).await);
    assert!(claim_cluster(table, "a", &of_clusters(3, 1)).await);
    let both = [copy("a"), cluster_copy("a")].into();
    assert_eq!(table.taken_slots().await.unwrap().holders(), both);
}

fn learnt(in_flight: usize, since: &str, step: usize) -> LearntLimit {
    LearntLimit {
        in_flight,
        since: time(since),
        step,
    }
}

pub(crate) async fn a_limit_is_learnt_for_each_family(table: &impl Table) {
    let limit = learnt(5, "2026-11-22T03:06:00.250Z", 0);
    assert_eq!(table.learnt_limit(Family::Cluster).await.unwrap(), None);
    let written = table.learn_limit(Family::Cluster, None, &limit).await;
    assert_eq!(written.unwrap(), Written::Stored);
    assert_eq!(
        table.learnt_limit(Family::Cluster).await.unwrap(),
        Some(limit)
    );
    assert_eq!(table.learnt_limit(Family::Instance).await.unwrap(), None);
}

pub(crate) async fn a_limit_is_learnt_only_over_what_was_known(table: &impl Table) {
    let first = learnt(5, "2026-11-22T03:06:00.250Z", 0);
    let second = learnt(5, "2026-11-22T03:07:00.250Z", 1);
    let of = Family::Instance;
    let learn = async |known: Option<&LearntLimit>, learnt: &LearntLimit| {
        table.learn_limit(of, known, learnt).await.unwrap()
    };
    assert_eq!(learn(Some(&first), &second).await, Written::Conflict);
    assert_eq!(learn(None, &first).await, Written::Stored);
    assert_eq!(learn(None, &second).await, Written::Conflict);
    for other in [
        learnt(4, "2026-11-22T03:06:00.250Z", 0),
        learnt(5, "2026-11-22T03:06:00.251Z", 0),
        learnt(5, "2026-11-22T03:06:00.250Z", 1),
    ] {
        assert_eq!(learn(Some(&other), &second).await, Written::Conflict);
    }
    assert_eq!(learn(Some(&first), &second).await, Written::Stored);
    assert_eq!(table.learnt_limit(of).await.unwrap(), Some(second));
}

pub(crate) async fn what_the_last_sweep_found_is_the_last_that_was_stored(table: &impl Table) {
    assert_eq!(table.last_sweep().await.unwrap(), None);
    let first = LastSweep {
        complete_at: time("2026-11-22T03:06:00.250Z"),
        missed_at: Some(time("2026-11-22T03:06:00.250Z")),
    };
    let second = LastSweep {
        complete_at: time("2026-11-22T03:05:00Z"),
        missed_at: None,
    };
    for sweep in [first, second] {
        table.note_sweep(&sweep).await.unwrap();
        assert_eq!(table.last_sweep().await.unwrap(), Some(sweep));
    }
}
