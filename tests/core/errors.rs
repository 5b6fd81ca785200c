//! One owner for each failure: `docs/errors.md` and the code say the same.

use std::collections::BTreeSet;

use snapferry::domain::run::failure::{Failure, Operation, Owner, Reason, Remedy, owner};

const PAGE: &str = include_str!("../../docs/errors.md");

/// Rows of the table under a heading, cells trimmed of backticks.
fn rows(heading: &str) -> Vec<Vec<String>> {
    let (_, rest) = PAGE
        .split_once(heading)
        .unwrap_or_else(|| panic!("docs/errors.md has a section {heading:?}"));
    let section = rest.split("\n## ").next().unwrap_or_default();
    section
        .lines()
        .filter(|line| line.starts_with('|') && !line.starts_with("|-") && !line.starts_with("| -"))
        .skip(1)
        .map(|line| {
            line.trim_matches('|')
                .split('|')
                .map(|cell| cell.trim().replace('`', ""))
                .collect()
        })
        .collect()
}

fn in_words(owner: Owner) -> String {
    match owner {
        Owner::AskWhatExists => "ask what exists".to_owned(),
        Owner::AskQuota => "ask the quota".to_owned(),
        Owner::StateMachine(reason) => format!("state machine: {reason}"),
        Owner::Park(Remedy::GrantAccess) => "park: grant access".to_owned(),
        Owner::Park(Remedy::FixKey) => "park: fix the key".to_owned(),
        Owner::Park(Remedy::RaiseQuota) => "park: raise the quota".to_owned(),
        Owner::LookAgain(reason) => format!("look again: {reason}"),
        Owner::Permanent(reason) => format!("permanent: {reason}"),
        Owner::Transient => "transient".to_owned(),
    }
}

const ALL: [Operation; 9] = [
    Operation::DescribeDbInstances,
    Operation::DescribeDbSnapshots,
    Operation::DescribeAccountAttributes,
    Operation::CreateDbSnapshot,
    Operation::CopyDbSnapshot,
    Operation::DescribeDbClusters,
    Operation::DescribeDbClusterSnapshots,
    Operation::CreateDbClusterSnapshot,
    Operation::CopyDbClusterSnapshot,
];

#[test]
fn the_runbook_says_what_to_do_about_every_error_and_every_remedy() {
    const RUNBOOK: &str = include_str!("../../docs/RUNBOOK.md");
    let remedies = Remedy::ALL.iter().map(|remedy| remedy.as_str());
    let reasons = Reason::ALL.iter().map(|reason| reason.error_name());
    for name in remedies.chain(reasons) {
        let row = format!("| `{name}` |");
        assert!(RUNBOOK.contains(&row), "no row for {name}");
    }
}

#[test]
fn every_row_of_the_page_is_what_the_code_does() {
    let table = rows("## Who owns what RDS answers");
    assert!(table.len() >= 15, "{table:?}");
    for row in &table {
        let [operation, code, message, expected] = row.as_slice() else {
            panic!("{row:?}")
        };
        let operations: Vec<Operation> = match operation.as_str() {
            "any" => ALL.to_vec(),
            name => ALL
                .into_iter()
                .filter(|operation| operation.as_str() == name)
                .collect(),
        };
        assert!(!operations.is_empty(), "{row:?}");
        let message = if message.is_empty() {
            ""
        } else {
            "the KMS key is not there"
        };
        for operation in operations {
            assert_eq!(
                &in_words(owner(operation, code, message)),
                expected,
                "{row:?}"
            );
        }
    }
}

/// Every code that the SDK's models and AWS's pages name for our operations.
const CODES: [&str; 30] = [
    "AccessDenied",
    "AccessDeniedException",
    "UnauthorizedOperation",
    "OptInRequired",
    "DBInstanceNotFound",
    "DBSnapshotAlreadyExists",
    "DBSnapshotNotFound",
    "InvalidDBInstanceState",
    "InvalidDBSnapshotState",
    "DBClusterNotFoundFault",
    "DBClusterSnapshotAlreadyExistsFault",
    "DBClusterSnapshotNotFoundFault",
    "InvalidDBClusterStateFault",
    "InvalidDBClusterSnapshotStateFault",
    "SnapshotQuotaExceeded",
    "KMSKeyNotAccessibleFault",
    "CustomAvailabilityZoneNotFound",
    "InvalidParameterValue",
    "InvalidParameterCombination",
    "MissingParameter",
    "UnsupportedOperation",
    "Throttling",
    "ThrottlingException",
    "RequestLimitExceeded",
    "InternalFailure",
    "InternalError",
    "ServiceUnavailable",
    "ExpiredToken",
    "RequestExpired",
    "NobodyKnowsThisOne",
];

#[test]
fn whatever_the_code_does_not_leave_to_the_queue_is_on_the_page() {
    let table: BTreeSet<(String, String, bool)> = rows("## Who owns what RDS answers")
        .into_iter()
        .map(|row| (row[0].clone(), row[1].clone(), !row[2].is_empty()))
        .collect();
    for operation in ALL {
        for code in CODES {
            for (message, names_key) in [("", false), ("the KMS key is not there", true)] {
                let found = owner(operation, code, message);
                if found == Owner::Transient || (names_key && found == owner(operation, code, "")) {
                    continue;
                }
                let listed = ["any", operation.as_str()]
                    .iter()
                    .any(|name| table.contains(&((*name).to_owned(), code.to_owned(), names_key)));
                assert!(
                    listed,
                    "docs/errors.md lacks {operation} {code} (message names a key: {names_key})"
                );
            }
        }
    }
}

#[test]
fn every_reason_is_on_the_page_with_its_meaning() {
    let page: BTreeSet<(String, String)> = rows("## The errors that Step Functions sees")
        .into_iter()
        .map(|row| (row[0].clone(), row[1].clone()))
        .collect();
    let code = Reason::ALL
        .iter()
        .map(|reason| (reason.to_string(), reason.meaning().to_owned()))
        .collect();
    assert_eq!(page, code);
}

#[test]
fn a_cause_fits_what_step_functions_takes() {
    let failure = Failure::new(Reason::Unsupported, "é".repeat(40_000));
    assert_eq!(failure.cause.chars().count(), 32_768);
}

/// Waits that were stored before an upgrade hold the word of version 0.1.0.
#[test]
fn a_remedy_is_read_by_its_old_word_too() {
    assert_eq!(Remedy::parse("mend-key"), Some(Remedy::FixKey));
    for remedy in Remedy::ALL {
        assert_eq!(Remedy::parse(remedy.as_str()), Some(remedy));
    }
}
