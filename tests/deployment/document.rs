//! The deployed files, as JSON.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::{Map, Value};
use serde_norway::Value as Yaml;

/// `template.yaml`, its short intrinsics (`!Ref x`) written out (`{"Ref": "x"}`).
pub(crate) fn template() -> Value {
    yaml("template.yaml")
}

/// `source-region.yaml`, likewise.
pub(crate) fn source_region() -> Value {
    yaml("source-region.yaml")
}

/// `restore.yaml`, likewise.
pub(crate) fn restore() -> Value {
    yaml("restore.yaml")
}

/// `report.yaml`, likewise.
pub(crate) fn report() -> Value {
    yaml("report.yaml")
}

/// All of them, each with the name of its file.
pub(crate) fn templates() -> [(&'static str, Value); 4] {
    let files = [
        "template.yaml",
        "source-region.yaml",
        "restore.yaml",
        "report.yaml",
    ];
    files.map(|file| (file, yaml(file)))
}

/// The state machine's definition, its substitutions not filled in.
pub(crate) fn definition() -> Value {
    serde_json::from_str(&text("statemachine/protect.asl.json")).unwrap()
}

/// A file of the repository.
pub(crate) fn text(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    std::fs::read_to_string(path).unwrap()
}

fn yaml(name: &str) -> Value {
    json(serde_norway::from_str(&text(name)).unwrap())
}

fn json(yaml: Yaml) -> Value {
    match yaml {
        Yaml::Tagged(tagged) => {
            let name = tagged.tag.to_string();
            let name = match name.trim_start_matches('!') {
                plain @ ("Ref" | "Condition") => plain.to_owned(),
                function => format!("Fn::{function}"),
            };
            Value::Object(Map::from_iter([(name, json(tagged.value))]))
        }
        Yaml::Sequence(items) => items.into_iter().map(json).collect(),
        Yaml::Mapping(members) => members
            .into_iter()
            .map(|(key, value)| (key.as_str().unwrap().to_owned(), json(value)))
            .collect(),
        plain => serde_json::to_value(plain).unwrap(),
    }
}

/// The properties of the resources of a type, in the order of their names.
pub(crate) fn resources<'a>(
    template: &'a Value,
    kind: &str,
) -> impl Iterator<Item = (&'a str, &'a Value)> {
    let all = template["Resources"].as_object().unwrap().iter();
    let of_kind = all.filter(|(_, resource)| resource["Type"] == kind);
    let named = of_kind.map(|(name, resource)| (name.as_str(), &resource["Properties"]));
    named.collect::<BTreeMap<_, _>>().into_iter()
}

/// The names of an object's members, in order.
pub(crate) fn keys(object: &Value) -> Vec<&str> {
    let members = object.as_object().unwrap();
    let names: BTreeSet<&str> = members.keys().map(String::as_str).collect();
    names.into_iter().collect()
}

/// Every value under a key, however deep.
pub(crate) fn values_of<'a>(value: &'a Value, key: &str, found: &mut Vec<&'a Value>) {
    match value {
        Value::Object(members) => {
            found.extend(members.get(key));
            members
                .values()
                .for_each(|member| values_of(member, key, found));
        }
        Value::Array(items) => items.iter().for_each(|item| values_of(item, key, found)),
        _ => {}
    }
}

/// A value that may be a single text or a list of texts.
pub(crate) fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::Array(items) => items.iter().map(|item| item.as_str().unwrap()).collect(),
        one => vec![one.as_str().unwrap()],
    }
}
