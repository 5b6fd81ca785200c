//! docs/PARAMETERS.md: the parameters and outputs of the templates, and CloudFormation's limits for them.

use std::path::Path;

use serde_json::Value;
use snapferry::domain::deploy::defaults::parameter_names;

use crate::document::{keys, templates, text};

/// What CloudFormation takes as a text.
const TEXT_MAX: usize = 51_200;
/// What it takes of an object in S3.
const OBJECT_MAX: usize = 1_000_000;
/// How many parameters and outputs a template may have, and how many resources a stack.
const NAMED_MAX: usize = 200;
const RESOURCES_MAX: usize = 500;

const HEAD: &str = "# Parameters and outputs\n\n\
    `snapferry deploy --parameter NAME=VALUE` sets a parameter of `template.yaml`, or with `--with restore` of `restore.yaml` and \
    with `--with report` of `report.yaml`; what they have in common is the same in all. One that nobody names keeps its value, or \
    has its default in a new stack. `template.yaml` goes to CloudFormation through a bucket, because it is larger than the \
    51,200 bytes that CloudFormation takes as a text; `source-region.yaml`, `restore.yaml` and `report.yaml` go as a \
    text.\n\n\
    This page is generated from the templates; a test holds it.\n";

fn cell(value: &Value) -> String {
    match value {
        Value::Null => "required".to_owned(),
        Value::String(text) if text.is_empty() => "empty".to_owned(),
        Value::String(text) => format!("`{text}`"),
        other => format!("`{other}`"),
    }
}

fn page() -> String {
    let mut page = HEAD.to_owned();
    for (file, template) in templates() {
        page.push_str(&format!(
            "\n## {file}: parameters\n\n| parameter | default | meaning |\n| --- | --- | --- |\n"
        ));
        for name in parameter_names(&text(file)) {
            let parameter = &template["Parameters"][name];
            let meaning = parameter["Description"].as_str().unwrap();
            let default = cell(&parameter["Default"]);
            page.push_str(&format!(
                "| `{name}` | {default} | {} |\n",
                meaning.replace('|', "\\|")
            ));
        }
        page.push_str(&format!(
            "\n## {file}: outputs\n\n| output | meaning |\n| --- | --- |\n"
        ));
        for name in keys(&template["Outputs"]) {
            let meaning = template["Outputs"][name]["Description"].as_str().unwrap();
            page.push_str(&format!("| `{name}` | {meaning} |\n"));
        }
    }
    page
}

#[test]
fn the_page_shows_each_parameter_and_each_output() {
    let expected = page();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/PARAMETERS.md");
    if std::fs::read_to_string(&path).unwrap_or_default() != expected {
        let fresh = Path::new(env!("CARGO_TARGET_TMPDIR")).join("PARAMETERS.md");
        std::fs::write(&fresh, expected).unwrap();
        panic!(
            "docs/PARAMETERS.md does not show the templates as they are. Look at the difference, then: cp {} docs/",
            fresh.display()
        );
    }
}

#[test]
fn the_templates_are_within_cloudformations_limits() {
    let recovery = text("template.yaml").len();
    assert!((TEXT_MAX + 1..OBJECT_MAX).contains(&recovery), "{recovery}");
    for file in ["source-region.yaml", "restore.yaml", "report.yaml"] {
        let length = text(file).len();
        // A bucket's address in the place of the folder takes some bytes.
        assert!(length + 1_000 <= TEXT_MAX, "{file}: {length}");
    }
    for (_, template) in templates() {
        assert!(keys(&template["Parameters"]).len() <= NAMED_MAX);
        assert!(keys(&template["Outputs"]).len() <= NAMED_MAX);
        // A function of the serverless transform becomes some five resources.
        assert!(keys(&template["Resources"]).len() * 5 <= RESOURCES_MAX);
    }
}
