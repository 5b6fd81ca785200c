//! How soon a fleet's recovery points could be there: what no design can beat, and what a plain queue would need.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use jiff::SignedDuration;

use super::trace::Trace;

/// No design is done sooner, whatever it knows: each copy begins after its own snapshot, and of those whose snapshots
/// take at least so long, no more than `places` are copied at once.
///
/// Every snapshot begins at the same moment.
pub(super) fn bound(trace: &Trace, places: usize) -> SignedDuration {
    let mut rows = trace.rows.clone();
    rows.sort_by_key(|row| Reverse(row.snapshot));
    let mut least = SignedDuration::ZERO;
    let mut copying = SignedDuration::ZERO;
    for row in rows {
        copying = copying.saturating_add(row.copy);
        let shared = copying / i32::try_from(places.max(1)).unwrap_or(i32::MAX);
        // It and all that came before it: none of their copies can begin before this snapshot is ready.
        let together = row.snapshot.saturating_add(shared);
        let alone = row.snapshot.saturating_add(row.copy);
        least = least.max(together).max(alone);
    }
    least
}

/// When the last copy is ready where each copy begins as soon as its snapshot is ready and one of the places is free,
/// first come, first served, and a place is handed on in no time.
pub(super) fn first_come_first_served(trace: &Trace, places: usize) -> SignedDuration {
    let mut rows: Vec<_> = trace.rows.iter().collect();
    // Stable: of two that are ready at once the first of the fleet goes first.
    rows.sort_by_key(|row| row.snapshot);
    let mut free_at: BinaryHeap<Reverse<SignedDuration>> = (0..places.max(1))
        .map(|_| Reverse(SignedDuration::ZERO))
        .collect();
    let mut last = SignedDuration::ZERO;
    for row in rows {
        let Some(Reverse(free)) = free_at.pop() else {
            break;
        };
        let ready = free.max(row.snapshot).saturating_add(row.copy);
        free_at.push(Reverse(ready));
        last = last.max(ready);
    }
    last
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::trace::Durations;
    use super::*;

    fn trace(rows: &[(i64, i64)]) -> Trace {
        let rows = rows.iter().map(|(snapshot, copy)| Durations {
            snapshot: SignedDuration::from_secs(*snapshot),
            copy: SignedDuration::from_secs(*copy),
        });
        Trace {
            rows: rows.collect(),
        }
    }

    /// The same queue, second by second.
    fn second_by_second(rows: &[(i64, i64)], places: usize) -> i64 {
        let mut waiting: Vec<(i64, i64)> = rows.to_vec();
        waiting.sort_by_key(|(snapshot, _)| *snapshot);
        let mut copying: Vec<i64> = Vec::new();
        let mut now = 0;
        loop {
            copying.retain(|ready| *ready > now);
            while copying.len() < places
                && let Some((snapshot, copy)) = waiting.first().copied()
                && snapshot <= now
            {
                waiting.remove(0);
                copying.push(now + copy);
            }
            if waiting.is_empty() && copying.is_empty() {
                return now;
            }
            now += 1;
        }
    }

    #[test]
    fn two_copies_of_one_place_follow_each_other() {
        let two = trace(&[(10, 100), (20, 50)]);
        assert_eq!(
            first_come_first_served(&two, 1),
            SignedDuration::from_secs(160)
        );
        assert_eq!(bound(&two, 1), SignedDuration::from_secs(160));
        assert_eq!(
            first_come_first_served(&two, 2),
            SignedDuration::from_secs(110)
        );
        assert_eq!(bound(&two, 2), SignedDuration::from_secs(110));
    }

    #[test]
    fn an_empty_fleet_takes_no_time() {
        assert_eq!(bound(&trace(&[]), 20), SignedDuration::ZERO);
        assert_eq!(
            first_come_first_served(&trace(&[]), 20),
            SignedDuration::ZERO
        );
    }

    proptest! {
        #[test]
        fn the_queue_takes_as_long_as_it_does_second_by_second(
            rows in proptest::collection::vec((1_i64..60, 1_i64..60), 1..20),
            places in 1_usize..5,
        ) {
            let slow = second_by_second(&rows, places);
            let queue = first_come_first_served(&trace(&rows), places);
            prop_assert_eq!(queue, SignedDuration::from_secs(slow));
            // No order of the copies is done before the bound.
            prop_assert!(bound(&trace(&rows), places) <= queue);
        }
    }
}
