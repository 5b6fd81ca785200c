//! Restores against the model of RDS: what is brought back equals what was there, whatever goes wrong on the way.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use fastrand::Rng;
use futures_util::FutureExt;
use jiff::{SignedDuration, Timestamp};
use snapferry::app::carry_out_all::{FollowedRestore, Pause, Stage, carry_out_restores};
use snapferry::app::preflight::check_plans;
use snapferry::app::restore::{RestoreOf, Which};
use snapferry::app::resume::plan_or_resume;
use snapferry::domain::doctor::keys::{KeyFacts, KeyState, Manager};
use snapferry::domain::id::arn::{Family, KeyArn, RdsArn, Region};
use snapferry::domain::id::names::ResourceId;
use snapferry::domain::id::tags::{CONFIGURATION, RESTORE_ORDER, RESTORED, StackId, Tags};
use snapferry::domain::restore::configuration::{Configuration, ConfigurationHash, Member};
use snapferry::domain::restore::gap::GapKind;
use snapferry::domain::restore::plan::RestoreOptions;
use snapferry::domain::restore::record::RestoreKey;
use snapferry::domain::restore::roster::Roster;
use snapferry::domain::restore::setting::Setting as S;
use snapferry::domain::restore::value::{Settings, Value};
use snapferry::domain::restore::versions::Versions;
use snapferry::domain::run::failure::Operation;
use snapferry::fake::{Action, Call, CallOutcome, Executions, Hook, Refusal, Through, World};
use snapferry::json;
use snapferry::ports::{RemoveConfigurations, StoreConfigurations, StoreRestores, StoreRosters};
use snapferry_sim::old_points::OldPoint;
use snapferry_sim::rds::{
    AssociatedRole, ClusterSpec, InstanceSpec, KmsKey, ManagedSecret, PerformanceInsights,
    PlantedSnapshot, Rds, RdsConfig, Region as RdsRegion, RestoreOutcome, Scaling, SourceInstance,
    SubnetGroup, Tags as RdsTags,
};
use snapferry_sim::rds_to_domain::tags;
use snapferry_sim::restores_to_domain::{cluster_settings, instance_settings};
use snapferry_sim::simulation::models::ModelledRds;

pub(crate) const HOME: &str = "eu-central-1";
pub(crate) const SOURCE: &str = "eu-west-1";
pub(crate) const KEY: &str = "arn:aws:kms:eu-central-1:111122223333:key/2222";
/// How many names one question may hold. The cluster alone has more members.
const WIDTH: usize = 1;
const POLICY: &str = "[policy.default]
schedule = \"0 3 * * *\"
[policy.default.restore.subnet_groups]
private = \"recovery\"
[policy.default.restore.security_groups]
sg-0a1b2c3d = \"sg-app\"
[policy.default.restore.parameter_groups]
tuned = \"tuned-here\"
[policy.default.restore.keys]
\"*\" = \"alias/recovery\"
";

pub(crate) fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(crate) fn begin() -> Timestamp {
    time("2026-11-22T05:00:00Z")
}

pub(crate) fn home() -> RdsRegion {
    HOME.parse().unwrap()
}

pub(crate) fn source() -> RdsRegion {
    SOURCE.parse().unwrap()
}

pub(crate) fn tagged(pairs: &[(&str, &str)]) -> RdsTags {
    RdsTags::of_system(pairs.iter().copied())
}

/// An instance with everything that a restore must bring back by itself.
fn orders() -> InstanceSpec {
    let mut spec = InstanceSpec::postgres("orders");
    spec.multi_az = true;
    spec.parameter_group = "tuned".to_owned();
    spec.iam_authentication = true;
    spec.port = Some(6432);
    spec.copy_tags_to_snapshot = true;
    spec.tags = tagged(&[
        ("Team", "blue"),
        ("snapferry:policy", "default"),
        (RESTORE_ORDER, "1"),
    ]);
    let settings = &mut spec.settings;
    settings.log_exports = vec!["postgresql".to_owned(), "upgrade".to_owned()];
    settings.backup_window = "01:00-01:30".to_owned();
    settings.maintenance_window = "sun:02:00-sun:02:30".to_owned();
    settings.auto_minor_version_upgrade = false;
    settings.lifecycle_support = "open-source-rds-extended-support-disabled".to_owned();
    settings.monitoring_interval = 60;
    settings.monitoring_role = Some("arn:aws:iam::111122223333:role/monitoring".to_owned());
    settings.performance_insights = Some(PerformanceInsights {
        key: Some("arn:aws:kms:eu-west-1:111122223333:key/9".to_owned()),
        retention: 31,
    });
    settings.secret = Some(ManagedSecret {
        arn: "arn:aws:secretsmanager:eu-west-1:111122223333:secret:rds!orders".to_owned(),
        key: None,
    });
    settings.publicly_accessible = true;
    settings.max_allocated_storage = Some(500);
    settings.roles = vec![AssociatedRole {
        arn: "arn:aws:iam::111122223333:role/s3".to_owned(),
        feature: "s3Import".to_owned(),
        is_active: true,
    }];
    spec
}

fn shop() -> ClusterSpec {
    let mut spec = ClusterSpec::aurora("shop");
    spec.storage_type = "aurora-iopt1".to_owned();
    spec.tags = tagged(&[("Team", "red")]);
    let settings = &mut spec.settings;
    settings.log_exports = vec!["postgresql".to_owned()];
    settings.maintenance_window = "mon:02:00-mon:02:30".to_owned();
    settings.http_endpoint = true;
    settings.scaling = Some(Scaling {
        min: "0.5".to_owned(),
        max: "8".to_owned(),
        pause_after: None,
    });
    settings.roles = vec![AssociatedRole {
        arn: "arn:aws:iam::111122223333:role/load".to_owned(),
        feature: "s3Import".to_owned(),
        is_active: true,
    }];
    spec
}

/// What the source region had, before it was lost.
pub(crate) struct Fleet {
    pub(crate) rds: Rds,
    pub(crate) configurations: Vec<Configuration>,
}

fn key_of_orders() -> RestoreKey {
    RestoreKey {
        family: Family::Instance,
        name: "orders".to_owned(),
    }
}

pub(crate) fn fleet() -> Fleet {
    let mut rds = Rds::new(RdsConfig::default(), 7);
    rds.add_key(
        &home(),
        KmsKey {
            arn: KEY.to_owned(),
            aliases: vec!["alias/recovery".to_owned()],
            enabled: true,
        },
    );
    rds.add_subnet_group(
        &home(),
        SubnetGroup {
            name: "recovery".to_owned(),
            vpc_id: "vpc-here".to_owned(),
            subnets: vec!["subnet-1".to_owned(), "subnet-2".to_owned()],
            security_groups: vec!["sg-app".to_owned()],
        },
    );
    rds.add_parameter_group(&home(), "tuned-here");
    rds.add_instance(&home(), InstanceSpec::postgres("bystander"))
        .unwrap();
    rds.add_instance(&source(), orders()).unwrap();
    let mut billing = InstanceSpec::postgres("billing");
    billing.tags = tagged(&[(RESTORE_ORDER, "2")]);
    rds.add_instance(&source(), billing).unwrap();
    rds.add_cluster(&source(), shop()).unwrap();
    let mut configurations = Vec::new();
    for name in ["orders", "billing"] {
        let instance = rds.instance(&source(), name).unwrap().clone();
        plant(
            &mut rds,
            &instance.arn,
            SourceInstance::of(&instance),
            "2026-11-22T03:00:00Z",
        );
        configurations.push(Configuration {
            database: RdsArn::parse(&instance.arn).unwrap(),
            resource_id: ResourceId::parse(&instance.resource_id).unwrap(),
            settings: instance_settings(&instance),
            members: BTreeMap::new(),
            tags: tags(&instance.spec.tags),
        });
    }
    let cluster = rds.cluster(&source(), "shop").unwrap().clone();
    plant(
        &mut rds,
        &cluster.arn,
        SourceInstance::of_cluster(&cluster),
        "2026-11-22T03:00:00Z",
    );
    let members = cluster
        .spec
        .members
        .iter()
        .enumerate()
        .map(|(number, name)| {
            let member = rds.instance(&source(), name).unwrap();
            let member = Member {
                is_writer: number == 0,
                settings: instance_settings(member),
                tags: tags(&member.spec.tags),
            };
            (name.clone(), member)
        });
    configurations.push(Configuration {
        database: RdsArn::parse(&cluster.arn).unwrap(),
        resource_id: ResourceId::parse(&cluster.resource_id).unwrap(),
        settings: cluster_settings(&cluster),
        members: members.collect(),
        tags: tags(&cluster.spec.tags),
    });
    Fleet {
        rds,
        configurations,
    }
}

/// The fleet with an instance of another source region that has the name of one of it. The resource ids of both.
pub(crate) fn with_a_namesake(fleet: &mut Fleet, name: &str) -> Vec<String> {
    let there: RdsRegion = "us-east-1".parse().unwrap();
    let rds = &mut fleet.rds;
    rds.add_instance(&there, InstanceSpec::postgres(name))
        .unwrap();
    let instance = rds.instance(&there, name).unwrap().clone();
    let first = rds.instance(&source(), name).unwrap().resource_id.clone();
    let (of, at) = (SourceInstance::of(&instance), "2026-11-22T03:00:00Z");
    plant(rds, &instance.arn, of, at);
    fleet.configurations.push(Configuration {
        database: RdsArn::parse(&instance.arn).unwrap(),
        resource_id: ResourceId::parse(&instance.resource_id).unwrap(),
        settings: instance_settings(&instance),
        members: BTreeMap::new(),
        tags: tags(&instance.spec.tags),
    });
    vec![first, instance.resource_id]
}

fn plant(rds: &mut Rds, database: &str, of: SourceInstance, at: &str) {
    let copy = old_point(database, of, at);
    rds.plant_snapshot(&home(), copy).unwrap();
}

fn old_point(database: &str, of: SourceInstance, at: &str) -> PlantedSnapshot {
    let point = OldPoint {
        stack: "main",
        database,
        policy: "default",
        key: KEY,
        planned_at: time(at),
        taken_at: time(at) + SignedDuration::from_secs(60),
        instance: of,
        automated: None,
    };
    let home_region = Region::parse(HOME).unwrap();
    point.copy(&home_region).expect("a recovery point")
}

/// What goes wrong: the source region always refuses, and the rest is drawn.
pub(crate) struct Misfortunes {
    rng: RefCell<Rng>,
    /// How many of a hundred calls go wrong.
    percent: u32,
    /// How many changes of a database reach RDS not at all.
    lost_changes: Cell<usize>,
    sent: RefCell<Vec<(String, String)>>,
}

impl Misfortunes {
    pub(crate) fn none() -> Self {
        Self::drawn(0, 0)
    }

    fn drawn(seed: u64, percent: u32) -> Self {
        Self {
            rng: RefCell::new(Rng::with_seed(seed)),
            percent,
            lost_changes: Cell::new(0),
            sent: RefCell::default(),
        }
    }
}

pub(crate) type Modelled = World<ModelledRds>;
/// What else happens while the command waits.
pub(crate) type AtPause = Box<dyn FnMut(&Modelled)>;

impl Hook<Modelled> for Misfortunes {
    async fn before(&self, _world: &Modelled, call: &Call) -> CallOutcome {
        if let Action::Rds(operation, region) = call.action() {
            assert_eq!(region.as_str(), HOME, "{operation} asks the source region");
        }
        if let Call::DescribeRestored { names, .. } = call {
            assert!(names.len() <= WIDTH, "{names:?}");
        }
        if let Call::ChangeDatabase { call, .. } = call {
            let name = ["DBInstanceIdentifier", "DBClusterIdentifier", "ResourceArn"];
            let name = name.iter().find_map(|name| call.parameters.get(*name));
            let name = name.map(ToString::to_string).unwrap_or_default();
            let is_change = call.operation == Operation::ModifyDbInstance;
            let sent = (call.operation.to_string(), name);
            self.sent.borrow_mut().push(sent);
            if is_change && self.lost_changes.get() > 0 {
                self.lost_changes.set(self.lost_changes.get() - 1);
                return CallOutcome::Refused(Refusal::no_answer());
            }
        }
        drawn_outcome(&mut self.rng.borrow_mut(), self.percent)
    }
}

/// How a call goes of which so many of a hundred go wrong.
pub(crate) fn drawn_outcome(rng: &mut Rng, percent: u32) -> CallOutcome {
    if rng.u32(..100) >= percent {
        return CallOutcome::Proceeds;
    }
    match rng.u8(..5) {
        0 => CallOutcome::AnswerLost(Refusal::no_answer()),
        1 => CallOutcome::Refused(Refusal::code("Throttling")),
        // The call took effect, and RDS does not know it, or the SDK sent it again by itself.
        2 => CallOutcome::AnswerLost(Refusal::code("InternalFailure")),
        3 => CallOutcome::AnswerLost(Refusal::code("Throttling")),
        _ => CallOutcome::Refused(Refusal::no_answer()),
    }
}

fn plan_outcome(rds: &mut Rds, name: &str, outcome: RestoreOutcome) {
    let faults = &mut rds.config_mut().faults;
    faults.plan_restore(home(), name, outcome);
}

pub(crate) struct Day {
    pub(crate) world: Through<Modelled, Misfortunes>,
    configurations: Vec<Configuration>,
    pub(crate) options: RestoreOptions,
    pub(crate) which: Which,
    /// Called at every pause.
    at_pause: RefCell<AtPause>,
}

impl Day {
    pub(crate) fn of(fleet: Fleet, misfortunes: Misfortunes) -> Self {
        let world = Modelled::new(begin(), ModelledRds::new(fleet.rds), Executions::default());
        let since = time("2026-11-01T00:00:00Z");
        now(async {
            for configuration in &fleet.configurations {
                let hash = json::configuration::hash(configuration);
                world
                    .store_configuration(configuration, &hash, since)
                    .await
                    .unwrap();
                let versions = Versions::default().with(hash, since);
                let of = &configuration.resource_id;
                world
                    .set_configuration_versions(of, &versions, None)
                    .await
                    .unwrap();
            }
            let ids = fleet
                .configurations
                .iter()
                .map(|one| one.resource_id.clone());
            let roster = Roster::of(begin(), ids.collect());
            let region = Region::parse(SOURCE).unwrap();
            world.set_roster(&region, &roster).await.unwrap();
        });
        let key = KeyFacts {
            arn: KeyArn::parse(KEY).unwrap(),
            state: KeyState::Enabled,
            manager: Manager::Customer,
            symmetric: true,
        };
        let named = |name: &str| (name.to_owned(), key.clone());
        world.state_mut().operator.keys = [named(KEY), named("alias/recovery")].into();
        let home = Region::parse(HOME).unwrap();
        now(snapferry::app::policies::apply(&world, &home, POLICY, None)).unwrap();
        Self {
            world: Through::around(world, misfortunes),
            configurations: fleet.configurations,
            options: RestoreOptions::default(),
            which: Which::All,
            at_pause: RefCell::new(Box::new(|_| {})),
        }
    }

    fn model(&self) -> std::cell::Ref<'_, ModelledRds> {
        std::cell::Ref::map(self.world.world().state(), |state| &state.rds)
    }

    pub(crate) fn change(&self, change: impl FnOnce(&mut ModelledRds)) {
        change(&mut self.world.world().state_mut().rds);
    }

    /// A newer recovery point of orders, which names this configuration.
    fn plant_newer(&self, named: Option<&str>) {
        self.change(|rds| {
            let instance = rds.instance(&source(), "orders").unwrap().clone();
            let mut copy = old_point(
                &instance.arn,
                SourceInstance::of(&instance),
                "2026-11-22T04:00:00Z",
            );
            if let Some(named) = named {
                copy.tags.merge(tagged(&[(CONFIGURATION, named)])).unwrap();
            }
            rds.plant_snapshot(&home(), copy).unwrap();
        });
    }

    fn plan_outcome(&self, name: &str, outcome: RestoreOutcome) {
        self.change(|rds| plan_outcome(rds, name, outcome));
    }

    /// Plans and carries out once. An error is one that ends the command.
    pub(crate) fn once(&self) -> Result<Vec<FollowedRestore>, String> {
        let (stack, home) = (
            StackId::parse("main").unwrap(),
            Region::parse(HOME).unwrap(),
        );
        let of = RestoreOf {
            stack: &stack,
            home: &home,
            which: &self.which,
            up_to: None,
            width: WIDTH,
            options: &self.options,
        };
        let started = self.world.world().state().now;
        now(async {
            let plans = plan_or_resume(&self.world, of).await;
            let mut plans = plans.map_err(|error| error.to_string())?;
            if !self.options.skips_preflight {
                let preflight = check_plans(&self.world, of, &mut plans).await;
                preflight.map_err(|error| error.to_string())?;
            }
            let pause = async |pause: Pause| {
                let world = self.world.world();
                world.pass(SignedDuration::try_from(pause.duration()).unwrap());
                let gone_by = world.state().now.duration_since(started);
                assert!(gone_by < SignedDuration::from_hours(48), "it never ends");
                self.judge();
                (self.at_pause.borrow_mut())(world);
            };
            let all = carry_out_restores(&self.world, of, plans, pause, |_| {}).await;
            all.map_err(|error| error.to_string())
        })
    }

    /// Runs the command again and again, as a person does, until it ends by itself.
    pub(crate) fn until_it_ends(&self) -> Vec<FollowedRestore> {
        for _ in 0..1_000 {
            if let Ok(all) = self.once() {
                return all;
            }
            self.world.world().pass(SignedDuration::from_secs(30));
        }
        panic!("the command fails for ever");
    }

    /// What must hold at every moment, by the model's own state.
    fn judge(&self) {
        let state = self.world.world().state();
        let bystander = state
            .rds
            .instance(&home(), "bystander")
            .expect("the bystander");
        assert_eq!(bystander.spec, InstanceSpec::postgres("bystander"));
        for configuration in &self.configurations {
            let name = configuration.database.name();
            let key = RestoreKey {
                family: configuration.database.family(),
                name: name.to_owned(),
            };
            let Some(stored) = state.table.restore(&key) else {
                continue;
            };
            let Some(instance) = state.rds.instance(&home(), name) else {
                continue;
            };
            if stored.record.running_at.is_some() && !self.options.is_fast {
                assert!(
                    instance.spec.backup_retention_days > 0,
                    "{name} runs without backups"
                );
            }
        }
    }

    /// What was restored equals what was there, but for what the policy maps and what Snapferry never carries over.
    fn assert_restored(&self, configuration: &Configuration) {
        let model = self.model();
        let name = configuration.database.name();
        let own = &configuration.tags;
        if let Some(instance) = model.instance(&home(), name) {
            let found = instance_settings(instance);
            assert_eq!(found, expected(&configuration.settings, &found), "{name}");
            assert_tags(own, &instance.spec.tags);
            return;
        }
        let cluster = model.cluster(&home(), name).expect("the cluster");
        let found = cluster_settings(cluster);
        assert_eq!(found, expected(&configuration.settings, &found), "{name}");
        assert_tags(own, &cluster.spec.tags);
        let members: Vec<&str> = configuration
            .members_in_order()
            .iter()
            .map(|(name, _)| *name)
            .collect();
        assert_eq!(cluster.spec.members, members);
        for (name, member) in &configuration.members {
            let instance = model.instance(&home(), name).expect("a member");
            let found = instance_settings(instance);
            assert_eq!(found, expected(&member.settings, &found), "{name}");
            assert!(instance.spec.tags.get(RESTORED).is_some(), "{name}");
        }
    }
}

fn assert_tags(own: &Tags, found: &RdsTags) {
    let mut wanted: Tags = own
        .iter()
        .filter(|(key, _)| !key.starts_with("snapferry:"))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    wanted.insert(RESTORED.to_owned(), "main".to_owned());
    assert_eq!(tags(found), wanted);
}

/// What the settings must be in the recovery region.
fn expected(source: &Settings, found: &Settings) -> Settings {
    let mut wanted = source.clone();
    for (setting, from, to) in [
        (S::DbSubnetGroupName, "private", "recovery"),
        (S::DbParameterGroupName, "tuned", "tuned-here"),
    ] {
        if wanted.get(&setting) == Some(&Value::text(from)) {
            wanted.insert(setting, Value::text(to));
        }
    }
    if wanted.contains_key(&S::VpcSecurityGroupIds) {
        wanted.insert(S::VpcSecurityGroupIds, Value::texts(["sg-app".to_owned()]));
    }
    if wanted.contains_key(&S::PerformanceInsightsKmsKeyId) {
        wanted.insert(
            S::PerformanceInsightsKmsKeyId,
            Value::text("alias/recovery"),
        );
    }
    if wanted.contains_key(&S::PubliclyAccessible) {
        wanted.insert(S::PubliclyAccessible, Value::Flag(false));
    }
    if wanted.contains_key(&S::StorageEncrypted) {
        wanted.insert(S::StorageEncrypted, Value::Flag(true));
        wanted.insert(S::KmsKeyId, Value::text(KEY));
    }
    // What RDS gives, wherever it is.
    for given in [
        S::Endpoint,
        S::ReaderEndpoint,
        S::AvailabilityZone,
        S::MasterUserSecretArn,
    ] {
        assert_eq!(
            found.contains_key(&given),
            source.contains_key(&given),
            "{given:?}"
        );
        if let Some(value) = found.get(&given) {
            wanted.insert(given, value.clone());
        }
    }
    wanted
}

/// The fake makes nobody wait, and the pauses move its clock.
pub(crate) fn now<T>(work: impl Future<Output = T>) -> T {
    work.now_or_never().expect("nothing waits here")
}

fn all_done(all: &[FollowedRestore]) {
    for one in all {
        assert_eq!(
            one.stage,
            Stage::Done,
            "{}: {}",
            one.plan.database,
            one.says
        );
        assert_eq!(one.differs, [], "{}", one.plan.database);
    }
}

#[test]
fn a_fleet_is_restored_as_it_was_without_a_call_to_the_source_region() {
    let day = Day::of(fleet(), Misfortunes::none());
    let all = day.once().unwrap();
    assert_eq!(all.len(), 3);
    all_done(&all);
    for configuration in &day.configurations {
        day.assert_restored(configuration);
    }
    let calls = day.world.hook().sent.borrow();
    let of_billing = calls.iter().filter(|(_, name)| name == "billing").count();
    assert_eq!(of_billing, 2, "restore and backups: {calls:?}");
}

#[test]
fn a_fleet_is_restored_as_it_was_under_lost_answers_throttling_and_restarts_of_the_command() {
    for seed in 0..60 {
        let percent = if seed % 2 == 0 { 3 } else { 12 };
        let day = Day::of(fleet(), Misfortunes::drawn(seed, percent));
        let all = day.until_it_ends();
        for one in &all {
            assert_eq!(
                one.stage,
                Stage::Done,
                "seed {seed}, {}: {}",
                one.plan.database,
                one.says
            );
        }
        for configuration in &day.configurations {
            day.assert_restored(configuration);
        }
    }
}

#[test]
fn a_change_that_never_reached_rds_does_not_count_as_one_that_rds_ignores() {
    let misfortunes = Misfortunes::none();
    misfortunes.lost_changes.set(4);
    let day = Day::of(fleet(), misfortunes);
    all_done(&day.once().unwrap());
    for configuration in &day.configurations {
        day.assert_restored(configuration);
    }
}

#[test]
fn a_smaller_number_runs_before_a_larger_one_begins() {
    let day = Day::of(fleet(), Misfortunes::none());
    day.once().unwrap();
    let calls = day.world.hook().sent.borrow();
    let at = |operation: &str, name: &str| {
        let mut calls = calls.iter();
        calls
            .position(|(one, of)| one == operation && of == name)
            .expect("a call")
    };
    let restore = "RestoreDBInstanceFromDBSnapshot";
    assert!(at("ModifyDBInstance", "orders") < at(restore, "billing"));
    assert!(at("ModifyDBInstance", "billing") < at("RestoreDBClusterFromSnapshot", "shop"));
}

#[test]
fn a_database_that_a_person_puts_in_its_place_is_not_changed() {
    let day = Day::of(fleet(), Misfortunes::none());
    let mut is_swapped = false;
    *day.at_pause.borrow_mut() = Box::new(move |world| {
        let mut state = world.state_mut();
        let now = state.now;
        let found = state.rds.instance(&home(), "orders");
        let is_there = found.is_some_and(|one| one.status.as_str() == "available");
        if is_swapped || !is_there {
            return;
        }
        is_swapped = true;
        state.rds.remove_instance(&home(), "orders");
        let mut foreign = InstanceSpec::postgres("orders");
        foreign.tags = tagged(&[(RESTORED, "main")]);
        foreign.created = now;
        state.rds.add_instance(&home(), foreign).unwrap();
    });
    let all = day.once().unwrap();
    let orders = all.iter().find(|one| one.plan.name == "orders").unwrap();
    assert_eq!(orders.stage, Stage::Stopped);
    assert!(
        orders
            .says
            .contains("no longer the database that this restore made"),
        "{}",
        orders.says
    );
    let model = day.model();
    let found = model.instance(&home(), "orders").unwrap();
    assert_eq!(
        found.spec.settings,
        InstanceSpec::postgres("orders").settings
    );
    let others = all.iter().filter(|one| one.plan.name != "orders");
    assert!(
        others.clone().all(|one| one.stage == Stage::Done),
        "one failure stops nobody else"
    );
}

#[test]
fn a_name_that_is_taken_is_left_alone_and_another_can_be_chosen() {
    let mut day = Day::of(fleet(), Misfortunes::none());
    let mut foreign = InstanceSpec::postgres("orders");
    foreign.tags = tagged(&[(RESTORED, "main")]);
    day.change(|rds| drop(rds.add_instance(&home(), foreign.clone()).unwrap()));
    day.which = Which::These(vec!["orders".to_owned()]);
    let all = day.once().unwrap();
    assert!(all[0].says.contains("--as"), "{}", all[0].says);
    assert!(day.world.hook().sent.borrow().is_empty());
    day.options.name = Some("orders-2".to_owned());
    all_done(&day.once().unwrap());
    assert_eq!(
        day.model().instance(&home(), "orders").unwrap().spec.tags,
        foreign.tags
    );
}

#[test]
fn what_was_restored_is_not_changed_again() {
    let day = Day::of(fleet(), Misfortunes::none());
    all_done(&day.once().unwrap());
    let sent = day.world.hook().sent.borrow().len();
    day.change(|rds| {
        rds.change_instance(&home(), "orders", |one| {
            one.spec.settings.max_allocated_storage = None
        });
    });
    let all = day.once().unwrap();
    assert!(all.iter().all(|one| one.says.contains("restored before")));
    assert_eq!(day.world.hook().sent.borrow().len(), sent);
}

#[test]
fn what_was_restored_and_deleted_can_be_restored_again() {
    let mut day = Day::of(fleet(), Misfortunes::none());
    day.which = Which::These(vec!["billing".to_owned()]);
    all_done(&day.once().unwrap());
    day.change(|rds| {
        rds.remove_instance(&home(), "billing");
    });
    day.world.world().pass(SignedDuration::from_hours(1));
    all_done(&day.once().unwrap());
}

#[test]
fn a_restore_that_was_interrupted_goes_on_with_its_own_recovery_point() {
    let mut day = Day::of(fleet(), Misfortunes::none());
    day.which = Which::These(vec!["orders".to_owned()]);
    // The first command dies after its first call.
    let died = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        *day.at_pause.borrow_mut() = Box::new(|_| panic!("interrupted"));
        let _ = day.once();
    }));
    assert!(died.is_err());
    *day.at_pause.borrow_mut() = Box::new(|_| {});
    day.change(|rds| {
        let instance = rds.instance(&source(), "orders").unwrap().clone();
        plant(
            rds,
            &instance.arn,
            SourceInstance::of(&instance),
            "2026-11-22T04:00:00Z",
        );
    });
    let all = day.once().unwrap();
    all_done(&all);
    assert_eq!(all[0].plan.taken_at, Some(time("2026-11-22T03:01:00Z")));
    let calls = day.world.hook().sent.borrow();
    let restores = calls
        .iter()
        .filter(|(one, _)| one.starts_with("Restore"))
        .count();
    assert_eq!(restores, 1, "{calls:?}");
}

/// A restore that died after its first call, and a newer recovery point that names this configuration.
fn interrupted_before_a_newer_point(named: &str) -> Day {
    let mut day = Day::of(fleet(), Misfortunes::none());
    day.which = Which::These(vec!["orders".to_owned()]);
    let died = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        *day.at_pause.borrow_mut() = Box::new(|_| panic!("interrupted"));
        let _ = day.once();
    }));
    assert!(died.is_err());
    *day.at_pause.borrow_mut() = Box::new(|_| {});
    day.plant_newer(Some(named));
    day
}

#[test]
fn a_restore_that_goes_on_is_not_stopped_by_what_a_newer_recovery_point_lacks() {
    let unknown = ConfigurationHash::of("unknown");
    let day = interrupted_before_a_newer_point(unknown.as_str());
    let all = day.once().unwrap();
    all_done(&all);
    assert_eq!(all[0].plan.taken_at, Some(time("2026-11-22T03:01:00Z")));
}

#[test]
fn a_restore_that_goes_on_is_stopped_by_a_gap_of_its_own_recovery_point() {
    let orders = fleet().configurations.remove(0);
    let newer = ConfigurationHash::of("newer");
    let day = interrupted_before_a_newer_point(newer.as_str());
    let sent = day.world.hook().sent.borrow().len();
    let world = day.world.world();
    let own = json::configuration::hash(&orders);
    now(async {
        let at = begin();
        world
            .store_configuration(&orders, &newer, at)
            .await
            .unwrap();
        let of = &orders.resource_id;
        let removed = world
            .remove_configuration(of, &own, time("2027-01-01T00:00:00Z"))
            .await;
        removed.unwrap();
    });
    let all = day.once().unwrap();
    assert_eq!(all[0].stage, Stage::Stopped);
    assert!(all[0].says.contains("stopped by a gap"), "{}", all[0].says);
    assert_eq!(all[0].plan.taken_at, Some(time("2026-11-22T03:01:00Z")));
    assert_eq!(day.world.hook().sent.borrow().len(), sent);
}

#[test]
fn capacity_is_waited_for_and_a_missing_group_stops() {
    let day = Day::of(fleet(), Misfortunes::none());
    let none = RestoreOutcome {
        has_no_capacity: true,
        ..RestoreOutcome::default()
    };
    day.plan_outcome("billing", none);
    let mut looks = 0;
    *day.at_pause.borrow_mut() = Box::new(move |world| {
        looks += 1;
        if looks == 400 {
            let mut state = world.state_mut();
            plan_outcome(&mut state.rds, "billing", RestoreOutcome::default());
        }
    });
    all_done(&day.once().unwrap());

    let mut day = Day::of(fleet(), Misfortunes::none());
    day.which = Which::These(vec!["orders".to_owned()]);
    day.change(|rds| assert!(rds.set_key_enabled(&home(), KEY, false)));
    let all = day.once().unwrap();
    assert_eq!(all[0].stage, Stage::Stopped);
    assert!(
        all[0].says.contains("KMSKeyNotAccessibleFault"),
        "{}",
        all[0].says
    );
    day.change(|rds| assert!(rds.set_key_enabled(&home(), KEY, true)));
    all_done(&day.once().unwrap());
}

#[test]
fn a_setting_that_rds_ignores_is_reported_and_ignored_backups_are_never_called_running() {
    let mut day = Day::of(fleet(), Misfortunes::none());
    day.which = Which::These(vec!["orders".to_owned()]);
    let ignores = RestoreOutcome {
        ignores_changes: true,
        ..RestoreOutcome::default()
    };
    day.plan_outcome("orders", ignores);
    let mut looks = 0;
    *day.at_pause.borrow_mut() = Box::new(move |world| {
        looks += 1;
        let mut state = world.state_mut();
        let key = key_of_orders();
        if looks < 2_000 {
            let stored = state.table.restore(&key).expect("a restore");
            assert_eq!(stored.record.running_at, None);
        }
        // A person finds out why.
        if looks == 2_000 {
            plan_outcome(&mut state.rds, "orders", RestoreOutcome::default());
        }
    });
    let all = day.once().unwrap();
    assert_eq!(all[0].stage, Stage::Done);
    let differs: Vec<&str> = all[0].differs.iter().map(|one| one.what.as_str()).collect();
    assert!(differs.contains(&"MaxAllocatedStorage"), "{differs:?}");
    assert!(!differs.contains(&"BackupRetentionPeriod"), "{differs:?}");
}

#[test]
fn a_fast_restore_runs_first_and_turns_its_backups_on_afterwards() {
    let mut day = Day::of(fleet(), Misfortunes::none());
    day.which = Which::These(vec!["orders".to_owned()]);
    day.options.is_fast = true;
    let all = day.once().unwrap();
    all_done(&all);
    day.assert_restored(&day.configurations[0].clone());
    let state = day.world.world().state();
    let key = key_of_orders();
    let record = &state.table.restore(&key).unwrap().record;
    assert!(record.running_at < record.done_at);
}

#[test]
fn what_rds_gives_up_is_left_for_a_person() {
    let mut day = Day::of(fleet(), Misfortunes::none());
    day.which = Which::These(vec!["orders".to_owned()]);
    let broken = RestoreOutcome {
        ends_as: Some(snapferry_sim::rds::InstanceStatus::IncompatibleRestore),
        ..RestoreOutcome::default()
    };
    day.plan_outcome("orders", broken);
    let all = day.once().unwrap();
    assert_eq!(all[0].stage, Stage::Stopped);
    assert!(
        all[0].says.contains("incompatible-restore"),
        "{}",
        all[0].says
    );
    day.plan_outcome("orders", RestoreOutcome::default());
    day.change(|rds| {
        rds.remove_instance(&home(), "orders");
    });
    day.world.world().pass(SignedDuration::from_hours(1));
    all_done(&day.once().unwrap());
}

/// A restore that begins although its configuration is missing, and that RDS refuses: the region has no default VPC.
fn begun_with_an_accepted_gap() -> Day {
    let mut fleet = fleet();
    let is_kept = |one: &Configuration| one.database.name() != "orders";
    fleet.configurations.retain(is_kept);
    let mut day = Day::of(fleet, Misfortunes::none());
    day.which = Which::These(vec!["orders".to_owned()]);
    day.options.accepted = [GapKind::Configuration].into();
    let all = day.once().unwrap();
    assert_eq!(all[0].stage, Stage::Stopped);
    assert!(all[0].says.contains("InvalidSubnet"), "{}", all[0].says);
    day.options.accepted.clear();
    day.change(|rds| rds.add_subnet_group(&home(), SubnetGroup::of_default_vpc()));
    day
}

#[test]
fn a_restore_that_goes_on_keeps_what_was_accepted_when_it_began() {
    let day = begun_with_an_accepted_gap();
    let all = day.until_it_ends();
    assert_eq!(all[0].stage, Stage::Done, "{}", all[0].says);
    let mut gaps = all[0].plan.gaps.iter();
    let gap = gaps.find(|gap| gap.kind == GapKind::Configuration).unwrap();
    assert!(gap.is_accepted);
    assert_eq!(gap.accepted_at, Some(begin()));
}

#[test]
fn what_was_accepted_for_a_restore_whose_database_is_gone_counts_no_more() {
    let day = begun_with_an_accepted_gap();
    let restored = day.until_it_ends();
    assert_eq!(restored[0].stage, Stage::Done);
    // As if a person had deleted it before it was done.
    let key = key_of_orders();
    let stored = day.world.world().state().table.restore(&key).cloned();
    let mut stored = stored.unwrap();
    stored.record.done_at = None;
    stored.revision += 1;
    now(day.world.store_restore(&stored)).unwrap();
    day.change(|rds| assert!(rds.remove_instance(&home(), "orders")));
    day.world.world().pass(SignedDuration::from_hours(1));
    let all = day.once().unwrap();
    assert_eq!(all[0].stage, Stage::Stopped);
    assert!(all[0].says.contains("stopped by a gap"), "{}", all[0].says);
}

#[test]
fn what_was_accepted_for_a_restore_that_made_nothing_counts_for_a_day() {
    let day = begun_with_an_accepted_gap();
    day.world.world().pass(SignedDuration::from_hours(25));
    let all = day.once().unwrap();
    assert!(all[0].says.contains("stopped by a gap"), "{}", all[0].says);
}

#[test]
fn a_restore_that_made_nothing_does_not_keep_a_newer_recovery_point_away() {
    let day = begun_with_an_accepted_gap();
    day.plant_newer(None);
    let young = day.once().unwrap();
    assert_eq!(young[0].plan.taken_at, Some(time("2026-11-22T03:01:00Z")));

    let day = begun_with_an_accepted_gap();
    day.plant_newer(None);
    day.world.world().pass(SignedDuration::from_mins(10));
    let all = day.once().unwrap();
    assert_eq!(all[0].plan.taken_at, Some(time("2026-11-22T04:01:00Z")));
    assert!(all[0].says.contains("stopped by a gap"), "{}", all[0].says);
}
