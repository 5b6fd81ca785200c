//! `snapferry doctor` in the local world: it is green where all is in order, and red after each thing that it looks for
//! is broken.

use std::path::PathBuf;
use std::process::Stdio;

use jiff::Timestamp;
use serde_json::{Value, json};
use snapferry_sim::local::{
    Function, JsonService, LocalOptions, LocalStack, RoleChanges, build_snapferry,
};
use snapferry_sim::rds::{
    ClusterSpec, CreateDbSnapshot, DbOption, InstanceSpec, KmsKey, OptionGroup, Rds, RdsConfig,
    Region,
};
use snapferry_sim::rds_http::{RdsService, ServiceConfig, VirtualClock};
use tokio::sync::mpsc;

const SOURCE: &str = "eu-west-1";
const HOME: &str = "eu-central-1";
const ACCOUNT: &str = "123456789012";
const SOURCE_KEY: &str =
    "arn:aws:kms:eu-west-1:123456789012:key/1a2b3c4d-0000-4000-8000-00000000beef";

fn region(name: &str) -> Region {
    name.parse().unwrap()
}

/// A stack with an instance, a cluster, their key and their option groups.
struct World {
    rds: RdsService,
    stack: LocalStack,
    snapferry: PathBuf,
    key: String,
}

impl World {
    async fn start(roles: RoleChanges) -> Self {
        let mut options = LocalOptions::new("");
        let key = options.recovery_key_arn.clone();
        let rds = serve(account(&key)).await;
        options.rds_endpoint = rds.url();
        options.function = Function::Binary(
            PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/bootstrap"),
        );
        options.roles = roles;
        options.keys = vec![SOURCE_KEY.to_owned()];
        let parameters = [
            ("Selection", "all"),
            ("Retention", "35d"),
            ("Prune", "yes"),
            ("AlarmEmail", "you@example.com"),
            // The doctor compares them with the limits for RDS.
            ("FunctionTimeout", "22"),
            ("VisibilitySeconds", "132"),
        ];
        options.parameters = parameters
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec();
        let snapferry = tokio::task::spawn_blocking(build_snapferry);
        let snapferry = snapferry.await.unwrap().unwrap();
        let stack = LocalStack::start(options, &|_| {}).await;
        let stack = stack.unwrap_or_else(|error| panic!("{error}"));
        Self {
            rds,
            stack,
            snapferry,
            key,
        }
    }

    /// The findings, and whether the doctor ended well.
    async fn doctor(&self) -> (Vec<Value>, bool) {
        let output = tokio::process::Command::new(&self.snapferry)
            .args(["doctor", "--json"])
            .env_clear()
            .envs(self.stack.environment(&self.rds.url()).unwrap())
            .stdin(Stdio::null())
            .output()
            .await
            .unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        let report: Value = serde_json::from_str(&said).unwrap_or_else(|error| {
            panic!("{error}: {said}{}", String::from_utf8_lossy(&output.stderr))
        });
        let findings = report["findings"].as_array().unwrap().clone();
        (findings, output.status.success())
    }

    /// Expects one finding that is not good: of this check and this level.
    #[track_caller]
    fn is_only(findings: &[Value], check: &str, level: &str) {
        let bad: Vec<_> = findings.iter().filter(|one| one["level"] != "ok").collect();
        let fits = bad
            .iter()
            .any(|one| one["check"] == check && one["level"] == level);
        let of_other_checks = bad.iter().filter(|one| one["check"] != check).count();
        assert!(fits && of_other_checks == 0, "{check} {level}: {bad:#?}");
    }

    async fn call(
        &self,
        place: &str,
        service: JsonService,
        operation: &str,
        input: Value,
    ) -> Value {
        let client = self.stack.client().in_region(place);
        client.call(service, operation, &input).await.unwrap()
    }
}

fn account(recovery_key: &str) -> Rds {
    let config = RdsConfig {
        account: ACCOUNT.to_owned(),
        ..RdsConfig::default()
    };
    let mut rds = Rds::new(config, 1);
    for (place, arn) in [(SOURCE, SOURCE_KEY), (HOME, recovery_key)] {
        let key = KmsKey {
            arn: arn.to_owned(),
            aliases: Vec::new(),
            enabled: true,
        };
        rds.add_key(&region(place), key);
    }
    rds.add_option_group(&region(SOURCE), tde());
    let instance = InstanceSpec {
        kms_key: Some(SOURCE_KEY.to_owned()),
        ..InstanceSpec::postgres("orders")
    };
    let cluster = ClusterSpec {
        kms_key: Some(SOURCE_KEY.to_owned()),
        ..ClusterSpec::aurora("web")
    };
    rds.add_instance(&region(SOURCE), instance).unwrap();
    rds.add_cluster(&region(SOURCE), cluster).unwrap();
    rds
}

/// A group with an option that a copy cannot do without.
fn tde() -> OptionGroup {
    OptionGroup {
        name: "tde".to_owned(),
        engine: "postgres".to_owned(),
        major_version: "17".to_owned(),
        options: vec![DbOption {
            name: "TDE".to_owned(),
            is_persistent: true,
        }],
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the command that asks has the real clock"
)]
async fn serve(rds: Rds) -> RdsService {
    let (events, _) = mpsc::unbounded_channel();
    let clock = VirtualClock::starting_at(Timestamp::now(), 1.0);
    RdsService::start(ServiceConfig { rds, clock, events })
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_is_green_in_the_local_world_and_red_after_each_thing_that_it_looks_for() {
    let world = World::start(RoleChanges::default()).await;
    let is_green = async |after: &str| {
        let (findings, ended_well) = world.doctor().await;
        let bad: Vec<_> = findings.iter().filter(|one| one["level"] != "ok").collect();
        assert!(bad.is_empty() && ended_well, "after {after}: {bad:#?}");
    };
    let is_red = async |check: &str| {
        let (findings, ended_well) = world.doctor().await;
        World::is_only(&findings, check, "failure");
        assert!(!ended_well, "{check}");
    };
    is_green("the deployment").await;
    each_variable_stands_once(&world);

    // Keys.
    for (place, key, check) in [
        (HOME, world.key.as_str(), "recovery-key"),
        (SOURCE, SOURCE_KEY, "source-key"),
    ] {
        let id = json!({ "KeyId": key });
        world
            .call(place, JsonService::KMS, "DisableKey", id.clone())
            .await;
        is_red(check).await;
        world.call(place, JsonService::KMS, "EnableKey", id).await;
    }
    let policy_of = |who: &str| {
        let principal = format!("arn:aws:iam::{ACCOUNT}:{who}");
        let statement = json!({ "Effect": "Allow", "Principal": { "AWS": principal }, "Action": "kms:*", "Resource": "*" });
        let policy = json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string();
        json!({ "KeyId": world.key, "PolicyName": "default", "Policy": policy })
    };
    world
        .call(
            HOME,
            JsonService::KMS,
            "PutKeyPolicy",
            policy_of("role/admin"),
        )
        .await;
    is_red("key-policy").await;
    world
        .call(HOME, JsonService::KMS, "PutKeyPolicy", policy_of("root"))
        .await;
    is_green("the keys").await;

    // Option groups: one that the policy does not map.
    let with_group = |group: &str| {
        let place = region(SOURCE);
        let mut model = world.rds.model();
        model.change_instance(&place, "orders", |one| {
            group.clone_into(&mut one.spec.option_group)
        });
    };
    let default_group = world
        .rds
        .model()
        .instance(&region(SOURCE), "orders")
        .unwrap()
        .spec
        .option_group
        .clone();
    with_group("tde");
    is_red("option-group").await;
    with_group(&default_group);
    is_green("the option group").await;

    // Events.
    let rules = world
        .call(SOURCE, JsonService::EVENTS, "ListRules", json!({}))
        .await;
    let rule = json!({ "Name": rules["Rules"][0]["Name"] });
    world
        .call(SOURCE, JsonService::EVENTS, "DisableRule", rule.clone())
        .await;
    is_red("forwarding-rule").await;
    world
        .call(SOURCE, JsonService::EVENTS, "EnableRule", rule)
        .await;

    // Dead letters.
    let queue = json!({ "QueueUrl": world.stack.output("CommandsDeadLetterQueueUrl").unwrap() });
    let mut letter = queue.clone();
    letter["MessageBody"] = json!("a command");
    world
        .call(HOME, JsonService::SQS, "SendMessage", letter)
        .await;
    is_red("dead-letters").await;
    world
        .call(HOME, JsonService::SQS, "PurgeQueue", queue)
        .await;
    is_green("the dead letter").await;

    // Quotas.
    let with_quota = |quota: usize| world.rds.model().config_mut().manual_snapshot_quota = quota;
    with_quota(0);
    is_red("snapshot-quota").await;
    with_quota(100);

    // Another stack's snapshot of the same database.
    let id = world
        .rds
        .model()
        .instance(&region(SOURCE), "orders")
        .unwrap()
        .resource_id
        .clone();
    let theirs = CreateDbSnapshot {
        snapshot: "sf-of-another-stack".to_owned(),
        instance: "orders".to_owned(),
        tags: [
            ("snapferry:stack", "another"),
            ("snapferry:resource-id", &id),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into(),
    };
    let now = world.rds.now();
    world
        .rds
        .model()
        .create_db_snapshot(&region(SOURCE), &theirs, now)
        .unwrap();
    let (findings, _) = world.doctor().await;
    World::is_only(&findings, "other-stacks", "warning");

    // Policies that nobody can read.
    let item = json!({ "pk": { "S": "policies#current" }, "version": { "N": "1" } });
    let input = json!({ "TableName": world.stack.output("TableName").unwrap(), "Item": item });
    world
        .call(HOME, JsonService::DYNAMODB, "PutItem", input)
        .await;
    let (findings, ended_well) = world.doctor().await;
    let policies = findings
        .iter()
        .find(|one| one["check"] == "policies")
        .unwrap();
    assert_eq!(policies["level"], "failure", "{policies}");
    assert!(!ended_well);
}

fn each_variable_stands_once(world: &World) {
    let mut names: Vec<String> = world
        .stack
        .environment("http://127.0.0.1:1")
        .unwrap()
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    for name in ["AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL_RDS"] {
        assert!(names.iter().any(|one| one == name), "{name} is missing");
    }
    names.sort();
    let all = names.len();
    names.dedup();
    assert_eq!(names.len(), all, "a variable is set twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_permission_that_is_missing_is_red_and_the_simulators_denial_of_a_callback_unknown() {
    let without = [
        "worker=rds:CopyDBSnapshot",
        "reactor=states:SendTaskSuccess",
    ];
    let roles = RoleChanges {
        without: without.map(|text| text.parse().unwrap()).into(),
        with: Vec::new(),
    };
    let world = World::start(roles).await;
    let (findings, ended_well) = world.doctor().await;
    let level = |role: &str| {
        let of_role = |one: &&Value| one["check"] == "permissions" && one["subject"] == role;
        findings.iter().find(of_role).unwrap()["level"].clone()
    };
    assert_eq!(level("WorkerRole"), "failure", "{findings:#?}");
    assert_eq!(level("ReactorRole"), "unknown", "{findings:#?}");
    assert_eq!(level("SweeperRole"), "ok", "{findings:#?}");
    assert!(!ended_well);
}
