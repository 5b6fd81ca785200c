//! Deploys the project's own templates as a person does, with `snapferry deploy`.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tokio::process::Command;

use super::error::tail;
use super::settings::architecture;
use super::{LocalError, LocalOptions, RoleChanges};

/// The name of the stack in the recovery region.
pub const STACK: &str = "snapferry";

const OUTPUT_LINES: usize = 20;

/// The templates and what they refer to, laid out as in a checkout.
pub(super) fn stage(root: &Path, folder: &Path) -> Result<PathBuf, LocalError> {
    let stage = folder.join("stage");
    let copies = [
        (root.join("template.yaml"), "template.yaml"),
        (root.join("source-region.yaml"), "source-region.yaml"),
        (
            root.join("statemachine/protect.asl.json"),
            "statemachine/protect.asl.json",
        ),
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

/// The programs that deploy and look, pointed at the emulator.
#[derive(Debug)]
pub(super) struct Deployer {
    /// The built `snapferry`.
    snapferry: PathBuf,
    /// AWS's own command line, which reads the outputs.
    aws: PathBuf,
    endpoint: SocketAddr,
    account: String,
    home: PathBuf,
}

impl Deployer {
    pub(super) fn new(
        snapferry: &Path,
        python: &Path,
        endpoint: SocketAddr,
        folder: &Path,
        options: &LocalOptions,
    ) -> Self {
        Self {
            snapferry: snapferry.to_owned(),
            // pip puts the command into the folder of its Python.
            aws: python.with_file_name("aws"),
            endpoint,
            account: options.account.clone(),
            home: folder.to_owned(),
        }
    }

    /// Deploys the stacks of all regions. The answer is what the command prints, as JSON.
    pub(super) async fn deploy(
        &self,
        stage: &Path,
        function: &Path,
        options: &LocalOptions,
    ) -> Result<String, LocalError> {
        let mut command = self.command(&self.snapferry, &options.recovery_region);
        command
            .args(["deploy", "--yes", "--json", "--stack", STACK])
            .args(["--recovery-region", &options.recovery_region])
            .args(["--source-region", &options.source_regions.join(",")])
            .args(["--architecture", architecture()])
            .arg("--templates")
            .arg(stage)
            .arg("--function")
            .arg(function);
        if !options.makes_key {
            command.args(["--key", &options.recovery_key_arn]);
        }
        for (name, value) in options.parameters() {
            command.arg("--parameter").arg(format!("{name}={value}"));
        }
        run("snapferry deploy", command).await
    }

    /// The built `snapferry`, pointed at the emulator's recovery region and the stack there.
    pub(super) fn snapferry(&self, region: &str) -> Command {
        let mut command = self.command(&self.snapferry, region);
        command.args(["--region", region, "--stack", STACK]);
        command
    }

    /// AWS's own command line, pointed at a region of the emulator.
    pub(super) fn aws(&self, region: &str) -> Command {
        self.command(&self.aws, region)
    }

    pub(super) async fn outputs(
        &self,
        region: &str,
        stack: &str,
    ) -> Result<BTreeMap<String, String>, LocalError> {
        let mut command = self.command(&self.aws, region);
        command.args(["cloudformation", "describe-stacks", "--output", "json"]);
        command.args(["--stack-name", stack]);
        let printed = run("aws cloudformation describe-stacks", command).await?;
        outputs_of(&printed).ok_or_else(|| LocalError::Aws {
            command: "aws cloudformation describe-stacks".to_owned(),
            output: tail(&printed, OUTPUT_LINES),
        })
    }

    fn command(&self, program: &Path, region: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", &self.home)
            .env("LANG", "C.UTF-8")
            .env("AWS_ENDPOINT_URL", format!("http://{}", self.endpoint))
            .env("AWS_ACCESS_KEY_ID", &self.account)
            .env("AWS_SECRET_ACCESS_KEY", "local")
            .env("AWS_DEFAULT_REGION", region)
            .current_dir(&self.home)
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
