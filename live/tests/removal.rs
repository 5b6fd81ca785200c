//! The two rules by which anything is removed, and the journal.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use snapferry_live::journal::{Journal, Kind, Made};
use snapferry_live::remove::{TAG, bears_the_tag, is_recorded, why_it_stays};
use snapferry_live::shown::Shown;

const RUN: &str = "abcd1234";

fn asked_at() -> Timestamp {
    "2026-11-29T02:00:00Z".parse().unwrap()
}

fn made() -> Made {
    Made {
        kind: Kind::Instance,
        region: "eu-west-1".to_owned(),
        name: "sf-live-abcd1234-db".to_owned(),
        id: Some("db-OURS".to_owned()),
        asked_at: asked_at(),
    }
}

fn shown() -> Shown {
    Shown {
        kind: Kind::Instance,
        region: "eu-west-1".to_owned(),
        name: "sf-live-abcd1234-db".to_owned(),
        id: "db-OURS".to_owned(),
        status: "available".to_owned(),
        tags: BTreeMap::from([(TAG.to_owned(), RUN.to_owned())]),
        created: Some(asked_at() + SignedDuration::from_secs(30)),
    }
}

#[test]
fn what_bears_the_tag_and_is_recorded_is_removed() {
    assert_eq!(why_it_stays(&shown(), &made(), RUN), None);
}

#[test]
fn what_the_journal_names_stays_without_the_tag_of_its_own_run() {
    for tags in [
        BTreeMap::new(),
        BTreeMap::from([(TAG.to_owned(), "another".to_owned())]),
        BTreeMap::from([("live-check".to_owned(), RUN.to_owned())]),
    ] {
        let shown = Shown { tags, ..shown() };
        assert!(is_recorded(&shown, &made()));
        assert!(why_it_stays(&shown, &made(), RUN).is_some(), "{shown:?}");
    }
}

#[test]
fn what_bears_the_tag_stays_if_it_is_not_what_the_run_made() {
    let others = [
        // Somebody deleted the run's and made another of its name.
        Shown {
            id: "db-OTHER".to_owned(),
            ..shown()
        },
        Shown {
            region: "eu-central-1".to_owned(),
            ..shown()
        },
        Shown {
            name: "orders".to_owned(),
            ..shown()
        },
        Shown {
            kind: Kind::Cluster,
            ..shown()
        },
    ];
    for shown in others {
        assert!(bears_the_tag(&shown, RUN));
        assert!(why_it_stays(&shown, &made(), RUN).is_some(), "{shown:?}");
    }
}

#[test]
fn where_the_answer_was_lost_only_what_was_made_after_the_call_is_the_runs() {
    let lost = Made { id: None, ..made() };
    assert_eq!(why_it_stays(&shown(), &lost, RUN), None);
    let older = asked_at() - SignedDuration::from_hours(1);
    for created in [None, Some(older)] {
        let shown = Shown { created, ..shown() };
        assert!(why_it_stays(&shown, &lost, RUN).is_some(), "{shown:?}");
    }
}

#[test]
fn a_later_run_reads_what_an_earlier_one_was_about_to_make() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = Journal::begin(folder.path(), "111122223333", RUN).unwrap();
    journal.intends(Made { id: None, ..made() }).unwrap();
    // The program is killed here.
    drop(journal);
    let mut left = Journal::left(folder.path(), "111122223333").unwrap();
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].things(), [Made { id: None, ..made() }]);
    left[0].is_called(&made(), "db-OURS").unwrap();
    assert_eq!(left[0].things(), [made()]);
    assert!(
        Journal::left(folder.path(), "444455556666")
            .unwrap()
            .is_empty()
    );

    let mut journal = left.remove(0);
    journal.is_gone(&made()).unwrap();
    journal.close().unwrap();
    assert!(
        Journal::left(folder.path(), "111122223333")
            .unwrap()
            .is_empty()
    );
}

#[test]
fn a_journal_that_cannot_be_read_stops_the_run_before_anything_is_made() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("111122223333-abcd1234.json"), "{").unwrap();
    let error = Journal::left(folder.path(), "111122223333")
        .unwrap_err()
        .to_string();
    assert!(error.contains("abcd1234.json"), "{error}");
}
