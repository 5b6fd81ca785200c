//! What of all drills is removed: the two rules against a slow reference that states every condition by itself.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use snapferry::domain::drill::name::{DrillId, drill_name, drill_tags, member_name};
use snapferry::domain::drill::next_step::{DrillStep, next_drill_step};
use snapferry::domain::drill::options::{DrillOptions, Level};
use snapferry::domain::drill::record::{DrillRecord, Drills, Verdict};
use snapferry::domain::drill::remove::{
    BrokenRule, RemovalReason, StayReason, check_removal, decide_removal,
};
use snapferry::domain::drill::state::DrillState;
use snapferry::domain::id::arn::Family;
use snapferry::domain::id::database_ref::DatabaseRef;
use snapferry::domain::id::names::ResourceId;
use snapferry::domain::id::tags::{
    DRILL, DRILL_DEADLINE, DRILL_ID, DRILL_OF, RESTORED, StackId, Tags,
};
use snapferry::domain::restore::restored::{RestoredDatabase, Seen};

use crate::drill_plan::{cluster_drill, drill_options, usual_drill};
use crate::world::{a_run, rules, time};

/// Random numbers, the same in each run (SplitMix64).
struct Rng(u64);

impl Rng {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % limit as u64).unwrap()
    }

    fn hours(&mut self, from: i64, to: i64) -> SignedDuration {
        let span = usize::try_from(to - from).unwrap();
        SignedDuration::from_hours(from + i64::try_from(self.below(span)).unwrap())
    }
}

fn began() -> Timestamp {
    time("2026-11-22T05:00:00Z")
}

fn id(text: &str) -> ResourceId {
    ResourceId::parse(text).unwrap()
}

/// A drill whose database, or cluster with two members, is there.
fn a_drill(is_cluster: bool) -> (DrillRecord, Vec<(Family, RestoredDatabase)>) {
    let plan = if is_cluster {
        cluster_drill()
    } else {
        usual_drill()
    };
    let mut record = DrillRecord::new(&plan, "ops", None, began());
    let mut found = Vec::new();
    let family = record.family();
    let name = plan.restore.name.clone();
    let mut all = vec![(family, name.clone(), plan.restore.tags.clone(), None)];
    for (member, tags) in plan.restore.members.iter().take(2) {
        let of = (
            Family::Instance,
            member.clone(),
            tags.clone(),
            Some(name.clone()),
        );
        all.push(of);
    }
    for (at, (family, name, tags, member_of)) in all.into_iter().enumerate() {
        let made = id(&format!("db-MADE{at}"));
        record.restore.made.insert(name.clone(), made.clone());
        found.push((
            family,
            RestoredDatabase {
                name,
                resource_id: made,
                member_of,
                status: "available".to_owned(),
                created_at: Some(began() + SignedDuration::from_mins(1)),
                tags,
                settings: BTreeMap::new(),
                has_pending_changes: false,
                needs_restart: false,
                inactive_roles: [].into(),
                loaded: None,
            },
        ));
    }
    (record, found)
}

/// Every condition of a removal, each by itself, in the words of the design. All must hold.
fn conditions(
    family: Family,
    found: &RestoredDatabase,
    record: Option<&DrillRecord>,
    now: Timestamp,
) -> Vec<(&'static str, bool)> {
    let stack = rules().stack;
    let tag = |key: &str| found.tags.get(key).map(String::as_str).unwrap_or_default();
    let of = ResourceId::parse(tag(DRILL_OF));
    let drill = DrillId::parse(tag(DRILL_ID));
    let base = found.member_of.as_deref().unwrap_or(&found.name);
    let kind = if found.member_of.is_some() {
        Family::Cluster
    } else {
        family
    };
    // The readable part of the name is nobody's proof, so any database's will do.
    let ends = of.ok().zip(drill.ok()).map(|(of, drill)| {
        let run = match kind {
            Family::Instance => a_run("x"),
            Family::Cluster => crate::world::a_cluster_run("x"),
        };
        let database = DatabaseRef {
            resource_id: of,
            ..run.database
        };
        let name = drill_name(&stack, &database, &drill);
        name.strip_prefix("sfd-x").unwrap().to_owned()
    });
    let is_member_name = match &found.member_of {
        None => true,
        Some(cluster) => (1..=255).any(|number| member_name(cluster, number) == found.name),
    };
    let deadline: Option<Timestamp> = tag(DRILL_DEADLINE).parse().ok();
    let is_past = |at: Option<Timestamp>| at.is_some_and(|at| at <= now);
    let day = SignedDuration::from_hours(24);
    let mut all = vec![
        ("our drill tag", tag(DRILL) == stack.as_str()),
        ("our mark of restores", tag(RESTORED) == stack.as_str()),
        ("a deadline", deadline.is_some()),
        (
            "the drill's name",
            base.starts_with("sfd-") && ends.is_some_and(|ends| base.ends_with(&ends)),
        ),
        ("a member's name", is_member_name),
        ("it is not being deleted", found.status != "deleting"),
    ];
    match record {
        Some(record) => {
            let name = &record.restore.name;
            all.push(("the record's name", base == name));
            let made = record.restore.made.get(&found.name);
            all.push((
                "the record's resource id",
                made.is_none_or(|made| *made == found.resource_id),
            ));
            if made.is_none() {
                all.push(("its own deadline is past", is_past(deadline)));
                all.push((
                    "it is older than a day",
                    is_past(found.created_at.map(|at| at + day)),
                ));
            }
            all.push((
                "the drill is over",
                record.gone_at.is_some() || record.verdict.is_some() || record.deadline <= now,
            ));
        }
        None => {
            all.push(("its own deadline is past", is_past(deadline)));
            all.push((
                "it is older than a day",
                is_past(found.created_at.map(|at| at + day)),
            ));
        }
    }
    all
}

fn is_removed(
    stack: &StackId,
    family: Family,
    found: &RestoredDatabase,
    record: Option<&DrillRecord>,
    now: Timestamp,
) -> bool {
    decide_removal(stack, found, record, now).is_ok()
        && check_removal(stack, family, found, record, now).is_ok()
}

/// Spoils one thing of a database, of its record or of the time.
fn spoil(
    rng: &mut Rng,
    found: &mut RestoredDatabase,
    record: &mut DrillRecord,
    now: &mut Timestamp,
) {
    let other = |tags: &mut Tags, key: &str, value: &str| {
        tags.insert(key.to_owned(), value.to_owned());
    };
    match rng.below(18) {
        0 => other(&mut found.tags, DRILL, "other"),
        1 => other(&mut found.tags, RESTORED, "other"),
        2 => other(&mut found.tags, DRILL_OF, "db-OTHER"),
        3 => other(&mut found.tags, DRILL_ID, "20261122t050001z"),
        4 => other(&mut found.tags, DRILL_DEADLINE, "2026-12-24T00:00:00Z"),
        5 => other(&mut found.tags, DRILL_DEADLINE, "soon"),
        6 => drop(
            found
                .tags
                .remove([DRILL, RESTORED, DRILL_OF, DRILL_ID, DRILL_DEADLINE][rng.below(5)]),
        ),
        7 => found.name = "orders".to_owned(),
        8 => found.name.push_str("-1"),
        9 => found.name = found.name.replacen("sfd-", "sfd-x", 1),
        10 => found.name = found.name.replacen("sfd-", "prod-", 1),
        11 => found.resource_id = id("db-SOMEBODYS"),
        12 => found.status = "deleting".to_owned(),
        13 => found.created_at = [None, Some(*now)][rng.below(2)],
        14 => drop(record.restore.made.remove(&found.name)),
        15 => record.restore.name = "sfd-of-another-drill".to_owned(),
        16 => record.deadline += SignedDuration::from_hours(72),
        _ => *now = began() + rng.hours(0, 8),
    }
}

#[test]
fn both_rules_together_remove_exactly_what_every_condition_of_the_reference_allows() {
    let stack = rules().stack;
    let mut rng = Rng(7);
    let mut removed = 0;
    // For each condition, how often it alone forbade a removal: a rule that forgot it would have removed then.
    let mut alone: BTreeMap<&str, usize> = BTreeMap::new();
    let drills = [a_drill(false), a_drill(true)];
    for _ in 0..20_000 {
        let (mut record, all) = drills[rng.below(2)].clone();
        let (family, mut found) = all[rng.below(all.len())].clone();
        let mut now = began() + rng.hours(6, 40);
        for _ in 0..rng.below(3) {
            spoil(&mut rng, &mut found, &mut record, &mut now);
        }
        match rng.below(16) {
            0 | 1 => record.gone_at = Some(now),
            2 => record.verdict = Some(Verdict::Passed),
            _ => {}
        }
        let record = Some(&record).filter(|_| rng.below(3) > 0);
        let conditions = conditions(family, &found, record, now);
        let broken: Vec<&str> = conditions
            .iter()
            .filter(|(_, holds)| !holds)
            .map(|(name, _)| *name)
            .collect();
        let is = is_removed(&stack, family, &found, record, now);
        assert_eq!(
            is,
            broken.is_empty(),
            "{broken:?} {found:?} {record:?} {now}"
        );
        removed += usize::from(is);
        if let [only] = broken[..] {
            *alone.entry(only).or_default() += 1;
        }
    }
    assert!(removed > 500, "{removed}");
    // A bug planted in either rule by leaving a condition out is found by each of these.
    let expected = [
        "a deadline",
        "a member's name",
        "it is not being deleted",
        "it is older than a day",
        "its own deadline is past",
        "our drill tag",
        "our mark of restores",
        "the drill is over",
        "the drill's name",
        "the record's name",
        "the record's resource id",
    ];
    let found: Vec<&str> = alone.into_keys().collect();
    assert_eq!(found, expected);
}

#[test]
fn the_check_refuses_a_name_that_the_record_does_not_have() {
    let (mut record, all) = a_drill(false);
    let (family, found) = &all[0];
    let now = began() + SignedDuration::from_hours(7);
    let check =
        |record: &DrillRecord| check_removal(&rules().stack, *family, found, Some(record), now);
    assert_eq!(check(&record), Ok(()));
    record.restore.name = "sfd-of-another-drill".to_owned();
    assert_eq!(check(&record), Err(BrokenRule::Name));
}

#[test]
fn the_check_knows_by_itself_whether_a_drill_is_over() {
    let (mut record, all) = a_drill(true);
    let now = began() + SignedDuration::from_hours(1);
    for (family, found) in &all {
        let check =
            |record: &DrillRecord| check_removal(&rules().stack, *family, found, Some(record), now);
        assert_eq!(check(&record), Err(BrokenRule::NotOver));
        let decided = decide_removal(&rules().stack, found, Some(&record), now);
        assert_eq!(decided, Err(StayReason::LivesUntil(record.deadline)));
    }
    record.verdict = Some(Verdict::Passed);
    for (family, found) in &all {
        let check = check_removal(&rules().stack, *family, found, Some(&record), now);
        assert_eq!(check, Ok(()), "a drill removes its own when it is over");
    }
}

#[test]
fn a_drill_that_has_a_result_or_is_over_and_is_still_there_is_removed_at_once() {
    let (mut record, all) = a_drill(false);
    let now = began() + SignedDuration::from_mins(5);
    let decided = |record: &DrillRecord| {
        let (family, found) = &all[0];
        let checked = check_removal(&rules().stack, *family, found, Some(record), now);
        assert_eq!(checked, Ok(()));
        decide_removal(&rules().stack, found, Some(record), now)
    };
    record.verdict = Some(Verdict::Passed);
    assert_eq!(decided(&record), Ok(RemovalReason::Ended));
    record.gone_at = Some(began());
    assert_eq!(decided(&record), Ok(RemovalReason::LeftBehind));
}

#[test]
fn of_a_databases_drills_the_last_ones_are_kept_and_the_open_one_always() {
    let (record, _) = a_drill(false);
    let mut drills = Drills::default().with(record.clone());
    for day in 1..=20 {
        let at = began() + SignedDuration::from_hours(24 * day);
        let mut next = record.clone();
        next.id = DrillId::at(at);
        next.gone_at = Some(at);
        next.verdict = Some(Verdict::Passed);
        drills = drills.with(next);
    }
    assert_eq!(drills.0.len(), 12);
    assert_eq!(drills.open().unwrap().id, record.id);
    assert_eq!(
        drills.last(Level::Runs).unwrap().id,
        DrillId::at(began() + SignedDuration::from_hours(480))
    );
}

#[test]
fn a_drill_that_passed_at_a_lower_level_than_the_policy_asks_for_does_not_count() {
    let (mut record, _) = a_drill(false);
    record.verdict = Some(Verdict::Passed);
    record.gone_at = Some(began());
    let mut options = drill_options();
    let state = |options: &DrillOptions, record: &DrillRecord| {
        let drills = Drills::default().with(record.clone());
        DrillState::of(Some(options), &drills, began()).unwrap()
    };
    assert_eq!(state(&options, &record).as_str(), "passed");
    options.level = Level::Checked;
    assert_eq!(state(&options, &record).as_str(), "never");
    record.verdict = Some(Verdict::Failed(vec!["restore".to_owned()]));
    assert_eq!(state(&options, &record).as_str(), "failed");
}

#[test]
fn a_drill_whose_restore_was_never_asked_for_says_nothing_of_its_recovery_point() {
    let plan = usual_drill();
    let mut record = DrillRecord::new(&plan, "ops", None, began());
    let next = |record: &DrillRecord| {
        next_drill_step(Some(&plan), record, &Seen::default(), record.deadline)
    };
    let verdict = next(&record);
    assert!(
        matches!(verdict, DrillStep::Conclude(Verdict::Incomplete(_))),
        "{verdict:?}"
    );
    record.restore.note_sending("restore".to_owned(), began());
    let verdict = next(&record);
    assert!(
        matches!(verdict, DrillStep::Conclude(Verdict::Failed(_))),
        "{verdict:?}"
    );
}

#[test]
fn what_rds_has_just_made_and_does_not_show_yet_is_not_taken_for_gone() {
    let (mut record, _) = a_drill(false);
    record.restore.note_sending("restore".to_owned(), began());
    record.verdict = Some(Verdict::Failed(Vec::new()));
    let next = |record: &DrillRecord, minutes| {
        let now = began() + SignedDuration::from_mins(minutes);
        next_drill_step(None, record, &Seen::default(), now)
    };
    assert!(matches!(next(&record, 1), DrillStep::Wait(_)));
    assert_eq!(next(&record, 11), DrillStep::Gone);
    record.deleted_at = Some(began());
    assert_eq!(next(&record, 1), DrillStep::Gone);
}

/// Its tags alone prove nothing: a person can copy them to a database of their own under the same name.
#[test]
fn what_a_call_without_an_answer_made_is_found_by_its_tags_and_its_age() {
    let minutes = |count| began() + SignedDuration::from_mins(count);
    // Each: when it was made, as RDS says, when the drill looks, and whether it is the drill's own.
    let cases = [
        (Some(1), 1, true),
        (Some(10), 300, true),
        (Some(11), 11, false),
        (Some(20), 300, false),
        (Some(-6), 1, false),
        (None, 9, true),
        (None, 11, false),
    ];
    for (made, looks, is_own) in cases {
        for at in 0..3 {
            let (mut record, all) = a_drill(true);
            let (_, mut found) = all[at].clone();
            found.created_at = made.map(minutes);
            record.restore.made.remove(&found.name);
            for step in ["restore".to_owned(), format!("member:{}", found.name)] {
                record.restore.note_sending(step, began());
            }
            let seen = match at {
                0 => Seen {
                    database: Some(found.clone()),
                    ..Seen::default()
                },
                _ => Seen {
                    members: [(found.name.clone(), found.clone())].into(),
                    ..Seen::default()
                },
            };
            record.verdict = Some(Verdict::Failed(Vec::new()));
            let note = DrillStep::Note(found.name.clone(), found.resource_id.clone());
            let next = next_drill_step(None, &record, &seen, minutes(looks));
            assert_eq!(next == note, is_own, "{made:?} {looks} {at}: {next:?}");
            // The same while it runs.
            if at == 0 {
                record.verdict = None;
                let plan = cluster_drill();
                let next = next_drill_step(Some(&plan), &record, &seen, minutes(looks));
                assert_eq!(next == note, is_own, "{made:?} {looks}: {next:?}");
                let is_over = matches!(next, DrillStep::Conclude(Verdict::Failed(_)));
                assert_eq!(is_over, !is_own, "{made:?} {looks}: {next:?}");
            }
        }
    }
}

#[test]
fn no_tags_of_another_stack_are_ever_enough() {
    let (record, all) = a_drill(false);
    let (family, mut found) = all[0].clone();
    let other = StackId::parse("other").unwrap();
    let now = began() + SignedDuration::from_hours(100);
    let tags = drill_tags(&other, &record.of, &record.id, began(), &Tags::new());
    found.tags = tags;
    for record in [None, Some(&record)] {
        assert!(!is_removed(&rules().stack, family, &found, record, now));
        assert!(
            !is_removed(&other, family, &found, record, now),
            "its name is this stack's"
        );
    }
}
