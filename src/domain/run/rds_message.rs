//! What RDS's messages say, where one error code means several things.
//!
//! RDS quotes names in brackets and quotation marks. A database may be called `kms`, so what is quoted is left out before
//! phrases are looked for. Only the ARN of a key counts inside quotation marks too.

use crate::domain::id::arn::Region;

/// Which key a message is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    /// The key of the source snapshot or of the database.
    Source,
    /// The key that the copy is to have.
    Target,
    /// RDS does not say.
    Unnamed,
}

/// What a quota or limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Limit {
    /// Copies in flight.
    CopiesInFlight,
    /// Manual snapshots.
    Snapshots,
    /// The words are new.
    Unnamed,
}

/// Which key a refusal of a copy is about; `None` if the message names none. `asked` is the copy's region.
pub(super) fn key_of_copy(message: &str, asked: &Region) -> Option<Key> {
    let plain = phrases(message);
    if plain.contains("source snapshot kms key") || plain.contains("source kms key") {
        return Some(Key::Source);
    }
    if plain.contains("target kms key") {
        return Some(Key::Target);
    }
    let by_arn = region_of_a_key(message).map(|region| {
        if region == asked.as_str() {
            Key::Target
        } else {
            Key::Source
        }
    });
    by_arn.or_else(|| names_a_key(&plain).then_some(Key::Unnamed))
}

/// Whether a message is about a key.
pub(super) fn is_about_a_key(message: &str) -> bool {
    region_of_a_key(message).is_some() || names_a_key(&phrases(message))
}

/// Whether a copy needs an option group that the request did not name.
pub(super) fn asks_for_an_option_group(message: &str) -> bool {
    phrases(message).contains("requires a target option group")
}

/// Whether a message is about the presigned URL of a copy. That is never a fact about the database.
pub(super) fn is_about_the_presigned_url(message: &str) -> bool {
    let plain = phrases(message);
    ["presignedurl", "presigned url", "pre-signed url"]
        .iter()
        .any(|name| plain.contains(name))
}

/// What a refused copy has run into.
pub(super) fn limit(message: &str) -> Limit {
    let plain = phrases(message);
    if plain.contains("snapshots across regions") {
        Limit::CopiesInFlight
    } else if plain.contains("manual snapshots") || plain.contains("manual cluster snapshots") {
        Limit::Snapshots
    } else {
        Limit::Unnamed
    }
}

fn names_a_key(plain: &str) -> bool {
    plain.contains("kms key") || plain.split_whitespace().any(|word| word == "kmskeyid")
}

/// The message in lower case with single blanks, without what is in brackets or quotation marks. A quotation mark
/// within a word is an apostrophe.
fn phrases(message: &str) -> String {
    let mut plain = String::new();
    let mut closing = None;
    let mut before = ' ';
    for c in message.chars() {
        match closing {
            Some(end) if c == end => closing = None,
            Some(_) => {}
            None => match c {
                '[' => closing = Some(']'),
                '"' | '`' => closing = Some(c),
                '\'' if !before.is_alphanumeric() => closing = Some('\''),
                c if c.is_ascii_punctuation() && c != '-' && c != ':' => plain.push(' '),
                c => plain.extend(c.to_lowercase()),
            },
        }
        before = c;
    }
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The region of the first key whose ARN is in a message, also in quotation marks.
fn region_of_a_key(message: &str) -> Option<&str> {
    message.split("arn:").skip(1).find_map(|rest| {
        let mut parts = rest.split(':').skip(1);
        (parts.next()? == "kms").then(|| parts.next())?
    })
}
