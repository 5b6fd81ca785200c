//! Whether a key's own policy lets a role describe the key and use it through RDS.
//!
//! IAM's simulator does not read key policies, and KMS asks the key's policy first. If this check cannot judge a
//! statement (an unknown condition, `NotPrincipal`), its answer is "unknown", never "ok".

use super::{Check, Finding, Level};
use crate::domain::doctor::permissions::{RoleArn, via_rds};
use crate::domain::id::arn::{KeyArn, Region};

/// What the worker needs to do with the recovery key. RDS encrypts on the worker's behalf, by grants.
pub const NEEDED: [&str; 2] = ["kms:DescribeKey", "kms:CreateGrant"];

/// One statement of a key's policy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Statement {
    /// Whether it denies.
    pub denies: bool,
    /// The AWS principals: ARNs, account ids, or `*`.
    pub principals: Vec<String>,
    /// The actions, with `*` and `?`.
    pub actions: Vec<String>,
    /// The conditions; all must hold.
    pub conditions: Vec<Condition>,
    /// It says what it is *not* about (`NotPrincipal`, `NotAction`), which this check cannot judge.
    pub inverted: bool,
}

/// One condition. One of its values must match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// The operator, such as `StringEquals`.
    pub operator: String,
    /// The key, such as `kms:ViaService`.
    pub key: String,
    /// The values to compare with.
    pub values: Vec<String>,
}

/// The caller that a policy is judged for.
#[derive(Debug, Clone, Copy)]
pub struct Caller<'a> {
    /// The role.
    pub role: &'a RoleArn,
    /// The region whose RDS uses the key.
    pub region: &'a Region,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Truth {
    Yes,
    No,
    Perhaps,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Allowed,
    Denied,
    NotAllowed,
    Perhaps,
}

/// Judges a key's policy.
#[must_use]
pub fn key_policy(key: &KeyArn, policy: &[Statement], caller: Caller<'_>) -> Finding {
    const CHECK: Check = Check::KeyPolicy;
    let verdicts = NEEDED.map(|action| (action, verdict(policy, action, caller)));
    let with = |wanted: &[Verdict]| -> Vec<&str> {
        let found = verdicts.iter().filter(|(_, one)| wanted.contains(one));
        found.map(|(action, _)| *action).collect()
    };
    let denied = with(&[Verdict::Denied]);
    let refused = with(&[Verdict::Denied, Verdict::NotAllowed]);
    let open = with(&[Verdict::Perhaps]);
    let role = caller.role;
    if !refused.is_empty() {
        let how = if denied.is_empty() {
            "does not allow"
        } else {
            "denies"
        };
        return Finding::bad(
            CHECK,
            key,
            Level::Failure,
            format!("its policy {how} {} to {role}", refused.join(" and ")),
            "let the account's IAM policies govern the key (a statement for the account's root), or name the worker's role in its policy, with CreateGrant under the condition kms:GrantIsForAWSResource",
        );
    }
    if !open.is_empty() {
        return Finding::bad(
            CHECK,
            key,
            Level::Unknown,
            format!(
                "not known: its policy mentions {} under conditions, or in a form, that the doctor cannot judge",
                open.join(" and ")
            ),
            format!("check yourself whether it lets {role} do this through RDS"),
        );
    }
    Finding::ok(CHECK, key, "its policy lets the worker use it through RDS")
}

fn verdict(policy: &[Statement], action: &str, caller: Caller<'_>) -> Verdict {
    let truths = |denies: bool| {
        let of_effect = policy.iter().filter(move |one| one.denies == denies);
        let truths: Vec<Truth> = of_effect.map(|one| applies(one, action, caller)).collect();
        truths
    };
    let (deny, allow) = (truths(true), truths(false));
    if deny.contains(&Truth::Yes) {
        Verdict::Denied
    } else if deny.contains(&Truth::Perhaps) {
        Verdict::Perhaps
    } else if allow.contains(&Truth::Yes) {
        Verdict::Allowed
    } else if allow.contains(&Truth::Perhaps) {
        Verdict::Perhaps
    } else {
        Verdict::NotAllowed
    }
}

fn applies(statement: &Statement, action: &str, caller: Caller<'_>) -> Truth {
    if statement.inverted {
        return Truth::Perhaps;
    }
    let of_caller = statement.principals.iter().any(|one| is(one, caller.role));
    let of_action = statement
        .actions
        .iter()
        .any(|pattern| like(pattern, action));
    if !of_caller || !of_action {
        return Truth::No;
    }
    let truths: Vec<Truth> = statement
        .conditions
        .iter()
        .map(|condition| holds(condition, action, caller))
        .collect();
    if truths.contains(&Truth::No) {
        Truth::No
    } else if truths.contains(&Truth::Perhaps) {
        Truth::Perhaps
    } else {
        Truth::Yes
    }
}

/// The account's root stands for everybody whom the account's own policies allow. Another check simulates those.
fn is(principal: &str, role: &RoleArn) -> bool {
    let account = role.account();
    principal == "*"
        || principal == role.as_str()
        || principal == account
        || principal.ends_with(&format!(":iam::{account}:root"))
}

/// Only a condition that has the same result for every such call can be judged.
fn holds(condition: &Condition, action: &str, caller: Caller<'_>) -> Truth {
    let is = match condition.key.to_ascii_lowercase().as_str() {
        "kms:viaservice" => via_rds(caller.region, caller.role.partition()),
        "kms:calleraccount" | "aws:principalaccount" => caller.role.account().to_owned(),
        // The other calls do not carry it.
        "kms:grantisforawsresource" => (action == "kms:CreateGrant").to_string(),
        _ => return Truth::Perhaps,
    };
    let matches = match condition.operator.as_str() {
        "StringEquals" | "Bool" => condition.values.contains(&is),
        "StringLike" => condition.values.iter().any(|pattern| like(pattern, &is)),
        _ => return Truth::Perhaps,
    };
    if matches { Truth::Yes } else { Truth::No }
}

/// IAM's wildcards, without regard to case, as for actions.
pub(super) fn like(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.to_ascii_lowercase(), text.to_ascii_lowercase());
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    // The last star, and how much of the text it has taken so far.
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(&byte) if byte == b'?' || byte == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((at, taken)) => {
                    star = Some((at, taken + 1));
                    p = at + 1;
                    t = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}
