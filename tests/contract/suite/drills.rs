//! What is stored of drills.

use snapferry::domain::drill::judge::{Check, DrillDifference};
use snapferry::domain::drill::name::DrillId;
use snapferry::domain::drill::options::Level;
use snapferry::domain::drill::record::{DrillRecord, Drills, Verdict};
use snapferry::domain::id::arn::RdsArn;
use snapferry::domain::id::tags::PolicyName;
use snapferry::domain::policy::span::Span;
use snapferry::domain::restore::record::{RestoreRecord, Sending};
use snapferry::ports::{
    OpenRemovals, ReadDrills, ReadOpenRemovals, StoreDrills, StoreOpenRemovals, StoredDrills,
    Written,
};

use super::samples::{resource_id, time};

table! { ReadDrills ReadOpenRemovals StoreDrills StoreOpenRemovals }

fn record(began: &str) -> DrillRecord {
    let arn = |text: &str| RdsArn::parse(text).unwrap();
    let began = time(began);
    let sending = Sending {
        last: began,
        times: 1,
    };
    let name = "sfd-orders-abcdefghij".to_owned();
    DrillRecord {
        id: DrillId::at(began),
        of: resource_id("orders"),
        policy: PolicyName::parse("gold").unwrap(),
        by: "arn:aws:iam::111122223333:role/ops".to_owned(),
        level: Level::Checked,
        deadline: time("2026-11-22T09:00:00Z"),
        rto: Some(Span::parse("4h").unwrap()),
        rpo: None,
        cents: Some(345),
        restore: RestoreRecord {
            database: arn("arn:aws:rds:eu-west-1:111122223333:db:orders"),
            point: arn("arn:aws:rds:eu-central-1:111122223333:snapshot:sf-1"),
            taken_at: Some(time("2026-11-22T02:00:00Z")),
            name: name.clone(),
            is_fast: true,
            accepted: [].into(),
            began_at: began,
            made: [(name, resource_id("made"))].into(),
            sent: [("restore".to_owned(), sending)].into(),
            running_at: None,
            done_at: None,
        },
        checks: vec![
            Check::new("RDS runs it", None),
            Check::new("MultiAZ", Some("it is false and should be true".to_owned())),
        ],
        differs: vec![DrillDifference {
            member: None,
            setting: "DeletionProtection".to_owned(),
            was: "true".to_owned(),
            is: Some("false".to_owned()),
            kind: "on-purpose".to_owned(),
            why: "a drill is deleted".to_owned(),
        }],
        runs_at: Some(time("2026-11-22T03:20:00.5Z")),
        check_tries: 2,
        checked_at: None,
        newest_record_at: Some(time("2026-11-22T01:59:00Z")),
        verdict: Some(Verdict::Failed(vec!["MultiAZ".to_owned()])),
        deleted_at: Some(time("2026-11-22T03:21:00Z")),
        gone_at: None,
        kept: Some("sfd-orders-abcdefghij: its drill tag was taken away".to_owned()),
        previous: Some("abc".to_owned()),
    }
}

fn stored(revision: i64) -> StoredDrills {
    let older = DrillRecord {
        verdict: Some(Verdict::Incomplete("interrupted".to_owned())),
        gone_at: Some(time("2026-11-21T04:00:00Z")),
        ..record("2026-11-21T03:00:00Z")
    };
    let passed = DrillRecord {
        verdict: Some(Verdict::Passed),
        ..record("2026-11-20T03:00:00Z")
    };
    StoredDrills {
        revision,
        drills: Drills(vec![record("2026-11-22T03:00:00Z"), older, passed]),
    }
}

pub(crate) async fn drills_are_read_as_they_were_stored(table: &impl Table) {
    let of = [resource_id("orders"), resource_id("shop")];
    assert_eq!(table.drills(&of).await.unwrap(), [].into());
    assert_eq!(table.drills(&[]).await.unwrap(), [].into());
    let written = table.store_drills(&of[0], &stored(1)).await.unwrap();
    assert_eq!(written, Written::Stored);
    let read = table.drills(&of).await.unwrap();
    assert_eq!(read, [(of[0].clone(), stored(1))].into());
}

pub(crate) async fn drills_are_stored_only_over_those_before_them(table: &impl Table) {
    let of = resource_id("orders");
    let at = async |revision| table.store_drills(&of, &stored(revision)).await.unwrap();
    assert_eq!(at(2).await, Written::Conflict);
    assert_eq!(at(1).await, Written::Stored);
    assert_eq!(at(1).await, Written::Conflict);
    assert_eq!(at(3).await, Written::Conflict);
    assert_eq!(at(2).await, Written::Stored);
    let read = table.drills(std::slice::from_ref(&of)).await.unwrap();
    assert_eq!(read[&of].revision, 2);
}

pub(crate) async fn the_drills_that_are_being_removed_are_stored_only_over_those_before_them(
    table: &impl Table,
) {
    let none = OpenRemovals::default();
    assert_eq!(table.open_removals().await.unwrap(), none);
    let drill = |name, began| (resource_id(name), DrillId::at(time(began)));
    let of = |revision, drills: &[_]| OpenRemovals {
        revision,
        drills: drills.iter().cloned().collect(),
    };
    let orders = drill("orders", "2026-11-22T03:00:00Z");
    let again = drill("orders", "2026-11-23T03:00:00Z");
    let shop = drill("shop", "2026-11-22T03:00:00Z");
    let store = async |removals: &OpenRemovals| table.store_open_removals(removals).await.unwrap();
    let first = of(1, &[orders.clone(), again, shop]);
    assert_eq!(store(&of(2, &[])).await, Written::Conflict);
    assert_eq!(store(&first).await, Written::Stored);
    assert_eq!(store(&of(1, &[])).await, Written::Conflict);
    assert_eq!(table.open_removals().await.unwrap(), first);
    for next in [of(2, &[orders]), of(3, &[])] {
        assert_eq!(store(&next).await, Written::Stored);
        assert_eq!(table.open_removals().await.unwrap(), next);
    }
}
