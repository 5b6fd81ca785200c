//! The answers of the real restic (`tests/fixtures/oracle`).

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use snapferry::domain::policy::rules::{RULE_NAMES, RuleKind, Rules};
use snapferry::domain::retention::forget::Point;

use super::{kept, rules, zone};
use crate::world::time;

/// The clock of the run that made the cases.
const MADE_AT: &str = "2026-11-27T20:49:00Z";

#[derive(Deserialize)]
struct File {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    zone: String,
    policy: BTreeMap<String, Value>,
    snapshots: Vec<Timestamp>,
    keep: BTreeMap<usize, Vec<String>>,
    remove: BTreeSet<usize>,
    #[serde(default)]
    flags: Vec<String>,
}

type Kept = BTreeMap<usize, Vec<String>>;

impl Case {
    fn is(&self, flag: &str) -> bool {
        self.flags.iter().any(|found| found == flag)
    }

    fn rules(&self) -> Rules {
        let ours = self.policy.iter().filter(|(name, _)| *name != "keep_tag");
        let json: serde_json::Map<String, Value> = ours
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        rules(&json.into())
    }

    /// What Snapferry keeps by some rules. Of equal instants the later in the list has the greater name.
    fn kept_by(&self, rules: &Rules) -> Kept {
        let points: Vec<Point<usize>> = self
            .snapshots
            .iter()
            .enumerate()
            .map(|(id, at)| Point::good(id, *at))
            .collect();
        kept(rules, &zone(&self.zone), &points, time(MADE_AT))
    }

    fn kept(&self) -> Kept {
        self.kept_by(&self.rules())
    }

    /// What restic keeps, without its tags (they are no rule here) and in Snapferry's words.
    fn restic_keeps(&self) -> Kept {
        let words = |reason: &String| {
            let reason = reason.strip_suffix(" snapshot").unwrap_or(reason);
            // restic writes a month as "m".
            match reason.rsplit_once(' ') {
                Some((before, span)) if reason.contains("within ") => {
                    format!("{before} {}", span.replace('m', "mo"))
                }
                _ => reason.to_owned(),
            }
        };
        let keep = self.keep.iter().map(|(at, reasons)| {
            let reasons = reasons
                .iter()
                .filter(|reason| !reason.starts_with("has tags"));
            (*at, reasons.map(words).collect::<Vec<_>>())
        });
        keep.filter(|(_, reasons)| !reasons.is_empty()).collect()
    }
}

fn cases() -> Vec<Case> {
    let text = include_str!("../../fixtures/oracle/forget-cases.json");
    serde_json::from_str::<File>(text).unwrap().cases
}

fn case(name: &str) -> Case {
    cases().into_iter().find(|case| case.name == name).unwrap()
}

/// Where the answer differs on purpose. Each flag has a test below.
const SET_APART: [&str; 4] = ["ties", "future", "month-overflow", "own-offset"];

fn set_apart(case: &Case) -> bool {
    SET_APART.iter().any(|flag| case.is(flag))
}

fn without_order(kept: Kept) -> BTreeMap<usize, BTreeSet<String>> {
    kept.into_iter()
        .map(|(at, reasons)| (at, reasons.into_iter().collect()))
        .collect()
}

#[test]
fn every_case_of_restic_that_is_not_set_apart_is_answered_as_restic_answers_it() {
    let cases = cases();
    assert_eq!(cases.len(), 119);
    let alike: Vec<&Case> = cases.iter().filter(|case| !set_apart(case)).collect();
    assert_eq!(alike.len(), 105);
    for case in alike {
        let (ours, restics) = (case.kept(), case.restic_keeps());
        assert_eq!(without_order(ours), without_order(restics), "{}", case.name);
        // Nothing is left undecided.
        let decided = case.keep.len() + case.remove.len();
        assert_eq!(decided, case.snapshots.len(), "{}", case.name);
    }
}

#[test]
fn every_rule_that_is_switched_off_is_missed_by_a_case() {
    for (name, kind) in RULE_NAMES {
        let notices = |case: &Case| {
            let mut rules = case.rules();
            match kind {
                RuleKind::Count(unit) => drop(rules.counts.remove(&unit)),
                RuleKind::Within => rules.within = None,
                RuleKind::WithinEach(unit) => drop(rules.within_each.remove(&unit)),
            }
            without_order(case.kept_by(&rules)) != without_order(case.restic_keeps())
        };
        let all = cases();
        assert!(
            all.iter()
                .filter(|case| !set_apart(case) && case.policy.contains_key(name))
                .any(notices),
            "{name}"
        );
    }
}

/// restic leaves open which of two equal instants stays. Here the greater name is the newer: the same inventory has
/// the same answer every time.
#[test]
fn of_equal_instants_the_greater_name_is_the_newer() {
    let places = |name: &str| case(name).kept().into_keys().collect::<Vec<_>>();
    assert_eq!(places("dup-last-3"), [3, 4, 5]);
    assert_eq!(places("dup-daily-2"), [3, 5]);
    assert_eq!(places("dup-hourly-5"), [0, 1, 3, 5]);
    assert_eq!(places("dup-within-1d"), [4, 5]);
    // As many stay as restic keeps.
    let ties = cases();
    for case in ties.iter().filter(|case| case.is("ties")) {
        assert_eq!(case.kept().len(), case.keep.len(), "{}", case.name);
    }
}

/// restic lets a recovery point of the future take the place of the newest, and `keep_last = 1` then removes all that
/// are good. Here it counts for nothing and stays.
#[test]
fn what_lies_ahead_of_now_takes_no_rules_place_and_stays() {
    let future = |name: &str| without_order(case(name).kept());
    let one = |reason: &str| BTreeSet::from([reason.to_owned()]);
    let ahead = (6, one("later than now"));
    assert_eq!(
        future("future-last-1"),
        BTreeMap::from([(5, one("last")), ahead.clone()])
    );
    assert_eq!(
        future("future-daily-3"),
        BTreeMap::from([
            (3, one("daily")),
            (4, one("daily")),
            (5, one("daily")),
            ahead.clone()
        ])
    );
    assert_eq!(
        future("future-within-2d"),
        BTreeMap::from([(4, one("within 2d")), (5, one("within 2d")), ahead])
    );
    assert_eq!(
        future("all-future-within-1d"),
        BTreeMap::from([(0, one("later than now")), (1, one("later than now"))])
    );
}

/// restic lets 31 February become 3 March. jiff takes the last day of the month, so that a month is never shorter
/// than people think: all that restic keeps stays, and some more.
#[test]
fn a_month_back_from_a_day_that_the_month_lacks_is_its_last_day() {
    let places = |name: &str| case(name).kept().into_keys().collect::<Vec<_>>();
    assert_eq!(places("within-1y-from-29-feb"), [4, 5, 6, 7, 8]);
    assert_eq!(places("within-2y-from-29-feb"), [2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(places("within-1y1d-from-29-feb"), [3, 4, 5, 6, 7, 8]);
    assert_eq!(places("within-1m-from-31-mar"), [5, 6, 7, 8, 9]);
    assert_eq!(places("within-1m1d-from-31-mar"), [4, 5, 6, 7, 8, 9]);
    assert_eq!(places("within-1m-from-31-may"), [2, 3, 4, 5]);
    let months = cases();
    for case in months.iter().filter(|case| case.is("month-overflow")) {
        let ours = case.kept();
        assert!(
            case.keep.keys().all(|at| ours.contains_key(at)),
            "{}",
            case.name
        );
    }
}

/// restic buckets each snapshot in the offset that it was recorded with. A recovery point is an instant, and its
/// policy has the one zone: no case of the file depends on the difference.
#[test]
fn no_case_hangs_on_a_snapshots_own_offset() {
    assert!(!cases().iter().any(|case| case.is("own-offset")));
}
