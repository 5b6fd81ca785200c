//! Looks at what stands there, uploads, and has CloudFormation compare.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use super::error::{DeployError, Refused};
use super::follow::INTERVAL;
use super::permissions::Permissions;
use super::plan::{Compared, Deployment, StackPlan};
use super::rights::rights;
use super::step::Step;
use super::take_away::clean_up;
use crate::domain::deploy::defaults::parameter_names;
use crate::domain::deploy::names::{Account, Bucket, StackName};
use crate::domain::deploy::outgrown::{misfits, raised};
use crate::domain::deploy::package::{Templates, packaged};
use crate::domain::deploy::request::{Architecture, DeployRequest};
use crate::domain::deploy::rights::{Rights, RightsQuery};
use crate::domain::deploy::stack::{StackFacts, Template, why_not};
use crate::domain::id::arn::{KeyArn, Region};
use crate::domain::policy::spec::KeyName;
use crate::ports::deploy::{ChangeSet, ChangeSetRequest, Made, TemplateSource};

/// How many bytes of a hash a key of the bucket holds, in hexadecimal.
const HASH_BYTES: usize = 16;

/// The function's code.
#[derive(Debug, Clone)]
pub struct Code {
    /// The zip.
    pub zip: Vec<u8>,
    /// What its program was built for.
    pub architecture: Architecture,
}

/// Looks at what stands there, uploads what is not there yet, and has CloudFormation compare each stack. Nothing but the
/// bucket changes.
///
/// # Errors
/// If the deployment must not begin, with every reason, or AWS cannot be asked.
pub async fn look<W: Permissions>(
    world: &W,
    request: DeployRequest,
    templates: Templates,
    code: &Code,
    progress: &mut dyn FnMut(Step<'_>),
) -> Result<Deployment, DeployError> {
    let faults = request.faults(&parameter_names(&templates.recovery));
    if !faults.is_empty() {
        let refused = faults.into_iter().map(Refused::Request);
        return Err(DeployError::Refused(refused.collect()));
    }
    progress(Step::Looking);
    let caller = world.caller_identity().await?;
    let account = Account::of_caller(&caller).ok_or_else(|| DeployError::Caller(caller.clone()))?;
    let mut refused = Vec::new();
    let home = found(
        world,
        &request.recovery,
        &request.stack,
        &Template::Recovery,
        &mut refused,
    )
    .await?;
    let of_source = Template::Source(request.recovery.clone());
    let mut sources = Vec::new();
    for region in &request.sources {
        let name = request.stack.of_source();
        let stack = found(world, region, &name, &of_source, &mut refused).await?;
        sources.push((region.clone(), name, stack));
    }
    refused.extend(key_fault(world, &request, home.as_ref()).await?);
    let bucket = request
        .bucket
        .clone()
        .unwrap_or_else(|| Bucket::of_deployments(&account, &request.recovery));
    let held = home.as_ref().map(|home| home.parameters.clone());
    let held = held.unwrap_or_default();
    let is_upgrade = home.is_some() && sources.iter().all(|(_, _, stack)| stack.is_some());
    let query = rights_query(&request, &held, &caller, &account, &bucket, is_upgrade);
    let rights = match request.believes_rights {
        true => Rights::Enough,
        false => rights(world, &query).await,
    };
    let rights_unknown = match rights {
        Rights::Enough => None,
        Rights::NotKnown(why) => Some(why),
        Rights::Denied(denied) => {
            refused.push(Refused::Rights { denied });
            None
        }
    };
    if !refused.is_empty() {
        return Err(DeployError::Refused(refused));
    }

    let url = upload(
        world, &request, &templates, code, &account, &bucket, progress,
    )
    .await?;

    let events_queue = events_queue(&request, home.as_ref());
    let left_behind = home
        .as_ref()
        .and_then(|home| home.parameters.get("SourceRegions"))
        .map_or_else(Vec::new, |before| request.no_longer_sources(before));
    let recovery_template = Packaged {
        names: parameter_names(&templates.recovery),
        source: TemplateSource::Url(url),
    };
    let mut parameters = request.recovery_parameters(code.architecture);
    let raised = raised(&templates.recovery, &held, &parameters);
    parameters.extend(
        raised
            .iter()
            .map(|one| (one.parameter.to_owned(), one.to.clone())),
    );
    let misfits = misfits(&templates.recovery, &held, &parameters);
    let source_template = Packaged::of_source(&templates);
    let at_home = Target {
        region: &request.recovery,
        name: &request.stack,
        stack: home.as_ref(),
        template: &recovery_template,
        parameters,
    };
    let of_sources = of_sources(&sources, &source_template, &request, &events_queue);
    let targets = std::iter::once(at_home).chain(of_sources);
    let stacks = compare_all(world, targets, progress).await?;
    Ok(Deployment {
        account,
        caller,
        bucket,
        stacks,
        left_behind,
        raised,
        misfits,
        rights_unknown,
        alarms_notify: alarms_notify(&request, home.as_ref()),
        request,
        templates,
        events_queue,
    })
}

/// What decides which rights the caller needs.
fn rights_query<'a>(
    request: &'a DeployRequest,
    held: &'a BTreeMap<String, String>,
    caller: &'a str,
    account: &'a Account,
    bucket: &'a Bucket,
    is_upgrade: bool,
) -> RightsQuery<'a> {
    let value = |name: &str| request.parameters.get(name).or_else(|| held.get(name));
    RightsQuery {
        caller,
        account,
        recovery: &request.recovery,
        sources: &request.sources,
        stack: &request.stack,
        bucket,
        role_path: value("RolePath").map_or("/", String::as_str),
        makes_key: request.key.is_none() && held.is_empty(),
        makes_table: value("TableName").is_none_or(String::is_empty),
        is_upgrade,
        names_bucket: request.bucket.is_some(),
    }
}

/// The stack of this name, unless it must not be touched.
async fn found<W: Permissions>(
    world: &W,
    region: &Region,
    name: &StackName,
    template: &Template,
    refused: &mut Vec<Refused>,
) -> Result<Option<StackFacts>, DeployError> {
    let found = world.find_stack(region, name).await?;
    if let Some(why) = why_not(found.as_ref(), template) {
        refused.push(Refused::Stack {
            region: region.clone(),
            name: name.clone(),
            why,
        });
    }
    Ok(found.filter(|stack| !stack.is_only_a_review()))
}

/// Why the copies could not be encrypted.
async fn key_fault<W: Permissions>(
    world: &W,
    request: &DeployRequest,
    home: Option<&StackFacts>,
) -> Result<Option<Refused>, DeployError> {
    // A key that the stack makes itself stands in its outputs alone.
    let value = |home: &StackFacts| {
        let given = home.parameters.get("RecoveryKeyArn");
        let given = given.filter(|arn| !arn.is_empty());
        given.or_else(|| home.outputs.get("RecoveryKey")).cloned()
    };
    let key = match (&request.key, home.and_then(value)) {
        (Some(key), _) => key.clone(),
        (None, Some(text)) => match KeyArn::parse(&text) {
            Ok(key) => key,
            Err(error) => {
                return Ok(Some(Refused::Key {
                    key: text,
                    why: error.to_string(),
                }));
            }
        },
        (None, None) => return Ok(None),
    };
    let facts = world.describe_key(&KeyName::Arn(key.clone())).await?;
    let why = match facts {
        None => Some("KMS knows no such key".to_owned()),
        Some(facts) => facts.unusable(),
    };
    Ok(why.map(|why| Refused::Key {
        key: key.to_string(),
        why,
    }))
}

/// Whether the stack has a topic or an address for its alarms.
fn alarms_notify(request: &DeployRequest, home: Option<&StackFacts>) -> bool {
    let given = |name: &str| request.parameters.get(name);
    let held = |name: &str| home.and_then(|home| home.parameters.get(name));
    let is_held = |name| {
        given(name)
            .or(held(name))
            .is_some_and(|value| !value.is_empty())
    };
    request.topic.is_some()
        || request.email.is_some()
        || ["AlarmTopicArn", "AlarmEmail"].into_iter().any(is_held)
}

/// The queue that RDS's own subscriptions of the source regions send to, as far as it is known yet.
pub(super) fn events_queue(request: &DeployRequest, home: Option<&StackFacts>) -> String {
    const WANTED: &str = "EventSubscriptions";
    let held = home.and_then(|home| home.parameters.get(WANTED));
    let wanted = request.parameters.get(WANTED).or(held);
    let queue = home.and_then(|home| home.outputs.get("EventsQueueArn"));
    match wanted.map(String::as_str) {
        Some("yes") => queue.cloned().unwrap_or_default(),
        _ => String::new(),
    }
}

/// Has the code, the definition and the template in the bucket. The answer is the template's address.
async fn upload<W: Permissions>(
    world: &W,
    request: &DeployRequest,
    templates: &Templates,
    code: &Code,
    account: &Account,
    bucket: &Bucket,
    progress: &mut dyn FnMut(Step<'_>),
) -> Result<String, DeployError> {
    let region = &request.recovery;
    if world.have_bucket(region, account, bucket).await? == Made::Now {
        progress(Step::MadeBucket(bucket));
    }
    let code_key = key_of("function", "zip", &code.zip);
    let definition_key = key_of("protect", "asl.json", templates.definition.as_bytes());
    let (zip, definition) = (code.zip.clone(), templates.definition.clone().into_bytes());
    let at = |key: &str| format!("s3://{bucket}/{key}");
    let template = packaged(&templates.recovery, &at(&code_key), &at(&definition_key))?;
    let template_key = key_of("template", "yaml", template.as_bytes());
    let objects = [
        ("the function", &code_key, zip),
        ("the state machine", &definition_key, definition),
        ("the template", &template_key, template.into_bytes()),
    ];
    for (what, key, content) in objects {
        progress(Step::Uploading(what));
        world
            .have_object(region, account, bucket, key, content)
            .await?;
    }
    Ok(format!(
        "https://s3.{region}.amazonaws.com/{bucket}/{template_key}"
    ))
}

/// The key of an object. It holds a hash of the content, so the same content is uploaded once.
fn key_of(what: &str, ending: &str, content: &[u8]) -> String {
    let hash = Sha256::digest(content);
    let hash = data_encoding::HEXLOWER.encode(&hash[..HASH_BYTES]);
    format!("snapferry/{what}-{hash}.{ending}")
}

/// A template as CloudFormation gets it.
pub(super) struct Packaged<'a> {
    names: Vec<&'a str>,
    source: TemplateSource,
}

impl<'a> Packaged<'a> {
    pub(super) fn of_source(templates: &'a Templates) -> Self {
        Self {
            names: parameter_names(&templates.source),
            source: TemplateSource::Text(templates.source.clone()),
        }
    }
}

/// A stack that is to be compared with its template.
pub(super) struct Target<'a> {
    region: &'a Region,
    name: &'a StackName,
    /// The stack, if it exists.
    stack: Option<&'a StackFacts>,
    template: &'a Packaged<'a>,
    /// The parameters that are set.
    parameters: BTreeMap<String, String>,
}

/// The source regions' stacks, with this queue for RDS's own subscriptions.
pub(super) fn of_sources<'a>(
    sources: &'a [(Region, StackName, Option<StackFacts>)],
    template: &'a Packaged<'a>,
    request: &'a DeployRequest,
    events_queue: &'a str,
) -> impl Iterator<Item = Target<'a>> {
    sources.iter().map(move |(region, name, stack)| Target {
        region,
        name,
        stack: stack.as_ref(),
        template,
        parameters: request.source_parameters(events_queue),
    })
}

/// Has CloudFormation compare each stack with its template. If one cannot be compared, the change sets before it are taken
/// away.
pub(super) async fn compare_all<'a, W: Permissions>(
    world: &W,
    targets: impl Iterator<Item = Target<'a>>,
    progress: &mut dyn FnMut(Step<'_>),
) -> Result<Vec<StackPlan>, DeployError> {
    let mut stacks = Vec::new();
    for target in targets {
        match compare(world, target, progress).await {
            Ok(plan) => stacks.push(plan),
            Err(error) => {
                clean_up(world, &stacks).await;
                return Err(error);
            }
        }
    }
    Ok(stacks)
}

/// Has CloudFormation compare a stack with its template.
async fn compare<W: Permissions>(
    world: &W,
    target: Target<'_>,
    progress: &mut dyn FnMut(Step<'_>),
) -> Result<StackPlan, DeployError> {
    let Target {
        region,
        name,
        stack,
        template,
        parameters,
    } = target;
    progress(Step::Comparing(region, name));
    let held: BTreeSet<&str> = stack
        .iter()
        .flat_map(|stack| stack.parameters.keys().map(String::as_str))
        .collect();
    let kept = template
        .names
        .iter()
        .filter(|parameter| held.contains(**parameter) && !parameters.contains_key(**parameter));
    let request = ChangeSetRequest {
        stack: name.clone(),
        name: format!("snapferry-{}", world.now().as_second()),
        makes_stack: stack.is_none(),
        template: template.source.clone(),
        kept: kept.map(|name| (*name).to_owned()).collect(),
        parameters,
    };
    let arn = world.create_change_set(region, &request).await?;
    let changes = loop {
        match world.describe_change_set(region, &arn).await? {
            ChangeSet::Working => world.pause(INTERVAL).await,
            ChangeSet::Ready(changes) => break Some(changes),
            ChangeSet::Empty => break None,
            ChangeSet::Failed(why) => {
                world.delete_change_set(region, &arn).await?;
                return Err(DeployError::ChangeSet {
                    region: region.clone(),
                    name: name.clone(),
                    why,
                });
            }
        }
    };
    let compared = match (changes, stack) {
        (Some(changes), None) => Compared::Makes(arn, changes),
        (Some(changes), Some(_)) => Compared::Changes(arn, changes),
        (None, _) => {
            world.delete_change_set(region, &arn).await?;
            Compared::Same
        }
    };
    Ok(StackPlan {
        region: region.clone(),
        name: name.clone(),
        compared,
    })
}
