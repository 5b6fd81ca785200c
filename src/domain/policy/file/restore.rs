//! What a file says of restores in the recovery region.

use toml::de::DeValue;

use super::key::{PUBLICLY_ACCESSIBLE, RESTORE, hint};
use super::read::{Reader, Value, get, kind};
use crate::domain::policy::spec::KeyName;
use crate::domain::restore::mapping::{EVERY_OTHER, Names, RestoreMapping};
use crate::domain::restore::taken::NameKind;

/// The keys of a policy's table `restore`.
fn keys() -> Vec<&'static str> {
    let tables = NameKind::TABLES.map(|(_, table)| table);
    tables.into_iter().chain([PUBLICLY_ACCESSIBLE]).collect()
}

impl<'t> Reader<'t, '_> {
    /// Nothing if a fault was found.
    pub(super) fn restore(&mut self, value: &Value<'t>) -> Option<RestoreMapping> {
        let table = self.table(RESTORE, value)?;
        self.unknown_keys(table, &keys(), |word| hint(word, keys()));
        let mut mapping = RestoreMapping::default();
        let mut is_whole = true;
        if let Some(value) = get(table, PUBLICLY_ACCESSIBLE) {
            match self.yes_or_no(PUBLICLY_ACCESSIBLE, value) {
                Some(is_public) => mapping.publicly_accessible = is_public,
                None => is_whole = false,
            }
        }
        for (of, name) in NameKind::TABLES {
            if let Some(value) = get(table, name) {
                match self.names(of, name, value) {
                    Some(names) => *mapping.names_mut(of) = names,
                    None => is_whole = false,
                }
            }
        }
        is_whole.then_some(mapping)
    }

    pub(super) fn names(&mut self, of: NameKind, name: &str, value: &Value<'t>) -> Option<Names> {
        let DeValue::Table(table) = value.get_ref() else {
            let what = format!(
                "{name} is a table of names, SOURCE = \"RECOVERY\"; this is {}",
                kind(value)
            );
            self.faults.add(&value.span(), what);
            return None;
        };
        let (mut names, mut is_whole) = (Names::new(), true);
        for (key, value) in table {
            let from: &str = key.get_ref();
            if from != EVERY_OTHER
                && let Err(error) = of.parse(from)
            {
                self.faults.add(&key.span(), format!("{name}: {error}"));
                is_whole = false;
            }
            let to = self.parsed(name, value, |text| of.parse(text));
            let to = to.filter(|to| of != NameKind::Key || self.is_key_of_home(name, to, value));
            match to {
                Some(to) => {
                    names.insert(from.to_owned(), to);
                }
                None => is_whole = false,
            }
        }
        is_whole.then_some(names)
    }

    /// Whether a key is one of the recovery region, as far as its name says.
    fn is_key_of_home(&mut self, name: &str, key: &str, value: &Value<'t>) -> bool {
        let read = KeyName::parse(key);
        let Some(home) = self.home else {
            return true;
        };
        let what = match &read {
            Ok(read) if read.region().is_none_or(|region| region == home.as_str()) => return true,
            Ok(_) => format!("{name}: {key} is no key of the recovery region, {home}"),
            Err(error) => format!("{name}: {error}"),
        };
        self.faults.add(&value.span(), what);
        false
    }
}
