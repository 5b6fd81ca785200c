//! Which databases have transparent data encryption (TDE), as far as their protection depends on it.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use crate::domain::id::arn::Region;
use crate::domain::id::names::OptionGroup;
use crate::domain::policy::choice::depends_on_tde;
use crate::domain::policy::in_force::Policies;
use crate::domain::rds::database::Database;
use crate::error::chain;
use crate::ports::{ListOptionGroups, PAGES_MAX, PortError, all_rows};

/// The option groups with TDE of the regions that were asked about them.
#[derive(Debug, Default)]
pub(super) struct TdeGroups {
    /// Empty for a region that gave no answer.
    regions: RefCell<BTreeMap<Region, BTreeSet<String>>>,
}

impl TdeGroups {
    /// Notes which of a region's databases have TDE. It lists the region's option groups at most once, and only if a
    /// database's protection depends on them.
    ///
    /// If RDS does not answer, nothing is noted: the databases are tried, and RDS decides about their copies.
    ///
    /// # Errors
    /// With the error of the list, where it was asked for.
    pub(super) async fn note<W: ListOptionGroups>(
        &self,
        world: &W,
        region: &Region,
        policies: &Policies,
        databases: impl IntoIterator<Item = &mut Database>,
    ) -> Result<(), String> {
        let depending = databases
            .into_iter()
            .filter(|database| depends_on_tde(database, policies));
        let depending: Vec<&mut Database> = depending.collect();
        if depending.is_empty() {
            return Ok(());
        }
        let mut answer = Ok(());
        if !self.regions.borrow().contains_key(region) {
            let listed = list(world, region).await;
            let groups = listed.unwrap_or_else(|error| {
                answer = Err(not_known(&error));
                BTreeSet::new()
            });
            self.regions.borrow_mut().insert(region.clone(), groups);
        }
        let regions = self.regions.borrow();
        let groups = regions.get(region);
        let has_tde = |group: &OptionGroup| groups.is_some_and(|all| all.contains(group.as_str()));
        for database in depending {
            database.copy_facts.tde = database.option_group.as_ref().is_some_and(has_tde);
        }
        answer
    }
}

/// The names of a region's option groups with TDE.
async fn list<W: ListOptionGroups>(
    world: &W,
    region: &Region,
) -> Result<BTreeSet<String>, PortError> {
    let endless = |endless| PortError::endless("rds:DescribeOptionGroups", endless);
    let ask = |marker| world.list_option_groups(region, marker);
    let groups = all_rows(PAGES_MAX, endless, ask).await?;
    let with_tde = groups.into_iter().filter(|group| group.has_tde);
    Ok(with_tde
        .map(|group| group.name.to_ascii_lowercase())
        .collect())
}

fn not_known(error: &PortError) -> String {
    format!(
        "whether databases of Oracle and SQL Server have TDE is not known, so they are tried: {}",
        chain(error)
    )
}
