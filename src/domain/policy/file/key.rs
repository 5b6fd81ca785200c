//! The keys that a file may have, and which one the author probably meant.

use crate::domain::policy::rules::RULE_NAMES;

/// The keys at the top of a file.
pub(super) const TOP: [&str; 4] = [UNTAGGED, COPY_SLOTS, CLUSTER_COPY_SLOTS, POLICY];
/// The keys in a policy's table, apart from its rules of retention.
pub(super) const OF_POLICY: [&str; 19] = [
    SCHEDULE,
    TIME_ZONE,
    SOURCE,
    RETENTION,
    RPO,
    KMS_KEY,
    CARRY_TAGS,
    OPTION_GROUPS,
    COPY_SLOTS,
    CLUSTER_COPY_SLOTS,
    CATCH_UP,
    SPREAD,
    PAUSED,
    MIN_KEEP,
    ALSO,
    SOURCE_RETENTION,
    WHEN_GONE,
    RESTORE,
    DRILL,
];
/// The keys of a policy's table `drill`.
pub(super) const OF_DRILL: [&str; 11] = [
    EVERY,
    SAMPLE,
    LEVEL,
    CHECK,
    SUBNET_GROUP,
    SECURITY_GROUPS,
    DEADLINE,
    COST_CEILING,
    RTO,
    ALLOW_JOBS,
    PARAMETER_GROUPS,
];

pub(super) const UNTAGGED: &str = "untagged";
pub(super) const COPY_SLOTS: &str = "copy_slots";
pub(super) const CLUSTER_COPY_SLOTS: &str = "cluster_copy_slots";
pub(super) const POLICY: &str = "policy";
pub(super) const SCHEDULE: &str = "schedule";
pub(super) const TIME_ZONE: &str = "time_zone";
pub(super) const SOURCE: &str = "source";
pub(super) const RETENTION: &str = "retention";
pub(super) const MIN_KEEP: &str = "min_keep";
pub(super) const ALSO: &str = "also";
pub(super) const SOURCE_RETENTION: &str = "source_retention";
pub(super) const WHEN_GONE: &str = "when_gone";
pub(super) const AFTER: &str = "after";
pub(super) const RPO: &str = "rpo";
pub(super) const KMS_KEY: &str = "kms_key";
pub(super) const CARRY_TAGS: &str = "carry_tags";
pub(super) const OPTION_GROUPS: &str = "option_groups";
pub(super) const PAUSED: &str = "paused";
pub(super) const CATCH_UP: &str = "catch_up";
pub(super) const SPREAD: &str = "spread";
pub(super) const RESTORE: &str = "restore";
pub(super) const PUBLICLY_ACCESSIBLE: &str = "publicly_accessible";
pub(super) const DRILL: &str = "drill";
pub(super) const EVERY: &str = "every";
pub(super) const SAMPLE: &str = "sample";
pub(super) const LEVEL: &str = "level";
pub(super) const CHECK: &str = "check";
pub(super) const SUBNET_GROUP: &str = "subnet_group";
pub(super) const SECURITY_GROUPS: &str = "security_groups";
pub(super) const DEADLINE: &str = "deadline";
pub(super) const COST_CEILING: &str = "cost_ceiling";
pub(super) const RTO: &str = "rto";
pub(super) const ALLOW_JOBS: &str = "allow_jobs";
pub(super) const PARAMETER_GROUPS: &str = "parameter_groups";

/// All keys of a policy's table.
pub(super) fn of_policy() -> Vec<&'static str> {
    OF_POLICY.into_iter().chain(rule_names()).collect()
}

/// The rules of retention.
pub(super) fn rule_names() -> [&'static str; RULE_NAMES.len()] {
    RULE_NAMES.map(|(name, _)| name)
}

/// How alike two words must be for one to be taken for a slip of the other.
const ALIKE: f64 = 0.5;

/// The known word that was probably meant.
pub(super) fn meant<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    // A much longer text cannot be a typo of any word, and long texts take long to compare.
    if word.len() > 64 {
        return None;
    }
    let word = word.to_lowercase();
    known
        .into_iter()
        .map(|known| {
            let alike = strsim::normalized_damerau_levenshtein(&word, &known.to_lowercase());
            (alike, known)
        })
        .filter(|(alike, _)| *alike >= ALIKE)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, known)| known)
}

/// "; did you mean …?", or nothing.
#[must_use]
pub fn hint<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> String {
    meant(word, known).map_or_else(String::new, |known| format!("; did you mean {known}?"))
}
