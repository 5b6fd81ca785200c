//! The table's items. The saved texts are DynamoDB's JSON, each attribute with its type.

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::Value;
use snapferry::aws::{Item, read_wait, write_wait};

use crate::corpus::fuzz;
use crate::judge::{can_be_carried_out, is_a_reason};

/// Reads DynamoDB's JSON, without which there is no item to judge.
fn item(text: &str) -> Option<Item> {
    attributes(&serde_json::from_str(text).ok()?)
}

fn attributes(json: &Value) -> Option<Item> {
    let attributes = json.as_object()?.iter();
    attributes
        .map(|(name, value)| Some((name.clone(), attribute(value)?)))
        .collect()
}

fn attribute(json: &Value) -> Option<AttributeValue> {
    let typed = json.as_object().filter(|typed| typed.len() == 1)?;
    let (kind, value) = typed.iter().next()?;
    let text = || value.as_str().map(str::to_owned);
    let texts = || {
        value
            .as_array()?
            .iter()
            .map(|v| v.as_str().map(str::to_owned))
            .collect::<Option<Vec<String>>>()
    };
    Some(match kind.as_str() {
        "S" => AttributeValue::S(text()?),
        "N" => AttributeValue::N(text()?),
        "BOOL" => AttributeValue::Bool(value.as_bool()?),
        "NULL" => AttributeValue::Null(value.as_bool()?),
        "SS" => AttributeValue::Ss(texts()?),
        "L" => AttributeValue::L(
            value
                .as_array()?
                .iter()
                .map(attribute)
                .collect::<Option<_>>()?,
        ),
        "M" => AttributeValue::M(attributes(value)?),
        _ => return None,
    })
}

#[test]
fn a_wait_is_read_as_it_is_or_refused_with_a_reason() {
    fuzz("items", |text| {
        let Some(item) = item(text) else {
            return;
        };
        match read_wait(&item) {
            Ok(wait) => {
                let written = write_wait(&wait);
                assert!(read_wait(&written).unwrap() == wait);
                can_be_carried_out(&wait.command.run);
                // Every condition of the table compares these as they are stored.
                for attribute in ["pk", "token", "phase", "step"] {
                    assert!(item[attribute] == written[attribute], "{attribute}");
                }
            }
            Err(error) => is_a_reason(&error, &["the item's"]),
        }
    });
}

#[test]
fn the_saved_waits_that_are_whole_can_be_read() {
    for name in ["snapshot", "copy"] {
        let path = format!(
            "{}/tests/fuzz/corpus/items/{name}.json",
            env!("CARGO_MANIFEST_DIR")
        );
        let item = item(&std::fs::read_to_string(path).unwrap()).unwrap();
        assert!(read_wait(&item).is_ok(), "{name}");
    }
}
