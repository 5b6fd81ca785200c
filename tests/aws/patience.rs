//! How long Snapferry waits for a service that does not answer. Time passes only when nothing else can happen.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, SystemTime};

use aws_smithy_async::rt::sleep::{AsyncSleep, Sleep};
use aws_smithy_async::time::TimeSource;
use snapferry::app::doctor::{DoctorScope, diagnose};
use snapferry::app::plan_preview::preview;
use snapferry::aws::{Aws, Examines, patient};
use snapferry::domain::doctor::{Check, Level};
use snapferry::domain::id::arn::Family;
use snapferry::domain::id::names::SnapshotId;
use snapferry::domain::run::failure::Owner;
use snapferry::ports::{CopySnapshot, DescribeSnapshots, ListOpen, Probe, ProbeToken};
use snapferry::settings::{DoctorSettings, Planning, RdsDeadlines, Variables};

use crate::rds::a_copy_request;
use crate::wire::{MACHINE, Reply, TABLE, Wire, json_error, ok};
use crate::world::{HOME, KEY, SOURCE, a_run, region, snapshot_arn, token};

/// How long a person waits for one call, its second try included.
const BUDGET: Duration = Duration::from_secs(5);

/// A clock that stands still until [`Clock::run`] finds nothing else to do.
#[derive(Debug, Clone, Default)]
pub(crate) struct Clock(Arc<Mutex<Time>>);

#[derive(Debug, Default)]
pub(crate) struct Time {
    now: Duration,
    /// The wakers, with their times.
    alarms: BTreeMap<Duration, Vec<Waker>>,
}

impl AsyncSleep for Clock {
    fn sleep(&self, duration: Duration) -> Sleep {
        let clock = Arc::clone(&self.0);
        let until = clock.lock().unwrap().now + duration;
        Sleep::new(std::future::poll_fn(move |context| {
            let mut time = clock.lock().unwrap();
            if time.now >= until {
                return Poll::Ready(());
            }
            let sleepers = time.alarms.entry(until).or_default();
            sleepers.push(context.waker().clone());
            Poll::Pending
        }))
    }
}

impl TimeSource for Clock {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + self.0.lock().unwrap().now
    }
}

/// Whether somebody asked to be polled again.
#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Clock {
    /// Runs a future to its end, and returns how long it took.
    pub(crate) fn run<T>(&self, future: impl Future<Output = T>) -> (T, Duration) {
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(Arc::clone(&woken));
        let mut future = pin!(future);
        loop {
            if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                return (value, self.0.lock().unwrap().now);
            }
            if !woken.0.swap(false, Ordering::Relaxed) {
                let mut time = self.0.lock().unwrap();
                let next = time.alarms.pop_first();
                let (now, sleepers) = next.expect("nobody would ever go on");
                time.now = now;
                drop(time);
                sleepers.into_iter().for_each(Waker::wake);
            }
        }
    }
}

/// A call that gets no answer, and its clock.
fn hanging() -> (Wire, Clock, Aws) {
    let (wire, clock) = (Wire::new([Reply::Silence]), Clock::default());
    let aws = Aws::new(wire.sdk_with(clock.clone()), TABLE, ());
    (wire, clock, aws)
}

#[test]
fn a_region_that_hangs_is_given_up_after_five_seconds_and_a_second_try() {
    let (wire, clock, aws) = hanging();
    let ids = [SnapshotId::of(&snapshot_arn(&a_run("orders"), 1))];
    let source = region(SOURCE);
    let (answer, took) = clock.run(aws.describe_snapshots(&source, Family::Instance, &ids));
    let error = answer.unwrap_err();
    assert_eq!(error.owner(), Owner::Transient, "{error}");
    assert_eq!(took, BUDGET);
    assert_eq!(wire.asked().len(), 2);
}

#[test]
fn a_table_and_callbacks_that_hang_are_given_up_after_five_seconds() {
    let (_, clock, aws) = hanging();
    let (answer, took) = clock.run(aws.list_open(None));
    answer.unwrap_err();
    assert_eq!(took, BUDGET);

    let (_, clock, aws) = hanging();
    let live = token("t");
    let (probe, took) = clock.run(aws.send_task_heartbeat(&live));
    assert!(matches!(probe, Probe::Unknown(_)), "{probe:?}");
    assert_eq!(took, BUDGET);
}

/// The same in a function.
fn hanging_in_a_function(pairs: &[(&str, &str)]) -> (Wire, Clock, Aws) {
    let pairs = pairs.iter();
    let pairs = pairs.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let deadlines = RdsDeadlines::read(&pairs.collect()).unwrap();
    let (wire, clock, aws) = hanging();
    (wire, clock, aws.with_rds_deadlines(deadlines))
}

/// How long a function waits for a read of RDS that nobody answers, for a copy, and for the table.
fn waited(pairs: &[(&str, &str)]) -> [Duration; 3] {
    let source = region(SOURCE);
    let ids = [SnapshotId::of(&snapshot_arn(&a_run("orders"), 1))];
    let (wire, clock, aws) = hanging_in_a_function(pairs);
    let (answer, reading) = clock.run(aws.describe_snapshots(&source, Family::Instance, &ids));
    assert_eq!(answer.unwrap_err().owner(), Owner::Transient);
    assert_eq!(wire.asked().len(), 2, "a read is tried twice");
    let (_, clock, aws) = hanging_in_a_function(pairs);
    let (answer, copying) = clock.run(aws.copy_snapshot(&a_copy_request()));
    assert_eq!(answer.unwrap_err().owner(), Owner::Transient);
    let (_, clock, aws) = hanging_in_a_function(pairs);
    let (answer, listing) = clock.run(aws.list_open(None));
    answer.unwrap_err();
    [reading, copying, listing]
}

/// The pause between two tries is random, and the rest of the time has nothing to wait for.
#[track_caller]
fn assert_within(waited: [Duration; 3], expected: [Duration; 3]) {
    for (took, at_most) in waited.into_iter().zip(expected) {
        let slack = Duration::from_secs(2);
        assert!(
            took <= at_most && took + slack >= at_most,
            "{took:?} of {at_most:?}"
        );
    }
}

#[test]
fn a_function_waits_for_rds_as_the_table_of_deadlines_says() {
    let deadlines = RdsDeadlines::default();
    let expected = [deadlines.of_reads().1, deadlines.of_changes().1, BUDGET];
    assert_eq!(expected.map(|time| time.as_secs()), [21, 26, 5]);
    assert_within(waited(&[]), expected);
    let page = include_str!("../../docs/SCALE.md");
    for row in [
        "| a function's reads of RDS | 3 s | 10 s (`RdsReadSeconds`) | 21 s |",
        "| a function's changes in RDS | 3 s | 25 s (`RdsChangeSeconds`) | 26 s |",
        "| a function's calls to the table, the queues and Step Functions | 3 s | 3 s | 5 s |",
        "| the command line's calls | 3 s | 3 s | 5 s |",
    ] {
        assert!(page.contains(row), "{row}");
    }
}

#[test]
fn a_functions_variables_set_its_deadlines_for_rds() {
    let pairs = [
        ("SNAPFERRY_RDS_READ_SECONDS", "2"),
        ("SNAPFERRY_RDS_CHANGE_SECONDS", "3"),
    ];
    assert_within(waited(&pairs), [5, 4, 5].map(Duration::from_secs));
    for wrong in ["0", "301", "ten", "-1", "2.5"] {
        let pairs = [("SNAPFERRY_RDS_READ_SECONDS".to_owned(), wrong.to_owned())];
        let error = RdsDeadlines::read(&pairs.into()).unwrap_err().to_string();
        assert!(error.contains("SNAPFERRY_RDS_READ_SECONDS"), "{error}");
    }
}

/// The doctor's settings.
fn doctor_settings() -> DoctorSettings {
    let machine = format!("arn:aws:states:{HOME}:111122223333:stateMachine:protect");
    let queue = "https://sqs.eu-central-1.amazonaws.com/111122223333/some";
    let pairs = [
        ("AWS_REGION", HOME),
        ("SNAPFERRY_STACK_ID", "prod"),
        ("SNAPFERRY_TABLE", TABLE),
        ("SNAPFERRY_SOURCE_REGIONS", SOURCE),
        ("SNAPFERRY_STATE_MACHINE_ARN", &machine),
        ("SNAPFERRY_KMS_KEY", KEY),
        ("SNAPFERRY_COMMANDS_QUEUE_URL", queue),
        ("SNAPFERRY_COMMANDS_DEAD_LETTER_QUEUE_URL", queue),
        ("SNAPFERRY_EVENTS_QUEUE_URL", queue),
        ("SNAPFERRY_EVENTS_DEAD_LETTER_QUEUE_URL", queue),
    ];
    let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
    DoctorSettings::from_variables(Variables::new(pairs)).unwrap()
}

/// Everything else refuses at once, and such a call is not repeated.
#[test]
fn a_source_region_that_does_not_answer_costs_the_doctor_five_seconds() {
    let wire = Wire::script(|asked| {
        if asked.uri.contains(SOURCE) {
            Reply::Silence
        } else {
            json_error(400, "AccessDeniedException", "not you")
        }
    });
    let clock = Clock::default();
    let aws = Aws::new(patient(wire.sdk_with(clock.clone())), TABLE, Examines);
    let (findings, took) = clock.run(diagnose(&aws, &doctor_settings(), &DoctorScope::default()));
    assert_eq!(took, BUDGET);
    let of_it: Vec<_> = findings
        .iter()
        .filter(|one| one.subject.contains(SOURCE))
        .collect();
    assert_eq!(of_it.len(), 1, "{of_it:?}");
    assert_eq!(of_it[0].check, Check::Databases);
    assert_eq!(of_it[0].level, Level::Unknown);
    let asked = wire.asked();
    let of_it = asked.iter().filter(|one| one.uri.contains(SOURCE));
    assert_eq!(of_it.count(), 1);
}

#[test]
fn a_plan_waits_five_seconds_for_a_region_that_hangs_and_for_both_kinds_at_once() {
    let pairs = [
        ("SNAPFERRY_STACK_ID", "prod"),
        ("AWS_REGION", HOME),
        ("SNAPFERRY_TABLE", TABLE),
        ("SNAPFERRY_SOURCE_REGIONS", SOURCE),
        ("SNAPFERRY_STATE_MACHINE_ARN", MACHINE),
        ("SNAPFERRY_KMS_KEY", KEY),
    ];
    let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let planning = Planning::from_variables(Variables::new(pairs)).unwrap();
    // The table answers: no policies, no cursor. RDS does not.
    let (wire, clock) = (
        Wire::new([ok("{}"), ok("{}"), Reply::Silence]),
        Clock::default(),
    );
    let aws = Aws::new(wire.sdk_with(clock.clone()), TABLE, ());
    let (answer, took) = clock.run(preview(&aws, &planning, &planning.source_regions));
    let shown = answer.unwrap();
    assert_eq!((shown.rows.len(), shown.unreachable.len()), (0, 1));
    assert_eq!(took, BUDGET);
    assert_eq!(wire.asked().len(), 2 + 2 * 2);
}
