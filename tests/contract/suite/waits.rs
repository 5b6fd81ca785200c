//! Waits: they are stored, marked and deleted only with the expected token, looked up, and listed.

use jiff::SignedDuration;
use std::collections::BTreeMap;

use snapferry::domain::id::arn::RdsArn;
use snapferry::domain::id::names::Attempt;
use snapferry::domain::run::naming::nth_attempt;
use snapferry::domain::run::taken_slots::TakenSlots;
use snapferry::domain::run::wait::{Expectation, Phase, Wait};
use snapferry::ports::{
    ForgetIdle, HearDead, ListOpen, LookUpWaits, NoteError, Occupant, RegisterWaits, Waits, Written,
};

use super::samples::{copy, last_error, time, token, wait, wait_in};

table! { RegisterWaits Waits ForgetIdle NoteError HearDead LookUpWaits ListOpen }

async fn stored(table: &impl Table, name: &str) -> Option<Wait> {
    stored_of(table, &copy(name)).await
}

async fn stored_of(table: &impl Table, resource: &RdsArn) -> Option<Wait> {
    let mut found = table.look_up(std::slice::from_ref(resource)).await.unwrap();
    assert!(found.len() <= 1, "one resource, one wait: {found:?}");
    found.pop()
}

async fn store(table: &impl Table, wait: &Wait) {
    assert_eq!(table.register(wait).await.unwrap(), None);
}

async fn set_phase(table: &impl Table, name: &str, with: &str, phase: Phase) -> Written {
    let since = time("2026-11-22T04:00:00Z");
    let written = table
        .set_phase(&copy(name), &token(with), phase, since)
        .await;
    written.unwrap()
}

/// Every wait that the list shows, and how often.
async fn listed(table: &impl Table) -> BTreeMap<RdsArn, (usize, Wait)> {
    let mut shown: BTreeMap<RdsArn, (usize, Wait)> = BTreeMap::new();
    let mut next = None;
    loop {
        let page = table.list_open(next).await.unwrap();
        for wait in page.waits {
            let key = wait.resource.clone();
            let (times, _) = shown.entry(key).or_insert((0, wait));
            *times += 1;
        }
        next = page.next;
        if next.is_none() {
            return shown;
        }
    }
}

pub(crate) async fn a_wait_is_stored_where_there_is_none(table: &impl Table) {
    let new = wait("orders", "t");
    assert_eq!(table.register(&new).await.unwrap(), None);
    assert_eq!(stored(table, "orders").await, Some(new));
}

pub(crate) async fn a_stored_wait_stays_and_comes_with_the_refusal(table: &impl Table) {
    let first = wait("orders", "first");
    store(table, &first).await;
    let answer = table.register(&wait("orders", "second")).await.unwrap();
    assert_eq!(answer, Some(Occupant::Wait(Box::new(first.clone()))));
    assert_eq!(stored(table, "orders").await, Some(first));
}

pub(crate) async fn a_wait_keeps_its_times_in_milliseconds_and_its_sources_time_in_full(
    table: &impl Table,
) {
    let mut new = wait("orders", "t");
    new.since = time("2026-11-22T03:06:00.250999Z");
    new.opened_at = time("2026-11-22T03:05:00.125999Z");
    store(table, &new).await;
    let found = stored(table, "orders").await.unwrap();
    assert_eq!(found.since, time("2026-11-22T03:06:00.250Z"));
    assert_eq!(found.opened_at, time("2026-11-22T03:05:00.125Z"));
    let Expectation::Copy(of) = found.expected else {
        panic!("a copy is awaited")
    };
    assert_eq!(of.taken_at, Some(time("2026-11-22T03:01:00.250123Z")));

    let since = time("2026-11-22T04:00:00.000999Z");
    let written = table
        .set_phase(&copy("orders"), &token("t"), Phase::Seen, since)
        .await;
    assert_eq!(written.unwrap(), Written::Stored);
    let found = stored(table, "orders").await.unwrap();
    assert_eq!(found.since, time("2026-11-22T04:00:00Z"));
}

pub(crate) async fn a_wait_is_replaced_while_it_has_the_expected_token(table: &impl Table) {
    store(table, &wait_in(Phase::Seen, "orders", "old")).await;
    let new = wait("orders", "new");
    let written = table.replace(&new, &wait("orders", "old")).await.unwrap();
    assert_eq!(written, Written::Stored);
    assert_eq!(stored(table, "orders").await, Some(new));
}

pub(crate) async fn a_wait_with_another_token_is_not_replaced(table: &impl Table) {
    let other = wait("orders", "other");
    store(table, &other).await;
    let written = table
        .replace(&wait("orders", "new"), &wait("orders", "old"))
        .await;
    assert_eq!(written.unwrap(), Written::Conflict);
    assert_eq!(stored(table, "orders").await, Some(other));
}

pub(crate) async fn a_wait_that_is_gone_is_not_replaced(table: &impl Table) {
    let written = table
        .replace(&wait("orders", "new"), &wait("orders", "old"))
        .await;
    assert_eq!(written.unwrap(), Written::Conflict);
    assert_eq!(stored(table, "orders").await, None);
}

/// A wait at another attempt at the copy.
fn at_attempt(number: i64, name: &str, with: &str) -> Wait {
    let attempt = Attempt::from_number(number).expect("an attempt");
    Wait {
        resource: nth_attempt(&copy(name), attempt),
        ..wait(name, with)
    }
}

pub(crate) async fn all_attempts_at_a_copy_have_one_wait(table: &impl Table) {
    let second = at_attempt(2, "orders", "t");
    store(table, &second).await;
    for number in 1..=3 {
        let attempt = at_attempt(number, "orders", "t");
        let answer = table.register(&attempt).await.unwrap();
        let standing = Occupant::Wait(Box::new(second.clone()));
        assert_eq!(answer, Some(standing), "attempt {number}");
        let found = stored_of(table, &attempt.resource).await;
        assert_eq!(found.as_ref(), Some(&second), "attempt {number}");
    }
    assert_eq!(listed(table).await.len(), 1);
}

pub(crate) async fn attempts_that_are_looked_up_together_find_their_wait_once(table: &impl Table) {
    let second = at_attempt(2, "orders", "t");
    store(table, &second).await;
    let asked = [1, 2, 3].map(|number| at_attempt(number, "orders", "t").resource);
    assert_eq!(table.look_up(&asked).await.unwrap(), [second]);
}

pub(crate) async fn a_wait_goes_on_to_the_next_attempt_in_one_write(table: &impl Table) {
    let (first, second) = (wait("orders", "t"), at_attempt(2, "orders", "t"));
    store(table, &first).await;
    let written = table.replace(&second, &first).await.unwrap();
    assert_eq!(written, Written::Stored);
    let found = table
        .look_up(&[first.resource, second.resource.clone()])
        .await;
    assert_eq!(found.unwrap(), [second]);
}

pub(crate) async fn a_wait_at_another_attempt_is_not_replaced(table: &impl Table) {
    let third = at_attempt(3, "orders", "t");
    store(table, &third).await;
    let (first, second) = (wait("orders", "t"), at_attempt(2, "orders", "t"));
    for (new, old) in [(&second, &first), (&third, &second), (&first, &first)] {
        let written = table.replace(new, old).await.unwrap();
        assert_eq!(
            written,
            Written::Conflict,
            "{} to {}",
            old.resource,
            new.resource
        );
    }
    assert_eq!(stored(table, "orders").await, Some(third));
}

pub(crate) async fn a_wait_at_another_attempt_is_not_marked(table: &impl Table) {
    let second = at_attempt(2, "orders", "t");
    store(table, &second).await;
    let written = set_phase(table, "orders", "t", Phase::Requested).await;
    assert_eq!(written, Written::Conflict);
    let noted = last_error("the quota is full");
    let written = table.note_error(&copy("orders"), &token("t"), &noted).await;
    assert_eq!(written.unwrap(), Written::Conflict);
    assert_eq!(stored(table, "orders").await, Some(second.clone()));

    let since = time("2026-11-22T04:00:00Z");
    let resource = &second.resource;
    let written = table
        .set_phase(resource, &token("t"), Phase::Requested, since)
        .await;
    assert_eq!(written.unwrap(), Written::Stored);
    let written = table.note_error(resource, &token("t"), &noted).await;
    assert_eq!(written.unwrap(), Written::Stored);
    let marked = Wait {
        phase: Phase::Requested,
        since,
        last_error: Some(noted),
        ..second
    };
    assert_eq!(stored(table, "orders").await, Some(marked));
}

pub(crate) async fn a_wait_is_forgotten_whichever_attempt_it_is_at(table: &impl Table) {
    for (stored_at, forgotten_at) in [(2, 1), (1, 2), (2, 3)] {
        let stored_wait = at_attempt(stored_at, "orders", "t");
        store(table, &stored_wait).await;
        let resource = at_attempt(forgotten_at, "orders", "t").resource;
        table.forget(&resource, &token("other")).await.unwrap();
        assert_eq!(stored(table, "orders").await, Some(stored_wait));
        table.forget(&resource, &token("t")).await.unwrap();
        assert_eq!(stored(table, "orders").await, None);
    }
}

pub(crate) async fn a_phase_is_set_with_its_time_and_nothing_else_changes(table: &impl Table) {
    let before = wait("orders", "t");
    store(table, &before).await;
    let written = set_phase(table, "orders", "t", Phase::Requested).await;
    assert_eq!(written, Written::Stored);
    let after = Wait {
        phase: Phase::Requested,
        since: time("2026-11-22T04:00:00Z"),
        ..before
    };
    assert_eq!(stored(table, "orders").await, Some(after));
}

pub(crate) async fn a_phase_is_set_only_where_the_wait_may_come_into_it(table: &impl Table) {
    for from in Phase::ALL {
        for to in Phase::ALL {
            let name = format!("{}-{}", from.as_str(), to.as_str());
            let before = wait_in(from, &name, "t");
            store(table, &before).await;
            let written = set_phase(table, &name, "t", to).await;
            let now = stored(table, &name).await.unwrap();
            if from.may_become(to) {
                assert_eq!(written, Written::Stored, "{from:?} to {to:?}");
                assert_eq!(now.phase, to, "{from:?} to {to:?}");
            } else {
                assert_eq!(written, Written::Conflict, "{from:?} to {to:?}");
                assert_eq!(now, before, "{from:?} to {to:?}");
            }
        }
    }
}

pub(crate) async fn a_wait_is_registered_again_only_with_a_later_time(table: &impl Table) {
    let before = wait("orders", "t");
    store(table, &before).await;
    let registered = async |since| {
        let (copy, token) = (copy("orders"), token("t"));
        let written = table.set_phase(&copy, &token, Phase::Registered, since);
        written.await.unwrap()
    };
    let later = before.since + SignedDuration::from_millis(1);
    assert_eq!(registered(before.since).await, Written::Conflict);
    assert_eq!(stored(table, "orders").await, Some(before));
    assert_eq!(registered(later).await, Written::Stored);
    assert_eq!(registered(later).await, Written::Conflict);
}

pub(crate) async fn a_phase_is_not_set_for_another_token(table: &impl Table) {
    let before = wait("orders", "t");
    store(table, &before).await;
    let written = set_phase(table, "orders", "other", Phase::Requested).await;
    assert_eq!(written, Written::Conflict);
    assert_eq!(stored(table, "orders").await, Some(before));
}

pub(crate) async fn a_phase_is_not_set_where_there_is_no_wait(table: &impl Table) {
    let written = set_phase(table, "orders", "t", Phase::Registered).await;
    assert_eq!(written, Written::Conflict);
    assert_eq!(stored(table, "orders").await, None);
}

pub(crate) async fn a_wait_is_forgotten_with_its_token(table: &impl Table) {
    store(table, &wait("orders", "t")).await;
    table.forget(&copy("orders"), &token("t")).await.unwrap();
    assert_eq!(stored(table, "orders").await, None);
}

pub(crate) async fn a_wait_with_another_token_is_not_forgotten(table: &impl Table) {
    let newer = wait("orders", "newer");
    store(table, &newer).await;
    table.forget(&copy("orders"), &token("t")).await.unwrap();
    assert_eq!(stored(table, "orders").await, Some(newer));
}

pub(crate) async fn forgetting_a_wait_that_is_gone_is_no_error(table: &impl Table) {
    table.forget(&copy("orders"), &token("t")).await.unwrap();
    assert_eq!(stored(table, "orders").await, None);
}

pub(crate) async fn a_wait_that_nobody_has_touched_is_forgotten_as_idle(table: &impl Table) {
    store(table, &wait("orders", "t")).await;
    let read = stored(table, "orders").await.unwrap();
    let forgotten = table.forget_idle(&read).await;
    assert_eq!(forgotten.unwrap(), Written::Stored);
    assert_eq!(stored(table, "orders").await, None);
    // And it is gone.
    let again = table.forget_idle(&read).await;
    assert_eq!(again.unwrap(), Written::Conflict);
}

pub(crate) async fn a_wait_that_was_touched_since_is_not_forgotten_as_idle(table: &impl Table) {
    store(table, &wait("orders", "t")).await;
    let read = stored(table, "orders").await.unwrap();
    let other = Wait {
        command: wait("orders", "other").command,
        ..read.clone()
    };
    let later = Wait {
        resource: nth_attempt(&read.resource, Attempt::all().nth(1).unwrap()),
        ..read.clone()
    };
    let sooner = Wait {
        since: time("2026-11-22T01:00:00Z"),
        ..read.clone()
    };
    for changed in [other, later, sooner] {
        let forgotten = table.forget_idle(&changed).await;
        assert_eq!(forgotten.unwrap(), Written::Conflict, "{changed:?}");
    }
    set_phase(table, "orders", "t", Phase::Seen).await;
    let forgotten = table.forget_idle(&read).await;
    assert_eq!(forgotten.unwrap(), Written::Conflict);
    assert!(stored(table, "orders").await.is_some());
}

pub(crate) async fn a_trouble_is_noted_and_nothing_else_changes(table: &impl Table) {
    let before = Wait {
        last_error: None,
        ..wait("orders", "t")
    };
    store(table, &before).await;
    let noted = last_error("the quota is full");
    let written = table.note_error(&copy("orders"), &token("t"), &noted).await;
    assert_eq!(written.unwrap(), Written::Stored);
    let after = Wait {
        last_error: Some(noted),
        ..before
    };
    assert_eq!(stored(table, "orders").await, Some(after));
}

pub(crate) async fn a_later_trouble_takes_the_earlier_ones_place(table: &impl Table) {
    store(table, &wait("orders", "t")).await;
    let later = last_error("access is denied");
    let written = table.note_error(&copy("orders"), &token("t"), &later).await;
    assert_eq!(written.unwrap(), Written::Stored);
    let found = stored(table, "orders").await.unwrap();
    assert_eq!(found.last_error, Some(later));
}

pub(crate) async fn a_trouble_is_not_noted_for_another_token(table: &impl Table) {
    let before = wait("orders", "t");
    store(table, &before).await;
    let noted = last_error("the quota is full");
    let written = table
        .note_error(&copy("orders"), &token("other"), &noted)
        .await;
    assert_eq!(written.unwrap(), Written::Conflict);
    assert_eq!(stored(table, "orders").await, Some(before));
}

pub(crate) async fn a_trouble_is_not_noted_where_there_is_no_wait(table: &impl Table) {
    let noted = last_error("the quota is full");
    let written = table.note_error(&copy("orders"), &token("t"), &noted).await;
    assert_eq!(written.unwrap(), Written::Conflict);
    assert_eq!(stored(table, "orders").await, None);
}

pub(crate) async fn a_lookup_finds_the_waits_there_are(table: &impl Table) {
    for name in ["a", "b", "c"] {
        store(table, &wait(name, name)).await;
    }
    let asked = [copy("c"), copy("nothing"), copy("a")];
    let mut found = table.look_up(&asked).await.unwrap();
    found.sort_by_key(|wait| wait.resource.clone());
    assert_eq!(found, [wait("a", "a"), wait("c", "c")]);
}

pub(crate) async fn a_lookup_of_nothing_finds_nothing(table: &impl Table) {
    store(table, &wait("orders", "t")).await;
    assert_eq!(table.look_up(&[]).await.unwrap(), []);
}

pub(crate) async fn a_resource_that_is_named_twice_is_found_once(table: &impl Table) {
    store(table, &wait("orders", "t")).await;
    let asked = [copy("orders"), copy("orders")];
    let found = table.look_up(&asked).await.unwrap();
    assert_eq!(found, [wait("orders", "t")]);
}

pub(crate) async fn the_list_shows_each_open_wait_once(table: &impl Table) {
    let waits: Vec<Wait> = (0..12)
        .map(|n| {
            let name = format!("db-{n}");
            Wait {
                // Two waits of each time, so that a page may end between them.
                since: time(&format!("2026-11-22T03:{:02}:00Z", n / 2)),
                ..wait_in(Phase::ALL[n % 4], &name, &name)
            }
        })
        .collect();
    for wait in &waits {
        store(table, wait).await;
    }
    let shown = listed(table).await;
    assert_eq!(shown.len(), waits.len());
    for wait in waits {
        assert_eq!(shown[&wait.resource], (1, wait.clone()));
    }
}

pub(crate) async fn the_list_shows_a_wait_as_it_was_last_written(table: &impl Table) {
    store(table, &wait("kept", "t")).await;
    store(table, &wait("forgotten", "t")).await;
    set_phase(table, "kept", "t", Phase::Seen).await;
    table.forget(&copy("forgotten"), &token("t")).await.unwrap();
    let shown = listed(table).await;
    assert_eq!(shown.len(), 1);
    assert_eq!(shown[&copy("kept")].1.phase, Phase::Seen);
}

pub(crate) async fn the_list_of_an_empty_table_is_one_empty_page(table: &impl Table) {
    let page = table.list_open(None).await.unwrap();
    assert_eq!(page.waits, []);
    assert_eq!(page.slots, TakenSlots::default());
    assert!(page.next.is_none());
}

pub(crate) async fn an_absence_is_noted_and_taken_back_and_nothing_else_changes(
    table: &impl Table,
) {
    let wait = wait_in(Phase::Seen, "orders", "t");
    store(table, &wait).await;
    for absent in [true, true, false, false] {
        let noted = table
            .note_absence(&wait.resource, &token("t"), absent)
            .await;
        assert_eq!(noted.unwrap(), Written::Stored);
        let expected = Wait {
            absent,
            ..wait.clone()
        };
        assert_eq!(stored(table, "orders").await, Some(expected));
    }
}

pub(crate) async fn an_absence_is_not_noted_for_another_token_or_attempt(table: &impl Table) {
    let wait = wait_in(Phase::Seen, "orders", "t");
    let second = nth_attempt(&wait.resource, Attempt::from_number(2).unwrap());
    store(table, &wait).await;
    for (resource, with) in [(&wait.resource, "another"), (&second, "t")] {
        let noted = table.note_absence(resource, &token(with), true).await;
        assert_eq!(noted.unwrap(), Written::Conflict);
    }
    assert_eq!(stored(table, "orders").await, Some(wait));
    let noted = table.note_absence(&copy("nobody"), &token("t"), true).await;
    assert_eq!(noted.unwrap(), Written::Conflict);
}

pub(crate) async fn an_absence_goes_with_the_attempt(table: &impl Table) {
    let wait = wait_in(Phase::Seen, "orders", "t");
    store(table, &wait).await;
    let noted = table.note_absence(&wait.resource, &token("t"), true).await;
    assert_eq!(noted.unwrap(), Written::Stored);
    let next = Wait {
        resource: nth_attempt(&wait.resource, Attempt::from_number(2).unwrap()),
        ..wait.clone()
    };
    assert_eq!(table.replace(&next, &wait).await.unwrap(), Written::Stored);
    assert_eq!(stored(table, "orders").await, Some(next));
}

async fn heard_dead(table: &impl Table, with: &str, occasion: &str) -> bool {
    let at = time("2026-11-22T04:00:00Z");
    let heard = table.heard_dead(&token(with), occasion, at).await;
    heard.unwrap()
}

pub(crate) async fn a_token_is_called_dead_again_only_on_another_occasion(table: &impl Table) {
    assert!(!heard_dead(table, "t", "receive 1").await);
    assert!(!heard_dead(table, "t", "receive 1").await);
    assert!(heard_dead(table, "t", "receive 2").await);
    assert!(heard_dead(table, "t", "sweep").await);
    assert!(!heard_dead(table, "t", "receive 1").await, "the first one");
}

pub(crate) async fn what_was_heard_of_one_token_says_nothing_of_another(table: &impl Table) {
    assert!(!heard_dead(table, "t", "receive 1").await);
    assert!(!heard_dead(table, "u", "receive 2").await);
    assert!(listed(table).await.is_empty(), "nothing is open by it");
}
