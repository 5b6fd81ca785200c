//! What a stack costs while nothing happens, by the templates that ship.

use std::path::Path;

use serde_json::json;
use snapferry_evidence::idle_cost::{self, Assumptions, Bill, IdleCostError, Template, bill};

fn shipped(name: &str) -> Template {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let text = std::fs::read_to_string(root.join(name)).expect("a template of this repository");
    Template::read(&text).expect("a template that can be read")
}

/// The recovery region's template where a key is brought.
fn recovery() -> Template {
    shipped("template.yaml").with_default(idle_cost::KEY_PARAMETER, "arn:aws:kms:…")
}

fn of(recovery: &Template) -> Result<Bill, IdleCostError> {
    bill(
        recovery,
        &shipped("source-region.yaml"),
        &Assumptions::default(),
    )
}

fn dollars(recovery: &Template) -> f64 {
    of(recovery).expect("a price for everything").dollars()
}

fn close_to(one: f64, other: f64) -> bool {
    (one - other).abs() < 1e-9
}

#[test]
fn an_idle_stack_costs_at_most_six_dollars_a_month() {
    let dollars = dollars(&recovery());
    assert!(dollars <= idle_cost::DOLLARS_MAX, "{dollars}");
    // Receives of two empty queues and eight alarms alone come to this, so nothing was overlooked wholesale.
    assert!(dollars > 1.3, "{dollars}");
}

#[test]
fn sixty_more_alarms_break_the_promise() {
    let template = shipped("template.yaml");
    let alarm = json!({ "Type": "AWS::CloudWatch::Alarm", "Properties": { "Period": 60 } });
    let more = (0..60).fold(template.clone(), |template, n| {
        template.with(&format!("Alarm{n}"), alarm.clone())
    });
    assert!(close_to(dollars(&more), dollars(&template) + 6.0));
    assert!(dollars(&more) > idle_cost::DOLLARS_MAX);
}

#[test]
fn a_key_of_the_stacks_own_costs_a_dollar() {
    let with_key = dollars(&shipped("template.yaml"));
    assert!(close_to(with_key, dollars(&recovery()) + 1.0));
}

#[test]
fn a_mapping_more_costs_its_empty_receives() {
    let template = shipped("template.yaml");
    let function = json!({
        "Type": "AWS::Serverless::Function",
        "Properties": { "Events": { "More": { "Type": "SQS", "Properties": {} } } },
    });
    let more = dollars(&template.clone().with("More", function)) - dollars(&template);
    // Five receives of 20 s for 730 hours, at 40 cents a million.
    assert!(close_to(more, 5.0 * 730.0 * 180.0 * 0.4e-6), "{more}");
}

#[test]
fn a_sweep_every_hour_costs_less_than_one_every_minute() {
    let template = shipped("template.yaml");
    let seldom = template.clone().with_default("SweeperRate", "rate(1 hour)");
    assert!(dollars(&seldom) < dollars(&template));
}

#[test]
fn each_source_region_costs_its_alarm() {
    let recovery = shipped("template.yaml");
    let ten = Assumptions {
        source_regions: 10,
        ..Assumptions::default()
    };
    let of_ten = bill(&recovery, &shipped("source-region.yaml"), &ten).expect("a bill");
    assert!(close_to(of_ten.dollars(), dollars(&recovery) + 0.9));
}

#[test]
fn what_has_no_price_is_refused_by_name() {
    let nat = json!({ "Type": "AWS::EC2::NatGateway", "Properties": {} });
    let refused = of(&shipped("template.yaml").with("Gateway", nat)).expect_err("no price");
    assert_eq!(
        refused.to_string(),
        "Gateway: no price is known for AWS::EC2::NatGateway"
    );
    let fast = json!({ "Type": "AWS::CloudWatch::Alarm", "Properties": { "Period": 10 } });
    let refused = of(&shipped("template.yaml").with("Fast", fast)).expect_err("no price");
    assert!(
        matches!(refused, IdleCostError::Unpriced { .. }),
        "{refused}"
    );
    let provisioned = json!({ "Type": "AWS::DynamoDB::Table", "Properties": {} });
    let refused = of(&shipped("template.yaml").with("Table", provisioned)).expect_err("no price");
    assert!(
        matches!(refused, IdleCostError::Unpriced { .. }),
        "{refused}"
    );
}

#[test]
fn a_resource_whose_condition_does_not_hold_is_not_made() {
    let gateway =
        json!({ "Type": "AWS::EC2::NatGateway", "Condition": "EventSubscriptionsAreWanted" });
    let template = shipped("template.yaml").with("Gateway", gateway);
    assert!(of(&template).is_ok());
    let wanted = template.with_default("EventSubscriptions", "yes");
    assert!(of(&wanted).is_err());
}
