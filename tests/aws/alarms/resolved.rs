//! The template's alarms and filters, with every parameter at its default.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde_json::Value;

use super::evaluate::{Alarm, MissingData, Point, Statistic};
use crate::document::{resources, template};

/// What the stack is called here.
pub(crate) const NAMESPACE: &str = "Snapferry/snapferry";

/// A value, a parameter's default, or the name of a resource and its attribute.
fn text(template: &Value, value: &Value) -> String {
    if let Some(name) = value["Ref"].as_str() {
        let default = &template["Parameters"][name]["Default"];
        return match default {
            Value::Null => name.to_owned(),
            default => text(template, default),
        };
    }
    if let Some(attribute) = value["Fn::GetAtt"].as_str() {
        return attribute.to_owned();
    }
    if let Some(pattern) = value["Fn::Sub"].as_str() {
        return pattern.replace("${AWS::StackName}", "snapferry");
    }
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        other => panic!("{other} is not understood"),
    }
}

/// The template's alarms.
pub(crate) fn alarms() -> Vec<Alarm> {
    let template = template();
    let read = |(name, alarm): (&str, &Value)| {
        let get = |property: &str| text(&template, &alarm[property]);
        let dimensions = alarm["Dimensions"].as_array().into_iter().flatten();
        let dimensions = dimensions.map(|one| {
            let name = text(&template, &one["Name"]);
            (name, text(&template, &one["Value"]))
        });
        Alarm {
            name: name.to_owned(),
            namespace: get("Namespace"),
            metric: get("MetricName"),
            dimensions: dimensions.collect(),
            statistic: match get("Statistic").as_str() {
                "Maximum" => Statistic::Maximum,
                "Minimum" => Statistic::Minimum,
                "Sum" => Statistic::Sum,
                other => panic!("{name}: {other}"),
            },
            period: get("Period").parse().unwrap(),
            of: get("EvaluationPeriods").parse().unwrap(),
            needed: get("DatapointsToAlarm").parse().unwrap(),
            threshold: get("Threshold").parse().unwrap(),
            rings_above: match get("ComparisonOperator").as_str() {
                "GreaterThanThreshold" => true,
                "LessThanThreshold" => false,
                other => panic!("{name}: {other}"),
            },
            missing: match get("TreatMissingData").as_str() {
                "breaching" => MissingData::Breaching,
                "notBreaching" => MissingData::NotBreaching,
                other => panic!("{name}: {other}"),
            },
        }
    };
    resources(&template, "AWS::CloudWatch::Alarm")
        .map(read)
        .collect()
}

/// The words that the template's filters count, each with its metric.
fn filters() -> &'static BTreeMap<String, String> {
    static FILTERS: OnceLock<BTreeMap<String, String>> = OnceLock::new();
    FILTERS.get_or_init(|| {
        let template = template();
        let filters = resources(&template, "AWS::Logs::MetricFilter");
        let counted = filters.map(|(_, filter)| {
            let words = filter["FilterPattern"].as_str().unwrap();
            let metric = &filter["MetricTransformations"][0]["MetricName"];
            (
                words.trim_matches('"').to_owned(),
                metric.as_str().unwrap().to_owned(),
            )
        });
        counted.collect()
    })
}

/// The words that the filters count.
pub(crate) fn counted_words() -> Vec<String> {
    filters().keys().cloned().collect()
}

/// What CloudWatch makes of a line of a function's log: metrics of the embedded format, and of the filters' words.
pub(crate) fn published(line: &str) -> Vec<Point> {
    let mut points = Vec::new();
    for (words, metric) in filters() {
        if line.contains(words) {
            points.push(Point {
                second: 0,
                namespace: NAMESPACE.to_owned(),
                metric: metric.clone(),
                dimensions: BTreeMap::new(),
                value: 1.0,
            });
        }
    }
    let line: Value = serde_json::from_str(line).unwrap();
    let directives = line["_aws"]["CloudWatchMetrics"].as_array();
    for directive in directives.into_iter().flatten() {
        for set in directive["Dimensions"].as_array().unwrap() {
            let names = set.as_array().unwrap().iter();
            let dimensions: BTreeMap<String, String> = names
                .map(|name| {
                    let name = name.as_str().unwrap();
                    (name.to_owned(), line[name].as_str().unwrap().to_owned())
                })
                .collect();
            for metric in directive["Metrics"].as_array().unwrap() {
                let name = metric["Name"].as_str().unwrap();
                points.push(Point {
                    second: 0,
                    namespace: directive["Namespace"].as_str().unwrap().to_owned(),
                    metric: name.to_owned(),
                    dimensions: dimensions.clone(),
                    value: line[name].as_f64().unwrap(),
                });
            }
        }
    }
    points
}
