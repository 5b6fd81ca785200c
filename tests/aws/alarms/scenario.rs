//! Nights: what the functions print and what AWS's services publish, minute by minute.

use std::collections::BTreeMap;

use super::evaluate::{Alarm, Point, State};
use super::printed::{Met, all};
use super::resolved::published;

/// Why an alarm should ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// Nothing runs at all.
    Silence,
    PlannerSilent,
    SweeperSilent,
    Overdue,
    OldWait,
    Parked,
    LostHint,
    OldCommand,
    FailedExecution,
    TimedOutExecution,
    SweeperErrors,
    PlannerErrors,
    PrunerErrors,
    PlannerDrops,
    SweeperDrops,
    QuotaFills,
    UnknownToken,
    StaleCommands,
}

impl Cause {
    pub(crate) const ALL: [Self; 18] = [
        Self::Silence,
        Self::PlannerSilent,
        Self::SweeperSilent,
        Self::Overdue,
        Self::OldWait,
        Self::Parked,
        Self::LostHint,
        Self::OldCommand,
        Self::FailedExecution,
        Self::TimedOutExecution,
        Self::SweeperErrors,
        Self::PlannerErrors,
        Self::PrunerErrors,
        Self::PlannerDrops,
        Self::SweeperDrops,
        Self::QuotaFills,
        Self::UnknownToken,
        Self::StaleCommands,
    ];

    /// For how long it lasts.
    pub(crate) fn minutes(self) -> i64 {
        match self {
            Self::FailedExecution | Self::TimedOutExecution | Self::UnknownToken => 1,
            Self::PrunerErrors | Self::QuotaFills | Self::StaleCommands => 4 * 60,
            _ => 60,
        }
    }

    /// Which alarms ring for it, by name.
    pub(crate) fn alarms(self) -> &'static [&'static str] {
        match self {
            Self::Silence => &["OverdueAlarm", "PlannerSilentAlarm", "SweeperSilentAlarm"],
            Self::PlannerSilent => &["PlannerSilentAlarm"],
            Self::SweeperSilent => &["OverdueAlarm", "SweeperSilentAlarm"],
            Self::Overdue => &["OverdueAlarm"],
            Self::OldWait => &["OldestWaitAlarm"],
            Self::Parked => &["ParkedCommandsAlarm"],
            Self::LostHint => &["LostHintsAlarm"],
            Self::OldCommand => &["OldestCommandAlarm"],
            Self::FailedExecution => &["FailedExecutionsAlarm"],
            Self::TimedOutExecution => &["TimedOutExecutionsAlarm"],
            Self::SweeperErrors => &["SweeperErrorsAlarm"],
            Self::PlannerErrors => &["PlannerErrorsAlarm"],
            Self::PrunerErrors => &["PrunerErrorsAlarm"],
            Self::PlannerDrops => &["PlannerDropsAlarm"],
            Self::SweeperDrops => &["SweeperDropsAlarm"],
            Self::QuotaFills => &["QuotaAlarm"],
            Self::UnknownToken => &["InvalidTokensAlarm"],
            Self::StaleCommands => &["StaleCommandsAlarm"],
        }
    }
}

/// What goes wrong in a night, and passes by itself.
#[derive(Debug, Default)]
struct Harm {
    /// A random number, where the night is harsh.
    state: Option<u64>,
    sweeper_errors: usize,
    pruner_errors: usize,
}

impl Harm {
    /// Whether something happens that happens once in so many times.
    fn once_in(&mut self, times: u64) -> bool {
        let Some(state) = &mut self.state else {
            return false;
        };
        // Knuth's MMIX generator: the same night for the same seed.
        *state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (*state >> 33) % times == 0
    }
}

/// Some hours of a stack.
pub(crate) struct Night {
    minutes: i64,
    seed: Option<u64>,
    causes: Vec<(Cause, i64, i64)>,
}

impl Night {
    /// Everything runs as it should, and no database is due.
    pub(crate) fn quiet(minutes: i64) -> Self {
        Self {
            minutes,
            seed: None,
            causes: Vec::new(),
        }
    }

    /// Starts are late, skipped, throttled or dropped; sweeps and measurements fail, at most two in a row; lines count
    /// twice; commands come too late: all of it passes by itself.
    pub(crate) fn harsh(minutes: i64, seed: u64) -> Self {
        Self {
            seed: Some(seed),
            ..Self::quiet(minutes)
        }
    }

    pub(crate) fn cause(&mut self, cause: Cause, from: i64, minutes: i64) {
        self.causes.push((cause, from, minutes));
    }

    fn has(&self, cause: Cause, minute: i64) -> bool {
        self.causes.iter().any(|(one, from, minutes)| {
            *one == cause && (*from..*from + *minutes).contains(&minute)
        })
    }

    /// Everything that CloudWatch gets.
    fn points(&self) -> Vec<Point> {
        let mut got = Got::default();
        let mut harm = Harm {
            state: self
                .seed
                .map(|seed| seed.wrapping_mul(2_654_435_761).wrapping_add(99)),
            ..Harm::default()
        };
        let mut measured = None;
        for minute in 0..self.minutes {
            self.services(minute, &mut got, &mut harm);
            if self.has(Cause::Silence, minute) {
                continue;
            }
            self.sweeper(minute, &mut got, &mut harm, &mut measured);
            if minute % 5 == 0 {
                self.planner(minute, &mut got, &mut harm);
            }
            if minute % 60 == 0 {
                self.pruner(minute, &mut got, &mut harm);
            }
        }
        got.0
    }

    fn services(&self, minute: i64, got: &mut Got, harm: &mut Harm) {
        let second = minute * 60;
        for (metric, dimension, resource, cause, value) in [
            (
                VISIBLE,
                "QueueName",
                "CommandsDeadLetterQueue.QueueName",
                Cause::Parked,
                1.0,
            ),
            (
                VISIBLE,
                "QueueName",
                "EventsDeadLetterQueue.QueueName",
                Cause::LostHint,
                1.0,
            ),
            (
                "ApproximateAgeOfOldestMessage",
                "QueueName",
                "CommandsQueue.QueueName",
                Cause::OldCommand,
                4_000.0,
            ),
        ] {
            // A command that is tried again waits for a quarter of an hour.
            let usual = if cause == Cause::OldCommand && harm.once_in(20) {
                900.0
            } else {
                0.0
            };
            let value = if self.has(cause, minute) {
                value
            } else {
                usual
            };
            got.aws("AWS/SQS", metric, dimension, resource, second, value);
        }
        for (metric, cause) in [
            ("ExecutionsFailed", Cause::FailedExecution),
            ("ExecutionsTimedOut", Cause::TimedOutExecution),
        ] {
            if self.has(cause, minute) {
                got.aws(
                    "AWS/States",
                    metric,
                    "StateMachineArn",
                    "StateMachine",
                    second,
                    1.0,
                );
            }
        }
        for (function, cause) in [
            ("Planner", Cause::PlannerDrops),
            ("Sweeper", Cause::SweeperDrops),
        ] {
            // One drop now and then, hours apart.
            let now_and_then = minute % 180 == 90 && harm.once_in(2);
            if self.has(cause, minute) || now_and_then {
                got.lambda("AsyncEventsDropped", function, second, 1.0);
            }
        }
        if self.has(Cause::UnknownToken, minute) {
            got.lines(Met::UnknownToken, second, |point| {
                point.metric == "InvalidTokens"
            });
        }
        let steady = self.has(Cause::StaleCommands, minute);
        if steady || harm.once_in(10) {
            got.lines(Met::StaleCommand, second, |_| true);
        }
    }

    fn sweeper(&self, minute: i64, got: &mut Got, harm: &mut Harm, measured: &mut Option<i64>) {
        if self.has(Cause::SweeperSilent, minute) || harm.once_in(16) {
            return;
        }
        let late = if harm.once_in(4) { 25 } else { 7 };
        let second = minute * 60 + late;
        got.lambda("Invocations", "Sweeper", second, 1.0);
        let fails = harm.sweeper_errors < 2 && harm.once_in(6);
        harm.sweeper_errors = if fails { harm.sweeper_errors + 1 } else { 0 };
        let errors = fails || self.has(Cause::SweeperErrors, minute);
        got.lambda("Errors", "Sweeper", second, if errors { 1.0 } else { 0.0 });
        // A process that is new measures at once; one that cannot read the table measures with its next sweep.
        let is_due = measured.is_none_or(|last| second - last >= 270) || harm.once_in(30);
        if !is_due || fails {
            return;
        }
        let met = match () {
            () if self.has(Cause::Overdue, minute) => Met::Overdue,
            () if self.has(Cause::OldWait, minute) => Met::OldWait,
            () => Met::Well,
        };
        got.lines(met, second, |_| true);
        if harm.once_in(10) {
            got.lines(met, second, |_| true);
        }
        *measured = Some(second);
    }

    fn planner(&self, minute: i64, got: &mut Got, harm: &mut Harm) {
        if self.has(Cause::PlannerSilent, minute) || harm.once_in(16) {
            return;
        }
        let second = minute * 60 + if harm.once_in(4) { 50 } else { 11 };
        got.lambda("Invocations", "Planner", second, 1.0);
        let errors = self.has(Cause::PlannerErrors, minute);
        got.lambda("Errors", "Planner", second, if errors { 1.0 } else { 0.0 });
    }

    fn pruner(&self, minute: i64, got: &mut Got, harm: &mut Harm) {
        let second = minute * 60 + 20;
        let fails = harm.pruner_errors == 0 && harm.once_in(4);
        harm.pruner_errors = usize::from(fails);
        let errors = fails || self.has(Cause::PrunerErrors, minute);
        got.lambda("Errors", "Pruner", second, if errors { 1.0 } else { 0.0 });
        if errors {
            return;
        }
        got.lines(Met::Round, second, |_| true);
        if self.has(Cause::QuotaFills, minute) {
            // The line as it was printed, with another number.
            let last = got.0.last_mut().unwrap();
            assert_eq!(last.metric, "DaysToFullQuota");
            last.value = 3.0;
        }
    }
}

const VISIBLE: &str = "ApproximateNumberOfMessagesVisible";

/// What CloudWatch has got, and the metrics of the lines that were printed in each case.
#[derive(Default)]
struct Got(Vec<Point>, BTreeMap<Met, Vec<Point>>);

impl Got {
    fn aws(
        &mut self,
        namespace: &str,
        metric: &str,
        dimension: &str,
        resource: &str,
        second: i64,
        value: f64,
    ) {
        self.0.push(Point {
            second,
            namespace: namespace.to_owned(),
            metric: metric.to_owned(),
            dimensions: BTreeMap::from([(dimension.to_owned(), resource.to_owned())]),
            value,
        });
    }

    fn lambda(&mut self, metric: &str, function: &str, second: i64, value: f64) {
        self.aws(
            "AWS/Lambda",
            metric,
            "FunctionName",
            function,
            second,
            value,
        );
    }

    /// The metrics of the lines that were printed in such a case, at this time.
    fn lines(&mut self, met: Met, second: i64, is_wanted: impl Fn(&Point) -> bool) {
        let of_lines = self.1.entry(met).or_insert_with(|| {
            let lines = all()[&met].iter();
            lines.flat_map(|line| published(line)).collect()
        });
        let points = of_lines.iter().filter(|point| is_wanted(point));
        self.0.extend(points.map(|point| Point {
            second,
            ..point.clone()
        }));
    }
}

/// From which minute and until which each alarm was in the state ALARM, if it ever was. The first hour lets the alarms
/// settle.
pub(crate) fn rings(alarms: &[Alarm], night: &Night) -> BTreeMap<String, Vec<(i64, Option<i64>)>> {
    let points = night.points();
    let mut rang = BTreeMap::new();
    for alarm in alarms {
        let series = alarm.series(&points);
        let mut state = State::Ok;
        let mut spans: Vec<(i64, Option<i64>)> = Vec::new();
        for minute in 60..=night.minutes {
            let next = alarm.evaluate(&series, minute * 60, state);
            match (state == State::Alarm, next == State::Alarm) {
                (false, true) => spans.push((minute, None)),
                (true, false) => spans.last_mut().unwrap().1 = Some(minute),
                _ => {}
            }
            state = next;
        }
        if !spans.is_empty() {
            rang.insert(alarm.name.clone(), spans);
        }
    }
    rang
}
