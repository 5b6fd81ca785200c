//! What the functions' own roles allowed them.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::figures::Calls;
use crate::local::RoleUse;

/// What IAM evaluated in a run, for calls under a function's own role alone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Iam {
    /// Decisions of IAM.
    pub evaluated: u64,
    /// How many of them denied the call.
    pub denied: u64,
    /// Decisions by function and action.
    pub by_role: BTreeMap<String, Calls>,
    /// Permissions that no call needed, and that no reason explains.
    pub unused: Vec<String>,
    /// Each denied action, in a sentence.
    #[serde(skip)]
    pub(super) denials: Vec<String>,
}

/// Permissions that a run may leave unused, and why: an action of every function or of one, or the start of a name.
const MAY_BE_UNUSED: &[(&str, &str)] = &[
    (
        "logs:*",
        "the emulator keeps the functions' logs without asking IAM",
    ),
    ("sqs:ReceiveMessage", MAPPING),
    ("sqs:DeleteMessage", MAPPING),
    ("sqs:GetQueueAttributes", MAPPING),
    (
        "sqs:ChangeMessageVisibility",
        "only for a message that has to wait",
    ),
    (
        "kms:*",
        "RDS uses the keys in the caller's name, and the model of RDS asks nobody",
    ),
    (
        "rds:ListTagsForResource",
        "the model shows a snapshot's tags to every caller that may describe it",
    ),
    ("states:SendTaskFailure", "only for a step that failed"),
    (
        "states:DescribeExecution",
        "only for a database or a name that is taken",
    ),
    ("worker dynamodb:DeleteItem", THERE_ALREADY),
    ("worker states:SendTaskSuccess", THERE_ALREADY),
    (
        "worker states:StartExecution",
        "only for an automated snapshot that was gone before its copy",
    ),
    (
        "worker rds:DescribeAccountAttributes",
        "only when a quota is full",
    ),
    (
        "worker dynamodb:ConditionCheckItem",
        "only for a slot that the worker gives back",
    ),
    (
        "secretsmanager:*",
        "RDS makes secrets in the caller's name, and the model of RDS asks nobody",
    ),
    (
        "rds:RebootDBInstance",
        "only for a parameter group that waits for a restart",
    ),
    ("sweeper dynamodb:GetItem", QUEUED),
    ("sweeper dynamodb:BatchGetItem", QUEUED),
    ("sweeper states:SendTaskHeartbeat", QUEUED),
    ("sweeper sqs:SendMessage", QUEUED),
    ("reactor states:SendTaskHeartbeat", QUEUED),
    ("reactor sqs:SendMessage", QUEUED),
    (
        "worker sqs:SendMessage",
        "only for a command that RDS has throttled",
    ),
    ("reactor dynamodb:GetItem", AUTOMATED),
    ("reactor rds:DescribeDBInstances", AUTOMATED),
    ("reactor rds:DescribeDBClusters", AUTOMATED),
    ("reactor states:StartExecution", AUTOMATED),
    (
        "reactor rds:DescribeOptionGroups",
        "only for an automated snapshot of Oracle or SQL Server",
    ),
];

const MAPPING: &str = "the emulator reads a function's queue without asking IAM";
const THERE_ALREADY: &str = "only for a snapshot that is there already";
const QUEUED: &str = "only for a copy that waits for a slot, or whose command is sent again";
const AUTOMATED: &str = "only for an automated snapshot";

impl Iam {
    #[must_use]
    pub(super) fn of(roles: &[RoleUse]) -> Self {
        let mut iam = Self::default();
        for role in roles {
            let function = role.role.trim_end_matches("Role").to_ascii_lowercase();
            for denial in &role.denied {
                iam.denied += denial.times;
                iam.denials.push(format!(
                    "IAM denied {function} {} {}: {}",
                    denial.action,
                    times(denial.times),
                    denial.sentence
                ));
            }
            let never = role.granted.iter().filter(|action| !is_used(role, action));
            let unused = never.filter(|action| reason(&function, action).is_none());
            iam.unused
                .extend(unused.map(|action| format!("{function} {action}")));
            iam.evaluated += role.evaluated.values().sum::<u64>();
            iam.by_role.insert(function, role.evaluated.clone());
        }
        iam
    }

    /// The promises about roles that the run broke, each in a sentence.
    #[must_use]
    pub(super) fn broken(&self) -> Vec<String> {
        let mut broken = self.denials.clone();
        let idle: BTreeSet<&str> = self
            .by_role
            .iter()
            .filter(|(function, calls)| calls.is_empty() && reason(function, "*").is_none())
            .map(|(function, _)| function.as_str())
            .collect();
        // Without this, a run whose roles nobody evaluates would keep the promise.
        if self.by_role.is_empty() || (self.denied == 0 && !idle.is_empty()) {
            broken.push(format!("IAM evaluated no call of some functions: {idle:?}"));
        }
        broken
    }
}

fn times(count: u64) -> String {
    match count {
        1 => "once".to_owned(),
        more => format!("{more} times"),
    }
}

fn is_used(role: &RoleUse, action: &str) -> bool {
    role.evaluated.contains_key(action)
}

/// Why this permission may stay unused.
fn reason(function: &str, action: &str) -> Option<&'static str> {
    let named = format!("{function} {action}");
    let fits = |pattern: &str| match pattern.strip_suffix('*') {
        Some(start) => named.starts_with(start) || action.starts_with(start),
        None => pattern == named || pattern == action,
    };
    let found = MAY_BE_UNUSED.iter().find(|(pattern, _)| fits(pattern));
    found.map(|(_, reason)| *reason)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::{Denial, repository_root};

    fn role(name: &str, granted: &[&str], evaluated: &[(&str, u64)]) -> RoleUse {
        let evaluated = evaluated.iter();
        RoleUse {
            role: name.to_owned(),
            granted: granted.iter().map(ToString::to_string).collect(),
            evaluated: evaluated
                .map(|(name, n)| ((*name).to_owned(), *n))
                .collect(),
            denied: Vec::new(),
        }
    }

    #[test]
    fn a_denial_is_a_broken_promise_that_names_function_action_and_resource() {
        let mut worker = role("WorkerRole", &[], &[("rds:CopyDBSnapshot", 3)]);
        worker.denied = vec![Denial {
            action: "rds:CopyDBSnapshot".to_owned(),
            sentence: "User: x is not authorized".to_owned(),
            times: 2,
        }];
        let iam = Iam::of(&[worker]);
        assert_eq!((iam.evaluated, iam.denied), (3, 2));
        assert_eq!(
            iam.broken(),
            ["IAM denied worker rds:CopyDBSnapshot 2 times: User: x is not authorized"]
        );
    }

    #[test]
    fn a_run_in_which_no_role_was_evaluated_breaks_the_promise() {
        assert_eq!(Iam::of(&[]).broken().len(), 1);
        let idle = [
            role("WorkerRole", &[], &[("rds:CopyDBSnapshot", 3)]),
            role("SweeperRole", &[], &[]),
        ];
        let broken = Iam::of(&idle).broken();
        assert!(
            broken.len() == 1 && broken[0].contains("sweeper"),
            "{broken:?}"
        );
        assert_eq!(Iam::of(&idle[..1]).broken(), [""; 0]);
    }

    #[test]
    fn a_permission_that_no_call_needed_is_unused_unless_a_reason_explains_it() {
        let granted = [
            "rds:CopyDBSnapshot",
            "rds:DeleteDBSnapshot",
            "kms:CreateGrant",
            "states:SendTaskSuccess",
        ];
        let used = [("rds:CopyDBSnapshot", 3)];
        let roles = ["WorkerRole", "ReactorRole"].map(|name| role(name, &granted, &used));
        assert_eq!(
            Iam::of(&roles).unused,
            [
                "worker rds:DeleteDBSnapshot",
                "reactor rds:DeleteDBSnapshot",
                "reactor states:SendTaskSuccess"
            ]
        );
    }

    #[test]
    fn each_permission_that_may_be_unused_is_in_the_template() {
        let template = repository_root()
            .expect("the repository")
            .join("template.yaml");
        let template = std::fs::read_to_string(template).expect("the template");
        for (pattern, _) in MAY_BE_UNUSED {
            let action = pattern.split(' ').next_back().expect("a name");
            let start = action.trim_end_matches('*');
            assert!(template.contains(start), "{pattern} is granted to nobody");
        }
    }
}
