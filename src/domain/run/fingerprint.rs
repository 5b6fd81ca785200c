//! What would have to change for RDS to answer differently.

use sha2::{Digest, Sha256};

use crate::domain::id::text::text_newtype;

const CHARACTERS: usize = 16;

text_newtype!(
    /// A fingerprint of everything that RDS's answer to a snapshot or copy of a database depends on: engine and version,
    /// encryption, option groups, key, carried tags, and what the policy says. A permanent refusal lapses once it is
    /// another one.
    Fingerprint,
    "a fingerprint of 16 letters and digits",
    |text| {
        text.len() == CHARACTERS
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    }
);

impl Fingerprint {
    /// The fingerprint of these parts. A byte that no part can contain separates them.
    #[must_use]
    pub fn of(parts: &[&str]) -> Self {
        let mut digest = Sha256::new();
        for part in parts {
            digest.update(part.as_bytes());
            digest.update([0]);
        }
        let mut text = data_encoding::BASE32_NOPAD.encode(&digest.finalize());
        text.truncate(CHARACTERS);
        Self(text.to_ascii_lowercase())
    }
}
