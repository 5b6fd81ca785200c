//! `snapferry deploy --emit`: everything that a pipeline of one's own needs, as files.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use serde_json::{Value, json};

use crate::app::deploy::{Code, Refused};
use crate::cli::outcome::{CliError, Ended};
use crate::cli::show::write_json;
use crate::domain::deploy::defaults::parameter_names;
use crate::domain::deploy::package::{Templates, packaged};
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
    let faults = request.faults(&parameter_names(&templates.recovery));
    let refused: Vec<Refused> = faults.into_iter().map(Refused::Request).collect();
    if !refused.is_empty() {
        return Err(crate::app::deploy::DeployError::Refused(refused).into());
    }
    let template = packaged(&templates.recovery, FUNCTION, DEFINITION);
    let template = template.map_err(crate::app::deploy::DeployError::Template)?;
    let recovery = parameters(&request.recovery_parameters(code.architecture))?;
    let source = parameters(&request.source_parameters(""))?;
    let files: [(&str, Vec<u8>); 6] = [
        (TEMPLATE, template.into_bytes()),
        (SOURCE_TEMPLATE, templates.source.clone().into_bytes()),
        (DEFINITION, templates.definition.clone().into_bytes()),
        (FUNCTION, code.zip),
        (PARAMETERS, recovery),
        (SOURCE_PARAMETERS, source),
    ];
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
        let names = files.map(|(name, _)| name);
        write_json(out, &json!({ "folder": folder, "files": names }))?;
        return Ok(Ended::Well);
    }
    let (recovery, stack) = (&request.recovery, &request.stack);
    writeln!(
        out,
        "{} holds both templates, the function and the parameters. In that folder:\n",
        folder.display()
    )?;
    writeln!(
        out,
        "  aws cloudformation package --region {recovery} --template-file {TEMPLATE} --s3-bucket BUCKET \
         --output-template-file packaged.yaml\n  \
         aws cloudformation deploy --region {recovery} --template-file packaged.yaml --s3-bucket BUCKET --stack-name {stack} \
         --capabilities CAPABILITY_IAM --parameter-overrides file://{PARAMETERS}"
    )?;
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

/// Parameters as AWS's command line and StackSets read them.
fn parameters(all: &BTreeMap<String, String>) -> Result<Vec<u8>, CliError> {
    let pair = |(name, value): (&String, &String)| json!({ "ParameterKey": name, "ParameterValue": value });
    let all: Vec<Value> = all.iter().map(pair).collect();
    let mut bytes = serde_json::to_vec_pretty(&all)?;
    bytes.push(b'\n');
    Ok(bytes)
}
