//! The Terraform module: it parses, and its variables and parameters are those of the templates.

use std::collections::BTreeSet;
use std::path::Path;

use hcl::{Block, Body, Expression};
use serde_json::Value;
use snapferry::domain::deploy::defaults::parameter_names;
use snapferry::domain::deploy::package::{Templates, packaged, packaged_restore};

use crate::document::{keys, restore, source_region, template, text};

const FILES: [&str; 4] = [
    "main.tf",
    "module_variables.tf",
    "outputs.tf",
    "parameters.tf",
];

fn parsed(file: &str) -> Body {
    let text = text(&format!("terraform/{file}"));
    hcl::parse(&text).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn blocks<'a>(body: &'a Body, words: &'a [&str]) -> impl Iterator<Item = &'a Block> {
    body.blocks().filter(move |block| {
        let labels = block.labels.iter().map(|label| label.as_str());
        block.identifier.as_str() == words[0] && labels.eq(words[1..].iter().copied())
    })
}

/// `RecoveryKeyArn` as Terraform's words: `recovery_key_arn`.
fn snake(name: &str) -> String {
    let mut words = String::new();
    for (at, letter) in name.char_indices() {
        if letter.is_uppercase() && at > 0 {
            words.push('_');
        }
        words.extend(letter.to_lowercase());
    }
    words
}

/// The parameters of the second stack that the first one has, by another name or not at all, in its outputs.
const OF_OUTPUTS: [&str; 3] = ["StackId", "TableName", "AlarmTopicArn"];

fn variable_tf(name: &str, parameter: &Value) -> String {
    let kind = match parameter["Type"] == "CommaDelimitedList" {
        true => "list(string)",
        false => "string",
    };
    let description = parameter["Description"].as_str().unwrap();
    let description = description.replace('\\', "\\\\").replace('"', "\\\"");
    let default = match &parameter["Default"] {
        Value::Null => "",
        _ => "  default     = null\n",
    };
    format!(
        "\nvariable \"{}\" {{\n  type        = {kind}\n  description = \"{description}\"\n{default}}}\n",
        snake(name)
    )
}

fn value_tf(name: &str, parameter: &Value) -> String {
    let variable = format!("var.{}", snake(name));
    match (
        parameter["Type"] == "CommaDelimitedList",
        &parameter["Default"],
    ) {
        (false, _) => variable,
        (true, Value::Null) => format!("join(\",\", {variable})"),
        (true, _) => format!("{variable} == null ? null : join(\",\", {variable})"),
    }
}

/// The variables and the maps of parameters, as the templates' parameters say them. What both templates have is one variable.
fn parameters_tf() -> String {
    let carried = Templates::carried();
    let (recovery, second) = (template(), restore());
    let (names, of_second) = (
        parameter_names(&carried.recovery),
        parameter_names(&carried.restore),
    );
    let mut file =
        "# Generated from template.yaml and restore.yaml; a test holds it. What is null keeps the template's default.\n"
            .to_owned();
    for name in &names {
        file.push_str(&variable_tf(name, &recovery["Parameters"][*name]));
    }
    for name in of_second.iter().filter(|name| !names.contains(name)) {
        file.push_str(&variable_tf(name, &second["Parameters"][*name]));
    }
    file.push_str("\nlocals {\n  parameters = {\n");
    for name in &names {
        let value = value_tf(name, &recovery["Parameters"][*name]);
        file.push_str(&format!("    {name} = {value}\n"));
    }
    file.push_str("  }\n\n  restore_parameters = {\n");
    for name in of_second.iter().filter(|name| !OF_OUTPUTS.contains(name)) {
        let value = value_tf(name, &second["Parameters"][*name]);
        file.push_str(&format!("    {name} = {value}\n"));
    }
    file.push_str("  }\n}\n");
    file
}

#[test]
fn the_modules_variables_are_the_templates_parameters() {
    let expected = parameters_tf();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("terraform/parameters.tf");
    if std::fs::read_to_string(&path).unwrap_or_default() != expected {
        let fresh = Path::new(env!("CARGO_TARGET_TMPDIR")).join("parameters.tf");
        std::fs::write(&fresh, expected).unwrap();
        panic!(
            "terraform/parameters.tf is not what the templates say. Look at the difference, then: cp {} terraform/",
            fresh.display()
        );
    }
    // hcl-rs is the other opinion on names and keys.
    let body = parsed("parameters.tf");
    let of = |template: &Value| -> BTreeSet<String> {
        let names = keys(&template["Parameters"]).into_iter();
        names.map(ToOwned::to_owned).collect()
    };
    let (first, mut second) = (of(&template()), of(&restore()));
    second.retain(|name| !OF_OUTPUTS.contains(&name.as_str()));
    let variables: BTreeSet<String> = body
        .blocks()
        .filter(|block| block.identifier.as_str() == "variable")
        .map(|block| block.labels[0].as_str().to_owned())
        .collect();
    let expected: BTreeSet<String> = (&first | &second).iter().map(|name| snake(name)).collect();
    assert_eq!(variables, expected);
    let locals = blocks(&body, &["locals"]).next().unwrap();
    assert_eq!(members(locals, "parameters"), first);
    assert_eq!(members(locals, "restore_parameters"), second);
}

/// What the second stack takes from the first one's outputs, the module gives it too.
#[test]
fn the_second_stack_gets_from_the_firsts_outputs_what_deploy_gives_it() {
    let main = text("terraform/main.tf");
    let (_, stack) = main
        .split_once("\"aws_cloudformation_stack\" \"restore\"")
        .unwrap();
    for (parameter, output) in
        OF_OUTPUTS
            .into_iter()
            .zip(["StackIdentity", "TableName", "AlarmTopic"])
    {
        let line = stack
            .lines()
            .find(|line| line.trim().starts_with(parameter));
        assert!(
            line.unwrap().contains(&format!("\"{output}\"")),
            "{parameter}"
        );
        assert!(template()["Outputs"][output].is_object(), "{output}");
    }
}

/// CloudFormation takes a failed upgrade back with the objects of the template before.
#[test]
fn an_object_goes_only_after_the_stack_that_needs_it_for_its_rollback() {
    let body = parsed("main.tf");
    let objects: Vec<&Block> = body
        .blocks()
        .filter(|block| {
            block
                .labels
                .first()
                .is_some_and(|kind| kind.as_str() == "aws_s3_object")
        })
        .collect();
    assert_eq!(objects.len(), 4);
    for object in objects {
        let lifecycle = blocks(&object.body, &["lifecycle"]).next();
        let mut attributes = lifecycle.unwrap().body.attributes();
        let found = attributes.find(|one| one.key.as_str() == "create_before_destroy");
        assert_eq!(
            found.unwrap().expr,
            Expression::Bool(true),
            "{:?}",
            object.labels
        );
    }
}

/// What a variable leaves out gets the template's default, not the stack's value.
#[test]
fn who_takes_a_stack_over_is_told_to_name_its_parameters() {
    let page = text("terraform/README.md");
    assert!(page.contains("name every parameter that the stack has"));
    for variable in ["recovery_key_arn", "stack_id", "table_name"] {
        assert!(page.contains(&format!("`{variable}`")), "{variable}");
    }
}

/// The keys of a block's attribute that is an object.
fn members(block: &Block, attribute: &str) -> BTreeSet<String> {
    let mut attributes = block.body.attributes();
    let found = attributes
        .find(|one| one.key.as_str() == attribute)
        .unwrap();
    let Expression::Object(object) = &found.expr else {
        panic!("{attribute} is no object")
    };
    object.keys().map(ToString::to_string).collect()
}

#[test]
fn a_source_regions_stack_gets_every_parameter_of_its_template() {
    let body = parsed("main.tf");
    let source = blocks(&body, &["resource", "aws_cloudformation_stack", "source"])
        .next()
        .unwrap();
    let template = source_region();
    let expected: BTreeSet<String> = keys(&template["Parameters"])
        .into_iter()
        .map(ToOwned::to_owned)
        .collect();
    assert_eq!(members(source, "parameters"), expected);
}

#[test]
fn every_variable_that_the_module_names_is_one_of_its_own_and_is_used() {
    let mut declared = BTreeSet::new();
    let mut named = BTreeSet::new();
    for file in FILES {
        let body = parsed(file);
        let variables = body
            .blocks()
            .filter(|block| block.identifier.as_str() == "variable");
        declared.extend(variables.map(|block| block.labels[0].as_str().to_owned()));
        let text = text(&format!("terraform/{file}"));
        for part in text.split("var.").skip(1) {
            let name = part.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            named.extend(name.take(1).map(ToOwned::to_owned));
        }
    }
    assert_eq!(named, declared);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("terraform");
    let files: BTreeSet<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".tf"))
        .collect();
    assert_eq!(files, FILES.map(ToOwned::to_owned).into());
}

/// The module puts the bucket's addresses where the release's template names the files beside it.
#[test]
fn the_module_replaces_what_a_releases_template_says() {
    let main = text("terraform/main.tf");
    let template = packaged(
        &Templates::carried().recovery,
        "function.zip",
        "protect.asl.json",
    );
    let template = template.unwrap();
    for needle in ["CodeUri: function.zip", "DefinitionUri: protect.asl.json"] {
        assert!(main.contains(&format!("\"{needle}\"")), "{needle}");
        assert!(template.contains(needle), "{needle}");
    }
    let second = packaged_restore(&Templates::carried().restore, "drills.zip").unwrap();
    let needle = "CodeUri: drills.zip";
    assert!(main.contains(&format!("\"{needle}\"")) && second.contains(needle));
}
