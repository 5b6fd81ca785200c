//! The policies of the demo's account: the file that a person applies, and what each policy asks for.

use super::fleet::RECOVERY;

/// What a policy asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct DemoPolicy {
    /// Its name, which databases carry as `snapferry:policy`.
    pub(super) name: &'static str,
    /// The recovery region's key.
    pub(super) key: &'static str,
    /// The tags of databases that recovery points carry too.
    pub(super) carries: &'static [&'static str],
    /// The option group of a recovery point, by the one that its database has.
    pub(super) option_groups: &'static [(&'static str, &'static str)],
    /// How many of its copies may be in flight at once, if the policy has a limit of its own.
    pub(super) copy_slots: Option<u16>,
    /// Whether it copies RDS's automated snapshots, instead of snapshots that Snapferry takes.
    pub(super) is_automated: bool,
    /// Which recovery points stay.
    pub(super) keeps: &'static [Keep],
}

/// A rule of retention.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    /// The last so many.
    Last(usize),
    /// The newest of each of so many days.
    Daily(usize),
    /// Of so many weeks.
    Weekly(usize),
    /// Of so many months.
    Monthly(usize),
    /// All that are younger than the newest less so many days.
    WithinDays(i64),
}

impl Keep {
    fn toml(self) -> String {
        match self {
            Self::Last(count) => format!("keep_last = {count}\n"),
            Self::Daily(count) => format!("keep_daily = {count}\n"),
            Self::Weekly(count) => format!("keep_weekly = {count}\n"),
            Self::Monthly(count) => format!("keep_monthly = {count}\n"),
            Self::WithinDays(days) => format!("keep_within = \"{days}d\"\n"),
        }
    }
}

/// The policy of most databases.
pub(super) static STANDARD: DemoPolicy = DemoPolicy {
    name: "default",
    key: "arn:aws:kms:eu-central-1:111122223333:key/7f1d0c3e-0000-4000-8000-00000000c0de",
    carries: &[],
    option_groups: &[],
    copy_slots: None,
    is_automated: false,
    keeps: &[Keep::Last(2), Keep::Weekly(3)],
};

/// The policy of some databases, with its own key, tags, option groups and copy slots.
pub(super) static GOLD: DemoPolicy = DemoPolicy {
    name: "gold",
    key: "arn:aws:kms:eu-central-1:111122223333:key/901d0c3e-0000-4000-8000-00000000901d",
    carries: &["team", "cost-center"],
    option_groups: &[("sqlserver-audit", "sqlserver-audit-recovery")],
    copy_slots: Some(10),
    is_automated: false,
    keeps: &[Keep::Daily(3), Keep::Monthly(3)],
};

/// The policy that copies RDS's automated snapshots.
pub(super) static NIGHTLY: DemoPolicy = DemoPolicy {
    name: "nightly",
    key: STANDARD.key,
    carries: &[],
    option_groups: &[],
    copy_slots: None,
    is_automated: true,
    keeps: &[Keep::WithinDays(4)],
};

impl DemoPolicy {
    /// The option group of a recovery point, if it differs from its database's.
    #[must_use]
    pub(super) fn option_group(&self, of_database: &str) -> Option<&'static str> {
        let mut all = self.option_groups.iter();
        all.find(|(from, _)| *from == of_database)
            .map(|(_, to)| *to)
    }

    fn toml(&self) -> String {
        let mut text = format!(
            "[policy.{}]\nschedule = \"0 3 * * *\"\nkms_key = \"{}\"\n",
            self.name, self.key
        );
        if self.is_automated {
            text.push_str("source = \"automated\"\n");
        }
        if let Some(slots) = self.copy_slots {
            text.push_str(&format!("copy_slots = {slots}\n"));
        }
        if !self.carries.is_empty() {
            // Rust writes these words as TOML does.
            text.push_str(&format!("carry_tags = {:?}\n", self.carries));
        }
        for rule in self.keeps {
            text.push_str(&rule.toml());
        }
        if !self.option_groups.is_empty() {
            text.push_str(&format!("\n[policy.{}.option_groups]\n", self.name));
        }
        for (from, to) in self.option_groups {
            text.push_str(&format!("{from} = \"{to}\"\n"));
        }
        text
    }
}

/// The policy file. Databases without the tag `snapferry:policy` are left out.
#[must_use]
pub(super) fn file() -> String {
    let head = format!("# The demo's policies: copies go to {RECOVERY}.\n");
    [head, STANDARD.toml(), GOLD.toml(), NIGHTLY.toml()].join("\n")
}

/// The subnet group of everything that is restored.
pub(super) const RESTORE_GROUP: &str = "recovery";
/// The subnet group of drills.
pub(super) const DRILL_GROUP: &str = "drills";
/// The security groups of restores and of drills.
pub(super) const SECURITY_GROUPS: [&str; 2] = ["sg-9f8e7d6c5b4a39281", "sg-0d1e2f3a4b5c6d7e8"];

/// The policy file with what stands for what in the recovery region, and with drills. Those of the policy gold are made in a
/// subnet group of its own. A drill of the policy nightly must be over within a minute.
#[must_use]
pub(super) fn file_with_drills(restores: &str, of_gold: &str) -> String {
    let mut text = file();
    for policy in [&STANDARD, &GOLD, &NIGHTLY] {
        let name = policy.name;
        let group = if name == GOLD.name {
            of_gold
        } else {
            DRILL_GROUP
        };
        let deadline = if policy.is_automated { "1m" } else { "1h" };
        let ([restored, drilled], key) = (SECURITY_GROUPS, policy.key);
        text.push_str(&format!(
            "
[policy.{name}.restore.subnet_groups]
\"*\" = \"{restores}\"
[policy.{name}.restore.security_groups]
\"*\" = \"{restored}\"
[policy.{name}.restore.parameter_groups]
tuned = \"tuned-here\"
tuned-cluster = \"tuned-cluster-here\"
[policy.{name}.restore.keys]
\"*\" = \"{key}\"
[policy.{name}.drill]
every = \"30d\"
subnet_group = \"{group}\"
security_groups = [\"{drilled}\"]
deadline = \"{deadline}\"
[policy.{name}.drill.parameter_groups]
\"*\" = \"quiet\"
"
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_one_that_the_product_reads_and_says_what_is_checked() {
        let home = snapferry::domain::id::arn::Region::parse(RECOVERY).unwrap();
        let read = snapferry::domain::policy::file::read(&file(), Some(&home)).unwrap();
        let names: Vec<String> = read.set.policies.keys().map(ToString::to_string).collect();
        assert_eq!(names, ["default", "gold", "nightly"]);
        assert_eq!(
            GOLD.option_group("sqlserver-audit"),
            Some("sqlserver-audit-recovery")
        );
        assert_eq!(STANDARD.option_group("sqlserver-audit"), None);
    }

    #[test]
    fn the_file_with_drills_is_one_that_the_product_reads() {
        let home = snapferry::domain::id::arn::Region::parse(RECOVERY).unwrap();
        let text = file_with_drills(RESTORE_GROUP, DRILL_GROUP);
        let read = snapferry::domain::policy::file::read(&text, Some(&home)).unwrap();
        for (name, policy) in &read.set.policies {
            assert!(policy.options.drill.is_some(), "{name}");
        }
    }
}
