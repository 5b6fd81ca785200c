//! What may be removed is noted first, and removed after the grace period if it still may be.

use jiff::{SignedDuration, Timestamp};
use snapferry::domain::id::arn::RdsArn;
use snapferry::domain::retention::sightings::{GRACE, NOTES_MAX, Notes, Sighted, sight};

use crate::world::{a_run, copy_arn, time};

fn arns(number: usize) -> Vec<RdsArn> {
    (0..number)
        .map(|number| copy_arn(&a_run(&format!("db{number}")), 1))
        .collect()
}

fn hour(number: i64) -> Timestamp {
    time("2026-11-22T00:10:00Z") + SignedDuration::from_hours(number)
}

/// A round at this hour, after complete rounds in each hour before it.
fn round(before: Option<&Notes>, rules: &str, removable: &[RdsArn], at: i64) -> Sighted {
    sight(
        before,
        rules,
        removable,
        Some(hour(at - 1)),
        GRACE,
        hour(at),
    )
}

/// Rounds of each hour.
fn rounds(first: Notes, rules: &str, removable: &[RdsArn], hours: std::ops::Range<i64>) -> Sighted {
    let mut last = Sighted {
        notes: first,
        ..Sighted::default()
    };
    for at in hours {
        last = round(Some(&last.notes), rules, removable, at);
    }
    last
}

#[test]
fn nothing_goes_when_it_is_seen_first_and_it_goes_a_grace_later() {
    let all = arns(2);
    let first = round(None, "v1", &all, 0);
    assert!(first.ripe.is_empty());
    let before = rounds(first.notes.clone(), "v1", &all, 1..24);
    assert!(before.ripe.is_empty());
    let after = rounds(first.notes, "v1", &all, 1..25);
    assert_eq!(after.ripe.len(), 2);
}

#[test]
fn without_a_grace_a_second_round_is_needed_all_the_same() {
    let all = arns(1);
    let none = SignedDuration::ZERO;
    let first = sight(None, "v1", &all, Some(hour(0)), none, hour(0));
    assert!(first.ripe.is_empty());
    let again = sight(Some(&first.notes), "v1", &all, Some(hour(0)), none, hour(0));
    assert_eq!(again.ripe.len(), 1);
}

#[test]
fn a_note_lapses_when_a_round_kept_its_snapshot() {
    let all = arns(2);
    let noted = rounds(round(None, "v1", &all, 0).notes, "v1", &all, 1..20);
    // One round keeps the first: its time begins again.
    let kept = round(Some(&noted.notes), "v1", &all[1..], 20);
    assert_eq!(rounds(kept.notes, "v1", &all, 21..25).ripe.len(), 1);
}

#[test]
fn a_note_lapses_with_another_version_of_the_rules() {
    let all = arns(1);
    let noted = rounds(round(None, "v1", &all, 0).notes, "v1", &all, 1..24);
    assert_eq!(round(Some(&noted.notes), "v1", &all, 24).ripe.len(), 1);
    let other = round(Some(&noted.notes), "v2", &all, 24);
    assert!(other.ripe.is_empty());
    assert_eq!(other.notes.since[&all[0]], hour(24));
}

#[test]
fn a_note_lapses_when_no_complete_round_came_for_three_hours() {
    let all = arns(1);
    let noted = rounds(round(None, "v1", &all, 0).notes, "v1", &all, 1..24);
    let at = |last_round| {
        sight(Some(&noted.notes), "v1", &all, last_round, GRACE, hour(27))
            .ripe
            .len()
    };
    assert_eq!(at(Some(hour(24))), 1);
    assert_eq!(at(Some(hour(23))), 0);
    // M3: an old table that a stack takes over knows of no round of its own.
    assert_eq!(at(None), 0);
}

#[test]
fn the_notes_of_a_database_fit_into_one_item_and_the_oldest_come_first() {
    let all = arns(NOTES_MAX + 5);
    let first = round(None, "v1", &all, 0);
    assert_eq!(first.notes.since.len(), NOTES_MAX);
    assert!(first.notes.since.contains_key(&all[0]));
    assert!(!first.notes.since.contains_key(&all[NOTES_MAX]));
}
