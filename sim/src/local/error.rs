//! What can go wrong before the local stack is up, each in a sentence that says what to do.

use std::path::PathBuf;

/// Why the local stack did not come up.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    /// The Python environment could not be made.
    #[error("{0:#}")]
    Python(anyhow::Error),
    /// Neither the working directory nor the package's own folder is inside the repository.
    #[error("template.yaml was not found: run this inside Snapferry's repository")]
    NoRepository,
    /// `cargo` could not be run, or did not answer as expected.
    #[error("{what} failed ({why}): see that `cargo` is on the PATH and works in {}", root.display())]
    Cargo {
        /// The command.
        what: &'static str,
        /// What came back.
        why: String,
        /// Where it ran.
        root: PathBuf,
    },
    /// The function's binary, or the command line's, does not compile.
    #[error("Snapferry did not compile: fix what `{command}` reports above")]
    Build {
        /// The command that failed.
        command: String,
    },
    /// A file or folder under `target/` could not be written or read.
    #[error("{} could not be used ({source}): see that the folder is writable and the disk has room", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The proxy or the emulator found no free port on loopback.
    #[error(
        "no loopback port could be bound ({0}): free one, or allow this program to listen on 127.0.0.1"
    )]
    Port(std::io::Error),
    /// Somebody took the port between its choice and the emulator's start, several times over.
    #[error("port {0} was taken before the emulator could bind it: run this again")]
    PortTaken(u16),
    /// The emulator's process ended before it answered.
    #[error("the emulator ended before it was ready; its log is at {}, which ends:\n{tail}", log.display())]
    EmulatorEnded {
        /// Its log.
        log: PathBuf,
        /// The log's last lines.
        tail: String,
    },
    /// The emulator's process lives but does not answer.
    #[error("the emulator did not answer within {seconds} s: look at its log at {}, and run this again on a quieter machine", log.display())]
    EmulatorSilent {
        /// How long was waited.
        seconds: u64,
        /// Its log.
        log: PathBuf,
    },
    /// An `aws` command failed.
    #[error(
        "`{command}` failed, which should not depend on this machine: report this with\n{output}"
    )]
    Aws {
        /// The command, without its arguments.
        command: String,
        /// What it printed, its last lines.
        output: String,
    },
    /// The template's roles cannot be changed as asked.
    #[error("the roles could not be changed: {0}")]
    Roles(String),
    /// The emulator refused a call.
    #[error(transparent)]
    Call(#[from] super::ClientError),
}

impl LocalError {
    /// For `map_err` over operations on `path`.
    pub(super) fn file(path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { path, source }
    }
}

/// The last `count` lines.
pub(super) fn tail(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.trim_end().lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}
