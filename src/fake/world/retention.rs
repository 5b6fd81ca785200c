//! The ports of retention.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::super::rds::RdsModel;
use super::super::table::Table;
use super::{Holds, Ports, assert_batch};
use crate::domain::id::arn::{RdsArn, Region};
use crate::domain::id::names::ResourceId;
use crate::domain::id::tags::{HOLD, PolicyName};
use crate::domain::retention::bounds::DatabaseId;
use crate::domain::retention::entered::Entered;
use crate::domain::retention::gone::Listing;
use crate::domain::retention::history::{Histories, History};
use crate::domain::retention::inventory::Group;
use crate::domain::retention::round::{Freeze, RemovalEntry, Round};
use crate::domain::retention::sightings::Notes;
use crate::domain::run::failure::Operation;
use crate::domain::run::manifest::Manifest;
use crate::ports::{
    CorrectNewest, DeleteSnapshot, EnterCopies, ExpireEntered, HoldSnapshots, InvokePruner,
    KeepHistories, KeepNotes, ListMismatches, Page, PortError, PruneRounds, RdsError, ReadEntered,
    ReadFreeze, ReadHistories, ReadListings, ReadRound, RegisterRemovals, SetFreeze, StoreListings,
    Written,
};

impl<L: Holds> Ports<L> {
    fn items<T>(&self, act: impl FnOnce(&mut Table) -> T) -> T {
        self.with(|state| act(&mut state.table))
    }
}

impl<L: Holds<Rds: RdsModel>> DeleteSnapshot for Ports<L> {
    async fn delete_snapshot(&self, snapshot: &RdsArn) -> Result<(), RdsError> {
        self.with(|state| state.rds.delete_snapshot(snapshot, state.now))
            .map_err(|refusal| {
                let operation = Operation::delete_snapshot(snapshot.family());
                refusal.of_rds(operation, snapshot.region())
            })
    }
}

impl<L: Holds<Rds: RdsModel>> HoldSnapshots for Ports<L> {
    async fn hold_snapshot(&self, snapshot: &RdsArn, why: &str) -> Result<(), RdsError> {
        self.with(|state| state.rds.set_tag(snapshot, HOLD, Some(why), state.now))
            .map_err(|refusal| refusal.of_rds(Operation::AddTagsToResource, snapshot.region()))
    }

    async fn release_snapshot(&self, snapshot: &RdsArn) -> Result<(), RdsError> {
        self.with(|state| state.rds.set_tag(snapshot, HOLD, None, state.now))
            .map_err(|refusal| refusal.of_rds(Operation::RemoveTagsFromResource, snapshot.region()))
    }
}

impl<L: Holds> InvokePruner for Ports<L> {
    async fn invoke_pruner(&self, request: &str) -> Result<String, PortError> {
        Ok(self.with(|state| {
            state.operator.pruner_requests.push(request.to_owned());
            state.operator.pruner_answer.clone()
        }))
    }
}

impl<L: Holds> RegisterRemovals for Ports<L> {
    async fn register_removal(&self, removal: &RemovalEntry) -> Result<Written, PortError> {
        Ok(self.items(|table| table.register_removal(removal)))
    }

    async fn drop_removal(&self, snapshot: &RdsArn) -> Result<(), PortError> {
        self.items(|table| table.drop_removal(snapshot));
        Ok(())
    }
}

impl<L: Holds> EnterCopies for Ports<L> {
    async fn enter_copy(&self, entered: &Entered) -> Result<(), PortError> {
        self.items(|table| table.enter_copy(entered));
        Ok(())
    }
}

impl<L: Holds> ExpireEntered for Ports<L> {
    async fn expire_entered(&self, copy: &RdsArn, from: Timestamp) -> Result<(), PortError> {
        self.items(|table| table.expire_entered(copy, from));
        Ok(())
    }
}

impl<L: Holds> ReadEntered for Ports<L> {
    async fn read_entered(&self, copies: &[RdsArn]) -> Result<Vec<Entered>, PortError> {
        assert_batch(copies);
        Ok(self.items(|table| {
            let entered = &table.retention().entered;
            let found = copies.iter().filter_map(|copy| entered.get(copy));
            found.cloned().collect()
        }))
    }
}

impl<L: Holds> ListMismatches for Ports<L> {
    async fn list_mismatches(&self, _: Option<String>) -> Result<Page<RdsArn>, PortError> {
        Ok(self.items(|table| {
            let entered = table.retention().entered.values();
            let wrong = entered.filter(|one| one.mismatch.is_some());
            Page::new(wrong.map(|one| one.copy.clone()).collect(), None)
        }))
    }
}

impl<L: Holds> KeepNotes for Ports<L> {
    async fn read_notes(
        &self,
        of: &[DatabaseId],
    ) -> Result<BTreeMap<DatabaseId, Notes>, PortError> {
        assert_batch(of);
        Ok(self.items(|table| {
            let notes = &table.retention().notes;
            let found = of.iter().filter_map(|of| notes.get_key_value(of));
            found
                .map(|(of, notes)| (of.clone(), notes.clone()))
                .collect()
        }))
    }

    async fn store_notes(
        &self,
        of: &DatabaseId,
        notes: &Notes,
        _at: Timestamp,
    ) -> Result<(), PortError> {
        self.items(|table| table.store_notes(of, notes));
        Ok(())
    }
}

impl<L: Holds> ReadRound for Ports<L> {
    async fn last_round(&self) -> Result<Round, PortError> {
        Ok(self.items(|table| table.retention().round.clone()))
    }
}

impl<L: Holds> PruneRounds for Ports<L> {
    async fn store_round(&self, round: &Round) -> Result<(), PortError> {
        self.items(|table| table.store_round(round));
        Ok(())
    }

    async fn take_lease(
        &self,
        holder: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool, PortError> {
        Ok(self.items(|table| table.take_lease(holder, now, until)))
    }

    async fn release_lease(&self, holder: &str) -> Result<(), PortError> {
        self.items(|table| table.release_lease(holder));
        Ok(())
    }
}

impl<L: Holds> ReadFreeze for Ports<L> {
    async fn freeze(&self) -> Result<Option<Freeze>, PortError> {
        Ok(self.items(|table| table.retention().freeze.clone()))
    }
}

impl<L: Holds> SetFreeze for Ports<L> {
    async fn set_freeze(&self, freeze: &Freeze) -> Result<(), PortError> {
        self.items(|table| table.set_freeze(freeze));
        Ok(())
    }

    async fn thaw(&self) -> Result<(), PortError> {
        self.items(|table| table.retention_mut().freeze = None);
        Ok(())
    }
}

impl<L: Holds> ReadListings for Ports<L> {
    async fn listing(&self, region: &Region) -> Result<Option<Listing>, PortError> {
        Ok(self.items(|table| table.retention().listings.get(region).cloned()))
    }
}

impl<L: Holds> StoreListings for Ports<L> {
    async fn store_listing(&self, region: &Region, listing: &Listing) -> Result<(), PortError> {
        self.items(|table| table.store_listing(region, listing));
        Ok(())
    }
}

impl<L: Holds> CorrectNewest for Ports<L> {
    async fn correct_newest(
        &self,
        database: &ResourceId,
        policy: &PolicyName,
        instead_of: &RdsArn,
        newest: Option<&Manifest>,
    ) -> Result<Written, PortError> {
        Ok(self.items(|table| table.correct_newest(database, policy, instead_of, newest)))
    }
}

impl<L: Holds> ReadHistories for Ports<L> {
    async fn read_histories(&self, of: &[Group]) -> Result<Histories, PortError> {
        assert_batch(of);
        Ok(self.items(|table| {
            let histories = &table.retention().histories;
            let found = of.iter().filter_map(|of| histories.get_key_value(of));
            found
                .map(|(of, history)| (of.clone(), history.clone()))
                .collect()
        }))
    }
}

impl<L: Holds> KeepHistories for Ports<L> {
    async fn store_history(
        &self,
        of: &Group,
        history: &History,
        _at: Timestamp,
    ) -> Result<(), PortError> {
        self.items(|table| {
            let histories = &mut table.retention_mut().histories;
            histories.insert(of.clone(), history.clone());
        });
        Ok(())
    }
}
