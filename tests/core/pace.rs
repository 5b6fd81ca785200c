//! The pace of calls to RDS, beside a slow reference that remembers every call.

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use snapferry::domain::id::arn::Region;
use snapferry::domain::run::failure::Operation;
use snapferry::domain::run::pace::{Pace, Paces, Turn};

const BEGIN: Timestamp = Timestamp::constant(1_772_420_400, 0);
const EVER: SignedDuration = SignedDuration::from_hours(100);

fn at(seconds: f64) -> Timestamp {
    BEGIN
        .saturating_add(SignedDuration::from_secs_f64(seconds))
        .unwrap()
}

fn turn(pace: &mut Pace, now: f64) -> Turn {
    pace.turn(at(now), at(now)).unwrap()
}

fn wait(pace: &mut Pace, now: f64) -> f64 {
    turn(pace, now).wait.as_secs_f64()
}

/// Between a call and any later one lie the pauses of all calls from the one to the other, less one quiet second.
struct Reference {
    first: f64,
    per_second: f64,
    step: f64,
    throttled: f64,
    /// For each call so far, and for each halving: the first moment at which the next call may be made because of it.
    not_before: Vec<f64>,
}

impl Reference {
    fn new(per_second: f64) -> Self {
        Self {
            first: per_second,
            per_second,
            step: per_second / 128.0,
            throttled: f64::INFINITY,
            not_before: Vec::new(),
        }
    }

    fn call(&mut self, now: f64) -> f64 {
        let pause = 1.0 / self.per_second;
        let may = self.not_before.iter().copied().fold(now, f64::max);
        for moment in &mut self.not_before {
            *moment += pause;
        }
        self.not_before.push(now + pause - 1.0);
        may - now
    }

    fn learn(&mut self, waited: f64, quiet: f64, is_throttled: bool, now: f64) {
        if is_throttled {
            self.step = (self.per_second / 256.0).max(1.0 / 256.0);
            self.throttled = self.per_second;
            self.per_second = (self.per_second / 2.0).max(1.0 / EVER.as_secs_f64());
            self.not_before = vec![now + 1.0 + 1.0 / self.per_second];
            return;
        }
        // Where RDS throttled last, it goes on with care.
        let is_near =
            self.per_second >= self.throttled * 0.9 && self.per_second <= self.throttled * 1.1;
        let step = self.step / if is_near { 8.0 } else { 1.0 };
        if self.per_second < self.first {
            let quiet = quiet * self.per_second * self.step;
            self.per_second = (self.per_second + step + quiet).min(self.first);
        } else if waited > 0.0 {
            self.per_second = (self.per_second + step).min(50.0);
        }
    }

    /// For how long no call has been due.
    fn quiet(&self, now: f64) -> f64 {
        let since = self.not_before.iter().copied().reduce(f64::max);
        since.map_or(0.0, |may| (now - may - 1.0).max(0.0))
    }
}

proptest! {
    #[test]
    fn a_pace_is_as_the_slow_reference_says(
        per_second in 0.5_f64..20.0,
        calls in proptest::collection::vec((0.0_f64..5.0, 0_u8..20), 1..200),
    ) {
        let (mut pace, mut slow) = (Pace::new(per_second, EVER), Reference::new(per_second));
        let mut now = 0.0;
        for (later, odds) in calls {
            // Many calls come at once.
            now += (later - 3.0).max(0.0);
            let quiet = slow.quiet(now);
            let turn = turn(&mut pace, now);
            let expected = slow.call(now);
            let waited = turn.wait.as_secs_f64();
            prop_assert!((waited - expected).abs() < 1e-5, "{waited} s and not {expected} s");
            now += waited;
            let is_throttled = odds == 0;
            pace.learn(turn, is_throttled, at(now));
            slow.learn(waited, quiet, is_throttled, now);
        }
    }

    /// Ten seconds of RDS's rate at a time, and then none is left: the calls of five processes that know nothing of each
    /// other.
    #[test]
    fn processes_that_share_nothing_use_two_fifths_of_the_rate_and_are_seldom_throttled(per_minute in 200_u32..4_000) {
        let mut paces = [lifelike(false); 5];
        let mut due: Vec<(f64, Turn)> = paces.iter_mut().map(|pace| (0.0, turn(pace, 0.0))).collect();
        let (mut window, mut room) = (0, per_minute / 6);
        let (mut answered, mut throttled) = (0, 0);
        loop {
            let next = (0..5).min_by(|one, other| due[*one].0.total_cmp(&due[*other].0)).unwrap();
            let (now, this) = due[next];
            if now > 3_600.0 {
                break;
            }
            if (now / 10.0) as u32 != window {
                (window, room) = ((now / 10.0) as u32, per_minute / 6);
            }
            let is_throttled = room == 0;
            room -= u32::from(!is_throttled);
            // The first minutes are for learning.
            answered += u32::from(!is_throttled && now > 600.0);
            throttled += u32::from(is_throttled && now > 600.0);
            paces[next].learn(this, is_throttled, at(now));
            let this = turn(&mut paces[next], now);
            due[next] = (now + this.wait.as_secs_f64(), this);
        }
        prop_assert!(f64::from(throttled) < 0.015 * f64::from(answered), "{throttled} of {answered}");
        let possible = f64::from(per_minute / 6 * 6) * 50.0;
        prop_assert!(f64::from(answered) > 0.4 * possible, "{answered} of {possible}");
    }
}

/// A read or a change with the patience that it has in life.
fn lifelike(is_read: bool) -> Pace {
    let operation = match is_read {
        true => Operation::DescribeDbSnapshots,
        false => Operation::CreateDbSnapshot,
    };
    *Paces::default().of(&Region::parse("eu-west-1").unwrap(), operation)
}

/// How long a burst of calls waits after an hour without any.
fn burst(mut pace: Pace, now: f64) -> Vec<Option<SignedDuration>> {
    let later = at(now + 3_600.0);
    let turns = (0..40).map(|_| pace.turn(later, later));
    turns.map(|turn| turn.map(|turn| turn.wait)).collect()
}

proptest! {
    #[test]
    fn a_caller_that_makes_one_call_after_the_other_is_never_held_back(
        is_read: bool,
        calls in proptest::collection::vec((0.0_f64..2.0, proptest::bool::weighted(0.4)), 1..200),
    ) {
        let (mut pace, mut now) = (lifelike(is_read), 0.0);
        for (later, is_throttled) in calls {
            now += (later - 1.0).max(0.0);
            let turn = pace.turn(at(now), at(now));
            prop_assert!(turn.is_some(), "held back at {now} by {pace:?}");
            now += turn.unwrap().wait.as_secs_f64();
            pace.learn(turn.unwrap(), is_throttled, at(now));
        }
    }

    /// Whatever happened before, and however many calls come at once: once RDS answers, the pace is as fast as that of a
    /// new process.
    #[test]
    fn a_pace_is_its_first_again_after_twenty_minutes_with_a_call_a_minute(
        is_read: bool,
        before in proptest::collection::vec((0.0_f64..2.0, any::<bool>()), 0..60),
        gaps in proptest::collection::vec((0.0_f64..60.0, 1_usize..8), 200),
    ) {
        let (mut pace, mut now) = (lifelike(is_read), 0.0);
        for (later, is_throttled) in before {
            now += later;
            if let Some(turn) = pace.turn(at(now), at(now)) {
                pace.learn(turn, is_throttled, at(now));
            }
        }
        let recovers = now;
        for (gap, calls) in gaps {
            now += gap;
            if now > recovers + 20.0 * 60.0 {
                break;
            }
            let turns = (0..calls).filter_map(|_| pace.turn(at(now), at(now)));
            for turn in turns.collect::<Vec<_>>() {
                pace.learn(turn, false, at(now));
            }
        }
        for (this, new) in burst(pace, now).into_iter().zip(burst(lifelike(is_read), now)) {
            prop_assert!(new.is_none() || this <= new, "{this:?} and not {new:?}: {pace:?}");
            prop_assert!(new.is_none() || this.is_some(), "held back: {pace:?}");
        }
    }
}

/// The planner lists a region every five minutes, page by page.
#[test]
fn a_lister_whose_every_call_was_throttled_has_its_first_pace_again_within_five_ticks() {
    let (mut pace, mut now) = (lifelike(true), 0.0);
    for _ in 0..20 {
        let turn = turn(&mut pace, now);
        now += turn.wait.as_secs_f64();
        pace.learn(turn, true, at(now));
    }
    for _ in 0..5 {
        now += 300.0;
        for _ in 0..3 {
            let turn = turn(&mut pace, now);
            now += turn.wait.as_secs_f64();
            pace.learn(turn, false, at(now));
        }
    }
    assert_eq!(burst(pace, now), burst(lifelike(true), now));
}

#[test]
fn what_was_not_called_in_a_quiet_second_is_called_at_once() {
    let mut pace = Pace::new(2.0, EVER);
    let waits: Vec<f64> = (0..6).map(|_| wait(&mut pace, 0.0)).collect();
    assert_eq!(waits, [0.0, 0.0, 0.0, 0.5, 1.0, 1.5]);
    let waits: Vec<f64> = (0..4).map(|_| wait(&mut pace, 100.0)).collect();
    assert_eq!(waits, [0.0, 0.0, 0.0, 0.5]);
}

#[test]
fn only_a_call_that_waited_makes_the_first_pace_faster() {
    let mut pace = Pace::new(2.0, EVER);
    let before = pace;
    let at_once = turn(&mut pace, 0.0);
    pace.learn(at_once, false, at(0.1));
    let mut same = before;
    turn(&mut same, 0.0);
    assert_eq!(pace, same);
    // After 103 that waited, the pace is near the one that RDS throttled, and goes on there with an eighth of the step.
    let first = turn(&mut pace, 0.0);
    pace.learn(first, true, at(0.0));
    let mut now = 0.0;
    for _ in 0..103 + 200 {
        let this = turn(&mut pace, now);
        now += this.wait.as_secs_f64();
        assert!(this.wait > SignedDuration::from_millis(499));
        pace.learn(this, false, at(now));
    }
    let pauses = (wait(&mut pace, now), wait(&mut pace, now));
    assert!((pauses.1 - pauses.0 - 0.5).abs() < 1e-5, "{pauses:?}");
}

#[test]
fn calls_that_were_on_their_way_together_halve_the_pace_once() {
    let mut pace = Pace::new(2.0, EVER);
    let together = [turn(&mut pace, 0.0), turn(&mut pace, 0.0)];
    let waiting = turn(&mut pace, 0.0);
    pace.learn(together[0], true, at(0.2));
    let once = pace;
    assert!(!pace.still_has(waiting), "its turn was of the faster pace");
    pace.learn(together[1], true, at(0.3));
    pace.learn(waiting, false, at(0.4));
    assert_eq!(pace, once);
    assert_eq!(wait(&mut pace, 0.2), 2.0);
}

#[test]
fn a_call_that_would_wait_too_long_is_not_made_and_takes_no_turn() {
    let mut pace = Pace::new(1.0, SignedDuration::from_secs(1));
    for expected in [0.0, 0.0, 1.0] {
        assert_eq!(wait(&mut pace, 0.0), expected);
    }
    assert_eq!(pace.turn(at(0.0), at(0.0)), None);
    assert_eq!(pace.turn(at(0.0), at(0.5)), None, "it has waited before");
    assert_eq!(wait(&mut pace, 1.5), 0.5);
}

#[test]
fn each_region_and_operation_has_its_own_pace() {
    let (home, source) = ("eu-central-1", "eu-west-1");
    let [home, source] = [home, source].map(|name| Region::parse(name).unwrap());
    let mut paces = Paces::default();
    let describe = Operation::DescribeDbSnapshots;
    let this = paces.of(&home, describe).turn(BEGIN, BEGIN).unwrap();
    paces.of(&home, describe).learn(this, true, BEGIN);
    let mut waits = |region: &Region, operation| {
        let turn = paces.of(region, operation).turn(BEGIN, BEGIN);
        turn.unwrap().wait
    };
    assert!(waits(&home, describe).is_positive());
    assert!(waits(&source, describe).is_zero());
    assert!(waits(&home, Operation::DescribeDbInstances).is_zero());
    assert!(waits(&home, Operation::CopyDbSnapshot).is_zero());
}

/// The last of ten commands that come to a new worker waits no longer than it may.
#[test]
fn a_first_batch_of_changes_has_its_turns() {
    let source = Region::parse("eu-west-1").unwrap();
    let mut paces = Paces::default();
    let pace = paces.of(&source, Operation::CreateDbSnapshot);
    let made = (0..10).filter(|_| pace.turn(BEGIN, BEGIN).is_some());
    assert_eq!(made.count(), 10);
}

/// The looks of a large sweep come one after the other, and most of RDS's rate is for those that somebody waits for.
#[test]
fn a_sweep_reads_five_times_a_second_and_never_faster() {
    let source = Region::parse("eu-west-1").unwrap();
    let mut paces = Paces::of_sweeps();
    let mut now = 0.0;
    for _ in 0..1_000 {
        let pace = paces.of(&source, Operation::DescribeDbSnapshots);
        let this = turn(pace, now);
        now += this.wait.as_secs_f64();
        pace.learn(this, false, at(now));
    }
    assert!((198.0..200.0).contains(&now), "{now} s");
    let changes = paces.of(&source, Operation::CopyDbSnapshot);
    assert_eq!(*changes, lifelike(false), "only its reads are slower");
}
