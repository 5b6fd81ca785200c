//! Reads a file. The parser goes on after a fault, and so does the reader of its tables.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use toml::Spanned;
use toml::de::{DeArray, DeString, DeTable, DeValue};

use super::fault::{Fault, Faults, Place};
use super::key::{
    CARRY_TAGS, CATCH_UP, CLUSTER_COPY_SLOTS, COPY_SLOTS, DRILL, KMS_KEY, OPTION_GROUPS, PAUSED,
    POLICY, RESTORE, RPO, SCHEDULE, SOURCE, SPREAD, TIME_ZONE, TOP, UNTAGGED, hint, meant,
    of_policy,
};
use crate::domain::id::arn::Region;
use crate::domain::id::names::OptionGroup;
use crate::domain::id::tags::{PolicyName, TagKey};
use crate::domain::id::text::ParseError;
use crate::domain::limits::{CARRIED_TAGS_MAX, COPY_SLOTS_MAX, POLICY_FILE_MAX};
use crate::domain::policy::schedule::{Schedule, ScheduleError};
use crate::domain::policy::set::PolicySet;
use crate::domain::policy::span::Span;
use crate::domain::policy::spec::{KeyName, PolicyOptions, PolicySpec, Source};
use crate::domain::policy::spread::Spread;

pub(super) type Value<'t> = Spanned<DeValue<'t>>;
type Key<'t> = Spanned<DeString<'t>>;

/// From here on the due times are counted that a spread must fit between. A clock goes forward or back months later.
const SOME_WINTER: Timestamp = Timestamp::constant(1_735_689_600, 0);

/// A file that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyFile {
    /// What it says.
    pub set: PolicySet<KeyName>,
    /// Where it names each policy's key, for faults that only AWS can report.
    pub keys_at: BTreeMap<PolicyName, Place>,
}

/// Reads a file. `home` is the recovery region, and keys must be of it. Without `home`, keys of any region are accepted.
///
/// # Errors
/// Every fault, in the order of the text. There is at least one.
pub fn read(text: &str, home: Option<&Region>) -> Result<PolicyFile, Vec<Fault>> {
    let mut faults = Faults::new(text);
    if text.len() > POLICY_FILE_MAX {
        faults.syntax(
            None,
            format!(
                "the file is longer than {POLICY_FILE_MAX} bytes, which is more than is stored"
            ),
        );
        return Err(faults.finish());
    }
    let (top, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        let what = match error.message() {
            "duplicate key" => {
                "this name stands in the file before: a policy or a key can be given once"
                    .to_owned()
            }
            message => format!("this is not TOML: {message}"),
        };
        faults.syntax(error.span(), what);
    }
    let mut reader = Reader { faults, home };
    let file = reader.file(top.get_ref());
    let faults = reader.faults.finish();
    match file {
        Some(file) if faults.is_empty() => Ok(file),
        _ if faults.is_empty() => Err(vec![Fault {
            at: Place { line: 1, column: 1 },
            what: "the file cannot be read as a set of policies".to_owned(),
        }]),
        _ => Err(faults),
    }
}

pub(super) struct Reader<'t, 'h> {
    pub(super) faults: Faults<'t>,
    pub(super) home: Option<&'h Region>,
}

/// The beginning of a file: the place of faults about something that is missing.
const START: Range<usize> = 0..0;

impl<'t> Reader<'t, '_> {
    /// `None` if a fault was found.
    fn file(&mut self, top: &DeTable<'t>) -> Option<PolicyFile> {
        self.unknown_keys(top, &TOP, |word| match meant(word, of_policy()) {
            Some(known) => format!("; {known} belongs under a [policy.NAME]"),
            None => hint(word, TOP),
        });
        let copy_slots = get(top, COPY_SLOTS).map(|value| self.copy_slots(COPY_SLOTS, value));
        let cluster_copy_slots =
            get(top, CLUSTER_COPY_SLOTS).map(|value| self.copy_slots(CLUSTER_COPY_SLOTS, value));
        let (policies, keys_at) = self.policies(top)?;
        let untagged = get(top, UNTAGGED).map(|value| {
            let name = self.parsed(UNTAGGED, value, PolicyName::parse)?;
            if !policies.contains_key(&name) {
                let known = policies.keys().map(PolicyName::as_str);
                let what = format!(
                    "{UNTAGGED}: this file has no policy {:?}{}",
                    name.as_str(),
                    hint(name.as_str(), known)
                );
                self.faults.missing(&value.span(), what);
            }
            Some(name)
        });
        self.taken_over(top, &policies);
        Some(PolicyFile {
            set: PolicySet {
                untagged: given(untagged)?,
                copy_slots: given(copy_slots)?,
                cluster_copy_slots: given(cluster_copy_slots)?,
                policies: policies
                    .into_iter()
                    .map(|(name, spec)| Some((name, spec?)))
                    .collect::<Option<_>>()?,
            },
            keys_at,
        })
    }

    /// The policies by name, with nothing for those that have a fault, and the places of their keys.
    #[expect(clippy::type_complexity, reason = "named where it is used")]
    fn policies(
        &mut self,
        top: &DeTable<'t>,
    ) -> Option<(
        BTreeMap<PolicyName, Option<PolicySpec<KeyName>>>,
        BTreeMap<PolicyName, Place>,
    )> {
        const NONE: &str =
            "the file has no policy: write at least one table [policy.NAME] with a schedule";
        let Some(value) = get(top, POLICY) else {
            self.faults.missing(&START, NONE);
            return None;
        };
        let DeValue::Table(tables) = value.get_ref() else {
            let what = format!(
                "policies are tables, [policy.NAME]; this is {}",
                kind(value)
            );
            self.faults.add(&value.span(), what);
            return None;
        };
        if tables.is_empty() {
            self.faults.missing(&value.span(), NONE);
        }
        let (mut policies, mut keys_at) = (BTreeMap::new(), BTreeMap::new());
        for (key, value) in tables {
            let name = PolicyName::parse(key.get_ref())
                .map_err(|error| self.faults.add(&key.span(), error.to_string()))
                .ok();
            let spec = self.policy(key, value);
            let Some(name) = name else { continue };
            if let DeValue::Table(table) = value.get_ref()
                && let Some(kms_key) = get(table, KMS_KEY)
            {
                keys_at.insert(name.clone(), self.faults.place(&kms_key.span()));
            }
            policies.insert(name, spec);
        }
        Some((policies, keys_at))
    }

    fn policy(&mut self, name: &Key<'t>, value: &Value<'t>) -> Option<PolicySpec<KeyName>> {
        let DeValue::Table(table) = value.get_ref() else {
            let what = format!(
                "policy {:?} is a table, [policy.{0}]; this is {}",
                name.get_ref(),
                kind(value)
            );
            self.faults.add(&value.span(), what);
            return None;
        };
        self.unknown_keys(table, &of_policy(), |word| hint(word, of_policy()));
        // Each is checked, even if the others have faults.
        let schedule = self.schedule(name, table);
        let source = get(table, SOURCE).map(|value| self.parsed(SOURCE, value, Source::parse));
        let retention = self.retention(table);
        let rpo = get(table, RPO).map(|value| self.parsed(RPO, value, Span::parse));
        let key = get(table, KMS_KEY).map(|value| self.kms_key(value));
        let carry_tags = get(table, CARRY_TAGS).map(|value| self.carry_tags(value));
        let option_groups = get(table, OPTION_GROUPS).map(|value| self.option_groups(value));
        let copy_slots = get(table, COPY_SLOTS).map(|value| self.copy_slots(COPY_SLOTS, value));
        let cluster_copy_slots =
            get(table, CLUSTER_COPY_SLOTS).map(|value| self.copy_slots(CLUSTER_COPY_SLOTS, value));
        let catch_up = get(table, CATCH_UP).map(|value| self.parsed(CATCH_UP, value, Span::parse));
        let spread = get(table, SPREAD).map(|value| self.spread(value, schedule.as_ref()));
        let paused = get(table, PAUSED).map(|value| self.yes_or_no(PAUSED, value));
        let restore = get(table, RESTORE).map(|value| self.restore(value));
        let drill = get(table, DRILL).map(|value| self.drill(value));
        Some(PolicySpec {
            schedule: schedule?,
            key: given(key)?,
            options: PolicyOptions {
                source: given(source)?.unwrap_or_default(),
                retention: retention?,
                rpo: given(rpo)?,
                carry_tags: given(carry_tags)?.unwrap_or_default(),
                option_groups: given(option_groups)?.unwrap_or_default(),
                copy_slots: given(copy_slots)?,
                cluster_copy_slots: given(cluster_copy_slots)?,
                catch_up: Some(given(catch_up)?.unwrap_or(Span::CATCH_UP)),
                spread: Some(given(spread)?.unwrap_or(Spread::USUAL)),
                paused: given(paused)?.unwrap_or_default(),
                restore: given(restore)?.unwrap_or_default(),
                drill: given(drill)?,
            },
        })
    }

    /// A spread that ends before the next due time: a later own time would belong to that one.
    fn spread(&mut self, value: &Value<'t>, schedule: Option<&Schedule>) -> Option<Spread> {
        let spread = self.parsed(SPREAD, value, Spread::parse)?;
        let gap = schedule.map_or(SignedDuration::MAX, |schedule| {
            schedule.shortest_gap(SOME_WINTER)
        });
        if spread.duration() > gap {
            let what = format!(
                "{SPREAD}: {spread} is longer than the time between two due times of the schedule, {gap:#}"
            );
            self.faults.add(&value.span(), what);
            return None;
        }
        Some(spread)
    }

    pub(super) fn yes_or_no(&mut self, key: &str, value: &Value<'t>) -> Option<bool> {
        if let DeValue::Boolean(is_so) = value.get_ref() {
            return Some(*is_so);
        }
        let what = format!("{key}: true or false is expected; this is {}", kind(value));
        self.faults.add(&value.span(), what);
        None
    }

    fn schedule(&mut self, policy: &Key<'t>, table: &DeTable<'t>) -> Option<Schedule> {
        const UTC: &str = "UTC";
        let zone = match get(table, TIME_ZONE) {
            None => Some(UTC),
            Some(value) => self.text(TIME_ZONE, value).filter(|name| {
                let known = TimeZone::get(name).is_ok();
                if !known {
                    let what = unknown_zone(name);
                    self.faults.add(&value.span(), what);
                }
                known
            }),
        };
        let Some(value) = get(table, SCHEDULE) else {
            let what = format!(
                "policy {:?} has no schedule: write when its databases are due, such as \
                 {SCHEDULE} = \"0 3 * * *\"",
                policy.get_ref()
            );
            self.faults.missing(&policy.span(), what);
            return None;
        };
        let pattern = self.text(SCHEDULE, value)?;
        // Check the pattern even if the zone is wrong.
        match Schedule::parse(pattern, zone.unwrap_or(UTC)) {
            Ok(schedule) => zone.map(|_| schedule),
            Err(error) => {
                let what = match &error {
                    ScheduleError::Pattern { source, .. } => {
                        format!("{SCHEDULE}: {error}: {source}")
                    }
                    ScheduleError::Never { .. } | ScheduleError::Zone { .. } => {
                        format!("{SCHEDULE}: {error}")
                    }
                };
                self.faults.add(&value.span(), what);
                None
            }
        }
    }

    fn kms_key(&mut self, value: &Value<'t>) -> Option<KeyName> {
        let key = self.parsed(KMS_KEY, value, KeyName::parse)?;
        if let (Some(home), Some(region)) = (self.home, key.region())
            && home.as_str() != region
        {
            let what = format!(
                "{KMS_KEY}: this key lives in {region}; a copy can only be encrypted under a key of the \
                 recovery region, {home}"
            );
            self.faults.add(&value.span(), what);
            return None;
        }
        Some(key)
    }

    fn carry_tags(&mut self, value: &Value<'t>) -> Option<Vec<TagKey>> {
        let list = self.list(CARRY_TAGS, value)?;
        if list.len() > CARRIED_TAGS_MAX {
            let what = format!(
                "{CARRY_TAGS}: {} tags, and no more than {CARRIED_TAGS_MAX} can be carried over: RDS allows 50 for \
                 a snapshot, and the rest are Snapferry's own",
                list.len()
            );
            self.faults.add(&value.span(), what);
        }
        let (mut keys, mut whole) = (BTreeSet::new(), true);
        for one in list.iter() {
            match self.parsed(CARRY_TAGS, one, TagKey::parse) {
                Some(key) if keys.contains(&key) => {
                    let what = format!("{CARRY_TAGS}: {:?} stands here twice", key.as_str());
                    self.faults.add(&one.span(), what);
                }
                Some(key) => {
                    keys.insert(key);
                }
                None => whole = false,
            }
        }
        whole.then(|| keys.into_iter().collect())
    }

    fn option_groups(&mut self, value: &Value<'t>) -> Option<BTreeMap<OptionGroup, OptionGroup>> {
        let DeValue::Table(table) = value.get_ref() else {
            let what = format!(
                "{OPTION_GROUPS} is a table of names, SOURCE = \"RECOVERY\"; this is {}",
                kind(value)
            );
            self.faults.add(&value.span(), what);
            return None;
        };
        let (mut groups, mut whole) = (BTreeMap::new(), true);
        for (key, value) in table {
            let from = OptionGroup::parse(key.get_ref()).map_err(|error| {
                self.faults
                    .add(&key.span(), format!("{OPTION_GROUPS}: {error}"));
            });
            let to = self.parsed(OPTION_GROUPS, value, OptionGroup::parse);
            match (from, to) {
                (Ok(from), Some(to)) => {
                    groups.insert(from, to);
                }
                _ => whole = false,
            }
        }
        whole.then_some(groups)
    }

    pub(super) fn unknown_keys(
        &mut self,
        table: &DeTable<'t>,
        known: &[&str],
        hint: impl Fn(&str) -> String,
    ) {
        for key in table.keys() {
            let word: &str = key.get_ref();
            if !known.contains(&word) {
                let shown: String = word.chars().take(80).collect();
                let what = format!("{shown:?} is no key of a policy file here{}", hint(word));
                self.faults.add(&key.span(), what);
            }
        }
    }

    pub(super) fn parsed<T>(
        &mut self,
        key: &str,
        value: &Value<'t>,
        parse: impl Fn(&str) -> Result<T, ParseError>,
    ) -> Option<T> {
        let text = self.text(key, value)?;
        parse(text)
            .map_err(|error| self.faults.add(&value.span(), format!("{key}: {error}")))
            .ok()
    }

    pub(super) fn text<'v>(&mut self, key: &str, value: &'v Value<'t>) -> Option<&'v str> {
        match value.get_ref() {
            DeValue::String(text) => Some(text),
            _ => {
                let what = format!(
                    "{key}: a text in quotes is expected; this is {}",
                    kind(value)
                );
                self.faults.add(&value.span(), what);
                None
            }
        }
    }

    pub(super) fn list<'v>(&mut self, key: &str, value: &'v Value<'t>) -> Option<&'v DeArray<'t>> {
        match value.get_ref() {
            DeValue::Array(list) => Some(list),
            _ => {
                let what = format!(
                    "{key}: a list is expected, such as [\"CostCenter\", \"Team\"]; this is {}",
                    kind(value)
                );
                self.faults.add(&value.span(), what);
                None
            }
        }
    }

    fn copy_slots(&mut self, key: &str, value: &Value<'t>) -> Option<usize> {
        let number = match value.get_ref() {
            DeValue::Integer(number) => usize::from_str_radix(number.as_str(), number.radix()).ok(),
            _ => None,
        };
        let slots = number.filter(|slots| (1..=COPY_SLOTS_MAX).contains(slots));
        if slots.is_none() {
            let what = format!(
                "{key}: a whole number from 1 to {COPY_SLOTS_MAX} is expected; RDS has no more copies in \
                 flight to a region"
            );
            self.faults.add(&value.span(), what);
        }
        slots
    }
}

/// A missing field is not a fault. A field that cannot be read is one.
#[expect(clippy::option_option, reason = "given or not, and read or not")]
pub(super) fn given<T>(value: Option<Option<T>>) -> Option<Option<T>> {
    match value {
        None => Some(None),
        Some(None) => None,
        Some(read) => Some(read),
    }
}

pub(super) fn get<'v, 't>(table: &'v DeTable<'t>, key: &str) -> Option<&'v Value<'t>> {
    table
        .iter()
        .find(|(name, _)| *name.get_ref() == key)
        .map(|(_, value)| value)
}

fn unknown_zone(name: &str) -> String {
    let all: Vec<String> = jiff::tz::db()
        .available()
        .map(|zone| zone.as_str().to_owned())
        .collect();
    let shown: String = name.chars().take(80).collect();
    format!(
        "{TIME_ZONE}: {shown:?} is not a time zone of the IANA database, such as Europe/Paris{}",
        hint(name, all.iter().map(String::as_str))
    )
}

pub(super) fn kind(value: &Value<'_>) -> &'static str {
    match value.get_ref() {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
