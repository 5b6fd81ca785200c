//! One owner for each failure: `docs/errors.md` and the code say the same.

use std::collections::BTreeSet;

use snapferry::domain::id::arn::Region;
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
        Owner::CopyLimit => "wait for a slot".to_owned(),
        Owner::StateMachine(reason) => format!("state machine: {reason}"),
        Owner::Park(remedy) => format!("park: {}", remedy.as_str()),
        Owner::LookAgain(reason) => format!("look again: {reason}"),
        Owner::Permanent(reason) => format!("permanent: {reason}"),
        Owner::Transient => "transient".to_owned(),
    }
}

/// What the page's column `message` says, and a message of which it is true.
const MESSAGES: [(&str, &str); 7] = [
    ("", ""),
    (
        "names the source's key",
        "The source snapshot KMS key [arn:aws:kms:eu-west-1:111122223333:key/a] does not exist, is not enabled or you \
         do not have permissions to access it.",
    ),
    (
        "names the copy's key",
        "The target KMS key [alias/gone] does not exist, is not enabled or you do not have permissions to access it.",
    ),
    ("names a KMS key", "the KMS key is not there"),
    (
        "asks for an option group",
        "The snapshot requires a target option group with the following options: [Timezone]",
    ),
    (
        "copies in flight",
        "Cannot copy more than 5 snapshots across regions",
    ),
    (
        "manual snapshots",
        "Cannot create more than 100 manual snapshots",
    ),
];

fn asked() -> Region {
    Region::parse("eu-central-1").unwrap()
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
        let (_, message) = MESSAGES
            .iter()
            .find(|(class, _)| class == message)
            .unwrap_or_else(|| panic!("{row:?}"));
        for operation in operations {
            assert_eq!(
                &in_words(owner(operation, &asked(), code, message)),
                expected,
                "{row:?}"
            );
        }
    }
}

/// Every code that the SDK's models and AWS's pages name for our operations.
const CODES: [&str; 32] = [
    "AccessDenied",
    "AccessDeniedException",
    "UnauthorizedOperation",
    "OptInRequired",
    "InvalidClientTokenId",
    "OptionGroupNotFoundFault",
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
    let table: BTreeSet<(String, String, String)> = rows("## Who owns what RDS answers")
        .into_iter()
        .map(|row| (row[0].clone(), row[1].clone(), row[2].clone()))
        .collect();
    for operation in ALL {
        for code in CODES {
            for (class, message) in MESSAGES {
                let found = owner(operation, &asked(), code, message);
                let as_without = found == owner(operation, &asked(), code, "");
                if found == Owner::Transient || (!class.is_empty() && as_without) {
                    continue;
                }
                // A message that names one of the two keys names a key.
                let classes = match class {
                    "names the source's key" | "names the copy's key" => [class, "names a KMS key"],
                    other => [other, other],
                };
                let listed = ["any", operation.as_str()].iter().any(|name| {
                    classes.iter().any(|class| {
                        let row = ((*name).to_owned(), code.to_owned(), (*class).to_owned());
                        table.contains(&row)
                    })
                });
                assert!(listed, "docs/errors.md lacks {operation} {code} ({class})");
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

fn copy_refused(code: &str, message: &str) -> Owner {
    owner(Operation::CopyDbSnapshot, &asked(), code, message)
}

#[test]
fn an_unusable_key_is_told_by_rdss_words_or_by_its_region() {
    for (message, remedy) in [
        (
            "The source snapshot KMS key does not exist, is not enabled or you do not have permissions to access it",
            Remedy::FixSourceKey,
        ),
        (
            "The target KMS key [None] does not exist, is not enabled or you do not have permissions to access it.",
            Remedy::FixKey,
        ),
        (
            "Specified KMS key [arn:aws:kms:eu-west-1:111122223333:key/a] does not exist",
            Remedy::FixSourceKey,
        ),
        (
            "Specified KMS key [arn:aws:kms:eu-central-1:111122223333:key/a] does not exist",
            Remedy::FixKey,
        ),
        (
            "Specified KMS key [None] does not exist, is not enabled",
            Remedy::CheckKeys,
        ),
        ("", Remedy::CheckKeys),
    ] {
        let found = copy_refused("KMSKeyNotAccessibleFault", message);
        assert_eq!(found, Owner::Park(remedy), "{message}");
    }
}

#[test]
fn a_name_that_rds_quotes_is_no_trouble_with_a_key() {
    for message in [
        "The snapshot [kms key] is not encrypted",
        "The parameter 'kms key' is not valid for the engine",
        "DBSnapshot \"kms key\" has an engine version that cannot be copied",
        "DBSnapshot sf-kms-20261122t0300z-abcdefghij cannot be copied",
        "arn:aws:rds:eu-west-1:111122223333:db:kms cannot be copied",
        "The snapshot's kmsroom key",
        "KMS",
    ] {
        let found = copy_refused("InvalidParameterValue", message);
        assert_eq!(found, Owner::Permanent(Reason::Unsupported), "{message}");
    }
    for message in [
        "Must specify new KMS key for cross region encrypted snapshot copy.",
        "The parameter KmsKeyId is not valid",
    ] {
        let found = copy_refused("InvalidParameterCombination", message);
        assert_eq!(found, Owner::Park(Remedy::CheckKeys), "{message}");
    }
}

#[test]
fn a_copy_that_lacks_an_option_group_parks_until_the_policy_names_one() {
    let needs = "The snapshot requires a target option group with the following options: [TDE]";
    for (code, message) in [
        ("InvalidParameterValue", needs),
        ("InvalidParameterCombination", needs),
        (
            "OptionGroupNotFoundFault",
            "Specified OptionGroupName: gone not found.",
        ),
    ] {
        let found = copy_refused(code, message);
        assert_eq!(found, Owner::Park(Remedy::NameOptionGroup), "{code}");
    }
    let quoted = copy_refused(
        "InvalidParameterValue",
        "The name 'requires a target option group' is not valid",
    );
    assert_eq!(quoted, Owner::Permanent(Reason::Unsupported));
}

#[test]
fn a_full_house_is_told_apart_by_rdss_words() {
    let found = |message| copy_refused("SnapshotQuotaExceeded", message);
    let copies = "Cannot copy more than 20 snapshots across regions";
    assert_eq!(found(copies), Owner::CopyLimit);
    let snapshots = "Cannot create more than 100 manual snapshots";
    assert_eq!(found(snapshots), Owner::Park(Remedy::RaiseQuota));
    assert_eq!(found("Something new"), Owner::AskQuota);
}

#[test]
fn a_region_that_does_not_know_the_credentials_is_no_lack_of_a_permission() {
    for operation in ALL {
        for code in ["InvalidClientTokenId", "OptInRequired"] {
            let found = owner(operation, &asked(), code, "");
            assert_eq!(
                found,
                Owner::Park(Remedy::EnableRegion),
                "{operation} {code}"
            );
        }
    }
}
