//! What the rules of retention would keep and remove. Only reads.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;

use futures_util::TryStreamExt;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use thiserror::Error;

pub use crate::app::group_preview::GroupPreview;
use crate::app::in_force::policies_in_force;
use crate::app::source_preview::{SourcesPreview, take_source_inventory};
use crate::app::unnamed::unnamed_configurations;
use crate::domain::id::arn::{Family, KeyArn, RdsArn, Region};
use crate::domain::id::tags::{self, StackId, Tags};
use crate::domain::limits::BATCH_GET_MAX;
use crate::domain::operator::orphans::{Orphans, OtherStacks, add_other_stack};
use crate::domain::operator::pile::Pile;
use crate::domain::policy::in_force::{Policies, Policy};
use crate::domain::policy::retention::Retention;
use crate::domain::policy::set::Version;
use crate::domain::rds::snapshot::Snapshot;
use crate::domain::retention::capacity::days_to_full;
use crate::domain::retention::entered::AllEntered;
use crate::domain::retention::forget::{Decision, ForgetRules, Point, PointState, forget};
use crate::domain::retention::gone::{Listing, rules_when_gone};
use crate::domain::retention::inventory::{Group, Origin, Ownership, ownership, point};
use crate::domain::retention::plan_hash::short_hash;
use crate::domain::retention::unnamed_configurations::{
    NamedConfigurations, UnnamedConfigurations,
};
use crate::domain::run::failure::Operation;
use crate::error::chain;
use crate::ports::doctor::ListManualSnapshots;
use crate::ports::{
    Clock, DescribeQuota, Endless, PAGES_MAX, PortError, RdsError, ReadConfigurations, ReadEntered,
    ReadListings, ReadPolicies, ReadPolicyHistory, ReadRound, SnapshotQuota, pages,
};

permissions! {
    /// Everything that the preview may do.
    Permissions:
        Clock DescribeQuota ListManualSnapshots ReadConfigurations ReadEntered ReadListings ReadPolicies ReadPolicyHistory
        ReadRound
}

/// Whose preview it is.
#[derive(Debug, Clone, Copy)]
pub struct PreviewOf<'a> {
    /// The stack.
    pub stack: &'a StackId,
    /// The recovery region.
    pub home: &'a Region,
    /// The regions whose databases are protected.
    pub source_regions: &'a [Region],
    /// The stack's key, for policies that name none.
    pub key: &'a KeyArn,
    /// The policies that are in force where no set was ever applied.
    pub built_in: &'a Policies,
}

/// How much of a family's quota of manual snapshots the recovery region has left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuotaPreview {
    /// The family.
    pub family: Family,
    /// The account's figures; `None` if RDS does not report them.
    pub quota: Option<SnapshotQuota>,
    /// How many recovery points this stack has planned and made in the last days.
    pub made: usize,
    /// After how many days the quota is full if it goes on so; `None` if that is not known, or none was made.
    pub days_to_full: Option<i64>,
}

/// How many days back the pace is measured.
pub const PACE_DAYS: i64 = 7;

/// What the rules decide about the recovery region's snapshots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrunePreview {
    /// Which rules were asked: the version of the policies, or what the built-in policy says.
    pub rules: String,
    /// The version of the policies; `None` for the built-in policy.
    pub version: Option<Version>,
    /// When that version was applied; `None` for the built-in policy.
    pub applied_at: Option<Timestamp>,
    /// The policies in force.
    pub policies: Policies,
    /// The table's records of copies, for those groups in which something may be removed or is a mismatch.
    pub entered: AllEntered,
    /// The groups, by source region, resource id and policy.
    pub groups: Vec<GroupPreview>,
    /// What the source regions hold, as far as a policy has rules for it.
    pub sources: SourcesPreview,
    /// What carries this stack's tag and was not made by it.
    pub not_by_name: Vec<RdsArn>,
    /// How many manual snapshots are another's.
    pub foreign: usize,
    /// Those of them that other stacks have made.
    pub other_stacks: OtherStacks,
    /// How long the quota lasts, for each family that this stack has recovery points of.
    pub quotas: Vec<QuotaPreview>,
    /// The configurations that snapshots name.
    pub named: NamedConfigurations,
    /// The configurations that no recovery point names. The pruner's rounds look for them themselves.
    pub unnamed: UnnamedConfigurations,
}

impl PrunePreview {
    /// What may go by rules that are carried out.
    #[must_use]
    pub fn removable(&self) -> BTreeSet<RdsArn> {
        let removable = self.groups.iter().flat_map(GroupPreview::removable);
        let mut all: BTreeSet<RdsArn> = removable.map(|(point, _)| point.id.clone()).collect();
        all.extend(self.sources.removable());
        all
    }

    /// What nobody answers for.
    #[must_use]
    pub fn orphans(&self) -> Orphans {
        let mut orphans = Orphans {
            other_stacks: self.other_stacks.clone(),
            ..Orphans::default()
        };
        for group in &self.groups {
            let mut pile = Pile::default();
            group.snapshots.iter().for_each(|one| pile.add(one));
            orphans.add(group.gone_since.is_some(), group.ruled_by.is_some(), &pile);
        }
        orphans
    }

    /// What these policies would let go of the same recovery points, also where their rules are only shown.
    pub(crate) fn removable_by(
        &self,
        policies: &Policies,
        stack: &StackId,
        now: Timestamp,
    ) -> BTreeSet<&RdsArn> {
        let mut all = self.sources.removable_by(policies, now);
        for group in &self.groups {
            let ruled_by = policies.ruling(&group.policy);
            let key = ruled_by.map(|policy| &policy.key);
            let known = group.snapshots.iter().filter_map(|snapshot| {
                let origin = origin(snapshot, stack)?;
                let entered = self.entered.get(&snapshot.arn);
                Some((snapshot, point(snapshot, &origin, key, entered)))
            });
            let (snapshots, points): (Vec<&Snapshot>, Vec<Point<RdsArn>>) = known.unzip();
            let decisions = decide(ruled_by, group.gone_since, &points, now);
            let decided = snapshots.into_iter().zip(decisions);
            let removable = decided.filter(|(_, decision)| !decision.keeps());
            all.extend(removable.map(|(snapshot, _)| &snapshot.arn));
        }
        all
    }
}

/// A part of a plan.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PlanPart<'a> {
    /// Only these databases, by identifier, ARN or resource id. Nothing named is all.
    pub databases: &'a [String],
    /// Only databases that are gone.
    pub gone: bool,
    /// Even their last ones. It counts only with `gone`, and where databases are named, each by a name of its own.
    pub include_last: bool,
}

impl PlanPart<'_> {
    /// Whether even the last ones of databases that are gone may go.
    #[must_use]
    pub fn includes_last(&self) -> bool {
        self.include_last && self.gone && !self.databases.is_empty()
    }
}

/// Why there is no preview. An incomplete inventory does not show what stays.
#[derive(Debug, Error)]
pub enum PreviewError {
    /// The policies cannot be read.
    #[error(transparent)]
    Port(#[from] PortError),
    /// The snapshots cannot be listed to their end.
    #[error(transparent)]
    Rds(#[from] RdsError),
}

/// Looks at every manual snapshot of the recovery region: one describe call for each page of each family. Where a policy has
/// rules for them, at those of the source regions too.
///
/// # Errors
/// When the policies cannot be read, or a list not to its end.
pub async fn prune_preview<W: Permissions>(
    world: &W,
    of: PreviewOf<'_>,
) -> Result<PrunePreview, PreviewError> {
    let (preview, planned) = take_inventory(world, of).await?;
    let now = world.now();
    let quotas = quotas(world, of.home, &planned, now).await;
    let unnamed = unnamed_configurations(world, &preview.groups, &preview.named, now).await?;
    Ok(PrunePreview {
        quotas,
        unnamed,
        ..preview
    })
}

/// The planned times of all recovery points, with their families.
type PlannedTimes = Vec<(Family, Timestamp)>;

/// The same without the quotas, and the planned times that they need.
pub(crate) async fn take_inventory<W>(
    world: &W,
    of: PreviewOf<'_>,
) -> Result<(PrunePreview, PlannedTimes), PreviewError>
where
    W: Clock + ListManualSnapshots + ReadEntered + ReadListings + ReadPolicies,
{
    let in_force = policies_in_force(world, of.key, of.built_in).await?;
    let rules = in_force.stamp.as_ref().map_or_else(
        || rules_of_built_in(&in_force.policies),
        |stamp| stamp.version.to_string(),
    );
    let version = in_force.stamp.as_ref().map(|stamp| stamp.version);
    let applied_at = in_force.stamp.map(|stamp| stamp.at);
    let policies = in_force.policies;
    let mut groups: BTreeMap<Group, Vec<Snapshot>> = BTreeMap::new();
    let mut planned = PlannedTimes::new();
    let (mut not_by_name, mut foreign) = (Vec::new(), 0);
    let mut other_stacks = OtherStacks::new();
    let mut named = NamedConfigurations::default();
    for family in Family::ALL {
        let endless = |endless: Endless| {
            RdsError::endless(Operation::describe_snapshots(family), of.home, endless)
        };
        let mut listed = pin!(pages(PAGES_MAX, endless, |marker| {
            world.list_manual_snapshots(of.home, family, marker)
        }));
        // A page at a time: of another's snapshots nothing is kept, and of ours only the tags that we have set.
        while let Some(page) = listed.try_next().await? {
            for mut snapshot in page.items {
                named.add(&snapshot);
                snapshot.tags = own_tags(snapshot.tags);
                match ownership(&snapshot, of.stack) {
                    Ownership::Ours(origin) => {
                        planned.push((family, origin.planned_at));
                        groups.entry(origin.group()).or_default().push(snapshot);
                    }
                    Ownership::NotByName => not_by_name.push(snapshot.arn),
                    Ownership::Foreign => {
                        foreign += 1;
                        add_other_stack(&mut other_stacks, of.stack, &snapshot);
                    }
                }
            }
        }
    }
    let now = world.now();
    let mut listings = Listings::new();
    for (region, _, _) in groups.keys() {
        if !listings.contains_key(region)
            && let Some(listing) = world.listing(region).await?
        {
            listings.insert(region.clone(), listing);
        }
    }
    let groups: Vec<Vec<Snapshot>> = groups.into_values().collect();
    let by = Judging {
        stack: of.stack,
        policies: &policies,
        listings: &listings,
        now,
    };
    let nothing = AllEntered::new();
    let asked = groups
        .iter()
        .filter(|members| is_worth_a_look(by.judge(members, &nothing).as_ref()))
        .flatten()
        .map(|snapshot| snapshot.arn.clone())
        .collect::<Vec<RdsArn>>();
    let mut entered = AllEntered::new();
    for copies in asked.chunks(BATCH_GET_MAX) {
        let found = world.read_entered(copies).await?;
        entered.extend(found.into_iter().map(|one| (one.copy.clone(), one)));
    }
    let groups = groups.into_iter().filter_map(|members| {
        let mut group = by.judge(&members, &entered)?;
        group.snapshots = members;
        Some(group)
    });
    let groups = groups.collect();
    let sources = take_source_inventory(
        world,
        (of.stack, of.home),
        of.source_regions,
        &policies,
        now,
    )
    .await?;
    let preview = PrunePreview {
        rules,
        version,
        applied_at,
        policies,
        entered,
        groups,
        sources,
        not_by_name,
        foreign,
        other_stacks,
        quotas: Vec::new(),
        named,
        unnamed: UnnamedConfigurations::default(),
    };
    Ok((preview, planned))
}

/// The last complete listing of each source region.
type Listings = BTreeMap<Region, Listing>;

/// The tags that Snapferry sets. Those that a policy carries along are of no use here, and large.
fn own_tags(all: Tags) -> Tags {
    let all = all.into_iter();
    all.filter(|(key, _)| key.starts_with(tags::PREFIX))
        .collect()
}

/// What a recovery point's tags and name say of it.
fn origin(snapshot: &Snapshot, stack: &StackId) -> Option<Origin> {
    match ownership(snapshot, stack) {
        Ownership::Ours(origin) => Some(*origin),
        Ownership::NotByName | Ownership::Foreign => None,
    }
}

/// What groups are judged by.
struct Judging<'a> {
    stack: &'a StackId,
    policies: &'a Policies,
    listings: &'a Listings,
    now: Timestamp,
}

impl Judging<'_> {
    /// A group with the decision about each of its recovery points, and without the snapshots themselves. Where each comes
    /// from is read from its tags anew: thirty thousand of these would not fit into memory beside the snapshots.
    fn judge(&self, members: &[Snapshot], entered: &AllEntered) -> Option<GroupPreview> {
        let origins = members.iter().map(|snapshot| origin(snapshot, self.stack));
        let origins: Vec<Origin> = origins.collect::<Option<_>>()?;
        let newest = origins.iter().max_by_key(|origin| origin.planned_at)?;
        let database = &newest.database;
        let listing = self.listings.get(database.arn.region());
        let gone_since =
            listing.and_then(|listing| listing.gone_since(&database.resource_id, self.now));
        let ruled_by = self.policies.ruling(&newest.policy);
        let key = ruled_by.map(|policy| &policy.key);
        let points: Vec<Point<RdsArn>> = members
            .iter()
            .zip(&origins)
            .map(|(snapshot, origin)| point(snapshot, origin, key, entered.get(&snapshot.arn)))
            .collect();
        let decisions = decide(ruled_by, gone_since, &points, self.now);
        let mut points: Vec<(Point<RdsArn>, Decision)> =
            points.into_iter().zip(decisions).collect();
        points.sort_by(|(a, _), (b, _)| (b.at, &b.id).cmp(&(a.at, &a.id)));
        Some(GroupPreview {
            database: database.arn.clone(),
            resource_id: database.resource_id.clone(),
            policy: newest.policy.clone(),
            ruled_by: ruled_by.map(|policy| policy.name.clone()),
            shown_only: ruled_by.is_some_and(|policy| policy.options.retention.shown_only),
            gone_since,
            points,
            snapshots: Vec::new(),
            planned: origins.iter().map(|origin| origin.planned_at).collect(),
        })
    }
}

/// Whether the table's records can change the decision for a group: something may be removed, or is a mismatch by its
/// own tags. Taking a recovery point out of the count never makes another removable.
fn is_worth_a_look(group: Option<&GroupPreview>) -> bool {
    group.is_some_and(|group| {
        group.points.iter().any(|(point, decision)| {
            !decision.keeps() || matches!(point.state, PointState::Mismatch(_))
        })
    })
}

/// What the built-in policy says, in short: it has no version.
fn rules_of_built_in(policies: &Policies) -> String {
    let rules = policies
        .all
        .iter()
        .map(|policy| format!("{:?}", policy.options.retention));
    let rules: Vec<String> = rules.collect();
    format!("built-in {}", short_hash(&[rules.join("\n").as_str()]))
}

/// A quota that RDS does not tell costs its own line alone.
async fn quotas<W: DescribeQuota>(
    world: &W,
    home: &Region,
    planned: &PlannedTimes,
    now: Timestamp,
) -> Vec<QuotaPreview> {
    let since = now - SignedDuration::from_hours(24 * PACE_DAYS);
    let mut quotas = Vec::new();
    for family in Family::ALL {
        let of_family = || planned.iter().filter(move |(one, _)| *one == family);
        if of_family().next().is_none() {
            continue;
        }
        let made = of_family().filter(|(_, planned_at)| *planned_at > since);
        let made = made.count();
        let quota = match world.describe_snapshot_quota(home, family).await {
            Ok(quota) => quota,
            Err(error) => {
                tracing::warn!(error = chain(&error), "the quota of snapshots is not known");
                None
            }
        };
        let days_to_full =
            quota.and_then(|quota| days_to_full(quota.used, quota.max, made, PACE_DAYS));
        quotas.push(QuotaPreview {
            family,
            quota,
            made,
            days_to_full,
        });
    }
    quotas
}

/// Without a policy there is no rule, and everything stays.
fn decide(
    ruled_by: Option<&Policy>,
    gone_since: Option<Timestamp>,
    points: &[Point<RdsArn>],
    now: Timestamp,
) -> Vec<Decision> {
    let (none, utc) = (Retention::default(), TimeZone::UTC);
    let (retention, zone) = ruled_by.map_or((&none, &utc), |policy| {
        (&policy.options.retention, policy.schedule.time_zone())
    });
    let ordinary = retention.rules();
    let rules = rules_when_gone(retention, zone, gone_since, now).unwrap_or(&ordinary);
    let by = ForgetRules {
        rules,
        min_keep: retention.min_keep(),
        zone,
    };
    forget(by, points, now)
}
