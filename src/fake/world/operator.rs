//! The ports that only the operator's commands use.

use std::collections::BTreeMap;

use super::super::operator::Operator;
use super::super::rds::RdsModel;
use super::super::refusal::Refusal;
use super::super::step_functions::page;
use super::{Holds, Ports};
use crate::domain::doctor::alarms::Subscribers;
use crate::domain::doctor::databases::Candidate;
use crate::domain::doctor::key_policy::Statement;
use crate::domain::doctor::keys::KeyFacts;
use crate::domain::doctor::namesakes::Outputs;
use crate::domain::doctor::parts::PartFunction;
use crate::domain::doctor::permissions::{Decision, Requirement, RoleArn};
use crate::domain::doctor::region::Rule;
use crate::domain::id::arn::{Family, KeyArn, Region};
use crate::domain::id::tags::StackId;
use crate::domain::operator::own_event::OwnEvent;
use crate::domain::policy::spec::KeyName;
use crate::domain::rds::option_group::OptionGroup;
use crate::domain::rds::snapshot::Snapshot;
use crate::domain::run::failure::Operation;
use crate::ports::doctor::{
    CountMessages, CountSubscribers, DescribeFunction, DescribeRule, FindQueue, FindRules,
    InspectDatabases, ListManualSnapshots, ListQueues, ListStacks, ReadKeyPolicy,
    SimulatePermissions,
};
use crate::ports::{
    CallerIdentity, DescribeKey, DescribeStack, ListOptionGroups, Page, PortError, PublishEvents,
    RdsError,
};

/// How many rows a page holds. Few, so that there are several pages.
const PAGE: usize = 2;

impl<L: Holds> Ports<L> {
    fn operator<T>(&self, look: impl FnOnce(&Operator) -> T) -> T {
        self.with(|state| look(&state.operator))
    }
}

impl<L: Holds> DescribeKey for Ports<L> {
    async fn describe_key(&self, key: &KeyName) -> Result<Option<KeyFacts>, PortError> {
        Ok(self.operator(|operator| operator.keys.get(&key.to_string()).cloned()))
    }
}

impl<L: Holds> CallerIdentity for Ports<L> {
    async fn caller_identity(&self) -> Result<String, PortError> {
        Ok(self.operator(|operator| operator.identity.clone()))
    }
}

impl<L: Holds> PublishEvents for Ports<L> {
    async fn put_events(&self, _: &StackId, events: &[OwnEvent]) -> Result<usize, PortError> {
        self.with(|state| state.operator.published.extend_from_slice(events));
        Ok(0)
    }
}

impl<L: Holds> InspectDatabases for Ports<L> {
    async fn inspect_databases(
        &self,
        region: &Region,
        family: Family,
        marker: Option<String>,
    ) -> Result<Page<Candidate>, RdsError> {
        Ok(self.operator(|operator| {
            let all = operator.candidates.get(region).into_iter().flatten();
            let asked = all.filter(|one| one.database.arn.family() == family);
            page(asked, PAGE, marker)
        }))
    }
}

impl<L: Holds<Rds: RdsModel>> ListManualSnapshots for Ports<L> {
    async fn list_manual_snapshots(
        &self,
        region: &Region,
        family: Family,
        marker: Option<String>,
    ) -> Result<Page<Snapshot>, RdsError> {
        self.with(|state| {
            let stated = &state.operator.manual_snapshots;
            if stated.is_empty() {
                return state
                    .rds
                    .manual_snapshots(region, family, marker, state.now);
            }
            let asked = stated
                .iter()
                .filter(|one| one.arn.region() == region && one.arn.family() == family);
            Ok(page(asked, PAGE, marker))
        })
        .map_err(|refusal| refusal.of_rds(Operation::describe_snapshots(family), region))
    }
}

impl<L: Holds<Rds: RdsModel>> ListOptionGroups for Ports<L> {
    async fn list_option_groups(
        &self,
        region: &Region,
        marker: Option<String>,
    ) -> Result<Page<OptionGroup>, PortError> {
        self.with(|state| {
            let stated = &state.operator.option_groups;
            if stated.is_empty() {
                return state.rds.option_groups(region, marker, state.now);
            }
            let groups = stated.get(region);
            Ok::<_, Refusal>(page(groups.into_iter().flatten(), PAGE, marker))
        })
        .map_err(|refusal| refusal.of_port("rds:DescribeOptionGroups"))
    }
}

impl<L: Holds> ReadKeyPolicy for Ports<L> {
    async fn get_key_policy(&self, _key: &KeyArn) -> Result<Vec<Statement>, PortError> {
        Ok(self.operator(|operator| operator.key_policy.clone()))
    }
}

impl<L: Holds> FindRules for Ports<L> {
    async fn list_rule_names_by_target(
        &self,
        region: &Region,
        target: &str,
        marker: Option<String>,
    ) -> Result<Page<String>, PortError> {
        Ok(self.operator(|operator| {
            let rules = operator.rules.get(region);
            let rules = rules.filter(|_| operator.rules_target == target);
            let schedules = operator.schedules.get(target);
            let rules = rules.into_iter().chain(schedules).flatten();
            let names = rules.map(|rule| &rule.name);
            page(names, PAGE, marker)
        }))
    }
}

impl<L: Holds> DescribeRule for Ports<L> {
    async fn describe_rule(&self, region: &Region, name: &str) -> Result<Rule, PortError> {
        let rule = self.operator(|operator| {
            let schedules = operator.schedules.values().flatten();
            let rules = operator.rules.get(region).into_iter().flatten();
            let mut rules = rules.chain(schedules);
            rules.find(|rule| rule.name == name).cloned()
        });
        rule.ok_or_else(|| Refusal::code("ResourceNotFoundException").of_port("DescribeRule"))
    }
}

impl<L: Holds> FindQueue for Ports<L> {
    async fn get_queue_url(
        &self,
        _region: &Region,
        name: &str,
    ) -> Result<Option<String>, PortError> {
        let ending = format!("/{name}");
        Ok(self.operator(|operator| {
            let mut urls = operator.messages.keys();
            urls.find(|url| url.ends_with(&ending)).cloned()
        }))
    }
}

impl<L: Holds> ListQueues for Ports<L> {
    async fn list_queue_names(
        &self,
        region: &Region,
        prefix: &str,
        marker: Option<String>,
    ) -> Result<Page<String>, PortError> {
        let at = format!("://sqs.{region}.");
        Ok(self.operator(|operator| {
            let here = operator.messages.keys().filter(|url| url.contains(&at));
            let names = here.filter_map(|url| url.rsplit('/').next().map(str::to_owned));
            let names: Vec<String> = names.filter(|name| name.starts_with(prefix)).collect();
            page(names.iter(), PAGE, marker)
        }))
    }
}

impl<L: Holds> ListStacks for Ports<L> {
    async fn list_stacks(
        &self,
        region: &Region,
        marker: Option<String>,
    ) -> Result<Page<Outputs>, PortError> {
        Ok(self.operator(|operator| {
            let stacks = operator.listed_stacks.get(region).into_iter().flatten();
            page(stacks, PAGE, marker)
        }))
    }
}

impl<L: Holds> CountMessages for Ports<L> {
    async fn count_messages(&self, _region: &Region, url: &str) -> Result<Option<u64>, PortError> {
        Ok(self.operator(|operator| operator.messages.get(url).copied()))
    }
}

impl<L: Holds> DescribeStack for Ports<L> {
    async fn stack_outputs(
        &self,
        name: &str,
    ) -> Result<Option<BTreeMap<String, String>>, PortError> {
        Ok(self.operator(|operator| operator.stacks.get(name).cloned()))
    }
}

impl<L: Holds> DescribeFunction for Ports<L> {
    async fn describe_function(
        &self,
        _region: &Region,
        name: &str,
    ) -> Result<Option<PartFunction>, PortError> {
        Ok(self.operator(|operator| operator.functions.get(name).cloned()))
    }
}

impl<L: Holds> CountSubscribers for Ports<L> {
    async fn count_subscribers(
        &self,
        _region: &Region,
        topic: &str,
    ) -> Result<Option<Subscribers>, PortError> {
        Ok(self.operator(|operator| operator.subscribers.get(topic).copied()))
    }
}

impl<L: Holds> SimulatePermissions for Ports<L> {
    async fn simulate_principal_policy(
        &self,
        _role: &RoleArn,
        requirement: &Requirement,
    ) -> Result<Vec<Decision>, PortError> {
        Ok(self.operator(|operator| {
            let actions = requirement.actions.iter();
            let decide = |action: &&str| Decision {
                action: (*action).to_owned(),
                resource: "*".to_owned(),
                allowed: !operator.denied.contains(*action),
                missing: Vec::new(),
            };
            actions.map(decide).collect()
        }))
    }
}
