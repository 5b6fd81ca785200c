//! The simulated account: the databases to protect, and everything that must stay untouched.

use fastrand::Rng;
use jiff::Timestamp;

use super::left_out::{self, Kind, LeftAlone, SCRATCH};
use super::old_snapshots::{self, OldSnapshots};
use super::parts::{ENGINES, PARTS, Part};
use super::policies::{DemoPolicy, GOLD, STANDARD};
use super::tried;
use crate::rds::{
    ClusterSpec, CreateDbSnapshot, DbOption, Family, InstanceSpec, KeylessClusterCopies, KmsKey,
    OptionGroup, Rds, RdsConfig, RdsFault, Region, Snapshot, Tags, default_parameter_group,
};

/// Where the databases are.
pub(super) const SOURCES: [&str; 2] = ["eu-west-1", "eu-north-1"];
/// The region of their recovery points.
pub(super) const RECOVERY: &str = "eu-central-1";
/// All of the demo's regions.
pub(super) const REGIONS: [&str; 3] = [SOURCES[0], SOURCES[1], RECOVERY];
/// The account, AWS's own example number.
pub(super) const ACCOUNT: &str = "111122223333";

/// The keys of the source regions' databases.
pub(super) const SOURCE_KEYS: [&str; 2] = [
    "arn:aws:kms:eu-west-1:111122223333:key/1a2b3c4d-0000-4000-8000-00000000beef",
    "arn:aws:kms:eu-north-1:111122223333:key/5e6f7a8b-0000-4000-8000-00000000beef",
];

/// A snapshot that a person took in the first source region. It must be unchanged at the end.
pub(super) const SOMEBODYS_SNAPSHOT: &str = "before-the-migration";
/// How the names of other people's copies begin, which `--faults copies-refused` brings.
pub(super) const THIRD_PARTIES: &str = "somebody-elses-copy-";

/// How many recovery points of a database its policy keeps at most, with those that wait for their grace: a set that
/// keeps more than the quota cannot be applied.
const KEPT_MAX: usize = 12;

/// How many manual snapshots a region may hold in addition to one for each database: the person's, and other people's
/// copies.
const ROOM: usize = 40;

/// A database to protect.
#[derive(Debug, Clone)]
pub(super) struct Database {
    /// Its region.
    pub(super) region: &'static str,
    /// Whether it is an instance or a cluster.
    pub(super) family: Family,
    /// Its identifier, which others may have too.
    pub(super) name: String,
    /// DbiResourceId or DbClusterResourceId, which is unique.
    pub(super) resource_id: String,
    /// What its policy asks for.
    pub(super) policy: &'static DemoPolicy,
}

impl Database {
    /// Its label in texts for people. Each database has its own.
    #[must_use]
    pub(super) fn label(&self) -> String {
        let kind = self.family.database_kind();
        format!("{} {kind} {}", self.region, self.name)
    }

    /// Its ARN.
    #[must_use]
    pub(super) fn arn(&self) -> String {
        let kind = self.family.database_kind();
        format!("arn:aws:rds:{}:{ACCOUNT}:{kind}:{}", self.region, self.name)
    }
}

/// The fleet, and the model that holds it.
pub(super) struct Fleet {
    /// The simulated RDS.
    pub(super) rds: Rds,
    /// The databases to protect.
    pub(super) databases: Vec<Database>,
    /// The database whose copies RDS refuses permanently.
    pub(super) tried: Database,
    /// The databases that must get no recovery point, and why.
    pub(super) left_out: Vec<LeftAlone>,
    /// What is in the recovery region before the demo begins.
    pub(super) old: OldSnapshots,
}

/// A region of the demo's.
///
/// # Panics
/// Never: the names above are regions.
#[must_use]
pub(super) fn region(name: &str) -> Region {
    name.parse().expect("the demo's regions are regions")
}

/// Every snapshot of a region, of instances and then of clusters.
pub(super) fn snapshots<'a>(rds: &'a Rds, place: &str) -> impl Iterator<Item = &'a Snapshot> {
    let place = region(place);
    rds.snapshots(&place).chain(rds.cluster_snapshots(&place))
}

/// Draws a fleet from the seed.
///
/// # Errors
/// When the model refuses one of its parts, which is a fault of the demo.
pub(super) fn draw(databases: u16, seed: u64, now: Timestamp) -> Result<Fleet, RdsFault> {
    let config = RdsConfig {
        account: ACCOUNT.to_owned(),
        keyless_cluster_copies: KeylessClusterCopies::Refused,
        ..RdsConfig::default()
    };
    let mut rds = Rds::new(config, seed);
    let of_before = old_snapshots::expected(usize::from(databases));
    leave_room(&mut rds, KEPT_MAX * usize::from(databases) + of_before);
    let mut rng = Rng::with_seed(seed);
    add_keys(&mut rds);
    add_option_groups(&mut rds);
    let mut all = Vec::new();
    for n in 0..usize::from(databases) {
        all.push(add_database(&mut rds, n, seed, &mut rng)?);
    }
    let tried = tried::add(&mut rds)?;
    let left_out = left_out::add(&mut rds)?;
    take_by_hand(&mut rds, now)?;
    let old = old_snapshots::plant(&mut rds, &all, now)?;
    Ok(Fleet {
        databases: all,
        tried,
        left_out,
        old,
        rds,
    })
}

/// Lets RDS take an automated snapshot of each database whose policy copies those. Real RDS does so once a day in the
/// backup window. Here the demo decides when.
///
/// # Errors
/// When the model refuses one, which is a fault of the demo.
pub(super) fn take_automated_snapshots(
    rds: &mut Rds,
    databases: &[Database],
) -> Result<(), RdsFault> {
    for one in databases.iter().filter(|one| one.policy.is_automated) {
        let now = rds.now();
        rds.take_automated_snapshot(one.family, &region(one.region), &one.name, now)?;
    }
    Ok(())
}

/// Raises the quotas of manual snapshots if they are too low for the fleet, as people can on AWS.
pub(super) fn leave_room(rds: &mut Rds, snapshots: usize) {
    let config = rds.config_mut();
    if snapshots + 1 > config.manual_snapshot_quota {
        config.manual_snapshot_quota = snapshots + ROOM;
        config.manual_cluster_snapshot_quota = snapshots + ROOM;
    }
}

/// All keys, each with its region and its alias.
pub(super) fn keys() -> [(&'static str, &'static str, &'static str); 4] {
    [
        (SOURCES[0], SOURCE_KEYS[0], "alias/databases"),
        (SOURCES[1], SOURCE_KEYS[1], "alias/databases"),
        (RECOVERY, STANDARD.key, "alias/recovery"),
        (RECOVERY, GOLD.key, "alias/recovery-gold"),
    ]
}

fn add_keys(rds: &mut Rds) {
    for (place, arn, alias) in keys() {
        let key = KmsKey {
            arn: arn.to_owned(),
            aliases: vec![alias.to_owned()],
            enabled: true,
        };
        rds.add_key(&region(place), key);
    }
}

/// The option groups that the policies map, with the same option on both sides.
fn add_option_groups(rds: &mut Rds) {
    for (from, to) in GOLD.option_groups {
        let all = SOURCES.map(|place| (place, *from));
        for (place, name) in all.into_iter().chain([(RECOVERY, *to)]) {
            let group = OptionGroup {
                name: name.to_owned(),
                engine: ENGINES[0].0.to_owned(),
                major_version: "16.00".to_owned(),
                options: vec![DbOption {
                    name: "SQLSERVER_AUDIT".to_owned(),
                    is_persistent: false,
                }],
            };
            rds.add_option_group(&region(place), group);
        }
    }
}

/// The tags of a database of this policy: some that the policy may carry over, and some that only AWS may set.
pub(super) fn tags(policy: &DemoPolicy) -> Tags {
    Tags::of_system([
        ("snapferry:policy", policy.name),
        ("team", "shop"),
        ("cost-center", "4711"),
        ("aws:cloudformation:stack-name", "shop"),
    ])
}

fn add_database(rds: &mut Rds, n: usize, seed: u64, rng: &mut Rng) -> Result<Database, RdsFault> {
    let part = &PARTS[n % PARTS.len()];
    let name = match n / PARTS.len() {
        0 => part.subject.to_owned(),
        round => format!("{}{}", part.subject, round + 1),
    };
    let place = region(SOURCES[part.place]);
    let resource_id = match part.family {
        Family::Instance => {
            // Every other one, so that a small fleet has both.
            let is_encrypted = (n as u64 + seed).is_multiple_of(2);
            rds.add_instance(&place, instance(&name, part, is_encrypted, rng))?
        }
        Family::Cluster => add_cluster(rds, &place, cluster(&name, part, rng))?,
    };
    Ok(Database {
        region: SOURCES[part.place],
        family: part.family,
        name,
        resource_id,
        policy: part.policy,
    })
}

fn instance(name: &str, part: &Part, is_encrypted: bool, rng: &mut Rng) -> InstanceSpec {
    let drawn = rng.usize(..ENGINES.len());
    let (engine, version, license, default_group) = match part.option_group {
        Some(_) => ENGINES[0],
        None => ENGINES[drawn],
    };
    InstanceSpec {
        engine: engine.to_owned(),
        engine_version: version.to_owned(),
        license_model: license.to_owned(),
        allocated_storage: rng.u32(2..40) * 10,
        kms_key: is_encrypted.then(|| SOURCE_KEYS[part.place].to_owned()),
        tags: tags(part.policy),
        option_group: part.option_group.unwrap_or(default_group).to_owned(),
        parameter_group: default_parameter_group(engine, version),
        ..InstanceSpec::postgres(name)
    }
}

fn cluster(name: &str, part: &Part, rng: &mut Rng) -> ClusterSpec {
    let (engine, version) = if rng.bool() {
        ("aurora-postgresql", "16.9")
    } else {
        ("aurora-mysql", "8.0.mysql_aurora.3.10.1")
    };
    ClusterSpec {
        engine: engine.to_owned(),
        engine_version: version.to_owned(),
        kms_key: Some(SOURCE_KEYS[part.place].to_owned()),
        parameter_group: default_parameter_group(engine, version),
        tags: tags(part.policy),
        ..ClusterSpec::aurora(name)
    }
}

/// Adds a cluster. Its members have its tags, and must still not be treated as instances.
pub(super) fn add_cluster(
    rds: &mut Rds,
    place: &Region,
    spec: ClusterSpec,
) -> Result<String, RdsFault> {
    let (tags, members) = (spec.tags.clone(), spec.members.clone());
    let resource_id = rds.add_cluster(place, spec)?;
    for member in members {
        rds.change_instance(place, &member, |one| one.spec.tags = tags.clone());
    }
    Ok(resource_id)
}

/// A snapshot that a person took of a database that is left out.
fn take_by_hand(rds: &mut Rds, now: Timestamp) -> Result<(), RdsFault> {
    let by_hand = CreateDbSnapshot {
        snapshot: SOMEBODYS_SNAPSHOT.to_owned(),
        instance: SCRATCH.to_owned(),
        tags: vec![("owner".to_owned(), "somebody".to_owned())],
    };
    let taken = rds.create_db_snapshot(&region(SOURCES[0]), &by_hand, now);
    taken.map(|_| ())
}

impl Fleet {
    /// The databases that a policy selects: those to protect, and the one whose copies RDS refuses.
    #[must_use]
    pub(super) fn selected(&self) -> Vec<Database> {
        self.databases
            .iter()
            .chain([&self.tried])
            .cloned()
            .collect()
    }

    /// What it is made of, in lines.
    #[must_use]
    pub(super) fn composition(&self) -> Vec<String> {
        let count = |fits: &dyn Fn(&Database) -> bool| {
            self.databases.iter().filter(|one| fits(one)).count()
        };
        let clusters = count(&|one| one.family == Family::Cluster);
        let places =
            SOURCES.map(|place| format!("{} in {place}", count(&|one| one.region == place)));
        let gold = count(&|one| one.policy == &GOLD);
        let with_options = count(&|one| self.has_options(one));
        let automated = count(&|one| one.policy.is_automated);
        let encrypted = count(&|one| self.is_encrypted(one));
        let mut lines = vec![format!(
            "{} to protect: {} instances and {clusters} Aurora clusters; {}; {encrypted} encrypted; {gold} of the policy gold; {with_options} with an option group of its own; {automated} by RDS's automated snapshots",
            self.databases.len(),
            self.databases.len() - clusters,
            places.join(" and "),
        )];
        let foreign = self.old.values().filter(|one| one.kind.is_foreign());
        let foreign = foreign.count();
        lines.push(format!(
            "{} old recovery points and {foreign} snapshots of others in {RECOVERY}",
            self.old.len() - foreign
        ));
        for (kind, words) in [
            (Kind::Refused, "to be refused"),
            (Kind::NotNow, "not to be taken now"),
            (Kind::Excluded, "to be left out"),
        ] {
            let of_kind = self.left_out.iter().filter(|one| one.kind == kind);
            let mut what: Vec<&str> = of_kind.map(|one| one.what).collect();
            let count = what.len();
            what.sort_unstable();
            what.dedup();
            lines.push(format!("{count} {words}: {}", what.join(", ")));
        }
        lines.push(format!(
            "1 to be tried, whose copies RDS refuses: {}",
            tried::WHAT
        ));
        lines
    }

    fn has_options(&self, database: &Database) -> bool {
        let found = self.rds.instance(&region(database.region), &database.name);
        let has = |group: &str| database.policy.option_group(group).is_some();
        database.family == Family::Instance && found.is_some_and(|one| has(&one.spec.option_group))
    }

    fn is_encrypted(&self, database: &Database) -> bool {
        let place = region(database.region);
        match database.family {
            Family::Instance => {
                let found = self.rds.instance(&place, &database.name);
                found.is_some_and(|one| one.spec.kms_key.is_some())
            }
            Family::Cluster => {
                let found = self.rds.cluster(&place, &database.name);
                found.is_some_and(|one| one.spec.kms_key.is_some())
            }
        }
    }
}
