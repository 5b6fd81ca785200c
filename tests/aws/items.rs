//! Items of the table: a written item can be read, and a broken one gives an error that quotes nothing.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use proptest::prelude::*;
use snapferry::aws::{Item, read_wait, write_wait};
use snapferry::domain::id::arn::{ExecutionArn, KeyArn, RdsArn};
use snapferry::domain::id::database_ref::DatabaseRef;
use snapferry::domain::id::names::ResourceId;
use snapferry::domain::id::tags::PolicyName;
use snapferry::domain::id::token::TaskToken;
use snapferry::domain::run::command::{Command, ProtectionRequest, Step};
use snapferry::domain::run::failure::Remedy;
use snapferry::domain::run::last_error::LastError;
use snapferry::domain::run::wait::{Expectation, ExpectedCopy, Phase, Wait};

use crate::world::{KEY, any_options, command, copy_arn, snapshot_arn, time};

/// A wait for a copy, with every attribute there is.
pub(crate) fn a_wait(token: &str) -> Wait {
    let command = command(Step::Copy, token, "orders");
    let run = command.run.clone();
    let expected = Expectation::Copy(ExpectedCopy {
        source: snapshot_arn(&run, 1),
        key: run.key.clone(),
        engine: "postgres".to_owned(),
        size_gib: 100,
        taken_at: Some(time("2026-11-22T03:01:00.250123Z")),
    });
    let mut wait = Wait::new(
        copy_arn(&run, 1),
        command,
        expected,
        time("2026-11-22T03:05:00.125Z"),
    );
    wait.since = time("2026-11-22T03:06:00.250Z");
    wait.source_expires_at = Some(time("2026-11-29T03:00:00Z"));
    wait.last_error = Some(LastError {
        remedy: Some(Remedy::FixKey),
        why: "KMSKeyNotAccessibleFault: the key is disabled".to_owned(),
        at: time("2026-11-22T03:06:01Z"),
    });
    wait
}

#[test]
fn the_token_is_stored_once_and_where_conditions_compare_it() {
    let item = write_wait(&a_wait("the-token"));
    assert_eq!(item["token"], AttributeValue::S("the-token".to_owned()));
    let holding = item
        .iter()
        .filter(|(_, value)| format!("{value:?}").contains("the-token"));
    assert_eq!(holding.count(), 1);
}

#[test]
fn an_item_has_the_keys_of_the_index_and_a_time_to_live() {
    let wait = a_wait("t");
    let item = write_wait(&wait);
    let text = |name: &str| item[name].as_s().unwrap().clone();
    let number = |name: &str| item[name].as_n().unwrap().parse::<i64>().unwrap();
    assert_eq!(text("pk"), format!("wait#{}", wait.resource));
    assert_eq!(text("open"), "wait");
    assert_eq!(number("since"), wait.since.as_millisecond());
    assert_eq!(number("opened_at"), wait.opened_at.as_millisecond());
    assert_eq!(number("ttl"), wait.expires_at().as_second());
    assert_eq!(number("ttl") - wait.opened_at.as_second(), 10 * 86_400);
}

#[test]
fn an_item_without_one_of_its_attributes_is_an_error_that_names_it() {
    let whole = write_wait(&a_wait("the-token"));
    for name in [
        "pk",
        "since",
        "opened_at",
        "phase",
        "token",
        "step",
        "execution",
        "retry",
        "run",
        "expected",
    ] {
        let mut item = whole.clone();
        item.remove(name);
        let error = read_wait(&item).unwrap_err();
        assert!(error.to_string().contains(name), "{name}: {error}");
    }
    // The index's hash key and the time to live are for DynamoDB; a wait is read without them.
    for name in ["open", "ttl"] {
        let mut item = whole.clone();
        item.remove(name);
        assert_eq!(read_wait(&item).unwrap(), a_wait("the-token"));
    }
}

#[test]
fn only_snapshots_are_awaited_and_copied() {
    let wait = a_wait("the-token");
    for kind in ["db", "cluster"] {
        let arn = format!("arn:aws:rds:eu-central-1:111122223333:{kind}:orders");
        let mut item = write_wait(&wait);
        item.insert("pk".to_owned(), AttributeValue::S(format!("wait#{arn}")));
        let error = read_wait(&item).unwrap_err().to_string();
        assert!(
            error.contains("pk") && error.contains("snapshot"),
            "{error}"
        );

        let mut item = write_wait(&wait);
        let Some(AttributeValue::M(expected)) = item.get_mut("expected") else {
            panic!("a wait expects something");
        };
        expected.insert("source".to_owned(), AttributeValue::S(arn));
        let error = read_wait(&item).unwrap_err().to_string();
        assert!(
            error.contains("source") && error.contains("snapshot"),
            "{error}"
        );
    }
}

#[test]
fn a_trouble_that_cannot_be_read_costs_its_words_and_not_the_wait() {
    let broken = [
        AttributeValue::S("oh".to_owned()),
        AttributeValue::M(Item::new()),
    ];
    for value in broken {
        let mut item = write_wait(&a_wait("t"));
        item.insert("trouble".to_owned(), value);
        let wait = read_wait(&item).unwrap();
        assert_eq!(wait.last_error, None);
        assert_eq!(wait.resource, a_wait("t").resource);
    }
}

fn words() -> impl Strategy<Value = String> {
    "[a-z][a-z0-9-]{0,40}"
}

fn times() -> impl Strategy<Value = Timestamp> {
    (0_i64..4_102_444_800_000).prop_map(|ms| Timestamp::from_millisecond(ms).unwrap())
}

fn arns(kind: &'static str) -> impl Strategy<Value = RdsArn> {
    words().prop_map(move |name| {
        RdsArn::parse(&format!(
            "arn:aws:rds:eu-central-1:111122223333:{kind}:{name}"
        ))
        .unwrap()
    })
}

prop_compose! {
    fn runs()(
        arn in arns("db"),
        resource_id in "[A-Z0-9]{1,26}",
        policy in "[a-zA-Z0-9._-]{1,64}",
        planned_at in times(),
        options in any_options(),
    ) -> ProtectionRequest {
        ProtectionRequest {
            database: DatabaseRef { arn, resource_id: ResourceId::parse(&resource_id).unwrap() },
            policy: PolicyName::parse(&policy).unwrap(),
            planned_at,
            key: KeyArn::parse(KEY).unwrap(),
            options,
        }
    }
}

fn expectations() -> impl Strategy<Value = Expectation> {
    let copies = (
        arns("snapshot"),
        ".{0,30}",
        any::<i32>(),
        prop::option::of((times(), 0_i32..1_000_000)),
    )
        .prop_map(|(source, engine, size_gib, taken)| {
            Expectation::Copy(ExpectedCopy {
                source,
                key: KeyArn::parse(KEY).unwrap(),
                engine,
                size_gib,
                taken_at: taken
                    .map(|(time, ns)| time + jiff::SignedDuration::from_nanos(ns.into())),
            })
        });
    prop_oneof![Just(Expectation::Snapshot), copies]
}

prop_compose! {
    fn waits()(
        resource in arns("snapshot"),
        token in "[A-Za-z0-9+/=]{1,700}",
        copy in any::<bool>(),
        execution in words(),
        retry in any::<u32>(),
        run in runs(),
        expected in expectations(),
        phase in prop::sample::select(vec![Phase::Queued, Phase::Registered, Phase::Requested, Phase::Seen]),
        since in times(),
        opened_at in times(),
        source_expires_at in prop::option::of(times()),
        absent in any::<bool>(),
        last_error in prop::option::of(troubles()),
    ) -> Wait {
        let arn = format!("arn:aws:states:eu-central-1:111122223333:execution:protect:{execution}");
        Wait {
            resource,
            command: Command {
                step: if copy { Step::Copy } else { Step::Snapshot },
                token: TaskToken::parse(&token).unwrap(),
                execution: ExecutionArn::parse(&arn).unwrap(),
                retry,
                run,
            },
            expected,
            phase,
            since,
            opened_at,
            source_expires_at,
            absent,
            last_error,
        }
    }
}

fn troubles() -> impl Strategy<Value = LastError> {
    let remedies = Remedy::ALL.to_vec();
    let remedy = prop::option::of(prop::sample::select(remedies));
    (remedy, ".{0,80}", times()).prop_map(|(remedy, why, at)| LastError { remedy, why, at })
}

fn broken_values() -> impl Strategy<Value = AttributeValue> {
    prop_oneof![
        ".{0,40}".prop_map(AttributeValue::S),
        "-?[0-9]{1,25}(\\.[0-9]{1,5})?".prop_map(AttributeValue::N),
        any::<bool>().prop_map(AttributeValue::Bool),
        Just(AttributeValue::Null(true)),
        Just(AttributeValue::M(Item::new())),
        Just(AttributeValue::Ss(vec!["a".to_owned()])),
    ]
}

/// What must stay out of every error.
const SECRET: &str = "AAAAKgAAAAIAAAAAsecret";

proptest! {
    #[test]
    fn a_wait_that_was_written_is_read_as_it_was(wait in waits()) {
        prop_assert_eq!(read_wait(&write_wait(&wait)).unwrap(), wait);
    }

    #[test]
    fn a_corrupted_item_is_an_error_or_a_wait_and_shows_no_token(
        index in any::<prop::sample::Index>(),
        inner in any::<bool>(),
        value in broken_values(),
    ) {
        let mut item = write_wait(&a_wait(SECRET));
        let names: Vec<String> = if inner {
            item["expected"].as_m().unwrap().keys().cloned().collect()
        } else {
            item.keys().cloned().collect()
        };
        let name = &names[index.index(names.len())];
        if inner {
            let AttributeValue::M(map) = item.get_mut("expected").unwrap() else { unreachable!() };
            map.insert(name.clone(), value);
        } else {
            item.insert(name.clone(), value);
        }
        if let Err(error) = read_wait(&item) {
            let text = format!("{error} {error:?}");
            prop_assert!(!text.contains(SECRET), "{}", text);
        }
    }

    #[test]
    fn a_token_in_the_wrong_place_is_not_quoted_by_the_error(index in any::<prop::sample::Index>()) {
        let mut item = write_wait(&a_wait(SECRET));
        let mut names: Vec<String> = item.keys().cloned().collect();
        names.retain(|name| name != "token");
        let name = &names[index.index(names.len())];
        item.insert(name.clone(), AttributeValue::S(SECRET.to_owned()));
        if let Err(error) = read_wait(&item) {
            let text = format!("{error} {error:?}");
            prop_assert!(!text.contains(SECRET), "{}", text);
        }
    }
}
