//! The parts, which are deployed on request: whether the function of each stands, is this stack's, and is run by its schedule.

use super::region::Rule;
use super::{Check, Finding, Level};
use crate::domain::deploy::names::StackName;
use crate::domain::deploy::part::Part;
use crate::domain::id::arn::Region;
use crate::domain::id::tags::StackId;

/// What Lambda shows of a part's function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartFunction {
    /// Its ARN.
    pub arn: String,
    /// The id of the stack that it works for, as its environment says.
    pub stack: Option<String>,
}

/// What is lost without the part.
fn without(part: Part) -> &'static str {
    match part {
        Part::Restore => "so what a drill leaves is removed by nobody, and you pay for it",
        Part::Report => "so the report in the bucket grows old",
    }
}

fn failure(part: Part, name: &StackName, what: &str, remedy: String) -> Finding {
    let what = format!("{what}, {}", without(part));
    Finding::bad(Check::Parts, name, Level::Failure, what, remedy)
}

fn deploys(part: Part) -> String {
    format!("snapferry deploy --with {}", part.word())
}

/// Judges a part whose stack does not stand. The remover is needed where policies have drills; nobody needs the report.
#[must_use]
pub fn not_deployed(part: Part, name: &StackName, drilled: &[&str]) -> Option<Finding> {
    let is_needed = part == Part::Restore && !drilled.is_empty();
    is_needed.then(|| {
        let what = format!(
            "it is not deployed, and these policies have drills: {}",
            drilled.join(", ")
        );
        failure(part, name, &what, deploys(part))
    })
}

/// Judges a part whose stack stands, by its function and the enabled and disabled rules that run it. Without a function, Lambda
/// has none of the name that the stack says, or the stack says none.
#[must_use]
pub fn part(
    part: Part,
    name: &StackName,
    ours: &StackId,
    function: Option<&PartFunction>,
    rules: &[Rule],
) -> Finding {
    let Some(function) = function else {
        let what = format!("the function of {} does not exist", part.function());
        return failure(part, name, &what, deploys(part));
    };
    if function.stack.as_deref() != Some(ours.as_str()) {
        let theirs = function.stack.as_deref().unwrap_or("no stack at all");
        let what = format!("{} works for {theirs} and not for {ours}", part.function());
        return failure(part, name, &what, deploys(part));
    }
    let names: Vec<&str> = rules.iter().map(|rule| rule.name.as_str()).collect();
    if names.is_empty() {
        let what = format!("no schedule runs {}", part.function());
        return failure(part, name, &what, deploys(part));
    }
    if !rules.iter().any(|rule| rule.enabled) {
        let what = format!(
            "the schedule of {} is disabled: {}",
            part.function(),
            names.join(", ")
        );
        return failure(part, name, &what, "enable it in EventBridge".to_owned());
    }
    let what = format!("{} is there, and its schedule runs it", part.function());
    Finding::ok(Check::Parts, name, what)
}

/// Judges where the caller's log-in lives: on the day that a source region is lost, so is what lives there.
#[must_use]
pub fn log_in(region: &Region, sources: &[Region]) -> Finding {
    if sources.contains(region) {
        return Finding::bad(
            Check::LogIn,
            region,
            Level::Warning,
            "you log in by single sign-on of this region, which is a source region: when it is lost, you cannot log in to restore",
            "have another way in that depends on no source region, such as a break-glass role (docs/DISASTER.md), and try it",
        );
    }
    Finding::ok(
        Check::LogIn,
        region,
        "you log in by single sign-on of this region, which is no source region",
    )
}
