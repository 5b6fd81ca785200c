//! The indexes of open items and of queued copies, which may show older items than the table has.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::items::{Table, queued};
use crate::domain::id::arn::{Family, RdsArn};
use crate::domain::run::turn::{QueuedCopy, Turn};
use crate::domain::run::wait::Phase;
use crate::ports::{OpenMarker, OpenPage, Page};

/// How many queued copies a page has at most, as in the adapter.
const QUEUE_PAGE: usize = 20;

impl Table {
    /// A page of the index of open items, the oldest first.
    pub(in crate::fake) fn list_open(&self, from: Option<&OpenMarker>) -> OpenPage {
        let (waits, slots) = match &self.lag {
            Some(lag) => (&lag.waits, &lag.slots),
            None => (&self.waits, &self.slots),
        };
        let after = from.and_then(read_marker);
        let mut rows: Vec<(i64, &RdsArn)> = waits
            .iter()
            .map(|(key, wait)| (wait.since.as_millisecond(), key))
            .filter(|(since, key)| {
                let after = after.as_ref();
                after.is_none_or(|(from, last)| (*since, *key) > (*from, last))
            })
            .collect();
        rows.sort_unstable();
        let has_more = rows.len() > self.page;
        rows.truncate(self.page);
        let mut page = OpenPage {
            waits: rows.iter().map(|(_, key)| waits[*key].clone()).collect(),
            ..OpenPage::default()
        };
        let without_turn = rows.iter().map(|(_, key)| (*key).clone());
        page.without_turn = without_turn
            .filter(|key| self.without_turn.contains(key))
            .collect();
        page.next = rows
            .last()
            .filter(|_| has_more)
            .map(|(since, key)| OpenMarker(format!("{since}|{key}")));
        // The item of the slots is the first of the index.
        if from.is_none() {
            page.slots = slots.shown();
        }
        page
    }

    /// A page of the index of queued copies of one family, the first ones first.
    pub(in crate::fake) fn list_queue(
        &self,
        family: Family,
        marker: Option<&str>,
    ) -> Page<QueuedCopy> {
        let after = marker.and_then(read_queue_marker);
        let in_order: Box<dyn Iterator<Item = QueuedCopy>> = match &self.lag {
            None => Box::new(self.queue.iter().cloned()),
            Some(lag) => {
                let shown = lag.waits.iter().filter(|(key, wait)| {
                    wait.phase == Phase::Queued && !self.without_turn.contains(key)
                });
                let shown: BTreeSet<QueuedCopy> =
                    shown.map(|(key, wait)| queued(key, wait)).collect();
                Box::new(shown.into_iter())
            }
        };
        let max = self.page.min(QUEUE_PAGE);
        let mut items: Vec<QueuedCopy> = in_order
            .filter(|one| one.copy.family() == family)
            .filter(|one| after.as_ref().is_none_or(|after| one > after))
            .take(max + 1)
            .collect();
        let has_more = items.len() > max;
        items.truncate(max);
        let last = items.last().filter(|_| has_more);
        let next = last.map(|last| format!("{}|{}", last.turn, last.copy));
        Page::new(items, next)
    }

    /// Lets the index see earlier writes, in order, except those that are late. `is_late` decides by the time of a write.
    /// Later writes to the same item wait for a late one.
    pub fn catch_up(&mut self, is_late: impl FnMut(Timestamp) -> bool) {
        if let Some(lag) = &mut self.lag {
            lag.catch_up(is_late);
        }
    }
}

fn read_marker(marker: &OpenMarker) -> Option<(i64, RdsArn)> {
    let (since, resource) = marker.0.split_once('|')?;
    Some((since.parse().ok()?, RdsArn::parse(resource).ok()?))
}

fn read_queue_marker(marker: &str) -> Option<QueuedCopy> {
    let (turn, copy) = marker.split_once('|')?;
    Some(QueuedCopy {
        turn: Turn::parse(turn)?,
        copy: RdsArn::parse(copy).ok()?,
    })
}
