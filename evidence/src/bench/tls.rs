//! Certificates made for one run, and a listener that speaks TLS with them.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use anyhow::Context;
use axum::body::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// The largest request that is read. DynamoDB's own limit is 16 MB.
const REQUEST_MAX: usize = 16 << 20;

/// A certificate authority of this run alone, and a server's certificate by it for `127.0.0.1`.
pub(super) struct Identity {
    /// The authority's certificate, and others beside it that signed nothing.
    pub(super) roots: String,
    config: Arc<ServerConfig>,
}

impl Identity {
    /// Makes one; `decoys` more authorities stand beside the real one in `roots`, so that a program has as many
    /// to read as in real life.
    ///
    /// # Errors
    /// When a certificate cannot be made.
    pub(super) fn new(decoys: usize) -> anyhow::Result<Self> {
        let key = KeyPair::generate()?;
        let authority = authority("Snapferry benchmark")?;
        let mut roots = authority.self_signed(&key)?.pem();
        for number in 0..decoys {
            let decoy = self::authority(&format!("Snapferry benchmark, decoy {number}"))?;
            roots.push_str(&decoy.self_signed(&KeyPair::generate()?)?.pem());
        }
        let server_key = KeyPair::generate()?;
        let server = CertificateParams::new(vec![IpAddr::V4(Ipv4Addr::LOCALHOST).to_string()])?;
        let issuer = Issuer::new(authority, key);
        let server = server.signed_by(&server_key, &issuer)?;
        let secret = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(server_key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![server.der().clone()], secret)?;
        Ok(Self {
            roots,
            config: Arc::new(config),
        })
    }
}

fn authority(name: &str) -> anyhow::Result<CertificateParams> {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(params)
}

/// A service behind TLS on a loopback port of its own. Dropping it ends it.
#[derive(Debug)]
pub(super) struct Listener {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Listener {
    /// Answers every request by `answer`, which gets its headers and its body.
    ///
    /// # Errors
    /// When no loopback port can be bound.
    pub(super) async fn start<A, F>(identity: &Identity, answer: A) -> anyhow::Result<Self>
    where
        A: Fn(Request<()>, Bytes) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Response<Full<Bytes>>> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .context("no loopback port could be bound for an AWS endpoint")?;
        let address = listener.local_addr()?;
        let acceptor = TlsAcceptor::from(identity.config.clone());
        let task = tokio::spawn(async move {
            // Ignore a connection that cannot be accepted: its client reports the error.
            while let Ok((stream, _)) = listener.accept().await {
                let _ = stream.set_nodelay(true);
                tokio::spawn(serve(acceptor.clone(), stream, answer.clone()));
            }
        });
        Ok(Self { address, task })
    }

    /// Its URL.
    #[must_use]
    pub(super) fn url(&self) -> String {
        format!("https://{}", self.address)
    }
}

async fn serve<A, F>(acceptor: TlsAcceptor, stream: TcpStream, answer: A)
where
    A: Fn(Request<()>, Bytes) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<Full<Bytes>>> + Send + 'static,
{
    let Ok(stream) = acceptor.accept(stream).await else {
        return;
    };
    let service = service_fn(move |request: Request<Incoming>| {
        let answer = answer.clone();
        async move {
            let (head, body) = request.into_parts();
            let body = Limited::new(body, REQUEST_MAX).collect().await;
            let body = body.map_err(std::io::Error::other)?.to_bytes();
            let head = Request::from_parts(head, ());
            Ok::<_, std::io::Error>(answer(head, body).await)
        }
    });
    // It ends when the program does.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}
