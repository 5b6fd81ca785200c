//! Committed records of runs, and what they say to the local world.

use std::path::{Path, PathBuf};

use snapferry_live::question::judge;
use snapferry_live::questions::QUESTIONS;
use snapferry_live::record::{Asked, Hide, Record, SCHEMA, differences};

/// A record of the local world, so that the comparison has something to compare. No real account is behind it.
pub(crate) const EXAMPLE: &str = "example-of-the-local-world.json";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("records")
}

fn committed() -> Vec<(String, Record)> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "json")
        })
        .collect();
    files.sort();
    let read = |path: PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let record = serde_json::from_str(&std::fs::read_to_string(&path).unwrap());
        (
            name.clone(),
            record.unwrap_or_else(|error| panic!("{name}: {error}")),
        )
    };
    files.into_iter().map(read).collect()
}

/// Writes what the local world says now, for a person to copy when the world has changed.
pub(crate) fn write_example(record: &Record) {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(EXAMPLE);
    std::fs::write(path, serde_json::to_string_pretty(record).unwrap() + "\n").unwrap();
}

/// What other projects emulate: where AWS does something else, our model can do nothing about it.
const NOT_OF_THE_MODEL: [&str; 3] = ["tokens", "heartbeat-end", "stack-removal"];

/// Fails where AWS, as a committed record has it, does something else than the model of RDS.
pub(crate) fn compare_with_committed(model: &Record) {
    let mut model = model.clone();
    let is_of_the_model = |asked: &Asked| !NOT_OF_THE_MODEL.contains(&asked.question.as_str());
    model.questions.retain(is_of_the_model);
    let committed = committed();
    assert!(
        committed.iter().any(|(name, _)| name == EXAMPLE),
        "the example is missing"
    );
    for (name, record) in committed {
        let found = differences(&record, &model);
        assert!(
            found.is_empty(),
            "{name} and the model differ:\n{}",
            found.join("\n")
        );
    }
}

#[test]
fn a_record_that_says_something_else_than_the_model_is_found() {
    let (_, example) = committed()
        .into_iter()
        .find(|(name, _)| name == EXAMPLE)
        .unwrap();
    assert_eq!(differences(&example, &example), Vec::<String>::new());
    for question in 0..example.questions.len() {
        let mut aws = example.clone();
        let Some((fact, value)) = aws.questions[question].facts.iter_mut().next() else {
            continue;
        };
        let fact = fact.clone();
        "something new".clone_into(value);
        let found = differences(&aws, &example);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found[0].contains(&fact) && found[0].contains("something new"),
            "{found:?}"
        );
    }
    // What a run did not see says nothing.
    let mut aws = example.clone();
    aws.questions.truncate(1);
    aws.questions[0].facts.clear();
    assert_eq!(differences(&aws, &example), Vec::<String>::new());
}

#[test]
fn each_committed_record_is_of_this_form_and_its_answers_are_those_of_its_facts() {
    for (name, record) in committed() {
        assert_eq!(record.schema, SCHEMA, "{name}");
        for asked in &record.questions {
            let question = QUESTIONS.iter().find(|it| it.name == asked.question);
            let question =
                question.unwrap_or_else(|| panic!("{name}: no question {}", asked.question));
            assert_eq!(
                judge(question.facts, &asked.facts),
                asked.answer,
                "{name}: {}",
                asked.question
            );
        }
    }
}

#[test]
fn no_committed_record_identifies_anybody() {
    for (name, _) in committed() {
        let text = std::fs::read_to_string(folder().join(&name)).unwrap();
        let digits = text.split(|letter: char| !letter.is_ascii_digit());
        assert!(
            digits.into_iter().all(|digits| digits.len() < 12),
            "{name} shows an account"
        );
        for shape in [
            "arn:", "://", "AKIA", "ASIA", "AROA", "AIDA", "AQCA", "AAAAK",
        ] {
            assert!(!text.contains(shape), "{name} shows {shape}");
        }
    }
}

#[test]
fn account_ids_arns_and_tokens_are_hidden_and_the_rest_stays_readable() {
    let hide = Hide::of("111122223333", "abcd1234");
    let rows = [
        (
            "CopyDBSnapshot: AWS refused it with SnapshotQuotaExceeded: Cannot copy more than 20 snapshots across regions",
            "CopyDBSnapshot: AWS refused it with SnapshotQuotaExceeded: Cannot copy more than 20 snapshots across regions",
        ),
        (
            "User: arn:aws:sts::111122223333:assumed-role/x/y is not authorized to perform: rds:DeleteDBSnapshot",
            "User: ARN is not authorized to perform: rds:DeleteDBSnapshot",
        ),
        (
            "sf-live-abcd1234-copy in 111122223333",
            "sf-live-RUN-copy in ACCOUNT",
        ),
        (
            "the key [arn:aws:kms:eu-central-1:111122223333:key/1] is off",
            "the key [ARN] is off",
        ),
        (
            "token AQCEAAAAKgAAAAMAAAAAAAAAAb1c2d3e4f5==.",
            "token ID==.",
        ),
        (
            "db-ABCDEFGHIJKLMNOPQRSTUV1234 and a@b.example",
            "ID and ADDRESS",
        ),
        ("request 01234567-89ab-cdef-0123-456789abcdef", "request ID"),
    ];
    for (text, shown) in rows {
        assert_eq!(hide.in_text(text), shown);
    }
}
