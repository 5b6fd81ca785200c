//! `cargo demo --drill`: the day that the copies are for. Recovery points are drilled, three drills fail on purpose, and then
//! the source regions are lost and the whole fleet is restored.
//!
//! The shipped command line does all of it, each command under the managed policy that is meant for it.

mod drills;
mod prepare;
mod restores;
mod witness;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use serde::Serialize;
use serde_json::Value;
use tokio::task::JoinHandle;

use super::fleet::{Database, RECOVERY, region, snapshots};
use super::old_snapshots::OldSnapshots;
use super::policies::{DRILL_GROUP, RESTORE_GROUP, file_with_drills};
use super::pruning::Pruning;
use super::snapferry::Snapferry;
use super::view::Out;
use crate::local::LocalStack;
use crate::rds::{InstanceStatus, Rds, Stage};
use crate::rds_http::{Interference, RdsService};
use crate::sister;

pub(super) use prepare::{DATABASES_MIN, Planted};
pub(super) use witness::Witness;

/// What became of the drills, by the model's own state.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct DrillFigures {
    /// Drills that RDS began, whose databases are gone. Those that must fail are not among them.
    pub done: u64,
    /// Those of them whose database ran, in the drills' network, as its source does.
    pub passed: u64,
    /// Those that must fail, by name: how many failed so.
    pub failed: BTreeMap<&'static str, u64>,
    /// Databases of drills that are still there.
    pub left_behind: u64,
}

/// What became of the restores, by the model's own state.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct RestoredFigures {
    /// Databases that run in the recovery region as restored ones.
    pub databases: u64,
    /// Their settings and tags that are otherwise than those of the sources, apart from what must be otherwise there.
    pub settings_differ: u64,
}

/// Everything that the day has shown.
#[derive(Debug, Clone, Default)]
pub(super) struct Day {
    pub(super) drills: DrillFigures,
    pub(super) restored: RestoredFigures,
    /// Every promise that was broken, in words.
    pub(super) broken: Vec<String>,
}

/// Gives the fleet and the recovery region what drills and restores need. The answer stands before the model from then on.
pub(super) fn prepare(
    rds: &mut Rds,
    databases: &[Database],
    inner: Arc<dyn Interference>,
) -> Arc<Witness> {
    prepare::furnish(rds, databases);
    Arc::new(Witness::new(inner, prepare::outcomes(databases)))
}

/// The policy file of a demo with drills. The second one has a mistake: it names a subnet group that is not there.
pub(super) fn policies(is_wrong: bool) -> String {
    let group = if is_wrong {
        "no-such-group"
    } else {
        DRILL_GROUP
    };
    file_with_drills(RESTORE_GROUP, group)
}

/// What the day is acted out with.
pub(super) struct Scene<'a> {
    pub(super) out: &'a Out,
    pub(super) stack: &'a LocalStack,
    pub(super) rds: &'a Arc<RdsService>,
    pub(super) witness: &'a Witness,
    pub(super) databases: &'a [Database],
    /// The command under the account's own key.
    pub(super) snapferry: &'a Snapferry,
    pub(super) callers: &'a Callers,
    pub(super) pruning: &'a Pruning,
}

/// The commands of those who drill and of those who restore.
#[derive(Debug, Clone)]
pub(super) struct Callers {
    drills: Snapferry,
    restores: Snapferry,
}

impl Callers {
    /// Two people with a role each that has one managed policy of the stack.
    ///
    /// # Errors
    /// When the emulator does not make them.
    pub(super) async fn of(stack: &LocalStack, snapferry: &Snapferry) -> anyhow::Result<Self> {
        let person = async |name: &str, output: &str| {
            let policy = stack.output(output)?;
            let session = stack.client().person(name, &[policy]).await;
            let session = session.with_context(|| format!("no session of {name}"))?;
            anyhow::Ok(snapferry.called_by(&session))
        };
        Ok(Self {
            drills: person("drills", "DrillsPolicyArn").await?,
            restores: person("restores", "RestoresPolicyArn").await?,
        })
    }
}

/// The drill that takes longest: it begins as soon as there is something to drill, while the others are still protected.
pub(super) struct LongDrill(JoinHandle<anyhow::Result<Value>>);

/// How often the demo looks at the model while it waits.
const LOOK_EVERY: Duration = Duration::from_millis(200);

impl LongDrill {
    /// Waits for the recovery point of the database whose drill will be too late, and begins it.
    pub(super) fn start(
        rds: &Arc<RdsService>,
        callers: &Callers,
        databases: &[Database],
        old: &OldSnapshots,
    ) -> Self {
        let of = Planted::PastDeadline.database(databases).clone();
        let old: Vec<String> = old.keys().cloned().collect();
        let (rds, snapferry) = (Arc::clone(rds), callers.drills.clone());
        Self(tokio::spawn(async move {
            while !has_new_point(&rds.model(), &of, &old) {
                tokio::time::sleep(LOOK_EVERY).await;
            }
            drills::drill(&snapferry, &[&of]).await
        }))
    }
}

impl Drop for LongDrill {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn has_new_point(rds: &Rds, of: &Database, old: &[String]) -> bool {
    snapshots(rds, RECOVERY).any(|one| {
        one.instance.resource_id == of.resource_id
            && one.stage() == Stage::Available
            && !old.contains(&one.arn)
    })
}

impl Scene<'_> {
    /// Drills, loses the source regions, restores, and judges.
    ///
    /// # Errors
    /// When a command cannot be run or says nothing.
    pub(super) async fn play(&self, mut late: LongDrill) -> anyhow::Result<Day> {
        self.out
            .line("\nDrills, with the rights of DrillsPolicy, and three that must fail:");
        let mut said = vec![self.drill_most().await?];
        said.push(self.drill_with_a_mistake().await?);
        self.out
            .line("The source regions refuse every call from now on. Restores, with the rights of RestoresPolicy:");
        self.witness.close(true);
        let restored = self.restore().await?;
        let late = (&mut late.0).await.context("the long drill")??;
        said.push(late);
        let cleaned = self.clean().await?;
        self.witness.close(false);
        self.first_backups_end().await;
        let mut day = Day::default();
        self.judge_drills(&said, &cleaned, &mut day);
        self.judge_restores(&restored, &mut day);
        let seen = self.witness.seen();
        day.broken.extend(seen.touched);
        day.broken.extend(seen.while_closed);
        self.judge_strangeness(&mut day).await?;
        Ok(day)
    }

    /// Waits until RDS has taken the first backup of everything that was restored. A restore is done before that.
    async fn first_backups_end(&self) {
        while self.is_backed_up_now() {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    fn is_backed_up_now(&self) -> bool {
        let (model, home) = (self.rds.model(), region(RECOVERY));
        let instances = model.instances(&home).map(|one| one.status);
        let clusters = model.clusters(&home).map(|one| one.status);
        instances
            .chain(clusters)
            .any(|status| status == InstanceStatus::BackingUp)
    }

    /// Nothing that was restored is selected, pruned or taken for a recovery point. A person's snapshot of it has its tags.
    async fn judge_strangeness(&self, day: &mut Day) -> anyhow::Result<()> {
        let mut selected = sister::selects(&self.rds.model().clone(), RECOVERY);
        selected.retain(|name| !name.starts_with(witness::DRILLED));
        if !selected.is_empty() {
            day.broken.push(format!(
                "another stack would protect what was restored: {selected:?}"
            ));
        }
        let by_hand = self.take_by_hand()?;
        let before = self.at_home();
        self.pruning.finish().await;
        let after = self.at_home();
        let gone: Vec<&String> = before.iter().filter(|one| !after.contains(one)).collect();
        if !gone.is_empty() {
            day.broken
                .push(format!("{gone:?} are gone after rounds of the pruner"));
        }
        let stack = self.snapferry.variable("SNAPFERRY_STACK_ID")?;
        let points = sister::recovery_points(&self.rds.model().clone(), RECOVERY, stack);
        if points.iter().any(|one| one.ends_with(&by_hand)) {
            day.broken.push(format!(
                "{by_hand}, a person's snapshot of a restored database, counts as a recovery point"
            ));
        }
        Ok(())
    }

    /// Every database and every snapshot of the recovery region.
    fn at_home(&self) -> Vec<String> {
        let model = self.rds.model();
        let all = snapshots(&model, RECOVERY);
        // What was to be deleted when the drills began is still on its way out.
        let all = all.filter(|one| one.stage() != Stage::Deleting);
        let snapshots = all.map(|one| one.arn.clone());
        let mut all: Vec<String> = snapshots.collect();
        all.extend(model.database_names(&region(RECOVERY)));
        all
    }
}
