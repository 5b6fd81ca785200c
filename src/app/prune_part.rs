//! Leaves only a part of a plan: what a person has named.

use std::collections::BTreeMap;

use thiserror::Error;

use super::prune_preview::{GroupPreview, PlanPart, PrunePreview};
use crate::domain::id::arn::RdsArn;
use crate::domain::retention::bounds::DatabaseId;

/// A name that several databases have, where all recovery points of the one that it names would go. Databases that were
/// made one after the other can share even their ARN.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "{name} names {} databases that are gone: {}; to remove even the last recovery points, name each by its resource id",
    .databases.len(),
    listed(.databases)
)]
pub struct Ambiguous {
    /// The name.
    pub name: String,
    /// The databases.
    pub databases: BTreeMap<DatabaseId, RdsArn>,
}

fn listed(databases: &BTreeMap<DatabaseId, RdsArn>) -> String {
    let each = databases
        .iter()
        .map(|((_, resource_id), arn)| format!("{resource_id} ({arn})"));
    each.collect::<Vec<_>>().join(", ")
}

impl PrunePreview {
    /// Leaves only a part.
    ///
    /// # Errors
    /// If even the last ones may go of what a name names, and it names several databases.
    pub fn restrict(&mut self, part: PlanPart<'_>) -> Result<(), Ambiguous> {
        if !part.databases.is_empty() {
            let is_named = |group: &GroupPreview| {
                let mut names = group.names().into_iter();
                names.any(|name| part.databases.contains(&name))
            };
            self.groups.retain(is_named);
            self.sources.groups.retain(is_named);
        }
        if part.gone {
            self.groups.retain(|group| group.gone_since.is_some());
            self.sources.groups.clear();
        }
        if part.includes_last() {
            let databases = part.databases.iter();
            databases
                .map(String::as_str)
                .try_for_each(|name| self.names_one(name))?;
            for (_, decision) in self.groups.iter_mut().flat_map(|group| &mut group.points) {
                *decision = decision.clone().without_rules();
            }
        }
        Ok(())
    }

    fn names_one(&self, name: &str) -> Result<(), Ambiguous> {
        let is_named = |group: &&GroupPreview| group.names().iter().any(|one| one == name);
        let named = self.groups.iter().filter(is_named);
        let databases: BTreeMap<DatabaseId, RdsArn> = named
            .map(|group| (group.database_id(), group.database.clone()))
            .collect();
        if databases.len() > 1 {
            return Err(Ambiguous {
                name: name.to_owned(),
                databases,
            });
        }
        Ok(())
    }
}
