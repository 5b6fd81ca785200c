//! `snapferry replay`: shows dead letters and sends them again.

use std::collections::BTreeSet;
use std::io::Write;

use jiff::Timestamp;
use serde::Serialize;

use super::arguments::{DeadLetterArguments, ReplayAction, StackArguments, variables};
use super::outcome::{CliError, Ended};
use super::replay_words::{explanation, is_paper, outcome, word};
use super::show::{age, database, table, write_json, write_remedies, write_table};
use crate::app::replay::{self, DeadLetterQueue, Outcome, Replay, ReplayRequest, Row};
use crate::aws::{Aws, QueueUrl, Replays, find_queue, for_operators};
use crate::domain::id::arn::{KeyArn, Region};
use crate::domain::operator::dead_letter::{About, DeadLetterSummary, Selection, forwarding_queue};
use crate::domain::operator::not_found::NotFound;
use crate::domain::run::failure::Remedy;
use crate::ports::Clock;
use crate::settings::{Stack, Variables};

const COMMANDS: &str = "SNAPFERRY_COMMANDS_QUEUE_URL";
pub(super) const COMMANDS_DEAD_LETTERS: &str = "SNAPFERRY_COMMANDS_DEAD_LETTER_QUEUE_URL";
const EVENTS: &str = "SNAPFERRY_EVENTS_QUEUE_URL";
pub(super) const EVENTS_DEAD_LETTERS: &str = "SNAPFERRY_EVENTS_DEAD_LETTER_QUEUE_URL";
const STACK_KEY: &str = "SNAPFERRY_KMS_KEY";
const SOURCE_QUEUE: &str = "--source-queue-url";
const SOURCE_REGION: &str = "--source-region";

pub(super) async fn execute(
    arguments: &StackArguments,
    action: &ReplayAction,
    environment: Vec<(String, String)>,
    out: &mut impl Write,
) -> Result<Ended, CliError> {
    let (queue, options) = match action {
        ReplayAction::Commands(options) => (DeadLetterQueue::Commands, &options.mail),
        ReplayAction::Events(options) => (DeadLetterQueue::Events, &options.mail),
    };
    let flags = arguments.flags().into_iter().chain(queue_flags(action));
    let mut vars = variables(environment, flags);
    let stack = Stack::read(&mut vars);
    let queues = match action {
        ReplayAction::Commands(_) => queues(&mut vars, COMMANDS_DEAD_LETTERS, COMMANDS),
        ReplayAction::Events(options) if options.source_region.is_some() => {
            queues_of_a_source_region(&mut vars)
        }
        ReplayAction::Events(_) => queues(&mut vars, EVENTS_DEAD_LETTERS, EVENTS),
    };
    let stack_key = vars.optional(STACK_KEY, KeyArn::parse);
    let (stack, queues) = vars.finish(stack.zip(queues))?;
    let sdk = for_operators(&stack.home, arguments.profile.as_deref()).await;
    let region = queues.region.as_ref().unwrap_or(&stack.home);
    let dead_letters = match queues.dead_letters {
        Some(url) => url,
        None => find_queue(&sdk, region, &forwarding_queue(&stack.home)).await?,
    };
    let replays = Replays::new(&sdk, region, dead_letters, queues.target);
    let aws = Aws::new(sdk, stack.table.clone(), replays);
    let order = ReplayRequest {
        stack_key,
        ..order(queue, options, aws.now())
    };
    run_replay(&aws, &order, arguments.format.is_json(), out).await
}

/// The queue that messages are taken from, and the queue that they are sent to.
struct Queues {
    /// The region of the dead letters. `None` means the recovery region.
    region: Option<Region>,
    /// `None` if the queue has the name that source-region.yaml gives it.
    dead_letters: Option<QueueUrl>,
    target: QueueUrl,
}

fn queue_flags(action: &ReplayAction) -> Vec<(&'static str, &Option<String>)> {
    match action {
        ReplayAction::Commands(options) => vec![
            (COMMANDS_DEAD_LETTERS, &options.dead_letter_queue_url),
            (COMMANDS, &options.queue_url),
        ],
        ReplayAction::Events(options) => vec![
            (SOURCE_REGION, &options.source_region),
            (SOURCE_QUEUE, &options.source_queue_url),
            (EVENTS_DEAD_LETTERS, &options.dead_letter_queue_url),
            (EVENTS, &options.queue_url),
        ],
    }
}

fn queues(vars: &mut Variables, dead_letters: &str, target: &str) -> Option<Queues> {
    let dead_letters = vars.required(dead_letters, QueueUrl::parse);
    let target = vars.required(target, QueueUrl::parse);
    Some(Queues {
        region: None,
        dead_letters: Some(dead_letters?),
        target: target?,
    })
}

fn queues_of_a_source_region(vars: &mut Variables) -> Option<Queues> {
    let region = vars.required(SOURCE_REGION, Region::parse);
    let dead_letters = vars.optional(SOURCE_QUEUE, QueueUrl::parse);
    let target = vars.required(EVENTS, QueueUrl::parse);
    Some(Queues {
        region: Some(region?),
        dead_letters,
        target: target?,
    })
}

fn order(queue: DeadLetterQueue, options: &DeadLetterArguments, now: Timestamp) -> ReplayRequest {
    ReplayRequest {
        queue,
        selection: Selection {
            databases: options.databases.clone(),
            since: options.since.as_ref().map(|since| since.before(now)),
            reason: options.reason.clone(),
            unreadable: options.unreadable,
        },
        dry_run: !options.yes,
        max: options.limit,
        stack_key: None,
    }
}

/// Replays, and reports what happened to each dead letter.
///
/// # Errors
/// If it could not begin, or the answer cannot be written.
pub async fn run_replay<W: replay::Permissions + Clock>(
    world: &W,
    order: &ReplayRequest,
    json: bool,
    out: &mut impl Write,
) -> Result<Ended, CliError> {
    let replay = replay::replay(world, order).await?;
    if json {
        write_json(out, &ReplayJson::of(&replay, order.dry_run))?;
    } else {
        write(out, order, &replay, world.now())?;
    }
    Ok(if replay.is_complete() {
        Ended::Well
    } else if Counts::of(&replay).failed > 0 {
        Ended::Badly
    } else {
        Ended::Unread
    })
}

fn write(
    out: &mut impl Write,
    order: &ReplayRequest,
    replay: &Replay,
    now: Timestamp,
) -> Result<(), CliError> {
    if !replay.rows.is_empty() {
        let header = [
            "ABOUT",
            "STEP",
            "PLANNED",
            "EXECUTION",
            "SINCE",
            "RECEIVES",
            "AWAITED",
            "OUTCOME",
            "REMEDY",
            "REASON",
        ];
        let mut rows = table(header);
        for row in &replay.rows {
            rows.add_row(cells(row, now));
        }
        write_table(out, &rows)?;
        let remedies = replay.rows.iter();
        write_remedies(out, remedies.filter_map(|row| row.letter.remedy()))?;
        writeln!(out)?;
    }
    let paper = replay.rows.iter().filter(|row| is_paper(row, replay));
    match paper.count() {
        0 => {}
        count => writeln!(
            out,
            "only paper: {count} (the sweep has sent the same command again since, and a later letter has it)"
        )?,
    }
    write_outdated(out, replay)?;
    write_unmatched(out, order, replay)?;
    writeln!(out, "{}", sentence(order, replay))?;
    Ok(())
}

/// Says once for each run that it keeps what its policy no longer says.
fn write_outdated(out: &mut impl Write, replay: &Replay) -> Result<(), CliError> {
    let selected = replay
        .rows
        .iter()
        .filter(|row| row.outcome != Outcome::Skipped);
    let sentences: BTreeSet<String> = selected
        .filter_map(|row| match (&row.letter.about, &row.outdated) {
            (About::Command { execution, run, .. }, Some(outdated)) => Some(format!(
                "{}: {outdated}. Its command will park again: stop the run (snapferry stop {execution} --yes), then \
                 start it anew (snapferry start --again)",
                database(&run.database.arn)
            )),
            _ => None,
        })
        .collect();
    for sentence in sentences {
        writeln!(out, "{sentence}")?;
    }
    Ok(())
}

/// Says which of the databases no dead letter is about, with the name that was probably meant.
fn write_unmatched(
    out: &mut impl Write,
    order: &ReplayRequest,
    replay: &Replay,
) -> Result<(), CliError> {
    let rows = replay.rows.iter();
    let known = rows.filter_map(|row| row.letter.about.database());
    for name in NotFound::of_databases(&order.selection.databases, known) {
        writeln!(out, "no dead letter is about {name}")?;
    }
    Ok(())
}

fn cells(row: &Row, now: Timestamp) -> [String; 10] {
    let letter = &row.letter;
    let none = || "-".to_owned();
    let (about, step, planned, execution) = match &letter.about {
        About::Command {
            step,
            run,
            execution,
        } => (
            database(&run.database.arn),
            step.as_str().to_owned(),
            run.planned_at.to_string(),
            execution.clone(),
        ),
        About::Event {
            resource, event_id, ..
        } => {
            let event = event_id.clone().unwrap_or_else(none);
            (resource.name().to_owned(), event, none(), none())
        }
        About::Foreign => ("(concerns nobody here)".to_owned(), none(), none(), none()),
        About::Unreadable => ("(cannot be read)".to_owned(), none(), none(), none()),
    };
    [
        about,
        step,
        planned,
        execution,
        letter.since.map_or_else(none, |since| age(since, now)),
        letter.receives.to_string(),
        row.token_state
            .map_or_else(none, |token_state| word(token_state).to_owned()),
        outcome(&row.outcome).0.to_owned(),
        letter
            .remedy()
            .map_or_else(none, |remedy| remedy.as_str().to_owned()),
        explanation(row),
    ]
}

fn sentence(order: &ReplayRequest, replay: &Replay) -> String {
    let queue = match order.queue {
        DeadLetterQueue::Commands => "commands",
        DeadLetterQueue::Events => "events",
    };
    let count = Counts::of(replay);
    let mut text = if replay.rows.is_empty() && replay.error.is_none() {
        format!("no dead letters among the {queue}")
    } else if order.dry_run {
        let Counts { selected, left, .. } = count;
        format!("{queue}: {selected} would be replayed (--yes), {left} left; nothing was changed")
    } else {
        let Counts {
            replayed,
            left,
            failed,
            ..
        } = count;
        format!("{queue}: {replayed} replayed, {left} left, {failed} failed")
    };
    if let Some(error) = &replay.error {
        text.push_str(&format!(
            "; the queue could not be read completely: {error}"
        ));
    } else if replay.more {
        text.push_str("; there may be more: run it again, or raise --limit");
    }
    text
}

struct Counts {
    selected: usize,
    replayed: usize,
    left: usize,
    failed: usize,
}

impl Counts {
    fn of(replay: &Replay) -> Self {
        let count =
            |is: fn(&Outcome) -> bool| replay.rows.iter().filter(|r| is(&r.outcome)).count();
        Self {
            selected: count(|o| *o != Outcome::Skipped),
            replayed: count(|o| *o == Outcome::Replayed),
            left: count(|o| *o == Outcome::Skipped),
            failed: count(|o| matches!(o, Outcome::NotSent(_) | Outcome::SentAndKept(_))),
        }
    }
}

#[derive(Serialize)]
struct ReplayJson {
    dry_run: bool,
    letters: Vec<DeadLetterJson>,
    selected: usize,
    replayed: usize,
    left: usize,
    failed: usize,
    more: bool,
    error: Option<String>,
}

/// A dead letter as JSON, without its text, which may hold a token.
#[derive(Serialize)]
struct DeadLetterJson {
    message_id: String,
    kind: &'static str,
    database: Option<String>,
    resource_id: Option<String>,
    policy: Option<String>,
    step: Option<&'static str>,
    planned_at: Option<String>,
    execution: Option<String>,
    resource: Option<String>,
    event_id: Option<String>,
    since: Option<String>,
    receives: u32,
    reason: Option<String>,
    remedy: Option<&'static str>,
    awaited: Option<&'static str>,
    outcome: &'static str,
    error: Option<String>,
    /// Whether a later letter has the same command.
    paper: bool,
    /// What its run keeps although its policy says something else, so that a replay is refused as before.
    #[serde(skip_serializing_if = "Option::is_none")]
    outdated: Option<String>,
}

impl ReplayJson {
    fn of(replay: &Replay, dry_run: bool) -> Self {
        let Counts {
            selected,
            replayed,
            left,
            failed,
        } = Counts::of(replay);
        Self {
            dry_run,
            letters: replay
                .rows
                .iter()
                .map(|row| DeadLetterJson {
                    paper: is_paper(row, replay),
                    ..DeadLetterJson::of(row)
                })
                .collect(),
            selected,
            replayed,
            left,
            failed,
            more: replay.more,
            error: replay.error.clone(),
        }
    }
}

impl DeadLetterJson {
    fn of(row: &Row) -> Self {
        let (word_of, error) = outcome(&row.outcome);
        let json = Self {
            awaited: row.token_state.map(word),
            outdated: row.outdated.as_ref().map(ToString::to_string),
            outcome: word_of,
            error: error.map(ToOwned::to_owned),
            ..Self::of_letter(&row.letter)
        };
        match &row.letter.about {
            About::Command {
                step,
                run,
                execution,
            } => Self {
                kind: "command",
                policy: Some(run.policy.to_string()),
                step: Some(step.as_str()),
                planned_at: Some(run.planned_at.to_string()),
                execution: Some(execution.clone()),
                ..json
            },
            About::Event {
                resource, event_id, ..
            } => Self {
                kind: "event",
                resource: Some(resource.to_string()),
                event_id: event_id.clone(),
                ..json
            },
            About::Foreign => Self {
                kind: "foreign",
                ..json
            },
            About::Unreadable => json,
        }
    }

    fn of_letter(letter: &DeadLetterSummary) -> Self {
        let database = letter.about.database();
        Self {
            message_id: letter.message_id.clone(),
            kind: "unreadable",
            database: database.map(|database| database.arn.to_string()),
            resource_id: database.map(|database| database.resource_id.to_string()),
            policy: None,
            step: None,
            planned_at: None,
            execution: None,
            resource: None,
            event_id: None,
            since: letter.since.map(|since| since.to_string()),
            receives: letter.receives,
            reason: letter.reason.as_ref().map(ToString::to_string),
            remedy: letter.remedy().map(Remedy::as_str),
            awaited: None,
            outcome: "left",
            error: None,
            paper: false,
            outdated: None,
        }
    }
}
