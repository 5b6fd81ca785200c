//! How an answer is printed.

use clap::{Args, ValueEnum};

/// The forms of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// Text for people.
    Table,
    /// One object, for programs.
    Json,
}

/// How the answer is printed.
#[derive(Debug, Clone, Copy, Args)]
#[command(next_help_heading = "Output")]
pub(super) struct FormatArguments {
    /// How the answer is printed.
    #[arg(long, short = 'o', global = true, value_enum, default_value = "table")]
    output: Format,
    /// The same as --output json.
    #[arg(long, global = true, conflicts_with = "output")]
    json: bool,
}

impl FormatArguments {
    pub(super) fn is_json(self) -> bool {
        self.json || self.output == Format::Json
    }
}
