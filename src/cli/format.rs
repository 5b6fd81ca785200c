//! How an answer is printed.

use clap::{Args, ValueEnum};

use super::terminal::{Color, write_for_terminal};

/// The forms of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// Text for people.
    Table,
    /// The same; no row is folded, and no text cut.
    Wide,
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
    /// When the answer is coloured: auto follows NO_COLOR, CLICOLOR_FORCE and the terminal.
    #[arg(
        long,
        value_name = "WHEN",
        global = true,
        value_enum,
        default_value = "auto"
    )]
    color: Color,
}

impl FormatArguments {
    /// From now on answers are written as these arguments and the terminal say.
    pub(super) fn apply(self) {
        self.color.choose();
        write_for_terminal(self.output == Format::Wide);
    }

    pub(super) fn is_json(self) -> bool {
        self.json || self.output == Format::Json
    }
}
