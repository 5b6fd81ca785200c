//! `snapferry.toml`: the options of `snapferry deploy` in a file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::cli::outcome::CliError;
use crate::domain::deploy::part::Part;

/// The file that is read if none is named.
const DEFAULT: &str = "snapferry.toml";

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    deploy: Options,
}

/// The options, each as the flag of its name.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Options {
    pub(super) stack: Option<String>,
    pub(super) recovery_region: Option<String>,
    pub(super) source_regions: Vec<String>,
    pub(super) key: Option<String>,
    pub(super) topic: Option<String>,
    pub(super) email: Option<String>,
    pub(super) bucket: Option<String>,
    pub(super) function: Option<PathBuf>,
    pub(super) with: Vec<String>,
    pub(super) drills_function: Option<PathBuf>,
    pub(super) report_function: Option<PathBuf>,
    pub(super) templates: Option<PathBuf>,
    parameters: BTreeMap<String, Value>,
}

/// A parameter's value. CloudFormation knows only texts.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Value {
    Text(String),
    Number(i64),
    /// The templates write `yes` and `no`.
    Word(bool),
    List(Vec<String>),
}

impl Options {
    /// The named file; without a name the default one, if it exists.
    pub(super) fn read(named: Option<&Path>) -> Result<Self, CliError> {
        let path = named.unwrap_or(Path::new(DEFAULT));
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if named.is_none() && error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self::default());
            }
            Err(source) => {
                return Err(CliError::File {
                    path: path.to_owned(),
                    source,
                });
            }
        };
        let file: File = toml::from_str(&text).map_err(|error| CliError::Argument {
            name: "--config",
            what: format!("{}: {error}", path.display()),
        })?;
        Ok(file.deploy)
    }

    /// The program of a part's function.
    pub(super) fn program(&self, part: Part) -> Option<&Path> {
        match part {
            Part::Restore => self.drills_function.as_deref(),
            Part::Report => self.report_function.as_deref(),
        }
    }

    pub(super) fn parameters(&self) -> BTreeMap<String, String> {
        let text = |value: &Value| match value {
            Value::Text(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Word(true) => "yes".to_owned(),
            Value::Word(false) => "no".to_owned(),
            Value::List(list) => list.join(","),
        };
        let pairs = self.parameters.iter();
        pairs
            .map(|(name, value)| (name.clone(), text(value)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_words_and_lists_become_what_the_template_reads() {
        let text = "[deploy]\nstack = \"a\"\n[deploy.parameters]\nCopySlots = 10\nPrune = true\nSchedule = \"0 3 * * *\"\n\
                    SubnetIds = [\"subnet-1\", \"subnet-2\"]";
        let file: File = toml::from_str(text).unwrap();
        let expected = [
            ("CopySlots", "10"),
            ("Prune", "yes"),
            ("Schedule", "0 3 * * *"),
            ("SubnetIds", "subnet-1,subnet-2"),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(file.deploy.parameters(), BTreeMap::from(expected));
    }

    #[test]
    fn a_word_that_is_not_known_is_an_error() {
        let unknown = toml::from_str::<File>("[deploy]\nsourceregions = []").unwrap_err();
        assert!(unknown.to_string().contains("sourceregions"), "{unknown}");
    }
}
