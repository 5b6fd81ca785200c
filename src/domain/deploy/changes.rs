//! What a change set would change, in plain words.

use std::collections::BTreeMap;

/// What would happen to a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// It is made.
    Make,
    /// It stays and gets other settings.
    Change,
    /// CloudFormation decides while it works whether it stays.
    MayReplace,
    /// A new one takes its place, and the old one goes.
    Replace,
    /// It goes.
    Remove,
}

/// One resource of a change set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceChange {
    /// Its name in the template.
    pub name: String,
    /// Its type, such as `AWS::SQS::Queue`.
    pub kind: String,
    /// What would happen to it.
    pub act: Act,
}

/// The types whose content is lost with them.
const HOLDS_DATA: [(&str, &str); 3] = [
    ("AWS::DynamoDB::Table", "open waits and the catalog"),
    ("AWS::SQS::Queue", "the messages in it"),
    (
        "AWS::StepFunctions::StateMachine",
        "the executions that sleep",
    ),
];

/// The plain word for a type of resource.
fn plain(kind: &str) -> &str {
    match kind {
        "AWS::Lambda::Function" => "function",
        "AWS::IAM::Role" => "role",
        "AWS::IAM::ManagedPolicy" => "policy for people",
        "AWS::SQS::Queue" => "queue",
        "AWS::SQS::QueuePolicy" => "policy of queues",
        "AWS::DynamoDB::Table" => "table",
        "AWS::StepFunctions::StateMachine" => "state machine",
        "AWS::Events::Rule" => "rule",
        "AWS::CloudWatch::Alarm" => "alarm",
        "AWS::CloudWatch::Dashboard" => "dashboard",
        "AWS::Logs::LogGroup" => "log group",
        "AWS::Logs::MetricFilter" => "metric filter",
        "AWS::Lambda::Permission" => "permission to invoke",
        "AWS::Lambda::EventSourceMapping" => "link from a queue to a function",
        "AWS::Lambda::EventInvokeConfig" => "setting of how a function is invoked",
        "AWS::SNS::Topic" => "topic",
        "AWS::SNS::TopicPolicy" => "policy of topics",
        "AWS::SNS::Subscription" => "subscription",
        "AWS::RDS::EventSubscription" => "subscription to RDS's events",
        "AWS::Scheduler::Schedule" => "schedule",
        "AWS::KMS::Key" => "key",
        "AWS::KMS::Alias" => "alias of a key",
        other => other,
    }
}

fn counted(count: usize, word: &str) -> String {
    let plural = match word {
        _ if count == 1 => return format!("1 {word}"),
        "policy for people" => "policies for people".to_owned(),
        "policy of queues" => "policies of queues".to_owned(),
        "policy of topics" => "policies of topics".to_owned(),
        "permission to invoke" => "permissions to invoke".to_owned(),
        "link from a queue to a function" => "links from a queue to a function".to_owned(),
        "setting of how a function is invoked" => {
            "settings of how a function is invoked".to_owned()
        }
        "subscription to RDS's events" => "subscriptions to RDS's events".to_owned(),
        "alias of a key" => "aliases of keys".to_owned(),
        other => format!("{other}s"),
    };
    format!("{count} {plural}")
}

/// A sentence for each thing that a person should know: what would be lost comes first, and what is made is counted by
/// kind.
#[must_use]
pub fn sentences(changes: &[ResourceChange]) -> Vec<String> {
    let mut warnings = Vec::new();
    let mut lines = Vec::new();
    let mut made: BTreeMap<&str, usize> = BTreeMap::new();
    for change in changes {
        let (name, word) = (&change.name, plain(&change.kind));
        let content = HOLDS_DATA.iter().find(|(kind, _)| *kind == change.kind);
        let lost = |how: &str| match content {
            Some((_, content)) => format!("{how} the {word} {name}: {content} would be lost"),
            None => format!("{how} the {word} {name}"),
        };
        let (line, takes_away) = match change.act {
            Act::Make => {
                *made.entry(word).or_default() += 1;
                continue;
            }
            Act::Change => (format!("changes the {word} {name}"), false),
            Act::MayReplace => (lost("changes, and perhaps replaces,"), true),
            Act::Replace => (lost("replaces"), true),
            // The template retains it.
            Act::Remove if change.kind == "AWS::KMS::Key" => (
                format!(
                    "leaves the key {name} to you: older copies need it, and it costs $1 a month as long as it exists"
                ),
                false,
            ),
            Act::Remove => (lost("removes"), true),
        };
        if takes_away && content.is_some() {
            warnings.push(line);
        } else {
            lines.push(line);
        }
    }
    warnings.extend(lines);
    if !made.is_empty() {
        let counts: Vec<String> = made.iter().map(|(word, n)| counted(*n, word)).collect();
        warnings.push(format!("makes {}", counts.join(", ")));
    }
    warnings
}

/// Whether something whose content matters would be replaced or removed, or might be.
#[must_use]
pub fn loses_data(changes: &[ResourceChange]) -> bool {
    changes.iter().any(|change| {
        matches!(change.act, Act::Replace | Act::Remove | Act::MayReplace)
            && HOLDS_DATA.iter().any(|(kind, _)| *kind == change.kind)
    })
}
