//! What a region's stack must have: the forwarding rule, and the dead-letter queues.

use std::fmt;

use super::{Check, Finding, Level};
use crate::domain::id::arn::Region;

/// A rule that has the recovery region's default bus among its targets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Its name.
    pub name: String,
    /// Whether it is enabled.
    pub enabled: bool,
    /// Whether it matches RDS's snapshot events. `None` if its pattern has a form that the doctor cannot judge.
    pub catches_snapshots: Option<bool>,
}

/// Whether a source region's events reach the recovery region. Without them nothing is lost: the sweep settles the waits,
/// only later.
#[must_use]
pub fn forwarding_rule(region: &Region, home: &Region, rules: &[Rule]) -> Finding {
    const CHECK: Check = Check::ForwardingRule;
    let remedy = format!("deploy source-region.yaml in {region} with RecoveryRegion={home}");
    let bad =
        |what: String, remedy: String| Finding::bad(CHECK, region, Level::Failure, what, remedy);
    if rules.is_empty() {
        let what = format!(
            "no rule forwards its events to the default bus of {home}: its snapshots are settled by the sweep alone"
        );
        return bad(what, remedy);
    }
    let names = |rules: &[&Rule]| -> String {
        let names: Vec<&str> = rules.iter().map(|rule| rule.name.as_str()).collect();
        names.join(", ")
    };
    let fitting: Vec<&Rule> = rules
        .iter()
        .filter(|rule| rule.catches_snapshots == Some(true))
        .collect();
    if let Some(rule) = fitting.iter().find(|rule| rule.enabled) {
        return Finding::ok(
            CHECK,
            region,
            format!("the rule {} forwards them", rule.name),
        );
    }
    if !fitting.is_empty() {
        let what = format!(
            "the rule that forwards its events is disabled: {}",
            names(&fitting)
        );
        return bad(what, "enable it in EventBridge".to_owned());
    }
    let unclear: Vec<&Rule> = rules
        .iter()
        .filter(|rule| rule.enabled && rule.catches_snapshots.is_none())
        .collect();
    if !unclear.is_empty() {
        return Finding::bad(
            CHECK,
            region,
            Level::Unknown,
            format!(
                "not known: the pattern of {} has a form that the doctor cannot judge",
                names(&unclear)
            ),
            "check whether it matches RDS's snapshot events",
        );
    }
    let all: Vec<&Rule> = rules.iter().collect();
    let what = format!(
        "events are forwarded to {home}, but not RDS's snapshot events: {}",
        names(&all)
    );
    bad(what, remedy)
}

/// A dead-letter queue of the stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Letters {
    /// Commands that wait for a person.
    Commands,
    /// Events that the reactor could not handle.
    Events,
    /// Events that the rule of a source region could not deliver.
    Forwarding(Region),
}

impl fmt::Display for Letters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Commands => f.write_str("commands"),
            Self::Events => f.write_str("events"),
            Self::Forwarding(region) => write!(f, "events of {region}"),
        }
    }
}

/// Whether messages wait for a person. `waiting` is SQS's own approximate number. `None` if the queue does not exist.
#[must_use]
pub fn dead_letters(letters: &Letters, waiting: Option<u64>) -> Finding {
    const CHECK: Check = Check::DeadLetters;
    let replay = match letters {
        Letters::Commands => "commands".to_owned(),
        Letters::Events => "events".to_owned(),
        Letters::Forwarding(region) => format!("events --source-region {region}"),
    };
    match (waiting, letters) {
        (Some(0), _) => Finding::ok(CHECK, letters, "none wait"),
        (Some(count), Letters::Commands) => Finding::bad(
            CHECK,
            letters,
            Level::Failure,
            format!(
                "{count} wait for a person; their executions time out four days after they began to wait"
            ),
            "see why with snapferry replay commands, fix the cause, then run snapferry replay commands --yes",
        ),
        (Some(count), _) => Finding::bad(
            CHECK,
            letters,
            Level::Warning,
            format!("{count} could not be handled; the sweep does their work"),
            format!("see why with snapferry replay {replay}, then snapferry replay {replay} --yes"),
        ),
        (None, Letters::Forwarding(region)) => Finding::bad(
            CHECK,
            letters,
            Level::Warning,
            "there is no queue for events that cannot be forwarded",
            format!("deploy source-region.yaml in {region}"),
        ),
        (None, _) => Finding::bad(
            CHECK,
            letters,
            Level::Failure,
            "the queue does not exist",
            "eval the stack's output CliEnvironment again, or deploy template.yaml again",
        ),
    }
}
