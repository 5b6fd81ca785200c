//! Asks the recovery region whether planned restores can go, before anything is made.
//!
//! Each thing is asked once, however many databases need it, and one call after another. What is not answered stops nothing:
//! RDS checks everything itself when a restore is asked for.

use std::collections::BTreeSet;

use futures_util::{StreamExt, TryStreamExt, stream};

use crate::app::restore::{RestoreOf, RestorePlans};
use crate::domain::id::arn::{Family, Region};
use crate::domain::restore::findings::findings;
use crate::domain::restore::plan::RestorePlan;
use crate::domain::restore::preflight::{Answers, GroupKind, Makings, Present, Questions};
use crate::domain::restore::record::{RestoreKey, RestoreRecord};
use crate::domain::run::failure::Operation;
use crate::error::chain;
use crate::ports::{
    DescribeKey, DescribeOffers, DescribeRestoreQuotas, ListDatabases, ListGroups, PortError,
    RdsError, ReadRestores, pages,
};

permissions! {
    /// Everything that preflight may do: it only reads, and only in the recovery region.
    Permissions: DescribeKey DescribeOffers DescribeRestoreQuotas ListDatabases ListGroups ReadRestores
}

/// How many pages of databases or groups are read. RDS lets an account have 40 databases and 50 groups in a region unless it
/// asks for more, and a page holds 100.
const PAGES_MAX: usize = 100;

/// How many records are read at once.
const CONCURRENCY: usize = 16;

/// What preflight has to say beside its findings, which stand in the plans.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PreflightReport {
    /// How many questions it asked RDS and KMS.
    pub asked: usize,
    /// What was not answered, and why.
    pub unanswered: Vec<String>,
}

impl PreflightReport {
    /// Keeps an answer, or notes why there is none.
    fn noted<T, E: std::error::Error + 'static>(&mut self, answer: Result<T, E>) -> Option<T> {
        self.asked += 1;
        match answer {
            Ok(answer) => Some(answer),
            Err(error) => {
                self.unanswered.push(chain(&error));
                None
            }
        }
    }
}

/// Asks about all plans, and writes into each what was found.
///
/// # Errors
/// If the table does not answer.
pub async fn check_plans<W: Permissions>(
    world: &W,
    of: RestoreOf<'_>,
    plans: &mut RestorePlans,
) -> Result<PreflightReport, PortError> {
    let home = of.home;
    let mut preflight = PreflightReport::default();
    if plans.plans.is_empty() {
        return Ok(preflight);
    }
    let present = databases(world, home, &mut preflight).await;
    let none = Present::new();
    let known = present.as_ref().unwrap_or(&none);
    let makings: Vec<Makings> = stream::iter(&plans.plans)
        .map(|one| async move {
            let record = earlier_restore(world, &one.plan, known).await?;
            Ok::<_, PortError>(Makings::of(&one.plan, known, record.as_ref()))
        })
        .buffered(CONCURRENCY)
        .try_collect()
        .await?;
    let questions = Questions::about(home, &makings);
    let mut answers = answers(world, home, &questions, &mut preflight).await;
    // Without the list of what is there, what a restore has made already would count twice.
    if present.is_none() {
        answers.quotas.clear();
    }
    for (one, found) in plans
        .plans
        .iter_mut()
        .zip(findings(home, &makings, &answers))
    {
        one.findings = found;
    }
    Ok(preflight)
}

/// What is stored of an earlier restore, if something has one of the names of this one.
async fn earlier_restore<W: ReadRestores>(
    world: &W,
    plan: &RestorePlan,
    present: &Present,
) -> Result<Option<RestoreRecord>, PortError> {
    let family = plan.database.family();
    let mut names = plan.members.iter().map(|(name, _)| name);
    let is_there = |family, name: &str| present.contains_key(&(family, name.to_ascii_lowercase()));
    let is_any = is_there(family, &plan.name) || names.any(|name| is_there(Family::Instance, name));
    if !is_any {
        return Ok(None);
    }
    let key = RestoreKey {
        family,
        name: plan.name.clone(),
    };
    let stored = world.restore(&key).await?;
    Ok(stored.map(|stored| stored.record))
}

/// The databases of the recovery region.
async fn databases<W: ListDatabases>(
    world: &W,
    home: &Region,
    preflight: &mut PreflightReport,
) -> Option<Present> {
    let mut present = Some(Present::new());
    for family in Family::ALL {
        let operation = Operation::describe_databases(family);
        let endless = |endless| RdsError::endless(operation, home, endless);
        let pages = pages(PAGES_MAX, endless, |marker| {
            world.list_databases(home, family, marker)
        });
        let mut pages = std::pin::pin!(pages);
        while let Some(page) = pages.next().await {
            let Some(page) = preflight.noted(page) else {
                present = None;
                break;
            };
            let Some(present) = &mut present else { break };
            let rows = page.items.into_iter();
            present.extend(rows.map(|row| {
                let name = row.arn.name().to_ascii_lowercase();
                ((family, name), row.resource_id)
            }));
        }
    }
    present
}

async fn answers<W: Permissions>(
    world: &W,
    home: &Region,
    questions: &Questions,
    preflight: &mut PreflightReport,
) -> Answers {
    let mut answers = Answers::default();
    let quotas = world.describe_restore_quotas(home).await;
    answers.quotas = preflight.noted(quotas).unwrap_or_default();
    for version in &questions.versions {
        let answer = world.offers_version(home, version).await;
        if let Some(is_offered) = preflight.noted(answer) {
            answers.versions.insert(version.clone(), is_offered);
        }
    }
    for class in &questions.classes {
        // A version that is not on offer has no class either.
        if answers.versions.get(&class.of) == Some(&false) {
            continue;
        }
        let answer = world.offers_class(home, class).await;
        if let Some(is_offered) = preflight.noted(answer) {
            answers.classes.insert(class.clone(), is_offered);
        }
    }
    for kind in &questions.groups {
        if let Some(names) = groups(world, home, *kind, preflight).await {
            answers.groups.insert(*kind, names);
        }
    }
    for key in &questions.keys {
        let answer = world.describe_key(key).await;
        if let Some(facts) = preflight.noted(answer) {
            let why = match facts {
                None => Some("KMS knows no such key".to_owned()),
                Some(facts) => facts.unusable(),
            };
            answers.keys.insert(key.clone(), why);
        }
    }
    answers
}

/// The names of the groups of a kind.
async fn groups<W: ListGroups>(
    world: &W,
    home: &Region,
    kind: GroupKind,
    preflight: &mut PreflightReport,
) -> Option<BTreeSet<String>> {
    let endless = |endless| RdsError::endless(kind.listed_by(), home, endless);
    let pages = pages(PAGES_MAX, endless, |marker| {
        world.list_groups(home, kind, marker)
    });
    let mut pages = std::pin::pin!(pages);
    let mut names = BTreeSet::new();
    while let Some(page) = pages.next().await {
        let page = preflight.noted(page)?;
        names.extend(page.items.iter().map(|name| name.to_ascii_lowercase()));
    }
    Some(names)
}
