//! The ports of drills and restores, with a planted bug, if the world has one.

use std::collections::BTreeMap;

use jiff::Timestamp;
use snapferry::domain::drill::judge::FailureEvent;
use snapferry::domain::id::arn::{Family, Region};
use snapferry::domain::id::names::ResourceId;
use snapferry::domain::restore::record::RestoreKey;
use snapferry::domain::restore::restored::RestoredDatabase;
use snapferry::domain::restore::roster::Roster;
use snapferry::domain::restore::setting::Setting;
use snapferry::domain::restore::value::Value;
use snapferry::domain::run::failure::Operation;
use snapferry::ports::{
    ChangeDatabase, CheckDrill, DatabaseCall, DeleteDrilled, DescribeRestored, ListRestored, Page,
    PortError, RdsError, ReadDrills, ReadFailures, ReadRestores, ReadRosters, StoreDrills,
    StoreRestores, StoredDrills, StoredRestore, Written,
};

use super::Mutated;
use crate::simulation::mutant::Mutant;

impl DescribeRestored for Mutated {
    async fn describe_restored(
        &self,
        region: &Region,
        family: Family,
        names: &[String],
    ) -> Result<Vec<RestoredDatabase>, RdsError> {
        if self.has(Mutant::RestoreAsksTheSource) {
            let source = self.world().source_regions[0].clone();
            let _ = self.inner.describe_restored(&source, family, names).await;
        }
        let mut found = self.inner.describe_restored(region, family, names).await?;
        for one in &mut found {
            match self.mutant {
                Some(Mutant::ResourceIdIsNotCompared) => {
                    let before = self
                        .world()
                        .day
                        .as_ref()
                        .and_then(|day| day.id_before(&one.name));
                    if let Some(before) = before {
                        one.resource_id = before;
                    }
                }
                Some(Mutant::BackupsCountAsOn) => {
                    let days = Value::Number(7);
                    one.settings.insert(Setting::BackupRetentionPeriod, days);
                }
                _ => {}
            }
        }
        Ok(found)
    }
}

impl ChangeDatabase for Mutated {
    async fn change_database(
        &self,
        region: &Region,
        call: &DatabaseCall,
    ) -> Result<Option<ResourceId>, RdsError> {
        let mut call = call.clone();
        let restores = matches!(
            call.operation,
            Operation::RestoreDbInstanceFromDbSnapshot | Operation::RestoreDbClusterFromSnapshot
        );
        if restores && self.has(Mutant::TagsAreInherited) {
            call.parameters.remove("Tags");
        }
        if self.has(Mutant::ProtectionIsDropped) {
            call.parameters.remove("DeletionProtection");
        }
        self.inner.change_database(region, &call).await
    }
}

impl ReadRestores for Mutated {
    async fn restore(&self, key: &RestoreKey) -> Result<Option<StoredRestore>, PortError> {
        self.inner.restore(key).await
    }
}

impl StoreRestores for Mutated {
    async fn store_restore(&self, restore: &StoredRestore) -> Result<Written, PortError> {
        self.inner.store_restore(restore).await
    }
}

impl ReadRosters for Mutated {
    async fn roster(&self, region: &Region) -> Result<Option<Roster>, PortError> {
        self.inner.roster(region).await
    }
}

impl ListRestored for Mutated {
    async fn list_restored(
        &self,
        region: &Region,
        family: Family,
        marker: Option<String>,
    ) -> Result<Page<RestoredDatabase>, RdsError> {
        self.inner.list_restored(region, family, marker).await
    }
}

impl DeleteDrilled for Mutated {
    async fn delete_drilled(
        &self,
        region: &Region,
        family: Family,
        name: &str,
    ) -> Result<(), RdsError> {
        if self.has(Mutant::DeletionIsForgotten) {
            return Ok(());
        }
        self.inner.delete_drilled(region, family, name).await
    }
}

impl ReadFailures for Mutated {
    async fn failure_events(
        &self,
        region: &Region,
        family: Family,
        name: &str,
        since: Timestamp,
    ) -> Result<Vec<FailureEvent>, RdsError> {
        let inner = &self.inner;
        inner.failure_events(region, family, name, since).await
    }
}

impl CheckDrill for Mutated {
    async fn check_drill(&self, function: &str, request: &str) -> Result<String, PortError> {
        self.inner.check_drill(function, request).await
    }
}

impl ReadDrills for Mutated {
    async fn drills(
        &self,
        of: &[ResourceId],
    ) -> Result<BTreeMap<ResourceId, StoredDrills>, PortError> {
        self.inner.drills(of).await
    }
}

impl StoreDrills for Mutated {
    async fn store_drills(
        &self,
        of: &ResourceId,
        drills: &StoredDrills,
    ) -> Result<Written, PortError> {
        self.inner.store_drills(of, drills).await
    }
}
