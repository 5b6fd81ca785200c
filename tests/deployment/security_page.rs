//! docs/SECURITY.md: its tables are the roles of the templates.

use std::path::Path;

use serde_json::Value;

use crate::document::{resources, templates, text, texts};

const BEGIN: &str =
    "<!-- The tables below are generated from the templates; a test holds them. -->\n";
const END: &str = "<!-- End of the generated tables. -->\n";

/// A value of a template in a few words.
fn words(value: &Value) -> String {
    if let Some(text) = value.as_str() {
        return plain(text);
    }
    if let Some(list) = value.as_array() {
        return list.iter().map(words).collect::<Vec<_>>().join(", ");
    }
    let (function, of) = value.as_object().unwrap().iter().next().unwrap();
    match function.as_str() {
        "Fn::Sub" => plain(of.as_str().unwrap_or_else(|| of[0].as_str().unwrap())),
        "Fn::GetAtt" => of.as_str().unwrap().trim_end_matches(".Arn").to_owned(),
        "Ref" => of.as_str().unwrap().to_owned(),
        // The first choice is the usual one, or the one that a parameter asks for.
        "Fn::If" => words(&of[1]),
        other => panic!("{other}"),
    }
}

/// An ARN without what is the same everywhere.
fn plain(text: &str) -> String {
    text.replace("arn:${AWS::Partition}:", "")
        .replace(":${AWS::AccountId}:", ":")
        .replace("${AWS::Region}", "this region")
        .replace("${", "")
        .replace('}', "")
}

fn condition(statement: &Value) -> String {
    let Some(operators) = statement["Condition"].as_object() else {
        return String::new();
    };
    let each = operators.iter().flat_map(|(operator, keys)| {
        let keys = keys.as_object().unwrap().iter();
        keys.map(move |(key, value)| format!("`{key}` {operator} {}", words(value)))
    });
    each.collect::<Vec<_>>().join("; ")
}

fn code(list: Vec<String>) -> String {
    let each = list.iter().map(|one| format!("`{one}`"));
    each.collect::<Vec<_>>().join(", ")
}

fn row(statement: &Value) -> String {
    let actions = texts(&statement["Action"]);
    let actions = actions.into_iter().map(ToOwned::to_owned).collect();
    let on = match &statement["Resource"] {
        Value::Array(list) => list.iter().map(words).collect(),
        one => vec![words(one)],
    };
    format!(
        "| {} | {} | {} | {} |\n",
        statement["Effect"].as_str().unwrap().to_lowercase(),
        code(actions),
        code(on),
        condition(statement)
    )
}

fn tables() -> String {
    let mut page = String::new();
    for (file, template) in templates() {
        for (name, role) in resources(&template, "AWS::IAM::Role") {
            page.push_str(&format!("\n### {name} ({file})\n\n"));
            page.push_str("| effect | actions | on | condition |\n| --- | --- | --- | --- |\n");
            let policies = role["Policies"].as_array().unwrap();
            let statements = policies
                .iter()
                .filter_map(|policy| policy.get("PolicyDocument"))
                .flat_map(|document| document["Statement"].as_array().unwrap());
            statements.for_each(|statement| page.push_str(&row(statement)));
        }
        for (name, policy) in resources(&template, "AWS::IAM::ManagedPolicy") {
            page.push_str(&format!("\n### {name}, for people ({file})\n\n"));
            page.push_str("| effect | actions | on | condition |\n| --- | --- | --- | --- |\n");
            let statements = policy["PolicyDocument"]["Statement"].as_array().unwrap();
            statements
                .iter()
                .for_each(|statement| page.push_str(&row(statement)));
        }
    }
    page.push('\n');
    page
}

#[test]
fn the_page_shows_what_each_role_of_the_templates_may_do() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/SECURITY.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    let expected = format!("{before}{BEGIN}{}{END}{after}", tables());
    if page != expected {
        let fresh = Path::new(env!("CARGO_TARGET_TMPDIR")).join("SECURITY.md");
        std::fs::write(&fresh, expected).unwrap();
        panic!(
            "docs/SECURITY.md does not show the roles as they are. Look at the difference, then: cp {} docs/",
            fresh.display()
        );
    }
}

#[test]
fn each_test_that_the_page_names_is_there() {
    let page = text("docs/SECURITY.md");
    let mut named = 0;
    for link in page.split('[').skip(1) {
        let Some((name, rest)) = link.split_once("](../") else {
            continue;
        };
        if !rest.starts_with("tests/") && !rest.starts_with("live/tests/") {
            continue;
        }
        // A file as a whole.
        if name.contains('/') || name == "tests" {
            continue;
        }
        let (file, _) = rest.split_once(')').unwrap();
        let code = text(file);
        assert!(code.contains(&format!("fn {name}(")), "{file}: {name}");
        named += 1;
    }
    assert!(named >= 10, "{named}");
}
