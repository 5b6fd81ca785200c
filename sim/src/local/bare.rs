//! The emulator without a deployed stack, for tests that only need its services.

use std::net::SocketAddr;

use super::{Client, Emulator, LocalError, LocalOptions, RunFolder, boot, local_python, workspace};
use crate::proxy::Proxy;

/// The running emulator of the local stack, empty. Dropping it ends it.
#[derive(Debug)]
pub struct BareStack {
    // Fields are dropped in this order, so the folder goes last, when nothing uses it any more.
    _emulator: Emulator,
    _proxy: Proxy,
    client: Client,
    endpoint: SocketAddr,
    _folder: RunFolder,
}

impl BareStack {
    /// Starts the emulator. Nothing is built and nothing deployed.
    ///
    /// # Errors
    /// As [`super::LocalStack::start`].
    pub async fn start(options: LocalOptions) -> Result<Self, LocalError> {
        // No roles are deployed, so no call is asked for one.
        Self::boot(options, false).await
    }

    /// The same, and IAM is evaluated for each session of a role.
    ///
    /// # Errors
    /// As [`BareStack::start`].
    pub async fn start_with_iam(options: LocalOptions) -> Result<Self, LocalError> {
        Self::boot(options, true).await
    }

    async fn boot(options: LocalOptions, evaluates_iam: bool) -> Result<Self, LocalError> {
        let root = super::repository_root()?;
        let python = local_python(&root).await?;
        let target = {
            let root = root.clone();
            super::blocking(move || workspace::target_directory(&root)).await?
        };
        let folder = RunFolder::new(&target)?;
        match boot(&python, folder.path(), &options, evaluates_iam).await {
            Ok((emulator, proxy, endpoint)) => Ok(Self {
                _emulator: emulator,
                _proxy: proxy,
                client: Client::new(endpoint, &options.account, &options.recovery_region),
                endpoint,
                _folder: folder,
            }),
            Err(error) => {
                // The error names the log in there.
                folder.keep();
                Err(error)
            }
        }
    }

    /// A client of the emulator in the recovery region.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The emulator's endpoint, such as `http://127.0.0.1:40000`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.endpoint)
    }
}
