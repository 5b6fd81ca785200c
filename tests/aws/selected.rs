//! The databases that a policy selects, as the table has them.

use serde_json::{Value, json};
use snapferry::domain::id::arn::Region;
use snapferry::domain::id::tags::PolicyName;
use snapferry::domain::policy::selected::{SelectedDatabase, SelectedPart, UnreadablePart};
use snapferry::json::selected::write;
use snapferry::ports::ReadSelected as _;

use crate::wire::{Wire, ok};
use crate::world::{SOURCE, a_run, region, time};

fn databases() -> Vec<SelectedDatabase> {
    vec![SelectedDatabase {
        database: a_run("orders").database,
        since: time("2026-11-22T03:00:00Z"),
    }]
}

async fn read(item: Value) -> Option<Result<SelectedPart, UnreadablePart>> {
    let wire = Wire::new([ok(json!({ "Item": item }).to_string())]);
    let policy = PolicyName::parse("default").unwrap();
    let there: Region = region(SOURCE);
    let read = wire.aws().read_selected(&policy, &there, 0).await;
    read.unwrap()
}

fn item(databases: &str) -> Value {
    json!({"pk": {"S": "selected"}, "parts": {"N": "3"}, "databases": {"S": databases}})
}

#[tokio::test]
async fn an_item_of_an_earlier_version_is_followed_by_those_that_it_stored() {
    let read = read(item(&write(&databases()))).await.unwrap().unwrap();
    assert_eq!(read.further().collect::<Vec<_>>(), [1, 2]);
    assert_eq!((read.list, read.databases), (None, databases()));
}

#[tokio::test]
async fn an_item_that_cannot_be_read_is_not_taken_for_an_empty_one() {
    let read = read(item("not JSON")).await.unwrap();
    assert!(read.is_err());
}
