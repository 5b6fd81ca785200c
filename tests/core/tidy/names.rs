//! Names of the code that said nothing, or meant several things.

use std::collections::BTreeSet;

use proc_macro2::{TokenStream, TokenTree};

/// Names of types, variants and modules that must not come back.
///
/// `Left` is missing: it is a variant of `futures_util`'s `Either`. `Sleeper` is missing: the comparison calls so a
/// Lambda function that sleeps, which is what the word says. `Run` may not be a type, but is a part of many names.
const NAMES: [&str; 51] = [
    "Aim",
    "Also",
    "Broom",
    "Circumstances",
    "Concluded",
    "Contender",
    "CopyOf",
    "Course",
    "Desk",
    "Ear",
    "EndedBadly",
    "Existing",
    "Extras",
    "Ground",
    "Happened",
    "Heard",
    "Judged",
    "LeftOut",
    "Letter",
    "Looked",
    "Mail",
    "MendKey",
    "Moment",
    "Named",
    "NotSaid",
    "Order",
    "Preflight",
    "Receives",
    "Run",
    "Sends",
    "Standing",
    "Starts",
    "Storm",
    "Swept",
    "Tried",
    "Trouble",
    "Way",
    "WhyNew",
    "Worked",
    "early_birds",
    "fate",
    "ferry",
    "hear",
    "manieth",
    "mischief",
    "of_policies",
    "people",
    "strangers",
    "tied",
    "weather",
    "aim",
];

/// Names that no function may have. As the name of a value each is a common word: rows of a table, the databases that
/// are named on a command line, room for three more snapshots. `of` may also name a function: as a constructor
/// (`Attempt::of(arn)`) the type in front of it says of what.
const FUNCTIONS: [&str; 5] = ["most", "named", "room", "told", "way"];

/// Files and folders that may be called so nowhere.
const FILES: [&str; 12] = [
    "aim",
    "fate",
    "ferry",
    "mischief",
    "named",
    "people",
    "preview",
    "room",
    "storm",
    "strangers",
    "tied",
    "weather",
];

/// Files whose names say something elsewhere: `src/cli/plan.rs` is the command `snapferry plan`, and the demo's faults
/// have a plan too.
const PATHS: [&str; 3] = [
    "src/app/plan.rs",
    "sim/src/rows.rs",
    "src/domain/operator/letter.rs",
];

/// The retired names that a file uses, in its code and inside its macros. Comments and texts are no names.
pub(super) fn retired(code: &str) -> Vec<&'static str> {
    let tokens: TokenStream = code.parse().unwrap();
    let mut names = BTreeSet::new();
    let mut functions = BTreeSet::new();
    collect(tokens, &mut names, &mut functions);
    let names = NAMES.into_iter().filter(|name| names.contains(*name));
    let functions = FUNCTIONS
        .into_iter()
        .filter(|name| functions.contains(*name));
    names.chain(functions).collect()
}

fn collect(tokens: TokenStream, names: &mut BTreeSet<String>, functions: &mut BTreeSet<String>) {
    let mut is_declared = false;
    for token in tokens {
        let was_fn = is_declared;
        is_declared = false;
        match token {
            TokenTree::Ident(name) => {
                let name = name.to_string();
                is_declared = name == "fn";
                if was_fn {
                    functions.insert(name.clone());
                }
                names.insert(name);
            }
            TokenTree::Group(group) => collect(group.stream(), names, functions),
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
}

/// Whether a file, or a folder above it, has a retired name.
pub(super) fn is_retired_file(path: &str) -> bool {
    let mut parts = path.split('/').map(|part| part.trim_end_matches(".rs"));
    PATHS.contains(&path) || parts.any(|part| FILES.contains(&part))
}

#[test]
fn a_retired_name_is_found_in_code_and_macros_and_never_in_words() {
    assert_eq!(retired("struct Desk { ear: u8 }"), ["Desk"]);
    assert_eq!(
        retired("calls! { Swept { early_birds } }"),
        ["Swept", "early_birds"]
    );
    assert_eq!(
        retired("impl A { pub async fn told<T>(&self) {} }"),
        ["told"]
    );
    assert_eq!(retired("let told = named(rows);"), [""; 0]);
    assert_eq!(retired("// a Desk\nlet say = \"Desk\";"), [""; 0]);
    assert_eq!(retired("struct RunOptions; struct SlotOrder;"), [""; 0]);
}

#[test]
fn a_retired_file_is_found_by_its_name_or_by_its_whole_path() {
    for path in [
        "src/app/plan.rs",
        "src/app/preview.rs",
        "src/app/worker/named.rs",
        "sim/src/rows.rs",
        "evidence/src/compare/ferry/meter.rs",
    ] {
        assert!(is_retired_file(path), "{path}");
    }
    for path in [
        "src/cli/plan.rs",
        "sim/src/demo/faults/plan.rs",
        "src/app/plan_preview.rs",
        "src/aws/rds_rows.rs",
    ] {
        assert!(!is_retired_file(path), "{path}");
    }
}
