//! `snapferry policy apply`: checks a file, resolves its aliases, and stores it.

use std::fs;
use std::io::{self, Read, Write};
use std::path::Path;

use serde_json::{Value, json};

use super::arguments::ApplyArguments;
use crate::app::policies::{self, ApplyError, Outcome};
use crate::app::steady_state::QuotaScope;
use crate::cli::arguments::{StackArguments, variables};
use crate::cli::outcome::{CliError, Ended};
use crate::cli::prune::write_unapproved;
use crate::cli::show::{table, write_json, write_table};
use crate::domain::id::arn::Region;
use crate::domain::id::tags;
use crate::domain::id::text::ParseError;
use crate::domain::policy::file::{self, Fault, Place};
use crate::domain::policy::retention::Retention;
use crate::domain::policy::set::{Applied, Note, Version};
use crate::domain::policy::spec::{AppliedKey, KeyName};
use crate::settings::{BUILT_IN_POLICY, SettingsError};

/// A file's text, or the place where it is not text.
pub struct File {
    pub(super) name: String,
    pub(super) text: Result<String, Fault>,
}

impl File {
    /// A text with the name of its file.
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

    pub(super) fn read(path: &Path) -> Result<Self, CliError> {
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

/// Checks a file without AWS.
pub(super) fn check(
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
        Ok(text) => file::read(text, home.as_ref()),
        Err(fault) => Err(vec![fault.clone()]),
    };
    match read {
        Err(faults) => write_faults(out, &file.name, &faults, arguments.format.is_json()),
        Ok(read) if arguments.format.is_json() => {
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

pub(super) fn write_faults(
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
        // Compilers write places like this, and editors can jump to them.
        for fault in faults {
            writeln!(out, "{file}:{fault}")?;
        }
        let one = if faults.len() == 1 { "fault" } else { "faults" };
        writeln!(out, "\n{} {one}; nothing was stored", faults.len())?;
    }
    Ok(Ended::Badly)
}

/// Applies a file, and reports which set is in force now.
///
/// # Errors
/// If AWS did not answer, or the answer cannot be written. Faults of the file are no error: the answer lists them.
pub async fn run_apply<W: policies::Permissions>(
    world: &W,
    home: &Region,
    file: &File,
    note: Option<Note>,
    quota: Option<QuotaScope<'_>>,
    as_json: bool,
    out: &mut impl Write,
) -> Result<Ended, CliError> {
    let text = match &file.text {
        Ok(text) => text,
        Err(fault) => return write_faults(out, &file.name, std::slice::from_ref(fault), as_json),
    };
    match policies::apply_within_quota(world, home, text, note, quota).await {
        Ok(Outcome::Stored {
            now,
            before,
            quota_unchecked,
        }) => {
            let left_out = left_out_from_now_on(before.as_ref(), &now);
            let approval = policies::waits_for_approval(world, quota).await;
            if as_json {
                let answer = json!({
                    "file": file.name, "faults": [], "stored": true,
                    "version": now.stamp.version.number(), "left_out_from_now_on": left_out,
                    "quota_unchecked": quota_unchecked,
                    "unapproved": approval.as_ref().ok().and_then(Option::as_ref).map(ToString::to_string),
                    "approval_unchecked": approval.as_ref().err(),
                });
                write_json(out, &answer)?;
            } else {
                write_stored(out, &now, &left_out)?;
                if let Some(why) = quota_unchecked {
                    writeln!(
                        out,
                        "whether the quota of manual snapshots suffices: not checked, because {why}"
                    )?;
                }
                match approval {
                    Ok(unapproved) => write_unapproved(out, unapproved.as_ref())?,
                    Err(why) => writeln!(
                        out,
                        "whether the pruner waits for an approval: not checked, because {why}"
                    )?,
                }
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
        Err(error @ (ApplyError::Raced(_) | ApplyError::AboveQuota(_))) => {
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

/// Names that databases may still have in their tags, but that no longer name a policy: those of the set before, or of
/// the built-in policy.
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
    writeln!(out, "version {} is now in force\n", now.stamp.version)?;
    let mut rows = table(["POLICY", "SCHEDULE", "TIME ZONE", "KEY", "KEEPS"]);
    for (name, spec) in &now.set.policies {
        rows.add_row([
            name.to_string(),
            spec.schedule.pattern().to_owned(),
            spec.schedule.zone().to_owned(),
            shown(spec.key.as_ref()),
            kept(&spec.options.retention),
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
            "databases with the tag {}={name}: left out from now on, because no such policy exists now",
            tags::POLICY
        )?;
    }
    Ok(())
}

fn kept(retention: &Retention) -> String {
    let rules = retention.rules();
    if rules.is_empty() {
        "everything".to_owned()
    } else {
        rules.to_string()
    }
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

impl CliError {
    fn fault(variable: &str, error: &ParseError) -> Self {
        Self::Settings(SettingsError::one(format!("{variable}: {error}")))
    }
}
