//! Takes the stacks away: drains first, deletes the source regions' stacks and then the recovery region's, the parts before its
//! own, and nothing that is a recovery point.
//!
//! Each step can be interrupted: the next run looks again, and goes on where stacks still stand.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::TryStreamExt;
use jiff::Timestamp;
use thiserror::Error;

use crate::app::deploy::follow::{Follow, INTERVAL};
use crate::app::drain::{self, Depth, Drain, DrainError, StartState, drain};
use crate::app::stop::{Outcome, Row, StopConfig, running};
use crate::domain::deploy::names::StackName;
use crate::domain::deploy::part::Part;
use crate::domain::deploy::removal::{
    SnapshotsLeft, Stays, advice, longest_run, why_not_delete, works,
};
use crate::domain::deploy::stack::{StackFacts, Template};
use crate::domain::id::arn::{Family, Region, StateMachineArn};
use crate::domain::id::names::ExecutionName;
use crate::domain::id::tags::StackId;
use crate::domain::policy::set::PolicySet;
use crate::domain::policy::spec::AppliedKey;
use crate::domain::run::failure::Operation;
use crate::error::chain;
use crate::ports::deploy::{
    DeleteStack, FindResource, FindStack, Pause, ReadStackEvents, StackEvent,
};
use crate::ports::doctor::ListManualSnapshots;
use crate::ports::{
    ListRestored, ListRunning, PAGES_MAX, PortError, RdsError, all_rows, open_pages,
};

/// The state machine's name in `template.yaml`.
const STATE_MACHINE: &str = "StateMachine";

permissions! {
    /// What a removal does with stacks. CloudFormation deletes the resources with the caller's rights too.
    Permissions: DeleteStack FindResource FindStack Pause ReadStackEvents
}

/// What a removal asks of the stack itself, while it stands.
pub trait StackPermissions: drain::Permissions + ListManualSnapshots + ListRestored {}

impl<W: drain::Permissions + ListManualSnapshots + ListRestored> StackPermissions for W {}

/// Which stacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DestroyRequest {
    /// The recovery region.
    pub recovery: Region,
    /// The recovery region's stack.
    pub stack: StackName,
    /// Source regions that the stack no longer names, and whose stacks may still stand.
    pub sources: Vec<Region>,
}

/// A stack that stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundStack {
    /// Its region.
    pub region: Region,
    /// Its name.
    pub name: StackName,
    /// What CloudFormation shows of it.
    pub facts: StackFacts,
    /// Whether it is the recovery region's.
    pub is_home: bool,
}

/// The stacks that stand, in the order in which they go: the source regions' first, the recovery region's own last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stacks {
    /// All of them.
    pub all: Vec<FoundStack>,
    /// The recovery region's, if it works, so that it can be drained.
    pub home: Option<StackFacts>,
    /// The state machine of a recovery region's stack that stands and does not work: its deletion has begun, by whatever
    /// means, or it was never finished. Its executions can be listed, and no more.
    pub left_machine: Option<StateMachineArn>,
}

/// Why nothing was deleted, or nothing more.
#[derive(Debug, Error)]
pub enum DestroyError {
    /// Stacks that must not go, or cannot now, each with why.
    #[error("{}", .0.join("\n"))]
    Refused(Vec<String>),
    /// CloudFormation could not delete a stack.
    #[error("the stack {name} in {region} ended as {status}: {}; {}", .reasons.join("; "), advice(.reasons))]
    Failed {
        /// The region.
        region: Region,
        /// The stack.
        name: StackName,
        /// Its status.
        status: String,
        /// The first failures, each with its resource.
        reasons: Vec<String>,
    },
    /// Executions run although none did before the first stack was deleted.
    #[error(
        "executions run again, so the stack {name} in {region} still stands: {}; run the command again when they have \
         ended, or with --yes --stop",
        joined(.executions)
    )]
    RunsAgain {
        /// The region.
        region: Region,
        /// The stack.
        name: StackName,
        /// The executions.
        executions: Vec<ExecutionName>,
    },
    /// CloudFormation names a state machine that cannot be one.
    #[error("CloudFormation names a state machine that cannot be read: {0}")]
    Machine(String),
    /// The policies could not be paused.
    #[error(transparent)]
    Drain(#[from] DrainError),
    /// A call did not succeed.
    #[error("{}", chain(.0))]
    Port(#[from] PortError),
}

fn joined(executions: &[ExecutionName]) -> String {
    let names: Vec<&str> = executions.iter().map(ExecutionName::as_str).collect();
    names.join(", ")
}

/// How far a removal has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step<'a> {
    /// It waits until a function that was at work when the policies were paused has ended.
    Waiting(Duration),
    /// CloudFormation deletes the stack.
    Deleting(&'a Region, &'a StackName),
    /// CloudFormation has said this about it.
    Said(&'a Region, &'a StackEvent),
}

/// Looks which stacks stand, and whether they may go.
///
/// # Errors
/// If one may not, or CloudFormation cannot be asked.
pub async fn look<S: Permissions>(
    world: &S,
    request: &DestroyRequest,
) -> Result<Stacks, DestroyError> {
    let mut refused = Vec::new();
    let home = world.find_stack(&request.recovery, &request.stack).await?;
    let mut regions = request.sources.clone();
    let named = home
        .as_ref()
        .and_then(|home| home.parameters.get("SourceRegions"));
    let named = named.map(String::as_str).unwrap_or_default().split(',');
    for region in named.filter_map(|name| Region::parse(name.trim()).ok()) {
        if !regions.contains(&region) {
            regions.push(region);
        }
    }
    let mut all = Vec::new();
    let source = Template::Source(request.recovery.clone());
    for region in regions {
        let name = request.stack.of_source();
        if let Some(facts) = world.find_stack(&region, &name).await? {
            take(&mut all, &mut refused, (region, name), facts, &source);
        }
    }
    for part in Part::ALL {
        let name = request.stack.of_part(part);
        let Some(facts) = world.find_stack(&request.recovery, &name).await? else {
            continue;
        };
        // Only the first stack says whose drills live, and the remover removes them.
        let is_remover = part == Part::Restore && works(&facts);
        if is_remover && !home.as_ref().is_some_and(works) {
            refused.push(format!(
                "the stack {name} in {}: the stack {} does not work any more, so whether drills live cannot be asked; \
                 delete {name} in CloudFormation once no database sfd-* is there",
                request.recovery, request.stack
            ));
        }
        let (region, template) = (request.recovery.clone(), Template::Part(part));
        take(&mut all, &mut refused, (region, name), facts, &template);
    }
    if let Some(facts) = home.clone() {
        let (region, name) = (request.recovery.clone(), request.stack.clone());
        let template = Template::Recovery;
        take(&mut all, &mut refused, (region, name), facts, &template);
    }
    if !refused.is_empty() {
        return Err(DestroyError::Refused(refused));
    }
    let stands = home.is_some();
    let home = home.filter(works);
    let left_machine = match stands && home.is_none() {
        true => left_machine(world, request).await?,
        false => None,
    };
    Ok(Stacks {
        all,
        home,
        left_machine,
    })
}

/// The state machine of a stack that does not work, if it is still there.
async fn left_machine<S: FindResource>(
    world: &S,
    request: &DestroyRequest,
) -> Result<Option<StateMachineArn>, DestroyError> {
    let found = world.find_resource(&request.recovery, &request.stack, STATE_MACHINE);
    let parsed = found.await?.map(|arn| StateMachineArn::parse(&arn));
    parsed
        .transpose()
        .map_err(|error| DestroyError::Machine(error.to_string()))
}

/// What runs in the state machine of a stack that does not work. Its table is not known, so nothing more is.
///
/// # Errors
/// If the executions cannot be listed.
pub async fn still_running<W: ListRunning>(world: &W) -> Result<Vec<Row>, DestroyError> {
    let row = |execution| Row {
        execution,
        run: None,
        outcome: Outcome::Running,
        waits: Vec::new(),
    };
    Ok(running(world).await?.into_iter().map(row).collect())
}

fn take(
    all: &mut Vec<FoundStack>,
    refused: &mut Vec<String>,
    (region, name): (Region, StackName),
    facts: StackFacts,
    template: &Template,
) {
    match why_not_delete(&facts, template) {
        Some(why) => refused.push(format!("the stack {name} in {region}: {why}")),
        None => all.push(FoundStack {
            region,
            name,
            facts,
            is_home: *template == Template::Recovery,
        }),
    }
}

/// What must end before the stacks can go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drained {
    /// The policies and the executions.
    pub drain: Drain,
    /// How many waits are open in the table, whether or not an execution still sleeps on them.
    pub open_waits: usize,
}

impl Drained {
    /// Whether nothing starts, nothing runs and nothing is awaited.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.drain.is_done() && self.open_waits == 0
    }
}

/// Drains the stack. If it is to act, and a function that began before the policies were paused may still start something,
/// it waits until that has ended and looks once more.
///
/// # Errors
/// If the policies cannot be read or stored, or executions and waits cannot be listed.
pub async fn empty<W: StackPermissions, S: Permissions>(
    world: &W,
    stacks: &S,
    home: &StackFacts,
    config: &StopConfig,
    built_in: &PolicySet<AppliedKey>,
    depth: Depth,
    progress: &mut dyn FnMut(Step<'_>),
) -> Result<Drained, DestroyError> {
    let mut drained = drain(world, config, built_in, depth).await?;
    // What runs keeps the stacks anyway.
    if depth != Depth::Show && drained.is_done() {
        let paused = world.current_policies().await?.map(|set| set.stamp.at);
        if let Some(rest) = paused.and_then(|at| rest(at, longest_run(home), world.now())) {
            progress(Step::Waiting(rest));
            stacks.pause(rest).await;
            let starts = drained.starts;
            drained = drain(world, config, built_in, depth).await?;
            // Which version paused the policies is still worth saying.
            if drained.starts == StartState::WerePaused {
                drained.starts = starts;
            }
        }
    }
    let open = open_pages(world);
    let open = open.try_fold(0, |count, page| async move { Ok(count + page.waits.len()) });
    Ok(Drained {
        drain: drained,
        open_waits: open.await?,
    })
}

/// How much is left of the time in which a function may still start what it had planned before the pause.
fn rest(paused: Timestamp, longest: Duration, now: Timestamp) -> Option<Duration> {
    let over = Duration::try_from(now.duration_since(paused)).unwrap_or_default();
    longest.checked_sub(over).filter(|rest| !rest.is_zero())
}

/// What stays when the stacks go. A region whose snapshots cannot be listed is named, and fails nothing.
pub async fn what_stays<W: ListManualSnapshots>(
    world: &W,
    request: &DestroyRequest,
    home: &StackFacts,
    id: &StackId,
) -> Stays {
    let mut stays = Stays::of(&request.recovery, &request.stack, home);
    let sources = stays.sources.split(',');
    let sources = sources.filter_map(|name| Region::parse(name).ok());
    // The stack no longer names those that the person names, and snapshots of it may still be there.
    let regions: BTreeSet<Region> = std::iter::once(request.recovery.clone())
        .chain(sources)
        .chain(request.sources.iter().cloned())
        .collect();
    for region in regions {
        match left_in(world, &region, id).await {
            Ok(left) => {
                stays.snapshots.insert(region, left);
            }
            Err(_) => stays.unlisted.push(region),
        }
    }
    stays
}

async fn left_in<W: ListManualSnapshots>(
    world: &W,
    region: &Region,
    id: &StackId,
) -> Result<SnapshotsLeft, RdsError> {
    let mut left = SnapshotsLeft::default();
    for family in Family::ALL {
        let operation = Operation::describe_snapshots(family);
        let endless = |endless| RdsError::endless(operation, region, endless);
        let rows = all_rows(PAGES_MAX, endless, |marker| {
            world.list_manual_snapshots(region, family, marker)
        });
        for snapshot in rows.await? {
            left.add(&snapshot, family, id);
        }
    }
    Ok(left)
}

/// Deletes the stacks, and follows each to its end. `machine` lists the executions of the recovery region's stack, where it
/// has a state machine: the source regions' stacks take minutes, so they are listed once more before that stack goes.
///
/// # Errors
/// If CloudFormation cannot delete one, or cannot be asked, or an execution runs again. The stacks after it still stand.
pub async fn act<S: Permissions, W: ListRunning>(
    world: &S,
    machine: Option<&W>,
    stacks: &Stacks,
    progress: &mut dyn FnMut(Step<'_>),
) -> Result<(), DestroyError> {
    for found in &stacks.all {
        if let Some(machine) = machine.filter(|_| found.is_home) {
            let executions = running(machine).await?;
            if !executions.is_empty() {
                return Err(DestroyError::RunsAgain {
                    region: found.region.clone(),
                    name: found.name.clone(),
                    executions,
                });
            }
        }
        delete(world, found, progress).await?;
    }
    Ok(())
}

async fn delete<S: Permissions>(
    world: &S,
    found: &FoundStack,
    progress: &mut dyn FnMut(Step<'_>),
) -> Result<(), DestroyError> {
    let FoundStack {
        region,
        name,
        facts,
        ..
    } = found;
    let mut follow = Follow::begin(world, region, facts.id.clone()).await?;
    progress(Step::Deleting(region, name));
    // One that goes already is only followed.
    let mut has_begun = facts.status == "DELETE_IN_PROGRESS";
    if !has_begun {
        world.delete_stack(region, name).await?;
    }
    loop {
        world.pause(INTERVAL).await;
        // The status first: what it says has its events by then.
        let Some(now) = world.find_stack(region, name).await? else {
            return Ok(());
        };
        let show = |event: &_| progress(Step::Said(region, event));
        has_begun |= follow.show_new(world, show).await? || now.status == "DELETE_IN_PROGRESS";
        if now.status == "DELETE_COMPLETE" {
            return Ok(());
        }
        // Until the deletion has begun, the stack still shows how it was before.
        if has_begun && !now.is_busy() {
            return Err(DestroyError::Failed {
                region: region.clone(),
                name: name.clone(),
                status: now.status,
                reasons: follow.reasons(),
            });
        }
    }
}
