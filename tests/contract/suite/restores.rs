//! What is stored of restores.

use snapferry::domain::id::arn::{Family, RdsArn};
use snapferry::domain::restore::gap::GapKind;
use snapferry::domain::restore::record::{RestoreKey, RestoreRecord, Sending};
use snapferry::ports::{ReadRestores, StoreRestores, StoredRestore, Written};

use super::samples::{resource_id, time};

table! { ReadRestores StoreRestores }

fn record(kind: &str, name: &str) -> RestoreRecord {
    let arn = |text: String| RdsArn::parse(&text).unwrap();
    let sending = Sending {
        last: time("2026-11-22T03:00:01.123456Z"),
        times: 2,
    };
    RestoreRecord {
        database: arn(format!("arn:aws:rds:eu-west-1:111122223333:{kind}:orders")),
        point: arn("arn:aws:rds:eu-central-1:111122223333:snapshot:sf-1".to_owned()),
        taken_at: Some(time("2026-11-22T03:00:00Z")),
        name: name.to_owned(),
        is_fast: true,
        accepted: [GapKind::Key, GapKind::SubnetGroup].into(),
        began_at: time("2026-11-22T03:00:00Z"),
        made: [(name.to_owned(), resource_id("orders"))].into(),
        sent: [("member:orders-1".to_owned(), sending)].into(),
        running_at: None,
        done_at: None,
    }
}

fn stored(revision: i64, record: RestoreRecord) -> StoredRestore {
    StoredRestore { revision, record }
}

pub(crate) async fn a_restore_is_read_as_it_was_stored(table: &impl Table) {
    let first = stored(1, record("db", "back"));
    assert_eq!(table.restore(&first.record.key()).await.unwrap(), None);
    assert_eq!(table.store_restore(&first).await.unwrap(), Written::Stored);
    let read = table.restore(&first.record.key()).await.unwrap();
    assert_eq!(read, Some(first));
}

pub(crate) async fn a_restore_is_stored_only_over_the_one_before_it(table: &impl Table) {
    let at = |revision| stored(revision, record("db", "back"));
    assert_eq!(
        table.store_restore(&at(2)).await.unwrap(),
        Written::Conflict
    );
    assert_eq!(table.store_restore(&at(1)).await.unwrap(), Written::Stored);
    assert_eq!(
        table.store_restore(&at(1)).await.unwrap(),
        Written::Conflict
    );
    assert_eq!(
        table.store_restore(&at(3)).await.unwrap(),
        Written::Conflict
    );
    let mut second = at(2);
    second.record.done_at = Some(time("2026-11-22T04:00:00Z"));
    assert_eq!(table.store_restore(&second).await.unwrap(), Written::Stored);
    let read = table.restore(&second.record.key()).await.unwrap();
    assert_eq!(read, Some(second));
}

pub(crate) async fn an_instance_and_a_cluster_of_one_name_are_apart(table: &impl Table) {
    let instance = stored(1, record("db", "back"));
    let cluster = stored(1, record("cluster", "back"));
    for restore in [&instance, &cluster] {
        assert_eq!(table.store_restore(restore).await.unwrap(), Written::Stored);
    }
    for (family, restore) in [(Family::Instance, instance), (Family::Cluster, cluster)] {
        let key = RestoreKey {
            family,
            name: "back".to_owned(),
        };
        assert_eq!(table.restore(&key).await.unwrap(), Some(restore));
    }
}
