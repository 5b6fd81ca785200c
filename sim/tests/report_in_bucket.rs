//! `deploy --with report` in the local world: the reporter runs as the emulator's function, under its own role, and its page
//! is read back from the emulator's S3.

use std::path::PathBuf;

use serde_json::{Value, json};
use snapferry_sim::local::{Function, LocalIam, LocalOptions, LocalStack, build_reporter};
use snapferry_sim::rds::{InstanceSpec, Rds, RdsConfig, Tags};
use snapferry_sim::rds_http::{RdsService, ServiceConfig, VirtualClock};

const BUCKET: &str = "snapferry-reports";

async fn local_world() -> (LocalStack, RdsService) {
    let (events, _) = tokio::sync::mpsc::unbounded_channel();
    let of_the_stack = RdsConfig {
        account: LocalOptions::new("").account,
        ..RdsConfig::default()
    };
    let mut model = Rds::new(of_the_stack, 7);
    let mut orders = InstanceSpec::postgres("orders");
    orders.tags = Tags::of_system([("snapferry:policy", "default")]);
    model
        .add_instance(&"eu-west-1".parse().unwrap(), orders)
        .unwrap();
    let config = ServiceConfig {
        rds: model,
        clock: VirtualClock::starting_at("2026-11-22T03:00:00Z".parse().unwrap(), 1.0),
        events,
    };
    let rds = RdsService::start(config).await.unwrap();
    let mut options = LocalOptions::new(rds.url());
    let function = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/bootstrap");
    options.function = Function::Binary(function);
    options.makes_key = true;
    let started = LocalStack::start(options, &|_| {}).await;
    let stack = started.unwrap_or_else(|error| panic!("{error}"));
    rds.evaluate_iam(LocalIam::of(stack.client()));
    (stack, rds)
}

async fn run(mut command: tokio::process::Command, arguments: &[&str]) -> String {
    let output = command.args(arguments).output().await.unwrap();
    let [said, errors] =
        [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    // A report exits with 1 where a person is needed.
    assert_ne!(
        output.status.code(),
        Some(2),
        "{arguments:?}: {said}{errors}"
    );
    said
}

/// An object of the bucket, as AWS's own command line reads it.
async fn object(stack: &LocalStack, key: &str) -> String {
    let path = format!("s3://{BUCKET}/{key}");
    let said = run(stack.aws(), &["s3", "cp", &path, "-"]).await;
    assert!(!said.is_empty(), "{key} is not there");
    said
}

/// A page without the time at which it was made.
fn timeless(page: &str) -> String {
    let mut parts = page.split("datetime=\"");
    let before = parts.next().unwrap().to_owned();
    let rest = parts.next().unwrap();
    let (_, rest) = rest.split_once("</time>").unwrap();
    before + rest
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_in_the_bucket_is_the_one_that_the_command_writes() {
    let (stack, rds) = local_world().await;
    let place = json!({"LocationConstraint": "eu-central-1"}).to_string();
    let create = ["s3api", "create-bucket", "--bucket", BUCKET];
    let create = [&create[..], &["--create-bucket-configuration", &place]].concat();
    run(stack.aws(), &create).await;
    let reporter = tokio::task::spawn_blocking(build_reporter);
    let reporter = reporter.await.unwrap().unwrap();
    let (core, reporter) = (
        stack.function().display().to_string(),
        reporter.display().to_string(),
    );
    let bucket = format!("ReportBucket={BUCKET}");
    let deploy = [
        "deploy",
        "--recovery-region",
        "eu-central-1",
        "--source-region",
        "eu-west-1",
        "--architecture",
        "arm64",
        "--function",
        &core,
        "--with",
        "report",
        "--report-function",
        &reporter,
        "--parameter",
        &bucket,
        "--yes",
        "--json",
    ];
    let made: Value = serde_json::from_str(&run(stack.snapferry(), &deploy).await).unwrap();
    assert_eq!(made["applied"], true, "{made:#}");
    let last = made["stacks"].as_array().unwrap().last().unwrap();
    assert_eq!(last["stack"], "snapferry-report");

    let outputs = [
        "cloudformation",
        "describe-stacks",
        "--stack-name",
        "snapferry-report",
        "--query",
        "Stacks[0].Outputs[?OutputKey=='ReporterName'].OutputValue",
        "--output",
        "text",
    ];
    let name = run(stack.aws(), &outputs).await;
    let said = stack.client().invoke(name.trim(), &json!({})).await;
    let said = said.unwrap_or_else(|error| panic!("{error}: {}", stack.log().display()));
    assert_eq!(said["databases"], 1, "{said:#}");
    let keys: Vec<&str> = said["keys"]
        .as_array()
        .unwrap()
        .iter()
        .map(|key| key.as_str().unwrap())
        .collect();
    assert_eq!(
        keys[2..],
        [
            "snapferry/snapferry/latest.html",
            "snapferry/snapferry/latest.json"
        ]
    );

    let page = object(&stack, keys[2]).await;
    assert_eq!(
        page,
        object(&stack, keys[0]).await,
        "the day's is the newest"
    );
    let file = stack.folder().join("report.html");
    let mut command = stack.snapferry();
    command.env("AWS_ENDPOINT_URL_RDS", rds.url());
    run(command, &["report", "--html", file.to_str().unwrap()]).await;
    let written = std::fs::read_to_string(&file).unwrap();
    assert!(page.contains("orders"), "{page}");
    assert_eq!(timeless(&page), timeless(&written));

    let mut command = stack.snapferry();
    command.env("AWS_ENDPOINT_URL_RDS", rds.url());
    let mut printed: Value = serde_json::from_str(&run(command, &["report"]).await).unwrap();
    let mut stored: Value = serde_json::from_str(&object(&stack, keys[3]).await).unwrap();
    for answer in [&mut printed, &mut stored] {
        answer["generated_at"] = Value::Null;
    }
    assert_eq!(printed, stored);
}
