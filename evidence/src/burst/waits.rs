//! Waits put into the table, and hints into the queue, from outside the product.

use anyhow::{Context as _, bail};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;
use serde_json::{Value, json};
use snapferry::domain::limits::WAIT_TIME_TO_LIVE;
use snapferry::json;

use super::stand_in::StandIn;
use super::world::{ACCOUNT, Awaited, RECOVERY, SOURCE};
use snapferry_sim::local::{Client, JsonService};

/// The most items that one BatchWriteItem takes.
const ITEMS_PER_CALL: usize = 25;
/// The most messages that one SendMessageBatch takes.
const MESSAGES_PER_CALL: usize = 10;
const CALLS_AT_ONCE: usize = 4;
/// As long as those that public samples show.
const TOKEN_CHARACTERS: usize = 664;

/// Stores a wait for each of these, as the worker does once RDS has accepted the request. `round` tells their tokens
/// from those of another round.
///
/// # Errors
/// When the emulator refuses one.
pub(super) async fn store(
    client: &Client,
    table: &str,
    stand_in: &StandIn,
    round: &str,
    awaited: &[Awaited],
) -> anyhow::Result<()> {
    let now = Timestamp::now();
    let mut items = Vec::with_capacity(awaited.len());
    let mut tokens = Vec::with_capacity(awaited.len());
    for (n, one) in awaited.iter().enumerate() {
        let token = format!("{:A<TOKEN_CHARACTERS$}", format!("{round}{n:06}"));
        items.push(item(one, &token, now));
        tokens.push(token);
    }
    stand_in.put_to_sleep(tokens);
    let calls = items.chunks(ITEMS_PER_CALL).map(|items| {
        let puts: Vec<Value> = items
            .iter()
            .map(|item| json!({ "PutRequest": { "Item": item } }))
            .collect();
        json!({ "RequestItems": { table: puts } })
    });
    stream::iter(calls)
        .map(|request| async move {
            let answer = client
                .call(JsonService::DYNAMODB, "BatchWriteItem", &request)
                .await?;
            match answer.get("UnprocessedItems").and_then(Value::as_object) {
                Some(left) if !left.is_empty() => bail!("the emulator left items unwritten"),
                _ => Ok(()),
            }
        })
        .buffer_unordered(CALLS_AT_ONCE)
        .try_collect::<Vec<()>>()
        .await?;
    Ok(())
}

/// The item of `snapferry`'s table. If this form were wrong, Snapferry could not read the waits and the run would fail.
fn item(awaited: &Awaited, token: &str, now: Timestamp) -> Value {
    let milliseconds = now.as_millisecond().to_string();
    let expires = now
        .saturating_add(WAIT_TIME_TO_LIVE)
        .unwrap_or(Timestamp::MAX);
    let name = awaited.snapshot.name();
    json!({
        "pk": { "S": format!("wait#{}", awaited.snapshot) },
        "open": { "S": "wait" },
        "since": { "N": milliseconds },
        "opened_at": { "N": milliseconds },
        "phase": { "S": "requested" },
        "token": { "S": token },
        "step": { "S": "snapshot" },
        "execution": { "S": format!("arn:aws:states:{RECOVERY}:{ACCOUNT}:execution:snapferry:{name}") },
        "retry": { "N": "0" },
        "run": { "S": json::run::write(&awaited.run) },
        "expected": { "M": { "kind": { "S": "snapshot" } } },
        "ttl": { "N": expires.as_second().to_string() },
    })
}

/// The resources of all waits in the table.
///
/// # Errors
/// When the emulator does not answer.
pub(super) async fn open(client: &Client, table: &str) -> anyhow::Result<Vec<String>> {
    let mut request = json!({
        "TableName": table,
        "IndexName": "open-waits",
        "KeyConditionExpression": "#open = :wait",
        "ExpressionAttributeNames": { "#open": "open" },
        "ExpressionAttributeValues": { ":wait": { "S": "wait" } },
    });
    let mut all = Vec::new();
    loop {
        let mut answer = client
            .call(JsonService::DYNAMODB, "Query", &request)
            .await?;
        let items = answer
            .get("Items")
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        let keys = items.filter_map(|item| item.get("pk")?.get("S")?.as_str());
        all.extend(keys.filter_map(|key| key.strip_prefix("wait#").map(ToOwned::to_owned)));
        match answer.get_mut("LastEvaluatedKey").map(Value::take) {
            Some(next) if !next.is_null() => request["ExclusiveStartKey"] = next,
            _ => return Ok(all),
        }
    }
}

/// What EventBridge would put into the events queue when RDS says that this snapshot is there.
pub(super) fn hint(snapshot: &str) -> String {
    let name = snapshot.rsplit(':').next().unwrap_or_default();
    json!({
        "version": "0",
        "id": format!("of-{name}"),
        "detail-type": "RDS DB Snapshot Event",
        "source": "aws.rds",
        "account": ACCOUNT,
        "time": "2026-11-23T03:00:00Z",
        "region": SOURCE,
        "resources": [snapshot],
        "detail": {
            "EventCategories": ["creation"],
            "SourceType": "SNAPSHOT",
            "SourceArn": snapshot,
            "Date": "2026-11-23T03:00:00.000Z",
            "SourceIdentifier": name,
            "Message": "Manual snapshot created",
            "EventID": "RDS-EVENT-0042",
        },
    })
    .to_string()
}

/// Sends messages to a queue, ten a call.
///
/// # Errors
/// When the emulator refuses one.
pub(super) async fn send(client: &Client, queue: &str, bodies: &[String]) -> anyhow::Result<()> {
    let calls = bodies.chunks(MESSAGES_PER_CALL).map(|bodies| {
        let entries: Vec<Value> = bodies
            .iter()
            .enumerate()
            .map(|(n, body)| json!({ "Id": format!("m{n}"), "MessageBody": body }))
            .collect();
        json!({ "QueueUrl": queue, "Entries": entries })
    });
    stream::iter(calls)
        .map(|request| async move {
            let answer = client
                .call(JsonService::SQS, "SendMessageBatch", &request)
                .await?;
            let sent = answer.get("Successful").and_then(Value::as_array);
            let asked = request.get("Entries").and_then(Value::as_array);
            let all = sent.map(Vec::len) == asked.map(Vec::len);
            all.then_some(())
                .context("the emulator did not take every hint")
        })
        .buffer_unordered(CALLS_AT_ONCE)
        .try_collect::<Vec<()>>()
        .await?;
    Ok(())
}
