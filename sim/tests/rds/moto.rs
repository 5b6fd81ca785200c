//! moto's server, which gives a second opinion, and the SDK that comes with it.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::Context;
use axum::body::Bytes;
use http_body_util::Full;
use hyper::Request;
use snapferry_sim::python::venv;

/// The version is pinned, so that the known differences do not change.
const REQUIREMENTS: &str = "moto[server]==5.2.5\nboto3==1.44.5\n";

/// Chooses its own port and prints it. Ends when its input does, so that it never outlives a test, even a killed one.
const LAUNCHER: &str = "\
import sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address='127.0.0.1', port=0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
";

/// The Python that has moto and boto3.
pub(crate) fn python() -> anyhow::Result<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .context("sim has no parent")?;
    venv(root, "moto", REQUIREMENTS)
}

/// A running moto; dropping it ends it.
pub(crate) struct Moto {
    child: Child,
    pub(crate) url: String,
}

impl Moto {
    pub(crate) fn start() -> anyhow::Result<Self> {
        // A file, because a pipe that nobody reads would stop moto once it is full.
        let log = Path::new(env!("CARGO_TARGET_TMPDIR")).join("moto.log");
        let mut child = Command::new(python()?)
            .args(["-c", LAUNCHER])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(&log)?)
            .spawn()
            .context("cannot start moto")?;
        let mut line = String::new();
        let output = child.stdout.take().context("moto has no output")?;
        BufReader::new(output)
            .read_line(&mut line)
            .context("moto told nothing")?;
        let Ok(port) = line.trim().parse::<u16>() else {
            let _ = child.kill();
            let _ = child.wait();
            let said = std::fs::read_to_string(&log).unwrap_or_default();
            anyhow::bail!("moto did not start: {said}");
        };
        Ok(Self {
            child,
            url: format!("http://127.0.0.1:{port}"),
        })
    }

    /// Makes a KMS key in a region and returns its ARN.
    pub(crate) async fn make_key(&self, region: &str) -> anyhow::Result<String> {
        let authorization = super::service::authorization(region).replace("/rds/", "/kms/");
        let request = Request::post(&self.url)
            .header("authorization", authorization)
            .header("content-type", "application/x-amz-json-1.1")
            .header("x-amz-target", "TrentService.CreateKey")
            .body(Full::new(Bytes::from_static(b"{}")))?;
        let reply = super::service::send(request).await?;
        let answer: serde_json::Value = serde_json::from_str(&reply.body)?;
        let arn = answer["KeyMetadata"]["Arn"].as_str();
        Ok(arn
            .with_context(|| format!("no key: {}", reply.body))?
            .to_owned())
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
