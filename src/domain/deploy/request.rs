//! What a person asks to be deployed, and what is wrong with it before AWS is asked.

use std::collections::{BTreeMap, BTreeSet};

use thiserror::Error;

use super::defaults::parameter_names as names_in;
use super::names::{Bucket, Email, StackName, TopicArn};
use super::part::Part;
use super::stack::StackFacts;
use crate::domain::id::arn::{KeyArn, Region};

/// The parameters of `template.yaml` that are checked, and so have to be given by their flags.
const OF_FLAGS: [(&str, &str); 3] = [
    ("SourceRegions", "--source-region"),
    ("RecoveryKeyArn", "--key"),
    ("Architecture", "--architecture"),
];

/// The name of a table or a state machine that its stack has not made yet. The stacks are compared anew once it has one.
const NOT_MADE: &str = "not-made-yet";

/// The processor that a function was built for, in Lambda's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Architecture {
    /// 64-bit Arm.
    Arm64,
    /// 64-bit x86.
    X86,
}

impl Architecture {
    /// Lambda's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Arm64 => "arm64",
            Self::X86 => "x86_64",
        }
    }

    /// Reads Lambda's word.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        [Self::Arm64, Self::X86]
            .into_iter()
            .find(|it| it.as_str() == word)
    }

    /// That of a Linux program, which says it in its ELF header: `e_machine`, two bytes at 18, is 183 for AArch64 and 62
    /// for x86-64. Nothing if it is no 64-bit, little-endian ELF file, or is for another processor.
    #[must_use]
    pub fn of_program(bytes: &[u8]) -> Option<Self> {
        if !bytes.starts_with(b"\x7fELF\x02\x01") {
            return None;
        }
        match bytes.get(18..20)? {
            [183, 0] => Some(Self::Arm64),
            [62, 0] => Some(Self::X86),
            _ => None,
        }
    }
}

/// What is to be deployed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeployRequest {
    /// The recovery region.
    pub recovery: Region,
    /// The source regions, at least one, in the order given.
    pub sources: Vec<Region>,
    /// The name of the recovery region's stack.
    pub stack: StackName,
    /// The key of the copies. If none is given, a stack that exists keeps its own, and a new one makes one.
    pub key: Option<KeyArn>,
    /// The topic that the recovery region's alarms notify.
    pub topic: Option<TopicArn>,
    /// The address that the alarms write to.
    pub email: Option<Email>,
    /// The bucket for code and template. Without one, the deployment has its own.
    pub bucket: Option<Bucket>,
    /// Other parameters of the recovery region's template.
    pub parameters: BTreeMap<String, String>,
    /// Whether IAM is not asked about the caller's rights.
    pub believes_rights: bool,
}

/// What is wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RequestFault {
    /// No region is to be protected.
    #[error(
        "name at least one source region with --source-region: the regions whose databases are to be protected"
    )]
    NoSource,
    /// A copy beside its database is lost with it.
    #[error(
        "{0} is both the recovery region and a source region: a copy beside its database is lost with it"
    )]
    SourceIsRecovery(Region),
    /// Copies can only be encrypted under a key of their own region.
    #[error(
        "the key {key} is not in the recovery region {recovery}: RDS encrypts copies under a key of their own region"
    )]
    KeyElsewhere {
        /// The key.
        key: KeyArn,
        /// The recovery region.
        recovery: Region,
    },
    /// An alarm can only notify a topic of its own region.
    #[error(
        "the topic {topic} is not in the recovery region {recovery}: an alarm notifies topics of its own region only"
    )]
    TopicElsewhere {
        /// The topic.
        topic: TopicArn,
        /// The recovery region.
        recovery: Region,
    },
    /// The parameter has a flag of its own.
    #[error("--parameter {parameter}: use {flag}, which sets it")]
    HasAFlag {
        /// The parameter.
        parameter: String,
        /// Its flag.
        flag: &'static str,
    },
    /// No template that is deployed has such a parameter.
    #[error(
        "--parameter {parameter}: template.yaml has no such parameter{}",
        .of.map_or_else(String::new, |part| format!("; {} has it, which --with {} deploys", part.file(), part.word()))
    )]
    UnknownParameter {
        /// The parameter.
        parameter: String,
        /// The part whose template has it, and that is not deployed.
        of: Option<Part>,
    },
    /// A part cannot be made without it.
    #[error("--with {} needs --parameter {parameter}=VALUE, which no stack has yet", .part.word())]
    Needed {
        /// The part.
        part: Part,
        /// The parameter.
        parameter: &'static str,
    },
}

impl DeployRequest {
    /// Everything that is wrong with it, as far as that can be known without asking AWS.
    #[must_use]
    pub fn faults(&self, parameter_names: &[&str]) -> Vec<RequestFault> {
        let mut faults = Vec::new();
        if self.sources.is_empty() {
            faults.push(RequestFault::NoSource);
        }
        if self.sources.contains(&self.recovery) {
            faults.push(RequestFault::SourceIsRecovery(self.recovery.clone()));
        }
        if let Some(key) = &self.key
            && key.region() != self.recovery.as_str()
        {
            faults.push(RequestFault::KeyElsewhere {
                key: key.clone(),
                recovery: self.recovery.clone(),
            });
        }
        if let Some(topic) = &self.topic
            && topic.region() != self.recovery.as_str()
        {
            faults.push(RequestFault::TopicElsewhere {
                topic: topic.clone(),
                recovery: self.recovery.clone(),
            });
        }
        for parameter in self.parameters.keys() {
            let flag = OF_FLAGS.iter().find(|(name, _)| name == parameter);
            if let Some((_, flag)) = flag {
                let parameter = parameter.clone();
                faults.push(RequestFault::HasAFlag { parameter, flag });
            } else if !parameter_names.contains(&parameter.as_str()) {
                let has_it = |part: &Part| names_in(part.template()).contains(&parameter.as_str());
                faults.push(RequestFault::UnknownParameter {
                    parameter: parameter.clone(),
                    of: Part::ALL.into_iter().find(has_it),
                });
            }
        }
        faults
    }

    /// The parameters of the recovery region's stack, whose template has parameters of these names, that this request sets.
    /// What it does not set keeps its value, or has the template's default.
    #[must_use]
    pub fn recovery_parameters(
        &self,
        parameter_names: &[&str],
        architecture: Architecture,
    ) -> BTreeMap<String, String> {
        let sources: Vec<&str> = self.sources.iter().map(Region::as_str).collect();
        // The others are those of the parts.
        let mut all = self.parameters.clone();
        all.retain(|name, _| parameter_names.contains(&name.as_str()));
        all.insert("SourceRegions".to_owned(), sources.join(","));
        all.insert("Architecture".to_owned(), architecture.as_str().to_owned());
        if let Some(key) = &self.key {
            all.insert("RecoveryKeyArn".to_owned(), key.to_string());
        }
        if let Some(topic) = &self.topic {
            all.insert("AlarmTopicArn".to_owned(), topic.to_string());
        }
        if let Some(email) = &self.email {
            all.insert("AlarmEmail".to_owned(), email.to_string());
        }
        all
    }

    /// The parameters of each source region's stack. Permissions boundary and role path are those of the recovery
    /// region's: an organisation asks for them everywhere. The queue is empty if RDS's own subscriptions bring no hints.
    #[must_use]
    pub fn source_parameters(&self, events_queue: &str) -> BTreeMap<String, String> {
        const SHARED: [&str; 2] = ["PermissionsBoundaryArn", "RolePath"];
        let shared = SHARED
            .iter()
            .filter_map(|name| self.parameters.get_key_value(*name));
        let mut all: BTreeMap<String, String> = shared
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        all.insert("RecoveryRegion".to_owned(), self.recovery.to_string());
        all.insert("EventsQueueArn".to_owned(), events_queue.to_owned());
        all
    }

    /// The parameters of a part, whose template has parameters of these names. What it has in common with the recovery region's
    /// stack is the same in both: the value of this request, or else the one that that stack has. What the stack has made
    /// stands in its outputs; before it stands, that has no name.
    #[must_use]
    pub fn part_parameters(
        &self,
        parameter_names: &[&str],
        home: Option<&StackFacts>,
        architecture: Architecture,
    ) -> BTreeMap<String, String> {
        let held = |name: &str| home.and_then(|home| home.parameters.get(name)).cloned();
        let output = |name: &str| home.and_then(|home| home.outputs.get(name)).cloned();
        let requested = self.recovery_parameters(parameter_names, architecture);
        let given = |name: &str| requested.get(name).cloned().or_else(|| held(name));
        let is_said = |value: &String| !value.is_empty();
        let made = |of: &str| given(of).filter(is_said);
        let region = &self.recovery;
        let machine = format!("arn:aws:states:{region}:000000000000:stateMachine:{NOT_MADE}");
        let key = format!("arn:aws:kms:{region}:000000000000:key/{NOT_MADE}");
        let topic = requested.get("AlarmTopicArn").cloned();
        let said = [
            (
                "StackId",
                output("StackIdentity").or_else(|| made("StackId")),
                self.stack.to_string(),
            ),
            ("StackName", None, self.stack.to_string()),
            (
                "TableName",
                output("TableName").or_else(|| made("TableName")),
                NOT_MADE.to_owned(),
            ),
            ("StateMachineArn", output("StateMachineArn"), machine),
            (
                "RecoveryKeyArn",
                made("RecoveryKeyArn").or_else(|| output("RecoveryKey")),
                key,
            ),
            (
                "AlarmTopicArn",
                topic.or_else(|| output("AlarmTopic")),
                String::new(),
            ),
        ];
        let said = said.map(|(name, value, without)| (name, value.unwrap_or(without)));
        let said: BTreeMap<&str, String> = said.into();
        let names = parameter_names.iter();
        let value = |name: &str| said.get(name).cloned().or_else(|| given(name));
        names
            .filter_map(|name| Some(((*name).to_owned(), value(name)?)))
            .collect()
    }

    /// What these parts cannot be made without and nobody has said. `found` is each part's stack, where it stands.
    #[must_use]
    pub fn needed(&self, parts: &BTreeMap<Part, Option<StackFacts>>) -> Vec<RequestFault> {
        let needed = parts.iter().filter_map(|(part, found)| {
            let parameter = part.needs()?;
            let held = found
                .as_ref()
                .and_then(|stack| stack.parameters.get(parameter));
            let value = self.parameters.get(parameter).or(held);
            let part = *part;
            value
                .is_none_or(String::is_empty)
                .then_some(RequestFault::Needed { part, parameter })
        });
        needed.collect()
    }

    /// The regions that were source regions under the stack's old parameter and are none now. Their stacks stay.
    #[must_use]
    pub fn no_longer_sources(&self, before: &str) -> Vec<String> {
        let now: BTreeSet<&str> = self.sources.iter().map(Region::as_str).collect();
        let before = before.split(',').map(str::trim);
        before
            .filter(|region| !region.is_empty() && !now.contains(region))
            .map(ToOwned::to_owned)
            .collect()
    }
}
