//! `snapferry prune`: what the rules of retention would keep and remove.

use std::collections::BTreeMap;
use std::io::Write;

use jiff::Timestamp;
use serde::Serialize;

use super::arguments::{PruneArguments, StackArguments, variables};
use super::not_found::not_found;
use super::outcome::{CliError, Ended};
use super::show::{database, table, write_json, write_table};
use crate::app::prune::{Unapproved, approval_needed};
use crate::app::prune_preview::{
    self, GroupPreview, PACE_DAYS, PlanPart, PreviewError, PreviewOf, PrunePreview, QuotaPreview,
    prune_preview,
};
use crate::app::source_preview::SourcesPreview;
use crate::aws::{Aws, Examines, for_operators, patient};
use crate::domain::id::arn::{Family, RdsArn};
use crate::domain::retention::forget::{Decision, Point};
use crate::domain::retention::plan_hash::plan_hash;
use crate::domain::retention::unnamed_configurations::UnnamedConfiguration;
use crate::ports::SnapshotQuota;
use crate::report::orphans_json::OrphansJson;
use crate::settings::Planning;

pub(super) async fn execute(
    stack: &StackArguments,
    options: &PruneArguments,
    environment: Vec<(String, String)>,
    out: &mut impl Write,
) -> Result<Ended, CliError> {
    let flags = stack.flags().into_iter().chain(options.planning.flags());
    let planning = Planning::from_variables(variables(environment, flags))?;
    let sdk = for_operators(&planning.stack.home, stack.profile.as_deref()).await;
    let aws = Aws::new(patient(sdk), planning.stack.table.clone(), Examines);
    let shown = ShownRecoveryPoints {
        part: options.part(),
        explain: options.explain.as_deref(),
    };
    show_prune(&aws, &planning, &shown, stack.format.is_json(), out).await
}

/// Which recovery points are shown; nothing named is all.
#[derive(Debug, Clone, Copy, Default)]
pub struct ShownRecoveryPoints<'a> {
    /// The part of the plan.
    pub part: PlanPart<'a>,
    /// The one of this identifier or ARN.
    pub explain: Option<&'a str>,
}

/// Shows what the rules would keep and remove.
///
/// # Errors
/// When the policies or the snapshots cannot be read completely, a database or recovery point that is named does not
/// exist among this stack's recovery points, or the answer cannot be written.
pub async fn show_prune<W: prune_preview::Permissions>(
    world: &W,
    planning: &Planning,
    shown: &ShownRecoveryPoints<'_>,
    json: bool,
    out: &mut impl Write,
) -> Result<Ended, CliError> {
    let PlanSeen {
        preview,
        unapproved,
    } = preview_of(world, planning, shown).await?;
    if json {
        write_json(out, &PruneJson::of(&preview, unapproved.as_ref()))?;
    } else if shown.explain.is_some() {
        write_explained(out, &preview)?;
    } else {
        write_groups(out, &preview)?;
        write_unapproved(out, unapproved.as_ref())?;
        let plan = plan_hash(&preview.rules, &preview.removable());
        writeln!(
            out,
            "\nNothing was removed. Plan {plan}: the pruner carries it out in its rounds, if the stack's parameter Prune \
             is yes, or at once with --yes."
        )?;
    }
    Ok(Ended::Well)
}

/// What the rules say of what is to be shown.
pub(super) struct PlanSeen {
    pub(super) preview: PrunePreview,
    /// Why the pruner is going to wait for a person, if it is.
    pub(super) unapproved: Option<Unapproved>,
}

pub(super) async fn preview_of<W: prune_preview::Permissions>(
    world: &W,
    planning: &Planning,
    shown: &ShownRecoveryPoints<'_>,
) -> Result<PlanSeen, CliError> {
    let of = PreviewOf {
        stack: &planning.stack.rules.stack,
        home: &planning.stack.home,
        source_regions: &planning.source_regions,
        key: &planning.key,
        built_in: &planning.policies,
    };
    let mut preview = prune_preview(world, of).await?;
    let unapproved = approval_needed(world, of, &preview).await?;
    known_databases(&preview, shown.part.databases)?;
    preview
        .restrict(shown.part)
        .map_err(|ambiguous| CliError::Argument {
            name: "--database",
            what: ambiguous.to_string(),
        })?;
    if let Some(id) = shown.explain {
        only_recovery_point(&mut preview, id)?;
    }
    Ok(PlanSeen {
        preview,
        unapproved,
    })
}

/// Says beforehand that the pruner waits for a person. Whether the stack removes at all is not known here.
pub(super) fn write_unapproved(
    out: &mut impl Write,
    unapproved: Option<&Unapproved>,
) -> Result<(), CliError> {
    if let Some(unapproved) = unapproved {
        writeln!(
            out,
            "\nWhere the stack's parameter Prune is yes, the pruner waits for a person: {unapproved}"
        )?;
    }
    Ok(())
}

/// Whether all of these are databases with recovery points.
fn known_databases(preview: &PrunePreview, databases: &[String]) -> Result<(), CliError> {
    let known: Vec<String> = preview
        .groups
        .iter()
        .flat_map(GroupPreview::names)
        .collect();
    if let Some(unknown) = databases.iter().find(|name| !known.contains(name)) {
        let what = "database with recovery points of this stack in the recovery region";
        let known = known.iter().map(String::as_str);
        return Err(not_found("--database", what, unknown, known));
    }
    Ok(())
}

/// Leaves only the recovery point of this identifier or ARN.
fn only_recovery_point(preview: &mut PrunePreview, id: &str) -> Result<(), CliError> {
    let points = preview.groups.iter().flat_map(|group| &group.points);
    let known: Vec<RdsArn> = points.map(|(point, _)| point.id.clone()).collect();
    let is_it = |arn: &RdsArn| arn.name() == id || arn.to_string() == id;
    if !known.iter().any(is_it) {
        let what = "recovery point of this stack in the recovery region";
        let known = known.iter().map(RdsArn::name);
        return Err(not_found("--explain", what, id, known));
    }
    for group in &mut preview.groups {
        group.points.retain(|(point, _)| is_it(&point.id));
    }
    preview.sources.groups.clear();
    preview.groups.retain(|group| !group.points.is_empty());
    Ok(())
}

fn write_explained(out: &mut impl Write, preview: &PrunePreview) -> Result<(), CliError> {
    for group in &preview.groups {
        for (point, decision) in &group.points {
            writeln!(out, "{}", point.id)?;
            writeln!(out, "database  {}", database(&group.database))?;
            writeln!(out, "policy    {}", ruled(group))?;
            writeln!(out, "taken at  {}", taken(point))?;
            let verb = if decision.keeps() { "stays" } else { "may go" };
            writeln!(out, "{verb:<9} {}", decision.reasons().join("; "))?;
        }
    }
    Ok(())
}

pub(super) fn write_groups(out: &mut impl Write, preview: &PrunePreview) -> Result<(), CliError> {
    let mut rows = table([
        "DATABASE",
        "POLICY",
        "RECOVERY POINTS",
        "STAY",
        "MAY GO",
        "OLDEST THAT STAYS",
    ]);
    for group in &preview.groups {
        let kept = group.points.iter().filter(|(_, decision)| decision.keeps());
        let stay = kept.clone().count();
        rows.add_row([
            database(&group.database),
            ruled(group),
            group.points.len().to_string(),
            stay.to_string(),
            (group.points.len() - stay).to_string(),
            kept.filter_map(|(point, _)| point.at)
                .min()
                .map(|at| at.to_string())
                .unwrap_or_default(),
        ]);
    }
    write_table(out, &rows)?;
    writeln!(out)?;
    write_sources(out, &preview.sources)?;
    for arn in &preview.not_by_name {
        writeln!(
            out,
            "not made by Snapferry: {arn} has this stack's tag and another name; it counts for nothing and stays"
        )?;
    }
    for sentence in preview.orphans().sentences() {
        writeln!(out, "{sentence}")?;
    }
    let unnamed = &preview.unnamed;
    for one in &unnamed.first {
        writeln!(out, "{}", unnamed_configuration(one))?;
    }
    if unnamed.count > unnamed.first.len() {
        let more = unnamed.count - unnamed.first.len();
        writeln!(
            out,
            "and {more} more configurations that no recovery point names"
        )?;
    }
    for quota in &preview.quotas {
        writeln!(out, "{}", room_left(quota))?;
    }
    if preview.foreign > 0 {
        writeln!(
            out,
            "other manual snapshots in the region: {}",
            preview.foreign
        )?;
    }
    Ok(())
}

/// The source snapshots that a policy has rules for.
fn write_sources(out: &mut impl Write, sources: &SourcesPreview) -> Result<(), CliError> {
    if !sources.groups.is_empty() {
        let mut rows = table(["DATABASE", "POLICY", "SOURCE SNAPSHOTS", "STAY", "MAY GO"]);
        for group in &sources.groups {
            let kept = group.points.iter().filter(|(_, decision)| decision.keeps());
            let stay = kept.count();
            rows.add_row([
                database(&group.database),
                ruled(group),
                group.points.len().to_string(),
                stay.to_string(),
                (group.points.len() - stay).to_string(),
            ]);
        }
        write_table(out, &rows)?;
        writeln!(out)?;
    }
    for (region, why) in &sources.not_listed {
        writeln!(
            out,
            "no source snapshot goes in {region}, because it could not be listed: {why}"
        )?;
    }
    Ok(())
}

fn unnamed_configuration(of: &UnnamedConfiguration) -> String {
    let since = match of.since {
        Some(at) => format!("noted at {at}"),
        None => "not noted yet".to_owned(),
    };
    format!(
        "no recovery point names configuration {} of {} ({}), {since}: the pruner removes it after its grace",
        of.configuration,
        database(&of.database),
        of.resource_id
    )
}

fn room_left(of: &QuotaPreview) -> String {
    let kind = family(of.family);
    let made = format!("this stack made {} in the last {PACE_DAYS} days", of.made);
    match (of.quota, of.days_to_full) {
        (None, _) => format!("manual {kind} snapshots: the quota is not known; {made}"),
        (Some(SnapshotQuota { used, max }), None) => {
            format!("manual {kind} snapshots: {used} of {max}; {made}")
        }
        (Some(SnapshotQuota { used, max }), Some(days)) => format!(
            "manual {kind} snapshots: {used} of {max}; {made}; at that pace the quota is full in {days} days"
        ),
    }
}

fn family(family: Family) -> &'static str {
    match family {
        Family::Instance => "instance",
        Family::Cluster => "cluster",
    }
}

fn taken(point: &Point<RdsArn>) -> String {
    point
        .at
        .map_or_else(|| "unknown".to_owned(), |at| at.to_string())
}

/// By whose rules they stay.
fn ruled(group: &GroupPreview) -> String {
    match &group.ruled_by {
        None => format!("{} (not in force)", group.policy),
        Some(_) if group.shown_only => format!("{} (apply its file again)", group.policy),
        Some(policy) if *policy != group.policy => {
            format!("{} (taken over by {policy})", group.policy)
        }
        Some(policy) => policy.to_string(),
    }
}

#[derive(Serialize)]
struct PruneJson {
    plan: String,
    removes: bool,
    groups: Vec<GroupJson>,
    /// The source snapshots that a policy has rules for.
    sources: Vec<GroupJson>,
    /// The source regions that could not be listed, each with the reason. Nothing goes there.
    sources_not_listed: BTreeMap<String, String>,
    not_by_name: Vec<String>,
    foreign: usize,
    orphans: OrphansJson,
    quotas: Vec<QuotaJson>,
    /// Why the pruner is going to wait for `--yes --force`, if it is.
    unapproved: Option<String>,
    /// The configurations that no recovery point names, a thousand at most.
    configurations: Vec<UnnamedJson>,
}

#[derive(Serialize)]
struct UnnamedJson {
    database: String,
    resource_id: String,
    configuration: String,
    /// Since when the pruner has found so. Nothing if it has not looked yet.
    since: Option<Timestamp>,
}

#[derive(Serialize)]
struct QuotaJson {
    family: &'static str,
    used: Option<i64>,
    max: Option<i64>,
    made_in_7_days: usize,
    days_to_full: Option<i64>,
}

#[derive(Serialize)]
struct GroupJson {
    database: String,
    resource_id: String,
    policy: String,
    ruled_by: Option<String>,
    shown_only: bool,
    gone_since: Option<Timestamp>,
    points: Vec<PointJson>,
}

#[derive(Serialize)]
struct PointJson {
    snapshot: String,
    at: Option<Timestamp>,
    keep: bool,
    reasons: Vec<String>,
}

impl PruneJson {
    fn of(preview: &PrunePreview, unapproved: Option<&Unapproved>) -> Self {
        let point = |(point, decision): &(Point<RdsArn>, Decision)| PointJson {
            snapshot: point.id.to_string(),
            at: point.at,
            keep: decision.keeps(),
            reasons: decision.reasons(),
        };
        let group = |group: &GroupPreview| GroupJson {
            database: group.database.to_string(),
            resource_id: group.resource_id.to_string(),
            policy: group.policy.to_string(),
            ruled_by: group.ruled_by.as_ref().map(ToString::to_string),
            shown_only: group.shown_only,
            gone_since: group.gone_since,
            points: group.points.iter().map(point).collect(),
        };
        let not_listed = preview.sources.not_listed.iter();
        let quota = |of: &QuotaPreview| QuotaJson {
            family: family(of.family),
            used: of.quota.map(|quota| quota.used),
            max: of.quota.map(|quota| quota.max),
            made_in_7_days: of.made,
            days_to_full: of.days_to_full,
        };
        let unnamed = |of: &UnnamedConfiguration| UnnamedJson {
            database: of.database.to_string(),
            resource_id: of.resource_id.to_string(),
            configuration: of.configuration.to_string(),
            since: of.since,
        };
        Self {
            plan: plan_hash(&preview.rules, &preview.removable()),
            removes: false,
            groups: preview.groups.iter().map(group).collect(),
            sources: preview.sources.groups.iter().map(group).collect(),
            sources_not_listed: not_listed
                .map(|(region, why)| (region.to_string(), why.clone()))
                .collect(),
            not_by_name: preview
                .not_by_name
                .iter()
                .map(ToString::to_string)
                .collect(),
            foreign: preview.foreign,
            orphans: OrphansJson::of(&preview.orphans()),
            quotas: preview.quotas.iter().map(quota).collect(),
            unapproved: unapproved.map(ToString::to_string),
            configurations: preview.unnamed.first.iter().map(unnamed).collect(),
        }
    }
}

impl From<PreviewError> for CliError {
    fn from(error: PreviewError) -> Self {
        match error {
            PreviewError::Port(error) => Self::Port(error),
            PreviewError::Rds(error) => Self::Rds(error),
        }
    }
}
