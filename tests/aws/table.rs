//! The table: each action with the condition that it promises, and what each answer means.

use jiff::SignedDuration;
use serde_json::{Value, json};
use snapferry::aws::{read_wait, write_wait};
use snapferry::domain::id::arn::{Family, RdsArn};
use snapferry::domain::id::names::ExecutionName;
use snapferry::domain::id::tags::PolicyName;
use snapferry::domain::policy::cursor::{Cursor, Kept, KeptWhy};
use snapferry::domain::policy::spread::OpenSpread;
use snapferry::domain::run::command::Step;
use snapferry::domain::run::fingerprint::Fingerprint;
use snapferry::domain::run::learnt_limit::LearntLimit;
use snapferry::domain::run::manifest::Manifest;
use snapferry::domain::run::permit::{NotPermitted, Permit};
use snapferry::domain::run::refusal::RefusedForGood;
use snapferry::domain::run::slot_limits::{SlotGroup, SlotLimits};
use snapferry::domain::run::taken_slots::TakenSlots;
use snapferry::domain::run::wait::{Phase, Wait};
use snapferry::ports::{
    Abandoned, CheckClaim, Claim, ClaimRun, ClaimSlot, ForgetRefusal, FreeSlot, HearDead, Held,
    LearnLimits, ListOpen, LookUpWaits, NoteError, Occupant, PlanCursor, ReadEntries,
    ReadLearntLimit, ReadPlanCursor, RecordRecoveryPoint, RegisterWaits, RememberRefusal, Waits,
    Written,
};

use crate::items::a_wait;
use crate::wire::{Reply, TABLE, Wire, json_error, ok};
use crate::world::{SOURCE, a_run, copy_arn, execution_arn, region, snapshot_arn, time, token};

/// An item as DynamoDB writes it.
fn item(token: &str) -> Value {
    to_json(&write_wait(&a_wait(token)))
}

pub(crate) fn to_json(item: &snapferry::aws::Item) -> Value {
    use aws_sdk_dynamodb::types::AttributeValue;
    let attributes = item.iter().map(|(name, value)| {
        let value = match value {
            AttributeValue::S(text) => json!({ "S": text }),
            AttributeValue::N(digits) => json!({ "N": digits }),
            AttributeValue::Ss(texts) => json!({ "SS": texts }),
            AttributeValue::M(map) => json!({ "M": to_json(map) }),
            other => panic!("no item of ours has {other:?}"),
        };
        (name.clone(), value)
    });
    Value::Object(attributes.collect())
}

pub(crate) fn conflict() -> Reply {
    json_error(
        400,
        "ConditionalCheckFailedException",
        "The conditional request failed",
    )
}

fn conflict_with(stored: &Value) -> Reply {
    let body = json!({
        "__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException",
        "message": "The conditional request failed",
        "Item": stored,
    });
    Reply::Http(400, body.to_string())
}

pub(crate) fn throttled() -> Reply {
    json_error(400, "ProvisionedThroughputExceededException", "slow down")
}

/// The condition with its names put in: what DynamoDB will compare.
pub(crate) fn spelled(body: &Value, field: &str) -> String {
    let mut text = body[field].as_str().unwrap().to_owned();
    if let Some(names) = body["ExpressionAttributeNames"].as_object() {
        for (short, name) in names {
            text = text.replace(short, name.as_str().unwrap());
        }
    }
    text
}

#[tokio::test]
async fn a_wait_is_registered_only_where_there_is_none() {
    let wire = Wire::new([ok("{}")]);
    assert_eq!(wire.aws().register(&a_wait("t")).await.unwrap(), None);
    let asked = wire.only();
    assert_eq!(asked.action(), "PutItem");
    let body = asked.json();
    assert_eq!(body["TableName"], TABLE);
    assert_eq!(body["Item"], item("t"));
    assert_eq!(
        spelled(&body, "ConditionExpression"),
        "attribute_not_exists(pk)"
    );
    assert_eq!(body["ReturnValuesOnConditionCheckFailure"], "ALL_OLD");
}

#[tokio::test]
async fn a_wait_that_is_there_already_comes_with_the_refusal() {
    let wire = Wire::new([conflict_with(&item("the-other"))]);
    let stored = wire.aws().register(&a_wait("t")).await.unwrap();
    assert_eq!(stored, Some(Occupant::Wait(Box::new(a_wait("the-other")))));
}

#[tokio::test]
async fn a_refusal_without_a_readable_wait_is_an_error_and_never_none() {
    let mut broken = item("t");
    broken["phase"] = json!({ "S": "sleeping" });
    for reply in [
        conflict(),
        conflict_with(&broken),
        throttled(),
        Reply::Broken,
    ] {
        let wire = Wire::new([reply.clone()]);
        assert!(
            wire.aws().register(&a_wait("t")).await.is_err(),
            "{reply:?}"
        );
    }
}

#[tokio::test]
async fn a_wait_is_replaced_only_while_it_has_the_token_that_was_probed() {
    let wire = Wire::new([ok("{}"), conflict()]);
    let aws = wire.aws();
    let written = aws.replace(&a_wait("new"), &a_wait("old")).await.unwrap();
    assert_eq!(written, Written::Stored);
    let written = aws.replace(&a_wait("new"), &a_wait("old")).await.unwrap();
    assert_eq!(written, Written::Conflict);
    let body = wire.asked()[0].json();
    assert_eq!(body["Item"], item("new"));
    assert_eq!(
        spelled(&body, "ConditionExpression"),
        "token = :token AND attribute_not_exists(attempt)"
    );
    assert_eq!(body["ExpressionAttributeValues"][":token"]["S"], "old");
}

/// The wait of a later attempt, which is stored under the first one.
fn later(number: u8) -> Wait {
    Wait {
        resource: copy_arn(&a_run("orders"), number),
        ..a_wait("t")
    }
}

#[tokio::test]
async fn all_attempts_at_a_copy_have_one_item() {
    let wire = Wire::new([ok("{}"), ok("{}"), ok("{}"), ok("{}")]);
    let (aws, own) = (wire.aws(), token("t"));
    let (second, third) = (later(2), later(3));
    aws.replace(&third, &second).await.unwrap();
    aws.set_phase(&third.resource, &own, Phase::Seen, third.since)
        .await
        .unwrap();
    aws.note_error(&third.resource, &own, third.last_error.as_ref().unwrap())
        .await
        .unwrap();
    let key = format!("wait#{}", copy_arn(&a_run("orders"), 1));
    let asked: Vec<Value> = wire.asked().iter().map(|asked| asked.json()).collect();
    assert_eq!(asked[0]["Item"]["pk"]["S"], key);
    assert_eq!(asked[0]["Item"]["attempt"]["N"], "3");
    for (body, attempt) in asked.iter().zip(["2", "3", "3"]) {
        let condition = spelled(body, "ConditionExpression");
        assert!(
            condition.starts_with("token = :token AND attempt = :attempt"),
            "{condition}"
        );
        assert_eq!(body["ExpressionAttributeValues"][":attempt"]["N"], attempt);
    }
    assert_eq!(asked[1]["Key"]["pk"]["S"], key);
    assert_eq!(asked[2]["Key"]["pk"]["S"], key);
    let slots = SlotLimits::new(20);
    aws.claim_slot(&third.resource, &slots).await.unwrap();
    let claim = wire.asked()[3].json();
    let holder = &claim["ExpressionAttributeValues"][":copy"]["S"];
    assert_eq!(format!("wait#{}", holder.as_str().unwrap()), key);
}

#[tokio::test]
async fn the_wait_of_a_later_attempt_is_found_under_either_key_and_reads_back() {
    let (now, before) = (later(2), to_json(&write_wait(&a_wait("t"))));
    let mut before = before;
    before["pk"] = json!({ "S": format!("wait#{}", now.resource) });
    for stored in [to_json(&write_wait(&now)), before] {
        let wire = Wire::new([found(&[stored], json!({}))]);
        let waits = wire
            .aws()
            .look_up(std::slice::from_ref(&now.resource))
            .await;
        assert_eq!(waits.unwrap(), std::slice::from_ref(&now));
        let body = wire.only().json();
        let keys = body["RequestItems"][TABLE]["Keys"].to_string();
        assert!(
            keys.contains(&format!("wait#{}\"", copy_arn(&a_run("orders"), 1))),
            "{keys}"
        );
        assert!(keys.contains(&format!("wait#{}\"", now.resource)), "{keys}");
    }
}

/// Version 0.1.0 stored it under its own ARN.
#[tokio::test]
async fn the_wait_of_a_later_attempt_is_deleted_under_either_key() {
    let wire = Wire::new([ok("{}"), ok("{}")]);
    let wait = later(2);
    wire.aws()
        .forget(&wait.resource, &token("t"))
        .await
        .unwrap();
    let keys: Vec<Value> = wire
        .asked()
        .iter()
        .map(|asked| asked.json()["Key"]["pk"]["S"].clone())
        .collect();
    let first = copy_arn(&a_run("orders"), 1);
    assert_eq!(
        keys,
        [format!("wait#{first}"), format!("wait#{}", wait.resource)]
    );
}

#[test]
fn an_attempt_that_cannot_be_is_no_wait() {
    let mut item = write_wait(&later(2));
    for attempt in ["0", "10", "-2", "x"] {
        let number = aws_sdk_dynamodb::types::AttributeValue::N(attempt.to_owned());
        item.insert("attempt".to_owned(), number);
        read_wait(&item).unwrap_err();
    }
}

#[tokio::test]
async fn a_phase_is_set_only_under_its_own_token() {
    let wire = Wire::new([ok("{}"), conflict(), throttled()]);
    let aws = wire.aws();
    let (resource, since) = (a_wait("t").resource, time("2026-11-22T03:07:00Z"));
    let set = || aws.set_phase(&resource, &TOKEN, Phase::Requested, since);
    static TOKEN: std::sync::LazyLock<snapferry::domain::id::token::TaskToken> =
        std::sync::LazyLock::new(|| token("t"));
    assert_eq!(set().await.unwrap(), Written::Stored);
    assert_eq!(set().await.unwrap(), Written::Conflict);
    let error = set().await.unwrap_err();
    assert_eq!(
        error.code.as_deref(),
        Some("ProvisionedThroughputExceededException")
    );
    let body = wire.asked()[0].json();
    assert_eq!(body["Key"]["pk"]["S"], format!("wait#{resource}"));
    assert_eq!(
        spelled(&body, "UpdateExpression"),
        "SET phase = :phase, since = :since REMOVE queue, turn"
    );
    assert_eq!(
        spelled(&body, "ConditionExpression"),
        "token = :token AND attribute_not_exists(attempt) AND phase IN (:queued, :registered, :requested)"
    );
    assert_eq!(
        body["ExpressionAttributeValues"][":phase"]["S"],
        "requested"
    );
    let since = since.as_millisecond().to_string();
    assert_eq!(body["ExpressionAttributeValues"][":since"]["N"], since);
}

/// A late note changes nothing: that RDS has accepted, after RDS has shown it; that its command was sent again,
/// after RDS has accepted.
#[tokio::test]
async fn no_note_takes_a_wait_back_but_one_that_lacks_a_slot() {
    let (wait, own) = (a_wait("t"), token("t"));
    for (phase, from) in [
        (Phase::Queued, &["queued", "registered"][..]),
        (Phase::Registered, &["queued", "registered"]),
        (Phase::Requested, &["queued", "registered", "requested"]),
        (Phase::Seen, &["queued", "registered", "requested", "seen"]),
    ] {
        let wire = Wire::new([ok("{}")]);
        let set = wire
            .aws()
            .set_phase(&wait.resource, &own, phase, wait.since)
            .await;
        set.unwrap();
        let body = wire.only().json();
        let condition = spelled(&body, "ConditionExpression");
        let (names, rest) = condition
            .split_once("phase IN (")
            .and_then(|(_, names)| names.split_once(')'))
            .unwrap();
        let is_new = match phase {
            Phase::Registered => " AND since < :since",
            _ => "",
        };
        assert_eq!(rest, is_new, "{phase:?}");
        let values = &body["ExpressionAttributeValues"];
        let allowed: Vec<&str> = names
            .split(", ")
            .map(|name| values[name]["S"].as_str().unwrap())
            .collect();
        assert_eq!(allowed, from, "{phase:?}");
    }
}

#[tokio::test]
async fn a_trouble_is_noted_only_under_its_own_token_and_changes_nothing_else() {
    let wire = Wire::new([ok("{}"), conflict(), throttled()]);
    let aws = wire.aws();
    let wait = a_wait("t");
    let (resource, own) = (&wait.resource, token("t"));
    let last_error = wait.last_error.clone().unwrap();
    let noted = aws.note_error(resource, &own, &last_error).await;
    assert_eq!(noted.unwrap(), Written::Stored);
    let noted = aws.note_error(resource, &own, &last_error).await;
    assert_eq!(noted.unwrap(), Written::Conflict);
    aws.note_error(resource, &own, &last_error)
        .await
        .unwrap_err();
    let asked = &wire.asked()[0];
    assert_eq!(asked.action(), "UpdateItem");
    let body = asked.json();
    assert_eq!(body["Key"]["pk"]["S"], format!("wait#{resource}"));
    assert_eq!(spelled(&body, "UpdateExpression"), "SET trouble = :trouble");
    assert_eq!(
        spelled(&body, "ConditionExpression"),
        "token = :token AND attribute_not_exists(attempt)"
    );
    // What is noted is what a read of the item finds.
    let stored = &body["ExpressionAttributeValues"][":trouble"];
    assert_eq!(*stored, item("t")["trouble"]);
    assert_eq!(stored["M"]["remedy"]["S"], "fix-key");
}

#[tokio::test]
async fn an_absence_is_noted_only_under_its_own_token() {
    let wire = Wire::new([ok("{}"), ok("{}"), conflict(), throttled()]);
    let aws = wire.aws();
    let resource = a_wait("t").resource;
    let own = token("t");
    for absent in [true, false] {
        let noted = aws.note_absence(&resource, &own, absent).await;
        assert_eq!(noted.unwrap(), Written::Stored);
    }
    let noted = aws.note_absence(&resource, &own, true).await;
    assert_eq!(noted.unwrap(), Written::Conflict);
    aws.note_absence(&resource, &own, true).await.unwrap_err();
    let asked: Vec<Value> = wire.asked().iter().map(|asked| asked.json()).collect();
    let updates = ["SET absent = :absent", "REMOVE absent"];
    for (body, update) in asked.iter().zip(updates) {
        assert_eq!(body["Key"]["pk"]["S"], format!("wait#{resource}"));
        assert_eq!(spelled(body, "UpdateExpression"), update);
        assert_eq!(
            spelled(body, "ConditionExpression"),
            "token = :token AND attribute_not_exists(attempt)"
        );
    }
}

#[tokio::test]
async fn what_was_heard_of_a_token_is_kept_under_its_hash_and_for_a_time() {
    let first = r#"{"Attributes": {"occasion": {"S": "receive 1"}}}"#;
    let wire = Wire::new([ok(first), ok(first), ok("{}"), throttled()]);
    let aws = wire.aws();
    let at = time("2026-11-22T03:00:00Z");
    let (own, one, two) = (token("a secret token"), "receive 1", "receive 2");
    assert!(!aws.heard_dead(&own, one, at).await.unwrap());
    assert!(aws.heard_dead(&own, two, at).await.unwrap());
    aws.heard_dead(&own, two, at).await.unwrap_err();
    aws.heard_dead(&own, two, at).await.unwrap_err();
    let asked = &wire.asked()[0];
    assert_eq!(asked.action(), "UpdateItem");
    let body = asked.json();
    assert!(!body.to_string().contains("secret"), "{body}");
    let key = body["Key"]["pk"]["S"].as_str().unwrap();
    assert!(key.starts_with("dead#") && key.len() == 5 + 64, "{key}");
    assert_eq!(
        spelled(&body, "UpdateExpression"),
        "SET occasion = if_not_exists(occasion, :occasion), ttl = if_not_exists(ttl, :ttl)"
    );
    assert_eq!(body["ReturnValues"], "ALL_NEW");
    let days = 10 * 24 * 60 * 60;
    let ttl = (at.as_second() + days).to_string();
    assert_eq!(body["ExpressionAttributeValues"][":ttl"]["N"], ttl);
}

#[tokio::test]
async fn a_wait_that_another_token_took_over_is_not_forgotten() {
    let wire = Wire::new([ok("{}"), conflict(), Reply::Broken]);
    let aws = wire.aws();
    let resource = a_wait("t").resource;
    aws.forget(&resource, &token("t")).await.unwrap();
    aws.forget(&resource, &token("t")).await.unwrap();
    aws.forget(&resource, &token("t")).await.unwrap_err();
    let asked = &wire.asked()[0];
    assert_eq!(asked.action(), "DeleteItem");
    let condition = spelled(&asked.json(), "ConditionExpression");
    assert_eq!(condition, "token = :token");
}

fn found(items: &[Value], unprocessed: Value) -> Reply {
    let body = json!({ "Responses": { TABLE: items }, "UnprocessedKeys": unprocessed });
    ok(body.to_string())
}

#[tokio::test]
async fn waits_are_looked_up_in_one_consistent_read() {
    let wire = Wire::new([found(&[item("t")], json!({}))]);
    let other = copy_arn(&a_run("other"), 1);
    let asked = [a_wait("t").resource, other.clone(), other];
    let waits = wire.aws().look_up(&asked).await.unwrap();
    assert_eq!(waits, [a_wait("t")]);
    let body = wire.only().json();
    let request = &body["RequestItems"][TABLE];
    assert_eq!(request["ConsistentRead"], true);
    assert_eq!(
        request["Keys"].as_array().unwrap().len(),
        2,
        "no key twice: {request}"
    );
}

#[tokio::test]
async fn nothing_to_look_up_asks_nothing() {
    let wire = Wire::new([]);
    assert_eq!(wire.aws().look_up(&[]).await.unwrap(), []);
}

#[tokio::test]
async fn keys_that_were_left_are_asked_for_again_and_not_for_ever() {
    let resource = a_wait("t").resource;
    let left = json!({ TABLE: { "Keys": [{ "pk": { "S": format!("wait#{resource}") } }], "ConsistentRead": true } });
    let wire = Wire::new([found(&[], left.clone()), found(&[item("t")], json!({}))]);
    let waits = wire
        .aws()
        .look_up(std::slice::from_ref(&resource))
        .await
        .unwrap();
    assert_eq!(waits, [a_wait("t")]);
    assert_eq!(wire.asked()[1].json()["RequestItems"], left);
    let wire = Wire::new([found(&[], left)]);
    wire.aws().look_up(&[resource]).await.unwrap_err();
    assert_eq!(wire.asked().len(), 3);
}

#[tokio::test]
async fn an_item_that_cannot_be_read_does_not_hide_the_others() {
    let mut broken = item("t");
    broken["run"] = json!({ "S": "{}" });
    let wire = Wire::new([found(&[broken.clone(), item("t")], json!({}))]);
    let waits = wire.aws().look_up(&[a_wait("t").resource]).await.unwrap();
    assert_eq!(waits, [a_wait("t")]);
    let page = json!({ "Items": [broken, item("t")], "Count": 2 });
    let wire = Wire::new([ok(page.to_string())]);
    let page = wire.aws().list_open(None).await.unwrap();
    assert_eq!(page.waits, [a_wait("t")]);
}

#[tokio::test]
async fn what_is_open_is_one_query_of_the_index() {
    let wire = Wire::new([ok(r#"{"Items":[],"Count":0}"#)]);
    let page = wire.aws().list_open(None).await.unwrap();
    assert_eq!((page.waits, page.slots), (vec![], TakenSlots::default()));
    assert!(page.next.is_none());
    let asked = wire.only();
    assert_eq!(asked.action(), "Query");
    let body = asked.json();
    assert_eq!(body["IndexName"], "open-waits");
    assert_eq!(spelled(&body, "KeyConditionExpression"), "open = :open");
    assert_eq!(body["ExpressionAttributeValues"][":open"]["S"], "wait");
}

#[tokio::test]
async fn the_holders_come_with_the_waits_and_a_page_leads_to_the_next() {
    let holder = copy_arn(&a_run("orders"), 1);
    let slots = json!({
        "pk": { "S": "slots#copy" }, "open": { "S": "wait" }, "since": { "N": "0" },
        "holders": { "SS": [holder.to_string(), "not an ARN"] },
    });
    let last = json!({
        "pk": { "S": "wait#x" }, "open": { "S": "wait" }, "since": { "N": "1763780760250" },
    });
    let first = json!({ "Items": [slots, item("t")], "Count": 2, "LastEvaluatedKey": last });
    let second = json!({ "Items": [item("u")], "Count": 1 });
    let wire = Wire::new([ok(first.to_string()), ok(second.to_string())]);
    let aws = wire.aws();
    let page = aws.list_open(None).await.unwrap();
    assert_eq!(page.waits, [a_wait("t")]);
    assert_eq!(page.slots.holders(), [holder].into());
    let page = aws.list_open(page.next).await.unwrap();
    assert_eq!(page.waits, [a_wait("u")]);
    assert!(page.next.is_none());
    assert_eq!(wire.asked()[1].json()["ExclusiveStartKey"], last);
}

fn unbounded(max: usize) -> SlotLimits {
    SlotLimits::new(max)
}

fn gold() -> PolicyName {
    PolicyName::parse("gold").unwrap()
}

#[tokio::test]
async fn a_slot_of_a_bounded_policy_is_claimed_in_both_sets_by_one_write() {
    let wire = Wire::new([ok("{}"), conflict()]);
    let copy = copy_arn(&a_run("orders"), 1);
    let limits = SlotLimits::new(20).with(SlotGroup::Policy(gold()), 2);
    assert!(wire.aws().claim_slot(&copy, &limits).await.unwrap());
    assert!(!wire.aws().claim_slot(&copy, &limits).await.unwrap());
    let body = wire.asked()[0].json();
    assert_eq!(
        spelled(&body, "UpdateExpression"),
        format!(
            "ADD holders :copies, holders_of:gold :copies SET open = :wait, since = :zero \
             REMOVE handed:{copy}"
        )
    );
    assert_eq!(
        spelled(&body, "ConditionExpression"),
        "contains(holders, :copy) OR (attribute_not_exists(holders) OR size(holders) < :most) AND \
         (attribute_not_exists(holders_of:gold) OR size(holders_of:gold) < :most_of OR \
         contains(holders_of:gold, :copy))"
    );
    let values = &body["ExpressionAttributeValues"];
    assert_eq!(
        (&values[":most"]["N"], &values[":most_of"]["N"]),
        (&json!("20"), &json!("2"))
    );
}

#[tokio::test]
async fn a_slot_of_a_bounded_policy_is_freed_in_both_sets_also_where_one_has_it_alone() {
    let copy = copy_arn(&a_run("orders"), 1);
    let wire = Wire::new([ok("{}"), ok("{}")]);
    let of = gold();
    let aws = wire.aws();
    let freed = aws.free_slot(&copy, Some(&of), &Abandoned::WaitGone).await;
    assert!(freed.unwrap());
    let body = wire.asked()[0].json();
    let update = &body["TransactItems"][1]["Update"];
    assert_eq!(
        spelled(update, "UpdateExpression"),
        format!("DELETE holders :copies, holders_of:gold :copies REMOVE handed:{copy}")
    );
    assert_eq!(
        spelled(update, "ConditionExpression"),
        "contains(holders, :copy) OR contains(holders_of:gold, :copy)"
    );
}

#[tokio::test]
async fn the_holders_say_for_which_policy_they_count() {
    let [a, b, c] = ["a", "b", "c"].map(|name| copy_arn(&a_run(name), 1));
    let names = |copies: &[&snapferry::domain::id::arn::RdsArn]| {
        let names: Vec<String> = copies.iter().map(ToString::to_string).collect();
        json!({ "SS": names })
    };
    let slots = json!({
        "pk": { "S": "slots#copy" }, "open": { "S": "wait" }, "since": { "N": "0" },
        "holders": names(&[&a, &b]), "holders_of:gold": names(&[&b, &c]), "holders_of:no name": names(&[&a]),
    });
    let wire = Wire::new([ok(json!({ "Items": [slots] }).to_string())]);
    let page = wire.aws().list_open(None).await.unwrap();
    let groups = [
        (SlotGroup::All, [a, b.clone()].into()),
        (SlotGroup::Policy(gold()), [b, c].into()),
    ];
    assert_eq!(page.slots.groups, groups.into());
}

#[tokio::test]
async fn a_slot_is_claimed_under_the_limit_or_if_it_is_held() {
    let wire = Wire::new([ok("{}"), conflict(), throttled()]);
    let aws = wire.aws();
    let copy = copy_arn(&a_run("orders"), 1);
    assert!(aws.claim_slot(&copy, &unbounded(20)).await.unwrap());
    assert!(!aws.claim_slot(&copy, &unbounded(20)).await.unwrap());
    aws.claim_slot(&copy, &unbounded(20)).await.unwrap_err();
    let body = wire.asked()[0].json();
    assert_eq!(body["Key"]["pk"]["S"], "slots#copy");
    assert_eq!(
        spelled(&body, "ConditionExpression"),
        "contains(holders, :copy) OR (attribute_not_exists(holders) OR size(holders) < :most)"
    );
    assert_eq!(
        spelled(&body, "UpdateExpression"),
        format!("ADD holders :copies SET open = :wait, since = :zero REMOVE handed:{copy}")
    );
    let values = &body["ExpressionAttributeValues"];
    assert_eq!(values[":most"]["N"], "20");
    assert_eq!(values[":copies"]["SS"], json!([copy.to_string()]));
    assert_eq!(values[":copy"]["S"], copy.to_string());
    assert_eq!(values[":zero"]["N"], "0");
}

#[tokio::test]
async fn a_slot_of_a_cluster_is_claimed_and_freed_in_the_set_of_clusters_too() {
    let wire = Wire::new([ok("{}"), ok("{}"), ok("{}")]);
    let aws = wire.aws();
    let copy = "arn:aws:rds:eu-central-1:111122223333:cluster-snapshot:sf-orders";
    let copy = RdsArn::parse(copy).unwrap();
    let limits = SlotLimits::new(20)
        .with(SlotGroup::Clusters, 5)
        .with(SlotGroup::ClustersOf(gold()), 2);
    assert!(aws.claim_slot(&copy, &limits).await.unwrap());
    let of = gold();
    let freed = aws.free_slot(&copy, Some(&of), &Abandoned::WaitGone).await;
    assert!(freed.unwrap());
    let claim = wire.asked()[0].json();
    assert_eq!(
        spelled(&claim, "UpdateExpression"),
        format!(
            "ADD holders :copies, clusters :copies, clusters_of:gold :copies SET open = :wait, since = :zero \
             REMOVE handed:{copy}"
        )
    );
    assert_eq!(
        spelled(&claim, "ConditionExpression"),
        "contains(holders, :copy) OR (attribute_not_exists(holders) OR size(holders) < :most) AND \
         (attribute_not_exists(clusters) OR size(clusters) < :most_clusters OR contains(clusters, :copy)) AND \
         (attribute_not_exists(clusters_of:gold) OR size(clusters_of:gold) < :most_of_clusters OR \
         contains(clusters_of:gold, :copy))"
    );
    assert_eq!(
        claim["ExpressionAttributeValues"][":most_clusters"]["N"],
        "5"
    );
    let free = &wire.asked()[1].json()["TransactItems"][1]["Update"];
    assert_eq!(
        spelled(free, "UpdateExpression"),
        format!(
            "DELETE holders :copies, holders_of:gold :copies, clusters :copies, clusters_of:gold :copies \
             REMOVE handed:{copy}"
        )
    );
}

#[tokio::test]
async fn a_learnt_limit_is_read_consistently_and_written_over_what_was_known() {
    let stored = json!({ "Item": {
        "pk": { "S": "limit#cluster" }, "in_flight": { "N": "5" }, "since": { "N": "1795316401000" },
        "step": { "N": "2" },
    } });
    let broken = json!({ "Item": { "pk": { "S": "limit#cluster" }, "in_flight": { "N": "-5" } } });
    let wire = Wire::new([
        ok(stored.to_string()),
        ok("{}"),
        ok(broken.to_string()),
        ok("{}"),
        conflict(),
        throttled(),
    ]);
    let (aws, of) = (wire.aws(), Family::Cluster);
    let known = LearntLimit {
        in_flight: 5,
        since: claimed_at(),
        step: 2,
    };
    let read = aws.learnt_limit(of).await.unwrap();
    assert_eq!(read, Some(known.clone()));
    assert_eq!(aws.learnt_limit(of).await.unwrap(), None);
    aws.learnt_limit(of).await.unwrap_err();
    let next = LearntLimit {
        step: 3,
        ..known.clone()
    };
    let written = aws.learn_limit(of, Some(&known), &next).await.unwrap();
    assert_eq!(written, Written::Stored);
    let written = aws.learn_limit(of, None, &next).await.unwrap();
    assert_eq!(written, Written::Conflict);
    aws.learn_limit(of, None, &next).await.unwrap_err();
    let asked: Vec<Value> = wire.asked().iter().map(|asked| asked.json()).collect();
    assert_eq!(asked[0]["ConsistentRead"], true);
    assert_eq!(asked[0]["Key"]["pk"]["S"], "limit#cluster");
    assert_eq!(
        spelled(&asked[3], "ConditionExpression"),
        "in_flight = :known AND since = :known_since AND step = :known_step"
    );
    assert_eq!(asked[3]["ExpressionAttributeValues"][":step"]["N"], "3");
    assert_eq!(
        spelled(&asked[4], "ConditionExpression"),
        "attribute_not_exists(in_flight)"
    );
}

pub(crate) fn cancelled(codes: [&str; 2]) -> Reply {
    let reasons: Vec<Value> = codes.map(|code| json!({ "Code": code })).into();
    let body = json!({
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        "Message": "Transaction cancelled",
        "CancellationReasons": reasons,
    });
    Reply::Http(400, body.to_string())
}

#[tokio::test]
async fn a_slot_is_freed_only_while_the_proof_holds() {
    let copy = copy_arn(&a_run("orders"), 1);
    let since = time("2026-11-22T03:06:00.250Z");
    let proofs = [
        (Abandoned::WaitGone, "attribute_not_exists(pk)"),
        (
            Abandoned::RegisteredSince(since),
            "phase = :registered AND since = :since",
        ),
    ];
    for (proof, condition) in proofs {
        let wire = Wire::new([ok("{}"), ok("{}")]);
        assert!(wire.aws().free_slot(&copy, None, &proof).await.unwrap());
        let asked = wire.asked();
        assert_eq!(asked[0].action(), "TransactWriteItems");
        let body = asked[0].json();
        let check = &body["TransactItems"][0]["ConditionCheck"];
        assert_eq!(check["Key"]["pk"]["S"], format!("wait#{copy}"));
        assert_eq!(spelled(check, "ConditionExpression"), condition);
        let update = &body["TransactItems"][1]["Update"];
        assert_eq!(
            spelled(update, "UpdateExpression"),
            format!("DELETE holders :copies REMOVE handed:{copy}")
        );
        assert_eq!(
            spelled(&asked[1].json(), "UpdateExpression"),
            "REMOVE open, since"
        );
        if let Abandoned::RegisteredSince(_) = proof {
            let since = since.as_millisecond().to_string();
            assert_eq!(check["ExpressionAttributeValues"][":since"]["N"], since);
        }
    }
}

#[tokio::test]
async fn a_slot_whose_proof_is_gone_is_kept_and_a_throttle_is_an_error() {
    let copy = copy_arn(&a_run("orders"), 1);
    let wire = Wire::new([cancelled(["ConditionalCheckFailed", "None"])]);
    assert!(
        !wire
            .aws()
            .free_slot(&copy, None, &Abandoned::WaitGone)
            .await
            .unwrap()
    );
    assert_eq!(wire.asked().len(), 1);
    let wire = Wire::new([cancelled(["ThrottlingError", "None"])]);
    wire.aws()
        .free_slot(&copy, None, &Abandoned::WaitGone)
        .await
        .unwrap_err();
}

fn claimed_at() -> jiff::Timestamp {
    time("2026-11-22T03:00:01Z")
}

fn execution(name: &str) -> ExecutionName {
    ExecutionName::parse(name).unwrap()
}

#[tokio::test]
async fn a_run_is_claimed_if_none_is_open_or_it_is_this_or_the_ended_one() {
    let wire = Wire::new([ok("{}"), ok("{}"), ok("{}")]);
    let aws = wire.aws();
    let claim = aws
        .claim_run(&a_run("orders"), &execution("this"), claimed_at(), None)
        .await;
    assert_eq!(claim.unwrap(), Claim::Ours);
    for since in [Some(claimed_at()), None] {
        let ended = Held {
            by: execution("ended"),
            since,
        };
        let this = execution("this");
        let claim = aws
            .claim_run(&a_run("orders"), &this, claimed_at(), Some(&ended))
            .await;
        assert_eq!(claim.unwrap(), Claim::Ours);
    }
    let asked: Vec<Value> = wire.asked().iter().map(|one| one.json()).collect();
    let [first, second, third] = &asked[..] else {
        panic!("{} calls", asked.len());
    };
    assert_eq!(first["Key"]["pk"]["S"], "database#db-ORDERS#default");
    assert_eq!(
        spelled(first, "ConditionExpression"),
        "attribute_not_exists(open_execution) OR open_execution = :this"
    );
    assert_eq!(
        spelled(second, "ConditionExpression"),
        "attribute_not_exists(open_execution) OR open_execution = :this OR (open_execution = :other AND claimed_at = :since)"
    );
    assert_eq!(
        spelled(third, "ConditionExpression"),
        "attribute_not_exists(open_execution) OR open_execution = :this OR (open_execution = :other AND attribute_not_exists(claimed_at))"
    );
    assert_eq!(
        second["ExpressionAttributeValues"][":since"]["N"],
        "1795316401000"
    );
    assert_eq!(second["ExpressionAttributeValues"][":other"]["S"], "ended");
    assert_eq!(
        first["ExpressionAttributeValues"][":at"]["N"],
        "1795316401000"
    );
}

#[tokio::test]
async fn the_run_that_holds_the_place_is_named() {
    let mut stored =
        json!({ "pk": { "S": "database#db-ORDERS#default" }, "open_execution": { "S": "other" } });
    for since in [None, Some(claimed_at())] {
        if since.is_some() {
            stored["claimed_at"] = json!({ "N": "1795316401000" });
        }
        let wire = Wire::new([conflict_with(&stored)]);
        let claim = wire
            .aws()
            .claim_run(&a_run("orders"), &execution("this"), claimed_at(), None)
            .await;
        assert_eq!(
            claim.unwrap(),
            Claim::HeldBy(Held {
                by: execution("other"),
                since
            })
        );
    }
    for reply in [conflict(), throttled()] {
        let wire = Wire::new([reply]);
        let claim = wire
            .aws()
            .claim_run(&a_run("orders"), &execution("this"), claimed_at(), None)
            .await;
        claim.unwrap_err();
    }
}

pub(crate) fn copied(taken_at: Option<&str>) -> Manifest {
    let run = a_run("orders");
    Manifest {
        step: Step::Copy,
        snapshot: copy_arn(&run, 1),
        source: Some(snapshot_arn(&run, 1)),
        database: run.database.arn.clone(),
        resource_id: run.database.resource_id.clone(),
        engine: "postgres".to_owned(),
        engine_version: "17.2".to_owned(),
        size_gib: 100,
        key: Some(run.key),
        taken_at: taken_at.map(time),
    }
}

#[tokio::test]
async fn a_recovery_point_is_entered_unless_a_younger_one_is_and_ends_its_own_run_only() {
    let run = a_run("orders");
    let copy = copied(Some("2026-11-22T03:01:00.250Z"));
    // Both writes meet newer ones, and neither is an error.
    let wire = Wire::new([conflict(), conflict()]);
    let aws = wire.aws();
    let execution = execution_arn("this");
    aws.record_recovery_point(&run, &execution, &copy)
        .await
        .unwrap();
    let asked: Vec<Value> = wire.asked().iter().map(|asked| asked.json()).collect();
    assert_eq!(asked.len(), 2);
    assert_eq!(
        spelled(&asked[0], "ConditionExpression"),
        "attribute_not_exists(taken_at) OR taken_at <= :taken"
    );
    let values = &asked[0]["ExpressionAttributeValues"];
    assert_eq!(
        values[":taken"]["N"],
        copy.taken_at.unwrap().as_millisecond().to_string()
    );
    let point = values[":point"]["S"].as_str().unwrap();
    assert_eq!(snapferry::json::manifest::read(point).unwrap(), copy);
    assert_eq!(
        spelled(&asked[1], "UpdateExpression"),
        "REMOVE open_execution, claimed_at, open_input"
    );
    assert_eq!(
        spelled(&asked[1], "ConditionExpression"),
        "open_execution = :this"
    );
    assert_eq!(asked[1]["ExpressionAttributeValues"][":this"]["S"], "this");
}

#[tokio::test]
async fn a_recovery_point_of_unknown_age_takes_nobodys_place() {
    let wire = Wire::new([ok("{}")]);
    let execution = execution_arn("this");
    let aws = wire.aws();
    aws.record_recovery_point(&a_run("orders"), &execution, &copied(None))
        .await
        .unwrap();
    let body = wire.asked()[0].json();
    assert_eq!(
        spelled(&body, "ConditionExpression"),
        "attribute_not_exists(recovery_point)"
    );
}

#[tokio::test]
async fn a_recovery_point_that_is_not_entered_keeps_its_run() {
    let wire = Wire::new([throttled()]);
    let copy = copied(Some("2026-11-22T03:01:00Z"));
    let execution = execution_arn("this");
    let aws = wire.aws();
    aws.record_recovery_point(&a_run("orders"), &execution, &copy)
        .await
        .unwrap_err();
    assert!(
        wire.asked()
            .iter()
            .all(|asked| asked.body.contains(":point"))
    );
}

#[tokio::test]
async fn a_refusal_is_written_beside_what_the_entry_has_and_one_that_cannot_be_read_hides_nothing()
{
    let run = a_run("orders");
    let refusal = RefusedForGood {
        at: time("2026-11-22T03:10:00Z"),
        words: "CopyDBSnapshot in eu-central-1: InvalidParameterValue: no".to_owned(),
        fingerprint: Fingerprint::of(&["17.2"]),
        planned_at: run.planned_at,
        source: Some(snapshot_arn(&run, 1)),
    };
    let item = |refused: &str| {
        let item = json!({
            "pk": { "S": "database#db-ORDERS#default" }, "refused": { "S": refused },
            "open_execution": { "S": "sf-this" },
        });
        ok(json!({ "Responses": { TABLE: [item] } }).to_string())
    };
    let wire = Wire::new([
        ok("{}"),
        ok("{}"),
        item(&snapferry::json::refusal::write(&refusal)),
        item("nonsense"),
    ]);
    let aws = wire.aws();
    let (database, policy) = (&run.database, &run.policy);
    aws.remember_refusal(database, policy, &refusal)
        .await
        .unwrap();
    aws.forget_refusal(database, policy).await.unwrap();
    let of = [(database.resource_id.clone(), policy.clone())];
    for expected in [Some(refusal), None] {
        let entries = aws.read_entries(&of).await.unwrap();
        assert_eq!(entries[0].refused, expected);
        assert!(entries[0].open.is_some());
    }
    let [remembers, forgets] = [0, 1].map(|n| wire.asked()[n].json());
    assert_eq!(remembers["Key"]["pk"]["S"], "database#db-ORDERS#default");
    assert_eq!(
        spelled(&remembers, "UpdateExpression"),
        "SET refused = :refused, database = :arn"
    );
    assert_eq!(spelled(&forgets, "UpdateExpression"), "REMOVE refused");
}

fn cursor(kept: &[KeptWhy]) -> Cursor {
    let kept = kept.iter().map(|why| Kept {
        database: a_run("orders").database,
        why: *why,
        due: time("2026-11-22T03:00:00Z"),
    });
    Cursor {
        until: time("2026-11-22T03:00:00Z"),
        kept: kept.collect(),
        spread: None,
    }
}

#[tokio::test]
async fn the_plans_cursor_never_goes_back() {
    let policy = a_run("orders").policy;
    let wire = Wire::new([ok("{}"), conflict(), throttled()]);
    let aws = wire.aws();
    let source = region(SOURCE);
    let left_over = cursor(&[KeptWhy::NotNow]);
    aws.set_plan_cursor(&policy, &source, &cursor(&[]))
        .await
        .unwrap();
    aws.set_plan_cursor(&policy, &source, &left_over)
        .await
        .unwrap();
    aws.set_plan_cursor(&policy, &source, &left_over)
        .await
        .unwrap_err();
    let [first, second] = [0, 1].map(|n| wire.asked()[n].json());
    assert_eq!(first["Key"]["pk"]["S"], "planned#default#eu-west-1");
    for body in [&first, &second] {
        assert_eq!(
            spelled(body, "ConditionExpression"),
            "attribute_not_exists(until) OR until <= :due"
        );
    }
    assert_eq!(
        spelled(&first, "UpdateExpression"),
        "SET until = :due REMOVE kept, spread_over, spread_through"
    );
    assert_eq!(
        spelled(&second, "UpdateExpression"),
        "SET until = :due, kept = :kept REMOVE spread_over, spread_through"
    );
}

#[tokio::test]
async fn how_far_a_spread_has_come_is_written_with_the_cursor_and_read_again() {
    let policy = a_run("orders").policy;
    let mut half_way = cursor(&[KeptWhy::NotNow]);
    half_way.kept[0].due = time("2026-11-21T03:00:00Z");
    half_way.spread = Some(OpenSpread {
        over: SignedDuration::from_mins(30),
        through: time("2026-11-22T03:10:00Z"),
    });
    let kept = snapferry::json::kept::write(&half_way.kept, half_way.until);
    let item = |over: &str| {
        let through = half_way
            .spread
            .unwrap()
            .through
            .as_millisecond()
            .to_string();
        let until = half_way.until.as_millisecond().to_string();
        ok(json!({ "Item": {
            "until": { "N": until }, "kept": { "S": kept }, "spread_over": { "N": over },
            "spread_through": { "N": through },
        } })
        .to_string())
    };
    let wire = Wire::new([ok("{}"), item("1800"), item("soon")]);
    let (aws, source) = (wire.aws(), region(SOURCE));
    aws.set_plan_cursor(&policy, &source, &half_way)
        .await
        .unwrap();
    let written = wire.asked()[0].json();
    assert_eq!(
        spelled(&written, "UpdateExpression"),
        "SET until = :due, kept = :kept, spread_over = :over, spread_through = :through"
    );
    assert_eq!(written["ExpressionAttributeValues"][":over"]["N"], "1800");
    let read = aws.plan_cursor(&policy, &source).await.unwrap();
    assert_eq!(read, Some(half_way.clone()));
    let read = aws.plan_cursor(&policy, &source).await.unwrap().unwrap();
    assert_eq!(
        read.spread, None,
        "it cannot be read: the due time counts as planned"
    );
}

#[tokio::test]
async fn the_plans_cursor_is_read_consistently_and_unreadable_names_do_not_stop_the_planner() {
    let policy = a_run("orders").policy;
    let left_over = cursor(&[KeptWhy::NotNow, KeptWhy::StillRunning, KeptWhy::NotStarted]);
    let until = left_over.until.as_millisecond().to_string();
    let item = |kept: &str| {
        let item = json!({ "until": { "N": until }, "kept": { "S": kept } });
        ok(json!({ "Item": item }).to_string())
    };
    let later_word = r#"[{"arn":"arn:aws:rds:eu-west-1:111122223333:db:orders","resource_id":"db-ORDERS","why":"new"}]"#;
    let wire = Wire::new([
        item(&snapferry::json::kept::write(
            &left_over.kept,
            left_over.until,
        )),
        item(later_word),
        item("nonsense"),
        ok("{}"),
        ok(r#"{"Item":{"until":{"S":"soon"}}}"#),
    ]);
    let aws = wire.aws();
    let source = region(SOURCE);
    for expected in [left_over, cursor(&[KeptWhy::NotStarted]), cursor(&[])] {
        let read = aws.plan_cursor(&policy, &source).await;
        assert_eq!(read.unwrap(), Some(expected));
    }
    assert_eq!(aws.plan_cursor(&policy, &source).await.unwrap(), None);
    aws.plan_cursor(&policy, &source).await.unwrap_err();
    assert_eq!(wire.asked()[0].json()["ConsistentRead"], true);
}

#[tokio::test]
async fn entries_are_read_in_one_call_and_a_broken_one_hides_no_other() {
    let run = a_run("orders");
    let point = snapferry::json::manifest::write(&copied(None));
    let answer = json!({ "Responses": { TABLE: [
        {
            "pk": { "S": "database#db-ORDERS#default" },
            "open_execution": { "S": "sf-this" },
            "recovery_point": { "S": point },
        },
        { "pk": { "S": "database#db-BROKEN#default" }, "recovery_point": { "S": "{}" } },
        { "pk": { "S": "database#db-NEW#default" } },
    ]}});
    let wire = Wire::new([ok(answer.to_string())]);
    let aws = wire.aws();
    let pair = (run.database.resource_id, run.policy);
    let entries = aws.read_entries(std::slice::from_ref(&pair)).await.unwrap();
    assert_eq!(entries.len(), 2);
    assert_eq!(
        (&entries[0].database, &entries[0].policy),
        (&pair.0, &pair.1)
    );
    let open = entries[0].open.as_ref().map(ToString::to_string);
    assert_eq!(open.as_deref(), Some("sf-this"));
    assert_eq!(entries[0].newest, Some(copied(None)));
    assert_eq!((&entries[1].open, &entries[1].newest), (&None, &None));
    let asked = wire.only().json();
    let keys = &asked["RequestItems"][TABLE]["Keys"];
    assert_eq!(
        *keys,
        json!([{ "pk": { "S": "database#db-ORDERS#default" } }])
    );
    assert_eq!(aws.read_entries(&[]).await.unwrap(), []);
}

#[tokio::test]
async fn a_claim_is_written_with_the_hash_of_its_input_and_read_consistently() {
    let the_run = a_run("orders");
    let wire = Wire::new([ok("{}")]);
    let claim = wire
        .aws()
        .claim_run(&the_run, &execution("this"), claimed_at(), None)
        .await;
    assert_eq!(claim.unwrap(), Claim::Ours);
    let body = wire.only().json();
    assert_eq!(
        spelled(&body, "UpdateExpression"),
        "SET open_execution = :this, claimed_at = :at, database = :arn, open_input = :input"
    );
    let input = body["ExpressionAttributeValues"][":input"]["S"].clone();
    let hash = snapferry::json::run::hash(&the_run);
    assert_eq!(input, format!("this {}", hash.as_str()));

    let row = |open: &str, input: &Value| {
        let item = json!({ "pk": { "S": "x" }, "open_execution": { "S": open }, "open_input": { "S": input } });
        ok(json!({ "Item": item }).to_string())
    };
    let stale = json!(format!("before {}", hash.as_str()));
    let broken = json!({ "Item": { "pk": { "S": "x" }, "open_execution": { "S": "this" }, "open_input": { "N": "1" } } });
    let wire = Wire::new([
        row("this", &input),
        row("this", &json!("this another-hash")),
        // An earlier version claimed for this execution and left the hash of the one before.
        row("this", &stale),
        row("that", &input),
        ok("{}"),
        ok(broken.to_string()),
        throttled(),
    ]);
    let aws = wire.aws();
    let check = || aws.check_claim(&the_run, "this");
    assert_eq!(check().await.unwrap(), Permit::Given);
    let other_input = Permit::Refused(NotPermitted::OtherInput);
    assert_eq!(check().await.unwrap(), other_input);
    assert_eq!(check().await.unwrap(), Permit::ByNameAlone);
    let by_that = Permit::Refused(NotPermitted::ClaimedBy(execution("that")));
    assert_eq!(check().await.unwrap(), by_that);
    let unclaimed = Permit::Refused(NotPermitted::Unclaimed);
    assert_eq!(check().await.unwrap(), unclaimed);
    check().await.unwrap_err();
    check().await.unwrap_err();
    let body = wire.asked()[0].json();
    assert_eq!(body["ConsistentRead"], true);
    assert_eq!(body["Key"]["pk"]["S"], "database#db-ORDERS#default");
}
