//! Sets of policies: the one in force, and every one that was applied.

use snapferry::ports::{ReadPolicies, ReadPolicyHistory, StorePolicies, Written};

use super::samples::{applied, version};

table! { ReadPolicies ReadPolicyHistory StorePolicies }

async fn store(table: &impl Table, number: u32) -> Written {
    table.store_policies(&applied(number)).await.unwrap()
}

/// The version in force.
async fn current(table: &impl Table) -> Option<u32> {
    let set = table.current_policies().await.unwrap();
    let stamp = table.current_stamp().await.unwrap();
    assert_eq!(set.as_ref().map(|set| &set.stamp), stamp.as_ref());
    stamp.map(|stamp| stamp.version.number())
}

pub(crate) async fn no_policies_hold_before_the_first_are_stored(table: &impl Table) {
    assert_eq!(current(table).await, None);
    assert_eq!(table.policy_version(version(1)).await.unwrap(), None);
    assert_eq!(table.policy_stamps(&[version(1)]).await.unwrap(), []);
    assert_eq!(table.policy_stamps(&[]).await.unwrap(), []);
}

pub(crate) async fn the_first_set_holds_once_it_is_stored(table: &impl Table) {
    assert_eq!(store(table, 1).await, Written::Stored);
    assert_eq!(table.current_policies().await.unwrap(), Some(applied(1)));
    let kept = table.policy_version(version(1)).await.unwrap();
    assert_eq!(kept, Some(applied(1)));
}

pub(crate) async fn the_next_version_takes_the_place_of_the_one_before_it(table: &impl Table) {
    store(table, 1).await;
    assert_eq!(store(table, 2).await, Written::Stored);
    assert_eq!(table.current_policies().await.unwrap(), Some(applied(2)));
}

pub(crate) async fn a_version_is_stored_once(table: &impl Table) {
    store(table, 1).await;
    store(table, 2).await;
    let mut rival = applied(2);
    rival.text = "# another author was later\n".to_owned();
    let written = table.store_policies(&rival).await.unwrap();
    assert_eq!(written, Written::Conflict);
    assert_eq!(table.current_policies().await.unwrap(), Some(applied(2)));
    let kept = table.policy_version(version(2)).await.unwrap();
    assert_eq!(kept, Some(applied(2)));
}

pub(crate) async fn a_version_that_does_not_follow_is_refused(table: &impl Table) {
    assert_eq!(store(table, 2).await, Written::Conflict);
    assert_eq!(current(table).await, None);
    store(table, 1).await;
    assert_eq!(store(table, 3).await, Written::Conflict);
    assert_eq!(current(table).await, Some(1));
    assert_eq!(table.policy_version(version(3)).await.unwrap(), None);
}

pub(crate) async fn the_first_version_is_refused_once_there_is_one(table: &impl Table) {
    store(table, 1).await;
    assert_eq!(store(table, 1).await, Written::Conflict);
    store(table, 2).await;
    assert_eq!(store(table, 1).await, Written::Conflict);
    assert_eq!(current(table).await, Some(2));
}

pub(crate) async fn every_version_stays_as_it_was_stored(table: &impl Table) {
    for number in 1..=3 {
        assert_eq!(store(table, number).await, Written::Stored);
    }
    for number in 1..=3 {
        let kept = table.policy_version(version(number)).await.unwrap();
        assert_eq!(kept, Some(applied(number)));
    }
}

pub(crate) async fn the_stamps_of_the_versions_there_are_come_in_any_order(table: &impl Table) {
    for number in 1..=3 {
        store(table, number).await;
    }
    let asked = [version(3), version(9), version(1)];
    let mut stamps = table.policy_stamps(&asked).await.unwrap();
    stamps.sort_by_key(|stamp| stamp.version);
    assert_eq!(stamps, [applied(1).stamp, applied(3).stamp]);
}
