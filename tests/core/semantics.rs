//! The tests that `docs/SEMANTICS.md` names for each guarantee must exist.

use std::path::Path;

const PAGE: &str = include_str!("../../docs/SEMANTICS.md");

fn sources(folder: &Path, all: &mut String) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, all);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            all.push_str(&std::fs::read_to_string(&path).unwrap());
        }
    }
}

#[test]
fn every_test_that_the_page_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut all = String::new();
    for folder in [
        "tests",
        "sim/tests",
        "sim/src",
        "evidence/tests",
        "evidence/src",
    ] {
        sources(&root.join(folder), &mut all);
    }
    let quoted = PAGE.split('`').skip(1).step_by(2);
    let named: Vec<&str> = quoted
        .filter(|text| text.contains('_') && !text.contains(['/', '.']))
        .collect();
    assert!(named.len() > 40, "the page names {} tests", named.len());
    for name in named {
        assert!(
            all.contains(&format!("fn {name}(")),
            "no test is called {name}"
        );
    }
}
