//! The policies for people: each is tried as a role that a person takes on, under the IAM that the emulator evaluates.

use std::path::PathBuf;

use serde_json::{Value, json};
use snapferry_sim::local::{Function, LocalIam, LocalOptions, LocalStack};
use snapferry_sim::rds::{Rds, RdsConfig};
use snapferry_sim::rds_http::{RdsService, ServiceConfig, VirtualClock};
use tokio::sync::mpsc;

const ROLE: &str = "a-person";

/// The model of RDS, without a database, asks the stack's IAM before each call.
async fn start() -> (LocalStack, RdsService) {
    let (events, _) = mpsc::unbounded_channel();
    let of_the_stack = RdsConfig {
        account: LocalOptions::new("").account,
        ..RdsConfig::default()
    };
    let config = ServiceConfig {
        rds: Rds::new(of_the_stack, 7),
        clock: VirtualClock::starting_at("2026-11-22T03:00:00Z".parse().unwrap(), 1.0),
        events,
    };
    let rds = RdsService::start(config).await.unwrap();
    let mut options = LocalOptions::new(rds.url());
    let function = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/bootstrap");
    options.function = Function::Binary(function);
    options.parameters = vec![("PeoplePolicies".to_owned(), "yes".to_owned())];
    let started = LocalStack::start(options, &|_| {}).await;
    let stack = started.unwrap_or_else(|error| panic!("{error}"));
    rds.evaluate_iam(LocalIam::of(stack.client()));
    (stack, rds)
}

/// What AWS's command line answers to the account's root.
async fn aws(stack: &LocalStack, arguments: &[&str]) -> Value {
    let output = stack.aws().args(arguments).output().await.unwrap();
    let [said, errors] =
        [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    assert!(output.status.success(), "{arguments:?}: {said}{errors}");
    serde_json::from_str(&said).unwrap_or(Value::Null)
}

/// A person with a session of the role.
struct Person<'a> {
    stack: &'a LocalStack,
    variables: [(&'static str, String); 4],
}

impl<'a> Person<'a> {
    /// A role of this name with these outputs' policies, and a session of it.
    async fn with(stack: &'a LocalStack, rds: &RdsService, policies: &[&str]) -> Self {
        let name = format!("{ROLE}-{}", policies.len());
        let trusts = json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Action": "sts:AssumeRole",
            "Principal": {"AWS": format!("arn:aws:iam::{}:root", stack.account())},
        }]});
        let trusts = trusts.to_string();
        let create = [
            "iam",
            "create-role",
            "--role-name",
            &name,
            "--assume-role-policy-document",
            &trusts,
        ];
        let role = aws(stack, &create).await;
        for policy in policies {
            let arn = stack.output(policy).unwrap();
            aws(
                stack,
                &[
                    "iam",
                    "attach-role-policy",
                    "--role-name",
                    &name,
                    "--policy-arn",
                    arn,
                ],
            )
            .await;
        }
        let arn = role["Role"]["Arn"].as_str().unwrap();
        let assume = [
            "sts",
            "assume-role",
            "--role-arn",
            arn,
            "--role-session-name",
            "test",
        ];
        let session = aws(stack, &assume).await;
        let key = |name: &str| session["Credentials"][name].as_str().unwrap().to_owned();
        let variables = [
            ("AWS_ENDPOINT_URL_RDS", rds.url()),
            ("AWS_ACCESS_KEY_ID", key("AccessKeyId")),
            ("AWS_SECRET_ACCESS_KEY", key("SecretAccessKey")),
            ("AWS_SESSION_TOKEN", key("SessionToken")),
        ];
        Self { stack, variables }
    }

    /// Runs a command as this person. Answers its exit code, and everything that it said.
    async fn runs(
        &self,
        mut command: tokio::process::Command,
        arguments: &[&str],
    ) -> (i32, String) {
        command.args(arguments);
        for (name, value) in &self.variables {
            command.env(name, value);
        }
        let output = command.output().await.unwrap();
        let [said, errors] =
            [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
        (output.status.code().unwrap(), format!("{said}{errors}"))
    }

    async fn may(&self, arguments: &[&str]) {
        let (code, said) = self.runs(self.stack.snapferry(), arguments).await;
        assert!(
            code == 0 && !said.contains("AccessDenied"),
            "{arguments:?}: {code}: {said}"
        );
    }

    async fn may_not(&self, arguments: &[&str]) {
        let (code, said) = self.runs(self.stack.snapferry(), arguments).await;
        assert!(
            code != 0 && said.contains("AccessDenied"),
            "{arguments:?}: {code}: {said}"
        );
    }

    async fn aws_denies(&self, arguments: &[&str]) {
        let (code, said) = self.runs(self.stack.aws(), arguments).await;
        let is_denied = said.contains("AccessDenied") || said.contains("not authorized");
        assert!(code != 0 && is_denied, "{arguments:?}: {code}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_look_operators_act_and_neither_deletes() {
    let (stack, rds) = start().await;
    let table = stack.output("TableName").unwrap().to_owned();
    let reader = Person::with(&stack, &rds, &["ReadersPolicyArn"]).await;
    let operator = Person::with(&stack, &rds, &["ReadersPolicyArn", "OperatorsPolicyArn"]).await;
    let looks: [&[&str]; 6] = [
        &["status"],
        &["plan"],
        &["waits"],
        &["prune"],
        &["policy", "show"],
        &["policy", "history"],
    ];
    for person in [&reader, &operator] {
        for look in looks {
            person.may(look).await;
        }
        person
            .aws_denies(&[
                "rds",
                "delete-db-snapshot",
                "--db-snapshot-identifier",
                "sf-orders",
            ])
            .await;
        person
            .aws_denies(&["dynamodb", "delete-table", "--table-name", &table])
            .await;
    }
    let acts: [&[&str]; 6] = [
        &["replay", "commands", "--yes"],
        &["replay", "events", "--yes"],
        &["start"],
        &["redrive", "--yes"],
        &["freeze", "--why", "a test", "--yes"],
        &["thaw", "--yes"],
    ];
    for act in acts {
        operator.may(act).await;
    }
    operator
        .may(&["stop", "--database", "orders", "--yes"])
        .await;
    for act in [acts[0], acts[1], acts[4]] {
        reader.may_not(act).await;
    }
}
