//! The local stack: the project's own templates and the shipped function, in an emulator on
//! loopback, with nothing to install but Python.
//!
//! [`LocalStack::start`] makes a Python environment under `target/`, builds the function, starts the
//! recording [proxy](crate::proxy) and the emulator, packages and deploys `template.yaml` to the
//! recovery region and `source-region.yaml` to each source region. The emulator and the functions
//! end with the [`LocalStack`], or with the process that holds it, even when that is killed.

mod bare;
mod client;
mod deploy;
mod emulator;
mod environment;
mod error;
mod inner_cargo;
mod operations;
mod permissions;
mod roles;
mod sessions;
mod settings;
mod workspace;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

pub use bare::BareStack;
pub use client::{Client, ClientError, JsonService};
pub use deploy::STACK;
pub use error::LocalError;
pub use operations::{BusEvent, Execution, HistoryEvent, Message, QueueDepth};
pub use permissions::{Permission, RoleChanges};
pub use roles::{Denial, LocalIam, RoleUse};
pub use sessions::Session;
pub use settings::{Function, LocalOptions, Override};
pub use workspace::{build, build_bootstrap, build_reporter, build_snapferry, repository_root};

use crate::proxy::Proxy;
use deploy::Deployer;
use emulator::{Emulator, EmulatorSetup};

/// The emulator, AWS's own command line, and what turns a serverless template into a plain one.
const REQUIREMENTS: &str = "ministack==1.5.33\naws-sam-translator==1.115.0\nawscli==1.46.3\n";

/// How often another port is tried where one was taken in the moment before the emulator bound it.
const PORT_TRIES: u8 = 3;

/// What is being done; each begins when the one before is done.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// The Python environment is made, half a minute, or found.
    Python,
    /// The function is built, minutes, or found.
    Build,
    /// The emulator starts.
    Start,
    /// The templates are packaged and deployed.
    Deploy,
    /// The stack is up.
    Ready,
}

/// The running local stack. Dropping it ends the emulator and every function.
#[derive(Debug)]
pub struct LocalStack {
    // Fields are dropped in this order: the folder goes when nobody uses it any more.
    running: Running,
    overrides: Vec<Override>,
    options: LocalOptions,
    function: PathBuf,
    folder: RunFolder,
}

/// What runs, and what was deployed.
#[derive(Debug)]
struct Running {
    // The functions end before the proxy they call.
    emulator: Emulator,
    proxy: Proxy,
    client: Client,
    endpoint: SocketAddr,
    outputs: BTreeMap<String, String>,
    deployer: Deployer,
    stage: PathBuf,
}

/// Where the parts of a run are.
struct Place<'a> {
    root: &'a Path,
    python: &'a Path,
    function: &'a Path,
    snapferry: &'a Path,
    folder: &'a Path,
}

impl LocalStack {
    /// Brings the local stack up, and reports each step to `progress` as it begins.
    ///
    /// # Errors
    /// With a sentence that says what to do, for whatever is missing on this machine.
    pub async fn start(options: LocalOptions, progress: &dyn Fn(Step)) -> Result<Self, LocalError> {
        let root = repository_root()?;
        progress(Step::Python);
        let python = local_python(&root).await?;
        progress(Step::Build);
        let function = match options.function.clone() {
            Function::Binary(path) => path,
            Function::Build => {
                let root = root.clone();
                blocking(move || workspace::build_bootstrap(&root)).await?
            }
        };
        let snapferry = blocking(build_snapferry).await?;
        let target = {
            let root = root.clone();
            blocking(move || workspace::target_directory(&root)).await?
        };

        let folder = RunFolder::new(&target)?;
        let place = Place {
            root: &root,
            python: &python,
            function: &function,
            snapferry: &snapferry,
            folder: folder.path(),
        };
        match bring_up(&place, &options, progress).await {
            Ok(running) => Ok(Self {
                running,
                overrides: options.overrides(&root)?,
                options,
                function,
                folder,
            }),
            Err(error) => {
                // The error names the log in there.
                folder.keep();
                Err(error)
            }
        }
    }

    /// A client of the emulator in the recovery region.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.running.client
    }

    /// The recording proxy.
    #[must_use]
    pub fn proxy(&self) -> &Proxy {
        &self.running.proxy
    }

    /// The emulator's own endpoint, behind the proxy.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.running.endpoint)
    }

    /// An output of `template.yaml`, such as `StateMachineArn`.
    ///
    /// # Errors
    /// When the template has no such output.
    pub fn output(&self, name: &str) -> Result<&str, LocalError> {
        let found = self.running.outputs.get(name).map(String::as_str);
        found.ok_or_else(|| LocalError::Aws {
            command: "aws cloudformation describe-stacks".to_owned(),
            output: format!("the stack has no output {name}"),
        })
    }

    /// Deploys once more as it was deployed, and returns the command's JSON.
    ///
    /// # Errors
    /// With what the command printed.
    pub async fn deploy_again(&self) -> Result<String, LocalError> {
        let Running {
            deployer, stage, ..
        } = &self.running;
        deployer.deploy(stage, &self.function, &self.options).await
    }

    /// The built `snapferry` for this stack; RDS is the emulator's own, which knows no database.
    #[must_use]
    pub fn snapferry(&self) -> tokio::process::Command {
        let region = &self.options.recovery_region;
        self.running.deployer.snapferry(region)
    }

    /// AWS's own command line, pointed at the emulator's recovery region.
    #[must_use]
    pub fn aws(&self) -> tokio::process::Command {
        let region = &self.options.recovery_region;
        self.running.deployer.aws(region)
    }

    /// Where the deployed values differ from the template's defaults, and why.
    #[must_use]
    pub fn overrides(&self) -> &[Override] {
        &self.overrides
    }

    /// The account, twelve digits.
    #[must_use]
    pub fn account(&self) -> &str {
        self.running.client.account()
    }

    /// The function that was deployed.
    #[must_use]
    pub fn function(&self) -> &Path {
        &self.function
    }

    /// What the emulator and the functions write; removed with the stack.
    #[must_use]
    pub fn log(&self) -> &Path {
        self.running.emulator.log()
    }

    /// The process group of the emulator and the functions.
    #[must_use]
    pub fn process_group(&self) -> i32 {
        self.running.emulator.group()
    }

    /// The folder of this run under `target/`; removed with the stack.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Cargo's target folder, in which the run has its own. What is written there outlives the run.
    #[must_use]
    pub fn target(&self) -> &Path {
        let run = self.folder.path();
        run.ancestors().nth(2).unwrap_or(run)
    }
}

/// The Python that has the emulator.
async fn local_python(root: &Path) -> Result<PathBuf, LocalError> {
    let root = root.to_owned();
    blocking(move || crate::python::venv(&root, "local-stack", REQUIREMENTS))
        .await
        .map_err(LocalError::Python)
}

/// Starts proxy and emulator, and deploys.
async fn bring_up(
    place: &Place<'_>,
    options: &LocalOptions,
    progress: &dyn Fn(Step),
) -> Result<Running, LocalError> {
    progress(Step::Start);
    let (emulator, proxy, endpoint) = boot(place.python, place.folder, options, true).await?;
    let client = Client::new(endpoint, &options.account, &options.recovery_region);

    progress(Step::Deploy);
    let stage = deploy::stage(place.root, place.folder)?;
    deploy::change_roles(&stage, &options.roles)?;
    let deployer = Deployer::new(
        place.snapferry,
        place.python,
        endpoint,
        place.folder,
        options,
    );
    deployer.deploy(&stage, place.function, options).await?;
    let outputs = deployer.outputs(&options.recovery_region, STACK).await?;

    progress(Step::Ready);
    Ok(Running {
        emulator,
        proxy,
        client,
        endpoint,
        outputs,
        deployer,
        stage,
    })
}

/// Starts proxy and emulator.
async fn boot(
    python: &Path,
    folder: &Path,
    options: &LocalOptions,
    evaluates_iam: bool,
) -> Result<(Emulator, Proxy, SocketAddr), LocalError> {
    let mut tries = 1;
    loop {
        let address = emulator::free_address()?;
        let proxy = Proxy::start(address, options.interference.clone()).await;
        let proxy = proxy.map_err(LocalError::Port)?;
        let setup = EmulatorSetup {
            python,
            folder,
            address,
            proxy: &proxy.url(),
            options,
            evaluates_iam,
        };
        match Emulator::start(setup).await {
            Ok(emulator) => return Ok((emulator, proxy, address)),
            Err(LocalError::PortTaken(_)) if tries < PORT_TRIES => tries += 1,
            Err(error) => return Err(error),
        }
    }
}

/// Runs what blocks (pip, cargo) beside the runtime; a panic in it goes on here.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

/// The files of one run, removed at its end. Those of a run that was killed go with the next.
#[derive(Debug)]
struct RunFolder(PathBuf);

impl RunFolder {
    fn new(target: &Path) -> Result<Self, LocalError> {
        use std::sync::atomic::{AtomicU32, Ordering};
        static COUNT: AtomicU32 = AtomicU32::new(0);

        let runs = target.join("local");
        remove_left_behind(&runs);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = runs.join(format!("{}-{count}", std::process::id()));
        std::fs::create_dir_all(&folder).map_err(LocalError::file(&folder))?;
        Ok(Self(folder))
    }

    fn path(&self) -> &Path {
        &self.0
    }

    /// Leaves the files to the next run.
    fn keep(self) {
        std::mem::forget(self);
    }
}

impl Drop for RunFolder {
    fn drop(&mut self) {
        // What cannot be removed now goes with the next run.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Removes the folders of processes that are no more. It is tidying: what fails is left.
fn remove_left_behind(runs: &Path) {
    let Ok(folders) = std::fs::read_dir(runs) else {
        return;
    };
    for folder in folders.flatten() {
        let name = folder.file_name();
        let process = name
            .to_str()
            .and_then(|name| name.split('-').next()?.parse().ok());
        let process = process.and_then(rustix::process::Pid::from_raw);
        if process.is_none_or(|process| rustix::process::test_kill_process(process).is_err()) {
            let _ = std::fs::remove_dir_all(folder.path());
        }
    }
}
