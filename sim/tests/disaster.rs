//! docs/DISASTER.md, command by command: the source region refuses every call, and the fleet is restored in the recovery
//! region, group by group, until another stack would protect it.

#![allow(
    clippy::disallowed_methods,
    reason = "a person's shell runs in real time, on this machine"
)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use snapferry::domain::id::arn::{RdsArn, Region as HomeRegion};
use snapferry::domain::id::names::ResourceId;
use snapferry::domain::restore::configuration::{Configuration, Member};
use snapferry::domain::restore::versions::Versions;
use snapferry::json as text;
use snapferry_sim::local::{Client, Function, JsonService, LocalOptions, LocalStack};
use snapferry_sim::old_points::OldPoint;
use snapferry_sim::python::venv;
use snapferry_sim::rds::{
    ClusterSpec, DurationRange, InstanceSpec, KmsKey, Rds, RdsConfig, Region, SourceInstance,
    SubnetGroup, Tags, Timings,
};
use snapferry_sim::rds_http::{
    Action, Incoming, Interference, RdsService, ServiceConfig, VirtualClock,
};
use snapferry_sim::rds_to_domain::tags;
use snapferry_sim::restores_to_domain::{cluster_settings, instance_settings};
use snapferry_sim::sister;
use tokio::sync::mpsc;

use crate::tutorial::{plain, steps};

const SOURCE: &str = "eu-west-1";
const HOME: &str = "eu-central-1";
/// The account, as the page names it.
const ACCOUNT: &str = "111122223333";
const KEY: &str = "arn:aws:kms:eu-central-1:111122223333:key/7f1d0c3e-0000-4000-8000-00000000c0de";

/// The source region is lost once this is set: no call gets an answer, and each is noted.
#[derive(Debug, Default)]
struct Lost {
    is_lost: AtomicBool,
    asked: Mutex<Vec<String>>,
}

impl Interference for Lost {
    fn before(&self, call: &Incoming<'_>, _rds: &mut Rds) -> Action {
        if call.region.as_str() != SOURCE || !self.is_lost.load(Ordering::SeqCst) {
            return Action::Forward;
        }
        self.asked
            .lock()
            .unwrap()
            .push(call.request.operation().to_owned());
        Action::NoAnswer {
            reaches_rds: false,
            held: Duration::ZERO,
        }
    }
}

fn region(name: &str) -> Region {
    name.parse().unwrap()
}

fn tagged(pairs: &[(&str, &str)]) -> Tags {
    Tags::of_system(pairs.iter().copied())
}

/// Everything takes a second.
fn timings() -> Timings {
    let second = DurationRange::seconds(1, 1);
    Timings {
        restore: second,
        loading: second,
        before_change: second,
        change: second,
        first_backup: second,
        restart: second,
        role: second,
        ..Timings::default()
    }
}

/// The fleet of the source region: a group of a cluster and an instance, and an instance without a group.
fn model() -> Rds {
    let config = RdsConfig {
        account: ACCOUNT.to_owned(),
        timings: timings(),
        ..RdsConfig::default()
    };
    let mut rds = Rds::new(config, 7);
    let key = KmsKey {
        arn: KEY.to_owned(),
        aliases: Vec::new(),
        enabled: true,
    };
    rds.add_key(&region(HOME), key);
    rds.add_subnet_group(
        &region(HOME),
        SubnetGroup {
            name: "recovery".to_owned(),
            vpc_id: "vpc-here".to_owned(),
            subnets: vec!["subnet-1".to_owned(), "subnet-2".to_owned()],
            security_groups: vec!["sg-9f8e7d6c5b4a39281".to_owned()],
        },
    );
    let source = region(SOURCE);
    let grouped = |order| {
        let order = ("snapferry:restore-order", order);
        tagged(&[
            ("snapferry:policy", "default"),
            ("snapferry:restore-group", "shop"),
            order,
        ])
    };
    let mut shop = ClusterSpec::aurora("shop");
    shop.tags = grouped("1");
    rds.add_cluster(&source, shop).unwrap();
    let mut orders = InstanceSpec::postgres("orders");
    orders.tags = grouped("2");
    rds.add_instance(&source, orders).unwrap();
    let mut billing = InstanceSpec::postgres("billing");
    billing.tags = tagged(&[("snapferry:policy", "default")]);
    rds.add_instance(&source, billing).unwrap();
    rds
}

/// What the planner and the runs of the nights before have left: recovery points, configurations, and the last listing.
async fn protected(rds: &mut Rds, client: &Client, table: &str, stack: &str) {
    let source = region(SOURCE);
    let (at, since) = (
        last_night(),
        last_night() - SignedDuration::from_hours(24 * 9),
    );
    let mut ids = Vec::new();
    for name in ["orders", "billing"] {
        let row = rds.instance(&source, name).unwrap().clone();
        let configuration = Configuration {
            database: RdsArn::parse(&row.arn).unwrap(),
            resource_id: ResourceId::parse(&row.resource_id).unwrap(),
            settings: instance_settings(&row),
            members: [].into(),
            tags: tags(&row.spec.tags),
        };
        plant(rds, &row.arn, SourceInstance::of(&row), stack, at);
        ids.push(keep(client, table, &configuration, since).await);
    }
    let row = rds.cluster(&source, "shop").unwrap().clone();
    let members = row.spec.members.iter().enumerate().map(|(number, name)| {
        let member = rds.instance(&source, name).unwrap();
        let member = Member {
            is_writer: number == 0,
            settings: instance_settings(member),
            tags: tags(&member.spec.tags),
        };
        (name.clone(), member)
    });
    let configuration = Configuration {
        database: RdsArn::parse(&row.arn).unwrap(),
        resource_id: ResourceId::parse(&row.resource_id).unwrap(),
        settings: cluster_settings(&row),
        members: members.collect(),
        tags: tags(&row.spec.tags),
    };
    plant(rds, &row.arn, SourceInstance::of_cluster(&row), stack, at);
    ids.push(keep(client, table, &configuration, since).await);
    let roster = json!({
        "pk": {"S": format!("roster#{SOURCE}")},
        "at": {"N": at.as_millisecond().to_string()},
        "databases": {"S": ids.join(" ")},
    });
    put(client, table, roster).await;
}

fn last_night() -> Timestamp {
    Timestamp::now() - SignedDuration::from_hours(5)
}

fn plant(rds: &mut Rds, database: &str, of: SourceInstance, stack: &str, at: Timestamp) {
    // As the model shows them: whole seconds.
    let at = Timestamp::from_second(at.as_second()).unwrap();
    let point = OldPoint {
        stack,
        database,
        policy: "default",
        key: KEY,
        planned_at: at,
        taken_at: at + SignedDuration::from_secs(60),
        instance: of,
        automated: None,
    };
    let copy = point.copy(&HomeRegion::parse(HOME).unwrap()).unwrap();
    rds.plant_snapshot(&region(HOME), copy).unwrap();
}

/// Stores a configuration as the planner does. Gives the resource id.
async fn keep(client: &Client, table: &str, of: &Configuration, since: Timestamp) -> String {
    let hash = text::configuration::hash(of);
    let id = of.resource_id.to_string();
    let item = json!({
        "pk": {"S": format!("config#{id}#{hash}")},
        "configuration": {"S": text::configuration::write(of)},
    });
    put(client, table, item).await;
    let versions = Versions::default().with(hash.clone(), since);
    let item = json!({
        "pk": {"S": format!("config#{id}")},
        "newest": {"S": hash.as_str()},
        "versions": {"S": text::configuration::write_versions(&versions)},
    });
    put(client, table, item).await;
    id
}

async fn put(client: &Client, table: &str, item: Value) {
    let request = json!({"TableName": table, "Item": item});
    client
        .call(JsonService::DYNAMODB, "PutItem", &request)
        .await
        .unwrap();
}

const POLICIES: &str = "[policy.default]
schedule = \"0 3 * * *\"
[policy.default.restore.subnet_groups]
\"*\" = \"recovery\"
[policy.default.restore.security_groups]
\"*\" = \"sg-9f8e7d6c5b4a39281\"
";

/// A person's shell, with the exports that reach the local world.
struct Shell {
    environment: Vec<(String, String)>,
    folder: PathBuf,
    path: String,
}

impl Shell {
    fn types(&self, command: &str) -> (Option<i32>, String) {
        let output = Command::new("bash")
            .args(["-c", command])
            .envs(self.environment.iter().cloned())
            .env("PATH", &self.path)
            .current_dir(&self.folder)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr);
        (output.status.code(), said)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_of_the_page_works_while_the_source_region_refuses_every_call() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let page = std::fs::read_to_string(root.join("docs/DISASTER.md")).unwrap();
    let tools = venv(root, "tools", crate::tutorial::TOOLS).unwrap();
    let (events, _) = mpsc::unbounded_channel();
    let config = ServiceConfig {
        rds: model(),
        clock: VirtualClock::starting_at(Timestamp::now(), 1.0),
        events,
    };
    let lost = Arc::new(Lost::default());
    let interference: Arc<dyn Interference> = lost.clone();
    let rds = RdsService::start_with(config, interference).await.unwrap();
    let mut options = LocalOptions::new(rds.url());
    options.account = ACCOUNT.to_owned();
    options.recovery_key_arn = KEY.to_owned();
    options.function = Function::Binary(root.join("sim/tests/fixtures/bootstrap"));
    let stack = LocalStack::start(options, &|_| {}).await.unwrap();
    let environment = stack.environment(&rds.url()).unwrap();
    let of_stack = |name: &str| {
        let found = environment.iter().find(|(one, _)| one == name);
        found.unwrap_or_else(|| panic!("{name}")).1.clone()
    };
    {
        let mut before = rds.model().clone();
        let (table, id) = (of_stack("SNAPFERRY_TABLE"), of_stack("SNAPFERRY_STACK_ID"));
        protected(&mut before, stack.client(), &table, &id).await;
        *rds.model() = before;
    }
    let folder = stack.folder().join("disaster");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("policies.toml"), POLICIES).unwrap();
    let program = stack.snapferry().as_std().get_program().to_owned();
    let program = Path::new(&program).parent().unwrap().display().to_string();
    let path = std::env::var("PATH").unwrap();
    let shell = Shell {
        environment,
        folder,
        path: format!("{program}:{path}:{}", tools.parent().unwrap().display()),
    };
    let (code, said) = shell.types("snapferry policy apply policies.toml --note='before the day'");
    assert_eq!(code, Some(0), "{said}");

    lost.is_lost.store(true, Ordering::SeqCst);
    for step in steps(&page) {
        let command = &step.command;
        lost.asked.lock().unwrap().clear();
        let (code, said) = tokio::task::block_in_place(|| shell.types(command));
        // The status ends with 3 where a region gives no answer.
        let is_status = command.starts_with("snapferry status");
        let expected = if is_status { 3 } else { 0 };
        assert_eq!(code, Some(expected), "`{command}`: {said}");
        let shown = plain(&said);
        for line in &step.shows {
            assert!(
                shown.contains(&plain(line)),
                "`{command}` does not show {line:?}: {said}"
            );
        }
        let asked = lost.asked.lock().unwrap().clone();
        // The status looks at the lost region, to say that it is lost. No restore does.
        if !is_status {
            assert_eq!(
                asked,
                Vec::<String>::new(),
                "`{command}` asked the lost region"
            );
        }
        println!("$ {command}\n{said}");
    }
    let model = rds.model().clone();
    let here = region(HOME);
    for name in ["orders", "billing", "orders-before"] {
        let row = model
            .instance(&here, name)
            .unwrap_or_else(|| panic!("{name}"));
        assert!(row.spec.backup_retention_days > 0, "{name} has no backups");
        assert_eq!(row.spec.subnet_group, "recovery");
    }
    let shop = model.cluster(&here, "shop").unwrap();
    let before = model.cluster(&region(SOURCE), "shop").unwrap();
    assert_eq!(shop.spec.members, before.spec.members);
    assert_eq!(sister::selects(&model, HOME), ["orders"]);
}
