//! Programs that end with the process that runs them, all that they start included.
//!
//! pip and cargo take minutes and start more programs. They end with their caller, even if a signal leaves the caller
//! no time to do anything: the kernel closes the caller's end of a pipe, and the reader of the pipe kills the group.

use std::ffi::OsStr;
use std::io::{Error, ErrorKind};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Output, Stdio};

const SHELL: &str = "/bin/sh";

/// Runs its arguments in this process group, and kills the group when standard input ends.
///
/// Only what the shell itself can do is used: a missing program is then surely the one that was asked for. The
/// watcher holds neither output, for their ends are waited for, and outlives the program until it is let go.
const KEEPER: &str = r#"
exec 3<&0 </dev/null
{ while read -r _ <&3; do :; done; kill -s KILL 0; } >/dev/null 2>&1 &
"$@" 3<&-
"#;

/// A command for [`output`] that runs this program, whose arguments, folder and environment are still to be added.
/// It reads nothing; its outputs are kept, where nothing else is asked for.
///
/// # Errors
/// [`ErrorKind::NotFound`] when it is the name of no program on the path.
pub(crate) fn command(program: impl AsRef<OsStr>) -> Result<Command, Error> {
    let program = program.as_ref();
    if !is_there(program) {
        let what = format!("there is no {}", program.display());
        return Err(Error::new(ErrorKind::NotFound, what));
    }
    let mut command = Command::new(SHELL);
    command
        .args(["-c", KEEPER, SHELL])
        .arg(program)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // A group of its own: a signal to ours must not reach it, or nobody would be left to kill it.
        .process_group(0);
    Ok(command)
}

/// Runs a [`command`] to its end.
///
/// # Errors
/// When it cannot be started.
pub(crate) fn output(mut command: Command) -> Result<Output, Error> {
    let mut child = command.spawn()?;
    // Held until the program has ended; dropped, it lets the watcher go.
    let held = child.stdin.take();
    let output = child.wait_with_output();
    drop(held);
    output
}

/// Whether a program can be found as the shell would.
fn is_there(program: &OsStr) -> bool {
    if program.as_encoded_bytes().contains(&b'/') {
        return std::path::Path::new(program).is_file();
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(script: &str) -> Output {
        let mut shell = command("sh").expect("a shell");
        shell.args(["-c", script, "sh", "two words"]);
        output(shell).expect("a shell that runs")
    }

    #[test]
    fn a_program_gets_its_arguments_and_no_input_and_gives_its_outputs_and_status() {
        let ran = run("cat; echo \"$1\"; echo trouble >&2; exit 7");
        assert_eq!(ran.status.code(), Some(7));
        assert_eq!(ran.stdout, b"two words\n");
        assert_eq!(ran.stderr, b"trouble\n");
    }

    #[test]
    fn a_program_that_is_not_there_is_told_before_anything_runs() {
        for missing in ["snapferry-no-such-program", "/no/such/program"] {
            let error = command(missing).expect_err("it is not there");
            assert_eq!(error.kind(), ErrorKind::NotFound);
            assert!(error.to_string().contains(missing), "{error}");
        }
    }
}
