//! The alarms, the dashboard, and that code, template and docs/METRICS.md name the same metrics.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use snapferry::domain::limits::STATE_TIMEOUT;
use snapferry::domain::operator::metrics::{DrillMetric, Metric, OF_THE_LOGS};

use crate::document::{report, resources, restore, source_region, template, templates, text};

const OWN: &str = "Snapferry/${AWS::StackName}";

/// The names that the functions print and the filters make.
fn ours() -> BTreeSet<String> {
    let printed = Metric::ALL.iter().map(|metric| metric.as_str());
    printed.chain(OF_THE_LOGS).map(ToOwned::to_owned).collect()
}

/// The cells of a table of docs/METRICS.md, by the heading of its section.
fn table(section: &str) -> Vec<Vec<String>> {
    let page = text("docs/METRICS.md");
    let (_, rest) = page.split_once(&format!("\n## {section}\n")).unwrap();
    let rows = rest.lines().skip_while(|line| !line.starts_with('|'));
    let rows = rows.take_while(|line| line.starts_with('|')).skip(2);
    rows.map(|row| {
        let cells = row.trim_matches('|').split('|');
        cells.map(|cell| cell.trim().to_owned()).collect()
    })
    .collect()
}

fn unquoted(cell: &str) -> String {
    cell.trim_matches('`').to_owned()
}

/// A property that may be a parameter, with the parameter's default.
fn with_defaults<'a>(template: &'a Value, property: &'a Value) -> &'a Value {
    match property["Ref"].as_str() {
        Some(parameter) => &template["Parameters"][parameter]["Default"],
        None => property,
    }
}

#[test]
fn the_page_names_every_metric_with_its_unit_and_no_other() {
    let rows = table("Metrics");
    let of_drills = table("The stack of drills");
    let drills: BTreeSet<String> = of_drills.iter().map(|row| unquoted(&row[0])).collect();
    let printed = DrillMetric::ALL.iter().map(|metric| metric.as_str());
    assert_eq!(drills, printed.map(ToOwned::to_owned).collect());
    assert_eq!(of_drills[0][1], DrillMetric::ALL[0].unit().as_str());
    let named: BTreeSet<String> = rows.iter().map(|row| unquoted(&row[0])).collect();
    assert_eq!(named, ours());
    for metric in Metric::ALL {
        let row = rows.iter().find(|row| unquoted(&row[0]) == metric.as_str());
        assert_eq!(row.unwrap()[1], metric.unit().as_str(), "{metric:?}");
    }
}

#[test]
fn the_filters_make_the_metrics_of_the_logs() {
    let template = template();
    let mut made = BTreeSet::new();
    for (name, filter) in resources(&template, "AWS::Logs::MetricFilter") {
        let metric = &filter["MetricTransformations"][0];
        assert_eq!(
            metric["MetricNamespace"],
            json!({ "Fn::Sub": OWN }),
            "{name}"
        );
        made.insert(metric["MetricName"].as_str().unwrap().to_owned());
    }
    assert_eq!(made, OF_THE_LOGS.map(ToOwned::to_owned).into());
}

#[test]
fn the_functions_that_print_metrics_know_the_namespace_of_the_alarms() {
    let template = template();
    for name in ["Sweeper", "Pruner"] {
        let function = &template["Resources"][name]["Properties"];
        let variables = &function["Environment"]["Variables"];
        let namespace = &variables["SNAPFERRY_METRICS_NAMESPACE"];
        assert_eq!(*namespace, json!({ "Fn::Sub": OWN }), "{name}");
    }
}

#[test]
fn each_alarm_stands_on_the_page_with_its_period_and_the_reason() {
    for (template, section) in [
        (template(), "Alarms"),
        (restore(), "Its alarms"),
        (report(), "The reporter's alarms"),
        (source_region(), "A source region's alarm"),
    ] {
        let rows = table(section);
        let alarms: Vec<_> = resources(&template, "AWS::CloudWatch::Alarm").collect();
        let named: BTreeSet<String> = rows.iter().map(|row| unquoted(&row[0])).collect();
        let there: BTreeSet<String> = alarms.iter().map(|(name, _)| (*name).to_owned()).collect();
        assert_eq!(named, there);
        for (name, alarm) in alarms {
            let row = rows.iter().find(|row| unquoted(&row[0]) == name).unwrap();
            let period = with_defaults(&template, &alarm["Period"]);
            let (of, needed) = (&alarm["EvaluationPeriods"], &alarm["DatapointsToAlarm"]);
            assert_eq!(row[2], format!("{period} s, {needed} of {of}"), "{name}");
            let without_data = match alarm["TreatMissingData"].as_str().unwrap() {
                "breaching" => "rings",
                "notBreaching" => "is well",
                other => panic!("{name}: {other}"),
            };
            assert_eq!(row[3], without_data, "{name}");
            assert!(row[4].len() > 5, "{name} needs a reason for its period");
            let metric = alarm["MetricName"].as_str().unwrap();
            let of_queues = metric.starts_with("Approximate");
            assert!(of_queues || row[1].contains(metric), "{name}: {}", row[1]);
        }
    }
}

#[test]
fn each_alarm_of_ours_watches_a_metric_that_is_published() {
    for (name, alarm) in resources(&template(), "AWS::CloudWatch::Alarm") {
        if alarm["Namespace"]["Fn::Sub"] == OWN {
            let metric = alarm["MetricName"].as_str().unwrap();
            assert!(ours().contains(metric), "{name}: {metric}");
            assert_eq!(alarm["Dimensions"], Value::Null, "{name}");
            // A line may count twice, which changes no maximum and no minimum.
            let is_of_the_logs = OF_THE_LOGS.contains(&metric);
            assert!(
                is_of_the_logs
                    || ["Maximum", "Minimum"]
                        .map(Value::from)
                        .contains(&alarm["Statistic"]),
                "{name}"
            );
        }
    }
}

/// The sections of a page, by the names that GitHub gives them in a link.
fn sections(page: &str) -> BTreeMap<String, &str> {
    let parts = page.split("\n## ").skip(1);
    parts
        .map(|part| {
            let (heading, body) = part.split_once('\n').unwrap();
            let kept = heading
                .chars()
                .filter(|c| c.is_alphanumeric() || " -".contains(*c));
            let name = kept.collect::<String>().to_lowercase().replace(' ', "-");
            (name, body)
        })
        .collect()
}

#[test]
fn each_alarm_names_a_section_of_the_runbook_that_names_the_alarm() {
    let runbook = text("docs/RUNBOOK.md");
    let sections = sections(&runbook);
    for (_, template) in templates() {
        for (name, alarm) in resources(&template, "AWS::CloudWatch::Alarm") {
            let description = alarm["AlarmDescription"].as_str().unwrap();
            let (what, link) = description.split_once(" (docs/RUNBOOK.md#").unwrap();
            let anchor = link.trim_end_matches(')');
            let what = what.strip_prefix("Snapferry: ");
            let what = what.unwrap_or_else(|| panic!("{name}: {description}"));
            let section = sections.get(anchor);
            let section = section.unwrap_or_else(|| panic!("{name}: {anchor}"));
            let alarms = section.lines().filter(|line| line.starts_with("Alarm"));
            let mut named = alarms.flat_map(|line| line.split('*').skip(1).step_by(2));
            assert!(named.any(|words| what.starts_with(words)), "{name}: {what}");
        }
    }
}

#[test]
fn each_alarm_notifies_whom_the_parameters_name_when_it_rings_and_when_it_is_over() {
    let (home, source) = (template(), source_region());
    let email =
        json!({"Fn::If": ["AlarmEmailIsGiven", {"Ref": "AlarmsTopic"}, {"Ref": "AWS::NoValue"}]});
    let topic =
        json!({"Fn::If": ["AlarmTopicIsGiven", {"Ref": "AlarmTopicArn"}, {"Ref": "AWS::NoValue"}]});
    let (restore, report) = (restore(), report());
    for (template, actions) in [
        (&home, json!([email, topic])),
        (&source, json!([topic])),
        (&restore, json!([topic])),
        (&report, json!([topic])),
    ] {
        for (name, alarm) in resources(template, "AWS::CloudWatch::Alarm") {
            assert_eq!(alarm["AlarmActions"], actions, "{name}");
            assert_eq!(alarm["OKActions"], actions, "{name}");
        }
    }
    let subscription = &home["Resources"]["AlarmsByEmail"]["Properties"];
    assert_eq!(subscription["TopicArn"], json!({"Ref": "AlarmsTopic"}));
    assert_eq!(subscription["Endpoint"], json!({"Ref": "AlarmEmail"}));
}

#[test]
fn the_oldest_wait_rings_while_there_is_time_to_act() {
    let template = template();
    let alarm = &template["Resources"]["OldestWaitAlarm"]["Properties"];
    let threshold = alarm["Threshold"].as_i64().unwrap();
    assert_eq!(threshold, STATE_TIMEOUT.as_secs() * 4 / 5);
}

#[test]
fn a_stack_that_is_silent_rings() {
    let template = template();
    let silent: Vec<&str> = resources(&template, "AWS::CloudWatch::Alarm")
        .filter(|(_, alarm)| alarm["TreatMissingData"] == "breaching")
        .map(|(name, _)| name)
        .collect();
    assert_eq!(
        silent,
        ["OverdueAlarm", "PlannerSilentAlarm", "SweeperSilentAlarm"]
    );
}

/// The dashboard's body with names in the place of what the template fills in.
fn dashboard(template: &Value) -> Value {
    let body = &template["Resources"]["OverviewDashboard"]["Properties"]["DashboardBody"];
    let body = body["Fn::Sub"].as_str().unwrap();
    serde_json::from_str(body).unwrap()
}

#[test]
fn the_dashboard_shows_every_alarm_and_every_metric_and_names_nothing_that_is_not_there() {
    let template = template();
    let dashboard = dashboard(&template);
    let widgets = dashboard["widgets"].as_array().unwrap();
    let shown: BTreeSet<&str> = widgets[0]["properties"]["alarms"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_str)
        .collect();
    let alarms = resources(&template, "AWS::CloudWatch::Alarm");
    let arns: Vec<String> = alarms.map(|(name, _)| format!("${{{name}.Arn}}")).collect();
    assert_eq!(shown, arns.iter().map(String::as_str).collect());
    let mut own = BTreeSet::new();
    for widget in &widgets[1..] {
        for series in widget["properties"]["metrics"].as_array().unwrap() {
            if series[0] == OWN {
                own.insert(series[1].as_str().unwrap().to_owned());
                continue;
            }
            let subject = series[3].as_str().unwrap();
            let subject = subject.trim_start_matches("${").trim_end_matches('}');
            let resource = subject.split('.').next().unwrap();
            assert!(template["Resources"][resource].is_object(), "{series}");
        }
        let right = widget["x"].as_u64().unwrap() + widget["width"].as_u64().unwrap();
        assert!(right <= 24, "{widget}");
    }
    let mut expected = ours();
    expected.remove(Metric::AgeOfRpo.as_str());
    assert_eq!(
        own, expected,
        "a series for each database is not the stack's own"
    );
    assert_eq!(
        template["Resources"]["OverviewDashboard"]["Condition"],
        "DashboardIsWanted"
    );
    for parameter in ["Dashboard", "MetricsPerDatabase"] {
        assert_eq!(template["Parameters"][parameter]["Default"], "no");
    }
}
