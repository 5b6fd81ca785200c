//! The settings of a deployed stack, parsed once; every fault is reported at once.

mod preflight;

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use jiff::SignedDuration;
use thiserror::Error;

use crate::domain::arn::{KeyArn, Region, StateMachineArn};
use crate::domain::backoff::Backoff;
use crate::domain::limits::VISIBILITY_SECONDS_MAX;
use crate::domain::policy::{Policies, Policy};
use crate::domain::schedule::Schedule;
use crate::domain::tags::{PolicyName, StackId};
use crate::domain::text::ParseError;
use crate::domain::wait::Rules;

pub use preflight::Preflight;

/// The name of the policy that holds where none was stored.
pub const BUILT_IN_POLICY: &str = "default";

/// Every variable that is wrong, each with what was expected of it.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("the settings are not usable: {}", .faults.join("; "))]
pub struct SettingsError {
    /// One sentence a fault.
    pub faults: Vec<String>,
}

/// The variables that a function or the command line was given. Reading collects faults instead of stopping.
#[derive(Debug)]
pub struct Variables {
    values: BTreeMap<String, String>,
    faults: Vec<String>,
}

impl Variables {
    /// Takes pairs; the process's environment is one such list.
    pub fn new(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        Self {
            values: pairs
                .into_iter()
                .filter(|(_, value)| !value.is_empty())
                .collect(),
            faults: Vec::new(),
        }
    }

    /// The value of a variable, if it is set.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    fn required<T, E: std::fmt::Display>(
        &mut self,
        name: &str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Option<T> {
        match self.values.get(name) {
            None => {
                self.faults.push(format!("{name} is not set"));
                None
            }
            Some(value) => match parse(value) {
                Ok(value) => Some(value),
                Err(error) => {
                    self.faults.push(format!("{name}: {error}"));
                    None
                }
            },
        }
    }

    fn number<T: FromStr + PartialOrd + std::fmt::Display + Copy>(
        &mut self,
        name: &str,
        default: T,
        range: RangeInclusive<T>,
    ) -> T {
        let Some(value) = self.values.get(name) else {
            return default;
        };
        match value.parse::<T>() {
            Ok(number) if range.contains(&number) => number,
            _ => {
                self.faults.push(format!(
                    "{name}: {value:?} is not a number from {} to {}",
                    range.start(),
                    range.end()
                ));
                default
            }
        }
    }

    fn text(&self, name: &str, default: &str) -> String {
        self.values
            .get(name)
            .cloned()
            .unwrap_or_else(|| default.to_owned())
    }

    fn finish<T>(self, value: Option<T>) -> Result<T, SettingsError> {
        match value {
            Some(value) if self.faults.is_empty() => Ok(value),
            _ => Err(SettingsError {
                faults: self.faults,
            }),
        }
    }
}

/// What every function knows: whose stack, which table, which region is home.
#[derive(Debug, Clone)]
pub struct Stack {
    /// The rules' constants.
    pub rules: Rules,
    /// The recovery region: where everything runs.
    pub home: Region,
    /// The table's name.
    pub table: String,
    /// How many copies RDS may have in flight into the recovery region.
    pub copy_slots: usize,
    /// How many identifiers one describe call filters for.
    pub sweep_width: usize,
    /// The delay of a message that failed.
    pub backoff: Backoff,
    /// How long a hint is kept that RDS does not bear out yet.
    pub hint_recheck: Duration,
}

impl Stack {
    /// Reads the variables that all functions share.
    ///
    /// # Errors
    /// All faults at once.
    pub fn from_variables(mut vars: Variables) -> Result<Self, SettingsError> {
        let stack = Self::read(&mut vars);
        vars.finish(stack)
    }

    fn read(vars: &mut Variables) -> Option<Self> {
        let stack = vars.required("SNAPFERRY_STACK", StackId::parse);
        let home = vars.required("AWS_REGION", Region::parse);
        let table = vars.required("SNAPFERRY_TABLE", |text| {
            Ok::<_, SettingsError>(text.to_owned())
        });
        let grace = vars.number("SNAPFERRY_GRACE_SECONDS", 600, 1..=i64::MAX);
        let copy_slots = vars.number("SNAPFERRY_COPY_SLOTS", 20, 1..=usize::MAX);
        let sweep_width = vars.number("SNAPFERRY_SWEEP_WIDTH", 20, 1..=usize::MAX);
        let delays = 1..=VISIBILITY_SECONDS_MAX;
        let first = vars.number("SNAPFERRY_BACKOFF_SECONDS", 30, delays.clone());
        let most = vars.number("SNAPFERRY_BACKOFF_MAX_SECONDS", 900, delays.clone());
        let recheck = vars.number("SNAPFERRY_HINT_RECHECK_SECONDS", 5, delays);
        Some(Self {
            rules: Rules {
                stack: stack?,
                grace: SignedDuration::from_secs(grace),
            },
            home: home?,
            table: table?,
            copy_slots,
            sweep_width,
            backoff: Backoff {
                first: Duration::from_secs(first),
                most: Duration::from_secs(most),
            },
            hint_recheck: Duration::from_secs(recheck),
        })
    }
}

/// What the planner knows besides.
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
    /// The policies that hold where no set was ever applied: the built-in one.
    pub policies: Policies,
}

impl Planning {
    /// Reads the planner's variables.
    ///
    /// # Errors
    /// All faults at once.
    pub fn from_variables(mut vars: Variables) -> Result<Self, SettingsError> {
        let stack = Stack::read(&mut vars);
        let source_regions = vars.required("SNAPFERRY_SOURCE_REGIONS", regions);
        let state_machine = vars.required("SNAPFERRY_STATE_MACHINE_ARN", StateMachineArn::parse);
        let key = vars.required("SNAPFERRY_KMS_KEY", KeyArn::parse);
        let policies = built_in(&mut vars, key.as_ref());
        if let (Some(stack), Some(key)) = (&stack, &key)
            && key.region() != stack.home.as_str()
        {
            vars.faults.push(format!(
                "SNAPFERRY_KMS_KEY: the key lives in {}, and the copies in {}",
                key.region(),
                stack.home
            ));
        }
        if let (Some(stack), Some(regions)) = (&stack, &source_regions)
            && regions.contains(&stack.home)
        {
            vars.faults.push(format!(
                "SNAPFERRY_SOURCE_REGIONS: {} is the recovery region itself",
                stack.home
            ));
        }
        let all = (|| {
            Some(Self {
                stack: stack?,
                source_regions: source_regions?,
                state_machine: state_machine?,
                key: key?,
                policies: policies?,
            })
        })();
        vars.finish(all)
    }
}

fn regions(list: &str) -> Result<Vec<Region>, ParseError> {
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
fn built_in(vars: &mut Variables, key: Option<&KeyArn>) -> Option<Policies> {
    let pattern = vars.text("SNAPFERRY_SCHEDULE", "0 3 * * *");
    let zone = vars.text("SNAPFERRY_TIME_ZONE", "UTC");
    let schedule = Schedule::parse(&pattern, &zone)
        .map_err(|error| vars.faults.push(format!("SNAPFERRY_SCHEDULE: {error}")))
        .ok();
    let name = PolicyName::parse(BUILT_IN_POLICY).ok()?;
    let untagged = match vars.text("SNAPFERRY_SELECTION", "tagged").as_str() {
        "tagged" => Some(None),
        "all" => Some(Some(name.clone())),
        other => {
            vars.faults.push(format!(
                "SNAPFERRY_SELECTION: {other:?} is neither tagged nor all"
            ));
            None
        }
    };
    Some(Policies {
        all: vec![Policy::new(name, schedule?, key?.clone())],
        untagged: untagged?,
        copy_slots: None,
    })
}
