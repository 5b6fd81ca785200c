//! Where things are, and the function's binary.

use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;

use super::LocalError;
use super::inner_cargo::cargo;

/// The repository: the folder with `template.yaml` and the state machine.
///
/// # Errors
/// When neither the working directory nor this package's folder is inside it.
pub fn repository_root() -> Result<PathBuf, LocalError> {
    let working = std::env::current_dir().ok();
    // Under `cargo run` and `cargo test` the folder of the package; otherwise that of the build.
    let package = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let built = Some(PathBuf::from(env!("CARGO_MANIFEST_DIR")));
    [working, package, built]
        .into_iter()
        .flatten()
        .find_map(|start| {
            let mut above = start.ancestors();
            above.find(|folder| is_root(folder)).map(Path::to_owned)
        })
        .ok_or(LocalError::NoRepository)
}

fn is_root(folder: &Path) -> bool {
    folder.join("template.yaml").is_file() && folder.join("statemachine/protect.asl.json").is_file()
}

/// Cargo's target directory, which need not be `target`.
pub(super) fn target_directory(root: &Path) -> Result<PathBuf, LocalError> {
    const WHAT: &str = "cargo metadata";
    let output = cargo(root, &["metadata", "--no-deps", "--format-version", "1"]);
    let fault = |why: String| LocalError::Cargo {
        what: WHAT,
        why,
        root: root.to_owned(),
    };
    let output = output.map_err(|error| fault(error.to_string()))?;
    let metadata: Value =
        serde_json::from_slice(&output.stdout).map_err(|error| fault(error.to_string()))?;
    let directory = metadata.get("target_directory").and_then(Value::as_str);
    directory
        .map(PathBuf::from)
        .ok_or_else(|| fault("it names no target directory".to_owned()))
}

/// Builds the function as it ships and returns its path; quick where it is built already.
///
/// # Errors
/// When it does not compile.
pub fn build_bootstrap(root: &Path) -> Result<PathBuf, LocalError> {
    build(
        root,
        "snapferry",
        "bootstrap",
        &[
            "--profile",
            "lambda",
            // The command line's features, single sign-on among them, have no place in a function.
            "--no-default-features",
            "--features=lambda",
        ],
    )
}

/// Builds the operator's command `snapferry` and returns its path.
///
/// # Errors
/// When the repository is not found, or the command does not compile.
pub fn build_snapferry() -> Result<PathBuf, LocalError> {
    build_quickly("snapferry")
}

/// Builds the reporter of report.yaml for this machine, quickly rather than small, and returns its path.
///
/// # Errors
/// When the repository is not found, or the program does not compile.
pub fn build_reporter() -> Result<PathBuf, LocalError> {
    build_quickly("report")
}

/// Builds a program on what `cargo test --workspace` has compiled, or will compile: `sim/one-build`.
fn build_quickly(name: &str) -> Result<PathBuf, LocalError> {
    let root = repository_root()?;
    build(&root, "snapferry", name, &["--features=one-build"])
}

/// Builds one program of the workspace, or finds it built, and returns its path. `how` are cargo's further arguments.
/// Cargo's progress and the compiler's messages go to standard error.
///
/// # Errors
/// When the program does not compile.
pub fn build(root: &Path, package: &str, name: &str, how: &[&str]) -> Result<PathBuf, LocalError> {
    let arguments = [&["build", "--package", package, "--bin", name], how].concat();
    let format = ["--message-format", "json-render-diagnostics"];
    let output =
        cargo(root, &[&*arguments, &format].concat()).map_err(|error| LocalError::Cargo {
            what: "cargo build",
            why: error.to_string(),
            root: root.to_owned(),
        })?;
    executable(&output, name).ok_or_else(|| LocalError::Build {
        command: format!("cargo {}", arguments.join(" ")),
    })
}

fn executable(output: &Output, name: &str) -> Option<PathBuf> {
    if !output.status.success() {
        return None;
    }
    let messages = String::from_utf8_lossy(&output.stdout);
    messages.lines().find_map(|line| {
        let message: Value = serde_json::from_str(line).ok()?;
        let is_it = message.get("reason")? == "compiler-artifact"
            && message.get("target")?.get("name")? == name;
        let path = is_it.then(|| message.get("executable")?.as_str())??;
        Some(PathBuf::from(path))
    })
}
