//! `snapferry deploy`: the stacks of all regions, by one command.

pub(in crate::cli) mod arguments;
mod code;
mod emit;
mod file;

use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write};
use std::path::Path;

use serde_json::{Value, json};

use super::arguments::StackArguments;
use super::confirmed::confirmed;
use super::outcome::{CliError, Ended};
use super::show::write_json;
use crate::app::deploy::{
    Code, Compared, Deployment, Permissions, StackPlan, Step, abandon, act, look,
};
use crate::aws::{Aws, Deploys, for_operators, leisurely};
use crate::domain::deploy::changes::sentences;
use crate::domain::deploy::names::{Bucket, Email, StackName, TopicArn};
use crate::domain::deploy::package::Templates;
use crate::domain::deploy::part::Part;
use crate::domain::deploy::request::{Architecture, DeployRequest};
use crate::domain::id::arn::{KeyArn, Region};
use crate::ports::deploy::StackEvent;
use crate::settings::Faults;

use arguments::DeployArguments;
use code::{FUNCTION, Program};
use file::Options;

/// The stack's name if nobody names it.
const STACK: &str = "snapferry";

/// When a deployment is carried out.
pub enum Acts<'a> {
    /// Never: it is only shown.
    No,
    /// At once.
    Yes,
    /// If this answers yes, after the plan was shown.
    IfAsked(&'a mut dyn FnMut() -> io::Result<bool>),
}

/// How a deployment is carried out and shown.
pub struct Manner<'a> {
    /// When it is carried out.
    pub acts: Acts<'a>,
    /// Whether a loss of data is accepted.
    pub accepts_loss: bool,
    /// Whether the answer is JSON.
    pub json: bool,
}

pub(super) async fn execute(
    arguments: &StackArguments,
    options: &DeployArguments,
    out: &mut impl Write,
) -> Result<Ended, CliError> {
    let file = Options::read(options.config.as_deref())?;
    let request = request(arguments, options, &file)?;
    let program = std::env::current_exe().ok();
    let architecture = options.architecture.as_deref();
    let architecture = architecture.map(|word| {
        Architecture::of_word(word).ok_or_else(|| CliError::Argument {
            name: "--architecture",
            what: format!("{word} is neither arm64 nor x86_64"),
        })
    });
    let code = code(
        options,
        &file,
        program.as_deref(),
        architecture.transpose()?,
    )?;
    let folder = options.templates.as_deref().or(file.templates.as_deref());
    let templates = match folder {
        Some(folder) => templates_in(folder, &code)?,
        None => Templates::carried(),
    };
    let json = arguments.format.is_json();
    if let Some(folder) = &options.emit {
        return emit::emit(folder, &request, &templates, code, json, out);
    }
    let sdk = for_operators(&request.recovery, arguments.profile.as_deref()).await;
    let aws = Aws::new(leisurely(sdk), "", Deploys);
    let mut ask = || confirmed("Deploy this?");
    let acts = match (options.yes, options.dry_run, io::stdin().is_terminal()) {
        (true, _, _) => Acts::Yes,
        (false, false, true) if !json => Acts::IfAsked(&mut ask),
        _ => Acts::No,
    };
    let manner = Manner {
        acts,
        accepts_loss: options.accept_loss,
        json,
    };
    run_deploy(
        &aws,
        request,
        templates,
        &code,
        manner,
        out,
        &mut io::stderr(),
    )
    .await
}

/// The functions that are deployed.
fn code(
    options: &DeployArguments,
    file: &Options,
    program: Option<&Path>,
    architecture: Option<Architecture>,
) -> Result<Code, CliError> {
    let read = |part: &Program, named: Option<&Path>| {
        let path = code::find(part, named, program)?;
        code::read(part, &path, architecture)
    };
    let named = options.function.as_deref().or(file.function.as_deref());
    let function = read(&FUNCTION, named)?;
    let mut parts = BTreeMap::new();
    for part in wanted(options, file)? {
        let named = options.program(part).or(file.program(part));
        let zip = read(&Program::of(part), named)?;
        if zip.architecture != function.architecture {
            return Err(CliError::Argument {
                name: part.flag(),
                what: format!(
                    "it is for {}, and the function of template.yaml is for {}",
                    zip.architecture.as_str(),
                    function.architecture.as_str()
                ),
            });
        }
        parts.insert(part, zip.bytes);
    }
    Ok(Code {
        zip: function.bytes,
        architecture: function.architecture,
        parts,
    })
}

/// The parts that are deployed too: those of the flags, or else those of the file.
fn wanted(options: &DeployArguments, file: &Options) -> Result<Vec<Part>, CliError> {
    let words = match options.with.is_empty() {
        true => &file.with,
        false => &options.with,
    };
    let known = |word: &String| {
        let known: Vec<&str> = Part::ALL.iter().map(|part| part.word()).collect();
        Part::of_word(word).ok_or_else(|| CliError::Argument {
            name: "--config",
            what: format!("with = [{word:?}]: there are {}", known.join(" and ")),
        })
    };
    words.iter().map(known).collect()
}

fn templates_in(folder: &Path, code: &Code) -> Result<Templates, CliError> {
    let read = |name: &str| {
        let path = folder.join(name);
        std::fs::read_to_string(&path).map_err(|source| CliError::File { path, source })
    };
    let parts = code.parts.keys();
    let parts = parts.map(|part| Ok::<_, CliError>((*part, read(part.file())?)));
    Ok(Templates {
        recovery: read("template.yaml")?,
        source: read("source-region.yaml")?,
        definition: read("statemachine/protect.asl.json")?,
        parts: parts.collect::<Result<_, _>>()?,
    })
}

/// What the flags and the file ask for. A flag wins.
fn request(
    arguments: &StackArguments,
    options: &DeployArguments,
    file: &Options,
) -> Result<DeployRequest, CliError> {
    let mut faults = Faults::default();
    let either =
        |flag: &Option<String>, held: &Option<String>| flag.clone().or_else(|| held.clone());
    let recovery = either(&options.recovery_region, &file.recovery_region);
    let recovery = match &recovery {
        Some(name) => faults.take("--recovery-region", Region::parse(name)),
        None => {
            faults
                .add("name the recovery region with --recovery-region: where the copies are to be");
            None
        }
    };
    let sources = match options.source_regions.is_empty() {
        true => &file.source_regions,
        false => &options.source_regions,
    };
    let mut regions = Vec::new();
    for name in sources {
        let region = faults.take("--source-region", Region::parse(name));
        regions.extend(region.filter(|region| !regions.contains(region)));
    }
    let stack = either(&arguments.name, &file.stack).unwrap_or_else(|| STACK.to_owned());
    let stack = faults.take("--stack", StackName::parse(&stack));
    let key = either(&options.key, &file.key);
    let key = key.and_then(|key| faults.take("--key", KeyArn::parse(&key)));
    let topic = either(&options.topic, &file.topic);
    let topic = topic.and_then(|topic| faults.take("--topic", TopicArn::parse(&topic)));
    let email = either(&options.email, &file.email);
    let email = email.and_then(|email| faults.take("--email", Email::parse(&email)));
    let bucket = either(&options.bucket, &file.bucket);
    let bucket = bucket.and_then(|bucket| faults.take("--bucket", Bucket::parse(&bucket)));
    let mut parameters: BTreeMap<String, String> = file.parameters();
    for pair in &options.parameters {
        match pair.split_once('=') {
            Some((name, value)) => {
                parameters.insert(name.to_owned(), value.to_owned());
            }
            None => faults.add(format!("--parameter {pair}: write NAME=VALUE")),
        }
    }
    let all = recovery.zip(stack).map(|(recovery, stack)| DeployRequest {
        recovery,
        sources: regions,
        stack,
        key,
        topic,
        email,
        bucket,
        parameters,
        believes_rights: options.without_rights_check,
    });
    faults.finish(all).map_err(|error| CliError::Argument {
        name: "deploy",
        what: error.faults.join("; "),
    })
}

/// Looks, shows what would change, and carries it out if it is to.
///
/// # Errors
/// If the deployment must not begin, CloudFormation fails, or the answer cannot be written.
pub async fn run_deploy<W: Permissions>(
    world: &W,
    request: DeployRequest,
    templates: Templates,
    code: &Code,
    manner: Manner<'_>,
    out: &mut impl Write,
    progress: &mut impl Write,
) -> Result<Ended, CliError> {
    let mut show = |step: Step<'_>| show_step(progress, &step);
    let deployment = look(world, request, templates, code, &mut show).await?;
    let changes = deployment.changes_anything();
    if !manner.json {
        write_plan(out, &deployment, code.architecture)?;
    }
    let acts = match manner.acts {
        _ if !changes => false,
        Acts::No => false,
        Acts::Yes => true,
        Acts::IfAsked(ask) => ask()?,
    };
    let answer = manner.json.then(|| answer(&deployment, acts));
    let next = (acts && !manner.json).then(|| Next::of(&deployment));
    if acts {
        act(world, deployment, manner.accepts_loss, &mut show).await?;
    } else {
        abandon(world, &deployment).await?;
    }
    match (answer, next) {
        (Some(answer), _) => write_json(out, &answer)?,
        (None, Some(next)) => next.write(out)?,
        (None, None) if changes => writeln!(out, "\nNo stack was changed. Add --yes to act.")?,
        (None, None) => writeln!(out, "\nNothing is to be changed.")?,
    }
    Ok(Ended::Well)
}

/// Progress is lost without harm where the error output is closed.
fn show_step(to: &mut impl Write, step: &Step<'_>) {
    let _ = match step {
        Step::Looking => writeln!(to, "looking at what stands there"),
        Step::MadeBucket(bucket) => writeln!(to, "made the bucket {bucket}"),
        Step::Uploading(what) => writeln!(to, "uploading {what}"),
        Step::Comparing(region, name) => writeln!(to, "{region}: CloudFormation compares {name}"),
        Step::Acting(region, name) => writeln!(to, "{region}: CloudFormation works on {name}"),
        Step::Said(region, event) => show_event(to, region, event),
    };
}

/// Shows what CloudFormation says of a resource, once it is done with it.
pub(super) fn show_event(
    to: &mut impl Write,
    region: &Region,
    event: &StackEvent,
) -> io::Result<()> {
    if event.status.ends_with("_IN_PROGRESS") {
        return Ok(());
    }
    let reason = event.reason.as_deref().unwrap_or_default();
    let line = format!("{region}: {} {} {reason}", event.resource, event.status);
    writeln!(to, "{}", line.trim_end())
}

fn act_of(plan: &StackPlan) -> &'static str {
    match plan.compared {
        Compared::Makes(..) => "new",
        Compared::Changes(..) => "changed",
        Compared::Same => "unchanged",
    }
}

fn write_plan(
    out: &mut impl Write,
    deployment: &Deployment,
    architecture: Architecture,
) -> io::Result<()> {
    writeln!(
        out,
        "account {}, as {}\nbucket {}, function for {}",
        deployment.account,
        deployment.caller,
        deployment.bucket,
        architecture.as_str()
    )?;
    for plan in &deployment.stacks {
        writeln!(out, "\n{}  {}  {}", plan.region, plan.name, act_of(plan))?;
        for sentence in sentences(plan.compared.changes()) {
            writeln!(out, "  {sentence}")?;
        }
    }
    if !deployment.raised.is_empty() {
        writeln!(
            out,
            "\nThe stack has values that were only an earlier version's defaults, and that no longer fit:"
        )?;
    }
    for one in &deployment.raised {
        writeln!(
            out,
            "  {} goes from {} to {}: {}",
            one.parameter, one.from, one.to, one.why
        )?;
    }
    for misfit in &deployment.misfits {
        writeln!(out, "\n{misfit}")?;
    }
    if let Some(why) = &deployment.rights_unknown {
        writeln!(
            out,
            "\nWhether you have every right that this needs is not known: {why}"
        )?;
    }
    for part in &deployment.left_out {
        let name = deployment.request().stack.of_part(*part);
        writeln!(
            out,
            "\nThe stack {name} stands and is left as it is: add --with {} to deploy this version of it too.",
            part.word()
        )?;
    }
    for region in &deployment.left_behind {
        writeln!(
            out,
            "\n{region} would no longer be a source region: its databases would no longer be protected. Its stack stays, and \
             forwards events that nobody uses; delete it in CloudFormation."
        )?;
    }
    Ok(())
}

fn answer(deployment: &Deployment, applied: bool) -> Value {
    let stacks: Vec<Value> = deployment
        .stacks
        .iter()
        .map(|plan| {
            json!({
                "region": plan.region.as_str(),
                "stack": plan.name.as_str(),
                "state": act_of(plan),
                "changes": sentences(plan.compared.changes()),
            })
        })
        .collect();
    let raised: Vec<Value> = deployment
        .raised
        .iter()
        .map(|one| {
            json!({
                "parameter": one.parameter, "from": one.from, "to": one.to, "why": one.why,
            })
        })
        .collect();
    let left_out = deployment.left_out.iter();
    let left_out: Vec<String> = left_out
        .map(|part| deployment.request().stack.of_part(*part).to_string())
        .collect();
    json!({
        "account": deployment.account.as_str(),
        "caller": deployment.caller,
        "bucket": deployment.bucket.as_str(),
        "applied": applied,
        "stacks": stacks,
        "left_behind": deployment.left_behind,
        "left_out": left_out,
        "raised": raised,
        "misfits": deployment.misfits,
        "rights_unknown": deployment.rights_unknown,
    })
}

/// What a person does next.
struct Next {
    recovery: Region,
    stack: StackName,
    source: Option<Region>,
    alarms_notify: bool,
}

impl Next {
    fn of(deployment: &Deployment) -> Self {
        let source = deployment.stacks.get(1);
        Self {
            recovery: deployment.request().recovery.clone(),
            stack: deployment.request().stack.clone(),
            source: source.map(|plan| plan.region.clone()),
            alarms_notify: deployment.alarms_notify,
        }
    }

    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let (recovery, stack) = (&self.recovery, &self.stack);
        writeln!(out, "\nDeployed. Next, tag a database, and look:\n")?;
        if let Some(source) = &self.source {
            writeln!(
                out,
                "  aws rds add-tags-to-resource --region {source} --resource-name DATABASE_ARN --tags \
                 Key=snapferry:policy,Value=default"
            )?;
        }
        for command in ["doctor", "status"] {
            writeln!(
                out,
                "  snapferry --region {recovery} --stack {stack} {command}"
            )?;
        }
        if !self.alarms_notify {
            writeln!(
                out,
                "\nThe alarms notify nobody. Deploy again with --email ADDRESS or --topic TOPIC_ARN."
            )?;
        }
        Ok(())
    }
}
