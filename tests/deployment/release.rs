//! The release: its workflow calls the repository's own scripts, and takes actions by their commit alone.

use serde_norway::Value;
use snapferry::domain::deploy::part::Part;

use crate::document::text;

const WORKFLOW: &str = ".github/workflows/release.yml";

fn steps(workflow: &Value) -> Vec<&Value> {
    let jobs = workflow["jobs"].as_mapping().unwrap();
    let steps = jobs.values().map(|job| job["steps"].as_sequence().unwrap());
    steps.flatten().collect()
}

#[test]
fn each_action_of_the_workflow_is_pinned_by_its_commit() {
    let workflow: Value = serde_norway::from_str(&text(WORKFLOW)).unwrap();
    let used: Vec<&str> = steps(&workflow)
        .into_iter()
        .filter_map(|step| step.get("uses")?.as_str())
        .collect();
    assert!(!used.is_empty());
    for action in used {
        let (_, commit) = action.split_once('@').unwrap();
        let is_commit = commit.len() == 40 && commit.bytes().all(|b| b.is_ascii_hexdigit());
        assert!(is_commit, "{action}");
    }
}

#[test]
fn the_workflow_runs_what_a_person_runs_and_may_write_only_where_it_must() {
    let workflow: Value = serde_norway::from_str(&text(WORKFLOW)).unwrap();
    let run: Vec<&str> = steps(&workflow)
        .into_iter()
        .filter_map(|step| step.get("run")?.as_str())
        .collect();
    for script in [
        "release/check tag \"$GITHUB_REF_NAME\"",
        "bash .ci/run",
        "release/check build-twice target/release-check",
        "release/check unpack-to-status target/release-check",
        "release/build dist",
    ] {
        assert!(run.contains(&script), "{script}: {run:?}");
    }
    let jobs = workflow["jobs"].as_mapping().unwrap();
    let writers: Vec<&str> = jobs
        .iter()
        .filter(|(_, job)| {
            let granted = job.get("permissions");
            granted.is_some_and(|granted| granted["contents"] == "write")
        })
        .map(|(name, _)| name.as_str().unwrap())
        .collect();
    assert_eq!(writers, ["draft"]);
    let needed = workflow["jobs"]["draft"]["needs"].as_sequence().unwrap();
    for job in ["build", "twice"] {
        assert!(needed.iter().any(|name| name == job), "{job}");
    }
    assert_eq!(workflow["permissions"]["contents"], "read");
}

/// The Terraform module checks the zip by its line.
#[test]
fn the_drafts_checksums_have_a_line_for_each_zip() {
    let workflow: Value = serde_norway::from_str(&text(WORKFLOW)).unwrap();
    let draft = steps(&workflow)
        .into_iter()
        .filter_map(|step| step.get("run")?.as_str())
        .find(|run| run.contains("gh release create"))
        .unwrap();
    let sums = draft.lines().find(|line| line.ends_with(">SHA256SUMS"));
    assert_eq!(sums, Some("cat parts/*/SHA256SUMS >SHA256SUMS"));
    for zip in [
        "snapferry-lambda-*.zip",
        "snapferry-drills-*.zip",
        "snapferry-report-*.zip",
    ] {
        assert!(text("release/pack.py").contains(zip), "{zip}");
    }
}

#[test]
fn the_release_asks_for_each_program_that_it_calls_before_it_compiles() {
    let script = text("release/build");
    let (before, after) = script.split_once("for need in").unwrap();
    let (_, needs) = before.split_once("needs=(").unwrap();
    assert!(after.contains("$(objdump -T"));
    for program in ["cargo", "cc", "python3", "objdump"] {
        assert!(needs.contains(program), "{program}");
    }
}

/// Who gets a program may ask what is in it.
#[test]
fn the_release_says_of_each_program_what_it_is_made_of() {
    let script = text("release/build");
    let features: Vec<&str> = script
        .split("--features ")
        .skip(1)
        .filter_map(|rest| rest.split(' ').next())
        .collect();
    assert_eq!(features, ["cli", "lambda", "drills", "report"]);
    assert!(script.contains("release/inventory.py cli \"$folder\""));
    assert!(script.contains("for feature in lambda drills report; do"));
    assert!(script.contains("release/inventory.py \"$feature\" \"$folder\""));
}

/// `snapferry deploy` looks for the zips under these names beside itself.
#[test]
fn the_release_puts_the_zips_where_deploy_looks_for_them() {
    let script = text("release/build");
    let command = text("src/cli/deploy/code.rs");
    assert!(command.contains("\"snapferry-{}-{}.zip\", program.zip, architecture.as_str()"));
    let parts = Part::ALL.map(Part::program);
    for name in ["lambda"].into_iter().chain(parts) {
        assert!(script.contains(&format!("\"$folder/snapferry-{name}-$lambda.zip\"")));
    }
}
