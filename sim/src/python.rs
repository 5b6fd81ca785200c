//! Python programs for the tests and the demo, each set in a venv of its own.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::child_process;

/// The file that says what a complete venv was made from.
const STAMP: &str = "snapferry-requirements.txt";

/// A venv `target/snapferry-<name>` under `root` with `requirements` installed, in the form of
/// pip's requirements file; returns its Python.
///
/// The venv is made once, and made again when the text of the requirements changes, when the making was interrupted or when
/// the folder was moved: its scripts name their Python by its whole path. If two processes ask at once, the second waits for
/// the first.
///
/// # Errors
/// When Python 3, its venv module or pip is missing or fails; the message says which and what
/// it printed.
pub fn venv(root: &Path, name: &str, requirements: &str) -> anyhow::Result<PathBuf> {
    let target = root.join("target");
    fs::create_dir_all(&target).with_context(|| format!("cannot make {}", target.display()))?;
    let folder = target.join(format!("snapferry-{name}"));
    let python = folder.join("bin").join("python");

    // The lock file is outside the folder, which may be removed and made again. The system releases the lock when the file
    // is closed, even if this process is killed.
    let lock_path = target.join(format!("snapferry-{name}.lock"));
    let lock = File::create(&lock_path)
        .with_context(|| format!("cannot create {}", lock_path.display()))?;
    lock.lock()
        .with_context(|| format!("cannot lock {}", lock_path.display()))?;

    let stamp = folder.join(STAMP);
    let complete = format!("# {}\n{requirements}", folder.display());
    if python.exists() && fs::read_to_string(&stamp).is_ok_and(|made| made == complete) {
        return Ok(python);
    }
    if folder.exists() {
        fs::remove_dir_all(&folder)
            .with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    make(&folder)?;
    install(&python, &folder, requirements)?;
    // Write the stamp last, so that an incomplete venv never has one.
    fs::write(&stamp, complete).with_context(|| format!("cannot write {}", stamp.display()))?;
    Ok(python)
}

fn make(folder: &Path) -> anyhow::Result<()> {
    let mut python = child_process::command("python3").context(
        "python3 could not be run: install Python 3 with its venv module \
         (on Debian: apt install python3-venv)",
    )?;
    python.args(["-m", "venv"]).arg(folder);
    let made = child_process::output(python).context("python3 could not be started")?;
    if !made.status.success() {
        bail!(
            "python3 could not make a virtual environment: install its venv module \
             (on Debian: apt install python3-venv). It said: {}",
            said(&made)
        );
    }
    Ok(())
}

fn install(python: &Path, folder: &Path, requirements: &str) -> anyhow::Result<()> {
    let list = folder.join("requirements.txt");
    fs::write(&list, requirements).with_context(|| format!("cannot write {}", list.display()))?;
    let not_run = || format!("{} could not be run", python.display());
    let mut pip = child_process::command(python).with_context(not_run)?;
    pip.args(["-m", "pip", "install", "--quiet"])
        .args(["--disable-pip-version-check", "-r"])
        .arg(&list);
    let installed = child_process::output(pip).with_context(not_run)?;
    if !installed.status.success() {
        bail!(
            "pip could not install {}: {}",
            requirements.trim(),
            said(&installed)
        );
    }
    Ok(())
}

/// The end of what a program printed, standard error first.
fn said(output: &std::process::Output) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    let text = if errors.trim().is_empty() {
        String::from_utf8_lossy(&output.stdout)
    } else {
        errors
    };
    let lines: Vec<&str> = text.trim().lines().collect();
    lines[lines.len().saturating_sub(15)..].join("\n")
}
