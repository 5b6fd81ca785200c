//! What `snapferry destroy` can be told.

use clap::Args;

pub(super) const EXAMPLES: &str = "\
Examples:
  snapferry --region eu-central-1 --stack snapferry destroy
  snapferry --region eu-central-1 --stack snapferry destroy --yes
  snapferry --region eu-central-1 --stack snapferry destroy --yes --stop";

#[derive(Debug, Args)]
pub(super) struct DestroyArguments {
    /// Pause every policy, and delete the stacks once nothing runs. Without it, nothing changes.
    #[arg(long)]
    pub(super) yes: bool,
    /// With --yes: also stop the runs that are open, instead of letting them end.
    #[arg(long, requires = "yes")]
    pub(super) stop: bool,
    /// A region whose stack still stands although it is no source region any more. Can be given several times.
    #[arg(long = "source-region", value_name = "REGION", value_delimiter = ',')]
    pub(super) source_regions: Vec<String>,
}
