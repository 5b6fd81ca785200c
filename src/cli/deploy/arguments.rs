//! The options of `snapferry deploy`.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::domain::deploy::part::Part;

pub(in crate::cli) const EXAMPLES: &str = "\
Examples:
  snapferry deploy --recovery-region eu-central-1 --source-region eu-west-1,eu-north-1 \\
    --key KEY_ARN --email you@example.com
  snapferry deploy --recovery-region eu-central-1 --source-region eu-west-1 --topic TOPIC_ARN \\
    --parameter CopySlots=10
  snapferry deploy --dry-run
  snapferry deploy --with restore --dry-run
  snapferry deploy --with report --parameter ReportBucket=my-reports --dry-run
  snapferry deploy --emit pipeline/

The options may stand in snapferry.toml; a flag wins over it:

  [deploy]
  stack = \"snapferry\"
  recovery_region = \"eu-central-1\"
  source_regions = [\"eu-west-1\"]
  key = \"KEY_ARN\"
  [deploy.parameters]
  CopySlots = 10";

#[derive(Debug, Default, Args)]
pub(in crate::cli) struct DeployArguments {
    /// The recovery region: where the copies, the functions and everything else will be.
    #[arg(long, value_name = "REGION")]
    pub(super) recovery_region: Option<String>,
    /// The regions whose databases are to be protected, separated by commas. Can be given several times.
    #[arg(long = "source-region", value_name = "REGION", value_delimiter = ',')]
    pub(super) source_regions: Vec<String>,
    /// The KMS key of the recovery region that encrypts the copies. Without it a new stack makes its own, and a stack that
    /// exists keeps its key.
    #[arg(long, value_name = "ARN")]
    pub(super) key: Option<String>,
    /// The address that the alarms write to. SNS asks its reader once to confirm it. Without it and --topic they notify
    /// nobody.
    #[arg(long, value_name = "ADDRESS", conflicts_with = "topic")]
    pub(super) email: Option<String>,
    /// The SNS topic of the recovery region that the alarms notify.
    #[arg(long, value_name = "ARN")]
    pub(super) topic: Option<String>,
    /// Another parameter of template.yaml, restore.yaml or report.yaml, such as Selection=all. Can be given several times.
    #[arg(long = "parameter", value_name = "NAME=VALUE")]
    pub(super) parameters: Vec<String>,
    /// The function: the zip of a release, or the program bootstrap [default: the zip beside this program, then
    /// target/lambda/bootstrap]
    #[arg(long, value_name = "FILE")]
    pub(super) function: Option<PathBuf>,
    /// Also deploy this stack: restore, which deletes what drills left (restore.yaml, as NAME-restore), or report, which puts
    /// the report into a bucket by schedule (report.yaml, as NAME-report). Can be given several times.
    #[arg(long, value_name = "STACK", value_parser = Part::ALL.map(Part::word))]
    pub(super) with: Vec<String>,
    /// The function of restore.yaml: the zip of a release, or the program drills [default: the zip beside this program, then
    /// target/lambda/drills]
    #[arg(long, value_name = "FILE")]
    pub(super) drills_function: Option<PathBuf>,
    /// The function of report.yaml: the zip of a release, or the program report [default: the zip beside this program, then
    /// target/lambda/report]
    #[arg(long, value_name = "FILE")]
    pub(super) report_function: Option<PathBuf>,
    /// The processor that the function runs on: arm64 or x86_64 [default: the one that the program was built for]
    #[arg(long, value_name = "WORD")]
    pub(super) architecture: Option<String>,
    /// The bucket of the recovery region for code and template [default: snapferry-deployments-ACCOUNT-REGION, which is
    /// made]
    #[arg(long, value_name = "NAME")]
    pub(super) bucket: Option<String>,
    /// Deploy the templates of this folder and not those that this program carries: template.yaml, source-region.yaml,
    /// statemachine/protect.asl.json, and those of --with: restore.yaml, report.yaml.
    #[arg(long, value_name = "DIRECTORY")]
    pub(super) templates: Option<PathBuf>,
    /// A file with these options [default: snapferry.toml, if there is one]
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Change no stack: only show what would change. The bucket is made and filled all the same.
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Do not ask before a stack changes.
    #[arg(long, conflicts_with = "dry_run")]
    pub(super) yes: bool,
    /// Go on although the table, a queue or the state machine is replaced or removed, or a source region is no longer
    /// named.
    #[arg(long)]
    pub(super) accept_loss: bool,
    /// Do not ask IAM's simulator whether you have the rights that a deployment needs.
    #[arg(long)]
    pub(super) without_rights_check: bool,
    /// Write templates, function and parameters to this folder, for a pipeline of your own, and ask AWS nothing.
    #[arg(long, value_name = "DIRECTORY", conflicts_with_all = ["dry_run", "yes"])]
    pub(super) emit: Option<PathBuf>,
}

impl DeployArguments {
    /// The program of a part's function.
    pub(super) fn program(&self, part: Part) -> Option<&Path> {
        match part {
            Part::Restore => self.drills_function.as_deref(),
            Part::Report => self.report_function.as_deref(),
        }
    }
}
