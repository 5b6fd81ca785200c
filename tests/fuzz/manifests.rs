//! The outputs of the states, which the catalog keeps.

use snapferry::json::manifest;

use crate::corpus::fuzz;
use crate::judge::{is_a_reason, is_a_snapshot, nothing_is_made_up};

#[test]
fn a_manifest_is_read_as_it_is_or_refused_with_a_reason() {
    fuzz("manifests", |text| match manifest::read(text) {
        Ok(read) => {
            let written = manifest::write(&read);
            assert_eq!(manifest::read(&written).unwrap(), read);
            nothing_is_made_up(text, &written, &[]);
            is_a_snapshot(&read.snapshot);
            if let Some(source) = &read.source {
                is_a_snapshot(source);
            }
        }
        Err(error) => is_a_reason(&error, &["a manifest"]),
    });
}
