//! Retention: removals stand in a wait's place, what was entered outlives the wait, and rounds are remembered.

use std::collections::BTreeMap;

use snapferry::domain::id::arn::{KeyArn, RdsArn};
use snapferry::domain::id::names::Attempt;
use snapferry::domain::retention::bounds::DatabaseId;
use snapferry::domain::retention::entered::Entered;
use snapferry::domain::retention::gone::{Listing, Missing};
use snapferry::domain::retention::history::{DueOutcome, Histories, History, MadePoint};
use snapferry::domain::retention::round::{Freeze, RemovalEntry, Round};
use snapferry::domain::retention::sightings::Notes;
use snapferry::domain::run::naming::nth_attempt;
use snapferry::ports::{
    CorrectNewest, EnterCopies, ExpireEntered, KeepHistories, KeepNotes, ListMismatches, ListOpen,
    LookUpWaits, Occupant, PruneRounds, ReadEntered, ReadEntries, ReadFreeze, ReadListings,
    ReadRound, RecordRecoveryPoint, RegisterRemovals, RegisterWaits, SetFreeze, StoreListings,
    Waits, Written,
};

use super::samples::{
    copy, execution_arn, policy, recovery_point, region, resource_id, run, source, time, token,
    wait,
};

table! {
    CorrectNewest EnterCopies ExpireEntered KeepHistories KeepNotes ListMismatches ListOpen
    LookUpWaits PruneRounds ReadRound ReadEntered ReadEntries ReadFreeze RecordRecoveryPoint
    ReadListings StoreListings RegisterRemovals RegisterWaits SetFreeze Waits
}

const NOON: &str = "2026-11-22T12:00:00.125Z";

fn removal(snapshot: RdsArn) -> RemovalEntry {
    RemovalEntry {
        snapshot,
        at: time(NOON),
        why: "no rule keeps it".to_owned(),
    }
}

fn second(name: &str) -> RdsArn {
    nth_attempt(&copy(name), Attempt::from_number(2).expect("an attempt"))
}

async fn register(table: &impl Table, snapshot: RdsArn) -> Written {
    table.register_removal(&removal(snapshot)).await.unwrap()
}

pub(crate) async fn a_removal_is_entered_where_no_wait_stands(table: &impl Table) {
    assert_eq!(register(table, copy("a")).await, Written::Stored);
    table.register(&wait("b", "t")).await.unwrap();
    assert_eq!(register(table, copy("b")).await, Written::Conflict);
    // The wait of one attempt protects all of them.
    assert_eq!(register(table, second("b")).await, Written::Conflict);
    table.forget(&copy("b"), &token("t")).await.unwrap();
    assert_eq!(register(table, copy("b")).await, Written::Stored);
}

pub(crate) async fn no_wait_is_registered_for_what_is_being_removed(table: &impl Table) {
    register(table, copy("a")).await;
    let under_removal = Some(Occupant::Removal(copy("a")));
    assert_eq!(
        table.register(&wait("a", "t")).await.unwrap(),
        under_removal
    );
    let mut later = wait("a", "t");
    later.resource = second("a");
    assert_eq!(table.register(&later).await.unwrap(), under_removal);
    table.drop_removal(&copy("a")).await.unwrap();
    assert_eq!(table.register(&wait("a", "t")).await.unwrap(), None);
}

pub(crate) async fn a_later_attempt_is_registered_in_the_place_of_a_removal(table: &impl Table) {
    register(table, copy("a")).await;
    let mut later = wait("a", "t");
    later.resource = second("a");
    let cases = [
        (second("a"), Written::Conflict),
        (copy("a"), Written::Stored),
        (copy("a"), Written::Conflict),
    ];
    for (removed, expected) in cases {
        let written = table.register_past_removal(&later, &removed).await;
        assert_eq!(written.unwrap(), expected, "{removed}");
    }
    // The removal is gone, and cannot take the wait away.
    table.drop_removal(&copy("a")).await.unwrap();
    let found = table.look_up(&[copy("a")]).await.unwrap();
    assert_eq!(found, [later]);
    assert_eq!(register(table, copy("a")).await, Written::Conflict);
}

pub(crate) async fn a_removal_is_entered_again_and_not_beside_another_attempts(table: &impl Table) {
    assert_eq!(register(table, copy("a")).await, Written::Stored);
    assert_eq!(register(table, copy("a")).await, Written::Stored);
    assert_eq!(register(table, second("a")).await, Written::Conflict);
    table.drop_removal(&copy("a")).await.unwrap();
    assert_eq!(register(table, second("a")).await, Written::Stored);
}

pub(crate) async fn a_removal_is_dropped_by_its_own_snapshot_and_a_wait_never_is(
    table: &impl Table,
) {
    register(table, second("a")).await;
    table.drop_removal(&copy("a")).await.unwrap();
    let answer = table.register(&wait("a", "t")).await.unwrap();
    assert_eq!(answer, Some(Occupant::Removal(second("a"))));
    table.register(&wait("b", "t")).await.unwrap();
    table.drop_removal(&copy("b")).await.unwrap();
    table.drop_removal(&copy("never")).await.unwrap();
    let found = table.look_up(&[copy("b")]).await.unwrap();
    assert_eq!(found, [wait("b", "t")]);
}

pub(crate) async fn a_removal_is_no_wait_for_those_that_look_waits_up(table: &impl Table) {
    register(table, copy("a")).await;
    assert_eq!(table.look_up(&[copy("a")]).await.unwrap(), []);
    assert!(table.list_open(None).await.unwrap().waits.is_empty());
    table.forget(&copy("a"), &token("t")).await.unwrap();
    let answer = table.register(&wait("a", "t")).await.unwrap();
    assert_eq!(answer, Some(Occupant::Removal(copy("a"))));
}

fn entered(name: &str, mismatch: Option<&str>) -> Entered {
    Entered {
        copy: copy(name),
        source: source(name),
        key: mismatch.is_none().then(|| {
            let key =
                "arn:aws:kms:eu-central-1:111122223333:key/11111111-2222-3333-4444-555555555555";
            KeyArn::parse(key).expect("a key")
        }),
        at: time(NOON),
        snapshot_done_at: mismatch.is_none().then(|| time("2026-11-22T03:20:00.125Z")),
        mismatch: mismatch.map(ToOwned::to_owned),
    }
}

async fn read(table: &impl Table, name: &str) -> Option<Entered> {
    let mut found = table.read_entered(&[copy(name)]).await.unwrap();
    assert!(found.len() < 2);
    found.pop()
}

pub(crate) async fn what_a_copy_turned_out_to_be_is_entered(table: &impl Table) {
    let (good, wrong) = (entered("a", None), entered("b", Some("its key is another")));
    table.enter_copy(&good).await.unwrap();
    table.enter_copy(&wrong).await.unwrap();
    let asked = [copy("a"), copy("b"), copy("c")];
    let mut found = table.read_entered(&asked).await.unwrap();
    found.sort_by(|a, b| a.copy.cmp(&b.copy));
    assert_eq!(found, [good, wrong]);
    assert_eq!(table.read_entered(&[]).await.unwrap(), []);
}

pub(crate) async fn a_mismatch_never_takes_a_successs_place(table: &impl Table) {
    let wrong = entered("a", Some("its key is another"));
    table.enter_copy(&wrong).await.unwrap();
    let other = entered("a", Some("it is not encrypted"));
    table.enter_copy(&other).await.unwrap();
    assert_eq!(read(table, "a").await, Some(other));
    table.enter_copy(&entered("a", None)).await.unwrap();
    table.enter_copy(&wrong).await.unwrap();
    assert_eq!(read(table, "a").await, Some(entered("a", None)));
}

async fn mismatches(table: &impl Table) -> Vec<RdsArn> {
    let mut copies = Vec::new();
    let mut marker = None;
    loop {
        let page = table.list_mismatches(marker).await.unwrap();
        copies.extend(page.items);
        marker = page.next;
        if marker.is_none() {
            copies.sort();
            return copies;
        }
    }
}

pub(crate) async fn mismatches_are_listed_until_they_turn_out_right(table: &impl Table) {
    let wrong = |name| entered(name, Some("its key is another"));
    for name in ["a", "b"] {
        table.enter_copy(&wrong(name)).await.unwrap();
    }
    table.enter_copy(&entered("c", None)).await.unwrap();
    table.register(&wait("d", "t")).await.unwrap();
    assert_eq!(mismatches(table).await, [copy("a"), copy("b")]);
    assert_eq!(table.list_open(None).await.unwrap().waits.len(), 1);
    table.enter_copy(&entered("a", None)).await.unwrap();
    assert_eq!(mismatches(table).await, [copy("b")]);
}

fn orders() -> DatabaseId {
    (region("eu-west-1"), resource_id("orders"))
}

pub(crate) async fn notes_are_read_as_they_were_stored_last(table: &impl Table) {
    let notes = |names: &[&str]| Notes {
        rules: "7".to_owned(),
        since: names.iter().map(|name| (copy(name), time(NOON))).collect(),
    };
    let other = (region("eu-west-1"), resource_id("other"));
    assert!(table.read_notes(&[]).await.unwrap().is_empty());
    let (of, at) = (orders(), time(NOON));
    table
        .store_notes(&of, &notes(&["a", "b"]), at)
        .await
        .unwrap();
    table.store_notes(&of, &notes(&["b"]), at).await.unwrap();
    table.store_notes(&other, &notes(&[]), at).await.unwrap();
    let never = (region("eu-north-1"), resource_id("orders"));
    let found = table.read_notes(&[of.clone(), other.clone(), never]).await;
    let expected = BTreeMap::from([(of, notes(&["b"])), (other, notes(&[]))]);
    assert_eq!(found.unwrap(), expected);
}

pub(crate) async fn the_last_round_is_remembered(table: &impl Table) {
    assert_eq!(table.last_round().await.unwrap(), Round::default());
    let mut round = Round {
        complete_at: None,
        removing: [(copy("a"), time(NOON)), (copy("b"), time(NOON))].into(),
        approved: None,
    };
    table.store_round(&round).await.unwrap();
    assert_eq!(table.last_round().await.unwrap(), round);
    round.complete_at = Some(time(NOON));
    round.removing.clear();
    round.approved = Some("7".to_owned());
    table.store_round(&round).await.unwrap();
    assert_eq!(table.last_round().await.unwrap(), round);
}

pub(crate) async fn one_holder_has_the_lease_until_its_time_is_over(table: &impl Table) {
    let (now, until) = (time("2026-11-22T03:00:00Z"), time("2026-11-22T03:15:00Z"));
    assert!(table.take_lease("one", now, until).await.unwrap());
    assert!(table.take_lease("one", now, until).await.unwrap());
    assert!(!table.take_lease("two", now, until).await.unwrap());
    table.release_lease("two").await.unwrap();
    assert!(!table.take_lease("two", now, until).await.unwrap());
    let later = time("2026-11-22T03:15:00Z");
    assert!(table.take_lease("two", later, time(NOON)).await.unwrap());
    table.release_lease("two").await.unwrap();
    assert!(table.take_lease("three", later, time(NOON)).await.unwrap());
}

pub(crate) async fn a_freeze_stands_until_somebody_takes_it_back(table: &impl Table) {
    assert_eq!(table.freeze().await.unwrap(), None);
    let freeze = Freeze {
        why: "an audit".to_owned(),
        by: "arn:aws:iam::111122223333:user/ada".to_owned(),
        at: time(NOON),
        and_drills: true,
    };
    table.set_freeze(&freeze).await.unwrap();
    assert_eq!(table.freeze().await.unwrap(), Some(freeze));
    table.thaw().await.unwrap();
    table.thaw().await.unwrap();
    assert_eq!(table.freeze().await.unwrap(), None);
}

pub(crate) async fn each_region_has_its_last_listing(table: &impl Table) {
    let here = region("eu-west-1");
    assert_eq!(table.listing(&here).await.unwrap(), None);
    let first = Listing {
        at: time("2026-11-22T03:00:00Z"),
        missing: BTreeMap::new(),
    };
    table.store_listing(&here, &first).await.unwrap();
    assert_eq!(table.listing(&here).await.unwrap(), Some(first));
    let missing = Missing {
        since: time("2026-11-08T03:00:00.125Z"),
        counted_at: time("2026-11-15T03:00:00Z"),
        listings: 2,
    };
    let second = Listing {
        at: time(NOON),
        missing: BTreeMap::from([(resource_id("orders"), missing)]),
    };
    table.store_listing(&here, &second).await.unwrap();
    assert_eq!(table.listing(&here).await.unwrap(), Some(second));
    let other = region("eu-north-1");
    assert_eq!(table.listing(&other).await.unwrap(), None);
}

pub(crate) async fn the_newest_is_set_right_while_it_is_the_expected_one(table: &impl Table) {
    let (id, gold) = (resource_id("orders"), policy("default"));
    let point = |name| recovery_point(name, Some("2026-11-22T03:00:00.125Z"));
    let newest = async || {
        let of = [(id.clone(), gold.clone())];
        let mut entries = table.read_entries(&of).await.unwrap();
        entries.pop().and_then(|entry| entry.newest)
    };
    table
        .record_recovery_point(&run("orders"), &execution_arn("first"), &point("a"))
        .await
        .unwrap();
    let older = recovery_point("older", Some("2026-11-20T03:00:00.125Z"));
    let correct = async |instead_of: RdsArn, with| {
        let corrected = table.correct_newest(&id, &gold, &instead_of, with).await;
        corrected.unwrap()
    };
    // A name that begins like the stored one is another.
    let like = |name: &str| copy(name.get(..name.len() - 1).unwrap());
    assert_eq!(correct(copy("b"), Some(&older)).await, Written::Conflict);
    assert_eq!(correct(second("a"), Some(&older)).await, Written::Conflict);
    assert_eq!(correct(copy("a"), Some(&older)).await, Written::Stored);
    assert_eq!(newest().await, Some(older.clone()));
    assert_eq!(correct(like("older"), None).await, Written::Conflict);
    // The time of the data is set right, too: one that is younger than it can be entered again.
    let between = recovery_point("between", Some("2026-11-21T03:00:00.125Z"));
    table
        .record_recovery_point(&run("orders"), &execution_arn("second"), &between)
        .await
        .unwrap();
    assert_eq!(newest().await, Some(between));
    assert_eq!(correct(copy("between"), None).await, Written::Stored);
    assert_eq!(newest().await, None);
    assert_eq!(correct(copy("between"), None).await, Written::Conflict);
    table
        .record_recovery_point(&run("orders"), &execution_arn("third"), &older)
        .await
        .unwrap();
    assert_eq!(newest().await, Some(older));
}

pub(crate) async fn histories_are_read_as_they_were_stored_last(table: &impl Table) {
    let of = |id: &str| (region("eu-west-1"), resource_id(id), policy("default"));
    let history = |outcome| History {
        due: BTreeMap::from([(time("2026-11-22T03:00:00Z"), outcome)]),
        ..History::default()
    };
    let made = history(DueOutcome::Made(MadePoint {
        taken_at: Some(time("2026-11-22T03:01:00Z")),
        ..MadePoint::default()
    }));
    assert_eq!(table.read_histories(&[]).await.unwrap(), Histories::new());
    let (orders, stock) = (of("orders"), of("stock"));
    let at = time(NOON);
    let missed = history(DueOutcome::Missed);
    table.store_history(&orders, &missed, at).await.unwrap();
    table.store_history(&orders, &made, at).await.unwrap();
    table.store_history(&stock, &missed, at).await.unwrap();
    let elsewhere = (region("eu-north-1"), orders.1.clone(), orders.2.clone());
    let asked = [orders.clone(), stock.clone(), elsewhere];
    let found = table.read_histories(&asked).await.unwrap();
    assert_eq!(found, Histories::from([(orders, made), (stock, missed)]));
}

pub(crate) async fn what_was_entered_may_go_later_and_is_read_until_then(table: &impl Table) {
    let later = time("2036-11-22T12:00:00Z");
    table.enter_copy(&entered("a", None)).await.unwrap();
    table.expire_entered(&copy("a"), later).await.unwrap();
    assert_eq!(read(table, "a").await, Some(entered("a", None)));
    // Nothing was entered of it, and nothing is now.
    table.expire_entered(&copy("never"), later).await.unwrap();
    assert_eq!(read(table, "never").await, None);
    table.enter_copy(&entered("a", None)).await.unwrap();
    assert_eq!(read(table, "a").await, Some(entered("a", None)));
}
