//! From a template's resources to what they cost.

use std::collections::BTreeSet;

use serde_json::Value;
use snapferry::domain::operator::metrics::{Metric, PERIOD};

use super::Template;
use crate::compare::prices::{self, Price};

/// AWS's month, in its own price examples.
const HOURS_A_MONTH: f64 = 730.0;
const SECONDS_A_MONTH: f64 = HOURS_A_MONTH * 3_600.0;

/// How many receives of an idle queue are under way at once. Lambda "can optimize to as few as 2" of the five it
/// starts with, but not where a mapping has MaximumConcurrency
/// (<https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html>).
const POLLERS: f64 = 5.0;
/// How long an empty receive takes: the longest that SQS lets one wait
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-short-and-long-polling.html>).
const RECEIVE_SECONDS: f64 = 20.0;

/// What a measurement of a stack without databases reads: the policies, and the lists of two policies in a region.
const READS_OF_A_MEASUREMENT: f64 = 3.0;

/// What the template does not say of an idle stack.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Assumptions {
    /// How long Lambda bills an idle run: a start of the process now and then, and one read of the table.
    pub run_seconds: f64,
    /// What a run writes to its log: Lambda's START, END and REPORT, and one line of ours.
    pub log_bytes_per_run: f64,
    /// How large the table is: the catalog of what was once protected.
    pub table_gigabytes: f64,
    /// How many source regions forward their events.
    pub source_regions: u32,
}

impl Default for Assumptions {
    fn default() -> Self {
        Self {
            run_seconds: 0.25,
            log_bytes_per_run: 1_500.0,
            table_gigabytes: 1.0,
            source_regions: 1,
        }
    }
}

/// Why a bill cannot be made out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdleCostError {
    /// A text that is no template.
    #[error("a template cannot be read: {0}")]
    Unreadable(String),
    /// A resource, or a feature of one, that has no price here.
    #[error("{resource}: no price is known for {what}")]
    Unpriced {
        /// Its name in the template.
        resource: String,
        /// What it is.
        what: String,
    },
    /// A resource that is not written as this module expects.
    #[error("{resource}: {why}")]
    Strange {
        /// Its name in the template.
        resource: String,
        /// What is odd.
        why: String,
    },
}

/// One thing that is paid for.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// Whose.
    pub what: String,
    /// How many a month, in the price's unit.
    pub amount: f64,
    /// Its price.
    pub price: &'static Price,
}

impl Line {
    /// What it costs a month.
    #[must_use]
    pub fn dollars(&self) -> f64 {
        self.price.of(self.amount)
    }
}

/// What a month costs.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Bill {
    /// Everything that is paid for.
    pub lines: Vec<Line>,
}

impl Bill {
    /// All of it, in US dollars.
    #[must_use]
    pub fn dollars(&self) -> f64 {
        self.lines.iter().map(Line::dollars).sum()
    }

    /// What is paid at one price is one line.
    fn add(&mut self, what: &str, amount: f64, price: &'static Price) {
        let found = self.lines.iter_mut().find(|line| line.price == price);
        match found {
            Some(line) => {
                line.amount += amount;
                if !line.what.split(", ").any(|named| named == what) {
                    line.what = format!("{}, {what}", line.what);
                }
            }
            None => self.lines.push(Line {
                what: what.to_owned(),
                amount,
                price,
            }),
        }
    }
}

/// The bill of a stack in the recovery region and of one in each source region, while no database is protected.
///
/// # Errors
/// When a resource has no price here, or is not written as expected.
pub fn bill(
    recovery: &Template,
    source: &Template,
    assumptions: &Assumptions,
) -> Result<Bill, IdleCostError> {
    let mut bill = Bill::default();
    of_stack(recovery, assumptions, &mut bill)?;
    for _ in 0..assumptions.source_regions {
        of_stack(source, assumptions, &mut bill)?;
    }
    Ok(bill)
}

fn of_stack(
    template: &Template,
    assumptions: &Assumptions,
    bill: &mut Bill,
) -> Result<(), IdleCostError> {
    let mut metrics = BTreeSet::new();
    let mut runs = Runs::default();
    let mut encrypted_by_kms = false;
    let mut prints = false;
    for (name, resource) in template.resources()? {
        let one = Resource {
            template,
            name,
            all: resource,
        };
        let kind = resource.get("Type").and_then(Value::as_str);
        match kind.unwrap_or_default() {
            "AWS::CloudWatch::Alarm" => one.alarm(bill)?,
            "AWS::KMS::Key" => bill.add("keys", 1.0, &prices::KEY_MONTH),
            "AWS::CloudWatch::Dashboard" => return Err(one.unpriced("a dashboard")),
            "AWS::Serverless::Function" => {
                one.function(&mut runs, bill)?;
                prints |= one.prints_metrics();
            }
            "AWS::DynamoDB::Table" => {
                one.table(assumptions, bill)?;
                encrypted_by_kms |= one.get(&["SSESpecification", "SSEEnabled"]).is_some();
            }
            "AWS::Logs::MetricFilter" => one.metrics(&mut metrics),
            "AWS::SQS::Queue" | "AWS::SNS::Topic" => one.has_none_of(&["KmsMasterKeyId"])?,
            // AWS bills these by use or not at all, and an idle stack does not use them.
            "AWS::Events::Rule"
            | "AWS::IAM::ManagedPolicy"
            | "AWS::IAM::Role"
            | "AWS::Logs::LogGroup"
            | "AWS::RDS::EventSubscription"
            | "AWS::SNS::Subscription"
            | "AWS::SNS::TopicPolicy"
            | "AWS::SQS::QueuePolicy"
            | "AWS::Serverless::StateMachine" => {}
            other => return Err(one.unpriced(other)),
        }
    }
    bill_runs(&runs, assumptions, encrypted_by_kms, bill);
    if prints {
        let own = Metric::ALL.iter().filter(|one| **one != Metric::AgeOfRpo);
        let what = "metrics that the functions print";
        bill.add(what, own.count() as f64, &prices::METRIC_MONTH);
        let reads = READS_OF_A_MEASUREMENT * SECONDS_A_MONTH / PERIOD.as_secs_f64();
        bill.add("measurements", reads, &prices::READ_UNIT);
    }
    if !metrics.is_empty() {
        // Only a month in which the words were logged is billed; it counts all the same.
        bill.add(
            "metrics of the logs",
            metrics.len() as f64,
            &prices::METRIC_MONTH,
        );
    }
    Ok(())
}

/// What the schedules start in a month.
#[derive(Default)]
struct Runs {
    count: f64,
    /// Their memory, added up.
    gigabytes: f64,
    arm64: bool,
    /// The days that their logs are kept, added up.
    log_days: f64,
}

fn bill_runs(runs: &Runs, assumptions: &Assumptions, encrypted_by_kms: bool, bill: &mut Bill) {
    if runs.count == 0.0 {
        return;
    }
    let what = "scheduled runs";
    let gigabyte = 1e9;
    let days_a_month = HOURS_A_MONTH / 24.0;
    let of_processor = if runs.arm64 {
        &prices::GB_SECOND_ARM64
    } else {
        &prices::GB_SECOND_X86_64
    };
    bill.add(what, runs.count, &prices::INVOCATION);
    bill.add(what, runs.gigabytes * assumptions.run_seconds, of_processor);
    // An idle run asks the table once: one page of the empty index, or the policies.
    bill.add(what, runs.count, &prices::READ_UNIT);
    if encrypted_by_kms {
        // One for each run's read, as if DynamoDB kept no key from one to the next.
        bill.add(what, runs.count, &prices::KEY_REQUEST);
    }
    let logged = assumptions.log_bytes_per_run / gigabyte;
    bill.add(what, runs.count * logged, &prices::LOG_GIGABYTE);
    bill.add(
        what,
        runs.log_days * logged / days_a_month,
        &prices::LOG_GIGABYTE_MONTH,
    );
}

/// One resource of a template.
struct Resource<'a> {
    template: &'a Template,
    name: &'a str,
    all: &'a Value,
}

impl Resource<'_> {
    fn get(&self, path: &[&str]) -> Option<&Value> {
        let properties = self.all.get("Properties")?;
        path.iter()
            .try_fold(properties, |value, key| value.get(key))
    }

    fn unpriced(&self, what: &str) -> IdleCostError {
        IdleCostError::Unpriced {
            resource: self.name.to_owned(),
            what: what.to_owned(),
        }
    }

    fn strange(&self, why: &str) -> IdleCostError {
        IdleCostError::Strange {
            resource: self.name.to_owned(),
            why: why.to_owned(),
        }
    }

    fn has_none_of(&self, features: &[&str]) -> Result<(), IdleCostError> {
        match features
            .iter()
            .find(|feature| self.get(&[feature]).is_some())
        {
            Some(feature) => Err(self.unpriced(feature)),
            None => Ok(()),
        }
    }

    fn alarm(&self, bill: &mut Bill) -> Result<(), IdleCostError> {
        self.has_none_of(&["Metrics", "ThresholdMetricId"])?;
        let period = self
            .get(&["Period"])
            .and_then(|value| self.template.number(value));
        match period {
            Some(seconds) if seconds >= 60.0 => {
                bill.add("alarms", 1.0, &prices::ALARM_MONTH);
                Ok(())
            }
            Some(_) => Err(self.unpriced("an alarm at high resolution")),
            None => Err(self.strange("an alarm without a period")),
        }
    }

    fn table(&self, assumptions: &Assumptions, bill: &mut Bill) -> Result<(), IdleCostError> {
        if self.get(&["BillingMode"]).and_then(Value::as_str) != Some("PAY_PER_REQUEST") {
            return Err(self.unpriced("provisioned throughput"));
        }
        self.has_none_of(&["StreamSpecification", "TableClass"])?;
        let gigabytes = assumptions.table_gigabytes;
        bill.add("the table", gigabytes, &prices::TABLE_GIGABYTE_MONTH);
        let recovery = [
            "PointInTimeRecoverySpecification",
            "PointInTimeRecoveryEnabled",
        ];
        if self
            .get(&recovery)
            .is_some_and(|value| *value != Value::Bool(false))
        {
            bill.add("the table", gigabytes, &prices::RECOVERY_GIGABYTE_MONTH);
        }
        Ok(())
    }

    fn metrics(&self, all: &mut BTreeSet<String>) {
        let transformations = self
            .get(&["MetricTransformations"])
            .and_then(Value::as_array);
        for metric in transformations.into_iter().flatten() {
            // All of one stack have its one namespace.
            all.insert(
                metric
                    .get("MetricName")
                    .map(Value::to_string)
                    .unwrap_or_default(),
            );
        }
    }

    fn function(&self, runs: &mut Runs, bill: &mut Bill) -> Result<(), IdleCostError> {
        self.has_none_of(&["ProvisionedConcurrencyConfig", "SnapStart"])?;
        let events = self.get(&["Events"]).and_then(Value::as_object);
        for event in events.into_iter().flat_map(serde_json::Map::values) {
            match event
                .get("Type")
                .and_then(Value::as_str)
                .unwrap_or_default()
            {
                "Schedule" => self.scheduled(event, runs)?,
                "SQS" => {
                    if event
                        .pointer("/Properties/ProvisionedPollerConfig")
                        .is_some()
                    {
                        return Err(self.unpriced("provisioned pollers"));
                    }
                    let receives = POLLERS * SECONDS_A_MONTH / RECEIVE_SECONDS;
                    bill.add("empty receives", receives, &prices::QUEUE_REQUEST);
                }
                other => return Err(self.unpriced(&format!("events of type {other:?}"))),
            }
        }
        Ok(())
    }

    fn scheduled(&self, event: &Value, runs: &mut Runs) -> Result<(), IdleCostError> {
        let schedule = event.pointer("/Properties/Schedule");
        let schedule = schedule.and_then(|value| self.template.text(value));
        let every = schedule.as_deref().and_then(seconds_of_rate);
        let every = every.ok_or_else(|| self.strange("a schedule that is no rate"))?;
        let memory = self.template.of_function(self.all, "MemorySize");
        let memory = memory.and_then(|value| self.template.number(value));
        let memory = memory.ok_or_else(|| self.strange("a function without a memory size"))?;
        let days = self.log_days()?;
        let count = SECONDS_A_MONTH / every;
        runs.count += count;
        runs.gigabytes += count * memory / 1_024.0;
        runs.log_days += count * days;
        runs.arm64 = self.is_arm64();
        Ok(())
    }

    /// Whether it is told where its metrics go.
    fn prints_metrics(&self) -> bool {
        let variable = ["Environment", "Variables", "SNAPFERRY_METRICS_NAMESPACE"];
        self.get(&variable).is_some()
    }

    fn is_arm64(&self) -> bool {
        let architectures = self.template.of_function(self.all, "Architectures");
        let first = architectures.and_then(|all| all.get(0));
        first.and_then(|one| self.template.text(one)).as_deref() == Some("arm64")
    }

    /// A log group that is kept for ever would cost a little more each month.
    fn log_days(&self) -> Result<f64, IdleCostError> {
        let group = self
            .get(&["LoggingConfig", "LogGroup", "Ref"])
            .and_then(Value::as_str);
        let resources = self.template.resources()?;
        let group = group.and_then(|name| resources.get(name));
        let days = group.and_then(|group| group.pointer("/Properties/RetentionInDays"));
        let days = days.and_then(|value| self.template.number(value));
        days.ok_or_else(|| self.unpriced("logs that are kept for ever"))
    }
}

/// `rate(5 minutes)` is 300.
fn seconds_of_rate(schedule: &str) -> Option<f64> {
    let rate = schedule.strip_prefix("rate(")?.strip_suffix(')')?;
    let (count, unit) = rate.split_once(' ')?;
    let unit = match unit.trim_end_matches('s') {
        "minute" => 60.0,
        "hour" => 3_600.0,
        "day" => 86_400.0,
        _ => return None,
    };
    let seconds = count
        .parse::<u32>()
        .ok()
        .map(|count| f64::from(count) * unit)?;
    (seconds > 0.0).then_some(seconds)
}
