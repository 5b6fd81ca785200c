//! A plan's hash. By it the pruner carries out exactly the plan that a person has looked at.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

use crate::domain::id::arn::RdsArn;

/// How many characters it has: enough that no two plans share it by chance, and few enough to be typed.
const CHARACTERS: usize = 16;

/// The hash of a plan: of the rules that were asked, and of what may go by them. Never of the time, so that it stays the
/// same while nothing changes.
#[must_use]
pub fn plan_hash(rules: &str, removable: &BTreeSet<RdsArn>) -> String {
    let names: Vec<String> = removable.iter().map(ToString::to_string).collect();
    let parts: Vec<&str> = std::iter::once(rules)
        .chain(names.iter().map(String::as_str))
        .collect();
    short_hash(&parts)
}

/// The beginning of a hash over these parts, in lower-case base32.
#[must_use]
pub fn short_hash(parts: &[&str]) -> String {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update(part.as_bytes());
        digest.update([0]);
    }
    let mut text = data_encoding::BASE32_NOPAD.encode(&digest.finalize());
    text.truncate(CHARACTERS);
    text.to_ascii_lowercase()
}
