//! The SDK's clients, and what each role reaches over them.

use std::collections::BTreeMap;
use std::sync::{Mutex, OnceLock, PoisonError};

use aws_config::SdkConfig;

use super::queue_url::QueueUrl;
use crate::domain::id::arn::{Region, StateMachineArn};

/// Everything that is reached over the AWS SDK.
///
/// `Extra` is what a role can reach in addition: [`StateMachine`], [`SourceQueue`], [`TargetQueue`], `Replays`, the
/// doctor's services, or nothing.
#[derive(Debug)]
pub struct Aws<Extra = ()> {
    pub(super) sdk: SdkConfig,
    pub(super) table: String,
    pub(super) also: Extra,
    rds: Mutex<BTreeMap<Region, aws_sdk_rds::Client>>,
    step_functions: OnceLock<aws_sdk_sfn::Client>,
    dynamodb: OnceLock<aws_sdk_dynamodb::Client>,
    sqs: OnceLock<aws_sdk_sqs::Client>,
}

/// For the planner and the operator: the state machine whose executions are started, looked at and redriven.
#[derive(Debug, Clone)]
pub struct StateMachine(pub StateMachineArn);

/// For worker and reactor.
#[derive(Debug, Clone)]
pub struct SourceQueue {
    /// The queue that their messages come from, to delay them.
    pub queue: QueueUrl,
    /// The state machine, to start the runs of automated snapshots.
    pub starts: StateMachineArn,
}

/// Who knows the state machine whose executions it starts.
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

impl<Extra> Aws<Extra> {
    /// Takes an SDK configuration whose region is the recovery region (see `for_functions` and `for_operators`), the
    /// table's name, and what else the role can reach. Calls nothing.
    pub fn new(sdk: SdkConfig, table: impl Into<String>, also: Extra) -> Self {
        Self {
            sdk,
            table: table.into(),
            also,
            rds: Mutex::default(),
            step_functions: OnceLock::new(),
            dynamodb: OnceLock::new(),
            sqs: OnceLock::new(),
        }
    }

    /// RDS is the one service that is asked in many regions.
    pub(super) fn rds(&self, region: &Region) -> aws_sdk_rds::Client {
        // A client is made whole or not at all, so a poisoned lock guards nothing broken.
        let mut clients = self.rds.lock().unwrap_or_else(PoisonError::into_inner);
        clients
            .entry(region.clone())
            .or_insert_with(|| {
                let region = aws_sdk_rds::config::Region::new(region.as_str().to_owned());
                let config = aws_sdk_rds::config::Builder::from(&self.sdk).region(region);
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
