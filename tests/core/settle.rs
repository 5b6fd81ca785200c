//! Settling: RDS's answer decides, a missing resource proves little, and a copy is good only if it is as asked for.

use jiff::SignedDuration;
use proptest::prelude::*;
use snapferry::domain::id::arn::{KeyArn, RdsArn};
use snapferry::domain::id::names::ResourceId;
use snapferry::domain::rds::snapshot::{Snapshot, SnapshotStatus};
use snapferry::domain::run::command::Step;
use snapferry::domain::run::failure::Reason;
use snapferry::domain::run::name_conflict::{NameConflict, name_conflict};
use snapferry::domain::run::settle::{Look, Verdict, settle};
use snapferry::domain::run::wait::{Expectation, ExpectedCopy, Phase, Wait};

use crate::world::{a_run, command, copy_arn, ours, rules, snapshot_arn, time};

fn copy_wait(phase: Phase) -> Wait {
    let run = a_run("orders");
    let expected = Expectation::Copy(ExpectedCopy {
        source: snapshot_arn(&run, 1),
        key: run.key.clone(),
        engine: "postgres".to_owned(),
        size_gib: 100,
        taken_at: None,
    });
    let mut wait = Wait::new(
        copy_arn(&run, 1),
        command(Step::Copy, "t", "orders"),
        expected,
        time("2026-11-22T03:00:00Z"),
    );
    wait.phase = phase;
    wait
}

fn good_copy() -> Snapshot {
    let run = a_run("orders");
    ours(&copy_arn(&run, 1), &run, SnapshotStatus::Available)
}

fn decide(wait: &Wait, truth: Option<&Snapshot>) -> Verdict {
    let now = time("2026-11-22T03:05:00Z");
    settle(wait, truth, &rules(), Look::Sweep, now)
}

fn reason(verdict: Verdict) -> Reason {
    match verdict {
        Verdict::Fail(failure) => failure.reason,
        other => panic!("a failure was expected, not {other:?}"),
    }
}

#[test]
fn success_carries_what_rds_said() {
    let Verdict::Succeed(manifest) = decide(&copy_wait(Phase::Requested), Some(&good_copy()))
    else {
        panic!("a good copy succeeds")
    };
    assert_eq!(manifest.snapshot, good_copy().arn);
    assert_eq!(manifest.taken_at, good_copy().taken_at);
    assert_eq!(manifest.source, good_copy().source);
}

/// Retention has removed the source, and a later execution for the same run has taken it anew, under the same name.
#[test]
fn the_data_of_a_copy_that_is_older_than_its_source_is_what_its_own_tag_says() {
    let (copied_at, taken_at) = (time("2026-11-22T03:30:00Z"), "2026-11-22T03:01:00Z");
    let mut wait = copy_wait(Phase::Requested);
    if let Expectation::Copy(expected) = &mut wait.expected {
        expected.taken_at = Some(time("2026-11-23T09:00:00Z"));
    }
    let found = |tag: Option<&str>| {
        let mut copy = good_copy();
        copy.taken_at = None;
        copy.created_at = Some(copied_at);
        let tag = tag.map(|at| ("snapferry:taken-at".to_owned(), at.to_owned()));
        copy.tags.extend(tag);
        match decide(&wait, Some(&copy)) {
            Verdict::Succeed(manifest) => manifest.taken_at,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(found(Some(taken_at)), Some(time(taken_at)));
    // A tag that cannot be true is not believed either.
    assert_eq!(found(Some("2026-11-23T09:00:00Z")), None);
    assert_eq!(found(None), None);
}

#[test]
fn a_copy_must_be_exactly_what_was_asked_for() {
    let other_key = "arn:aws:kms:eu-central-1:111122223333:key/other";
    let changes: [fn(&mut Snapshot); 5] = [
        |copy| copy.encrypted = false,
        |copy| copy.key = KeyArn::parse("arn:aws:kms:eu-central-1:111122223333:key/other").ok(),
        |copy| {
            copy.source = RdsArn::parse("arn:aws:rds:eu-west-1:111122223333:snapshot:another").ok()
        },
        |copy| copy.engine = "mysql".to_owned(),
        |copy| copy.size_gib = 99,
    ];
    assert!(KeyArn::parse(other_key).is_ok());
    for change in changes {
        let mut copy = good_copy();
        change(&mut copy);
        assert_ne!(copy, good_copy());
        assert_eq!(
            reason(decide(&copy_wait(Phase::Seen), Some(&copy))),
            Reason::CopyMismatch
        );
    }
}

#[test]
fn a_copys_database_is_proved_by_our_tag_and_its_source_and_not_by_rdss_id_of_it() {
    for other in [None, ResourceId::parse("db-OTHER").ok()] {
        let copy = Snapshot {
            resource_id: other,
            ..good_copy()
        };
        let verdict = decide(&copy_wait(Phase::Requested), Some(&copy));
        assert!(matches!(verdict, Verdict::Succeed(_)), "{verdict:?}");
    }
    let mut tagged = good_copy();
    tagged
        .tags
        .insert("snapferry:resource-id".to_owned(), "db-OTHER".to_owned());
    let verdict = decide(&copy_wait(Phase::Requested), Some(&tagged));
    assert_eq!(reason(verdict), Reason::NameTaken);
}

#[test]
fn in_the_source_region_a_snapshot_with_another_databases_id_is_a_mismatch() {
    let run = a_run("orders");
    let snapshot = Snapshot {
        resource_id: ResourceId::parse("db-OTHER").ok(),
        ..ours(&snapshot_arn(&run, 1), &run, SnapshotStatus::Available)
    };
    let wait = Wait {
        resource: snapshot_arn(&run, 1),
        command: command(Step::Snapshot, "t", "orders"),
        expected: Expectation::Snapshot,
        ..copy_wait(Phase::Requested)
    };
    let Verdict::Fail(failure) = decide(&wait, Some(&snapshot)) else {
        panic!("it must fail");
    };
    assert_eq!(failure.reason, Reason::SnapshotMismatch);
    // A redrive does not help, so the cause names the stray snapshot and says what is true.
    let cause = failure.cause;
    assert!(cause.starts_with(&format!("{}: ", snapshot.arn)), "{cause}");
    for said in [
        "than db-ORDERS",
        "is planned under its own id",
        "a redrive would fail the same way",
        "remove this snapshot if nobody needs it",
    ] {
        assert!(cause.contains(said), "{said}: {cause}");
    }
}

fn any_status() -> impl Strategy<Value = SnapshotStatus> {
    prop_oneof![
        Just(SnapshotStatus::Creating),
        Just(SnapshotStatus::Copying),
        Just(SnapshotStatus::Available),
        Just(SnapshotStatus::Failed),
        Just(SnapshotStatus::Deleting),
        "[a-z-]{1,20}".prop_map(SnapshotStatus::Other),
    ]
}

fn any_phase() -> impl Strategy<Value = Phase> {
    prop::sample::select(vec![
        Phase::Queued,
        Phase::Registered,
        Phase::Requested,
        Phase::Seen,
    ])
}

proptest! {
    #[test]
    fn a_wait_that_the_worker_still_owns_never_fails(status in any_status(), shown in any::<bool>(), ours in any::<bool>(), wrong in any::<bool>()) {
        for phase in [Phase::Queued, Phase::Registered] {
            let mut copy = Snapshot { status: status.clone(), ..good_copy() };
            if !ours { copy.tags.clear(); }
            if wrong { copy.encrypted = false; }
            let verdict = settle(&copy_wait(phase), shown.then_some(&copy), &rules(), Look::Sweep, time("2027-01-01T00:00:00Z"));
            prop_assert!(!matches!(verdict, Verdict::Fail(_)), "{:?}", verdict);
        }
    }

    #[test]
    fn only_what_is_available_ours_and_right_succeeds(status in any_status(), phase in any_phase(), ours in any::<bool>(), wrong in any::<bool>()) {
        let mut copy = Snapshot { status: status.clone(), ..good_copy() };
        if !ours { copy.tags.clear(); }
        if wrong { copy.encrypted = false; }
        let succeeds = matches!(decide(&copy_wait(phase), Some(&copy)), Verdict::Succeed(_));
        prop_assert_eq!(succeeds, status == SnapshotStatus::Available && ours && !wrong);
    }

    #[test]
    fn an_unknown_status_means_keep_waiting(word in "[a-z-]{1,20}", phase in any_phase()) {
        let copy = Snapshot { status: SnapshotStatus::Other(word), ..good_copy() };
        let keeps = matches!(decide(&copy_wait(phase), Some(&copy)), Verdict::KeepWaiting { .. });
        prop_assert!(keeps);
    }

    #[test]
    fn nothing_but_our_own_failed_or_deleting_snapshot_gives_the_name_up(status in any_status(), is_ours in any::<bool>()) {
        let mut copy = Snapshot { status: status.clone(), ..good_copy() };
        if !is_ours { copy.tags.clear(); }
        let next = name_conflict(&copy_wait(Phase::Registered), Some(&copy), &rules()) == NameConflict::NextAttempt;
        let came_to_nothing = matches!(status, SnapshotStatus::Failed | SnapshotStatus::Deleting);
        prop_assert_eq!(next, is_ours && came_to_nothing);
    }
}

#[test]
fn a_wait_never_goes_back_but_into_the_queue_for_slots() {
    for (index, phase) in Phase::ALL.into_iter().enumerate() {
        for next in &Phase::ALL[index..] {
            assert!(phase.may_become(*next), "{phase:?} to {next:?}");
        }
        for earlier in &Phase::ALL[..index] {
            let is_queued = phase == Phase::Registered && *earlier == Phase::Queued;
            assert_eq!(
                phase.may_become(*earlier),
                is_queued,
                "{phase:?} to {earlier:?}"
            );
        }
    }
}

#[test]
fn absence_proves_something_only_when_seen_or_requested_long_ago() {
    let at = |phase, minutes| {
        let wait = Wait {
            absent: true,
            ..copy_wait(phase)
        };
        let now = wait.since + SignedDuration::from_mins(minutes);
        let verdict = settle(&wait, None, &rules(), Look::Sweep, now);
        matches!(verdict, Verdict::Fail(_))
    };
    assert!(!at(Phase::Queued, 6_000) && !at(Phase::Registered, 6_000));
    assert!(!at(Phase::Requested, 10) && at(Phase::Requested, 11));
    assert!(at(Phase::Seen, 0));
}

#[test]
fn failed_deleting_and_foreign_resources_fail_once_rds_had_accepted() {
    let with = |status| Snapshot {
        status,
        ..good_copy()
    };
    let wait = copy_wait(Phase::Requested);
    assert_eq!(
        reason(decide(&wait, Some(&with(SnapshotStatus::Failed)))),
        Reason::SnapshotFailed
    );
    assert_eq!(
        reason(decide(&wait, Some(&with(SnapshotStatus::Deleting)))),
        Reason::SnapshotVanished
    );
    let mut foreign = good_copy();
    foreign
        .tags
        .insert("snapferry:stack".to_owned(), "another".to_owned());
    assert_eq!(reason(decide(&wait, Some(&foreign))), Reason::NameTaken);
}

#[test]
fn a_resource_of_ours_that_rds_shows_may_be_marked_seen_and_a_foreign_one_may_not() {
    let creating = Snapshot {
        status: SnapshotStatus::Creating,
        ..good_copy()
    };
    let mut foreign = creating.clone();
    foreign.tags.clear();
    assert!(matches!(
        decide(&copy_wait(Phase::Registered), Some(&creating)),
        Verdict::KeepWaiting { seen: true, .. }
    ));
    assert!(matches!(
        decide(&copy_wait(Phase::Registered), Some(&foreign)),
        Verdict::KeepWaiting { seen: false, .. }
    ));
}

#[test]
fn tags_that_rds_does_not_show_yet_prove_nothing_while_it_is_at_work() {
    let mut untagged = Snapshot {
        status: SnapshotStatus::Copying,
        ..good_copy()
    };
    untagged.tags.clear();
    for phase in [Phase::Registered, Phase::Requested, Phase::Seen] {
        let verdict = decide(&copy_wait(phase), Some(&untagged));
        assert!(
            matches!(verdict, Verdict::KeepWaiting { seen: false, .. }),
            "{verdict:?}"
        );
    }
    let asked = name_conflict(&copy_wait(Phase::Registered), Some(&untagged), &rules());
    assert_eq!(asked, NameConflict::AskAgain);

    untagged.status = SnapshotStatus::Available;
    assert_eq!(
        reason(decide(&copy_wait(Phase::Requested), Some(&untagged))),
        Reason::NameTaken
    );
    let asked = name_conflict(&copy_wait(Phase::Registered), Some(&untagged), &rules());
    assert!(matches!(asked, NameConflict::Fail(_)), "{asked:?}");
}

#[test]
fn one_absence_proves_nothing_and_a_hint_proves_no_absence() {
    for (phase, look, absent, fails) in [
        (Phase::Seen, Look::Sweep, false, false),
        (Phase::Seen, Look::Hint, true, false),
        (Phase::Seen, Look::Sweep, true, true),
        (Phase::Requested, Look::Sweep, false, false),
        (Phase::Requested, Look::Sweep, true, true),
        (Phase::Registered, Look::Sweep, true, false),
    ] {
        let wait = Wait {
            absent,
            ..copy_wait(phase)
        };
        let now = wait.since + SignedDuration::from_hours(1);
        let verdict = settle(&wait, None, &rules(), look, now);
        let case = format!("{phase:?} {look:?} {absent} {verdict:?}");
        assert_eq!(matches!(verdict, Verdict::Fail(_)), fails, "{case}");
        let noted = matches!(verdict, Verdict::KeepWaiting { absent: true, .. });
        assert_eq!(noted, !fails && phase >= Phase::Requested, "{case}");
    }
}
