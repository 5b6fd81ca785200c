//! What would fail at three in the morning: facts in, findings out.
//!
//! Each check is a pure function of what AWS was asked. What could not be asked is a finding too
//! ([`Level::Unknown`]), never a silence and never a guess.

pub mod capacity;
pub mod databases;
pub mod key_policy;
pub mod keys;
pub mod permissions;
pub mod policies;
pub mod region;
mod role_arn;

use std::fmt;

/// How bad it is; the worst comes last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Looked at and good.
    Ok,
    /// It could not be looked at, or what was seen does not say.
    Unknown,
    /// Nothing fails by it, but a person would want to know.
    Warning,
    /// A recovery point will not be made, or the deployment is not whole.
    Failure,
}

impl Level {
    /// The word for tables and JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Unknown => "unknown",
            Self::Warning => "warning",
            Self::Failure => "failure",
        }
    }
}

/// What was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Check {
    /// The policies that hold.
    Policies,
    /// The key of the copies: there, of the recovery region, and usable.
    RecoveryKey,
    /// Whether that key's own policy lets the worker lend it to RDS.
    KeyPolicy,
    /// The databases of a region: which are protected, and which are meant to be and cannot.
    Databases,
    /// The key that a source is encrypted under.
    SourceKey,
    /// A database's option group, and what becomes of it on the other side.
    OptionGroup,
    /// Other stacks that protect the same database.
    OtherStacks,
    /// Room for manual snapshots.
    SnapshotQuota,
    /// Room for copies in flight.
    CopySlots,
    /// The rule that forwards a source region's events.
    ForwardingRule,
    /// What waits for a person.
    DeadLetters,
    /// What the roles may do.
    Permissions,
}

impl Check {
    /// Every check, in the order in which they are told.
    pub const ALL: [Self; 12] = [
        Self::Policies,
        Self::RecoveryKey,
        Self::KeyPolicy,
        Self::Databases,
        Self::SourceKey,
        Self::OptionGroup,
        Self::OtherStacks,
        Self::SnapshotQuota,
        Self::CopySlots,
        Self::ForwardingRule,
        Self::DeadLetters,
        Self::Permissions,
    ];

    /// The word for tables, JSON and the runbook.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Policies => "policies",
            Self::RecoveryKey => "recovery-key",
            Self::KeyPolicy => "key-policy",
            Self::Databases => "databases",
            Self::SourceKey => "source-key",
            Self::OptionGroup => "option-group",
            Self::OtherStacks => "other-stacks",
            Self::SnapshotQuota => "snapshot-quota",
            Self::CopySlots => "copy-slots",
            Self::ForwardingRule => "forwarding-rule",
            Self::DeadLetters => "dead-letters",
            Self::Permissions => "permissions",
        }
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which check it is of.
    pub check: Check,
    /// What it is about: a key, a region, a database, a queue, a role.
    pub subject: String,
    /// How bad it is.
    pub level: Level,
    /// What was found.
    pub what: String,
    /// How to fix it. Nothing if all is well.
    pub remedy: Option<String>,
}

impl Finding {
    /// Good.
    pub fn ok(check: Check, subject: impl fmt::Display, what: impl Into<String>) -> Self {
        Self {
            check,
            subject: subject.to_string(),
            level: Level::Ok,
            what: what.into(),
            remedy: None,
        }
    }

    /// A finding that is not good, with its fix.
    pub fn bad(
        check: Check,
        subject: impl fmt::Display,
        level: Level,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            check,
            subject: subject.to_string(),
            level,
            what: what.into(),
            remedy: Some(remedy.into()),
        }
    }

    /// AWS was asked and did not say. Where the caller was refused, the remedy names the action; a refusal of
    /// the caller says nothing about the stack.
    pub fn unknown(check: Check, subject: impl fmt::Display, asked: &Unanswered) -> Self {
        let remedy = if asked.is_refusal() {
            format!(
                "give your own user or role the permission for {}, or leave this unchecked",
                asked.action
            )
        } else {
            "run the doctor again".to_owned()
        };
        let what = format!("not known: {}", asked.why);
        Self::bad(check, subject, Level::Unknown, what, remedy)
    }
}

/// A question to AWS that got no usable answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unanswered {
    /// The action.
    pub action: String,
    /// AWS's error code; nothing when no answer came.
    pub code: Option<String>,
    /// In words.
    pub why: String,
}

impl Unanswered {
    /// Whether the caller lacks the permission to ask. Each service has its own code for that.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        self.code.as_deref().is_some_and(|code| {
            code.starts_with("AccessDenied")
                || code.contains("UnauthorizedOperation")
                || code.contains("NotAuthorized")
        })
    }
}

/// In the order in which they are told: the worst first, then by check and subject.
#[must_use]
pub fn in_order(mut findings: Vec<Finding>) -> Vec<Finding> {
    findings.sort_by(|a, b| {
        b.level
            .cmp(&a.level)
            .then_with(|| a.check.cmp(&b.check))
            .then_with(|| a.subject.cmp(&b.subject))
    });
    findings
}

/// Whether no check failed. What is unknown has not failed.
#[must_use]
pub fn is_well(findings: &[Finding]) -> bool {
    findings
        .iter()
        .all(|finding| finding.level != Level::Failure)
}
