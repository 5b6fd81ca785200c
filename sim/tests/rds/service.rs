//! A very simple client, a served world, and the skeleton of XML answers.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;
use axum::body::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use quick_xml::Reader;
use quick_xml::events::Event;
use snapferry_sim::rds::{DurationRange, InstanceSpec, KmsKey, Rds, RdsConfig, Region};
use snapferry_sim::rds_http::{RdsService, ServiceConfig, VirtualClock};
use tokio::sync::mpsc;

pub(crate) const HOME: &str = "eu-central-1";
pub(crate) const SOURCE: &str = "eu-west-1";
pub(crate) const SOURCE_KEY: &str = "arn:aws:kms:eu-west-1:123456789012:key/1111";
pub(crate) const HOME_KEY: &str = "arn:aws:kms:eu-central-1:123456789012:key/2222";

pub(crate) fn region(name: &str) -> Region {
    name.parse().expect("a region")
}

/// The account is the one that moto and SDK examples use.
pub(crate) fn config() -> RdsConfig {
    RdsConfig {
        account: "123456789012".to_owned(),
        ..RdsConfig::default()
    }
}

/// A world in which everything is done as soon as the clock moves.
pub(crate) fn instant() -> RdsConfig {
    let mut config = config();
    let none = DurationRange::seconds(0, 0);
    let timings = &mut config.timings;
    timings.before_data_is_taken = none;
    timings.snapshot = none;
    timings.copy_queued = none;
    timings.copy = none;
    timings.deletion = none;
    timings.restore = none;
    timings.before_change = none;
    timings.change = none;
    timings.first_backup = none;
    timings.restart = none;
    timings.role = none;
    timings.database_deletion = none;
    config
}

/// Two regions with a key each and two instances in the source region, one encrypted.
pub(crate) fn world(config: RdsConfig) -> Rds {
    let mut rds = Rds::new(config, 7);
    for (name, arn, alias) in [
        (SOURCE, SOURCE_KEY, "alias/source"),
        (HOME, HOME_KEY, "alias/recovery"),
    ] {
        let aliases = vec![alias.to_owned()];
        rds.add_key(
            &region(name),
            KmsKey {
                arn: arn.to_owned(),
                aliases,
                enabled: true,
            },
        );
    }
    let mut secret = InstanceSpec::postgres("secret");
    secret.kms_key = Some(SOURCE_KEY.to_owned());
    for spec in [InstanceSpec::postgres("orders"), secret] {
        rds.add_instance(&region(SOURCE), spec)
            .expect("a new instance");
    }
    rds
}

/// Serves a world whose clock starts on a fixed day.
pub(crate) async fn serve(
    rds: Rds,
    speed: f64,
) -> anyhow::Result<(
    RdsService,
    mpsc::UnboundedReceiver<snapferry_sim::rds::EmittedEvent>,
)> {
    let (events, arrived) = mpsc::unbounded_channel();
    let clock = VirtualClock::starting_at("2026-01-02T03:00:00Z".parse()?, speed);
    let service = RdsService::start(ServiceConfig { rds, clock, events }).await?;
    Ok((service, arrived))
}

/// An answer.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: String,
}

/// Sends a request as it is.
pub(crate) async fn send(request: Request<Full<Bytes>>) -> anyhow::Result<Reply> {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let response = client.request(request).await?;
    let status = response.status().as_u16();
    let body = response.into_body().collect().await?.to_bytes();
    Ok(Reply {
        status,
        body: String::from_utf8(body.to_vec())?,
    })
}

pub(crate) fn authorization(region: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260102/{region}/rds/aws4_request, \
         SignedHeaders=host;x-amz-date, Signature=0000"
    )
}

/// Posts a call, signed for a region.
pub(crate) async fn call(url: &str, region: &str, pairs: &[(&str, &str)]) -> anyhow::Result<Reply> {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(pairs)
        .append_pair("Version", "2014-10-31");
    let request = Request::post(url)
        .header("authorization", authorization(region))
        .header("content-type", "application/x-www-form-urlencoded")
        .header("user-agent", "plain/1.0 app/snapferry-test")
        .body(Full::new(Bytes::from(form.finish())))?;
    send(request).await
}

impl Reply {
    /// The skeleton of the answer.
    pub(crate) fn shape(&self) -> anyhow::Result<Shape> {
        Shape::read(&self.body).with_context(|| format!("not XML: {}", self.body))
    }

    /// `Ok` or the error's code.
    pub(crate) fn outcome(&self) -> anyhow::Result<String> {
        if self.status < 300 {
            return Ok("Ok".to_owned());
        }
        let shape = self.shape()?;
        let code = shape.first("Code").context("an error without a code")?;
        Ok(code.to_owned())
    }
}

/// Every element of an answer: its path, and the texts found there.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Shape(pub(crate) BTreeMap<String, Vec<String>>);

impl Shape {
    fn read(xml: &str) -> anyhow::Result<Self> {
        let mut shape = Self::default();
        let mut reader = Reader::from_str(xml);
        reader.config_mut().expand_empty_elements = true;
        let mut path: Vec<String> = Vec::new();
        let mut text = String::new();
        loop {
            match reader.read_event()? {
                Event::Start(start) => {
                    path.push(start.name().as_ref().to_owned());
                    shape.0.entry(path.join("/")).or_default();
                    text.clear();
                }
                Event::Text(part) => text.push_str(&part),
                Event::GeneralRef(reference) => {
                    let raw = format!("&{};", &*reference);
                    text.push_str(&quick_xml::escape::unescape(&raw)?);
                }
                Event::End(_) => {
                    shape
                        .0
                        .entry(path.join("/"))
                        .or_default()
                        .push(std::mem::take(&mut text));
                    path.pop();
                }
                Event::Eof => break,
                _ => {}
            }
        }
        anyhow::ensure!(
            path.is_empty() && !shape.0.is_empty(),
            "the document is not complete"
        );
        Ok(shape)
    }

    /// All texts under an element's name, wherever it is.
    pub(crate) fn all(&self, element: &str) -> Vec<&str> {
        let ends = |path: &str| path.rsplit('/').next() == Some(element);
        let found = self.0.iter().filter(|(path, _)| ends(path));
        found
            .flat_map(|(_, texts)| texts)
            .map(String::as_str)
            .collect()
    }

    /// The first text under an element's name.
    pub(crate) fn first(&self, element: &str) -> Option<&str> {
        self.all(element).into_iter().next()
    }
}

/// Runs a script of this folder against the service, with no real credentials, and returns the JSON that it prints.
pub(crate) async fn run_script(
    python: PathBuf,
    name: &str,
    service: &RdsService,
    home_key: &str,
) -> anyhow::Result<serde_json::Value> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/rds")
        .join(name);
    let mut command = Command::new(python);
    command
        .arg(script)
        .args([&service.url(), SOURCE, HOME, home_key])
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null");
    let output = tokio::task::spawn_blocking(move || command.output()).await??;
    let errors = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(output.status.success(), "{name} failed: {errors}");
    serde_json::from_slice(&output.stdout).context("the script's JSON")
}
