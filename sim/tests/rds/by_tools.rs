//! Tools that people have, unmodified, against the RDS service: the AWS CLI and cloud-custodian.

use std::path::Path;

use anyhow::Context;
use snapferry_sim::python::venv;

use super::service::{HOME_KEY, instant, run_script, serve, world};

/// Pinned, so that the test does not change by itself.
const REQUIREMENTS: &str = "awscli==1.46.3\nc7n==0.9.53\n";

#[tokio::test]
async fn the_aws_cli_and_custodian_take_snapshots_and_copy_them_to_another_region()
-> anyhow::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    let python = venv(root.context("sim has no parent")?, "tools", REQUIREMENTS)?;
    let (service, _events) = serve(world(instant()), 1.0).await?;
    let made = run_script(python, "by_tools.py", &service, HOME_KEY).await?;
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
