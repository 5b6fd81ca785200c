//! How things take their course: what happens when it is due.

use fastrand::Rng;
use jiff::Timestamp;

use super::Rds;
use super::agenda::{Due, SnapshotKey};
use super::event::{About, EmittedEvent, Happening};
use super::family::Family;
use super::instance::InstanceStatus;
use super::names::Region;
use super::planned_outcome::{Ending, EventOutcome};
use super::snapshot::{Origin, Snapshot, Stage};

impl Rds {
    /// Returns the time it is then, which never goes back.
    pub(super) fn run_until(&mut self, to: Timestamp) -> Timestamp {
        while let Some((at, due)) = self.agenda.pop(to) {
            self.now = self.now.max(at);
            self.happen(due);
        }
        self.now = self.now.max(to);
        self.now
    }

    fn happen(&mut self, due: Due) {
        match due {
            Due::CopyBegins(key) => self.copy_begins(&key),
            Due::WorkEnds(key) => self.work_ends(&key),
            Due::Expires(key) => self.expires(&key),
            Due::Gone(key) => self.gone(&key),
            Due::EventArrives(key, mut event) => {
                event.at = self.now;
                // RDS sends the tags a resource has now, not those it had when it happened.
                if let Some(snapshot) = self.region_mut(&key.region).same(&key) {
                    event.tags = snapshot.tags.clone();
                }
                self.outbox.push(*event);
            }
            Due::Database(key, step) => self.database_step(&key, step),
            Due::DatabaseEventArrives(key, mut event) => {
                event.at = self.now;
                if let Some(tags) = self.tags_of_database(&key) {
                    event.tags = tags;
                }
                self.outbox.push(*event);
            }
        }
    }

    fn copy_begins(&mut self, key: &SnapshotKey) {
        let now = self.now;
        let Some(copy) = self.region_mut(&key.region).same(key) else {
            return;
        };
        if !matches!(copy.stage(), Stage::Pending | Stage::Creating) {
            return;
        }
        copy.enter(Stage::Copying, now);
        let copy = copy.clone();
        if let Origin::Copied(from) = &copy.origin {
            let begun = Happening::CopyBegun(from.clone());
            self.announce(&key.region, &copy, &begun, now, copy.planned.begun_event);
        }
    }

    fn work_ends(&mut self, key: &SnapshotKey) {
        let now = self.now;
        let Some(snapshot) = self.region_mut(&key.region).same(key) else {
            return;
        };
        if !snapshot.stage().is_under_way() || snapshot.planned.ending == Ending::Never {
            return;
        }
        let snapshot = snapshot.clone();
        let good = snapshot.planned.ending == Ending::Available && self.can_be_good(key, &snapshot);
        let state = self.region_mut(&key.region);
        if snapshot.is_a_copy_in_flight() {
            state.copy_leaves_its_place(key.family);
        }
        if let Some(snapshot) = state.same(key) {
            snapshot.enter(
                if good {
                    Stage::Available
                } else {
                    Stage::Failed
                },
                now,
            );
        }
        let done = match &snapshot.origin {
            Origin::Taken => {
                let database = &snapshot.instance.identifier;
                if let Some(status) = self.status_mut(&key.region, key.family, database)
                    && *status == InstanceStatus::BackingUp
                {
                    *status = InstanceStatus::Available;
                }
                Happening::Created
            }
            Origin::Copied(from) => {
                let seconds = now.duration_since(snapshot.begun_at).as_secs();
                Happening::CopyDone(from.clone(), (seconds + 59) / 60)
            }
        };
        // RDS has no event for a failure.
        if good {
            self.announce(
                &key.region,
                &snapshot,
                &done,
                now,
                snapshot.planned.done_event,
            );
        }
    }

    /// Whether what a piece of work depends on is still there at its end.
    fn can_be_good(&mut self, key: &SnapshotKey, snapshot: &Snapshot) -> bool {
        if let Origin::Copied(from) = &snapshot.origin {
            let source = from.key(snapshot.family);
            let source = self.region_mut(&source.region).same(&source);
            if source.is_none_or(|source| source.stage() != Stage::Available) {
                return false;
            }
        }
        let keys = &self.region_mut(&key.region).keys;
        snapshot
            .kms_key
            .as_deref()
            .is_none_or(|arn| keys.is_usable(arn))
    }

    /// There is no event for it.
    fn expires(&mut self, key: &SnapshotKey) {
        let state = self.region_mut(&key.region);
        if state.same(key).is_some() {
            state.shelf_mut(key.family).remove(&key.name);
        }
    }

    fn gone(&mut self, key: &SnapshotKey) {
        let now = self.now;
        let state = self.region_mut(&key.region);
        if state.same(key).is_some()
            && let Some(snapshot) = state.shelf_mut(key.family).remove(&key.name)
        {
            let planned = EventOutcome::default();
            self.announce(&key.region, &snapshot, &Happening::Deleted, now, planned);
        }
    }

    /// Enters the arrival, or arrivals, of the event that says what happened. Much of what
    /// happens to a cluster snapshot has no event.
    pub(super) fn announce(
        &mut self,
        region: &Region,
        snapshot: &Snapshot,
        what: &Happening,
        now: Timestamp,
        planned: EventOutcome,
    ) {
        if !what.is_announced(snapshot.family) {
            return;
        }
        let serial = self.next_serial();
        let mut rng = self.rng_of(serial);
        let delay = self.config.timings.event_delay.draw(&mut rng);
        let about = About {
            region,
            account: &self.config.account,
            family: snapshot.family,
            kind: snapshot.kind,
            arn: &snapshot.arn,
            name: &snapshot.name,
            tags: &snapshot.tags,
        };
        let mut event = Box::new(EmittedEvent::new(uuid(&mut rng), about, what, now));
        // AWS's schema of these events has no id, and its samples do.
        event.tells_its_id = snapshot.family == Family::Instance || rng.bool();
        self.keep_event(region, &event);
        let key = snapshot.key(region);
        let usual = now.checked_add(delay).unwrap_or(Timestamp::MAX);
        let later = |by| usual.checked_add(by).unwrap_or(Timestamp::MAX);
        match planned {
            EventOutcome::Arrives => self.agenda.enter(usual, Due::EventArrives(key, event)),
            EventOutcome::Lost => {}
            EventOutcome::Late(by) => self.agenda.enter(later(by), Due::EventArrives(key, event)),
            EventOutcome::Twice(by) => {
                self.agenda
                    .enter(usual, Due::EventArrives(key.clone(), event.clone()));
                self.agenda.enter(later(by), Due::EventArrives(key, event));
            }
        }
    }
}

/// A random UUID, version 4.
pub(super) fn uuid(rng: &mut Rng) -> String {
    let bits = rng.u128(..) & !(0xF << 76) & !(0x3 << 62) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{bits:032x}");
    format!(
        "{}-{}-{}-{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..]
    )
}
