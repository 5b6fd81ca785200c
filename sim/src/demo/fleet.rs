//! The simulated account: the databases to protect, and what must not be touched.

use fastrand::Rng;
use jiff::Timestamp;

use crate::rds::{CreateDbSnapshot, InstanceSpec, KmsKey, Rds, RdsConfig, RdsFault, Region, Tags};

/// Where the databases are.
pub(super) const SOURCE: &str = "eu-west-1";
/// Where their recovery points go.
pub(super) const RECOVERY: &str = "eu-central-1";
/// The account, AWS's own example number.
pub(super) const ACCOUNT: &str = "111122223333";
/// The key of the recovery points.
pub(super) const RECOVERY_KEY: &str =
    "arn:aws:kms:eu-central-1:111122223333:key/7f1d0c3e-0000-4000-8000-00000000c0de";
const SOURCE_KEY: &str =
    "arn:aws:kms:eu-west-1:111122223333:key/1a2b3c4d-0000-4000-8000-00000000beef";

/// A snapshot that a person took: it must be there, unchanged, at the end.
pub(super) const SOMEBODYS_SNAPSHOT: &str = "before-the-migration";
/// How the names of other people's copies begin, which `--faults copies-refused` brings.
pub(super) const STRANGERS: &str = "somebody-elses-copy-";
/// Instances that nobody asked to protect.
pub(super) const BYSTANDERS: [&str; 2] = ["sandbox", "scratch"];

const SUBJECTS: [&str; 12] = [
    "orders",
    "billing",
    "catalog",
    "customers",
    "inventory",
    "ledger",
    "sessions",
    "search",
    "shipping",
    "support",
    "reports",
    "identity",
];
const ENGINES: [(&str, &str, &str); 4] = [
    ("postgres", "17.6", "postgresql-license"),
    ("mysql", "8.4.6", "general-public-license"),
    ("mariadb", "11.8.3", "general-public-license"),
    ("sqlserver-se", "16.00.4215.2.v1", "license-included"),
];

/// The fleet, and the model that holds it.
pub(super) struct Fleet {
    /// The simulated RDS.
    pub(super) rds: Rds,
    /// The identifiers of the databases to protect.
    pub(super) databases: Vec<String>,
}

/// A region of the demo's.
///
/// # Panics
/// Never: the names above are regions.
#[must_use]
pub(super) fn region(name: &str) -> Region {
    name.parse().expect("the demo's regions are regions")
}

/// Draws a fleet from the seed.
///
/// # Errors
/// When the model refuses one of its parts, which is a fault of the demo.
pub(super) fn draw(databases: u16, seed: u64, now: Timestamp) -> Result<Fleet, RdsFault> {
    let config = RdsConfig {
        account: ACCOUNT.to_owned(),
        ..RdsConfig::default()
    };
    let mut rds = Rds::new(config, seed);
    let mut rng = Rng::with_seed(seed);
    let (source, recovery) = (region(SOURCE), region(RECOVERY));
    for (region, arn, alias) in [
        (&source, SOURCE_KEY, "alias/databases"),
        (&recovery, RECOVERY_KEY, "alias/recovery"),
    ] {
        let key = KmsKey {
            arn: arn.to_owned(),
            aliases: vec![alias.to_owned()],
            enabled: true,
        };
        rds.add_key(region, key);
    }
    let mut names = Vec::new();
    for n in 0..databases {
        let name = name(n);
        rds.add_instance(&source, database(&name, &mut rng))?;
        names.push(name);
    }
    add_bystanders(&mut rds, &source, now)?;
    Ok(Fleet {
        rds,
        databases: names,
    })
}

fn name(n: u16) -> String {
    let subject = SUBJECTS[usize::from(n) % SUBJECTS.len()];
    match usize::from(n) / SUBJECTS.len() {
        0 => subject.to_owned(),
        round => format!("{subject}-{}", round + 1),
    }
}

fn database(name: &str, rng: &mut Rng) -> InstanceSpec {
    let (engine, version, license) = ENGINES[rng.usize(..ENGINES.len())];
    InstanceSpec {
        engine: engine.to_owned(),
        engine_version: version.to_owned(),
        license_model: license.to_owned(),
        allocated_storage: rng.u32(2..40) * 10,
        kms_key: rng.bool().then(|| SOURCE_KEY.to_owned()),
        tags: Tags::of_system([("snapferry:policy", "default"), ("team", "shop")]),
        ..InstanceSpec::postgres(name)
    }
}

/// One instance without a tag, one that is excluded, and a snapshot that a person took.
fn add_bystanders(rds: &mut Rds, source: &Region, now: Timestamp) -> Result<(), RdsFault> {
    let [excluded, untagged] = BYSTANDERS;
    let tags = Tags::of_system([
        ("snapferry:policy", "default"),
        ("snapferry:exclude", "true"),
    ]);
    rds.add_instance(
        source,
        InstanceSpec {
            tags,
            ..InstanceSpec::postgres(excluded)
        },
    )?;
    rds.add_instance(source, InstanceSpec::postgres(untagged))?;
    let by_hand = CreateDbSnapshot {
        snapshot: SOMEBODYS_SNAPSHOT.to_owned(),
        instance: untagged.to_owned(),
        tags: vec![("owner".to_owned(), "somebody".to_owned())],
    };
    rds.create_db_snapshot(source, &by_hand, now)?;
    Ok(())
}
