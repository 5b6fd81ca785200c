//! `docs/DISASTER.md`: the page for the day names only commands and options that exist.

use crate::commands::bare;

const PAGE: &str = include_str!("../../docs/DISASTER.md");

/// The words of a line up to a redirection, as a shell splits it. Quoted words hold blanks.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (at, part) in line.split('"').enumerate() {
        match at % 2 {
            0 => words.extend(part.split_whitespace().map(ToOwned::to_owned)),
            _ => words.push(part.to_owned()),
        }
    }
    words.into_iter().take_while(|word| word != ">").collect()
}

/// Every command of the page, in blocks and in sentences.
fn commands() -> Vec<Vec<String>> {
    let (mut blocks, mut all) = (PAGE.split("```"), Vec::new());
    while let Some(text) = blocks.next() {
        let sentences = text.split('`').skip(1).step_by(2);
        all.extend(sentences.map(ToOwned::to_owned));
        if let Some(block) = blocks.next() {
            all.extend(block.lines().map(ToOwned::to_owned));
        }
    }
    let is_ours = |line: &String| line.starts_with("snapferry ");
    all.iter()
        .filter(|line| is_ours(line))
        .map(|line| words(line))
        .collect()
}

#[test]
fn every_command_of_the_page_exists_with_its_options() {
    let commands = commands();
    assert!(commands.len() >= 10, "{commands:?}");
    for command in commands {
        let mut arguments: Vec<&str> = command[1..].iter().map(String::as_str).collect();
        // Unknown options are refused before the help is printed.
        arguments.push("--help");
        let output = bare(&arguments).output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{command:?}: {error}");
    }
}

#[test]
fn the_first_steps_are_to_stop_the_old_one_and_to_log_in_without_the_lost_region() {
    let at = |words: &str| PAGE.find(words).unwrap_or_else(|| panic!("{words}"));
    let order = [
        "## 1. Make sure that the old one is down",
        "## 2. Log in without the lost region",
        "snapferry freeze",
        "snapferry status",
        "```sh\nsnapferry restore --all --dry-run\n```",
        "snapferry restore --group shop --yes",
        "snapferry restore --all --yes",
        "## 7. Connect",
        "## 8. Protect it again",
        "## 9. Come home",
        "# One database where it was",
    ];
    for pair in order.windows(2) {
        assert!(at(pair[0]) < at(pair[1]), "{pair:?}");
    }
}
