//! The page at the end of a restore: where the databases are now, what differs, and what is left for a person.

use std::io::Write;

use serde::Serialize;
use serde_json::json;

use crate::app::carry_out_all::{FollowedRestore, Stage};
use crate::cli::outcome::CliError;
use crate::cli::show::{database, write_json};
use crate::domain::restore::compare::lacks_backups;
use crate::domain::restore::restored::RestoredDatabase;
use crate::domain::restore::setting::Setting;
use crate::domain::restore::value::Value;

/// How long resolvers may keep the name that a person gave the endpoint, in seconds.
const TTL: u32 = 60;

fn port(found: &RestoredDatabase) -> Option<i64> {
    found
        .settings
        .get(&Setting::Port)
        .and_then(Value::as_number)
}

fn reader(found: &RestoredDatabase) -> Option<&str> {
    found.settings.get(&Setting::ReaderEndpoint)?.as_text()
}

/// How much of its storage is loaded, if not all is.
fn loaded(one: &FollowedRestore) -> Option<u8> {
    let database = one.seen.database.as_ref()?;
    let members = one.seen.members.values();
    std::iter::once(database)
        .chain(members)
        .filter_map(|found| found.loaded)
        .min()
}

/// A change of the name that clients use, for `aws route53 change-resource-record-sets`. Nobody applies it but a person.
fn change_batch(name: &str, endpoint: &str) -> serde_json::Value {
    json!({
        "Comment": format!("Snapferry has restored {name}"),
        "Changes": [{
            "Action": "UPSERT",
            "ResourceRecordSet": {
                "Name": "THE-NAME-THAT-YOUR-CLIENTS-USE",
                "Type": "CNAME",
                "TTL": TTL,
                "ResourceRecords": [{ "Value": endpoint }],
            },
        }],
    })
}

/// Writes the page.
///
/// # Errors
/// When it cannot be written.
pub fn write_closing(out: &mut impl Write, all: &[FollowedRestore]) -> Result<(), CliError> {
    for one in all {
        write_one(out, one)?;
        writeln!(out)?;
    }
    let count = |stage| all.iter().filter(|one| one.stage == stage).count();
    writeln!(
        out,
        "{} done, {} stopped.",
        count(Stage::Done),
        count(Stage::Stopped)
    )?;
    if count(Stage::Done) > 0 {
        writeln!(
            out,
            "\nNext, for each database that is done:\n\
             1. Make sure that the old one is down and stays down: what was restored runs its jobs.\n\
             2. Lead its clients to the new endpoint. The change of the DNS above is yours to make.\n\
             3. Passwords are those of the recovery point, unless RDS manages them.\n\
             4. Protect it again: tag it snapferry:policy in a stack whose source region is this one. No stack protects it \
             yet, and the tags snapferry:* of the old one were not carried over.\n\
             5. Restore in the same way to come home: a stack whose recovery region is the old region."
        )?;
    }
    Ok(())
}

fn write_one(out: &mut impl Write, one: &FollowedRestore) -> Result<(), CliError> {
    let plan = &one.plan;
    writeln!(
        out,
        "{} as {}: {}",
        database(&plan.database),
        plan.name,
        one.says
    )?;
    let Some(found) = &one.seen.database else {
        return Ok(());
    };
    if one.stage == Stage::Stopped {
        // A fast restore may stop when its clients use the database already.
        let is_own = one.made() == Some(&found.resource_id);
        if is_own && one.running_at().is_some() {
            write_backups(out, one)?;
        }
        return Ok(());
    }
    if let Some(endpoint) = found.endpoint() {
        let port = port(found).map_or_else(String::new, |port| format!(":{port}"));
        writeln!(out, "  endpoint   {endpoint}{port}")?;
        if let Some(reader) = reader(found) {
            writeln!(out, "  readers    {reader}{port}")?;
        }
        let old = plan.old_endpoint.as_deref().unwrap_or("not known");
        writeln!(out, "  before     {old}")?;
        writeln!(out, "  DNS        {}", change_batch(&plan.name, endpoint))?;
    }
    if let (Some(running), Some(began)) = (one.running_at(), one.began_at()) {
        let took = running.duration_since(began).as_secs();
        writeln!(
            out,
            "  running    {running}, {took} s after it was asked for"
        )?;
    }
    match loaded(one) {
        Some(percent) => writeln!(
            out,
            "  warm       not yet: {percent} % of its storage is loaded, and first reads are slow until all is"
        )?,
        None => writeln!(out, "  warm       RDS loads nothing any more")?,
    }
    write_backups(out, one)?;
    for difference in &one.differs {
        let member = difference.member.as_ref();
        let of = member.map_or_else(String::new, |member| format!("{member}: "));
        let found = difference.found.as_deref().unwrap_or("nothing");
        writeln!(
            out,
            "  differs    {of}{} is {found} and should be {}",
            difference.what, difference.wanted
        )?;
    }
    for gap in &plan.gaps {
        writeln!(out, "  not restored  {}: {}", gap.kind, gap.what)?;
    }
    Ok(())
}

fn write_backups(out: &mut impl Write, one: &FollowedRestore) -> Result<(), CliError> {
    if lacks_backups(&one.plan, &one.seen) {
        writeln!(
            out,
            "  backups    NO BACKUPS YET. Turning them on costs a short outage; run the same command again to do it"
        )?;
    }
    Ok(())
}

#[derive(Serialize)]
struct RestoredJson<'a> {
    database: String,
    name: &'a str,
    recovery_point: String,
    stage: &'static str,
    says: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoint: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reader_endpoint: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    old_endpoint: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    began_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    running_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    loaded_percent: Option<u8>,
    lacks_backups: bool,
    differs: Vec<DifferenceJson<'a>>,
}

#[derive(Serialize)]
struct DifferenceJson<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    member: Option<&'a str>,
    what: &'a str,
    wanted: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    found: Option<&'a str>,
}

/// Writes the same for a program.
///
/// # Errors
/// When it cannot be written.
pub fn write_json_closing(out: &mut impl Write, all: &[FollowedRestore]) -> Result<(), CliError> {
    let restored = |one| {
        let one: &FollowedRestore = one;
        let found = one.seen.database.as_ref();
        let differs = one.differs.iter().map(|difference| DifferenceJson {
            member: difference.member.as_deref(),
            what: &difference.what,
            wanted: &difference.wanted,
            found: difference.found.as_deref(),
        });
        RestoredJson {
            database: one.plan.database.to_string(),
            name: &one.plan.name,
            recovery_point: one.point().to_string(),
            stage: one.stage.as_str(),
            says: &one.says,
            resource_id: found.map(|found| found.resource_id.to_string()),
            endpoint: found.and_then(RestoredDatabase::endpoint),
            reader_endpoint: found.and_then(reader),
            port: found.and_then(port),
            old_endpoint: one.plan.old_endpoint.as_deref(),
            began_at: one.began_at().map(|at| at.to_string()),
            running_at: one.running_at().map(|at| at.to_string()),
            loaded_percent: loaded(one),
            lacks_backups: lacks_backups(&one.plan, &one.seen),
            differs: differs.collect(),
        }
    };
    let restored: Vec<RestoredJson<'_>> = all.iter().map(restored).collect();
    write_json(out, &json!({ "restored": restored }))
}
