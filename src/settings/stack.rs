//! The settings that every function has.

use std::time::Duration;

use jiff::SignedDuration;

use super::faults::SettingsError;
use super::variables::Variables;
use crate::domain::id::arn::Region;
use crate::domain::id::tags::StackId;
use crate::domain::limits::{CLUSTER_COPY_SLOTS, COPY_SLOTS_MAX, VISIBILITY_SECONDS_MAX};
use crate::domain::run::backoff::Backoff;
use crate::domain::run::slot_limits::CopySlots;
use crate::domain::run::wait::Rules;

/// What the variable was called before the command line could look a stack up by its name. A function of this version
/// may meet the environment of the last one; the next version need not read it.
const OLD_STACK_ID: &str = "SNAPFERRY_STACK";

/// The settings that every function has: the stack, its table, its recovery region.
#[derive(Debug, Clone)]
pub struct Stack {
    /// The rules' constants.
    pub rules: Rules,
    /// The recovery region: where everything runs.
    pub home: Region,
    /// The table's name.
    pub table: String,
    /// How many copies RDS may have in flight into the recovery region.
    pub copy_slots: CopySlots,
    /// How many identifiers one describe call asks for.
    pub sweep_width: usize,
    /// How long the sweep leaves a young wait alone between two looks at it.
    pub look: SignedDuration,
    /// The delay of a message that failed.
    pub backoff: Backoff,
    /// How long a hint waits in the queue before Snapferry asks again, if RDS does not confirm it yet.
    pub hint_recheck: Duration,
    /// Whether Snapferry publishes events of its own about recovery points.
    pub own_events: bool,
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

    /// Reads the same variables, and adds their faults to the others.
    pub fn read(vars: &mut Variables) -> Option<Self> {
        let stack = vars.renamed("SNAPFERRY_STACK_ID", OLD_STACK_ID, StackId::parse);
        let home = vars.required("AWS_REGION", Region::parse);
        let table = vars.required("SNAPFERRY_TABLE", |text| {
            Ok::<_, SettingsError>(text.to_owned())
        });
        let grace = vars.number("SNAPFERRY_GRACE_SECONDS", 600, 1..=i64::MAX);
        let copy_slots = CopySlots {
            all: vars.number("SNAPFERRY_COPY_SLOTS", COPY_SLOTS_MAX, 1..=usize::MAX),
            clusters: vars.number(
                "SNAPFERRY_CLUSTER_COPY_SLOTS",
                CLUSTER_COPY_SLOTS,
                1..=usize::MAX,
            ),
        };
        let sweep_width = vars.number("SNAPFERRY_SWEEP_WIDTH", 20, 1..=usize::MAX);
        let look = vars.number("SNAPFERRY_LOOK_SECONDS", 120, 1..=3_600);
        let delays = 1..=VISIBILITY_SECONDS_MAX;
        let first = vars.number("SNAPFERRY_BACKOFF_SECONDS", 30, delays.clone());
        let max = vars.number("SNAPFERRY_BACKOFF_MAX_SECONDS", 900, delays.clone());
        let recheck = vars.number("SNAPFERRY_HINT_RECHECK_SECONDS", 5, delays);
        let own_events = vars.is_yes("SNAPFERRY_EVENTS");
        Some(Self {
            rules: Rules {
                stack: stack?,
                grace: SignedDuration::from_secs(grace),
            },
            home: home?,
            table: table?,
            copy_slots,
            sweep_width,
            look: SignedDuration::from_secs(look),
            backoff: Backoff {
                first: Duration::from_secs(first),
                max: Duration::from_secs(max),
            },
            hint_recheck: Duration::from_secs(recheck),
            own_events,
        })
    }
}
