//! What was restored, as RDS shows it now, to be taken over by a template.

use crate::app::restore::RestorePlans;
use crate::cli::emit::{Described, Resource, TemplateForm};
use crate::cli::outcome::CliError;
use crate::domain::id::arn::{Family, Region};
use crate::domain::rds::database::Database;
use crate::domain::restore::taken::{How, Part};
use crate::domain::run::failure::Operation;
use crate::ports::{ListDatabases, PAGES_MAX, RdsError, all_rows};

/// The databases that the plans name, where they are restored already.
pub(super) async fn described<W: ListDatabases>(
    world: &W,
    home: &Region,
    plans: &RestorePlans,
) -> Result<Vec<Described>, CliError> {
    let mut here = Vec::new();
    for family in Family::ALL {
        here.extend(list(world, home, family).await.map_err(CliError::Rds)?);
    }
    let mut all = Vec::new();
    for one in &plans.plans {
        let plan = &one.plan;
        let is_it = |database: &&Database| {
            database.arn.name() == plan.name
                && database.arn.family() == plan.database.family()
                && database.member_of.is_none()
        };
        let restored = here.iter().find(is_it).ok_or_else(|| CliError::Argument {
            name: "--take-over",
            what: format!(
                "{home} has no {} of the name {}: restore it first, or name it with --as",
                match plan.database.family() {
                    Family::Instance => "instance",
                    Family::Cluster => "cluster",
                },
                plan.name
            ),
        })?;
        let mut resources = vec![resource(Part::from(plan.database.family()), restored, None)];
        let mut members: Vec<&Database> = here
            .iter()
            .filter(|database| database.member_of.as_deref() == Some(plan.name.as_str()))
            .filter(|_| plan.database.family() == Family::Cluster)
            .collect();
        members.sort_by_key(|member| member.arn.name().to_owned());
        let members = members.into_iter();
        resources
            .extend(members.map(|member| resource(Part::Member, member, Some(plan.name.clone()))));
        let taken_at = plan.taken_at;
        let of = taken_at.map_or_else(|| "an unknown time".to_owned(), |at| at.to_string());
        all.push(Described {
            form: TemplateForm::TakeOver,
            header: vec![
                format!("Takes over {} as RDS shows it now.", restored.arn),
                format!(
                    "The newest recovery point of {} has data of {of}.",
                    plan.database
                ),
                "An import applies every difference between this file and the database.".to_owned(),
            ],
            resources,
        });
    }
    Ok(all)
}

fn resource(part: Part, database: &Database, cluster: Option<String>) -> Resource {
    let settings = database.captured.settings.iter().filter(|(setting, _)| {
        let taken = setting.of(part);
        taken.is_some_and(|taken| taken.how != How::Shown)
    });
    Resource {
        part,
        identifier: database.arn.name().to_owned(),
        snapshot: None,
        cluster,
        settings: settings
            .map(|(setting, value)| (*setting, value.clone()))
            .collect(),
        tags: database.tags.clone(),
    }
}

async fn list<W: ListDatabases>(
    world: &W,
    home: &Region,
    family: Family,
) -> Result<Vec<Database>, RdsError> {
    let operation = Operation::describe_databases(family);
    let endless = |endless| RdsError::endless(operation, home, endless);
    all_rows(PAGES_MAX, endless, |marker| {
        world.list_databases(home, family, marker)
    })
    .await
}
