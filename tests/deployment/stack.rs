//! The stacks' queues, functions, table, parameters and alarms.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use snapferry::app::announce;
use snapferry::domain::deploy::timing::Timing;
use snapferry::domain::limits::{COMMAND_LIFETIME, MAX_RECEIVES};
use snapferry::domain::operator::own_event::SOURCE;
use snapferry::domain::run::backoff::Backoff;
use snapferry::domain::run::pace::Pace;
use snapferry::settings::RdsDeadlines;

use crate::document::{
    keys, report, resources, restore, source_region, template, templates, texts, values_of,
};

/// AWS's longest.
const RETENTION_SECONDS: u64 = 14 * 24 * 60 * 60;

/// The variables that the functions read at their start, without those that AWS sets.
const VARIABLES: [&str; 25] = [
    "SNAPFERRY_BACKOFF_MAX_SECONDS",
    "SNAPFERRY_BACKOFF_SECONDS",
    "SNAPFERRY_CLUSTER_COPY_SLOTS",
    "SNAPFERRY_COMMANDS_QUEUE_URL",
    "SNAPFERRY_COPY_SLOTS",
    "SNAPFERRY_EVENTS",
    "SNAPFERRY_EVENTS_QUEUE_URL",
    "SNAPFERRY_FIRST_RUN",
    "SNAPFERRY_GRACE_SECONDS",
    "SNAPFERRY_HINT_RECHECK_SECONDS",
    "SNAPFERRY_KMS_KEY",
    "SNAPFERRY_LOG",
    "SNAPFERRY_LOOK_SECONDS",
    "SNAPFERRY_RDS_CHANGE_SECONDS",
    "SNAPFERRY_RDS_READ_SECONDS",
    "SNAPFERRY_RETENTION",
    "SNAPFERRY_RPO",
    "SNAPFERRY_SCHEDULE",
    "SNAPFERRY_SELECTION",
    "SNAPFERRY_SOURCE_REGIONS",
    "SNAPFERRY_STACK_ID",
    "SNAPFERRY_SWEEP_WIDTH",
    "SNAPFERRY_TABLE",
    "SNAPFERRY_TIME_ZONE",
    "SNAPFERRY_TRUST",
];

fn default_of(template: &Value, parameter: &str) -> u64 {
    template["Parameters"][parameter]["Default"]
        .as_u64()
        .unwrap()
}

fn arn_of(name: &str) -> Value {
    json!({"Fn::GetAtt": format!("{name}.Arn")})
}

#[test]
fn each_queue_keeps_its_messages_for_two_weeks_encrypted() {
    for (_, template) in templates() {
        for (name, queue) in resources(&template, "AWS::SQS::Queue") {
            assert_eq!(queue["MessageRetentionPeriod"], RETENTION_SECONDS, "{name}");
            assert_eq!(queue["SqsManagedSseEnabled"], true, "{name}");
        }
    }
}

#[test]
fn each_queue_that_is_worked_on_parks_after_the_receives_that_the_code_counts_on() {
    let template = template();
    let mut worked_on = Vec::new();
    for (name, queue) in resources(&template, "AWS::SQS::Queue") {
        if name.ends_with("DeadLetterQueue") {
            assert_eq!(queue["RedrivePolicy"], Value::Null, "{name}");
            continue;
        }
        worked_on.push(name);
        let redrive = &queue["RedrivePolicy"];
        assert_eq!(redrive["maxReceiveCount"], MAX_RECEIVES, "{name}");
        let dead = format!("{}DeadLetterQueue", name.trim_end_matches("Queue"));
        assert_eq!(redrive["deadLetterTargetArn"], arn_of(&dead), "{name}");
    }
    assert_eq!(worked_on, ["CommandsQueue", "EventsQueue"]);
}

#[test]
fn a_message_stays_hidden_for_six_time_outs_of_its_function() {
    let template = template();
    for (name, queue) in resources(&template, "AWS::SQS::Queue") {
        assert_eq!(
            queue["VisibilityTimeout"],
            json!({"Ref": "VisibilitySeconds"}),
            "{name}"
        );
    }
    let time_out = default_of(&template, "FunctionTimeout");
    assert_eq!(
        template["Globals"]["Function"]["Timeout"],
        json!({"Ref": "FunctionTimeout"})
    );
    assert!(default_of(&template, "VisibilitySeconds") >= 6 * time_out);
}

/// A worker's slowest command looks a source up and asks for its copy, and the table answers in between.
#[test]
fn a_function_outlives_its_slowest_calls_to_rds() {
    let template = template();
    let seconds = |parameter| Duration::from_secs(default_of(&template, parameter));
    let deadlines = RdsDeadlines::default();
    let ((read, reading), (change, changing)) = (deadlines.of_reads(), deadlines.of_changes());
    assert_eq!(
        (seconds("RdsReadSeconds"), seconds("RdsChangeSeconds")),
        (read, change)
    );
    let usual = Duration::from_secs(5);
    let turns = Pace::READS_WAIT.saturating_add(Pace::CHANGES_WAIT);
    let slowest = (reading + changing + usual + turns.unsigned_abs()).as_secs();
    assert!(slowest <= default_of(&template, "FunctionTimeout"));
    // What `deploy` and `doctor` ask of other values is the same.
    let fits = Timing {
        function: slowest,
        visibility: 6 * slowest,
        read: read.as_secs(),
        change: change.as_secs(),
    };
    assert_eq!(fits.too_short(), []);
    for too_short in [
        Timing {
            function: slowest - 1,
            ..fits
        },
        Timing {
            visibility: 6 * slowest - 1,
            ..fits
        },
    ] {
        assert_eq!(too_short.too_short().len(), 1, "{too_short:?}");
    }
    let variables = &template["Globals"]["Function"]["Environment"]["Variables"];
    for (variable, parameter) in [
        ("SNAPFERRY_RDS_READ_SECONDS", "RdsReadSeconds"),
        ("SNAPFERRY_RDS_CHANGE_SECONDS", "RdsChangeSeconds"),
    ] {
        assert_eq!(variables[variable], json!({ "Ref": parameter }));
    }
}

#[test]
fn each_mapping_takes_ten_messages_at_once_and_lets_one_fail_alone() {
    let template = template();
    let mut mapped = Vec::new();
    for (name, function) in resources(&template, "AWS::Serverless::Function") {
        for event in function["Events"].as_object().unwrap().values() {
            let mapping = &event["Properties"];
            if event["Type"] != "SQS" {
                let parameter = match name {
                    "Pruner" => "PrunerTimeout",
                    _ => "ScheduledTimeout",
                };
                let expected = json!({"Ref": parameter});
                assert_eq!(function["Timeout"], expected, "{name}");
                continue;
            }
            assert_eq!(
                function["Timeout"],
                Value::Null,
                "{name} has a timeout of its own"
            );
            mapped.push((name, mapping["Queue"].clone()));
            assert_eq!(mapping["BatchSize"], 10, "{name}");
            assert_eq!(
                mapping["MaximumBatchingWindowInSeconds"],
                Value::Null,
                "{name}"
            );
            assert_eq!(
                mapping["FunctionResponseTypes"],
                json!(["ReportBatchItemFailures"])
            );
            let limit = json!({"Ref": format!("{name}Concurrency")});
            assert_eq!(mapping["ScalingConfig"]["MaximumConcurrency"], limit);
        }
    }
    let expected = [
        ("Reactor", arn_of("EventsQueue")),
        ("Worker", arn_of("CommandsQueue")),
    ];
    assert_eq!(mapped, expected);
}

#[test]
fn no_function_has_reserved_concurrency() {
    let mut found = Vec::new();
    let template = template();
    values_of(&template, "ReservedConcurrentExecutions", &mut found);
    assert!(found.is_empty(), "it would dead-letter healthy messages");
}

#[test]
fn each_function_names_its_handler_and_its_folder() {
    let template = template();
    let mut handlers = Vec::new();
    for (name, function) in resources(&template, "AWS::Serverless::Function") {
        assert_eq!(function["CodeUri"], "target/function/bootstrap/", "{name}");
        assert_eq!(function["Handler"], name.to_lowercase());
        assert_eq!(
            function["LoggingConfig"]["LogGroup"],
            json!({"Ref": format!("{name}Logs")})
        );
        handlers.push(name);
    }
    assert_eq!(
        handlers,
        ["Planner", "Pruner", "Reactor", "Sweeper", "Worker"]
    );
    let globals = &template["Globals"]["Function"];
    // `aws cloudformation package` does not look there, and would upload the whole folder.
    assert_eq!(globals["CodeUri"], Value::Null);
    assert_eq!(globals["Runtime"], "provided.al2023");
    assert_eq!(template["Parameters"]["Architecture"]["Default"], "arm64");
}

#[test]
fn the_functions_are_given_the_variables_they_read() {
    let template = template();
    let given = &template["Globals"]["Function"]["Environment"]["Variables"];
    assert_eq!(keys(given), VARIABLES);
    for (name, function) in resources(&template, "AWS::Serverless::Function") {
        let own = function["Environment"]["Variables"].as_object();
        let own: Vec<&String> = own.into_iter().flat_map(|own| own.keys()).collect();
        match name {
            "Planner" | "Worker" | "Reactor" => {
                assert_eq!(own, ["SNAPFERRY_STATE_MACHINE_ARN"]);
            }
            "Pruner" => {
                let pruning = [
                    "SNAPFERRY_METRICS_NAMESPACE",
                    "SNAPFERRY_PRUNE",
                    "SNAPFERRY_PRUNE_GRACE_SECONDS",
                    "SNAPFERRY_PRUNE_MAX",
                    "SNAPFERRY_PRUNE_SHARE",
                ];
                assert_eq!(own, pruning);
            }
            "Sweeper" => {
                let metrics = [
                    "SNAPFERRY_METRICS_NAMESPACE",
                    "SNAPFERRY_METRICS_PER_DATABASE",
                ];
                assert_eq!(own, metrics);
            }
            _ => panic!("{name}"),
        }
    }
}

/// C1: who deploys this version and changes nothing else loses nothing.
#[test]
fn nothing_is_removed_unless_somebody_asks_for_it() {
    let template = template();
    assert_eq!(template["Parameters"]["Prune"]["Default"], "no");
    assert_eq!(template["Parameters"]["Retention"]["Default"], "");
}

#[test]
fn the_command_line_is_given_its_variables() {
    let template = template();
    let mut lines = Vec::new();
    let output = &template["Outputs"]["CliEnvironment"]["Value"];
    let exports = output.to_string();
    for part in exports.split("export ").skip(1) {
        lines.extend(part.split('=').next());
    }
    let expected = [
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
        "SNAPFERRY_STACK_NAME",
        "SNAPFERRY_STACK_ID",
        "SNAPFERRY_TABLE",
        "SNAPFERRY_COMMANDS_QUEUE_URL",
        "SNAPFERRY_COMMANDS_DEAD_LETTER_QUEUE_URL",
        "SNAPFERRY_EVENTS_QUEUE_URL",
        "SNAPFERRY_EVENTS_DEAD_LETTER_QUEUE_URL",
        "SNAPFERRY_STATE_MACHINE_ARN",
        "SNAPFERRY_SOURCE_REGIONS",
        "SNAPFERRY_KMS_KEY",
        "SNAPFERRY_SOURCE_KEY_ARNS",
        "SNAPFERRY_SCHEDULE",
        "SNAPFERRY_TIME_ZONE",
        "SNAPFERRY_SELECTION",
        "SNAPFERRY_RETENTION",
        "SNAPFERRY_RPO",
        "SNAPFERRY_FIRST_RUN",
        "SNAPFERRY_COPY_SLOTS",
        "SNAPFERRY_CLUSTER_COPY_SLOTS",
        "SNAPFERRY_FUNCTION_TIMEOUT_SECONDS",
        "SNAPFERRY_VISIBILITY_SECONDS",
        "SNAPFERRY_RDS_READ_SECONDS",
        "SNAPFERRY_RDS_CHANGE_SECONDS",
        "SNAPFERRY_PLANNER_ROLE_ARN",
        "SNAPFERRY_WORKER_ROLE_ARN",
        "SNAPFERRY_REACTOR_ROLE_ARN",
        "SNAPFERRY_SWEEPER_ROLE_ARN",
        "SNAPFERRY_PRUNER_ROLE_ARN",
        "SNAPFERRY_PRUNER",
        "SNAPFERRY_STATE_MACHINE_ROLE_ARN",
        "SNAPFERRY_ALARM_TOPIC_ARN",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn a_key_of_the_stacks_own_rotates_outlives_the_stack_and_is_governed_by_iam() {
    let template = template();
    let key = &template["Resources"]["RecoveryKey"];
    assert_eq!(key["Condition"], "KeyIsMade");
    assert_eq!(
        template["Conditions"]["KeyIsMade"],
        json!({"Fn::Equals": [{"Ref": "RecoveryKeyArn"}, ""]})
    );
    assert_eq!(key["DeletionPolicy"], "RetainExceptOnCreate");
    assert_eq!(key["UpdateReplacePolicy"], "Retain");
    let key = &key["Properties"];
    assert_eq!(key["EnableKeyRotation"], true);
    let statements = key["KeyPolicy"]["Statement"].as_array().unwrap();
    assert_eq!(statements.len(), 1);
    assert_eq!(
        statements[0]["Principal"],
        json!({"AWS": {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}})
    );

    // The function, its role and the outputs name the same key, and no policy names the parameter alone.
    let either = json!({"Fn::If": ["KeyIsMade", {"Fn::GetAtt": "RecoveryKey.Arn"}, {"Ref": "RecoveryKeyArn"}]});
    let variables = &template["Globals"]["Function"]["Environment"]["Variables"];
    assert_eq!(variables["SNAPFERRY_KMS_KEY"], either);
    assert_eq!(template["Outputs"]["RecoveryKey"]["Value"], either);
    let mut named = Vec::new();
    values_of(&template["Resources"]["WorkerRole"], "Resource", &mut named);
    assert_eq!(named.iter().filter(|one| ***one == either).count(), 2);
}

#[test]
fn the_table_outlives_the_stack_and_forgets_by_itself() {
    let template = template();
    let table = &template["Resources"]["Table"];
    assert_eq!(table["DeletionPolicy"], "RetainExceptOnCreate");
    assert_eq!(table["UpdateReplacePolicy"], "Retain");
    let table = &table["Properties"];
    assert_eq!(table["BillingMode"], "PAY_PER_REQUEST");
    assert_eq!(
        table["KeySchema"],
        json!([{"AttributeName": "pk", "KeyType": "HASH"}])
    );
    let ttl = json!({"AttributeName": "ttl", "Enabled": true});
    assert_eq!(table["TimeToLiveSpecification"], ttl);
    assert_eq!(
        table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"],
        true
    );
    assert_eq!(table["SSESpecification"]["SSEEnabled"], true);
    let index = json!([{
        "IndexName": "open-waits",
        "KeySchema": [
            {"AttributeName": "open", "KeyType": "HASH"},
            {"AttributeName": "since", "KeyType": "RANGE"},
        ],
        "Projection": {"ProjectionType": "ALL"},
    }, {
        "IndexName": "copy-queue",
        "KeySchema": [
            {"AttributeName": "queue", "KeyType": "HASH"},
            {"AttributeName": "turn", "KeyType": "RANGE"},
        ],
        "Projection": {"ProjectionType": "KEYS_ONLY"},
    }]);
    assert_eq!(table["GlobalSecondaryIndexes"], index);
}

#[test]
fn both_stacks_catch_the_same_snapshot_events_and_keep_those_they_cannot_deliver() {
    let (home, source) = (template(), source_region());
    let here = &home["Resources"]["SnapshotEventsRule"]["Properties"];
    let (_, there) = resources(&source, "AWS::Events::Rule").next().unwrap();
    for key in ["source", "detail-type"] {
        assert_eq!(here["EventPattern"][key], there["EventPattern"][key]);
    }
    assert_eq!(here["EventPattern"]["source"], json!(["aws.rds"]));
    let kinds = json!(["RDS DB Snapshot Event", "RDS DB Cluster Snapshot Event"]);
    assert_eq!(here["EventPattern"]["detail-type"], kinds);
    let dead = |rule: &Value| rule["Targets"][0]["DeadLetterConfig"]["Arn"].clone();
    assert_eq!(dead(here), arn_of("EventsDeadLetterQueue"));
    assert_eq!(dead(there), arn_of("DeadLetterQueue"));
}

/// Otherwise two stacks that protect each other's regions send one event round and round.
#[test]
fn a_stack_forwards_its_own_regions_events_alone_and_takes_those_of_its_databases() {
    let (home, source) = (template(), source_region());
    let here = &home["Resources"]["SnapshotEventsRule"]["Properties"];
    let (_, there) = resources(&source, "AWS::Events::Rule").next().unwrap();
    assert_eq!(
        there["EventPattern"]["region"],
        json!([{"Ref": "AWS::Region"}])
    );
    let sources = json!({"Fn::Join": [",", {"Ref": "SourceRegions"}]});
    let all = json!({"Fn::Join": [",", [sources, {"Ref": "AWS::Region"}]]});
    assert_eq!(
        here["EventPattern"]["region"],
        json!({"Fn::Split": [",", all]})
    );
}

#[test]
fn a_source_region_that_is_its_own_recovery_region_is_refused() {
    let rule = &source_region()["Rules"]["TheRecoveryRegionIsAnother"]["Assertions"][0]["Assert"];
    let same = json!({"Fn::Equals": [{"Ref": "RecoveryRegion"}, {"Ref": "AWS::Region"}]});
    assert_eq!(*rule, json!({"Fn::Not": [same]}));
}

/// CloudFormation refuses a template whose rules use any other function: the list is that of its user guide.
#[test]
fn a_rule_of_a_template_uses_only_the_functions_that_rules_know() {
    const KNOWN: [&str; 11] = [
        "Fn::And",
        "Fn::Contains",
        "Fn::EachMemberEquals",
        "Fn::EachMemberIn",
        "Fn::Equals",
        "Fn::Not",
        "Fn::Or",
        "Fn::RefAll",
        "Fn::ValueOf",
        "Fn::ValueOfAll",
        "Ref",
    ];
    fn functions(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(members) => members.iter().for_each(|(name, member)| {
                let is_function = name.starts_with("Fn::") || name == "Ref";
                found.extend(is_function.then(|| name.clone()));
                functions(member, found);
            }),
            Value::Array(items) => items.iter().for_each(|item| functions(item, found)),
            _ => {}
        }
    }
    for (_, template) in templates() {
        let mut found = Vec::new();
        functions(&template["Rules"], &mut found);
        assert!(!found.is_empty());
        found.retain(|name| !KNOWN.contains(&name.as_str()));
        assert_eq!(found, Vec::<String>::new());
    }
}

/// RDS tries the topic when a subscription is made: before the topic's policy stands, that fails.
#[test]
fn a_subscription_waits_for_its_topics_policy() {
    for template in [template(), source_region()] {
        let all = template["Resources"].as_object().unwrap().values();
        let subscriptions: Vec<&Value> = all
            .filter(|one| one["Type"] == "AWS::RDS::EventSubscription")
            .collect();
        assert_eq!(subscriptions.len(), 2);
        for one in subscriptions {
            assert_eq!(one["DependsOn"], "NotificationsTopicPolicy");
        }
    }
}

#[test]
fn a_table_that_is_taken_over_stands_everywhere_in_place_of_a_new_one() {
    let template = template();
    assert_eq!(template["Resources"]["Table"]["Condition"], "TableIsMade");
    let mut choices = Vec::new();
    values_of(&template, "Fn::If", &mut choices);
    let taken = choices.iter().filter(|choice| choice[0] == "TableIsMade");
    for choice in taken.clone() {
        assert!(choice[1].to_string().contains("Table"), "{choice}");
        assert!(choice[2].to_string().contains("TableName"), "{choice}");
    }
    // A reference outside of such a choice would fail the deployment that takes a table over.
    let choices: String = taken.map(ToString::to_string).collect();
    let count = |text: &str, part: &str| text.matches(part).count();
    for part in [r#"{"Ref":"Table"}"#, r#""Table.Arn""#, "${Table.Arn}"] {
        assert_eq!(
            count(&template.to_string(), part),
            count(&choices, part),
            "{part}"
        );
    }
}

#[test]
fn the_functions_stand_in_a_vpc_where_subnets_are_given() {
    let template = template();
    let vpc = &template["Globals"]["Function"]["VpcConfig"]["Fn::If"];
    assert_eq!(vpc[0], "SubnetsAreGiven");
    let groups =
        json!({"SubnetIds": {"Ref": "SubnetIds"}, "SecurityGroupIds": {"Ref": "SecurityGroupIds"}});
    assert_eq!(vpc[1], groups);
    assert_eq!(vpc[2], json!({"Ref": "AWS::NoValue"}));
}

#[test]
fn a_queue_takes_events_from_its_rule_alone_and_nothing_in_clear() {
    let cases = [
        (template(), "EventQueuesPolicy", "SnapshotEventsRule"),
        (source_region(), "DeadLetterQueuePolicy", "ForwardingRule"),
    ];
    for (template, policy, rule) in cases {
        let document = &template["Resources"][policy]["Properties"]["PolicyDocument"];
        let statements = document["Statement"].as_array().unwrap();
        let allowed: Vec<_> = statements
            .iter()
            .filter(|one| one["Effect"] == "Allow")
            .collect();
        assert_eq!(allowed.len(), 1);
        assert_eq!(
            allowed[0]["Principal"],
            json!({"Service": "events.amazonaws.com"})
        );
        assert_eq!(
            allowed[0]["Condition"]["ArnEquals"]["aws:SourceArn"],
            arn_of(rule)
        );
        let denied = statements.iter().any(|one| {
            one["Effect"] == "Deny" && one["Condition"]["Bool"]["aws:SecureTransport"] == "false"
        });
        assert!(denied, "{policy}");
    }
}

/// What stands in the policy only when event subscriptions are wanted.
fn on_request(statements: &[Value]) -> &Value {
    let conditional = statements.iter().filter_map(|one| one["Fn::If"].as_array());
    let mut wanted = conditional.filter(|branches| branches[0] == "EventSubscriptionsAreWanted");
    let branches = wanted.next().unwrap();
    assert_eq!(branches[2], json!({"Ref": "AWS::NoValue"}));
    assert_eq!(wanted.next(), None);
    &branches[1]
}

#[test]
fn event_subscriptions_are_a_second_way_on_request_and_their_topics_alone_may_use_it() {
    let cases = [
        (template(), "EventQueuesPolicy", arn_of("EventsQueue")),
        (
            source_region(),
            "DeadLetterQueuePolicy",
            json!({"Ref": "EventsQueueArn"}),
        ),
    ];
    for (template, policy, queue) in cases {
        for kind in [
            "AWS::SNS::Topic",
            "AWS::SNS::TopicPolicy",
            "AWS::SNS::Subscription",
            "AWS::RDS::EventSubscription",
        ] {
            let mut made = 0;
            for (name, _) in resources(&template, kind) {
                let condition = &template["Resources"][name]["Condition"];
                if condition == "AlarmEmailIsGiven" {
                    continue;
                }
                assert_eq!(condition, "EventSubscriptionsAreWanted", "{name}");
                made += 1;
            }
            assert!(made > 0, "{kind}");
        }
        let (_, subscription) = resources(&template, "AWS::SNS::Subscription")
            .find(|(_, subscription)| subscription["Protocol"] == "sqs")
            .unwrap();
        assert_eq!(subscription["Endpoint"], queue);
        let told: BTreeSet<&str> = resources(&template, "AWS::RDS::EventSubscription")
            .filter_map(|(_, subscription)| subscription["SourceType"].as_str())
            .collect();
        assert_eq!(told, ["db-cluster-snapshot", "db-snapshot"].into());
        let document = &template["Resources"][policy]["Properties"]["PolicyDocument"];
        let statement = on_request(document["Statement"].as_array().unwrap());
        assert_eq!(
            statement["Principal"],
            json!({"Service": "sns.amazonaws.com"})
        );
        assert_eq!(statement["Action"], "sqs:SendMessage");
        assert!(
            statement["Condition"]
                .to_string()
                .contains("NotificationsTopic")
        );
    }
}

#[test]
fn what_own_events_need_is_there_only_if_they_are_wanted() {
    let template = template();
    assert_eq!(template["Parameters"]["Events"]["Default"], "no");
    let of = |name: &str| &template["Resources"][name];
    for name in ["EndedExecutionsRule", "OwnEventsPolicy"] {
        assert_eq!(of(name)["Condition"], "EventsAreWanted", "{name}");
    }
    let rule = &of("EndedExecutionsRule")["Properties"];
    let pattern = &rule["EventPattern"];
    assert_eq!(pattern["source"], json!(["aws.states"]));
    let machine = json!([{"Ref": "StateMachine"}]);
    assert_eq!(pattern["detail"]["stateMachineArn"], machine);
    assert_eq!(rule["Targets"][0]["Arn"], arn_of("EventsQueue"));
    let policy = &of("EventQueuesPolicy")["Properties"]["PolicyDocument"];
    let all = policy["Statement"].as_array().unwrap();
    let mut conditional = all.iter().filter_map(|one| one["Fn::If"].as_array());
    let branches = conditional.find(|one| one[0] == "EventsAreWanted").unwrap();
    assert_eq!(branches[2], json!({"Ref": "AWS::NoValue"}));
    assert_eq!(
        branches[1]["Condition"],
        json!({"ArnEquals": {"aws:SourceArn": arn_of("EndedExecutionsRule")}})
    );
}

#[test]
fn own_events_may_be_published_on_the_default_bus_under_our_source_alone() {
    let template = template();
    let policy = &template["Resources"]["OwnEventsPolicy"]["Properties"];
    let roles: Vec<&str> = policy["Roles"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|role| role["Ref"].as_str())
        .collect();
    assert_eq!(roles, ["PrunerRole", "ReactorRole", "SweeperRole"]);
    let statements = policy["PolicyDocument"]["Statement"].as_array().unwrap();
    assert_eq!(statements.len(), 1);
    let granted = &statements[0];
    let needed: Vec<&str> = announce::ACTIONS
        .iter()
        .copied()
        .flatten()
        .copied()
        .collect();
    assert_eq!(texts(&granted["Action"]), needed);
    let bus = granted["Resource"]["Fn::Sub"].as_str().unwrap();
    assert!(
        bus.ends_with(":${AWS::AccountId}:event-bus/default"),
        "{bus}"
    );
    assert_eq!(
        granted["Condition"],
        json!({
            "ForAllValues:StringEquals": {"events:source": SOURCE},
            "Null": {"events:source": "false"},
        })
    );
}

#[test]
fn the_events_queue_lets_in_the_topic_of_a_source_region_by_its_fixed_name() {
    let (home, source) = (template(), source_region());
    let (_, topic) = resources(&source, "AWS::SNS::Topic").next().unwrap();
    let name = topic["TopicName"]["Fn::Sub"].as_str().unwrap();
    let policy = &home["Resources"]["EventQueuesPolicy"]["Properties"]["PolicyDocument"];
    let allowed = on_request(policy["Statement"].as_array().unwrap());
    let arns = allowed["Condition"]["ArnLike"]["aws:SourceArn"].to_string();
    let seen_from_home = name.replace("${RecoveryRegion}", "${AWS::Region}");
    assert!(arns.contains(&format!(":{seen_from_home}\"")), "{arns}");
}

#[test]
fn each_queue_has_a_policy_against_clear_text() {
    for (_, template) in templates() {
        let policies = resources(&template, "AWS::SQS::QueuePolicy");
        let covered: BTreeSet<String> = policies
            .flat_map(|(_, policy)| policy["Queues"].as_array().unwrap())
            .map(|queue| queue["Ref"].as_str().unwrap().to_owned())
            .collect();
        let queues = resources(&template, "AWS::SQS::Queue").map(|(name, _)| name.to_owned());
        assert_eq!(covered, queues.collect());
    }
}

#[test]
fn each_parameter_is_described_bounded_and_used() {
    for (_, template) in templates() {
        let mut references = Vec::new();
        values_of(&template, "Ref", &mut references);
        let text = template.to_string();
        for (name, parameter) in template["Parameters"].as_object().unwrap() {
            let description = parameter["Description"].as_str().unwrap_or_default();
            assert!(
                description.ends_with('.'),
                "{name} is not described in a sentence"
            );
            let has = |member: &str| !parameter[member].is_null();
            let bounded = match parameter["Type"].as_str().unwrap() {
                "Number" => has("AllowedValues") || (has("MinValue") && has("MaxValue")),
                _ => has("AllowedValues") || has("AllowedPattern"),
            };
            assert!(bounded, "{name} takes anything");
            let used = references.iter().any(|reference| *reference == name)
                || text.contains(&format!("${{{name}}}"));
            assert!(used, "{name} is not used");
        }
    }
}

#[test]
fn each_parameter_has_its_place_in_the_console() {
    for template in [template(), restore(), report()] {
        let groups = &template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"];
        let mut placed: Vec<&str> = groups
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|group| group["Parameters"].as_array().unwrap())
            .filter_map(Value::as_str)
            .collect();
        placed.sort_unstable();
        assert_eq!(placed, keys(&template["Parameters"]));
    }
}

#[test]
fn an_alarm_watches_each_way_to_come_to_a_halt() {
    let template = template();
    let watched: BTreeSet<(&str, String)> = resources(&template, "AWS::CloudWatch::Alarm")
        .map(|(_, alarm)| {
            let subject = &alarm["Dimensions"][0]["Value"];
            let named = subject["Ref"].as_str().or(subject["Fn::GetAtt"].as_str());
            let named = named.or(alarm["Namespace"]["Fn::Sub"].as_str());
            (
                alarm["MetricName"].as_str().unwrap(),
                named.unwrap().to_owned(),
            )
        })
        .collect();
    const OWN: &str = "Snapferry/${AWS::StackName}";
    let visible = "ApproximateNumberOfMessagesVisible";
    let expected = [
        ("ApproximateAgeOfOldestMessage", "CommandsQueue.QueueName"),
        ("AsyncEventsDropped", "Planner"),
        ("AsyncEventsDropped", "Sweeper"),
        (visible, "CommandsDeadLetterQueue.QueueName"),
        (visible, "EventsDeadLetterQueue.QueueName"),
        ("Errors", "Planner"),
        ("Errors", "Pruner"),
        ("Errors", "Sweeper"),
        ("ExecutionsFailed", "StateMachine"),
        ("ExecutionsTimedOut", "StateMachine"),
        ("Invocations", "Planner"),
        ("Invocations", "Sweeper"),
        ("DatabasesOverdue", OWN),
        ("DaysToFullQuota", OWN),
        ("InvalidTokens", OWN),
        ("OldestWait", OWN),
        ("StaleCommands", OWN),
    ];
    assert_eq!(
        watched,
        expected.map(|(metric, of)| (metric, of.to_owned())).into()
    );
    let source = source_region();
    assert_eq!(resources(&source, "AWS::CloudWatch::Alarm").count(), 1);
}

#[test]
fn each_log_group_is_kept_for_as_long_as_asked() {
    let template = template();
    let groups: Vec<_> = resources(&template, "AWS::Logs::LogGroup").collect();
    assert_eq!(groups.len(), 6);
    for (name, group) in groups {
        assert_eq!(
            group["RetentionInDays"],
            json!({"Ref": "LogRetentionDays"}),
            "{name}"
        );
    }
}

#[test]
fn the_metric_filters_look_for_words_that_the_functions_log() {
    let sources = [
        include_str!("../../src/app/conclude.rs"),
        include_str!("../../src/app/worker/batch.rs"),
    ];
    let template = template();
    let filters: Vec<_> = resources(&template, "AWS::Logs::MetricFilter").collect();
    assert_eq!(filters.len(), 4);
    for (name, filter) in filters {
        let words = filter["FilterPattern"].as_str().unwrap();
        assert!(
            sources.iter().any(|source| source.contains(words)),
            "{name}: {words}"
        );
    }
}

#[test]
fn no_function_outlives_the_claim_of_a_run() {
    let template = template();
    for parameter in ["FunctionTimeout", "ScheduledTimeout"] {
        let longest = template["Parameters"][parameter]["MaxValue"].as_i64();
        let grace = snapferry::domain::limits::CLAIM_GRACE.as_secs();
        assert!(
            longest.is_some_and(|longest| longest <= grace),
            "{parameter}"
        );
    }
}

#[test]
fn the_sweep_is_once_a_minute_and_the_planner_looks_every_five() {
    let template = template();
    let rates = [
        ("SweeperRate", "rate(1 minute)"),
        ("PlannerRate", "rate(5 minutes)"),
        ("PrunerRate", "rate(1 hour)"),
    ];
    for (parameter, rate) in rates {
        assert_eq!(template["Parameters"][parameter]["Default"], rate);
    }
    let mut scheduled = BTreeSet::new();
    for (name, function) in resources(&template, "AWS::Serverless::Function") {
        for event in function["Events"].as_object().into_iter().flatten() {
            if event.1["Type"] == "Schedule" {
                let rate = &event.1["Properties"]["Schedule"]["Ref"];
                scheduled.insert((name, rate.as_str().unwrap()));
            }
        }
    }
    let expected = [
        ("Planner", "PlannerRate"),
        ("Pruner", "PrunerRate"),
        ("Sweeper", "SweeperRate"),
    ];
    assert_eq!(scheduled, BTreeSet::from(expected));
}

/// The sweeper sends the command of a registered wait again only when no message of it is left in the queue.
#[test]
fn the_receives_of_a_message_are_over_before_its_command_is_sent_again() {
    let template = template();
    let seconds = |parameter| Duration::from_secs(default_of(&template, parameter));
    let backoff = Backoff {
        first: seconds("BackoffSeconds"),
        max: seconds("BackoffMaxSeconds"),
    };
    // At its slowest: each try hangs until its function is ended, and the delay before it comes on top.
    let longest = (1..=MAX_RECEIVES)
        .map(|receives| {
            backoff
                .delay(receives, 1.0)
                .max(seconds("VisibilitySeconds"))
                + seconds("FunctionTimeout")
        })
        .sum::<Duration>();
    assert!(longest < COMMAND_LIFETIME.unsigned_abs(), "{longest:?}");
}
