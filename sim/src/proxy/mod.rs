//! A recording reverse proxy between the functions and the emulator.
//!
//! Every figure that the demo prints about calls to AWS comes from here, and none from the product itself. Requests and
//! answers pass through byte for byte. The proxy keeps a [`Call`] for each, and a [`Settlement`] for each call that settles
//! a task. The [`Recorder`] remembers all task tokens, so that a leak test can look for them elsewhere.
//!
//! Faults enter through [`Interference`].

mod call;
mod forward;
mod recorder;
mod token;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

pub use call::{Action, Call, Caller, Interference, NoInterference, Outcome, Service, Settlement};
pub use recorder::{Counter, Recorder, Tally};
pub use token::Token;

/// A proxy that is serving. Dropping it stops it.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    recorder: Arc<Recorder>,
    server: tokio::task::JoinHandle<()>,
}

impl Proxy {
    /// Serves on a free loopback port and forwards to `upstream`, which need not listen yet.
    /// `interference` is asked before each call is forwarded.
    ///
    /// # Errors
    /// When no loopback port can be bound.
    pub async fn start(
        upstream: SocketAddr,
        interference: Arc<dyn Interference>,
    ) -> std::io::Result<Self> {
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let recorder = Arc::new(Recorder::default());
        let server = forward::serve(listener, upstream, Arc::clone(&recorder), interference);
        Ok(Self {
            address,
            recorder,
            server,
        })
    }

    /// The endpoint to give to an SDK, such as `http://127.0.0.1:40001`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Everything that has passed so far. It goes on growing.
    #[must_use]
    pub fn recorder(&self) -> &Arc<Recorder> {
        &self.recorder
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.server.abort();
    }
}
