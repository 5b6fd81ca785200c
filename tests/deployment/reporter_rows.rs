//! The reporter's rows of the table for the IAM simulator.

use serde_json::Value;

use crate::iam_table::{ACCOUNT, HOME, SOURCES, TABLE, rds, row};

const REPORTER: &str = "ReporterRole";
const OBJECT: &str = "arn:aws:s3:::reports/snapferry/prod/latest.html";

fn of_machine(kind: &str, name: &str) -> String {
    format!("arn:aws:states:{HOME}:{ACCOUNT}:{kind}:{name}")
}

fn stack(name: &str) -> String {
    format!("arn:aws:cloudformation:{HOME}:{ACCOUNT}:stack/{name}/any")
}

pub(crate) fn allowed() -> Vec<Value> {
    let mut rows = Vec::new();
    for source in SOURCES {
        let there = [("aws:RequestedRegion", source)];
        for (action, kind) in [
            ("rds:DescribeDBInstances", "db"),
            ("rds:DescribeDBClusters", "cluster"),
            ("rds:DescribeOptionGroups", "og"),
        ] {
            rows.push(row(REPORTER, action, &rds(source, kind, "orders"), &there));
        }
    }
    for (action, kind) in [
        ("rds:DescribeDBSnapshots", "db"),
        ("rds:DescribeDBSnapshots", "snapshot"),
        ("rds:DescribeDBClusterSnapshots", "cluster"),
        ("rds:DescribeDBClusterSnapshots", "cluster-snapshot"),
        ("rds:ListTagsForResource", "snapshot"),
        ("rds:ListTagsForResource", "cluster-snapshot"),
    ] {
        rows.push(row(REPORTER, action, &rds(HOME, kind, "sf-orders"), &[]));
    }
    for action in ["dynamodb:GetItem", "dynamodb:BatchGetItem"] {
        rows.push(row(REPORTER, action, TABLE, &[]));
    }
    let index = format!("{TABLE}/index/open-waits");
    let queue = format!("arn:aws:sqs:{HOME}:{ACCOUNT}:ReporterDeadLetterQueue");
    let logs = format!("arn:aws:logs:{HOME}:{ACCOUNT}:log-group:ReporterLogs:log-stream:1");
    for (action, on) in [
        ("dynamodb:Query", index.as_str()),
        (
            "states:ListExecutions",
            &of_machine("stateMachine", "protect"),
        ),
        (
            "states:DescribeExecution",
            &of_machine("execution", "protect:run"),
        ),
        ("cloudformation:DescribeStacks", &stack("prod-restore")),
        ("s3:PutObject", OBJECT),
        ("sqs:SendMessage", &queue),
        ("logs:CreateLogStream", &logs),
        ("logs:PutLogEvents", &logs),
    ] {
        rows.push(row(REPORTER, action, on, &[]));
    }
    rows
}

pub(crate) fn denied() -> Vec<Value> {
    let elsewhere = [("aws:RequestedRegion", "us-east-1")];
    let database = rds("us-east-1", "db", "orders");
    let mut rows = vec![row(
        REPORTER,
        "rds:DescribeDBInstances",
        &database,
        &elsewhere,
    )];
    // Another prefix, another stack's, another bucket; and nothing of an object but its making.
    for key in [
        "reports/latest.html",
        "reports/snapferry/another/latest.html",
        "others/snapferry/prod/latest.html",
    ] {
        rows.push(row(
            REPORTER,
            "s3:PutObject",
            &format!("arn:aws:s3:::{key}"),
            &[],
        ));
    }
    for action in [
        "s3:GetObject",
        "s3:DeleteObject",
        "s3:PutObjectAcl",
        "s3:PutObjectTagging",
    ] {
        rows.push(row(REPORTER, action, OBJECT, &[]));
    }
    for action in [
        "dynamodb:PutItem",
        "dynamodb:UpdateItem",
        "dynamodb:DeleteItem",
        "dynamodb:Scan",
    ] {
        rows.push(row(REPORTER, action, TABLE, &[]));
    }
    for (action, on) in [
        (
            "states:StartExecution",
            of_machine("stateMachine", "protect"),
        ),
        (
            "states:StopExecution",
            of_machine("execution", "protect:run"),
        ),
        ("cloudformation:DescribeStacks", stack("another")),
        ("rds:DeleteDBSnapshot", rds(HOME, "snapshot", "sf-orders")),
        ("rds:CreateDBSnapshot", rds(HOME, "snapshot", "sf-orders")),
    ] {
        rows.push(row(REPORTER, action, &on, &[]));
    }
    rows
}
