//! Looks at what stands there, uploads, and has CloudFormation compare.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::compare::{Packaged, Target, compare_all, of_sources};
use super::error::{DeployError, Refused};
use super::permissions::Permissions;
use super::plan::{Deployment, RestoreStack};
use super::restore::of_restore;
use super::rights::rights;
use super::step::Step;
use crate::domain::deploy::defaults::parameter_names;
use crate::domain::deploy::names::{Account, Bucket, StackName};
use crate::domain::deploy::outgrown::{misfits, raised};
use crate::domain::deploy::package::{Templates, packaged, packaged_restore};
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
    /// The zip of the functions of `restore.yaml`, for the same processor. With it that stack is deployed too.
    pub drills: Option<Vec<u8>>,
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
    if code.drills.is_some() {
        known.extend(parameter_names(&templates.restore));
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
    let (region, name) = (&request.recovery, request.stack.of_restore());
    let beside = match code.drills {
        Some(_) => found(world, region, &name, &Template::Restore, &mut refused).await?,
        None => world.find_stack(region, &name).await?,
    };
    refused.extend(key_fault(world, &request, home.as_ref()).await?);
    let bucket = request
        .bucket
        .clone()
        .unwrap_or_else(|| Bucket::of_deployments(&account, &request.recovery));
    let held = home.as_ref().map(|home| home.parameters.clone());
    let held = held.unwrap_or_default();
    let with_restore = code.drills.is_some();
    let is_upgrade = home.is_some()
        && sources.iter().all(|(_, _, stack)| stack.is_some())
        && (!with_restore || beside.is_some());
    let query = RightsQuery {
        is_upgrade,
        with_restore,
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

    let restore = uploaded.drills.map(|address| {
        let template = packaged_restore(&templates.restore, &address)?;
        let architecture = code.architecture;
        Ok::<_, DeployError>(RestoreStack::of(
            template,
            &request,
            home.as_ref(),
            architecture,
        ))
    });
    let restore = restore.transpose()?;
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
    let restore_template = restore.as_ref().map(of_restore);
    let at_home = Target {
        region: &request.recovery,
        name: &request.stack,
        stack: home.as_ref(),
        template: &recovery_template,
        parameters,
    };
    let of_sources = of_sources(&sources, &source_template, &request, &events_queue);
    let at_restore = restore.iter().zip(&restore_template);
    let at_restore = at_restore.map(|(restore, template)| Target {
        region: &request.recovery,
        name: &name,
        stack: beside.as_ref(),
        template,
        parameters: restore.parameters.clone(),
    });
    let targets = std::iter::once(at_home).chain(of_sources).chain(at_restore);
    let stacks = compare_all(world, targets, progress).await?;
    let left_out = (!with_restore && beside.is_some()).then(|| name.clone());
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
        restore,
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
        with_restore: false,
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
    /// The `s3://` address of the functions of `restore.yaml`, if they are deployed.
    drills: Option<String>,
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
    let drills = code.drills.as_ref();
    let drills = drills.map(|zip| (key_of("drills", "zip", zip), zip.clone()));
    let mut objects = vec![
        ("the function", &code_key, zip),
        ("the state machine", &definition_key, definition),
        ("the template", &template_key, template.into_bytes()),
    ];
    objects.extend(
        drills
            .iter()
            .map(|(key, zip)| ("the function of drills", key, zip.clone())),
    );
    for (what, key, content) in objects {
        progress(Step::Uploading(what));
        world
            .have_object(region, account, bucket, key, content)
            .await?;
    }
    Ok(Uploaded {
        template: format!("https://s3.{region}.amazonaws.com/{bucket}/{template_key}"),
        drills: drills.map(|(key, _)| at(&key)),
    })
}

/// The key of an object. It holds a hash of the content, so the same content is uploaded once.
fn key_of(what: &str, ending: &str, content: &[u8]) -> String {
    let hash = Sha256::digest(content);
    let hash = data_encoding::HEXLOWER.encode(&hash[..HASH_BYTES]);
    format!("snapferry/{what}-{hash}.{ending}")
}
