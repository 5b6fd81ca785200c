//! The pages and templates say what the code says.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_norway::Value;
use snapferry_live::questions::QUESTIONS;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

fn page(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

/// The last cell of each row of UNPROVEN: the questions that ask AWS about it, or a dash.
fn asked_by() -> Vec<(String, String)> {
    let text = page("docs/UNPROVEN.md");
    let rows = text.lines().filter(|line| line.starts_with("| ")).skip(2);
    let cells = rows.map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        (
            cells[0].to_owned(),
            cells.last().copied().unwrap_or_default().to_owned(),
        )
    });
    cells.collect()
}

#[test]
fn unproven_names_for_each_entry_the_question_that_answers_it_and_names_every_question() {
    let names: BTreeSet<&str> = QUESTIONS.iter().map(|it| it.name).collect();
    let rows = asked_by();
    assert!(rows.len() > 80, "{} rows", rows.len());
    let mut named = BTreeSet::new();
    for (assumption, cell) in &rows {
        if cell == "–" {
            continue;
        }
        for name in cell.split(", ") {
            let name = name.trim_matches('`');
            let known = names.get(name);
            named
                .insert(*known.unwrap_or_else(|| {
                    panic!("{cell:?} of the row {assumption:?} is no question")
                }));
        }
    }
    assert_eq!(named, names, "questions that no row names");
}

#[test]
fn the_page_shows_each_question_with_what_it_does_and_expects() {
    let text = page("docs/LIVE-CHECK.md");
    for question in QUESTIONS {
        let row = format!(
            "| `{}` | {} | {} |",
            question.name, question.does, question.expects
        );
        assert!(
            text.contains(&row),
            "docs/LIVE-CHECK.md lacks the row\n{row}"
        );
    }
}

/// The statements of a role by their ids.
fn statements(template: &str, role: &str) -> Vec<(String, Value)> {
    let template: Value = serde_norway::from_str(&page(template)).unwrap();
    let policies = &template["Resources"][role]["Properties"]["Policies"];
    let policies = policies.as_sequence().unwrap().iter();
    let statements =
        policies.flat_map(|it| it["PolicyDocument"]["Statement"].as_sequence().unwrap());
    let id = |it: &Value| it["Sid"].as_str().unwrap().to_owned();
    statements.map(|it| (id(it), it.clone())).collect()
}

/// A statement as text, with this template's ways to name the stack's id and the key.
fn as_text(statement: &Value) -> String {
    let text = serde_norway::to_string(statement).unwrap();
    let lines: Vec<&str> = text.lines().map(str::trim_start).collect();
    let product = "!If\n- StackIdIsGiven\n- !Ref StackId\n- !Ref AWS::StackName";
    let key = "!If\n- KeyIsMade\n- !GetAtt RecoveryKey.Arn\n- !Ref RecoveryKeyArn";
    let text = lines.join("\n").replace(product, "!Ref StackId");
    text.replace(key, "!GetAtt RecoveryKey.Arn")
}

#[test]
fn the_workers_role_has_the_statements_of_the_products_worker() {
    let product = statements("template.yaml", "WorkerRole");
    let here = statements("live/recovery-region.yaml", "Worker");
    assert!(here.len() > 8, "{} statements", here.len());
    for (id, statement) in here {
        let found = product.iter().find(|(of, _)| *of == id);
        let (_, of_product) = found.unwrap_or_else(|| panic!("the product's worker has no {id}"));
        assert_eq!(as_text(&statement), as_text(of_product), "{id}");
    }
}
