//! What a drill costs at most: list prices, rounded up, for as long as its deadline allows.
//!
//! They are for us-east-1, in US dollars, from public price tables of November 2026, rounded up over engines and
//! generations of a family. A bill may differ; the ceiling of a policy is held against this estimate.

use crate::domain::restore::plan::RestorePlan;
use crate::domain::restore::setting::Setting;
use crate::domain::restore::value::Value;

/// Hours of a month, as AWS counts them.
const MONTH: f64 = 730.0;
/// A gigabyte of storage for a month.
const STORAGE_MONTH: f64 = 0.125;
/// One provisioned operation a second for a month.
const IOPS_MONTH: f64 = 0.1;
/// An hour of one capacity unit of a serverless cluster.
const CAPACITY_HOUR: f64 = 0.12;
/// How much more Aurora's instances cost.
const AURORA: f64 = 1.25;
/// Storage that a cluster's row does not tell, in gigabytes: it is small beside its instances.
const UNKNOWN_GIB: f64 = 100.0;

/// An hour of an instance of the size `large`, by the family's first letter.
const LARGE_HOUR: [(char, f64); 5] = [
    ('t', 0.15),
    ('m', 0.2),
    ('r', 0.27),
    ('x', 0.5),
    ('z', 0.45),
];

/// Engines whose licence is part of the price. Nobody can tell how much without AWS's price list.
const LICENSED: [&str; 3] = ["sqlserver", "oracle", "db2"];

fn class_hour(class: &str, capacity: f64) -> Option<f64> {
    let class = class.strip_prefix("db.")?;
    if class == "serverless" {
        return Some(CAPACITY_HOUR * capacity);
    }
    let (family, size) = class.split_once('.')?;
    let letter = family.chars().next()?;
    let (_, large) = LARGE_HOUR.iter().find(|(known, _)| *known == letter)?;
    // `24xlarge`, and Oracle's `tpc2.mem4x`.
    let size = size.split_once('.').map_or(size, |(size, _)| size);
    let factor = match size {
        "micro" => 0.125,
        "small" => 0.25,
        "medium" => 0.5,
        "large" => 1.0,
        "xlarge" => 2.0,
        larger => {
            let number: f64 = larger.strip_suffix("xlarge")?.parse().ok()?;
            number * 2.0
        }
    };
    Some(large * factor)
}

fn value<'p>(plan: &'p RestorePlan, member: Option<&str>, setting: Setting) -> Option<&'p Value> {
    let mut lines = plan.lines_of(member);
    lines.find(|line| line.setting == setting)?.value.as_ref()
}

fn number(plan: &RestorePlan, setting: Setting) -> Option<f64> {
    let number = value(plan, None, setting)?.as_number()?;
    i32::try_from(number).ok().map(f64::from)
}

fn hourly(plan: &RestorePlan) -> Option<f64> {
    let engine = value(plan, None, Setting::Engine).and_then(Value::as_text)?;
    if LICENSED.iter().any(|licensed| engine.starts_with(licensed)) {
        return None;
    }
    let capacity = match value(plan, None, Setting::ServerlessMaxCapacity) {
        Some(Value::Decimal(capacity)) => capacity.number(),
        _ => 1.0,
    };
    let class = |member: Option<&str>| {
        let class = value(plan, member, Setting::DbInstanceClass)?.as_text()?;
        class_hour(class, capacity)
    };
    let mut instances = match plan.members.is_empty() {
        true => class(None)?,
        false => {
            let mut all = 0.0;
            for (name, _) in &plan.members {
                all += class(Some(name))?;
            }
            all * AURORA
        }
    };
    let mut storage =
        number(plan, Setting::AllocatedStorage).unwrap_or(UNKNOWN_GIB) * STORAGE_MONTH;
    let is_provisioned = value(plan, None, Setting::StorageType)
        .and_then(Value::as_text)
        .is_some_and(|kind| kind.starts_with("io"));
    if is_provisioned {
        storage += number(plan, Setting::Iops).unwrap_or_default() * IOPS_MONTH;
    }
    if value(plan, None, Setting::MultiAz) == Some(&Value::Flag(true)) {
        instances *= 2.0;
        storage *= 2.0;
    }
    Some(instances + storage / MONTH)
}

/// What the drill of this plan costs at most, in cents, if it lives for this many hours. Nothing if nobody can tell.
#[must_use]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a cast saturates, and no price is negative"
)]
pub fn cents_at_most(plan: &RestorePlan, hours: f64) -> Option<u64> {
    Some((hourly(plan)? * hours * 100.0).ceil() as u64)
}

/// An amount of cents in US dollars.
#[must_use]
pub fn dollars(cents: u64) -> String {
    format!("${}.{:02}", cents / 100, cents % 100)
}
