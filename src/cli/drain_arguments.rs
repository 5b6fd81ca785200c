//! What `snapferry drain` can be told.

use clap::Args;

#[derive(Debug, Args)]
pub(super) struct DrainArguments {
    /// Pause every policy. Without it, nothing changes.
    #[arg(long)]
    pub(super) yes: bool,
    /// With --yes: also stop the runs that are open, instead of letting them end.
    #[arg(long, requires = "yes")]
    pub(super) stop: bool,
}
