//! RDS's own limit on copies of cluster snapshots: what a night of 25 clusters asks of RDS.
//!
//! The use cases run over the RDS model in virtual time. All workers run at once: each call waits until every other has
//! made its own, so that as many copies as there are slots are asked for before RDS has refused the first.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use snapferry::app::planner::{self, When};
use snapferry::app::queue::Record;
use snapferry::app::sweep::{self, SweeperConfig};
use snapferry::app::worker::{WorkerConfig, batch};
use snapferry::domain::id::arn::{KeyArn, Region, StateMachineArn};
use snapferry::domain::id::tags::{PolicyName, StackId};
use snapferry::domain::policy::in_force::{Policies, Policy};
use snapferry::domain::policy::schedule::Schedule;
use snapferry::domain::policy::timing::FirstRun;
use snapferry::domain::run::backoff::Backoff;
use snapferry::domain::run::slot_limits::CopySlots;
use snapferry::domain::run::wait::Rules;
use snapferry::fake::{Answer, Call, CallOutcome, Hook, Through, World};
use snapferry::settings::{Planning, Stack};
use snapferry_sim::asl::StateMachine;
use snapferry_sim::rds::{ClusterSpec, DurationRange, KmsKey, Rds, RdsConfig, Tags};
use snapferry_sim::simulation::models::{Machine, ModelledRds};

const ACCOUNT: &str = "111122223333";
const HOME: &str = "eu-central-1";
const SOURCE: &str = "eu-west-1";
const KEY: &str = "arn:aws:kms:eu-central-1:111122223333:key/11111111-2222-3333-4444-555555555555";
const DEFINITION: &str = include_str!("../../statemachine/protect.asl.json");
const CLUSTERS: usize = 25;
/// Records of one batch (`BatchSize` of the template).
const BATCH: usize = 10;

type Model = World<ModelledRds, Machine>;

/// Lets every call wait once, and counts the copies.
#[derive(Default)]
struct Counter {
    /// When RDS was asked for a copy, and whether it refused.
    copies: RefCell<Vec<(Timestamp, bool)>>,
}

impl Hook<Model> for Counter {
    async fn before(&self, _: &Model, _: &Call) -> CallOutcome {
        tokio::task::yield_now().await;
        CallOutcome::Proceeds
    }

    fn after(&self, world: &Model, call: &Call, answer: &dyn Answer) {
        if matches!(call, Call::CopySnapshot { .. }) {
            let asked = (world.state().now, answer.code().is_some());
            self.copies.borrow_mut().push(asked);
        }
    }
}

struct Night {
    ports: Through<Model, Counter>,
    planning: Planning,
}

fn begin() -> Timestamp {
    "2026-11-22T03:00:00Z".parse().unwrap()
}

fn planning(clusters: usize) -> Planning {
    let machine = format!("arn:aws:states:{HOME}:{ACCOUNT}:stateMachine:protect");
    let key = KeyArn::parse(KEY).unwrap();
    let name = PolicyName::parse("default").unwrap();
    let schedule = Schedule::parse("0 3 * * *", "UTC").unwrap();
    Planning {
        first_run: FirstRun::Now,
        stack_name: None,
        stack: Stack {
            rules: Rules {
                stack: StackId::parse("night").unwrap(),
                grace: SignedDuration::from_mins(10),
            },
            home: Region::parse(HOME).unwrap(),
            table: "snapferry".to_owned(),
            copy_slots: CopySlots { all: 20, clusters },
            sweep_width: 20,
            look: SignedDuration::from_mins(2),
            backoff: Backoff {
                first: Duration::from_secs(30),
                max: Duration::from_mins(15),
            },
            hint_recheck: Duration::from_secs(5),
            own_events: false,
        },
        source_regions: vec![Region::parse(SOURCE).unwrap()],
        state_machine: StateMachineArn::parse(&machine).unwrap(),
        key: key.clone(),
        policies: Policies {
            all: vec![Policy::new(name, schedule, key)],
            untagged: None,
            copy_slots: None,
            cluster_copy_slots: None,
        },
    }
}

fn fleet() -> Rds {
    let mut config = RdsConfig {
        account: ACCOUNT.to_owned(),
        ..RdsConfig::default()
    };
    // All copies are asked for at the same moment.
    config.timings.snapshot = DurationRange::seconds(120, 120);
    config.timings.before_data_is_taken = DurationRange::seconds(1, 1);
    let mut rds = Rds::new(config, 7);
    let (source, home) = (SOURCE.parse().unwrap(), HOME.parse().unwrap());
    let key = KmsKey {
        arn: KEY.to_owned(),
        aliases: Vec::new(),
        enabled: true,
    };
    rds.add_key(&home, key);
    let key = KEY.replace(HOME, SOURCE);
    let of_source = KmsKey {
        arn: key.clone(),
        aliases: Vec::new(),
        enabled: true,
    };
    rds.add_key(&source, of_source);
    for n in 0..CLUSTERS {
        let mut spec = ClusterSpec::aurora(format!("shop-{n}"));
        spec.kms_key = Some(key.clone());
        spec.tags = Tags::of_system([("snapferry:policy", "default")]);
        rds.add_cluster(&source, spec).unwrap();
    }
    rds
}

impl Night {
    fn new(slots_for_clusters: usize) -> Self {
        let planning = planning(slots_for_clusters);
        let definition = StateMachine::read(DEFINITION).unwrap();
        let machine = Machine::new(Rc::new(definition), planning.state_machine.clone());
        let world = Model::new(begin(), ModelledRds::new(fleet()), machine);
        Self {
            ports: Through::around(world, Counter::default()),
            planning,
        }
    }

    /// One minute: what RDS has finished, the commands, and the sweep.
    async fn minute(&self) {
        let world = self.ports.world();
        world.pass(SignedDuration::from_mins(1));
        {
            let state = &mut *world.state_mut();
            let now = state.now;
            state.rds.advance(now);
            state.step_functions.advance(now);
        }
        self.work().await;
        let sweeper_config = SweeperConfig::from(&self.planning.stack);
        sweep::sweep(&self.ports, &sweeper_config).await.unwrap();
        self.work().await;
    }

    /// Works on every command that is there, all at once.
    async fn work(&self) {
        let worker_config = WorkerConfig::from(&self.planning.stack);
        let records = self.receive();
        let batches = records.chunks(BATCH).map(|records| {
            let backoff = &self.planning.stack.backoff;
            batch::work(&self.ports, &worker_config, backoff, records.to_vec())
        });
        let kept: BTreeSet<String> = join_all(batches).await.into_iter().flatten().collect();
        let commands = &mut self.ports.world().state_mut().commands;
        for record in records {
            if let Some(number) = commands.number(&record.message_id)
                && !kept.contains(&record.message_id)
            {
                commands.remove(number);
            }
        }
    }

    fn receive(&self) -> Vec<Record> {
        let state = &mut *self.ports.world().state_mut();
        let now = state.now;
        while let Some(outgoing) = state.step_functions.outbox.pop_front() {
            state.commands.send(outgoing.body, (), now);
        }
        let visible: Vec<u64> = state.commands.visible(now).collect();
        let hidden = Duration::from_secs(180);
        let received = visible
            .into_iter()
            .filter_map(|number| state.commands.receive(number, hidden, now));
        received
            .map(|received| Record {
                message_id: received.message_id,
                body: received.body.to_string(),
                receipt: received.receipt,
                receives: received.receives,
            })
            .collect()
    }

    fn is_over(&self) -> bool {
        let state = self.ports.world().state();
        let mut executions = state.step_functions.executions.values();
        !executions.any(|execution| execution.is_running())
    }

    /// Runs the night, and returns when RDS was asked for each copy and whether it refused.
    async fn run(slots_for_clusters: usize) -> Vec<(Timestamp, bool)> {
        let night = Self::new(slots_for_clusters);
        let planned = planner::plan(&night.ports, &night.planning, When::Due).await;
        let started: usize = planned.unwrap().iter().map(|row| row.started()).sum();
        assert_eq!(started, CLUSTERS);
        for _ in 0..24 * 60 {
            if night.is_over() {
                break;
            }
            night.minute().await;
        }
        assert!(night.is_over(), "every copy ends within a day");
        let copies = night.ports.hook().copies.take();
        let accepted = copies.iter().filter(|(_, refused)| !refused).count();
        assert_eq!(accepted, CLUSTERS);
        copies
    }
}

#[tokio::test]
async fn twenty_five_clusters_cost_one_copy_call_each_under_rdss_limit_of_five() {
    let copies = Night::run(5).await;
    assert_eq!(copies.len(), CLUSTERS, "{copies:?}");
}

#[tokio::test]
async fn too_many_slots_for_clusters_cost_few_refusals_while_rdss_limit_is_learnt_and_then_one_a_pause()
 {
    let copies = Night::run(20).await;
    let first = copies[0].0;
    let is_later = |at: Timestamp| at.duration_since(first) > SignedDuration::from_mins(1);
    let refused: Vec<Timestamp> = copies
        .iter()
        .filter(|(_, refused)| *refused)
        .map(|(at, _)| *at)
        .collect();
    let (later, learning): (Vec<Timestamp>, Vec<Timestamp>) =
        refused.into_iter().partition(|at| is_later(*at));
    // The calls that RDS accepts are as many as there are clusters.
    assert!(CLUSTERS + learning.len() <= 45, "{learning:?}");
    assert!(learning.len() >= 15, "every slot is tried at once");
    for pair in later.windows(2) {
        let pause = pair[1].duration_since(pair[0]).as_mins();
        assert!(pause >= 1, "{later:?}");
    }
    let span = copies.last().unwrap().0.duration_since(first).as_mins();
    // 1 + 2 + 4 + 8 minutes, then every fifteen.
    let pauses = 5 + (span - 15).max(0) / 15;
    assert!(
        i64::try_from(later.len()).unwrap() <= pauses,
        "{later:?} in {span} minutes"
    );
}
