//! Each question, judged by observations alone.

use snapferry_live::plan::{plan, things};
use snapferry_live::question::{Answer, Facts, Question, judge};
use snapferry_live::questions::QUESTIONS;

/// What a world shows that is as assumed.
fn as_assumed(question: &Question) -> Facts {
    let facts = question.facts.iter();
    facts
        .map(|it| (it.fact.to_owned(), it.one_of[0].to_owned()))
        .collect()
}

#[test]
fn each_question_is_answered_as_assumed_where_the_world_shows_what_it_expects() {
    for question in QUESTIONS {
        assert!(
            !question.facts.is_empty(),
            "{} expects nothing",
            question.name
        );
        assert_eq!(
            judge(question.facts, &as_assumed(question)),
            Answer::AsAssumed,
            "{}",
            question.name
        );
        for expected in question.facts {
            for value in expected.one_of {
                let mut facts = as_assumed(question);
                facts.insert(expected.fact.to_owned(), (*value).to_owned());
                assert_eq!(judge(question.facts, &facts), Answer::AsAssumed, "{value}");
            }
        }
    }
}

#[test]
fn each_question_is_answered_otherwise_where_one_fact_is_another_whatever_else_is_missing() {
    for question in QUESTIONS {
        for expected in question.facts {
            let other = Facts::from([(expected.fact.to_owned(), "something new".to_owned())]);
            let answer = Answer::Otherwise {
                seen: other.clone(),
            };
            assert_eq!(judge(question.facts, &other), answer, "{}", question.name);
            let mut facts = as_assumed(question);
            facts.extend(other);
            assert_eq!(judge(question.facts, &facts), answer, "{}", question.name);
        }
    }
}

#[test]
fn each_question_is_not_seen_where_the_world_shows_nothing_or_not_all() {
    for question in QUESTIONS {
        let all: Vec<String> = question.facts.iter().map(|it| it.fact.to_owned()).collect();
        let nothing = Answer::NotSeen {
            missing: all.clone(),
        };
        assert_eq!(
            judge(question.facts, &Facts::new()),
            nothing,
            "{}",
            question.name
        );
        for missing in all {
            let mut facts = as_assumed(question);
            facts.remove(&missing);
            let missing = vec![missing];
            assert_eq!(
                judge(question.facts, &facts),
                Answer::NotSeen { missing },
                "{}",
                question.name
            );
        }
    }
}

#[test]
fn a_fact_that_no_question_expects_is_recorded_and_not_judged() {
    let events = QUESTIONS.iter().find(|it| it.name == "events").unwrap();
    let mut facts = as_assumed(events);
    facts.insert("the tags in it".to_owned(), "none".to_owned());
    assert_eq!(judge(events.facts, &facts), Answer::AsAssumed);
}

#[test]
fn names_are_short_words_and_no_two_questions_share_one() {
    let mut names: Vec<&str> = QUESTIONS.iter().map(|it| it.name).collect();
    for name in &names {
        let is_fit = |letter: char| letter.is_ascii_lowercase() || letter == '-';
        assert!(name.chars().all(is_fit) && name.len() <= 20, "{name}");
    }
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), QUESTIONS.len());
}

#[test]
fn the_plan_names_every_thing_and_costs_less_than_two_dollars() {
    let all: Vec<&Question> = QUESTIONS.iter().collect();
    let cents: u32 = things(&all).iter().map(|thing| thing.cents()).sum();
    assert!(cents < 200, "{cents} cents");
    let text = plan(&all, "111122223333", "eu-central-1", "eu-west-1");
    for question in QUESTIONS {
        assert!(
            text.contains(question.name) && text.contains(question.does),
            "{text}"
        );
    }
    for thing in things(&all) {
        assert!(text.contains(thing.words()), "{text}");
    }
    let dollars = format!("${}.{:02}", cents / 100, cents % 100);
    assert!(text.contains(&dollars), "{text}");
    // A question alone needs what it needs and nothing else.
    let cheap: Vec<&Question> = QUESTIONS
        .iter()
        .filter(|it| it.name == "filter-width")
        .collect();
    assert!(things(&cheap).is_empty());
}
