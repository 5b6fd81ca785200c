//! `snapferry deploy --emit`: everything that a pipeline of one's own needs, as files.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use serde_json::{Value, json};

use crate::app::deploy::{Code, Refused};
use crate::cli::outcome::{CliError, Ended};
use crate::cli::show::write_json;
use crate::domain::deploy::defaults::parameter_names;
use crate::domain::deploy::package::{Templates, packaged, packaged_restore};
use crate::domain::deploy::request::DeployRequest;

/// The function's zip, beside the template.
const FUNCTION: &str = "function.zip";
/// The state machine's definition, beside the template.
const DEFINITION: &str = "protect.asl.json";
/// The recovery region's template.
const TEMPLATE: &str = "template.yaml";
/// The source regions' template.
const SOURCE_TEMPLATE: &str = "source-region.yaml";
/// The zip of the function of the recovery region's second stack, its template and its parameters.
const DRILLS: &str = "drills.zip";
const RESTORE_TEMPLATE: &str = "restore.yaml";
const RESTORE_PARAMETERS: &str = "restore.parameters.json";
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
    let of_restore = parameter_names(&templates.restore);
    let mut known = of_recovery.clone();
    if code.drills.is_some() {
        known.extend(&of_restore);
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
    let mut files: Vec<(&str, Vec<u8>)> = vec![
        (TEMPLATE, template.into_bytes()),
        (SOURCE_TEMPLATE, templates.source.clone().into_bytes()),
        (DEFINITION, templates.definition.clone().into_bytes()),
        (FUNCTION, code.zip),
        (PARAMETERS, recovery),
        (SOURCE_PARAMETERS, source),
    ];
    let with_restore = code.drills.is_some();
    if let Some(zip) = code.drills {
        let template = packaged_restore(&templates.restore, DRILLS);
        let template = template.map_err(crate::app::deploy::DeployError::Template)?;
        let own = request.restore_parameters(&of_restore, None, code.architecture);
        files.extend([
            (RESTORE_TEMPLATE, template.into_bytes()),
            (DRILLS, zip),
            (RESTORE_PARAMETERS, parameters(&own)?),
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
        let names: Vec<&str> = files.iter().map(|(name, _)| *name).collect();
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
    if with_restore {
        let name = stack.of_restore();
        writeln!(
            out,
            "\n{RESTORE_TEMPLATE} comes after the first stack: put its outputs StackIdentity, TableName and AlarmTopic into \
             {RESTORE_PARAMETERS}.\n\n  \
             aws cloudformation package --region {recovery} --template-file {RESTORE_TEMPLATE} --s3-bucket BUCKET \
             --output-template-file packaged-restore.yaml\n  \
             aws cloudformation deploy --region {recovery} --template-file packaged-restore.yaml --stack-name {name} \
             --capabilities CAPABILITY_IAM --parameter-overrides file://{RESTORE_PARAMETERS}\n"
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

/// Parameters as AWS's command line and StackSets read them.
fn parameters(all: &BTreeMap<String, String>) -> Result<Vec<u8>, CliError> {
    let pair = |(name, value): (&String, &String)| json!({ "ParameterKey": name, "ParameterValue": value });
    let all: Vec<Value> = all.iter().map(pair).collect();
    let mut bytes = serde_json::to_vec_pretty(&all)?;
    bytes.push(b'\n');
    Ok(bytes)
}
