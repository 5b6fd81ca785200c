//! `snapferry catalog`: the configurations of databases, which their snapshots do not carry.

pub(super) mod arguments;

use std::io::Write;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;

use super::arguments::{StackArguments, variables};
use super::not_found::not_found;
use super::outcome::{CliError, Ended};
use super::show::{short, table, write_json, write_table};
use crate::app::catalog::{self, newest_points};
use crate::aws::{Aws, Examines, for_operators, patient};
use crate::domain::id::arn::Region;
use crate::domain::id::names::ResourceId;
use crate::domain::id::tags::StackId;
use crate::domain::restore::configuration::Configuration;
use crate::domain::restore::diff::{Changed, Difference, diff};
use crate::domain::restore::value::{Settings, Value};
use crate::domain::restore::versions::{Version, Versions};
use crate::json;
use crate::ports::Clock;
use crate::settings::Stack;

use arguments::CatalogAction;

pub(super) async fn execute(
    arguments: &StackArguments,
    action: &CatalogAction,
    environment: Vec<(String, String)>,
    out: &mut impl Write,
) -> Result<Ended, CliError> {
    let stack = Stack::from_variables(variables(environment, arguments.flags()))?;
    let sdk = for_operators(&stack.home, arguments.profile.as_deref()).await;
    let aws = Aws::new(patient(sdk), stack.table.clone(), Examines);
    let of = (&stack.rules.stack, &stack.home);
    let json = arguments.format.is_json();
    let now = aws.now();
    match action {
        CatalogAction::Show(options) => {
            let at = options.at.map(|at| at.before(now));
            show_configuration(&aws, of, &options.database, at, json, out).await
        }
        CatalogAction::Diff(options) => {
            let from = options.from.map(|at| at.before(now));
            let to = options.to.map(|at| at.before(now));
            show_difference(&aws, of, &options.database, (from, to), json, out).await
        }
    }
}

/// The database of this name, its versions, and how many databases have had the name.
async fn find<W: catalog::Permissions>(
    world: &W,
    (stack, home): (&StackId, &Region),
    name: &str,
) -> Result<(ResourceId, Versions, usize), CliError> {
    // A database whose recovery points are gone is still found by its resource id.
    if let Ok(id) = ResourceId::parse(name) {
        let versions = catalog::versions(world, &id).await?;
        if !versions.all.is_empty() {
            return Ok((id, versions, 1));
        }
    }
    let points = newest_points(world, stack, home, None).await;
    let points = points.map_err(CliError::Rds)?;
    let found = points.find(name);
    match found.first() {
        Some(newest) => {
            let id = newest.origin.database.resource_id.clone();
            let versions = catalog::versions(world, &id).await?;
            Ok((id, versions, found.len()))
        }
        None => {
            let known = points.iter().map(|point| point.origin.database.arn.name());
            let what = "database with recovery points of this stack in the recovery region";
            Err(not_found("DATABASE", what, name, known))
        }
    }
}

fn no_version(name: &str, at: Option<Timestamp>) -> CliError {
    let what = match at {
        Some(at) => format!("{name} has no configuration in the catalog that is as old as {at}"),
        None => format!(
            "{name} has no configuration in the catalog: one is stored when its next run is started"
        ),
    };
    CliError::Argument {
        name: "DATABASE",
        what,
    }
}

/// The configuration of a version.
async fn read<W: catalog::Permissions>(
    world: &W,
    of: &ResourceId,
    version: &Version,
) -> Result<Configuration, CliError> {
    let read = world.configuration(of, &version.hash).await?;
    read.ok_or_else(|| CliError::Argument {
        name: "DATABASE",
        what: format!(
            "configuration {} is not in the table any more, because no recovery point names it, or a later version wrote it",
            version.hash
        ),
    })
}

#[derive(Serialize)]
struct VersionJson {
    configuration: String,
    since: Timestamp,
}

fn versions_json(versions: &Versions) -> Vec<VersionJson> {
    let all = versions.all.iter().map(|version| VersionJson {
        configuration: version.hash.to_string(),
        since: version.since,
    });
    all.collect()
}

/// Shows a database's configuration: the newest, or the one that was in force at a time.
///
/// # Errors
/// When there is none, AWS does not answer, or the answer cannot be written.
pub async fn show_configuration<W: catalog::Permissions>(
    world: &W,
    of: (&StackId, &Region),
    name: &str,
    at: Option<Timestamp>,
    json: bool,
    out: &mut impl Write,
) -> Result<Ended, CliError> {
    let (id, versions, ids) = find(world, of, name).await?;
    let version = match at {
        Some(at) => versions.at(at),
        None => versions.all.last(),
    };
    let version = version.ok_or_else(|| no_version(name, at))?;
    let configuration = read(world, &id, version).await?;
    if json {
        let answer = json!({
            "configuration": version.hash.as_str(),
            "since": version.since,
            "of": json::configuration::json(&configuration),
            "versions": versions_json(&versions),
        });
        write_json(out, &answer)?;
        return Ok(Ended::Well);
    }
    writeln!(
        out,
        "{}  {}",
        configuration.database, configuration.resource_id
    )?;
    writeln!(
        out,
        "configuration {} since {}, {} of {} versions\n",
        version.hash,
        version.since,
        versions
            .all
            .iter()
            .filter(|one| one.since <= version.since)
            .count(),
        versions.all.len()
    )?;
    write_settings(out, &configuration.settings)?;
    for (member, of) in configuration.members_in_order() {
        let writer = if of.is_writer { " (writer)" } else { "" };
        writeln!(out, "\nmember {member}{writer}")?;
        write_settings(out, &of.settings)?;
    }
    if !configuration.tags.is_empty() {
        writeln!(out)?;
        let mut rows = table(["TAG", "VALUE"]);
        for (key, value) in &configuration.tags {
            rows.add_row([key.as_str(), value.as_str()]);
        }
        write_table(out, &rows)?;
    }
    if ids > 1 {
        writeln!(
            out,
            "\n{ids} databases had this name; this is the one with the newest recovery point. Name another by its \
             resource id."
        )?;
    }
    Ok(Ended::Well)
}

fn write_settings(out: &mut impl Write, settings: &Settings) -> Result<(), CliError> {
    let mut rows = table(["SETTING", "VALUE"]);
    for (setting, value) in settings {
        rows.add_row([setting.field(), &short(&value.to_string())]);
    }
    write_table(out, &rows)?;
    Ok(())
}

#[derive(Serialize)]
struct DifferenceJson<'a> {
    what: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    member: Option<&'a str>,
    name: &'a str,
    before: Option<&'a Value>,
    after: Option<&'a Value>,
}

impl<'a> DifferenceJson<'a> {
    fn of(difference: &'a Difference) -> Self {
        let (what, member, name) = match &difference.what {
            Changed::Setting { member, field } => ("setting", member.as_deref(), *field),
            Changed::Tag { member, key } => ("tag", member.as_deref(), key.as_str()),
            Changed::Member(name) => ("member", None, name.as_str()),
            Changed::Writer(name) => ("writer", None, name.as_str()),
        };
        Self {
            what,
            member,
            name,
            before: difference.before.as_ref(),
            after: difference.after.as_ref(),
        }
    }
}

/// Shows what changed between two versions of a database's configuration: the last two, or those in force at two times.
///
/// # Errors
/// When there are no two versions, AWS does not answer, or the answer cannot be written.
pub async fn show_difference<W: catalog::Permissions>(
    world: &W,
    of: (&StackId, &Region),
    name: &str,
    (from, to): (Option<Timestamp>, Option<Timestamp>),
    json: bool,
    out: &mut impl Write,
) -> Result<Ended, CliError> {
    let (id, versions, _) = find(world, of, name).await?;
    let after = match to {
        Some(to) => versions.at(to),
        None => versions.all.last(),
    };
    let after = after.ok_or_else(|| no_version(name, to))?;
    let before = match from {
        Some(from) => versions.at(from),
        None => {
            let earlier = versions.all.iter().rev();
            earlier.skip_while(|one| *one != after).nth(1)
        }
    };
    let before = before.ok_or_else(|| match from {
        Some(_) => no_version(name, from),
        None => CliError::Argument {
            name: "DATABASE",
            what: format!("{name} has no earlier configuration in the catalog"),
        },
    })?;
    let found = diff(
        &read(world, &id, before).await?,
        &read(world, &id, after).await?,
    );
    if json {
        let answer = json!({
            "resource_id": id.as_str(),
            "before": { "configuration": before.hash.as_str(), "since": before.since },
            "after": { "configuration": after.hash.as_str(), "since": after.since },
            "differences": found.iter().map(DifferenceJson::of).collect::<Vec<_>>(),
        });
        write_json(out, &answer)?;
        return Ok(Ended::Well);
    }
    writeln!(
        out,
        "{id}: from {} since {} to {} since {}\n",
        before.hash, before.since, after.hash, after.since
    )?;
    if found.is_empty() {
        writeln!(out, "Nothing differs.")?;
        return Ok(Ended::Well);
    }
    let mut rows = table(["WHAT", "NAME", "BEFORE", "AFTER"]);
    for difference in &found {
        let line = DifferenceJson::of(difference);
        let of = line
            .member
            .map_or_else(String::new, |member| format!("{member}: "));
        let value = |value: Option<&Value>| {
            value.map_or_else(|| "-".to_owned(), |value| short(&value.to_string()))
        };
        rows.add_row([
            line.what.to_owned(),
            format!("{of}{}", line.name),
            value(line.before),
            value(line.after),
        ]);
    }
    write_table(out, &rows)?;
    Ok(Ended::Well)
}
