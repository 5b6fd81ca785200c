//! CloudFormation and the bucket of a deployment, in memory.

mod removal;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use super::refusal::Refusal;
use crate::domain::deploy::changes::{Act, ResourceChange};
use crate::domain::deploy::names::{Account, Bucket, StackName};
use crate::domain::deploy::stack::StackFacts;
use crate::domain::doctor::keys::KeyFacts;
use crate::domain::doctor::permissions::{Decision, Requirement};
use crate::domain::id::arn::Region;
use crate::domain::policy::spec::KeyName;
use crate::ports::deploy::{
    ChangeSet, ChangeSetRequest, ChangeSets, CheckRights, FindStack, KeepArtifacts, Made, Pause,
    ReadStackEvents, StackEvent, TemplateSource,
};
use crate::ports::{CallerIdentity, Clock, DescribeKey, PortError};

/// How many bytes CloudFormation takes of a template's text.
const TEXT_MAX: usize = 51_200;
/// How many questions an operation of CloudFormation takes.
const ROUNDS: u32 = 3;

/// A change set that waits.
#[derive(Debug, Clone)]
struct Pending {
    region: Region,
    request: ChangeSetRequest,
    is_empty: bool,
}

/// A stack, and what goes on with it.
#[derive(Debug, Clone, Default)]
struct Shown {
    facts: StackFacts,
    template: Option<TemplateSource>,
    events: Vec<StackEvent>,
    /// What it becomes, and after how many questions. Nothing: it goes.
    becomes: Option<(u32, Option<StackFacts>)>,
}

/// What the account holds. Tests set the fields, and read them.
#[derive(Debug, Default)]
pub struct Deployments {
    /// The caller's ARN.
    pub caller: String,
    /// Now.
    pub now: Timestamp,
    /// The keys that KMS knows.
    pub keys: BTreeMap<String, KeyFacts>,
    /// The changes of the next change sets of stacks that exist, by region. Without an entry one function changes.
    pub changes: RefCell<BTreeMap<Region, Vec<ResourceChange>>>,
    /// The regions in which CloudFormation fails.
    pub fails_in: BTreeSet<Region>,
    /// The reasons for which CloudFormation refuses a change set, by region.
    pub refuses_in: BTreeMap<Region, String>,
    /// Resources of stacks, by region, stack and the name in the template.
    pub resources: BTreeMap<(Region, StackName, String), String>,
    /// The roles that IAM knows, by name, each with its ARN.
    pub roles: BTreeMap<String, String>,
    /// The actions that IAM's simulator denies.
    pub denied: BTreeSet<String>,
    /// The condition keys that the simulator misses where it denies.
    pub missing: Vec<String>,
    /// Whether the caller may not ask the simulator.
    pub may_not_simulate: bool,
    /// After this many more looks for a stack, one gets no answer.
    pub unanswered_after: Cell<Option<usize>>,
    /// Who was simulated, once for each question.
    simulated: RefCell<Vec<String>>,
    stacks: RefCell<BTreeMap<(Region, StackName), Shown>>,
    pending: RefCell<BTreeMap<String, Pending>>,
    buckets: RefCell<BTreeMap<Bucket, Account>>,
    objects: RefCell<BTreeMap<String, Vec<u8>>>,
    executed: RefCell<Vec<(Region, StackName)>>,
    deleted: RefCell<Vec<(Region, StackName)>>,
    pauses: RefCell<Vec<Duration>>,
}

impl Deployments {
    /// An empty account, as this caller sees it at this time.
    #[must_use]
    pub fn of(caller: &str, now: Timestamp) -> Self {
        Self {
            caller: caller.to_owned(),
            now,
            ..Self::default()
        }
    }

    /// A stack that exists.
    pub fn put_stack(&self, region: &Region, name: &StackName, facts: StackFacts) {
        let shown = Shown {
            facts,
            ..Shown::default()
        };
        let key = (region.clone(), name.clone());
        self.stacks.borrow_mut().insert(key, shown);
    }

    /// A bucket of this account.
    pub fn put_bucket(&self, bucket: &Bucket, account: &Account) {
        let mut buckets = self.buckets.borrow_mut();
        buckets.insert(bucket.clone(), account.clone());
    }

    /// A stack as it is now.
    #[must_use]
    pub fn stack(&self, region: &Region, name: &StackName) -> Option<StackFacts> {
        let stacks = self.stacks.borrow();
        let shown = stacks.get(&(region.clone(), name.clone()))?;
        Some(shown.facts.clone())
    }

    /// The change sets that nobody has carried out or taken away.
    #[must_use]
    pub fn open_change_sets(&self) -> usize {
        self.pending.borrow().len()
    }

    /// The objects of all buckets, by `bucket/key`.
    #[must_use]
    pub fn objects(&self) -> BTreeMap<String, Vec<u8>> {
        self.objects.borrow().clone()
    }

    /// The change sets that were carried out, in order.
    #[must_use]
    pub fn executed(&self) -> Vec<(Region, StackName)> {
        self.executed.borrow().clone()
    }

    /// The stacks that were asked to be deleted, in order.
    #[must_use]
    pub fn deleted(&self) -> Vec<(Region, StackName)> {
        self.deleted.borrow().clone()
    }

    /// The longest pause that somebody made.
    #[must_use]
    pub fn longest_pause(&self) -> Duration {
        let pauses = self.pauses.borrow();
        pauses.iter().max().copied().unwrap_or_default()
    }

    /// Who was simulated, once for each question.
    #[must_use]
    pub fn simulated(&self) -> Vec<String> {
        self.simulated.borrow().clone()
    }

    /// The outputs of a stack with these parameters: few, and those that a deployment reads.
    fn outputs(region: &Region, parameters: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        let mut outputs = BTreeMap::new();
        let mut add = |name: &str, value: String| outputs.insert(name.to_owned(), value);
        if parameters.contains_key("RecoveryRegion") {
            add("ForwardingRuleArn", "arn:of:the:rule".to_owned());
            return outputs;
        }
        let is_report = parameters.contains_key("ReportBucket");
        if is_report || !parameters.contains_key("SourceRegions") {
            let role = ["RemoverRoleArn", "ReporterRoleArn"][usize::from(is_report)];
            add(role, "arn:of:the:role".to_owned());
            return outputs;
        }
        add("StackRegion", region.to_string());
        let machine = format!("arn:aws:states:{region}:111122223333:stateMachine:the-machine");
        add("StateMachineArn", machine);
        add("TableName", "the-table".to_owned());
        if parameters.get("EventSubscriptions").map(String::as_str) == Some("yes") {
            add(
                "EventsQueueArn",
                format!("arn:aws:sqs:{region}:111122223333:events"),
            );
        }
        outputs
    }
}

fn refusal(action: &'static str, code: &'static str) -> PortError {
    Refusal::code(code).of_port(action)
}

impl Clock for Deployments {
    fn now(&self) -> Timestamp {
        self.now
    }
}

impl Pause for Deployments {
    async fn pause(&self, span: Duration) {
        self.pauses.borrow_mut().push(span);
    }
}

impl CallerIdentity for Deployments {
    async fn caller_identity(&self) -> Result<String, PortError> {
        Ok(self.caller.clone())
    }
}

impl DescribeKey for Deployments {
    async fn describe_key(&self, key: &KeyName) -> Result<Option<KeyFacts>, PortError> {
        Ok(self.keys.get(&key.to_string()).cloned())
    }
}

impl CheckRights for Deployments {
    async fn role_arn(&self, name: &str) -> Result<String, PortError> {
        let found = self.roles.get(name).cloned();
        found.ok_or_else(|| refusal("iam:GetRole", "NoSuchEntity"))
    }

    async fn simulate_caller(
        &self,
        principal: &str,
        requirement: &Requirement,
    ) -> Result<Vec<Decision>, PortError> {
        if self.may_not_simulate {
            return Err(refusal("iam:SimulatePrincipalPolicy", "AccessDenied"));
        }
        self.simulated.borrow_mut().push(principal.to_owned());
        let everything = vec!["*".to_owned()];
        let resources = match requirement.resources.is_empty() {
            true => &everything,
            false => &requirement.resources,
        };
        let decision = |action: &str, resource: &String| {
            let allowed = !self.denied.contains(action);
            let missing = match allowed {
                true => Vec::new(),
                false => self.missing.clone(),
            };
            Decision {
                action: action.to_owned(),
                resource: resource.clone(),
                allowed,
                missing,
            }
        };
        let each = requirement.actions.iter();
        let each = each.flat_map(|action| resources.iter().map(|on| decision(action, on)));
        Ok(each.collect())
    }
}

impl FindStack for Deployments {
    async fn find_stack(
        &self,
        region: &Region,
        name: &StackName,
    ) -> Result<Option<StackFacts>, PortError> {
        let left = self.unanswered_after.take();
        self.unanswered_after
            .set(left.and_then(|left| left.checked_sub(1)));
        if left == Some(0) {
            return Err(Refusal::no_answer().of_port("DescribeStacks"));
        }
        let mut stacks = self.stacks.borrow_mut();
        let Some(shown) = stacks.get_mut(&(region.clone(), name.clone())) else {
            return Ok(None);
        };
        match shown.becomes.take() {
            Some((0, None)) => {
                stacks.remove(&(region.clone(), name.clone()));
                return Ok(None);
            }
            Some((0, Some(facts))) => {
                let id = format!("event-{}", shown.events.len());
                let status = facts.status.clone();
                let has_failed = status.contains("ROLLBACK") || status.contains("FAILED");
                let reason = has_failed.then(|| "a reason".to_owned());
                if reason.is_some() {
                    shown.events.push(StackEvent {
                        id: format!("{id}-failure"),
                        resource: "Worker".to_owned(),
                        status: "CREATE_FAILED".to_owned(),
                        reason,
                    });
                }
                shown.events.push(StackEvent {
                    id,
                    resource: name.to_string(),
                    status,
                    reason: None,
                });
                shown.facts = facts;
            }
            Some((rounds, facts)) => shown.becomes = Some((rounds - 1, facts)),
            None => {}
        }
        Ok(Some(shown.facts.clone()))
    }
}

impl ChangeSets for Deployments {
    async fn create_change_set(
        &self,
        region: &Region,
        request: &ChangeSetRequest,
    ) -> Result<String, PortError> {
        const ACTION: &str = "cloudformation:CreateChangeSet";
        let key = (region.clone(), request.stack.clone());
        let mut stacks = self.stacks.borrow_mut();
        let found = stacks.get(&key).cloned();
        let is_real = found
            .as_ref()
            .is_some_and(|shown| !shown.facts.is_only_a_review());
        if let TemplateSource::Text(text) = &request.template
            && text.len() > TEXT_MAX
        {
            return Err(refusal(ACTION, "ValidationError"));
        }
        match (request.makes_stack, is_real) {
            (true, true) => return Err(refusal(ACTION, "AlreadyExistsException")),
            (false, false) => return Err(refusal(ACTION, "ValidationError")),
            _ => {}
        }
        let shown = found.unwrap_or_default();
        let is_held = |name: &String| shown.facts.parameters.contains_key(name);
        if !request.kept.iter().all(is_held) {
            return Err(refusal(ACTION, "ValidationError"));
        }
        let mut parameters = shown.facts.parameters.clone();
        parameters.extend(request.parameters.clone());
        let is_empty = is_real
            && parameters == shown.facts.parameters
            && shown.template.as_ref() == Some(&request.template);
        if !is_real {
            let mut shell = Shown::default();
            shell.facts.id = format!("arn:of:the:stack:{region}:{}", request.stack);
            shell.facts.status = "REVIEW_IN_PROGRESS".to_owned();
            stacks.insert(key, shell);
        }
        let arn = format!(
            "arn:of:the:change-set:{region}:{}:{}",
            request.stack, request.name
        );
        let pending = Pending {
            region: region.clone(),
            request: request.clone(),
            is_empty,
        };
        self.pending.borrow_mut().insert(arn.clone(), pending);
        Ok(arn)
    }

    async fn describe_change_set(
        &self,
        region: &Region,
        arn: &str,
    ) -> Result<ChangeSet, PortError> {
        let pending = self.pending.borrow();
        let Some(found) = pending.get(arn) else {
            return Err(refusal(
                "cloudformation:DescribeChangeSet",
                "ChangeSetNotFoundException",
            ));
        };
        if let Some(why) = self.refuses_in.get(region) {
            return Ok(ChangeSet::Failed(why.clone()));
        }
        if found.is_empty {
            return Ok(ChangeSet::Empty);
        }
        let changes = self.changes.borrow().get(region).cloned();
        let act = match found.request.makes_stack {
            true => Act::Make,
            false => Act::Change,
        };
        Ok(ChangeSet::Ready(changes.unwrap_or_else(|| {
            vec![ResourceChange {
                name: "Worker".to_owned(),
                kind: "AWS::Lambda::Function".to_owned(),
                act,
            }]
        })))
    }

    async fn execute_change_set(&self, region: &Region, arn: &str) -> Result<(), PortError> {
        let Some(found) = self.pending.borrow_mut().remove(arn) else {
            return Err(refusal(
                "cloudformation:ExecuteChangeSet",
                "ChangeSetNotFoundException",
            ));
        };
        let request = found.request;
        let key = (region.clone(), request.stack.clone());
        let mut stacks = self.stacks.borrow_mut();
        let Some(shown) = stacks.get_mut(&key) else {
            return Err(refusal(
                "cloudformation:ExecuteChangeSet",
                "ValidationError",
            ));
        };
        let verb = match request.makes_stack {
            true => "CREATE",
            false => "UPDATE",
        };
        let mut after = shown.facts.clone();
        if self.fails_in.contains(region) {
            after.status = match request.makes_stack {
                true => "ROLLBACK_COMPLETE".to_owned(),
                false => "UPDATE_ROLLBACK_COMPLETE".to_owned(),
            };
        } else {
            after.parameters.extend(request.parameters);
            after.outputs = Self::outputs(region, &after.parameters);
            after.status = format!("{verb}_COMPLETE");
            shown.template = Some(request.template);
        }
        shown.facts.status = format!("{verb}_IN_PROGRESS");
        shown.becomes = Some((ROUNDS, Some(after)));
        self.executed.borrow_mut().push(key);
        Ok(())
    }

    async fn delete_change_set(&self, _: &Region, arn: &str) -> Result<(), PortError> {
        self.pending.borrow_mut().remove(arn);
        Ok(())
    }

    async fn delete_shell(&self, region: &Region, name: &StackName) -> Result<(), PortError> {
        let mut stacks = self.stacks.borrow_mut();
        let key = (region.clone(), name.clone());
        let is_shell = |shown: &Shown| shown.facts.is_only_a_review();
        assert!(
            stacks.get(&key).is_none_or(is_shell),
            "{name} in {region} would have been deleted"
        );
        stacks.remove(&key);
        let mut pending = self.pending.borrow_mut();
        pending.retain(|_, it| (&it.region, &it.request.stack) != (region, name));
        Ok(())
    }
}

impl ReadStackEvents for Deployments {
    async fn stack_events(
        &self,
        region: &Region,
        stack: &str,
        after: Option<&str>,
    ) -> Result<Vec<StackEvent>, PortError> {
        let stacks = self.stacks.borrow();
        let shown = stacks.iter().find(|((of, name), shown)| {
            of == region && (shown.facts.id == stack || name.as_str() == stack)
        });
        let Some((_, shown)) = shown else {
            return Err(refusal(
                "cloudformation:DescribeStackEvents",
                "ValidationError",
            ));
        };
        let newest_first = shown.events.iter().rev();
        let new = newest_first.take_while(|event| Some(event.id.as_str()) != after);
        Ok(new.cloned().collect())
    }
}

impl KeepArtifacts for Deployments {
    async fn have_bucket(
        &self,
        _: &Region,
        account: &Account,
        bucket: &Bucket,
    ) -> Result<Made, PortError> {
        let mut buckets = self.buckets.borrow_mut();
        match buckets.get(bucket) {
            Some(owner) if owner != account => Err(refusal("s3:HeadBucket", "403")),
            Some(_) => Ok(Made::Before),
            None => {
                buckets.insert(bucket.clone(), account.clone());
                Ok(Made::Now)
            }
        }
    }

    async fn have_object(
        &self,
        _: &Region,
        _: &Account,
        bucket: &Bucket,
        key: &str,
        content: Vec<u8>,
    ) -> Result<Made, PortError> {
        let mut objects = self.objects.borrow_mut();
        match objects.insert(format!("{bucket}/{key}"), content) {
            Some(_) => Ok(Made::Before),
            None => Ok(Made::Now),
        }
    }
}
