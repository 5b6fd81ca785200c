//! The templates' parameters and their defaults, read without YAML: the templates are written so that a parameter is a key
//! with two blanks before it, and its default a key with four.

use std::collections::BTreeMap;

/// The parameters of a template, each with its default if it has one, in the order of the template.
fn parameters(template: &str) -> Vec<(&str, Option<&str>)> {
    let lines = template.lines().skip_while(|line| *line != "Parameters:");
    let within = lines
        .skip(1)
        .take_while(|line| line.is_empty() || line.starts_with(' ') || line.starts_with('#'));
    let mut found: Vec<(&str, Option<&str>)> = Vec::new();
    for line in within {
        let Some(key) = line.strip_prefix("  ") else {
            continue;
        };
        if let Some(value) = key.strip_prefix("  Default: ")
            && let Some((_, default)) = found.last_mut()
        {
            *default = Some(value.trim_matches('"'));
            continue;
        }
        if let Some(name) = key.strip_suffix(':')
            && !name.is_empty()
            && name.bytes().all(|b| b.is_ascii_alphanumeric())
        {
            found.push((name, None));
        }
    }
    found
}

/// The names of a template's parameters, in order.
#[must_use]
pub fn parameter_names(template: &str) -> Vec<&str> {
    let all = parameters(template).into_iter();
    all.map(|(name, _)| name).collect()
}

/// The defaults of a template's parameters, by name.
#[must_use]
pub fn parameter_defaults(template: &str) -> BTreeMap<&str, &str> {
    let all = parameters(template).into_iter();
    all.filter_map(|(name, default)| Some((name, default?)))
        .collect()
}
