//! The options of all commands that plan: where the fleet is, and the built-in policy.

use clap::Args;

#[derive(Debug, Args)]
#[command(
    next_help_heading = "Built-in policy (schedule, time zone and selection count only if no policy file was applied)"
)]
pub(super) struct PlanningArguments {
    /// The state machine that protects one database.
    #[arg(long, value_name = "ARN", env = "SNAPFERRY_STATE_MACHINE_ARN")]
    state_machine: Option<String>,
    /// The regions whose databases are protected, separated by commas.
    #[arg(long, value_name = "REGIONS", env = "SNAPFERRY_SOURCE_REGIONS")]
    source_regions: Option<String>,
    /// The recovery region's key for the copies of policies that name no key.
    #[arg(long, value_name = "ARN", env = "SNAPFERRY_KMS_KEY")]
    kms_key: Option<String>,
    /// The times at which databases are due, as a cron pattern: minute hour day month weekday [default: 0 3 * * *]
    #[arg(long, value_name = "CRON", env = "SNAPFERRY_SCHEDULE")]
    schedule: Option<String>,
    /// The schedule's time zone, such as Europe/Paris [default: UTC]
    #[arg(long, value_name = "ZONE", env = "SNAPFERRY_TIME_ZONE")]
    time_zone: Option<String>,
    /// Which databases are protected: tagged or all [default: tagged]
    #[arg(long, env = "SNAPFERRY_SELECTION")]
    selection: Option<String>,
    /// What databases without a recovery point do: wait for their first due time, or start now [default: wait]
    #[arg(long, value_name = "WORD", env = "SNAPFERRY_FIRST_RUN")]
    first_run: Option<String>,
}

impl PlanningArguments {
    pub(super) fn flags(&self) -> [(&'static str, &Option<String>); 7] {
        [
            ("SNAPFERRY_STATE_MACHINE_ARN", &self.state_machine),
            ("SNAPFERRY_SOURCE_REGIONS", &self.source_regions),
            ("SNAPFERRY_KMS_KEY", &self.kms_key),
            ("SNAPFERRY_SCHEDULE", &self.schedule),
            ("SNAPFERRY_TIME_ZONE", &self.time_zone),
            ("SNAPFERRY_SELECTION", &self.selection),
            ("SNAPFERRY_FIRST_RUN", &self.first_run),
        ]
    }
}
