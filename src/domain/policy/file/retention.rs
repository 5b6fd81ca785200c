//! What a file says of how long recovery points are kept.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use toml::de::{DeTable, DeValue};

use super::key::{
    AFTER, ALSO, MIN_KEEP, POLICY, RETENTION, SOURCE_RETENTION, WHEN_GONE, hint, rule_names,
};
use super::read::{Reader, Value, get, given, kind};
use crate::domain::id::tags::PolicyName;
use crate::domain::policy::keep_span::KeepSpan;
use crate::domain::policy::retention::{Retention, WhenGone};
use crate::domain::policy::rules::{Count, RULE_NAMES, RuleKind, Rules};

impl<'t> Reader<'t, '_> {
    /// `None` if a fault was found.
    pub(super) fn retention(&mut self, table: &DeTable<'t>) -> Option<Retention> {
        let keep = self.rules(table);
        let short = get(table, RETENTION).map(|value| {
            let span = self.parsed(RETENTION, value, KeepSpan::parse);
            let beside = RULE_NAMES
                .iter()
                .find(|(name, _)| get(table, name).is_some());
            if let Some((name, _)) = beside {
                let what = format!(
                    "{RETENTION} is the short form of keep_within, and {name} stands beside it: write keep_within \
                     instead, or leave one of the two out"
                );
                self.faults.add(&value.span(), what);
            }
            span
        });
        let min_keep = get(table, MIN_KEEP).map(|value| {
            let number = self.number(MIN_KEEP, value);
            if keep.as_ref().is_some_and(Rules::is_empty) && short.is_none() {
                let what = format!(
                    "{MIN_KEEP}: this policy has no rule that removes anything; write one, such as keep_daily = 7"
                );
                self.faults.add(&value.span(), what);
            }
            number
        });
        let also = get(table, ALSO).map(|value| self.also(value));
        let source = get(table, SOURCE_RETENTION).map(|value| {
            let table = self.table(SOURCE_RETENTION, value)?;
            self.unknown_keys(table, &rule_names(), |word| hint(word, rule_names()));
            self.some_rules(SOURCE_RETENTION, value, table)
        });
        let when_gone = get(table, WHEN_GONE).map(|value| self.when_gone(value));
        Some(Retention {
            short: given(short)?,
            min_keep: given(min_keep)?,
            also: given(also)?.unwrap_or_default(),
            source_retention: given(source)?,
            when_gone: given(when_gone)?,
            keep: keep?,
            shown_only: false,
            source_shown_only: false,
        })
    }

    /// Only one policy may take over a former policy, and that former policy must not be in the file.
    pub(super) fn taken_over<T>(&mut self, top: &DeTable<'t>, policies: &BTreeMap<PolicyName, T>) {
        let Some(DeValue::Table(tables)) = get(top, POLICY).map(Value::get_ref) else {
            return;
        };
        let mut taken = BTreeMap::new();
        for (policy, table) in tables {
            let DeValue::Table(table) = table.get_ref() else {
                continue;
            };
            let Some(DeValue::Array(names)) = get(table, ALSO).map(Value::get_ref) else {
                continue;
            };
            for one in names.iter() {
                let DeValue::String(name) = one.get_ref() else {
                    continue;
                };
                let what = if policies.keys().any(|known| known.as_str() == &**name) {
                    format!(
                        "{ALSO}: this file has a policy {name:?}; only one that no file has any more is taken over"
                    )
                } else if let Some(other) = taken.insert(name.to_string(), policy.get_ref())
                    && other != policy.get_ref()
                {
                    format!("{ALSO}: policy {other:?} takes over {name:?} already")
                } else {
                    continue;
                };
                self.faults.add(&one.span(), what);
            }
        }
    }

    fn when_gone(&mut self, value: &Value<'t>) -> Option<WhenGone> {
        let table = self.table(WHEN_GONE, value)?;
        let known: Vec<&str> = rule_names().into_iter().chain([AFTER]).collect();
        self.unknown_keys(table, &known, |word| hint(word, known.iter().copied()));
        let after = match get(table, AFTER) {
            Some(after) => self.parsed(AFTER, after, KeepSpan::parse),
            None => {
                let what = format!(
                    "{WHEN_GONE}: write how long the database must be gone, such as {AFTER} = \"90d\""
                );
                self.faults.missing(&value.span(), what);
                None
            }
        };
        let keep = self.some_rules(WHEN_GONE, value, table);
        Some(WhenGone {
            after: after?,
            keep: keep?,
        })
    }

    /// A table that was written to hold rules, and holds none, was meant to say something.
    fn some_rules(&mut self, key: &str, at: &Value<'t>, table: &DeTable<'t>) -> Option<Rules> {
        let rules = self.rules(table)?;
        if rules.is_empty() {
            let what = format!(
                "{key} has no rule: write what is kept, such as keep_last = 1, or leave the table out"
            );
            self.faults.missing(&at.span(), what);
            return None;
        }
        Some(rules)
    }

    fn rules(&mut self, table: &DeTable<'t>) -> Option<Rules> {
        let (mut rules, mut whole) = (Rules::default(), true);
        for (name, kind) in RULE_NAMES {
            let Some(value) = get(table, name) else {
                continue;
            };
            let read = match kind {
                RuleKind::Count(unit) => self
                    .count(name, value)
                    .map(|count| rules.counts.insert(unit, count))
                    .is_some(),
                RuleKind::Within => {
                    rules.within = self.parsed(name, value, KeepSpan::parse);
                    rules.within.is_some()
                }
                RuleKind::WithinEach(unit) => self
                    .parsed(name, value, KeepSpan::parse)
                    .map(|span| rules.within_each.insert(unit, span))
                    .is_some(),
            };
            whole &= read;
        }
        whole.then_some(rules)
    }

    fn count(&mut self, key: &str, value: &Value<'t>) -> Option<Count> {
        let count = match value.get_ref() {
            DeValue::String(word) if *word == Count::ALL => Some(Count::All),
            _ => positive(value).map(Count::Number),
        };
        if count.is_none() {
            let what = format!(
                "{key}: {} is expected; leave the line out if nothing is to be kept by it",
                Count::EXPECTED
            );
            self.faults.add(&value.span(), what);
        }
        count
    }

    pub(super) fn number(&mut self, key: &str, value: &Value<'t>) -> Option<NonZeroU32> {
        let number = positive(value);
        if number.is_none() {
            self.faults.add(
                &value.span(),
                format!("{key}: a whole number from 1 is expected"),
            );
        }
        number
    }

    fn also(&mut self, value: &Value<'t>) -> Option<Vec<PolicyName>> {
        let list = self.list(ALSO, value)?;
        let (mut names, mut whole) = (Vec::new(), true);
        for one in list.iter() {
            match self.parsed(ALSO, one, PolicyName::parse) {
                Some(name) if names.contains(&name) => {
                    let what = format!("{ALSO}: {:?} stands here twice", name.as_str());
                    self.faults.add(&one.span(), what);
                }
                Some(name) => names.push(name),
                None => whole = false,
            }
        }
        whole.then_some(names)
    }

    pub(super) fn table<'v>(&mut self, key: &str, value: &'v Value<'t>) -> Option<&'v DeTable<'t>> {
        match value.get_ref() {
            DeValue::Table(table) => Some(table),
            _ => {
                let what = format!(
                    "{key} is a table of rules, [policy.NAME.{key}]; this is {}",
                    kind(value)
                );
                self.faults.add(&value.span(), what);
                None
            }
        }
    }
}

fn positive(value: &Value<'_>) -> Option<NonZeroU32> {
    match value.get_ref() {
        DeValue::Integer(number) => u32::from_str_radix(number.as_str(), number.radix())
            .ok()
            .and_then(NonZeroU32::new),
        _ => None,
    }
}
