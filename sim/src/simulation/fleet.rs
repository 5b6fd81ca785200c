//! The fleet of a world: its databases, keys and policies, and what belongs to other people.

use fastrand::Rng;
use jiff::SignedDuration;
use snapferry::domain::id::arn::{Family, KeyArn, RdsArn, Region};
use snapferry::domain::id::names::OptionGroup;
use snapferry::domain::id::tags::{PolicyName, TagKey};
use snapferry::domain::policy::in_force::{Policies, Policy};
use snapferry::domain::policy::schedule::Schedule;
use snapferry::domain::policy::spec::PolicyOptions;

use super::backups::Nightly;
use super::judge::home;
use super::kinds;
use super::never_copied::NEVER_COPIED;
use super::operator_actions::FOREIGN;
use super::run::BEGIN;
use super::third_parties::OTHER_KEY;
use super::world::{ACCOUNT, World, rds_region};
use crate::rds::{
    ClusterSpec, CreateDbSnapshot, DbOption, InstanceSpec, KmsKey, Rds, Region as RdsRegion, Tags,
};

/// The key of the built-in policy.
pub(super) const KEY: &str =
    "arn:aws:kms:eu-central-1:111122223333:key/11111111-2222-3333-4444-555555555555";
/// The key of the policy with slots of its own.
const BOUNDED_KEY: &str =
    "arn:aws:kms:eu-central-1:111122223333:key/33333333-4444-5555-6666-777777777777";
const BOUNDED: &str = "bounded";
/// An option group of the source regions, and its counterpart in the recovery region.
pub(super) const OPTIONS: [&str; 2] = ["audited", "audited-at-home"];
/// The tag that the second policy's recovery points carry.
const CARRIED: &str = "team";

/// The built-in policy, and a second one with its own slots, key, schedule, carried tags and option groups.
pub(super) fn policies(default: Policy, rng: &mut Rng) -> Policies {
    let name = PolicyName::parse(BOUNDED).expect("a name");
    let pattern = ["0 6 * * *", "30 */2 * * *", "0 */3 * * *"][rng.usize(..3)];
    let schedule = Schedule::parse(pattern, "UTC").expect("a schedule");
    let [here, there] = OPTIONS.map(|name| OptionGroup::parse(name).expect("an option group"));
    let mut bounded = Policy::new(name, schedule, KeyArn::parse(BOUNDED_KEY).expect("an ARN"));
    bounded.options = PolicyOptions {
        carry_tags: vec![TagKey::parse(CARRIED).expect("a tag's key")],
        option_groups: [(here, there)].into(),
        copy_slots: (rng.u8(..4) > 0).then_some(1),
        ..PolicyOptions::default()
    };
    Policies {
        all: vec![default, bounded],
        untagged: None,
        copy_slots: (rng.u8(..4) == 0).then(|| rng.usize(1..=2)),
        cluster_copy_slots: None,
    }
}

/// Creates the fleet.
pub(super) fn furnish(
    rds: &mut Rds,
    regions: &[Region],
    nightly: &mut Option<Nightly>,
    rng: &mut Rng,
) {
    let at_home = rds_region(&home());
    for arn in [KEY, BOUNDED_KEY, OTHER_KEY] {
        put_key(rds, &at_home, arn.to_owned());
    }
    put_option_group(rds, &at_home, OPTIONS[1]);
    // Drawn from a generator of its own, so that every world keeps the instances that it had before there were clusters
    // and a second policy.
    let mut of_clusters = rng.clone();
    let mut for_policies = rng.clone().fork();
    let has_one_that_is_never_copied = rng.clone().fork().u8(..3) == 0;
    for (n, region) in regions.iter().enumerate() {
        let is_first = n == 0;
        let at = rds_region(region);
        put_option_group(rds, &at, OPTIONS[0]);
        if of_clusters.u8(..3) == 0 {
            put_cluster(rds, &at, of_clusters.bool());
        }
        if for_policies.u8(..3) == 0 {
            put_hopeless_cluster(rds, &at);
        }
        for n in 0..rng.usize(1..=4) {
            let mut spec = InstanceSpec::postgres(format!("db-{n}"));
            spec.tags = match rng.u8(..8) {
                0 if for_policies.bool() => Tags::of_system([("snapferry:policy", "nobody-wrote")]),
                0 => Tags::default(),
                1 => Tags::of_system([
                    ("snapferry:policy", "default"),
                    ("snapferry:exclude", "true"),
                ]),
                _ => Tags::of_system([("snapferry:policy", "default")]),
            };
            let is_protected = protects(&spec.tags, "default");
            if is_protected && for_policies.u8(..3) == 0 {
                bind(&mut spec, &mut for_policies);
            }
            let _ = rds.add_instance(&at, spec);
        }
        if is_first && has_one_that_is_never_copied {
            let mut spec = InstanceSpec::postgres(NEVER_COPIED);
            spec.tags = Tags::of_system([("snapferry:policy", "default")]);
            let _ = rds.add_instance(&at, spec);
        }
        if let Some(nightly) = nightly {
            nightly.take(rds, &at);
            if is_first {
                nightly.take_old_ones(rds, &at);
            }
        }
        put_foreign(rds, &at);
        kinds::put(rds, &at, rng);
    }
    rds.advance(BEGIN);
}

/// Gives an instance to the second policy.
fn bind(spec: &mut InstanceSpec, rng: &mut Rng) {
    spec.tags = Tags::of_system([("snapferry:policy", BOUNDED), (CARRIED, "payments")]);
    if rng.bool() {
        OPTIONS[0].clone_into(&mut spec.option_group);
    }
}

fn put_foreign(rds: &mut Rds, at: &RdsRegion) {
    let _ = rds.add_instance(at, InstanceSpec::postgres("strangers"));
    let foreign = CreateDbSnapshot {
        snapshot: FOREIGN.to_owned(),
        instance: "strangers".to_owned(),
        tags: vec![("owner".to_owned(), "somebody".to_owned())],
    };
    let before = BEGIN
        .saturating_sub(SignedDuration::from_hours(1))
        .unwrap_or(BEGIN);
    let _ = rds.create_db_snapshot(at, &foreign, before);
}

/// An option group with one option, which a copy can do without.
fn put_option_group(rds: &mut Rds, at: &RdsRegion, name: &str) {
    let group = crate::rds::OptionGroup {
        name: name.to_owned(),
        engine: "postgres".to_owned(),
        major_version: "17".to_owned(),
        options: vec![DbOption {
            name: "AUDIT".to_owned(),
            is_persistent: false,
        }],
    };
    rds.add_option_group(at, group);
}

fn put_key(rds: &mut Rds, at: &RdsRegion, arn: String) {
    let key = KmsKey {
        arn,
        aliases: Vec::new(),
        enabled: true,
    };
    rds.add_key(at, key);
}

/// An encrypted cluster with two members. An instance of the region has the same name.
fn put_cluster(rds: &mut Rds, at: &RdsRegion, is_excluded: bool) {
    let arn = format!("arn:aws:kms:{at}:{ACCOUNT}:key/22222222-3333-4444-5555-666666666666");
    put_key(rds, at, arn.clone());
    let mut spec = ClusterSpec::aurora("db-0");
    spec.members = vec!["db-0-writer".to_owned(), "db-0-reader".to_owned()];
    spec.kms_key = Some(arn);
    spec.tags = Tags::of_system([("snapferry:policy", "default")]);
    if is_excluded {
        spec.tags = Tags::of_system([("snapferry:exclude", "true")]);
    }
    let _ = rds.add_cluster(at, spec);
}

/// What is selected and can never be protected: a Multi-AZ DB cluster.
fn put_hopeless_cluster(rds: &mut Rds, at: &RdsRegion) {
    let mut spec = ClusterSpec::multi_az("of-three");
    spec.tags = Tags::of_system([("snapferry:policy", "default")]);
    let _ = rds.add_cluster(at, spec);
}

/// Whether these tags ask a policy for protection.
pub(super) fn protects(tags: &Tags, policy: &str) -> bool {
    tags.get("snapferry:policy") == Some(policy) && tags.get("snapferry:exclude").is_none()
}

impl World {
    /// The resource ids of a region's databases that a policy should protect, and can.
    pub(super) fn to_be_protected(&self, region: &RdsRegion, policy: &str) -> Vec<&str> {
        let instances = self.rds.instances(region);
        let instances = instances
            .filter(|i| kinds::protects_instance(i, policy))
            .map(|i| i.resource_id.as_str());
        let clusters = self.rds.clusters(region);
        let clusters = clusters
            .filter(|c| kinds::protects_cluster(c, policy))
            .map(|c| c.resource_id.as_str());
        instances.chain(clusters).collect()
    }

    /// The option group for a database's recovery points. `None` if no policy maps it.
    pub(super) fn option_group_at_home(&self, database: &RdsArn) -> Option<&'static str> {
        let spec = self.bound_instance(database)?;
        (spec.option_group == OPTIONS[0]).then_some(OPTIONS[1])
    }

    /// The tags that a database's recovery points must carry.
    pub(super) fn carried_tag(&self, database: &RdsArn) -> Option<(&'static str, &str)> {
        let spec = self.bound_instance(database)?;
        Some((CARRIED, spec.tags.get(CARRIED)?))
    }

    /// The second policy protects instances only.
    fn bound_instance(&self, database: &RdsArn) -> Option<&InstanceSpec> {
        if database.family() != Family::Instance {
            return None;
        }
        let at = rds_region(database.region());
        let instance = self.rds.instance(&at, database.name())?;
        protects(&instance.spec.tags, BOUNDED).then_some(&instance.spec)
    }
}
