//! The same rules once more, slow and obvious: each bucket is a text, and each rule looks at all recovery points.

use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Map, Value, json};
use snapferry::domain::retention::forget::{Decision, ForgetRules, Point, PointState, forget};

use super::{rules, span, zone};
use crate::world::time;

const NOW: &str = "2026-11-27T20:49:00Z";

/// A length of time as years, months, days and hours.
#[derive(Debug, Clone, Copy)]
struct Length {
    years: i16,
    months: i16,
    days: i64,
    hours: i64,
}

impl Length {
    fn text(self) -> String {
        let parts = [
            (i64::from(self.years), "y"),
            (i64::from(self.months), "mo"),
            (self.days, "d"),
            (self.hours, "h"),
        ];
        let parts = parts.iter().filter(|(number, _)| *number > 0);
        parts
            .map(|(number, unit)| format!("{number}{unit}"))
            .collect()
    }

    /// By hand: the month's number less so many, its last day where the day is not there, then days, then hours.
    fn before(self, newest: Timestamp, zone: &TimeZone) -> Timestamp {
        let local = zone.to_datetime(newest);
        let months =
            local.year() * 12 + i16::from(local.month()) - 1 - self.years * 12 - self.months;
        let (year, month) = (months.div_euclid(12), months.rem_euclid(12) + 1);
        let first = jiff::civil::date(year, i8::try_from(month).unwrap(), 1);
        let day = local.day().min(first.days_in_month());
        let date = first.with().day(day).build().unwrap() - self.days.days();
        let at = zone.to_timestamp(date.to_datetime(local.time())).unwrap();
        at - SignedDuration::from_hours(self.hours)
    }
}

#[derive(Debug, Clone)]
struct Question {
    zone: &'static str,
    points: Vec<Point<u32>>,
    counts: Vec<(&'static str, Option<u32>)>,
    within: Option<Length>,
    within_each: Vec<(&'static str, Length)>,
    min_keep: usize,
}

fn bucket(unit: &str, place: usize, at: Timestamp, zone: &TimeZone) -> String {
    let form = match unit {
        "last" => return place.to_string(),
        "hourly" => "%Y-%m-%d %H",
        "daily" => "%Y-%m-%d",
        "weekly" => "%G-W%V",
        "monthly" => "%Y-%m",
        "yearly" => "%Y",
        other => panic!("{other}"),
    };
    at.to_zoned(zone.clone()).strftime(form).to_string()
}

impl Question {
    fn counted(&self) -> Vec<&Point<u32>> {
        let now = time(NOW);
        let mut counted: Vec<&Point<u32>> = self
            .points
            .iter()
            .filter(|point| point.state == PointState::Good && point.at.is_some_and(|at| at <= now))
            .collect();
        counted.sort_by_key(|point| (point.at, point.id));
        counted.reverse();
        counted
    }

    fn answer(&self) -> BTreeMap<u32, BTreeSet<String>> {
        let zone = zone(self.zone);
        let counted = self.counted();
        let at = |place: usize| counted[place].at.unwrap();
        let mut answer: BTreeMap<u32, BTreeSet<String>> = BTreeMap::new();
        let mut keep = |id: u32, reason: String| {
            answer.entry(id).or_default().insert(reason);
        };
        for (unit, count) in &self.counts {
            let of = |place: usize| bucket(unit, place, at(place), &zone);
            let heads: Vec<usize> = (0..counted.len())
                .filter(|place| !(0..*place).any(|newer| of(newer) == of(*place)))
                .collect();
            let count = count.map_or(usize::MAX, |count| count as usize);
            for head in heads.iter().take(count) {
                keep(counted[*head].id, (*unit).to_owned());
            }
            if let Some(oldest) = counted.len().checked_sub(1)
                && heads.len() < count
                && !heads.contains(&oldest)
            {
                keep(counted[oldest].id, format!("oldest {unit}"));
            }
        }
        for (place, point) in counted.iter().enumerate() {
            let newest = at(0);
            if let Some(length) = self.within
                && at(place) > length.before(newest, &zone)
            {
                keep(point.id, format!("within {}", length.text()));
            }
            for (unit, length) in &self.within_each {
                if at(place) <= length.before(newest, &zone) {
                    continue;
                }
                let of = |place: usize| bucket(unit, place, at(place), &zone);
                if !(0..place).any(|newer| of(newer) == of(place)) {
                    keep(point.id, format!("{unit} within {}", length.text()));
                } else if place + 1 == counted.len() {
                    keep(point.id, format!("oldest {unit} within {}", length.text()));
                }
            }
        }
        for point in counted.iter().take(self.min_keep) {
            if !answer.contains_key(&point.id) && !self.has_no_rule() {
                answer.insert(point.id, BTreeSet::from(["min_keep".to_owned()]));
            }
        }
        for point in &self.points {
            let mut keep = |reason: &str| {
                let reasons = answer.entry(point.id).or_default();
                reasons.remove("min_keep");
                reasons.insert(reason.to_owned());
            };
            match &point.state {
                PointState::Good if point.at.is_none() => keep("time unknown"),
                PointState::Good if point.at > Some(time(NOW)) => keep("later than now"),
                PointState::Mismatch(what) => keep(&format!("mismatch: {what}")),
                PointState::Unfinished => keep("unfinished"),
                PointState::Good | PointState::Failed => {}
            }
        }
        for point in &self.points {
            let reasons = answer.get(&point.id).cloned().unwrap_or_default();
            if reasons.is_empty() && self.has_no_rule() && !point.held {
                answer.insert(point.id, BTreeSet::from(["no rule".to_owned()]));
            }
            if point.held {
                answer
                    .entry(point.id)
                    .or_default()
                    .insert("held".to_owned());
            }
        }
        answer
    }

    fn has_no_rule(&self) -> bool {
        self.counts.is_empty() && self.within.is_none() && self.within_each.is_empty()
    }

    fn forget(&self) -> BTreeMap<u32, BTreeSet<String>> {
        let mut json = Map::new();
        for (unit, count) in &self.counts {
            let count = count.map_or(json!("all"), |count| json!(count));
            json.insert(format!("keep_{unit}"), count);
        }
        if let Some(length) = self.within {
            json.insert("keep_within".to_owned(), json!(length.text()));
        }
        for (unit, length) in &self.within_each {
            json.insert(format!("keep_within_{unit}"), json!(length.text()));
        }
        let rules = rules(&Value::Object(json));
        let by = ForgetRules {
            rules: &rules,
            min_keep: self.min_keep,
            zone: &zone(self.zone),
        };
        let decisions = forget(by, &self.points, time(NOW));
        let named = self.points.iter().zip(decisions);
        named
            .filter(|(_, decision)| decision.keeps())
            .map(|(point, decision)| (point.id, Decision::reasons(&decision).into_iter().collect()))
            .collect()
    }
}

fn a_length() -> impl Strategy<Value = Length> {
    (0_i16..3, 0_i16..14, 0_i64..40, 0_i64..60)
        .prop_map(|(years, months, days, hours)| Length {
            years,
            months,
            days,
            hours,
        })
        .prop_filter("no time at all is no length", |length| {
            !length.text().is_empty()
        })
}

fn some_points() -> impl Strategy<Value = Vec<Point<u32>>> {
    // Steps from a minute to half a year, so that some share an hour and some years lie between.
    let step = prop_oneof![0_i64..3, 20_i64..90, 600_i64..3_000, 20_000_i64..260_000];
    let state = prop_oneof![
        12 => Just(PointState::Good),
        1 => Just(PointState::Failed),
        1 => Just(PointState::Unfinished),
        1 => Just(PointState::Mismatch("its key is another".to_owned())),
    ];
    let point = (
        step,
        state,
        prop::bool::weighted(0.05),
        prop::bool::weighted(0.05),
    );
    (
        prop::collection::vec(point, 0..24),
        any::<u32>(),
        -3_000_i64..400_000,
    )
        .prop_map(|(points, shuffle, ahead)| {
            let mut at = time(NOW) + SignedDuration::from_mins(3_000 - ahead);
            let mut made = Vec::new();
            for (nth, (step, state, is_held, is_dateless)) in points.into_iter().enumerate() {
                at -= SignedDuration::from_mins(step);
                made.push(Point {
                    // Names in no order of time.
                    id: u32::try_from(nth).unwrap() ^ (shuffle & 0x1f),
                    at: (!is_dateless).then_some(at),
                    state,
                    held: is_held,
                });
            }
            let by = usize::try_from(shuffle % 7).unwrap().min(made.len());
            made.rotate_left(by);
            made
        })
}

fn a_question() -> impl Strategy<Value = Question> {
    let zones = vec![
        "UTC",
        "Europe/Berlin",
        "America/New_York",
        "Asia/Kathmandu",
        "Australia/Lord_Howe",
        "America/Sao_Paulo",
        "Pacific/Auckland",
    ];
    let units = vec!["last", "hourly", "daily", "weekly", "monthly", "yearly"];
    let counts = prop::sample::subsequence(units.clone(), 0..4);
    let each = prop::sample::subsequence(units[1..].to_vec(), 0..3);
    (
        prop::sample::select(zones),
        some_points(),
        (
            counts,
            prop::collection::vec(prop::option::weighted(0.9, 1_u32..9), 4),
        ),
        prop::option::weighted(0.3, a_length()),
        (each, prop::collection::vec(a_length(), 3)),
        0_usize..4,
    )
        .prop_map(
            |(zone, points, (units, numbers), within, (each, lengths), min_keep)| Question {
                zone,
                points,
                counts: units.into_iter().zip(numbers).collect(),
                within,
                within_each: each.into_iter().zip(lengths).collect(),
                min_keep,
            },
        )
}

#[test]
fn ten_thousand_random_questions_are_answered_as_the_slow_reference_answers_them() {
    let config = Config {
        cases: 10_000,
        failure_persistence: None,
        ..Config::default()
    };
    let seed = proptest::test_runner::TestRng::deterministic_rng(config.rng_algorithm);
    let mut runner = TestRunner::new_with_rng(config, seed);
    runner
        .run(&a_question(), |question| {
            prop_assert_eq!(question.forget(), question.answer());
            Ok(())
        })
        .unwrap();
}

#[test]
fn the_reference_reads_lengths_as_the_product_does() {
    let newest = time("2026-03-31T03:00:00Z");
    let length = Length {
        years: 1,
        months: 1,
        days: 2,
        hours: 3,
    };
    let berlin = zone("Europe/Berlin");
    let ours = span(&length.text()).before(&newest.to_zoned(berlin.clone()));
    assert_eq!(ours, length.before(newest, &berlin));
    assert_eq!(ours, time("2025-02-26T01:00:00Z"));
}
