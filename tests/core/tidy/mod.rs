//! House rules that a reviewer would otherwise have to repeat. CONTRIBUTING.md has the reasons.

mod modules;
mod names;
mod ports;
mod text;

use std::path::{Path, PathBuf};

/// How long a file of the product may be, in lines.
const LINES_MAX: usize = 500;

/// Phrases that must be read twice. "Besides" is one as an adverb, which is where a stop follows it.
const PHRASES: [&str; 54] = [
    "a person's to say",
    "a restorable copy of every",
    "alarm rings",
    "as it is as it is",
    "becomes of",
    "begin anew",
    "begins anew",
    "besides)",
    "besides,",
    "besides.",
    "besides:",
    "besides;",
    "came to rest",
    "entered as its run",
    "every one that ever was",
    "excepted",
    "for so long",
    "for want of",
    "goes without saying",
    "holds from now on",
    "in store for",
    "into force",
    "is no part of",
    "is no trace",
    "is told as",
    "is told of",
    "manieth",
    "mend",
    "mended",
    "mending",
    "mends",
    "must not want for",
    "never polls",
    "nobody's fault",
    "none of ours",
    "nothing of theirs",
    "nothing where",
    "notwithstanding",
    "of whom",
    "stood in for",
    "that is none",
    "that there is not",
    "time-out",
    "time-outs",
    "to the brim",
    "told for",
    "too dear",
    "vouches",
    "what came of",
    "what is of",
    "what is whose",
    "who is kept back",
    "whoever",
    "without polling",
];

/// What people read: code, documents, help, messages, templates.
const TEXTS: [&str; 19] = [
    ".cargo",
    ".ci",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Cargo.toml",
    "README.md",
    "benches",
    "build.rs",
    "clippy.toml",
    "deny.toml",
    "docs",
    "evidence",
    "live",
    "sim",
    "source-region.yaml",
    "src",
    "statemachine",
    "template.yaml",
    "tests",
];

/// The word that version 0.1.0 stored for `fix-key`: waits that sleep over an upgrade still hold it.
const STORED_WORD: &str = "\"mend-key\"";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The files below these folders that end in one of these extensions, or all files if none is named, in order.
fn files(folders: &[&str], extensions: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut left: Vec<PathBuf> = folders.iter().map(|folder| root().join(folder)).collect();
    while let Some(path) = left.pop() {
        if path.is_dir() {
            let entries = std::fs::read_dir(&path).unwrap();
            left.extend(entries.map(|entry| entry.unwrap().path()));
        } else if extensions.is_empty()
            || path
                .extension()
                .is_some_and(|is| extensions.iter().any(|extension| is == *extension))
        {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn rust_files() -> Vec<PathBuf> {
    files(
        &[
            "src", "sim", "evidence", "live", "tests", "benches", "build.rs",
        ],
        &["rs"],
    )
}

fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap().display().to_string()
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

/// These lists name what they refuse, and a fixture stays as another version wrote it.
fn is_exempt(path: &Path) -> bool {
    let name = shown(path);
    name.starts_with("tests/core/tidy") || name.contains("/fixtures/") || name.contains("/target/")
}

fn complain(found: &[String]) {
    assert!(found.is_empty(), "{}\n", found.join("\n"));
}

#[test]
fn no_two_modules_import_each_other() {
    complain(&modules::cycles(&files(&["src"], &["rs"])));
}

#[test]
fn every_file_of_the_product_fits_in_a_head() {
    let long = files(&["src"], &["rs"]).into_iter().filter_map(|path| {
        let lines = read(&path).lines().count();
        (lines > LINES_MAX).then(|| format!("{}: {lines} lines", shown(&path)))
    });
    complain(&long.collect::<Vec<_>>());
}

#[test]
fn a_port_is_implemented_in_memory_once() {
    complain(&ports::second_fakes(&rust_files()));
}

#[test]
fn no_sentence_must_be_read_twice() {
    let mut found = Vec::new();
    for path in files(&TEXTS, &[]) {
        // What is no text has no sentences.
        if let Ok(text) = std::fs::read_to_string(&path)
            && !is_exempt(&path)
        {
            let phrases = text::phrases(&text.replace(STORED_WORD, ""), &PHRASES);
            let name = shown(&path);
            found.extend(phrases.iter().map(|phrase| format!("{name}: \"{phrase}\"")));
        }
    }
    complain(&found);
}

#[test]
fn every_name_says_what_it_is() {
    let mut found = Vec::new();
    for path in rust_files().iter().filter(|path| !is_exempt(path)) {
        let name = shown(path);
        if names::is_retired_file(&name) {
            found.push(format!("{name}: a retired name of a file"));
        }
        let retired = names::retired(&read(path));
        found.extend(retired.iter().map(|retired| format!("{name}: `{retired}`")));
    }
    complain(&found);
}
