//! Looks at what stands there, uploads, and has CloudFormation compare.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::compare::{Packaged, Target, compare_all, of_sources};
use super::error::{DeployError, Refused};
use super::parts::PackagedPart;
use super::permissions::Permissions;
use super::plan::{Deployment, PartStack};
use super::rights::rights;
use super::step::Step;
use crate::domain::deploy::defaults::parameter_names;
use crate::domain::deploy::names::{Account, Bucket, StackName};
use crate::domain::deploy::outgrown::{misfits, raised};
use crate::domain::deploy::package::{Templates, packaged, packaged_part};
use crate::domain::deploy::part::Part;
use crate::domain::deploy::request::{Architecture, DeployRequest};
use crate::domain::deploy::rights::{Rights, RightsQuery};
use crate::domain::deploy::stack::{StackFacts, Template, why_not};
use crate::domain::id::arn::{KeyArn, Region};
use crate::domain::policy::spec::KeyName;
use crate::ports::deploy::{Made, TemplateSource};

/// How many bytes of a hash a key of the bucket holds, in hexadecimal.
const HASH_BYTES: usize = 16;

/// The function's code.
#[derive(Debug, Clone)]
pub struct Code {
    /// The zip.
    pub zip: Vec<u8>,
    /// What its program was built for.
    pub architecture: Architecture,
    /// The zip of each part that is deployed too, for the same processor.
    pub parts: BTreeMap<Part, Vec<u8>>,
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
    let names = parameter_names(&templates.recovery);
    let mut known = names.clone();
    for part in code.parts.keys() {
        known.extend(parameter_names(templates.part(*part)));
    }
    let faults = request.faults(&known);
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
    let (mut beside, mut left_out) = (BTreeMap::new(), Vec::new());
    for part in Part::ALL {
        let (region, name) = (&request.recovery, request.stack.of_part(part));
        if code.parts.contains_key(&part) {
            let stack = found(world, region, &name, &Template::Part(part), &mut refused).await?;
            beside.insert(part, stack);
        } else if world.find_stack(region, &name).await?.is_some() {
            left_out.push(part);
        }
    }
    refused.extend(request.needed(&beside).into_iter().map(Refused::Request));
    refused.extend(key_fault(world, &request, home.as_ref()).await?);
    let bucket = request
        .bucket
        .clone()
        .unwrap_or_else(|| Bucket::of_deployments(&account, &request.recovery));
    let held = home.as_ref().map(|home| home.parameters.clone());
    let held = held.unwrap_or_default();
    let parts: Vec<Part> = code.parts.keys().copied().collect();
    let is_upgrade = home.is_some()
        && sources.iter().all(|(_, _, stack)| stack.is_some())
        && beside.values().all(Option::is_some);
    let query = RightsQuery {
        is_upgrade,
        parts: &parts,
        ..rights_query(&request, &held, &caller, &account, &bucket)
    };
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

    let uploaded = upload(
        world, &request, &templates, code, &account, &bucket, progress,
    )
    .await?;

    let mut parts = Vec::new();
    for (part, address) in &uploaded.parts {
        let template = packaged_part(*part, templates.part(*part), address)?;
        let (home, architecture) = (home.as_ref(), code.architecture);
        parts.push(PartStack::of(*part, template, &request, home, architecture));
    }
    let events_queue = events_queue(&request, home.as_ref());
    let left_behind = home
        .as_ref()
        .and_then(|home| home.parameters.get("SourceRegions"))
        .map_or_else(Vec::new, |before| request.no_longer_sources(before));
    let recovery_template = Packaged {
        names: names.clone(),
        source: TemplateSource::Url(uploaded.template),
    };
    let mut parameters = request.recovery_parameters(&names, code.architecture);
    let raised = raised(&templates.recovery, &held, &parameters);
    parameters.extend(
        raised
            .iter()
            .map(|one| (one.parameter.to_owned(), one.to.clone())),
    );
    let misfits = misfits(&templates.recovery, &held, &parameters);
    let source_template = Packaged::of_source(&templates);
    let beside = parts.iter().map(|part| {
        let found = beside.remove(&part.part).flatten();
        PackagedPart::of(part, &request, found)
    });
    let beside: Vec<PackagedPart<'_>> = beside.collect();
    let at_home = Target {
        region: &request.recovery,
        name: &request.stack,
        stack: home.as_ref(),
        template: &recovery_template,
        parameters,
    };
    let of_sources = of_sources(&sources, &source_template, &request, &events_queue);
    let of_parts = beside.iter().map(|part| part.target(&request));
    let targets = std::iter::once(at_home).chain(of_sources).chain(of_parts);
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
        left_out,
        request,
        templates,
        events_queue,
        parts,
    })
}

/// What decides which rights the caller needs.
fn rights_query<'a>(
    request: &'a DeployRequest,
    held: &'a BTreeMap<String, String>,
    caller: &'a str,
    account: &'a Account,
    bucket: &'a Bucket,
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
        parts: &[],
        is_upgrade: false,
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

/// Where things are in the bucket.
struct Uploaded {
    /// The template's address.
    template: String,
    /// The `s3://` address of each part's code.
    parts: BTreeMap<Part, String>,
}

/// Has the code, the definition and the template in the bucket.
async fn upload<W: Permissions>(
    world: &W,
    request: &DeployRequest,
    templates: &Templates,
    code: &Code,
    account: &Account,
    bucket: &Bucket,
    progress: &mut dyn FnMut(Step<'_>),
) -> Result<Uploaded, DeployError> {
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
    let parts = code.parts.iter();
    let parts = parts.map(|(part, zip)| (*part, key_of(part.program(), "zip", zip)));
    let parts: BTreeMap<Part, String> = parts.collect();
    let mut objects = vec![
        ("the function", &code_key, zip),
        ("the state machine", &definition_key, definition),
        ("the template", &template_key, template.into_bytes()),
    ];
    let zips = code.parts.values().cloned();
    let of_parts = parts.iter().zip(zips);
    objects.extend(of_parts.map(|((part, key), zip)| (part.function(), key, zip)));
    for (what, key, content) in objects {
        progress(Step::Uploading(what));
        world
            .have_object(region, account, bucket, key, content)
            .await?;
    }
    Ok(Uploaded {
        template: format!("https://s3.{region}.amazonaws.com/{bucket}/{template_key}"),
        parts: parts.iter().map(|(part, key)| (*part, at(key))).collect(),
    })
}

/// The key of an object. It holds a hash of the content, so the same content is uploaded once.
fn key_of(what: &str, ending: &str, content: &[u8]) -> String {
    let hash = Sha256::digest(content);
    let hash = data_encoding::HEXLOWER.encode(&hash[..HASH_BYTES]);
    format!("snapferry/{what}-{hash}.{ending}")
}
