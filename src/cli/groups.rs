//! The commands by what a person wants to do: the list that `snapferry --help` shows.

use clap::{Command, CommandFactory};

use super::arguments::Arguments;
use super::show::columns;

const GROUPS: [(&str, &[&str]); 6] = [
    (
        "See how things stand",
        &["status", "report", "waits", "trace", "doctor"],
    ),
    (
        "Say what is protected, and start it",
        &["policy", "plan", "start"],
    ),
    ("Put right what failed", &["replay", "redrive", "stop"]),
    (
        "Keep and remove recovery points",
        &["prune", "hold", "release", "freeze", "thaw"],
    ),
    ("Get a database back", &["catalog", "restore", "drill"]),
    (
        "Set up and take down",
        &["deploy", "drain", "destroy", "completions", "man"],
    ),
];

const USAGE: &str = "snapferry [OPTIONS] <COMMAND>";
/// How wide a help is at most, as clap's own.
const WIDTH_MAX: u16 = 100;

/// The command line as clap reads it. Its help lists the commands in groups.
pub(super) fn command(width: Option<u16>) -> Command {
    let command = Arguments::command();
    let groups = list(&command, width);
    // Clap would list them all once more.
    let names: Vec<String> = command
        .get_subcommands()
        .map(|one| one.get_name().to_owned())
        .collect();
    let command = names.into_iter().fold(command, |command, name| {
        command.mut_subcommand(name, |one| one.hide(true))
    });
    command.override_usage(USAGE).help_template(format!(
        "{{about-with-newline}}\n{{usage-heading}} {{usage}}\n\n{groups}\n{{all-args}}{{after-help}}"
    ))
}

fn list(command: &Command, width: Option<u16>) -> String {
    let heading = command.get_styles().get_header();
    let literal = command.get_styles().get_literal();
    let width = width.unwrap_or(WIDTH_MAX).min(WIDTH_MAX);
    let mut all = String::new();
    for (task, names) in GROUPS {
        let rows = names.iter().map(|name| {
            let about = command.find_subcommand(name).and_then(Command::get_about);
            [
                format!("  {name:<11}"),
                about.map_or_else(String::new, ToString::to_string),
            ]
        });
        let rows = columns(rows, width);
        all.push_str(&format!("{heading}{task}:{heading:#}\n"));
        for line in rows.lines() {
            let name = line.get(2..).and_then(|rest| rest.split(' ').next());
            match name.filter(|name| names.contains(name)) {
                Some(name) => {
                    let rest = &line[2 + name.len()..];
                    all.push_str(&format!("  {literal}{name}{literal:#}{rest}\n"));
                }
                None => all.push_str(&format!("{line}\n")),
            }
        }
        all.push('\n');
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_stands_in_one_group() {
        let mut grouped: Vec<&str> = GROUPS
            .iter()
            .flat_map(|(_, names)| *names)
            .copied()
            .collect();
        grouped.sort_unstable();
        let command = Arguments::command();
        let mut known: Vec<&str> = command.get_subcommands().map(Command::get_name).collect();
        known.sort_unstable();
        assert_eq!(grouped, known);
    }
}
