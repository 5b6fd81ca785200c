//! What breaks by itself, and for how long.

use jiff::Timestamp;
use snapferry::domain::run::failure::Operation;

use super::judge::home;
use super::world::{Breakage, World, rds_region};
use crate::faults::Fault;
use crate::rds::{InstanceStatus, MANUAL_SNAPSHOTS};

impl World {
    pub(super) fn deny(&mut self) {
        let operations = [
            Operation::CreateDbSnapshot,
            Operation::CopyDbSnapshot,
            Operation::DescribeDbSnapshots,
            Operation::DescribeDbInstances,
        ];
        let operation = operations[self.rng.usize(..operations.len())];
        let until = self.within(20..=3_600);
        self.note(|| format!("{operation} is denied until {until:.0}"));
        self.denied.insert(operation, until);
    }

    pub(super) fn cut_off(&mut self) {
        let mut regions: Vec<String> = self
            .source_regions
            .iter()
            .map(ToString::to_string)
            .collect();
        regions.push(home().to_string());
        let region = regions.swap_remove(self.rng.usize(..regions.len()));
        let until = self.within(20..=2_400);
        self.note(|| format!("{region} is down until {until:.0}"));
        self.down.insert(region, until);
    }

    pub(super) fn break_key(&mut self) {
        let until = self.within(20..=5_400);
        let key = self.key.to_string();
        self.rds.set_key_enabled(&rds_region(&home()), &key, false);
        self.broken_until.push((until, Breakage::Key));
        self.count_fault(Fault::KeyDisabled);
        self.note(|| format!("the key is disabled until {until:.0}"));
    }

    pub(super) fn make_busy(&mut self) {
        let region = rds_region(&self.source_regions[self.rng.usize(..self.source_regions.len())]);
        let names: Vec<String> = self
            .rds
            .instances(&region)
            .map(|i| i.spec.identifier.clone())
            .collect();
        if names.is_empty() {
            return;
        }
        let name = names[self.rng.usize(..names.len())].clone();
        let until = self.within(60..=7_200);
        let busy = self.rds.change_instance(&region, &name, |instance| {
            let idle = instance.status == InstanceStatus::Available;
            if idle {
                instance.status = InstanceStatus::Modifying;
            }
            idle
        });
        if busy == Some(true) {
            self.broken_until
                .push((until, Breakage::Instance(region, name.clone())));
            self.count_fault(Fault::DatabaseBusy);
            self.note(|| format!("{name} is modified until {until:.0}"));
        }
    }

    pub(super) fn fill_quota(&mut self) {
        let until = self.within(20..=3_600);
        self.rds.config_mut().manual_snapshot_quota = 0;
        self.broken_until.push((until, Breakage::Quota));
        self.count_fault(Fault::QuotaFull);
        self.note(|| format!("the quota is full until {until:.0}"));
    }

    /// Repairs everything whose time has come.
    pub(super) fn repair(&mut self, now: Timestamp) {
        if self.broken_until.iter().all(|(until, _)| *until > now) {
            return;
        }
        let (repaired, broken): (Vec<_>, Vec<_>) = std::mem::take(&mut self.broken_until)
            .into_iter()
            .partition(|(until, _)| *until <= now);
        self.broken_until = broken;
        for (_, breakage) in repaired {
            self.note(|| format!("repaired: {breakage:?}"));
            match breakage {
                Breakage::Key => {
                    let key = self.key.to_string();
                    self.rds.set_key_enabled(&rds_region(&home()), &key, true);
                }
                Breakage::Instance(region, name) => {
                    self.rds.change_instance(&region, &name, |instance| {
                        if instance.status == InstanceStatus::Modifying {
                            instance.status = InstanceStatus::Available;
                        }
                    });
                }
                Breakage::Quota => {
                    self.rds.config_mut().manual_snapshot_quota = MANUAL_SNAPSHOTS * 10
                }
            }
        }
    }

    pub(super) fn list_lags(&mut self) {
        self.rds.config_mut().faults.odds.describe_lags = self.rng.f64();
    }
}
