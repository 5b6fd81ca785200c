//! What IAM must allow and deny to each role, as a table for a simulator from npm.
//!
//! The test here writes the table to `target/tmp/iam-table.json`; `.ci/iam` lets the simulator answer it. The rows that
//! must be allowed are those of the doctor: what each port asks, on its resources, with the keys of a real call.

use std::path::Path;

use serde_json::{Map, Value, json};
use snapferry::domain::deploy::part::Part;
use snapferry::domain::doctor::permissions::{Requirement, StackFacts};
use snapferry::domain::id::arn::{KeyArn, Region, StateMachineArn};
use snapferry::domain::id::role::IamRole;
use snapferry::domain::id::tags::StackId;

use crate::document::{resources, templates};
use crate::{remover_rows, reporter_rows};

pub(crate) const ACCOUNT: &str = "111122223333";
pub(crate) const HOME: &str = "eu-central-1";
pub(crate) const SOURCES: [&str; 2] = ["eu-west-1", "eu-north-1"];
pub(crate) const STACK: &str = "prod";
const KEY: &str = "arn:aws:kms:eu-central-1:111122223333:key/recovery";
const MACHINE: &str = "arn:aws:states:eu-central-1:111122223333:stateMachine:protect";
const PRUNER: &str = "arn:aws:lambda:eu-central-1:111122223333:function:Pruner";
pub(crate) const TABLE: &str = "arn:aws:dynamodb:eu-central-1:111122223333:table/waits";
/// A source's key in another account.
const FOREIGN_KEY: &str = "arn:aws:kms:eu-west-1:999988887777:key/theirs";
const VIA_HOME: &str = "rds.eu-central-1.amazonaws.com";
const VIA_SOURCE: &str = "rds.eu-west-1.amazonaws.com";

/// A deployment: with every source key of the account, or with the given ones.
struct Deployment {
    source_keys: &'static [&'static str],
}

impl Deployment {
    fn facts(&self) -> StackFacts {
        let queue = |name: &str| format!("arn:aws:sqs:{HOME}:{ACCOUNT}:{name}");
        StackFacts {
            stack: StackId::parse(STACK).unwrap(),
            home: Region::parse(HOME).unwrap(),
            source_regions: SOURCES.map(|name| Region::parse(name).unwrap()).into(),
            table: "waits".to_owned(),
            state_machine: StateMachineArn::parse(MACHINE).unwrap(),
            key: KeyArn::parse(KEY).unwrap(),
            source_keys: self
                .source_keys
                .iter()
                .map(|arn| KeyArn::parse(arn).unwrap())
                .collect(),
            commands_queue: queue("CommandsQueue"),
            events_queue: queue("EventsQueue"),
        }
    }

    fn condition(&self, name: &str) -> bool {
        match name {
            "TableIsMade" | "KeyIsMade" => true,
            "SourceKeysAreGiven" => !self.source_keys.is_empty(),
            "PeopleHavePolicies" => true,
            "StackIdIsGiven" | "SubnetsAreGiven" | "BoundaryIsGiven" => false,
            other => panic!("no value for the condition {other}"),
        }
    }

    fn reference(&self, name: &str) -> Value {
        match name {
            "AWS::Partition" => json!("aws"),
            "AWS::Region" => json!(HOME),
            "AWS::AccountId" => json!(ACCOUNT),
            "AWS::URLSuffix" => json!("amazonaws.com"),
            "AWS::StackName" | "StackId" | "StackName" => json!(STACK),
            "TableName" => json!("waits"),
            "SourceRegions" => json!(SOURCES),
            "SourceKeyArns" => json!(self.source_keys),
            "RecoveryRegion" => json!(HOME),
            "StateMachine" | "StateMachineArn" => json!(MACHINE),
            "Machine" => json!("protect"),
            "ReportBucket" => json!("reports"),
            "ReportPrefix" => json!("snapferry/"),
            other => panic!("no value for {other}"),
        }
    }

    fn attribute(name: &str) -> String {
        match name {
            "Table.Arn" => TABLE.to_owned(),
            "RecoveryKey.Arn" => KEY.to_owned(),
            "StateMachine.Name" => "protect".to_owned(),
            "Pruner.Arn" => PRUNER.to_owned(),
            _ => {
                let resource = name
                    .strip_suffix(".Arn")
                    .unwrap_or_else(|| panic!("no value for {name}"));
                if resource.ends_with("Role") {
                    return format!("arn:aws:iam::{ACCOUNT}:role/{resource}");
                }
                match resource.strip_suffix("Logs") {
                    Some(_) => format!("arn:aws:logs:{HOME}:{ACCOUNT}:log-group:{resource}:*"),
                    None => format!("arn:aws:sqs:{HOME}:{ACCOUNT}:{resource}"),
                }
            }
        }
    }

    fn resolve(&self, value: &Value) -> Value {
        match value {
            Value::Array(items) => items.iter().map(|item| self.resolve(item)).collect(),
            Value::Object(members) if members.len() == 1 => {
                let (name, inner) = members.iter().next().unwrap();
                match name.as_str() {
                    "Ref" => self.reference(inner.as_str().unwrap()),
                    "Fn::GetAtt" => json!(Self::attribute(inner.as_str().unwrap())),
                    "Fn::Sub" => {
                        let text = inner.as_str().or_else(|| inner[0].as_str());
                        json!(self.substitute(text.unwrap()))
                    }
                    "Fn::If" => {
                        let nth = if self.condition(inner[0].as_str().unwrap()) {
                            1
                        } else {
                            2
                        };
                        self.resolve(&inner[nth])
                    }
                    _ => self.members(members),
                }
            }
            Value::Object(members) => self.members(members),
            plain => plain.clone(),
        }
    }

    fn members(&self, members: &Map<String, Value>) -> Value {
        let resolved = members
            .iter()
            .map(|(name, inner)| (name.clone(), self.resolve(inner)));
        Value::Object(resolved.collect())
    }

    fn substitute(&self, text: &str) -> String {
        let mut parts = text.split("${");
        let mut done = parts.next().unwrap().to_owned();
        for part in parts {
            let (name, rest) = part.split_once('}').unwrap();
            if name.contains('.') {
                done.push_str(&Self::attribute(name));
            } else {
                done.push_str(self.reference(name).as_str().unwrap());
            }
            done.push_str(rest);
        }
        done
    }

    fn roles(&self) -> Value {
        let mut roles = Map::new();
        for (_, template) in templates() {
            for (name, role) in resources(&template, "AWS::IAM::Role") {
                let policies = role["Policies"].as_array().unwrap();
                let statements = policies
                    .iter()
                    .flat_map(|policy| policy["PolicyDocument"]["Statement"].as_array().unwrap());
                let statements = statements.map(|statement| self.resolve(statement));
                roles.insert(name.to_owned(), statements.collect());
            }
            for (name, policy) in resources(&template, "AWS::IAM::ManagedPolicy") {
                let statements = policy["PolicyDocument"]["Statement"].as_array().unwrap();
                let statements = statements.iter().map(|statement| self.resolve(statement));
                roles.insert(name.to_owned(), statements.collect());
            }
        }
        Value::Object(roles)
    }

    /// What must be allowed.
    fn allowed(&self) -> Vec<Value> {
        let facts = self.facts();
        let mut rows = Vec::new();
        for role in IamRole::ALL {
            let of_role = facts.requirements(role, std::slice::from_ref(&facts.key));
            rows.extend(
                of_role
                    .iter()
                    .flat_map(|requirement| rows_of(role.logical_id(), requirement)),
            );
            rows.extend(logs(role));
        }
        let bus = format!("arn:aws:events:{HOME}:{ACCOUNT}:event-bus/default");
        rows.push(row("ForwardingRole", "events:PutEvents", &bus, &[]));
        // RDS may fill either key for a snapshot's tags.
        for (action, kind, tag) in [
            ("rds:DeleteDBSnapshot", "snapshot", "rds:snapshot-tag"),
            (
                "rds:DeleteDBClusterSnapshot",
                "cluster-snapshot",
                "rds:cluster-snapshot-tag",
            ),
        ] {
            for key in [tag, "aws:ResourceTag"] {
                let key = format!("{key}/snapferry:stack");
                rows.push(row(
                    "PrunerRole",
                    action,
                    &rds(HOME, kind, "sf-orders"),
                    &[(&key, STACK)],
                ));
                for source in SOURCES {
                    rows.push(row(
                        "PrunerRole",
                        action,
                        &rds(source, kind, "sf-orders"),
                        &[(&key, STACK), ("aws:RequestedRegion", source)],
                    ));
                }
            }
        }
        // Without RDS in between, to see that the key of the copies is usable.
        rows.push(row("WorkerRole", "kms:DescribeKey", KEY, &[]));
        rows.extend(people_may());
        rows.extend(remover_rows::allowed());
        rows.extend(reporter_rows::allowed());
        rows
    }

    /// What must be denied: beside each permission, its neighbours.
    fn denied(&self) -> Vec<Value> {
        let in_source = ("aws:RequestedRegion", SOURCES[0]);
        let ours = ("aws:RequestTag/snapferry:stack", STACK);
        let theirs = ("aws:RequestTag/snapferry:stack", "another");
        let (via_home, via_source) = (("kms:ViaService", VIA_HOME), ("kms:ViaService", VIA_SOURCE));
        let for_aws = ("kms:GrantIsForAWSResource", "true");
        let [own, mine] = ["sf-orders", "mine"].map(|name| rds(SOURCES[0], "snapshot", name));
        let elsewhere = rds("us-east-1", "snapshot", "sf-orders");
        let copy = rds(HOME, "snapshot", "sf-orders");
        let cluster_copy = rds(HOME, "cluster-snapshot", "sf-web");
        let (stack, hold) = (
            "aws:ResourceTag/snapferry:stack",
            "aws:ResourceTag/snapferry:hold",
        );
        let queue = |name: &str| format!("arn:aws:sqs:{HOME}:{ACCOUNT}:{name}");
        let another_table = format!("arn:aws:dynamodb:{HOME}:{ACCOUNT}:table/another");
        let another_machine = format!("arn:aws:states:{HOME}:{ACCOUNT}:stateMachine:another");
        let account_key = format!("arn:aws:kms:eu-west-1:{ACCOUNT}:key/any");
        let mut rows = vec![
            // Another region, no tag, another stack's tag, another name, another function.
            row(
                "WorkerRole",
                "rds:CreateDBSnapshot",
                &elsewhere,
                &[("aws:RequestedRegion", "us-east-1"), ours],
            ),
            row("WorkerRole", "rds:CreateDBSnapshot", &own, &[in_source]),
            row(
                "WorkerRole",
                "rds:CreateDBSnapshot",
                &own,
                &[in_source, theirs],
            ),
            row(
                "WorkerRole",
                "rds:CreateDBSnapshot",
                &mine,
                &[in_source, ours],
            ),
            row(
                "ReactorRole",
                "rds:CreateDBSnapshot",
                &own,
                &[in_source, ours],
            ),
            row(
                "PlannerRole",
                "rds:CreateDBSnapshot",
                &own,
                &[in_source, ours],
            ),
            // A person's snapshot as source and as target of a copy.
            row("WorkerRole", "rds:CopyDBSnapshot", &mine, &[in_source]),
            row(
                "WorkerRole",
                "rds:CopyDBSnapshot",
                &rds(HOME, "snapshot", "mine"),
                &[ours],
            ),
            row("SweeperRole", "rds:CopyDBSnapshot", &copy, &[ours]),
            row(
                "WorkerRole",
                "rds:AddTagsToResource",
                &own,
                &[in_source, theirs],
            ),
            row("WorkerRole", "rds:AddTagsToResource", &own, &[in_source]),
            row(
                "WorkerRole",
                "rds:AddTagsToResource",
                &mine,
                &[in_source, ours],
            ),
            row("PrunerRole", "rds:AddTagsToResource", &copy, &[ours]),
            row(
                "WorkerRole",
                "rds:DeleteDBSnapshot",
                &own,
                &[in_source, (stack, STACK)],
            ),
            // The pruner: other tag, no tag, other name, other region, held.
            row(
                "PrunerRole",
                "rds:DeleteDBSnapshot",
                &copy,
                &[(stack, "another")],
            ),
            row("PrunerRole", "rds:DeleteDBSnapshot", &copy, &[]),
            row(
                "PrunerRole",
                "rds:DeleteDBSnapshot",
                &rds(HOME, "snapshot", "mine"),
                &[(stack, STACK)],
            ),
            row(
                "PrunerRole",
                "rds:DeleteDBSnapshot",
                &elsewhere,
                &[("aws:RequestedRegion", "us-east-1"), (stack, STACK)],
            ),
            row(
                "PrunerRole",
                "rds:DeleteDBSnapshot",
                &own,
                &[in_source, (stack, "another")],
            ),
            row(
                "PrunerRole",
                "rds:DeleteDBSnapshot",
                &mine,
                &[in_source, (stack, STACK)],
            ),
            row(
                "PrunerRole",
                "rds:DeleteDBSnapshot",
                &own,
                &[in_source, (stack, STACK), (hold, "case 7")],
            ),
            row(
                "PrunerRole",
                "rds:DeleteDBSnapshot",
                &copy,
                &[(stack, STACK), (hold, "")],
            ),
            row(
                "PrunerRole",
                "rds:DeleteDBSnapshot",
                &copy,
                &[
                    ("rds:snapshot-tag/snapferry:stack", STACK),
                    ("rds:snapshot-tag/snapferry:hold", "case 7"),
                ],
            ),
            row(
                "PrunerRole",
                "rds:DeleteDBClusterSnapshot",
                &cluster_copy,
                &[(stack, STACK), (hold, "case 7")],
            ),
            row(
                "PrunerRole",
                "rds:DeleteDBClusterSnapshot",
                &cluster_copy,
                &[
                    ("rds:cluster-snapshot-tag/snapferry:stack", STACK),
                    ("rds:cluster-snapshot-tag/snapferry:hold", ""),
                ],
            ),
            // Keys: past RDS, by another service, for another use, without a grant for AWS.
            row("WorkerRole", "kms:CreateGrant", KEY, &[for_aws]),
            row("WorkerRole", "kms:CreateGrant", KEY, &[via_home]),
            row(
                "WorkerRole",
                "kms:CreateGrant",
                KEY,
                &[
                    ("kms:ViaService", "ec2.eu-central-1.amazonaws.com"),
                    for_aws,
                ],
            ),
            row("WorkerRole", "kms:Decrypt", KEY, &[via_home]),
            row("WorkerRole", "kms:DescribeKey", &account_key, &[]),
            row("ReactorRole", "kms:CreateGrant", KEY, &[via_home, for_aws]),
            row(
                "WorkerRole",
                "kms:CreateGrant",
                "arn:aws:kms:eu-west-1:999988887777:key/another",
                &[via_source, for_aws],
            ),
            // Other tables, queues, machines.
            row("ReactorRole", "dynamodb:PutItem", TABLE, &[]),
            row("WorkerRole", "dynamodb:Scan", TABLE, &[]),
            row("WorkerRole", "dynamodb:PutItem", &another_table, &[]),
            row(
                "WorkerRole",
                "sqs:ReceiveMessage",
                &queue("EventsQueue"),
                &[],
            ),
            row("WorkerRole", "sqs:SendMessage", &queue("EventsQueue"), &[]),
            row(
                "ReactorRole",
                "sqs:ReceiveMessage",
                &queue("CommandsQueue"),
                &[],
            ),
            row("SweeperRole", "sqs:SendMessage", &queue("EventsQueue"), &[]),
            row(
                "StateMachineRole",
                "sqs:SendMessage",
                &queue("EventsQueue"),
                &[],
            ),
            row(
                "PlannerRole",
                "states:StartExecution",
                &another_machine,
                &[],
            ),
            row("SweeperRole", "states:StartExecution", MACHINE, &[]),
            row(
                "PlannerRole",
                "rds:DescribeDBInstances",
                &rds("us-east-1", "db", "orders"),
                &[("aws:RequestedRegion", "us-east-1")],
            ),
            row(
                "ForwardingRole",
                "events:PutEvents",
                &format!("arn:aws:events:{HOME}:{ACCOUNT}:event-bus/another"),
                &[],
            ),
        ];
        rows.extend(people_may_not());
        rows.extend(remover_rows::denied());
        rows.extend(reporter_rows::denied());
        if self.source_keys.is_empty() {
            rows.push(row(
                "WorkerRole",
                "kms:CreateGrant",
                FOREIGN_KEY,
                &[via_source, for_aws],
            ));
        } else {
            rows.push(row(
                "WorkerRole",
                "kms:CreateGrant",
                &account_key,
                &[via_source, for_aws],
            ));
        }
        // The key's own policy has the first word.
        let mut by_its_policy = row("WorkerRole", "kms:CreateGrant", KEY, &[via_home, for_aws]);
        by_its_policy["key_policy_names"] = json!(format!("arn:aws:iam::{ACCOUNT}:role/admin"));
        rows.push(by_its_policy);
        rows
    }
}

/// What a person's policies must allow: a row for each action and each resource.
fn people_may() -> Vec<Value> {
    let queue = |region: &str, name: &str| format!("arn:aws:sqs:{region}:{ACCOUNT}:{name}");
    let forwarding = queue(SOURCES[0], "snapferry-to-eu-central-1-dead-letters");
    let [commands_dead, events_dead, commands, events] = [
        "CommandsDeadLetterQueue",
        "EventsDeadLetterQueue",
        "CommandsQueue",
        "EventsQueue",
    ]
    .map(|name| queue(HOME, name));
    let execution = format!("arn:aws:states:{HOME}:{ACCOUNT}:execution:protect:sf-orders");
    let rule = format!("arn:aws:events:{}:{ACCOUNT}:rule/forward", SOURCES[0]);
    let topic = format!("arn:aws:sns:{HOME}:{ACCOUNT}:alarms");
    let index = format!("{TABLE}/index/open-waits");
    let held = [("aws:TagKeys", "snapferry:hold")];
    let mut rows = Vec::new();
    let mut may = |who: &str, actions: &[&str], on: &[&str], keys: &[(&str, &str)]| {
        for action in actions {
            let on = on.iter().filter(|resource| is_about(action, resource));
            rows.extend(on.map(|resource| row(who, action, resource, keys)));
        }
    };
    let all = |kinds: [(&str, &str); 2]| kinds.map(|(kind, name)| rds(SOURCES[0], kind, name));
    let [db, cluster] = all([("db", "orders"), ("cluster", "web")]);
    let [snapshot, cluster_snapshot] =
        all([("snapshot", "sf-orders"), ("cluster-snapshot", "sf-web")]);
    let group = rds(SOURCES[0], "og", "tde");
    let readers = "ReadersPolicy";
    may(readers, &["cloudformation:DescribeStacks"], &["*"], &[]);
    for part in Part::ALL {
        let name = format!("{STACK}-{}", part.word());
        let function = format!("arn:aws:lambda:{HOME}:{ACCOUNT}:function:{name}-function");
        let look = ["lambda:GetFunctionConfiguration"];
        may(readers, &look, &[&function], &[]);
    }
    may(readers, &["rds:DescribeDBInstances"], &[&db], &[]);
    may(readers, &["rds:DescribeDBClusters"], &[&cluster], &[]);
    may(
        readers,
        &["rds:DescribeDBSnapshots"],
        &[&db, &snapshot],
        &[],
    );
    let of_clusters = [cluster.as_str(), &cluster_snapshot];
    may(
        readers,
        &["rds:DescribeDBClusterSnapshots"],
        &of_clusters,
        &[],
    );
    let ours = [snapshot.as_str(), &cluster_snapshot];
    may(readers, &["rds:ListTagsForResource"], &ours, &[]);
    may(readers, &["rds:DescribeOptionGroups"], &[&group], &[]);
    for (action, kind) in [
        ("rds:DescribeDBSubnetGroups", "subgrp"),
        ("rds:DescribeDBParameterGroups", "pg"),
        ("rds:DescribeDBClusterParameterGroups", "cluster-pg"),
    ] {
        may(readers, &[action], &[&rds(HOME, kind, "recovery")], &[]);
    }
    for action in [
        "rds:DescribeAccountAttributes",
        "rds:DescribeDBEngineVersions",
        "rds:DescribeOrderableDBInstanceOptions",
    ] {
        may(readers, &[action], &["*"], &[]);
    }
    may(
        readers,
        &["dynamodb:GetItem", "dynamodb:BatchGetItem"],
        &[TABLE],
        &[],
    );
    may(readers, &["dynamodb:Query"], &[&index], &[]);
    may(readers, &["states:ListExecutions"], &[MACHINE], &[]);
    may(readers, &["states:DescribeExecution"], &[&execution], &[]);
    may(
        readers,
        &["kms:DescribeKey", "kms:GetKeyPolicy"],
        &[KEY],
        &[],
    );
    may(readers, &["events:ListRuleNamesByTarget"], &["*"], &[]);
    may(readers, &["events:DescribeRule"], &[&rule], &[]);
    let dead = [commands_dead.as_str(), &events_dead, &forwarding];
    may(readers, &["sqs:GetQueueAttributes"], &dead, &[]);
    may(readers, &["sqs:GetQueueUrl"], &[&forwarding], &[]);
    may(readers, &["sqs:ListQueues"], &["*"], &[]);
    may(readers, &["sns:GetTopicAttributes"], &[&topic], &[]);
    for role in IamRole::ALL {
        let role = format!("arn:aws:iam::{ACCOUNT}:role/{}", role.logical_id());
        may(readers, &["iam:SimulatePrincipalPolicy"], &[&role], &[]);
    }
    let operators = "OperatorsPolicy";
    let writes = [
        "dynamodb:UpdateItem",
        "dynamodb:PutItem",
        "dynamodb:DeleteItem",
    ];
    may(operators, &writes, &[TABLE], &[]);
    let machine = [
        "states:StartExecution",
        "states:DescribeStateMachine",
        "states:SendTaskHeartbeat",
    ];
    may(operators, &machine, &[MACHINE], &[]);
    let executions = [
        "states:StopExecution",
        "states:RedriveExecution",
        "states:DescribeStateMachineForExecution",
    ];
    may(operators, &executions, &[&execution], &[]);
    let takes = [
        "sqs:ReceiveMessage",
        "sqs:ChangeMessageVisibility",
        "sqs:DeleteMessage",
    ];
    may(operators, &takes, &dead, &[]);
    may(operators, &["sqs:SendMessage"], &[&commands, &events], &[]);
    let tags = ["rds:AddTagsToResource", "rds:RemoveTagsFromResource"];
    let copies = [
        rds(HOME, "snapshot", "sf-orders"),
        rds(HOME, "cluster-snapshot", "sf-web"),
    ];
    may(operators, &tags, &[&copies[0], &copies[1]], &held);
    may(operators, &["lambda:InvokeFunction"], &[PRUNER], &[]);
    drillers_and_restorers_may(&mut may);
    rows
}

type May<'a> = dyn FnMut(&str, &[&str], &[&str], &[(&str, &str)]) + 'a;

/// What the policies for drills and for restores must allow of that which acts.
fn drillers_and_restorers_may(may: &mut May<'_>) {
    let restores = [
        "rds:RestoreDBInstanceFromDBSnapshot",
        "rds:RestoreDBClusterFromSnapshot",
    ];
    let makes = [
        &restores[..],
        &["rds:CreateDBInstance", "rds:AddTagsToResource"],
    ]
    .concat();
    let changes = [
        "rds:ModifyDBInstance",
        "rds:ModifyDBCluster",
        "rds:RebootDBInstance",
    ];
    let deletes = ["rds:DeleteDBInstance", "rds:DeleteDBCluster"];
    let rest = [
        "rds:AddRoleToDBInstance",
        "rds:AddRoleToDBCluster",
        "rds:EnableHttpEndpoint",
    ];
    let group = |kind: &str| rds(HOME, kind, "recovery");
    let groups = ["subgrp", "pg", "og"].map(group);
    let used = [
        rds(HOME, "snapshot", "sf-orders"),
        rds(HOME, "cluster-snapshot", "sf-web"),
        group("cluster-pg"),
    ];
    let used: Vec<&str> = used.iter().chain(&groups).map(String::as_str).collect();
    let groups = groups.each_ref().map(String::as_str);
    let secrets = ["secretsmanager:CreateSecret", "secretsmanager:TagResource"];
    let secret = format!("arn:aws:secretsmanager:{HOME}:{ACCOUNT}:secret:rds!db-1");
    let key = [
        ("kms:ViaService", VIA_HOME),
        ("kms:GrantIsForAWSResource", "true"),
    ];
    for (who, mark, name) in [
        ("DrillsPolicy", "drill", "sfd-orders-a"),
        ("RestoresPolicy", "restored", "orders"),
    ] {
        let [db, cluster] = ["db", "cluster"].map(|kind| rds(HOME, kind, name));
        let both = [db.as_str(), &cluster];
        let [asked, marked] =
            ["Request", "Resource"].map(|what| format!("aws:{what}Tag/snapferry:{mark}"));
        may(who, &makes, &both, &[(&asked, STACK)]);
        may(who, &restores, &used, &[]);
        may(who, &["rds:CreateDBInstance"], &[&cluster], &[]);
        may(who, &["rds:CreateDBInstance"], &groups, &[]);
        may(who, &changes, &both, &[(&marked, STACK)]);
        let acts = match mark {
            "drill" => &deletes[..],
            _ => &rest[..],
        };
        may(who, acts, &both, &[(&marked, STACK)]);
        let records = [
            "dynamodb:GetItem",
            "dynamodb:BatchGetItem",
            "dynamodb:UpdateItem",
        ];
        may(who, &records, &[TABLE], &[]);
        may(who, &["kms:CreateGrant"], &[KEY], &key);
        may(who, &["kms:DescribeKey"], &[KEY], &[]);
        may(who, &secrets, &[&secret], &[]);
        let sees = ["rds:DescribeDBInstances", "rds:DescribeDBClusters"];
        may(who, &sees, &both, &[]);
        let [snapshot, cluster_snapshot] = [used[0], used[1]];
        may(who, &["rds:DescribeDBSnapshots"], &[&db, snapshot], &[]);
        let finds = ["rds:DescribeDBClusterSnapshots"];
        may(who, &finds, &[&cluster, cluster_snapshot], &[]);
        let changed = [groups[1], groups[2], used[2]];
        may(who, &changes[..2], &changed, &[]);
    }
    may("DrillsPolicy", &["rds:DescribeEvents"], &["*"], &[]);
    let restores = "RestoresPolicy";
    for (action, kind) in [
        ("rds:DescribeDBSubnetGroups", "subgrp"),
        ("rds:DescribeDBParameterGroups", "pg"),
        ("rds:DescribeDBClusterParameterGroups", "cluster-pg"),
        ("rds:DescribeOptionGroups", "og"),
    ] {
        may(restores, &[action], &[&group(kind)], &[]);
    }
    let offers = [
        "rds:DescribeDBEngineVersions",
        "rds:DescribeOrderableDBInstanceOptions",
        "rds:DescribeAccountAttributes",
    ];
    may(restores, &offers, &["*"], &[]);
    let role = format!("arn:aws:iam::{ACCOUNT}:role/monitoring");
    for service in ["rds.amazonaws.com", "monitoring.rds.amazonaws.com"] {
        let passed = [("iam:PassedToService", service)];
        may(restores, &["iam:PassRole"], &[&role], &passed);
    }
}

/// Whether IAM knows the action for resources of this kind. Calls about an instance's own things never name a cluster, and the
/// other way round; only a member is created in its cluster.
fn is_about(action: &str, resource: &str) -> bool {
    let kind = resource.split(':').nth(5).unwrap_or_default();
    let of_clusters = ["Cluster", "EnableHttpEndpoint"];
    let is_of_clusters = of_clusters.iter().any(|word| action.contains(word));
    let is_of_instances = action.contains("DBInstance") && action != "rds:CreateDBInstance";
    match kind {
        "db" | "pg" => !is_of_clusters,
        "cluster" | "cluster-pg" => !is_of_instances,
        _ => true,
    }
}

/// What neither policy may allow.
fn people_may_not() -> Vec<Value> {
    let copy = rds(HOME, "snapshot", "sf-orders");
    let stack = [("rds:snapshot-tag/snapferry:stack", STACK)];
    let mut rows = Vec::new();
    for who in ["ReadersPolicy", "OperatorsPolicy"] {
        rows.push(row(who, "rds:DeleteDBSnapshot", &copy, &stack));
        rows.push(row(who, "dynamodb:Scan", TABLE, &[]));
        rows.push(row(who, "dynamodb:DeleteTable", TABLE, &[]));
    }
    for (who, mark, name) in [
        ("DrillsPolicy", "drill", "sfd-orders-a"),
        ("RestoresPolicy", "restored", "orders"),
    ] {
        let marked = format!("aws:ResourceTag/snapferry:{mark}");
        let own = rds(HOME, "db", name);
        // Another stack's, nobody's, another region's; and for drills a database of another name.
        for (on, value) in [
            (&own, Some("another")),
            (&own, None),
            (&rds(SOURCES[0], "db", name), Some(STACK)),
        ] {
            let keys: Vec<(&str, &str)> = value.iter().map(|value| (&*marked, *value)).collect();
            rows.push(row(who, "rds:ModifyDBInstance", on, &keys));
            rows.push(row(who, "rds:DeleteDBInstance", on, &keys));
        }
        rows.push(row(who, "rds:DeleteDBSnapshot", &copy, &stack));
    }
    let production = rds(HOME, "db", "orders");
    let as_drill = [("aws:ResourceTag/snapferry:drill", STACK)];
    let as_restored = [("aws:ResourceTag/snapferry:restored", STACK)];
    for action in ["rds:ModifyDBInstance", "rds:DeleteDBInstance"] {
        rows.push(row("DrillsPolicy", action, &production, &as_drill));
    }
    let deletes = "rds:DeleteDBInstance";
    rows.push(row("RestoresPolicy", deletes, &production, &as_restored));
    rows.push(row("ReadersPolicy", "dynamodb:PutItem", TABLE, &[]));
    rows.push(row("ReadersPolicy", "states:StartExecution", MACHINE, &[]));
    rows.push(row("ReadersPolicy", "lambda:InvokeFunction", PRUNER, &[]));
    let worker = format!("arn:aws:lambda:{HOME}:{ACCOUNT}:function:Worker");
    rows.push(row(
        "OperatorsPolicy",
        "lambda:InvokeFunction",
        &worker,
        &[],
    ));
    // Another tag, no tag, another snapshot, another region.
    for (on, keys) in [
        (copy.clone(), &[("aws:TagKeys", "snapferry:stack")][..]),
        (copy, &[]),
        (
            rds(HOME, "snapshot", "mine"),
            &[("aws:TagKeys", "snapferry:hold")],
        ),
        (
            rds(SOURCES[0], "snapshot", "sf-orders"),
            &[("aws:TagKeys", "snapferry:hold")],
        ),
    ] {
        rows.push(row("OperatorsPolicy", "rds:AddTagsToResource", &on, keys));
    }
    rows
}

pub(crate) fn rds(region: &str, kind: &str, name: &str) -> String {
    format!("arn:aws:rds:{region}:{ACCOUNT}:{kind}:{name}")
}

pub(crate) fn row(role: &str, action: &str, resource: &str, keys: &[(&str, &str)]) -> Value {
    let mut context = Map::from_iter([("aws:RequestedRegion".to_owned(), json!(HOME))]);
    context.extend(
        keys.iter()
            .map(|(key, value)| ((*key).to_owned(), json!(value))),
    );
    json!({ "role": role, "action": action, "resource": resource, "context": context })
}

fn rows_of(role: &str, requirement: &Requirement) -> Vec<Value> {
    let keys: Vec<(&str, &str)> = requirement
        .context
        .iter()
        .map(|(key, value)| (*key, value.as_str()))
        .collect();
    let any = ["*".to_owned()];
    let on = if requirement.resources.is_empty() {
        &any[..]
    } else {
        &requirement.resources[..]
    };
    let pairs = on.iter().flat_map(|resource| {
        requirement
            .actions
            .iter()
            .map(move |action| (resource, action))
    });
    pairs
        .map(|(resource, action)| row(role, action, resource, &keys))
        .collect()
}

/// What a role needs to write its logs.
fn logs(role: IamRole) -> Vec<Value> {
    let name = role.logical_id();
    let group = format!(
        "arn:aws:logs:{HOME}:{ACCOUNT}:log-group:{}Logs",
        name.trim_end_matches("Role")
    );
    match role {
        IamRole::StateMachine => [
            "CreateLogDelivery",
            "GetLogDelivery",
            "UpdateLogDelivery",
            "DeleteLogDelivery",
            "ListLogDeliveries",
            "PutResourcePolicy",
            "DescribeResourcePolicies",
            "DescribeLogGroups",
        ]
        .iter()
        .map(|action| row(name, &format!("logs:{action}"), "*", &[]))
        .collect(),
        IamRole::Function(_) => ["CreateLogStream", "PutLogEvents"]
            .iter()
            .map(|action| {
                row(
                    name,
                    &format!("logs:{action}"),
                    &format!("{group}:log-stream:1"),
                    &[],
                )
            })
            .collect(),
    }
}

#[test]
fn the_table_for_the_simulator_has_each_role_and_no_intrinsic_is_left_in_it() {
    let deployments = [
        Deployment { source_keys: &[] },
        Deployment {
            source_keys: &[FOREIGN_KEY],
        },
    ];
    let deployments = deployments.map(
        |one| json!({ "roles": one.roles(), "allowed": one.allowed(), "denied": one.denied() }),
    );
    let table = json!({ "account": ACCOUNT, "deployments": deployments });
    let text = table.to_string();
    for unresolved in ["Fn::", "\"Ref\"", "${", "AWS::"] {
        assert!(!text.contains(unresolved), "{unresolved} in {text}");
    }
    let named = |role: &str| {
        let mut rows = deployments[0]["allowed"].as_array().unwrap().iter();
        rows.any(|row| row["role"] == role)
    };
    for role in deployments[0]["roles"].as_object().unwrap().keys() {
        assert!(named(role), "no row for {role}");
    }
    for role in IamRole::ALL {
        assert!(named(role.logical_id()), "no row for {role:?}");
    }
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("iam-table.json");
    std::fs::write(file, text).unwrap();
}
