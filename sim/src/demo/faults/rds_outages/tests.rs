//! What the faults of RDS do to calls of a real model.

use super::*;
use crate::demo::faults::outage_window::OutageWindow;
use crate::demo::faults::plan::{Misfortune, StepFaults};
use crate::demo::fleet::{self, SOMEBODYS_SNAPSHOT, SOURCES};
use crate::rds::{CopyDbSnapshot, CreateDbSnapshot, Region};
use jiff::Timestamp;

fn now() -> Timestamp {
    "2026-01-02T03:00:00Z".parse().unwrap()
}

/// A fleet of an instance and a cluster of the same name, with faults of RDS.
struct World {
    rds: Rds,
    databases: Vec<fleet::Database>,
    rds_outages: RdsOutages,
    tally: Tally,
    now: Timestamp,
}

impl World {
    fn with(plan: Plan) -> Self {
        let tally = Tally::default();
        let fleet = fleet::draw(2, 1, now()).unwrap();
        Self {
            rds: fleet.rds,
            databases: fleet.databases,
            rds_outages: RdsOutages::new(plan, 1, tally.clone()),
            tally,
            now: now(),
        }
    }

    /// One call, as the service makes it.
    fn call(&mut self, place: &str, request: Request) -> (Action, Option<RdsFault>) {
        let place: Region = region(place);
        let call = Incoming {
            region: &place,
            app: "snapferry-worker",
            request: &request,
            now: self.now,
        };
        let action = self.rds_outages.before(&call, &mut self.rds);
        if action != Action::Forward {
            return (action, None);
        }
        let answer = self.rds.handle(&place, request.clone(), self.now);
        let error = answer.err();
        self.rds_outages.after(&call, error.as_ref(), &self.rds);
        (action, error)
    }

    fn snapshot(&mut self, name: &str) -> (Action, Option<RdsFault>) {
        self.call(
            SOURCES[0],
            Request::CreateDbSnapshot(CreateDbSnapshot {
                snapshot: name.to_owned(),
                instance: "orders".to_owned(),
                tags: Vec::new(),
            }),
        )
    }

    fn copy(&mut self, of: &str, name: &str) -> (Action, Option<RdsFault>) {
        let source = format!(
            "arn:aws:rds:{}:{}:snapshot:{of}",
            SOURCES[0],
            fleet::ACCOUNT
        );
        self.call(
            RECOVERY,
            Request::CopyDbSnapshot(CopyDbSnapshot {
                source,
                target: name.to_owned(),
                kms_key: Some(STANDARD.key.to_owned()),
                ..CopyDbSnapshot::default()
            }),
        )
    }

    /// Lets all unfinished work end.
    fn wait(&mut self) {
        while let Some(due) = self.rds.next_due() {
            self.now = self.now.max(due);
            self.rds.advance(due);
        }
    }

    fn stage(&self, place: &str, name: &str) -> Stage {
        self.rds.snapshot(&region(place), name).unwrap().stage()
    }
}

#[test]
fn attempts_meet_the_fates_of_their_course_one_after_another() {
    let step_faults = StepFaults {
        misfortunes: vec![Misfortune::Fails, Misfortune::Fails],
        ..StepFaults::default()
    };
    let mut world = World::with(Plan::default());
    let orders = world.databases[0].resource_id.clone();
    world.rds_outages.plan.snapshots = [(orders, step_faults)].into();
    for (name, stage) in [
        ("s", Stage::Failed),
        ("s-a2", Stage::Failed),
        ("s-a3", Stage::Available),
    ] {
        assert_eq!(world.snapshot(name).1, None);
        // A request that is refused because the snapshot exists uses up none of them.
        assert!(matches!(
            world.snapshot(name).1,
            Some(RdsFault::DbSnapshotAlreadyExists(_))
        ));
        world.wait();
        assert_eq!(world.stage(SOURCES[0], name), stage, "{name}");
    }
    world.rds_outages.count_fates(&world.rds);
    assert_eq!(world.tally.of(Fault::SnapshotFailed), 2);
}

#[test]
fn an_operation_is_denied_from_its_call_on_until_a_person_grants_it() {
    let mut world = World::with(Plan {
        denied: Some(("CreateDBSnapshot", 2)),
        ..Plan::default()
    });
    assert_eq!(world.snapshot("s1").0, Action::Forward);
    world.wait();
    for _ in 0..3 {
        let (action, _) = world.snapshot("s2");
        assert!(matches!(
            action,
            Action::Refuse {
                status: 403,
                code: "AccessDenied",
                ..
            }
        ));
    }
    assert!(world.rds_outages.broken_for().is_some());
    assert!(
        world.rds_outages.repair(&mut world.rds).is_empty(),
        "too soon"
    );
    assert_eq!(world.tally.of(Fault::AccessDenied), 3);

    world.rds_outages.state().broken_since = Instant::now().checked_sub(REPAIR_AFTER);
    assert_eq!(
        world.rds_outages.repair(&mut world.rds),
        ["granted the access"]
    );
    assert_eq!(world.snapshot("s2").0, Action::Forward);
}

#[test]
fn the_key_is_disabled_for_a_new_copy_and_repaired_once_that_was_noticed() {
    let mut world = World::with(Plan {
        key_disabled_at: Some(1),
        ..Plan::default()
    });
    world.snapshot("s");
    world.wait();
    assert!(matches!(
        world.copy("s", "c").1,
        Some(RdsFault::KmsKeyNotAccessible(_))
    ));
    assert_eq!(world.tally.of(Fault::KeyDisabled), 1);
    world.rds_outages.state().broken_since = Instant::now().checked_sub(REPAIR_AFTER);
    assert_eq!(
        world.rds_outages.repair(&mut world.rds),
        ["enabled the key"]
    );
    assert_eq!(world.copy("s", "c").1, None);
    assert_eq!(world.rds_outages.most_of_ours(), 1);
    world.wait();
    assert_eq!(world.stage(RECOVERY, "c"), Stage::Available);
}

#[test]
fn strangers_take_every_place_and_ours_are_counted_apart() {
    let mut world = World::with(Plan {
        third_parties: Some(Duration::ZERO),
        ..Plan::default()
    });
    world.snapshot("s");
    world.wait();
    assert_eq!(
        world.stage(SOURCES[0], SOMEBODYS_SNAPSHOT),
        Stage::Available
    );
    assert_eq!(
        world.copy("s", "c").1,
        Some(RdsFault::CopiesInFlightQuota(20))
    );
    assert_eq!(world.tally.of(Fault::CopiesRefused), 1);
    assert!(world.rds_outages.strangers_may_go());
    assert!(!world.rds_outages.strangers_may_go(), "they go once");
    world.wait();
    assert_eq!(world.copy("s", "c").1, None);
    assert_eq!(world.rds_outages.most_of_ours(), 1);
}

#[test]
fn a_region_that_is_down_answers_nothing_and_the_other_does() {
    let window = OutageWindow {
        from_call: 1,
        lasts: Duration::from_secs(3_600),
        share: 1.0,
    };
    let mut world = World::with(Plan {
        region_down: Some((SOURCES[0], window)),
        ..Plan::default()
    });
    for _ in 0..2 {
        let (action, _) = world.snapshot("s");
        assert!(matches!(
            action,
            Action::NoAnswer {
                reaches_rds: false,
                ..
            }
        ));
    }
    let (action, _) = world.call(RECOVERY, Request::DescribeAccountAttributes);
    assert_eq!(action, Action::Forward);
    assert_eq!(world.tally.of(Fault::RegionDown), 2);
}

#[test]
fn storms_answer_in_the_words_of_rds() {
    for (fault, status, code) in [
        (Fault::Throttling, 400, "Throttling"),
        (Fault::Rds500, 500, "InternalFailure"),
    ] {
        let window = OutageWindow {
            from_call: 1,
            lasts: Duration::ZERO,
            share: 0.0,
        };
        let mut world = World::with(Plan {
            rds: [(fault, vec![window])].into(),
            ..Plan::default()
        });
        let (action, _) = world.snapshot("s");
        let Action::Refuse {
            status: found,
            code: named,
            ..
        } = action
        else {
            panic!("{action:?}");
        };
        assert_eq!((found, named), (status, code));
        assert_eq!(world.snapshot("s").0, Action::Forward, "it has passed");
        assert_eq!(world.tally.of(fault), 1);
    }
}
