//! Policy files: all faults are reported at once with their places, and a written file reads back.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;

use proptest::prelude::*;
use serde_json::{Value, json};
use snapferry::domain::drill::options::{DrillOptions, Level, Sample};
use snapferry::domain::id::arn::{KeyAlias, KeyArn};
use snapferry::domain::id::names::OptionGroup;
use snapferry::domain::id::tags::{PolicyName, TagKey};
use snapferry::domain::policy::file::{Fault, read, write};
use snapferry::domain::policy::keep_span::KeepSpan;
use snapferry::domain::policy::retention::{Retention, WhenGone};
use snapferry::domain::policy::rules::{RULE_NAMES, RuleKind, Rules};
use snapferry::domain::policy::schedule::Schedule;
use snapferry::domain::policy::set::PolicySet;
use snapferry::domain::policy::span::Span;
use snapferry::domain::policy::spec::{KeyName, PolicyOptions, PolicySpec, Source};
use snapferry::domain::policy::spread::Spread;
use snapferry::domain::restore::mapping::RestoreMapping;
use snapferry::domain::restore::taken::NameKind;

use crate::world::{HOME, KEY, SOURCE, region};

fn faults(text: &str) -> Vec<Fault> {
    match read(text, Some(&region(HOME))) {
        Ok(file) => panic!("no fault was found: {:?}", file.set),
        Err(faults) => faults,
    }
}

/// The faults of a file, as `line:column` and a part of the sentence each.
fn assert_faults(text: &str, expected: &[(&str, &str)]) {
    let found: Vec<(String, String)> = faults(text)
        .into_iter()
        .map(|fault| (fault.at.to_string(), fault.what))
        .collect();
    let places: Vec<&str> = found.iter().map(|(at, _)| &**at).collect();
    let expected_places: Vec<&str> = expected.iter().map(|(at, _)| *at).collect();
    assert_eq!(places, expected_places, "{text}\n{found:#?}");
    for ((_, what), (_, part)) in found.iter().zip(expected) {
        assert!(what.contains(part), "{what:?} does not say {part:?}");
    }
}

fn policy(name: &str) -> PolicyName {
    PolicyName::parse(name).unwrap()
}

/// The example that the documentation prints.
pub(crate) fn example() -> &'static str {
    let page = include_str!("../../docs/POLICIES.md");
    let (_, rest) = page.split_once("```toml\n").unwrap();
    rest.split_once("```").unwrap().0
}

#[test]
fn the_documents_example_says_what_its_comments_say() {
    let file = read(example(), Some(&region(HOME))).unwrap();
    let PolicySet {
        untagged,
        copy_slots,
        cluster_copy_slots,
        policies,
    } = file.set;
    assert_eq!((untagged, copy_slots), (Some(policy("standard")), Some(10)));
    assert_eq!(cluster_copy_slots, Some(4));
    let names: Vec<&str> = policies.keys().map(PolicyName::as_str).collect();
    assert_eq!(names, ["gold", "standard"]);
    let gold = &policies[&policy("gold")];
    assert_eq!(gold.schedule.pattern(), "0 */6 * * MON-FRI");
    assert_eq!(gold.schedule.zone(), "America/New_York");
    let rules = gold.options.retention.rules().into_owned();
    assert_eq!(
        rules.to_string(),
        "keep_daily = 7, keep_weekly = 5, keep_monthly = 12"
    );
    assert_eq!(gold.options.retention.min_keep(), 2);
    let source = gold.options.retention.source_retention.as_ref();
    assert_eq!(source.unwrap().to_string(), "keep_last = 2");
    let gone = gold.options.retention.when_gone.as_ref().unwrap();
    assert_eq!(
        (gone.after.to_string(), gone.keep.to_string()),
        ("90d".to_owned(), "keep_last = 1".to_owned())
    );
    assert_eq!(gold.options.retention.also, [policy("platinum")]);
    assert_eq!(gold.options.rpo.unwrap().duration().as_hours(), 8);
    let alias = KeyAlias::parse("alias/recovery").unwrap();
    assert_eq!(gold.key, Some(KeyName::Alias(alias)));
    assert_eq!(gold.options.carry_tags.len(), 2);
    assert_eq!(gold.options.option_groups.len(), 2);
    assert_eq!(gold.options.copy_slots, Some(4));
    assert_eq!(gold.options.cluster_copy_slots, Some(2));
    let standard = &policies[&policy("standard")];
    assert!(standard.key.is_none() && standard.options.carry_tags.is_empty());
    assert_eq!(standard.options.copy_slots, None);
    let rules = standard.options.retention.rules().into_owned();
    assert_eq!(rules.to_string(), "keep_within = 35d");
    // The place of the key is what an alias that cannot be resolved is reported at.
    let line = file.keys_at[&policy("gold")].line;
    assert_eq!(
        example().lines().nth(line - 1).unwrap(),
        "kms_key = \"alias/recovery\""
    );
}

#[test]
fn all_faults_are_told_at_once_each_with_its_place() {
    let text = r#"untagged = "bronce"
copy_slots = 21
retension = "35d"

[policy.gold]
schedul = "0 3 * * *"
timezone = "Europe/Paris"

[policy.bronze]
schedule = "0 25 * * *"
time_zone = "Europe/Pariss"
source = "automatic"
retention = "35 days"
rpo = 24
kms_key = "alias/with space"
carry_tags = ["Team", "aws:cost", "Team", 7]

[policy.bronze.option_groups]
"Ends-" = "recovery"
ok = "Recovery"
"#;
    assert_faults(
        text,
        &[
            ("1:12", "no policy \"bronce\"; did you mean bronze?"),
            ("2:14", "from 1 to 20"),
            ("3:1", "retention belongs under a [policy.NAME]"),
            ("5:9", "policy \"gold\" has no schedule"),
            ("6:1", "did you mean schedule?"),
            ("7:1", "did you mean time_zone?"),
            ("10:12", "not a cron pattern of five fields"),
            ("11:13", "did you mean Europe/Paris?"),
            ("12:10", "\"snapshot\" or \"automated\""),
            ("13:13", "35d, 24h, 90m, 2w or 1y6mo"),
            ("14:7", "a text in quotes is expected; this is a number"),
            ("15:11", "alias/NAME"),
            ("16:23", "the key of a tag of yours"),
            ("16:35", "\"Team\" stands here twice"),
            ("16:43", "a text in quotes is expected"),
            ("19:1", "the name of an option group"),
            ("20:6", "the name of an option group"),
        ],
    );
}

#[test]
fn a_fault_of_syntax_hides_no_fault_behind_it() {
    let text = "[policy.a]\nschedule = \"0 3 * *\nrpo = 1d\n[policy.b]\nschedule = \"at dawn\"\n[policy.b\n";
    let found = faults(text);
    let lines: BTreeSet<usize> = found.iter().map(|fault| fault.at.line).collect();
    assert_eq!(lines, BTreeSet::from([2, 3, 5, 6]), "{found:#?}");
    // What was read of a broken line is a guess, and a field that seems to be missing may be on it.
    let of_line_2: Vec<&Fault> = found.iter().filter(|fault| fault.at.line == 2).collect();
    assert_eq!(of_line_2.len(), 1, "{found:#?}");
    assert!(of_line_2[0].what.contains("not TOML"), "{found:#?}");
}

#[test]
fn a_policy_and_a_key_can_be_given_once() {
    let text = "[policy.a]\nschedule = \"0 3 * * *\"\nschedule = \"0 4 * * *\"\n\n[policy.a]\nrpo = \"1d\"\n";
    assert_faults(
        text,
        &[
            ("3:1", "stands in the file before"),
            ("5:9", "stands in the file before"),
        ],
    );
}

#[test]
fn a_file_without_a_policy_says_how_one_is_written() {
    for text in ["", "# nothing yet\n", "copy_slots = 3\n"] {
        assert_faults(text, &[("1:1", "write at least one table [policy.NAME]")]);
    }
    assert_faults("[policy]\n", &[("1:1", "at least one table")]);
    assert_faults("policy = 3\n", &[("1:10", "policies are tables")]);
    assert_faults(
        "[[policy]]\nname = \"a\"\n",
        &[("1:1", "policies are tables")],
    );
    assert_faults("policy.gold = true\n", &[("1:15", "[policy.gold]")]);
    assert_faults(
        "[policy.\"no spaces\"]\nschedule = \"0 3 * * *\"\n",
        &[("1:9", "a policy name of 1 to 64 letters")],
    );
}

#[test]
fn slots_are_within_what_rds_allows() {
    let with = |slots: &str| {
        format!("copy_slots = 20\n[policy.a]\nschedule = \"0 3 * * *\"\ncopy_slots = {slots}\n")
    };
    let set = read(&with("1"), None).unwrap().set;
    assert_eq!(set.copy_slots, Some(20));
    assert_eq!(set.policies[&policy("a")].options.copy_slots, Some(1));
    for slots in ["0", "21", "-1", "2.0", "\"3\"", "99999999999999999999999"] {
        assert_faults(&with(slots), &[("4:14", "from 1 to 20")]);
    }
}

#[test]
fn a_schedule_in_eventbridges_form_is_told_in_ours() {
    let fault = |pattern: &str| Schedule::parse(pattern, "UTC").unwrap_err().to_string();
    for (pattern, hint) in [
        ("rate(6 hours)", "as 0 */6 * * *"),
        ("cron(0 3 * * ? *)", "as 0 3 * * *"),
        (
            "0 3 * * ? *",
            "leave EventBridge's sixth field, the year, out",
        ),
    ] {
        assert!(fault(pattern).contains(hint), "{}", fault(pattern));
    }
    assert!(fault("0 99 * * *").ends_with("weekday)"));
    for ours in ["0 */6 * * *", "0 3 * * *"] {
        Schedule::parse(ours, "UTC").unwrap();
    }
}

#[test]
fn a_schedule_that_never_comes_due_is_a_fault() {
    assert_faults(
        "[policy.a]\nschedule = \"0 3 30 2 *\"\n",
        &[("2:12", "never comes due")],
    );
}

#[test]
fn a_key_must_live_in_the_recovery_region() {
    for key in [
        KEY.replace(HOME, SOURCE),
        format!("arn:aws:kms:{SOURCE}:111122223333:alias/recovery"),
    ] {
        let text = format!("[policy.a]\nschedule = \"0 3 * * *\"\nkms_key = \"{key}\"\n");
        assert_faults(&text, &[("3:11", "this key lives in eu-west-1")]);
        // Without the recovery region, the key's region is not checked.
        assert!(read(&text, None).is_ok());
    }
    for key in ["recovery", "11111111-2222-3333-4444-555555555555", "alias/"] {
        let text = format!("[policy.a]\nschedule = \"0 3 * * *\"\nkms_key = \"{key}\"\n");
        assert_faults(&text, &[("3:11", "a KMS key: alias/NAME")]);
    }
}

#[test]
fn no_more_tags_are_carried_than_fit_beside_ours() {
    let list = |n: usize| {
        let keys: Vec<String> = (0..n).map(|n| format!("\"T{n}\"")).collect();
        format!(
            "[policy.a]\nschedule = \"0 3 * * *\"\ncarry_tags = [{}]\n",
            keys.join(", ")
        )
    };
    assert!(read(&list(43), None).is_ok());
    assert_faults(&list(44), &[("3:14", "44 tags, and no more than 43")]);
    for reserved in ["aws:x", "AWS:x", "rds:x", "snapferry:policy", "Snapferry:x"] {
        assert!(TagKey::parse(reserved).is_err(), "{reserved}");
    }
}

#[test]
fn a_file_that_is_too_long_to_be_stored_is_refused() {
    let text = format!("# {}\n{}", "x".repeat(100_000), example());
    assert_faults(&text, &[("1:1", "longer than 100000 bytes")]);
}

#[test]
fn lengths_of_time_are_read_as_people_write_them() {
    for (text, minutes, shown) in [
        ("35d", 35 * 1_440, "35d"),
        ("2w", 14 * 1_440, "14d"),
        ("24h", 1_440, "1d"),
        ("25h", 1_500, "25h"),
        ("90m", 90, "90m"),
        ("3650d", 3_650 * 1_440, "3650d"),
    ] {
        let span = Span::parse(text).unwrap();
        assert_eq!(span.duration().as_mins(), minutes, "{text}");
        assert_eq!(span.to_string(), shown);
    }
    for text in [
        "",
        "d",
        "0d",
        "-1d",
        "+1d",
        "1.5h",
        "1 d",
        "35",
        "35D",
        "1s",
        "1h30m",
        "3651d",
        "٣d",
        "99999999999999999999d",
    ] {
        assert!(Span::parse(text).is_err(), "{text}");
    }
}

#[test]
fn lengths_of_retention_may_have_months_and_years() {
    for text in [
        "35d",
        "2w",
        "24h",
        "90m",
        "1y2mo3d4h",
        "100y",
        "1y1w1m",
        "400d",
    ] {
        assert_eq!(KeepSpan::parse(text).unwrap().to_string(), text);
    }
    for text in [
        "",
        "d",
        "0d",
        "-1d",
        "+1d",
        "1.5h",
        "1 d",
        "35",
        "35D",
        "1s",
        "1d1y",
        "35days",
        "P1D",
        "1d ago",
        "101y",
        "٣d",
        "99999999999999999999d",
        "1h1h",
    ] {
        assert!(KeepSpan::parse(text).is_err(), "{text}");
    }
}

#[test]
fn rules_that_say_nothing_or_say_it_twice_are_faults() {
    let text = r#"[policy.a]
schedule = "0 3 * * *"
retention = "35d"
keep_daily = 7
keep_weekly = 0
keep_monthly = "every"
keep_within_dayly = "7d"
min_keep = 0

[policy.a.source_retention]

[policy.a.when_gone]
keep_lost = 1

[policy.b]
schedule = "0 3 * * *"
min_keep = 2
also = ["a", "old", "old"]
source_retention = "1d"

[policy.c]
schedule = "0 3 * * *"
keep_yearly = "all"
also = ["old"]
when_gone = { after = "90 days", keep_last = 1 }
"#;
    assert_faults(
        text,
        &[
            ("3:13", "keep_daily stands beside it"),
            ("5:15", "keep_weekly: a whole number from 1"),
            ("6:16", "keep_monthly: a whole number from 1, or \"all\""),
            ("7:1", "did you mean keep_within_daily?"),
            ("8:12", "min_keep: a whole number from 1"),
            ("10:1", "source_retention has no rule"),
            ("12:1", "when_gone has no rule"),
            ("12:1", "after = \"90d\""),
            ("13:1", "did you mean keep_last?"),
            ("17:12", "this policy has no rule"),
            ("18:9", "this file has a policy \"a\""),
            ("18:21", "\"old\" stands here twice"),
            ("19:20", "[policy.NAME.source_retention]"),
            ("24:9", "policy \"b\" takes over \"old\" already"),
            ("25:23", "35d, 24h, 90m, 2w or 1y6mo"),
        ],
    );
}

#[test]
fn a_text_as_deep_as_it_is_long_is_refused_and_breaks_nothing() {
    for deep in [
        format!("a = {}", "[".repeat(99_000)),
        format!("a = {}", "{a=".repeat(33_000)),
        format!("[policy{}]\n", ".a".repeat(49_000)),
        format!("policy{} = 1\n", ".a".repeat(49_000)),
        "[[a]]\n[a.a]\n".repeat(7_000),
    ] {
        says_what_is_wrong(&deep);
    }
}

fn some_rules() -> impl Strategy<Value = Rules> {
    let count = prop_oneof![3 => (1_u32..99).prop_map(|n| json!(n)), 1 => Just(json!("all"))];
    let span = "[1-9][0-9]?(y|mo|w|d|h|m)".prop_map(Value::String);
    let rule = (prop::sample::select(RULE_NAMES.to_vec()), count, span).prop_map(
        |((name, kind), count, span)| match kind {
            RuleKind::Count(_) => (name.to_owned(), count),
            RuleKind::Within | RuleKind::WithinEach(_) => (name.to_owned(), span),
        },
    );
    prop::collection::vec(rule, 1..5).prop_map(|rules| {
        serde_json::from_value(Value::Object(rules.into_iter().collect())).unwrap()
    })
}

/// The short form, or rules, or neither.
fn a_retention() -> impl Strategy<Value = Retention> {
    let short = "[1-9][0-9]?(mo|w|d|h|m)".prop_map(|text| KeepSpan::parse(&text).unwrap());
    let keep = prop_oneof![
        Just((None, Rules::default())),
        short
            .clone()
            .prop_map(|short| (Some(short), Rules::default())),
        some_rules().prop_map(|rules| (None, rules)),
    ];
    let gone = (short, some_rules()).prop_map(|(after, keep)| WhenGone { after, keep });
    (
        keep,
        prop::option::of(1_u32..9),
        prop::option::of(some_rules()),
        prop::option::of(gone),
    )
        .prop_map(|((short, keep), min_keep, source_retention, when_gone)| {
            let has_rule = short.is_some() || !keep.is_empty();
            Retention {
                short,
                keep,
                min_keep: min_keep.filter(|_| has_rule).and_then(NonZeroU32::new),
                // Another policy of the set may have any name: what is taken over has its own tests.
                also: Vec::new(),
                source_retention,
                when_gone,
                shown_only: false,
                source_shown_only: false,
            }
        })
}

fn a_spec() -> impl Strategy<Value = PolicySpec<KeyName>> {
    let patterns = vec!["0 3 * * *", "*/15 * * * *", "0 0 1 * MON#1", "30 2 29 2 *"];
    let zones = vec!["UTC", "Europe/Paris", "America/New_York", "Asia/Kathmandu"];
    let keys = vec![
        KEY.to_owned(),
        "alias/recovery".to_owned(),
        format!("arn:aws:kms:{HOME}:111122223333:alias/a/b_c-1"),
    ];
    let spans = prop::option::of((1_u32..2_000, prop::sample::select(vec!['d', 'h', 'm'])));
    let group = "(default:)?[a-z][a-z0-9]{0,8}(-[a-z0-9]{1,4})?";
    (
        prop::sample::select(patterns),
        prop::sample::select(zones),
        (a_retention(), spans),
        prop::option::of(prop::sample::select(keys)),
        prop::collection::btree_set("[A-Za-zÄ][A-Za-z0-9 _.:/=+@-]{0,9}", 0..5),
        prop::collection::btree_map(group, group, 0..4),
        (
            prop::option::of(1_usize..=20),
            prop::option::of(1_usize..=20),
            any::<bool>(),
        ),
    )
        .prop_map(
            |(pattern, zone, (retention, rpo), key, tags, groups, rest)| {
                let (copy_slots, cluster_copy_slots, paused) = rest;
                let span = |(number, unit)| Span::parse(&format!("{number}{unit}")).unwrap();
                let schedule = Schedule::parse(pattern, zone).unwrap();
                let shortest = schedule.shortest_gap("2025-01-01T00:00:00Z".parse().unwrap());
                PolicySpec {
                    schedule,
                    key: key.map(|key| KeyName::parse(&key).unwrap()),
                    options: PolicyOptions {
                        source: Source::Snapshot,
                        retention,
                        rpo: rpo.map(span),
                        carry_tags: tags
                            .iter()
                            .filter_map(|key| TagKey::parse(key).ok())
                            .collect(),
                        option_groups: groups
                            .iter()
                            .map(|(from, to)| {
                                (
                                    OptionGroup::parse(from).unwrap(),
                                    OptionGroup::parse(to).unwrap(),
                                )
                            })
                            .collect(),
                        copy_slots,
                        cluster_copy_slots,
                        catch_up: Some(Span::CATCH_UP),
                        spread: Some(
                            rpo.and_then(|rpo| Spread::parse(&span(rpo).to_string()).ok())
                                .filter(|spread| spread.duration() <= shortest)
                                .unwrap_or(Spread::USUAL),
                        ),
                        paused,
                        restore: RestoreMapping {
                            publicly_accessible: paused,
                            parameter_groups: groups.clone().into_iter().collect(),
                            ..RestoreMapping::default()
                        },
                        drill: rpo.map(|every| DrillOptions {
                            every: span(every),
                            sample: copy_slots
                                .and_then(|number| Sample::oldest(number as u64))
                                .unwrap_or_default(),
                            level: Level::Checked,
                            check: Some("orders-check".to_owned()),
                            subnet_group: "drills".to_owned(),
                            security_groups: vec!["sg-1".to_owned(), "sg-2".to_owned()],
                            deadline: Span::DRILL_DEADLINE,
                            cost_ceiling: copy_slots.map(|number| number as u32),
                            rto: rpo.map(span),
                            allow_jobs: paused,
                            parameter_groups: groups.clone().into_iter().collect(),
                        }),
                    },
                }
            },
        )
}

prop_compose! {
    fn a_set()(
        specs in prop::collection::btree_map("[A-Za-z0-9._-]{1,12}", a_spec(), 1..4),
        has_untagged in any::<bool>(),
        (copy_slots, cluster_copy_slots) in (prop::option::of(1_usize..=20), prop::option::of(1_usize..=20)),
    ) -> PolicySet<KeyName> {
        let policies: BTreeMap<PolicyName, _> = specs.into_iter().map(|(name, spec)| (policy(&name), spec)).collect();
        let untagged = policies.keys().next().cloned().filter(|_| has_untagged);
        PolicySet { untagged, copy_slots, cluster_copy_slots, policies }
    }
}

/// A place that an editor can go to.
fn is_in(text: &str, fault: &Fault) -> bool {
    let lines: Vec<&str> = text.split('\n').collect();
    let line = lines.get(fault.at.line.wrapping_sub(1));
    line.is_some_and(|line| (1..=line.chars().count() + 1).contains(&fault.at.column))
}

fn says_what_is_wrong(text: &str) {
    match read(text, Some(&region(HOME))) {
        Ok(file) => assert_eq!(
            read(&write(&file.set).unwrap(), None).unwrap().set,
            file.set
        ),
        Err(faults) => {
            assert!(!faults.is_empty());
            for fault in faults {
                assert!(is_in(text, &fault), "{fault} is not within {text:?}");
                assert!(!fault.what.trim().is_empty());
            }
        }
    }
}

/// A piece of a file, of another, or of nothing at all.
fn a_piece() -> impl Strategy<Value = String> {
    let line = prop::sample::select(example().lines().collect::<Vec<_>>());
    prop_oneof![
        4 => line.clone().prop_map(ToOwned::to_owned),
        2 => (line, 0_usize..60).prop_map(|(line, cut)| line.chars().take(cut).collect()),
        1 => prop::sample::select(vec!["[", "]", "\"", "'''", "=", "policy", "[[policy]]", "{", "\r", "\u{feff}", ".", "0x"]).prop_map(ToOwned::to_owned),
        1 => "\\PC{0,20}",
    ]
}

proptest! {
    #[test]
    fn any_set_that_is_written_reads_back_equal(set in a_set()) {
        let text = write(&set).unwrap();
        let file = read(&text, Some(&region(HOME)));
        prop_assert_eq!(file.map(|file| file.set), Ok(set), "{}", text);
    }

    #[test]
    fn any_text_is_a_set_or_has_faults_that_are_within_it(pieces in prop::collection::vec(a_piece(), 0..12), newline in prop::sample::select(vec!["\n", "\r\n", "", " "])) {
        says_what_is_wrong(&pieces.join(newline));
    }

    #[test]
    fn a_change_anywhere_is_read_or_has_a_place(at in 0_usize..4_000, c in any::<char>()) {
        let mut text: Vec<char> = example().chars().collect();
        let at = at % text.len();
        text[at] = c;
        says_what_is_wrong(&text.into_iter().collect::<String>());
    }
}

#[test]
fn a_key_name_is_a_key_or_an_alias() {
    let key = KeyName::parse(KEY).unwrap();
    assert_eq!(key, KeyName::Arn(KeyArn::parse(KEY).unwrap()));
    assert_eq!(key.region(), Some(HOME));
    assert_eq!(KeyName::parse("alias/a").unwrap().region(), None);
    let long = format!("alias/{}", "a".repeat(251));
    assert!(KeyName::parse(&long).is_err());
}

const RESTORE: &str = r#"
[policy.gold]
schedule = "0 3 * * *"
[policy.gold.restore]
publicly_accessible = true
[policy.gold.restore.subnet_groups]
"*" = "recovery-private"
[policy.gold.restore.security_groups]
sg-0a1b = "sg-9f8e"
[policy.gold.restore.parameter_groups]
tuned = "tuned-recovery"
[policy.gold.restore.option_groups]
oracle-tde = "oracle-tde-recovery"
[policy.gold.restore.keys]
"arn:aws:kms:eu-west-1:111122223333:key/1" = "alias/recovery"
[policy.gold.restore.classes]
"db.r7g.large" = "db.r6g.large"
"#;

#[test]
fn what_stands_for_what_in_the_recovery_region_is_read() {
    let file = read(RESTORE, None).unwrap();
    let restore = &file.set.policies[&policy("gold")].options.restore;
    assert!(restore.publicly_accessible);
    let stands_for = |kind, name| restore.stands_for(kind, name);
    assert_eq!(
        stands_for(NameKind::SubnetGroup, "any"),
        Some("recovery-private")
    );
    assert_eq!(
        stands_for(NameKind::SecurityGroup, "sg-0a1b"),
        Some("sg-9f8e")
    );
    assert_eq!(stands_for(NameKind::SecurityGroup, "sg-other"), None);
    assert_eq!(
        stands_for(NameKind::Class, "db.r7g.large"),
        Some("db.r6g.large")
    );
    let written = write(&file.set).unwrap();
    assert_eq!(read(&written, None).unwrap().set, file.set);
}

#[test]
fn faults_in_what_stands_for_what_are_reported_with_their_places() {
    for (line, wrong, at) in [
        ("sg-0a1b = \"sg-9f8e\"", "sg-0a1b = \"default\"", "9:11"),
        ("tuned = \"tuned-recovery\"", "tuned = 7", "11:9"),
        (
            "\"*\" = \"recovery-private\"",
            "\"*\" = \"two words\"",
            "7:7",
        ),
        ("publicly_accessible", "publicly_accesible", "5:1"),
        (
            "\"alias/recovery\"",
            "\"arn:aws:kms:us-east-1:111122223333:key/1\"",
            "15:46",
        ),
        ("\"db.r6g.large\"", "\"r6g.large\"", "17:18"),
    ] {
        let text = RESTORE.replace(line, wrong);
        assert_ne!(text, RESTORE, "{line}");
        let found: Vec<String> = faults(&text)
            .iter()
            .map(|fault| fault.at.to_string())
            .collect();
        assert_eq!(found, [at], "{wrong}");
    }
}

#[test]
fn a_spread_is_half_an_hour_unless_the_file_says_otherwise_and_ends_before_the_next_due_time() {
    let parsed = |lines: &str| {
        let text = format!("[policy.a]\nschedule = \"0 * * * *\"\n{lines}");
        read(&text, None)
    };
    let spread = |lines: &str| {
        let set = parsed(lines).unwrap().set;
        let policy = set.policies.values().next().unwrap();
        policy.options.spread.unwrap().to_string()
    };
    assert_eq!(spread(""), "30m");
    assert_eq!(spread("spread = \"0m\""), "0m");
    assert_eq!(spread("spread = \"60m\""), "1h");
    let faults = parsed("spread = \"61m\"").unwrap_err();
    assert_eq!(faults.len(), 1);
    assert!(
        faults[0]
            .what
            .contains("longer than the time between two due times")
    );
}
