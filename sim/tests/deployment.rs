//! `snapferry deploy` and `destroy` against the emulator: a key of the stack's own, a second run that changes nothing, and
//! stacks that go only when nothing sleeps, and can be taken over again.

use std::path::PathBuf;

use serde_json::{Value, json};
use snapferry_sim::local::{Function, JsonService, LocalOptions, LocalStack, repository_root};

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

/// What a command prints, and its exit code.
async fn said(stack: &LocalStack, words: &[&str]) -> (Value, Option<i32>) {
    let output = stack.snapferry().args(words).arg("--json").output();
    let output = output.await.unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let answer = serde_json::from_str(&text);
    let answer = answer.unwrap_or_else(|error| {
        panic!("{error}: {text}{}", String::from_utf8_lossy(&output.stderr))
    });
    (answer, output.status.code())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stacks_go_once_nothing_sleeps_and_a_new_one_takes_over_what_stays() {
    let mut options = options();
    options.makes_key = true;
    let stack = start(options).await;
    let machine = stack.output("StateMachineArn").unwrap();
    let input = json!({ "database": "asleep" });
    let client = stack.client();
    let started = client.start_execution(machine, "asleep", &input).await;
    let execution = started.unwrap();

    let (shown, code) = said(&stack, &["destroy"]).await;
    assert_eq!(
        (&shown["deleted"], code),
        (&json!(false), Some(0)),
        "{shown:#}"
    );
    assert_eq!(shown["runs"][0]["outcome"], "running", "{shown:#}");
    assert_eq!(shown["paused"], false);
    let names: Vec<&Value> = shown["stacks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["stack"])
        .collect();
    assert_eq!(names, ["snapferry-source", "snapferry"]);

    // The execution sleeps on, so nothing goes.
    let (kept, code) = said(&stack, &["destroy", "--yes"]).await;
    assert_eq!(
        (&kept["deleted"], code),
        (&json!(false), Some(1)),
        "{kept:#}"
    );
    assert_eq!(kept["paused"], true);
    let now = client.describe_execution(&execution).await.unwrap();
    assert_eq!(now.status, "RUNNING");

    let (gone, code) = said(&stack, &["destroy", "--yes", "--stop"]).await;
    assert_eq!(
        (&gone["deleted"], code),
        (&json!(true), Some(0)),
        "{gone:#}"
    );
    let (nothing, code) = said(&stack, &["destroy", "--yes"]).await;
    assert_eq!(
        (&nothing["stacks"], code),
        (&json!([]), Some(0)),
        "{nothing:#}"
    );

    // Key and table stay, and a new stack takes them over by the command that was named.
    let stays = &gone["stays"];
    assert_eq!(stays["key_is_the_stacks_own"], true);
    let adopt = stays["adopt"].as_str().unwrap();
    let mut words: Vec<&str> = adopt.split(' ').skip(1).collect();
    let function = stack.function().display().to_string();
    words.extend(["--yes", "--function", &function, "--architecture", "arm64"]);
    let (again, code) = said(&stack, &words).await;
    assert_eq!(
        (&again["applied"], code),
        (&json!(true), Some(0)),
        "{again:#}"
    );
    let (policies, code) = said(&stack, &["policy", "show"]).await;
    assert_eq!(
        (&policies["version"], code),
        (&json!(1), Some(0)),
        "{policies:#}"
    );
}

/// The templates of version 0.1.0, laid out as in a checkout.
fn laid_out(stack: &LocalStack) -> String {
    let fixtures = repository_root().unwrap();
    let fixtures = fixtures.join("tests/fixtures/upgrade/0.1.0");
    let folder = stack.folder().join("0.1.0");
    std::fs::create_dir_all(folder.join("statemachine")).unwrap();
    for (from, to) in [
        ("template.yaml", "template.yaml"),
        ("source-region.yaml", "source-region.yaml"),
        ("protect.asl.json", "statemachine/protect.asl.json"),
    ] {
        std::fs::copy(fixtures.join(from), folder.join(to)).unwrap();
    }
    folder.display().to_string()
}

/// A stack as version 0.1.0 deployed it, with its own defaults.
#[tokio::test(flavor = "multi_thread")]
async fn a_stack_of_0_1_0_is_upgraded_and_gets_the_limits_that_fit() {
    const KEY: &str = "arn:aws:kms:us-west-2:123456789012:key/00000000-0000-4000-8000-0000000001d0";
    let mut options = options();
    options.keys = vec![KEY.to_owned()];
    // Beside the stack that the local world has of its own, in regions of their own.
    let stack = start(options).await;
    let old = laid_out(&stack);
    let function = stack.function().display().to_string();
    let deploy = [
        "deploy",
        "--yes",
        "--recovery-region",
        "us-west-2",
        "--source-region",
        "eu-north-1",
        "--key",
        KEY,
        "--architecture",
        "arm64",
        "--function",
        &function,
    ];
    let (made, code) = said(&stack, &[&deploy[..], &["--templates", &old]].concat()).await;
    assert_eq!(
        (&made["applied"], code),
        (&json!(true), Some(0)),
        "{made:#}"
    );
    assert_eq!(made["raised"], json!([]));

    let (upgraded, code) = said(&stack, &deploy).await;
    assert_eq!(
        (&upgraded["applied"], code),
        (&json!(true), Some(0)),
        "{upgraded:#}"
    );
    let raised: Vec<(&str, &str)> = upgraded["raised"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            (
                one["parameter"].as_str().unwrap(),
                one["to"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        raised,
        [("FunctionTimeout", "60"), ("VisibilitySeconds", "360")]
    );
    assert_eq!(upgraded["misfits"], json!([]));
    let (again, _) = said(&stack, &deploy).await;
    assert_eq!(
        (&again["applied"], &again["raised"]),
        (&json!(false), &json!([]))
    );
}

/// What a person runs once drills are wanted: the second stack comes by one flag, takes over what the first one has, and goes
/// with it.
#[tokio::test(flavor = "multi_thread")]
async fn the_second_stack_is_deployed_by_its_flag_and_goes_with_the_first() {
    let mut options = options();
    options.makes_key = true;
    let stack = start(options).await;
    let (home, sources) = ("eu-central-1", "eu-west-1");
    let function = stack.function().display().to_string();
    let words = [
        "deploy",
        "--recovery-region",
        home,
        "--source-region",
        sources,
        "--architecture",
        "arm64",
        "--function",
        &function,
        "--yes",
    ];
    let with_restore = ["--with", "restore", "--drills-function", &function];
    let (made, code) = said(&stack, &[&words[..], &with_restore].concat()).await;
    assert_eq!(
        (&made["applied"], code),
        (&json!(true), Some(0)),
        "{made:#}"
    );
    let second = made["stacks"].as_array().unwrap().last().unwrap();
    assert_eq!(second["stack"], "snapferry-restore");
    assert_eq!(second["state"], "new");

    let mut describe = stack.aws();
    describe.args(["cloudformation", "describe-stacks", "--output", "json"]);
    describe.args(["--stack-name", "snapferry-restore"]);
    let described = describe.output().await.unwrap();
    let described: Value = serde_json::from_slice(&described.stdout).unwrap();
    let parameters = described["Stacks"][0]["Parameters"].as_array().unwrap();
    let parameter = |name: &str| {
        let mut found = parameters.iter();
        let found = found.find(|one| one["ParameterKey"] == name);
        found.unwrap()["ParameterValue"].clone()
    };
    let table = stack.output("TableName").unwrap();
    assert_eq!(parameter("TableName"), table);
    assert_eq!(parameter("StackId"), "snapferry");

    let (again, _) = said(&stack, &[&words[..], &with_restore].concat()).await;
    assert_eq!(again["applied"], false, "{again:#}");
    let (without, _) = said(&stack, &words).await;
    assert_eq!(
        without["left_out"],
        json!(["snapferry-restore"]),
        "{without:#}"
    );

    let (gone, code) = said(&stack, &["destroy", "--yes"]).await;
    assert_eq!(
        (&gone["deleted"], code),
        (&json!(true), Some(0)),
        "{gone:#}"
    );
    let names = gone["stacks"].as_array().unwrap().iter();
    let names: Vec<&Value> = names.map(|one| &one["stack"]).collect();
    assert_eq!(
        names,
        ["snapferry-source", "snapferry-restore", "snapferry"]
    );
}
