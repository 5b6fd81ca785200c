//! The catalog: one open run for each database and policy, its newest recovery point, and up to when a policy is planned.

use jiff::{SignedDuration, Timestamp};
use snapferry::domain::policy::cursor::{Cursor, Kept, KeptWhy};
use snapferry::domain::policy::selected::{SelectedDatabase, SelectedPart};
use snapferry::domain::policy::spread::OpenSpread;
use snapferry::domain::run::command::ProtectionRequest;
use snapferry::domain::run::fingerprint::Fingerprint;
use snapferry::domain::run::manifest::Manifest;
use snapferry::domain::run::permit::{NotPermitted, Permit};
use snapferry::domain::run::refusal::RefusedForGood;
use snapferry::ports::{
    CheckClaim, Claim, ClaimRun, Entry, ForgetRefusal, Held, PlanCursor, ReadEntries, ReadSelected,
    RecordRecoveryPoint, RememberRefusal, StoreSelected,
};

use super::samples::{
    database, execution, execution_arn, policy, recovery_point, region, resource_id, run, time,
};

table! {
    CheckClaim ClaimRun RecordRecoveryPoint RememberRefusal ForgetRefusal ReadEntries PlanCursor
    ReadSelected StoreSelected
}

const MORNING: &str = "2026-11-22T03:00:00.125Z";
const NOON: &str = "2026-11-22T12:00:00Z";

async fn claim(table: &impl Table, by: &str, at: &str, instead_of: Option<&Held>) -> Claim {
    let claim = table
        .claim_run(&run("orders"), &execution(by), time(at), instead_of)
        .await;
    claim.unwrap()
}

fn held(by: &str, since: &str) -> Held {
    Held {
        by: execution(by),
        since: Some(time(since)),
    }
}

async fn record(table: &impl Table, by: &str, point: &Manifest) {
    let recorded = table
        .record_recovery_point(&run("orders"), &execution_arn(by), point)
        .await;
    recorded.unwrap();
}

async fn entry(table: &impl Table) -> Entry {
    let of = [(resource_id("orders"), policy("default"))];
    let mut entries = table.read_entries(&of).await.unwrap();
    assert_eq!(entries.len(), 1);
    entries.remove(0)
}

fn refusal(words: &str) -> RefusedForGood {
    RefusedForGood {
        at: time(MORNING),
        words: words.to_owned(),
        fingerprint: Fingerprint::of(&["postgres", "17.2"]),
        planned_at: time("2026-11-22T03:00:00Z"),
        source: Some(recovery_point("any", None).snapshot),
    }
}

async fn remember(table: &impl Table, of: &str, refusal: &RefusedForGood) {
    let remembered = table
        .remember_refusal(&database("orders"), &policy(of), refusal)
        .await;
    remembered.unwrap();
}

pub(crate) async fn a_refusal_is_remembered_and_takes_the_place_of_the_one_before(
    table: &impl Table,
) {
    claim(table, "first", MORNING, None).await;
    assert_eq!(entry(table).await.refused, None);
    for words in ["first", "second"] {
        remember(table, "default", &refusal(words)).await;
        let stored = entry(table).await;
        assert_eq!(stored.refused, Some(refusal(words)));
        assert_eq!(stored.open, Some(execution("first")));
    }
    let taken_by_rds = RefusedForGood {
        source: None,
        ..refusal("of the snapshot")
    };
    remember(table, "default", &taken_by_rds).await;
    assert_eq!(entry(table).await.refused, Some(taken_by_rds));
}

pub(crate) async fn a_refusal_of_another_policy_is_apart(table: &impl Table) {
    claim(table, "first", MORNING, None).await;
    remember(table, "gold", &refusal("of gold")).await;
    assert_eq!(entry(table).await.refused, None);
}

pub(crate) async fn a_refusal_is_forgotten_for_a_person_and_nothing_else_is(table: &impl Table) {
    claim(table, "first", MORNING, None).await;
    for words in [Some("once"), None] {
        if let Some(words) = words {
            remember(table, "default", &refusal(words)).await;
        }
        let forgotten = table
            .forget_refusal(&database("orders"), &policy("default"))
            .await;
        forgotten.unwrap();
        let stored = entry(table).await;
        assert_eq!(
            (stored.refused, stored.open),
            (None, Some(execution("first")))
        );
    }
}

pub(crate) async fn a_recovery_point_that_is_entered_forgets_a_refusal(table: &impl Table) {
    record(table, "first", &older()).await;
    remember(table, "default", &refusal("once")).await;
    record(table, "second", &younger()).await;
    assert_eq!(entry(table).await.refused, None);
    remember(table, "default", &refusal("again")).await;
    record(table, "late", &older()).await;
    assert_eq!(
        entry(table).await.refused,
        Some(refusal("again")),
        "an older copy says nothing of it"
    );
}

async fn newest(table: &impl Table) -> Option<Manifest> {
    entry(table).await.newest
}

async fn is_open(table: &impl Table) -> bool {
    entry(table).await.open.is_some()
}

fn older() -> Manifest {
    recovery_point("older", Some("2026-11-21T03:00:00.125Z"))
}

fn younger() -> Manifest {
    recovery_point("younger", Some("2026-11-22T03:00:00.125Z"))
}

fn undated() -> Manifest {
    recovery_point("undated", None)
}

pub(crate) async fn the_first_claim_is_ours(table: &impl Table) {
    assert_eq!(claim(table, "first", MORNING, None).await, Claim::Ours);
    assert_eq!(entry(table).await.open, Some(execution("first")));
    assert_eq!(newest(table).await, None);
}

pub(crate) async fn a_claim_that_is_repeated_is_ours(table: &impl Table) {
    assert_eq!(claim(table, "first", MORNING, None).await, Claim::Ours);
    assert_eq!(claim(table, "first", NOON, None).await, Claim::Ours);
    let other = claim(table, "second", NOON, None).await;
    assert_eq!(other, Claim::HeldBy(held("first", NOON)), "claimed anew");
}

pub(crate) async fn another_claim_is_answered_with_the_holder_and_since_when(table: &impl Table) {
    let with_microseconds = "2026-11-22T03:00:00.125999Z";
    claim(table, "first", with_microseconds, None).await;
    let other = claim(table, "second", NOON, None).await;
    assert_eq!(other, Claim::HeldBy(held("first", MORNING)));
    assert_eq!(entry(table).await.open, Some(execution("first")));
}

pub(crate) async fn a_run_is_taken_over_from_the_holder_that_was_looked_at(table: &impl Table) {
    claim(table, "first", MORNING, None).await;
    let looked_at = held("first", MORNING);
    let taken = claim(table, "second", NOON, Some(&looked_at)).await;
    assert_eq!(taken, Claim::Ours);
    let late = claim(table, "first", NOON, None).await;
    assert_eq!(late, Claim::HeldBy(held("second", NOON)));
}

pub(crate) async fn a_run_is_not_taken_over_once_it_was_claimed_anew(table: &impl Table) {
    claim(table, "first", MORNING, None).await;
    claim(table, "first", NOON, None).await;
    let now = Claim::HeldBy(held("first", NOON));
    let looked_at = held("first", MORNING);
    assert_eq!(claim(table, "second", NOON, Some(&looked_at)).await, now);
    let without_a_time = Held {
        since: None,
        ..looked_at
    };
    let taken = claim(table, "second", NOON, Some(&without_a_time)).await;
    assert_eq!(taken, now);
}

pub(crate) async fn a_run_is_not_taken_over_from_another_than_the_one_looked_at(
    table: &impl Table,
) {
    claim(table, "first", MORNING, None).await;
    let another = held("another", MORNING);
    let taken = claim(table, "second", NOON, Some(&another)).await;
    assert_eq!(taken, Claim::HeldBy(held("first", MORNING)));
}

pub(crate) async fn a_takeover_finds_a_run_that_has_ended_free(table: &impl Table) {
    let looked_at = held("first", MORNING);
    let taken = claim(table, "second", NOON, Some(&looked_at)).await;
    assert_eq!(taken, Claim::Ours);
}

pub(crate) async fn the_runs_of_two_policies_are_apart(table: &impl Table) {
    claim(table, "first", MORNING, None).await;
    let of_gold = ProtectionRequest {
        policy: policy("gold"),
        ..run("orders")
    };
    let of_gold = table
        .claim_run(&of_gold, &execution("second"), time(NOON), None)
        .await;
    assert_eq!(of_gold.unwrap(), Claim::Ours);
    assert_eq!(entry(table).await.open, Some(execution("first")));
}

async fn permit(table: &impl Table, of: &ProtectionRequest, execution: &str) -> Permit {
    table.check_claim(of, execution).await.unwrap()
}

pub(crate) async fn only_the_execution_with_the_claim_and_its_input_is_permitted(
    table: &impl Table,
) {
    let unclaimed = Permit::Refused(NotPermitted::Unclaimed);
    assert_eq!(permit(table, &run("orders"), "first").await, unclaimed);
    claim(table, "first", MORNING, None).await;
    assert_eq!(permit(table, &run("orders"), "first").await, Permit::Given);
    let other = ProtectionRequest {
        planned_at: time(NOON),
        ..run("orders")
    };
    let other_input = Permit::Refused(NotPermitted::OtherInput);
    assert_eq!(permit(table, &other, "first").await, other_input);
    let by_first = Permit::Refused(NotPermitted::ClaimedBy(execution("first")));
    assert_eq!(permit(table, &run("orders"), "second").await, by_first);
}

pub(crate) async fn a_claim_that_moved_on_or_was_released_permits_no_more(table: &impl Table) {
    claim(table, "first", MORNING, None).await;
    claim(table, "second", NOON, Some(&held("first", MORNING))).await;
    let by_second = Permit::Refused(NotPermitted::ClaimedBy(execution("second")));
    assert_eq!(permit(table, &run("orders"), "first").await, by_second);
    assert_eq!(permit(table, &run("orders"), "second").await, Permit::Given);
    record(table, "second", &younger()).await;
    let unclaimed = Permit::Refused(NotPermitted::Unclaimed);
    assert_eq!(permit(table, &run("orders"), "second").await, unclaimed);
}

pub(crate) async fn a_recovery_point_is_entered(table: &impl Table) {
    record(table, "first", &younger()).await;
    let found = entry(table).await;
    assert_eq!(found.database, resource_id("orders"));
    assert_eq!(found.policy, policy("default"));
    assert_eq!(found.newest, Some(younger()));
    assert_eq!(found.open, None);
}

pub(crate) async fn a_recovery_point_ends_its_run(table: &impl Table) {
    claim(table, "first", MORNING, None).await;
    record(table, "first", &younger()).await;
    assert!(!is_open(table).await);
    assert_eq!(claim(table, "second", NOON, None).await, Claim::Ours);
}

pub(crate) async fn a_recovery_point_of_another_execution_leaves_the_run_open(table: &impl Table) {
    claim(table, "second", MORNING, None).await;
    record(table, "first", &younger()).await;
    let other = claim(table, "third", NOON, None).await;
    assert_eq!(other, Claim::HeldBy(held("second", MORNING)));
}

pub(crate) async fn a_run_whose_name_ends_like_the_execution_stays_open(table: &impl Table) {
    claim(table, "run-a1", MORNING, None).await;
    record(table, "another-run-a1", &younger()).await;
    let other = claim(table, "third", NOON, None).await;
    assert_eq!(other, Claim::HeldBy(held("run-a1", MORNING)));
}

pub(crate) async fn a_younger_recovery_point_takes_the_older_ones_place(table: &impl Table) {
    record(table, "first", &older()).await;
    record(table, "second", &younger()).await;
    assert_eq!(newest(table).await, Some(younger()));
}

pub(crate) async fn a_recovery_point_of_the_same_age_takes_its_place(table: &impl Table) {
    let again = Manifest {
        snapshot: super::samples::copy("again"),
        ..younger()
    };
    record(table, "first", &younger()).await;
    record(table, "second", &again).await;
    assert_eq!(newest(table).await, Some(again));
}

pub(crate) async fn an_older_recovery_point_is_not_entered_and_ends_its_run(table: &impl Table) {
    record(table, "second", &younger()).await;
    claim(table, "first", MORNING, None).await;
    record(table, "first", &older()).await;
    assert_eq!(newest(table).await, Some(younger()));
    assert!(!is_open(table).await);
}

pub(crate) async fn ages_are_compared_in_milliseconds(table: &impl Table) {
    let of = |taken_at: &str| Manifest {
        taken_at: Some(time(taken_at)),
        ..younger()
    };
    let entered_last = of("2026-11-22T03:00:00.125001Z");
    record(table, "first", &of("2026-11-22T03:00:00.125999Z")).await;
    record(table, "second", &entered_last).await;
    assert_eq!(newest(table).await, Some(entered_last), "kept in full");
}

pub(crate) async fn an_undated_recovery_point_is_entered_where_there_is_none(table: &impl Table) {
    claim(table, "first", MORNING, None).await;
    record(table, "first", &undated()).await;
    assert_eq!(newest(table).await, Some(undated()));
    assert!(!is_open(table).await);
}

pub(crate) async fn an_undated_recovery_point_takes_no_other_ones_place(table: &impl Table) {
    let another = Manifest {
        snapshot: super::samples::copy("another"),
        ..undated()
    };
    record(table, "first", &undated()).await;
    record(table, "second", &another).await;
    assert_eq!(newest(table).await, Some(undated()), "undated");
    record(table, "third", &younger()).await;
    record(table, "fourth", &another).await;
    assert_eq!(newest(table).await, Some(younger()), "dated");
}

pub(crate) async fn a_dated_recovery_point_takes_an_undated_ones_place(table: &impl Table) {
    record(table, "first", &undated()).await;
    record(table, "second", &older()).await;
    assert_eq!(newest(table).await, Some(older()));
}

pub(crate) async fn entries_are_read_where_there_are_any(table: &impl Table) {
    record(table, "first", &younger()).await;
    let of = [
        (resource_id("nothing"), policy("default")),
        (resource_id("orders"), policy("gold")),
        (resource_id("orders"), policy("default")),
    ];
    let entries = table.read_entries(&of).await.unwrap();
    assert_eq!(entries, [entry(table).await]);
}

pub(crate) async fn no_entries_are_read_of_nothing(table: &impl Table) {
    record(table, "first", &younger()).await;
    assert_eq!(table.read_entries(&[]).await.unwrap(), []);
}

async fn cursor(table: &impl Table, of: &str, place: &str) -> Option<Timestamp> {
    let cursor = table.plan_cursor(&policy(of), &region(place)).await;
    cursor.unwrap().map(|cursor| cursor.until)
}

async fn plan_until(table: &impl Table, of: &str, place: &str, due: &str) {
    put_cursor(table, of, place, due, &[]).await;
}

async fn put_cursor(table: &impl Table, of: &str, place: &str, due: &str, kept: &[Kept]) {
    let cursor = Cursor {
        until: time(due),
        kept: kept.to_vec(),
        spread: None,
    };
    let set = table
        .set_plan_cursor(&policy(of), &region(place), &cursor)
        .await;
    set.unwrap();
}

async fn left_over(table: &impl Table) -> Vec<Kept> {
    let cursor = table
        .plan_cursor(&policy("default"), &region("eu-west-1"))
        .await;
    cursor.unwrap().unwrap().kept
}

fn kept(name: &str, why: KeptWhy) -> Kept {
    Kept {
        database: database(name),
        why,
        due: time(NOON),
    }
}

pub(crate) async fn what_a_due_time_left_over_stands_beside_the_cursor(table: &impl Table) {
    let all = [
        kept("orders", KeptWhy::NotNow),
        kept("stock", KeptWhy::StillRunning),
        kept("web", KeptWhy::NotStarted),
    ];
    put_cursor(table, "default", "eu-west-1", MORNING, &all).await;
    assert_eq!(left_over(table).await, all);
}

pub(crate) async fn what_was_left_over_is_replaced_at_the_same_due_time(table: &impl Table) {
    let [orders, stock] = [KeptWhy::NotNow, KeptWhy::StillRunning].map(|why| kept("orders", why));
    put_cursor(table, "default", "eu-west-1", NOON, &[orders]).await;
    put_cursor(
        table,
        "default",
        "eu-west-1",
        NOON,
        std::slice::from_ref(&stock),
    )
    .await;
    assert_eq!(left_over(table).await, [stock]);
    plan_until(table, "default", "eu-west-1", NOON).await;
    assert_eq!(left_over(table).await, []);
}

pub(crate) async fn an_earlier_due_time_replaces_nothing_that_a_later_one_left_over(
    table: &impl Table,
) {
    let orders = kept("orders", KeptWhy::NotNow);
    put_cursor(
        table,
        "default",
        "eu-west-1",
        NOON,
        std::slice::from_ref(&orders),
    )
    .await;
    plan_until(table, "default", "eu-west-1", MORNING).await;
    assert_eq!(left_over(table).await, [orders]);
}

/// What stands beside the cursor at noon while the databases are spread over half an hour.
fn spreading(through: &str, kept: &[Kept]) -> Cursor {
    Cursor {
        until: time(NOON),
        kept: kept.to_vec(),
        spread: Some(OpenSpread {
            over: SignedDuration::from_mins(30),
            through: time(through),
        }),
    }
}

async fn set_whole(table: &impl Table, cursor: &Cursor) {
    let (policy, region) = (policy("default"), region("eu-west-1"));
    let set = table.set_plan_cursor(&policy, &region, cursor).await;
    set.unwrap();
}

async fn whole(table: &impl Table) -> Cursor {
    let (policy, region) = (policy("default"), region("eu-west-1"));
    let cursor = table.plan_cursor(&policy, &region).await;
    cursor.unwrap().unwrap()
}

pub(crate) async fn how_far_a_spread_has_come_stands_beside_the_cursor(table: &impl Table) {
    // Of these two one is owed the due time before, whose spread went on until this one.
    let orders = Kept {
        due: time(MORNING),
        ..kept("orders", KeptWhy::NotStarted)
    };
    let all = [orders, kept("stock", KeptWhy::NotNow)];
    for through in ["2026-11-22T12:00:07.125Z", "2026-11-22T12:05:07.125Z"] {
        let cursor = spreading(through, &all);
        set_whole(table, &cursor).await;
        assert_eq!(whole(table).await, cursor);
    }
    // A planner whose write comes late makes no database begin twice: executions have names.
    let earlier = spreading("2026-11-22T12:00:07Z", &[]);
    set_whole(table, &earlier).await;
    assert_eq!(whole(table).await, earlier);
}

pub(crate) async fn how_far_a_spread_has_come_is_kept_in_milliseconds(table: &impl Table) {
    set_whole(table, &spreading("2026-11-22T12:05:07.125999999Z", &[])).await;
    let stored = spreading("2026-11-22T12:05:07.125Z", &[]);
    assert_eq!(whole(table).await, stored);
}

pub(crate) async fn a_spread_goes_with_its_last_own_time_and_with_the_next_due_time(
    table: &impl Table,
) {
    let open = spreading("2026-11-22T12:25:00Z", &[]);
    let over = Cursor {
        spread: None,
        ..open.clone()
    };
    let next = Cursor {
        until: time("2026-11-23T12:00:00Z"),
        ..over.clone()
    };
    for without in [&over, &next] {
        set_whole(table, &open).await;
        set_whole(table, without).await;
        assert_eq!(whole(table).await, *without);
    }
}

pub(crate) async fn an_earlier_due_time_opens_no_spread(table: &impl Table) {
    let next = Cursor {
        until: time("2026-11-23T12:00:00Z"),
        kept: Vec::new(),
        spread: None,
    };
    set_whole(table, &next).await;
    set_whole(table, &spreading("2026-11-22T12:25:00Z", &[])).await;
    assert_eq!(whole(table).await, next);
}

pub(crate) async fn the_cursor_begins_nowhere(table: &impl Table) {
    assert_eq!(cursor(table, "default", "eu-west-1").await, None);
}

pub(crate) async fn the_cursor_moves_forward(table: &impl Table) {
    plan_until(table, "default", "eu-west-1", MORNING).await;
    assert_eq!(
        cursor(table, "default", "eu-west-1").await,
        Some(time(MORNING))
    );
    plan_until(table, "default", "eu-west-1", NOON).await;
    assert_eq!(
        cursor(table, "default", "eu-west-1").await,
        Some(time(NOON))
    );
}

pub(crate) async fn the_cursor_never_moves_backwards(table: &impl Table) {
    plan_until(table, "default", "eu-west-1", NOON).await;
    plan_until(table, "default", "eu-west-1", MORNING).await;
    assert_eq!(
        cursor(table, "default", "eu-west-1").await,
        Some(time(NOON))
    );
}

pub(crate) async fn the_cursors_of_policies_and_regions_are_apart(table: &impl Table) {
    plan_until(table, "default", "eu-west-1", MORNING).await;
    assert_eq!(cursor(table, "gold", "eu-west-1").await, None);
    assert_eq!(cursor(table, "default", "us-east-1").await, None);
}

pub(crate) async fn a_run_is_released_by_its_own_name_alone(table: &impl Table) {
    assert_eq!(claim(table, "one", MORNING, None).await, Claim::Ours);
    for (by, stays) in [("two", true), ("one", false), ("one", false)] {
        let released = table
            .release_run(&database("orders"), &policy("default"), &execution(by))
            .await;
        released.unwrap();
        assert_eq!(is_open(table).await, stays, "released by {by}");
    }
    assert_eq!(claim(table, "two", NOON, None).await, Claim::Ours);
}

async fn selected(table: &impl Table, place: &str, part: usize) -> Option<SelectedPart> {
    let (policy, region) = (policy("default"), region(place));
    let read = table.read_selected(&policy, &region, part).await;
    read.unwrap().transpose().unwrap()
}

pub(crate) async fn the_databases_that_a_policy_selects_are_read_as_they_were_stored_last(
    table: &impl Table,
) {
    let part = |names: &[&str], since: &str| SelectedPart {
        parts: 2,
        second: 7,
        list: Some(Fingerprint::of(names)),
        databases: names
            .iter()
            .map(|name| SelectedDatabase {
                database: database(name),
                since: time(since),
            })
            .collect(),
    };
    assert_eq!(selected(table, "eu-west-1", 0).await, None);
    let (first, second) = (part(&["orders", "billing"], MORNING), part(&[], NOON));
    for stored in [&part(&["old"], NOON), &first] {
        let (policy, region) = (policy("default"), region("eu-west-1"));
        table
            .store_selected(&policy, &region, 0, stored)
            .await
            .unwrap();
    }
    let there = region("eu-north-1");
    table
        .store_selected(&policy("default"), &there, 1, &second)
        .await
        .unwrap();
    assert_eq!(selected(table, "eu-west-1", 0).await, Some(first));
    assert_eq!(selected(table, "eu-west-1", 1).await, None);
    assert_eq!(selected(table, "eu-north-1", 1).await, Some(second));
}
