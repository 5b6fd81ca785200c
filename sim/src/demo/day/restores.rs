//! The restores: the whole fleet, and what it is like afterwards.

use anyhow::Context as _;
use serde_json::Value;

use super::super::fleet::{Database, RECOVERY, region};
use super::super::policies::{GOLD, RESTORE_GROUP, SECURITY_GROUPS};
use super::{Day, Scene};
use crate::rds::{CreateDbSnapshot, Family, InstanceStatus, Rds, Tags};
use crate::restored::Counterparts;
use crate::restores_to_domain::{cluster_settings, instance_settings};

/// The instance whose name an instance of the other region has, which comes first.
const SECOND: usize = 0;
/// The name that it gets in the recovery region.
const SECOND_NAME: &str = "orders-of-the-west";

/// The name of a database in the recovery region.
fn name_of(databases: &[Database], one: &Database) -> String {
    let second = &databases[SECOND];
    let is_second = one.resource_id == second.resource_id;
    if is_second {
        SECOND_NAME.to_owned()
    } else {
        one.name.clone()
    }
}

/// The databases of what the restores say, with what they say differs.
fn said_of_each(said: &[Value]) -> Vec<(&str, &str, usize)> {
    let all = said.iter().filter_map(|said| said["restored"].as_array());
    all.flatten()
        .filter_map(|row| {
            let differs = row["differs"].as_array().map_or(0, Vec::len);
            Some((row["database"].as_str()?, row["stage"].as_str()?, differs))
        })
        .collect()
}

impl Scene<'_> {
    /// All of them, and then the one whose name another has.
    pub(super) async fn restore(&self) -> anyhow::Result<Vec<Value>> {
        let restores = &self.callers.restores;
        let all = ["restore", "--all", "--yes", "--look-every", "1"];
        let all = restores.answer(&all).await?;
        let second = &self.databases[SECOND].resource_id;
        let second = [
            "restore",
            "--database",
            second,
            "--as",
            SECOND_NAME,
            "--yes",
            "--look-every",
            "1",
        ];
        let second = restores.answer(&second).await?;
        Ok(vec![all, second])
    }

    /// Counts what was restored by the model's own rows, and compares that with what the commands say.
    pub(super) fn judge_restores(&self, said: &[Value], day: &mut Day) {
        let model = self.rds.model().clone();
        let rows = said_of_each(said);
        for one in self.databases {
            let name = name_of(self.databases, one);
            let mut differs = match differences(&model, one, &name) {
                Ok(differs) => {
                    day.restored.databases += 1;
                    differs
                }
                Err(why) => {
                    day.broken.push(format!("{}: {why}", one.label()));
                    continue;
                }
            };
            day.restored.settings_differ += differs.len() as u64;
            let arn = one.arn();
            let done = rows
                .iter()
                .find(|(database, stage, _)| *database == arn && *stage == "done");
            match done {
                None => day.broken.push(format!(
                    "{} is restored, and snapferry restore does not say so",
                    one.label()
                )),
                Some((_, _, said)) if *said != differs.len() => day.broken.push(format!(
                    "{}: snapferry restore says that {said} settings differ, and the model has {}",
                    one.label(),
                    differs.len()
                )),
                Some(_) => {}
            }
            differs.truncate(3);
            let each = differs
                .iter()
                .map(|what| format!("{} as {name}: {what}", one.label()));
            day.broken.extend(each);
        }
        self.out.line(format_args!(
            "  {} of {} databases restored, {} settings differ",
            day.restored.databases,
            self.databases.len(),
            day.restored.settings_differ
        ));
    }

    /// A person takes a snapshot of a restored instance that hands its tags on. Its name is the answer.
    pub(super) fn take_by_hand(&self) -> anyhow::Result<String> {
        let name = "after-the-disaster";
        let mut model = self.rds.model();
        let request = CreateDbSnapshot {
            snapshot: name.to_owned(),
            instance: SECOND_NAME.to_owned(),
            tags: Vec::new(),
        };
        // It waits for the first backup.
        let now = self.rds.now() + jiff::SignedDuration::from_hours(3);
        model.advance(now);
        model
            .create_db_snapshot(&region(RECOVERY), &request, now)
            .with_context(|| {
                let one = model.instance(&region(RECOVERY), SECOND_NAME);
                format!(
                    "the simulated RDS took no snapshot of what was restored: {SECOND_NAME} is {}",
                    one.map_or("not there", |one| one.status.as_str())
                )
            })?;
        // It need not wait for it.
        model.advance(now + jiff::SignedDuration::from_hours(1));
        Ok(name.to_owned())
    }
}

/// How a restored database differs from its source.
///
/// # Errors
/// If it is not there, or does not run.
fn differences(rds: &Rds, of: &Database, name: &str) -> Result<Vec<String>, String> {
    let (home, source) = (region(RECOVERY), region(of.region));
    let counterparts = Counterparts {
        subnet_group: RESTORE_GROUP,
        security_group: SECURITY_GROUPS[0],
        groups: &[
            ("tuned", "tuned-here"),
            ("tuned-cluster", "tuned-cluster-here"),
            GOLD.option_groups[0],
        ],
        key: of.policy.key,
        insights_key: of.policy.key,
    };
    // RDS takes the first backup of a database that runs.
    let runs = |status: InstanceStatus| match status {
        InstanceStatus::Available | InstanceStatus::BackingUp => Ok(()),
        other => Err(format!("{name} is {}", other.as_str())),
    };
    let missing = || format!("there is no {name} in {RECOVERY}");
    match of.family {
        Family::Instance => {
            let row = rds.instance(&home, name).ok_or_else(missing)?;
            let was = rds.instance(&source, &of.name).ok_or_else(missing)?;
            runs(row.status)?;
            let mut all =
                counterparts.differences(&instance_settings(was), &instance_settings(row));
            all.extend(tags(&was.spec.tags, &row.spec.tags));
            Ok(all)
        }
        Family::Cluster => {
            let row = rds.cluster(&home, name).ok_or_else(missing)?;
            let was = rds.cluster(&source, &of.name).ok_or_else(missing)?;
            runs(row.status)?;
            let mut all = counterparts.differences(&cluster_settings(was), &cluster_settings(row));
            all.extend(tags(&was.spec.tags, &row.spec.tags));
            if row.spec.members != was.spec.members {
                all.push(format!("its members are {:?}", row.spec.members));
            }
            for member in &was.spec.members {
                let row = rds.instance(&home, member).ok_or_else(missing)?;
                let was = rds.instance(&source, member).ok_or_else(missing)?;
                runs(row.status)?;
                all.extend(
                    counterparts.differences(&instance_settings(was), &instance_settings(row)),
                );
            }
            Ok(all)
        }
    }
}

/// The source's own tags must be there, with the mark of the restore and nothing else.
fn tags(was: &Tags, is: &Tags) -> Option<String> {
    let own = |tags: &Tags| -> Vec<(String, String)> {
        let own = tags
            .iter()
            .filter(|(key, _)| !key.starts_with("snapferry:") && !key.starts_with("aws:"));
        own.map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect()
    };
    let marks: Vec<&str> = is
        .iter()
        .map(|(key, _)| key)
        .filter(|key| key.starts_with("snapferry:"))
        .collect();
    let is_right = own(was) == own(is) && marks == ["snapferry:restored"];
    (!is_right).then(|| format!("its tags are {:?}", is.iter().collect::<Vec<_>>()))
}
