//! What is sent to DynamoDB for the queue of copies and for slots that are handed on. No emulator refuses what DynamoDB
//! refuses here, so the expressions are pinned.

use serde_json::{Value, json};
use snapferry::domain::id::arn::{Family, RdsArn};
use snapferry::domain::id::tags::PolicyName;
use snapferry::domain::run::slot_limits::{SlotGroup, SlotLimits};
use snapferry::domain::run::taken_slots::{HandOver, SeenSlot, TakenSlots};
use snapferry::domain::run::turn::{QueuedCopy, Turn};
use snapferry::domain::run::wait::Phase;
use snapferry::ports::{
    Abandoned, ClaimSlot, FreeSlot, HandOnSlot, HandOutSlot, ListQueue, QueueCopies, ReadSlots,
    Waits, Written,
};

use crate::items::a_wait;
use crate::table::{cancelled, conflict, spelled, throttled};
use crate::wire::{Reply, Wire, ok};
use crate::world::{a_run, copy_arn, time, token};

fn copies(names: &[&str]) -> Vec<RdsArn> {
    names.iter().map(|name| copy_arn(&a_run(name), 1)).collect()
}

fn set(copies: &[RdsArn]) -> Value {
    let names: Vec<String> = copies.iter().map(ToString::to_string).collect();
    json!({ "SS": names })
}

fn gold() -> SlotGroup {
    SlotGroup::Policy(PolicyName::parse("gold").unwrap())
}

/// `done` hands its slot on to `next`, which counts for the policy `gold`.
fn swap() -> (TakenSlots, TakenSlots) {
    let [busy, done, next] = copies(&["busy", "done", "next"]).try_into().unwrap();
    let stamp = HandOver::first(time("2026-11-22T03:06:00.250Z"));
    let known = TakenSlots {
        groups: [(SlotGroup::All, [busy.clone(), done.clone()].into())].into(),
        handed: [(done, stamp)].into(),
    };
    let after = TakenSlots {
        groups: [
            (SlotGroup::All, [busy, next.clone()].into()),
            (gold(), [next.clone()].into()),
        ]
        .into(),
        handed: [(next, stamp)].into(),
    };
    (known, after)
}

/// DynamoDB refuses an update that adds to a set and takes from it ("Two document paths overlap"). So each set is written
/// whole, and no path stands in the update twice.
#[tokio::test]
async fn a_slot_is_handed_on_by_writing_each_set_whole_under_the_condition_of_what_was_known() {
    let [busy, done, next]: [RdsArn; 3] = copies(&["busy", "done", "next"]).try_into().unwrap();
    let (known, after) = swap();
    let wire = Wire::new([ok("{}")]);
    let written = wire.aws().hand_on_slot(&done, &known, &after).await;
    assert_eq!(written.unwrap(), Written::Stored);
    let asked = wire.only();
    assert_eq!(asked.action(), "TransactWriteItems");
    let body = asked.json();
    let check = &body["TransactItems"][0]["ConditionCheck"];
    assert_eq!(check["Key"]["pk"]["S"], format!("wait#{done}"));
    assert_eq!(
        spelled(check, "ConditionExpression"),
        "attribute_not_exists(pk)"
    );
    let update = &body["TransactItems"][1]["Update"];
    assert_eq!(update["Key"]["pk"]["S"], "slots#copy");
    assert_eq!(
        spelled(update, "UpdateExpression"),
        format!(
            "SET holders = :after0, holders_of:gold = :after1, handed:{next} = :new0 \
             REMOVE handed:{done}"
        )
    );
    assert_eq!(
        spelled(update, "ConditionExpression"),
        format!(
            "holders = :known0 AND attribute_not_exists(holders_of:gold) AND \
             attribute_not_exists(handed:{next})"
        )
    );
    let values = &update["ExpressionAttributeValues"];
    assert_eq!(values[":known0"], set(&[busy.clone(), done]));
    assert_eq!(values[":after0"], set(&[busy, next.clone()]));
    assert_eq!(values[":after1"], set(&[next]));
    let stamp = json!({ "M": { "at": { "N": "1795316760250" }, "times": { "N": "1" } } });
    assert_eq!(values[":new0"], stamp);
}

/// A stamp of an earlier version may be left over.
#[tokio::test]
async fn a_stamp_is_renewed_over_the_one_that_was_known() {
    let (mut known, after) = swap();
    let [done, next]: [RdsArn; 2] = copies(&["done", "next"]).try_into().unwrap();
    let old = HandOver {
        at: time("2026-11-21T03:06:00.250Z"),
        times: 3,
    };
    known.handed.insert(next.clone(), old);
    let wire = Wire::new([ok("{}")]);
    let written = wire.aws().hand_on_slot(&done, &known, &after).await;
    assert_eq!(written.unwrap(), Written::Stored);
    let body = wire.only().json();
    let update = &body["TransactItems"][1]["Update"];
    assert_eq!(
        spelled(update, "ConditionExpression"),
        format!(
            "holders = :known0 AND attribute_not_exists(holders_of:gold) AND handed:{next} = :old0"
        )
    );
    let values = &update["ExpressionAttributeValues"];
    assert_eq!(values[":old0"]["M"]["times"]["N"], "3");
    assert_eq!(values[":new0"]["M"]["times"]["N"], "1");
}

#[tokio::test]
async fn a_hand_over_that_meets_another_is_a_conflict_and_a_throttle_is_an_error() {
    let done = copy_arn(&a_run("done"), 1);
    let (known, after) = swap();
    for codes in [
        ["ConditionalCheckFailed", "None"],
        ["None", "ConditionalCheckFailed"],
        ["None", "TransactionConflict"],
    ] {
        let wire = Wire::new([cancelled(codes)]);
        let written = wire.aws().hand_on_slot(&done, &known, &after).await;
        assert_eq!(written.unwrap(), Written::Conflict, "{codes:?}");
    }
    let wire = Wire::new([cancelled(["ThrottlingError", "None"])]);
    let written = wire.aws().hand_on_slot(&done, &known, &after).await;
    written.unwrap_err();
}

#[tokio::test]
async fn a_slot_is_handed_out_with_a_stamp_over_the_one_that_was_known() {
    let copy = copy_arn(&a_run("orders"), 1);
    let first = HandOver::first(time("2026-11-22T03:06:00.250Z"));
    let second = first.next(time("2026-11-22T03:07:00.250Z"));
    let wire = Wire::new([ok("{}"), ok("{}"), conflict(), ok("{}")]);
    let (aws, limits) = (wire.aws(), SlotLimits::new(20));
    let hand_out = async |seen: SeenSlot, new: &HandOver| {
        let held = aws.hand_out_slot(&copy, &limits, &seen, new).await;
        held.unwrap()
    };
    assert!(hand_out(SeenSlot::Held, &first).await);
    assert!(hand_out(SeenSlot::Stamped(first), &second).await);
    assert!(!hand_out(SeenSlot::Stamped(first), &second).await);
    assert!(hand_out(SeenSlot::NotHeld, &first).await);
    let asked: Vec<Value> = wire.asked().iter().map(|asked| asked.json()).collect();
    for body in &asked {
        assert_eq!(
            spelled(body, "UpdateExpression"),
            format!("ADD holders :copies SET open = :wait, since = :zero, handed:{copy} = :handed")
        );
    }
    let may_hold =
        "contains(holders, :copy) OR (attribute_not_exists(holders) OR size(holders) < :most)";
    assert_eq!(
        spelled(&asked[0], "ConditionExpression"),
        format!("({may_hold}) AND attribute_not_exists(handed:{copy})")
    );
    assert_eq!(
        spelled(&asked[1], "ConditionExpression"),
        format!("({may_hold}) AND handed:{copy} = :known")
    );
    assert_eq!(
        spelled(&asked[3], "ConditionExpression"),
        format!(
            "({may_hold}) AND attribute_not_exists(handed:{copy}) AND NOT contains(holders, :copy)"
        )
    );
    let values = &asked[1]["ExpressionAttributeValues"];
    assert_eq!(values[":handed"]["M"]["times"]["N"], "2");
    assert_eq!(values[":known"]["M"]["times"]["N"], "1");
}

/// A transaction on the slots' item refuses an update that comes at the same moment.
fn met() -> Reply {
    let body = json!({
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionConflictException",
        "message": "Transaction is ongoing for the item",
    });
    Reply::Http(400, body.to_string())
}

#[tokio::test]
async fn a_free_that_meets_another_transaction_is_sent_again_a_few_times() {
    let copy = copy_arn(&a_run("orders"), 1);
    let met_another = || cancelled(["None", "TransactionConflict"]);
    let wire = Wire::new([met_another(), met_another(), ok("{}"), ok("{}")]);
    let freed = wire
        .aws()
        .free_slot(&copy, None, &Abandoned::WaitGone)
        .await;
    assert!(freed.unwrap());
    assert_eq!(wire.asked().len(), 4);
    let wire = Wire::new((0..9).map(|_| met_another()).collect::<Vec<_>>());
    let freed = wire
        .aws()
        .free_slot(&copy, None, &Abandoned::WaitGone)
        .await;
    freed.unwrap_err();
    assert_eq!(wire.asked().len(), 5);
}

/// The worker learns RDS's limit from a refusal only if its slot was freed.
#[tokio::test]
async fn a_slot_is_freed_even_if_its_item_stays_in_the_index() {
    let copy = copy_arn(&a_run("orders"), 1);
    let wire = Wire::new([ok("{}"), met(), ok("{}")]);
    let freed = wire
        .aws()
        .free_slot(&copy, None, &Abandoned::WaitGone)
        .await;
    assert!(freed.unwrap());
    assert_eq!(wire.asked().len(), 3);
    for refusal in [met, throttled] {
        let replies = std::iter::once(ok("{}")).chain((0..9).map(|_| refusal()));
        let wire = Wire::new(replies.collect::<Vec<_>>());
        let freed = wire
            .aws()
            .free_slot(&copy, None, &Abandoned::WaitGone)
            .await;
        assert!(freed.unwrap());
    }
}

#[tokio::test]
async fn a_claim_that_meets_a_transaction_is_sent_again_a_few_times() {
    let copy = copy_arn(&a_run("orders"), 1);
    let limits = SlotLimits::new(20);
    let wire = Wire::new([met(), met(), ok("{}")]);
    assert!(wire.aws().claim_slot(&copy, &limits).await.unwrap());
    assert_eq!(wire.asked().len(), 3);
    let wire = Wire::new((0..9).map(|_| met()).collect::<Vec<_>>());
    wire.aws().claim_slot(&copy, &limits).await.unwrap_err();
    assert_eq!(wire.asked().len(), 5);
}

#[tokio::test]
async fn the_slots_are_read_consistently_and_what_is_unknown_is_left_out() {
    let [busy, next]: [RdsArn; 2] = copies(&["busy", "next"]).try_into().unwrap();
    let item = json!({ "Item": {
        "pk": { "S": "slots#copy" }, "open": { "S": "wait" }, "since": { "N": "0" },
        "holders": set(&[busy.clone(), next.clone()]), "holders_of:gold": set(std::slice::from_ref(&next)),
        "holders_of:no name": set(std::slice::from_ref(&busy)), "of a later version": { "S": "?" },
        format!("handed:{next}"): { "M": { "at": { "N": "1795316760250" }, "times": { "N": "2" } } },
        "handed:nobody": { "S": "?" },
    } });
    let wire = Wire::new([ok(item.to_string()), ok("{}")]);
    let aws = wire.aws();
    let taken = aws.taken_slots().await.unwrap();
    let stamp = HandOver {
        at: time("2026-11-22T03:06:00.250Z"),
        times: 2,
    };
    let expected = TakenSlots {
        groups: [
            (SlotGroup::All, [busy, next.clone()].into()),
            (gold(), [next.clone()].into()),
        ]
        .into(),
        handed: [(next, stamp)].into(),
    };
    assert_eq!(taken, expected);
    assert_eq!(aws.taken_slots().await.unwrap(), TakenSlots::default());
    assert_eq!(wire.asked()[0].json()["ConsistentRead"], true);
}

#[tokio::test]
async fn the_queue_is_read_in_pages_of_the_sparse_index() {
    let wait = a_wait("t");
    let turn = Turn::of(&wait);
    let row = json!({
        "pk": { "S": format!("wait#{}", wait.resource) }, "queue": { "S": "instance" },
        "turn": { "S": turn.to_string() },
    });
    let broken =
        json!({ "pk": { "S": "wait#x" }, "queue": { "S": "instance" }, "turn": { "S": "1.2" } });
    let page = json!({ "Items": [broken, row], "Count": 2, "LastEvaluatedKey": row });
    let wire = Wire::new([ok(page.to_string()), ok(r#"{"Items":[],"Count":0}"#)]);
    let aws = wire.aws();
    let page = aws.list_queue(Family::Instance, None).await.unwrap();
    let copy = wait.resource.clone();
    assert_eq!(page.items, [QueuedCopy { turn, copy }]);
    let page = aws.list_queue(Family::Cluster, page.next).await.unwrap();
    assert!(page.items.is_empty() && page.next.is_none());
    let asked: Vec<Value> = wire.asked().iter().map(|asked| asked.json()).collect();
    assert_eq!(asked[0]["IndexName"], "copy-queue");
    assert_eq!(asked[0]["Limit"], 20);
    assert_eq!(
        spelled(&asked[0], "KeyConditionExpression"),
        "queue = :queue"
    );
    let queues = [0, 1].map(|n: usize| &asked[n]["ExpressionAttributeValues"][":queue"]["S"]);
    assert_eq!(queues, ["instance", "cluster"]);
    assert_eq!(asked[1]["ExclusiveStartKey"], row);
}

#[tokio::test]
async fn a_copy_is_queued_with_its_place_and_loses_it_in_every_other_phase() {
    let wait = a_wait("t");
    let since = time("2026-11-22T03:06:00.250Z");
    let wire = Wire::new([ok("{}"), conflict(), throttled()]);
    let aws = wire.aws();
    assert_eq!(aws.queue_copy(&wait, since).await.unwrap(), Written::Stored);
    let queued = aws.queue_copy(&wait, since).await;
    assert_eq!(queued.unwrap(), Written::Conflict);
    aws.queue_copy(&wait, since).await.unwrap_err();
    let body = wire.asked()[0].json();
    assert_eq!(
        spelled(&body, "UpdateExpression"),
        "SET phase = :queued, since = :since, queue = :queue, turn = :turn"
    );
    assert_eq!(
        spelled(&body, "ConditionExpression"),
        "token = :token AND attribute_not_exists(attempt) AND phase IN (:queued, :registered)"
    );
    let values = &body["ExpressionAttributeValues"];
    assert_eq!(values[":queue"]["S"], "instance");
    assert_eq!(values[":turn"]["S"], Turn::of(&wait).to_string());
    for phase in [Phase::Registered, Phase::Requested, Phase::Seen] {
        let wire = Wire::new([ok("{}")]);
        let marked = wire
            .aws()
            .set_phase(&wait.resource, &token("t"), phase, since)
            .await;
        marked.unwrap();
        assert_eq!(
            spelled(&wire.only().json(), "UpdateExpression"),
            "SET phase = :phase, since = :since REMOVE queue, turn"
        );
    }
}

#[tokio::test]
async fn a_place_in_the_queue_is_added_only_while_the_copy_is_queued_as_it_was_read() {
    let wait = a_wait("t");
    let wire = Wire::new([ok("{}"), conflict()]);
    let aws = wire.aws();
    assert_eq!(aws.give_turn(&wait).await.unwrap(), Written::Stored);
    assert_eq!(aws.give_turn(&wait).await.unwrap(), Written::Conflict);
    let body = wire.asked()[0].json();
    assert_eq!(
        spelled(&body, "UpdateExpression"),
        "SET queue = :queue, turn = :turn"
    );
    assert_eq!(
        spelled(&body, "ConditionExpression"),
        "token = :token AND attribute_not_exists(attempt) AND phase = :queued AND since = :since"
    );
    let values = &body["ExpressionAttributeValues"];
    let since = wait.since.as_millisecond().to_string();
    assert_eq!(values[":since"]["N"], since);
    assert_eq!(values[":queued"]["S"], "queued");
    assert_eq!(values[":turn"]["S"], Turn::of(&wait).to_string());
}

#[tokio::test]
async fn only_who_has_deleted_the_wait_is_told_so() {
    let resource = a_wait("t").resource;
    let wire = Wire::new([ok("{}"), conflict()]);
    let aws = wire.aws();
    assert!(aws.forget(&resource, &token("t")).await.unwrap());
    assert!(
        !aws.forget(&resource, &token("t")).await.unwrap(),
        "it was gone, or a newer token has it"
    );
    let body = wire.asked()[0].json();
    assert_eq!(spelled(&body, "ConditionExpression"), "token = :token");
}
