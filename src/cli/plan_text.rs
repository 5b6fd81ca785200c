//! The text of `snapferry plan`: a narrow table with a word for each reason, and below it what each word means and what to
//! do, once each and never cut off.

use std::io::{self, Write};

use super::plan_words::{Summary, policy_of, reason_code, word};
use super::show::{database, paragraph, table_within, write_table};
use crate::app::plan_preview::{Preview, Row, Verdict};
use crate::domain::operator::prices;
use crate::domain::policy::choice::ExclusionReason;
use crate::domain::rds::database::UnreadableRow;
use crate::domain::run::refusal::RefusedForGood;

/// What to do about a database that RDS can never copy.
const OTHER_MEANS: &str = "tag it snapferry:exclude, and protect it by other means";

/// Something that a database's row says in a word.
struct Note {
    word: &'static str,
    sentence: String,
    remedy: Option<&'static str>,
}

/// Writes the plan, within this width if there is one.
pub(super) fn write(out: &mut impl Write, plan: &Preview, width: Option<u16>) -> io::Result<()> {
    let noted: Vec<(&Row, Vec<Note>)> = plan
        .rows
        .iter()
        .map(|row| (row, notes(plan, row)))
        .collect();
    if !noted.is_empty() {
        write_rows(out, plan, &noted, width)?;
        write_meanings(out, &noted, width)?;
        write_remedies(out, &noted, width)?;
        writeln!(out)?;
    }
    for unreachable in &plan.unreachable {
        let (region, error) = (&unreachable.region, &unreachable.error);
        let text = format!("{region}: could not be read completely: {error}");
        paragraph(out, &text, width)?;
    }
    for (region, UnreadableRow { name, why }) in &plan.unreadable {
        let text = format!("{region}: a database {name} cannot be read: {why}");
        paragraph(out, &text, width)?;
    }
    paragraph(out, &summary(plan), width)?;
    let mut warnings = plan.rows.iter().flat_map(|row| &row.warnings);
    if warnings.any(|of| of.cost().is_some()) {
        let (at, region) = (prices::AS_KNOWN_AT, prices::REGION);
        let text = format!("dollars: list prices of {region} as known at {at}");
        paragraph(out, &text, width)?;
    }
    Ok(())
}

fn write_rows(
    out: &mut impl Write,
    plan: &Preview,
    noted: &[(&Row, Vec<Note>)],
    width: Option<u16>,
) -> io::Result<()> {
    let header = ["DATABASE", "REGION", "PLAN", "POLICY", "NEXT", "WHY"];
    let mut rows = table_within(header, width);
    for (row, notes) in noted {
        let words: Vec<&str> = notes.iter().map(|note| note.word).collect();
        rows.add_row([
            database(&row.database),
            row.database.region().to_string(),
            word(row).to_owned(),
            policy_of(row).map(ToString::to_string).unwrap_or_default(),
            next(plan, row),
            words.join(", "),
        ]);
    }
    write_table(out, &rows)
}

/// Says each sentence once. One that only some databases of its word have names them.
fn write_meanings(
    out: &mut impl Write,
    noted: &[(&Row, Vec<Note>)],
    width: Option<u16>,
) -> io::Result<()> {
    let mut meanings: Vec<(&str, &str, Vec<String>)> = Vec::new();
    for (row, notes) in noted {
        for note in notes {
            let known = meanings
                .iter()
                .position(|(word, sentence, _)| (*word, *sentence) == (note.word, &*note.sentence));
            let at = known.unwrap_or_else(|| {
                meanings.push((note.word, &note.sentence, Vec::new()));
                meanings.len() - 1
            });
            meanings[at].2.push(database(&row.database));
        }
    }
    if meanings.is_empty() {
        return Ok(());
    }
    meanings.sort_by_key(|(word, ..)| *word);
    let mut rows = table_within(["WHY", "MEANING"], width);
    for (word, sentence, of) in &meanings {
        let sentences = meanings.iter().filter(|(other, ..)| other == word).count();
        let text = match sentences {
            1 => (*sentence).to_owned(),
            _ => format!("{}: {sentence}", of.join(", ")),
        };
        rows.add_row([(*word).to_owned(), text]);
    }
    writeln!(out)?;
    write_table(out, &rows)
}

/// Says each remedy once.
fn write_remedies(
    out: &mut impl Write,
    noted: &[(&Row, Vec<Note>)],
    width: Option<u16>,
) -> io::Result<()> {
    let mut remedies: Vec<(&str, Vec<&str>)> = Vec::new();
    for note in noted.iter().flat_map(|(_, notes)| notes) {
        let Some(remedy) = note.remedy else {
            continue;
        };
        match remedies.iter_mut().find(|(known, _)| *known == remedy) {
            Some((_, words)) if words.contains(&note.word) => {}
            Some((_, words)) => words.push(note.word),
            None => remedies.push((remedy, vec![note.word])),
        }
    }
    if remedies.is_empty() {
        return Ok(());
    }
    let mut rows = table_within(["WHY", "REMEDY"], width);
    for (remedy, mut words) in remedies {
        words.sort_unstable();
        rows.add_row([words.join(", "), remedy.to_owned()]);
    }
    writeln!(out)?;
    write_table(out, &rows)
}

/// A selected database's own time.
fn next(plan: &Preview, row: &Row) -> String {
    let Verdict::Selected {
        policy, due, own, ..
    } = &row.verdict
    else {
        return String::new();
    };
    let status = plan.policies.get(policy);
    if due.is_some() {
        return "now".to_owned();
    }
    if status.is_some_and(|status| status.paused) {
        return "paused".to_owned();
    }
    let zone = status.map(|status| status.schedule.time_zone().clone());
    let own = own.zip(zone).map(|(own, zone)| own.to_zoned(zone));
    own.map(|own| own.strftime("%Y-%m-%d %H:%M %Z").to_string())
        .unwrap_or_default()
}

fn notes(plan: &Preview, row: &Row) -> Vec<Note> {
    let not_selected = |sentence: String, remedy| {
        let note = reason_code(row).map(|word| Note {
            word,
            sentence,
            remedy,
        });
        note.into_iter().collect()
    };
    match &row.verdict {
        Verdict::Excluded(why) => not_selected(why.to_string(), remedy_of_exclusion(why)),
        Verdict::Refused(_, why) => {
            not_selected(why.to_string(), Some(why.remedy().unwrap_or(OTHER_MEANS)))
        }
        Verdict::NotNow(_, why) => not_selected(why.to_string(), None),
        Verdict::Remembered(_, why) => not_selected(why.to_string(), Some(RefusedForGood::REMEDY)),
        Verdict::Selected {
            policy,
            open,
            skipped,
            waits,
            ..
        } => {
            let note = |word, sentence| Note {
                word,
                sentence,
                remedy: None,
            };
            let status = plan.policies.get(policy);
            let paused = status.is_some_and(|status| status.paused);
            let paused = paused.then(|| {
                note(
                    "paused",
                    "its policy is paused: nothing is started".to_owned(),
                )
            });
            let open = open.iter().map(|name| {
                let sentence = format!("its latest execution: {name}");
                note("execution", sentence)
            });
            let waits = waits.map(|waits| note(waits.why.name(), waits.to_string()));
            let skipped = skipped.map(|due| {
                let sentence = format!(
                    "its due time {due} was skipped and is planned when its execution has ended"
                );
                note("skipped", sentence)
            });
            let warnings = row.warnings.iter();
            let warnings = warnings.map(|of| note(of.name(), format!("warning: {of}")));
            let noted = paused.into_iter().chain(open).chain(waits).chain(skipped);
            noted.chain(warnings).collect()
        }
    }
}

fn remedy_of_exclusion(why: &ExclusionReason) -> Option<&'static str> {
    match why {
        ExclusionReason::UnknownPolicy(_) => {
            Some("correct the tag snapferry:policy, or apply a policy of that name")
        }
        ExclusionReason::TaggedMember(_) => Some("move the tag from the member to its cluster"),
        _ => None,
    }
}

fn summary(plan: &Preview) -> String {
    let sum = Summary::of(plan);
    format!(
        "selected: {}, excluded: {}, refused: {}, not_now: {}, warned: {}, unreadable: {}, regions that could not be read: {}, tried: {}, skipped: {}",
        sum.selected,
        sum.excluded,
        sum.refused,
        sum.not_now,
        sum.warned,
        sum.unreadable,
        sum.unreachable_regions,
        sum.tried,
        sum.skipped
    )
}
