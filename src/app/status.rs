//! How every database stands, for people: gathered from the recovery region first, and from the source regions for
//! what only they know. It only reads.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;

use futures_util::future::{join, join_all, try_join4};
use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;

use crate::app::drill::states::drill_states;
use crate::app::in_force::policies_in_force;
use crate::app::selected::read_all_selected;
use crate::app::tde::TdeGroups;
use crate::domain::deploy::part::Part;
use crate::domain::drill::state::DrillState;
use crate::domain::id::arn::{Family, RdsArn, Region};
use crate::domain::id::names::{ExecutionName, ResourceId};
use crate::domain::id::tags::{PolicyName, StackId};
use crate::domain::limits::BATCH_GET_MAX;
use crate::domain::operator::cost::MonthlyCosts;
use crate::domain::operator::fleet::{Notice, no_remover, silent_planner};
use crate::domain::operator::orphans::Orphans;
use crate::domain::operator::points::{Point, Points};
use crate::domain::operator::redrive::FailedStatus;
use crate::domain::operator::status::{CatalogFacts, ClaimedRun, Facts, Row, State, judge};
use crate::domain::policy::choice::{Choice, choose};
use crate::domain::policy::in_force::Policies;
use crate::domain::policy::selected::SelectedDatabase;
use crate::domain::rds::database::Database;
use crate::domain::retention::history::{Histories, History};
use crate::domain::retention::inventory::Group;
use crate::domain::retention::round::Freeze;
use crate::domain::run::failure::Operation;
use crate::domain::run::wait::Wait;
use crate::error::chain;
use crate::ports::doctor::ListManualSnapshots;
use crate::ports::{
    Clock, DescribeStack, InspectExecution, ListDatabases, ListEnded, ListMismatches, ListOpen,
    ListOptionGroups, PAGES_MAX, PortError, RdsError, ReadDrills, ReadEntries, ReadFreeze,
    ReadHistories, ReadPlanCursor, ReadPolicies, ReadSelected, all_rows, open_waits, pages,
};
use crate::settings::Planning;

/// How many executions are looked at, or pages of the catalog read, at once.
const CONCURRENCY: usize = 8;

permissions! {
    /// Everything that status and report may do: they only read.
    Permissions:
        Clock ListDatabases ListManualSnapshots ReadPlanCursor ReadEntries ReadFreeze ReadHistories ReadPolicies
        ReadDrills ReadSelected ListMismatches ListOpen ListOptionGroups ListEnded InspectExecution DescribeStack
}

/// A list that could not be read, or not to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreachable {
    /// The region.
    pub region: Region,
    /// The error.
    pub error: String,
}

/// Everything that was read.
#[derive(Debug)]
pub struct Gathered {
    /// When it was looked at.
    pub at: Timestamp,
    /// The policies in force.
    pub policies: Policies,
    /// The databases of the source regions that answered.
    pub databases: Vec<Database>,
    /// The recovery points.
    pub points: Points,
    /// The open waits.
    pub waits: Vec<Wait>,
    /// What could not be read.
    pub unreachable: Vec<Unreachable>,
    /// What concerns the stack as a whole.
    pub notices: Vec<Notice>,
    /// Whether a person has stopped all removal.
    pub frozen: Option<Freeze>,
    unread: BTreeSet<(Region, Family)>,
    points_unread: BTreeSet<Family>,
    catalog: BTreeMap<(ResourceId, PolicyName), CatalogFacts>,
    selected: BTreeMap<(ResourceId, PolicyName), SelectedDatabase>,
    claimed: BTreeMap<ExecutionName, ClaimedRun>,
    histories: Histories,
    drills: BTreeMap<ResourceId, DrillState>,
}

impl Gathered {
    /// Judges every database by it.
    #[must_use]
    pub fn rows(&self) -> Vec<Row> {
        judge(&Facts {
            now: self.at,
            policies: &self.policies,
            databases: &self.databases,
            unread: &self.unread,
            points: &self.points,
            points_unread: &self.points_unread,
            catalog: &self.catalog,
            waits: &self.waits,
            selected: &self.selected,
            claimed: &self.claimed,
            histories: &self.histories,
        })
    }
}

impl Gathered {
    /// When the data of a database's recovery points was taken, in seconds; `None` if they could not be listed.
    #[must_use]
    pub fn taken(&self, row: &Row) -> Option<&[i64]> {
        if self.points_unread.contains(&row.database.family()) {
            return None;
        }
        let of = self.points.of(&row.resource_id);
        Some(of.map_or(&[], |of| of.taken.as_slice()))
    }

    /// What nobody answers for, by the rows of all databases.
    #[must_use]
    pub fn orphans(&self, rows: &[Row]) -> Orphans {
        let mut orphans = Orphans {
            other_stacks: self.points.other_stacks.clone(),
            ..Orphans::default()
        };
        let orphaned = rows.iter().filter(|row| row.state == State::Orphaned);
        let gone: BTreeSet<&ResourceId> = orphaned.map(|row| &row.resource_id).collect();
        for (id, of) in self.points.iter() {
            for (policy, pile) in &of.by_policy {
                let is_ruled = self.policies.ruling(policy).is_some();
                orphans.add(gone.contains(id), is_ruled, pile);
            }
        }
        orphans
    }

    /// What the recovery points and their copies cost in a month at most, by the rows of all databases.
    #[must_use]
    pub fn costs(&self, rows: &[Row]) -> MonthlyCosts {
        let (points, unread) = (&self.points, &self.points_unread);
        MonthlyCosts::of(rows, points, unread, &self.policies, self.at)
    }

    /// How a database's drills stand. `None` if its policy has none, or they could not be read.
    #[must_use]
    pub fn drill(&self, row: &Row) -> Option<&DrillState> {
        self.drills.get(&row.resource_id)
    }

    /// The outcome of a database's last due times. `None` if nothing is known of them.
    #[must_use]
    pub fn history(&self, row: &Row) -> Option<&History> {
        self.histories.get(&row.group()?)
    }
}

/// Reads everything. Regions and families are listed at the same time, and a region that does not answer costs its own
/// rows alone. `on_page` is called after each page of RDS's with the number of pages so far.
///
/// # Errors
/// When the table or Step Functions in the recovery region cannot be read.
pub async fn gather<W: Permissions>(
    world: &W,
    planning: &Planning,
    on_page: &dyn Fn(usize),
) -> Result<Gathered, PortError> {
    let at = world.now();
    let policies = policies_in_force(world, &planning.key, &planning.policies)
        .await?
        .policies;
    let endless = |endless| PortError::endless("dynamodb:Query", endless);
    let mismatches = all_rows(PAGES_MAX, endless, |marker| world.list_mismatches(marker)).await?;
    let lists = Lists {
        world,
        mismatches: mismatches.into_iter().collect(),
        pages: Cell::new(0),
        on_page,
    };
    let listing = join(
        lists.databases(&planning.source_regions),
        lists.points(&planning.stack.home, &planning.stack.rules.stack),
    );
    let regions = &planning.source_regions;
    // Boxed: every caller's future would have room for all of them.
    let table = Box::pin(try_join4(
        world.freeze(),
        open_waits(world),
        notices(world, planning, &policies, at),
        read_all_selected(world, policies.all.iter(), regions),
    ));
    let ((databases, points), table) = join(listing, table).await;
    let (frozen, waits, notices, selected) = table?;
    let mut errors = BTreeSet::new();
    for (policy, region, why) in selected.faults {
        let error = format!(
            "the table does not say since when {} selects databases: {why}",
            policy.name
        );
        errors.insert((region, error));
    }
    let selected = selected.databases.into_iter().map(|(policy, one)| {
        let key = (one.database.resource_id.clone(), policy.name.clone());
        (key, one)
    });
    let selected = selected.collect();
    let mut gathered = Gathered {
        at,
        policies,
        databases: Vec::new(),
        points: Points::default(),
        waits,
        unreachable: Vec::new(),
        notices,
        frozen,
        unread: BTreeSet::new(),
        points_unread: BTreeSet::new(),
        catalog: BTreeMap::new(),
        selected,
        claimed: BTreeMap::new(),
        histories: Histories::new(),
        drills: BTreeMap::new(),
    };
    let tde = TdeGroups::default();
    for (region, family, mut found, error) in databases {
        let noted = tde.note(world, &region, &gathered.policies, &mut found);
        errors.extend(noted.await.err().map(|error| (region.clone(), error)));
        gathered.databases.extend(found);
        if let Some(error) = error {
            errors.insert((region.clone(), error));
            gathered.unread.insert((region, family));
        }
    }
    for (family, found, error) in points {
        gathered.points.join(found);
        if let Some(error) = error {
            errors.insert((planning.stack.home.clone(), error));
            gathered.points_unread.insert(family);
        }
    }
    let errors = errors.into_iter();
    gathered.unreachable = errors
        .map(|(region, error)| Unreachable { region, error })
        .collect();
    read_catalog(world, &mut gathered).await?;
    look_at_claims(world, &mut gathered).await?;
    let rows = gathered.rows();
    gathered.histories = histories(world, &rows).await;
    gathered.drills = drill_states(world, &gathered.policies, &rows, at).await;
    Ok(gathered)
}

/// The histories of due times of these rows. They are additional: what cannot be read is missing.
async fn histories<W: ReadHistories>(world: &W, rows: &[Row]) -> Histories {
    let groups: BTreeSet<Group> = rows.iter().filter_map(Row::group).collect();
    let groups: Vec<Group> = groups.into_iter().collect();
    let read: Vec<Histories> = stream::iter(groups.chunks(BATCH_GET_MAX))
        .map(|groups| async move {
            let read = world.read_histories(groups).await;
            let fault = |error: &PortError| {
                let error = chain(error);
                tracing::warn!(error, "the histories of due times could not be read");
            };
            read.inspect_err(fault).unwrap_or_default()
        })
        .buffered(CONCURRENCY)
        .collect()
        .await;
    read.into_iter().flatten().collect()
}

/// Reads only what changes while executions are under way: the open waits, and what became of those that are gone.
///
/// # Errors
/// When the table or Step Functions cannot be read.
pub async fn refresh<W: Permissions>(world: &W, gathered: &mut Gathered) -> Result<(), PortError> {
    gathered.at = world.now();
    gathered.waits = open_waits(world).await?;
    read_catalog(world, gathered).await?;
    look_at_claims(world, gathered).await
}

struct Lists<'a, W> {
    world: &'a W,
    mismatches: BTreeSet<RdsArn>,
    pages: Cell<usize>,
    on_page: &'a dyn Fn(usize),
}

impl<W: Permissions> Lists<'_, W> {
    fn count_page(&self) {
        self.pages.set(self.pages.get() + 1);
        (self.on_page)(self.pages.get());
    }

    async fn databases(
        &self,
        regions: &[Region],
    ) -> Vec<(Region, Family, Vec<Database>, Option<String>)> {
        let places = regions
            .iter()
            .flat_map(|region| Family::ALL.map(|family| (region, family)));
        join_all(places.map(|(region, family)| async move {
            let mut found = Vec::new();
            let endless =
                |endless| RdsError::endless(Operation::describe_databases(family), region, endless);
            let ask = |marker| self.world.list_databases(region, family, marker);
            let mut pages = pin!(pages(PAGES_MAX, endless, ask));
            let error = loop {
                match pages.try_next().await {
                    Ok(Some(page)) => found.extend(page.items),
                    Ok(None) => break None,
                    Err(error) => break Some(chain(&error)),
                }
                self.count_page();
            };
            (region.clone(), family, found, error)
        }))
        .await
    }

    /// The recovery points, a page at a time: a fleet's snapshots are many, and little of each is kept.
    async fn points(
        &self,
        home: &Region,
        stack: &StackId,
    ) -> Vec<(Family, Points, Option<String>)> {
        join_all(Family::ALL.map(|family| async move {
            let mut found = Points::default();
            let endless =
                |endless| RdsError::endless(Operation::describe_snapshots(family), home, endless);
            let ask = |marker| self.world.list_manual_snapshots(home, family, marker);
            let mut pages = pin!(pages(PAGES_MAX, endless, ask));
            let error = loop {
                match pages.try_next().await {
                    Ok(Some(page)) => {
                        for snapshot in &page.items {
                            found.add(stack, snapshot, &self.mismatches);
                        }
                    }
                    Ok(None) => break None,
                    Err(error) => break Some(chain(&error)),
                }
                self.count_page();
            };
            (family, found, error)
        }))
        .await
    }
}

async fn notices<W: ReadPlanCursor + DescribeStack>(
    world: &W,
    planning: &Planning,
    policies: &Policies,
    now: Timestamp,
) -> Result<Vec<Notice>, PortError> {
    let mut notices = Vec::new();
    for policy in &policies.all {
        for region in &planning.source_regions {
            let cursor = world.plan_cursor(&policy.name, region).await?;
            notices.extend(silent_planner(policy, region, cursor.as_ref(), now));
        }
    }
    notices.extend(missing_remover(world, planning, policies).await);
    Ok(notices)
}

/// Whether policies have drills whose leftovers nobody removes. It is asked only where a policy has drills and the stack's name
/// is known. What CloudFormation does not say is no finding.
async fn missing_remover<W: DescribeStack>(
    world: &W,
    planning: &Planning,
    policies: &Policies,
) -> Option<Notice> {
    let stack = planning.stack_name.as_ref()?;
    let mut all = policies.all.iter();
    if !all.any(|policy| policy.options.drill.is_some()) {
        return None;
    }
    let name = stack.of_part(Part::Restore);
    match world.stack_outputs(name.as_str()).await {
        Ok(Some(_)) => None,
        Ok(None) => Some(no_remover(policies, stack)),
        Err(error) => {
            let error = chain(&error);
            tracing::warn!(error, %name, "whether this stack stands is not known");
            None
        }
    }
}

/// The catalog's entries of everything that is selected, or that only its recovery points or the table speak of.
async fn read_catalog<W: ReadEntries>(world: &W, gathered: &mut Gathered) -> Result<(), PortError> {
    let selected = gathered.databases.iter().filter_map(|database| {
        match choose(database, &gathered.policies) {
            Choice::Protect(policy) | Choice::NotNow(policy, _) => {
                Some((database.resource_id.clone(), policy))
            }
            Choice::LeaveOut(_) | Choice::Refuse(..) => None,
        }
    });
    let known = gathered
        .points
        .iter()
        .map(|(id, of)| (id.clone(), of.policy.clone()));
    let stored = gathered.selected.keys().cloned();
    let pairs: BTreeSet<(ResourceId, PolicyName)> = selected.chain(known).chain(stored).collect();
    let pairs: Vec<_> = pairs.into_iter().collect();
    let entries: Vec<_> = stream::iter(pairs.chunks(BATCH_GET_MAX))
        .map(|pairs| world.read_entries(pairs))
        .buffered(CONCURRENCY)
        .try_concat()
        .await?;
    let facts = entries.into_iter().map(|entry| {
        let newest = entry.newest.map(|manifest| Point {
            arn: manifest.snapshot,
            taken_at: manifest.taken_at,
        });
        let facts = CatalogFacts {
            open: entry.open,
            newest,
            refused: entry.refused,
        };
        ((entry.database, entry.policy), facts)
    });
    gathered.catalog = facts.collect();
    Ok(())
}

/// Looks at the executions that hold a claim and have no open wait: they have just begun, or have ended.
async fn look_at_claims<W: ListEnded + InspectExecution>(
    world: &W,
    gathered: &mut Gathered,
) -> Result<(), PortError> {
    let waited_for: BTreeSet<&str> = gathered
        .waits
        .iter()
        .map(|wait| wait.command.execution.name())
        .collect();
    let open: BTreeSet<ExecutionName> = gathered
        .catalog
        .values()
        .filter_map(|facts| facts.open.clone())
        .filter(|open| !waited_for.contains(open.as_str()))
        .collect();
    if open.is_empty() {
        gathered.claimed.clear();
        return Ok(());
    }
    let mut ended = BTreeMap::new();
    for status in FailedStatus::ALL {
        // The youngest page says when: an older failure is told without its time.
        for execution in world.list_executions(status, None).await?.items {
            ended.insert(execution.name, (status, execution.ended_at));
        }
    }
    let looked: Vec<_> = stream::iter(open)
        .map(|name| async {
            let found = world.inspect_execution(&name).await?;
            Ok::<_, PortError>((name, found))
        })
        .buffered(CONCURRENCY)
        .try_collect()
        .await?;
    let claimed = looked.into_iter().filter_map(|(name, found)| {
        let found = found?;
        let run = ClaimedRun {
            running: found.running,
            ended: ended.get(&name).copied(),
            error: found.error,
            cause: found.cause,
        };
        Some((name, run))
    });
    gathered.claimed = claimed.collect();
    Ok(())
}
