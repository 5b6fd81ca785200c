//! The program of report.yaml as Lambda runs it: the reporter, between the runtime API and AWS.

use serde_json::{Value, json};

use crate::functions::{end, function_of, is_the_answer, server};
use crate::server::{Answer, Server, ok};
use crate::wire::Asked;

fn reporter(server: &Server) -> std::process::Command {
    let mut command = function_of(env!("CARGO_BIN_EXE_report"), "reporter", server);
    command
        .env("AWS_ENDPOINT_URL", server.endpoint("all"))
        // S3's rules of endpoints put a bucket's name right behind a path.
        .env("AWS_ENDPOINT_URL_S3", format!("http://{}", server.address))
        .env("SNAPFERRY_STACK_NAME", "prod")
        .env("SNAPFERRY_REPORT_BUCKET", "reports")
        .env("SNAPFERRY_REPORT_PREFIX", "snapferry/prod/");
    command
}

const ORDERS: &str = "<DBInstance><DBInstanceIdentifier>orders</DBInstanceIdentifier>\
    <DBInstanceArn>arn:aws:rds:eu-west-1:111122223333:db:orders</DBInstanceArn>\
    <DbiResourceId>db-ORDERS</DbiResourceId><Engine>postgres</Engine><DBInstanceStatus>available</DBInstanceStatus>\
    <InstanceCreateTime>2026-01-01T03:01:00Z</InstanceCreateTime><AllocatedStorage>20</AllocatedStorage>\
    <StorageEncrypted>true</StorageEncrypted>\
    <TagList><Tag><Key>snapferry:policy</Key><Value>default</Value></Tag></TagList></DBInstance>";

fn is_put(asked: &Asked) -> bool {
    asked.uri.starts_with("/reports/")
}

fn aws(asked: &Asked) -> Answer {
    if is_put(asked) {
        return ok("");
    }
    let rows = |action: &str, list: &str, rows: &str| {
        ok(format!(
            "<{action}Response><{action}Result><{list}>{rows}</{list}></{action}Result></{action}Response>"
        ))
    };
    match asked.action().as_str() {
        "DescribeDBInstances" => rows("DescribeDBInstances", "DBInstances", ORDERS),
        "DescribeDBClusters" => rows("DescribeDBClusters", "DBClusters", ""),
        "DescribeDBSnapshots" => rows("DescribeDBSnapshots", "DBSnapshots", ""),
        "DescribeDBClusterSnapshots" => {
            rows("DescribeDBClusterSnapshots", "DBClusterSnapshots", "")
        }
        "BatchGetItem" => ok(r#"{"Responses":{},"UnprocessedKeys":{}}"#),
        "Query" => ok(r#"{"Items":[]}"#),
        "GetItem" => ok("{}"),
        other => panic!("{other} was not to be asked"),
    }
}

fn day_of(page: &str) -> &str {
    let (_, rest) = page.split_once("datetime=\"").unwrap();
    &rest[..10]
}

#[test]
fn the_reporter_puts_the_page_and_its_json_under_the_day_and_as_the_newest() {
    let server = server(&json!({}), aws);
    let child = reporter(&server).spawn().unwrap();
    let answer = server.wait_for(is_the_answer);
    end(child);
    let puts: Vec<Asked> = server.asked().into_iter().filter(is_put).collect();
    let page = &puts[0].body;
    assert!(page.starts_with("<!doctype html>"), "{page}");
    assert!(page.contains("orders"), "{page}");
    let day = day_of(page);
    let keys: Vec<String> = [day, "latest"]
        .iter()
        .flat_map(|name| ["html", "json"].map(|ending| format!("snapferry/prod/{name}.{ending}")))
        .collect();
    let put: Vec<&str> = puts
        .iter()
        .map(|asked| {
            let path = asked.uri.split('?').next().unwrap();
            path.strip_prefix("/reports/").unwrap()
        })
        .collect();
    assert_eq!(put, keys);
    assert_eq!(answer.json()["keys"], json!(keys));
    assert_eq!(answer.json()["databases"], 1);
    assert_eq!(puts[0].body, puts[2].body);
    assert_eq!(puts[1].body, puts[3].body);
    let said: Value = serde_json::from_str(&puts[1].body).unwrap();
    assert_eq!(said["schema"], 1);
    assert_eq!(said["databases"][0]["id"], "orders");
    let types: Vec<&String> = puts
        .iter()
        .map(|asked| &asked.headers["content-type"])
        .collect();
    assert_eq!(types[0], "text/html; charset=utf-8");
    assert_eq!(types[1], "application/json");
    for put in &puts {
        // The bucket's default encrypts.
        let mut names = put.headers.keys();
        assert!(!names.any(|name| name.starts_with("x-amz-server-side-encryption")));
        let agent = &put.headers["user-agent"];
        assert!(agent.contains("app/snapferry-reporter"), "{agent}");
    }
}

#[test]
fn a_bucket_that_refuses_is_an_error_that_names_the_object() {
    let server = server(&json!({}), |asked| match is_put(asked) {
        true => Answer::Http(
            403,
            "<Error><Code>AccessDenied</Code><Message>no</Message></Error>".to_owned(),
        ),
        false => aws(asked),
    });
    let child = reporter(&server).spawn().unwrap();
    let is_error = |asked: &Asked| asked.uri.ends_with("/invocation/invocation-1/error");
    let error = server.wait_for(is_error);
    end(child);
    assert_eq!(error.json()["errorType"], "Snapferry.ReportNotStored");
    let message = error.json()["errorMessage"].to_string();
    assert!(
        message.contains("snapferry/prod/") && message.contains("AccessDenied"),
        "{message}"
    );
    let puts = server.asked().into_iter().filter(is_put).count();
    assert_eq!(puts, 1, "what is refused is not tried again");
}
