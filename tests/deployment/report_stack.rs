//! report.yaml: what its reporter may do, and what it is given.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use snapferry::app::status;
use snapferry::ports::reports::PutReport;

use crate::document::{keys, report, resources, template, texts};

/// What Lambda does in the function's name with a report that failed, and with the logs; and what lets some roles see tags.
const OF_LAMBDA: [&str; 4] = [
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "rds:ListTagsForResource",
    "sqs:SendMessage",
];

fn statements() -> Vec<Value> {
    let report = report();
    let roles: Vec<(&str, &Value)> = resources(&report, "AWS::IAM::Role").collect();
    let [("ReporterRole", role)] = roles[..] else {
        panic!("{roles:?}")
    };
    let policies = role["Policies"].as_array().unwrap();
    let all = policies
        .iter()
        .flat_map(|one| one["PolicyDocument"]["Statement"].as_array().unwrap());
    all.cloned().collect()
}

#[test]
fn the_reporter_may_read_what_the_report_reads_and_put_objects_and_nothing_else() {
    let ports = status::ACTIONS.iter().copied().flatten().copied();
    let put = PutReport.iter().copied();
    let needed: BTreeSet<&str> = ports.chain(put).chain(OF_LAMBDA).collect();
    let all = statements();
    let allowed: BTreeSet<&str> = all
        .iter()
        .inspect(|one| assert_eq!(one["Effect"], "Allow"))
        .flat_map(|one| texts(&one["Action"]))
        .collect();
    assert_eq!(allowed, needed);
    assert!(all.iter().all(|one| one["Resource"] != "*"));
}

#[test]
fn the_reporter_writes_only_below_its_own_prefix_which_is_the_one_that_it_is_given() {
    let all = statements();
    let mut puts = all.iter().filter(|one| one["Action"] == "s3:PutObject");
    let put = puts.next().unwrap();
    assert!(puts.next().is_none());
    let below = "${ReportPrefix}${StackId}/";
    let resource = format!("arn:${{AWS::Partition}}:s3:::${{ReportBucket}}/{below}*");
    assert_eq!(put["Resource"], json!({ "Fn::Sub": resource }));
    let report = report();
    let variables = &report["Resources"]["Reporter"]["Properties"]["Environment"]["Variables"];
    assert_eq!(
        variables["SNAPFERRY_REPORT_PREFIX"],
        json!({ "Fn::Sub": below })
    );
    assert_eq!(
        variables["SNAPFERRY_REPORT_BUCKET"],
        json!({ "Ref": "ReportBucket" })
    );
}

#[test]
fn what_the_template_has_in_common_with_the_first_means_the_same() {
    let (report, other) = (report(), template());
    // Of what the first stack may leave open, this one is given what that stack has.
    let is_given = ["StackId", "TableName", "SourceRegions", "RecoveryKeyArn"];
    for name in keys(&report["Parameters"]) {
        let theirs = &other["Parameters"][name];
        if theirs.is_object() && !is_given.contains(&name) {
            for member in ["Type", "Default", "AllowedPattern", "AllowedValues"] {
                assert_eq!(report["Parameters"][name][member], theirs[member], "{name}");
            }
        }
    }
}

#[test]
fn the_reporter_is_a_program_of_its_own_that_nothing_retries_and_nobody_loses_silently() {
    let report = report();
    let functions: Vec<(&str, &Value)> = resources(&report, "AWS::Serverless::Function").collect();
    let [("Reporter", function)] = functions[..] else {
        panic!("{functions:?}")
    };
    assert_eq!(function["CodeUri"], "target/function/report/");
    assert_eq!(function["Handler"], "reporter");
    assert_eq!(function["Timeout"], json!({"Ref": "ReporterTimeout"}));
    let invoked = &function["EventInvokeConfig"];
    assert_eq!(invoked["MaximumRetryAttempts"], 0);
    let queue = json!({"Fn::GetAtt": "ReporterDeadLetterQueue.Arn"});
    assert_eq!(
        invoked["DestinationConfig"]["OnFailure"]["Destination"],
        queue
    );
    let schedule = &function["Events"]["Report"]["Properties"]["Schedule"];
    assert_eq!(*schedule, json!({"Ref": "ReportSchedule"}));
    let alarms = resources(&report, "AWS::CloudWatch::Alarm");
    let watched: Vec<(&str, &str, &str)> = alarms
        .map(|(name, alarm)| {
            let word = |member: &str| alarm[member].as_str().unwrap();
            (name, word("MetricName"), word("TreatMissingData"))
        })
        .collect();
    let expected = [
        ("ReporterErrorsAlarm", "Errors", "notBreaching"),
        ("ReporterSilentAlarm", "Invocations", "breaching"),
    ];
    assert_eq!(watched, expected);
}
