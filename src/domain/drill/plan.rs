//! The plan of a drill: the restore plan of its recovery point, changed where a drill differs on purpose.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::Timestamp;

use super::cost::cents_at_most;
use super::name::{DrillId, drill_name, drill_tags, member_name};
use super::options::DrillOptions;
use super::purpose::{OnPurpose, on_purpose};
use crate::domain::id::database_ref::DatabaseRef;
use crate::domain::id::tags::{PolicyName, Tags};
use crate::domain::restore::configuration::Configuration;
use crate::domain::restore::decide::Origin;
use crate::domain::restore::gap::{Gap, GapKind};
use crate::domain::restore::mapping::EVERY_OTHER;
use crate::domain::restore::plan::{
    Line, RestoreOptions, RestorePlan, Sent, StepKind, ToRestore, plan,
};
use crate::domain::restore::setting::Setting;
use crate::domain::restore::taken::{How, Part};
use crate::domain::restore::value::{Settings, Value};

/// What is to be drilled.
#[derive(Debug, Clone, Copy)]
pub struct ToDrill<'a> {
    /// What is to be restored.
    pub restore: ToRestore<'a>,
    /// The policy that protects it.
    pub policy: &'a PolicyName,
    /// What the policy says of drills.
    pub options: &'a DrillOptions,
    /// The drill.
    pub id: &'a DrillId,
    /// When everything of it must be gone.
    pub deadline: Timestamp,
}

/// Why a database cannot be drilled as planned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DrillStop {
    /// Something cannot be brought back as it was.
    Gap(Gap),
    /// No parameter group of drills stands for this one, so the engine would run its jobs.
    Jobs(String),
    /// The catalog knows no member of the cluster.
    NoMember,
}

impl fmt::Display for DrillStop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gap(gap) => write!(f, "gap {}: {}", gap.kind, gap.what),
            Self::Jobs(group) => write!(
                f,
                "its jobs would run: name a parameter group that starts none for {group} in \
                 [policy.NAME.drill.parameter_groups], or write allow_jobs = true"
            ),
            Self::NoMember => f.write_str("the catalog knows no member of the cluster"),
        }
    }
}

/// The plan of one drill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DrillPlan {
    /// The drill.
    pub id: DrillId,
    /// The database.
    pub database: DatabaseRef,
    /// The policy.
    pub policy: PolicyName,
    /// What the policy says of drills.
    pub options: DrillOptions,
    /// When everything of it must be gone.
    pub deadline: Timestamp,
    /// The calls and the settings.
    pub restore: RestorePlan,
    /// The database's settings, as the catalog has them, by part.
    pub catalog: BTreeMap<Option<String>, Settings>,
    /// What stops it.
    pub stops: Vec<DrillStop>,
    /// What it costs at most, in cents. Nothing if nobody can tell.
    pub cents: Option<u64>,
}

/// Plans a drill.
#[must_use]
pub fn plan_drill(of: ToDrill<'_>) -> DrillPlan {
    let database = of.restore.point.origin.database.clone();
    let options = RestoreOptions {
        name: Some(drill_name(of.restore.stack, &database, of.id)),
        is_fast: true,
        ..RestoreOptions::default()
    };
    let mut restore = plan(of.restore, &options);
    let none = Settings::new();
    let configuration = of
        .restore
        .configuration
        .map(|(_, configuration)| configuration);
    let members = rename_members(&mut restore, configuration);
    let mut changes = Changes {
        of,
        plan: &mut restore,
    };
    let settings = configuration.map_or(&none, |all| &all.settings);
    let part = Part::from(database.arn.family());
    changes.change(part, None, settings);
    let mut catalog = BTreeMap::from([(None, settings.clone())]);
    let mut parts = vec![(part, settings)];
    for (name, settings) in members {
        parts.push((Part::Member, settings));
        changes.change(Part::Member, Some(&name), settings);
        catalog.insert(Some(name), settings.clone());
    }
    changes.drop_steps();
    tag(&mut restore, of);
    restore.runs_after = restore.steps.len();
    let stops = stops(&restore, of, &parts);
    let hours = of.options.deadline.duration().as_secs_f64() / 3_600.0;
    let cents = cents_at_most(&restore, hours);
    DrillPlan {
        id: of.id.clone(),
        database,
        policy: of.policy.clone(),
        options: of.options.clone(),
        deadline: of.deadline,
        restore,
        catalog,
        stops,
        cents,
    }
}

fn stops(plan: &RestorePlan, of: ToDrill<'_>, parts: &[(Part, &Settings)]) -> Vec<DrillStop> {
    let gaps = plan.gaps.iter().filter(|gap| gap.stops());
    let mut stops: Vec<DrillStop> = gaps.cloned().map(DrillStop::Gap).collect();
    let is_cluster = parts.iter().any(|(part, _)| *part == Part::Cluster);
    if is_cluster && plan.members.is_empty() && stops.is_empty() {
        stops.push(DrillStop::NoMember);
    }
    let group = |(part, settings): &(Part, &Settings)| {
        let setting = match part {
            Part::Cluster => Setting::DbClusterParameterGroupName,
            Part::Instance | Part::Member => Setting::DbParameterGroupName,
        };
        let group = settings.get(&setting).and_then(Value::as_text);
        group.unwrap_or(EVERY_OTHER).to_owned()
    };
    if !of.options.allow_jobs {
        let groups: BTreeSet<String> = parts.iter().map(group).collect();
        let runs_jobs = |group: &String| of.options.parameter_group(group).is_none();
        stops.extend(groups.into_iter().filter(runs_jobs).map(DrillStop::Jobs));
    }
    stops
}

/// Gives the members names of the drill. Returns their settings, by those names.
fn rename_members<'c>(
    plan: &mut RestorePlan,
    configuration: Option<&'c Configuration>,
) -> Vec<(String, &'c Settings)> {
    let names: BTreeMap<String, String> = plan
        .members
        .iter()
        .enumerate()
        .map(|(at, (name, _))| (name.clone(), member_name(&plan.name, at + 1)))
        .collect();
    let rename = |name: &mut String| {
        if let Some(renamed) = names.get(name) {
            name.clone_from(renamed);
        }
    };
    for (name, _) in &mut plan.members {
        rename(name);
    }
    for step in &mut plan.steps {
        if let StepKind::Member(name) = &mut step.kind {
            rename(name);
            if let Some(sent) = step.parameters.get_mut("DBInstanceIdentifier") {
                sent.value = Value::text(name);
            }
        }
    }
    for line in &mut plan.lines {
        if let Some(name) = &mut line.member {
            rename(name);
        }
        if let Some(StepKind::Member(name)) = &mut line.sent_by {
            rename(name);
        }
    }
    for gap in &mut plan.gaps {
        if let Some(name) = &mut gap.member {
            rename(name);
        }
    }
    let known = configuration.map(Configuration::members_in_order);
    let known = known.unwrap_or_default().into_iter();
    let known = known.filter(|(_, member)| member.is_known());
    let made = plan.members.iter().zip(known);
    made.map(|((name, _), (_, member))| (name.clone(), &member.settings))
        .collect()
}

struct Changes<'a, 'p> {
    of: ToDrill<'a>,
    plan: &'p mut RestorePlan,
}

impl Changes<'_, '_> {
    /// Changes the settings of a part that differ on purpose.
    fn change(&mut self, part: Part, member: Option<&str>, settings: &Settings) {
        for setting in Setting::ALL.iter().copied() {
            let instead = on_purpose(setting, part, settings, self.of.options);
            if let Some(instead) = instead {
                self.instead(part, member, setting, instead);
            }
        }
    }

    fn instead(&mut self, part: Part, member: Option<&str>, setting: Setting, by: OnPurpose) {
        let Some(taken) = setting.of(part) else {
            return;
        };
        let makes = match member {
            None => StepKind::Restore,
            Some(name) => StepKind::Member(name.to_owned()),
        };
        let parameter = match taken.how {
            How::Make(parameter) | How::Backups(parameter) | How::Modify(parameter) => parameter,
            How::Own(_) | How::Fixed | How::Shown => "",
        };
        let origin = Origin::Rule(by.why);
        for step in &mut self.plan.steps {
            let is_of = step.kind == makes || member.is_none() && step.kind == StepKind::Settings;
            if is_of {
                step.parameters.remove(parameter);
            }
            if step.kind == makes
                && let Some(value) = &by.value
            {
                let sent = Sent {
                    value: value.clone(),
                    origin: origin.clone(),
                };
                step.parameters.insert(parameter.to_owned(), sent);
            }
        }
        self.close_gap(setting, member);
        let line = Line {
            member: member.map(ToOwned::to_owned),
            setting,
            sent_by: by.value.is_some().then_some(makes),
            value: by.value,
            origin,
        };
        let mut lines = self.plan.lines.iter_mut();
        let is_it = |one: &&mut Line| one.setting == setting && one.member.as_deref() == member;
        match lines.find(is_it) {
            Some(known) => *known = line,
            // What nobody set and the drill does not send is no difference.
            None if line.value.is_some() => self.plan.lines.push(line),
            None => {}
        }
    }

    /// What the drill has instead leaves no gap.
    fn close_gap(&mut self, setting: Setting, member: Option<&str>) {
        let kind = match setting {
            Setting::DbSubnetGroupName => GapKind::SubnetGroup,
            Setting::VpcSecurityGroupIds => GapKind::SecurityGroups,
            Setting::DbParameterGroupName | Setting::DbClusterParameterGroupName => {
                GapKind::ParameterGroup
            }
            Setting::DomainMemberships => GapKind::Domain,
            _ => return,
        };
        let stays = |gap: &Gap| gap.kind != kind || gap.member.as_deref() != member;
        self.plan.gaps.retain(stays);
    }

    /// A drill attaches no role, opens no Data API and turns no backups on. A change without a setting is none.
    fn drop_steps(&mut self) {
        self.plan.steps.retain(|step| match step.kind {
            StepKind::Role | StepKind::DataApi | StepKind::Backups => false,
            StepKind::Settings => step.parameters.len() > 2,
            StepKind::Restore | StepKind::Member(_) | StepKind::Reboot => true,
        });
    }
}

fn tag(plan: &mut RestorePlan, of: ToDrill<'_>) {
    let database = &of.restore.point.origin.database.resource_id;
    let tagged = |own: &Tags| drill_tags(of.restore.stack, database, of.id, of.deadline, own);
    plan.tags = tagged(&plan.tags);
    for (_, tags) in &mut plan.members {
        *tags = tagged(tags);
    }
    for step in &mut plan.steps {
        let tags = match &step.kind {
            StepKind::Restore => Some(&plan.tags),
            StepKind::Member(name) => {
                let mut members = plan.members.iter();
                members
                    .find(|(known, _)| known == name)
                    .map(|(_, tags)| tags)
            }
            _ => None,
        };
        let (Some(tags), Some(sent)) = (tags, step.parameters.get_mut("Tags")) else {
            continue;
        };
        let tag = |(key, value): (&String, &String)| {
            BTreeMap::from([
                ("Key".to_owned(), key.clone()),
                ("Value".to_owned(), value.clone()),
            ])
        };
        sent.value = Value::records(tags.iter().map(tag));
    }
}
