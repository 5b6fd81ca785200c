//! The command line, as clap reads it.

use clap::{Args, Parser, Subcommand};

use super::catalog::arguments::CatalogArguments;
use super::deploy::arguments::{DeployArguments, EXAMPLES as DEPLOY_EXAMPLES};
use super::destroy_arguments::{DestroyArguments, EXAMPLES as DESTROY_EXAMPLES};
use super::drain_arguments::DrainArguments;
use super::drill::arguments::{DrillArguments, EXAMPLES as DRILL_EXAMPLES};
use super::examples;
use super::format::FormatArguments;
use super::planning_arguments::PlanningArguments;
use super::policy::arguments::{PolicyAction, PolicyArguments};
use super::restore::arguments::{EXAMPLES as RESTORE_EXAMPLES, RestoreArguments};
use super::retention_arguments::{FreezeArguments, HoldArguments, ReleaseArguments, ThawArguments};
use super::shell::{COMPLETIONS_EXAMPLES, CompletionsArguments, MAN_EXAMPLES, ManArguments};
use super::start_arguments::StartArguments;
use super::status_arguments::{ReportArguments, StatusArguments};
use super::time_argument::TimeArgument;
use super::trace_arguments::{EXAMPLES as TRACE_EXAMPLES, TraceArguments};
use crate::app::prune_preview::PlanPart;
use crate::settings::Variables;

const AFTER_HELP: &str = "\
--stack NAME names the CloudFormation stack in the recovery region, and everything else is read from its outputs:

  snapferry --region eu-central-1 --stack snapferry plan

Flags win over the environment, and both win over the stack's outputs. With --stack, an environment that names
another stack's id, table, state machine, queues or pruner is refused. A script that must not ask CloudFormation each
time can set the environment once, from the stack's output CliEnvironment: where the environment names the table,
SNAPFERRY_STACK_NAME is only a name.

Credentials come from the AWS SDK's default chain: the environment, a profile (--profile, AWS_PROFILE),
single sign-on, a container or an instance. SNAPFERRY_LOG=info writes more to the error output.

Exit codes:
  0    all is well
  1    something needs a person, or did not succeed
  2    the command line or the settings are not usable
  3    AWS could not be asked, or not about everything
  130  interrupted";

/// Copies snapshots of the selected Amazon RDS and Aurora databases to another region. No execution and no function
/// waits for them by polling.
#[derive(Debug, Parser)]
#[command(name = "snapferry", version, after_help = AFTER_HELP, propagate_version = true)]
pub struct Arguments {
    #[command(flatten)]
    pub(super) stack: StackArguments,
    #[command(subcommand)]
    pub(super) action: Action,
}

/// Which stack to use. A flag wins over its variable.
#[derive(Debug, Args)]
#[command(next_help_heading = "Stack")]
pub(super) struct StackArguments {
    /// The recovery region, where the stack is.
    #[arg(long, global = true, env = "AWS_REGION")]
    pub(super) region: Option<String>,
    /// The CloudFormation stack in the recovery region: all settings are read from its outputs.
    #[arg(
        long = "stack",
        value_name = "NAME",
        global = true,
        env = "SNAPFERRY_STACK_NAME"
    )]
    pub(super) name: Option<String>,
    /// Whether `name` was said on the command line.
    #[arg(skip)]
    pub(super) is_named_by_flag: bool,
    /// The id that marks everything the stack made (tag snapferry:stack).
    #[arg(long, value_name = "ID", global = true, env = "SNAPFERRY_STACK_ID")]
    stack_id: Option<String>,
    /// The stack's table.
    #[arg(long, global = true, env = "SNAPFERRY_TABLE")]
    table: Option<String>,
    /// The profile with your credentials [env: AWS_PROFILE]
    #[arg(long, global = true)]
    pub(super) profile: Option<String>,
    #[command(flatten)]
    pub(super) format: FormatArguments,
}

#[derive(Debug, Subcommand)]
pub(super) enum Action {
    /// Deploy the stacks of all regions, or change them: shows what would change, asks, and acts.
    ///
    /// Uploads the function and the template to a bucket in the recovery region, has CloudFormation compare the stack of
    /// the recovery region and that of each source region, and says in plain words what would change. A second run
    /// without a change changes nothing. Parameters that nobody names keep their values. Acts if you say yes, or at once
    /// with --yes.
    #[command(after_help = DEPLOY_EXAMPLES)]
    Deploy(DeployArguments),
    /// Check what would fail at the next due time, and say how to fix it. Changes nothing.
    ///
    /// Checks the policies in force and their keys, the databases that they select, the keys and option groups of
    /// those databases, other stacks' snapshots of them, quotas for snapshots and copies, the forwarding rules, the
    /// dead-letter queues, and what each role may do (with IAM's policy simulator). Exits with 1 if a check failed.
    /// Checks you lack permission for are reported as unknown and do not fail the command.
    #[command(after_help = examples::DOCTOR)]
    Doctor(DoctorArguments),
    /// Start an execution for each database that is due, with your own credentials.
    ///
    /// Does what the planner does every five minutes: lists the databases of each source region, selects them by
    /// tag, and starts one execution for each. Reports a database whose execution is still running, and does not
    /// start a second one.
    #[command(alias = "run", after_help = examples::START)]
    Start(StartArguments),
    /// Show whether a policy selects each database of every source region, and why. Changes nothing.
    ///
    /// A database is selected (by which policy, and next when), put off, refused, or excluded, with the reason.
    /// Warnings say what you should know before: whether a snapshot pauses I/O, what a copy costs, what may expire.
    /// The exit code is 0 even with refusals and warnings, 1 if a tag names no policy or a database's row could not be
    /// read, and 3 if a source region could not be read.
    #[command(after_help = examples::PLAN)]
    Plan(PlanArguments),
    /// Show how every database stands: its newest recovery point, its age, and what is in the way.
    ///
    /// What needs a person comes first, with the remedy; the rest is counted, and --all shows it. Everything is
    /// computed from what RDS holds now and from the table. If a source region cannot be read,
    /// its databases are still judged by their recovery points. Exits with 1 when something needs a person, and with 3 when something could not be read.
    #[command(after_help = examples::STATUS)]
    Status(StatusArguments),
    /// Report on every database and its last 30 due times: as JSON, or as one self-contained page.
    ///
    /// Contains everything that status shows, for all databases, with the last due times of each, and the policies with
    /// their keys.
    /// The exit codes are those of status.
    #[command(after_help = examples::REPORT)]
    Report(ReportArguments),
    /// List the snapshots and copies that Snapferry waits for, and the copies that wait for a slot, oldest first.
    #[command(after_help = examples::WAITS)]
    Waits,
    /// Tell the story of one recovery point, and what it waits for now.
    ///
    /// Puts together what Step Functions, the table and RDS say: when it was due, when its execution was started, when RDS
    /// began the snapshot and the copy, what went wrong, and how it ended. Names no token.
    #[command(after_help = TRACE_EXAMPLES)]
    Trace(TraceArguments),
    /// Check, apply and show the policy file: which databases are protected, when, and under which key.
    ///
    /// If no file was ever applied, the built-in policy of the template's parameters is in force.
    Policy(PolicyArguments),
    /// Show which recovery points the rules of retention keep, which may go, and why. With --yes, have them removed.
    ///
    /// Lists the recovery region's manual snapshots and judges those that this stack made by the policies in force
    /// (see docs/RETENTION.md). With --yes the pruner makes its own plan. If that is the plan shown, it
    /// removes at once, without the grace period. You need no right to delete, only to invoke the pruner.
    #[command(after_help = examples::PRUNE)]
    Prune(PruneArguments),
    /// Show a recovery point. With --yes, hold it: Snapferry then never removes it, regardless of the rules.
    #[command(after_help = examples::HOLD)]
    Hold(HoldArguments),
    /// Show a recovery point. With --yes, release it: the rules of its policy decide about it again.
    #[command(after_help = examples::RELEASE)]
    Release(ReleaseArguments),
    /// Show whether removal is frozen. With --yes, freeze it: the pruner removes nothing until somebody thaws it.
    #[command(after_help = examples::FREEZE)]
    Freeze(FreezeArguments),
    /// Show whether removal is frozen. With --yes, thaw it.
    #[command(after_help = examples::THAW)]
    Thaw(ThawArguments),
    /// Show the dead letters. With --yes, send them to their queue again, after you have fixed their cause.
    ///
    /// Shows what each dead letter is, which database it concerns, since when it is there, and why. With --yes, sends
    /// each selected one to its queue and then deletes it, in this order, so an interruption loses nothing. The
    /// worker drops a command whose execution no longer waits for it.
    Replay(ReplayArguments),
    /// Show the executions that failed. With --yes, continue them at the state that failed.
    ///
    /// An execution cannot be redriven if it ended more than 14 days ago, or if the state machine's definition has
    /// changed since; the list says so. With --yes --restart, a new execution does its work under the next name and
    /// adopts the snapshots that exist. If a database has several failed executions, only the latest continues.
    #[command(after_help = examples::REDRIVE)]
    Redrive(RedriveArguments),
    /// Show runs that are open. With --yes, stop them, so that their databases can be started anew.
    ///
    /// A run keeps the key, the option group and the other options with which it was started. If one of them was wrong,
    /// a replay is refused again: apply the right policy, stop the run, and start its database again. A stop ends the
    /// execution, frees its database and forgets what it waited for. What RDS makes already is finished, and a good copy
    /// counts as a recovery point. Nothing is deleted in RDS.
    #[command(after_help = examples::STOP)]
    Stop(StopArguments),
    /// Prepare to delete the stacks: show what starts and what runs. With --yes, pause every policy; --stop ends the runs.
    #[command(after_help = examples::DRAIN)]
    Drain(DrainArguments),
    /// Delete the stacks of all regions, and nothing that is a recovery point: shows what would go and what stays. Acts with
    /// --yes.
    ///
    /// With --yes it pauses every policy first. While an execution runs or a snapshot or copy is awaited, it deletes nothing
    /// and exits with 1: run it again when they have ended, or end them with --stop. Then it deletes the source regions'
    /// stacks and the recovery region's. An interrupted run can be repeated. Snapshots, copies, the table and the key stay,
    /// and the answer says what they cost and how a new stack takes them over.
    #[command(after_help = DESTROY_EXAMPLES)]
    Destroy(DestroyArguments),
    /// Show what is stored of a database's configuration: what its snapshots do not carry.
    ///
    /// The planner and the reactor store it in the recovery region's table when they start a run, and only when it is new.
    /// No source region is asked.
    Catalog(CatalogArguments),
    /// Restore databases in the recovery region, or print templates that do. --dry-run changes nothing.
    ///
    /// Shows every call in order, every setting with where it comes from (snapshot, catalog, mapping, RDS's default), and
    /// what stops a restore. With --yes, or after asking on a terminal, it carries the restores out with your own rights
    /// and follows them. Interrupted, it goes on when the same command is run again. No source region is asked.
    #[command(after_help = RESTORE_EXAMPLES)]
    Restore(RestoreArguments),
    /// Drill: restore recovery points under names of their own, check, measure and delete what was restored.
    ///
    /// Shows which databases are due, why each other is not, the plan of each drill and what it costs at most. With --yes,
    /// or after asking on a terminal, it carries the drills out with your own rights and follows them until RDS shows
    /// nothing of them any more (see docs/DRILLS.md). Interrupted, it goes on when the same command is run again. --clean
    /// removes what outlived its deadline. Nothing but what a drill made is ever changed or deleted.
    #[command(after_help = DRILL_EXAMPLES)]
    Drill(DrillArguments),
    /// Print a script that completes the commands and options in a shell.
    #[command(after_help = COMPLETIONS_EXAMPLES)]
    Completions(CompletionsArguments),
    /// Write manual pages, one for each command.
    #[command(after_help = MAN_EXAMPLES)]
    Man(ManArguments),
}

impl Action {
    /// Whether the command asks AWS anything, and so needs to know the stack.
    pub(super) fn asks_aws(&self) -> bool {
        match self {
            Self::Completions(_) | Self::Deploy(_) | Self::Destroy(_) | Self::Man(_) => false,
            Self::Policy(policy) => !matches!(policy.action, PolicyAction::Keeps(_)),
            _ => true,
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct DoctorArguments {
    /// Only this source region. Can be given several times [default: all of SNAPFERRY_SOURCE_REGIONS]
    #[arg(long = "source-region", value_name = "REGION")]
    pub(super) source_regions: Vec<String>,
    /// Only this database: its identifier, ARN or resource id. Can be given several times.
    #[arg(long = "database", value_name = "DATABASE")]
    pub(super) databases: Vec<String>,
}

#[derive(Debug, Args)]
pub(super) struct ReplayArguments {
    #[command(subcommand)]
    pub(super) action: ReplayAction,
}

#[derive(Debug, Subcommand)]
pub(super) enum ReplayAction {
    /// Commands that wait for a person. Their executions sleep on, for up to four days.
    #[command(after_help = examples::REPLAY_COMMANDS)]
    Commands(ReplayCommandsArguments),
    /// Events that could not be handled or delivered. They are only hints: the sweep does their work meanwhile.
    #[command(after_help = examples::REPLAY_EVENTS)]
    Events(ReplayEventsArguments),
}

#[derive(Debug, Args)]
pub(super) struct ReplayCommandsArguments {
    #[command(flatten)]
    pub(super) mail: DeadLetterArguments,
    /// The dead-letter queue.
    #[arg(
        long,
        value_name = "URL",
        env = "SNAPFERRY_COMMANDS_DEAD_LETTER_QUEUE_URL"
    )]
    pub(super) dead_letter_queue_url: Option<String>,
    /// The queue to send its messages to.
    #[arg(long, value_name = "URL", env = "SNAPFERRY_COMMANDS_QUEUE_URL")]
    pub(super) queue_url: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct ReplayEventsArguments {
    #[command(flatten)]
    pub(super) mail: DeadLetterArguments,
    /// Replay the events that the forwarding rule of this source region could not deliver: from the dead-letter
    /// queue of source-region.yaml to the recovery region's events queue.
    #[arg(long, value_name = "REGION")]
    pub(super) source_region: Option<String>,
    /// That region's dead-letter queue, if its name is not the one that source-region.yaml gives it.
    #[arg(long, value_name = "URL", requires = "source_region")]
    pub(super) source_queue_url: Option<String>,
    /// The recovery region's dead-letter queue.
    #[arg(
        long,
        value_name = "URL",
        env = "SNAPFERRY_EVENTS_DEAD_LETTER_QUEUE_URL"
    )]
    pub(super) dead_letter_queue_url: Option<String>,
    /// The queue to send the messages to.
    #[arg(long, value_name = "URL", env = "SNAPFERRY_EVENTS_QUEUE_URL")]
    pub(super) queue_url: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct DeadLetterArguments {
    /// Only for this database: its identifier, ARN or resource id. Can be given several times.
    #[arg(long = "database", value_name = "DATABASE")]
    pub(super) databases: Vec<String>,
    /// Only messages first sent at this time or later: 2026-11-22T03:00:00Z, or 12h for the last 12 hours.
    #[arg(long, value_name = "TIME", value_parser = TimeArgument::parse)]
    pub(super) since: Option<TimeArgument>,
    /// Only messages whose reason contains this text, such as AccessDenied, fix-key or raise-quota.
    #[arg(long, value_name = "TEXT")]
    pub(super) reason: Option<String>,
    /// Also messages that cannot be read. Use it after you have deployed a version that reads them.
    #[arg(long)]
    pub(super) unreadable: bool,
    /// Replay. Without it, the messages are only shown, and whether an execution still waits for each command.
    #[arg(long)]
    pub(super) yes: bool,
    /// Only show, as without --yes.
    #[arg(long, hide = true, conflicts_with = "yes")]
    dry_run: bool,
    /// Look at this many at most.
    #[arg(long, alias = "most", value_name = "N", default_value_t = 1_000, value_parser = number)]
    pub(super) limit: usize,
}

#[derive(Debug, Args)]
pub(super) struct RedriveArguments {
    /// Only executions that ended at this time or later: 2026-11-22T03:00:00Z, or 12h for the last 12 hours
    /// [default: 14d, as long as an execution can be redriven]
    #[arg(long, value_name = "TIME", value_parser = TimeArgument::parse)]
    pub(super) since: Option<TimeArgument>,
    /// Only executions that ended before this time.
    #[arg(long, value_name = "TIME", value_parser = TimeArgument::parse)]
    pub(super) until: Option<TimeArgument>,
    /// Only for this database: its identifier, ARN or resource id. Can be given several times.
    #[arg(long = "database", value_name = "DATABASE")]
    pub(super) databases: Vec<String>,
    /// Redrive. Without it, the executions are only shown.
    #[arg(long)]
    pub(super) yes: bool,
    /// With --yes: start a new execution in place of each that cannot be redriven.
    #[arg(long)]
    pub(super) restart: bool,
    /// Look at this many at most, the latest first.
    #[arg(long, alias = "most", value_name = "N", default_value_t = 200, value_parser = number)]
    pub(super) limit: usize,
    /// The state machine that protects one database.
    #[arg(long, value_name = "ARN", env = "SNAPFERRY_STATE_MACHINE_ARN")]
    pub(super) state_machine: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct StopArguments {
    /// The execution's name or ARN. Can be given several times.
    #[arg(
        value_name = "EXECUTION",
        required_unless_present = "databases",
        conflicts_with = "databases"
    )]
    pub(super) executions: Vec<String>,
    /// The open runs of this database: its identifier, ARN or resource id. Can be given several times.
    #[arg(long = "database", value_name = "DATABASE")]
    pub(super) databases: Vec<String>,
    /// Why, for those who look at the execution later.
    #[arg(long, value_name = "TEXT", default_value = "a person stopped it")]
    pub(super) why: String,
    /// Stop. Without it, the runs are only shown.
    #[arg(long)]
    pub(super) yes: bool,
    /// The state machine that protects one database.
    #[arg(long, value_name = "ARN", env = "SNAPFERRY_STATE_MACHINE_ARN")]
    pub(super) state_machine: Option<String>,
}

fn number(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err("a number of 1 or more was expected".to_owned()),
    }
}

#[derive(Debug, Args)]
pub(super) struct PlanArguments {
    /// Only the databases that this policy selects.
    #[arg(long, value_name = "NAME")]
    pub(super) policy: Option<String>,
    /// Only the databases of this source region. Can be given several times.
    #[arg(long, value_name = "REGION")]
    pub(super) source_region: Vec<String>,
    #[command(flatten)]
    pub(super) planning: PlanningArguments,
}

#[derive(Debug, Args)]
pub(super) struct PruneArguments {
    /// Only this database: its identifier, ARN or resource id. Can be given several times.
    #[arg(long = "database", value_name = "DATABASE")]
    pub(super) databases: Vec<String>,
    /// Say why this recovery point stays or may go: its identifier or ARN.
    #[arg(long, value_name = "ID")]
    pub(super) explain: Option<String>,
    /// Have the pruner remove what may go. Without it, the plan is only shown.
    #[arg(long, conflicts_with = "explain")]
    pub(super) yes: bool,
    /// Only databases that are gone: three complete listings of their region, a week apart, did not show them.
    #[arg(long)]
    pub(super) gone: bool,
    /// With --gone: even the last recovery points of the databases that --database names. Name each by its resource id if
    /// several have had its name. What is held, awaited, a mismatch or somebody else's stays.
    #[arg(long, requires_all = ["gone", "databases"])]
    pub(super) include_last: bool,
    /// With --yes: approve a version of the policies that lets go what the version before it would keep. It overrides
    /// nothing else.
    #[arg(long, requires = "yes", conflicts_with_all = ["databases", "gone"])]
    pub(super) force: bool,
    /// The pruner's function.
    #[arg(long, value_name = "FUNCTION", env = "SNAPFERRY_PRUNER")]
    pub(super) pruner: Option<String>,
    #[command(flatten)]
    pub(super) planning: PlanningArguments,
}

impl PruneArguments {
    /// The part of the plan that is shown or carried out.
    pub(super) fn part(&self) -> PlanPart<'_> {
        PlanPart {
            databases: &self.databases,
            gone: self.gone,
            include_last: self.include_last,
        }
    }
}

/// The environment's variables. A flag replaces the variable of its name.
pub(super) fn variables<'a>(
    environment: Vec<(String, String)>,
    flags: impl IntoIterator<Item = (&'static str, &'a Option<String>)>,
) -> Variables {
    let flags = flags
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value.clone()?)));
    // The later pair wins.
    Variables::new(environment.into_iter().chain(flags))
}

impl StackArguments {
    pub(super) fn flags(&self) -> [(&'static str, &Option<String>); 3] {
        [
            ("AWS_REGION", &self.region),
            ("SNAPFERRY_STACK_ID", &self.stack_id),
            ("SNAPFERRY_TABLE", &self.table),
        ]
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_command_line_is_well_formed() {
        use clap::CommandFactory;
        super::Arguments::command().debug_assert();
    }
}
