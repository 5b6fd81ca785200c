//! The ports that only the pruner has, with a planted bug, if the world has one.

use std::collections::BTreeMap;

use super::*;
use snapferry::domain::policy::set::{Applied, Stamp, Version};
use snapferry::domain::retention::bounds::DatabaseId;
use snapferry::domain::retention::gone::Listing;
use snapferry::domain::retention::history::{Histories, History};
use snapferry::domain::retention::inventory::Group;
use snapferry::domain::retention::round::{RemovalEntry, Round};
use snapferry::domain::retention::sightings::Notes;
use snapferry::ports::doctor::ListManualSnapshots;
use snapferry::ports::{
    CorrectNewest, DeleteSnapshot, ExpireEntered, KeepHistories, KeepNotes, PruneRounds,
    ReadEntered, ReadFreeze, ReadHistories, ReadListings, ReadPolicyHistory, ReadRound,
    RegisterRemovals, StoreListings,
};

use crate::simulation::fleet::KEY;

impl Mutated {
    /// A recovery point as the pruner sees it, with the planted bug.
    pub(super) fn as_weighed(&self, mut snapshot: Snapshot) -> Snapshot {
        match self.mutant {
            Some(Mutant::HoldIsOverlooked) => {
                snapshot.tags.remove("snapferry:hold");
            }
            Some(Mutant::MismatchIsOverlooked) => {
                snapshot.key = KeyArn::parse(KEY).ok();
            }
            Some(Mutant::FutureIsOverlooked) => {
                let is_ahead = snapshot.taken_at.is_some_and(|at| at > self.now());
                if is_ahead {
                    snapshot.taken_at = Some(Timestamp::UNIX_EPOCH);
                }
            }
            Some(Mutant::GoodIsTakenForFailed) if snapshot.status == SnapshotStatus::Available => {
                snapshot.status = SnapshotStatus::Failed;
            }
            _ => {}
        }
        snapshot
    }
}

impl ListManualSnapshots for Mutated {
    async fn list_manual_snapshots(
        &self,
        region: &Region,
        family: Family,
        marker: Option<String>,
    ) -> Result<Page<Snapshot>, RdsError> {
        match self
            .inner
            .list_manual_snapshots(region, family, marker)
            .await
        {
            Ok(mut page) => {
                let rows = page.items.into_iter();
                page.items = rows.map(|one| self.as_weighed(one)).collect();
                Ok(page)
            }
            Err(error) => {
                let (by, mut world) = (self.invocation(), self.world());
                world.doing(by).partial.insert(region.clone());
                if self.has(Mutant::LostPageIsEmpty) {
                    return Ok(Page::new(Vec::new(), None));
                }
                Err(error)
            }
        }
    }
}

impl DeleteSnapshot for Mutated {
    async fn delete_snapshot(&self, snapshot: &RdsArn) -> Result<(), RdsError> {
        self.inner.delete_snapshot(snapshot).await
    }
}

impl RegisterRemovals for Mutated {
    async fn register_removal(&self, removal: &RemovalEntry) -> Result<Written, PortError> {
        if self.has(Mutant::RemovalIsNotEntered) {
            return Ok(Written::Stored);
        }
        let written = self.inner.register_removal(removal).await?;
        if self.has(Mutant::AwaitedIsRemoved) {
            return Ok(Written::Stored);
        }
        Ok(written)
    }

    async fn drop_removal(&self, snapshot: &RdsArn) -> Result<(), PortError> {
        self.inner.drop_removal(snapshot).await
    }
}

impl ReadEntered for Mutated {
    async fn read_entered(&self, copies: &[RdsArn]) -> Result<Vec<Entered>, PortError> {
        let mut entered = self.inner.read_entered(copies).await?;
        if self.has(Mutant::EachSourceCountsAsCopied) && self.role() == Some(Role::Pruner) {
            let world = self.world();
            entered.extend(world.as_if_copied(copies));
        }
        Ok(entered)
    }
}

impl KeepNotes for Mutated {
    async fn read_notes(
        &self,
        of: &[DatabaseId],
    ) -> Result<BTreeMap<DatabaseId, Notes>, PortError> {
        self.inner.read_notes(of).await
    }

    async fn store_notes(
        &self,
        of: &DatabaseId,
        notes: &Notes,
        at: Timestamp,
    ) -> Result<(), PortError> {
        if self.has(Mutant::NotesAreNotKept) {
            return Ok(());
        }
        self.inner.store_notes(of, notes, at).await
    }
}

impl ReadRound for Mutated {
    async fn last_round(&self) -> Result<Round, PortError> {
        self.inner.last_round().await
    }
}

impl PruneRounds for Mutated {
    async fn store_round(&self, round: &Round) -> Result<(), PortError> {
        self.inner.store_round(round).await
    }

    async fn take_lease(
        &self,
        holder: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool, PortError> {
        self.inner.take_lease(holder, now, until).await
    }

    async fn release_lease(&self, holder: &str) -> Result<(), PortError> {
        self.inner.release_lease(holder).await
    }
}

impl ReadFreeze for Mutated {
    async fn freeze(&self) -> Result<Option<Freeze>, PortError> {
        let known = self.freeze_read.borrow().clone();
        if self.has(Mutant::FreezeIsReadOnce)
            && let Some(known) = known
        {
            return Ok(known);
        }
        let freeze = self.inner.freeze().await;
        if let Ok(read) = &freeze {
            *self.freeze_read.borrow_mut() = Some(read.clone());
        }
        if self.has(Mutant::FreezeIsOverlooked) {
            return freeze.map(|_| None);
        }
        freeze
    }
}

impl ReadListings for Mutated {
    async fn listing(&self, region: &Region) -> Result<Option<Listing>, PortError> {
        self.inner.listing(region).await
    }
}

impl StoreListings for Mutated {
    async fn store_listing(&self, region: &Region, listing: &Listing) -> Result<(), PortError> {
        self.inner.store_listing(region, listing).await
    }
}

impl CorrectNewest for Mutated {
    async fn correct_newest(
        &self,
        database: &ResourceId,
        policy: &PolicyName,
        instead_of: &RdsArn,
        newest: Option<&Manifest>,
    ) -> Result<Written, PortError> {
        self.inner
            .correct_newest(database, policy, instead_of, newest)
            .await
    }
}

impl ReadHistories for Mutated {
    async fn read_histories(&self, of: &[Group]) -> Result<Histories, PortError> {
        self.inner.read_histories(of).await
    }
}

impl KeepHistories for Mutated {
    async fn store_history(
        &self,
        of: &Group,
        history: &History,
        at: Timestamp,
    ) -> Result<(), PortError> {
        self.inner.store_history(of, history, at).await
    }
}

impl ReadPolicyHistory for Mutated {
    async fn current_stamp(&self) -> Result<Option<Stamp>, PortError> {
        self.inner.current_stamp().await
    }

    async fn policy_version(&self, version: Version) -> Result<Option<Applied>, PortError> {
        self.inner.policy_version(version).await
    }

    async fn policy_stamps(&self, versions: &[Version]) -> Result<Vec<Stamp>, PortError> {
        self.inner.policy_stamps(versions).await
    }
}

impl ExpireEntered for Mutated {
    async fn expire_entered(&self, copy: &RdsArn, from: Timestamp) -> Result<(), PortError> {
        self.inner.expire_entered(copy, from).await
    }
}
