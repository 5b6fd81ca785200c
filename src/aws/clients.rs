//! The SDK's clients, and what each role reaches with them.

use std::collections::BTreeMap;
use std::sync::{Mutex, OnceLock, PoisonError};

use aws_config::SdkConfig;

use super::deadlines::{self, Purpose};
use super::queue_url::QueueUrl;
use super::throttled_once::ThrottledOnce;
use crate::domain::id::arn::{Region, StateMachineArn};
use crate::domain::run::pace::Paces;
use crate::settings::RdsDeadlines;

/// Everything that Snapferry reaches with the AWS SDK.
///
/// `Extra` is what a role can reach in addition: [`StateMachine`], [`SourceQueue`], [`TargetQueue`], `Replays`, the
/// doctor's services, or nothing.
#[derive(Debug)]
pub struct Aws<Extra = ()> {
    pub(super) sdk: SdkConfig,
    pub(super) table: String,
    pub(super) extra: Extra,
    /// A function's. Without them, the limits of every other call count for RDS too.
    rds_deadlines: Option<RdsDeadlines>,
    rds: Mutex<BTreeMap<(Region, Purpose, Tries), aws_sdk_rds::Client>>,
    pub(super) paces: Mutex<Paces>,
    step_functions: OnceLock<aws_sdk_sfn::Client>,
    dynamodb: OnceLock<aws_sdk_dynamodb::Client>,
    sqs: OnceLock<aws_sdk_sqs::Client>,
}

/// How often a client makes a throttled call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Tries {
    /// As often as any other that failed.
    Usual,
    /// A function once only, because the call keeps a pace.
    Paced,
}

/// For the planner and the operator: the state machine whose executions they start, inspect and redrive.
#[derive(Debug, Clone)]
pub struct StateMachine(pub StateMachineArn);

/// For worker and reactor.
#[derive(Debug, Clone)]
pub struct SourceQueue {
    /// The queue that their messages come from, for delaying them.
    pub queue: QueueUrl,
    /// The commands queue, for sending the commands of queued copies that get a slot.
    pub commands: QueueUrl,
    /// The state machine, for starting runs of automated snapshots.
    pub starts: StateMachineArn,
}

/// An adapter that knows the state machine whose executions it starts.
pub trait Machine {
    /// The state machine.
    fn machine(&self) -> &StateMachineArn;
}

impl Machine for StateMachine {
    fn machine(&self) -> &StateMachineArn {
        &self.0
    }
}

impl Machine for SourceQueue {
    fn machine(&self) -> &StateMachineArn {
        &self.starts
    }
}

/// For the sweeper: the queue that it sends commands to.
#[derive(Debug, Clone)]
pub struct TargetQueue(pub QueueUrl);

/// An adapter that knows the commands queue.
pub trait CommandsQueue {
    /// The queue.
    fn commands(&self) -> &QueueUrl;
}

impl CommandsQueue for TargetQueue {
    fn commands(&self) -> &QueueUrl {
        &self.0
    }
}

impl CommandsQueue for SourceQueue {
    fn commands(&self) -> &QueueUrl {
        &self.commands
    }
}

impl<Extra> Aws<Extra> {
    /// Takes an SDK configuration whose region is the recovery region (see `for_functions` and `for_operators`), the
    /// table's name, and what else the role can reach. Calls nothing.
    pub fn new(sdk: SdkConfig, table: impl Into<String>, extra: Extra) -> Self {
        Self {
            sdk,
            table: table.into(),
            extra,
            rds_deadlines: None,
            rds: Mutex::default(),
            paces: Mutex::default(),
            step_functions: OnceLock::new(),
            dynamodb: OnceLock::new(),
            sqs: OnceLock::new(),
        }
    }

    /// For what else another use case can reach, with the same configuration and table.
    #[must_use]
    pub fn with<Other>(&self, extra: Other) -> Aws<Other> {
        Aws::new(self.sdk.clone(), self.table.clone(), extra)
    }

    /// Whether it spaces its calls to RDS, as a function does.
    pub(super) fn keeps_a_pace(&self) -> bool {
        self.rds_deadlines.is_some()
    }

    /// The same with a function's deadlines for its calls to RDS, at a function's pace.
    #[must_use]
    pub fn with_rds_deadlines(self, deadlines: RdsDeadlines) -> Self {
        Self {
            rds_deadlines: Some(deadlines),
            ..self
        }
    }

    /// The same at the paces of a sweep.
    #[must_use]
    pub fn for_sweeps(self) -> Self {
        Self {
            paces: Mutex::new(Paces::of_sweeps()),
            ..self
        }
    }

    /// The client for reading from RDS in a region. RDS is the only service that Snapferry calls in several regions.
    pub(super) fn rds(&self, region: &Region) -> aws_sdk_rds::Client {
        self.rds_client(region, Purpose::Read, Tries::Usual)
    }

    /// The client for changes in RDS.
    pub(super) fn rds_for_changes(&self, region: &Region) -> aws_sdk_rds::Client {
        self.rds_client(region, Purpose::Change, Tries::Usual)
    }

    /// The client for reads that keep a pace ([`Self::paced`]).
    pub(super) fn rds_in_turn(&self, region: &Region) -> aws_sdk_rds::Client {
        self.rds_client(region, Purpose::Read, Tries::Paced)
    }

    /// The client for changes that keep a pace ([`Self::paced`]).
    pub(super) fn rds_for_changes_in_turn(&self, region: &Region) -> aws_sdk_rds::Client {
        self.rds_client(region, Purpose::Change, Tries::Paced)
    }

    fn rds_client(&self, region: &Region, purpose: Purpose, tries: Tries) -> aws_sdk_rds::Client {
        // A panic cannot leave a client half made, so a poisoned lock is safe to use.
        let mut clients = self.rds.lock().unwrap_or_else(PoisonError::into_inner);
        clients
            .entry((region.clone(), purpose, tries))
            .or_insert_with(|| {
                let region = aws_sdk_rds::config::Region::new(region.as_str().to_owned());
                let mut config = aws_sdk_rds::config::Builder::from(&self.sdk).region(region);
                if let Some(deadlines) = self.rds_deadlines {
                    config = config.timeout_config(deadlines::of_rds(deadlines, purpose));
                    if tries == Tries::Paced {
                        config = config.retry_classifier(ThrottledOnce);
                    }
                }
                aws_sdk_rds::Client::from_conf(config.build())
            })
            .clone()
    }

    pub(super) fn step_functions(&self) -> &aws_sdk_sfn::Client {
        self.step_functions
            .get_or_init(|| aws_sdk_sfn::Client::new(&self.sdk))
    }

    pub(super) fn dynamodb(&self) -> &aws_sdk_dynamodb::Client {
        self.dynamodb
            .get_or_init(|| aws_sdk_dynamodb::Client::new(&self.sdk))
    }

    pub(super) fn sqs(&self) -> &aws_sdk_sqs::Client {
        self.sqs.get_or_init(|| aws_sdk_sqs::Client::new(&self.sdk))
    }
}
