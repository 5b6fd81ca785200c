//! The ports of drills.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::super::rds::RdsModel;
use super::{Holds, Ports, assert_batch};
use crate::domain::drill::judge::FailureEvent;
use crate::domain::id::arn::{Family, Region};
use crate::domain::id::names::ResourceId;
use crate::domain::restore::restored::RestoredDatabase;
use crate::domain::run::failure::Operation;
use crate::ports::{
    CheckDrill, DeleteDrilled, ListRestored, OpenRemovals, Page, PortError, RdsError, ReadDrills,
    ReadFailures, ReadOpenRemovals, StoreDrills, StoreOpenRemovals, StoredDrills, Written,
};

impl<L: Holds<Rds: RdsModel>> ListRestored for Ports<L> {
    async fn list_restored(
        &self,
        region: &Region,
        family: Family,
        marker: Option<String>,
    ) -> Result<Page<RestoredDatabase>, RdsError> {
        let operation = Operation::describe_databases(family);
        self.rds(operation, region, |rds, now| {
            rds.list_restored(region, family, marker, now)
        })
    }
}

impl<L: Holds<Rds: RdsModel>> DeleteDrilled for Ports<L> {
    async fn delete_drilled(
        &self,
        region: &Region,
        family: Family,
        name: &str,
    ) -> Result<(), RdsError> {
        let operation = Operation::delete_database(family);
        self.rds(operation, region, |rds, now| {
            rds.delete_drilled(region, family, name, now)
        })
    }
}

impl<L: Holds<Rds: RdsModel>> ReadFailures for Ports<L> {
    async fn failure_events(
        &self,
        region: &Region,
        family: Family,
        name: &str,
        since: Timestamp,
    ) -> Result<Vec<FailureEvent>, RdsError> {
        self.rds(Operation::DescribeEvents, region, |rds, now| {
            rds.failure_events(region, family, name, since, now)
        })
    }
}

impl<L: Holds> CheckDrill for Ports<L> {
    async fn check_drill(&self, _function: &str, request: &str) -> Result<String, PortError> {
        self.with(|state| {
            state.operator.drill_checks.push(request.to_owned());
            let answer = state.operator.drill_check.clone();
            answer.ok_or(PortError {
                action: "lambda:InvokeFunction",
                code: None,
                source: Some("the function does not answer".into()),
            })
        })
    }
}

impl<L: Holds> ReadDrills for Ports<L> {
    async fn drills(
        &self,
        of: &[ResourceId],
    ) -> Result<BTreeMap<ResourceId, StoredDrills>, PortError> {
        assert_batch(of);
        Ok(self.with(|state| state.table.drills(of)))
    }
}

impl<L: Holds> StoreDrills for Ports<L> {
    async fn store_drills(
        &self,
        of: &ResourceId,
        drills: &StoredDrills,
    ) -> Result<Written, PortError> {
        Ok(self.with(|state| state.table.store_drills(of, drills)))
    }
}

impl<L: Holds> ReadOpenRemovals for Ports<L> {
    async fn open_removals(&self) -> Result<OpenRemovals, PortError> {
        Ok(self.with(|state| state.table.open_removals().clone()))
    }
}

impl<L: Holds> StoreOpenRemovals for Ports<L> {
    async fn store_open_removals(&self, removals: &OpenRemovals) -> Result<Written, PortError> {
        Ok(self.with(|state| state.table.store_open_removals(removals)))
    }
}
