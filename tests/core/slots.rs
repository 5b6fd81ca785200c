//! Copy slots: no more copies than slots, and no copy waits for ever.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use snapferry::domain::id::arn::{Family, RdsArn};
use snapferry::domain::id::tags::PolicyName;
use snapferry::domain::run::slot_candidate::{SlotCandidate, WaitsFor};
use snapferry::domain::run::slot_limits::{CopySlots, SlotGroup, SlotLimits};
use snapferry::domain::run::slots::{self, SlotPlan};
use snapferry::domain::run::taken_slots::TakenSlots;
use snapferry::domain::run::turn::Turn;
use snapferry::domain::run::wait::Phase;

fn copy(n: usize) -> RdsArn {
    RdsArn::parse(&format!(
        "arn:aws:rds:eu-central-1:111122223333:snapshot:copy-{n}"
    ))
    .unwrap()
}

fn candidate(n: usize, phase: Phase, age: i64, expires: Option<i64>) -> SlotCandidate {
    let zero = Timestamp::from_second(1_000_000).unwrap();
    SlotCandidate {
        resource: copy(n),
        holder: copy(n),
        phase,
        turn: Turn::new(
            expires.map(|seconds| zero + SignedDuration::from_secs(seconds)),
            zero,
            zero - SignedDuration::from_secs(age),
        ),
        limits: SlotLimits::new(NO_LIMIT),
    }
}

/// More than any test has copies.
const NO_LIMIT: usize = 100;

fn of_policy(policy: &str) -> SlotGroup {
    SlotGroup::Policy(PolicyName::parse(policy).unwrap())
}

/// The slots of these copies, which count for no policy.
fn taken(holders: &BTreeSet<RdsArn>) -> TakenSlots {
    TakenSlots {
        groups: [(SlotGroup::All, holders.clone())].into(),
        ..TakenSlots::default()
    }
}

/// The plan of a stack with this many slots, where nothing was learnt of RDS.
fn plan(holders: &BTreeSet<RdsArn>, open: &[SlotCandidate], max: usize) -> SlotPlan {
    let open: Vec<SlotCandidate> = open
        .iter()
        .map(|one| SlotCandidate {
            limits: one.limits.clone().with(SlotGroup::All, max),
            ..one.clone()
        })
        .collect();
    slots::plan(&taken(holders), &open, &BTreeMap::new(), &BTreeSet::new())
}

/// The smallest number of slots that a queued copy allows for the group.
fn max_of(open: &[SlotCandidate], holders: &BTreeSet<RdsArn>, group: &SlotGroup) -> Option<usize> {
    open.iter()
        .filter(|c| c.phase == Phase::Queued && !holders.contains(&c.resource))
        .filter_map(|c| c.limits.of(group))
        .min()
}

fn count_of(copies: &BTreeSet<RdsArn>, open: &[SlotCandidate], group: &SlotGroup) -> usize {
    let all = open.iter().filter(|c| c.limits.of(group).is_some());
    all.filter(|c| copies.contains(&c.resource)).count()
}

fn policy_of(candidate: &SlotCandidate) -> Option<SlotGroup> {
    candidate.limits.policy().cloned().map(SlotGroup::Policy)
}

fn any_open() -> impl Strategy<Value = Vec<SlotCandidate>> {
    let one = (
        prop::sample::select(vec![
            Phase::Queued,
            Phase::Registered,
            Phase::Requested,
            Phase::Seen,
        ]),
        0_i64..100,
        prop::option::of(0_i64..100),
        prop::option::of(1_usize..8),
        prop::option::of((prop::sample::select(vec!["gold", "iron"]), 1_usize..4)),
    );
    prop::collection::vec(one, 0..12).prop_map(|all| {
        all.into_iter()
            .enumerate()
            .map(|(n, (phase, age, expires, max, of))| {
                let max = max.map(|max| (SlotGroup::All, max));
                let of = of.map(|(policy, max)| (of_policy(policy), max));
                let limits = max.into_iter().chain(of);
                SlotCandidate {
                    limits: limits.fold(SlotLimits::new(NO_LIMIT), |limits, (group, max)| {
                        limits.with(group, max)
                    }),
                    ..candidate(n, phase, age, expires)
                }
            })
            .collect()
    })
}

proptest! {
    #[test]
    fn holders_after_the_plan_never_exceed_the_slots(open in any_open(), held in prop::collection::btree_set(0_usize..16, 0..5), max in 5_usize..8) {
        let holders: BTreeSet<RdsArn> = held.iter().map(|n| copy(*n)).collect();
        let SlotPlan { release, hand_out, .. } = plan(&holders, &open, max);
        let mut after = holders.clone();
        after.retain(|holder| !release.contains(holder));
        after.extend(hand_out.iter().cloned());
        prop_assert!(after.len() <= max);
    }

    #[test]
    fn the_slots_of_a_policy_are_never_exceeded_by_what_is_handed_out(open in any_open(), held in prop::collection::btree_set(0_usize..16, 0..5)) {
        let holders: BTreeSet<RdsArn> = held.iter().map(|n| copy(*n)).collect();
        let handed: BTreeSet<RdsArn> = plan(&holders, &open, 12).hand_out.into_iter().collect();
        for policy in ["gold", "iron"].map(of_policy) {
            let after: BTreeSet<RdsArn> = holders.union(&handed).cloned().collect();
            let (before, after) = (count_of(&holders, &open, &policy), count_of(&after, &open, &policy));
            if let Some(max) = max_of(&open, &holders, &policy) {
                prop_assert!(after <= max.max(before), "{} of {}, {} before", after, max, before);
            }
        }
    }

    #[test]
    fn a_slot_is_released_exactly_when_no_wait_is_open_for_it(open in any_open(), held in prop::collection::btree_set(0_usize..16, 0..5)) {
        let holders: BTreeSet<RdsArn> = held.iter().map(|n| copy(*n)).collect();
        let released: BTreeSet<RdsArn> = plan(&holders, &open, 5).release.into_iter().collect();
        let gone = holders.into_iter().filter(|holder| !open.iter().any(|c| &c.resource == holder)).collect();
        prop_assert_eq!(released, gone);
    }

    #[test]
    fn a_copy_that_is_passed_over_is_behind_every_copy_that_is_served(open in any_open(), max in 0_usize..8) {
        let served: BTreeSet<RdsArn> = plan(&BTreeSet::new(), &open, max).hand_out.into_iter().collect();
        let key = |c: &SlotCandidate| c.turn;
        let queued = || open.iter().filter(|c| c.phase == Phase::Queued);
        for passed in queued().filter(|c| !served.contains(&c.resource)) {
            // The smallest number that a queued copy allows holds for all of them.
            let max = queued().filter_map(|c| c.limits.of(&SlotGroup::All)).fold(max, usize::min);
            let policy = policy_of(passed);
            let policy = policy.as_ref();
            let is_kept_back = policy.is_some_and(|policy| Some(count_of(&served, &open, policy)) == max_of(&open, &BTreeSet::new(), policy));
            prop_assert!(is_kept_back || served.len() == max);
            // If its own policy's slots hold it back, copies of other policies may pass, but none of its own.
            for winner in queued().filter(|c| served.contains(&c.resource)) {
                let same = policy_of(winner).as_ref() == policy;
                prop_assert!(key(winner) <= key(passed) || (is_kept_back && !same));
            }
        }
    }
}

#[test]
fn the_soonest_to_expire_comes_first_then_the_oldest() {
    let open = [
        candidate(1, Phase::Queued, 5, None),
        candidate(2, Phase::Queued, 1, Some(60)),
        candidate(3, Phase::Queued, 9, None),
        candidate(4, Phase::Queued, 0, Some(30)),
    ];
    assert_eq!(
        plan(&BTreeSet::new(), &open, 3).hand_out,
        [copy(4), copy(2), copy(3)]
    );
}

#[test]
fn a_hand_over_that_was_lost_is_made_again_without_a_second_slot() {
    let open = [
        candidate(1, Phase::Queued, 5, None),
        candidate(2, Phase::Queued, 9, None),
    ];
    let holders = BTreeSet::from([copy(1)]);
    assert_eq!(plan(&holders, &open, 1).hand_out, [copy(1)]);
}

#[test]
fn nobody_overtakes_by_a_set_of_policies_that_allowed_more() {
    let with_most = |n, age, max| SlotCandidate {
        limits: SlotLimits::new(max),
        ..candidate(n, Phase::Queued, age, None)
    };
    let open = [with_most(1, 9, 2), with_most(2, 5, 20), with_most(3, 1, 20)];
    let taken = BTreeSet::from([copy(8)]);
    let holder = candidate(8, Phase::Requested, 50, None);
    let all: Vec<SlotCandidate> = open.into_iter().chain([holder]).collect();
    assert_eq!(plan(&taken, &all, 20).hand_out, [copy(1)]);
}

#[test]
fn a_copy_that_its_own_policys_slots_hold_back_lets_another_policys_pass() {
    let of = |n, age, policy| SlotCandidate {
        limits: SlotLimits::new(NO_LIMIT).with(of_policy(policy), 1),
        ..candidate(n, Phase::Queued, age, None)
    };
    let holder = SlotCandidate {
        limits: SlotLimits::new(NO_LIMIT).with(of_policy("gold"), 1),
        ..candidate(8, Phase::Requested, 50, None)
    };
    let open = [
        of(1, 9, "gold"),
        of(2, 5, "iron"),
        of(3, 4, "iron"),
        candidate(4, Phase::Queued, 1, None),
        holder,
    ];
    let holders = BTreeSet::from([copy(8)]);
    assert_eq!(plan(&holders, &open, 20).hand_out, [copy(2), copy(4)]);
}

#[test]
fn a_copy_counts_for_the_policy_that_its_slot_was_claimed_for() {
    // Another execution awaits the holder by now, and its set of policies has no such limit.
    let of_gold = SlotCandidate {
        limits: SlotLimits::new(2).with(of_policy("gold"), 1),
        ..candidate(1, Phase::Queued, 9, None)
    };
    let next = candidate(2, Phase::Queued, 5, None);
    let open = [of_gold, next, candidate(8, Phase::Requested, 50, None)];
    let mut taken = taken(&[copy(8)].into());
    taken.groups.insert(of_policy("gold"), [copy(8)].into());
    let plan = slots::plan(&taken, &open, &BTreeMap::new(), &BTreeSet::new());
    assert_eq!(plan.hand_out, [copy(2)], "a claim for the first is refused");
}

const STACK: CopySlots = CopySlots {
    all: 20,
    clusters: 5,
};

fn cluster(n: usize, phase: Phase, age: i64) -> SlotCandidate {
    let copy = format!("arn:aws:rds:eu-central-1:111122223333:cluster-snapshot:copy-{n}");
    let copy = RdsArn::parse(&copy).unwrap();
    SlotCandidate {
        resource: copy.clone(),
        holder: copy,
        limits: SlotLimits::of_stack(STACK, Family::Cluster),
        ..candidate(n, phase, age, None)
    }
}

fn instance(n: usize, phase: Phase, age: i64) -> SlotCandidate {
    SlotCandidate {
        limits: SlotLimits::of_stack(STACK, Family::Instance),
        ..candidate(n, phase, age, None)
    }
}

fn of_family(copies: &[RdsArn], family: Family) -> usize {
    copies.iter().filter(|copy| copy.family() == family).count()
}

#[test]
fn clusters_take_five_of_the_slots_and_instances_what_they_leave() {
    let older = (0..25).map(|n| cluster(n, Phase::Queued, 100));
    let open: Vec<_> = older
        .chain((0..25).map(|n| instance(n, Phase::Queued, 50)))
        .collect();
    let plan = slots::plan(
        &TakenSlots::default(),
        &open,
        &BTreeMap::new(),
        &BTreeSet::new(),
    );
    assert_eq!(of_family(&plan.hand_out, Family::Cluster), 5);
    assert_eq!(of_family(&plan.hand_out, Family::Instance), 15);
    let waiting = [
        (WaitsFor::Slot(SlotGroup::All), 10),
        (WaitsFor::Slot(SlotGroup::Clusters), 20),
    ];
    assert_eq!(
        plan.waiting,
        waiting.into(),
        "every queued copy has a reason"
    );

    let few: Vec<_> = [cluster(0, Phase::Queued, 100)]
        .into_iter()
        .chain((0..25).map(|n| instance(n, Phase::Queued, 50)))
        .collect();
    let plan = slots::plan(
        &TakenSlots::default(),
        &few,
        &BTreeMap::new(),
        &BTreeSet::new(),
    );
    assert_eq!(of_family(&plan.hand_out, Family::Instance), 19);
}

#[test]
fn a_cluster_that_holds_a_slot_since_an_earlier_version_counts_for_the_clusters() {
    // Its run and its slot are from a version that had one limit for both families.
    let held = (0..5).map(|n| SlotCandidate {
        limits: SlotLimits::new(20),
        ..cluster(n, Phase::Requested, 100)
    });
    let open: Vec<_> = held.chain([cluster(9, Phase::Queued, 50)]).collect();
    let holders = open[..5].iter().map(|c| c.holder.clone()).collect();
    assert!(
        slots::plan(&taken(&holders), &open, &BTreeMap::new(), &BTreeSet::new())
            .hand_out
            .is_empty()
    );
}

#[test]
fn what_rds_allows_of_one_family_holds_back_no_other() {
    let clusters = (0..3).map(|n| cluster(n, Phase::Queued, 100));
    let open: Vec<_> = clusters
        .chain((0..3).map(|n| instance(n, Phase::Queued, 50)))
        .collect();
    let plan = slots::plan(
        &TakenSlots::default(),
        &open,
        &[(Family::Cluster, 1)].into(),
        &BTreeSet::new(),
    );
    assert_eq!(of_family(&plan.hand_out, Family::Cluster), 1);
    assert_eq!(of_family(&plan.hand_out, Family::Instance), 3);
    assert_eq!(plan.waiting, [(WaitsFor::Rds(Family::Cluster), 2)].into());
}
