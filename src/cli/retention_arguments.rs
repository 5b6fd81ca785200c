//! The arguments of the commands that hold recovery points, and that stop all removal.

use clap::Args;

#[derive(Debug, Args)]
pub(super) struct HoldArguments {
    /// The recovery point: its identifier or ARN.
    #[arg(value_name = "ID")]
    pub(super) id: String,
    /// Why, for the next person; RDS stores it as the tag's value.
    #[arg(long, value_name = "TEXT")]
    pub(super) why: String,
    /// Hold it. Without it, the recovery point is only shown.
    #[arg(long)]
    pub(super) yes: bool,
}

#[derive(Debug, Args)]
pub(super) struct ReleaseArguments {
    /// The recovery point: its identifier or ARN.
    #[arg(value_name = "ID")]
    pub(super) id: String,
    /// Release it. Without it, the recovery point is only shown.
    #[arg(long)]
    pub(super) yes: bool,
}

#[derive(Debug, Args)]
pub(super) struct FreezeArguments {
    /// Why, for the next person.
    #[arg(long, value_name = "TEXT")]
    pub(super) why: String,
    /// Also leave alone what drills made. No drill begins while removal is frozen, with or without this.
    #[arg(long)]
    pub(super) and_drills: bool,
    /// Freeze. Without it, the state is only shown.
    #[arg(long)]
    pub(super) yes: bool,
}

#[derive(Debug, Args)]
pub(super) struct ThawArguments {
    /// Thaw. Without it, the state is only shown.
    #[arg(long)]
    pub(super) yes: bool,
}
