//! What the functions are given: waits in the table, snapshots in RDS, and events that hint at them, all in agreement.

use snapferry::domain::run::naming;
use std::collections::BTreeMap;

use anyhow::Context;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::{Value, json};
use snapferry::domain::id::arn::{KeyArn, RdsArn, Region, StateMachineArn};
use snapferry::domain::id::database_ref::DatabaseRef;
use snapferry::domain::id::names::{Attempt, ResourceId, SnapshotId};
use snapferry::domain::id::tags::{self, PolicyName, StackId};
use snapferry::domain::run::command::{ProtectionRequest, RunOptions, Step};
use snapferry::domain::run::wait::Phase;
use snapferry::json;

use snapferry_sim::rds::{EmittedEvent, Tags};

/// The recovery region: the functions run here.
pub(super) const HOME: &str = "eu-central-1";
/// The databases' region: their snapshots are asked for here.
pub(super) const SOURCE: &str = "eu-west-1";
/// The stack's id.
pub(super) const STACK: &str = "bench";
/// The table's name.
pub(super) const TABLE: &str = "snapferry-bench";

const ACCOUNT: &str = "111122223333";
pub(super) const KEY: &str =
    "arn:aws:kms:eu-central-1:111122223333:key/0f7a8b1c-5c1d-4f5e-9a30-1d2b3c4d5e6f";
pub(super) const MACHINE: &str =
    "arn:aws:states:eu-central-1:111122223333:stateMachine:snapferry-bench-protect";
const PLANNED_AT: &str = "2026-01-05T03:00:00Z";
const ENGINE: &str = "postgres";
const ENGINE_VERSION: &str = "17.2";
/// Step Functions' tokens are of about this length.
const TOKEN_LENGTH: usize = 600;

/// One snapshot that an execution waits for, as each service knows it.
#[derive(Debug, Clone)]
pub(super) struct Hint {
    /// The wait's key in the table.
    pub(super) key: String,
    /// The snapshot's identifier.
    pub(super) snapshot: String,
    /// The token that its execution sleeps on.
    pub(super) token: String,
    /// The wait, as DynamoDB answers.
    pub(super) item: Value,
    /// The snapshot, as RDS answers.
    pub(super) row: String,
    /// The event, as SQS hands it over.
    record: Value,
}

/// Hints that a benchmark works with, found by what the services are asked for.
#[derive(Debug)]
pub(super) struct Hints {
    all: Vec<Hint>,
    by_key: BTreeMap<String, usize>,
    by_snapshot: BTreeMap<String, usize>,
    by_token: BTreeMap<String, usize>,
}

impl Hints {
    /// Makes `count` of them, always the same.
    ///
    /// # Errors
    /// When the product refuses one of the texts that they are made of.
    pub(super) fn new(count: usize) -> anyhow::Result<Self> {
        let all = (0..count).map(hint).collect::<anyhow::Result<Vec<_>>>()?;
        let index = |text: fn(&Hint) -> &String| {
            let texts = all.iter().map(text).cloned();
            texts.zip(0..).collect::<BTreeMap<_, _>>()
        };
        Ok(Self {
            by_key: index(|hint| &hint.key),
            by_snapshot: index(|hint| &hint.snapshot),
            by_token: index(|hint| &hint.token),
            all,
        })
    }

    /// The number of the wait with this key.
    #[must_use]
    pub(super) fn of_key(&self, key: &str) -> Option<usize> {
        self.by_key.get(key).copied()
    }

    /// The number of the execution that sleeps on this token.
    #[must_use]
    pub(super) fn of_token(&self, token: &str) -> Option<usize> {
        self.by_token.get(token).copied()
    }

    /// The snapshot of this identifier.
    #[must_use]
    pub(super) fn of_snapshot(&self, snapshot: &str) -> Option<&Hint> {
        self.by_snapshot
            .get(snapshot)
            .and_then(|n| self.all.get(*n))
    }

    /// The hint of this number.
    #[must_use]
    pub(super) fn get(&self, number: usize) -> Option<&Hint> {
        self.all.get(number)
    }

    /// The event that Lambda makes of the first `count` messages.
    #[must_use]
    pub(super) fn event(&self, count: usize) -> String {
        let records: Vec<&Value> = self
            .all
            .iter()
            .take(count)
            .map(|hint| &hint.record)
            .collect();
        json!({ "Records": records }).to_string()
    }
}

fn hint(number: usize) -> anyhow::Result<Hint> {
    let run = run(number)?;
    let stack = StackId::parse(STACK)?;
    let id = naming::source_snapshot(&stack, &run, Attempt::FIRST);
    let region = Region::parse(SOURCE)?;
    let arn = run.database.arn.sibling_snapshot(&region, &id);
    let token = token(number);
    Ok(Hint {
        key: format!("wait#{arn}"),
        snapshot: id.to_string(),
        item: item(&arn, &run, &token)?,
        row: row(&arn, &id, &run)?,
        record: record(number, &arn, &run)?,
        token,
    })
}

fn run(number: usize) -> anyhow::Result<ProtectionRequest> {
    let database = format!("arn:aws:rds:{SOURCE}:{ACCOUNT}:db:orders-{number:03}");
    Ok(ProtectionRequest {
        database: DatabaseRef {
            arn: RdsArn::parse(&database)?,
            resource_id: ResourceId::parse(&format!("db-{number:026}"))?,
        },
        policy: PolicyName::parse("default")?,
        planned_at: PLANNED_AT.parse()?,
        key: KeyArn::parse(KEY)?,
        options: RunOptions::default(),
    })
}

/// Text as random as a token's.
fn token(number: usize) -> String {
    let seed = u64::try_from(number).unwrap_or(u64::MAX);
    let mut random = fastrand::Rng::with_seed(seed);
    let start = "AAAAKgAAAAIAAAAAAAAAA".chars();
    let rest = std::iter::repeat_with(|| random.alphanumeric());
    start.chain(rest).take(TOKEN_LENGTH).collect()
}

/// The wait as the worker writes it (the table in `src/aws/items.rs`).
fn item(arn: &RdsArn, run: &ProtectionRequest, token: &str) -> anyhow::Result<Value> {
    let opened = run.planned_at.checked_add(SignedDuration::from_secs(20))?;
    let expires = opened.checked_add(SignedDuration::from_hours(10 * 24))?;
    let text = |text: &str| json!({ "S": text });
    let number = |number: i64| json!({ "N": number.to_string() });
    let machine = StateMachineArn::parse(MACHINE)?;
    let name = naming::execution(&StackId::parse(STACK)?, run, Attempt::FIRST);
    Ok(json!({
        "pk": text(&format!("wait#{arn}")),
        "open": text("wait"),
        "since": number(opened.as_millisecond()),
        "opened_at": number(opened.as_millisecond()),
        "phase": text(Phase::Requested.as_str()),
        "token": text(token),
        "step": text(Step::Snapshot.as_str()),
        "execution": text(machine.execution(&name).as_str()),
        "retry": number(0),
        "run": text(&json::run::write(run)),
        "expected": { "M": { "kind": text("snapshot") } },
        "ttl": number(expires.as_second()),
    }))
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Row<'a> {
    #[serde(rename = "DBSnapshotIdentifier")]
    snapshot: &'a str,
    #[serde(rename = "DBInstanceIdentifier")]
    instance: &'a str,
    snapshot_create_time: &'a str,
    engine: &'a str,
    allocated_storage: u32,
    status: &'a str,
    port: u16,
    availability_zone: &'a str,
    vpc_id: &'a str,
    instance_create_time: &'a str,
    master_username: &'a str,
    engine_version: &'a str,
    license_model: &'a str,
    snapshot_type: &'a str,
    option_group_name: &'a str,
    percent_progress: u8,
    storage_type: &'a str,
    encrypted: bool,
    #[serde(rename = "DBSnapshotArn")]
    arn: String,
    #[serde(rename = "IAMDatabaseAuthenticationEnabled")]
    iam_authentication: bool,
    dbi_resource_id: &'a str,
    tag_list: TagList,
    original_snapshot_create_time: &'a str,
    snapshot_target: &'a str,
}

#[derive(Serialize)]
struct TagList {
    #[serde(rename = "Tag")]
    tags: Vec<Tag>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Tag {
    key: &'static str,
    value: String,
}

fn our_tags(run: &ProtectionRequest) -> anyhow::Result<Vec<(&'static str, String)>> {
    let stack = StackId::parse(STACK)?;
    Ok(vec![
        (tags::STACK, STACK.to_owned()),
        (tags::DATABASE, run.database.arn.to_string()),
        (tags::RESOURCE_ID, run.database.resource_id.to_string()),
        (tags::POLICY, run.policy.to_string()),
        (
            tags::RUN,
            naming::execution(&stack, run, Attempt::FIRST).to_string(),
        ),
    ])
}

/// The snapshot as RDS describes it: made, and ours.
fn row(arn: &RdsArn, id: &SnapshotId, run: &ProtectionRequest) -> anyhow::Result<String> {
    let tags = our_tags(run)?
        .into_iter()
        .map(|(key, value)| Tag { key, value })
        .collect();
    let row = Row {
        snapshot: id.as_str(),
        instance: run.database.arn.name(),
        snapshot_create_time: "2026-01-05T03:04:11.312Z",
        engine: ENGINE,
        allocated_storage: 100,
        status: "available",
        port: 5432,
        availability_zone: "eu-west-1b",
        vpc_id: "vpc-0a1b2c3d4e5f60718",
        instance_create_time: "2025-03-01T09:12:45.101Z",
        master_username: "postgres",
        engine_version: ENGINE_VERSION,
        license_model: "postgresql-license",
        snapshot_type: "manual",
        option_group_name: "default:postgres-17",
        percent_progress: 100,
        storage_type: "gp3",
        encrypted: false,
        arn: arn.to_string(),
        iam_authentication: false,
        dbi_resource_id: run.database.resource_id.as_str(),
        tag_list: TagList { tags },
        original_snapshot_create_time: "2026-01-05T03:04:11.312Z",
        snapshot_target: "region",
    };
    quick_xml::se::to_string_with_root("DBSnapshot", &row).context("a snapshot's row")
}

/// The message as Lambda hands it over, with RDS's event in it.
fn record(number: usize, arn: &RdsArn, run: &ProtectionRequest) -> anyhow::Result<Value> {
    let kind: Timestamp = "2026-01-05T03:09:40.250Z".parse()?;
    let event = EmittedEvent {
        id: format!("6a7e8feb-b491-4cf7-a9f1-{number:012}"),
        region: SOURCE.parse()?,
        account: ACCOUNT.to_owned(),
        at: kind,
        date: kind,
        event_id: "RDS-EVENT-0042",
        tells_its_id: true,
        detail_type: "RDS DB Snapshot Event",
        source_type: "SNAPSHOT",
        source_arn: arn.to_string(),
        source_identifier: arn.name().to_owned(),
        categories: vec!["creation"],
        message: "Manual snapshot created".to_owned(),
        tags: Tags::of_system(our_tags(run)?),
    };
    let sent = kind.as_millisecond();
    Ok(json!({
        "messageId": format!("059f36b4-87a3-44ab-83d2-{number:012}"),
        "receiptHandle": format!("AQEB{}", &token(number + 10_000)[..380]),
        "body": event.envelope().to_string(),
        "attributes": {
            "ApproximateReceiveCount": "1",
            "SentTimestamp": sent.to_string(),
            "SenderId": "AIDAJXNJGGKNS7OSV23OI",
            "ApproximateFirstReceiveTimestamp": (sent + 4).to_string(),
        },
        "messageAttributes": {},
        "md5OfBody": "7b270e59b47ff90a553787216d55d91d",
        "eventSource": "aws:sqs",
        "eventSourceARN": format!("arn:aws:sqs:{HOME}:{ACCOUNT}:events"),
        "awsRegion": HOME,
    }))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use snapferry::domain::rds::hint::HintKind;
    use snapferry::json::event::{self, Event};

    use super::Hints;

    #[test]
    fn the_product_reads_each_message_as_a_hint_at_its_wait() {
        let hints = Hints::new(3).unwrap();
        let event: Value = serde_json::from_str(&hints.event(3)).unwrap();
        let records = event["Records"].as_array().unwrap();
        assert_eq!(records.len(), 3);
        for (number, record) in records.iter().enumerate() {
            let Event::Hint(hint) = event::read(record["body"].as_str().unwrap()).unwrap() else {
                panic!("{record} is no hint");
            };
            assert_eq!(hint.kind, HintKind::Finished);
            let key = format!("wait#{}", hint.resource);
            assert_eq!(hints.of_key(&key), Some(number));
            let wait = hints.get(number).unwrap();
            assert_eq!(wait.item["pk"]["S"], key);
            assert_eq!(wait.item["token"]["S"], wait.token);
            assert_eq!(hints.of_token(&wait.token), Some(number));
            assert_eq!(hints.of_snapshot(hint.resource.name()).unwrap().key, key);
            assert!(wait.row.contains(&hint.resource.to_string()));
        }
    }

    #[test]
    fn a_batch_has_as_many_messages_as_were_asked_for() {
        let hints = Hints::new(3).unwrap();
        let event: Value = serde_json::from_str(&hints.event(1)).unwrap();
        assert_eq!(event["Records"].as_array().unwrap().len(), 1);
    }
}
