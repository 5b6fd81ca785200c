//! The texts at the edges: they read back as written, errors say what was expected, and nothing panics or shows a token.

use proptest::prelude::*;
use serde_json::{Value, json};
use snapferry::domain::rds::hint::HintKind;
use snapferry::domain::run::command::{ProtectionRequest, Step};
use snapferry::error::chain;
use snapferry::json::event::Event;
use snapferry::json::{command, event, manifest, run};

use crate::world::{a_run, any_options, command as a_command};

#[test]
fn a_command_reads_back_as_written() {
    for step in [Step::Snapshot, Step::Copy] {
        let written = a_command(step, "AAAAKgAAAAIAAAAA+/=", "orders");
        assert_eq!(command::read(&command::write(&written)).unwrap(), written);
    }
}

#[test]
fn the_same_run_is_always_the_same_text() {
    assert_eq!(run::write(&a_run("orders")), run::write(&a_run("orders")));
    assert_eq!(
        run::read(&run::write(&a_run("orders"))).unwrap(),
        a_run("orders")
    );
}

/// The shape that `statemachine/protect.asl.json` sends.
fn sent() -> Value {
    json!({
        "schema": 1, "step": "copy", "token": "SECRET-TOKEN",
        "execution": "arn:aws:states:eu-central-1:111122223333:execution:protect:sf-a", "retry": 2,
        "input": serde_json::from_str::<Value>(&run::write(&a_run("orders"))).unwrap(),
    })
}

#[test]
fn every_part_that_is_wrong_is_named_and_the_token_is_not() {
    for (pointer, value, named) in [
        ("/schema", json!(2), "schema 2"),
        ("/execution", json!("arn:aws:iam::1:role/x"), "execution"),
        ("/input/database/arn", json!("orders"), "database.arn"),
        ("/input/kms_key", json!("alias/recovery"), "kms_key"),
        ("/input/policy", json!("no spaces"), "policy"),
        (
            "/step",
            json!("SECRET-TOKEN"),
            "a command of the state machine",
        ),
        (
            "/token",
            json!(["SECRET-TOKEN"]),
            "a command of the state machine",
        ),
        (
            "/token",
            json!(format!("SECRET-TOKEN{}", "x".repeat(2_048))),
            "token",
        ),
    ] {
        let mut body = sent();
        *body.pointer_mut(pointer).unwrap() = value;
        let error = chain(&command::read(&body.to_string()).unwrap_err());
        assert!(error.contains(named), "{pointer}: {error}");
        assert!(!error.contains("SECRET"), "{pointer}: {error}");
    }
    assert!(command::read(&sent().to_string()).is_ok());
}

fn rds_event(detail: &Value) -> String {
    json!({"detail-type": "RDS DB Snapshot Event", "source": "aws.rds", "region": "us-east-1", "detail": detail}).to_string()
}

fn hint(detail: &Value) -> snapferry::domain::rds::hint::Hint {
    match event::read(&rds_event(detail)).unwrap() {
        Event::Hint(hint) => hint,
        Event::Foreign => panic!("it is about a snapshot"),
    }
}

const ARN: &str = "arn:aws:rds:eu-west-1:111122223333:snapshot:app-1";

#[test]
fn region_and_identity_come_from_source_arn_alone() {
    let hint = hint(
        &json!({"SourceArn": ARN, "SourceIdentifier": "rds:other", "EventID": "RDS-EVENT-0042"}),
    );
    assert_eq!(hint.resource.to_string(), ARN);
    assert_eq!(hint.kind, HintKind::Finished);
}

#[test]
fn the_message_stands_in_for_a_missing_number() {
    for (message, kind) in [
        ("Manual snapshot created", HintKind::Finished),
        (
            "Finished copy of snapshot app-1 from region us-east-1 in 12 minutes",
            HintKind::Finished,
        ),
        (
            "Canceled snapshot copy request of app-1 from region us-east-1",
            HintKind::Gone,
        ),
        ("Creating manual snapshot", HintKind::Nothing),
        ("", HintKind::Nothing),
    ] {
        assert_eq!(
            hint(&json!({"SourceArn": ARN, "Message": message})).kind,
            kind,
            "{message}"
        );
    }
}

#[test]
fn an_automated_snapshots_event_that_names_its_database_is_a_hint_at_the_snapshot() {
    let name = "rds:app-2026-11-22-03-00";
    let snapshot = format!("arn:aws:rds:eu-west-1:111122223333:snapshot:{name}");
    let database = "arn:aws:rds:eu-west-1:111122223333:db:app";
    let said = hint(&json!({
        "SourceArn": database, "SourceIdentifier": name, "EventID": "RDS-EVENT-0091",
    }));
    assert_eq!(said.resource.to_string(), snapshot);
    assert_eq!(said.kind, HintKind::Finished);

    let mut raw = notification(&format!("{PAGE}#RDS-EVENT-0091"));
    raw["Source ARN"] = database.into();
    raw["Source ID"] = name.into();
    let Event::Hint(said) = event::read(&raw.to_string()).unwrap() else {
        panic!("it is about a snapshot");
    };
    assert_eq!(said.resource.to_string(), snapshot);
}

#[test]
fn an_event_about_an_unknown_kind_of_resource_is_foreign_and_one_without_an_arn_is_refused() {
    let of = |arn: &str| event::read(&rds_event(&json!({ "SourceArn": arn })));
    for kind in ["proxy", "shard-group", "tenant-database"] {
        let arn = format!("arn:aws:rds:eu-west-1:111122223333:{kind}:app");
        assert_eq!(of(&arn).unwrap(), Event::Foreign, "{kind}");
    }
    for arn in [
        "",
        "app",
        "arn:aws:rds:eu-west-1:1:proxy:app",
        "arn:aws:sqs:eu-west-1:111122223333:q:x",
    ] {
        assert!(of(arn).is_err(), "{arn}");
    }
}

#[test]
fn escapes_in_an_event_are_read() {
    let body = rds_event(&json!({"SourceArn": ARN, "EventID": "RDS-EVENT-0042"}))
        .replace("aws.rds", "aws\\u002erds");
    assert!(matches!(event::read(&body), Ok(Event::Hint(_))));
}

#[test]
fn an_event_about_something_else_is_foreign_and_one_of_no_known_shape_is_refused() {
    let instance = rds_event(&json!({"SourceArn": "arn:aws:rds:eu-west-1:111122223333:db:app"}));
    assert_eq!(event::read(&instance).unwrap(), Event::Foreign);
    let other = json!({"source": "aws.ec2", "detail-type": "x", "detail": {}}).to_string();
    assert_eq!(event::read(&other).unwrap(), Event::Foreign);
    for body in [
        "",
        "Welcome",
        "[]",
        "{}",
        "null",
        &rds_event(&json!({})),
        &rds_event(&json!({"SourceArn": "app-1"})),
    ] {
        let error = chain(&event::read(body).unwrap_err());
        assert!(error.contains("RDS event"), "{body}: {error}");
    }
}

/// A notification of an RDS event subscription, as a queue holds it without an envelope.
fn notification(event_id: &str) -> Value {
    json!({
        "Event Source": "db-snapshot",
        "Event Time": "2026-01-02 03:04:05.678",
        "Identifier Link": "https://console.aws.amazon.com/rds/home?region=eu-west-1#snapshot:id=app-1",
        "Source ID": "app-1",
        "Source ARN": ARN,
        "Event ID": event_id,
        "Event Message": "Manual snapshot created",
        "Tags": {},
    })
}

fn in_an_envelope(message: &str) -> Value {
    json!({
        "Type": "Notification",
        "MessageId": "8f6b0a5e-0000-4000-8000-000000000000",
        "TopicArn": "arn:aws:sns:eu-west-1:111122223333:snapferry",
        "Subject": "RDS Notification Message",
        "Message": message,
        "Timestamp": "2026-01-02T03:04:06.000Z",
    })
}

const PAGE: &str =
    "http://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_Events.Messages.html";

#[test]
fn a_subscriptions_notification_is_the_same_hint_as_the_rules_event() {
    let by_rule = hint(&json!({"SourceArn": ARN, "EventID": "RDS-EVENT-0042"}));
    let pages = [
        PAGE,
        "http://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_Events.html",
        "http://docs.amazonwebservices.com/AmazonRDS/latest/UserGuide/USER_Events.html",
    ];
    for page in pages {
        let raw = notification(&format!("{page}#RDS-EVENT-0042")).to_string();
        let wrapped = in_an_envelope(&raw).to_string();
        for body in [raw, wrapped] {
            assert_eq!(event::read(&body).unwrap(), Event::Hint(by_rule.clone()));
        }
    }
    let event = rds_event(&json!({"SourceArn": ARN, "EventID": "RDS-EVENT-0042"}));
    let wrapped = in_an_envelope(&event).to_string();
    assert_eq!(event::read(&wrapped).unwrap(), Event::Hint(by_rule));
}

#[test]
fn a_notification_without_a_number_is_told_by_its_message() {
    for event_id in [
        "",
        PAGE,
        "RDS-EVENT-",
        "RDS-EVENT-42",
        "RDS-EVENT-004\u{e9}",
    ] {
        let Event::Hint(hint) = event::read(&notification(event_id).to_string()).unwrap() else {
            panic!("{event_id}: it is about a snapshot");
        };
        assert_eq!((hint.kind, hint.event_id), (HintKind::Finished, None));
    }
}

#[test]
fn a_notification_without_source_arn_is_told_by_the_envelopes_resource_or_concerns_nobody() {
    let mut bare = notification(&format!("{PAGE}#RDS-EVENT-0042"));
    bare.as_object_mut().unwrap().remove("Source ARN");
    bare.as_object_mut().unwrap().remove("Tags");
    let mut wrapped = in_an_envelope(&bare.to_string());
    for body in [&bare, &wrapped] {
        assert_eq!(event::read(&body.to_string()).unwrap(), Event::Foreign);
    }
    wrapped["MessageAttributes"] = json!({"Resource": {"Type": "String", "Value": ARN}});
    let Event::Hint(hint) = event::read(&wrapped.to_string()).unwrap() else {
        panic!("the envelope says of which snapshot it is");
    };
    assert_eq!(hint.resource.to_string(), ARN);
}

#[test]
fn what_a_topic_tells_of_itself_concerns_nobody() {
    let announcement = "This is a message to notify that RDS will attempt to send you event notifications \
                        of type db-snapshot to the topic arn:aws:sns:eu-west-1:111122223333:snapferry.";
    let mut confirmation = in_an_envelope("You have chosen to subscribe.");
    confirmation["Type"] = json!("SubscriptionConfirmation");
    let mut of_an_instance = notification("");
    of_an_instance["Event Source"] = json!("db-instance");
    for body in [
        announcement.to_owned(),
        in_an_envelope(announcement).to_string(),
        confirmation.to_string(),
        of_an_instance.to_string(),
    ] {
        assert_eq!(event::read(&body).unwrap(), Event::Foreign, "{body}");
    }
}

#[test]
fn a_list_is_never_taken_for_an_object() {
    let event = json!(["RDS DB Snapshot Event", "aws.rds", {"SourceArn": ARN}, null, null]);
    assert!(event::read(&event.to_string()).is_err());
    let detail = rds_event(&json!([ARN, "RDS-EVENT-0042", ""]));
    assert!(event::read(&detail).is_err());
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,20}".prop_map(Value::from),
        Just(json!(ARN)),
    ];
    leaf.prop_recursive(3, 24, 6, |inner| {
        let keys = prop::sample::select(vec![
            "schema",
            "step",
            "token",
            "execution",
            "retry",
            "input",
            "database",
            "arn",
            "detail",
            "detail-type",
            "source",
            "SourceArn",
            "EventID",
            "Event Source",
            "Source ARN",
            "Event ID",
            "Event Message",
            "TopicArn",
            "Type",
            "Message",
        ]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(keys.prop_map(ToOwned::to_owned), inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

#[test]
fn an_input_without_extras_is_written_as_it_ever_was() {
    let text = run::write(&a_run("orders"));
    for field in ["tags", "option_group", "copy_slots", "policy_slots"] {
        assert!(!text.contains(field), "{text}");
    }
}

#[test]
fn extras_that_rds_would_refuse_are_refused() {
    let many: serde_json::Map<String, Value> =
        (0..44).map(|n| (format!("T{n}"), json!("x"))).collect();
    for (field, value, named) in [
        ("tags", json!({"aws:cost": "x"}), "tags"),
        ("tags", json!({"snapferry:stack": "other"}), "tags"),
        ("tags", json!({"Team": "x".repeat(257)}), "tags"),
        ("tags", json!({"Team": "a;b"}), "tags"),
        ("tags", Value::Object(many), "tags"),
        ("option_group", json!("Not One"), "option_group"),
        ("copy_slots", json!(0), "copy_slots"),
        ("policy_slots", json!(0), "policy_slots"),
    ] {
        let mut input: Value = serde_json::from_str(&run::write(&a_run("orders"))).unwrap();
        input[field] = value;
        let error = chain(&run::read(&input.to_string()).unwrap_err());
        assert!(error.contains(named), "{error}");
    }
}

proptest! {
    #[test]
    fn a_run_reads_back_as_written_whatever_its_policy_asks_for(options in any_options()) {
        let the_run = ProtectionRequest { options, ..a_run("orders") };
        prop_assert_eq!(run::read(&run::write(&the_run)).unwrap(), the_run);
    }

    #[test]
    fn no_body_makes_a_reader_panic(value in any_json(), cut in 0_usize..200) {
        let text = value.to_string();
        let cut = text.char_indices().map(|(at, _)| at).nth(cut).unwrap_or(text.len());
        for body in [&text[..], &text[..cut]] {
            let _ = (command::read(body), event::read(body), run::read(body), manifest::read(body));
        }
    }

    #[test]
    fn a_change_anywhere_in_a_command_is_read_or_refused(at in 0_usize..600, byte in 32_u8..127) {
        let mut body = sent().to_string().into_bytes();
        let at = at % body.len();
        body[at] = byte;
        let _ = command::read(&String::from_utf8(body).unwrap());
    }
}
