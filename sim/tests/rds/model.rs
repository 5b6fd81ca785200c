//! Small worlds, and short ways to ask them.

use jiff::Timestamp;
use snapferry_sim::rds::{
    CopyDbSnapshot, CreateDbSnapshot, EmittedEvent, InstanceSpec, KmsKey, Rds, RdsConfig, RdsFault,
    Region,
};

pub(crate) const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1111";
pub(crate) const FAR_KEY: &str = "arn:aws:kms:eu-central-1:111122223333:key/2222";

pub(crate) fn here() -> Region {
    "eu-west-1".parse().unwrap()
}

pub(crate) fn there() -> Region {
    "eu-central-1".parse().unwrap()
}

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_767_323_045 + seconds).unwrap()
}

pub(crate) fn world(config: RdsConfig) -> Rds {
    let mut rds = Rds::new(config, 7);
    let key = |arn: &str, alias: &str| KmsKey {
        arn: arn.to_owned(),
        aliases: vec![alias.to_owned()],
        enabled: true,
    };
    rds.add_key(&here(), key(KEY, "alias/source"));
    rds.add_key(&there(), key(FAR_KEY, "alias/recovery"));
    rds
}

pub(crate) fn with_instances(names: &[&str]) -> Rds {
    let mut rds = world(RdsConfig::default());
    for name in names {
        rds.add_instance(&here(), InstanceSpec::postgres(*name))
            .unwrap();
    }
    rds
}

pub(crate) fn create(snapshot: &str, instance: &str) -> CreateDbSnapshot {
    CreateDbSnapshot {
        snapshot: snapshot.into(),
        instance: instance.into(),
        tags: vec![],
    }
}

pub(crate) fn arn(snapshot: &str) -> String {
    format!("arn:aws:rds:eu-west-1:111122223333:snapshot:{snapshot}")
}

pub(crate) fn copy(snapshot: &str, target: &str) -> CopyDbSnapshot {
    CopyDbSnapshot {
        source: arn(snapshot),
        target: target.into(),
        ..CopyDbSnapshot::default()
    }
}

/// Lets everything happen that is due, and returns the events.
pub(crate) fn run_out(rds: &mut Rds) -> Vec<EmittedEvent> {
    let mut events = Vec::new();
    while let Some(due) = rds.next_due() {
        events.extend(rds.advance(due));
    }
    events
}

/// A world with an available snapshot of one instance.
pub(crate) fn with_snapshot(change: impl FnOnce(&mut InstanceSpec)) -> Rds {
    let mut rds = world(RdsConfig::default());
    let mut spec = InstanceSpec::postgres("orders");
    change(&mut spec);
    rds.add_instance(&here(), spec).unwrap();
    rds.create_db_snapshot(&here(), &create("s", "orders"), at(0))
        .unwrap();
    run_out(&mut rds);
    rds
}

pub(crate) fn tags(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs
        .iter()
        .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
        .collect()
}

pub(crate) fn code<T>(answer: Result<T, RdsFault>) -> &'static str {
    answer.err().map_or("success", |fault| fault.code())
}
