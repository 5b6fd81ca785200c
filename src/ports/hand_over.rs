//! The queue for copy slots, and slots that are handed out and handed on.

use jiff::Timestamp;

use super::error::PortError;
use super::pages::Page;
use super::table::Written;
use crate::domain::id::arn::{Family, RdsArn};
use crate::domain::run::slot_limits::SlotLimits;
use crate::domain::run::taken_slots::{HandOver, SeenSlot, TakenSlots};
use crate::domain::run::turn::QueuedCopy;
use crate::domain::run::wait::Wait;

/// Puts copies into the queue for slots.
pub trait QueueCopies {
    /// `UpdateItem` of phase, since and the copy's place in the queue ([`Turn`](crate::domain::run::turn::Turn)), if the
    /// stored wait has this wait's token, is at its attempt, and may come into the phase `queued`. The copy leaves the queue
    /// when its wait comes into another phase.
    async fn queue_copy(&self, wait: &Wait, since: Timestamp) -> Result<Written, PortError>;

    /// `UpdateItem` of the copy's place in the queue, if the stored wait has this wait's token, is at its attempt, and has
    /// been queued since the same time. So a copy that a worker has taken up since stays out of the queue.
    async fn give_turn(&self, wait: &Wait) -> Result<Written, PortError>;
}

/// Reads the queue for slots.
pub trait ListQueue {
    /// `Query` of the index of queued copies of one family, the first ones first. The index may lag behind the table for a
    /// moment, and shows copies that hold a slot until a worker has their command.
    async fn list_queue(
        &self,
        family: Family,
        marker: Option<String>,
    ) -> Result<Page<QueuedCopy>, PortError>;
}

/// Hands out slots to queued copies.
pub trait HandOutSlot {
    /// `UpdateItem`: as [`claim_slot`](crate::ports::ClaimSlot::claim_slot), and stamps the slot with the hand-over `new`, if
    /// the slot is still as `known` says.
    async fn hand_out_slot(
        &self,
        copy: &RdsArn,
        limits: &SlotLimits,
        known: &SeenSlot,
        new: &HandOver,
    ) -> Result<bool, PortError>;
}

/// Reads who holds copy slots.
pub trait ReadSlots {
    /// `GetItem`, consistent.
    async fn taken_slots(&self) -> Result<TakenSlots, PortError>;
}

/// Hands the slot of a settled copy on to the next one of the queue.
pub trait HandOnSlot {
    /// `TransactWriteItems`: makes of the slots that are `known` those `after` the hand-over, if no wait for the settled copy
    /// is stored, and every set and every stamp that changes is still as `known` says. So of several that hand slots on at
    /// once, each names another copy.
    async fn hand_on_slot(
        &self,
        settled: &RdsArn,
        known: &TakenSlots,
        after: &TakenSlots,
    ) -> Result<Written, PortError>;
}

// IAM checks each operation of a transaction by itself.
actions! {
    QueueCopies: "dynamodb:UpdateItem";
    ListQueue: "dynamodb:Query";
    HandOutSlot: "dynamodb:UpdateItem";
    ReadSlots: "dynamodb:GetItem";
    HandOnSlot: "dynamodb:ConditionCheckItem" "dynamodb:UpdateItem";
}
