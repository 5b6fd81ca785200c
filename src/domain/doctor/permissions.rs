//! What each role must be allowed, action by action, on which resources and under which conditions. A test compares the
//! actions with those of the role's ports, and those with the template's.

use std::fmt;

use crate::domain::id::arn::{Family, KeyArn, Region, StateMachineArn};
use crate::domain::id::role::{IamRole, Role};
use crate::domain::id::tags::StackId;

pub use super::queue_arn::queue_arn;
pub use super::role_arn::RoleArn;
pub use super::simulated::{Decision, not_named, permissions};

/// The facts of the stack that the requirements depend on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StackFacts {
    /// The stack's id.
    pub stack: StackId,
    /// The recovery region.
    pub home: Region,
    /// The source regions to check.
    pub source_regions: Vec<Region>,
    /// The table's name.
    pub table: String,
    /// The state machine.
    pub state_machine: StateMachineArn,
    /// The stack's own key, for policies that name none.
    pub key: KeyArn,
    /// The databases' keys that the worker may use. If the list is empty: every key of the account.
    pub source_keys: Vec<KeyArn>,
    /// The commands queue's ARN.
    pub commands_queue: String,
    /// The events queue's ARN.
    pub events_queue: String,
}

/// Actions that a role needs on each of these resources, in a call of this kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    /// The actions, as IAM names them.
    pub actions: Vec<&'static str>,
    /// The resources' ARNs. Empty for actions without a resource.
    pub resources: Vec<String>,
    /// The condition keys of the call, with their values.
    pub context: Vec<(&'static str, String)>,
}

fn need(actions: &[&'static str], resources: Vec<String>) -> Requirement {
    Requirement {
        actions: actions.to_vec(),
        resources,
        context: Vec::new(),
    }
}

impl Requirement {
    fn with(mut self, key: &'static str, value: impl fmt::Display) -> Self {
        self.context.push((key, value.to_string()));
        self
    }
}

/// The names of the same RDS action for the two families.
struct Actions {
    list: &'static str,
    take: &'static str,
    copy: &'static str,
    see: &'static str,
}

fn actions(family: Family) -> Actions {
    match family {
        Family::Instance => Actions {
            list: "rds:DescribeDBInstances",
            take: "rds:CreateDBSnapshot",
            copy: "rds:CopyDBSnapshot",
            see: "rds:DescribeDBSnapshots",
        },
        Family::Cluster => Actions {
            list: "rds:DescribeDBClusters",
            take: "rds:CreateDBClusterSnapshot",
            copy: "rds:CopyDBClusterSnapshot",
            see: "rds:DescribeDBClusterSnapshots",
        },
    }
}

/// An example name of a database or snapshot. The templates limit snapshots to names that begin like this.
const ANY: &str = "sf-doctor";
const REQUESTED_REGION: &str = "aws:RequestedRegion";
const STACK_TAG: &str = "aws:RequestTag/snapferry:stack";
const VIA: &str = "kms:ViaService";
const FOR_AWS: &str = "kms:GrantIsForAWSResource";

/// The endpoint of RDS, as KMS names it in `kms:ViaService`.
#[must_use]
pub fn via_rds(region: &Region, partition: &str) -> String {
    let suffix = match partition {
        "aws-cn" => "amazonaws.com.cn",
        _ => "amazonaws.com",
    };
    format!("rds.{region}.{suffix}")
}

impl StackFacts {
    fn part(&self, index: usize) -> &str {
        let arn = self.state_machine.as_str();
        arn.splitn(7, ':').nth(index).unwrap_or_default()
    }

    /// The stack's account.
    #[must_use]
    pub fn account(&self) -> &str {
        self.part(4)
    }

    /// For each source region, the keys that the worker's role may use: those that the stack was given, or an example
    /// that stands for any key of the account.
    fn usable_source_keys(&self) -> impl Iterator<Item = (&Region, String)> {
        let any = |region| (region, self.arn("kms", region, "key/sf-doctor"));
        let given = self.source_keys.iter().filter_map(|key| {
            let region = self
                .source_regions
                .iter()
                .find(|region| region.as_str() == key.region())?;
            Some((region, key.to_string()))
        });
        let regions = self.source_regions.iter();
        let any = regions.filter(|_| self.source_keys.is_empty()).map(any);
        given.chain(any)
    }

    /// The recovery region's default event bus.
    #[must_use]
    pub fn default_bus(&self) -> String {
        self.arn("events", &self.home, "event-bus/default")
    }

    fn arn(&self, service: &str, region: &Region, resource: &str) -> String {
        let (partition, account) = (self.part(1), self.account());
        format!("arn:{partition}:{service}:{region}:{account}:{resource}")
    }

    fn table(&self) -> String {
        self.arn("dynamodb", &self.home, &format!("table/{}", self.table))
    }

    fn machine(&self) -> Vec<String> {
        vec![self.state_machine.to_string()]
    }

    /// A database of a family, and a snapshot of it.
    fn resources(&self, region: &Region, family: Family) -> [String; 2] {
        let kinds = match family {
            Family::Instance => ["db", "snapshot"],
            Family::Cluster => ["cluster", "cluster-snapshot"],
        };
        kinds.map(|kind| self.arn("rds", region, &format!("{kind}:{ANY}")))
    }

    fn all_regions(&self) -> impl Iterator<Item = &Region> {
        self.source_regions.iter().chain([&self.home])
    }

    /// Everything that a role must be allowed, except writing its logs. `keys` are those of the copies.
    #[must_use]
    pub fn requirements(&self, role: IamRole, keys: &[KeyArn]) -> Vec<Requirement> {
        match role {
            IamRole::Function(Role::Planner) => self.planner(),
            IamRole::Function(Role::Worker) => self.worker(keys),
            IamRole::Function(Role::Reactor) => self.reactor(),
            IamRole::Function(Role::Sweeper) => self.sweeper(),
            IamRole::Function(Role::Pruner) => self.pruner(),
            IamRole::StateMachine => {
                vec![need(
                    &["sqs:SendMessage"],
                    vec![self.commands_queue.clone()],
                )]
            }
        }
    }

    fn planner(&self) -> Vec<Requirement> {
        let mut all = vec![need(
            &[
                "dynamodb:GetItem",
                "dynamodb:BatchGetItem",
                "dynamodb:UpdateItem",
            ],
            vec![self.table()],
        )];
        all.extend(self.start_executions());
        all.extend(self.list_databases());
        all.extend(self.list_option_groups());
        all.extend(self.see_snapshots(&self.source_regions));
        all.extend(self.list_tags(&self.source_regions));
        all
    }

    fn start_executions(&self) -> [Requirement; 2] {
        let name = self.part(6);
        let execution = self.arn("states", &self.home, &format!("execution:{name}:{ANY}"));
        [
            need(&["states:StartExecution"], self.machine()),
            need(&["states:DescribeExecution"], vec![execution]),
        ]
    }

    fn list_databases(&self) -> impl Iterator<Item = Requirement> {
        self.source_regions.iter().flat_map(|region| {
            Family::ALL.map(|family| {
                let [database, _] = self.resources(region, family);
                let list = need(&[actions(family).list], vec![database]);
                list.with(REQUESTED_REGION, region)
            })
        })
    }

    fn list_option_groups(&self) -> impl Iterator<Item = Requirement> {
        self.source_regions.iter().map(|region| {
            let groups = self.arn("rds", region, &format!("og:{ANY}"));
            need(&["rds:DescribeOptionGroups"], vec![groups]).with(REQUESTED_REGION, region)
        })
    }

    fn worker(&self, keys: &[KeyArn]) -> Vec<Requirement> {
        let table = [
            "dynamodb:GetItem",
            "dynamodb:BatchGetItem",
            "dynamodb:PutItem",
            "dynamodb:UpdateItem",
            "dynamodb:DeleteItem",
            "dynamodb:ConditionCheckItem",
        ];
        let callbacks = [
            "states:SendTaskHeartbeat",
            "states:SendTaskSuccess",
            "states:SendTaskFailure",
        ];
        let mut all = vec![
            need(&table, vec![self.table()]),
            need(&callbacks, self.machine()),
            need(&["sqs:SendMessage"], vec![self.commands_queue.clone()]),
            need(&TAKE_MESSAGES, vec![self.commands_queue.clone()]),
            need(&["rds:DescribeAccountAttributes"], Vec::new()).with(REQUESTED_REGION, &self.home),
        ];
        let keys = keys.iter().map(|key| (&self.home, key.to_string()));
        for (region, key) in keys.chain(self.usable_source_keys()) {
            let via = via_rds(region, self.part(1));
            all.push(need(&["kms:DescribeKey"], vec![key.clone()]).with(VIA, &via));
            let lend = need(&["kms:CreateGrant"], vec![key]).with(VIA, &via);
            all.push(lend.with(FOR_AWS, true));
        }
        for region in &self.source_regions {
            for family in Family::ALL {
                let both = self.resources(region, family).to_vec();
                let take = need(&[actions(family).take], both);
                all.push(self.marked(take, region));
            }
        }
        for region in self.all_regions() {
            for family in Family::ALL {
                let [_, snapshot] = self.resources(region, family);
                let tagging = [actions(family).copy, "rds:AddTagsToResource"];
                all.push(self.marked(need(&tagging, vec![snapshot]), region));
            }
        }
        all.extend(self.copy_automated());
        all.extend(self.start_executions());
        all.extend(self.see_our_snapshots());
        all
    }

    /// RDS names an automated snapshot, and Snapferry only copies it.
    fn copy_automated(&self) -> impl Iterator<Item = Requirement> {
        self.source_regions.iter().flat_map(|region| {
            Family::ALL.map(|family| {
                let kind = match family {
                    Family::Instance => "snapshot",
                    Family::Cluster => "cluster-snapshot",
                };
                let automated = self.arn("rds", region, &format!("{kind}:rds:{ANY}"));
                need(&[actions(family).copy], vec![automated]).with(REQUESTED_REGION, region)
            })
        })
    }

    /// A request that makes a resource with the stack's tag.
    fn marked(&self, requirement: Requirement, region: &Region) -> Requirement {
        requirement
            .with(REQUESTED_REGION, region)
            .with(STACK_TAG, &self.stack)
    }

    fn see_snapshots<'a>(
        &'a self,
        regions: impl IntoIterator<Item = &'a Region>,
    ) -> impl Iterator<Item = Requirement> {
        regions.into_iter().flat_map(|region| {
            Family::ALL.map(|family| {
                let both = self.resources(region, family).to_vec();
                need(&[actions(family).see], both).with(REQUESTED_REGION, region)
            })
        })
    }

    /// The tags of a snapshot say whose it is: lists those with Snapferry's names, in every region.
    fn see_our_snapshots(&self) -> impl Iterator<Item = Requirement> {
        let tags = self.list_tags(self.all_regions());
        self.see_snapshots(self.all_regions()).chain(tags)
    }

    fn list_tags<'a>(
        &'a self,
        regions: impl IntoIterator<Item = &'a Region>,
    ) -> impl Iterator<Item = Requirement> {
        regions.into_iter().flat_map(|region| {
            Family::ALL.map(|family| {
                let [_, ours] = self.resources(region, family);
                need(&["rds:ListTagsForResource"], vec![ours]).with(REQUESTED_REGION, region)
            })
        })
    }

    fn reactor(&self) -> Vec<Requirement> {
        let table = [
            "dynamodb:GetItem",
            "dynamodb:BatchGetItem",
            "dynamodb:UpdateItem",
            "dynamodb:DeleteItem",
            "dynamodb:ConditionCheckItem",
        ];
        let mut all = vec![
            need(&table, vec![self.table()]),
            need(
                &["dynamodb:Query"],
                vec![format!("{}/index/copy-queue", self.table())],
            ),
            need(&CALLBACKS, self.machine()),
            need(&["sqs:SendMessage"], vec![self.commands_queue.clone()]),
            need(&TAKE_MESSAGES, vec![self.events_queue.clone()]),
        ];
        all.extend(self.start_executions());
        all.extend(self.list_databases());
        all.extend(self.list_option_groups());
        all.extend(self.see_our_snapshots());
        all
    }

    fn sweeper(&self) -> Vec<Requirement> {
        let table = [
            "dynamodb:GetItem",
            "dynamodb:BatchGetItem",
            "dynamodb:UpdateItem",
            "dynamodb:DeleteItem",
            "dynamodb:ConditionCheckItem",
        ];
        let mut all = vec![
            need(&table, vec![self.table()]),
            need(
                &["dynamodb:Query"],
                vec![format!("{}/index/open-waits", self.table())],
            ),
            need(&CALLBACKS, self.machine()),
            need(&["sqs:SendMessage"], vec![self.commands_queue.clone()]),
        ];
        all.extend(self.see_our_snapshots());
        all
    }
}

/// The stack's tag on a resource, as IAM knows it.
const RESOURCE_TAG: &str = "aws:ResourceTag/snapferry:stack";

/// The same tag, as RDS gives it to IAM.
fn own_tag(family: Family) -> &'static str {
    match family {
        Family::Instance => "rds:snapshot-tag/snapferry:stack",
        Family::Cluster => "rds:cluster-snapshot-tag/snapferry:stack",
    }
}

impl StackFacts {
    fn pruner(&self) -> Vec<Requirement> {
        let table = [
            "dynamodb:GetItem",
            "dynamodb:BatchGetItem",
            "dynamodb:PutItem",
            "dynamodb:UpdateItem",
            "dynamodb:DeleteItem",
        ];
        let mut all = vec![
            need(&table, vec![self.table()]),
            need(
                &["dynamodb:Query"],
                vec![format!("{}/index/open-waits", self.table())],
            ),
            need(&["rds:DescribeAccountAttributes"], Vec::new()).with(REQUESTED_REGION, &self.home),
        ];
        all.extend(self.list_databases());
        all.extend(self.see_our_snapshots());
        for region in self.all_regions() {
            for family in Family::ALL {
                let [_, ours] = self.resources(region, family);
                let delete = match family {
                    Family::Instance => "rds:DeleteDBSnapshot",
                    Family::Cluster => "rds:DeleteDBClusterSnapshot",
                };
                let delete = need(&[delete], vec![ours]).with(REQUESTED_REGION, region);
                let delete = delete.with(RESOURCE_TAG, &self.stack);
                all.push(delete.with(own_tag(family), &self.stack));
            }
        }
        all
    }
}

/// What a role asks of a task that sleeps, and answers it.
const CALLBACKS: [&str; 3] = [
    "states:SendTaskHeartbeat",
    "states:SendTaskSuccess",
    "states:SendTaskFailure",
];

/// What Lambda does with a function's queue on the function's behalf, and the delay of a message that failed.
const TAKE_MESSAGES: [&str; 4] = [
    "sqs:ReceiveMessage",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "sqs:ChangeMessageVisibility",
];
