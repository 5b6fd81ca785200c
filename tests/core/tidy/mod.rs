//! House rules that a reviewer would otherwise have to repeat.

mod modules;
mod ports;

use std::path::{Path, PathBuf};

/// How long a file of the product may be, in lines.
const LINES_MAX: usize = 500;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The files below these folders that end in one of these extensions, in order.
fn files(folders: &[&str], extensions: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut left: Vec<PathBuf> = folders.iter().map(|folder| root().join(folder)).collect();
    while let Some(path) = left.pop() {
        if path.is_dir() {
            let entries = std::fs::read_dir(&path).unwrap();
            left.extend(entries.map(|entry| entry.unwrap().path()));
        } else if path
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
        &["src", "sim", "evidence", "tests", "benches", "build.rs"],
        &["rs"],
    )
}

fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap().display().to_string()
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

fn complain(found: &[String]) {
    assert!(found.is_empty(), "{}\n", found.join("\n"));
}

#[test]
fn no_two_modules_import_each_other() {
    // The fake is no part of the product; its rooms still know each other.
    let mut product = files(&["src"], &["rs"]);
    product.retain(|path| !shown(path).starts_with("src/fake"));
    complain(&modules::cycles(&product));
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
