//! The check, by what recovery points are meant to be.

use std::collections::{BTreeMap, BTreeSet};

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, TestRng, TestRunner};
use snapferry::domain::retention::check::Rule;

use super::reference::{Meant, Plan, Sample, a_plan};

fn runner() -> TestRunner {
    let config = Config {
        failure_persistence: None,
        ..Config::default()
    };
    let seed = TestRng::deterministic_rng(config.rng_algorithm);
    TestRunner::new_with_rng(config, seed)
}

fn rules(plan: &Plan) -> BTreeSet<Rule> {
    plan.broken().iter().map(|broken| broken.rule).collect()
}

#[test]
fn ten_thousand_random_plans_break_the_rules_that_they_are_meant_to_break() {
    let mut runner = runner();
    let plans = a_plan();
    let mut alone: BTreeMap<Rule, usize> = BTreeMap::new();
    let mut carried_out = 0;
    for _ in 0..10_000 {
        let plan = plans.new_tree(&mut runner).unwrap().current();
        let rules = rules(&plan);
        assert_eq!(rules, plan.answer(), "{plan:#?}");
        match rules.iter().next() {
            None => carried_out += 1,
            // Without this one rule, the plan would be carried out.
            Some(rule) if rules.len() == 1 => *alone.entry(*rule).or_default() += 1,
            Some(_) => {}
        }
    }
    // One rule is about source snapshots alone.
    for rule in Rule::ALL.into_iter().filter(|rule| *rule != Rule::Copied) {
        let plans = alone.get(&rule).copied().unwrap_or_default();
        assert!(
            plans >= 5,
            "only {plans} plans break {rule} and nothing else"
        );
    }
    assert!(carried_out > 1_000, "{carried_out}");
}

/// A good one of so many days ago, entered and begun in the order of its data.
fn good(days: i64) -> Sample {
    Sample {
        meant: Meant::Good,
        policy: "default",
        age: 24 * days,
        begun: Some(20),
        entered: Some(60),
        goes: false,
    }
}

fn plan(samples: Vec<Sample>) -> Plan {
    Plan {
        samples,
        complete: true,
        includes_last: false,
        min_keep: 1,
    }
}

/// All of them are to go, as if forget kept nothing.
fn all_go(plan: &mut Plan) {
    for sample in &mut plan.samples {
        sample.goes = true;
    }
}

/// What forget never says, the check must find by itself.
#[test]
fn with_a_forget_that_removes_everything_only_what_may_go_goes() {
    let mut runner = runner();
    let plans = a_plan();
    for _ in 0..500 {
        let mut plan = plans.new_tree(&mut runner).unwrap().current();
        plan.complete = true;
        plan.includes_last = false;
        all_go(&mut plan);
        // What the check names is taken out of the plan, until nothing is named.
        loop {
            let named: BTreeSet<String> = plan
                .broken()
                .into_iter()
                .map(|broken| broken.snapshot.to_string())
                .collect();
            if named.is_empty() {
                break;
            }
            for sample in &mut plan.samples {
                sample.goes &= !named.contains(&sample.snapshot().arn.to_string());
            }
        }
        for sample in plan.samples.iter().filter(|sample| sample.goes) {
            let may = matches!(
                sample.meant,
                Meant::Good | Meant::GoodUnderAnOldKey | Meant::HoldTakenBack | Meant::Failed
            );
            assert!(may && sample.policy != "old", "{plan:#?}");
        }
    }
}

#[test]
fn the_last_good_one_stays_although_younger_ones_are_there_that_are_not_good() {
    // C3: last night's copy is under the wrong key.
    for meant in [
        Meant::WrongKey,
        Meant::EnteredAsMismatch,
        Meant::Future,
        Meant::CopiedByAPerson,
        Meant::Copying,
        Meant::Failed,
    ] {
        let younger = Sample { meant, ..good(1) };
        let older = Sample {
            goes: true,
            ..good(2)
        };
        let broken = rules(&plan(vec![younger, older]));
        assert!(broken.contains(&Rule::NewestGood), "{meant:?}: {broken:?}");
    }
}

#[test]
fn an_older_policys_last_one_may_go_where_a_younger_one_of_another_policy_stands() {
    let last = Sample {
        policy: "gold",
        goes: true,
        ..good(5)
    };
    assert_eq!(rules(&plan(vec![last.clone(), good(1)])), BTreeSet::new());
    // An older one does not stand for it.
    let broken = rules(&plan(vec![last.clone(), good(9)]));
    assert!(broken.contains(&Rule::NewestGood));
    // Neither does one that goes itself.
    let mut both = plan(vec![last, good(1)]);
    all_go(&mut both);
    assert!(rules(&both).contains(&Rule::NewestGood));
}

#[test]
fn under_a_key_that_nothing_names_any_more_no_copy_is_kept_for_its_key() {
    // H5: the last copy under the old key does not pin that key for ever.
    let old = Sample {
        meant: Meant::GoodUnderAnOldKey,
        goes: true,
        // It was entered and begun after all others.
        begun: Some(60 * 24 * 9),
        entered: Some(60 * 24 * 9),
        ..good(9)
    };
    assert_eq!(rules(&plan(vec![old, good(2)])), BTreeSet::new());
}

#[test]
fn the_copy_that_the_next_incremental_one_hangs_on_stays_although_it_is_not_the_newest() {
    // A late copy of old data: begun and entered last.
    let late = Sample {
        goes: true,
        begun: Some(60 * 24 * 4),
        entered: Some(60 * 24 * 4),
        ..good(5)
    };
    let broken = rules(&plan(vec![late, good(2), good(3)]));
    assert_eq!(broken, BTreeSet::from([Rule::LastEntered, Rule::LastBegun]));
}

#[test]
fn a_plan_that_nothing_breaks_names_nothing_and_an_empty_one_too() {
    let mut samples: Vec<Sample> = (1..5).map(good).collect();
    samples[3].goes = true;
    assert_eq!(plan(samples).broken(), []);
    assert_eq!(plan(Vec::new()).broken(), []);
}

#[test]
fn the_rules_names_are_all_different() {
    let names: BTreeSet<&str> = Rule::ALL.iter().map(|rule| rule.as_str()).collect();
    assert_eq!(names.len(), Rule::ALL.len());
}
