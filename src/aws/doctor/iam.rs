//! IAM's policy simulator.

use aws_sdk_iam::types::{
    ContextEntry, ContextKeyTypeEnum, EvaluationResult, PolicyEvaluationDecisionType as Verdict,
};

use super::super::clients::Aws;
use super::super::deploy::Deploys;
use super::super::fault::{port_error, unusable};
use super::{Doctor, client};
use crate::domain::doctor::permissions::{Decision, Requirement, RoleArn};
use crate::ports::deploy::CheckRights;
use crate::ports::doctor::SimulatePermissions;
use crate::ports::{Page, PortError, all_rows};

const ACTION: &str = "iam:SimulatePrincipalPolicy";
/// How many pages to read at most. They hold more results than the actions and resources of one requirement can have.
const PAGES_MAX: usize = 20;

impl SimulatePermissions for Doctor {
    async fn simulate_principal_policy(
        &self,
        role: &RoleArn,
        requirement: &Requirement,
    ) -> Result<Vec<Decision>, PortError> {
        simulate(self, role.as_str(), requirement).await
    }
}

impl CheckRights for Aws<Deploys> {
    async fn role_arn(&self, name: &str) -> Result<String, PortError> {
        const ACTION: &str = "iam:GetRole";
        let answer = client(self).get_role().role_name(name).send().await;
        let answer = answer.map_err(|error| port_error(ACTION, &error, &[]))?;
        let role = answer.role().map(|role| role.arn().to_owned());
        role.ok_or_else(|| unusable(ACTION, "IAM left the role out of its answer"))
    }

    async fn simulate_caller(
        &self,
        principal: &str,
        requirement: &Requirement,
    ) -> Result<Vec<Decision>, PortError> {
        simulate(self, principal, requirement).await
    }
}

/// IAM is one service for all regions. The SDK needs the region to find the partition.
fn client<X>(aws: &Aws<X>) -> aws_sdk_iam::Client {
    let home = aws.sdk.region().map_or("", |region| region.as_ref());
    client!(aws_sdk_iam, aws, home)
}

async fn simulate<X>(
    aws: &Aws<X>,
    principal: &str,
    requirement: &Requirement,
) -> Result<Vec<Decision>, PortError> {
    let client = client(aws);
    let (client, actions) = (&client, &requirement.actions);
    let endless = |endless| PortError::endless(ACTION, endless);
    let decisions = all_rows(PAGES_MAX, endless, |marker| async move {
        let actions = actions.iter().map(ToString::to_string);
        let resources = &requirement.resources;
        let page = client
            .simulate_principal_policy()
            .policy_source_arn(principal)
            .set_action_names(Some(actions.collect()))
            .set_resource_arns((!resources.is_empty()).then(|| resources.clone()))
            .set_context_entries(Some(context(requirement)))
            .set_marker(marker)
            .send()
            .await
            .map_err(|error| port_error(ACTION, &error, &[]))?;
        let is_truncated = page.is_truncated();
        Ok(Page::new(
            page.evaluation_results().iter().flat_map(read).collect(),
            page.marker.filter(|_| is_truncated),
        ))
    });
    whole(requirement, decisions.await?)
}

fn context(requirement: &Requirement) -> Vec<ContextEntry> {
    let entries = requirement.context.iter().map(|(key, value)| {
        let kind = match value.as_str() {
            "true" | "false" => ContextKeyTypeEnum::Boolean,
            _ => ContextKeyTypeEnum::String,
        };
        ContextEntry::builder()
            .context_key_name(*key)
            .context_key_values(value)
            .context_key_type(kind)
            .build()
    });
    entries.collect()
}

/// With several resources, each has a result of its own. With one resource or none, only the action has a result.
fn read(result: &EvaluationResult) -> Vec<Decision> {
    let decision = |resource: &str, verdict: &Verdict, missing: &[String]| Decision {
        action: result.eval_action_name().to_owned(),
        resource: resource.to_owned(),
        allowed: *verdict == Verdict::Allowed,
        missing: missing.to_vec(),
    };
    let each = result.resource_specific_results();
    if each.is_empty() {
        let resource = result.eval_resource_name().unwrap_or("*");
        let missing = result.missing_context_values();
        return vec![decision(resource, result.eval_decision(), missing)];
    }
    each.iter()
        .map(|one| {
            decision(
                one.eval_resource_name(),
                one.eval_resource_decision(),
                one.missing_context_values(),
            )
        })
        .collect()
}

/// An action without a result counts as not allowed.
fn whole(requirement: &Requirement, decisions: Vec<Decision>) -> Result<Vec<Decision>, PortError> {
    let is_there = |action: &&str| decisions.iter().any(|one| one.action == *action);
    if requirement.actions.iter().all(is_there) {
        Ok(decisions)
    } else {
        Err(unusable(ACTION, "IAM left an action out of its answer"))
    }
}
