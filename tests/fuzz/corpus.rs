//! The saved texts, and how a target is run over them.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngSeed, TestRunner};

use crate::edits;

/// How many edited texts a target judges: a second or so in a build that is not optimised.
const CASES: u32 = 1_500;

/// Judges every saved text of a target, then texts made from them.
pub(crate) fn fuzz(target: &str, judge: impl Fn(&str)) {
    let saved = load(target);
    for (name, text) in &saved {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| judge(text))) {
            eprintln!("the saved text is tests/fuzz/corpus/{target}/{name}");
            resume_unwind(panic);
        }
    }
    check(CASES, &edits::of(texts(saved)), |text| judge(&text));
}

/// Batches of edited texts.
pub(crate) fn fuzz_batches(target: &str, judge: impl Fn(Vec<String>)) {
    let text = edits::of(texts(load(target)));
    check(CASES / 8, &proptest::collection::vec(text, 1..10), judge);
}

fn check<S: Strategy>(cases: u32, inputs: &S, judge: impl Fn(S::Value)) {
    let chosen = Config::default();
    let config = Config {
        // 256 is proptest's default. Any other number was asked for on the command line.
        cases: if chosen.cases == 256 {
            cases
        } else {
            chosen.cases
        },
        rng_seed: match chosen.rng_seed {
            RngSeed::Random => RngSeed::Fixed(20_261_122),
            fixed @ RngSeed::Fixed(_) => fixed,
        },
        // A seed means another text as soon as an edit changes; texts are saved by hand instead.
        failure_persistence: None,
        ..chosen
    };
    let outcome = TestRunner::new(config).run(inputs, |input| {
        judge(input);
        Ok(())
    });
    if let Err(found) = outcome {
        panic!("{found}\nsave the text in the target's corpus");
    }
}

fn texts(saved: Vec<(String, String)>) -> Vec<String> {
    saved.into_iter().map(|(_, text)| text).collect()
}

/// By name, so that the order is the same everywhere. What is no text arrives as SQS would hand it over.
fn load(target: &str) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fuzz/corpus")
        .join(target);
    let mut saved: Vec<(String, String)> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let bytes = std::fs::read(&path).unwrap();
            (name, String::from_utf8_lossy(&bytes).into_owned())
        })
        .collect();
    assert!(!saved.is_empty(), "{} is empty", folder.display());
    saved.sort();
    saved
}
