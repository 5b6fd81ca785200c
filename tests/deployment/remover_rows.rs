//! The remover's rows of the table for the IAM simulator.

use serde_json::Value;

use crate::iam_table::{ACCOUNT, HOME, SOURCES, STACK, TABLE, rds, row};

const REMOVER: &str = "RemoverRole";

fn tagged(key: &'static str, stack: &'static str) -> [(String, &'static str); 2] {
    ["drill", "restored"].map(|tag| (format!("{key}/snapferry:{tag}"), stack))
}

fn with_tags(action: &str, on: &str, tags: &[(String, &str)]) -> Value {
    let tags: Vec<(&str, &str)> = tags.iter().map(|(key, tag)| (key.as_str(), *tag)).collect();
    row(REMOVER, action, on, &tags)
}

/// Each kind of database: how it is deleted, its word in an ARN, and the key of its tags.
const KINDS: [(&str, &str, &str); 2] = [
    ("rds:DeleteDBInstance", "db", "rds:db-tag"),
    ("rds:DeleteDBCluster", "cluster", "rds:cluster-tag"),
];

pub(crate) fn allowed() -> Vec<Value> {
    let mut rows = Vec::new();
    for (action, kind, key) in KINDS {
        let drill = rds(HOME, kind, "sfd-orders-abcdefghij");
        // RDS may fill either key for a database's tags.
        for key in [key, "aws:ResourceTag"] {
            rows.push(with_tags(action, &drill, &tagged(key, STACK)));
        }
        rows.push(row(REMOVER, "rds:ListTagsForResource", &drill, &[]));
    }
    for (action, kind) in [
        ("rds:DescribeDBInstances", "db"),
        ("rds:DescribeDBClusters", "cluster"),
    ] {
        rows.push(row(REMOVER, action, &rds(HOME, kind, "orders"), &[]));
    }
    let item = |key| [("dynamodb:LeadingKeys", key)];
    for (action, key) in [
        ("dynamodb:GetItem", "freeze"),
        ("dynamodb:GetItem", "removals#drills"),
        ("dynamodb:BatchGetItem", "drills#db-ORDERS"),
        ("dynamodb:UpdateItem", "drills#db-ORDERS"),
        ("dynamodb:UpdateItem", "removals#drills"),
    ] {
        rows.push(row(REMOVER, action, TABLE, &item(key)));
    }
    let queue = format!("arn:aws:sqs:{HOME}:{ACCOUNT}:RemoverDeadLetterQueue");
    rows.push(row(REMOVER, "sqs:SendMessage", &queue, &[]));
    let logs = format!("arn:aws:logs:{HOME}:{ACCOUNT}:log-group:RemoverLogs:log-stream:1");
    for action in ["logs:CreateLogStream", "logs:PutLogEvents"] {
        rows.push(row(REMOVER, action, &logs, &[]));
    }
    rows
}

pub(crate) fn denied() -> Vec<Value> {
    let mut rows = Vec::new();
    for (action, kind, key) in KINDS {
        let drill = rds(HOME, kind, "sfd-orders-abcdefghij");
        for key in [key, "aws:ResourceTag"] {
            let ours = tagged(key, STACK);
            // No tag, one tag of two, another stack's, another name, another region.
            rows.push(with_tags(action, &drill, &[]));
            rows.push(with_tags(action, &drill, &ours[..1]));
            rows.push(with_tags(action, &drill, &ours[1..]));
            rows.push(with_tags(action, &drill, &tagged(key, "another")));
            rows.push(with_tags(action, &rds(HOME, kind, "orders"), &ours));
            let elsewhere = rds(SOURCES[0], kind, "sfd-orders-abcdefghij");
            rows.push(with_tags(action, &elsewhere, &ours));
            // A database that is protected.
            let [drill_tag, restored] = ours;
            let protected = [drill_tag, restored, (format!("{key}/snapferry:policy"), "")];
            rows.push(with_tags(action, &drill, &protected));
        }
    }
    let drill = rds(HOME, "db", "sfd-orders-abcdefghij");
    for action in [
        "rds:AddTagsToResource",
        "rds:RemoveTagsFromResource",
        "rds:ModifyDBInstance",
        "rds:CreateDBInstance",
        "rds:RebootDBInstance",
        "rds:StopDBInstance",
    ] {
        rows.push(with_tags(action, &drill, &tagged("aws:ResourceTag", STACK)));
    }
    let copy = rds(HOME, "snapshot", "sf-orders");
    let of_stack = [("aws:ResourceTag/snapferry:stack", STACK)];
    rows.push(row(REMOVER, "rds:DeleteDBSnapshot", &copy, &of_stack));
    let item = |key| [("dynamodb:LeadingKeys", key)];
    for (action, key) in [
        ("dynamodb:GetItem", "wait#arn"),
        ("dynamodb:BatchGetItem", "database#db-ORDERS#default"),
        ("dynamodb:UpdateItem", "freeze"),
        ("dynamodb:UpdateItem", "policies#current"),
        ("dynamodb:DeleteItem", "drills#db-ORDERS"),
    ] {
        rows.push(row(REMOVER, action, TABLE, &item(key)));
    }
    rows.push(row(REMOVER, "dynamodb:UpdateItem", TABLE, &[]));
    rows.push(row(REMOVER, "dynamodb:Scan", TABLE, &[]));
    let commands = format!("arn:aws:sqs:{HOME}:{ACCOUNT}:CommandsQueue");
    rows.push(row(REMOVER, "sqs:SendMessage", &commands, &[]));
    // No other role may delete a database.
    for role in ["PlannerRole", "WorkerRole", "PrunerRole", "SweeperRole"] {
        let tags: Vec<(String, &str)> = tagged("aws:ResourceTag", STACK).into();
        let tags: Vec<(&str, &str)> = tags.iter().map(|(key, tag)| (key.as_str(), *tag)).collect();
        rows.push(row(role, "rds:DeleteDBInstance", &drill, &tags));
    }
    rows
}
