//! The program itself: what it refuses before it makes anything.

use std::process::{Command, Output, Stdio};

use crate::world::{ACCOUNT, emulator_of_its_own};

const REGIONS: [&str; 4] = [
    "--recovery-region",
    "eu-central-1",
    "--source-region",
    "eu-west-1",
];

fn live_check(endpoint: &str, arguments: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    Command::new(env!("CARGO_BIN_EXE_snapferry-live"))
        .args(arguments)
        .current_dir(folder.path())
        .env_clear()
        .env("AWS_ENDPOINT_URL", endpoint)
        .env("AWS_ACCESS_KEY_ID", ACCOUNT)
        .env("AWS_SECRET_ACCESS_KEY", "local")
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}

/// Nobody listens there.
const NOWHERE: &str = "http://127.0.0.1:9";

#[test]
fn the_plan_is_printed_without_a_call() {
    let output = live_check(
        NOWHERE,
        &[&["--account", ACCOUNT, "--dry-run"], &REGIONS[..]].concat(),
    );
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(
        said(&output).contains("This costs at most $"),
        "{}",
        said(&output)
    );
}

#[test]
fn both_regions_and_the_account_are_needed_and_the_regions_differ() {
    let same = [
        "--recovery-region",
        "eu-west-1",
        "--source-region",
        "eu-west-1",
    ];
    for arguments in [
        vec!["--account", ACCOUNT, "--recovery-region", "eu-central-1"],
        vec!["--account", ACCOUNT, "--source-region", "eu-west-1"],
        REGIONS.to_vec(),
        [&["--account", ACCOUNT], &same[..]].concat(),
    ] {
        let output = live_check(NOWHERE, &arguments);
        assert_eq!(
            output.status.code(),
            Some(2),
            "{arguments:?}: {}",
            said(&output)
        );
    }
}

#[test]
fn an_unknown_question_is_refused_with_the_names_of_all() {
    let arguments = [&["--account", ACCOUNT, "--only", "weather"], &REGIONS[..]].concat();
    let output = live_check(NOWHERE, &arguments);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("stack-removal"), "{}", said(&output));
}

#[test]
fn without_an_answer_of_aws_nothing_is_asked() {
    let output = live_check(NOWHERE, &[&["--account", ACCOUNT], &REGIONS[..]].concat());
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    assert!(
        said(&output).contains("GetCallerIdentity"),
        "{}",
        said(&output)
    );
}

#[test]
fn credentials_of_another_account_and_a_missing_person_are_refused() {
    let (_runtime, stack) = emulator_of_its_own();
    let output = live_check(
        &stack.endpoint(),
        &[&["--account", "444455556666"], &REGIONS[..]].concat(),
    );
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(
        said(&output).contains("not of 444455556666"),
        "{}",
        said(&output)
    );

    let output = live_check(
        &stack.endpoint(),
        &[&["--account", ACCOUNT], &REGIONS[..]].concat(),
    );
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(
        said(&output).contains("a person at a terminal"),
        "{}",
        said(&output)
    );
}
