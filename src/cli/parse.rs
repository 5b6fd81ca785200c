//! Reads the command line.

use std::ffi::OsString;

use clap::parser::ValueSource;
use clap::{ArgMatches, FromArgMatches, ValueEnum};

use super::arguments::Arguments;
use super::groups;
use super::terminal::{Color, width_of_output};

/// Whether the command line asks for JSON, also where clap cannot read the rest of it.
#[must_use]
pub fn asks_for_json(words: &[OsString]) -> bool {
    let is_json = |word: &OsString| {
        ["--json", "--output=json", "-ojson", "-o=json"]
            .iter()
            .any(|it| word == it)
    };
    let is_output = |word: &OsString| word == "--output" || word == "-o";
    words.iter().any(is_json)
        || words
            .windows(2)
            .any(|pair| is_output(&pair[0]) && pair[1] == "json")
}

/// Parses the command line. Its first word is the program's name.
///
/// # Errors
/// If there is nothing to carry out. The error is clap's answer: the help, the version, or what is wrong.
pub fn parse(words: &[OsString]) -> Result<Arguments, clap::Error> {
    // Clap's own answers follow the choice too, and it gives them before the arguments are known.
    if let Some(color) = said_color(words) {
        color.choose();
    }
    let matches = groups::command(width_of_output()).try_get_matches_from(words)?;
    let mut arguments = Arguments::from_arg_matches(&matches)?;
    arguments.stack.is_named_by_flag = is_flag(&matches, "name");
    Ok(arguments)
}

/// Whether the command line itself says a global argument, before or after its subcommand.
fn is_flag(matches: &ArgMatches, id: &str) -> bool {
    matches.value_source(id) == Some(ValueSource::CommandLine)
        || matches
            .subcommand()
            .is_some_and(|(_, matches)| is_flag(matches, id))
}

fn said_color(words: &[OsString]) -> Option<Color> {
    let mut words = words.iter().map(|word| word.to_string_lossy());
    while let Some(word) = words.next() {
        if word == "--color" {
            return Color::from_str(&words.next()?, true).ok();
        }
        if let Some(when) = word.strip_prefix("--color=") {
            return Color::from_str(when, true).ok();
        }
    }
    None
}
