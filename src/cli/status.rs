//! `snapferry status`: how every database stands.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::arguments::{StackArguments, variables};
use super::not_found::not_found;
use super::outcome::{CliError, Ended};
use super::planning_arguments::PlanningArguments;
use super::replay::{COMMANDS_DEAD_LETTERS, EVENTS_DEAD_LETTERS};
use super::show::{age, database, table, write_json, write_table};
use super::status_arguments::StatusArguments;
use super::terminal;
use crate::app::letters::waiting_letters;
use crate::app::status::{self, Gathered, gather, refresh};
use crate::aws::{Aws, Examines, StateMachine, for_operators, patient};
use crate::domain::doctor::region::Letters;
use crate::domain::drill::state::DrillState;
use crate::domain::operator::fleet::{Notice, count};
use crate::domain::operator::status::{InFlight, Row, State};
use crate::domain::policy::in_force::Policies;
use crate::ports::Clock;
use crate::report::status_json::StatusJson;
use crate::report::stopped_sentences;
use crate::report::words::{drill_lines, sentence, sentence_case, span};
use crate::settings::Planning;

/// How many rows of databases that are well are shown unless all are asked for.
const ROWS: usize = 40;
/// How often a watch lists everything again. A fleet's snapshots are hundreds of pages.
const LIST_AGAIN: SignedDuration = SignedDuration::from_mins(5);
/// Clears the terminal from its first line.
const CLEAR: &str = "\x1b[H\x1b[J";

/// Which databases are shown.
#[derive(Debug, Clone, Default)]
pub struct Selected {
    /// Only these, by identifier, ARN or resource id.
    pub databases: Vec<String>,
    /// Only those of this policy.
    pub policy: Option<String>,
    /// Also those that are well beyond the first rows, and those that are left out.
    pub all: bool,
}

impl Selected {
    pub(super) fn of<'r>(&self, rows: &'r [Row]) -> Result<Vec<&'r Row>, CliError> {
        for wanted in &self.databases {
            if !rows.iter().any(|row| is_named(row, wanted)) {
                let known = rows.iter().map(|row| row.database.name());
                return Err(not_found("--database", "database", wanted, known));
            }
        }
        let shown = rows.iter().filter(|row| {
            let named = self.databases.is_empty()
                || self.databases.iter().any(|wanted| is_named(row, wanted));
            let of_policy = self.policy.as_ref().is_none_or(|name| {
                row.policy
                    .as_ref()
                    .is_some_and(|policy| policy.as_str() == name)
            });
            let asked_for = self.all || !self.databases.is_empty();
            named && of_policy && (asked_for || row.state != State::Excluded)
        });
        Ok(shown.collect())
    }
}

fn is_named(row: &Row, wanted: &str) -> bool {
    row.database.name() == wanted
        || row.resource_id.as_str() == wanted
        || row.database.to_string() == wanted
}

/// The settings, and AWS with patience: a fleet is hundreds of pages.
pub(super) async fn reach(
    stack: &StackArguments,
    planning: &PlanningArguments,
    environment: Vec<(String, String)>,
) -> Result<(Planning, Aws<StateMachine>), CliError> {
    let flags = stack.flags().into_iter().chain(planning.flags());
    let planning = Planning::from_variables(variables(environment, flags))?;
    let sdk = patient(for_operators(&planning.stack.home, stack.profile.as_deref()).await);
    let machine = StateMachine(planning.state_machine.clone());
    let aws = Aws::new(sdk, planning.stack.table.clone(), machine);
    Ok((planning, aws))
}

pub(super) async fn execute(
    stack: &StackArguments,
    options: &StatusArguments,
    environment: Vec<(String, String)>,
    out: &mut impl Write,
) -> Result<Ended, CliError> {
    let queues = dead_letter_queues(&environment);
    let (planning, aws) = reach(stack, &options.planning, environment).await?;
    let selected = Selected {
        databases: options.databases.clone(),
        policy: options.policy.clone(),
        all: options.all,
    };
    let json = stack.format.is_json();
    if options.watch {
        let interval = Duration::from_secs(options.interval);
        return watch(&aws, &planning, &queues, &selected, json, interval, out).await;
    }
    let letters = letters(&aws, &planning, &queues).await;
    show_status(&aws, &planning, letters, &selected, json, out).await
}

/// The stack's dead-letter queues, where the environment says them.
fn dead_letter_queues(environment: &[(String, String)]) -> Vec<(Letters, String)> {
    let of = |letters, variable: &str| {
        let mut set = environment.iter();
        let (_, url) = set.find(|(name, url)| name == variable && !url.is_empty())?;
        Some((letters, url.clone()))
    };
    let commands = of(Letters::Commands, COMMANDS_DEAD_LETTERS);
    let events = of(Letters::Events, EVENTS_DEAD_LETTERS);
    commands.into_iter().chain(events).collect()
}

async fn letters(
    aws: &Aws<StateMachine>,
    planning: &Planning,
    queues: &[(Letters, String)],
) -> Vec<Notice> {
    waiting_letters(&aws.with(Examines), &planning.stack.home, queues).await
}

/// Counts pages on a terminal's error output, so that a person sees that something happens.
pub(super) fn on_page(pages: usize) {
    let mut err = std::io::stderr();
    if pages.is_multiple_of(10) && err.is_terminal() {
        // Nothing depends on it.
        let _ = write!(err, "\rlisting: {pages} pages\x1b[K");
    }
}

/// Removes the count.
pub(super) fn after_pages() {
    let mut err = std::io::stderr();
    if err.is_terminal() {
        let _ = write!(err, "\r\x1b[K");
    }
}

/// Looks once, and shows what was selected, and these notices of dead letters.
///
/// # Errors
/// When the table cannot be read, a database is not known, or the answer cannot be written. A region that could not be
/// read is part of the answer.
pub async fn show_status<W: status::Permissions>(
    world: &W,
    planning: &Planning,
    letters: Vec<Notice>,
    selected: &Selected,
    json: bool,
    out: &mut impl Write,
) -> Result<Ended, CliError> {
    let mut gathered = gather(world, planning, &on_page).await?;
    gathered.notices.extend(letters);
    after_pages();
    write(planning, selected, &gathered, json, out)
}

async fn watch(
    world: &Aws<StateMachine>,
    planning: &Planning,
    queues: &[(Letters, String)],
    selected: &Selected,
    json: bool,
    interval: Duration,
    out: &mut impl Write,
) -> Result<Ended, CliError> {
    let redraws = !json && std::io::stdout().is_terminal();
    loop {
        let mut gathered = gather(world, planning, &on_page).await?;
        gathered
            .notices
            .extend(letters(world, planning, queues).await);
        after_pages();
        let listed_at = gathered.at;
        loop {
            if redraws {
                write!(out, "{CLEAR}")?;
            }
            write(planning, selected, &gathered, json, out)?;
            out.flush()?;
            tokio::time::sleep(interval).await;
            if world.now().duration_since(listed_at) >= LIST_AGAIN {
                break;
            }
            refresh(world, &mut gathered).await?;
        }
    }
}

fn write(
    planning: &Planning,
    selected: &Selected,
    gathered: &Gathered,
    json: bool,
    out: &mut impl Write,
) -> Result<Ended, CliError> {
    check_policy(selected, &gathered.policies)?;
    let rows = gathered.rows();
    let shown = selected.of(&rows)?;
    if json {
        let stack = planning.stack.rules.stack.as_str();
        let home = planning.stack.home.as_str();
        write_json(out, &StatusJson::of(stack, home, gathered, &rows, &shown))?;
    } else {
        write_text(out, gathered, selected.all, &rows, &shown)?;
    }
    let has_failed = |row: &Row| gathered.drill(row).is_some_and(DrillState::has_failed);
    let troubled = shown
        .iter()
        .any(|row| row.state.needs_a_person() || has_failed(row));
    Ok(if troubled || !gathered.notices.is_empty() {
        Ended::Badly
    } else if !gathered.unreachable.is_empty() {
        Ended::Unread
    } else {
        Ended::Well
    })
}

/// A policy that does not exist would be an empty answer, and be taken for health.
fn check_policy(selected: &Selected, policies: &Policies) -> Result<(), CliError> {
    let names = policies.all.iter().map(|policy| policy.name.as_str());
    match &selected.policy {
        Some(policy) if policies.get(policy).is_none() => {
            Err(not_found("--policy", "policy in force", policy, names))
        }
        _ => Ok(()),
    }
}

fn write_text(
    out: &mut impl Write,
    gathered: &Gathered,
    all: bool,
    rows: &[Row],
    shown: &[&Row],
) -> Result<(), CliError> {
    writeln!(out, "{}", sentence(&count(rows)))?;
    for sentence in stopped_sentences(gathered) {
        writeln!(out, "{sentence}")?;
    }
    for one in &gathered.unreachable {
        writeln!(out, "{} could not be read: {}", one.region, one.error)?;
    }
    for notice in &gathered.notices {
        writeln!(out, "{}", terminal::alarming(&notice.message))?;
    }
    for sentence in gathered.orphans(rows).sentences() {
        writeln!(out, "{sentence}")?;
    }
    for line in drill_lines(gathered, shown, all) {
        writeln!(out, "{line}")?;
    }
    let (troubled, well): (Vec<&Row>, Vec<&Row>) =
        shown.iter().partition(|row| row.state.needs_a_person());
    for row in troubled {
        write_trouble(out, row, gathered.at)?;
    }
    let shown = if all {
        well.len()
    } else {
        well.len().min(ROWS)
    };
    if shown > 0 {
        writeln!(out)?;
        let mut lines = table([
            "DATABASE",
            "REGION",
            "STATE",
            "NEWEST",
            "RPO",
            "POLICY",
            "UNDER WAY",
        ]);
        for row in &well[..shown] {
            lines.add_row([
                database(&row.database),
                row.database.region().to_string(),
                row.state.to_string(),
                newest(row, gathered.at),
                row.rpo.map_or_else(String::new, span),
                row.policy
                    .as_ref()
                    .map_or_else(String::new, ToString::to_string),
                under_way(row, gathered.at),
            ]);
        }
        write_table(out, &lines)?;
    }
    if shown < well.len() {
        writeln!(
            out,
            "\n{} more are fine (--all shows them)",
            well.len() - shown
        )?;
    }
    Ok(())
}

fn newest(row: &Row, now: Timestamp) -> String {
    let taken_at = row.newest.as_ref().map(|point| point.taken_at);
    match taken_at {
        None => "none".to_owned(),
        Some(None) => "of unknown age".to_owned(),
        Some(Some(at)) => format!("{} ago", age(at, now)),
    }
}

fn under_way(row: &Row, now: Timestamp) -> String {
    match (&row.in_flight, row.state) {
        (Some(of), _) => match of.since {
            Some(since) => format!("{of}, for {}{}", age(since, now), usually(of)),
            None => of.to_string(),
        },
        (None, State::Protected) => String::new(),
        (None, _) => row.reason.clone(),
    }
}

/// How long it usually takes, if the history knows.
fn usually(of: &InFlight) -> String {
    of.usual
        .map_or_else(String::new, |usual| format!("; usually {}", span(usual)))
}

fn write_trouble(out: &mut impl Write, row: &Row, now: Timestamp) -> Result<(), CliError> {
    let rpo = row
        .rpo
        .map_or_else(String::new, |rpo| format!(", RPO {}", span(rpo)));
    writeln!(
        out,
        "\n{} in {}: {}, newest: {}{rpo}",
        database(&row.database),
        row.database.region(),
        terminal::word(row.state.as_str()),
        newest(row, now)
    )?;
    writeln!(out, "  {}", sentence_case(&row.reason))?;
    if let Some(failure) = &row.last_failure {
        let when = failure
            .at
            .map_or_else(String::new, |at| format!(" {} ago", age(at, now)));
        let why = failure.why.split_whitespace().collect::<Vec<_>>().join(" ");
        writeln!(out, "  last failure{when}: {why}")?;
    }
    if let Some(of) = &row.in_flight {
        writeln!(out, "  under way: {of}{}", usually(of))?;
    }
    if let Some(remedy) = &row.remedy {
        writeln!(out, "  what to do: {remedy}")?;
    }
    Ok(())
}
