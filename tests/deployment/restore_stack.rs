//! restore.yaml: what its remover may do, what it is given, and that it touches nothing of the stack beside it.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use snapferry::app::drill::remover;
use snapferry::domain::drill::name::DRILLED;
use snapferry::domain::id::tags::{DRILL, POLICY, RESTORED};
use snapferry::domain::operator::metrics::DrillMetric;

use crate::document::{keys, resources, restore, template, text, texts, values_of};

/// What Lambda does in the function's name with a round that failed, and with the logs; and what lets some roles see tags.
const OF_LAMBDA: [&str; 4] = [
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "rds:ListTagsForResource",
    "sqs:SendMessage",
];

fn statements(effect: &str) -> Vec<Value> {
    let restore = restore();
    let roles: Vec<(&str, &Value)> = resources(&restore, "AWS::IAM::Role").collect();
    let [(_, role)] = roles[..] else {
        panic!("{roles:?}")
    };
    let policies = role["Policies"].as_array().unwrap();
    let all = policies
        .iter()
        .flat_map(|one| one["PolicyDocument"]["Statement"].as_array().unwrap());
    all.filter(|one| one["Effect"] == effect).cloned().collect()
}

fn actions(statements: &[Value]) -> BTreeSet<&str> {
    statements
        .iter()
        .flat_map(|one| texts(&one["Action"]))
        .collect()
}

#[test]
fn the_remover_may_do_its_work_and_nothing_else() {
    let ports = remover::ACTIONS.iter().copied().flatten().copied();
    let needed: BTreeSet<&str> = ports.chain(OF_LAMBDA).collect();
    assert_eq!(actions(&statements("Allow")), needed);
}

/// C5, H20: what can both tag and delete could delete anything.
#[test]
fn the_remover_deletes_only_what_bears_a_drills_name_and_both_tags_and_nothing_that_is_protected() {
    let (allows, denies) = (statements("Allow"), statements("Deny"));
    let stack = json!({"Ref": "StackId"});
    for (action, kind, tag) in [
        ("rds:DeleteDBInstance", "db", "rds:db-tag"),
        ("rds:DeleteDBCluster", "cluster", "rds:cluster-tag"),
    ] {
        let about = |all: &[Value]| -> Vec<Value> {
            let all = all.iter();
            all.filter(|one| texts(&one["Action"]).contains(&action))
                .cloned()
                .collect()
        };
        let (allows, denies) = (about(&allows), about(&denies));
        assert_eq!((allows.len(), denies.len()), (2, 2), "{action}");
        for (nth, key) in [tag, "aws:ResourceTag"].into_iter().enumerate() {
            let both = json!({"StringEquals": {
                format!("{key}/{DRILL}"): stack,
                format!("{key}/{RESTORED}"): stack,
            }});
            assert_eq!(allows[nth]["Condition"], both);
            let resource = allows[nth]["Resource"]["Fn::Sub"].as_str().unwrap();
            let expected = format!(":${{AWS::Region}}:${{AWS::AccountId}}:{kind}:{DRILLED}*");
            assert!(resource.ends_with(&expected), "{resource}");
            assert_eq!(denies[nth]["Resource"], "*");
            // Protected, whatever its policy is.
            let protected = json!({"Null": {format!("{key}/{POLICY}"): "false"}});
            assert_eq!(denies[nth]["Condition"], protected);
        }
    }
    let denied = actions(&denies);
    for verb in ["Add", "Remove", "Create", "Modify", "Restore"] {
        let begins = |action: &&str| action.starts_with(&format!("rds:{verb}"));
        assert!(!actions(&allows).iter().any(begins), "{verb}");
        assert!(denied.iter().any(begins), "{verb}");
    }
}

#[test]
fn the_remover_reaches_no_item_of_the_table_but_those_of_drills_and_the_freeze() {
    let mut reached = BTreeSet::new();
    for statement in statements("Allow") {
        let of_table = texts(&statement["Action"])
            .iter()
            .any(|action| action.starts_with("dynamodb:"));
        if !of_table {
            continue;
        }
        let condition = &statement["Condition"];
        assert_eq!(condition["Null"]["dynamodb:LeadingKeys"], "false");
        let keys = &condition["ForAllValues:StringLike"]["dynamodb:LeadingKeys"];
        let keys = texts(keys).into_iter().map(ToOwned::to_owned);
        reached.extend(keys);
    }
    let expected = ["drills#*", "freeze", "removals#drills"];
    assert_eq!(reached, expected.map(ToOwned::to_owned).into());
    // These are the keys that the adapters write.
    let adapter = text("src/aws/drills.rs");
    for key in ["\"drills#\"", "\"removals#drills\""] {
        assert!(adapter.contains(key), "{key}");
    }
    assert!(text("src/aws/prune_state.rs").contains("const FREEZE: &str = \"freeze\""));
}

#[test]
fn no_statement_of_the_remover_names_actions_by_wildcard_or_by_exception() {
    for statement in [statements("Allow"), statements("Deny")].concat() {
        assert_eq!(statement["NotAction"], Value::Null);
        assert_eq!(statement["NotResource"], Value::Null);
        for action in texts(&statement["Action"]) {
            assert!(!action.contains('*'), "{action}");
        }
        let is_allowed = statement["Effect"] == "Allow";
        assert!(!is_allowed || statement["Resource"] != "*", "{statement}");
    }
}

/// M7: two policies of one queue overwrite each other.
#[test]
fn the_stack_has_no_policy_on_anything_of_the_other_one_and_imports_nothing() {
    let restore = restore();
    let own = |name: &Value| restore["Resources"][name.as_str().unwrap()].is_object();
    for (_, policy) in resources(&restore, "AWS::SQS::QueuePolicy") {
        for queue in policy["Queues"].as_array().unwrap() {
            assert!(own(&queue["Ref"]), "{queue}");
        }
    }
    let mut imports = Vec::new();
    values_of(&restore, "Fn::ImportValue", &mut imports);
    assert!(
        imports.is_empty(),
        "it would hold the other stack's outputs"
    );
    // What both have, `deploy` sets to the same value: so it must mean the same.
    let other = template();
    for name in keys(&restore["Parameters"]) {
        let theirs = &other["Parameters"][name];
        if theirs.is_object() && !["StackId", "TableName"].contains(&name) {
            for member in ["Type", "Default", "AllowedPattern", "AllowedValues"] {
                assert_eq!(
                    restore["Parameters"][name][member], theirs[member],
                    "{name}"
                );
            }
        }
    }
}

#[test]
fn the_remover_is_a_program_of_its_own_that_nothing_retries_and_nobody_loses_silently() {
    let restore = restore();
    let functions: Vec<(&str, &Value)> = resources(&restore, "AWS::Serverless::Function").collect();
    let [("Remover", function)] = functions[..] else {
        panic!("{functions:?}")
    };
    assert_eq!(function["CodeUri"], "target/function/drills/");
    assert_eq!(function["Handler"], "remover");
    assert_eq!(function["Runtime"], "provided.al2023");
    assert_eq!(function["Timeout"], json!({"Ref": "RemoverTimeout"}));
    let invoked = &function["EventInvokeConfig"];
    assert_eq!(invoked["MaximumRetryAttempts"], 0);
    let queue = json!({"Fn::GetAtt": "RemoverDeadLetterQueue.Arn"});
    assert_eq!(
        invoked["DestinationConfig"]["OnFailure"]["Destination"],
        queue
    );
    let reserved = &function["ReservedConcurrentExecutions"]["Fn::If"];
    assert_eq!(reserved[0], "ConcurrencyIsReserved");
    assert_eq!(restore["Parameters"]["RemoverConcurrency"]["Default"], "");
    let schedule = &function["Events"]["Round"]["Properties"]["Schedule"];
    assert_eq!(*schedule, json!({"Ref": "RemoverRate"}));
    assert_eq!(
        restore["Parameters"]["RemoverRate"]["Default"],
        "rate(1 hour)"
    );
    let variables = keys(&function["Environment"]["Variables"]);
    let expected = [
        "SNAPFERRY_LOG",
        "SNAPFERRY_METRICS_NAMESPACE",
        "SNAPFERRY_RDS_CHANGE_SECONDS",
        "SNAPFERRY_RDS_READ_SECONDS",
        "SNAPFERRY_STACK_ID",
        "SNAPFERRY_SWEEP_WIDTH",
        "SNAPFERRY_TABLE",
        "SNAPFERRY_TRUST",
    ];
    assert_eq!(variables, expected);
}

#[test]
fn an_alarm_watches_silence_another_failures_and_another_what_is_left_behind() {
    let restore = restore();
    let alarms = resources(&restore, "AWS::CloudWatch::Alarm");
    let watched: Vec<(&str, &str)> = alarms
        .map(|(name, alarm)| (name, alarm["MetricName"].as_str().unwrap()))
        .collect();
    let left_behind = DrillMetric::DrillsLeftBehind.as_str();
    let expected = [
        ("LeftBehindAlarm", left_behind),
        ("RemoverErrorsAlarm", "Errors"),
        ("RemoverSilentAlarm", "Invocations"),
    ];
    assert_eq!(watched, expected);
    let alarm = |name: &str| &restore["Resources"][name]["Properties"];
    assert_eq!(alarm("RemoverSilentAlarm")["TreatMissingData"], "breaching");
    // A line may count twice, which changes no maximum.
    assert_eq!(alarm("LeftBehindAlarm")["Statistic"], "Maximum");
    let namespace = json!({"Fn::Sub": "Snapferry/${AWS::StackName}"});
    assert_eq!(alarm("LeftBehindAlarm")["Namespace"], namespace);
    let variables = &restore["Resources"]["Remover"]["Properties"]["Environment"]["Variables"];
    assert_eq!(variables["SNAPFERRY_METRICS_NAMESPACE"], namespace);
}
