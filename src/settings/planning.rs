//! The planner's settings.

use super::faults::SettingsError;
use super::stack::Stack;
use super::variables::Variables;
use crate::domain::deploy::names::StackName;
use crate::domain::id::arn::{KeyArn, Region, StateMachineArn};
use crate::domain::id::tags::PolicyName;
use crate::domain::id::text::ParseError;
use crate::domain::policy::in_force::{Policies, Policy};
use crate::domain::policy::keep_span::KeepSpan;
use crate::domain::policy::schedule::Schedule;
use crate::domain::policy::span::Span;
use crate::domain::policy::timing::FirstRun;

/// The name of the policy that is in force if no set was ever applied.
pub const BUILT_IN_POLICY: &str = "default";

/// The variable with the name of the stack of `template.yaml`.
pub const STACK_NAME: &str = "SNAPFERRY_STACK_NAME";

/// The planner's settings.
#[derive(Debug, Clone)]
pub struct Planning {
    /// The stack.
    pub stack: Stack,
    /// The regions whose databases are protected.
    pub source_regions: Vec<Region>,
    /// The state machine that protects one database.
    pub state_machine: StateMachineArn,
    /// The recovery region's key, for policies that name none.
    pub key: KeyArn,
    /// The built-in policy, which is in force if no set was ever applied.
    pub policies: Policies,
    /// What databases without a recovery point do.
    pub first_run: FirstRun,
    /// The name of the stack, where it is known: the parts are found by it.
    pub stack_name: Option<StackName>,
}

impl Planning {
    /// Reads the planner's variables.
    ///
    /// # Errors
    /// All faults at once.
    pub fn from_variables(mut vars: Variables) -> Result<Self, SettingsError> {
        let planning = Self::read(&mut vars);
        vars.finish(planning)
    }

    /// Reads the same variables, and adds their faults to the others.
    pub fn read(vars: &mut Variables) -> Option<Self> {
        let stack = Stack::read(vars);
        let source_regions = vars.required("SNAPFERRY_SOURCE_REGIONS", regions);
        let state_machine = vars.required("SNAPFERRY_STATE_MACHINE_ARN", StateMachineArn::parse);
        let key = vars.required("SNAPFERRY_KMS_KEY", KeyArn::parse);
        let policies = built_in(vars, key.as_ref());
        let first_run = vars.text("SNAPFERRY_FIRST_RUN", "wait");
        let first_run = FirstRun::parse(&first_run)
            .map_err(|error| vars.fault(format!("SNAPFERRY_FIRST_RUN: {error}")))
            .ok();
        let stack_name = vars.optional(STACK_NAME, StackName::parse);
        if let (Some(stack), Some(key)) = (&stack, &key)
            && key.region() != stack.home.as_str()
        {
            vars.fault(format!(
                "SNAPFERRY_KMS_KEY: the key lives in {}, and the copies in {}",
                key.region(),
                stack.home
            ));
        }
        if let (Some(stack), Some(regions)) = (&stack, &source_regions)
            && regions.contains(&stack.home)
        {
            vars.fault(format!(
                "SNAPFERRY_SOURCE_REGIONS: {} is the recovery region itself",
                stack.home
            ));
        }
        Some(Self {
            stack: stack?,
            source_regions: source_regions?,
            state_machine: state_machine?,
            key: key?,
            policies: policies?,
            first_run: first_run?,
            stack_name,
        })
    }
}

pub(super) fn regions(list: &str) -> Result<Vec<Region>, ParseError> {
    let names: Vec<&str> = list
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .collect();
    if names.is_empty() {
        return Err(ParseError::new(
            list,
            "a list of AWS regions, separated by commas",
        ));
    }
    names.into_iter().map(Region::parse).collect()
}

/// The policy of the template's parameters.
pub(super) fn built_in(vars: &mut Variables, key: Option<&KeyArn>) -> Option<Policies> {
    let pattern = vars.text("SNAPFERRY_SCHEDULE", "0 3 * * *");
    let zone = vars.text("SNAPFERRY_TIME_ZONE", "UTC");
    let schedule = Schedule::parse(&pattern, &zone)
        .map_err(|error| vars.fault(format!("SNAPFERRY_SCHEDULE: {error}")))
        .ok();
    let name = PolicyName::parse(BUILT_IN_POLICY).ok()?;
    let untagged = match vars.text("SNAPFERRY_SELECTION", "tagged").as_str() {
        "tagged" => Some(None),
        "all" => Some(Some(name.clone())),
        other => {
            vars.fault(format!(
                "SNAPFERRY_SELECTION: {other:?} is neither tagged nor all"
            ));
            None
        }
    };
    let retention = vars.optional("SNAPFERRY_RETENTION", KeepSpan::parse);
    let rpo = vars.optional("SNAPFERRY_RPO", Span::parse);
    let mut policy = Policy::new(name, schedule?, key?.clone());
    policy.options.retention.short = retention;
    policy.options.rpo = rpo;
    policy.options.catch_up = Some(Span::CATCH_UP);
    Some(Policies {
        all: vec![policy],
        untagged: untagged?,
        copy_slots: None,
        cluster_copy_slots: None,
    })
}
