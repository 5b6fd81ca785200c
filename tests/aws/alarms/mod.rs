//! The template's alarms, over the lines that the shipped function prints: a silent stack is noticed, each alarm
//! goes off once for its cause, and none goes off in a harsh night.
//!
//! The lines are printed by the binary that ships, run as Lambda runs it. Their times are the scenario's. What AWS's own
//! services publish, the scenario says.

mod evaluate;
mod printed;
mod resolved;
mod scenario;

use std::collections::{BTreeMap, BTreeSet};

use evaluate::{MissingData, State, decide};
use resolved::{alarms, counted_words, published};
use scenario::{Cause, Night, rings};

/// The two tables and the examples of the user guide's page *Configuring how CloudWatch alarms treat missing data*
/// (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html>, compared row by row in
/// November 2026): three periods, of which all or two must breach, over a range of five. `0` is within the threshold, `X`
/// breaches, `-` is missing.
#[test]
fn the_evaluator_decides_as_the_user_guides_tables_say() {
    use State::{Alarm, InsufficientData, Ok};
    // Points, needed, and the state by missing, ignore, breaching, notBreaching. Nothing is "as before".
    type Row = (&'static str, usize, [Option<State>; 4]);
    let table: [Row; 12] = [
        ("0-X-X", 3, [Some(Ok); 4]),
        ("0----", 3, [Some(Ok); 4]),
        (
            "-----",
            3,
            [Some(InsufficientData), None, Some(Alarm), Some(Ok)],
        ),
        ("0XX-X", 3, [Some(Alarm); 4]),
        ("--X--", 3, [Some(Alarm), None, Some(Alarm), Some(Ok)]),
        // Below the tables: too young to be an alarm by itself.
        ("----X", 3, [None, None, Some(Alarm), Some(Ok)]),
        ("---X-", 3, [None, None, Some(Alarm), Some(Ok)]),
        ("0-X-X", 2, [Some(Alarm); 4]),
        ("00X0X", 2, [Some(Alarm); 4]),
        ("0-X--", 2, [Some(Ok), Some(Ok), Some(Alarm), Some(Ok)]),
        ("----0", 2, [Some(Ok), Some(Ok), Some(Alarm), Some(Ok)]),
        ("---X-", 2, [Some(Alarm), None, Some(Alarm), Some(Ok)]),
    ];
    for (points, needed, expected) in table {
        let points: Vec<Option<bool>> = points
            .chars()
            .map(|point| (point != '-').then_some(point == 'X'))
            .collect();
        let treatments = [
            MissingData::AsMissing,
            MissingData::Ignore,
            MissingData::Breaching,
            MissingData::NotBreaching,
        ];
        for (missing, expected) in treatments.into_iter().zip(expected) {
            for before in [Ok, Alarm] {
                assert_eq!(
                    decide(&points, 3, needed, missing, before),
                    expected.unwrap_or(before),
                    "{points:?} {needed} of 3, {missing:?}, {before:?} before"
                );
            }
        }
    }
}

#[test]
fn the_shipped_function_prints_a_line_for_each_metric_that_the_page_names() {
    let printed = printed::all();
    let lines = printed.values().flatten();
    let names: BTreeSet<String> = lines
        .flat_map(|line| published(line))
        .map(|point| point.metric)
        .collect();
    let page = include_str!("../../../docs/METRICS.md");
    let (_, table) = page.split_once("\n## Metrics\n").unwrap();
    let (table, _) = table.split_once("\n## ").unwrap();
    let named: BTreeSet<String> = table
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .map(ToOwned::to_owned)
        .collect();
    assert_eq!(names, named);
}

#[test]
fn the_words_that_the_filters_count_were_really_logged() {
    let printed = printed::all();
    let logged = |what: &str| printed.values().flatten().any(|line| line.contains(what));
    for words in counted_words() {
        assert!(logged(&words), "{words}");
    }
}

#[test]
fn a_quiet_day_sets_no_alarm_off() {
    let night = Night::quiet(24 * 60);
    assert_eq!(rings(&alarms(), &night), BTreeMap::new());
}

#[test]
fn a_silent_stack_rings_within_half_an_hour_and_is_quiet_when_it_runs_again() {
    let mut night = Night::quiet(8 * 60);
    night.cause(Cause::Silence, 120, 120);
    let rang = rings(&alarms(), &night);
    let names: Vec<&str> = rang.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        ["OverdueAlarm", "PlannerSilentAlarm", "SweeperSilentAlarm"]
    );
    for (name, spans) in rang {
        let [(begin, end)] = spans[..] else {
            panic!("{name} rings once: {spans:?}");
        };
        assert!((120..150).contains(&begin), "{name} at {begin}");
        assert!(end.is_some_and(|end| (240..270).contains(&end)), "{name}");
    }
}

#[test]
fn each_alarm_goes_off_once_for_its_cause_and_no_other_does() {
    let alarms = alarms();
    let mut rung = BTreeSet::new();
    for cause in Cause::ALL {
        let mut night = Night::quiet(16 * 60);
        night.cause(cause, 180, cause.minutes());
        let rang = rings(&alarms, &night);
        let names: Vec<&str> = rang.keys().map(String::as_str).collect();
        assert_eq!(names, cause.alarms(), "{cause:?}");
        for (name, spans) in &rang {
            assert_eq!(spans.len(), 1, "{name} for {cause:?}: {spans:?}");
            assert!(spans[0].1.is_some(), "{name} ends after {cause:?}");
        }
        rung.extend(rang.into_keys());
    }
    let all: BTreeSet<String> = alarms.iter().map(|alarm| alarm.name.clone()).collect();
    assert_eq!(rung, all, "every alarm has a cause");
}

#[test]
fn none_goes_off_in_a_harsh_night() {
    let alarms = alarms();
    for seed in 0..10 {
        let night = Night::harsh(10 * 60, seed);
        assert_eq!(rings(&alarms, &night), BTreeMap::new(), "seed {seed}");
    }
}
