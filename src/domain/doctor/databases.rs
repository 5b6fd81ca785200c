//! Checks of a database: its option group, and other stacks that protect it too.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Check, Finding, Level};
use crate::domain::id::arn::KeyArn;
use crate::domain::id::database_ref::DatabaseRef;
use crate::domain::id::tags::{self, StackId};
use crate::domain::operator::not_found::NotFound;
use crate::domain::rds::database::Database;
use crate::domain::rds::option_group::{OptionGroup, is_default};
use crate::domain::rds::snapshot::Snapshot;

/// A database, with everything that its copy depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The database.
    pub database: Database,
    /// The key that it is encrypted under, if it is.
    pub key: Option<KeyArn>,
    /// The option groups that it has or is about to have.
    pub option_groups: Vec<String>,
}

/// The finding about a database that a person has named and no list shows. If a list is not whole, it may stand there.
#[must_use]
pub fn not_found(name: &NotFound, is_partial: bool) -> Finding {
    let (level, what) = match is_partial {
        true => (
            Level::Unknown,
            "not known: not all databases could be listed",
        ),
        false => (
            Level::Failure,
            "not found: no database of these regions has this name",
        ),
    };
    let remedy = "see the names of the databases with snapferry plan";
    Finding::bad(Check::Databases, name, level, what, remedy)
}

/// The findings about a database's option groups in the recovery region. None for a database with a default group,
/// unless its policy names another group for it.
///
/// `copied_with` is the recovery region's option group that the copy will get. A copy without one gets the engine's
/// default, which RDS refuses if the source has TDE (CopyDBSnapshot, `OptionGroupName`).
#[must_use]
pub fn option_group(
    candidate: &Candidate,
    of_its_region: &[OptionGroup],
    of_the_recovery_region: &[OptionGroup],
    copied_with: Option<&str>,
) -> Vec<Finding> {
    let own = candidate.option_groups.iter();
    own.filter(|name| copied_with.is_some() || !is_default(name))
        .map(|name| {
            let named = |groups: &[OptionGroup], name: &str| {
                groups.iter().find(|group| group.name == name).cloned()
            };
            let arn = &candidate.database.arn;
            match (named(of_its_region, name), copied_with) {
                (None, _) => Finding::bad(
                    Check::OptionGroup,
                    arn,
                    Level::Unknown,
                    format!(
                        "not known: RDS lists no option group {name} in {}",
                        arn.region()
                    ),
                    "run the doctor again",
                ),
                (Some(group), Some(step_target)) => asked_for(
                    candidate,
                    &group,
                    step_target,
                    named(of_the_recovery_region, step_target),
                ),
                (Some(group), None) => {
                    unasked(candidate, &group, named(of_the_recovery_region, name))
                }
            }
        })
        .collect()
}

fn asked_for(
    candidate: &Candidate,
    own: &OptionGroup,
    step_target: &str,
    found: Option<OptionGroup>,
) -> Finding {
    let arn = &candidate.database.arn;
    let bad = |what: String, remedy: String| {
        Finding::bad(Check::OptionGroup, arn, Level::Failure, what, remedy)
    };
    match found {
        None => bad(
            format!(
                "its copy should get the option group {step_target}, which does not exist in the recovery region"
            ),
            format!(
                "create {step_target} there for {} {}",
                own.engine, own.major_version
            ),
        ),
        Some(other) if !other.serves_like(own) => bad(
            format!(
                "its copy should get the option group {step_target}, which is for {} {}, and {} is for {} {}",
                other.engine, other.major_version, own.name, own.engine, own.major_version
            ),
            "name an option group of the same engine and major version".to_owned(),
        ),
        Some(other) if !other.binds_all_of(own) => bad(
            format!(
                "its copy should get the option group {step_target}, which lacks an option that the data needs: {}",
                own.binding.join(", ")
            ),
            format!("add it to {step_target}"),
        ),
        Some(_) => Finding::ok(
            Check::OptionGroup,
            arn,
            format!("{} becomes {step_target} in the recovery region", own.name),
        ),
    }
}

fn unasked(candidate: &Candidate, own: &OptionGroup, counterpart: Option<OptionGroup>) -> Finding {
    let arn = &candidate.database.arn;
    let counterpart = counterpart.filter(|other| other.serves_like(own));
    if !own.binding.is_empty() {
        let there = match counterpart {
            Some(_) => {
                "the recovery region has one of that name, but its policy maps none, so its copies are made without one"
            }
            None => "the recovery region has none of that name",
        };
        return Finding::bad(
            Check::OptionGroup,
            arn,
            Level::Failure,
            format!(
                "its option group {} has {}, which a copy cannot do without; {there}: RDS refuses the copy",
                own.name,
                own.binding.join(", ")
            ),
            format!(
                "make an option group there that has it too, and name it in the policy that protects the database: option_groups, \"{}\" = \"THAT ONE\" (snapferry policy apply)",
                own.name
            ),
        );
    }
    match counterpart {
        Some(_) => Finding::ok(
            Check::OptionGroup,
            arn,
            format!("the recovery region has {} too, to restore with", own.name),
        ),
        None => Finding::bad(
            Check::OptionGroup,
            arn,
            Level::Warning,
            format!(
                "its option group {} has no counterpart in the recovery region: a restored database gets the engine's default, without these options",
                own.name
            ),
            format!(
                "create an option group {} there, for {} {}, with the same options",
                own.name, own.engine, own.major_version
            ),
        ),
    }
}

/// When each stack last took a snapshot of each database, according to the tags of manual snapshots.
pub type Claims = BTreeMap<String, BTreeMap<String, Option<Timestamp>>>;

/// Reads from a region's snapshots when each stack last took one of each database. A snapshot that RDS is still making
/// has no time yet and counts as taken `now`.
#[must_use]
pub fn claims(snapshots: &[Snapshot], now: Timestamp) -> Claims {
    let mut claims = Claims::new();
    for snapshot in snapshots {
        let tag = |key| snapshot.tags.get(key).cloned();
        if let (Some(stack), Some(database)) = (tag(tags::STACK), tag(tags::RESOURCE_ID)) {
            let newest = claims
                .entry(database)
                .or_default()
                .entry(stack)
                .or_default();
            *newest = (*newest).max(Some(snapshot.taken_at.unwrap_or(now)));
        }
    }
    claims
}

/// Other stacks that have protected a database since a given time.
///
/// It reads the tags of existing snapshots. So it does not see a stack that has made no snapshot yet, whose snapshots were
/// removed, or that has the same id as this stack, which [`super::namesakes`] looks for.
#[must_use]
pub fn other_stacks(
    database: &DatabaseRef,
    ours: &StackId,
    claims: &Claims,
    since: Timestamp,
) -> Option<Finding> {
    let others: Vec<String> = claims
        .get(database.resource_id.as_str())
        .into_iter()
        .flatten()
        .filter(|(stack, newest)| stack.as_str() != ours.as_str() && **newest >= Some(since))
        .map(|(stack, _)| stack.clone())
        .collect();
    (!others.is_empty()).then(|| {
        Finding::bad(
            Check::OtherStacks,
            &database.arn,
            Level::Warning,
            format!(
                "it is protected by another stack too: {}; each takes its own snapshots, they wait for each other, and both fill the quota",
                others.join(", ")
            ),
            format!(
                "select it in only one stack: with the tag {} or {}, or by the other stack's Selection",
                tags::POLICY,
                tags::EXCLUDE
            ),
        )
    })
}
