//! Policy files: whatever a person saves.

use snapferry::domain::policy::file::{read, write};

use crate::corpus::fuzz;
use crate::world::{HOME, region};

#[test]
fn a_file_is_a_set_that_reads_back_or_has_faults_that_are_within_it() {
    let home = region(HOME);
    fuzz("policy_files", |text| match read(text, Some(&home)) {
        Ok(file) => {
            let written = write(&file.set).unwrap();
            assert_eq!(read(&written, Some(&home)).unwrap().set, file.set);
            assert!(!file.set.policies.is_empty());
            if let Some(name) = &file.set.untagged {
                assert!(file.set.policies.contains_key(name));
            }
        }
        Err(faults) => {
            assert!(!faults.is_empty());
            let lines: Vec<&str> = text.split('\n').collect();
            for fault in faults {
                let line = lines.get(fault.at.line.wrapping_sub(1));
                let columns = line.unwrap().chars().count() + 1;
                assert!((1..=columns).contains(&fault.at.column), "{fault}");
                assert!(!fault.what.contains('\n'), "not one line: {fault}");
                assert!(fault.what.len() <= 1_000, "too long: {fault}");
            }
        }
    });
}
