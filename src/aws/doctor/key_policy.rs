//! Reads the parts of a KMS key's policy that the doctor judges.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::domain::doctor::key_policy::{Condition, Statement};
use crate::json::{JsonError, object};

const EXPECTED: &str = "a key policy";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Document {
    statement: OneOrMany<Row>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany<T> {
    Many(Vec<T>),
    One(T),
}

impl<T> OneOrMany<T> {
    fn into_vec(self) -> Vec<T> {
        match self {
            Self::Many(all) => all,
            Self::One(one) => vec![one],
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Row {
    effect: String,
    principal: Option<Principal>,
    not_principal: Option<Value>,
    action: Option<OneOrMany<String>>,
    not_action: Option<Value>,
    #[serde(default)]
    condition: BTreeMap<String, BTreeMap<String, OneOrMany<Plain>>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Principal {
    Anyone(String),
    By(BTreeMap<String, OneOrMany<String>>),
}

/// A text, or a boolean or number, which IAM accepts in place of a text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Plain {
    Text(String),
    Truth(bool),
    Number(serde_json::Number),
}

/// Reads a policy.
///
/// # Errors
/// If the text is not a policy.
pub fn read(text: &str) -> Result<Vec<Statement>, JsonError> {
    let document: Document = object(EXPECTED, text)?;
    Ok(document
        .statement
        .into_vec()
        .into_iter()
        .map(statement)
        .collect())
}

fn statement(row: Row) -> Statement {
    let principals = match row.principal {
        Some(Principal::Anyone(anyone)) => vec![anyone],
        // Services and federated users are not roles.
        Some(Principal::By(mut kinds)) => kinds
            .remove("AWS")
            .map_or_else(Vec::new, OneOrMany::into_vec),
        None => Vec::new(),
    };
    let conditions = row.condition.into_iter().flat_map(|(operator, keys)| {
        keys.into_iter().map(move |(key, values)| Condition {
            operator: operator.clone(),
            key,
            values: values.into_vec().into_iter().map(plain).collect(),
        })
    });
    Statement {
        denies: row.effect != "Allow",
        principals,
        actions: row.action.map_or_else(Vec::new, OneOrMany::into_vec),
        conditions: conditions.collect(),
        inverted: row.not_principal.is_some() || row.not_action.is_some(),
    }
}

fn plain(value: Plain) -> String {
    match value {
        Plain::Text(text) => text,
        Plain::Truth(truth) => truth.to_string(),
        Plain::Number(number) => number.to_string(),
    }
}
