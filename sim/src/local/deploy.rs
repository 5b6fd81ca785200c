//! Packages the project's own templates and deploys them, with AWS's own command line.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tokio::process::Command;

use super::error::tail;
use super::{LocalError, LocalOptions, RoleChanges};

/// The name of the stack in the recovery region.
pub const STACK: &str = "snapferry";

/// The name of the stack in each source region.
pub const SOURCE_STACK: &str = "snapferry-source";

/// Where `aws cloudformation package` puts the code.
pub(super) const BUCKET: &str = "snapferry-artifacts";

const OUTPUT_LINES: usize = 20;

/// The files that the templates refer to, laid out as in a checkout after a build.
pub(super) fn stage(root: &Path, folder: &Path, bootstrap: &Path) -> Result<PathBuf, LocalError> {
    let stage = folder.join("stage");
    let copies = [
        (root.join("template.yaml"), "template.yaml"),
        (root.join("source-region.yaml"), "source-region.yaml"),
        (
            root.join("statemachine/protect.asl.json"),
            "statemachine/protect.asl.json",
        ),
        (bootstrap.to_owned(), "target/function/bootstrap/bootstrap"),
    ];
    for (from, to) in copies {
        let to = stage.join(to);
        if let Some(parent) = to.parent() {
            std::fs::create_dir_all(parent).map_err(LocalError::file(parent))?;
        }
        std::fs::copy(&from, &to).map_err(LocalError::file(&from))?;
    }
    Ok(stage)
}

/// Changes the roles of the staged template.
pub(super) fn change_roles(stage: &Path, changes: &RoleChanges) -> Result<(), LocalError> {
    if changes.is_empty() {
        return Ok(());
    }
    let template = stage.join("template.yaml");
    let text = std::fs::read_to_string(&template).map_err(LocalError::file(&template))?;
    let changed = changes.apply(&text).map_err(LocalError::Roles)?;
    std::fs::write(&template, changed).map_err(LocalError::file(&template))
}

/// AWS's command line, pointed at the emulator.
#[derive(Debug)]
pub(super) struct AwsCli {
    program: PathBuf,
    endpoint: SocketAddr,
    account: String,
    home: PathBuf,
}

impl AwsCli {
    pub(super) fn new(
        python: &Path,
        endpoint: SocketAddr,
        folder: &Path,
        options: &LocalOptions,
    ) -> Self {
        Self {
            // pip puts the command into the folder of its Python.
            program: python.with_file_name("aws"),
            endpoint,
            account: options.account.clone(),
            home: folder.to_owned(),
        }
    }

    /// Uploads the files that the template in `stage` refers to, and returns the template that names the uploads.
    pub(super) async fn package(&self, stage: &Path, region: &str) -> Result<PathBuf, LocalError> {
        let packaged = stage.join("packaged.yaml");
        let mut command = self.command(region);
        command
            .current_dir(stage)
            .args(["cloudformation", "package", "--s3-bucket", BUCKET])
            .args(["--template-file", "template.yaml", "--output-template-file"])
            .arg(&packaged);
        run("cloudformation package", command).await?;
        Ok(packaged)
    }

    pub(super) async fn deploy(
        &self,
        template: &Path,
        region: &str,
        stack: &str,
        parameters: &[(String, String)],
    ) -> Result<(), LocalError> {
        let mut command = self.command(region);
        command
            .args([
                "cloudformation",
                "deploy",
                "--capabilities",
                "CAPABILITY_IAM",
                // The packaged template is above what CloudFormation takes inline.
                "--s3-bucket",
                BUCKET,
            ])
            .args(["--stack-name", stack, "--template-file"])
            .arg(template)
            .arg("--parameter-overrides")
            .args(
                parameters
                    .iter()
                    .map(|(name, value)| format!("{name}={value}")),
            );
        run("cloudformation deploy", command).await?;
        Ok(())
    }

    pub(super) async fn outputs(
        &self,
        region: &str,
        stack: &str,
    ) -> Result<BTreeMap<String, String>, LocalError> {
        let mut command = self.command(region);
        command.args(["cloudformation", "describe-stacks", "--output", "json"]);
        command.args(["--stack-name", stack]);
        let printed = run("cloudformation describe-stacks", command).await?;
        outputs_of(&printed).ok_or_else(|| LocalError::Aws {
            command: "cloudformation describe-stacks".to_owned(),
            output: tail(&printed, OUTPUT_LINES),
        })
    }

    fn command(&self, region: &str) -> Command {
        let mut command = Command::new(&self.program);
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", &self.home)
            .env("LANG", "C.UTF-8")
            .env("AWS_ENDPOINT_URL", format!("http://{}", self.endpoint))
            .env("AWS_ACCESS_KEY_ID", &self.account)
            .env("AWS_SECRET_ACCESS_KEY", "local")
            .env("AWS_DEFAULT_REGION", region)
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("AWS_CONFIG_FILE", "/dev/null")
            .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
            .stdin(std::process::Stdio::null())
            .kill_on_drop(true);
        command
    }
}

async fn run(name: &str, mut command: Command) -> Result<String, LocalError> {
    let fault = |output: String| LocalError::Aws {
        command: name.to_owned(),
        output,
    };
    let output = command
        .output()
        .await
        .map_err(|error| fault(error.to_string()))?;
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(printed);
    }
    let all = printed + &String::from_utf8_lossy(&output.stderr);
    Err(fault(tail(&all, OUTPUT_LINES)))
}

fn outputs_of(printed: &str) -> Option<BTreeMap<String, String>> {
    let answer: Value = serde_json::from_str(printed).ok()?;
    let outputs = answer.get("Stacks")?.get(0)?.get("Outputs")?.as_array()?;
    let pair = |output: &Value| {
        let text = |name| output.get(name)?.as_str().map(ToOwned::to_owned);
        Some((text("OutputKey")?, text("OutputValue")?))
    };
    outputs.iter().map(pair).collect()
}
