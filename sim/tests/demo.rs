//! The whole chain once, as a person runs it: `cargo demo` gives the right verdict and leaves nothing behind.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use snapferry_sim::local::{BareStack, LocalOptions, repository_root};

fn demo() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_snapferry-sim"));
    command.arg("demo").stdin(Stdio::null());
    command
}

fn said(output: &Output) -> String {
    format!(
        "{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

#[test]
fn a_fleet_gets_its_recovery_points_by_callbacks_only() {
    let output = demo()
        .args([
            "--databases",
            "5",
            "--seed",
            "7",
            "--speed",
            "120",
            "--json",
        ])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", said(&output));
    let stdout = String::from_utf8_lossy(&output.stdout);
    let figures: Value = serde_json::from_str(stdout.lines().last().unwrap()).unwrap();

    assert_eq!(figures["schema"], 1);
    assert_eq!(
        (&figures["databases"], &figures["recovery_points"]),
        (&5.into(), &5.into())
    );
    assert_eq!(
        figures["executions"],
        serde_json::json!({"succeeded": 5, "failed": 0})
    );
    let callbacks = &figures["callbacks"];
    let all = ["event", "sweep", "worker"]
        .iter()
        .map(|by| callbacks[by].as_u64().unwrap())
        .sum::<u64>();
    assert_eq!(
        all, 10,
        "one callback for each snapshot and each copy: {callbacks}"
    );
    assert_eq!(figures["dead_letters"], 0);
    assert_eq!(figures["faults"], serde_json::json!({}));
    assert_eq!(
        (&figures["parked"], &figures["replayed"]),
        (&0.into(), &0.into())
    );
    // One of each kind, with the reason that `snapferry plan` gives. They have no snapshot.
    let left_out = figures["left_out"].as_array().unwrap();
    for kind in ["refused", "excluded", "not_now"] {
        let of_kind = left_out.iter().filter(|one| one["kind"] == kind).count();
        assert!(of_kind >= 4, "{kind}");
        assert_eq!(figures[kind], of_kind, "{kind}");
    }
    // One is tried and refused by RDS for good. It stands apart: none of the figures above and below contain it.
    let tried: Vec<&Value> = left_out
        .iter()
        .filter(|one| one["kind"] == "tried")
        .collect();
    assert_eq!((tried.len(), &figures["tried"]), (1, &1.into()));
    let reason = tried[0]["reason"].as_str().unwrap();
    assert!(
        reason.contains("is not encrypted, so its copy cannot be"),
        "{reason}"
    );
    let apart = &figures["tried_and_refused"];
    assert_eq!(
        apart["executions"],
        serde_json::json!({"succeeded": 0, "failed": 1})
    );
    assert_eq!(apart["callbacks"]["failures"], 1);
    assert_eq!(
        (
            &apart["rds"]["CreateDBClusterSnapshot"],
            &apart["rds"]["CopyDBClusterSnapshot"]
        ),
        (&1.into(), &1.into())
    );
    for one in left_out {
        let database = one["database"].as_str().unwrap();
        assert!(database.starts_with("arn:aws:rds:eu-"), "{one}");
        assert!(!one["reason"].as_str().unwrap().is_empty(), "{one}");
    }
    let of = |name: &str| {
        let ends = |one: &&Value| one["database"].as_str().unwrap().ends_with(name);
        left_out.iter().find(ends).unwrap()["reason"].to_string()
    };
    assert!(of("db:archive").contains("stopped"), "{}", of("db:archive"));
    assert!(of("db:support-replica").contains("replica of support"));
    assert!(figures["calls"]["cli_rds"]["DescribeDBInstances"].as_u64() >= Some(2));
    // Two of the five are clusters, whose copies no event announces.
    let rds = &figures["calls"]["rds"];
    assert_eq!(
        (&rds["CreateDBSnapshot"], &rds["CopyDBSnapshot"]),
        (&3.into(), &3.into())
    );
    assert_eq!(rds["CreateDBClusterSnapshot"], 2);
    assert_eq!(rds["CopyDBClusterSnapshot"], 2);
    assert!(callbacks["sweep"].as_u64().unwrap() >= 2, "{callbacks}");
    assert!(figures["sweep_settles_s"]["p50"].as_f64().unwrap() > 0.0);
    assert!(said(&output).contains("3 instances and 2 Aurora clusters"));
    let iam = &figures["iam"];
    assert_eq!(iam["denied"], 0);
    assert!(iam["evaluated"].as_u64().unwrap() > 100, "{iam}");
    assert_eq!(iam["by_role"]["worker"]["rds:CopyDBSnapshot"], 3);
    assert_eq!(iam["unused"], serde_json::json!([]));
    let pruned = &figures["pruned"];
    let count = |name: &str| pruned[name].as_u64().unwrap();
    assert!(count("removed") >= 25 && count("kept") >= 20, "{pruned}");
    assert_eq!(count("noted"), count("removed"));
    assert!(count("held") >= 1, "{pruned}");
    assert_eq!(
        (count("foreign_touched"), count("last_good_touched")),
        (0, 0)
    );
    let by_reason = pruned["by_reason"].as_object().unwrap();
    let of_all_reasons: u64 = by_reason.values().map(|n| n.as_u64().unwrap()).sum();
    assert_eq!(of_all_reasons, count("removed"));
    let prune_rds = &figures["calls"]["prune_rds"];
    let deleted = ["DeleteDBSnapshot", "DeleteDBClusterSnapshot"]
        .iter()
        .map(|call| prune_rds[call].as_u64().unwrap());
    assert_eq!(deleted.sum::<u64>(), count("removed"));
    for call in ["DeleteDBSnapshot", "DeleteDBClusterSnapshot"] {
        assert!(rds[call].is_null(), "the chain deletes: {rds}");
    }
    assert_eq!(figures["state_transitions"], 20);
    assert!(figures["lambda_invocations"].as_u64().unwrap() >= 20);
    assert!(figures["reaction_ms"]["p50"].as_f64().unwrap() > 0.0);
}

#[test]
fn copies_are_drilled_and_the_fleet_is_restored_while_the_source_regions_refuse_every_call() {
    let output = demo().args(["--drill", "--json"]).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    let stdout = String::from_utf8_lossy(&output.stdout);
    let figures: Value = serde_json::from_str(stdout.lines().last().unwrap()).unwrap();
    let failed = serde_json::json!({
        "broken-copy": 1, "missing-subnet-group": 1, "past-deadline": 1,
    });
    let drills = serde_json::json!({ "done": 3, "passed": 3, "failed": failed, "left_behind": 0 });
    assert_eq!(figures["drills"], drills);
    let restored = serde_json::json!({ "databases": 12, "settings_differ": 0 });
    assert_eq!(figures["restored"], restored);
    // Both commands were evaluated under their own policies, and no right of these was too much.
    let by_role = &figures["iam"]["by_role"];
    for (role, action) in [
        ("drills", "rds:DeleteDBCluster"),
        ("drills", "rds:CreateDBInstance"),
        ("restores", "rds:RestoreDBClusterFromSnapshot"),
        ("restores", "iam:PassRole"),
    ] {
        assert!(by_role[role][action].as_u64() > Some(0), "{role} {action}");
    }
    assert_eq!(by_role["restores"]["rds:DeleteDBInstance"], Value::Null);
    assert_eq!(figures["iam"]["denied"], 0);
    let unused = figures["iam"]["unused"].as_array().unwrap().iter();
    let mut unused = unused.filter_map(Value::as_str);
    let too_much = unused.find(|one| one.starts_with("drills ") || one.starts_with("restores "));
    assert_eq!(too_much, None);
}

#[test]
fn with_too_few_databases_for_drills_it_says_how_many_it_needs() {
    let output = demo()
        .args(["--drill", "--databases", "5"])
        .output()
        .unwrap();
    assert!(!output.status.success());
    assert!(
        said(&output).contains("12 databases or more"),
        "{}",
        said(&output)
    );
}

#[test]
fn faults_cost_tries_and_no_recovery_point() {
    let output = demo()
        .args(["--faults", "mild", "--databases", "6"])
        .args(["--speed", "120", "--json"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", said(&output));
    let stdout = String::from_utf8(output.stdout).unwrap();
    let figures: Value = serde_json::from_str(stdout.lines().last().unwrap()).unwrap();
    assert_eq!(figures["recovery_points"], 6);
    assert_eq!(
        figures["executions"],
        serde_json::json!({"succeeded": 6, "failed": 0})
    );
    let callbacks = &figures["callbacks"];
    let count = |name: &str| callbacks[name].as_u64().unwrap();
    assert_eq!(count("event") + count("sweep") + count("worker"), 12);
    // One snapshot and one copy fail by plan, and each is tried again.
    assert!(count("failures") >= 2, "{callbacks}");
    let faults = figures["faults"].as_object().unwrap();
    assert_eq!(faults.len(), 11, "{faults:?}");
    for (fault, times) in faults {
        assert!(times.as_u64().unwrap() > 0, "{fault} never happened");
    }
    assert_eq!(figures["dead_letters"], 0);
    assert_eq!(figures["tried_and_refused"]["executions"]["failed"], 1);
}

#[test]
fn with_json_stdout_is_one_object_and_a_bad_option_is_a_sentence() {
    let output = demo()
        .args(["--databases", "0", "--json"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
    assert!(said(&output).contains("--databases"), "{}", said(&output));

    let output = demo().args(["--faults", "rain"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let text = said(&output);
    assert!(
        text.contains("rain") && text.contains("region-down"),
        "{text}"
    );
}

/// If a program is missing, the demo says which one and what to do.
fn complaint(demo: &mut Command) -> String {
    let output = demo.output().unwrap();
    let text = said(&output);
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(
        !text.contains("panicked") && !text.contains("stack backtrace"),
        "{text}"
    );
    let errors = String::from_utf8(output.stderr).unwrap();
    errors.lines().last().unwrap().to_owned()
}

#[test]
fn without_python_it_says_what_to_do() {
    // A checkout of its own, in which no Python environment has been made yet.
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("without-python");
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    std::fs::create_dir_all(root.join("statemachine")).unwrap();
    for file in ["template.yaml", "statemachine/protect.asl.json"] {
        std::fs::copy(here.join(file), root.join(file)).unwrap();
    }
    assert_eq!(
        complaint(demo().current_dir(root).env("PATH", "/nowhere")),
        "cargo demo: python3 could not be run: install Python 3 with its venv module \
         (on Debian: apt install python3-venv): there is no python3"
    );
}

#[tokio::test]
async fn without_cargo_it_says_what_to_do() {
    // Makes the Python environment, which the demo needs before it comes to this point.
    drop(
        BareStack::start(LocalOptions::new("http://127.0.0.1:9"))
            .await
            .unwrap(),
    );
    let root = repository_root().unwrap();
    let root = root.display();
    for (variable, program) in [(None, "cargo"), (Some("/no/such/cargo"), "/no/such/cargo")] {
        let mut demo = demo();
        demo.env("PATH", "/nowhere").env_remove("CARGO");
        demo.envs(variable.map(|path| ("CARGO", path)));
        assert_eq!(
            complaint(&mut demo),
            format!(
                "cargo demo: cargo build failed (there is no {program}): see that `cargo` is on the PATH and works in {root}"
            )
        );
    }
}

#[test]
fn however_it_ends_it_leaves_nothing_running() {
    for (signal, exit) in [
        (Signal::KILL, None),
        (Signal::INT, Some(130)),
        (Signal::TERM, Some(143)),
    ] {
        let mut running = demo()
            .args(["--databases", "1", "--speed", "10"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let printed = BufReader::new(running.stdout.take().unwrap());
        // Once a snapshot has begun, the emulator and functions of its own are up.
        let up = printed
            .lines()
            .map(Result::unwrap)
            .any(|line| line.contains("orders") && line.ends_with("snapshot"));
        assert!(up, "the demo ended before it could be stopped");
        let id = running.id();
        let mut processes = processes_of(id);
        assert!(!processes.is_empty());
        processes.push(id.to_string());
        assert_eq!(listening_beyond_loopback(&processes), [""; 0]);

        kill_process(Pid::from_child(&running), signal).unwrap();
        assert_eq!(running.wait().unwrap().code(), exit);
        let deadline = Instant::now() + Duration::from_secs(30);
        while !processes_of(id).is_empty() {
            assert!(
                Instant::now() < deadline,
                "still running: {:?}",
                processes_of(id)
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

#[test]
fn a_build_ends_with_the_demo_however_that_ends() {
    const MARK: &str = "SNAPFERRY_TEST_OF_AN_ENDLESS_BUILD";
    for (signal, exit) in [
        (Signal::KILL, None),
        (Signal::INT, Some(130)),
        (Signal::TERM, Some(143)),
    ] {
        let mark = format!("{signal:?}-{}", std::process::id());
        let build = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/endless-build");
        let mut running = demo()
            .env("CARGO", build)
            .env(MARK, &mark)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let builds = || marked(&format!("{MARK}={mark}"), running.id());
        eventually("the build's own child", || {
            builds().iter().any(|line| line.starts_with("tail"))
        });
        kill_process(Pid::from_child(&running), signal).unwrap();
        eventually("the end of the build", || builds().is_empty());
        assert_eq!(running.wait().unwrap().code(), exit);
    }
}

/// The command lines of the processes with this in their environment, except one.
fn marked(mark: &str, but: u32) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let read = |name: &str| std::fs::read(entry.path().join(name)).unwrap_or_default();
        let environment = String::from_utf8_lossy(&read("environ")).into_owned();
        let is_it = environment.split('\0').any(|variable| variable == mark);
        if is_it && entry.file_name().to_string_lossy() != but.to_string() {
            found.push(String::from_utf8_lossy(&read("cmdline")).replace('\0', " "));
        }
    }
    found
}

fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    // Far more than anything here takes, except the first time, when pip fetches what the demo needs.
    let deadline = Instant::now() + Duration::from_mins(3);
    while !is_so() {
        assert!(Instant::now() < deadline, "{what} did not come about");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The addresses beyond loopback that these processes listen on, as the kernel writes them.
fn listening_beyond_loopback(processes: &[String]) -> Vec<String> {
    let mut sockets = BTreeSet::new();
    for process in processes {
        let Ok(files) = std::fs::read_dir(format!("/proc/{process}/fd")) else {
            continue;
        };
        let links = files
            .flatten()
            .filter_map(|file| std::fs::read_link(file.path()).ok());
        sockets.extend(links.filter_map(|link| {
            let text = link.to_str()?;
            Some(text.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned())
        }));
    }
    const LISTENING: &str = "0A";
    let mut beyond = Vec::new();
    for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
        let table = std::fs::read_to_string(table).unwrap_or_default();
        for line in table.lines().skip(1) {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let (local, state, inode) = (fields[1], fields[3], fields[9]);
            // 127.x.x.x and ::1, in the kernel's byte order.
            let address = local.split(':').next().unwrap();
            let loopback = address.len() == 8 && address.ends_with("7F")
                || address == "00000000000000000000000001000000";
            if state == LISTENING && sockets.contains(inode) && !loopback {
                beyond.push(local.to_owned());
            }
        }
    }
    beyond
}

/// The processes that work in the folder of one run of the demo (`target/local/<its id>-…`), by command line,
/// environment or working directory.
fn processes_of(demo: u32) -> Vec<String> {
    let folder = format!("/local/{demo}-");
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let path = entry.path();
        let read = |name: &str| std::fs::read(path.join(name)).unwrap_or_default();
        let mut text = String::from_utf8_lossy(&read("cmdline")).into_owned();
        if text.is_empty() || entry.file_name().to_string_lossy() == demo.to_string() {
            continue;
        }
        text.push_str(&String::from_utf8_lossy(&read("environ")));
        let cwd = std::fs::read_link(path.join("cwd")).unwrap_or_default();
        text.push_str(&cwd.to_string_lossy());
        if text.contains(&folder) {
            found.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    found
}
