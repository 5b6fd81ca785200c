//! Applies a set of policies: reads the file, asks KMS for its keys, and stores the set as the next version.

use std::collections::BTreeMap;

use thiserror::Error;

use crate::app::prune::{Unapproved, approval_needed};
use crate::app::prune_preview::{PreviewOf, take_inventory};
use crate::app::steady_state::{QuotaScope, above_quota};
use crate::domain::doctor::keys::{KeyFacts, Manager};
use crate::domain::id::arn::Region;
use crate::domain::policy::file::{self, Fault, Place, PolicyFile};
use crate::domain::policy::set::{Applied, Note, PolicySet, Stamp, Version};
use crate::domain::policy::spec::{AppliedKey, KeyName};
use crate::error::chain;
use crate::ports::doctor::ListManualSnapshots;
use crate::ports::{
    CallerIdentity, Clock, DescribeKey, DescribeQuota, ListDatabases, PortError, ReadEntered,
    ReadListings, ReadPolicies, ReadPolicyHistory, ReadRound, StorePolicies, Written,
};

permissions! {
    /// Everything that `policy apply` may do.
    Permissions:
        CallerIdentity Clock DescribeKey DescribeQuota ListDatabases ListManualSnapshots ReadEntered ReadListings ReadPolicies
        ReadPolicyHistory ReadRound StorePolicies
}

/// The result of applying a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The set was stored and is in force.
    Stored {
        /// What was stored.
        now: Applied,
        /// The set that was in force before, if it can be read.
        before: Option<Applied>,
        /// Why it was not checked whether the quotas of manual snapshots allow what the set keeps.
        quota_unchecked: Option<String>,
    },
    /// The same text is in force already, so nothing was stored.
    Unchanged(Applied),
}

/// Why a file was not applied. Nothing was stored.
#[derive(Debug, Error)]
pub enum ApplyError {
    /// The file has faults.
    #[error("the file has {} faults", .0.len())]
    Faults(Vec<Fault>),
    /// Another set was applied at the same moment.
    #[error(
        "another set was applied as version {0} at the same moment, and nothing was overwritten; look at it \
         (snapferry policy show) and apply yours again if it should hold instead"
    )]
    Raced(Version),
    /// What it keeps is more than a quota of manual snapshots allows.
    #[error("it keeps more than the quota allows: {}", .0.join("; "))]
    AboveQuota(Vec<String>),
    /// AWS did not answer.
    #[error(transparent)]
    Port(#[from] PortError),
}

/// Applies a file without asking whether a quota allows what it keeps, because nobody knows the source regions.
///
/// # Errors
/// If nothing was stored: why.
pub async fn apply<W: Permissions>(
    world: &W,
    home: &Region,
    text: &str,
    note: Option<Note>,
) -> Result<Outcome, ApplyError> {
    apply_within_quota(world, home, text, note, None).await
}

/// Applies a file: reports all faults at once, asks KMS for the keys, and stores the set as the next version unless
/// somebody else has stored that version first. What the set keeps must fit into the quotas of manual snapshots, as far
/// as RDS says what is there.
///
/// # Errors
/// If nothing was stored: why.
pub async fn apply_within_quota<W: Permissions>(
    world: &W,
    home: &Region,
    text: &str,
    note: Option<Note>,
    quota: Option<QuotaScope<'_>>,
) -> Result<Outcome, ApplyError> {
    let file = file::read(text, Some(home)).map_err(ApplyError::Faults)?;
    let set = resolve(world, home, &file).await?;
    // Read only the stamp: so a set that nobody can read any more can still be replaced.
    let last = world.current_stamp().await?;
    let before = match &last {
        Some(_) => world.current_policies().await.unwrap_or_default(),
        None => None,
    };
    if let Some(before) = &before
        && before.set == set
        && before.text == text
    {
        return Ok(Outcome::Unchanged(before.clone()));
    }
    let quota_unchecked = match quota {
        None => Some("the stack's source regions are not known".to_owned()),
        Some(scope) => match above_quota(world, scope, &set.policies(scope.key)).await {
            Ok(above) if above.is_empty() => None,
            Ok(above) => return Err(ApplyError::AboveQuota(above)),
            Err(error) => Some(chain(&error).to_string()),
        },
    };
    let last = last.map(|last| last.version);
    match store_next(world, last, set, text.to_owned(), note).await? {
        Ok(now) => Ok(Outcome::Stored {
            now,
            before,
            quota_unchecked,
        }),
        Err(version) => Err(ApplyError::Raced(version)),
    }
}

/// Says, once a set is stored, whether the pruner is going to wait until a person approves it.
///
/// # Errors
/// With a sentence, if it is not known.
pub async fn waits_for_approval<W: Permissions>(
    world: &W,
    scope: Option<QuotaScope<'_>>,
) -> Result<Option<Unapproved>, String> {
    let scope = scope.ok_or("the stack's source regions are not known")?;
    let of = PreviewOf {
        stack: scope.stack,
        home: scope.home,
        source_regions: scope.source_regions,
        key: scope.key,
        built_in: scope.built_in,
    };
    let last = world.last_round().await;
    let last = last.map_err(|error| chain(&error).to_string())?;
    if last.approved.is_none() {
        // Nothing is to be compared, so nothing is listed.
        return Ok(None);
    }
    let inventory = take_inventory(world, of).await;
    let (preview, _) = inventory.map_err(|error| chain(&error).to_string())?;
    let needed = approval_needed(world, of, &preview).await;
    needed.map_err(|error| chain(&error).to_string())
}

/// Stores a set as the version after the last one. If somebody else has stored that version first, its number is the error.
pub(crate) async fn store_next<W: CallerIdentity + Clock + StorePolicies>(
    world: &W,
    last: Option<Version>,
    set: PolicySet<AppliedKey>,
    text: String,
    note: Option<Note>,
) -> Result<Result<Applied, Version>, PortError> {
    let now = Applied {
        stamp: Stamp {
            version: last.map_or(Version::FIRST, Version::next),
            at: world.now(),
            by: world.caller_identity().await?,
            note,
        },
        text,
        set,
    };
    Ok(match world.store_policies(&now).await? {
        Written::Stored => Ok(now),
        Written::Conflict => Err(now.stamp.version),
    })
}

/// Asks KMS for each key once, and reports all that cannot be used at once. A run keeps the key that it was started with,
/// so a wrong one would park every run of its policy until somebody stops them.
async fn resolve<W: DescribeKey>(
    world: &W,
    home: &Region,
    file: &PolicyFile,
) -> Result<PolicySet<AppliedKey>, ApplyError> {
    let mut facts = BTreeMap::new();
    for key in file
        .set
        .policies
        .values()
        .filter_map(|spec| spec.key.as_ref())
    {
        if !facts.contains_key(key) {
            facts.insert(key.clone(), world.describe_key(key).await?);
        }
    }
    let resolved = file.set.with_keys(|policy, key| {
        let facts = facts.get(key).and_then(Option::as_ref);
        usable(home, key, facts).map_err(|what| {
            let start = Place { line: 1, column: 1 };
            let at = file.keys_at.get(policy).copied().unwrap_or(start);
            Fault { at, what }
        })
    });
    resolved.map_err(|mut faults| {
        faults.sort();
        ApplyError::Faults(faults)
    })
}

fn usable(home: &Region, key: &KeyName, facts: Option<&KeyFacts>) -> Result<AppliedKey, String> {
    let Some(facts) = facts else {
        return Err(format!("kms_key: there is no {key} in {home}"));
    };
    let named = match key {
        KeyName::Alias(alias) => format!("{alias} is {}, which", facts.arn),
        KeyName::Arn(arn) => format!("{arn}"),
    };
    if let Some(why) = facts.unusable() {
        return Err(match key {
            KeyName::Alias(_) => format!("kms_key: {named} RDS cannot encrypt under: {why}"),
            KeyName::Arn(_) => format!("kms_key: RDS cannot encrypt under {named}: {why}"),
        });
    }
    if facts.arn.region() != home.as_str() {
        return Err(format!(
            "kms_key: {named} does not live in the recovery region, {home}"
        ));
    }
    if facts.manager == Manager::Aws {
        return Err(format!(
            "kms_key: {named} is managed by AWS: no copy under it can ever be shared with another account; name a key \
             of your own"
        ));
    }
    Ok(AppliedKey {
        arn: facts.arn.clone(),
        alias: match key {
            KeyName::Alias(alias) => Some(alias.clone()),
            KeyName::Arn(_) => None,
        },
    })
}
