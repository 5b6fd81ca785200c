//! The profile that a person names: it must exist, and its credentials win over those of the environment.

use aws_config::Region;
use aws_config::profile::{
    ProfileFileCredentialsProvider, ProfileFileLoadError, ProfileFileRegionProvider, load,
};
use aws_config::provider_config::ProviderConfig;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_types::os_shim_internal::{Env, Fs};
use thiserror::Error;

use crate::domain::id::arn::Region as HomeRegion;

/// Why a profile cannot be used.
#[derive(Debug, Error)]
pub enum ProfileError {
    /// No file defines it.
    #[error(
        "there is no profile {0} in AWS's config and credentials files (~/.aws, AWS_CONFIG_FILE, AWS_SHARED_CREDENTIALS_FILE)"
    )]
    Missing(String),
    /// The files cannot be read.
    #[error("AWS's config and credentials files cannot be read")]
    Unreadable(#[from] ProfileFileLoadError),
}

/// Looks for a profile in the files that the SDK reads. The SDK itself would go on without the profile, with whatever
/// credentials the environment has.
///
/// # Errors
/// If the profile is not there, or the files cannot be read.
pub async fn find_profile(name: &str) -> Result<(), ProfileError> {
    let profiles = load(
        &Fs::real(),
        &Env::real(),
        &Default::default(),
        Some(name.to_owned().into()),
    )
    .await?;
    match profiles.get_profile(name) {
        Some(_) => Ok(()),
        None => Err(ProfileError::Missing(name.to_owned())),
    }
}

/// The region of the single sign-on that a profile logs in by; without a name, the profile that the environment chooses. `None`
/// if it logs in otherwise, or the files cannot be read.
pub async fn sign_on_region(name: Option<&str>) -> Option<HomeRegion> {
    let chosen = name.map(|name| name.to_owned().into());
    let profiles = load(&Fs::real(), &Env::real(), &Default::default(), chosen)
        .await
        .ok()?;
    let profile = profiles.get_profile(profiles.selected_profile())?;
    let region = match profile.get("sso_session") {
        Some(session) => profiles.sso_session(session)?.get("sso_region")?,
        None => profile.get("sso_region")?,
    };
    HomeRegion::parse(region).ok()
}

/// The credentials of a profile, whatever the environment says. `region` is where STS is asked, for a profile that assumes
/// a role; if it is not known, the profile's own.
pub(super) async fn credentials(
    name: &str,
    region: Option<Region>,
    http_client: SharedHttpClient,
) -> ProfileFileCredentialsProvider {
    let region = match region {
        Some(region) => Some(region),
        None => {
            use aws_config::meta::region::ProvideRegion;
            let profile = ProfileFileRegionProvider::builder().profile_name(name);
            profile.build().region().await
        }
    };
    let config = ProviderConfig::without_region()
        .with_region(region)
        .with_http_client(http_client);
    ProfileFileCredentialsProvider::builder()
        .configure(&config)
        .profile_name(name)
        .build()
}
