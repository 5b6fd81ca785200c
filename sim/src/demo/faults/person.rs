//! The person of the demo: sees the dead letters, repairs what is broken, replays.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::inject_fault::is_garbage;
use super::rds_outages::RdsOutages;
use crate::demo::snapferry::{Letters, Snapferry};
use crate::demo::view::Out;
use crate::local::{Client, ClientError, JsonService, LocalError, LocalStack};
use crate::rds_http::RdsService;

/// How often the person looks.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How long the dead letters of one look stay hidden from the next reader. SQS counts in whole seconds.
const LOOK_HIDES: Duration = Duration::from_secs(1);
/// The person repairs a fault after this time even if it has led to no dead letter.
const REPAIR_WITHIN: Duration = Duration::from_secs(40);

/// The stack's queues, by URL.
#[derive(Debug, Clone)]
pub(in super::super) struct Queues {
    pub(super) commands: String,
    pub(super) events: String,
    pub(super) dead_commands: String,
    pub(super) dead_events: String,
}

impl Queues {
    /// Reads them from the stack's outputs.
    ///
    /// # Errors
    /// If the stack lacks one.
    pub(in super::super) fn of(stack: &LocalStack) -> Result<Self, LocalError> {
        let output = |name| stack.output(name).map(ToOwned::to_owned);
        Ok(Self {
            commands: output("CommandsQueueUrl")?,
            events: output("EventsQueueUrl")?,
            dead_commands: output("CommandsDeadLetterQueueUrl")?,
            dead_events: output("EventsDeadLetterQueueUrl")?,
        })
    }

    /// What is left in the queues, apart from dead letters that are known garbage. `None` if they are empty.
    ///
    /// # Errors
    /// When the emulator does not answer.
    pub(in super::super) async fn unrest(
        &self,
        client: &Client,
        diary: &Diary,
    ) -> Result<Option<String>, ClientError> {
        let mut left = Vec::new();
        for (name, queue) in [("commands", &self.commands), ("events", &self.events)] {
            let depth = client.queue_depth(queue).await?;
            if !depth.is_empty() {
                left.push(format!("the queue of {name} still holds {depth:?}"));
            }
        }
        let mut dead = 0;
        for queue in [&self.dead_commands, &self.dead_events] {
            let depth = client.queue_depth(queue).await?;
            dead += depth.visible + depth.in_flight + depth.delayed;
        }
        if dead != diary.garbage.len() as u64 {
            left.push(format!(
                "{dead} dead letters, of which {} are known garbage",
                diary.garbage.len()
            ));
        }
        Ok((!left.is_empty()).then(|| left.join("; ")))
    }

    fn dead(&self, letters: Letters) -> &str {
        match letters {
            Letters::Commands => &self.dead_commands,
            Letters::Events => &self.dead_events,
        }
    }
}

/// What the person works with.
#[derive(Clone)]
pub(in super::super) struct WorkerConfig {
    /// The simulated RDS, whose key may need repair.
    pub(in super::super) rds: Arc<RdsService>,
    /// The faults that the person may have to repair.
    pub(in super::super) rds_outages: Arc<RdsOutages>,
    /// The emulator.
    pub(in super::super) client: Client,
    /// The queues.
    pub(in super::super) queues: Queues,
    /// The command.
    pub(in super::super) snapferry: Snapferry,
    /// Where the person reports what was done.
    pub(in super::super) out: Out,
}

/// What the person has seen and done.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct Diary {
    /// Messages that went back to their queues, according to `snapferry replay`.
    pub(in super::super) replayed: u64,
    /// Commands that were dead letters, by their message's id.
    pub(in super::super) parked: BTreeSet<String>,
    /// Garbage among the dead letters, by its message's id.
    pub(in super::super) garbage: BTreeSet<String>,
    /// What `snapferry` said, for the leak test.
    pub(in super::super) said: String,
    /// What went wrong for the person.
    pub(in super::super) trouble: BTreeSet<String>,
}

/// The person at work. Dropping it ends the work.
pub(in super::super) struct Person {
    diary: Arc<Mutex<Diary>>,
    task: JoinHandle<()>,
}

impl Person {
    /// Begins to watch.
    #[must_use]
    pub(in super::super) fn start(worker_config: WorkerConfig) -> Self {
        let diary = Arc::<Mutex<Diary>>::default();
        let notes = Arc::clone(&diary);
        let task = tokio::spawn(async move {
            loop {
                for letters in [Letters::Commands, Letters::Events] {
                    if let Err(error) = look_after(&worker_config, &notes, letters).await {
                        open(&notes).trouble.insert(format!("{error:#}"));
                    }
                }
                let broken_for = worker_config.rds_outages.broken_for().unwrap_or_default();
                if broken_for > REPAIR_WITHIN {
                    repair(&worker_config);
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
        });
        Self { diary, task }
    }

    /// What has been seen and done so far.
    #[must_use]
    pub(in super::super) fn diary(&self) -> Diary {
        open(&self.diary).clone()
    }
}

impl Drop for Person {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn open(diary: &Mutex<Diary>) -> MutexGuard<'_, Diary> {
    // Each note is one change, so the notes are still whole after a thread has panicked.
    diary.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn look_after(
    worker_config: &WorkerConfig,
    diary: &Mutex<Diary>,
    letters: Letters,
) -> anyhow::Result<()> {
    let queue = worker_config.queues.dead(letters);
    if worker_config.client.queue_depth(queue).await?.visible == 0 {
        return Ok(());
    }
    let found = dead_letters(&worker_config.client, queue).await?;
    let (garbage, parked): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|(_, body)| is_garbage(body));
    {
        let mut diary = open(diary);
        diary.garbage.extend(garbage.into_iter().map(|(id, _)| id));
        if letters == Letters::Commands {
            diary.parked.extend(parked.iter().map(|(id, _)| id.clone()));
        }
    }
    if parked.is_empty() {
        return Ok(());
    }
    repair(worker_config);
    // The look has hidden the letters for a moment.
    tokio::time::sleep(LOOK_HIDES + LOOK_EVERY).await;
    let replayed = worker_config.snapferry.replay(letters).await?;
    worker_config.out.line(format_args!(
        "  the person replays {} dead {}",
        replayed.count,
        match letters {
            Letters::Commands => "commands",
            Letters::Events => "events",
        }
    ));
    let mut diary = open(diary);
    diary.replayed += replayed.count;
    diary.said.push_str(&replayed.said);
    Ok(())
}

fn repair(worker_config: &WorkerConfig) {
    let done = worker_config
        .rds_outages
        .repair(&mut worker_config.rds.model());
    for what in done {
        worker_config
            .out
            .line(format_args!("  the person has {what}"));
    }
}

/// Every message of a dead-letter queue that is visible, by id, with its body. They stay in the queue.
async fn dead_letters(
    client: &Client,
    queue: &str,
) -> Result<BTreeMap<String, String>, ClientError> {
    let mut all = BTreeMap::new();
    loop {
        let request = json!({
            "QueueUrl": queue,
            "MaxNumberOfMessages": 10,
            "VisibilityTimeout": LOOK_HIDES.as_secs(),
        });
        let answer = client
            .call(JsonService::SQS, "ReceiveMessage", &request)
            .await?;
        let text = |message: &Value, name: &str| Some(message.get(name)?.as_str()?.to_owned());
        let messages = answer.get("Messages").and_then(Value::as_array);
        let found: Vec<(String, String)> = messages
            .into_iter()
            .flatten()
            .filter_map(|message| Some((text(message, "MessageId")?, text(message, "Body")?)))
            .collect();
        // If a look takes longer than messages stay hidden, the first ones come again.
        let is_new = found.iter().any(|(id, _)| !all.contains_key(id));
        all.extend(found);
        if !is_new {
            return Ok(all);
        }
    }
}
