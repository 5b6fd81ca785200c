//! The rounds of the remover of restore.yaml against the model of RDS: what drills left goes without anybody's command, each
//! round ends at once, and nothing else is ever deleted (the judge of the drills' tests refuses that).

use std::collections::BTreeSet;

use jiff::SignedDuration;
use snapferry::app::drill::remover::{RemoverConfig, RoundReport, remove_round};
use snapferry::app::restore::RestoreError;
use snapferry::domain::drill::name::member_name;
use snapferry::domain::drill::record::{DrillRecord, Verdict};
use snapferry::domain::id::arn::Region;
use snapferry::domain::id::tags::DRILL;
use snapferry::domain::restore::value::Value;
use snapferry::domain::retention::round::Freeze;
use snapferry::domain::run::failure::Operation;
use snapferry::ports::{
    ChangeDatabase, DatabaseCall, OpenRemovals, ReadDrills, ReadOpenRemovals, SetFreeze,
};

use crate::drills::{Exercise, Judge, interrupted, interrupted_at, stack};
use crate::restores::{HOME, begin, fleet, home, now};

fn config() -> RemoverConfig {
    RemoverConfig {
        stack: stack(),
        home: Region::parse(HOME).unwrap(),
        width: 3,
    }
}

fn round(exercise: &Exercise) -> Result<RoundReport, RestoreError> {
    now(remove_round(&exercise.world, &config()))
}

fn pass(exercise: &Exercise, hours: i64) {
    let world = exercise.world.world();
    world.pass(SignedDuration::from_hours(hours));
}

/// What is stored of the first drill of a database.
fn record(exercise: &Exercise, database: &str) -> DrillRecord {
    let mut all = exercise.databases.iter();
    let of = all.find(|one| one.arn.name() == database).unwrap();
    let of = &of.resource_id;
    let drills = now(exercise.world.world().drills(std::slice::from_ref(of))).unwrap();
    drills[of].drills.0[0].clone()
}

fn open_removals(exercise: &Exercise) -> OpenRemovals {
    now(exercise.world.world().open_removals()).unwrap()
}

fn names(rows: &[(String, String)]) -> Vec<&str> {
    rows.iter().map(|(name, _)| name.as_str()).collect()
}

#[test]
fn a_round_asks_for_what_is_past_its_deadline_and_a_later_one_proves_it_gone() {
    let mut exercise = Exercise::of(fleet(), Judge::of(0, 0));
    let name = interrupted(&mut exercise);
    let early = round(&exercise).unwrap();
    assert_eq!(names(&early.stays), [name.as_str()]);
    assert!(early.stays[0].1.contains("its drill may live until"));
    assert_eq!((early.asked.len(), early.left_behind.len()), (0, 0));
    assert_eq!(open_removals(&exercise), OpenRemovals::default());

    pass(&exercise, 6);
    let first = round(&exercise).unwrap();
    assert_eq!(first.asked, [name.as_str()]);
    assert_eq!((first.left_behind.len(), first.gone.len()), (0, 0));
    let ended = record(&exercise, "billing");
    let deadline = |why: &[String]| why[0].starts_with("deadline");
    assert!(matches!(&ended.verdict, Some(Verdict::Failed(why)) if deadline(why)));
    assert_eq!(ended.gone_at, None, "nobody has seen it gone yet");
    assert_eq!(open_removals(&exercise).drills.len(), 1);

    // It is being deleted: a round in between asks for nothing and rings for nothing.
    let between = round(&exercise).unwrap();
    assert_eq!((between.asked.len(), between.left_behind.len()), (0, 0));
    assert_eq!(open_removals(&exercise).drills.len(), 1);

    pass(&exercise, 1);
    let last = round(&exercise).unwrap();
    assert_eq!((last.gone, last.there), (vec![name], 0));
    assert!(record(&exercise, "billing").gone_at.is_some());
    assert_eq!(open_removals(&exercise).drills, BTreeSet::new());
    assert_eq!(exercise.left_behind(), BTreeSet::new());
    assert_eq!(round(&exercise).unwrap(), RoundReport::default());
}

/// The hand that restores and the hand that deletes: neither has the other's rights.
#[test]
fn a_drill_that_leaves_removal_to_the_remover_deletes_nothing_and_is_gone_after_two_rounds() {
    let mut exercise = Exercise::of(fleet(), Judge::of(0, 0));
    exercise.leaves_removal = true;
    let all = exercise.once().unwrap();
    let deletes = [Operation::DeleteDbInstance, Operation::DeleteDbCluster];
    let sent = exercise.world.hook().sent.borrow().clone();
    assert!(
        !sent
            .iter()
            .any(|(operation, _)| deletes.contains(operation))
    );
    for one in &all {
        assert!(one.is_well(), "{}", one.says);
        assert!(one.says.ends_with("the remover deletes what it made"));
        assert_eq!(one.record.gone_at, None);
    }
    let there = exercise.left_behind();
    // Well before any deadline.
    let asked = round(&exercise).unwrap().asked;
    assert_eq!(asked.into_iter().collect::<BTreeSet<String>>(), there);
    pass(&exercise, 1);
    assert_eq!(round(&exercise).unwrap().gone.len(), all.len());
    assert_eq!(exercise.left_behind(), BTreeSet::new());
    for one in &all {
        let ended = record(&exercise, one.database.arn.name());
        assert_eq!(ended.verdict, Some(Verdict::Passed));
        assert!(ended.gone_at.is_some());
    }
}

#[test]
fn where_the_table_lost_a_drill_a_round_removes_it_once_it_is_older_than_any_may_become() {
    let mut exercise = Exercise::of(fleet(), Judge::of(0, 0));
    let name = interrupted(&mut exercise);
    let of = record(&exercise, "billing").of;
    exercise.world.world().state_mut().table.lose_drills(&of);
    pass(&exercise, 7);
    let early = round(&exercise).unwrap();
    assert_eq!(early.asked, Vec::<String>::new());
    // It is past the deadline of its tags, and nobody deletes it yet: that is said.
    assert_eq!(names(&early.left_behind), [name.as_str()]);
    pass(&exercise, 18);
    assert_eq!(round(&exercise).unwrap().asked, [name]);
    pass(&exercise, 1);
    assert_eq!(round(&exercise).unwrap(), RoundReport::default());
    assert_eq!(exercise.left_behind(), BTreeSet::new());
}

#[test]
fn a_cluster_and_its_members_are_asked_for_in_one_round_the_members_first() {
    let mut exercise = Exercise::of(fleet(), Judge::of(0, 0));
    let name = exercise.name_of("shop");
    interrupted_at(&mut exercise, "shop", member_name(&name, 1));
    pass(&exercise, 6);
    let there = exercise.left_behind();
    let asked = round(&exercise).unwrap().asked;
    assert_eq!(asked.last(), Some(&name));
    assert_eq!(asked.into_iter().collect::<BTreeSet<String>>(), there);
    pass(&exercise, 1);
    assert_eq!(round(&exercise).unwrap().gone, [name]);
    assert_eq!(exercise.left_behind(), BTreeSet::new());
}

#[test]
fn a_freeze_of_drills_leaves_them_behind_and_says_by_whom() {
    let mut exercise = Exercise::of(fleet(), Judge::of(0, 0));
    let name = interrupted(&mut exercise);
    pass(&exercise, 6);
    let mut freeze = Freeze {
        why: "the source region is lost".to_owned(),
        by: "ops".to_owned(),
        at: begin(),
        and_drills: true,
    };
    now(exercise.world.world().set_freeze(&freeze)).unwrap();
    let report = round(&exercise).unwrap();
    assert_eq!(names(&report.left_behind), [name.as_str()]);
    assert!(report.left_behind[0].1.contains("frozen by ops"));
    freeze.and_drills = false;
    now(exercise.world.world().set_freeze(&freeze)).unwrap();
    assert_eq!(round(&exercise).unwrap().asked, [name]);
}

#[test]
fn what_a_person_keeps_stays_and_is_not_left_behind() {
    let mut exercise = Exercise::of(fleet(), Judge::of(0, 0));
    let name = interrupted(&mut exercise);
    let mut state = exercise.world.world().state_mut();
    let arn = state.rds.instance(&home(), &name).unwrap().arn.clone();
    let (keys, at) = ([DRILL.to_owned()], state.now);
    let rds = &mut state.rds;
    rds.remove_tags_from_resource(&home(), &arn, &keys, at)
        .unwrap();
    drop(state);
    pass(&exercise, 30);
    let report = round(&exercise).unwrap();
    assert_eq!(names(&report.stays), [name.as_str()]);
    assert_eq!((report.asked.len(), report.left_behind.len()), (0, 0));
    assert_eq!(exercise.left_behind(), [name].into());
}

#[test]
fn what_rds_refuses_to_delete_is_left_behind_until_a_person_acts() {
    let mut exercise = Exercise::of(fleet(), Judge::of(0, 0));
    let name = interrupted(&mut exercise);
    let protect = |value: bool| {
        let parameters = [
            ("DBInstanceIdentifier".to_owned(), Value::text(&name)),
            ("DeletionProtection".to_owned(), Value::Flag(value)),
            ("ApplyImmediately".to_owned(), Value::Flag(true)),
        ];
        let call = DatabaseCall {
            operation: Operation::ModifyDbInstance,
            parameters: parameters.into(),
        };
        let region = Region::parse(HOME).unwrap();
        now(exercise.world.world().change_database(&region, &call)).unwrap();
    };
    protect(true);
    pass(&exercise, 6);
    for _ in 0..3 {
        let report = round(&exercise).unwrap();
        assert_eq!(names(&report.left_behind), [name.as_str()]);
        assert_eq!(report.failed, [], "the call got an answer");
        pass(&exercise, 1);
    }
    protect(false);
    pass(&exercise, 1);
    assert_eq!(round(&exercise).unwrap().asked, [name.as_str()]);
    pass(&exercise, 1);
    assert_eq!(round(&exercise).unwrap().gone, [name]);
}

/// The sum of what the remover promises: whatever call goes wrong, hourly rounds leave nothing behind, and everything that
/// they removed is proved gone.
#[test]
fn under_lost_answers_throttling_and_refusals_the_rounds_remove_everything_in_the_end() {
    for seed in 0..40 {
        let mut exercise = Exercise::of(fleet(), Judge::of(seed, 0));
        let name = exercise.name_of("shop");
        interrupted_at(&mut exercise, "shop", member_name(&name, 1));
        exercise.world.hook().set_percent(15);
        pass(&exercise, 6);
        let mut rounds = 0;
        while record(&exercise, "shop").gone_at.is_none() {
            rounds += 1;
            assert!(rounds < 200, "seed {seed}: it never ends");
            // A round that fails is one that the next makes up for.
            drop(round(&exercise));
            pass(&exercise, 1);
        }
        assert_eq!(exercise.left_behind(), BTreeSet::new(), "seed {seed}");
        exercise.world.hook().set_percent(0);
        round(&exercise).unwrap();
        assert_eq!(open_removals(&exercise).drills, BTreeSet::new());
    }
}

#[test]
fn of_two_rounds_at_once_one_removes() {
    let mut exercise = Exercise::of(fleet(), Judge::of(0, 0));
    let name = interrupted(&mut exercise);
    pass(&exercise, 6);
    let before = exercise.world.hook().sent.borrow().len();
    exercise.world.hook().set_rival();
    let report = round(&exercise).unwrap();
    assert!(report.is_second);
    assert_eq!(exercise.world.hook().sent.borrow().len(), before);
    assert_eq!(round(&exercise).unwrap().asked, [name]);
}
