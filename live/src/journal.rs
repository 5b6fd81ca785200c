//! The record of what a run makes: written before each call that makes something, and again with AWS's answer.
//!
//! It is what a later run knows of a killed one, and the second of the two rules by which anything is removed.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::{Answered, CheckError};

const SCHEMA: u32 = 1;

/// What a thing is. They are removed in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A snapshot or copy of a cluster.
    ClusterSnapshot,
    /// A snapshot or copy of an instance.
    Snapshot,
    /// A DB instance.
    Instance,
    /// A DB cluster.
    Cluster,
    /// A CloudFormation stack, with all that is in it.
    Stack,
}

/// A thing that a run asked AWS to make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    /// What it is.
    pub kind: Kind,
    /// Its region.
    pub region: String,
    /// Its name, which holds the run's id.
    pub name: String,
    /// What AWS called it: a database's resource id, a stack's id, a snapshot's ARN. None if no answer came.
    pub id: Option<String>,
    /// When it was asked for.
    pub asked_at: Timestamp,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Content {
    schema: u32,
    account: String,
    run: String,
    things: Vec<Made>,
}

/// The journal of one run: a file that goes when everything in it is gone.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    content: Content,
}

impl Journal {
    /// Begins the journal of a run.
    ///
    /// # Errors
    /// If it cannot be written: then nothing may be made.
    pub fn begin(folder: &Path, account: &str, run: &str) -> Answered<Self> {
        std::fs::create_dir_all(folder).map_err(CheckError::file(folder))?;
        let journal = Self {
            path: folder.join(format!("{account}-{run}.json")),
            content: Content {
                schema: SCHEMA,
                account: account.to_owned(),
                run: run.to_owned(),
                things: Vec::new(),
            },
        };
        journal.write()?;
        Ok(journal)
    }

    /// The journals that earlier runs in this account left.
    ///
    /// # Errors
    /// If one cannot be read: what it knows is still there.
    pub fn left(folder: &Path, account: &str) -> Answered<Vec<Self>> {
        let Ok(entries) = std::fs::read_dir(folder) else {
            return Ok(Vec::new());
        };
        let mut found = Vec::new();
        for entry in entries {
            let path = entry.map_err(CheckError::file(folder))?.path();
            if path.extension().is_none_or(|extension| extension != "json") {
                continue;
            }
            let text = std::fs::read_to_string(&path).map_err(CheckError::file(&path))?;
            let content: Content = serde_json::from_str(&text)
                .map_err(|error| CheckError::file(&path)(std::io::Error::other(error)))?;
            if content.account == account {
                found.push(Self { path, content });
            }
        }
        Ok(found)
    }

    /// The run's id.
    #[must_use]
    pub fn run(&self) -> &str {
        &self.content.run
    }

    /// What is not gone yet.
    #[must_use]
    pub fn things(&self) -> &[Made] {
        &self.content.things
    }

    /// Notes what is about to be asked for.
    ///
    /// # Errors
    /// If it cannot be written: then it must not be asked for.
    pub fn intends(&mut self, made: Made) -> Answered<()> {
        if !self
            .content
            .things
            .iter()
            .any(|known| is_same(known, &made))
        {
            self.content.things.push(made);
        }
        self.write()
    }

    /// Notes what AWS calls a thing.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn is_called(&mut self, thing: &Made, id: &str) -> Answered<()> {
        for made in &mut self.content.things {
            if is_same(made, thing) {
                made.id = Some(id.to_owned());
            }
        }
        self.write()
    }

    /// Notes that a thing is gone. With the last one the file goes.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn is_gone(&mut self, thing: &Made) -> Answered<()> {
        self.content.things.retain(|made| !is_same(made, thing));
        self.write()
    }

    /// Removes the file, if nothing is left.
    ///
    /// # Errors
    /// If it cannot be removed.
    pub fn close(self) -> Answered<()> {
        match self.content.things.is_empty() {
            true => std::fs::remove_file(&self.path).map_err(CheckError::file(&self.path)),
            false => Ok(()),
        }
    }

    /// The old file or the new one is there, whatever happens meanwhile.
    fn write(&self) -> Answered<()> {
        let new = self.path.with_extension("new");
        let text = serde_json::to_string_pretty(&self.content).map_err(std::io::Error::other);
        text.and_then(|text| std::fs::write(&new, text))
            .and_then(|()| std::fs::rename(&new, &self.path))
            .map_err(CheckError::file(&self.path))
    }
}

fn is_same(one: &Made, other: &Made) -> bool {
    (one.kind, &one.region, &one.name) == (other.kind, &other.region, &other.name)
}
