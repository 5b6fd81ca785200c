//! A choice state, which looks at the fields of an execution's input.

use serde::Deserialize;
use serde_json::Value;

use super::{AslError, fault, is_field};

/// Chooses the next task by which fields the input has.
#[derive(Debug, Clone)]
pub(super) struct Choice {
    rules: Vec<Rule>,
    default: String,
}

#[derive(Debug, Clone)]
struct Rule {
    field: String,
    is_present: bool,
    next: String,
}

impl Choice {
    /// The first rule's that holds.
    pub(super) fn next(&self, input: &Value) -> &str {
        self.rules
            .iter()
            // A null field counts as present.
            .find(|rule| input.get(&rule.field).is_some() == rule.is_present)
            .map_or(&self.default, |rule| &rule.next)
    }

    /// All tasks that it can lead to.
    pub(super) fn leads_to(&self) -> impl Iterator<Item = &str> {
        let nexts = self.rules.iter().map(|rule| &rule.next);
        nexts.chain([&self.default]).map(String::as_str)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ChoiceJson {
    #[serde(rename = "Comment")]
    _comment: Option<String>,
    choices: Vec<RuleJson>,
    // The language allows a choice without a default, which fails if no rule matches.
    default: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct RuleJson {
    #[serde(rename = "Comment")]
    _comment: Option<String>,
    variable: String,
    is_present: bool,
    next: String,
}

pub(super) fn read(name: &str, json: ChoiceJson) -> Result<Choice, AslError> {
    if json.choices.is_empty() {
        return Err(fault(name, "it has no rule".to_owned()));
    }
    let rules: Result<Vec<Rule>, AslError> = json
        .choices
        .into_iter()
        .map(|rule| {
            let field = rule.variable.strip_prefix("$.");
            let Some(field) = field.filter(|field| is_field(field)) else {
                let text = format!("its variable {} is not one field", rule.variable);
                return Err(fault(name, text));
            };
            Ok(Rule {
                field: field.to_owned(),
                is_present: rule.is_present,
                next: rule.next,
            })
        })
        .collect();
    Ok(Choice {
        rules: rules?,
        default: json.default,
    })
}
