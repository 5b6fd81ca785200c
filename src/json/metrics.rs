//! Metrics in CloudWatch's embedded format: a line of a function's log that CloudWatch makes metrics of.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::domain::operator::metrics::Published;

/// Writes one line. `dimensions` name the series; without them it is the stack's own. `properties` are searchable in the
/// log, and cost no metric.
#[must_use]
pub fn line<M: Published>(
    namespace: &str,
    at: Timestamp,
    dimensions: &[(&str, &str)],
    values: &[(M, f64)],
    properties: &[(&str, Value)],
) -> String {
    let names: Vec<&str> = dimensions.iter().map(|(name, _)| *name).collect();
    let metrics: Vec<Value> = values
        .iter()
        .map(|(metric, _)| json!({"Name": metric.name(), "Unit": metric.counts().as_str()}))
        .collect();
    let directive = json!({
        "Timestamp": at.as_millisecond(),
        "CloudWatchMetrics": [{"Namespace": namespace, "Dimensions": [names], "Metrics": metrics}],
    });
    let mut line = Map::from_iter([("_aws".to_owned(), directive)]);
    let text = |(name, value): &(&str, &str)| ((*name).to_owned(), json!(value));
    line.extend(dimensions.iter().map(text));
    let other = |(name, value): &(&str, Value)| ((*name).to_owned(), value.clone());
    line.extend(properties.iter().map(other));
    let number = |(metric, value): &(M, f64)| (metric.name().to_owned(), json!(value));
    line.extend(values.iter().map(number));
    Value::Object(line).to_string()
}
