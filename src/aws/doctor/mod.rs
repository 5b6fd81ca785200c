//! The doctor's ports: services that no function links, and lists that no function needs.

mod event_pattern;
mod functions;
mod iam;
mod key_policy;
mod kms;
mod queues;
mod rds;
mod rules;
mod stacks;
mod topics;

use super::clients::Aws;

pub use event_pattern::catches_snapshots;
pub use key_policy::read as read_key_policy;

/// For the operator's doctor, which reads all regions and services that the stack depends on.
#[derive(Debug, Clone, Copy)]
pub struct Examines;

/// A client in a region. It is made for one call. The connections belong to the SDK configuration.
macro_rules! client {
    ($service:ident, $aws:expr, $region:expr) => {{
        let region = aws_config::Region::new($region.to_owned());
        let config = $service::config::Builder::from(&$aws.sdk).region(region);
        $service::Client::from_conf(config.build())
    }};
}
use client;

type Doctor = Aws<Examines>;
