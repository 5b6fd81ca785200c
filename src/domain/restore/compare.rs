//! Compares a restored database with its plan.

use super::plan::{Line, RestorePlan, StepKind};
use super::restored::{RestoredDatabase, Seen};
use super::setting::Setting;
use super::value::Value;
use crate::domain::id::tags::Tags;

/// Something that the restored database has otherwise than planned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The member that it concerns, if it is one.
    pub member: Option<String>,
    /// RDS's field, or a tag.
    pub what: String,
    /// What was planned.
    pub wanted: String,
    /// What RDS shows.
    pub found: Option<String>,
}

/// The lines whose values a step sends. Members have steps of their own.
pub(super) fn lines_of_step<'a>(
    plan: &'a RestorePlan,
    step: &'a StepKind,
) -> impl Iterator<Item = &'a Line> {
    plan.lines_of(None)
        .filter(move |line| line.sent_by.as_ref() == Some(step))
}

/// Whether RDS shows what a line wants.
pub(in crate::domain) fn is_as_wanted(line: &Line, shown: Option<&Value>) -> bool {
    let Some(wanted) = &line.value else {
        return true;
    };
    match (line.setting, wanted, shown) {
        (_, wanted, Some(shown)) if wanted == shown => true,
        // What is sent is a wish, and what is shown is the secret's ARN.
        (Setting::MasterUserSecretArn, _, shown) => shown.is_some(),
        // RDS shows the ARN of a key that was named by its alias.
        (
            Setting::MasterUserSecretKmsKeyId | Setting::PerformanceInsightsKmsKeyId,
            Value::Text(key),
            Some(_),
        ) => key.contains("alias/"),
        // RDS names no type for Aurora's standard storage.
        (Setting::StorageType, Value::Text(kind), None) => kind == "aurora",
        (_, Value::Flag(false) | Value::Number(0), None) => true,
        _ => false,
    }
}

/// Whether a line says nothing of the restored database: it has a value only beside another setting that is off.
fn is_idle(line: &Line) -> bool {
    let depends = matches!(
        line.setting,
        Setting::MonitoringRoleArn
            | Setting::PerformanceInsightsKmsKeyId
            | Setting::PerformanceInsightsRetentionPeriod
    );
    depends && line.sent_by.is_none()
}

/// Whether the database had backups, and what was restored has none yet.
#[must_use]
pub fn lacks_backups(plan: &RestorePlan, seen: &Seen) -> bool {
    let mut steps = plan.steps.iter();
    let had_backups = steps.any(|step| step.kind == StepKind::Backups);
    let database = seen.database.as_ref();
    had_backups && !database.is_some_and(RestoredDatabase::has_backups)
}

/// What the restored database and its members have otherwise than planned.
#[must_use]
pub fn differences(plan: &RestorePlan, seen: &Seen) -> Vec<Difference> {
    let mut all = Vec::new();
    if let Some(database) = &seen.database {
        all.extend(differences_of(plan, None, &plan.tags, database));
    }
    for (name, tags) in &plan.members {
        if let Some(member) = seen.members.get(name) {
            all.extend(differences_of(plan, Some(name), tags, member));
        }
    }
    all
}

fn differences_of<'a>(
    plan: &'a RestorePlan,
    member: Option<&'a str>,
    tags: &'a Tags,
    found: &'a RestoredDatabase,
) -> impl Iterator<Item = Difference> + 'a {
    let named = move |what: String, wanted: String, found: Option<String>| Difference {
        member: member.map(ToOwned::to_owned),
        what,
        wanted,
        found,
    };
    let lines = plan.lines_of(member).filter_map(move |line| {
        let wanted = line.value.as_ref()?;
        let shown = found.settings.get(&line.setting);
        let differs = !is_idle(line) && !is_as_wanted(line, shown);
        let shown = shown.map(ToString::to_string);
        differs.then(|| named(line.setting.field().to_owned(), wanted.to_string(), shown))
    });
    let missing = tags.iter().filter_map(move |(key, wanted)| {
        let shown = found.tags.get(key);
        let differs = shown != Some(wanted);
        differs.then(|| named(format!("tag {key}"), wanted.clone(), shown.cloned()))
    });
    lines.chain(missing)
}
