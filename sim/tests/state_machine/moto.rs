//! moto, started for the tests.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command as Program, Stdio};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use anyhow::{Context, bail};
use snapferry_sim::local::Client;
use snapferry_sim::python::venv;

use super::definition::root;
use super::protect::{ACCOUNT, Emulator, REGION};

/// The version is pinned, because what these tests know about moto is about this version.
const REQUIREMENTS: &str = "moto[server,stepfunctions]==5.2.5\n";

/// Picks its own port and tells it, once executions are switched on. The engine calls SQS back at `MOTO_PORT`.
/// Ends when its input does, so that it never outlives the tests, even if they are killed.
///
/// moto itself makes one token for all tries of a state, and uses the answer to the first try for each. This patch makes a
/// token for each try, as AWS does.
const LAUNCHER: &str = "\
import os, sys, urllib.request
from moto.server import ThreadedMotoServer
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import state_task_service_callback
Task = state_task_service_callback.StateTaskServiceCallback
def of_this_try(task, env, carry_out=Task._eval_execution):
    context = env.states.context_object
    if context.context_object_data.get('Task'):
        env.callback_pool_manager.add(context.update_task_token())
    return carry_out(task, env)
Task._eval_execution = of_this_try
from moto.stepfunctions.parser.asl.eval.callback.callback import CallbackEndpoint
def count_heartbeats(endpoint, heartbeat_seconds, begin=CallbackEndpoint.setup_heartbeat_endpoint):
    heartbeats = begin(endpoint, heartbeat_seconds)
    if endpoint.get_outcome() is not None:
        heartbeats.notify()
    return heartbeats
CallbackEndpoint.setup_heartbeat_endpoint = count_heartbeats
server = ThreadedMotoServer(ip_address='127.0.0.1', port=0, verbose=False)
server.start()
port = server.get_host_and_port()[1]
os.environ['MOTO_PORT'] = str(port)
config = urllib.request.Request(
    f'http://127.0.0.1:{port}/moto-api/config',
    data=b'{\"stepfunctions\": {\"execute_state_machine\": true}}',
    headers={'content-type': 'application/json'},
    method='POST',
)
urllib.request.urlopen(config, timeout=30).read()
print(port, flush=True)
sys.stdin.read()
";

/// A running moto; dropping it ends it.
pub(crate) struct Moto {
    child: Child,
    url: String,
}

/// The one that is running, for tests that run at the same time. The last of them ends it.
static RUNNING: Mutex<Weak<Moto>> = Mutex::new(Weak::new());

impl Moto {
    pub(crate) fn shared() -> anyhow::Result<Arc<Self>> {
        let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(moto) = running.upgrade() {
            return Ok(moto);
        }
        let moto = Arc::new(Self::start()?);
        *running = Arc::downgrade(&moto);
        Ok(moto)
    }

    fn start() -> anyhow::Result<Self> {
        let python: PathBuf = venv(root(), "moto-stepfunctions", REQUIREMENTS)?;
        // A file, because a pipe that nobody reads would stop moto once it is full.
        let log = Path::new(env!("CARGO_TARGET_TMPDIR")).join("moto-stepfunctions.log");
        let child = Program::new(python)
            .args(["-c", LAUNCHER])
            .env("AWS_ACCESS_KEY_ID", ACCOUNT)
            .env("AWS_SECRET_ACCESS_KEY", "none")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("NO_PROXY", "localhost,127.0.0.1")
            .env_remove("AWS_PROFILE")
            .env_remove("AWS_ENDPOINT_URL")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(&log)?)
            .spawn()
            .context("cannot start moto")?;
        // From here on it ends in every case.
        let mut moto = Self {
            child,
            url: String::new(),
        };
        let output = moto.child.stdout.take().context("moto has no output")?;
        let mut line = String::new();
        BufReader::new(output)
            .read_line(&mut line)
            .context("moto told nothing")?;
        let Ok(port) = line.trim().parse::<u16>() else {
            let said = std::fs::read_to_string(&log).unwrap_or_default();
            bail!("moto did not start: {said}");
        };
        moto.url = format!("http://127.0.0.1:{port}");
        Ok(moto)
    }
}

impl Emulator for Moto {
    fn client(&self) -> Client {
        Client::at(&self.url, ACCOUNT, REGION).expect("moto's address is one")
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
