//! Values for the cases. Each has all its parts, so that a port that loses a part is found.

use jiff::Timestamp;
use snapferry::domain::id::arn::{ExecutionArn, KeyArn, RdsArn, Region};
use snapferry::domain::id::database_ref::DatabaseRef;
use snapferry::domain::id::names::{ExecutionName, ResourceId};
use snapferry::domain::id::tags::PolicyName;
use snapferry::domain::id::token::TaskToken;
use snapferry::domain::policy::schedule::Schedule;
use snapferry::domain::policy::set::{Applied, Note, PolicySet, Stamp, Version};
use snapferry::domain::policy::spec::{AppliedKey, PolicySpec};
use snapferry::domain::run::command::{Command, ProtectionRequest, RunOptions, Step};
use snapferry::domain::run::failure::Remedy;
use snapferry::domain::run::last_error::LastError;
use snapferry::domain::run::manifest::Manifest;
use snapferry::domain::run::wait::{Expectation, ExpectedCopy, Phase, Wait};

const KEY: &str = "arn:aws:kms:eu-central-1:111122223333:key/11111111-2222-3333-4444-555555555555";

pub(crate) fn time(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

pub(crate) fn token(text: &str) -> TaskToken {
    TaskToken::parse(text).expect("a token")
}

pub(crate) fn policy(name: &str) -> PolicyName {
    PolicyName::parse(name).expect("a policy's name")
}

pub(crate) fn region(name: &str) -> Region {
    Region::parse(name).expect("a region")
}

pub(crate) fn execution(name: &str) -> ExecutionName {
    ExecutionName::parse(name).expect("an execution's name")
}

pub(crate) fn execution_arn(name: &str) -> ExecutionArn {
    let arn = format!("arn:aws:states:eu-central-1:111122223333:execution:protect:{name}");
    ExecutionArn::parse(&arn).expect("an execution's ARN")
}

pub(crate) fn copy(name: &str) -> RdsArn {
    let arn = format!("arn:aws:rds:eu-central-1:111122223333:snapshot:sf-{name}");
    RdsArn::parse(&arn).expect("a snapshot's ARN")
}

pub(crate) fn source(name: &str) -> RdsArn {
    let arn = format!("arn:aws:rds:eu-west-1:111122223333:snapshot:sf-{name}");
    RdsArn::parse(&arn).expect("a snapshot's ARN")
}

pub(crate) fn database(name: &str) -> DatabaseRef {
    let arn = format!("arn:aws:rds:eu-west-1:111122223333:db:{name}");
    DatabaseRef {
        arn: RdsArn::parse(&arn).expect("a database's ARN"),
        resource_id: resource_id(name),
    }
}

pub(crate) fn resource_id(name: &str) -> ResourceId {
    ResourceId::parse(&format!("db-{}", name.to_uppercase())).expect("a resource id")
}

pub(crate) fn run(name: &str) -> ProtectionRequest {
    ProtectionRequest {
        database: database(name),
        policy: policy("default"),
        planned_at: time("2026-11-22T03:00:00Z"),
        key: KeyArn::parse(KEY).expect("a key"),
        options: RunOptions::default(),
    }
}

pub(crate) fn command(name: &str, with: &str) -> Command {
    Command {
        step: Step::Copy,
        token: token(with),
        execution: execution_arn(&format!("run-of-{name}")),
        retry: 2,
        run: run(name),
    }
}

/// A wait for the copy of this name, with every attribute.
pub(crate) fn wait(name: &str, with: &str) -> Wait {
    let command = command(name, with);
    let expected = Expectation::Copy(ExpectedCopy {
        source: source(name),
        key: command.run.key.clone(),
        engine: "postgres".to_owned(),
        size_gib: 100,
        taken_at: Some(time("2026-11-22T03:01:00.250123Z")),
    });
    Wait {
        since: time("2026-11-22T03:06:00.250Z"),
        source_expires_at: Some(time("2026-11-29T03:00:00Z")),
        last_error: Some(last_error("the key is disabled")),
        ..Wait::new(
            copy(name),
            command,
            expected,
            time("2026-11-22T03:05:00.125Z"),
        )
    }
}

/// A wait in a phase.
pub(crate) fn wait_in(phase: Phase, name: &str, with: &str) -> Wait {
    Wait {
        phase,
        ..wait(name, with)
    }
}

pub(crate) fn last_error(why: &str) -> LastError {
    LastError::new(Some(Remedy::FixKey), why, time("2026-11-22T03:06:01.500Z"))
}

/// A recovery point of a database.
pub(crate) fn recovery_point(name: &str, taken_at: Option<&str>) -> Manifest {
    Manifest {
        step: Step::Copy,
        snapshot: copy(name),
        source: Some(source(name)),
        database: database(name).arn,
        resource_id: resource_id(name),
        engine: "postgres".to_owned(),
        engine_version: "17.2".to_owned(),
        size_gib: 100,
        key: Some(KeyArn::parse(KEY).expect("a key")),
        taken_at: taken_at.map(time),
    }
}

pub(crate) fn version(number: u32) -> Version {
    Version::new(number).expect("a version")
}

/// A set of policies, as it was applied.
pub(crate) fn applied(number: u32) -> Applied {
    Applied {
        stamp: Stamp {
            version: version(number),
            at: time("2026-11-22T03:05:00.125Z"),
            by: format!("arn:aws:iam::111122223333:user/author-{number}"),
            note: (number > 1).then(|| Note::parse("CHG-1").expect("a note")),
        },
        text: format!("# version {number}\n"),
        set: set(),
    }
}

fn set() -> PolicySet<AppliedKey> {
    let daily = Schedule::parse("0 3 * * *", "UTC").expect("a schedule");
    PolicySet {
        untagged: Some(policy("default")),
        cluster_copy_slots: None,
        copy_slots: Some(5),
        policies: [(policy("default"), PolicySpec::new(daily))].into(),
    }
}
