//! The emulator's process.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};

use super::error::tail;
use super::{LocalError, LocalOptions};

const LAUNCHER: &str = include_str!("launcher.py");

/// What the launcher imports: the evaluation of IAM.
const OWN_ROLES: &str = include_str!("own_roles.py");

/// How long the emulator may take to answer. It needs a second on a quiet machine.
const READY_WITHIN: Duration = Duration::from_secs(60);

/// How long a killed process group may take to be gone.
const GONE_WITHIN: Duration = Duration::from_secs(10);

const POLL: Duration = Duration::from_millis(20);

/// How many lines of the log an error quotes.
const LOG_LINES: usize = 15;

/// The emulator and everything that it started: one process group, which ends with this value or with the process that
/// holds it.
#[derive(Debug)]
pub(super) struct Emulator {
    child: Child,
    /// The launcher's input. The launcher ends when this is closed.
    stdin: Option<ChildStdin>,
    group: Pid,
    log: PathBuf,
}

/// The emulator's settings, apart from its address.
pub(super) struct EmulatorSetup<'a> {
    pub(super) python: &'a Path,
    pub(super) folder: &'a Path,
    pub(super) address: SocketAddr,
    pub(super) proxy: &'a str,
    pub(super) options: &'a LocalOptions,
    /// Whether IAM is evaluated, and every role that is named must exist.
    pub(super) evaluates_iam: bool,
}

/// A loopback address that is free now. Nothing keeps it free until the emulator binds it.
pub(super) fn free_address() -> Result<SocketAddr, LocalError> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(LocalError::Port)?;
    listener.local_addr().map_err(LocalError::Port)
}

impl Emulator {
    /// Starts the emulator and waits until it answers.
    pub(super) async fn start(setup: EmulatorSetup<'_>) -> Result<Self, LocalError> {
        let mut emulator = Self::spawn(&setup)?;
        let deadline = Instant::now() + READY_WITHIN;
        while !emulator.listens() || !super::client::is_ready(setup.address).await {
            let ended = emulator.child.try_wait();
            if !matches!(ended, Ok(None)) {
                return Err(emulator.ended(setup.address.port()));
            }
            if Instant::now() > deadline {
                return Err(LocalError::EmulatorSilent {
                    seconds: READY_WITHIN.as_secs(),
                    log: emulator.log.clone(),
                });
            }
            tokio::time::sleep(POLL).await;
        }
        Ok(emulator)
    }

    fn spawn(setup: &EmulatorSetup<'_>) -> Result<Self, LocalError> {
        let launcher = setup.folder.join("launcher.py");
        let log = setup.folder.join("emulator.log");
        let scratch = setup.folder.join("tmp");
        std::fs::create_dir_all(&scratch).map_err(LocalError::file(&scratch))?;
        std::fs::write(&launcher, LAUNCHER).map_err(LocalError::file(&launcher))?;
        let own_roles = launcher.with_file_name("own_roles.py");
        std::fs::write(&own_roles, OWN_ROLES).map_err(LocalError::file(&own_roles))?;
        let output = std::fs::File::create(&log).map_err(LocalError::file(&log))?;
        let errors = output.try_clone().map_err(LocalError::file(&log))?;
        let mut child = Command::new(setup.python)
            .arg("-u")
            .arg(&launcher)
            .current_dir(setup.folder)
            .env_clear()
            .envs(environment(setup, &scratch))
            .stdin(Stdio::piped())
            .stdout(output)
            .stderr(errors)
            // A group of its own: a Ctrl-C in the terminal goes to the demo alone, which then ends
            // the emulator, and the whole group can be killed at once.
            .process_group(0)
            .spawn()
            .map_err(LocalError::file(setup.python))?;
        let stdin = child.stdin.take();
        Ok(Self {
            group: Pid::from_child(&child),
            child,
            stdin,
            log,
        })
    }

    /// The log of the emulator and the functions.
    pub(super) fn log(&self) -> &Path {
        &self.log
    }

    /// The id of the process group of the emulator and the functions.
    pub(super) fn group(&self) -> i32 {
        self.group.as_raw_nonzero().get()
    }

    /// Whether this very process has bound its port. An answer proves nothing: another process may hold the port.
    fn listens(&self) -> bool {
        std::fs::read_to_string(&self.log).is_ok_and(|text| text.contains("Running on http://"))
    }

    fn ended(&self, port: u16) -> LocalError {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        if text.contains("is already in use") {
            return LocalError::PortTaken(port);
        }
        LocalError::EmulatorEnded {
            log: self.log.clone(),
            tail: tail(&text, LOG_LINES),
        }
    }
}

impl Drop for Emulator {
    /// Ends the whole group and waits until it is gone, so that no port and no file is in use
    /// afterwards.
    fn drop(&mut self) {
        drop(self.stdin.take());
        // The launcher kills its group when its input closes. This is for a launcher that is gone
        // itself and left functions behind; a group that is gone already is what is wanted.
        let _ = kill_process_group(self.group, Signal::KILL);
        let _ = self.child.wait();
        let deadline = Instant::now() + GONE_WITHIN;
        while lives(self.group) && Instant::now() < deadline {
            std::thread::sleep(POLL);
        }
    }
}

/// Whether a process of the group still runs. A dead one that its new parent has not reaped yet
/// holds no port and no file; where there is no /proc to tell, it counts.
fn lives(group: Pid) -> bool {
    let Ok(processes) = std::fs::read_dir("/proc/") else {
        return test_kill_process_group(group).is_ok();
    };
    let id = group.as_raw_nonzero().to_string();
    processes.flatten().any(|process| {
        let stat = std::fs::read_to_string(process.path().join("stat")).unwrap_or_default();
        // After the command's name, which is in parentheses: the state, the parent, the group and,
        // as the 18th, how many threads are left. A first thread may be dead before the others.
        let after = stat.rsplit(')').next().unwrap_or_default();
        let fields: Vec<&str> = after.split_whitespace().collect();
        let is_dead = fields.first() == Some(&"Z") && matches!(fields.get(17), Some(&("0" | "1")));
        fields.get(2) == Some(&&*id) && !is_dead
    })
}

/// The emulator's whole environment, which the functions inherit. It has none of the caller's own variables, and so
/// none of its credentials.
fn environment(setup: &EmulatorSetup<'_>, scratch: &Path) -> Vec<(&'static str, String)> {
    let options = setup.options;
    let port = setup.address.port().to_string();
    let scratch = scratch.display().to_string();
    let keys = std::iter::once(&options.recovery_key_arn).chain(&options.keys);
    let keys: Vec<&str> = keys.map(String::as_str).collect();
    let path = std::env::var("PATH").unwrap_or_default();
    vec![
        ("PATH", path),
        ("HOME", setup.folder.display().to_string()),
        ("TMPDIR", scratch.clone()),
        ("LANG", "C.UTF-8".to_owned()),
        ("GATEWAY_PORT", port.clone()),
        ("EDGE_PORT", port),
        ("MINISTACK_HOST", Ipv4Addr::LOCALHOST.to_string()),
        ("BIND_HOST", Ipv4Addr::LOCALHOST.to_string()),
        ("MINISTACK_ACCOUNT_ID", options.account.clone()),
        ("MINISTACK_REGION", options.recovery_region.clone()),
        ("LAMBDA_EXECUTOR", "local".to_owned()),
        // With it, the emulator evaluates IAM and gives each function a session of its own role.
        ("AUTH", setup.evaluates_iam.to_string()),
        ("SFN_WAIT_SCALE", options.retry_scale.to_string()),
        ("SNAPFERRY_KEYS", keys.join(",")),
        // Listeners of services that the stack does not use; the first would not stay on loopback.
        ("IOT_MTLS_ENABLED", "0".to_owned()),
        ("SFTP_ENABLED", "0".to_owned()),
        // Nothing of an earlier run comes back.
        ("PERSIST_STATE", "0".to_owned()),
        ("S3_PERSIST", "0".to_owned()),
        ("STATE_DIR", scratch.clone()),
        ("S3_DATA_DIR", scratch),
        ("AWS_ENDPOINT_URL", format!("http://{}", setup.address)),
        ("AWS_ENDPOINT_URL_RDS", options.rds_endpoint.clone()),
        ("AWS_ENDPOINT_URL_SFN", setup.proxy.to_owned()),
        ("AWS_ENDPOINT_URL_SQS", setup.proxy.to_owned()),
        ("AWS_ENDPOINT_URL_DYNAMODB", setup.proxy.to_owned()),
        // The emulator takes the key's id for the account, and gives the functions these.
        ("AWS_ACCESS_KEY_ID", options.account.clone()),
        ("AWS_SECRET_ACCESS_KEY", "local".to_owned()),
        ("AWS_DEFAULT_REGION", options.recovery_region.clone()),
        ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        ("AWS_CONFIG_FILE", "/dev/null".to_owned()),
        ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null".to_owned()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_emulator_that_ends_early_is_quoted_from_its_log() {
        let folder = std::env::temp_dir().join(format!("snapferry-ended-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let setup = EmulatorSetup {
            // A program that cannot run the launcher, and says so.
            python: Path::new("/bin/sh"),
            folder: &folder,
            address: free_address().unwrap(),
            proxy: "http://127.0.0.1:9",
            options: &LocalOptions::new("http://127.0.0.1:9"),
            evaluates_iam: true,
        };
        let error = Emulator::start(setup).await.unwrap_err();
        std::fs::remove_dir_all(&folder).unwrap();
        let LocalError::EmulatorEnded { log, tail } = &error else {
            panic!("{error}");
        };
        assert!(tail.contains("launcher.py"), "{tail}");
        assert!(error.to_string().contains(&log.display().to_string()));
    }
}
