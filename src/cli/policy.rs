//! `snapferry policy`: the set of policies checked, applied, shown.

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::{Value, json};

use super::arguments::{StackArguments, variables};
use super::show::{short, table, write_json, write_table};
use super::{CliError, Ended};
use crate::app::policies::{self, ApplyError, Outcome};
use crate::aws::{Aws, for_operators};
use crate::domain::arn::{ParseError, Region};
use crate::domain::limits::BATCH_GET_MAX;
use crate::domain::policy_file::{self, Fault, Place};
use crate::domain::policy_set::{
    Applied, AppliedKey, KeyName, Note, PolicySet, PolicySpec, Source, Stamp, Version,
};
use crate::domain::tags;
use crate::ports::{ReadPolicies, ReadPolicyHistory};
use crate::settings::{BUILT_IN_POLICY, Planning, Stack};
use crate::wire;

#[derive(Debug, Args)]
pub(super) struct PolicyArguments {
    #[command(subcommand)]
    pub(super) action: PolicyAction,
}

#[derive(Debug, Subcommand)]
pub(super) enum PolicyAction {
    /// Check a policy file and store it as the set that holds from now on.
    ///
    /// Every fault is told at once, with its line. Aliases of KMS keys are resolved to the keys that they stand
    /// for now. What was applied before is kept; a set that somebody else applied at the same moment is never
    /// overwritten. The planner follows the new set from its next run on.
    #[command(after_help = APPLY_EXAMPLES)]
    Apply(ApplyArguments),
    /// Show the set of policies that holds, as the file that was applied.
    #[command(after_help = SHOW_EXAMPLES, disable_version_flag = true)]
    Show(ShowArguments),
    /// List the sets that were applied, the newest first: when, by whom, why.
    #[command(after_help = HISTORY_EXAMPLES)]
    History(HistoryArguments),
}

const APPLY_EXAMPLES: &str = "\
Examples:
  snapferry policy apply policies.toml --check             look for faults, without AWS
  snapferry policy apply policies.toml --note 'CHG-1234: gold every six hours'
  snapferry policy show --version 3 --file | snapferry policy apply -    go back to version 3";

const SHOW_EXAMPLES: &str = "\
Examples:
  snapferry policy show                           what holds
  snapferry policy show --file > policies.toml    the file as it was, or one to begin with
  snapferry policy show --version 3 --json";

const HISTORY_EXAMPLES: &str = "\
Examples:
  snapferry policy history
  snapferry policy history --most 100 --json";

#[derive(Debug, Args)]
pub(super) struct ApplyArguments {
    /// The policy file (see docs/POLICIES.md); - for the standard input.
    file: PathBuf,
    /// Only look for faults: no AWS, no credentials. Keys are held to the recovery region if it is given.
    #[arg(long)]
    check: bool,
    /// Why it is applied, for the history.
    #[arg(long, value_name = "TEXT", value_parser = Note::parse)]
    note: Option<Note>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct ShowArguments {
    /// The version to show, instead of the one that holds.
    // Not `version`: that is clap's own.
    #[arg(long = "version", id = "of", value_name = "N", value_parser = version)]
    version: Option<Version>,
    /// Print the file alone, to the byte, without what is known of it besides.
    #[arg(long, conflicts_with = "json")]
    file: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct HistoryArguments {
    /// List no more than this many.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    most: u32,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

fn version(text: &str) -> Result<Version, String> {
    let number = text.parse().ok();
    number
        .and_then(|number| Version::new(number).ok())
        .ok_or_else(|| "a version was expected: 1, 2, 3".to_owned())
}

pub(super) async fn execute(
    arguments: &StackArguments,
    action: &PolicyAction,
    environment: Vec<(String, String)>,
    out: &mut impl Write,
) -> Result<Ended, CliError> {
    if let PolicyAction::Apply(options) = action
        && options.check
    {
        return check(arguments, options, environment, out);
    }
    let stack = Stack::from_variables(variables(environment.clone(), arguments.flags()))?;
    let sdk = for_operators(&stack.home, arguments.profile.as_deref()).await;
    let aws = Aws::new(sdk, stack.table.clone(), ());
    match action {
        PolicyAction::Apply(options) => {
            let file = File::read(&options.file)?;
            let (note, json) = (options.note.clone(), options.json);
            run_apply(&aws, &stack.home, &file, note, json, out).await
        }
        PolicyAction::Show(options) => {
            let built_in = Planning::from_variables(variables(environment, arguments.flags())).ok();
            let form = match (options.json, options.file) {
                (true, _) => Form::Json,
                (false, true) => Form::File,
                (false, false) => Form::Commented,
            };
            run_show(&aws, built_in.as_ref(), options.version, form, out).await
        }
        PolicyAction::History(options) => run_history(&aws, options.most, options.json, out).await,
    }
}

/// A file that was read, or where it is no text.
pub struct File {
    name: String,
    text: Result<String, Fault>,
}

impl File {
    /// A text under a name.
    #[must_use]
    pub fn new(name: &str, bytes: Vec<u8>) -> Self {
        let text = String::from_utf8(bytes).map_err(|error| {
            let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let lines = good.split(|byte| *byte == b'\n');
            let last = lines.clone().next_back().unwrap_or_default();
            Fault {
                at: Place {
                    line: lines.count(),
                    column: String::from_utf8_lossy(last).chars().count() + 1,
                },
                what: "this is not UTF-8, which TOML is written in".to_owned(),
            }
        });
        Self {
            name: name.to_owned(),
            text,
        }
    }

    fn read(path: &Path) -> Result<Self, CliError> {
        let unreadable = |source| CliError::File {
            path: path.to_owned(),
            source,
        };
        if path == Path::new("-") {
            let mut bytes = Vec::new();
            io::stdin().read_to_end(&mut bytes).map_err(unreadable)?;
            return Ok(Self::new("(standard input)", bytes));
        }
        let bytes = fs::read(path).map_err(unreadable)?;
        Ok(Self::new(&path.display().to_string(), bytes))
    }
}

fn check(
    arguments: &StackArguments,
    options: &ApplyArguments,
    environment: Vec<(String, String)>,
    out: &mut impl Write,
) -> Result<Ended, CliError> {
    let file = File::read(&options.file)?;
    let home = variables(environment, arguments.flags())
        .get("AWS_REGION")
        .map(|name| Region::parse(name).map_err(|error| CliError::fault("AWS_REGION", &error)))
        .transpose()?;
    let read = match &file.text {
        Ok(text) => policy_file::read(text, home.as_ref()),
        Err(fault) => Err(vec![fault.clone()]),
    };
    match read {
        Err(faults) => write_faults(out, &file.name, &faults, options.json),
        Ok(read) if options.json => {
            write_json(
                out,
                &json!({ "file": file.name, "faults": [], "stored": false }),
            )?;
            drop(read);
            Ok(Ended::Well)
        }
        Ok(read) => {
            let policies = read.set.policies.len();
            writeln!(out, "{}: no faults; policies: {policies}", file.name)?;
            let aliases = read
                .set
                .policies
                .values()
                .filter_map(|spec| match &spec.key {
                    Some(KeyName::Alias(alias)) => Some(alias),
                    Some(KeyName::Arn(_)) | None => None,
                });
            for alias in aliases {
                writeln!(out, "{alias} is resolved when the file is applied")?;
            }
            Ok(Ended::Well)
        }
    }
}

fn write_faults(
    out: &mut impl Write,
    file: &str,
    faults: &[Fault],
    as_json: bool,
) -> Result<Ended, CliError> {
    if as_json {
        let faults: Vec<Value> = faults
            .iter()
            .map(|fault| json!({ "line": fault.at.line, "column": fault.at.column, "fault": fault.what }))
            .collect();
        write_json(
            out,
            &json!({ "file": file, "faults": faults, "stored": false }),
        )?;
    } else {
        // Compilers write places so, and editors jump to them.
        for fault in faults {
            writeln!(out, "{file}:{fault}")?;
        }
        let one = if faults.len() == 1 { "fault" } else { "faults" };
        writeln!(out, "\n{} {one}; nothing was stored", faults.len())?;
    }
    Ok(Ended::Badly)
}

/// Applies a file, and tells what holds now.
///
/// # Errors
/// When AWS did not answer, or the answer cannot be written. Faults are part of the answer.
pub async fn run_apply<W: policies::Permissions>(
    world: &W,
    home: &Region,
    file: &File,
    note: Option<Note>,
    as_json: bool,
    out: &mut impl Write,
) -> Result<Ended, CliError> {
    let text = match &file.text {
        Ok(text) => text,
        Err(fault) => return write_faults(out, &file.name, std::slice::from_ref(fault), as_json),
    };
    match policies::apply(world, home, text, note).await {
        Ok(Outcome::Stored { now, before }) => {
            let left_out = left_out_from_now_on(before.as_ref(), &now);
            if as_json {
                let answer = json!({
                    "file": file.name, "faults": [], "stored": true,
                    "version": now.stamp.version.number(), "left_out_from_now_on": left_out,
                });
                write_json(out, &answer)?;
            } else {
                write_stored(out, &now, &left_out)?;
            }
            Ok(Ended::Well)
        }
        Ok(Outcome::Unchanged(holds)) => {
            let version = holds.stamp.version;
            if as_json {
                let answer = json!({
                    "file": file.name, "faults": [], "stored": false, "version": version.number(),
                });
                write_json(out, &answer)?;
            } else {
                writeln!(
                    out,
                    "this is version {version}, which holds already; nothing was stored"
                )?;
            }
            Ok(Ended::Well)
        }
        Err(ApplyError::Faults(faults)) => write_faults(out, &file.name, &faults, as_json),
        Err(error @ ApplyError::Raced(_)) => {
            if as_json {
                let answer = json!({
                    "file": file.name, "faults": [], "stored": false, "error": error.to_string(),
                });
                write_json(out, &answer)?;
            } else {
                writeln!(out, "{error}")?;
            }
            Ok(Ended::Badly)
        }
        Err(ApplyError::Port(error)) => Err(error.into()),
    }
}

/// Names that databases may carry and that no longer mean a policy: of the set before, or the built-in one's.
fn left_out_from_now_on(before: Option<&Applied>, now: &Applied) -> Vec<String> {
    let names: Vec<String> = match before {
        Some(before) => before
            .set
            .policies
            .keys()
            .map(ToString::to_string)
            .collect(),
        None if now.stamp.version == Version::FIRST => vec![BUILT_IN_POLICY.to_owned()],
        None => Vec::new(),
    };
    let holds = |name: &String| {
        now.set
            .policies
            .keys()
            .any(|policy| policy.as_str() == name)
    };
    names.into_iter().filter(|name| !holds(name)).collect()
}

fn write_stored(out: &mut impl Write, now: &Applied, left_out: &[String]) -> Result<(), CliError> {
    writeln!(out, "version {} holds from now on\n", now.stamp.version)?;
    let mut rows = table(["POLICY", "SCHEDULE", "TIME ZONE", "KEY"]);
    for (name, spec) in &now.set.policies {
        rows.add_row([
            name.to_string(),
            spec.schedule.pattern().to_owned(),
            spec.schedule.zone().to_owned(),
            shown(spec.key.as_ref()),
        ]);
    }
    write_table(out, &rows)?;
    match &now.set.untagged {
        Some(name) => writeln!(out, "\ndatabases without the tag {}: {name}", tags::POLICY)?,
        None => writeln!(
            out,
            "\ndatabases without the tag {}: left out",
            tags::POLICY
        )?,
    }
    for name in left_out {
        writeln!(
            out,
            "databases with the tag {}={name}: left out from now on, for there is no such policy any more",
            tags::POLICY
        )?;
    }
    Ok(())
}

fn shown(key: Option<&AppliedKey>) -> String {
    match key {
        None => "the stack's".to_owned(),
        Some(AppliedKey { arn, alias: None }) => arn.to_string(),
        Some(AppliedKey {
            arn,
            alias: Some(alias),
        }) => format!("{arn} ({alias})"),
    }
}

/// How a set is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// The file, under comments that say what is known of it besides.
    Commented,
    /// The file alone.
    File,
    /// All of it as JSON.
    Json,
}

/// Shows the set that holds, or another version.
///
/// # Errors
/// When it cannot be read, or the answer not be written.
pub async fn run_show<W: ReadPolicies + ReadPolicyHistory>(
    world: &W,
    built_in: Option<&Planning>,
    version: Option<Version>,
    form: Form,
    out: &mut impl Write,
) -> Result<Ended, CliError> {
    let as_json = form == Form::Json;
    let set = match version {
        Some(version) => world.policy_version(version).await?,
        None => world.current_policies().await?,
    };
    match (set, version) {
        (Some(set), _) if as_json => write_json(out, &AppliedJson::of(&set))?,
        (Some(set), _) if form == Form::File => write!(out, "{}", set.text)?,
        (Some(set), _) => write_applied(out, &set)?,
        (None, Some(version)) => {
            if as_json {
                write_json(out, &Value::Null)?;
            } else {
                writeln!(out, "there is no version {version}")?;
            }
            return Ok(Ended::Badly);
        }
        (None, None) => {
            let text = built_in.map(|planning| policy_file::write(&as_set(planning)));
            if as_json {
                write_json(out, &json!({ "version": null, "text": text }))?;
            } else {
                writeln!(
                    out,
                    "# No set was ever applied. The built-in policy of the template's parameters holds."
                )?;
                write!(out, "{}", text.unwrap_or_default())?;
            }
        }
    }
    Ok(Ended::Well)
}

/// What the template's parameters say, as a file would say it.
fn as_set(planning: &Planning) -> PolicySet<KeyName> {
    let policies = planning.policies.all.iter().map(|policy| {
        let spec = PolicySpec {
            source: Source::Snapshot,
            key: Some(KeyName::Arn(policy.key.clone())),
            ..PolicySpec::new(policy.schedule.clone())
        };
        (policy.name.clone(), spec)
    });
    PolicySet {
        untagged: planning.policies.untagged.clone(),
        copy_slots: None,
        policies: policies.collect(),
    }
}

/// The file, with what is known of it besides as comments: it can be applied again as it is printed.
fn write_applied(out: &mut impl Write, set: &Applied) -> Result<(), CliError> {
    let Stamp {
        version,
        at,
        by,
        note,
    } = &set.stamp;
    writeln!(out, "# version {version}, applied {at} by {}", short(by))?;
    if let Some(note) = note {
        writeln!(out, "# {note}")?;
    }
    for (name, spec) in &set.set.policies {
        if let Some(AppliedKey {
            arn,
            alias: Some(alias),
        }) = &spec.key
        {
            writeln!(out, "# {name}: {alias} is {arn}")?;
        }
    }
    writeln!(out)?;
    let newline = if set.text.ends_with('\n') { "" } else { "\n" };
    write!(out, "{}{newline}", set.text)?;
    Ok(())
}

/// Lists the versions, the newest first.
///
/// # Errors
/// When they cannot be read, or the answer not be written.
pub async fn run_history<W: ReadPolicyHistory>(
    world: &W,
    most: u32,
    as_json: bool,
    out: &mut impl Write,
) -> Result<Ended, CliError> {
    let current = world.current_stamp().await?;
    let newest = current.map(|stamp| stamp.version);
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let versions: Vec<Version> = std::iter::successors(newest, |version| version.previous())
        .take(most)
        .collect();
    let mut stamps = Vec::new();
    for chunk in versions.chunks(BATCH_GET_MAX) {
        stamps.extend(world.policy_stamps(chunk).await?);
    }
    stamps.sort_by_key(|stamp| std::cmp::Reverse(stamp.version));
    if as_json {
        let stamps: Vec<StampJson> = stamps.iter().map(StampJson::of).collect();
        write_json(out, &stamps)?;
    } else if stamps.is_empty() {
        writeln!(out, "no set was ever applied; the built-in policy holds")?;
    } else {
        let mut rows = table(["VERSION", "APPLIED", "BY", "NOTE"]);
        for Stamp {
            version,
            at,
            by,
            note,
        } in &stamps
        {
            rows.add_row([
                version.to_string(),
                at.to_string(),
                short(by),
                note.as_ref().map(ToString::to_string).unwrap_or_default(),
            ]);
        }
        write_table(out, &rows)?;
    }
    Ok(Ended::Well)
}

#[derive(Serialize)]
struct StampJson {
    version: u32,
    applied_at: String,
    applied_by: String,
    note: Option<String>,
}

#[derive(Serialize)]
struct AppliedJson {
    #[serde(flatten)]
    stamp: StampJson,
    set: Value,
    text: String,
}

impl StampJson {
    fn of(stamp: &Stamp) -> Self {
        Self {
            version: stamp.version.number(),
            applied_at: stamp.at.to_string(),
            applied_by: stamp.by.clone(),
            note: stamp.note.as_ref().map(ToString::to_string),
        }
    }
}

impl AppliedJson {
    fn of(set: &Applied) -> Self {
        Self {
            stamp: StampJson::of(&set.stamp),
            set: wire::policies::json(&set.set),
            text: set.text.clone(),
        }
    }
}

impl CliError {
    fn fault(variable: &str, error: &ParseError) -> Self {
        Self::Settings(crate::settings::SettingsError {
            faults: vec![format!("{variable}: {error}")],
        })
    }
}
