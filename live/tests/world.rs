//! The local world: the emulator with IAM, the RDS model over HTTP, and somebody who carries its events.

use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use jiff::Timestamp;
use snapferry::aws::{Reach, SystemClock, for_functions};
use snapferry::domain::id::arn::Region;
use snapferry::ports::Clock as _;
use snapferry_live::account::{Account, Pace};
use snapferry_live::error::Answered;
use snapferry_live::question::Question;
use snapferry_live::questions::QUESTIONS;
use snapferry_live::run::{Options, Outcome, run};
use snapferry_sim::local::{BareStack, BusEvent, Client, LocalIam, LocalOptions};
use snapferry_sim::rds::{
    DescribeDbClusters, DescribeDbInstances, DescribeDbSnapshots, Ending, Family,
    KeylessClusterCopies, KmsKey, PlannedOutcome, Rds, RdsConfig, Request, SubnetGroup,
};
use snapferry_sim::rds_http::{
    Action, Incoming, Interference, RdsService, ServiceConfig, VirtualClock,
};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;

pub(crate) const ACCOUNT: &str = "111122223333";
pub(crate) const RECOVERY: &str = "eu-central-1";
pub(crate) const SOURCE: &str = "eu-west-1";

/// How many times as fast as ours the time of the RDS model is.
const SPEED: f64 = 600.0;

const PACE: Pace = Pace {
    look: Duration::from_millis(50),
    work: Duration::from_mins(2),
    message: Duration::from_secs(20),
    rights: Duration::from_millis(10),
    late: Duration::from_millis(500),
    short_seconds: 2,
};

/// The options of the emulator.
fn options(rds: &str) -> LocalOptions {
    let mut options = LocalOptions::new(rds);
    options.account = ACCOUNT.to_owned();
    options.recovery_region = RECOVERY.to_owned();
    options
}

/// An emulator for the program's own tests, without RDS.
pub(crate) fn emulator_of_its_own() -> (tokio::runtime::Runtime, BareStack) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let stack = runtime.block_on(BareStack::start(options("http://127.0.0.1:9")));
    (runtime, stack.unwrap_or_else(|error| panic!("{error}")))
}

/// Makes the keys known to RDS under which copies are asked for, since the emulator's KMS made them. It can lose one answer.
#[derive(Debug, Default)]
struct Between {
    /// The answer to the call that asks for this copy is lost, and somebody is told.
    loses: Option<String>,
    lost: Arc<Notify>,
}

impl Interference for Between {
    fn before(&self, call: &Incoming<'_>, rds: &mut Rds) -> Action {
        let (Request::CopyDbSnapshot(copy) | Request::CopyDbClusterSnapshot(copy)) = call.request
        else {
            return Action::Forward;
        };
        if let Some(arn) = copy.kms_key.clone() {
            rds.add_key(
                call.region,
                KmsKey {
                    arn,
                    aliases: Vec::new(),
                    enabled: true,
                },
            );
        }
        if self.loses.as_ref() != Some(&copy.target) {
            return Action::Forward;
        }
        self.lost.notify_one();
        Action::NoAnswer {
            reaches_rds: true,
            held: Duration::from_mins(5),
        }
    }
}

/// A running local world.
pub(crate) struct World {
    rds: RdsService,
    stack: BareStack,
    carrier: JoinHandle<()>,
    lost: Arc<Notify>,
}

impl Drop for World {
    fn drop(&mut self) {
        self.carrier.abort();
    }
}

/// What a world is like in which all is as assumed. The run has this id.
pub(crate) fn as_assumed(run: &str) -> RdsConfig {
    let mut config = RdsConfig {
        keyless_cluster_copies: KeylessClusterCopies::Accepted,
        ..RdsConfig::default()
    };
    // What fills the limit is in flight until somebody cancels it, however slow this machine is.
    for family in [Family::Instance, Family::Cluster] {
        for number in 1..=22 {
            let word = if family == Family::Instance {
                "instance"
            } else {
                "cluster"
            };
            let name = format!("sf-live-{run}-{word}-limit-{number}");
            let never = PlannedOutcome {
                ending: Ending::Never,
                ..PlannedOutcome::default()
            };
            config
                .faults
                .plan_of(family, RECOVERY.parse().unwrap(), &name, never);
        }
    }
    config
}

impl World {
    pub(crate) async fn start(config: RdsConfig, loses: Option<String>) -> Self {
        let mut rds = Rds::new(
            RdsConfig {
                account: ACCOUNT.to_owned(),
                ..config
            },
            7,
        );
        rds.add_subnet_group(&SOURCE.parse().unwrap(), SubnetGroup::of_default_vpc());
        let (events, mut emitted) = mpsc::unbounded_channel();
        let lost = Arc::new(Notify::new());
        let between = Between {
            loses,
            lost: Arc::clone(&lost),
        };
        let clock = VirtualClock::starting_at(SystemClock.now(), SPEED);
        let service = ServiceConfig { rds, clock, events };
        let rds = RdsService::start_with(service, Arc::new(between))
            .await
            .unwrap();
        let stack = BareStack::start_with_iam(options(&rds.url())).await;
        let stack = stack.unwrap_or_else(|error| panic!("{error}"));
        rds.evaluate_iam(LocalIam::of(stack.client()));
        let bus = stack.client().clone();
        let carrier = tokio::spawn(async move {
            while let Some(event) = emitted.recv().await {
                let bus = bus.in_region(event.region.as_str());
                let event = BusEvent {
                    source: "aws.rds".to_owned(),
                    detail_type: event.detail_type.to_owned(),
                    detail: event.detail(),
                    resources: vec![event.source_arn.clone()],
                };
                bus.put_events(&[event]).await.unwrap();
            }
        });
        Self {
            rds,
            stack,
            carrier,
            lost,
        }
    }

    pub(crate) fn client(&self) -> &Client {
        self.stack.client()
    }

    /// The account, with the rights of a person who may do everything.
    pub(crate) fn account(&self) -> Account {
        let endpoints = BTreeMap::from([
            ("AWS_ENDPOINT_URL".to_owned(), self.stack.endpoint()),
            ("AWS_ENDPOINT_URL_RDS".to_owned(), self.rds.url()),
        ]);
        let recovery = Region::parse(RECOVERY).unwrap();
        let credentials = Credentials::from_keys(ACCOUNT, "local", None);
        let sdk = for_functions("live-check", &recovery, &Reach::read(&endpoints).unwrap())
            .into_builder()
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .build();
        Account {
            id: ACCOUNT.to_owned(),
            recovery,
            source: Region::parse(SOURCE).unwrap(),
            sdk,
            pace: PACE,
            clock: || SystemClock.now(),
        }
    }

    /// Ends when the answer is lost that the world was asked to lose.
    pub(crate) async fn loses_its_answer(&self) {
        self.lost.notified().await;
    }

    /// One run with these questions, until it ends or `interrupted` does.
    pub(crate) async fn run(
        &self,
        name: &str,
        questions: &[&str],
        journals: &Path,
        interrupted: impl Future<Output = ()>,
    ) -> Answered<Outcome> {
        let account = self.account();
        let caller = account.caller().await?;
        assert_eq!(caller.account, ACCOUNT);
        let named = |question: &&'static Question| questions.contains(&question.name);
        let options = Options {
            questions: QUESTIONS.iter().filter(named).collect(),
            run: name.to_owned(),
            password: "not-a-secret-here".to_owned(),
            subnet_group: None,
            journals: journals.to_owned(),
        };
        let said = Rc::new(|text: &str| eprintln!("{text}"));
        run(account, caller, options, interrupted, said).await
    }

    /// Everything that is in the account and would cost something: databases, snapshots, stacks.
    pub(crate) async fn holds(&self) -> Vec<String> {
        let mut all = Vec::new();
        let account = self.account();
        for region in [RECOVERY, SOURCE] {
            all.extend(self.rds_holds(region));
            let stacks = account
                .cloudformation(&Region::parse(region).unwrap())
                .describe_stacks();
            let stacks = stacks.send().await.unwrap().stacks.unwrap_or_default();
            let is_there = |status: &str| status != "DELETE_COMPLETE";
            let stacks = stacks.into_iter().filter(|stack| {
                stack
                    .stack_status
                    .as_ref()
                    .is_none_or(|status| is_there(status.as_str()))
            });
            all.extend(stacks.filter_map(|stack| stack.stack_name));
        }
        all
    }

    fn rds_holds(&self, region: &str) -> Vec<String> {
        let (region, now) = (region.parse().unwrap(), self.rds.now());
        let mut rds = self.rds.model();
        let snapshots = DescribeDbSnapshots::default();
        let instances = rds.describe_db_instances(&region, &DescribeDbInstances::default(), now);
        let clusters = rds.describe_db_clusters(&region, &DescribeDbClusters::default(), now);
        let of_instances = rds.describe_db_snapshots(&region, &snapshots, now);
        let of_clusters = rds.describe_db_cluster_snapshots(&region, &snapshots, now);
        let mut all: Vec<String> = Vec::new();
        all.extend(
            instances
                .unwrap()
                .items
                .into_iter()
                .map(|one| one.spec.identifier),
        );
        all.extend(
            clusters
                .unwrap()
                .items
                .into_iter()
                .map(|one| one.spec.identifier),
        );
        let both = [of_instances, of_clusters].map(|page| page.unwrap().items);
        all.extend(both.into_iter().flatten().map(|one| one.name));
        all
    }

    /// The model, for a person who does something beside the check.
    pub(crate) fn model<T>(&self, change: impl FnOnce(&mut Rds, Timestamp) -> T) -> T {
        let now = self.rds.now();
        change(&mut self.rds.model(), now)
    }
}
