//! The ports of restores.

use super::super::rds::RdsModel;
use super::{Holds, Ports};
use crate::domain::id::arn::{Family, Region};
use crate::domain::id::names::ResourceId;
use crate::domain::restore::preflight::{ClassOffer, EngineVersion, GroupKind, Quotas};
use crate::domain::restore::record::RestoreKey;
use crate::domain::restore::restored::RestoredDatabase;
use crate::domain::run::failure::Operation;
use crate::ports::{
    ChangeDatabase, DatabaseCall, DescribeOffers, DescribeRestoreQuotas, DescribeRestored,
    ListGroups, Page, PortError, RdsError, ReadRestores, StoreRestores, StoredRestore, Written,
};

impl<L: Holds<Rds: RdsModel>> DescribeRestored for Ports<L> {
    async fn describe_restored(
        &self,
        region: &Region,
        family: Family,
        names: &[String],
    ) -> Result<Vec<RestoredDatabase>, RdsError> {
        let operation = Operation::describe_databases(family);
        self.rds(operation, region, |rds, now| {
            rds.describe_restored(region, family, names, now)
        })
    }
}

impl<L: Holds<Rds: RdsModel>> ChangeDatabase for Ports<L> {
    async fn change_database(
        &self,
        region: &Region,
        call: &DatabaseCall,
    ) -> Result<Option<ResourceId>, RdsError> {
        self.rds(call.operation, region, |rds, now| {
            rds.change_database(region, call, now)
        })
    }
}

impl<L: Holds> ReadRestores for Ports<L> {
    async fn restore(&self, key: &RestoreKey) -> Result<Option<StoredRestore>, PortError> {
        Ok(self.with(|state| state.table.restore(key).cloned()))
    }
}

impl<L: Holds> StoreRestores for Ports<L> {
    async fn store_restore(&self, restore: &StoredRestore) -> Result<Written, PortError> {
        Ok(self.with(|state| state.table.store_restore(restore)))
    }
}

impl<L: Holds<Rds: RdsModel>> DescribeRestoreQuotas for Ports<L> {
    async fn describe_restore_quotas(&self, region: &Region) -> Result<Quotas, RdsError> {
        let operation = Operation::DescribeAccountAttributes;
        self.rds(operation, region, |rds, now| {
            rds.restore_quotas(region, now)
        })
    }
}

impl<L: Holds<Rds: RdsModel>> DescribeOffers for Ports<L> {
    async fn offers_version(&self, region: &Region, of: &EngineVersion) -> Result<bool, RdsError> {
        let operation = Operation::DescribeDbEngineVersions;
        self.rds(operation, region, |rds, now| {
            rds.offers_version(region, of, now)
        })
    }

    async fn offers_class(&self, region: &Region, of: &ClassOffer) -> Result<bool, RdsError> {
        let operation = Operation::DescribeOrderableDbInstanceOptions;
        self.rds(operation, region, |rds, now| {
            rds.offers_class(region, of, now)
        })
    }
}

impl<L: Holds<Rds: RdsModel>> ListGroups for Ports<L> {
    async fn list_groups(
        &self,
        region: &Region,
        kind: GroupKind,
        marker: Option<String>,
    ) -> Result<Page<String>, RdsError> {
        self.rds(kind.listed_by(), region, |rds, now| {
            rds.list_groups(region, kind, marker, now)
        })
    }
}
