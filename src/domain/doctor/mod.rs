//! What would fail at three in the morning: facts in, findings out.
//!
//! Each check is a pure function of AWS's answers. A question without an answer is a finding too ([`Level::Unknown`]):
//! the doctor never stays silent and never guesses.

pub mod alarms;
pub mod capacity;
pub mod databases;
pub mod key_policy;
pub mod keys;
pub mod namesakes;
pub mod parts;
pub mod permissions;
pub mod policies;
mod queue_arn;
pub mod region;
mod role_arn;
mod simulated;
pub mod source_keys;
pub mod timing;

use std::fmt;

/// How bad a finding is. The worst comes last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// It was checked, and is good.
    Ok,
    /// It could not be checked, or the answer does not say.
    Unknown,
    /// Nothing fails because of it, but a person should know.
    Warning,
    /// A recovery point will not be made, or the deployment is incomplete.
    Failure,
}

impl Level {
    /// Its word in tables and JSON.
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

/// What was checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Check {
    /// The policies in force.
    Policies,
    /// The key of the copies: whether it exists, is of the recovery region, and is usable.
    RecoveryKey,
    /// Whether that key's own policy lets the worker use it through RDS.
    KeyPolicy,
    /// The databases of a region: how many are protected, and which should be and are not.
    Databases,
    /// The key of a source.
    SourceKey,
    /// A database's option group, and its counterpart in the recovery region.
    OptionGroup,
    /// Other stacks that protect the same database.
    OtherStacks,
    /// Other stacks with the same id.
    StackId,
    /// The quota for manual snapshots.
    SnapshotQuota,
    /// The limit for copies in flight.
    CopySlots,
    /// The rule that forwards a source region's events.
    ForwardingRule,
    /// Messages that wait for a person.
    DeadLetters,
    /// Whether the alarms notify anybody.
    Alarms,
    /// Whether the stack's time limits fit each other.
    Timing,
    /// What the roles may do.
    Permissions,
    /// The parts that are deployed on request: whether the function of each runs.
    Parts,
    /// Whether a source region's loss takes the caller's log-in away.
    LogIn,
}

impl Check {
    /// Every check, in the order of the report.
    pub const ALL: [Self; 17] = [
        Self::Policies,
        Self::RecoveryKey,
        Self::KeyPolicy,
        Self::Databases,
        Self::SourceKey,
        Self::OptionGroup,
        Self::OtherStacks,
        Self::StackId,
        Self::SnapshotQuota,
        Self::CopySlots,
        Self::ForwardingRule,
        Self::DeadLetters,
        Self::Alarms,
        Self::Timing,
        Self::Permissions,
        Self::Parts,
        Self::LogIn,
    ];

    /// Its word in tables, JSON and the runbook.
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
            Self::StackId => "stack-id",
            Self::SnapshotQuota => "snapshot-quota",
            Self::CopySlots => "copy-slots",
            Self::ForwardingRule => "forwarding-rule",
            Self::DeadLetters => "dead-letters",
            Self::Alarms => "alarms",
            Self::Timing => "timing",
            Self::Permissions => "permissions",
            Self::Parts => "parts",
            Self::LogIn => "log-in",
        }
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One result of the doctor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The check.
    pub check: Check,
    /// What it is about: a key, a region, a database, a queue, a role.
    pub subject: String,
    /// How bad it is.
    pub level: Level,
    /// What was found.
    pub what: String,
    /// How to fix it. `None` if all is well.
    pub remedy: Option<String>,
}

impl Finding {
    /// A good finding.
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

    /// A finding about a question that AWS did not answer. If AWS refused the caller, the remedy names the action: such a
    /// refusal says nothing about the stack.
    pub fn unknown(check: Check, subject: impl fmt::Display, asked: &Unanswered) -> Self {
        let remedy = if asked.is_refusal() {
            format!(
                "give your own user or role the permission for {}, or leave this unchecked",
                asked.action
            )
        } else if asked.is_from_another_region() {
            "the region may not be enabled for this account, or your credentials come from the global STS endpoint: \
             enable the region, or use a regional endpoint"
                .to_owned()
        } else {
            "run the doctor again".to_owned()
        };
        let what = format!("not known: {}", asked.why);
        Self::bad(check, subject, Level::Unknown, what, remedy)
    }
}

/// A question to AWS without a usable answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unanswered {
    /// The action.
    pub action: String,
    /// AWS's error code. `None` if no answer came.
    pub code: Option<String>,
    /// The error in words.
    pub why: String,
}

impl Unanswered {
    /// Whether the region does not know the caller's credentials at all.
    #[must_use]
    pub fn is_from_another_region(&self) -> bool {
        matches!(
            self.code.as_deref(),
            Some("InvalidClientTokenId" | "OptInRequired" | "UnrecognizedClientException")
        )
    }

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

/// Sorts the findings for the report: the worst first, then by check and subject.
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

/// Whether no check failed. An unknown result is not a failure.
#[must_use]
pub fn is_well(findings: &[Finding]) -> bool {
    findings
        .iter()
        .all(|finding| finding.level != Level::Failure)
}
