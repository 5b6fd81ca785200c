//! `snapferry deploy --emit`: everything that a pipeline of one's own needs, as files.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use serde_json::{Value, json};

use crate::app::deploy::{Code, Refused};
use crate::cli::outcome::{CliError, Ended};
use crate::cli::show::write_json;
use crate::domain::deploy::defaults::parameter_names;
use crate::domain::deploy::package::{Templates, packaged, packaged_part};
use crate::domain::deploy::part::Part;
use crate::domain::deploy::request::DeployRequest;

/// The function's zip, beside the template.
const FUNCTION: &str = "function.zip";
/// The state machine's definition, beside the template.
const DEFINITION: &str = "protect.asl.json";
/// The recovery region's template.
const TEMPLATE: &str = "template.yaml";
/// The source regions' template.
const SOURCE_TEMPLATE: &str = "source-region.yaml";
/// The recovery region's parameters.
const PARAMETERS: &str = "recovery.parameters.json";
/// The source regions' parameters.
const SOURCE_PARAMETERS: &str = "source.parameters.json";

/// Writes the files.
pub(super) fn emit(
    folder: &Path,
    request: &DeployRequest,
    templates: &Templates,
    code: Code,
    json: bool,
    out: &mut impl Write,
) -> Result<Ended, CliError> {
    let of_recovery = parameter_names(&templates.recovery);
    let mut known = of_recovery.clone();
    for part in code.parts.keys() {
        known.extend(parameter_names(templates.part(*part)));
    }
    let faults = request.faults(&known);
    let refused: Vec<Refused> = faults.into_iter().map(Refused::Request).collect();
    if !refused.is_empty() {
        return Err(crate::app::deploy::DeployError::Refused(refused).into());
    }
    let template = packaged(&templates.recovery, FUNCTION, DEFINITION);
    let template = template.map_err(crate::app::deploy::DeployError::Template)?;
    let recovery = parameters(&request.recovery_parameters(&of_recovery, code.architecture))?;
    let source = parameters(&request.source_parameters(""))?;
    let of_core = [
        (TEMPLATE, template.into_bytes()),
        (SOURCE_TEMPLATE, templates.source.clone().into_bytes()),
        (DEFINITION, templates.definition.clone().into_bytes()),
        (FUNCTION, code.zip),
        (PARAMETERS, recovery),
        (SOURCE_PARAMETERS, source),
    ];
    let mut files: Vec<(String, Vec<u8>)> = of_core
        .map(|(name, content)| (name.to_owned(), content))
        .into();
    let parts: Vec<Part> = code.parts.keys().copied().collect();
    for (part, zip) in code.parts {
        let (text, code_file) = (templates.part(part), format!("{}.zip", part.program()));
        let template = packaged_part(part, text, &code_file);
        let template = template.map_err(crate::app::deploy::DeployError::Template)?;
        let own = request.part_parameters(&parameter_names(text), None, code.architecture);
        files.extend([
            (part.file().to_owned(), template.into_bytes()),
            (code_file, zip),
            (parameters_of(part), parameters(&own)?),
        ]);
    }
    let unwritable = |path: &Path, source| CliError::FileWrite {
        path: path.to_owned(),
        source,
    };
    std::fs::create_dir_all(folder).map_err(|error| unwritable(folder, error))?;
    for (name, content) in &files {
        let path = folder.join(name);
        std::fs::write(&path, content).map_err(|error| unwritable(&path, error))?;
    }
    if json {
        let names: Vec<&String> = files.iter().map(|(name, _)| name).collect();
        write_json(out, &json!({ "folder": folder, "files": names }))?;
        return Ok(Ended::Well);
    }
    let (recovery, stack) = (&request.recovery, &request.stack);
    writeln!(
        out,
        "{} holds the templates, the function and the parameters. In that folder:\n",
        folder.display()
    )?;
    writeln!(
        out,
        "  aws cloudformation package --region {recovery} --template-file {TEMPLATE} --s3-bucket BUCKET \
         --output-template-file packaged.yaml\n  \
         aws cloudformation deploy --region {recovery} --template-file packaged.yaml --s3-bucket BUCKET --stack-name {stack} \
         --capabilities CAPABILITY_IAM --parameter-overrides file://{PARAMETERS}"
    )?;
    for part in parts {
        let (name, template, parameters) = (stack.of_part(part), part.file(), parameters_of(part));
        writeln!(
            out,
            "\n{template} comes after the first stack: put that stack's outputs into {parameters}, which names each that it \
             needs.\n\n  \
             aws cloudformation package --region {recovery} --template-file {template} --s3-bucket BUCKET \
             --output-template-file packaged-{template}\n  \
             aws cloudformation deploy --region {recovery} --template-file packaged-{template} --stack-name {name} \
             --capabilities CAPABILITY_IAM --parameter-overrides file://{parameters}\n"
        )?;
    }
    for region in &request.sources {
        writeln!(
            out,
            "  aws cloudformation deploy --region {region} --template-file {SOURCE_TEMPLATE} --stack-name {} \
             --capabilities CAPABILITY_IAM --parameter-overrides file://{SOURCE_PARAMETERS}",
            stack.of_source()
        )?;
    }
    Ok(Ended::Well)
}

/// The file with a part's parameters.
fn parameters_of(part: Part) -> String {
    format!("{}.parameters.json", part.word())
}

/// Parameters as AWS's command line and StackSets read them.
fn parameters(all: &BTreeMap<String, String>) -> Result<Vec<u8>, CliError> {
    let pair = |(name, value): (&String, &String)| json!({ "ParameterKey": name, "ParameterValue": value });
    let all: Vec<Value> = all.iter().map(pair).collect();
    let mut bytes = serde_json::to_vec_pretty(&all)?;
    bytes.push(b'\n');
    Ok(bytes)
}
