//! Sets of policies: how they are applied, version by version, and how the planner follows them.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use snapferry::app::planner::{Outcome, Planned, When, plan};
use snapferry::app::policies::{self, ApplyError, apply};
use snapferry::domain::doctor::keys::{KeyFacts, KeyState, Manager};
use snapferry::domain::id::arn::KeyArn;
use snapferry::domain::id::names::OptionGroup;
use snapferry::domain::id::tags::TagKey;
use snapferry::domain::policy::choice::ExclusionReason;
use snapferry::domain::policy::retention::Retention;
use snapferry::domain::policy::set::{Applied, Note, Version};
use snapferry::domain::rds::database::Database;
use snapferry::json;
use snapferry::ports::ExecutionState;

use crate::planner::{listed, planning};
use crate::policy_file::example;
use crate::world::{Fixture, HOME, KEY, Name, OTHER_KEY, SOURCE, World, region, run, time};

pub(crate) fn applied(world: &World, text: &str) -> Applied {
    match run(apply(world, &region(HOME), text, None)).unwrap() {
        policies::Outcome::Stored { now, .. } => now,
        policies::Outcome::Unchanged(_) => panic!("it was to be another set"),
    }
}

fn one_policy(schedule: &str) -> String {
    // All of them begin at the due time.
    format!("[policy.default]\nschedule = \"{schedule}\"\nspread = \"0m\"\n")
}

#[test]
fn the_first_set_is_version_1_and_each_next_one_the_next() {
    let world = World::new();
    let note = Note::parse("CHG-1").unwrap();
    let first = run(apply(&world, &region(HOME), example(), Some(note.clone()))).unwrap();
    let policies::Outcome::Stored {
        now, before: None, ..
    } = first
    else {
        panic!("nothing was there before: {first:?}")
    };
    assert_eq!(now.text, example());
    assert_eq!(now.stamp.version, Version::FIRST);
    assert_eq!(now.stamp.at, time("2026-11-22T03:05:00Z"));
    assert_eq!(now.stamp.by, "arn:aws:iam::111122223333:user/ada");
    assert_eq!(now.stamp.note, Some(note));
    let second = applied(&world, &one_policy("0 3 * * *"));
    assert_eq!(second.stamp.version.number(), 2);
    assert_eq!(world.policies().len(), 2);
    assert_eq!(world.policies()[0], now, "what was stored stays");
}

#[test]
fn an_alias_is_resolved_to_its_key_and_both_are_kept() {
    let world = World::new();
    let set = applied(&world, example()).set;
    let gold = set
        .policies
        .iter()
        .find(|(name, _)| name.as_str() == "gold");
    let key = gold.unwrap().1.key.clone().unwrap();
    assert_eq!(key.arn.as_str(), OTHER_KEY);
    assert_eq!(key.alias.unwrap().as_str(), "alias/recovery");
    assert_eq!(world.calls_of("DescribeKey"), 1);
}

#[test]
fn every_alias_that_cannot_be_used_is_told_with_its_line_and_nothing_is_stored() {
    let world = World::new();
    let text = "[policy.a]\nschedule = \"0 3 * * *\"\nkms_key = \"alias/none\"\n\
                [policy.b]\nschedule = \"0 3 * * *\"\nkms_key = \"alias/off\"\n";
    let error = run(apply(&world, &region(HOME), text, None)).unwrap_err();
    let ApplyError::Faults(faults) = error else {
        panic!("{error:?}")
    };
    let told: Vec<String> = faults.iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].starts_with("3:11: kms_key: there is no alias/none"));
    assert!(told[1].starts_with("6:11: ") && told[1].contains("Disabled"));
    assert!(world.policies().is_empty());
}

/// A run keeps its key, so a wrong one parks every run until somebody stops them.
#[test]
fn every_key_that_cannot_be_used_is_told_with_its_line_also_if_the_file_names_its_arn() {
    let world = World::new();
    let key = |number: u8| {
        format!(
            "arn:aws:kms:eu-central-1:111122223333:key/{number}1111111-2222-3333-4444-555555555555"
        )
    };
    let usable = world.operator().keys[KEY].clone();
    let unusable = [
        KeyFacts {
            state: KeyState::Disabled,
            ..usable.clone()
        },
        KeyFacts {
            state: KeyState::PendingDeletion(None),
            ..usable.clone()
        },
        KeyFacts {
            symmetric: false,
            ..usable.clone()
        },
        KeyFacts {
            manager: Manager::Aws,
            ..usable
        },
    ];
    for (number, facts) in (2..).zip(unusable) {
        let arn = KeyArn::parse(&key(number)).unwrap();
        world
            .operator()
            .keys
            .insert(key(number), KeyFacts { arn, ..facts });
    }
    let policies = (2..=6).map(|number| {
        format!(
            "[policy.p{number}]\nschedule = \"0 3 * * *\"\nkms_key = \"{}\"\n",
            key(number)
        )
    });
    let text = policies.collect::<String>();
    let error = run(apply(&world, &region(HOME), &text, None)).unwrap_err();
    let ApplyError::Faults(faults) = error else {
        panic!("{error:?}")
    };
    let told: Vec<String> = faults.iter().map(ToString::to_string).collect();
    let expected = [
        ("3:11: ", "its state is Disabled"),
        ("6:11: ", "its state is PendingDeletion"),
        ("9:11: ", "it is not a symmetric encryption key"),
        ("12:11: ", "is managed by AWS"),
        ("15:11: ", "there is no arn:aws:kms"),
    ];
    assert_eq!(told.len(), expected.len(), "{told:?}");
    for (fault, (place, why)) in told.iter().zip(expected) {
        assert!(fault.starts_with(place) && fault.contains(why), "{fault}");
    }
    assert!(world.policies().is_empty());
}

#[test]
fn a_key_of_another_region_is_refused_by_its_arn_and_by_its_alias() {
    let world = World::new();
    let elsewhere = KEY.replace("eu-central-1", "eu-west-3");
    let facts = KeyFacts {
        arn: KeyArn::parse(&elsewhere).unwrap(),
        ..world.operator().keys[KEY].clone()
    };
    world.operator().keys.insert("alias/far".to_owned(), facts);
    for key in [elsewhere.as_str(), "alias/far"] {
        let text = format!("[policy.a]\nschedule = \"0 3 * * *\"\nkms_key = \"{key}\"\n");
        let error = run(apply(&world, &region(HOME), &text, None)).unwrap_err();
        let ApplyError::Faults(faults) = error else {
            panic!("{error:?}")
        };
        let told = faults[0].to_string();
        assert!(
            told.contains("eu-central-1") && told.starts_with("3:11: "),
            "{told}"
        );
    }
}

#[test]
fn what_says_what_holds_already_is_not_stored_again() {
    let world = World::new();
    applied(&world, example());
    let again = run(apply(&world, &region(HOME), example(), None)).unwrap();
    assert!(matches!(again, policies::Outcome::Unchanged(_)));
    // Another comment is another text.
    applied(&world, &format!("{}# reviewed\n", example()));
    assert_eq!(world.policies().len(), 2);
}

#[test]
fn an_apply_that_raced_another_is_told_and_overwrites_nothing() {
    let world = World::new();
    applied(&world, example());
    let text = one_policy("0 4 * * *");
    let other = world.clone();
    // Somebody else applies a set between the read and the write.
    world.meanwhile(Name::StorePolicies, move || {
        applied(&other, &one_policy("0 5 * * *"));
    });
    let error = run(apply(&world, &region(HOME), &text, None)).unwrap_err();
    assert!(matches!(error, ApplyError::Raced(version) if version.number() == 2));
    assert_eq!(world.policies().len(), 2);
    assert_eq!(world.policies()[1].text, one_policy("0 5 * * *"));
}

#[test]
fn a_set_that_cannot_be_read_any_more_can_be_replaced() {
    let world = World::new();
    applied(&world, example());
    world.break_once(Name::CurrentPolicies);
    let second = applied(&world, &one_policy("0 4 * * *"));
    assert_eq!(second.stamp.version.number(), 2);
}

#[test]
fn a_stored_set_reads_back_and_one_that_is_not_understood_is_refused() {
    let set = applied(&World::new(), example()).set;
    let text = json::policies::write(&set);
    // The item says beside the set that due times are made up for as its policies say.
    assert_eq!(
        json::policies::read(&text)
            .unwrap()
            .catching_up()
            .spreading(true),
        set
    );
    for (from, to, named) in [
        ("\"schema\":1", "\"schema\":2", "schema 2"),
        ("\"copy_slots\":10", "\"copy_slots\":0", "copy_slots"),
        (
            "\"untagged\":\"standard\"",
            "\"untagged\":\"none\"",
            "untagged",
        ),
        ("\"rpo\"", "\"rto\"", "stored set of policies"),
        (
            "\"source\":\"snapshot\"",
            "\"source\":\"by-hand\"",
            "source",
        ),
        ("0 3 * * *", "0 25 * * *", "schedule"),
    ] {
        let bent = text.replace(from, to);
        assert_ne!(bent, text, "{from}");
        let error = json::policies::read(&bent).unwrap_err().to_string();
        assert!(error.contains(named), "{error}");
    }
}

// ---- planning by a set

fn with(name: &str, tags: &[(&str, &str)]) -> Database {
    listed(name, tags)
}

fn tagged(name: &str, policy: &str) -> Database {
    listed(name, &[("snapferry:policy", policy)])
}

fn world_of(databases: impl IntoIterator<Item = Database>, text: &str) -> World {
    let world = World::new();
    world.rds().databases.extend(databases);
    applied(&world, text);
    world
}

fn planned(world: &World, when: When) -> BTreeMap<String, Planned> {
    let all = run(plan(world, &planning(&[]), when)).unwrap();
    all.into_iter()
        .map(|planned| (planned.policy.to_string(), planned))
        .collect()
}

fn dues(world: &World) -> BTreeMap<String, Option<String>> {
    planned(world, When::Due)
        .into_iter()
        .map(|(policy, planned)| (policy, planned.due.map(|due| due.to_string())))
        .collect()
}

/// Lets all executions succeed and lose their claims.
fn all_done(world: &World) {
    world.end_executions(ExecutionState::Succeeded);
    world.end_all_runs();
}

const TWO: &str = "untagged = \"slow\"\n[policy.slow]\nschedule = \"0 3 * * *\"\nspread = \"0m\"\n\
                   [policy.fast]\nschedule = \"0 * * * *\"\nspread = \"0m\"\n";

#[test]
fn each_database_is_planned_by_the_policy_that_its_tag_names() {
    let world = world_of(
        [
            tagged("a", "fast"),
            tagged("b", "slow"),
            with("c", &[]),
            tagged("d", "gold"),
            with(
                "e",
                &[("snapferry:policy", "fast"), ("snapferry:exclude", "yes")],
            ),
        ],
        TWO,
    );
    let planned = planned(&world, When::Due);
    let of = |policy: &str| -> Vec<String> {
        let rows = planned[policy].rows.iter();
        rows.filter(|row| matches!(row.outcome, Outcome::Started(_)))
            .map(|row| row.database.name().to_owned())
            .collect()
    };
    assert_eq!(of("fast"), ["a"]);
    assert_eq!(of("slow"), ["b", "c"]);
    // Left-out databases are reported once, and not for each policy.
    let left_out: Vec<&Outcome> = planned
        .values()
        .flat_map(|planned| &planned.rows)
        .map(|row| &row.outcome)
        .filter(|outcome| matches!(outcome, Outcome::Excluded(_)))
        .collect();
    assert_eq!(
        left_out,
        [
            &Outcome::Excluded(ExclusionReason::UnknownPolicy("gold".to_owned())),
            &Outcome::Excluded(ExclusionReason::Excluded)
        ]
    );
}

#[test]
fn several_source_regions_feed_the_one_recovery_region() {
    let world = world_of([tagged("a", "fast")], TWO);
    let mut far = tagged("far", "fast");
    let arn = far.arn.to_string().replace(SOURCE, "us-east-1");
    far.arn = snapferry::domain::id::arn::RdsArn::parse(&arn).unwrap();
    world.rds().databases.push(far);
    let regions = format!("{SOURCE},us-east-1");
    let planning = planning(&[("SNAPFERRY_SOURCE_REGIONS", &regions)]);
    let planned = run(plan(&world, &planning, When::Due)).unwrap();
    assert_eq!(planned.len(), 4, "two policies in two regions");
    assert_eq!(world.executions().len(), 2);
}

#[test]
fn the_built_in_policy_never_stands_in_for_a_set_that_cannot_be_read() {
    let world = world_of([tagged("a", "default")], TWO);
    world.break_once(Name::CurrentPolicies);
    run(plan(&world, &planning(&[]), When::Due)).unwrap_err();
    assert!(world.executions().is_empty());
    assert_eq!(world.calls_of("DescribeDBInstances"), 0);
}

#[test]
fn a_run_has_its_policys_key_or_the_stacks_and_the_options_of_the_policy() {
    let text = "copy_slots = 3\n[policy.own]\nschedule = \"0 3 * * *\"\nkms_key = \"alias/recovery\"\nspread = \"0m\"\n\
                carry_tags = [\"Team\", \"Cost\"]\n[policy.own.option_groups]\noracle-tde = \"recovery-tde\"\n\
                [policy.plain]\nschedule = \"0 3 * * *\"\nspread = \"0m\"\ncopy_slots = 2\n";
    let mut own = with(
        "own",
        &[
            ("snapferry:policy", "own"),
            ("Team", "blue"),
            ("Other", "x"),
        ],
    );
    own.option_group = Some(OptionGroup::parse("oracle-tde").unwrap());
    let mut plain = with("plain", &[("snapferry:policy", "plain"), ("Team", "red")]);
    plain.option_group = own.option_group.clone();
    let world = world_of([own, plain], text);
    planned(&world, When::Due);
    let runs = world.runs();
    let run_of = |name: &str| runs.iter().find(|run| run.database.arn.name() == name);
    let own = run_of("own").unwrap();
    assert_eq!(own.key.as_str(), OTHER_KEY);
    let team = (TagKey::parse("Team").unwrap(), "blue".to_owned());
    assert_eq!(own.options.tags, BTreeMap::from([team]));
    assert_eq!(
        own.options.option_group.as_ref().unwrap().as_str(),
        "recovery-tde"
    );
    let plain = run_of("plain").unwrap();
    assert_eq!(plain.key.as_str(), KEY);
    assert!(plain.options.tags.is_empty() && plain.options.option_group.is_none());
    // These slots count over all policies.
    for run in runs.iter() {
        assert_eq!(run.options.copy_slots, Some(3));
    }
    // These slots count only for their policy.
    assert_eq!(
        (own.options.policy_slots, plain.options.policy_slots),
        (None, Some(2))
    );
}

#[test]
fn each_policys_last_due_time_is_planned_once_after_an_outage_too() {
    let world = world_of([tagged("a", "fast"), tagged("b", "slow")], TWO);
    let both = |fast: Option<&str>, slow: Option<&str>| {
        BTreeMap::from([
            ("fast".to_owned(), fast.map(ToOwned::to_owned)),
            ("slow".to_owned(), slow.map(ToOwned::to_owned)),
        ])
    };
    let three = Some("2026-11-22T03:00:00Z");
    assert_eq!(dues(&world), both(three, three), "the first run of all");
    assert_eq!(dues(&world), both(None, None));
    all_done(&world);
    world.pass(SignedDuration::from_hours(1));
    assert_eq!(dues(&world), both(Some("2026-11-22T04:00:00Z"), None));
    all_done(&world);
    // Three days without a planner: one due time of each, and no name of a time that nobody planned.
    world.pass(SignedDuration::from_hours(72));
    let (fast, slow) = (Some("2026-11-25T04:00:00Z"), Some("2026-11-25T03:00:00Z"));
    assert_eq!(dues(&world), both(fast, slow));
    assert_eq!(dues(&world), both(None, None));
    assert_eq!(world.executions().len(), 5);
}

#[test]
fn a_new_version_is_planned_for_no_time_before_one_that_was_planned() {
    let world = world_of([tagged("a", "default")], &one_policy("0 3 * * *"));
    let due = |world: &World| dues(world)["default"].clone();
    assert_eq!(due(&world).as_deref(), Some("2026-11-22T03:00:00Z"));
    all_done(&world);
    // Its last due time lies before the one that was planned.
    applied(&world, &one_policy("0 2 * * *"));
    assert_eq!(due(&world), None);
    // This one's lies after it, and is due at once.
    applied(&world, &one_policy("4 3 * * *"));
    assert_eq!(due(&world).as_deref(), Some("2026-11-22T03:04:00Z"));
    all_done(&world);
    // Another zone is another time: 3:00 in Kathmandu was hours ago.
    let text = "[policy.default]\nschedule = \"0 3 * * *\"\ntime_zone = \"Asia/Kathmandu\"\nspread = \"0m\"\n";
    applied(&world, text);
    assert_eq!(due(&world), None);
    world.pass(SignedDuration::from_hours(24));
    assert_eq!(due(&world).as_deref(), Some("2026-11-22T21:15:00Z"));
}

#[test]
fn a_policy_that_comes_later_begins_with_its_last_due_time() {
    let world = world_of(
        [tagged("a", "slow"), tagged("b", "fast")],
        &one_policy("0 3 * * *"),
    );
    assert!(planned(&world, When::Due)["default"].is_complete());
    assert!(world.executions().is_empty(), "nobody has that policy");
    applied(&world, TWO);
    let dues = dues(&world);
    assert_eq!(dues["slow"].as_deref(), Some("2026-11-22T03:00:00Z"));
    assert_eq!(world.executions().len(), 2);
}

#[test]
fn a_database_that_changes_its_policy_gets_a_run_of_the_new_one() {
    let world = world_of([tagged("a", "slow")], TWO);
    planned(&world, When::Due);
    all_done(&world);
    world.rds().databases[0] = tagged("a", "fast");
    world.pass(SignedDuration::from_hours(1));
    let planned = planned(&world, When::Due);
    assert!(matches!(
        planned["fast"].rows[0].outcome,
        Outcome::Started(_)
    ));
}

fn retention_of(set: &str) -> Retention {
    let set = json::policies::read(set).unwrap();
    let (_, spec) = set.policies.into_iter().next().unwrap();
    spec.options.retention
}

#[test]
fn the_retention_of_a_set_that_an_earlier_version_applied_is_shown_and_not_carried_out() {
    let earlier = r#"{"policies":{"gold":{"retention":"35d","schedule":"0 3 * * *","source":"snapshot","time_zone":"UTC"}},"schema":1}"#;
    let retention = retention_of(earlier);
    assert_eq!(retention.rules().to_string(), "keep_within = 35d");
    assert!(retention.shown_only);
    // Written again it is no other set.
    assert_eq!(
        json::policies::write(&json::policies::read(earlier).unwrap()),
        earlier
    );
    // A policy without a rule has nothing that could be carried out.
    assert!(!retention_of(&earlier.replace(r#""retention":"35d","#, "")).shown_only);
}

#[test]
fn a_set_that_is_applied_again_counts_from_then_on() {
    let world = World::new();
    let text = "[policy.default]\nschedule = \"0 3 * * *\"\nretention = \"35d\"\n";
    let now = applied(&world, text);
    let stored = json::policies::write(&now.set);
    assert!(stored.contains(r#""retention_counts":true"#), "{stored}");
    assert!(!retention_of(&stored).shown_only);
    assert_eq!(
        json::policies::read(&stored)
            .unwrap()
            .catching_up()
            .spreading(true),
        now.set
    );
    // The same words as an earlier version stored them are another set: applying them is what a person decides.
    let mut earlier = now.set.clone();
    for spec in earlier.policies.values_mut() {
        spec.options.retention.shown_only = true;
    }
    assert_ne!(earlier, now.set);
}

#[test]
fn a_set_without_retention_is_stored_as_before() {
    let world = World::new();
    let now = applied(&world, "[policy.default]\nschedule = \"0 3 * * *\"\n");
    assert_eq!(
        json::policies::write(&now.set),
        r#"{"policies":{"default":{"schedule":"0 3 * * *","source":"snapshot","time_zone":"UTC"}},"schema":1}"#
    );
}

#[test]
fn a_stored_rule_that_this_version_does_not_know_is_refused() {
    for (rule, why) in [
        (r#""keep_dayly":7"#, "keep_dayly"),
        (r#""keep_daily":0"#, "keep_daily"),
        (r#""keep_daily":"every""#, "keep_daily"),
        (r#""keep_within":"35 days""#, "keep_within"),
        (r#""source_retention":{"keep_lost":1}"#, "keep_lost"),
    ] {
        let set = format!(
            r#"{{"schema":1,"retention_counts":true,"policies":{{"gold":{{"schedule":"0 3 * * *","time_zone":"UTC","source":"snapshot",{rule}}}}}}}"#
        );
        let error = json::policies::read(&set).unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
    }
}

#[test]
fn a_set_that_an_earlier_version_applied_is_not_spread_until_it_is_applied_again() {
    let world = World::new();
    let text = "[policy.default]\nschedule = \"0 3 * * *\"\nspread = \"10m\"\n";
    let now = applied(&world, text);
    let stored = json::policies::write(&now.set);
    let read = |spreads| {
        let set = json::policies::read(&stored).unwrap().spreading(spreads);
        let spec = set.policies.values().next().unwrap();
        spec.options.spread.map(|spread| spread.to_string())
    };
    assert_eq!(read(true).as_deref(), Some("10m"));
    assert_eq!(read(false), None, "that version only kept the line");
    assert!(now.set.spreads() && !now.set.clone().spreading(false).spreads());
}
