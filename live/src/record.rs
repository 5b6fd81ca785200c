//! The record of a run: what was seen, without anything that identifies an account, a person or a resource.

use serde::{Deserialize, Serialize};

use crate::question::{Answer, Facts, Question, judge};

/// The record's form.
pub const SCHEMA: u32 = 1;

/// What a run has seen. As a file it is a fixture of the tests (live/records).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The form of this record.
    pub schema: u32,
    /// The version that asked.
    pub version: String,
    /// The day, in UTC.
    pub day: String,
    /// The recovery region.
    pub recovery_region: String,
    /// The source region.
    pub source_region: String,
    /// The questions that were asked, in order.
    pub questions: Vec<Asked>,
}

/// One question and its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// The question's name.
    pub question: String,
    /// What the facts say.
    #[serde(flatten)]
    pub answer: Answer,
    /// What was seen.
    pub facts: Facts,
    /// What AWS said, in its own words.
    pub words: Vec<String>,
    /// What kept the rest from being seen.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub error: Option<String>,
}

impl Asked {
    /// Judges what was seen, and hides what nobody else should read.
    #[must_use]
    pub fn new(
        question: &Question,
        facts: Facts,
        words: &[String],
        error: Option<String>,
        hide: &Hide,
    ) -> Self {
        Self {
            question: question.name.to_owned(),
            answer: judge(question.facts, &facts),
            facts,
            words: words.iter().map(|words| hide.in_text(words)).collect(),
            error: error.map(|error| hide.in_text(&error)),
        }
    }
}

/// What must not stand in a record.
#[derive(Debug, Clone)]
pub struct Hide {
    account: String,
    run: String,
}

/// What separates words in AWS's sentences.
const BETWEEN: &[char] = &[
    ' ', '\n', '\t', ',', ';', '"', '\'', '(', ')', '[', ']', '<', '>', '=',
];

/// From this length on a word with a digit or a sign in it is an id or a token.
const LONG: usize = 20;

impl Hide {
    /// For the record of one run.
    #[must_use]
    pub fn of(account: &str, run: &str) -> Self {
        Self {
            account: account.to_owned(),
            run: run.to_owned(),
        }
    }

    /// The text without ARNs, ids, tokens, addresses, and the account's number.
    #[must_use]
    pub fn in_text(&self, text: &str) -> String {
        let text = text.replace(&self.run, "RUN");
        let words = text.split_inclusive(BETWEEN).map(|word| {
            let bare = word.trim_end_matches(BETWEEN);
            let end = word.strip_prefix(bare).unwrap_or_default();
            format!("{}{end}", self.in_word(bare))
        });
        words.collect()
    }

    fn in_word(&self, word: &str) -> String {
        if word.contains("arn:") {
            return "ARN".to_owned();
        }
        if word.contains("://") || word.contains('@') || word.contains(".amazonaws.com") {
            return "ADDRESS".to_owned();
        }
        let has_digits = word.chars().any(|letter| letter.is_ascii_digit());
        let is_ours = word.starts_with("sf-live-") || word.starts_with("live-");
        if word.len() >= LONG && has_digits && !is_ours {
            return "ID".to_owned();
        }
        word.replace(&self.account, "ACCOUNT")
    }
}

/// The facts in which two records differ, each as a sentence. What one of them does not know says nothing.
#[must_use]
pub fn differences(aws: &Record, model: &Record) -> Vec<String> {
    let mut found = Vec::new();
    for asked in &aws.questions {
        let of_model = model
            .questions
            .iter()
            .find(|it| it.question == asked.question);
        let Some(of_model) = of_model else { continue };
        for (fact, value) in &asked.facts {
            if let Some(modelled) = of_model.facts.get(fact)
                && modelled != value
            {
                let question = &asked.question;
                found.push(format!(
                    "{question}: {fact}: {value} in the record, {modelled} in the model"
                ));
            }
        }
    }
    found
}
