//! The outputs of the CloudFormation stack, read as settings of the command line.

use std::collections::BTreeMap;

/// Which output says which setting. The templates and a test hold this list.
pub const SETTINGS: [(&str, &str); 31] = [
    ("StackRegion", "AWS_REGION"),
    ("StackIdentity", "SNAPFERRY_STACK_ID"),
    ("TableName", "SNAPFERRY_TABLE"),
    ("CommandsQueueUrl", "SNAPFERRY_COMMANDS_QUEUE_URL"),
    (
        "CommandsDeadLetterQueueUrl",
        "SNAPFERRY_COMMANDS_DEAD_LETTER_QUEUE_URL",
    ),
    ("EventsQueueUrl", "SNAPFERRY_EVENTS_QUEUE_URL"),
    (
        "EventsDeadLetterQueueUrl",
        "SNAPFERRY_EVENTS_DEAD_LETTER_QUEUE_URL",
    ),
    ("StateMachineArn", "SNAPFERRY_STATE_MACHINE_ARN"),
    ("SourceRegionNames", "SNAPFERRY_SOURCE_REGIONS"),
    ("RecoveryKey", "SNAPFERRY_KMS_KEY"),
    ("SourceKeys", "SNAPFERRY_SOURCE_KEY_ARNS"),
    ("BuiltInSchedule", "SNAPFERRY_SCHEDULE"),
    ("BuiltInTimeZone", "SNAPFERRY_TIME_ZONE"),
    ("BuiltInSelection", "SNAPFERRY_SELECTION"),
    ("BuiltInRetention", "SNAPFERRY_RETENTION"),
    ("BuiltInRpo", "SNAPFERRY_RPO"),
    ("FirstRunWord", "SNAPFERRY_FIRST_RUN"),
    ("CopySlotCount", "SNAPFERRY_COPY_SLOTS"),
    ("ClusterCopySlotCount", "SNAPFERRY_CLUSTER_COPY_SLOTS"),
    ("PlannerRoleArn", "SNAPFERRY_PLANNER_ROLE_ARN"),
    ("WorkerRoleArn", "SNAPFERRY_WORKER_ROLE_ARN"),
    ("ReactorRoleArn", "SNAPFERRY_REACTOR_ROLE_ARN"),
    ("SweeperRoleArn", "SNAPFERRY_SWEEPER_ROLE_ARN"),
    ("PrunerRoleArn", "SNAPFERRY_PRUNER_ROLE_ARN"),
    ("StateMachineRoleArn", "SNAPFERRY_STATE_MACHINE_ROLE_ARN"),
    ("PrunerName", "SNAPFERRY_PRUNER"),
    ("AlarmTopic", "SNAPFERRY_ALARM_TOPIC_ARN"),
    (
        "FunctionTimeoutSeconds",
        "SNAPFERRY_FUNCTION_TIMEOUT_SECONDS",
    ),
    ("QueueVisibilitySeconds", "SNAPFERRY_VISIBILITY_SECONDS"),
    ("RdsReadLimitSeconds", "SNAPFERRY_RDS_READ_SECONDS"),
    ("RdsChangeLimitSeconds", "SNAPFERRY_RDS_CHANGE_SECONDS"),
];

/// The settings that name what belongs to one stack alone. With those of two stacks, a command would look at one and change
/// the other.
const OF_ONE_STACK: [&str; 8] = [
    "SNAPFERRY_STACK_ID",
    "SNAPFERRY_TABLE",
    "SNAPFERRY_COMMANDS_QUEUE_URL",
    "SNAPFERRY_COMMANDS_DEAD_LETTER_QUEUE_URL",
    "SNAPFERRY_EVENTS_QUEUE_URL",
    "SNAPFERRY_EVENTS_DEAD_LETTER_QUEUE_URL",
    "SNAPFERRY_STATE_MACHINE_ARN",
    "SNAPFERRY_PRUNER",
];

/// Which of these settings name another stack than the one with these outputs, each with both values.
pub fn of_another_stack<'a>(
    outputs: &BTreeMap<String, String>,
    said: impl Fn(&str) -> Option<&'a str>,
) -> Vec<String> {
    let own = SETTINGS
        .iter()
        .filter(|(_, variable)| OF_ONE_STACK.contains(variable));
    let other = own.filter_map(|(output, variable)| {
        let own = outputs.get(*output)?;
        let other = said(variable).filter(|other| !other.is_empty() && other != own)?;
        Some(format!("{variable} is {other}, and the stack's is {own}"))
    });
    other.collect()
}

/// The settings that a stack's outputs say. Other outputs are ignored.
#[must_use]
pub fn settings(outputs: &BTreeMap<String, String>) -> Vec<(String, String)> {
    let said = SETTINGS.iter().filter_map(|(output, variable)| {
        let value = outputs.get(*output)?;
        Some(((*variable).to_owned(), value.clone()))
    });
    said.collect()
}

/// Whether a stack with these outputs is one of template.yaml, of any version. Version 0.1.0 said less than its settings.
#[must_use]
pub fn is_of_any_version(outputs: &BTreeMap<String, String>) -> bool {
    const OF_0_1_0: [&str; 3] = ["StackIdentity", "TableName", "StateMachineArn"];
    is_snapferry(outputs) || OF_0_1_0.iter().all(|name| outputs.contains_key(*name))
}

/// Whether a stack with these outputs is one of template.yaml, of a version that says its settings this way.
#[must_use]
pub fn is_snapferry(outputs: &BTreeMap<String, String>) -> bool {
    outputs.contains_key("StackRegion") && outputs.contains_key("TableName")
}
