//! What the command line says of itself: completions for shells, and manual pages.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, Command};
use clap_complete::{Shell, generate};

use super::outcome::{CliError, Ended};

const NAME: &str = "snapferry";

pub(super) const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  snapferry completions bash > ~/.local/share/bash-completion/completions/snapferry
  snapferry completions zsh > ~/.zfunc/_snapferry";

pub(super) const MAN_EXAMPLES: &str = "\
Example:
  snapferry man man    writes into the directory man; then: man -l man/snapferry.1";

#[derive(Debug, Args)]
pub(super) struct CompletionsArguments {
    /// The shell.
    shell: Shell,
}

#[derive(Debug, Args)]
pub(super) struct ManArguments {
    /// The directory for the pages, one for each command. It must exist.
    #[arg(value_name = "DIRECTORY")]
    directory: PathBuf,
}

pub(super) fn write_completions(
    arguments: &CompletionsArguments,
    mut command: Command,
    out: &mut impl Write,
) -> Result<Ended, CliError> {
    // The generator ends the process if it cannot write, so it writes to memory.
    let mut script = Vec::new();
    generate(arguments.shell, &mut command, NAME, &mut script);
    out.write_all(&script)?;
    Ok(Ended::Well)
}

pub(super) fn write_man_pages(
    arguments: &ManArguments,
    command: Command,
) -> Result<Ended, CliError> {
    let directory: &Path = &arguments.directory;
    clap_mangen::generate_to(command, directory).map_err(|source| CliError::FileWrite {
        path: directory.to_owned(),
        source,
    })?;
    Ok(Ended::Well)
}
