//! What a removal does with stacks.

use std::collections::BTreeMap;

use super::{Deployments, ROUNDS};
use crate::domain::deploy::names::StackName;
use crate::domain::deploy::stack::StackFacts;
use crate::domain::id::arn::Region;
use crate::ports::PortError;
use crate::ports::deploy::{DeleteStack, FindResource};

impl DeleteStack for Deployments {
    async fn delete_stack(&self, region: &Region, name: &StackName) -> Result<(), PortError> {
        let key = (region.clone(), name.clone());
        let mut stacks = self.stacks.borrow_mut();
        // CloudFormation says nothing about a stack that does not exist.
        if let Some(shown) = stacks.get_mut(&key) {
            let after = self.fails_in.contains(region).then(|| StackFacts {
                status: "DELETE_FAILED".to_owned(),
                outputs: BTreeMap::new(),
                ..shown.facts.clone()
            });
            shown.facts.status = "DELETE_IN_PROGRESS".to_owned();
            shown.becomes = Some((ROUNDS, after));
        }
        self.deleted.borrow_mut().push(key);
        Ok(())
    }
}

impl FindResource for Deployments {
    async fn find_resource(
        &self,
        region: &Region,
        stack: &StackName,
        resource: &str,
    ) -> Result<Option<String>, PortError> {
        let key = (region.clone(), stack.clone(), resource.to_owned());
        Ok(self.resources.get(&key).cloned())
    }
}
