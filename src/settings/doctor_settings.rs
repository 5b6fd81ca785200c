//! The doctor's settings. They accept more than the planner's: a key of another region, for example, is a finding of the
//! doctor, while the planner would not start.

use std::collections::BTreeMap;

use super::faults::SettingsError;
use super::planning::{STACK_NAME, built_in, regions};
use super::stack::Stack;
use super::variables::Variables;
use crate::domain::deploy::names::StackName;
use crate::domain::deploy::timing::Timing;
use crate::domain::doctor::permissions::{RoleArn, StackFacts, queue_arn};
use crate::domain::id::arn::{KeyArn, Region, StateMachineArn};
use crate::domain::id::role::IamRole;
use crate::domain::id::text::ParseError;
use crate::domain::policy::in_force::Policies;
use crate::domain::run::slot_limits::CopySlots;

/// The doctor's settings.
#[derive(Debug, Clone)]
pub struct DoctorSettings {
    /// The built-in policy, which is in force if no set was ever applied.
    pub built_in: Policies,
    /// How many copies RDS may have in flight into the recovery region.
    pub copy_slots: CopySlots,
    /// The facts of the stack that its roles' permissions depend on.
    pub stack_facts: StackFacts,
    /// The databases' keys that the stack was given, wildcards and all. If the list is empty: every key of the account.
    pub source_key_patterns: Vec<String>,
    /// The dead-letter queue of commands.
    pub commands_dead_letters: String,
    /// The dead-letter queue of events.
    pub events_dead_letters: String,
    /// The topic that the alarms notify, if there is one.
    pub alarm_topic: Option<String>,
    /// The time limits of functions and queues, if the stack says them.
    pub timing: Option<Timing>,
    /// The name of the stack, where it is known: the parts are found by it.
    pub stack_name: Option<StackName>,
    /// The ARNs of the roles that were given.
    pub roles: BTreeMap<IamRole, RoleArn>,
}

impl DoctorSettings {
    /// Reads the doctor's variables.
    ///
    /// # Errors
    /// All faults at once.
    pub fn from_variables(mut vars: Variables) -> Result<Self, SettingsError> {
        let read = Self::read(&mut vars);
        vars.finish(read)
    }

    fn read(vars: &mut Variables) -> Option<Self> {
        let stack = Stack::read(vars);
        let source_regions = vars.required("SNAPFERRY_SOURCE_REGIONS", regions);
        let state_machine = vars.required("SNAPFERRY_STATE_MACHINE_ARN", StateMachineArn::parse);
        let key = vars.required("SNAPFERRY_KMS_KEY", KeyArn::parse);
        let source_key_patterns =
            vars.get("SNAPFERRY_SOURCE_KEY_ARNS")
                .map_or_else(Vec::new, |list| {
                    let given = list.split(',').filter(|arn| !arn.is_empty());
                    given.map(ToOwned::to_owned).collect()
                });
        let source_keys = vars.optional("SNAPFERRY_SOURCE_KEY_ARNS", source_keys);
        let built_in = built_in(vars, key.as_ref());
        let text = |url: &str| Ok::<_, SettingsError>(url.to_owned());
        let commands_dead_letters = vars.required("SNAPFERRY_COMMANDS_DEAD_LETTER_QUEUE_URL", text);
        let events_dead_letters = vars.required("SNAPFERRY_EVENTS_DEAD_LETTER_QUEUE_URL", text);
        let partition = state_machine
            .as_ref()
            .and_then(|arn| arn.as_str().split(':').nth(1))
            .unwrap_or("aws")
            .to_owned();
        let home = stack.as_ref().map(|stack| stack.home.clone());
        let mut arn_of = |name: &str| {
            let home: &Region = home.as_ref()?;
            vars.required(name, |url| queue_arn(url, &partition, home))
        };
        let commands_queue = arn_of("SNAPFERRY_COMMANDS_QUEUE_URL");
        let events_queue = arn_of("SNAPFERRY_EVENTS_QUEUE_URL");
        let alarm_topic = vars.optional("SNAPFERRY_ALARM_TOPIC_ARN", text);
        let timing = timing(vars);
        let roles = roles(vars);
        let stack_name = vars.optional(STACK_NAME, StackName::parse);
        if let (Some(home), Some(regions)) = (&home, &source_regions)
            && regions.contains(home)
        {
            vars.fault(format!(
                "SNAPFERRY_SOURCE_REGIONS: {home} is the recovery region itself"
            ));
        }
        let stack = stack?;
        Some(Self {
            copy_slots: stack.copy_slots,
            stack_facts: StackFacts {
                stack: stack.rules.stack,
                home: stack.home,
                source_regions: source_regions?,
                table: stack.table,
                state_machine: state_machine?,
                key: key?,
                source_keys: source_keys.unwrap_or_default(),
                commands_queue: commands_queue?,
                events_queue: events_queue?,
            },
            built_in: built_in?,
            source_key_patterns,
            commands_dead_letters: commands_dead_letters?,
            events_dead_letters: events_dead_letters?,
            alarm_topic,
            timing,
            stack_name,
            roles,
        })
    }
}

/// Leaves out ARNs with a wildcard, because the doctor cannot look at such a key.
fn source_keys(list: &str) -> Result<Vec<KeyArn>, ParseError> {
    let given = list
        .split(',')
        .filter(|arn| !arn.is_empty() && !arn.contains('*'));
    given.map(KeyArn::parse).collect()
}

/// A stack of an earlier version does not say them.
fn timing(vars: &mut Variables) -> Option<Timing> {
    let mut seconds = |name| vars.optional(name, |text| text.parse::<u64>());
    let function = seconds("SNAPFERRY_FUNCTION_TIMEOUT_SECONDS");
    let visibility = seconds("SNAPFERRY_VISIBILITY_SECONDS");
    let read = seconds("SNAPFERRY_RDS_READ_SECONDS");
    let change = seconds("SNAPFERRY_RDS_CHANGE_SECONDS");
    Some(Timing {
        function: function?,
        visibility: visibility?,
        read: read?,
        change: change?,
    })
}

/// A missing role is a finding of the doctor. A text that is not a role's ARN is a fault of the settings.
fn roles(vars: &mut Variables) -> BTreeMap<IamRole, RoleArn> {
    let given = IamRole::ALL
        .into_iter()
        .filter_map(|role| Some((role, vars.optional(role.variable(), RoleArn::parse)?)));
    given.collect()
}
