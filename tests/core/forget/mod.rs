//! Which recovery points stay: against restic's own answers, against a slow reference, and rule by rule.

mod oracle;
mod reference;
mod rules;

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;
use snapferry::domain::policy::keep_span::KeepSpan;
use snapferry::domain::policy::rules::Rules;
use snapferry::domain::retention::forget::{Decision, ForgetRules, Point, forget};

/// Rules as a policy file has them: `{"keep_daily": 7}`.
fn rules(json: &Value) -> Rules {
    serde_json::from_value(json.clone()).unwrap()
}

fn span(text: &str) -> KeepSpan {
    KeepSpan::parse(text).unwrap()
}

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap()
}

/// What stays, by its place in the list, each with its reasons.
fn kept<I: Ord>(
    rules: &Rules,
    zone: &TimeZone,
    points: &[Point<I>],
    now: Timestamp,
) -> BTreeMap<usize, Vec<String>> {
    let by = ForgetRules {
        rules,
        min_keep: 0,
        zone,
    };
    let decisions = forget(by, points, now);
    assert_eq!(decisions.len(), points.len());
    decisions
        .iter()
        .enumerate()
        .filter(|(_, decision)| decision.keeps())
        .map(|(at, decision)| (at, Decision::reasons(decision)))
        .collect()
}
