//! Whole runs against the local world.

use std::path::Path;

use snapferry_live::journal::Journal;
use snapferry_live::question::Answer;
use snapferry_live::questions::QUESTIONS;
use snapferry_live::record::{Asked, Record};
use snapferry_live::run::Outcome;
use snapferry_sim::local::JsonService;
use snapferry_sim::rds::{CreateDatabase, Family, KeylessClusterCopies, RdsConfig};

use crate::records::{EXAMPLE, compare_with_committed, write_example};
use crate::world::{ACCOUNT, SOURCE, World, as_assumed};

/// Never ends: nobody interrupts.
async fn nobody() {
    std::future::pending().await
}

fn all() -> Vec<&'static str> {
    QUESTIONS.iter().map(|question| question.name).collect()
}

fn asked<'a>(record: &'a Record, question: &str) -> &'a Asked {
    record
        .questions
        .iter()
        .find(|asked| asked.question == question)
        .unwrap()
}

fn no_journal_is_left(folder: &Path) {
    assert!(Journal::left(folder, ACCOUNT).unwrap().is_empty());
}

/// What the emulator of Step Functions does otherwise than Snapferry assumes of AWS.
const EMULATED_OTHERWISE: [(&str, &str); 3] = [
    // It knows a token by heart or not at all.
    ("tokens", "a text that is no token"),
    // It forgets none when an execution is stopped.
    ("tokens", "the token of a stopped execution"),
    // It counts no heartbeats.
    ("heartbeat-end", "it ends by then"),
];

#[tokio::test]
async fn a_world_as_assumed_answers_so_leaves_nothing_and_is_what_every_committed_record_says() {
    let world = World::start(as_assumed("whole111"), None).await;
    let journals = tempfile::tempdir().unwrap();
    let outcome = world
        .run("whole111", &all(), journals.path(), nobody())
        .await
        .unwrap();
    let Outcome {
        record,
        left,
        is_interrupted,
    } = outcome;
    assert!(left.is_empty() && !is_interrupted, "{left:?}");
    let mut otherwise = Vec::new();
    for asked in &record.questions {
        match &asked.answer {
            Answer::AsAssumed => {}
            Answer::Otherwise { seen } => {
                otherwise.extend(
                    seen.keys()
                        .map(|fact| (asked.question.as_str(), fact.as_str())),
                );
            }
            Answer::NotSeen { .. } => panic!("{asked:#?}"),
        }
    }
    assert_eq!(otherwise, EMULATED_OTHERWISE, "{record:#?}");
    assert_eq!(world.holds().await, Vec::<String>::new());
    no_journal_is_left(journals.path());

    let text = serde_json::to_string(&record).unwrap();
    for secret in [
        ACCOUNT,
        "whole111",
        "arn:",
        "not-a-secret-here",
        "127.0.0.1",
    ] {
        assert!(!text.contains(secret), "the record shows {secret}: {text}");
    }
    write_example(&record);
    compare_with_committed(&record);
}

#[tokio::test]
async fn a_world_that_refuses_keys_and_copies_is_answered_otherwise_and_leaves_nothing() {
    let config = RdsConfig {
        keyless_cluster_copies: KeylessClusterCopies::Refused,
        max_copies_in_flight: 3,
        ..as_assumed("other111")
    };
    let world = World::start(config, None).await;
    let journals = tempfile::tempdir().unwrap();
    let questions = [
        "sse-rds-cluster",
        "unencrypted-cluster",
        "copy-limit",
        "filter-width",
    ];
    let outcome = world
        .run("other111", &questions, journals.path(), nobody())
        .await
        .unwrap();
    for question in ["sse-rds-cluster", "unencrypted-cluster"] {
        let asked = asked(&outcome.record, question);
        let Answer::Otherwise { seen } = &asked.answer else {
            panic!("{asked:#?}");
        };
        assert_eq!(seen["the copy"], "InvalidParameterValue");
        assert!(!asked.words.is_empty(), "RDS's words are kept: {asked:#?}");
    }
    // No cluster's copy was accepted, so how many may be in flight was not seen, and nothing covers that up.
    let limit = asked(&outcome.record, "copy-limit");
    assert_eq!(
        limit.facts["instance: in flight before the refusal"], "3",
        "{limit:#?}"
    );
    assert_ne!(limit.answer, Answer::AsAssumed);
    assert_eq!(
        asked(&outcome.record, "filter-width").answer,
        Answer::AsAssumed
    );
    assert!(outcome.left.is_empty(), "{:?}", outcome.left);
    assert_eq!(world.holds().await, Vec::<String>::new());
    no_journal_is_left(journals.path());
}

#[tokio::test]
async fn a_run_that_is_interrupted_while_an_answer_is_lost_leaves_nothing() {
    let copy = "sf-live-broken11-copy".to_owned();
    let world = World::start(as_assumed("broken11"), Some(copy)).await;
    let journals = tempfile::tempdir().unwrap();
    let questions = ["copy", "tokens"];
    let interrupted = world.loses_its_answer();
    let outcome = world
        .run("broken11", &questions, journals.path(), interrupted)
        .await
        .unwrap();
    assert!(outcome.is_interrupted);
    let [copy] = &outcome.record.questions[..] else {
        panic!(
            "nothing is asked after an interruption: {:#?}",
            outcome.record
        );
    };
    assert!(matches!(copy.answer, Answer::NotSeen { .. }), "{copy:#?}");
    assert!(outcome.left.is_empty(), "{:?}", outcome.left);
    assert_eq!(world.holds().await, Vec::<String>::new());
    no_journal_is_left(journals.path());
}

#[tokio::test]
async fn what_a_killed_run_left_goes_with_the_next_and_what_is_anothers_stays() {
    let copy = "sf-live-killed11-copy".to_owned();
    let world = World::start(as_assumed("killed11"), Some(copy)).await;
    let journals = tempfile::tempdir().unwrap();
    {
        let run = world.run("killed11", &["copy"], journals.path(), nobody());
        tokio::select! {
            _ = run => panic!("the run should have been killed"),
            () = world.loses_its_answer() => {}
        }
    }
    let before = world.holds().await;
    assert!(
        before.len() >= 4,
        "a database, a snapshot, a copy and two stacks: {before:?}"
    );

    // A database of a person, one of another machine's run, and one that took the name of the killed run's.
    let name = "sf-live-killed11-db";
    world.model(|rds, now| {
        let region = SOURCE.parse().unwrap();
        assert!(rds.remove_instance(&region, name));
        let made = |database: &str, run: &str| CreateDatabase {
            database: database.to_owned(),
            engine: "postgres".to_owned(),
            class: Some("db.t4g.micro".to_owned()),
            storage: Some(20),
            tags: vec![("snapferry:live-check".to_owned(), run.to_owned())],
            ..CreateDatabase::default()
        };
        for (database, run) in [
            ("orders", "killed11"),
            ("sf-live-elsewhere-db", "elsewhere"),
            (name, "killed11"),
        ] {
            rds.create_database(Family::Instance, &region, &made(database, run), now)
                .unwrap();
        }
    });
    let outcome = world
        .run("next1111", &[], journals.path(), nobody())
        .await
        .unwrap();
    let mut left: Vec<&str> = outcome.left.iter().map(|left| left.what.as_str()).collect();
    left.sort_unstable();
    let elsewhere = "instance sf-live-elsewhere-db in eu-west-1".to_owned();
    let of_the_name = format!("instance {name} in eu-west-1");
    assert_eq!(
        left,
        [elsewhere.as_str(), of_the_name.as_str()],
        "{:?}",
        outcome.left
    );
    let mut holds = world.holds().await;
    holds.sort();
    assert_eq!(holds, ["orders", "sf-live-elsewhere-db", name]);
    // The journal stays as long as something of the run may be there.
    assert_eq!(Journal::left(journals.path(), ACCOUNT).unwrap().len(), 1);
}

#[test]
fn the_example_names_its_world() {
    assert!(EXAMPLE.contains("local-world"), "{EXAMPLE}");
}

#[tokio::test]
async fn a_stack_that_cannot_be_made_is_reported_and_leaves_nothing() {
    let world = World::start(as_assumed("stacks11"), None).await;
    let journals = tempfile::tempdir().unwrap();
    // Somebody has a stack of that name: it is not touched.
    let account = world.account();
    let theirs = r#"{"Resources":{"Queue":{"Type":"AWS::SQS::Queue"}}}"#;
    let asked = account.cloudformation(&account.recovery).create_stack();
    asked
        .stack_name("sf-live-stacks11")
        .template_body(theirs)
        .send()
        .await
        .unwrap();
    let outcome = world
        .run("stacks11", &["tokens"], journals.path(), nobody())
        .await
        .unwrap();
    let tokens = asked_of(&outcome);
    assert!(
        matches!(tokens.answer, Answer::NotSeen { .. }),
        "{tokens:#?}"
    );
    assert!(
        tokens.error.as_ref().unwrap().contains("CreateStack"),
        "{tokens:#?}"
    );
    assert_eq!(outcome.left.len(), 1, "{:?}", outcome.left);
    assert_eq!(world.holds().await, ["sf-live-stacks11"]);
    let queues = world
        .client()
        .call(JsonService::SQS, "ListQueues", &serde_json::json!({}))
        .await;
    assert_eq!(
        queues.unwrap()["QueueUrls"].as_array().map(Vec::len),
        Some(1)
    );
}

fn asked_of(outcome: &Outcome) -> &Asked {
    asked(&outcome.record, "tokens")
}
