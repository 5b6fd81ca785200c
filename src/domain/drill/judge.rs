//! What a drill proves at level L1, by what RDS shows of it.
//!
//! Only four kinds of differences from the catalog are no fault: those on purpose, those that the policy's mapping makes,
//! those that it leaves open, and those that no call can set. Every other fails the drill by name.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::plan::DrillPlan;
use crate::domain::restore::compare::differences;
use crate::domain::restore::decide::Origin;
use crate::domain::restore::plan::Line;
use crate::domain::restore::restored::{Fitness, RestoredDatabase, Seen};
use crate::domain::restore::setting::Setting;
use crate::domain::restore::taken::{How, Part};
use crate::domain::restore::value::Value;

/// One thing that was checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// What.
    pub name: String,
    /// What is wrong. Nothing if it is right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
}

impl Check {
    /// A check with its fault, if it has one.
    #[must_use]
    pub fn new(name: &str, fault: Option<String>) -> Self {
        Self {
            name: name.to_owned(),
            fault,
        }
    }

    /// What is wrong, with the name of the check.
    #[must_use]
    pub fn complaint(&self) -> Option<String> {
        let fault = self.fault.as_ref()?;
        Some(format!("{}: {fault}", self.name))
    }
}

/// A setting that the drill had otherwise than its database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrillDifference {
    /// The member that it concerns, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member: Option<String>,
    /// RDS's field.
    pub setting: String,
    /// What the database had.
    pub was: String,
    /// What the drill had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is: Option<String>,
    /// Which kind of difference it is: `on-purpose`, `mapping`, `left-open` or `not-settable`.
    pub kind: String,
    /// Why.
    pub why: String,
}

/// An event of the category `failure` that RDS reports of a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailureEvent {
    /// When.
    pub at: Timestamp,
    /// What RDS says.
    pub message: String,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Judgement {
    /// The checks.
    pub checks: Vec<Check>,
    /// The differences that have their reason.
    pub differs: Vec<DrillDifference>,
}

/// Checks what RDS shows of a drill.
#[must_use]
pub fn judge(plan: &DrillPlan, seen: &Seen, failures: &[FailureEvent]) -> Judgement {
    let members = plan.restore.members.iter();
    let members = members.map(|(name, _)| (Some(name.as_str()), seen.members.get(name)));
    let all: Vec<(Option<&str>, Option<&RestoredDatabase>)> =
        std::iter::once((None, seen.database.as_ref()))
            .chain(members)
            .collect();
    let of_each = |fault: &dyn Fn(&RestoredDatabase) -> Option<String>| {
        let faults: Vec<String> = all
            .iter()
            .filter_map(|(member, found)| match found {
                Some(found) => fault(found).map(|fault| format!("{} {fault}", found.name)),
                None => Some(format!(
                    "RDS does not show {}",
                    member.unwrap_or(&plan.restore.name)
                )),
            })
            .collect();
        (!faults.is_empty()).then(|| faults.join("; "))
    };
    let runs = of_each(&|found| {
        let is_well = matches!(found.fitness(), Fitness::Ready | Fitness::Reachable);
        (!is_well).then(|| format!("is {}", found.status))
    });
    let endpoint = of_each(&|found| {
        found
            .endpoint()
            .is_none()
            .then(|| "has no endpoint".to_owned())
    });
    let groups = of_each(&|found| {
        found
            .needs_restart
            .then(|| "has a parameter group that is not in force".to_owned())
    });
    let failures: Vec<String> = failures
        .iter()
        .map(|event| format!("{}: {}", event.at, event.message))
        .collect();
    let mut checks = vec![
        Check::new("RDS runs it", runs),
        Check::new("endpoint", endpoint),
        Check::new("parameter groups are in force", groups),
        Check::new("network", network(plan, seen)),
        Check::new(
            "no failure event",
            (!failures.is_empty()).then(|| failures.join("; ")),
        ),
    ];
    let beside_settings = checks.len();
    let mut differs = Vec::new();
    let unexplained = differences(&plan.restore, seen);
    checks.extend(unexplained.iter().map(|one| {
        let of = one.member.as_ref();
        let of = of.map_or_else(String::new, |member| format!("{member}: "));
        let found = one.found.as_deref().unwrap_or("nothing");
        let fault = format!("{of}it is {found} and should be {}", one.wanted);
        Check::new(&one.what, Some(fault))
    }));
    for (member, found) in &all {
        let Some(found) = found else { continue };
        let is_reported = |setting: Setting| {
            let mut reported = unexplained.iter();
            reported.any(|one| one.member.as_deref() == *member && one.what == setting.field())
        };
        let key = member.map(ToOwned::to_owned);
        let Some(catalog) = plan.catalog.get(&key) else {
            continue;
        };
        for (setting, was) in catalog {
            let shown = found.settings.get(setting);
            if shown == Some(was) || is_reported(*setting) {
                continue;
            }
            let mut lines = plan.restore.lines_of(*member);
            let line = lines.find(|line| line.setting == *setting);
            match explained(plan, *member, *setting, line) {
                Some((kind, why)) => differs.push(DrillDifference {
                    member: key.clone(),
                    setting: setting.field().to_owned(),
                    was: was.to_string(),
                    is: shown.map(ToString::to_string),
                    kind: kind.to_owned(),
                    why,
                }),
                // What was sent as it was, and RDS shows in other words.
                None if line.is_some_and(|line| line.value.as_ref() == Some(was)) => {}
                None => {
                    let shown = shown.map_or_else(|| "nothing".to_owned(), ToString::to_string);
                    let fault = format!("it is {shown} and was {was}");
                    checks.push(Check::new(setting.field(), Some(fault)));
                }
            }
        }
    }
    if checks.len() == beside_settings {
        checks.push(Check::new("settings as in the catalog", None));
    }
    Judgement { checks, differs }
}

/// The network, apart from the comparison of settings: it is what keeps a drill from doing harm.
fn network(plan: &DrillPlan, seen: &Seen) -> Option<String> {
    let database = seen.database.as_ref()?;
    let groups = Value::texts(plan.options.security_groups.iter().cloned());
    let is = |setting: Setting, wanted: &Value| database.settings.get(&setting) == Some(wanted);
    if !is(
        Setting::DbSubnetGroupName,
        &Value::text(&plan.options.subnet_group),
    ) {
        return Some(format!("it is not in {}", plan.options.subnet_group));
    }
    if !is(Setting::VpcSecurityGroupIds, &groups) {
        return Some(format!("it has other security groups than {groups}"));
    }
    let mut all = std::iter::once(database).chain(seen.members.values());
    let public = Some(&Value::Flag(true));
    all.find(|one| one.settings.get(&Setting::PubliclyAccessible) == public)
        .map(|one| format!("{} is publicly accessible", one.name))
}

fn explained(
    plan: &DrillPlan,
    member: Option<&str>,
    setting: Setting,
    line: Option<&Line>,
) -> Option<(&'static str, String)> {
    let part = match member {
        Some(_) => Part::Member,
        None => Part::from(plan.database.arn.family()),
    };
    let how = setting.of(part)?.how;
    let line = line?;
    match &line.origin {
        Origin::Rule(why) => Some(("on-purpose", (*why).to_owned())),
        Origin::Mapping(_) => Some(("mapping", "the policy names what stands for it".to_owned())),
        Origin::Snapshot => Some(("not-settable", "the recovery point has it".to_owned())),
        Origin::RdsDefault(default) if line.value.is_none() => {
            let what = match how {
                How::Shown => ("not-settable", "RDS gives it".to_owned()),
                _ => ("left-open", format!("nothing stands for it: {default}")),
            };
            Some(what)
        }
        Origin::RdsDefault(_) | Origin::Catalog => None,
    }
}
