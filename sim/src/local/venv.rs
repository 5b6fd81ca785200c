//! A Python environment under `target/`, made once and kept.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

/// Why there is no Python environment.
#[derive(Debug, thiserror::Error)]
enum VenvError {
    #[error("python3 was not found: install Python 3.10 or newer and put it on the PATH")]
    NoPython,
    #[error(
        "python3 cannot make virtual environments: install its venv module (Debian: apt-get install python3-venv)\n{0}"
    )]
    NoVenv(String),
    #[error(
        "pip could not install the emulator's packages: see that PyPI can be reached (or set PIP_INDEX_URL to a mirror), then run this again\n{0}"
    )]
    Pip(String),
}

/// The folder of an environment called `name` under `root`'s `target/venv/` that holds exactly
/// `requirements`, one package a line. It is made where it is not there or holds something else.
///
/// # Errors
/// When python3 or its venv module is missing, pip fails, or the folder cannot be written.
pub(super) fn venv(root: &Path, name: &str, requirements: &str) -> anyhow::Result<PathBuf> {
    let venvs = root.join("target/venv");
    std::fs::create_dir_all(&venvs)
        .with_context(|| format!("{} could not be made", venvs.display()))?;
    // Two starts at once would make the same environment twice, in each other's way.
    let lock = venvs.join(format!("{name}.lock"));
    let lock = std::fs::File::create(&lock)
        .with_context(|| format!("{} could not be made", lock.display()))?;
    lock.lock()
        .context("the lock of the Python environment could not be taken")?;

    let folder = venvs.join(name);
    // Written last: an environment that was broken off has none, and is made anew.
    let stamp = folder.join("requirements.txt");
    if std::fs::read_to_string(&stamp).is_ok_and(|held| held == requirements) {
        return Ok(folder);
    }
    let made = Command::new("python3")
        .args(["-m", "venv", "--clear"])
        .arg(&folder)
        .output()
        .map_err(|_| VenvError::NoPython)?;
    if !made.status.success() {
        return Err(VenvError::NoVenv(printed(&made)).into());
    }
    let installed = Command::new(folder.join("bin/python"))
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
        ])
        .args(requirements.lines())
        .output()
        .with_context(|| format!("{} could not be run", folder.display()))?;
    if !installed.status.success() {
        return Err(VenvError::Pip(printed(&installed)).into());
    }
    std::fs::write(&stamp, requirements)
        .with_context(|| format!("{} could not be written", stamp.display()))?;
    Ok(folder)
}

fn printed(output: &std::process::Output) -> String {
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    super::error::tail(&text, 5)
}
