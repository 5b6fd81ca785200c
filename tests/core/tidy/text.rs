//! Phrases in a text, wherever its lines are broken.

/// Those of the phrases that stand in the text as whole words, in any case. An underscore parts two words, so that the
/// name of a test is held to the same words as a comment.
pub(super) fn phrases<'p>(text: &str, phrases: &[&'p str]) -> Vec<&'p str> {
    let text = running(text);
    phrases
        .iter()
        .copied()
        .filter(|phrase| has_words(&text, phrase))
        .collect()
}

/// The text in lower case on one line, without the marks that begin a line of a comment or a list.
fn running(text: &str) -> String {
    let text = text.replace('’', "'").replace('_', " ").to_lowercase();
    let lines = text.lines().map(|line| {
        line.trim_start()
            .trim_start_matches(['/', '!', '#', '>', '*', '|', '-', ' '])
    });
    let words = lines.flat_map(str::split_whitespace);
    words.collect::<Vec<_>>().join(" ")
}

fn has_words(text: &str, phrase: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric();
    text.match_indices(phrase).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + phrase.len()..].chars().next();
        let ends_in_a_word = phrase.ends_with(is_word);
        let goes_on = ends_in_a_word && after.is_some_and(is_word);
        !goes_on && !before.is_some_and(is_word)
    })
}

#[test]
fn a_phrase_is_found_across_lines_and_in_names_and_never_inside_a_word() {
    let found = |text| phrases(text, &["for want of", "mend", "besides,"]);
    assert_eq!(
        found("/// Refused for\n/// Want of a key."),
        ["for want of"]
    );
    assert_eq!(
        found("# A table | is parked for\n#   want  of it"),
        ["for want of"]
    );
    assert_eq!(found("fn refused_for_want_of_a_key() {}"), ["for want of"]);
    assert_eq!(found("`mend-key`, and besides, that"), ["mend", "besides,"]);
    assert_eq!(found("const MEND_AFTER: Duration"), ["mend"]);
    assert_eq!(found("we recommend it; amended besides the rest"), [""; 0]);
}
