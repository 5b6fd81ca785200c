//! `snapferry deploy` against the emulator: a key of the stack's own, and a second run that changes nothing.

use std::path::PathBuf;

use serde_json::{Value, json};
use snapferry_sim::local::{Function, JsonService, LocalOptions, LocalStack};

fn options() -> LocalOptions {
    let mut options = LocalOptions::new("http://127.0.0.1:9");
    let fixture = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/bootstrap");
    options.function = Function::Binary(fixture);
    options
}

async fn start(options: LocalOptions) -> LocalStack {
    let started = LocalStack::start(options, &|_| {}).await;
    started.unwrap_or_else(|error| panic!("{error}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stack_without_a_key_makes_one_and_a_second_deployment_changes_nothing() {
    let mut options = options();
    options.makes_key = true;
    let stack = start(options).await;
    let key = stack.output("RecoveryKey").unwrap();
    assert!(key.starts_with("arn:aws:kms:eu-central-1:"), "{key}");
    let kms = async |operation: &str| {
        let input = json!({ "KeyId": key });
        let client = stack.client();
        client.call(JsonService::KMS, operation, &input).await
    };
    let rotation = kms("GetKeyRotationStatus").await.unwrap();
    assert_eq!(rotation["KeyRotationEnabled"], true);
    let described = kms("DescribeKey").await.unwrap();
    assert_eq!(described["KeyMetadata"]["KeyManager"], "CUSTOMER");

    let again: Value = serde_json::from_str(&stack.deploy_again().await.unwrap()).unwrap();
    assert_eq!(again["applied"], false, "{again:#}");
    let states: Vec<&Value> = again["stacks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["state"])
        .collect();
    assert_eq!(states, ["unchanged", "unchanged"]);
}
