//! Whether the worker may use the key of a database: by its own role, and by the key's policy.

use super::key_policy::{Caller, Statement, key_policy, like};
use super::{Check, Finding, Level};
use crate::domain::doctor::permissions::RoleArn;
use crate::domain::id::arn::KeyArn;

/// The finding about a key that the worker's role does not cover. `listed` is what the stack was given as SourceKeyArns; if
/// it is empty, the role covers every key of its own account.
#[must_use]
pub fn not_covered(key: &KeyArn, account: &str, listed: &[String]) -> Option<Finding> {
    let (what, is_covered) = if listed.is_empty() {
        let what = format!(
            "it belongs to account {}, and the worker may use keys of its own account only",
            key.account()
        );
        (what, key.account() == account)
    } else {
        let covers = |pattern: &String| like(pattern, key.as_str());
        let what = "the stack's SourceKeyArns does not name it, so the worker may not use it";
        (what.to_owned(), listed.iter().any(covers))
    };
    (!is_covered).then(|| {
        Finding::bad(
            Check::SourceKey,
            key,
            Level::Failure,
            what,
            "deploy template.yaml with SourceKeyArns, the list of all keys of your databases, this one among them",
        )
    })
}

/// The finding about the key's own policy, unless all is well. Only the account that owns a key can read its policy.
#[must_use]
pub fn of_another_account(key: &KeyArn, role: Option<&RoleArn>, account: &str) -> Option<Finding> {
    let owner = key.account();
    let who = role.map_or_else(|| format!("account {account}"), ToString::to_string);
    (owner != account).then(|| {
        Finding::bad(
            Check::KeyPolicy,
            key,
            Level::Unknown,
            format!("not known: the key belongs to account {owner}, and only that account can read its policy"),
            format!("ask account {owner} whether the key's policy allows {who} kms:DescribeKey and kms:CreateGrant"),
        )
    })
}

/// The finding about the key's own policy, unless all is well. It is a warning, since it is not proved that RDS asks for
/// the caller's permission on a source's key.
#[must_use]
pub fn policy_of_source(key: &KeyArn, policy: &[Statement], caller: Caller<'_>) -> Option<Finding> {
    let finding = key_policy(key, policy, caller);
    match finding.level {
        Level::Ok => None,
        Level::Failure => Some(Finding {
            level: Level::Warning,
            what: format!(
                "{}, so RDS may refuse to read the databases under it for the worker",
                finding.what
            ),
            ..finding
        }),
        _ => Some(finding),
    }
}
