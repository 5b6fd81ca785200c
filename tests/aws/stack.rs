//! `--stack NAME`: what the stack's outputs say, and what wins over them.

use std::collections::BTreeMap;

use snapferry::domain::operator::stack_outputs::SETTINGS;

use crate::commands::{bare, ran, text};
use crate::server::{Answer, Server, ok};
use crate::wire::{Asked, MACHINE};
use crate::world::KEY;

/// What the outputs of a deployed stack are.
fn outputs() -> BTreeMap<&'static str, &'static str> {
    BTreeMap::from([
        ("StackRegion", "eu-central-1"),
        ("StackIdentity", "prod"),
        ("TableName", "table-of-the-stack"),
        ("StateMachineArn", MACHINE),
        ("SourceRegionNames", "eu-west-1"),
        ("RecoveryKey", KEY),
        ("BuiltInSchedule", "0 3 * * *"),
        ("BuiltInTimeZone", "UTC"),
        ("BuiltInSelection", "all"),
        ("CopySlotCount", "7"),
        (
            "EventsQueueArn",
            "arn:aws:sqs:eu-central-1:111122223333:events",
        ),
    ])
}

fn stacks(outputs: &BTreeMap<&str, &str>) -> Answer {
    let members: String = outputs
        .iter()
        .map(|(key, value)| {
            format!(
                "<member><OutputKey>{key}</OutputKey><OutputValue>{value}</OutputValue></member>"
            )
        })
        .collect();
    ok(format!(
        "<DescribeStacksResponse><DescribeStacksResult><Stacks><member><StackName>ferry</StackName>\
         <CreationTime>2026-11-22T03:00:00Z</CreationTime><StackStatus>CREATE_COMPLETE</StackStatus>\
         <Outputs>{members}</Outputs></member></Stacks></DescribeStacksResult></DescribeStacksResponse>"
    ))
}

fn no_such_stack() -> Answer {
    Answer::Http(
        400,
        "<ErrorResponse><Error><Type>Sender</Type><Code>ValidationError</Code>\
         <Message>Stack with id ferry does not exist</Message></Error></ErrorResponse>"
            .to_owned(),
    )
}

/// Answers for a stack without open waits.
fn aws(asked: &Asked) -> Answer {
    match asked.action().as_str() {
        "DescribeStacks" => stacks(&outputs()),
        "Query" => ok(r#"{"Items":[]}"#),
        "GetItem" => ok("{}"),
        other => panic!("{other}"),
    }
}

fn asking(server: &Server, arguments: &[&str]) -> std::process::Command {
    let mut command = bare(arguments);
    command
        .env("AWS_ENDPOINT_URL", format!("http://{}", server.address))
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "secret");
    command
}

fn tables_asked(server: &Server) -> Vec<String> {
    let asked = server.asked();
    let tables = asked
        .iter()
        .filter(|asked| asked.action() == "Query")
        .map(|asked| asked.json()["TableName"].as_str().unwrap().to_owned());
    tables.collect()
}

#[test]
fn a_stack_s_name_and_its_region_are_all_that_a_command_needs() {
    let server = Server::start(aws);
    let arguments = ["--region", "eu-central-1", "--stack", "ferry", "waits"];
    let out = ran(&asking(&server, &arguments).output().unwrap(), 0);
    assert!(out.contains("copy slots taken: 0/7"), "{out}");
    assert_eq!(tables_asked(&server), ["table-of-the-stack"]);
}

#[test]
fn flags_win_over_the_environment_and_both_win_over_the_stack() {
    let server = Server::start(aws);
    let arguments = ["--region", "eu-central-1", "--stack", "ferry", "waits"];
    let mut command = asking(&server, &arguments);
    command.env("SNAPFERRY_COPY_SLOTS", "9");
    let out = ran(&command.output().unwrap(), 0);
    assert!(out.contains("copy slots taken: 0/9"), "{out}");
    command.env("SNAPFERRY_TABLE", "table-of-the-environment");
    command.args(["--table", "table-of-the-flag"]);
    ran(&command.output().unwrap(), 0);
    assert_eq!(
        tables_asked(&server),
        ["table-of-the-stack", "table-of-the-flag"]
    );
}

#[test]
fn an_environment_with_name_and_table_is_not_asked_for_again_and_a_flag_s_name_is() {
    let variables = [
        ("AWS_REGION", "eu-central-1"),
        ("SNAPFERRY_STACK_NAME", "ferry"),
        ("SNAPFERRY_STACK_ID", "prod"),
        ("SNAPFERRY_TABLE", "table-of-the-stack"),
    ];
    for (arguments, asks) in [
        (&["waits"][..], false),
        (&["--stack", "ferry", "waits"], true),
        (&["waits", "--stack", "ferry"], true),
    ] {
        let server = Server::start(aws);
        let mut command = asking(&server, arguments);
        let output = command.envs(variables).output().unwrap();
        ran(&output, 0);
        let asked: Vec<String> = server.asked().iter().map(Asked::action).collect();
        assert_eq!(
            asked.iter().any(|it| it == "DescribeStacks"),
            asks,
            "{asked:?}"
        );
    }
}

/// With the environment of one stack and the name of another, a command would look at one and change the other.
#[test]
fn an_environment_of_another_stack_is_refused_beside_a_stacks_name() {
    let machine = "arn:aws:states:eu-central-1:111122223333:stateMachine:of-prod";
    for (variable, other) in [
        ("SNAPFERRY_TABLE", "table-of-prod"),
        ("SNAPFERRY_STACK_ID", "another"),
        ("SNAPFERRY_STATE_MACHINE_ARN", machine),
    ] {
        for action in [&["waits"][..], &["drain", "--yes"], &["destroy", "--yes"]] {
            let server = Server::start(deployed);
            let arguments = ["--region", "eu-central-1", "--stack", "ferry"];
            let mut command = asking(&server, &[&arguments[..], action].concat());
            let output = command.env(variable, other).output().unwrap();
            ran(&output, 2);
            let err = text(&output.stderr);
            assert!(err.contains(variable) && err.contains(other), "{err}");
            let mut asked: Vec<String> = server.asked().iter().map(Asked::action).collect();
            asked.dedup();
            assert_eq!(asked, ["DescribeStacks"], "{variable} {action:?}");
        }
    }
    let server = Server::start(deployed);
    let arguments = ["--region", "eu-central-1", "--stack", "ferry", "destroy"];
    let flag = [&arguments[..], &["--table", "table-of-prod"]].concat();
    ran(&asking(&server, &flag).output().unwrap(), 2);
}

/// The recovery region's stack with the parameters that a removal looks for, and no stack in the source region.
fn deployed(asked: &Asked) -> Answer {
    assert_eq!(asked.action(), "DescribeStacks");
    if asked.form()["StackName"] != "ferry" {
        return no_such_stack();
    }
    let Answer::Http(status, body) = stacks(&outputs()) else {
        panic!("it answers")
    };
    let parameter = |name: &str, value: &str| {
        format!(
            "<member><ParameterKey>{name}</ParameterKey><ParameterValue>{value}</ParameterValue></member>"
        )
    };
    let parameters = [("SourceRegions", "eu-west-1"), ("RecoveryKeyArn", "")];
    let parameters: String = parameters
        .iter()
        .map(|(name, value)| parameter(name, value))
        .collect();
    let body = body.replace(
        "<Outputs>",
        &format!("<Parameters>{parameters}</Parameters><Outputs>"),
    );
    Answer::Http(status, body)
}

#[test]
fn the_older_aws_variable_for_the_region_is_understood() {
    let server = Server::start(aws);
    let mut command = asking(&server, &["--stack", "ferry", "waits"]);
    command.env("AWS_DEFAULT_REGION", "eu-central-1");
    ran(&command.output().unwrap(), 0);
}

#[test]
fn a_stack_that_does_not_exist_is_named_with_its_region() {
    let server = Server::start(|_| no_such_stack());
    let arguments = ["--region", "eu-central-1", "--stack", "ferry", "waits"];
    let output = asking(&server, &arguments).output().unwrap();
    ran(&output, 2);
    let err = text(&output.stderr);
    assert!(
        err.contains("--stack ferry: there is no such stack in eu-central-1"),
        "{err}"
    );
}

#[test]
fn a_stack_of_another_template_is_refused() {
    let server = Server::start(|_| stacks(&BTreeMap::from([("Url", "https://example.com")])));
    let arguments = ["--region", "eu-central-1", "--stack", "ferry", "waits"];
    let output = asking(&server, &arguments).output().unwrap();
    ran(&output, 2);
    let err = text(&output.stderr);
    assert!(err.contains("does not have the outputs"), "{err}");
}

#[test]
fn the_variable_of_the_last_version_never_names_a_stack_to_look_up() {
    let server = Server::start(|asked| match asked.action().as_str() {
        "Query" => ok(r#"{"Items":[]}"#),
        "GetItem" => ok("{}"),
        other => panic!("{other}"),
    });
    let mut command = asking(&server, &["waits"]);
    command
        .env("AWS_REGION", "eu-central-1")
        .env("SNAPFERRY_STACK", "prod")
        .env("SNAPFERRY_TABLE", "table");
    ran(&command.output().unwrap(), 0);
}

#[test]
fn each_setting_stands_in_one_output() {
    let variables: std::collections::BTreeSet<&str> =
        SETTINGS.iter().map(|(_, variable)| *variable).collect();
    assert_eq!(variables.len(), SETTINGS.len());
}
