//! Stored sets of policies.

use snapferry::json::policies;

use crate::corpus::fuzz;
use crate::judge::{is_a_reason, nothing_is_made_up};

#[test]
fn a_stored_set_is_read_as_it_is_or_refused_with_a_reason() {
    fuzz("policies", |text| match policies::read(text) {
        Ok(set) => {
            let written = policies::write(&set);
            assert_eq!(policies::read(&written).unwrap(), set);
            if let Some(name) = &set.untagged {
                assert!(set.policies.contains_key(name));
            }
            nothing_is_made_up(text, &written, &[]);
        }
        Err(error) => is_a_reason(&error, &["a stored set of policies"]),
    });
}
