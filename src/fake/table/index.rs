//! The index of open items, which may show older items than the table has.

use jiff::Timestamp;

use super::items::Table;
use crate::domain::id::arn::RdsArn;
use crate::ports::{OpenMarker, OpenPage};

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
        page.next = rows
            .last()
            .filter(|_| has_more)
            .map(|(since, key)| OpenMarker(format!("{since}|{key}")));
        // The item of the slots is the first of the index.
        if from.is_none() {
            slots.show(&mut page);
        }
        page
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
