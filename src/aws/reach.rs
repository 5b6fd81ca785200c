//! What a function's environment says of the way to AWS: who is trusted, and where the endpoints are.

use std::collections::BTreeMap;

use aws_smithy_http_client::tls::TrustStore;
use aws_types::service_config::{LoadServiceConfig, ServiceConfigKey};

use crate::settings::SettingsError;

/// Whose certificates count.
const TRUST: &str = "SNAPFERRY_TRUST";
/// Where all services are, or one: with its name behind.
const ENDPOINT: &str = "AWS_ENDPOINT_URL";
const FIPS: &str = "AWS_USE_FIPS_ENDPOINT";
const DUAL_STACK: &str = "AWS_USE_DUALSTACK_ENDPOINT";

/// Amazon Trust Services' authorities.
const AMAZON: &str = include_str!("authorities.pem");

/// The authorities by which a server may prove to be AWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Trust {
    /// Amazon's own, embedded: nothing is read at start, and nobody else can vouch for AWS.
    #[default]
    Amazon,
    /// The machine's, or those of the file that `SSL_CERT_FILE` names: behind a proxy that looks into TLS, and
    /// where AWS is signed for by others.
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

    /// The same for the SDK.
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
    /// Whose certificates count.
    pub trust: Trust,
    /// Whether endpoints validated by FIPS 140 are asked for.
    pub fips: bool,
    /// Whether endpoints that answer over IPv6 too are asked for.
    pub dual_stack: bool,
    endpoints: Endpoints,
}

impl Reach {
    /// Reads `SNAPFERRY_TRUST` and AWS's standard variables.
    ///
    /// # Errors
    /// When `SNAPFERRY_TRUST` is neither `amazon` nor `native`.
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
