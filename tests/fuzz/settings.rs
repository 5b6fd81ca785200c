//! The variables of a function: one a line in the saved texts, `NAME=value`.

use jiff::Timestamp;
use snapferry::domain::limits::MAX_RECEIVES;
use snapferry::domain::run::backoff::Backoff;
use snapferry::settings::{Planning, SettingsError, Stack, Variables};

use crate::corpus::fuzz;
use crate::world::time;

fn variables(text: &str) -> Variables {
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    Variables::new(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())))
}

fn each_fault_names_its_variable(error: &SettingsError) {
    assert!(!error.faults.is_empty());
    for fault in &error.faults {
        let (name, reason) = fault.split_once([':', ' ']).unwrap();
        assert!(
            name == "AWS_REGION" || name.starts_with("SNAPFERRY_"),
            "{fault}"
        );
        assert!(!reason.trim().is_empty(), "{fault}");
    }
}

/// Whatever was accepted can be used: no delay is too long to be told, and a schedule has a last time or none.
fn can_be_used(stack: &Stack) {
    let Backoff { first, max } = stack.backoff;
    for receives in [0, 1, 2, MAX_RECEIVES, u32::MAX] {
        for jitter in [0.0, 0.5, 1.0] {
            let delay = stack.backoff.delay(receives, jitter);
            assert!(delay <= max, "{delay:?} is above {max:?}");
            assert!(
                delay >= first.min(max) / 2,
                "{delay:?} is below half of {first:?}"
            );
        }
    }
    assert!(stack.copy_slots.all > 0 && stack.copy_slots.clusters > 0 && stack.sweep_width > 0);
}

#[test]
fn settings_are_usable_or_refused_with_each_fault_by_name() {
    fuzz("settings", |text| {
        match Stack::from_variables(variables(text)) {
            Ok(stack) => can_be_used(&stack),
            Err(error) => each_fault_names_its_variable(&error),
        }
        match Planning::from_variables(variables(text)) {
            Ok(planning) => {
                can_be_used(&planning.stack);
                let now = time("2026-11-22T03:05:00Z");
                for policy in &planning.policies.all {
                    for (planned, now) in [(None, now), (Some(now), now), (None, Timestamp::MIN)] {
                        if let Some(due) = policy.schedule.due(planned, now) {
                            assert!(due <= now && planned.is_none_or(|planned| due > planned));
                        }
                    }
                }
            }
            Err(error) => each_fault_names_its_variable(&error),
        }
    });
}
