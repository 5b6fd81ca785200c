//! A policy, for the page and the JSON.

use jiff::Timestamp;
use serde::Serialize;

use super::words::span;
use crate::domain::policy::in_force::Policy;
use crate::domain::policy::rpo::rpo;

/// A policy, for the page and the JSON.
#[derive(Serialize)]
pub(super) struct PolicyView {
    pub(super) name: String,
    pub(super) schedule: String,
    pub(super) time_zone: String,
    pub(super) rpo: String,
    rpo_seconds: i64,
    pub(super) source: &'static str,
    pub(super) key: String,
}

impl PolicyView {
    pub(super) fn of(policy: &Policy, now: Timestamp) -> Self {
        let rpo = rpo(policy, now);
        Self {
            name: policy.name.to_string(),
            schedule: policy.schedule.pattern().to_owned(),
            time_zone: policy.schedule.zone().to_owned(),
            rpo: span(rpo),
            rpo_seconds: rpo.as_secs(),
            source: policy.options.source.as_str(),
            key: policy.key.to_string(),
        }
    }
}
