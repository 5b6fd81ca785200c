//! Judges copy slots: how many copies are in flight, who gives a slot back, and what was learnt of RDS's own limit.

use snapferry::domain::id::arn::{Family, RdsArn, Region};
use snapferry::domain::id::names::SnapshotId;
use snapferry::domain::rds::snapshot::Snapshot as Shown;
use snapferry::domain::run::naming::first_attempt;
use snapferry::domain::run::slot_limits::{SlotGroup, SlotLimits};

use super::judge::home;
use super::rule;
use super::world::{FUNCTION_TIMEOUT, World, rds_region};
use crate::rds::Snapshot;

impl World {
    /// Our copies in flight. A copy that has given its slot back, because RDS refused it and showed none of its name, may
    /// begin all the same by an earlier call that comes late: RDS's own limit bounds those.
    fn in_flight(&self, counts: impl Fn(&Snapshot) -> bool) -> usize {
        let at = rds_region(&home());
        let copies = self.rds.snapshots(&at);
        let copies = copies.chain(self.rds.cluster_snapshots(&at));
        let has_a_slot = |copy: &&Snapshot| {
            let arn = RdsArn::parse(&copy.arn);
            !arn.is_ok_and(|arn| self.given_back.contains(&first_attempt(&arn)))
        };
        copies
            .filter(|copy| copy.is_a_copy_in_flight() && self.is_made_by_us(copy))
            .filter(has_a_slot)
            .filter(|copy| counts(copy))
            .count()
    }

    /// RDS has accepted a copy.
    pub(super) fn judge_slots(&mut self) {
        let slots = &self.slots;
        let is_of_cluster = |copy: &Snapshot| copy.family == crate::rds::Family::Cluster;
        let mut counts = vec![
            ("all".to_owned(), self.in_flight(|_| true), slots.most),
            (
                "clusters".to_owned(),
                self.in_flight(is_of_cluster),
                slots.clusters,
            ),
        ];
        for (policy, most) in &slots.for_policies {
            let of_policy =
                |copy: &Snapshot| copy.tags.get("snapferry:policy") == Some(policy.as_str());
            counts.push((policy.to_string(), self.in_flight(of_policy), *most));
        }
        let overfull = counts.into_iter().find(|(_, found, most)| found > most);
        if let Some((group, found, most)) = overfull {
            self.broke(rule::SLOTS, || {
                format!("{found} copies of {group} are in flight, with {most} slots")
            });
        }
    }

    /// RDS has answered a request for a copy: nothing that it showed before counts any more.
    pub(super) fn forget_what_was_shown(&mut self, invocation: u64, copy: &RdsArn) {
        self.doing(invocation).shown.remove(copy);
    }

    /// RDS has answered which of these snapshots it has.
    pub(super) fn note_what_is_shown(
        &mut self,
        invocation: u64,
        (region, ids): (&Region, &[SnapshotId]),
        found: &[Shown],
    ) {
        let doing = self.doing(invocation);
        let asked = doing.answers.keys();
        let asked: Vec<RdsArn> = asked
            .filter(|copy| copy.region() == region && ids.contains(&SnapshotId::of(copy)))
            .cloned()
            .collect();
        for copy in asked {
            let is_shown = found.iter().any(|snapshot| snapshot.arn == copy);
            doing.shown.insert(copy, is_shown);
        }
    }

    /// A slot was freed. Where RDS has refused the copy to the same invocation, it must have shown since that it has none.
    pub(super) fn judge_free_slot(&mut self, invocation: u64, holder: &RdsArn) {
        let now = self.now;
        self.slot_left.insert(holder.clone(), now);
        let doing = self.doing(invocation);
        let asked = doing.answers.keys();
        let attempts: Vec<RdsArn> = asked
            .filter(|copy| first_attempt(copy) == *holder)
            .cloned()
            .collect();
        if attempts.is_empty() {
            return;
        }
        // The attempts before the last one were shown: as failed.
        if attempts
            .iter()
            .any(|copy| doing.shown.get(copy) == Some(&false))
        {
            self.given_back.insert(holder.clone());
            self.count("slots given back after a refusal");
        } else {
            self.broke(rule::GIVEN_BACK, || {
                format!("{holder} gives its slot back, and RDS was not asked")
            });
        }
    }

    /// A copy holds a slot.
    pub(super) fn slot_is_held(&mut self, copy: &RdsArn) {
        self.given_back.remove(&first_attempt(copy));
    }

    /// A slot is claimed. What was learnt longer ago than an invocation lasts bounds the claim.
    pub(super) fn judge_claim(&mut self, copy: &RdsArn, limits: &SlotLimits) {
        let (family, holder) = (copy.family(), first_attempt(copy));
        let is_old = |since| self.now.duration_since(since) > FUNCTION_TIMEOUT;
        let held_lately = self.table.slots().holders.contains(&holder)
            || self
                .slot_left
                .get(&holder)
                .is_some_and(|left| !is_old(*left));
        let Some(learnt) = self.table.learnt_limit(family) else {
            return;
        };
        if held_lately || !is_old(learnt.since) {
            return;
        }
        let (group, most) = match family {
            Family::Cluster => (SlotGroup::Clusters, learnt.in_flight),
            Family::Instance => (SlotGroup::All, learnt.in_flight + self.slots.clusters),
        };
        if limits.of(&group).is_none_or(|max| max > most) {
            let learnt = learnt.clone();
            self.broke(rule::LEARNT, || {
                format!("{copy} claims a slot under {limits:?}, and {learnt:?} was learnt")
            });
        }
    }
}
