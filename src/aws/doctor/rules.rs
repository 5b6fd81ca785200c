//! EventBridge: finds rules by their target.

use aws_sdk_eventbridge::types::RuleState;

use super::super::fault::{port_error, unusable};
use super::{Doctor, client, event_pattern};
use crate::domain::doctor::region::Rule;
use crate::domain::id::arn::Region;
use crate::ports::doctor::{DescribeRule, FindRules};
use crate::ports::{Page, PortError};

/// How many names a page has (ListRuleNamesByTarget, `Limit`, at most 100).
const PAGE: i32 = 100;

impl FindRules for Doctor {
    async fn list_rule_names_by_target(
        &self,
        region: &Region,
        target: &str,
        marker: Option<String>,
    ) -> Result<Page<String>, PortError> {
        let page = client!(aws_sdk_eventbridge, self, region.as_str())
            .list_rule_names_by_target()
            .target_arn(target)
            .limit(PAGE)
            .set_next_token(marker)
            .send()
            .await
            .map_err(|error| port_error("events:ListRuleNamesByTarget", &error, &[]))?;
        let next = page.next_token.filter(|token| !token.is_empty());
        Ok(Page::new(page.rule_names.unwrap_or_default(), next))
    }
}

impl DescribeRule for Doctor {
    async fn describe_rule(&self, region: &Region, name: &str) -> Result<Rule, PortError> {
        const ACTION: &str = "events:DescribeRule";
        let rule = client!(aws_sdk_eventbridge, self, region.as_str())
            .describe_rule()
            .name(name)
            .send()
            .await
            .map_err(|error| port_error(ACTION, &error, &[]))?;
        let catches_snapshots = match rule.event_pattern() {
            Some(pattern) => event_pattern::catches_snapshots(pattern, region)
                .map_err(|error| unusable(ACTION, error))?,
            // A rule without a pattern runs by a schedule only.
            None => Some(false),
        };
        let state = rule
            .state()
            .ok_or_else(|| unusable(ACTION, "EventBridge left the rule's state out"))?;
        Ok(Rule {
            name: name.to_owned(),
            enabled: *state != RuleState::Disabled,
            catches_snapshots,
        })
    }
}
