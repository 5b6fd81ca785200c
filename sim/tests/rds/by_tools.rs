//! Tools that people have, unmodified, against the RDS service: the AWS CLI and cloud-custodian.

use std::path::Path;
use std::process::Command;

use anyhow::Context;
use snapferry_sim::python::venv;

use super::service::{HOME, HOME_KEY, SOURCE, instant, serve, world};

/// Pinned, so that the test does not change by itself.
const REQUIREMENTS: &str = "awscli==1.46.3\nc7n==0.9.53\n";

#[tokio::test]
async fn the_aws_cli_and_custodian_take_snapshots_and_copy_them_to_another_region()
-> anyhow::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    let python = venv(root.context("sim has no parent")?, "tools", REQUIREMENTS)?;
    let (service, _events) = serve(world(instant()), 1.0).await?;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/rds/by_tools.py");
    let mut command = Command::new(python);
    command
        .args([script, &service.url(), SOURCE, HOME, HOME_KEY])
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null");
    let output = tokio::task::spawn_blocking(move || command.output()).await??;
    let errors = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(output.status.success(), "the tools failed: {errors}");
    let made: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let taken = made["taken"].as_array().context("what was taken")?;
    assert_eq!(taken.len(), 2, "{made}");
    let copied = made["copied"].as_object().context("what was copied")?;
    assert_eq!(copied.len(), 2, "{made}");
    for (name, of) in copied {
        let source = of[0].as_str().unwrap_or_default();
        let is_taken = |one: &serde_json::Value| {
            let one = one.as_str().unwrap_or_default();
            source.ends_with(&format!(":snapshot:{one}"))
        };
        assert!(taken.iter().any(is_taken), "{name}: {made}");
        assert_eq!(of[1], HOME_KEY, "{name}");
    }
    Ok(())
}
