//! CloudFormation: JSON, which is YAML too, so that comments can stand above it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value as Json, json};

use super::described::{Described, Resource, TemplateForm};
use crate::domain::restore::setting::Setting;
use crate::domain::restore::taken::{How, Part};
use crate::domain::restore::value::Value;

/// CloudFormation refuses these for an instance that is made from a snapshot.
const NOT_FROM_A_SNAPSHOT: [Setting; 3] = [
    Setting::PerformanceInsightsEnabled,
    Setting::PerformanceInsightsKmsKeyId,
    Setting::PerformanceInsightsRetentionPeriod,
];

const TRAP: [&str; 3] = [
    "The snapshot's property must stay for ever. If it is removed later, CloudFormation makes an EMPTY database and",
    "deletes the restored one; if it is changed, CloudFormation replaces the database. To go on without it, restore",
    "first, and take the database over with --take-over.",
];

/// CloudFormation's type of a resource.
fn type_of(part: Part) -> &'static str {
    match part {
        Part::Instance | Part::Member => "AWS::RDS::DBInstance",
        Part::Cluster => "AWS::RDS::DBCluster",
    }
}

fn id_of(part: Part) -> &'static str {
    match part {
        Part::Instance | Part::Member => "DBInstanceIdentifier",
        Part::Cluster => "DBClusterIdentifier",
    }
}

/// The template.
pub(in crate::cli) fn template(of: &Described) -> Result<String, serde_json::Error> {
    let mut resources = Map::new();
    let mut comments = of.header.clone();
    let names = logical_names(of);
    for resource in &of.resources {
        let (properties, left_out) = properties(of.form, resource, &names);
        for what in left_out {
            comments.push(format!(
                "Set afterwards on {}: {what}.",
                resource.identifier
            ));
        }
        let mut body = Map::new();
        body.insert("Type".to_owned(), json!(type_of(resource.part)));
        body.insert("DeletionPolicy".to_owned(), json!("Retain"));
        body.insert("UpdateReplacePolicy".to_owned(), json!("Retain"));
        body.insert("Properties".to_owned(), Json::Object(properties));
        let name = name_of(&names, resource.part, &resource.identifier);
        resources.insert(name.to_owned(), Json::Object(body));
    }
    if of.form == TemplateForm::Make {
        comments.extend(TRAP.map(ToOwned::to_owned));
    }
    let template = json!({
        "AWSTemplateFormatVersion": "2010-09-09",
        "Resources": resources,
    });
    let comments = comments.iter().map(|line| format!("# {line}\n"));
    let text = serde_json::to_string_pretty(&template)?;
    Ok(format!("{}{text}\n", comments.collect::<String>()))
}

/// What `create-change-set --change-set-type IMPORT` wants beside the template.
pub(in crate::cli) fn imports(of: &Described) -> Result<String, serde_json::Error> {
    let names = logical_names(of);
    let each = of.resources.iter().map(|resource| {
        json!({
            "ResourceType": type_of(resource.part),
            "LogicalResourceId": name_of(&names, resource.part, &resource.identifier),
            "ResourceIdentifier": { (id_of(resource.part)): resource.identifier },
        })
    });
    serde_json::to_string_pretty(&each.collect::<Vec<_>>())
}

/// The properties, and what cannot stand among them.
fn properties(
    form: TemplateForm,
    resource: &Resource,
    names: &LogicalNames,
) -> (Map<String, Json>, Vec<String>) {
    let mut properties = Map::new();
    let mut left_out = Vec::new();
    let id = json!(resource.identifier);
    properties.insert(id_of(resource.part).to_owned(), id);
    if let Some(snapshot) = &resource.snapshot {
        let name = match resource.part {
            Part::Instance | Part::Member => "DBSnapshotIdentifier",
            Part::Cluster => "SnapshotIdentifier",
        };
        properties.insert(name.to_owned(), json!(snapshot));
    }
    if let Some(cluster) = &resource.cluster {
        let cluster = json!({ "Ref": name_of(names, Part::Cluster, cluster) });
        properties.insert("DBClusterIdentifier".to_owned(), cluster);
    }
    for (setting, value) in &resource.settings {
        let Some(taken) = setting.of(resource.part) else {
            continue;
        };
        let Some(name) = taken.cloudformation else {
            continue;
        };
        let is_made = form == TemplateForm::Make;
        if is_made && taken.how == How::Fixed {
            continue;
        }
        if is_made && resource.part == Part::Instance && NOT_FROM_A_SNAPSHOT.contains(setting) {
            left_out.push(format!("{name} {value}"));
            continue;
        }
        insert(&mut properties, name, property(*setting, value));
    }
    let tags = resource.tags.iter();
    let tags = tags.map(|(key, value)| json!({ "Key": key, "Value": value }));
    properties.insert("Tags".to_owned(), tags.collect());
    (properties, left_out)
}

/// Sets a property, or one inside a property: `Outer.Inner`.
fn insert(properties: &mut Map<String, Json>, name: &str, value: Json) {
    match name.split_once('.') {
        None => {
            properties.insert(name.to_owned(), value);
        }
        Some((outer, inner)) => {
            let outer = properties.entry(outer).or_insert_with(|| json!({}));
            outer[inner] = value;
        }
    }
}

fn property(setting: Setting, value: &Value) -> Json {
    match (setting, value) {
        // CloudFormation's schema has these as texts.
        (Setting::AllocatedStorage | Setting::Port, Value::Number(number)) => {
            json!(number.to_string())
        }
        (Setting::MasterUserSecretArn, _) => json!(true),
        (_, value) => json!(value),
    }
}

/// The name of each resource within a template, by CloudFormation's type of it and its identifier.
type LogicalNames = BTreeMap<(&'static str, String), String>;

/// Letters and digits alone, so two identifiers may come to the same: the later one gets a number.
fn logical_names(of: &Described) -> LogicalNames {
    let mut names = LogicalNames::new();
    let mut taken = BTreeSet::new();
    for resource in &of.resources {
        let words = resource
            .identifier
            .split(|c: char| !c.is_ascii_alphanumeric());
        let capital = |word: &str| {
            let (first, rest) = word.split_at(word.len().min(1));
            format!("{}{rest}", first.to_ascii_uppercase())
        };
        let kind = match resource.part {
            Part::Instance | Part::Member => "Db",
            Part::Cluster => "Cluster",
        };
        let name = format!("{kind}{}", words.map(capital).collect::<String>());
        let numbered = (2..).map(|number| format!("{name}N{number}"));
        let mut free = std::iter::once(name.clone()).chain(numbered);
        let name = free.find(|name| !taken.contains(name)).unwrap_or(name);
        taken.insert(name.clone());
        names.insert((type_of(resource.part), resource.identifier.clone()), name);
    }
    names
}

fn name_of<'n>(names: &'n LogicalNames, part: Part, identifier: &str) -> &'n str {
    let name = names.get(&(type_of(part), identifier.to_owned()));
    name.map_or("", String::as_str)
}
