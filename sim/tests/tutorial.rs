//! docs/TUTORIAL.md, command by command, in the world that `cargo demo --break … --keep` leaves.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use snapferry_sim::python::venv;

/// The AWS CLI of the tests of the RDS model.
pub(crate) const TOOLS: &str = "awscli==1.46.3\nc7n==0.9.53\n";
/// How long a command may have to be repeated until it says what the page shows.
const PATIENCE: Duration = Duration::from_mins(2);

/// A command of the page, and the lines that its output must contain.
pub(crate) struct Step {
    pub(crate) command: String,
    pub(crate) shows: Vec<String>,
}

/// The blocks of the page: `sh` is typed, and the next `text` is what it shows.
pub(crate) fn steps(page: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut blocks = page.split("```");
    while let (Some(_), Some(block)) = (blocks.next(), blocks.next()) {
        let (kind, body) = block.split_once('\n').unwrap();
        match kind {
            "sh" => steps.push(Step {
                command: body.trim().to_owned(),
                shows: Vec::new(),
            }),
            "text" => {
                let shows = body.lines().map(ToOwned::to_owned);
                steps.last_mut().unwrap().shows.extend(shows);
            }
            other => panic!("a block of the kind {other:?}"),
        }
    }
    steps
}

/// A text with one blank where it has several: tables differ in their widths.
pub(crate) fn plain(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A running demo, which an interrupt ends.
struct Demo(Child);

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = kill_process(Pid::from_child(&self.0), Signal::INT);
        let _ = self.0.wait();
    }
}

/// Runs every command of the page's part about a fault in a world of its own. The answer is the folder in which they ran.
fn play(fault: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let page = std::fs::read_to_string(root.join("docs/TUTORIAL.md")).unwrap();
    let begins = |step: &Step| step.command.starts_with("cargo demo ");
    let is_of_it = |step: &Step| step.command.contains(&format!("--break {fault} "));
    let all = steps(&page).into_iter();
    let mut of_it = all.skip_while(|step| !is_of_it(step));
    let begin = of_it.next().unwrap();
    let steps = of_it.take_while(|step| !begins(step));
    let arguments = begin.command.strip_prefix("cargo demo ").unwrap();
    let tools = venv(root, "tools", TOOLS).unwrap();

    let mut demo = Command::new(env!("CARGO_BIN_EXE_snapferry-sim"));
    demo.arg("demo").args(arguments.split(' '));
    demo.args(["--speed", "120"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    let mut demo = Demo(demo.spawn().unwrap());
    let (mut said, mut exports) = (String::new(), String::new());
    for line in BufReader::new(demo.0.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        said.push_str(&line);
        said.push('\n');
        if line.starts_with("export ") {
            exports.push_str(&line);
            exports.push('\n');
        }
        if line.starts_with("export PATH=") {
            break;
        }
    }
    for line in &begin.shows {
        assert!(said.contains(line), "{line:?} is missing: {said}");
    }

    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("tutorial-{fault}"));
    std::fs::create_dir_all(&folder).unwrap();
    let tools = tools.parent().unwrap().display().to_string();
    for Step { command, shows } in steps {
        let script = format!("{exports}\nexport PATH=\"$PATH:{tools}\"\n{command}\n");
        let deadline = Instant::now() + PATIENCE;
        loop {
            let output = Command::new("bash")
                .args(["-c", &script])
                .current_dir(&folder)
                .output()
                .unwrap();
            let text = String::from_utf8_lossy(&output.stdout).into_owned()
                + &String::from_utf8_lossy(&output.stderr);
            // 1 says that something needs a person.
            let has_run = matches!(output.status.code(), Some(0 | 1));
            let shown = plain(&text);
            if has_run && shows.iter().all(|line| shown.contains(&plain(line))) {
                break;
            }
            assert!(
                Instant::now() < deadline,
                "`{command}` does not show {shows:?}: {text}"
            );
            std::thread::sleep(Duration::from_secs(1));
        }
    }
    folder
}

#[test]
fn every_command_of_the_tutorial_does_what_the_page_says() {
    let folder = play("key-disabled");
    let report = std::fs::read_to_string(folder.join("report.html")).unwrap();
    assert!(report.contains("orders"), "the page names the databases");
}

#[test]
fn a_quota_that_is_full_is_found_and_made_room_in_as_the_tutorial_says() {
    play("quota-full");
}

#[test]
fn a_permission_that_somebody_took_is_found_and_given_back_as_the_tutorial_says() {
    play("access-denied");
}

#[test]
fn events_that_do_not_come_are_found_as_the_tutorial_says() {
    play("events-lost");
}
