//! Terraform, and OpenTofu.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::described::{Described, Resource, TemplateForm};
use super::hcl::{name, text};
use crate::domain::restore::setting::Setting;
use crate::domain::restore::taken::{How, Part};
use crate::domain::restore::value::Value;

fn type_of(part: Part) -> &'static str {
    match part {
        Part::Instance => "aws_db_instance",
        Part::Cluster => "aws_rds_cluster",
        Part::Member => "aws_rds_cluster_instance",
    }
}

/// The configuration.
pub(in crate::cli) fn configuration(of: &Described) -> String {
    let mut out = String::new();
    for line in &of.header {
        let _ = writeln!(out, "# {line}");
    }
    if of.form == TemplateForm::Make {
        out.push_str(
            "# A change of snapshot_identifier would replace the database, so it is ignored.\n",
        );
    }
    for resource in &of.resources {
        out.push('\n');
        if of.form == TemplateForm::TakeOver {
            let to = format!("{}.{}", type_of(resource.part), name(&resource.identifier));
            let id = text(&resource.identifier);
            let _ = writeln!(out, "import {{\n  to = {to}\n  id = {id}\n}}\n");
        }
        write_resource(&mut out, of.form, resource);
    }
    out
}

fn write_resource(out: &mut String, form: TemplateForm, resource: &Resource) {
    let (kind, here) = (type_of(resource.part), name(&resource.identifier));
    let _ = writeln!(out, "resource \"{kind}\" \"{here}\" {{");
    let mut arguments: Vec<(String, String)> = Vec::new();
    let mut blocks: BTreeMap<&str, Vec<(&str, String)>> = BTreeMap::new();
    let id = match resource.part {
        Part::Cluster => "cluster_identifier",
        Part::Instance | Part::Member => "identifier",
    };
    arguments.push((id.to_owned(), text(&resource.identifier)));
    if let Some(cluster) = &resource.cluster {
        let of = format!("aws_rds_cluster.{}.cluster_identifier", name(cluster));
        arguments.push(("cluster_identifier".to_owned(), of));
    }
    if let Some(snapshot) = &resource.snapshot {
        arguments.push(("snapshot_identifier".to_owned(), text(snapshot)));
    }
    for (setting, value) in &resource.settings {
        let taken = setting.of(resource.part);
        let Some((taken, argument)) = taken.and_then(|taken| Some((taken, taken.terraform?)))
        else {
            continue;
        };
        if form == TemplateForm::Make && taken.how == How::Fixed {
            continue;
        }
        let value = match setting {
            Setting::MasterUserSecretArn => "true".to_owned(),
            _ => expression(value),
        };
        match argument.split_once('.') {
            None => arguments.push((argument.to_owned(), value)),
            Some((block, inner)) => blocks.entry(block).or_default().push((inner, value)),
        }
    }
    // The provider will not destroy without them, and sets them to lose data when it imports.
    match resource.part {
        Part::Instance | Part::Cluster => {
            arguments.push(("skip_final_snapshot".to_owned(), "false".to_owned()));
            let last = format!("{}-final", resource.identifier);
            arguments.push(("final_snapshot_identifier".to_owned(), text(&last)));
            arguments.push(("delete_automated_backups".to_owned(), "false".to_owned()));
        }
        Part::Member => {}
    }
    let width = arguments.iter().map(|(name, _)| name.len()).max();
    let width = width.unwrap_or_default();
    for (argument, value) in &arguments {
        let _ = writeln!(out, "  {argument:width$} = {value}");
    }
    out.push_str("\n  tags = {\n");
    for (key, value) in &resource.tags {
        let _ = writeln!(out, "    {} = {}", text(key), text(value));
    }
    out.push_str("  }\n");
    for (block, inner) in &blocks {
        let _ = writeln!(out, "\n  {block} {{");
        for (argument, value) in inner {
            let _ = writeln!(out, "    {argument} = {value}");
        }
        out.push_str("  }\n");
    }
    if resource.snapshot.is_some() {
        out.push_str(
            "\n  lifecycle {\n    ignore_changes = [snapshot_identifier]\n  }\n\n  timeouts {\n    create = \"8h\"\n  }\n",
        );
    }
    out.push_str("}\n");
    if let Part::Instance | Part::Cluster = resource.part {
        write_roles(out, resource);
    }
}

/// Roles are resources of their own.
fn write_roles(out: &mut String, resource: &Resource) {
    let roles = resource
        .settings
        .iter()
        .find_map(|(setting, value)| match (setting, value) {
            (Setting::AssociatedRoles, Value::Records(roles)) => Some(roles),
            _ => None,
        });
    let (kind, id) = match resource.part {
        Part::Cluster => ("aws_rds_cluster_role_association", "db_cluster_identifier"),
        Part::Instance | Part::Member => {
            ("aws_db_instance_role_association", "db_instance_identifier")
        }
    };
    let of = type_of(resource.part);
    let here = name(&resource.identifier);
    let attribute = match resource.part {
        Part::Cluster => "cluster_identifier",
        Part::Instance | Part::Member => "identifier",
    };
    for (number, role) in roles.into_iter().flatten().enumerate() {
        let part = |name: &str| text(role.get(name).map_or("", String::as_str));
        let _ = writeln!(
            out,
            "\nresource \"{kind}\" \"{here}_{}\" {{\n  {id} = {of}.{here}.{attribute}\n  feature_name = {}\n  role_arn = {}\n}}",
            number + 1,
            part("FeatureName"),
            part("RoleArn"),
        );
    }
}

fn expression(value: &Value) -> String {
    match value {
        Value::Flag(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
        Value::Decimal(number) => number.number().to_string(),
        Value::Text(of) => text(of),
        Value::Texts(all) => {
            let each = all.iter().map(|one| text(one));
            format!("[{}]", each.collect::<Vec<_>>().join(", "))
        }
        Value::Records(all) => {
            let record = |record: &BTreeMap<String, String>| {
                let parts = record.iter();
                let parts = parts.map(|(name, value)| format!("{} = {}", text(name), text(value)));
                format!("{{ {} }}", parts.collect::<Vec<_>>().join(", "))
            };
            let each = all.iter().map(record).collect::<Vec<_>>();
            format!("[{}]", each.join(", "))
        }
    }
}
