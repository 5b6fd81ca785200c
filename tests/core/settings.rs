//! Settings: all faults are reported at once, each with the name of its variable.

use jiff::SignedDuration;
use proptest::prelude::*;
use snapferry::settings::{Planning, Stack, Variables};

use crate::world::{HOME, KEY, SOURCE};

fn variables(changes: &[(&str, &str)]) -> Variables {
    let state_machine = format!("arn:aws:states:{HOME}:111122223333:stateMachine:protect");
    let mut all = std::collections::BTreeMap::from([
        ("SNAPFERRY_STACK_ID", "prod"),
        ("AWS_REGION", HOME),
        ("SNAPFERRY_TABLE", "table"),
        ("SNAPFERRY_SOURCE_REGIONS", SOURCE),
        ("SNAPFERRY_STATE_MACHINE_ARN", &state_machine),
        ("SNAPFERRY_KMS_KEY", KEY),
    ]);
    all.extend(changes.iter().copied());
    Variables::new(
        all.into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned())),
    )
}

#[test]
fn the_defaults_are_the_designs() {
    let stack = Stack::from_variables(variables(&[])).unwrap();
    let slots = stack.copy_slots;
    assert_eq!((slots.all, slots.clusters), (20, 5));
    assert_eq!(stack.sweep_width, 20);
    assert_eq!(stack.look, SignedDuration::from_mins(2));
    assert_eq!(stack.rules.grace.as_mins(), 10);
    assert_eq!(
        (stack.backoff.first.as_secs(), stack.backoff.max.as_secs()),
        (30, 900)
    );
}

#[test]
fn all_faults_are_reported_at_once_by_name() {
    let changes = [
        ("SNAPFERRY_STACK_ID", "no spaces please"),
        ("SNAPFERRY_TABLE", ""),
        ("SNAPFERRY_COPY_SLOTS", "none"),
        ("SNAPFERRY_CLUSTER_COPY_SLOTS", "0"),
        ("SNAPFERRY_KMS_KEY", "alias/recovery"),
        ("SNAPFERRY_SCHEDULE", "daily"),
        ("SNAPFERRY_SELECTION", "some"),
    ];
    let error = Planning::from_variables(variables(&changes)).unwrap_err();
    for (name, _) in changes {
        assert!(
            error.faults.iter().any(|fault| fault.starts_with(name)),
            "{name}: {error}"
        );
    }
    assert_eq!(error.faults.len(), changes.len());
}

#[test]
fn a_key_of_another_region_and_a_source_that_is_home_are_refused() {
    let key = KEY.replace(HOME, SOURCE);
    let error = Planning::from_variables(variables(&[("SNAPFERRY_KMS_KEY", &key)])).unwrap_err();
    assert!(
        error.to_string().contains("the key lives in eu-west-1"),
        "{error}"
    );
    let error =
        Planning::from_variables(variables(&[("SNAPFERRY_SOURCE_REGIONS", HOME)])).unwrap_err();
    assert!(
        error.to_string().contains("recovery region itself"),
        "{error}"
    );
}

#[test]
fn a_list_of_no_regions_is_refused() {
    assert!(Planning::from_variables(variables(&[("SNAPFERRY_SOURCE_REGIONS", " , ")])).is_err());
}

proptest! {
    #[test]
    fn no_value_makes_reading_panic(name in prop::sample::select(vec!["SNAPFERRY_STACK_ID", "SNAPFERRY_SCHEDULE", "SNAPFERRY_TIME_ZONE", "SNAPFERRY_GRACE_SECONDS", "SNAPFERRY_SOURCE_REGIONS"]), value in "\\PC{0,40}") {
        let _ = Planning::from_variables(variables(&[(name, &value)]));
    }
}
