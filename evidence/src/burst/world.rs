//! The simulated account: databases whose snapshots are ready, that nobody has announced.

use anyhow::{Context as _, anyhow};
use jiff::{SignedDuration, Timestamp};
use snapferry::domain::id::arn::{KeyArn, RdsArn};
use snapferry::domain::id::database_ref::DatabaseRef;
use snapferry::domain::id::names::{Attempt, ResourceId};
use snapferry::domain::id::tags::{self, PolicyName, StackId};
use snapferry::domain::run::command::{ProtectionRequest, RunOptions};
use snapferry::domain::run::naming;

use snapferry_sim::local::STACK;
use snapferry_sim::rds::{
    CreateDbSnapshot, InstanceSpec, KmsKey, PlannedWork, Rds, RdsConfig, Region, Tags,
};

pub(super) const SOURCE: &str = "eu-west-1";
pub(super) const RECOVERY: &str = "eu-central-1";
/// The account, AWS's own example number.
pub(super) const ACCOUNT: &str = "111122223333";
pub(super) const RECOVERY_KEY: &str =
    "arn:aws:kms:eu-central-1:111122223333:key/7f1d0c3e-0000-4000-8000-00000000c0de";

/// How many snapshots RDS is still taking when an event says that they are there.
const UNFINISHED: usize = 50;
/// Longer than any run.
const FOR_EVER: SignedDuration = SignedDuration::from_hours(48);

/// A snapshot that somebody may wait for.
#[derive(Debug, Clone)]
pub(super) struct Awaited {
    /// Its ARN.
    pub(super) snapshot: RdsArn,
    /// The run that takes it.
    pub(super) run: ProtectionRequest,
}

/// What is there when it begins.
pub(super) struct World {
    /// The simulated RDS.
    pub(super) rds: Rds,
    /// Snapshots that are available.
    pub(super) ready: Vec<Awaited>,
    /// Snapshots that are not.
    pub(super) unfinished: Vec<Awaited>,
    /// The databases that the planner will find.
    pub(super) live: Vec<String>,
}

/// Creates this many available snapshots and this many databases to protect.
///
/// # Errors
/// When the model refuses one of its parts, which is a fault of this program.
pub(super) fn draw(ready: usize, live: usize, now: Timestamp) -> anyhow::Result<World> {
    let config = RdsConfig {
        account: ACCOUNT.to_owned(),
        manual_snapshot_quota: 2 * (ready + live + UNFINISHED),
        ..RdsConfig::default()
    };
    let mut world = World {
        rds: Rds::new(config, 1),
        ready: Vec::new(),
        unfinished: Vec::new(),
        live: Vec::new(),
    };
    let key = KmsKey {
        arn: RECOVERY_KEY.to_owned(),
        aliases: Vec::new(),
        enabled: true,
    };
    world.rds.add_key(&region(RECOVERY)?, key);
    let earlier = now - SignedDuration::from_hours(1);
    for n in 0..ready {
        let snapshot = world.snapshot(&format!("ready-{n:06}"), earlier)?;
        world.ready.push(snapshot);
    }
    for n in 0..UNFINISHED {
        let name = format!("unfinished-{n:06}");
        world.plan(&name, FOR_EVER);
        let snapshot = world.snapshot(&name, earlier)?;
        world.unfinished.push(snapshot);
    }
    for n in 0..live {
        let name = format!("live-{n:06}");
        world.plan(&name, SignedDuration::from_secs(2));
        let tags = Tags::of_system([("snapferry:policy", "default")]);
        let spec = InstanceSpec {
            tags,
            ..InstanceSpec::postgres(&name)
        };
        world.add(spec)?;
        world.live.push(name);
    }
    world.rds.advance(now);
    Ok(world)
}

impl World {
    fn add(&mut self, spec: InstanceSpec) -> anyhow::Result<String> {
        let added = self.rds.add_instance(&region(SOURCE)?, spec);
        added.map_err(|fault| anyhow!("the simulated RDS refused a database: {fault}"))
    }

    /// How long the database's snapshot takes. Its copy never ends, so that it stays out of the figures.
    fn plan(&mut self, name: &str, snapshot: SignedDuration) {
        let work = PlannedWork {
            snapshot,
            copy: FOR_EVER,
        };
        self.rds.config_mut().planned.insert(name.to_owned(), work);
    }

    /// A database, and a snapshot of it as the worker would have asked for it at `at`.
    fn snapshot(&mut self, name: &str, at: Timestamp) -> anyhow::Result<Awaited> {
        let resource_id = self.add(InstanceSpec::postgres(name))?;
        let run = run(name, &resource_id, at)?;
        let stack = StackId::parse(STACK)?;
        let id = naming::source_snapshot(&stack, &run, Attempt::FIRST);
        let request = CreateDbSnapshot {
            snapshot: id.to_string(),
            instance: name.to_owned(),
            tags: vec![
                (tags::STACK.to_owned(), STACK.to_owned()),
                (tags::RESOURCE_ID.to_owned(), resource_id),
            ],
        };
        let made = self.rds.create_db_snapshot(&region(SOURCE)?, &request, at);
        let made =
            made.map_err(|fault| anyhow!("the simulated RDS refused a snapshot: {fault}"))?;
        Ok(Awaited {
            snapshot: RdsArn::parse(&made.arn)?,
            run,
        })
    }
}

fn run(name: &str, resource_id: &str, at: Timestamp) -> anyhow::Result<ProtectionRequest> {
    let arn = format!("arn:aws:rds:{SOURCE}:{ACCOUNT}:db:{name}");
    Ok(ProtectionRequest {
        database: DatabaseRef {
            arn: RdsArn::parse(&arn)?,
            resource_id: ResourceId::parse(resource_id)?,
        },
        policy: PolicyName::parse("default")?,
        planned_at: at,
        key: KeyArn::parse(RECOVERY_KEY)?,
        options: RunOptions::default(),
    })
}

pub(super) fn region(name: &str) -> anyhow::Result<Region> {
    name.parse().with_context(|| format!("the region {name}"))
}
