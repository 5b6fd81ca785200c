//! What the rules decide about the snapshots that Snapferry took itself in the source regions. Only reads.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;

use futures_util::TryStreamExt;
use jiff::Timestamp;
use tracing::warn;

use super::group_preview::GroupPreview;
use crate::domain::id::arn::{Family, RdsArn, Region};
use crate::domain::id::tags::{self, PolicyName, StackId};
use crate::domain::limits::{ATTEMPTS_MAX, BATCH_GET_MAX};
use crate::domain::policy::in_force::{Policies, Policy};
use crate::domain::policy::rules::Rules;
use crate::domain::rds::snapshot::{Snapshot, SnapshotStatus};
use crate::domain::retention::forget::{Decision, ForgetRules, Point, forget};
use crate::domain::retention::inventory::Group;
use crate::domain::retention::source::{SourceOrigin, source_origin, source_point};
use crate::domain::run::failure::Operation;
use crate::domain::run::naming::{copies_of_source, first_attempt};
use crate::error::chain;
use crate::ports::doctor::ListManualSnapshots;
use crate::ports::{Endless, PAGES_MAX, PortError, RdsError, ReadEntered, pages};

/// What the source regions hold, as far as a policy in force has rules for it. Without such a policy nothing is listed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourcesPreview {
    /// The groups, by region, resource id and policy, each with its source snapshots in the place of recovery points.
    pub groups: Vec<GroupPreview>,
    /// The regions that were listed to the end.
    pub listed: BTreeSet<Region>,
    /// Those that could not be, and why. Nothing goes there.
    pub not_listed: BTreeMap<Region, String>,
    /// What lies there of policies without such rules.
    pub without_rule: BTreeSet<RdsArn>,
    /// Those of which the table knows a recovery point, as far as they may go.
    pub copied: BTreeSet<RdsArn>,
}

impl SourcesPreview {
    /// What may go by rules that are carried out.
    #[must_use]
    pub fn removable(&self) -> BTreeSet<RdsArn> {
        let removable = self.groups.iter().flat_map(GroupPreview::removable);
        removable.map(|(point, _)| point.id.clone()).collect()
    }

    /// What these policies would let go of the same snapshots, also where their rules are only shown.
    pub(crate) fn removable_by(&self, policies: &Policies, now: Timestamp) -> BTreeSet<&RdsArn> {
        let mut all = BTreeSet::new();
        for group in &self.groups {
            let Some((policy, rules)) = rules_of(policies, &group.policy) else {
                continue;
            };
            let points = group.points.iter().map(|(point, _)| point.clone());
            let points: Vec<Point<RdsArn>> = points.collect();
            let decisions = forget(by(policy, rules), &points, now);
            let decided = group.points.iter().zip(decisions);
            let going = decided.filter(|(_, decision)| !decision.keeps());
            all.extend(going.map(|((point, _), _)| &point.id));
        }
        all
    }
}

/// Lists the source regions, if a policy in force has rules for them. A region that cannot be listed to its end is left out.
///
/// # Errors
/// When the table cannot be read.
pub(crate) async fn take_source_inventory<W: ListManualSnapshots + ReadEntered>(
    world: &W,
    (stack, home): (&StackId, &Region),
    regions: &[Region],
    policies: &Policies,
    now: Timestamp,
) -> Result<SourcesPreview, PortError> {
    let mut preview = SourcesPreview::default();
    let mut all = policies.all.iter().map(|policy| &policy.options.retention);
    if all.all(|retention| retention.source_retention.is_none()) {
        return Ok(preview);
    }
    let mut groups: BTreeMap<Group, Vec<Member>> = BTreeMap::new();
    for region in regions.iter().filter(|region| *region != home) {
        match list(world, stack, region).await {
            Ok(found) => {
                preview.listed.insert(region.clone());
                for (group, members) in found {
                    let (_, _, policy) = &group;
                    if rules_of(policies, policy).is_some() {
                        groups.insert(group, members);
                    } else {
                        let arns = members.into_iter().map(|(one, _)| one.arn);
                        preview.without_rule.extend(arns);
                    }
                }
            }
            Err(why) => {
                warn!(%region, why, "the snapshots of a source region could not be listed");
                preview.not_listed.insert(region.clone(), why);
            }
        }
    }
    let going = groups
        .iter()
        .flat_map(|(group, members)| going(stack, group, members, policies, now));
    let going: Vec<&Member> = going.collect();
    preview.copied = copied(world, (stack, home), &going).await?;
    let uncopied = uncopied(&going, &preview.copied);
    let judged = groups.into_iter().filter_map(|(group, members)| {
        let mut judged = judge(stack, &group, &members, policies, &uncopied, now)?;
        (judged.snapshots, judged.planned) = members.into_iter().unzip();
        Some(judged)
    });
    preview.groups = judged.collect();
    Ok(preview)
}

/// A source snapshot, and the planned time of its run. There may be many: what else its tags say is read when it is needed.
type Member = (Snapshot, Timestamp);

/// What would go of a group if each had its recovery point, and the other attempts of their runs.
fn going<'m>(
    stack: &StackId,
    group: &Group,
    members: &'m [Member],
    policies: &Policies,
    now: Timestamp,
) -> impl Iterator<Item = &'m Member> {
    let group = judge(stack, group, members, policies, &BTreeSet::new(), now);
    let points = group.map(|group| group.points).unwrap_or_default();
    let going = points.into_iter().filter(|(_, decision)| !decision.keeps());
    let going: BTreeSet<RdsArn> = going.map(|(point, _)| first_attempt(&point.id)).collect();
    let all = members.iter();
    all.filter(move |(one, _)| going.contains(&first_attempt(&one.arn)))
}

/// Those of which the table knows a recovery point. Most have one attempt at their copy, so the others are asked for only
/// where it is unknown.
async fn copied<W: ReadEntered>(
    world: &W,
    (stack, home): (&StackId, &Region),
    of: &[&Member],
) -> Result<BTreeSet<RdsArn>, PortError> {
    let copies = |(snapshot, _): &Member| match source_origin(snapshot, stack) {
        Some(SourceOrigin {
            database, policy, ..
        }) => copies_of_source(&snapshot.arn, home, stack, &database, &policy),
        None => Vec::new(),
    };
    let mut copied = BTreeSet::new();
    for chunk in of.chunks(BATCH_GET_MAX) {
        let first = chunk
            .iter()
            .filter_map(|one| copies(one).into_iter().next());
        copied.extend(sources_of(world, first.collect()).await?);
        let mut unknown = chunk.to_vec();
        unknown.retain(|(one, _)| !copied.contains(&one.arn));
        for unknown in unknown.chunks(BATCH_GET_MAX / usize::from(ATTEMPTS_MAX)) {
            let later = unknown
                .iter()
                .flat_map(|one| copies(one).into_iter().skip(1));
            copied.extend(sources_of(world, later.collect()).await?);
        }
    }
    Ok(copied)
}

/// What those of these copies were made of that were settled as a success.
async fn sources_of<W: ReadEntered>(
    world: &W,
    copies: Vec<RdsArn>,
) -> Result<impl Iterator<Item = RdsArn>, PortError> {
    let entered = world.read_entered(&copies).await?.into_iter();
    let good = entered.filter(|one| one.mismatch.is_none());
    Ok(good.map(|one| one.source))
}

/// This stack's own snapshots of a region, or why they are not known.
async fn list<W: ListManualSnapshots>(
    world: &W,
    stack: &StackId,
    region: &Region,
) -> Result<BTreeMap<Group, Vec<Member>>, String> {
    let mut ours = BTreeMap::<Group, Vec<Member>>::new();
    for family in Family::ALL {
        let endless = |endless: Endless| {
            RdsError::endless(Operation::describe_snapshots(family), region, endless)
        };
        let mut listed = pin!(pages(PAGES_MAX, endless, |marker| {
            world.list_manual_snapshots(region, family, marker)
        }));
        while let Some(page) = listed
            .try_next()
            .await
            .map_err(|error| chain(&error).to_string())?
        {
            for mut snapshot in page.items {
                if snapshot.is_unreadable() {
                    return Err(format!("a row cannot be read: {}", snapshot.arn));
                }
                if let Some(origin) = source_origin(&snapshot, stack) {
                    snapshot.tags.retain(|key, _| key.starts_with(tags::PREFIX));
                    let members = ours.entry(origin.group()).or_default();
                    members.push((snapshot, origin.planned_at));
                }
            }
        }
    }
    Ok(ours)
}

/// The policy that rules these source snapshots, and its rules for them.
fn rules_of<'p>(policies: &'p Policies, name: &PolicyName) -> Option<(&'p Policy, &'p Rules)> {
    let policy = policies.ruling(name)?;
    let rules = policy.options.retention.source_retention.as_ref()?;
    Some((policy, rules))
}

/// One always stays.
fn by<'p>(policy: &'p Policy, rules: &'p Rules) -> ForgetRules<'p> {
    ForgetRules {
        rules,
        min_keep: 1,
        zone: policy.schedule.time_zone(),
    }
}

/// Those of which the table knows no recovery point. A failed one counts as copied where another attempt of its run was.
fn uncopied(members: &[&Member], copied: &BTreeSet<RdsArn>) -> BTreeSet<RdsArn> {
    let runs: BTreeSet<RdsArn> = copied.iter().map(first_attempt).collect();
    let all = members.iter().map(|(one, _)| one);
    let uncopied = all.filter(|one| match one.status {
        SnapshotStatus::Failed => !runs.contains(&first_attempt(&one.arn)),
        _ => !copied.contains(&one.arn),
    });
    uncopied.map(|one| one.arn.clone()).collect()
}

/// What a policy's rules decide about a group. Its snapshots themselves are left to the caller.
fn judge(
    stack: &StackId,
    (_, resource_id, of): &Group,
    members: &[Member],
    policies: &Policies,
    uncopied: &BTreeSet<RdsArn>,
    now: Timestamp,
) -> Option<GroupPreview> {
    let (newest, _) = members.iter().max_by_key(|(_, planned_at)| *planned_at)?;
    let newest = source_origin(newest, stack)?;
    let (policy, rules) = rules_of(policies, of)?;
    let points = members.iter().map(|(one, _)| source_point(one, uncopied));
    let points: Vec<Point<RdsArn>> = points.collect();
    let decisions = forget(by(policy, rules), &points, now);
    let mut points: Vec<(Point<RdsArn>, Decision)> = points.into_iter().zip(decisions).collect();
    points.sort_by(|(a, _), (b, _)| (b.at, &b.id).cmp(&(a.at, &a.id)));
    Some(GroupPreview {
        database: newest.database.arn,
        resource_id: resource_id.clone(),
        policy: of.clone(),
        ruled_by: Some(policy.name.clone()),
        shown_only: policy.options.retention.source_shown_only,
        // The rules for a database that is gone are about its recovery points.
        gone_since: None,
        points,
        snapshots: Vec::new(),
        planned: Vec::new(),
    })
}
