//! The drills: those that must pass, those that must fail, and what is left of them.

use serde_json::Value;

use super::super::fleet::{Database, RECOVERY, region};
use super::super::snapferry::Snapferry;
use super::prepare::{is_at_home, to_pass};
use super::witness::{DRILLED, Seen, SeenDrill};
use super::{Day, DrillFigures, Planted, Scene, policies};
use crate::rds::{InstanceStatus, Rds};

/// Runs `snapferry drill` for some databases, and returns what it says.
///
/// # Errors
/// When it cannot be run, or prints no JSON.
pub(super) async fn drill(snapferry: &Snapferry, databases: &[&Database]) -> anyhow::Result<Value> {
    let mut arguments = vec!["drill", "--yes", "--look-every", "1"];
    for one in databases {
        arguments.extend(["--database", &one.resource_id]);
    }
    snapferry.answer(&arguments).await
}

/// What a command says of a database's drill: its result, and why.
fn evidence<'a>(said: &'a [Value], of: &Database) -> Option<(&'a str, String, bool)> {
    let mut all = said
        .iter()
        .filter_map(|said| said["drills"].as_array())
        .flatten();
    let one = all.find(|one| one["resource_id"] == of.resource_id.as_str())?;
    let why = one["why"].as_array().into_iter().flatten();
    let why: Vec<&str> = why.filter_map(Value::as_str).collect();
    let is_gone = one["left_behind"] == false;
    Some((one["result"].as_str()?, why.join("; "), is_gone))
}

/// How a drill that must fail has failed, by what the model saw of it.
fn failed_as(seen: &Seen, of: &str) -> Option<Planted> {
    if seen
        .refused
        .iter()
        .any(|(id, code)| id == of && *code == "DBSubnetGroupNotFoundFault")
    {
        return Some(Planted::MissingSubnetGroup);
    }
    let drill = seen.drills.values().find(|one| one.of == of)?;
    match drill.at_deletion.as_ref()?.0 {
        InstanceStatus::IncompatibleRestore => Some(Planted::BrokenCopy),
        InstanceStatus::Creating => Some(Planted::PastDeadline),
        _ => None,
    }
}

/// The databases of drills that are there.
fn left_behind(rds: &Rds) -> Vec<String> {
    let home = region(RECOVERY);
    let instances = rds.instances(&home);
    let instances = instances.map(|one| (&one.spec.identifier, &one.spec.tags));
    let clusters = rds.clusters(&home);
    let clusters = clusters.map(|one| (&one.spec.identifier, &one.spec.tags));
    let is_drills = |(name, tags): &(&String, &crate::rds::Tags)| {
        name.starts_with(DRILLED) || tags.get("snapferry:drill").is_some()
    };
    instances
        .chain(clusters)
        .filter(is_drills)
        .map(|(name, _)| name.clone())
        .collect()
}

impl Scene<'_> {
    /// The three that must pass, and the one with a broken copy, in one command.
    pub(super) async fn drill_most(&self) -> anyhow::Result<Value> {
        let broken = Planted::BrokenCopy.database(self.databases);
        let mut all = to_pass(self.databases).to_vec();
        all.push(broken);
        drill(&self.callers.drills, &all).await
    }

    /// The one whose policy, by a mistake of a person, names a subnet group that is not there.
    pub(super) async fn drill_with_a_mistake(&self) -> anyhow::Result<Value> {
        let file = self.stack.folder().join("mistaken-policies.toml");
        std::fs::write(&file, policies(true))?;
        self.snapferry.apply_policies(&file).await?;
        let of = Planted::MissingSubnetGroup.database(self.databases);
        drill(&self.callers.drills, &[of]).await
    }

    /// What `snapferry drill --clean --yes` finds after all of them.
    pub(super) async fn clean(&self) -> anyhow::Result<Value> {
        let clean = ["drill", "--clean", "--yes"];
        self.callers.drills.answer(&clean).await
    }

    /// Counts the drills by what the model saw, and compares that with what the commands say.
    pub(super) fn judge_drills(&self, said: &[Value], cleaned: &Value, day: &mut Day) {
        let model = self.rds.model().clone();
        let seen = self.witness.seen();
        let figures = &mut day.drills;
        let left = left_behind(&model);
        figures.left_behind = left.len() as u64;
        for one in to_pass(self.databases) {
            let drill = seen
                .drills
                .iter()
                .find(|(_, drill)| drill.of == one.resource_id);
            let wrong = judge(&model, one, drill, figures);
            let is_passed = wrong.is_empty();
            if is_passed {
                figures.passed += 1;
            }
            day.broken.extend(wrong);
            let evidence = evidence(said, one);
            let says_so = evidence
                .as_ref()
                .is_some_and(|(result, ..)| *result == "passed");
            if is_passed != says_so {
                day.broken.push(format!(
                    "snapferry drill says {evidence:?} of {}, and the model says that it {}",
                    one.label(),
                    if is_passed { "passed" } else { "did not pass" }
                ));
            }
            self.show(one, evidence);
        }
        for planted in Planted::ALL {
            let one = planted.database(self.databases);
            let failed = failed_as(&seen, &one.resource_id);
            if failed == Some(planted) {
                *day.drills.failed.entry(planted.name()).or_default() += 1;
            }
            let evidence = evidence(said, one);
            let says_so = evidence.as_ref().is_some_and(|(result, why, _)| {
                *result == "failed" && why.contains(planted.reason())
            });
            if !says_so {
                day.broken.push(format!(
                    "snapferry drill says {evidence:?} of {}, which must fail for {:?}",
                    one.label(),
                    planted.reason()
                ));
            }
            self.show(one, evidence);
        }
        let listed = cleaned["left"].as_array().map_or(0, Vec::len);
        if listed != left.len() {
            day.broken.push(format!(
                "snapferry drill --clean shows {listed} databases of drills, and RDS has {left:?}"
            ));
        }
    }

    fn show(&self, one: &Database, evidence: Option<(&str, String, bool)>) {
        let (result, why, is_gone) = evidence.unwrap_or(("not drilled", String::new(), false));
        let gone = if is_gone { ", gone" } else { "" };
        let label = one.label();
        self.out
            .line(format_args!("  {label:<31} {result}{gone}  {why}"));
    }
}

/// What is wrong with a drill that must pass, by the model. Counts it if it was done.
fn judge(
    model: &Rds,
    of: &Database,
    drill: Option<(&String, &SeenDrill)>,
    figures: &mut DrillFigures,
) -> Vec<String> {
    let label = of.label();
    let Some((name, drill)) = drill else {
        return vec![format!("RDS never restored a drill of {label}")];
    };
    let Some((status, wrong)) = &drill.at_deletion else {
        return vec![format!("the drill of {label} was never to be deleted")];
    };
    if is_at_home(model, of.family, name) {
        return vec![format!("{name}, the drill of {label}, is still there")];
    }
    figures.done += 1;
    let mut faults: Vec<String> = wrong
        .iter()
        .map(|wrong| format!("the drill of {label}: {wrong}"))
        .collect();
    if *status != InstanceStatus::Available {
        faults.push(format!("the drill of {label} was {}", status.as_str()));
    }
    faults
}
