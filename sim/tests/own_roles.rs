//! The demo runs under the functions' own roles: what the template does not allow does not happen.

use std::process::{Command, Stdio};

/// Runs the demo for one instance with one change of a role. Returns whether it kept every promise, and what it said.
fn demo_with(change: [&str; 2]) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_snapferry-sim"))
        .args(["demo", "--databases", "1", "--speed", "120"])
        .args(change)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let [said, errors] =
        [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    (output.status.success(), format!("{said}\n{errors}"))
}

fn is_missed(permission: &str, on: &str) {
    let (is_kept, said) = demo_with(["--without-permission", permission]);
    assert!(!is_kept, "{said}");
    let named = format!("BROKEN: IAM denied {} ", permission.replace('=', " "));
    let broken = said.lines().find(|line| line.starts_with(&named));
    let broken = broken.unwrap_or_else(|| panic!("no line begins with {named:?}: {said}"));
    assert!(broken.contains(on), "{broken}");
}

#[test]
fn a_worker_that_may_not_copy_breaks_the_promise_by_name() {
    is_missed("worker=rds:CopyDBSnapshot", ":snapshot:sf-");
}

#[test]
fn a_reactor_that_may_not_call_back_breaks_the_promise_by_name() {
    is_missed("reactor=states:SendTaskSuccess", ":stateMachine:");
}

#[test]
fn a_sweeper_that_may_not_read_the_index_breaks_the_promise_by_name() {
    is_missed("sweeper=dynamodb:Query", "/index/open-waits");
}

#[test]
fn a_permission_that_is_put_in_shows_as_unused() {
    let (is_kept, said) = demo_with(["--with-permission", "worker=rds:DeleteDBSnapshot"]);
    assert!(is_kept, "{said}");
    assert!(
        said.contains("unused: worker rds:DeleteDBSnapshot"),
        "{said}"
    );
}
