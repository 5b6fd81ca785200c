//! What every plan promises, with any seed.

use super::*;

fn databases(count: usize) -> Vec<Database> {
    let now = "2026-01-02T03:00:00Z".parse().unwrap();
    let count = u16::try_from(count).unwrap();
    crate::demo::fleet::draw(count, 1, now).unwrap().databases
}

fn drawn(faults: &str, count: usize, seed: u64) -> Result<Plan, String> {
    Plan::draw(&faults.parse()?, &databases(count), 60.0, seed)
}

#[test]
fn no_step_of_a_database_meets_more_misfortunes_than_the_state_machine_tries_again() {
    for seed in 0..200 {
        let plan = drawn("harsh", 24, seed).unwrap();
        for (name, step_faults) in &plan.snapshots {
            assert!(
                step_faults.misfortunes.len() <= MISFORTUNES_MAX,
                "seed {seed}: {name}"
            );
        }
        // One is left to the disabled key.
        for (name, step_faults) in &plan.copies {
            assert!(
                step_faults.misfortunes.len() < MISFORTUNES_MAX,
                "seed {seed}: {name}"
            );
        }
    }
}

#[test]
fn every_fault_that_is_asked_for_has_its_place_whatever_the_seed() {
    for (faults, count) in [("mild", 3), ("harsh", 3), ("harsh", 24)] {
        for seed in 0..100 {
            let plan = drawn(faults, count, seed).unwrap();
            let all = || plan.snapshots.values().chain(plan.copies.values());
            let event = |planned: fn(&EventOutcome) -> bool| all().any(|one| planned(&one.event));
            assert!(event(|planned| *planned == EventOutcome::Lost), "{seed}");
            assert!(
                event(|planned| matches!(planned, EventOutcome::Twice(_))),
                "{seed}"
            );
            assert!(
                event(|planned| matches!(planned, EventOutcome::Late(_))),
                "{seed}"
            );
            assert!(all().any(|one| !one.lag.is_zero()), "{seed}");
            let failing = |courses: &BTreeMap<String, StepFaults>, what| {
                courses.values().any(|one| one.misfortunes.contains(&what))
            };
            assert!(failing(&plan.snapshots, Misfortune::Fails), "{seed}");
            assert!(failing(&plan.copies, Misfortune::Fails), "{seed}");
            if faults == "harsh" {
                assert!(failing(&plan.copies, Misfortune::Vanishes), "{seed}");
            }
        }
    }
}

#[test]
fn every_fault_that_the_list_says_the_demo_injects_is_planned_when_it_alone_is_asked_for() {
    let nothing = drawn("none", 12, 1).unwrap();
    for fault in Fault::of(crate::faults::World::Demo) {
        assert_ne!(drawn(fault.name(), 12, 1).unwrap(), nothing, "{fault}");
    }
}

#[test]
fn no_fault_of_events_is_planned_for_a_clusters_copy_which_has_none() {
    let all = databases(24);
    let clusters = || all.iter().filter(|one| one.family == Family::Cluster);
    assert!(clusters().count() > 0);
    for seed in 0..100 {
        let plan = drawn("harsh", 24, seed).unwrap();
        for cluster in clusters() {
            let step_faults = &plan.copies[&cluster.resource_id];
            assert_eq!(step_faults.event, EventOutcome::Arrives, "{seed}");
            assert!(step_faults.lag.is_zero(), "{seed}");
        }
    }
}

#[test]
fn a_course_is_misfortune_first_and_then_good() {
    let step_faults = StepFaults {
        misfortunes: vec![Misfortune::Fails, Misfortune::Vanishes],
        ..StepFaults::default()
    };
    let endings = [0, 1, 2, 3].map(|attempt| step_faults.planned(attempt).ending);
    assert_eq!(
        endings,
        [
            Ending::Failed,
            Ending::Never,
            Ending::Available,
            Ending::Available
        ]
    );
}

#[test]
fn a_fleet_that_is_too_small_for_its_faults_is_a_sentence() {
    for faults in [
        "events-lost,events-doubled,events-late",
        "copy-failed,copy-vanished,key-disabled",
        "harsh",
    ] {
        let announced = drawn(faults, 1, 1).unwrap_err();
        assert!(announced.contains("protect more"), "{announced}");
    }
}

#[test]
fn the_same_seed_draws_the_same_plan_and_none_draws_nothing() {
    let shown = |seed| format!("{:?}", drawn("harsh", 12, seed).unwrap());
    assert_eq!(shown(7), shown(7));
    assert_ne!(shown(7), shown(8));
    let nothing = drawn("none", 12, 7).unwrap();
    assert!(nothing.rds.is_empty() && nothing.services.is_empty());
    assert!(
        nothing
            .snapshots
            .values()
            .all(|one| *one == StepFaults::default())
    );
}
