//! The histories of due times, as the table has them.

use serde_json::json;
use snapferry::domain::retention::history::{DueOutcome, History};
use snapferry::ports::ReadHistories as _;

use crate::wire::{TABLE, Wire, ok};
use crate::world::{SOURCE, a_run, region, time};

async fn read(due: serde_json::Value) -> History {
    let of = a_run("orders");
    let group = (region(SOURCE), of.database.resource_id, of.policy);
    let key = format!("history#{}#{}#{}", group.0, group.1, group.2);
    let item = json!({"pk": {"S": key}, "due": due});
    let wire = Wire::new([ok(json!({"Responses": {TABLE: [item]}}).to_string())]);
    let mut found = wire
        .aws()
        .read_histories(std::slice::from_ref(&group))
        .await
        .unwrap();
    // The pruner writes over what it reads, and may have written it a moment ago.
    let asked = wire.only().json();
    assert_eq!(asked["RequestItems"][TABLE]["ConsistentRead"], true);
    found.remove(&group).unwrap()
}

#[tokio::test]
async fn one_that_this_version_cannot_read_is_not_taken_for_one_that_is_not_there() {
    let later = json!({"S": "{\"schema\":2,\"due\":[{\"d\":1767322800,\"o\":\"missed\"}]}"});
    for unreadable in [later, json!({"S": "not JSON"}), json!({"N": "1"})] {
        let history = read(unreadable).await;
        assert!(history.due.is_empty() && history.holds_more);
    }
    let known = "{\"schema\":1,\"due\":[{\"d\":1767322800,\"o\":\"missed\"}]}";
    let history = read(json!({"S": known})).await;
    let due = history.due.get(&time("2026-01-02T03:00:00Z"));
    assert_eq!(
        (due, history.holds_more),
        (Some(&DueOutcome::Missed), false)
    );
}
