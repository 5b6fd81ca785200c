//! `snapferry policy show` and `history`: the sets that were applied.

use std::io::Write;

use serde::Serialize;
use serde_json::{Value, json};

use crate::cli::outcome::{CliError, Ended};
use crate::cli::show::{short, table, write_json, write_table};
use crate::domain::limits::BATCH_GET_MAX;
use crate::domain::policy::file;
use crate::domain::policy::set::{Applied, PolicySet, Stamp, Version};
use crate::domain::policy::spec::{AppliedKey, KeyName, PolicySpec};
use crate::json;
use crate::ports::{ReadPolicies, ReadPolicyHistory};
use crate::settings::Planning;

/// How a set is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// The file, below comments that say which version it is and who applied it.
    Commented,
    /// The file alone.
    File,
    /// Everything as JSON.
    Json,
}

/// Shows the set in force, or another version.
///
/// # Errors
/// If it cannot be read, or the answer cannot be written.
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
                write_json(out, &json!({ "version": null }))?;
            } else {
                writeln!(out, "there is no version {version}")?;
            }
            return Ok(Ended::Badly);
        }
        (None, None) => {
            let text = built_in
                .map(|planning| file::write(&as_set(planning)))
                .transpose()?;
            if as_json {
                write_json(out, &json!({ "version": null, "text": text }))?;
            } else {
                writeln!(
                    out,
                    "# No set was ever applied. The built-in policy of the template's parameters is in force."
                )?;
                write!(out, "{}", text.unwrap_or_default())?;
            }
        }
    }
    Ok(Ended::Well)
}

/// The template's parameters as a policy file.
fn as_set(planning: &Planning) -> PolicySet<KeyName> {
    let policies = planning.policies.all.iter().map(|policy| {
        let spec = PolicySpec {
            schedule: policy.schedule.clone(),
            key: Some(KeyName::Arn(policy.key.clone())),
            options: policy.options.clone(),
        };
        (policy.name.clone(), spec)
    });
    PolicySet {
        untagged: planning.policies.untagged.clone(),
        copy_slots: None,
        cluster_copy_slots: None,
        policies: policies.collect(),
    }
}

/// The file, below comments that say which version it is and who applied it. The output can be applied as it is.
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
        if spec.options.retention.shown_only {
            writeln!(
                out,
                "# {name}: an earlier version of Snapferry applied this retention; it removes nothing until you \
                 apply the file again"
            )?;
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
/// If they cannot be read, or the answer cannot be written.
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
        write_json(out, &json!({ "versions": stamps }))?;
    } else if stamps.is_empty() {
        writeln!(
            out,
            "no set was ever applied; the built-in policy is in force"
        )?;
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
            set: json::policies::json(&set.set),
            text: set.text.clone(),
        }
    }
}
