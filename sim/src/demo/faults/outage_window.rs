//! Outage windows: from a certain call on, and for a while, a share of all calls fails.

use std::time::{Duration, Instant};

/// A planned outage window. It begins with a call and not at a time, so that it never hits an idle world.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct OutageWindow {
    /// The call that it begins with, counted from 1.
    pub(super) from_call: u64,
    /// How long it lasts, from then.
    pub(super) lasts: Duration,
    /// The share of the calls that it hits, up to 1.
    pub(super) share: f64,
}

/// The outage windows of one kind for one service.
#[derive(Debug, Default)]
pub(super) struct OutageWindows {
    planned: Vec<OutageWindow>,
    calls: u64,
    raging: Option<(Instant, f64)>,
}

impl OutageWindows {
    pub(super) fn new(planned: Vec<OutageWindow>) -> Self {
        Self {
            planned,
            ..Self::default()
        }
    }

    /// Whether the call at `now` fails. `chance`, from 0 up to 1, decides if only a share fails. The first call of a window
    /// always fails.
    pub(super) fn hit(&mut self, now: Instant, chance: f64) -> bool {
        self.calls += 1;
        if let Some(begun) = self.planned.iter().find(|one| one.from_call == self.calls) {
            self.raging = Some((now + begun.lasts, begun.share));
            return true;
        }
        self.raging
            .is_some_and(|(until, share)| now < until && chance < share)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_storm_begins_with_its_call_hits_its_share_and_passes() {
        let mut windows = OutageWindows::new(vec![OutageWindow {
            from_call: 2,
            lasts: Duration::from_secs(3),
            share: 0.5,
        }]);
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        assert!(!windows.hit(at(0), 0.0), "before its call");
        assert!(
            windows.hit(at(5), 0.99),
            "its first call, whatever chance says"
        );
        assert!(windows.hit(at(6), 0.49));
        assert!(!windows.hit(at(6), 0.51), "only its share");
        assert!(!windows.hit(at(8), 0.0), "after its time");
    }
}
