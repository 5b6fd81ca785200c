//! A CloudFormation template, its parameters at their defaults.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use serde_norway::Value as Yaml;

use super::IdleCostError;

/// A template whose short intrinsics (`!Ref x`) are written out (`{"Ref": "x"}`).
#[derive(Debug, Clone, PartialEq)]
pub struct Template(Value);

impl Template {
    /// Reads a template's text.
    ///
    /// # Errors
    /// When it is not YAML, or has keys that are no text.
    pub fn read(text: &str) -> Result<Self, IdleCostError> {
        let yaml = serde_norway::from_str(text)
            .map_err(|error| IdleCostError::Unreadable(error.to_string()))?;
        json(yaml).map(Self)
    }

    /// The same template with one resource more, or one replaced.
    #[must_use]
    pub fn with(mut self, name: &str, resource: Value) -> Self {
        self.0["Resources"][name] = resource;
        self
    }

    /// The same template with another default of a parameter.
    #[must_use]
    pub fn with_default(mut self, parameter: &str, value: &str) -> Self {
        self.0["Parameters"][parameter]["Default"] = value.into();
        self
    }

    /// The resources that are made when every parameter has its default, by their names.
    pub(super) fn resources(&self) -> Result<BTreeMap<&str, &Value>, IdleCostError> {
        let all = self.0.get("Resources").and_then(Value::as_object);
        let mut made = BTreeMap::new();
        for (name, resource) in all.into_iter().flatten() {
            let is_made = match resource.get("Condition") {
                None => true,
                Some(condition) => self.holds(condition)?,
            };
            if is_made {
                made.insert(name.as_str(), resource);
            }
        }
        Ok(made)
    }

    /// A property of a function, or else what is said for all functions.
    pub(super) fn of_function<'a>(
        &'a self,
        function: &'a Value,
        property: &str,
    ) -> Option<&'a Value> {
        let own = function.get("Properties").and_then(|all| all.get(property));
        own.or_else(|| self.0.get("Globals")?.get("Function")?.get(property))
    }

    /// A value, or the default of the parameter that it refers to, as text.
    pub(crate) fn text(&self, value: &Value) -> Option<String> {
        let value = match value.get("Ref").and_then(Value::as_str) {
            Some(parameter) => self.0.get("Parameters")?.get(parameter)?.get("Default")?,
            None => value,
        };
        match value {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(truth) => Some(truth.to_string()),
            _ => None,
        }
    }

    /// A value as a number, likewise.
    pub(super) fn number(&self, value: &Value) -> Option<f64> {
        self.text(value)?.parse().ok()
    }

    /// Whether a condition, by its name or spelled out, holds.
    fn holds(&self, condition: &Value) -> Result<bool, IdleCostError> {
        let strange = || IdleCostError::Strange {
            resource: "Conditions".to_owned(),
            why: format!("{condition} is not understood"),
        };
        let named = condition
            .as_str()
            .or_else(|| condition.get("Condition")?.as_str());
        if let Some(name) = named {
            let conditions = self.0.get("Conditions").ok_or_else(strange)?;
            return self.holds(conditions.get(name).ok_or_else(strange)?);
        }
        let arguments = |function: &str| condition.get(function).and_then(Value::as_array);
        if let Some([one]) = arguments("Fn::Not").map(Vec::as_slice) {
            return self.holds(one).map(|holds| !holds);
        }
        match arguments("Fn::Equals").map(Vec::as_slice) {
            Some([one, other]) => {
                let (one, other) = (self.text(one), self.text(other));
                Ok(one.ok_or_else(strange)? == other.ok_or_else(strange)?)
            }
            _ => Err(strange()),
        }
    }
}

fn json(yaml: Yaml) -> Result<Value, IdleCostError> {
    Ok(match yaml {
        Yaml::Tagged(tagged) => {
            let name = tagged.tag.to_string();
            let name = match name.trim_start_matches('!') {
                plain @ ("Ref" | "Condition") => plain.to_owned(),
                function => format!("Fn::{function}"),
            };
            Value::Object(Map::from_iter([(name, json(tagged.value)?)]))
        }
        Yaml::Sequence(items) => items.into_iter().map(json).collect::<Result<_, _>>()?,
        Yaml::Mapping(members) => {
            let mut object = Map::new();
            for (key, value) in members {
                let key = key
                    .as_str()
                    .ok_or_else(|| IdleCostError::Unreadable("a key that is no text".to_owned()))?;
                object.insert(key.to_owned(), json(value)?);
            }
            Value::Object(object)
        }
        plain => serde_json::to_value(plain)
            .map_err(|error| IdleCostError::Unreadable(error.to_string()))?,
    })
}
