//! How long snapshots and copies took, by the history of due times.

use jiff::{SignedDuration, Timestamp};
use snapferry::domain::operator::durations::Durations;
use snapferry::domain::retention::history::{DueOutcome, History, MadePoint};

/// A history of recovery points, each with the seconds of its snapshot and its copy, and of one due time that was missed.
fn history(made: &[(Option<i64>, Option<i64>)]) -> History {
    let at = |day: i64| Timestamp::from_second(day * 86_400).unwrap();
    let made = made.iter().zip(1..).map(|((snapshot, copy), day)| {
        let made = MadePoint {
            snapshot_took: snapshot.map(SignedDuration::from_secs),
            copy_took: copy.map(SignedDuration::from_secs),
            ..MadePoint::default()
        };
        (at(day), DueOutcome::Made(made))
    });
    History {
        due: made.chain([(at(0), DueOutcome::Missed)]).collect(),
        holds_more: false,
    }
}

fn copies(seconds: &[i64]) -> Durations {
    let made: Vec<_> = seconds.iter().map(|copy| (None, Some(*copy))).collect();
    Durations::of(&history(&made))
}

#[test]
fn the_usual_one_is_the_median_and_the_longest_is_kept_of_each_step_apart() {
    let found = Durations::of(&history(&[
        (Some(240), Some(600)),
        (Some(60), Some(2_400)),
        (None, Some(720)),
        (Some(180), None),
    ]));
    let snapshot = found.snapshot.unwrap();
    let seconds = |took: SignedDuration| took.as_secs();
    assert_eq!(
        (
            seconds(snapshot.usual),
            seconds(snapshot.longest),
            snapshot.known
        ),
        (180, 240, 3)
    );
    let copy = found.copy.unwrap();
    assert_eq!(
        (seconds(copy.usual), seconds(copy.longest), copy.known),
        (720, 2_400, 3)
    );
    assert_eq!(
        found.sentence().unwrap(),
        "snapshot usually 3 min, at most 4 min; copy usually 12 min, at most 40 min"
    );
}

#[test]
fn of_what_no_history_knows_nothing_is_said() {
    assert_eq!(Durations::of(&history(&[])), Durations::default());
    assert_eq!(Durations::default().sentence(), None);
    assert_eq!(Durations::of(&history(&[(None, None)])).sentence(), None);
}

#[test]
fn where_rds_takes_the_snapshots_only_the_copies_are_told() {
    assert_eq!(
        copies(&[600, 1_200, 720]).sentence().unwrap(),
        "copy usually 12 min, at most 20 min"
    );
}

#[test]
fn one_copy_alone_makes_no_habit() {
    assert_eq!(copies(&[720]).sentence().unwrap(), "copy once 12 min");
}

#[test]
fn a_duration_is_told_in_words_and_none_was_longer_than_the_longest_that_is_told() {
    let cases = [
        (0, "usually 0 s, at most 0 s"),
        (59, "usually 59 s, at most 59 s"),
        (60, "usually 1 min, at most 1 min"),
        (61, "usually 1 min, at most 2 min"),
        (90, "usually 2 min, at most 2 min"),
        (3_541, "usually 59 min, at most 1 h"),
        (3_600, "usually 1 h, at most 1 h"),
        (93_601, "usually 26 h, at most 26 h 1 min"),
        // What a stored history says is not believed blindly.
        (-5, "usually 0 s, at most 0 s"),
    ];
    for (seconds, words) in cases {
        let found = copies(&[seconds, seconds]).sentence().unwrap();
        assert_eq!(found, format!("copy {words}"), "{seconds}");
    }
    assert!(copies(&[i64::MAX, i64::MAX]).sentence().is_some());
}
