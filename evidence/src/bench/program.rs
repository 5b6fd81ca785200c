//! A program under measurement: started as Lambda starts it, watched through `/proc`.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail};
use axum::body::Bytes;
use tokio::process::{Child, Command};

use super::hints::{HOME, KEY, MACHINE, SOURCE, STACK, TABLE};
use super::runtime_api::{Answer, RuntimeApi};

/// How long a program may take for one thing before it counts as stuck.
const PATIENCE: Duration = Duration::from_secs(60);
/// How much of a program's log an error quotes.
const TAIL: usize = 2000;

/// How a program is started.
#[derive(Debug, Clone)]
pub(super) struct Program {
    /// What it is called in the report.
    pub(super) name: &'static str,
    /// The executable.
    pub(super) executable: PathBuf,
    /// Its arguments.
    pub(super) arguments: Vec<String>,
    /// What Lambda hands over in `_HANDLER`.
    pub(super) handler: &'static str,
    /// Variables in addition to those that every program gets.
    pub(super) variables: Vec<(String, String)>,
    /// Whether it calls AWS for each event, or does nothing.
    pub(super) works: bool,
}

/// A program that runs, and has asked for its first event. Dropping it ends it.
#[derive(Debug)]
pub(super) struct Running {
    name: &'static str,
    child: Child,
    process: u32,
    api: RuntimeApi,
    log: PathBuf,
    init: Duration,
}

impl Program {
    /// Starts it and waits until it asks for an event. Its log goes to a file in `folder`, its working directory.
    ///
    /// # Errors
    /// When it cannot be started, ends, or reports an error.
    pub(super) async fn start(&self, folder: &Path) -> anyhow::Result<Running> {
        let api = RuntimeApi::start().await?;
        let log = folder.join(format!("{}.log", self.name));
        let out = File::create(&log).with_context(|| format!("{}", log.display()))?;
        let mut command = Command::new(&self.executable);
        command
            .args(&self.arguments)
            .current_dir(folder)
            .env_clear()
            .envs(variables(self.handler, &api))
            .envs(self.variables.iter().cloned())
            .stdin(Stdio::null())
            .stdout(out.try_clone()?)
            .stderr(out)
            .kill_on_drop(true);
        let started = Instant::now();
        let child = command
            .spawn()
            .with_context(|| format!("{} could not be run", self.executable.display()))?;
        let process = child.id().context("the program ended at once")?;
        let mut running = Running {
            name: self.name,
            child,
            process,
            api,
            log,
            init: Duration::ZERO,
        };
        running.init = running.ready().await?.duration_since(started);
        Ok(running)
    }
}

/// What Lambda and the template set.
fn variables(handler: &str, api: &RuntimeApi) -> Vec<(String, String)> {
    let api = api.address().to_string();
    let queue = |of: &str| format!("https://sqs.{HOME}.amazonaws.com/111122223333/snapferry-{of}");
    let (events, commands) = (queue("events"), queue("commands"));
    [
        ("AWS_LAMBDA_RUNTIME_API", api.as_str()),
        ("_HANDLER", handler),
        ("LAMBDA_TASK_ROOT", "."),
        ("AWS_LAMBDA_FUNCTION_NAME", "bench"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
        ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/bench"),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "bench"),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
        ("AWS_REGION", HOME),
        ("AWS_DEFAULT_REGION", HOME),
        ("AWS_ACCESS_KEY_ID", "ASIAIOSFODNN7EXAMPLE"),
        (
            "AWS_SECRET_ACCESS_KEY",
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        ),
        ("AWS_SESSION_TOKEN", "IQoJb3JpZ2luX2VjEXAMPLE"),
        ("LANG", "C.UTF-8"),
        ("SNAPFERRY_STACK_ID", STACK),
        ("SNAPFERRY_TABLE", TABLE),
        ("SNAPFERRY_EVENTS_QUEUE_URL", events.as_str()),
        ("SNAPFERRY_COMMANDS_QUEUE_URL", commands.as_str()),
        ("SNAPFERRY_SOURCE_REGIONS", SOURCE),
        ("SNAPFERRY_STATE_MACHINE_ARN", MACHINE),
        ("SNAPFERRY_KMS_KEY", KEY),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

impl Running {
    /// From its start until it asked for an event.
    #[must_use]
    pub(super) fn init(&self) -> Duration {
        self.init
    }

    /// Waits until it asks for an event.
    ///
    /// # Errors
    /// When it ends, reports an error or is stuck.
    pub(super) async fn ready(&mut self) -> anyhow::Result<Instant> {
        let Self { child, api, .. } = self;
        let done = tokio::select! {
            ready = tokio::time::timeout(PATIENCE, api.ready()) => ready,
            ended = child.wait() => Ok(Err(anyhow!("it ended: {}", ended?))),
        };
        self.with_log(done)
    }

    /// Gives it an event and waits for its answer.
    ///
    /// # Errors
    /// When it ends, reports an error or is stuck.
    pub(super) async fn invoke(&mut self, event: Bytes) -> anyhow::Result<Answer> {
        let Self { child, api, .. } = self;
        let done = tokio::select! {
            answer = tokio::time::timeout(PATIENCE, api.invoke(event)) => answer,
            ended = child.wait() => Ok(Err(anyhow!("it ended: {}", ended?))),
        };
        self.with_log(done)
    }

    fn with_log<T>(
        &self,
        done: Result<anyhow::Result<T>, tokio::time::error::Elapsed>,
    ) -> anyhow::Result<T> {
        let done = done.unwrap_or_else(|_| Err(anyhow!("it is stuck")));
        done.with_context(|| format!("{}, whose log ends:\n{}", self.name, self.log_tail()))
    }

    fn log_tail(&self) -> String {
        let log = fs::read(&self.log).unwrap_or_default();
        let from = log.len().saturating_sub(TAIL);
        String::from_utf8_lossy(&log[from..]).into_owned()
    }

    /// The processor time of its threads so far. A thread that has ended takes its time along.
    ///
    /// # Errors
    /// When the system does not say.
    pub(super) fn cpu(&self) -> anyhow::Result<Duration> {
        let tasks = format!("/proc/{}/task", self.process);
        let mut nanoseconds = 0;
        for task in fs::read_dir(&tasks).with_context(|| tasks.clone())? {
            let file = task?.path().join("schedstat");
            let text = fs::read_to_string(&file).with_context(|| format!("{}", file.display()))?;
            nanoseconds += on_cpu(&text).with_context(|| format!("{}", file.display()))?;
        }
        Ok(Duration::from_nanos(nanoseconds))
    }

    /// The most memory that it had resident, in bytes.
    ///
    /// # Errors
    /// When the system does not say.
    pub(super) fn peak_memory(&self) -> anyhow::Result<u64> {
        let file = format!("/proc/{}/status", self.process);
        let text = fs::read_to_string(&file).with_context(|| file.clone())?;
        high_water_mark(&text).context(file)
    }

    /// Ends it.
    ///
    /// # Errors
    /// When it cannot be ended.
    pub(super) async fn end(mut self) -> anyhow::Result<()> {
        self.child
            .kill()
            .await
            .context("a program could not be ended")
    }
}

/// The first number of `schedstat`: the nanoseconds that a thread ran.
fn on_cpu(schedstat: &str) -> anyhow::Result<u64> {
    let first = schedstat.split_whitespace().next().unwrap_or_default();
    first.parse().context("the kernel keeps no schedstat")
}

/// `VmHWM` of a process's status, in bytes.
fn high_water_mark(status: &str) -> anyhow::Result<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let mut words = line.context("no VmHWM")?.split_whitespace();
    let (Some(number), Some("kB")) = (words.next(), words.next()) else {
        bail!("VmHWM is not in kB");
    };
    Ok(number.parse::<u64>()? * 1024)
}

#[cfg(test)]
mod tests {
    use super::{high_water_mark, on_cpu};

    #[test]
    fn processor_time_is_the_first_of_three_numbers() {
        assert_eq!(on_cpu("1234567 89 10\n").unwrap(), 1_234_567);
        on_cpu("").unwrap_err();
    }

    #[test]
    fn memory_is_the_high_water_mark_in_bytes() {
        let status = "Name:\tx\nVmPeak:\t 9 kB\nVmHWM:\t    7816 kB\nVmRSS:\t 5 kB\n";
        assert_eq!(high_water_mark(status).unwrap(), 7816 * 1024);
        high_water_mark("VmRSS:\t 5 kB\n").unwrap_err();
        high_water_mark("VmHWM:\t 5 pages\n").unwrap_err();
    }
}
