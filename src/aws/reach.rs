//! What a function's environment says about the way to AWS: trusted certificate authorities and endpoints.

use std::collections::BTreeMap;

use aws_smithy_http_client::tls::TrustStore;
use aws_types::service_config::{LoadServiceConfig, ServiceConfigKey};

use crate::settings::{RdsDeadlines, SettingsError};

/// The variable that says which certificate authorities are trusted.
const TRUST: &str = "SNAPFERRY_TRUST";
/// The variable with the endpoint of all services, and the prefix of the variables for one service.
const ENDPOINT: &str = "AWS_ENDPOINT_URL";
const FIPS: &str = "AWS_USE_FIPS_ENDPOINT";
const DUAL_STACK: &str = "AWS_USE_DUALSTACK_ENDPOINT";

/// Amazon Trust Services' certificate authorities.
const AMAZON: &str = include_str!("authorities.pem");

/// The certificate authorities that may prove that a server is AWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Trust {
    /// Amazon's own, which are embedded. Nothing is read at the start, and no other authority can vouch for AWS.
    #[default]
    Amazon,
    /// The machine's, or those of the file that `SSL_CERT_FILE` names. They are needed behind a proxy that opens TLS, and
    /// where other authorities sign AWS's certificates.
    Native,
}

impl Trust {
    fn parse(word: &str) -> Option<Self> {
        match word {
            "" | "amazon" => Some(Self::Amazon),
            "native" => Some(Self::Native),
            _ => None,
        }
    }

    /// The SDK's form of it.
    pub(super) fn store(self) -> TrustStore {
        match self {
            Self::Amazon => TrustStore::empty().with_pem_certificate(AMAZON),
            Self::Native => TrustStore::empty().with_native_roots(true),
        }
    }
}

/// The way to AWS.
#[derive(Debug, Clone, Default)]
pub struct Reach {
    /// The trusted certificate authorities.
    pub trust: Trust,
    /// Whether to use endpoints that are validated under FIPS 140.
    pub fips: bool,
    /// Whether to use endpoints that also answer over IPv6.
    pub dual_stack: bool,
    /// How long a function waits for RDS.
    pub rds_deadlines: RdsDeadlines,
    endpoints: Endpoints,
}

impl Reach {
    /// Reads `SNAPFERRY_TRUST`, the deadlines, and AWS's standard variables.
    ///
    /// # Errors
    /// If `SNAPFERRY_TRUST` is neither `amazon` nor `native`, or a deadline is no number of seconds.
    pub fn read(pairs: &BTreeMap<String, String>) -> Result<Self, SettingsError> {
        let get = |name: &str| pairs.get(name).map_or("", String::as_str);
        let is_on = |name| get(name).eq_ignore_ascii_case("true");
        let word = get(TRUST);
        let trust = Trust::parse(word).ok_or_else(|| {
            SettingsError::one(format!("{TRUST}: {word:?} is neither amazon nor native"))
        })?;
        let endpoints = pairs
            .iter()
            .filter(|(name, url)| name.starts_with(ENDPOINT) && !url.is_empty())
            .map(|(name, url)| (name.clone(), url.clone()));
        Ok(Self {
            trust,
            fips: is_on(FIPS),
            dual_stack: is_on(DUAL_STACK),
            rds_deadlines: RdsDeadlines::read(pairs)?,
            endpoints: Endpoints(endpoints.collect()),
        })
    }

    pub(super) fn endpoints(&self) -> Endpoints {
        self.endpoints.clone()
    }
}

/// The variables of the endpoints, by name.
#[derive(Debug, Clone, Default)]
pub(super) struct Endpoints(BTreeMap<String, String>);

impl LoadServiceConfig for Endpoints {
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        let name = key.env();
        let service = key.service_id().to_uppercase().replace([' ', '-'], "_");
        let own = self.0.get(&format!("{name}_{service}"));
        own.or_else(|| self.0.get(name)).cloned()
    }
}
