//! What IAM's simulator says about a role, as a finding.

use super::{Check, Finding, Level, Unanswered};
use crate::domain::id::role::IamRole;

/// How IAM's simulator decided one action on one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The action.
    pub action: String,
    /// The resource, or `*` for an action without one.
    pub resource: String,
    /// Whether it is allowed.
    pub allowed: bool,
    /// Condition keys that a policy asks for and the simulation did not have.
    pub missing: Vec<String>,
}

/// These name a token and no resource. IAM's reference lists none for them, though AWS's refusals name the state machine.
const CALLBACKS: &str = "states:SendTask";

impl Decision {
    /// Whether a refusal says something about real calls.
    fn is_certain(&self) -> bool {
        self.missing.is_empty() && !self.action.starts_with(CALLBACKS)
    }
}

/// The finding about a role, from all simulated actions.
#[must_use]
pub fn permissions(role: IamRole, simulated: &[Result<Vec<Decision>, Unanswered>]) -> Finding {
    const CHECK: Check = Check::Permissions;
    let decisions: Vec<&Decision> = simulated.iter().flatten().flatten().collect();
    let refused = |certainly: bool| -> Vec<String> {
        let refused = decisions
            .iter()
            .filter(|one| !one.allowed && one.is_certain() == certainly);
        let mut texts: Vec<String> = refused
            .map(|one| format!("{} on {}", one.action, one.resource))
            .collect();
        texts.sort();
        texts.dedup();
        texts
    };
    let (denied, unclear) = (refused(true), refused(false));
    if !denied.is_empty() {
        return Finding::bad(
            CHECK,
            role,
            Level::Failure,
            format!("it may not {}", denied.join("; ")),
            "deploy template.yaml again; if that does not help, look for a permissions boundary or a service control policy that denies this",
        );
    }
    if let Some(Err(error)) = simulated.iter().find(|one| one.is_err()) {
        return if error.code.as_deref() == Some("NoSuchEntity") {
            Finding::bad(
                CHECK,
                role,
                Level::Failure,
                "there is no such role",
                "eval the stack's output CliEnvironment again, or deploy template.yaml again",
            )
        } else {
            Finding::unknown(CHECK, role, error)
        };
    }
    if !unclear.is_empty() {
        return Finding::bad(
            CHECK,
            role,
            Level::Unknown,
            format!(
                "not known: whether it may {}. A policy may have a condition on something that only a real call carries, \
                 and the simulator may not know that a callback is limited to a state machine",
                unclear.join("; ")
            ),
            "see the role's policies; template.yaml limits SendTask* to the state machine",
        );
    }
    let what = format!("all {} that it needs are allowed by IAM", decisions.len());
    Finding::ok(CHECK, role, what)
}

/// A role whose ARN was not given.
#[must_use]
pub fn not_named(role: IamRole) -> Finding {
    Finding::bad(
        Check::Permissions,
        role,
        Level::Unknown,
        format!("not known: {} is not set", role.variable()),
        "deploy this version's template.yaml, whose output CliEnvironment sets it, and eval that again",
    )
}
