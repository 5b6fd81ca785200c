//! RDS's events: which come, in which region, and what they say.

use std::time::Instant;

use futures_util::FutureExt as _;
use serde_json::Value;
use snapferry::domain::id::arn::Region;
use snapferry::domain::id::tags::Tags;

use super::copies::compared;
use super::{is, yes_or_no};
use crate::bench::Bench;
use crate::error::{Answered, of};
use crate::plan::Thing;
use crate::question::Question;

pub(super) const EVENTS: Question = Question {
    name: "events",
    does: "listens in both regions for the events of an instance's and a cluster's snapshot and of the copy",
    expects: "a finished copy is RDS-EVENT-0060, in the recovery region alone and with the copy's ARN; a snapshot is \
              RDS-EVENT-0042, a cluster's 0075 or the same words",
    facts: &[
        is("of the finished copy", &["RDS-EVENT-0060"]),
        is("its SourceArn", &["the copy's"]),
        is("the copy's events in the source region", &["no"]),
        is("of the snapshot", &["RDS-EVENT-0042"]),
        is(
            "of the cluster's snapshot",
            &["RDS-EVENT-0075, or its words"],
        ),
    ],
    needs: &[Thing::Stacks, Thing::Instance, Thing::Copy, Thing::Clusters],
    ask: |bench| events(bench).boxed_local(),
};

async fn events(bench: &mut Bench) -> Answered<()> {
    let (snapshot, copy) = (bench.snapshot().await?, bench.copy().await?);
    let clusters = bench.clusters().await?;
    let cluster = clusters
        .first()
        .map(|one| one.snapshot.arn.name().to_owned());
    let queues = bench.event_queues().await?;
    let regions = [bench.account.recovery.clone(), bench.account.source.clone()];
    let until = Instant::now() + bench.account.pace.message;
    let mut heard: [Vec<Value>; 2] = Default::default();
    loop {
        for ((queue, region), events) in queues.iter().zip(&regions).zip(&mut heard) {
            events.extend(received(bench, queue, region).await?);
        }
        let [in_recovery, in_source] = &heard;
        let finished = last_of(in_recovery, copy.arn.name(), "Finished copy");
        let taken = last_of(in_source, snapshot.arn.name(), "created");
        let of_cluster = cluster
            .as_deref()
            .and_then(|name| last_of(in_source, name, "created"));
        if let Some(event) = finished {
            bench.saw("of the finished copy", id(event));
            let is_its = event["SourceArn"].as_str() == Some(&copy.arn.to_string());
            bench.saw(
                "its SourceArn",
                if is_its { "the copy's" } else { "another" },
            );
            let shown: Tags = serde_json::from_value(event["Tags"].clone()).unwrap_or_default();
            let given = bench.tags(Some(&bench.stack_id()));
            bench.saw("the tags in it", compared(&given, &shown));
            let is_there = in_source.iter().any(|event| is_of(event, copy.arn.name()));
            bench.saw(
                "the copy's events in the source region",
                yes_or_no(is_there),
            );
        }
        if let Some(event) = taken {
            bench.saw("of the snapshot", id(event));
        }
        if let Some(event) = of_cluster {
            // The schema has no id, and AWS's samples have one.
            let is_known = matches!(event["EventID"].as_str(), None | Some("RDS-EVENT-0075"));
            let known = "RDS-EVENT-0075, or its words".to_owned();
            bench.saw(
                "of the cluster's snapshot",
                if is_known { known } else { id(event) },
            );
        }
        let is_all = finished.is_some() && taken.is_some() && of_cluster.is_some();
        if is_all || Instant::now() > until {
            let words = heard.iter().flatten().map(words);
            bench.words.extend(words);
            return Ok(());
        }
        tokio::time::sleep(bench.account.pace.look).await;
    }
}

/// The last event of a snapshot whose message says so. A snapshot that is being made has an event of its own.
fn last_of<'a>(events: &'a [Value], name: &str, says: &str) -> Option<&'a Value> {
    let message = |event: &Value| event["Message"].as_str().unwrap_or_default().to_lowercase();
    let says = says.to_lowercase();
    let mut events = events.iter().filter(|event| is_of(event, name));
    events.rfind(|event| message(event).contains(&says))
}

fn is_of(event: &Value, name: &str) -> bool {
    event["SourceIdentifier"].as_str() == Some(name)
}

fn id(event: &Value) -> String {
    event["EventID"].as_str().unwrap_or("none").to_owned()
}

/// What an event says of what, for the record.
fn words(event: &Value) -> String {
    let of = event["SourceIdentifier"].as_str().unwrap_or_default();
    let says = event["Message"].as_str().unwrap_or_default();
    format!("{} of {of}: {says}", id(event))
}

/// The details of the events that are in a queue now.
async fn received(bench: &Bench, queue: &str, region: &Region) -> Answered<Vec<Value>> {
    let sqs = bench.account.sqs(region);
    let asked = sqs
        .receive_message()
        .queue_url(queue)
        .max_number_of_messages(10);
    let asked = asked
        .wait_time_seconds(1)
        .send()
        .await
        .map_err(of("ReceiveMessage"))?;
    let mut events = Vec::new();
    for message in asked.messages.unwrap_or_default() {
        let receipt = message.receipt_handle.unwrap_or_default();
        let delete = sqs
            .delete_message()
            .queue_url(queue)
            .receipt_handle(receipt);
        delete.send().await.map_err(of("DeleteMessage"))?;
        let event: Option<Value> = serde_json::from_str(&message.body.unwrap_or_default()).ok();
        events.extend(event.map(|mut event| event["detail"].take()));
    }
    Ok(events)
}
