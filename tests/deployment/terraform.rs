//! The Terraform module: it parses, and its variables and parameters are those of the templates.

use std::collections::BTreeSet;
use std::path::Path;

use hcl::{Block, Body, Expression};
use serde_json::Value;
use snapferry::domain::deploy::defaults::parameter_names;
use snapferry::domain::deploy::package::{Templates, packaged, packaged_part};
use snapferry::domain::deploy::part::Part;

use crate::document::{keys, source_region, template, templates, text};

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

/// The parameters of a part that the first stack has, by another name or not at all, in its outputs.
fn of_outputs(part: Part) -> &'static [(&'static str, &'static str)] {
    const RESTORE: [(&str, &str); 3] = [
        ("StackId", "StackIdentity"),
        ("TableName", "TableName"),
        ("AlarmTopicArn", "AlarmTopic"),
    ];
    const REPORT: [(&str, &str); 5] = [
        ("StackId", "StackIdentity"),
        ("TableName", "TableName"),
        ("StateMachineArn", "StateMachineArn"),
        ("RecoveryKeyArn", "RecoveryKey"),
        ("AlarmTopicArn", "AlarmTopic"),
    ];
    match part {
        Part::Restore => &RESTORE,
        Part::Report => &REPORT,
    }
}

/// The parameters of a part that are variables of the module.
fn variables_of(part: Part) -> Vec<&'static str> {
    let names = parameter_names(part.template()).into_iter();
    let taken = |name: &str| {
        let mut outputs = of_outputs(part).iter();
        // The module has the stack's name under another one.
        name == "StackName" || outputs.any(|(parameter, _)| *parameter == name)
    };
    names.filter(|name| !taken(name)).collect()
}

fn template_of(part: Part) -> Value {
    let found = templates()
        .into_iter()
        .find(|(file, _)| *file == part.file());
    found.unwrap().1
}

fn variable_tf(name: &str, parameter: &Value, of_part: bool) -> String {
    let kind = match parameter["Type"] == "CommaDelimitedList" {
        true => "list(string)",
        false => "string",
    };
    let description = parameter["Description"].as_str().unwrap();
    let description = description.replace('\\', "\\\\").replace('"', "\\\"");
    let default = match &parameter["Default"] {
        // Who wants no such part names none of its parameters.
        Value::Null if !of_part => "",
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

/// The variables and the maps of parameters, as the templates' parameters say them. What templates have in common is one
/// variable.
fn parameters_tf() -> String {
    let recovery = template();
    let mut known = parameter_names(&Templates::carried().recovery)
        .into_iter()
        .map(ToOwned::to_owned)
        .collect::<Vec<String>>();
    let mut file =
        "# Generated from template.yaml and the templates of the parts; a test holds it. What is null keeps the template's \
         default.\n"
            .to_owned();
    for name in &known {
        file.push_str(&variable_tf(name, &recovery["Parameters"][name], false));
    }
    let mut maps = "\nlocals {\n  parameters = {\n".to_owned();
    for name in &known {
        let value = value_tf(name, &recovery["Parameters"][name]);
        maps.push_str(&format!("    {name} = {value}\n"));
    }
    for part in Part::ALL {
        let template = template_of(part);
        maps.push_str(&format!("  }}\n\n  {}_parameters = {{\n", part.word()));
        for name in variables_of(part) {
            let parameter = &template["Parameters"][name];
            if !known.iter().any(|one| one == name) {
                file.push_str(&variable_tf(name, parameter, true));
                known.push(name.to_owned());
            }
            maps.push_str(&format!("    {name} = {}\n", value_tf(name, parameter)));
        }
    }
    maps.push_str("  }\n}\n");
    file + &maps
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
    let first = of(&template());
    let of_parts: Vec<(Part, BTreeSet<String>)> = Part::ALL
        .map(|part| {
            let names = variables_of(part).into_iter().map(ToOwned::to_owned);
            (part, names.collect())
        })
        .into();
    let variables: BTreeSet<String> = body
        .blocks()
        .filter(|block| block.identifier.as_str() == "variable")
        .map(|block| block.labels[0].as_str().to_owned())
        .collect();
    let parts = of_parts.iter().flat_map(|(_, names)| names);
    let expected: BTreeSet<String> = first.iter().chain(parts).map(|name| snake(name)).collect();
    assert_eq!(variables, expected);
    let locals = blocks(&body, &["locals"]).next().unwrap();
    assert_eq!(members(locals, "parameters"), first);
    for (part, names) in of_parts {
        let map = format!("{}_parameters", part.word());
        assert_eq!(members(locals, &map), names);
    }
}

/// What a part takes from the first stack's outputs, the module gives it too.
#[test]
fn a_part_gets_from_the_firsts_outputs_what_deploy_gives_it() {
    let main = text("terraform/main.tf");
    for part in Part::ALL {
        let resource = format!("\"aws_cloudformation_stack\" \"{}\"", part.word());
        let (_, stack) = main.split_once(&resource).unwrap();
        for (parameter, output) in of_outputs(part) {
            let mut lines = stack.lines();
            let line = lines.find(|line| line.trim().starts_with(parameter));
            let is_named = line.unwrap().contains(&format!("\"{output}\""));
            assert!(is_named, "{parameter}");
            assert!(template()["Outputs"][output].is_object(), "{output}");
        }
    }
}

/// CloudFormation would say so too, but only once the other stacks stand.
#[test]
fn a_report_without_a_bucket_fails_in_the_plan() {
    let body = parsed("main.tf");
    let report = blocks(&body, &["resource", "aws_cloudformation_stack", "report"])
        .next()
        .unwrap();
    let lifecycle = blocks(&report.body, &["lifecycle"]).next().unwrap();
    let precondition = blocks(&lifecycle.body, &["precondition"]).next().unwrap();
    let mut attributes = precondition.body.attributes();
    let condition = attributes.find(|one| one.key.as_str() == "condition");
    let condition = condition.unwrap().expr.to_string();
    assert_eq!(condition, "var.report_bucket != null");
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
    assert_eq!(objects.len(), 5);
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
    for part in Part::ALL {
        let file = format!("{}.zip", part.program());
        let packaged = packaged_part(part, part.template(), &file).unwrap();
        let needle = format!("CodeUri: {file}");
        assert!(main.contains(&format!("\"{needle}\"")) && packaged.contains(&needle));
    }
}
