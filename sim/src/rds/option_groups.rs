//! Option groups, as far as copies of snapshots and DescribeOptionGroups go.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::engine::{DEFAULT_GROUP, major_version};
use super::names::Region;
use super::pages::{Listed, Pager};
use super::region::RegionState;
use super::request::{DescribeOptionGroups, Page};
use super::{Rds, RdsFault};

/// An option group of one region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OptionGroup {
    /// OptionGroupName.
    pub name: String,
    /// EngineName.
    pub engine: String,
    /// MajorEngineVersion.
    pub major_version: String,
    /// Its options.
    pub options: Vec<DbOption>,
}

/// An option of an option group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DbOption {
    /// OptionName.
    pub name: String,
    /// Whether a database that has it cannot do without it: RDS calls such an option `Persistent` or `Permanent`.
    pub is_persistent: bool,
}

impl OptionGroup {
    /// A group of SQL Server with transparent data encryption, which a copy cannot do without.
    pub fn with_tde(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            engine: "sqlserver-ee".to_owned(),
            major_version: "16.00".to_owned(),
            options: vec![DbOption {
                name: "TRANSPARENT_DATA_ENCRYPTION".to_owned(),
                is_persistent: true,
            }],
        }
    }

    /// The options that a copy of a snapshot cannot do without.
    pub(super) fn persistent(&self) -> Vec<String> {
        let persistent = self.options.iter().filter(|option| option.is_persistent);
        persistent.map(|option| option.name.clone()).collect()
    }

    fn has(&self, option: &str) -> bool {
        self.options.iter().any(|one| one.name == option)
    }
}

impl Rds {
    /// Makes an option group known in a region.
    pub fn add_option_group(&mut self, region: &Region, mut group: OptionGroup) {
        group.name.make_ascii_lowercase();
        let groups = &mut self.region_mut(region).option_groups;
        groups.insert(group.name.clone(), group);
    }

    /// DescribeOptionGroups: those that people made, and the default ones that a database has.
    ///
    /// # Errors
    /// `OptionGroupNotFoundFault`; `InvalidParameterCombination` for a name beside an engine, or a version without one.
    pub fn describe_option_groups(
        &mut self,
        region: &Region,
        request: &DescribeOptionGroups,
        now: Timestamp,
    ) -> Result<Page<OptionGroup>, RdsFault> {
        self.run_until(now);
        let (engine, major) = (request.engine.as_ref(), request.major_version.as_ref());
        if major.is_some() && engine.is_none() || request.name.is_some() && engine.is_some() {
            return Err(RdsFault::InvalidParameterCombination(
                "OptionGroupName cannot be given with EngineName, nor MajorEngineVersion without it."
                    .to_owned(),
            ));
        }
        let pager = Pager::new(&request.paging)?;
        let all = self.region_mut(region).all_option_groups();
        let name = request.name.as_deref().map(str::to_ascii_lowercase);
        if let Some(name) = &name
            && !all.contains_key(name)
        {
            return Err(RdsFault::OptionGroupNotFound(name.clone()));
        }
        let fits = |group: &&OptionGroup| {
            name.as_ref().is_none_or(|name| *name == group.name)
                && engine.is_none_or(|engine| *engine == group.engine)
                && major.is_none_or(|major| *major == group.major_version)
        };
        Ok(pager.page(all.values(), fits, now))
    }
}

impl RegionState {
    fn all_option_groups(&self) -> BTreeMap<String, OptionGroup> {
        let mut all = self.option_groups.clone();
        for spec in self.instances.values().map(|instance| &instance.spec) {
            if spec.option_group.starts_with(DEFAULT_GROUP) {
                all.entry(spec.option_group.clone())
                    .or_insert_with(|| OptionGroup {
                        name: spec.option_group.clone(),
                        engine: spec.engine.clone(),
                        major_version: major_version(&spec.engine, &spec.engine_version),
                        options: Vec::new(),
                    });
            }
        }
        all
    }

    /// The options of a database's group that a copy of its snapshots cannot do without.
    pub(super) fn persistent_options(&self, group: &str) -> Vec<String> {
        let group = self.option_groups.get(group);
        group.map(OptionGroup::persistent).unwrap_or_default()
    }

    /// Whether the option group that a copy names exists and has the options that it cannot do without.
    pub(super) fn option_group_fits(
        &self,
        named: Option<&str>,
        needed: &[String],
    ) -> Result<(), RdsFault> {
        let named = named.map(str::to_ascii_lowercase);
        let own = named
            .as_ref()
            .filter(|name| !name.starts_with(DEFAULT_GROUP));
        let group = match own {
            None => None,
            Some(name) => match self.option_groups.get(name) {
                Some(group) => Some(group),
                None => return Err(RdsFault::OptionGroupNotFound(name.clone())),
            },
        };
        let is_there = |option: &&String| group.is_some_and(|group| group.has(option));
        if needed.iter().all(|option| is_there(&option)) {
            return Ok(());
        }
        // Code and wording as users report them, for instance in
        // github.com/cloud-custodian/cloud-custodian/issues/4955.
        Err(RdsFault::InvalidParameterValue(format!(
            "The snapshot requires a target option group with the following options: [{}]",
            needed.join(", ")
        )))
    }
}

impl Listed for OptionGroup {
    type Shown = Self;

    fn name(&self) -> &str {
        &self.name
    }

    fn show(&self, _now: Timestamp) -> Option<Self> {
        Some(self.clone())
    }
}
