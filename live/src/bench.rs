//! What the questions are asked with: each thing is made at its first use, entered in the journal before, and kept for the
//! questions after it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use aws_config::SdkConfig;
use aws_sdk_cloudformation::types::{Capability, Parameter, Tag as StackTag};
use aws_sdk_rds::types::Tag;
use snapferry::aws::Aws;
use snapferry::domain::id::arn::{Family, KeyArn, RdsArn, Region};
use snapferry::domain::id::names::SnapshotId;
use snapferry::domain::id::tags::{EXCLUDE, STACK, Tags};
use snapferry::domain::rds::snapshot::{Snapshot, SnapshotStatus};
use snapferry::ports::{
    CopySnapshot, CopySnapshotRequest, CreateSnapshot, CreateSnapshotRequest, DescribeSnapshots,
};

use crate::account::{Account, Caller};
use crate::error::{Answered, CheckError, of};
use crate::journal::{Journal, Kind, Made};
use crate::question::Facts;
use crate::remove::{Leftover, TAG, remove};

const RECOVERY_REGION: &str = include_str!("../recovery-region.yaml");
const SOURCE_REGION: &str = include_str!("../source-region.yaml");

/// A cluster without instances, its snapshot and the copy of it.
#[derive(Debug, Clone)]
pub(crate) struct ClusterCopied {
    pub(crate) is_said_to_be_encrypted: bool,
    /// `StorageEncryptionType`, or `none`.
    pub(crate) encryption: String,
    pub(crate) snapshot: Snapshot,
}

/// What the questions share.
pub struct Bench {
    pub(crate) account: Account,
    caller: Caller,
    password: String,
    subnet_group: Option<String>,
    /// What was made so far.
    pub journal: Journal,
    /// What the present question has seen.
    pub facts: Facts,
    /// What AWS said to it, in AWS's own words.
    pub words: Vec<String>,
    say: Box<dyn Fn(&str)>,
    outputs: Option<(BTreeMap<String, String>, BTreeMap<String, String>)>,
    sessions: BTreeMap<&'static str, SdkConfig>,
    instance: Option<RdsArn>,
    snapshot: Option<Snapshot>,
    copy: Option<Snapshot>,
    clusters: Vec<ClusterCopied>,
}

impl std::fmt::Debug for Bench {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Without the password of the database.
        f.debug_struct("Bench")
            .field("journal", &self.journal)
            .finish_non_exhaustive()
    }
}

impl Bench {
    /// Makes nothing yet.
    #[must_use]
    pub fn new(
        account: Account,
        caller: Caller,
        journal: Journal,
        password: String,
        subnet_group: Option<String>,
        say: Box<dyn Fn(&str)>,
    ) -> Self {
        Self {
            account,
            caller,
            password,
            subnet_group,
            journal,
            facts: Facts::new(),
            words: Vec::new(),
            say,
            outputs: None,
            sessions: BTreeMap::new(),
            instance: None,
            snapshot: None,
            copy: None,
            clusters: Vec::new(),
        }
    }

    /// Tells the person what happens.
    pub fn say(&self, text: &str) {
        (self.say)(text);
    }

    pub(crate) fn saw(&mut self, fact: impl Into<String>, value: impl Into<String>) {
        self.facts.insert(fact.into(), value.into());
    }

    /// Takes a refusal as an observation. What is no answer of AWS remains error.
    pub(crate) fn saw_call<T>(
        &mut self,
        fact: impl Into<String>,
        answered: Answered<T>,
    ) -> Answered<Option<T>> {
        let (value, answer) = match answered {
            Ok(answer) => ("accepted".to_owned(), Some(answer)),
            Err(error @ CheckError::Refused { .. }) => {
                self.words.push(error.to_string());
                let code = error.code().unwrap_or_default();
                let value = if error.is_denied() { "denied" } else { code };
                (value.to_owned(), None)
            }
            Err(error) => return Err(error),
        };
        self.saw(fact, value);
        Ok(answer)
    }

    /// `sf-live-RUN-…`: the worker's policy allows the first letters, and no other run has the rest.
    pub(crate) fn name(&self, of: &str) -> String {
        format!("sf-live-{}-{of}", self.journal.run())
    }

    /// The value of `snapferry:stack` on what a role of this run makes.
    pub(crate) fn stack_id(&self) -> String {
        format!("live-{}", self.journal.run())
    }

    pub(crate) fn tags(&self, stack: Option<&str>) -> Tags {
        let run = (TAG.to_owned(), self.journal.run().to_owned());
        let stack = stack.map(|id| (STACK.to_owned(), id.to_owned()));
        std::iter::once(run).chain(stack).collect()
    }

    /// Asks for a thing that must go at the end. The call returns what AWS calls it.
    pub(crate) async fn make(
        &mut self,
        kind: Kind,
        region: &Region,
        name: &str,
        call: impl Future<Output = Answered<String>>,
    ) -> Answered<()> {
        let made = Made {
            kind,
            region: region.to_string(),
            name: name.to_owned(),
            id: None,
            asked_at: (self.account.clock)(),
        };
        self.journal.intends(made.clone())?;
        let id = call.await?;
        self.journal.is_called(&made, &id)
    }

    /// Removes some of what was made, before the end of the run.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub async fn remove(&mut self, which: &dyn Fn(&Made) -> bool) -> Answered<Vec<Leftover>> {
        let Self {
            account,
            journal,
            say,
            ..
        } = self;
        remove(account, journal, which, say).await
    }

    /// Looks until there is something to see.
    pub(crate) async fn wait<T>(
        &self,
        what: &str,
        within: Duration,
        look: impl AsyncFn() -> Answered<Option<T>>,
    ) -> Answered<T> {
        let until = Instant::now() + within;
        loop {
            match look().await? {
                Some(found) => return Ok(found),
                None if Instant::now() > until => return Err(CheckError::TooLong(what.to_owned())),
                None => tokio::time::sleep(self.account.pace.look).await,
            }
        }
    }

    // ---------------------------------------------------------------- stacks and roles

    /// An output of the recovery region's stack.
    pub(crate) async fn output(&mut self, name: &str) -> Answered<String> {
        self.stacks().await?;
        let (outputs, _) = self.outputs.as_ref().unwrap_or(&NO_OUTPUTS);
        let missing = || CheckError::Unfit(format!("the stack has no output {name}"));
        outputs.get(name).cloned().ok_or_else(missing)
    }

    /// The queues of the events, of the recovery region and of the source region.
    pub(crate) async fn event_queues(&mut self) -> Answered<[String; 2]> {
        let of_recovery = self.output("Events").await?;
        let (_, outputs) = self.outputs.as_ref().unwrap_or(&NO_OUTPUTS);
        let missing = || CheckError::Unfit("the stack has no output Events".to_owned());
        Ok([
            of_recovery,
            outputs.get("Events").cloned().ok_or_else(missing)?,
        ])
    }

    pub(crate) async fn stacks(&mut self) -> Answered<()> {
        if self.outputs.is_some() {
            return Ok(());
        }
        let run = self.journal.run().to_owned();
        let (recovery, source) = (self.account.recovery.clone(), self.account.source.clone());
        let given = [
            ("Run", run.clone()),
            ("StackId", self.stack_id()),
            ("SourceRegions", source.to_string()),
            ("UserId", self.caller.user_id.clone()),
            ("ShortSeconds", self.account.pace.short_seconds.to_string()),
        ];
        let of_recovery = self.stack(&recovery, RECOVERY_REGION, &given).await?;
        let of_source = self.stack(&source, SOURCE_REGION, &[("Run", run)]).await?;
        self.outputs = Some((of_recovery, of_source));
        Ok(())
    }

    async fn stack(
        &mut self,
        region: &Region,
        template: &str,
        parameters: &[(&str, String)],
    ) -> Answered<BTreeMap<String, String>> {
        let name = format!("sf-live-{}", self.journal.run());
        self.say(&format!("making the stack {name} in {region}"));
        let client = self.account.cloudformation(region);
        let parameters = parameters.iter().map(|(key, value)| {
            Parameter::builder()
                .parameter_key(*key)
                .parameter_value(value)
                .build()
        });
        let tag = StackTag::builder()
            .key(TAG)
            .value(self.journal.run())
            .build();
        let asked = client
            .create_stack()
            .stack_name(&name)
            .template_body(template);
        let asked = asked.set_parameters(Some(parameters.collect()));
        let asked = asked.capabilities(Capability::CapabilityIam).tags(tag);
        let call = async {
            let answer = asked.send().await.map_err(of("CreateStack"))?;
            Ok(answer.stack_id.unwrap_or_default())
        };
        self.make(Kind::Stack, region, &name, call).await?;
        let look = async || {
            let asked = client.describe_stacks().stack_name(&name).send().await;
            let stacks = asked
                .map_err(of("DescribeStacks"))?
                .stacks
                .unwrap_or_default();
            let stack = stacks.into_iter().next();
            let status = stack.as_ref().and_then(|stack| stack.stack_status.as_ref());
            match status.map_or("", |status| status.as_str()) {
                "CREATE_COMPLETE" => Ok(stack.and_then(|stack| stack.outputs)),
                "CREATE_IN_PROGRESS" => Ok(None),
                other => Err(CheckError::Unfit(format!("the stack {name} is {other}"))),
            }
        };
        let outputs = self.wait(&name, self.account.pace.work, look).await?;
        let outputs = outputs.into_iter();
        Ok(outputs
            .filter_map(|it| Some((it.output_key?, it.output_value?)))
            .collect())
    }

    /// The adapters with a session of one of the stack's roles.
    pub(crate) async fn role(&mut self, name: &'static str) -> Answered<Aws> {
        Ok(Aws::new(self.session(name).await?, "none", ()))
    }

    /// A session of one of the stack's roles.
    pub(crate) async fn session(&mut self, name: &'static str) -> Answered<SdkConfig> {
        if !self.sessions.contains_key(name) {
            let arn = self.output(name).await?;
            let session = self.account.assume(&arn).await?;
            // AWS lets a new role be assumed before it knows all of its policies.
            tokio::time::sleep(self.account.pace.rights).await;
            self.sessions.insert(name, session);
        }
        let session = self.sessions.get(name);
        session
            .cloned()
            .ok_or_else(|| CheckError::Unfit(format!("no session of {name}")))
    }

    pub(crate) async fn key(&mut self) -> Answered<KeyArn> {
        let key = self.output("Key").await?;
        KeyArn::parse(&key).map_err(|error| CheckError::Unfit(error.to_string()))
    }

    // ---------------------------------------------------------------- snapshots

    /// Asks for a snapshot, with these adapters' rights.
    pub(crate) async fn snapshot_of(
        &mut self,
        who: &Aws,
        database: &RdsArn,
        name: &str,
        tags: Tags,
    ) -> Answered<RdsArn> {
        let arn = snapshot_arn(database, name)?;
        let request = CreateSnapshotRequest {
            database: database.clone(),
            id: SnapshotId::parse(name).map_err(|error| CheckError::Unfit(error.to_string()))?,
            tags,
        };
        let call = async {
            who.create_snapshot(&request).await?;
            Ok(arn.to_string())
        };
        self.make(kind_of(database.family()), database.region(), name, call)
            .await?;
        Ok(arn)
    }

    /// Asks for a copy in the recovery region under the run's key, with a presigned URL, as the worker does.
    pub(crate) async fn copy_of(
        &mut self,
        who: &Aws,
        source: &RdsArn,
        name: &str,
        tags: Tags,
    ) -> Answered<RdsArn> {
        let region = self.account.recovery.clone();
        let id = SnapshotId::parse(name).map_err(|error| CheckError::Unfit(error.to_string()))?;
        let arn = source.sibling_snapshot(&region, &id);
        let request = CopySnapshotRequest {
            region: region.clone(),
            source: source.clone(),
            id,
            key: self.key().await?,
            option_group: None,
            tags,
        };
        let call = async {
            who.copy_snapshot(&request).await?;
            Ok(arn.to_string())
        };
        self.make(kind_of(source.family()), &region, name, call)
            .await?;
        Ok(arn)
    }

    /// Waits until a snapshot changes no more by itself.
    pub(crate) async fn over(&self, snapshot: &RdsArn) -> Answered<Snapshot> {
        self.say(&format!(
            "waiting for {} in {}",
            snapshot.name(),
            snapshot.region()
        ));
        let person = self.account.person();
        let look = async || {
            let shown = described(&person, snapshot).await?;
            Ok(shown.filter(|shown| shown.status.is_over()))
        };
        self.wait(snapshot.name(), self.account.pace.work, look)
            .await
    }

    /// The same, for one that others are to be made of.
    async fn available(&self, snapshot: &RdsArn) -> Answered<Snapshot> {
        let shown = self.over(snapshot).await?;
        match shown.status {
            SnapshotStatus::Available => Ok(shown),
            other => Err(CheckError::Unfit(format!(
                "{} is {other:?}",
                snapshot.name()
            ))),
        }
    }

    // ---------------------------------------------------------------- databases

    fn database_tags(&self) -> Vec<Tag> {
        let run = Tag::builder().key(TAG).value(self.journal.run()).build();
        // A Snapferry of this account that protects everything leaves it out.
        vec![run, Tag::builder().key(EXCLUDE).value("yes").build()]
    }

    pub(crate) async fn instance(&mut self) -> Answered<RdsArn> {
        if let Some(instance) = &self.instance {
            return Ok(instance.clone());
        }
        let (region, name) = (self.account.source.clone(), self.name("db"));
        self.say(&format!("making the instance {name}"));
        let client = self.account.rds(&region);
        let asked = client
            .create_db_instance()
            .db_instance_identifier(&name)
            .engine("postgres");
        let asked = asked
            .db_instance_class("db.t4g.micro")
            .allocated_storage(20);
        let asked = asked
            .storage_type("gp3")
            .storage_encrypted(false)
            .backup_retention_period(0);
        let asked = asked.publicly_accessible(false).deletion_protection(false);
        let asked = asked
            .master_username("live_check")
            .master_user_password(&self.password);
        let asked = asked.set_db_subnet_group_name(self.subnet_group.clone());
        let asked = asked.set_tags(Some(self.database_tags()));
        let call = async {
            let answer = asked.send().await.map_err(of("CreateDBInstance"))?;
            let made = answer
                .db_instance
                .and_then(|instance| instance.dbi_resource_id);
            Ok(made.unwrap_or_default())
        };
        self.make(Kind::Instance, &region, &name, call).await?;
        let arn = self.instance_in(&name, "available").await?;
        self.instance = Some(arn.clone());
        Ok(arn)
    }

    /// Waits until the instance has a status.
    pub(crate) async fn instance_in(&self, name: &str, status: &str) -> Answered<RdsArn> {
        const WHAT: &str = "DescribeDBInstances";
        let client = self.account.rds(&self.account.source);
        let look = async || {
            let asked = client
                .describe_db_instances()
                .db_instance_identifier(name)
                .send()
                .await;
            let rows = asked.map_err(of(WHAT))?.db_instances.unwrap_or_default();
            let row = rows.into_iter().next();
            Ok(row.filter(|row| row.db_instance_status.as_deref() == Some(status)))
        };
        let row = self.wait(name, self.account.pace.work, look).await?;
        parsed(WHAT, row.db_instance_arn)
    }

    /// The instance's snapshot, taken by the worker's role.
    pub(crate) async fn snapshot(&mut self) -> Answered<Snapshot> {
        if let Some(snapshot) = &self.snapshot {
            return Ok(snapshot.clone());
        }
        let database = self.instance().await?;
        let worker = self.role("Worker").await?;
        let (name, tags) = (self.name("source"), self.tags(Some(&self.stack_id())));
        let arn = self.snapshot_of(&worker, &database, &name, tags).await?;
        let snapshot = self.available(&arn).await?;
        self.snapshot = Some(snapshot.clone());
        Ok(snapshot)
    }

    /// The copy of the instance's snapshot, made by the worker's role.
    pub(crate) async fn copy(&mut self) -> Answered<Snapshot> {
        if let Some(copy) = &self.copy {
            return Ok(copy.clone());
        }
        let source = self.snapshot().await?;
        let worker = self.role("Worker").await?;
        let (name, tags) = (self.name("copy"), self.tags(Some(&self.stack_id())));
        let arn = self.copy_of(&worker, &source.arn, &name, tags).await?;
        let copy = self.over(&arn).await?;
        self.copy = Some(copy.clone());
        Ok(copy)
    }

    /// Two clusters with their snapshots: one whose call says nothing of encryption, and one whose call declines it.
    pub(crate) async fn clusters(&mut self) -> Answered<Vec<ClusterCopied>> {
        if self.clusters.is_empty() {
            for (of, encrypted) in [("silent", None), ("plain", Some(false))] {
                let made = self.cluster(of, encrypted).await?;
                self.clusters.push(made);
            }
        }
        Ok(self.clusters.clone())
    }

    async fn cluster(&mut self, of_name: &str, encrypted: Option<bool>) -> Answered<ClusterCopied> {
        const WHAT: &str = "DescribeDBClusters";
        let (region, name) = (self.account.source.clone(), self.name(of_name));
        self.say(&format!("making the cluster {name}"));
        let client = self.account.rds(&region);
        let asked = client.create_db_cluster().db_cluster_identifier(&name);
        let asked = asked
            .engine("aurora-postgresql")
            .set_storage_encrypted(encrypted);
        let asked = asked.backup_retention_period(1).deletion_protection(false);
        let asked = asked
            .master_username("live_check")
            .master_user_password(&self.password);
        let asked = asked.set_db_subnet_group_name(self.subnet_group.clone());
        let asked = asked.set_tags(Some(self.database_tags()));
        let call = async {
            let answer = asked.send().await.map_err(of("CreateDBCluster"))?;
            let made = answer
                .db_cluster
                .and_then(|cluster| cluster.db_cluster_resource_id);
            Ok(made.unwrap_or_default())
        };
        self.make(Kind::Cluster, &region, &name, call).await?;
        let look = async || {
            let asked = client
                .describe_db_clusters()
                .db_cluster_identifier(&name)
                .send()
                .await;
            let rows = asked.map_err(of(WHAT))?.db_clusters.unwrap_or_default();
            let row = rows.into_iter().next();
            Ok(row.filter(|row| row.status.as_deref() == Some("available")))
        };
        let row = self.wait(&name, self.account.pace.work, look).await?;
        let database = parsed(WHAT, row.db_cluster_arn)?;
        let person = self.account.person();
        let (of_snapshot, tags) = (format!("{name}-source"), self.tags(Some(&self.stack_id())));
        let arn = self
            .snapshot_of(&person, &database, &of_snapshot, tags)
            .await?;
        let encryption = row.storage_encryption_type;
        Ok(ClusterCopied {
            is_said_to_be_encrypted: row.storage_encrypted.unwrap_or_default(),
            encryption: encryption.map_or_else(|| "none".to_owned(), |it| it.as_str().to_owned()),
            snapshot: self.available(&arn).await?,
        })
    }
}

static NO_OUTPUTS: (BTreeMap<String, String>, BTreeMap<String, String>) =
    (BTreeMap::new(), BTreeMap::new());

/// What RDS shows of one snapshot now.
pub(crate) async fn described(who: &Aws, snapshot: &RdsArn) -> Answered<Option<Snapshot>> {
    let id = SnapshotId::parse(snapshot.name());
    let ids = [id.map_err(|error| CheckError::Unfit(error.to_string()))?];
    let shown = who
        .describe_snapshots(snapshot.region(), snapshot.family(), &ids)
        .await?;
    Ok(shown.into_iter().next())
}

fn snapshot_arn(database: &RdsArn, name: &str) -> Answered<RdsArn> {
    let (partition, region, account) =
        (database.partition(), database.region(), database.account());
    let kind = match database.family() {
        Family::Instance => "snapshot",
        Family::Cluster => "cluster-snapshot",
    };
    parsed(
        "the snapshot's ARN",
        Some(format!(
            "arn:{partition}:rds:{region}:{account}:{kind}:{name}"
        )),
    )
}

fn parsed(what: &'static str, arn: Option<String>) -> Answered<RdsArn> {
    let arn = RdsArn::parse(&arn.unwrap_or_default());
    arn.map_err(|error| CheckError::unusable(what, error))
}

pub(crate) fn kind_of(family: Family) -> Kind {
    match family {
        Family::Instance => Kind::Snapshot,
        Family::Cluster => Kind::ClusterSnapshot,
    }
}
