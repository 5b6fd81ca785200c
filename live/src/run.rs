//! One run: remove what earlier ones left, ask, remove what this one made, whatever happens between.

use std::path::PathBuf;
use std::rc::Rc;

use jiff::tz::TimeZone;

use crate::account::{Account, Caller};
use crate::bench::Bench;
use crate::error::{Answered, CheckError};
use crate::journal::Journal;
use crate::question::{Facts, Question};
use crate::record::{Asked, Hide, Record, SCHEMA};
use crate::remove::{Leftover, remove};
use crate::strays::strays;

/// What a run is to do.
#[derive(Debug, Clone)]
pub struct Options {
    /// The questions. None of them: only what earlier runs left is removed.
    pub questions: Vec<&'static Question>,
    /// The run's id: eight small letters and digits that no other run has.
    pub run: String,
    /// The password of the databases, which nobody will use.
    pub password: String,
    /// The subnet group of the databases, where the region has no default VPC.
    pub subnet_group: Option<String>,
    /// The folder of the journals.
    pub journals: PathBuf,
}

/// How a run ended.
#[derive(Debug)]
pub struct Outcome {
    /// What was seen.
    pub record: Record,
    /// What is still there.
    pub left: Vec<Leftover>,
    /// Whether somebody interrupted it.
    pub is_interrupted: bool,
}

/// Runs. When `interrupted` ends, nothing more is asked, and everything is removed as at the end.
///
/// # Errors
/// If nothing was made, or a journal cannot be read or written: it says which, and a later run goes on from there.
pub async fn run(
    account: Account,
    caller: Caller,
    options: Options,
    interrupted: impl Future<Output = ()>,
    say: Rc<dyn Fn(&str)>,
) -> Answered<Outcome> {
    let mut left = remove_what_is_left(&account, &options.journals, &*say).await?;
    let mut record = Record {
        schema: SCHEMA,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        day: (account.clock)().to_zoned(TimeZone::UTC).date().to_string(),
        recovery_region: account.recovery.to_string(),
        source_region: account.source.to_string(),
        questions: Vec::new(),
    };
    if options.questions.is_empty() {
        return Ok(Outcome {
            record,
            left,
            is_interrupted: false,
        });
    }
    let hide = Hide::of(&account.id, &options.run);
    let journal = Journal::begin(&options.journals, &account.id, &options.run)?;
    let told = Rc::clone(&say);
    let mut bench = Bench::new(
        account,
        caller,
        journal,
        options.password,
        options.subnet_group,
        Box::new(move |text| told(text)),
    );
    let mut interrupted = std::pin::pin!(interrupted);
    let mut is_interrupted = false;
    for question in options.questions {
        say(&format!("asking: {}", question.name));
        // What is under way when somebody interrupts is dropped: the journal knows what was asked for.
        let error = tokio::select! {
            asked = (question.ask)(&mut bench) => asked.err(),
            () = &mut interrupted => {
                is_interrupted = true;
                Some(CheckError::Unfit("interrupted".to_owned()))
            }
        };
        let facts: Facts = std::mem::take(&mut bench.facts);
        let words = std::mem::take(&mut bench.words);
        let error = error.map(|error| error.to_string());
        let asked = Asked::new(question, facts, &words, error, &hide);
        say(&format!("{}: {}", question.name, asked.answer.words()));
        if let Some(error) = &asked.error {
            say(&format!("  {error}"));
        }
        record.questions.push(asked);
        if is_interrupted {
            break;
        }
    }
    say("removing what was made; if you end the program now, the next run goes on with it");
    left.extend(bench.remove(&|_| true).await?);
    bench.journal.close()?;
    Ok(Outcome {
        record,
        left,
        is_interrupted,
    })
}

/// Goes on where earlier runs were killed, and names what no journal here knows.
async fn remove_what_is_left(
    account: &Account,
    journals: &std::path::Path,
    say: &dyn Fn(&str),
) -> Answered<Vec<Leftover>> {
    let mut left = Vec::new();
    let mut known = Vec::new();
    for mut journal in Journal::left(journals, &account.id)? {
        say(&format!("removing what the run {} left", journal.run()));
        known.push(journal.run().to_owned());
        left.extend(remove(account, &mut journal, &|_| true, say).await?);
        journal.close()?;
    }
    left.extend(strays(account, &known).await?);
    Ok(left)
}
