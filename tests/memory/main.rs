//! What a sweep of ten thousand open waits takes of memory, in a process of its own: the allocator counts.
//!
//! The adapters' share is not in it: a page of the table and one describe answer at a time.
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop where it is"
)]

use std::cell::RefCell;

use futures_util::FutureExt as _;
use jiff::{SignedDuration, Timestamp};
use peak_alloc::PeakAlloc;
use snapferry::app::sweep::{SweeperConfig, sweep};
use snapferry::domain::id::arn::{ExecutionArn, Family, KeyArn, RdsArn, Region};
use snapferry::domain::id::database_ref::DatabaseRef;
use snapferry::domain::id::names::{ResourceId, SnapshotId};
use snapferry::domain::id::tags::{self, PolicyName, StackId, Tags};
use snapferry::domain::id::token::TaskToken;
use snapferry::domain::rds::snapshot::{Snapshot, SnapshotStatus};
use snapferry::domain::retention::entered::Entered;
use snapferry::domain::run::command::{Command, ProtectionRequest, RunOptions, Step};
use snapferry::domain::run::failure::Failure;
use snapferry::domain::run::learnt_limit::LearntLimit;
use snapferry::domain::run::look_times::LastSweep;
use snapferry::domain::run::manifest::Manifest;
use snapferry::domain::run::slot_limits::{CopySlots, SlotLimits};
use snapferry::domain::run::taken_slots::{HandOver, SeenSlot, TakenSlots};
use snapferry::domain::run::wait::{Expectation, Phase, Rules, Wait};
use snapferry::ports::{
    Abandoned, Callbacks, Clock, Delivery, DescribeSnapshots, EnterCopies, FreeSlot, HandOutSlot,
    HearDead, LearnLimits, ListOpen, LookUpWaits, NoteSweep, OpenMarker, OpenPage, PortError,
    Probe, ProbeToken, QueueCopies, RdsError, ReadLastSweep, ReadLearntLimit, ReadSlots,
    RecordRecoveryPoint, SendCommand, Waits, Written,
};

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

const WAITS: usize = 10_000;
/// A page of the index is a megabyte at most (DynamoDB, Query): some four hundred waits with their tokens.
const PAGE: usize = 400;
/// Tokens of Step Functions are several hundred characters long; this is on the safe side.
const TOKEN: usize = 1_000;
const MB: f32 = 64.0;

/// A world that makes its waits as they are listed and keeps nothing but how often each was settled.
struct Crowd {
    settled: RefCell<Vec<u8>>,
}

fn now() -> Timestamp {
    "2026-11-22T04:00:00Z".parse().unwrap()
}

fn arn(n: usize) -> RdsArn {
    let name = format!("sf-a-database-with-a-name-{n}-20261122t0300z-abcdefghij");
    RdsArn::parse(&format!(
        "arn:aws:rds:eu-west-{}:111122223333:snapshot:{name}",
        n % 2 + 1
    ))
    .unwrap()
}

fn number(text: &str) -> usize {
    let digits = text.split('-').find_map(|part| part.parse().ok());
    digits.unwrap()
}

fn database(n: usize) -> DatabaseRef {
    let arn = format!(
        "arn:aws:rds:eu-west-{}:111122223333:db:a-database-{n}",
        n % 2 + 1
    );
    DatabaseRef {
        arn: RdsArn::parse(&arn).unwrap(),
        resource_id: ResourceId::parse(&format!("db-{n:026}")).unwrap(),
    }
}

fn wait(n: usize) -> Wait {
    let key = "arn:aws:kms:eu-central-1:111122223333:key/11111111-2222-3333-4444-555555555555";
    let execution = format!(
        "arn:aws:states:eu-central-1:111122223333:execution:protect:sf-a-database-with-a-name-{n}"
    );
    let command = Command {
        step: Step::Snapshot,
        token: TaskToken::parse(&format!("token-{n}-{}", "x".repeat(TOKEN))).unwrap(),
        execution: ExecutionArn::parse(&execution).unwrap(),
        retry: 0,
        run: ProtectionRequest {
            database: database(n),
            policy: PolicyName::parse("default").unwrap(),
            planned_at: now(),
            key: KeyArn::parse(key).unwrap(),
            options: RunOptions::default(),
        },
    };
    let mut wait = Wait::new(arn(n), command, Expectation::Snapshot, now());
    wait.phase = Phase::Requested;
    wait
}

/// Every second one is still under way.
fn is_ready(n: usize) -> bool {
    n.is_multiple_of(2)
}

fn snapshot(n: usize) -> Snapshot {
    Snapshot {
        arn: arn(n),
        resource_id: Some(database(n).resource_id),
        status: if is_ready(n) {
            SnapshotStatus::Available
        } else {
            SnapshotStatus::Creating
        },
        engine: "postgres".to_owned(),
        engine_version: "17.2".to_owned(),
        size_gib: 100,
        encrypted: true,
        key: None,
        source: None,
        taken_at: Some(now()),
        created_at: Some(now()),
        percent: None,
        tags: Tags::from([
            (tags::STACK.to_owned(), "prod".to_owned()),
            (
                tags::RESOURCE_ID.to_owned(),
                database(n).resource_id.to_string(),
            ),
        ]),
    }
}

impl Clock for Crowd {
    fn now(&self) -> Timestamp {
        now()
    }
}

impl ListOpen for Crowd {
    async fn list_open(&self, from: Option<OpenMarker>) -> Result<OpenPage, PortError> {
        let from: usize = from.map_or(0, |marker| marker.0.parse().unwrap());
        let until = (from + PAGE).min(WAITS);
        Ok(OpenPage {
            waits: (from..until).map(wait).collect(),
            next: (until < WAITS).then(|| OpenMarker(until.to_string())),
            ..OpenPage::default()
        })
    }
}

impl DescribeSnapshots for Crowd {
    async fn describe_snapshots(
        &self,
        _region: &Region,
        family: Family,
        ids: &[SnapshotId],
    ) -> Result<Vec<Snapshot>, RdsError> {
        assert_eq!(
            family,
            Family::Instance,
            "nobody waits for a cluster's snapshot"
        );
        Ok(ids.iter().map(|id| snapshot(number(id.as_str()))).collect())
    }
}

impl Callbacks for Crowd {
    async fn send_task_success(&self, token: &TaskToken, _manifest: &Manifest) -> Delivery {
        let mut settled = self.settled.borrow_mut();
        *settled.get_mut(number(token.reveal())).unwrap() += 1;
        Delivery::Accepted
    }

    async fn send_task_failure(&self, _token: &TaskToken, failure: &Failure) -> Delivery {
        panic!("nothing has failed: {failure:?}");
    }
}

impl Waits for Crowd {
    async fn set_phase(
        &self,
        _resource: &RdsArn,
        _token: &TaskToken,
        _phase: Phase,
        _since: Timestamp,
    ) -> Result<Written, PortError> {
        Ok(Written::Stored)
    }

    async fn note_absence(
        &self,
        _resource: &RdsArn,
        _token: &TaskToken,
        _absent: bool,
    ) -> Result<Written, PortError> {
        panic!("RDS shows everything here");
    }

    async fn forget(&self, _resource: &RdsArn, _token: &TaskToken) -> Result<bool, PortError> {
        Ok(true)
    }
}

impl HearDead for Crowd {
    async fn heard_dead(
        &self,
        _token: &TaskToken,
        _occasion: &str,
        _at: Timestamp,
    ) -> Result<bool, PortError> {
        panic!("every token is alive here");
    }
}

impl EnterCopies for Crowd {
    async fn enter_copy(&self, _: &Entered) -> Result<(), PortError> {
        Ok(())
    }
}

impl RecordRecoveryPoint for Crowd {
    async fn record_recovery_point(
        &self,
        _run: &ProtectionRequest,
        _execution: &ExecutionArn,
        _copy: &Manifest,
    ) -> Result<(), PortError> {
        panic!("there are no copies here");
    }
}

impl HandOutSlot for Crowd {
    async fn hand_out_slot(
        &self,
        _copy: &RdsArn,
        _limits: &SlotLimits,
        _known: &SeenSlot,
        _new: &HandOver,
    ) -> Result<bool, PortError> {
        Ok(false)
    }
}

impl QueueCopies for Crowd {
    async fn queue_copy(&self, _wait: &Wait, _since: Timestamp) -> Result<Written, PortError> {
        panic!("nobody puts a copy into the queue here");
    }

    async fn give_turn(&self, _wait: &Wait) -> Result<Written, PortError> {
        panic!("no copy waits without a place in the queue");
    }
}

impl ReadSlots for Crowd {
    async fn taken_slots(&self) -> Result<TakenSlots, PortError> {
        Ok(TakenSlots::default())
    }
}

impl ReadLearntLimit for Crowd {
    async fn learnt_limit(&self, _family: Family) -> Result<Option<LearntLimit>, PortError> {
        Ok(None)
    }
}

impl LearnLimits for Crowd {
    async fn learn_limit(
        &self,
        _family: Family,
        _known: Option<&LearntLimit>,
        _learnt: &LearntLimit,
    ) -> Result<Written, PortError> {
        Ok(Written::Conflict)
    }
}

impl ReadLastSweep for Crowd {
    async fn last_sweep(&self) -> Result<Option<LastSweep>, PortError> {
        Ok(None)
    }
}

impl NoteSweep for Crowd {
    async fn note_sweep(&self, _sweep: &LastSweep) -> Result<(), PortError> {
        Ok(())
    }
}

impl FreeSlot for Crowd {
    async fn free_slot(
        &self,
        _copy: &RdsArn,
        _of: Option<&PolicyName>,
        _proof: &Abandoned,
    ) -> Result<bool, PortError> {
        Ok(false)
    }
}

impl LookUpWaits for Crowd {
    async fn look_up(&self, _resources: &[RdsArn]) -> Result<Vec<Wait>, PortError> {
        Ok(Vec::new())
    }
}

impl ProbeToken for Crowd {
    async fn send_task_heartbeat(&self, _token: &TaskToken) -> Probe {
        Probe::Alive
    }
}

impl SendCommand for Crowd {
    async fn send_command(&self, _command: &Command) -> Result<(), PortError> {
        panic!("no command is lost");
    }
}

#[test]
fn ten_thousand_open_waits_are_swept_under_64_mb_and_each_is_settled_once() {
    let crowd = Crowd {
        settled: RefCell::new(vec![0; WAITS]),
    };
    let sweeper_config = SweeperConfig {
        rules: Rules {
            stack: StackId::parse("prod").unwrap(),
            grace: SignedDuration::from_mins(10),
        },
        width: 20,
        look: SignedDuration::from_mins(2),
        copy_slots: CopySlots {
            all: 20,
            clusters: 5,
        },
    };
    ALLOCATOR.reset_peak_usage();
    let swept = sweep(&crowd, &sweeper_config)
        .now_or_never()
        .unwrap()
        .unwrap();
    let peak = ALLOCATOR.peak_usage_as_mb();
    assert_eq!((swept.open, swept.settled), (WAITS, WAITS / 2));
    let settled = crowd.settled.borrow();
    let wrong = settled
        .iter()
        .enumerate()
        .find(|(n, times)| **times != u8::from(is_ready(*n)));
    assert_eq!(wrong, None);
    println!("peak: {peak:.1} MB");
    assert!(peak < MB, "{peak:.1} MB");
}
