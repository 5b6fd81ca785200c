//! The arguments of `snapferry start`.

use clap::Args;
use jiff::Timestamp;

use super::planning_arguments::PlanningArguments;
use super::time_argument::time;

#[derive(Debug, Args)]
pub(super) struct StartArguments {
    /// Plan the last due time of the schedule again: failed executions start again under their next name, and
    /// databases that were added since get their first execution.
    #[arg(long, conflicts_with = "at")]
    pub(super) again: bool,
    /// Make recovery points for this time instead of the schedule's due time, such as 2026-11-22T03:00:00Z. A day
    /// such as 2026-11-22 is its beginning in UTC.
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(super) at: Option<Timestamp>,
    /// Start only the databases that RDS has refused permanently, for the last due time, and forget the refusals. Use it
    /// after you have changed what RDS named.
    #[arg(long, conflicts_with_all = ["at", "again"])]
    pub(super) retry_refused: bool,
    /// Start only this database, by identifier, ARN or resource id. Give it several times for several databases.
    #[arg(long = "database", value_name = "DATABASE")]
    pub(super) databases: Vec<String>,
    /// Start only the databases of this policy. Give it several times for several policies.
    #[arg(long = "policy", value_name = "POLICY")]
    pub(super) policies: Vec<String>,
    /// Only show what would be started.
    #[arg(long, conflicts_with = "wait")]
    pub(super) dry_run: bool,
    /// Follow what was started, and what is running already, to the end. The exit code is 1 if a recovery point is not made.
    /// An interrupt ends the command, and the executions go on.
    #[arg(long)]
    pub(super) wait: bool,
    #[command(flatten)]
    pub(super) planning: PlanningArguments,
}
