//! Follows executions to their end, for the person who started them. It only reads.

use std::collections::BTreeMap;
use std::fmt;
use std::pin::pin;

use futures_util::{StreamExt, TryStreamExt, stream};

use crate::domain::id::arn::RdsArn;
use crate::domain::id::names::ExecutionName;
use crate::domain::operator::status::InFlight;
use crate::domain::run::wait::Wait;
use crate::ports::{
    ExecutionState, InspectExecution, ListOpen, PortError, StartExecution, open_pages,
};

/// How many executions are looked at at once.
const CONCURRENCY: usize = 8;

permissions! {
    /// Everything that following needs. It asks `StartExecution` for states only.
    Permissions: InspectExecution ListOpen StartExecution
}

/// How far an execution has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// It has begun, and nothing waits for RDS yet.
    Started,
    /// It waits for RDS, or for a copy slot.
    Waits(InFlight),
    /// It waits for a person, who has to do this.
    Parked(String),
    /// It has made its recovery point.
    Succeeded,
    /// It has ended without one.
    Failed(String),
}

impl Progress {
    /// Its word in JSON.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Started | Self::Waits(_) => "running",
            Self::Parked(_) => "parked",
            Self::Succeeded => "succeeded",
            Self::Failed(_) => "failed",
        }
    }

    /// Whether it has ended.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed(_))
    }
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Started => f.write_str("its execution has started"),
            Self::Waits(in_flight) => in_flight.fmt(f),
            Self::Parked(why) => write!(f, "it waits for a person: {why}"),
            Self::Succeeded => f.write_str("its recovery point is made"),
            Self::Failed(why) => write!(f, "failed: {why}"),
        }
    }
}

/// An execution that is followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Followed {
    /// Its name.
    pub execution: ExecutionName,
    /// The database.
    pub database: RdsArn,
    /// How far it has come.
    pub progress: Progress,
}

/// Looks at every execution that has not ended. Whether all have ended now.
///
/// # Errors
/// If the table or Step Functions cannot be read.
pub async fn look<W: Permissions>(world: &W, followed: &mut [Followed]) -> Result<bool, PortError> {
    let mut waits = BTreeMap::new();
    let mut pages = pin!(open_pages(world));
    while let Some(page) = pages.try_next().await? {
        for wait in page.waits {
            waits.insert(wait.command.execution.name().to_owned(), wait);
        }
    }
    let waits = &waits;
    let open = followed.iter_mut().filter(|one| !one.progress.is_over());
    stream::iter(open)
        .map(Ok::<_, PortError>)
        .try_for_each_concurrent(CONCURRENCY, |one| async move {
            let wait = waits.get(one.execution.as_str());
            one.progress = progress(world, &one.execution, wait).await?;
            Ok(())
        })
        .await?;
    Ok(followed.iter().all(|one| one.progress.is_over()))
}

/// How far an execution has come. `wait` is its open wait, if it has one.
pub(crate) async fn progress<W: Permissions>(
    world: &W,
    execution: &ExecutionName,
    wait: Option<&Wait>,
) -> Result<Progress, PortError> {
    match wait {
        Some(wait) => Ok(of_wait(wait)),
        None => of_execution(world, execution).await,
    }
}

fn of_wait(wait: &Wait) -> Progress {
    let parked = wait.current_error();
    if let Some((error, remedy)) = parked.and_then(|error| Some((error, error.remedy?))) {
        return Progress::Parked(format!("{}; {}", error.why, remedy.sentence()));
    }
    Progress::Waits(InFlight {
        step: wait.command.step,
        phase: Some(wait.phase),
        since: Some(wait.opened_at),
        execution: wait.command.execution.name().to_owned(),
        percent: None,
        usual: None,
    })
}

async fn of_execution<W: Permissions>(
    world: &W,
    name: &ExecutionName,
) -> Result<Progress, PortError> {
    Ok(match world.describe_execution(name).await? {
        ExecutionState::Running => Progress::Started,
        ExecutionState::Succeeded => Progress::Succeeded,
        ExecutionState::Unknown => {
            Progress::Failed("Step Functions no longer knows the execution".to_owned())
        }
        ExecutionState::Failed => {
            let found = world.inspect_execution(name).await?;
            let (error, cause) = found.map_or((None, None), |found| (found.error, found.cause));
            let said = [error, cause].into_iter().flatten();
            let said: Vec<String> = said.collect();
            Progress::Failed(match said.is_empty() {
                true => "it timed out, or somebody stopped it".to_owned(),
                false => said.join(": "),
            })
        }
    })
}
