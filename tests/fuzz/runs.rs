//! The state machine's input.

use snapferry::json::run;

use crate::corpus::fuzz;
use crate::judge::{can_be_carried_out, is_a_reason, nothing_is_made_up};

#[test]
fn an_input_is_read_as_it_is_or_refused_with_a_reason() {
    fuzz("runs", |text| match run::read(text) {
        Ok(read) => {
            let written = run::write(&read);
            assert_eq!(run::read(&written).unwrap(), read);
            assert_eq!(run::write(&read), written, "the same run, the same text");
            nothing_is_made_up(text, &written, &[]);
            can_be_carried_out(&read);
        }
        Err(error) => is_a_reason(&error, &["an execution's input"]),
    });
}
