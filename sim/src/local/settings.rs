//! What a run of the local stack can be told, and where it leaves the templates' defaults.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_norway::Value;

use super::{LocalError, RoleChanges};
use crate::proxy::{Interference, NoInterference};

/// The function's binary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Function {
    /// Built from this workspace, as it ships.
    Build,
    /// Any executable that speaks Lambda's runtime API.
    Binary(PathBuf),
}

/// How the local stack is to be.
#[derive(Clone)]
pub struct LocalOptions {
    /// Where everything but the forwarding rule lives.
    pub recovery_region: String,
    /// The regions of the databases.
    pub source_regions: Vec<String>,
    /// The account, twelve digits.
    pub account: String,
    /// The key for the copies. KMS knows it.
    pub recovery_key_arn: String,
    /// Whether the stack makes a key of its own for the copies, and is given none.
    pub makes_key: bool,
    /// The ARNs of further keys that KMS knows.
    pub keys: Vec<String>,
    /// Where the functions find RDS, such as `http://127.0.0.1:40000`.
    pub rds_endpoint: String,
    /// What runs.
    pub function: Function,
    /// Further parameters of `template.yaml`; they win over the local stack's own.
    pub parameters: Vec<(String, String)>,
    /// How the roles differ from the template's.
    pub roles: RoleChanges,
    /// The factor for the pauses between a state's retries. Without it they are the state machine's, but never
    /// above a minute, which is the emulator's own limit.
    pub retry_scale: f64,
    /// What may happen to a call of the functions.
    pub interference: Arc<dyn Interference>,
}

impl std::fmt::Debug for LocalOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LocalOptions")
            .field("recovery_region", &self.recovery_region)
            .field("source_regions", &self.source_regions)
            .field("account", &self.account)
            .field("rds_endpoint", &self.rds_endpoint)
            .field("function", &self.function)
            .field("parameters", &self.parameters)
            .field("roles", &self.roles)
            .field("retry_scale", &self.retry_scale)
            .finish_non_exhaustive()
    }
}

/// A value that differs from what ships.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    /// The template's parameter, or what it is about.
    pub parameter: String,
    /// Its value here.
    pub value: String,
    /// Its default in the template, where it has one.
    pub shipped: Option<String>,
    /// Why it differs.
    pub reason: &'static str,
}

/// What would make a person wait for minutes, or never come about, in a demo of seconds.
const SHORTENED: [(&str, &str); 11] = [
    ("FunctionTimeout", "10"),
    ("ScheduledTimeout", "10"),
    ("RdsReadSeconds", "2"),
    ("RdsChangeSeconds", "3"),
    ("VisibilitySeconds", "60"),
    ("BackoffSeconds", "1"),
    ("BackoffMaxSeconds", "5"),
    ("GraceSeconds", "10"),
    ("LookSeconds", "1"),
    ("HintRecheckSeconds", "1"),
    ("FirstRun", "now"),
];

impl LocalOptions {
    /// The defaults, with RDS at this endpoint.
    #[must_use]
    pub fn new(rds_endpoint: impl Into<String>) -> Self {
        Self {
            recovery_region: "eu-central-1".to_owned(),
            source_regions: vec!["eu-west-1".to_owned()],
            account: "123456789012".to_owned(),
            recovery_key_arn:
                "arn:aws:kms:eu-central-1:123456789012:key/00000000-0000-4000-8000-00000000c0de"
                    .to_owned(),
            makes_key: false,
            keys: Vec::new(),
            rds_endpoint: rds_endpoint.into(),
            function: Function::Build,
            parameters: Vec::new(),
            roles: RoleChanges::default(),
            retry_scale: 1.0,
            interference: Arc::new(NoInterference),
        }
    }

    /// The parameters of `template.yaml` that are given beside regions, key and architecture.
    pub(super) fn parameters(&self) -> Vec<(String, String)> {
        let shortened = SHORTENED.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let mut all: Vec<(String, String)> = shortened.into_iter().collect();
        for (name, value) in &self.parameters {
            all.retain(|(held, _)| held != name);
            all.push((name.clone(), value.clone()));
        }
        all
    }

    /// Where [`Self::parameters`] differ from the defaults of the template in `root`. What has no
    /// default, the key and the regions, is a setting and no difference.
    pub(super) fn overrides(&self, root: &Path) -> Result<Vec<Override>, LocalError> {
        let template = root.join("template.yaml");
        let text = std::fs::read_to_string(&template).map_err(LocalError::file(&template))?;
        let template: Value = serde_norway::from_str(&text)
            .map_err(|error| LocalError::file(&template)(std::io::Error::other(error)))?;
        let architecture = ("Architecture".to_owned(), architecture().to_owned());
        let parameters = std::iter::once(architecture).chain(self.parameters());
        let differing = parameters.filter_map(|(parameter, value)| {
            let shipped = default_of(&template, &parameter)?;
            (shipped != value).then(|| Override {
                reason: self.reason(&parameter),
                parameter,
                value,
                shipped: Some(shipped),
            })
        });
        let scale = (self.retry_scale != 1.0).then(|| Override {
            parameter: "pauses between a state's retries".to_owned(),
            value: format!("times {}", self.retry_scale),
            shipped: Some("times 1".to_owned()),
            reason: "shortened, so that nobody waits",
        });
        Ok(differing.chain(scale).collect())
    }

    fn reason(&self, parameter: &str) -> &'static str {
        if self.parameters.iter().any(|(name, _)| name == parameter) {
            "asked for"
        } else if parameter == "FirstRun" {
            "the fleet begins at once, whatever the hour"
        } else if parameter == "Architecture" {
            "this machine's"
        } else {
            "shortened, so that nobody waits"
        }
    }
}

fn default_of(template: &Value, parameter: &str) -> Option<String> {
    match template.get("Parameters")?.get(parameter)?.get("Default")? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// This machine's processor, in Lambda's word.
pub(super) fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "aarch64" => "arm64",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shortened_value_is_named_with_what_ships() {
        let root = super::super::repository_root().expect("the repository");
        let overrides = LocalOptions::new("http://127.0.0.1:1")
            .overrides(&root)
            .expect("a template that can be read");
        for (name, value) in SHORTENED {
            let named = overrides.iter().find(|one| one.parameter == name);
            let named = named.unwrap_or_else(|| panic!("{name} is not named"));
            assert_eq!(named.value, value);
            assert_ne!(named.shipped.as_deref(), Some(value));
        }
    }

    #[test]
    fn what_is_asked_for_wins_over_the_local_stacks_own() {
        let mut options = LocalOptions::new("http://127.0.0.1:1");
        options.parameters = vec![("BackoffSeconds".to_owned(), "7".to_owned())];
        let given: Vec<_> = options
            .parameters()
            .into_iter()
            .filter(|(name, _)| name == "BackoffSeconds")
            .collect();
        assert_eq!(given, [("BackoffSeconds".to_owned(), "7".to_owned())]);
    }
}
