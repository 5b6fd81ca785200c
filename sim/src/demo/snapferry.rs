//! Runs the command `snapferry` as a person does.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use anyhow::{Context as _, bail};
use serde::Deserialize;
use serde_json::Value;

use crate::local::Session;

/// Which dead letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Letters {
    /// Commands.
    Commands,
    /// Events.
    Events,
}

impl Letters {
    fn word(self) -> &'static str {
        match self {
            Self::Commands => "commands",
            Self::Events => "events",
        }
    }
}

/// The command `snapferry`, with the environment in which it finds the local world.
#[derive(Debug, Clone)]
pub(super) struct Snapferry {
    /// The program.
    pub(super) program: PathBuf,
    /// Its whole environment.
    pub(super) environment: Vec<(String, String)>,
}

/// The result of a replay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Replayed {
    /// How many messages went back to their queue.
    pub(super) count: u64,
    /// Everything that it said, for the leak test.
    pub(super) said: String,
}

#[derive(Deserialize)]
struct Report {
    replayed: u64,
}

impl Snapferry {
    /// A variable of its environment.
    ///
    /// # Errors
    /// If there is none of this name.
    pub(super) fn variable(&self, name: &str) -> anyhow::Result<&str> {
        let found = self.environment.iter().find(|(one, _)| one == name);
        let (_, value) = found.with_context(|| format!("the stack exports no {name}"))?;
        Ok(value)
    }

    /// Runs `snapferry replay … --yes --json`.
    ///
    /// # Errors
    /// If it cannot be run, fails, or does not say what it did.
    pub(super) async fn replay(&self, letters: Letters) -> anyhow::Result<Replayed> {
        let arguments = ["replay", letters.word(), "--yes", "--json"];
        let (stdout, said) = self.run(&arguments).await?;
        let count = replayed(&stdout).with_context(|| {
            format!("`snapferry replay {}` did not say how many", letters.word())
        })?;
        Ok(Replayed { count, said })
    }

    /// Runs `snapferry policy apply` with this file, and returns what it said.
    ///
    /// # Errors
    /// When it cannot be run, or does not store the file.
    pub(super) async fn apply_policies(&self, file: &Path) -> anyhow::Result<String> {
        let file = file.to_str().context("a path that is no text")?;
        let note = "--note=as the demo needs them";
        let (_, said) = self.run(&["policy", "apply", file, note]).await?;
        Ok(said)
    }

    /// Runs `snapferry plan --json`, which ends with 1 where it finds a mistake in a tag.
    ///
    /// # Errors
    /// When it cannot be run, or prints no plan.
    pub(super) async fn plan(&self) -> anyhow::Result<Value> {
        self.answer(&["plan"]).await
    }

    /// Runs `snapferry doctor --json`, which ends with 1 where a check failed.
    ///
    /// # Errors
    /// When it cannot be run, or prints no report.
    pub(super) async fn doctor(&self) -> anyhow::Result<Value> {
        self.answer(&["doctor"]).await
    }

    /// Runs `snapferry start --again --database … --json`.
    ///
    /// # Errors
    /// When it cannot be run, or prints no answer.
    pub(super) async fn start_again(&self, database: &str) -> anyhow::Result<Value> {
        self.answer(&["start", "--again", "--database", database])
            .await
    }

    /// Runs `snapferry report --html`, which ends with 1 where something needs a person, and writes the page to this file.
    ///
    /// # Errors
    /// When it cannot be run, or writes no page.
    pub(super) async fn report(&self, file: &Path) -> anyhow::Result<()> {
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder)
                .with_context(|| format!("{} could not be made", folder.display()))?;
        }
        // A page of an earlier run would look like this run's.
        let _ = std::fs::remove_file(file);
        let name = file.to_str().context("a path that is no text")?;
        let output = self.output(&["report", "--html", name]).await?;
        if !file.exists() {
            let said = String::from_utf8_lossy(&output.stdout);
            let errors = String::from_utf8_lossy(&output.stderr);
            bail!("`snapferry report --html {name}` wrote no page: {said}{errors}");
        }
        Ok(())
    }

    /// The same command, called by another person.
    #[must_use]
    pub(super) fn called_by(&self, session: &Session) -> Self {
        let mut environment = self.environment.clone();
        for (name, value) in session.variables() {
            environment.retain(|(known, _)| known != name);
            environment.push((name.clone(), value.clone()));
        }
        Self {
            program: self.program.clone(),
            environment,
        }
    }

    /// The JSON that a command prints, whatever its exit code says.
    ///
    /// # Errors
    /// When it cannot be run, or prints no JSON.
    pub(super) async fn answer(&self, command: &[&str]) -> anyhow::Result<Value> {
        let output = self.output(&[command, &["--json"]].concat()).await?;
        let said = String::from_utf8_lossy(&output.stdout);
        serde_json::from_str(&said).with_context(|| {
            let errors = String::from_utf8_lossy(&output.stderr);
            let command = command.join(" ");
            format!("`snapferry {command} --json` printed no JSON: {said}{errors}")
        })
    }

    /// Its standard output, and all that it said.
    async fn run(&self, arguments: &[&str]) -> anyhow::Result<(String, String)> {
        let output = self.output(arguments).await?;
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        let stderr = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() {
            let what = arguments.join(" ");
            bail!("`snapferry {what}` failed: {stdout}{stderr}");
        }
        let said = format!("{stdout}{stderr}");
        Ok((stdout, said))
    }

    async fn output(&self, arguments: &[&str]) -> anyhow::Result<Output> {
        tokio::process::Command::new(&self.program)
            .args(arguments)
            .env_clear()
            .envs(self.environment.iter().cloned())
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await
            .with_context(|| format!("{} could not be run", self.program.display()))
    }
}

/// The count in the JSON, which is all of the output or its last line.
fn replayed(stdout: &str) -> Option<u64> {
    let last = stdout.trim_end().lines().last().unwrap_or_default();
    let report = [stdout, last]
        .into_iter()
        .find_map(|json| serde_json::from_str(json).ok());
    report.map(|Report { replayed }| replayed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_is_read_from_the_json_alone_or_in_the_last_line() {
        let said = "replayed orders\n{\"schema\":1,\"replayed\":3,\"left\":1}\n";
        assert_eq!(replayed(said), Some(3));
        assert_eq!(replayed("{\n  \"replayed\": 4\n}\n"), Some(4));
        assert_eq!(replayed("{\"left\":1}"), None);
        assert_eq!(replayed(""), None);
    }

    #[tokio::test]
    async fn a_report_that_writes_no_page_fails_although_an_earlier_page_is_there() {
        let folder = std::env::temp_dir().join(format!("snapferry-page-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let page = folder.join("demo").join("report.html");
        let snapferry = |program: &str| Snapferry {
            program: PathBuf::from(program),
            environment: Vec::new(),
        };
        snapferry("/bin/false").report(&page).await.unwrap_err();
        std::fs::write(&page, "of an earlier run").unwrap();
        let error = snapferry("/bin/false").report(&page).await.unwrap_err();
        assert!(error.to_string().contains("wrote no page"), "{error}");
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[tokio::test]
    async fn a_replay_that_fails_is_told_in_its_own_words() {
        let snapferry = Snapferry {
            program: PathBuf::from("/bin/sh"),
            environment: Vec::new(),
        };
        // A shell has no script of that name.
        let announced = snapferry.replay(Letters::Commands).await.unwrap_err();
        assert!(announced.to_string().contains("replay"), "{announced}");
    }
}
