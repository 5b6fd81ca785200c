//! What all commands have in common: examples that run, exit codes, JSON, colours.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;
use std::time::Duration;

use serde_json::Value;

use crate::commands::{bare, configured, ran, text};
use crate::server::{Answer, Server, ok};
use crate::wire::Asked;
use crate::world::KEY;

const POINT: &str = "sf-orders-20261122t0300z-abcdefghij";
const QUEUE: &str = "https://sqs.eu-central-1.amazonaws.com/111122223333/queue";

/// Every command that asks AWS, with the arguments that it cannot do without.
const ASK_AWS: [&[&str]; 26] = [
    &["catalog", "diff", "orders"],
    &["catalog", "show", "orders"],
    &["doctor"],
    &["drain"],
    &["drill", "--due", "--dry-run"],
    &["freeze", "--why", "x"],
    &["hold", POINT, "--why", "x"],
    &["plan"],
    &["policy", "apply", "policies.toml"],
    &["policy", "history"],
    &["policy", "show"],
    &["prune"],
    &["redrive"],
    &["release", POINT],
    &["replay", "commands"],
    &["replay", "events"],
    &["replay", "events", "--source-region", "eu-west-1"],
    &["report"],
    &["restore", "--database", "orders", "--dry-run"],
    &["start"],
    &["start", "--dry-run"],
    &["status"],
    &["stop", "--database", "orders"],
    &["thaw"],
    &["trace", "orders"],
    &["waits"],
];

/// The commands that need no AWS, and those that have commands of their own.
const OTHERS: [&[&str]; 10] = [
    &["catalog"],
    &["completions"],
    &["deploy"],
    &["destroy"],
    &["man"],
    &["policy"],
    &["policy", "keeps"],
    &["replay"],
    &["restore"],
    &["drill"],
];

/// A directory with the files that the examples name. They are written once: a test that writes them again would take
/// them from a command that another test runs.
fn directory() -> &'static str {
    static WRITTEN: LazyLock<&str> = LazyLock::new(write_directory);
    *WRITTEN
}

fn write_directory() -> &'static str {
    const DIRECTORY: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/examples");
    std::fs::create_dir_all(Path::new(DIRECTORY).join("man")).unwrap();
    let policies = "[policy.default]\nschedule = \"0 3 * * *\"\n[policy.gold]\nschedule = \"0 * * * *\"\nkeep_daily = 7\n";
    std::fs::write(Path::new(DIRECTORY).join("policies.toml"), policies).unwrap();
    let deploy = format!(
        "[deploy]\nrecovery_region = \"eu-central-1\"\nsource_regions = [\"eu-west-1\"]\nkey = \"{KEY}\"\n"
    );
    std::fs::write(Path::new(DIRECTORY).join("snapferry.toml"), deploy).unwrap();
    let times = r#"["2026-11-27T03:00:00Z"]"#;
    std::fs::write(Path::new(DIRECTORY).join("times.json"), times).unwrap();
    DIRECTORY
}

fn with_queues(mut command: Command) -> Command {
    for name in [
        "SNAPFERRY_COMMANDS_QUEUE_URL",
        "SNAPFERRY_COMMANDS_DEAD_LETTER_QUEUE_URL",
        "SNAPFERRY_EVENTS_QUEUE_URL",
        "SNAPFERRY_EVENTS_DEAD_LETTER_QUEUE_URL",
    ] {
        command.env(name, QUEUE);
    }
    command
        .env("SNAPFERRY_PRUNER", "pruner")
        .current_dir(directory());
    command
}

/// What changes nothing in AWS.
const ONLY_READ: [&str; 13] = [
    "catalog diff",
    "catalog show",
    "completions",
    "doctor",
    "man",
    "plan",
    "policy history",
    "policy keeps",
    "policy show",
    "report",
    "status",
    "trace",
    "waits",
];

#[test]
fn what_changes_something_waits_for_a_yes_or_the_page_says_that_it_acts_at_once() {
    let at_once = |page: &'static str| {
        let mut lines = page.lines();
        let said = lines.find_map(|line| Some(line.split_once("act at once")?.0));
        said.expect("the page names what acts at once")
    };
    let status = at_once(include_str!("../../docs/STATUS.md"));
    let readme = at_once(include_str!("../../README.md"));
    for words in ASK_AWS.iter().chain(&OTHERS) {
        let has_commands = ["catalog", "policy", "replay"].contains(&words[0]);
        let command = match (has_commands, words.len()) {
            (true, 1) => continue,
            (true, _) => &words[..2],
            (false, _) => &words[..1],
        };
        let name = command.join(" ");
        if ONLY_READ.contains(&name.as_str()) {
            continue;
        }
        let help = ran(&bare(&[command, &["--help"]].concat()).output().unwrap(), 0);
        for at_once in [status, readme] {
            assert_eq!(
                help.contains("--yes"),
                !at_once.contains(&format!("`{name}`")),
                "{name}: {at_once}"
            );
        }
    }
}

fn denied(_: &Asked) -> Answer {
    Answer::Http(
        400,
        r#"{"__type":"AccessDeniedException","message":"not allowed"}"#.to_owned(),
    )
}

fn commands_in(help: &str) -> BTreeSet<String> {
    let lines = help.lines().skip_while(|line| !line.starts_with("See how"));
    let lines = lines.take_while(|line| !line.starts_with("Options:"));
    let names = lines.filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    let names = names.filter(|name| !name.is_empty());
    names.map(ToOwned::to_owned).collect()
}

#[test]
fn the_help_lists_every_command_once_by_what_a_person_wants_to_do() {
    let help = ran(&bare(&["--help"]).output().unwrap(), 0);
    let all = ASK_AWS.iter().chain(&OTHERS);
    let known: BTreeSet<String> = all.map(|words| words[0].to_owned()).collect();
    assert_eq!(commands_in(&help), known, "{help}");
    assert!(!help.contains("Commands:"), "{help}");
    assert!(
        help.contains("Usage: snapferry [OPTIONS] <COMMAND>"),
        "{help}"
    );
    let widest = help.lines().map(|line| line.chars().count()).max();
    assert!(widest <= Some(120), "{widest:?}: {help}");
}

/// The lines of a help that are examples, as a shell would take them up to the first pipe.
fn examples(help: &str) -> Vec<String> {
    let lines = help.lines().skip_while(|line| !line.starts_with("Example"));
    let mut all: Vec<String> = Vec::new();
    let mut goes_on = false;
    for line in lines {
        let line = line.trim_start();
        // What is said of an example stands behind a gap.
        let line = line.split("   ").next().unwrap_or(line);
        let (words, continued) = match line.strip_suffix('\\') {
            Some(words) => (words, true),
            None => (line, false),
        };
        match all.last_mut() {
            Some(last) if goes_on => last.push_str(words),
            _ if line.starts_with("snapferry ") => all.push(words.to_owned()),
            _ => {}
        }
        goes_on = continued;
    }
    let first = |line: String| {
        let ends = [" | ", " > ", " && "]
            .iter()
            .filter_map(|end| line.find(end));
        let end = ends.min().unwrap_or(line.len());
        line[..end].to_owned()
    };
    all.into_iter().map(first).collect()
}

fn in_a_shell(server: &Server, line: &str) -> Output {
    let program = Path::new(env!("CARGO_BIN_EXE_snapferry"));
    let mut shell = Command::new("/bin/sh");
    let of = with_queues(configured(server, &[]));
    shell.env_clear().current_dir(directory());
    for (name, value) in of.get_envs() {
        if let Some(value) = value {
            shell.env(name, value);
        }
    }
    shell
        .env("PATH", program.parent().unwrap())
        .args(["-c", line])
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

#[test]
fn every_command_has_examples_and_each_of_them_is_a_command_line_that_it_takes() {
    let server = Server::start(|_| ok("{}"));
    for words in ASK_AWS.iter().chain(&OTHERS) {
        let takes = |word: &&&str| {
            !word.starts_with('-')
                && !["orders", "x", POINT, "policies.toml", "eu-west-1"].contains(word)
        };
        let command: Vec<&str> = words.iter().filter(takes).copied().collect();
        if [&["catalog"][..], &["policy"], &["replay"]].contains(&&command[..]) {
            continue;
        }
        let help = bare(&[&command[..], &["--help"]].concat())
            .output()
            .unwrap();
        let examples = examples(&ran(&help, 0));
        assert!(!examples.is_empty(), "{command:?} has no examples");
        for line in examples {
            let output = in_a_shell(&server, &line);
            let said = format!("{}{}", text(&output.stdout), text(&output.stderr));
            // A word such as KEY_ARN stands for what only the reader knows, and so does the function's zip.
            let is_understood = ["not found", "_ARN", "name the function"]
                .iter()
                .any(|part| said.contains(part) || line.contains(part));
            let has_run = match output.status.code() {
                Some(0 | 1 | 3) => true,
                Some(2) => is_understood,
                _ => false,
            };
            assert!(has_run, "{line}: {:?}: {said}", output.status);
            assert!(!said.contains("Usage:"), "{line}: {said}");
        }
    }
}

#[test]
fn every_command_exits_with_2_without_its_settings_and_with_3_if_aws_could_not_be_asked() {
    let server = Server::start(denied);
    for words in ASK_AWS {
        let json = [words, &["--json"]].concat();
        let mut without = bare(&json);
        without.current_dir(directory());
        let mut asked = with_queues(configured(&server, &json));
        let code = match words[0] {
            // It says of each check that it could not be made. One of them is a failure without settings.
            "doctor" => 1,
            _ => 3,
        };
        for (command, code) in [(&mut without, 2), (&mut asked, code)] {
            let output = command.output().unwrap();
            let (out, err) = (text(&output.stdout), text(&output.stderr));
            assert_eq!(output.status.code(), Some(code), "{words:?}: {out}\n{err}");
            let answer: Value = serde_json::from_str(&out).unwrap_or_else(|error| {
                panic!("{words:?}: {error}: {out}");
            });
            assert_eq!(answer["schema"], 1, "{words:?}: {out}");
        }
    }
}

#[cfg(unix)]
#[test]
fn a_person_who_interrupts_a_command_gets_130() {
    let server = Server::start(|asked| match asked.action().as_str() {
        "DescribeDBSnapshots" => {
            std::thread::sleep(Duration::from_secs(20));
            ok("{}")
        }
        _ => ok("{}"),
    });
    let mut child = configured(&server, &["status"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // It has installed its handler before it asks anything.
    while !server
        .asked()
        .iter()
        .any(|asked| asked.action() == "DescribeDBSnapshots")
    {
        std::thread::yield_now();
    }
    let id = child.id().to_string();
    let sent = Command::new("/bin/sh")
        .args(["-c", &format!("kill -INT {id}")])
        .status()
        .unwrap();
    assert!(sent.success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

#[test]
fn an_answer_is_colored_where_a_person_wants_it_and_only_there() {
    let server = Server::start(|_| ok("{}"));
    let shown = |arguments: &[&str], environment: &[(&str, &str)]| {
        let arguments = [&["doctor"], arguments].concat();
        let mut command = with_queues(configured(&server, &arguments));
        command.envs(environment.iter().copied());
        let out = text(&command.output().unwrap().stdout);
        assert!(out.contains("unknown"), "{out}");
        out
    };
    let is_colored = |text: String| text.contains('\x1b');
    assert!(!is_colored(shown(&[], &[])), "a pipe");
    assert!(is_colored(shown(&["--color", "always"], &[])));
    assert!(is_colored(shown(&[], &[("CLICOLOR_FORCE", "1")])));
    let both = [("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")];
    assert!(!is_colored(shown(&[], &both)));
    assert!(!is_colored(shown(
        &["--color=never"],
        &[("CLICOLOR_FORCE", "1")]
    )));
    assert!(!is_colored(shown(&["--color", "always", "--json"], &[])));
    let help = |arguments: &[&str]| text(&bare(arguments).output().unwrap().stdout);
    assert!(!is_colored(help(&["--help"])));
    assert!(is_colored(help(&["--color", "always", "--help"])));
}
