//! Programs that end with the process that runs them, together with everything that they start.
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
/// It uses only what the shell itself can do, so that a missing program can only be the requested one. The watcher holds
/// neither output open, because the caller waits for their ends. It outlives the program until the caller releases it.
const KEEPER: &str = r#"
exec 3<&0 </dev/null
{ while read -r _ <&3; do :; done; kill -s KILL 0; } >/dev/null 2>&1 &
"$@" 3<&-
"#;

/// A command for [`output`] that runs this program. The caller adds arguments, folder and environment. The program reads
/// no input, and its outputs are kept unless the caller says otherwise.
///
/// # Errors
/// [`ErrorKind::NotFound`] if no program on the path has this name.
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
        // Use a new group: a signal to our group must not reach the watcher, or nothing would be left to kill the program.
        .process_group(0);
    Ok(command)
}

/// Runs a [`command`] to its end.
///
/// # Errors
/// When it cannot be started.
pub(crate) fn output(mut command: Command) -> Result<Output, Error> {
    let mut child = command.spawn()?;
    // Hold this until the program has ended. Dropping it releases the watcher.
    let held = child.stdin.take();
    let output = child.wait_with_output();
    drop(held);
    output
}

/// Whether the shell would find a program of this name.
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
