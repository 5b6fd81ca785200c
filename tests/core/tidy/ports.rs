//! Who implements the ports: the adapters, the one fake, and what wraps either.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::{files, read, shown};

/// Where an implementation is no second fake, and why.
const ALLOWED: [&str; 7] = [
    "src/aws",
    "src/fake",
    // The helper that reads pages has a trait of its own for what a page may end in.
    "src/ports/pages.rs",
    // Planted bugs around the fake: each method calls the fake's.
    "sim/src/simulation/mutated",
    // Two queues of the emulator behind one adapter.
    "tests/emulator",
    // They measure memory: an allocator counts what the use case itself holds.
    "tests/memory",
    "tests/memory_plan",
];

/// Implementations of ports in other places. A wrapper is not a second fake: one of its type parameters is bounded by
/// the same port.
pub(super) fn second_fakes(all: &[PathBuf]) -> Vec<String> {
    let ports: BTreeSet<String> = files(&["src/ports"], &["rs"])
        .iter()
        .flat_map(|file| syn::parse_file(&read(file)).unwrap().items)
        .filter_map(|item| match item {
            syn::Item::Trait(port) => Some(port.ident.to_string()),
            _ => None,
        })
        .collect();
    assert!(ports.len() > 20, "src/ports has {} ports", ports.len());
    let mut found = Vec::new();
    for path in all {
        let place = shown(path);
        if ALLOWED.iter().any(|allowed| place.starts_with(allowed)) {
            continue;
        }
        for item in syn::parse_file(&read(path)).unwrap().items {
            if let syn::Item::Impl(item) = item
                && let Some(port) = implemented(&item)
                && ports.contains(&port)
                && !wraps(&item, &port)
            {
                found.push(format!("{place}: another implementation of {port}"));
            }
        }
    }
    found
}

fn implemented(item: &syn::ItemImpl) -> Option<String> {
    let (path, _) = item.trait_.as_ref()?;
    path.segments.last().map(|last| last.ident.to_string())
}

/// Whether one of the implementation's own type parameters is bounded by the same port.
fn wraps(item: &syn::ItemImpl, port: &str) -> bool {
    let is_port = |bound: &syn::TypeParamBound| match bound {
        syn::TypeParamBound::Trait(bound) => {
            let last = bound.path.segments.last();
            last.is_some_and(|last| last.ident == port)
        }
        _ => false,
    };
    let by_parameter = item
        .generics
        .type_params()
        .any(|parameter| parameter.bounds.iter().any(is_port));
    let clause = item.generics.where_clause.iter();
    let by_clause = clause
        .flat_map(|clause| &clause.predicates)
        .any(|predicate| match predicate {
            syn::WherePredicate::Type(predicate) => predicate.bounds.iter().any(is_port),
            _ => false,
        });
    by_parameter || by_clause
}
