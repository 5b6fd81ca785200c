//! Whose credentials a command uses, and what an error says about where it asked.

use std::path::PathBuf;
use std::process::Command;

use crate::commands::{bare, configured, ran, text};
use crate::server::{Answer, Server, ok};

/// A file with one profile, which has keys of its own.
fn profiles(test: &str) -> PathBuf {
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("profiles-of-{test}"));
    let content =
        "[profile ops]\naws_access_key_id = AKIDOFTHEPROFILE\naws_secret_access_key = secret\n";
    std::fs::write(&file, content).unwrap();
    file
}

fn empty() -> Server {
    Server::start(|_| ok(r#"{"Items":[]}"#))
}

fn no_such_table() -> Server {
    Server::start(|_| {
        let body =
            r#"{"__type":"ResourceNotFoundException","message":"Requested resource not found"}"#;
        Answer::Http(400, body.to_owned())
    })
}

/// What a command that fails with this code says, and whether it asked anything.
fn refused(command: &mut Command, server: &Server, code: i32) -> String {
    let output = command.output().unwrap();
    ran(&output, code);
    assert_eq!(server.asked().len(), 0);
    text(&output.stderr)
}

#[test]
fn a_profile_that_does_not_exist_is_an_error_although_the_environment_has_keys() {
    let server = empty();
    let file = profiles("missing");
    let mut by_flag = configured(&server, &["waits", "--profile", "nope"]);
    let mut by_variable = configured(&server, &["waits"]);
    by_variable.env("AWS_PROFILE", "nope");
    for command in [&mut by_flag, &mut by_variable] {
        let said = refused(command.env("AWS_CONFIG_FILE", &file), &server, 2);
        assert!(said.contains("there is no profile nope"), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}

#[test]
fn the_keys_of_the_named_profile_win_over_those_of_the_environment() {
    let server = empty();
    let mut command = configured(&server, &["waits", "--profile", "ops"]);
    command.env("AWS_CONFIG_FILE", profiles("named"));
    ran(&command.output().unwrap(), 0);
    let asked = server.asked();
    let signed_by = &asked[0].headers["authorization"];
    assert!(signed_by.contains("AKIDOFTHEPROFILE"), "{signed_by}");
}

/// `aws login` writes such a profile, and keeps its token in a cache that this machine does not have.
#[test]
fn a_profile_of_aws_login_is_understood() {
    let server = empty();
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("profiles-of-login");
    let session = "login_session = arn:aws:iam::111122223333:user/ada";
    std::fs::write(
        &file,
        format!("[profile ada]\n{session}\nregion = eu-central-1\n"),
    )
    .unwrap();
    let mut command = configured(&server, &["waits", "--profile", "ada"]);
    let said = refused(command.env("AWS_CONFIG_FILE", &file), &server, 3);
    assert!(!said.contains("feature"), "{said}");
    assert!(said.contains("login"), "{said}");
    assert!(said.contains("profile ada"), "{said}");
}

#[test]
fn missing_credentials_are_one_line_that_says_what_to_do() {
    let server = empty();
    let mut command = configured(&server, &["waits"]);
    command.env_remove("AWS_ACCESS_KEY_ID");
    let said = refused(&mut command, &server, 3);
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.contains("no credentials were found"), "{said}");
    assert!(said.contains("--profile"), "{said}");
}

#[test]
fn an_error_names_service_table_region_and_profile_and_says_each_text_once() {
    let server = no_such_table();
    let mut command = configured(&server, &["waits", "--profile", "ops"]);
    command.env("AWS_CONFIG_FILE", profiles("table"));
    let output = command.output().unwrap();
    ran(&output, 3);
    let said = text(&output.stderr);
    assert_eq!(
        said,
        "snapferry: dynamodb:Query did not succeed: ResourceNotFoundException: Requested resource not found (HTTP 400) \
         (table table, recovery region eu-central-1, profile ops)\n"
    );
}

#[test]
fn an_error_of_rds_says_its_words_once() {
    let server = Server::start(|asked| {
        match asked.action().as_str() {
        "DescribeDBSnapshots" | "DescribeDBClusterSnapshots" => Answer::Http(
            403,
            "<ErrorResponse><Error><Code>AccessDenied</Code><Message>not for you</Message></Error></ErrorResponse>"
                .to_owned(),
        ),
        _ => ok(r#"{"Items":[]}"#),
    }
    });
    let output = configured(&server, &["prune"]).output().unwrap();
    ran(&output, 3);
    let said = text(&output.stderr);
    assert_eq!(said.matches("not for you").count(), 1, "{said}");
    assert!(said.contains("in eu-central-1"), "{said}");
}

#[test]
fn a_connection_that_is_refused_says_so_once() {
    let mut command = bare(&["waits"]);
    let settings = [
        // No server listens on the port of a well-known service that nobody runs here.
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:9"),
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_REGION", "eu-central-1"),
        ("SNAPFERRY_STACK_ID", "prod"),
        ("SNAPFERRY_TABLE", "table"),
    ];
    let output = command.envs(settings).output().unwrap();
    ran(&output, 3);
    let said = text(&output.stderr);
    let times = said.to_lowercase().matches("connection refused").count();
    assert_eq!(times, 1, "{said}");
}
