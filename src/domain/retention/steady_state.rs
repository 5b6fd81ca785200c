//! How many manual snapshots the policies need once they have been in force for long.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::forget::{ForgetRules, Point, forget};
use super::sightings::GRACE;
use crate::domain::id::arn::Family;
use crate::domain::id::tags::PolicyName;
use crate::domain::policy::in_force::{Policies, Policy};
use crate::domain::policy::rules::Count;

/// How many due times back the rules are asked. A policy that is due every hour and keeps years is judged by half a year:
/// it is then judged too low, and never too high.
const TIMES_MAX: usize = 4_000;

/// How long after its grace a recovery point goes: the pruner makes a round every hour.
const ROUND: SignedDuration = SignedDuration::from_hours(1);

/// How many recovery points there are of one database at a time: what the rules keep, what waits for its grace and the
/// next round, and the one that is being made. Nothing for a policy that keeps everything.
#[must_use]
pub fn of_each_database(policy: &Policy, now: Timestamp) -> Option<usize> {
    let retention = &policy.options.retention;
    let rules = retention.rules();
    let keeps_all = rules.counts.values().any(|count| *count == Count::All);
    if rules.is_empty() || retention.shown_only || keeps_all {
        return None;
    }
    let times = policy.schedule.last(TIMES_MAX, now);
    let points = times.iter().enumerate();
    let points: Vec<Point<usize>> = points.map(|(id, at)| Point::good(id, *at)).collect();
    let by = ForgetRules {
        rules: &rules,
        min_keep: retention.min_keep(),
        zone: policy.schedule.time_zone(),
    };
    let decisions = forget(by, &points, now);
    let kept = decisions.iter().filter(|one| one.keeps()).count();
    let after = now - GRACE - ROUND;
    let waiting = times.iter().filter(|at| **at > after).count();
    Some(kept + waiting + 1)
}

/// What the policies need of a family's quota in the recovery region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SteadyState {
    /// The family.
    pub family: Family,
    /// The policies that keep something for a while, each with its databases and what it needs for each.
    pub parts: BTreeMap<PolicyName, (usize, usize)>,
    /// The policies with databases that keep everything.
    pub keep_all: Vec<PolicyName>,
    /// How many snapshots of others, or of databases that no policy selects, are there.
    pub others: usize,
    /// How many recovery points all policies together make in 30 days.
    pub made_in_30_days: usize,
}

impl SteadyState {
    /// Of these databases, by policy.
    #[must_use]
    pub fn of(
        policies: &Policies,
        family: Family,
        databases: &BTreeMap<PolicyName, usize>,
        others: usize,
        now: Timestamp,
    ) -> Self {
        let mut state = Self {
            family,
            parts: BTreeMap::new(),
            keep_all: Vec::new(),
            others,
            made_in_30_days: 0,
        };
        for (name, count) in databases {
            let Some(policy) = policies.get(name.as_str()) else {
                continue;
            };
            state.made_in_30_days += policy.schedule.times_a_month(now) * count;
            match of_each_database(policy, now) {
                Some(each) => {
                    state.parts.insert(name.clone(), (*count, each));
                }
                None => state.keep_all.push(name.clone()),
            }
        }
        state
    }

    /// How many snapshots there are at a time, without those of policies that keep everything.
    #[must_use]
    pub fn needed(&self) -> usize {
        let parts = self.parts.values();
        self.others + parts.map(|(count, each)| count * each).sum::<usize>()
    }

    /// What it needs, in words, if the quota is too low for it.
    #[must_use]
    pub fn above(&self, max: i64) -> Option<String> {
        let needed = self.needed();
        let is_above = i64::try_from(needed).is_ok_and(|needed| needed > max);
        (is_above && !self.parts.is_empty()).then(|| {
            format!(
                "{needed} {} are there at a time, and the quota is {max}: {}",
                self.kind(),
                self.listed()
            )
        })
    }

    /// What they are called.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self.family {
            Family::Instance => "manual snapshots",
            Family::Cluster => "manual cluster snapshots",
        }
    }

    /// Every part in words.
    #[must_use]
    pub fn listed(&self) -> String {
        let parts = self.parts.iter().map(|(policy, (count, each))| {
            let databases = if *count == 1 { "database" } else { "databases" };
            format!("{each} of each of {count} {databases} by {policy}")
        });
        let others = (self.others > 0).then(|| format!("{} others", self.others));
        let all: Vec<String> = parts.chain(others).collect();
        all.join(", ")
    }
}
