//! Recovery points of one database by what they are meant to be, and the check's answer from that alone: slow, obvious,
//! and without a look at tags, names or what RDS says.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use snapferry::domain::id::arn::{KeyArn, RdsArn};
use snapferry::domain::id::names::SnapshotId;
use snapferry::domain::id::tags::{PolicyName, StackId};
use snapferry::domain::rds::snapshot::{Snapshot, SnapshotStatus};
use snapferry::domain::retention::check::{Broken, Case, Rule, Ruling, broken};
use snapferry::domain::retention::entered::{AllEntered, Entered};

use crate::prune_preview::copy_of;
use crate::world::{HOME, KEY, OTHER_KEY, a_run, region, time};

pub(super) const NOW: &str = "2026-11-28T03:00:00Z";

/// What a recovery point is meant to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meant {
    Good,
    /// Good, although its policy names another key by now.
    GoodUnderAnOldKey,
    Held,
    HoldTakenBack,
    Needed,
    Failed,
    Copying,
    Dateless,
    Future,
    WrongKey,
    NotEncrypted,
    OfAnotherSource,
    EnteredAsMismatch,
    CopiedByAPerson,
    OfAnotherStack,
    OfAnotherAccount,
}

#[derive(Debug, Clone)]
pub(super) struct Sample {
    pub(super) meant: Meant,
    pub(super) policy: &'static str,
    /// How many hours ago its data was taken.
    pub(super) age: i64,
    /// How many minutes later its copying began, if RDS says so.
    pub(super) begun: Option<i64>,
    /// How many minutes after its data it was entered, if it was.
    pub(super) entered: Option<i64>,
    pub(super) goes: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) samples: Vec<Sample>,
    pub(super) complete: bool,
    pub(super) includes_last: bool,
    pub(super) min_keep: usize,
}

impl Sample {
    pub(super) fn at(&self) -> Timestamp {
        time(NOW) - SignedDuration::from_hours(self.age)
    }

    fn begun_at(&self) -> Option<Timestamp> {
        Some(self.at() + SignedDuration::from_mins(self.begun?))
    }

    fn entered_at(&self) -> Option<Timestamp> {
        let is_entered = match self.meant {
            Meant::GoodUnderAnOldKey | Meant::EnteredAsMismatch => true,
            Meant::WrongKey => false,
            _ => self.entered.is_some(),
        };
        is_entered.then(|| self.at() + SignedDuration::from_mins(self.entered.unwrap_or(90)))
    }

    /// Whether a database can be restored from it and it is this stack's.
    fn is_good(&self) -> bool {
        matches!(
            self.meant,
            Meant::Good
                | Meant::GoodUnderAnOldKey
                | Meant::Held
                | Meant::HoldTakenBack
                | Meant::Needed
                | Meant::OfAnotherAccount
        )
    }

    /// Whether it is available, this stack's by name, and under the key in use.
    fn is_under_the_key(&self) -> bool {
        (self.is_good() && self.meant != Meant::GoodUnderAnOldKey)
            || matches!(
                self.meant,
                Meant::Dateless | Meant::Future | Meant::OfAnotherSource | Meant::EnteredAsMismatch
            )
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        let mut request = a_run("orders");
        request.planned_at = self.at() - SignedDuration::from_mins(1);
        request.policy = PolicyName::parse(self.policy).unwrap();
        let mut copy = copy_of(&request);
        copy.taken_at = Some(self.at());
        copy.created_at = self.begun_at();
        let mut tag = |key: &str, value: &str| {
            copy.tags.insert(key.to_owned(), value.to_owned());
        };
        match self.meant {
            Meant::Good | Meant::Needed | Meant::EnteredAsMismatch => {}
            Meant::Held => tag("snapferry:hold", "audit"),
            Meant::HoldTakenBack => tag("snapferry:hold", "false"),
            Meant::OfAnotherStack => tag("snapferry:stack", "staging"),
            Meant::Failed => copy.status = SnapshotStatus::Failed,
            Meant::Copying => copy.status = SnapshotStatus::Copying,
            Meant::Dateless => copy.taken_at = None,
            Meant::Future => copy.taken_at = Some(time(NOW) + SignedDuration::from_hours(1)),
            Meant::WrongKey | Meant::GoodUnderAnOldKey => copy.key = KeyArn::parse(OTHER_KEY).ok(),
            Meant::NotEncrypted => {
                copy.encrypted = false;
                copy.key = None;
            }
            Meant::OfAnotherSource => copy.source = None,
            Meant::CopiedByAPerson => {
                let id = SnapshotId::parse(&format!("sf-kept-{}", self.age)).unwrap();
                copy.arn = copy.arn.sibling_snapshot(&region(HOME), &id);
            }
            Meant::OfAnotherAccount => {
                let arn = copy
                    .arn
                    .to_string()
                    .replace(":111122223333:", ":999922223333:");
                copy.arn = RdsArn::parse(&arn).unwrap();
            }
        }
        copy
    }
}

impl Plan {
    /// The product's answer.
    pub(super) fn broken(&self) -> Vec<Broken> {
        let snapshots: Vec<Snapshot> = self.samples.iter().map(Sample::snapshot).collect();
        let mut entered = AllEntered::new();
        let (mut needed, mut removals) = (BTreeSet::new(), BTreeSet::new());
        for (sample, snapshot) in self.samples.iter().zip(&snapshots) {
            if let Some(at) = sample.entered_at() {
                let is_mismatch = sample.meant == Meant::EnteredAsMismatch;
                let one = Entered {
                    copy: snapshot.arn.clone(),
                    source: snapshot.arn.clone(),
                    key: snapshot.key.clone(),
                    at,
                    snapshot_done_at: None,
                    mismatch: is_mismatch
                        .then(|| "its size is 10 GiB instead of 100 GiB".to_owned()),
                };
                entered.insert(snapshot.arn.clone(), one);
            }
            if sample.meant == Meant::Needed {
                needed.insert(snapshot.arn.clone());
            }
            if sample.goes {
                removals.insert(snapshot.arn.clone());
            }
        }
        let ruling = Ruling {
            key: KeyArn::parse(KEY).unwrap(),
            min_keep: self.min_keep,
            removes: true,
        };
        let rulings =
            ["default", "gold"].map(|name| (PolicyName::parse(name).unwrap(), ruling.clone()));
        let case = Case {
            stack: &StackId::parse("prod").unwrap(),
            home: &region(HOME),
            now: time(NOW),
            complete: self.complete,
            snapshots: &snapshots,
            rulings: &BTreeMap::from(rulings),
            entered: &entered,
            needed: &needed,
            includes_last: self.includes_last,
        };
        broken(&case, &removals)
    }

    /// Which rules the plan breaks, by what its recovery points are meant to be.
    pub(super) fn answer(&self) -> BTreeSet<Rule> {
        let mut answer = BTreeSet::new();
        let going = || self.samples.iter().filter(|sample| sample.goes);
        for sample in going() {
            if !self.complete {
                answer.insert(Rule::Complete);
            }
            match sample.meant {
                Meant::Good | Meant::GoodUnderAnOldKey | Meant::HoldTakenBack | Meant::Failed => {}
                Meant::Held => drop(answer.insert(Rule::Held)),
                Meant::Needed => drop(answer.insert(Rule::Needed)),
                Meant::Copying => drop(answer.insert(Rule::Finished)),
                Meant::Dateless | Meant::Future => drop(answer.insert(Rule::Dated)),
                Meant::WrongKey if sample.policy == "old" => {}
                Meant::WrongKey
                | Meant::NotEncrypted
                | Meant::OfAnotherSource
                | Meant::EnteredAsMismatch => drop(answer.insert(Rule::Match)),
                Meant::CopiedByAPerson | Meant::OfAnotherStack => drop(answer.insert(Rule::Ours)),
                Meant::OfAnotherAccount => drop(answer.insert(Rule::Place)),
            }
            let is_ours = !matches!(sample.meant, Meant::CopiedByAPerson | Meant::OfAnotherStack);
            if sample.policy == "old" && is_ours {
                answer.insert(Rule::InForce);
            }
        }
        if self.includes_last {
            return answer;
        }
        for policy in ["default", "gold", "old"] {
            self.of_a_group(policy, &mut answer);
        }
        self.of_the_key(&mut answer);
        answer
    }

    fn of_a_group(&self, policy: &str, answer: &mut BTreeSet<Rule>) {
        // Without a policy in force nothing is known of the key, so another key is no mismatch.
        let is_good = |sample: &Sample| {
            sample.is_good() || (sample.policy == "old" && sample.meant == Meant::WrongKey)
        };
        let group: Vec<&Sample> = self
            .samples
            .iter()
            .filter(|sample| sample.policy == policy && is_good(sample))
            .collect();
        let Some(newest) = group.iter().min_by_key(|sample| sample.age) else {
            return;
        };
        let mut others = self
            .samples
            .iter()
            .filter(|sample| sample.policy != policy && sample.policy != "old" && sample.is_good());
        if others.any(|other| other.age < newest.age && !other.goes) {
            return;
        }
        if newest.goes {
            answer.insert(Rule::NewestGood);
        }
        let stay = group.iter().filter(|sample| !sample.goes).count();
        let min_keep = if policy == "old" { 1 } else { self.min_keep };
        if stay < min_keep && stay < group.len() {
            answer.insert(Rule::MinKeep);
        }
    }

    fn of_the_key(&self, answer: &mut BTreeSet<Rule>) {
        let under: Vec<&Sample> = self
            .samples
            .iter()
            .filter(|sample| sample.is_under_the_key())
            .collect();
        let last_entered = under
            .iter()
            .filter(|sample| sample.entered_at().is_some())
            .max_by_key(|sample| sample.entered_at());
        let last_begun = under
            .iter()
            .filter(|sample| sample.begun.is_some())
            .max_by_key(|sample| sample.begun_at());
        if last_entered.is_some_and(|sample| sample.goes) {
            answer.insert(Rule::LastEntered);
        }
        if last_begun.is_some_and(|sample| sample.goes) {
            answer.insert(Rule::LastBegun);
        }
        if last_entered.is_none() && last_begun.is_none() {
            let mut by_data = under;
            by_data.sort_by_key(|sample| match sample.meant {
                Meant::Dateless => i64::MAX,
                Meant::Future => -1,
                _ => sample.age,
            });
            if by_data.iter().take(2).any(|sample| sample.goes) {
                answer.insert(Rule::LastBegun);
            }
        }
    }
}

fn a_sample() -> impl Strategy<Value = Sample> {
    let rare = vec![
        Meant::GoodUnderAnOldKey,
        Meant::Held,
        Meant::HoldTakenBack,
        Meant::Needed,
        Meant::Failed,
        Meant::Copying,
        Meant::Dateless,
        Meant::Future,
        Meant::WrongKey,
        Meant::NotEncrypted,
        Meant::OfAnotherSource,
        Meant::EnteredAsMismatch,
        Meant::CopiedByAPerson,
        Meant::OfAnotherStack,
        Meant::OfAnotherAccount,
    ];
    let meant = prop_oneof![3 => Just(Meant::Good), 1 => prop::sample::select(rare)];
    let policy = prop_oneof![6 => Just("default"), 2 => Just("gold"), 1 => Just("old")];
    let begun = prop::option::weighted(0.8, 1_i64..6_000);
    let entered = prop::option::weighted(0.6, 60_i64..9_000);
    (meant, policy, begun, entered, prop::bool::weighted(0.2)).prop_map(
        |(meant, policy, begun, entered, goes)| Sample {
            meant,
            policy,
            age: 0,
            begun,
            entered,
            goes,
        },
    )
}

/// Samples whose times all differ, so that what is last is certain.
pub(super) fn a_plan() -> impl Strategy<Value = Plan> {
    let samples = prop::collection::vec((a_sample(), 1_i64..30), 1..10);
    (
        samples,
        prop::bool::weighted(0.95),
        prop::bool::weighted(0.05),
        1_usize..4,
    )
        .prop_map(|(samples, complete, includes_last, min_keep)| {
            let mut age = 0;
            let samples = samples
                .into_iter()
                .enumerate()
                .map(|(nth, (sample, step))| {
                    age += step;
                    let nth = i64::try_from(nth).unwrap();
                    Sample {
                        age,
                        // Times that differ by their last digit.
                        begun: sample.begun.map(|at| at / 10 * 10 + nth),
                        entered: sample.entered.map(|at| at / 10 * 10 + nth),
                        ..sample
                    }
                })
                .collect();
            Plan {
                samples,
                complete,
                includes_last,
                min_keep,
            }
        })
}
