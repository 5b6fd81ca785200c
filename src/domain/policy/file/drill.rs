//! What a file says of drills.

use toml::de::DeValue;

use super::key::{
    ALLOW_JOBS, CHECK, COST_CEILING, DEADLINE, DRILL, EVERY, LEVEL, OF_DRILL, PARAMETER_GROUPS,
    RTO, SAMPLE, SECURITY_GROUPS, SUBNET_GROUP, hint,
};
use super::read::{Reader, Value, get, given};
use crate::domain::drill::options::{DEADLINE_MAX, DrillOptions, Level, Sample, usual_deadline};
use crate::domain::id::text::ParseError;
use crate::domain::policy::span::Span;
use crate::domain::restore::taken::NameKind;

const FUNCTION_MAX: usize = 170;

/// Checks the name or the ARN of a function.
fn function(text: &str) -> Result<String, ParseError> {
    let is_right = !text.is_empty()
        && text.len() <= FUNCTION_MAX
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_:.$".contains(&b));
    match is_right {
        true => Ok(text.to_owned()),
        false => Err(ParseError::new(
            text,
            "a function of the recovery region: its name or its ARN",
        )),
    }
}

fn deadline(text: &str) -> Result<Span, ParseError> {
    let span = Span::parse(text)?;
    match span.duration() <= DEADLINE_MAX {
        true => Ok(span),
        false => Err(ParseError::new(text, "at most 24h")),
    }
}

impl<'t> Reader<'t, '_> {
    /// Nothing if a fault was found.
    pub(super) fn drill(&mut self, value: &Value<'t>) -> Option<DrillOptions> {
        let table = self.table(DRILL, value)?;
        self.unknown_keys(table, &OF_DRILL, |word| hint(word, OF_DRILL));
        let mut needed = |key: &str, example: &str| {
            let found = get(table, key);
            if found.is_none() {
                let what =
                    format!("{DRILL}: {key} is missing; write one, such as {key} = {example}");
                self.faults.missing(&value.span(), what);
            }
            found
        };
        let every = needed(EVERY, "\"30d\"");
        let subnet_group = needed(SUBNET_GROUP, "\"drills\"");
        let security_groups = needed(SECURITY_GROUPS, "[\"sg-0a1b2c3d\"]");
        let every = every.and_then(|value| self.parsed(EVERY, value, Span::parse));
        let subnet_group = subnet_group.and_then(|value| {
            let parse = |text: &str| NameKind::SubnetGroup.parse(text);
            self.parsed(SUBNET_GROUP, value, parse)
        });
        let security_groups = security_groups.and_then(|value| self.security_groups(value));
        let sample = get(table, SAMPLE).map(|value| self.sample(value));
        let level = get(table, LEVEL).map(|value| self.parsed(LEVEL, value, Level::parse));
        let check = get(table, CHECK).map(|value| self.parsed(CHECK, value, function));
        if let (Some(Some(Level::Checked)), None) = (level, &check)
            && let Some(at) = get(table, LEVEL)
        {
            let what = format!(
                "{LEVEL}: L3 asks a function of yours, and {CHECK} names none; write its name or ARN"
            );
            self.faults.add(&at.span(), what);
        }
        let deadline = get(table, DEADLINE).map(|value| self.parsed(DEADLINE, value, deadline));
        let ceiling = get(table, COST_CEILING).map(|value| self.number(COST_CEILING, value));
        let rto = get(table, RTO).map(|value| self.parsed(RTO, value, Span::parse));
        let jobs = get(table, ALLOW_JOBS).map(|value| self.yes_or_no(ALLOW_JOBS, value));
        let groups = get(table, PARAMETER_GROUPS)
            .map(|value| self.names(NameKind::ParameterGroup, PARAMETER_GROUPS, value));
        Some(DrillOptions {
            every: every?,
            sample: given(sample)?.unwrap_or_default(),
            level: given(level)?.unwrap_or_default(),
            check: given(check)?,
            subnet_group: subnet_group?,
            security_groups: security_groups?,
            deadline: given(deadline)?.unwrap_or_else(usual_deadline),
            cost_ceiling: given(ceiling)?.map(Into::into),
            rto: given(rto)?,
            allow_jobs: given(jobs)?.unwrap_or_default(),
            parameter_groups: given(groups)?.unwrap_or_default(),
        })
    }

    fn sample(&mut self, value: &Value<'t>) -> Option<Sample> {
        let read = match value.get_ref() {
            DeValue::String(word) => (&**word == Sample::ALL).then_some(Sample::All),
            DeValue::Integer(number) => u64::from_str_radix(number.as_str(), number.radix())
                .ok()
                .and_then(Sample::oldest),
            _ => None,
        };
        if read.is_none() {
            let what = format!(
                "{SAMPLE}: \"{}\" or a whole number from 1 to {} is expected",
                Sample::ALL,
                Sample::MAX
            );
            self.faults.add(&value.span(), what);
        }
        read
    }

    fn security_groups(&mut self, value: &Value<'t>) -> Option<Vec<String>> {
        let list = self.list(SECURITY_GROUPS, value)?;
        if list.is_empty() {
            let what = format!(
                "{SECURITY_GROUPS}: name at least one; without one RDS gives a drill the VPC's default group"
            );
            self.faults.add(&value.span(), what);
            return None;
        }
        let parse = |text: &str| NameKind::SecurityGroup.parse(text);
        let mut groups = Vec::new();
        for one in list.iter() {
            groups.push(self.parsed(SECURITY_GROUPS, one, parse)?);
        }
        groups.sort();
        groups.dedup();
        Some(groups)
    }
}
