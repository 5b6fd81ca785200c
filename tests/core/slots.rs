//! Copy slots: no more copies than slots, and no copy waits for ever.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use snapferry::domain::id::arn::RdsArn;
use snapferry::domain::id::tags::PolicyName;
use snapferry::domain::run::slot_limits::PolicySlots;
use snapferry::domain::run::slots::{SlotCandidate, SlotPlan, plan};
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
        opened_at: zero - SignedDuration::from_secs(age),
        source_expires_at: expires.map(|seconds| zero + SignedDuration::from_secs(seconds)),
        max: None,
        of_policy: None,
    }
}

fn bound(policy: &str, max: usize) -> PolicySlots {
    PolicySlots {
        policy: PolicyName::parse(policy).unwrap(),
        max,
    }
}

/// The smallest number of slots that a queued copy of the policy allows.
fn max_of(
    open: &[SlotCandidate],
    holders: &BTreeSet<RdsArn>,
    policy: &PolicyName,
) -> Option<usize> {
    open.iter()
        .filter(|c| c.phase == Phase::Queued && !holders.contains(&c.resource))
        .filter_map(|c| c.of_policy.as_ref())
        .filter(|bound| bound.policy == *policy)
        .map(|bound| bound.max)
        .min()
}

fn count_of(copies: &BTreeSet<RdsArn>, open: &[SlotCandidate], policy: &PolicyName) -> usize {
    let of_policy = |c: &&SlotCandidate| {
        c.of_policy
            .as_ref()
            .is_some_and(|bound| bound.policy == *policy)
    };
    let all = open.iter().filter(of_policy);
    all.filter(|c| copies.contains(&c.resource)).count()
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
            .map(|(n, (phase, age, expires, max, of))| SlotCandidate {
                max,
                of_policy: of.map(|(policy, max)| bound(policy, max)),
                ..candidate(n, phase, age, expires)
            })
            .collect()
    })
}

proptest! {
    #[test]
    fn holders_after_the_plan_never_exceed_the_slots(open in any_open(), held in prop::collection::btree_set(0_usize..16, 0..5), max in 5_usize..8) {
        let holders: BTreeSet<RdsArn> = held.iter().map(|n| copy(*n)).collect();
        let SlotPlan { release, hand_out } = plan(&holders, &open, max);
        let mut after = holders.clone();
        after.retain(|holder| !release.contains(holder));
        after.extend(hand_out.iter().cloned());
        prop_assert!(after.len() <= max);
    }

    #[test]
    fn the_slots_of_a_policy_are_never_exceeded_by_what_is_handed_out(open in any_open(), held in prop::collection::btree_set(0_usize..16, 0..5)) {
        let holders: BTreeSet<RdsArn> = held.iter().map(|n| copy(*n)).collect();
        let handed: BTreeSet<RdsArn> = plan(&holders, &open, 12).hand_out.into_iter().collect();
        for policy in ["gold", "iron"].map(|name| PolicyName::parse(name).unwrap()) {
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
        let key = |c: &SlotCandidate| (c.source_expires_at.unwrap_or(Timestamp::MAX), c.opened_at);
        let queued = || open.iter().filter(|c| c.phase == Phase::Queued);
        for passed in queued().filter(|c| !served.contains(&c.resource)) {
            // The smallest number that a queued copy allows holds for all of them.
            let max = queued().filter_map(|c| c.max).fold(max, usize::min);
            let policy = passed.of_policy.as_ref().map(|bound| &bound.policy);
            let is_kept_back = policy.is_some_and(|policy| Some(count_of(&served, &open, policy)) == max_of(&open, &BTreeSet::new(), policy));
            prop_assert!(is_kept_back || served.len() == max);
            // If its own policy's slots hold it back, copies of other policies may pass, but none of its own.
            for winner in queued().filter(|c| served.contains(&c.resource)) {
                let same = winner.of_policy.as_ref().map(|bound| &bound.policy) == policy;
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
        max: Some(max),
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
        of_policy: Some(bound(policy, 1)),
        ..candidate(n, Phase::Queued, age, None)
    };
    let holder = SlotCandidate {
        of_policy: Some(bound("gold", 1)),
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
