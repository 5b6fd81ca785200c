//! What the inventory of a thousand databases with thirty recovery points each takes of memory, of processor time and of
//! calls, in a process of its own: the allocator counts.
//!
//! The adapters' share is not in it: a page of RDS and one of the table at a time.
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop where it is"
)]

use std::cell::Cell;
use std::collections::BTreeMap;

use futures_util::FutureExt as _;
use jiff::{SignedDuration, Timestamp};
use peak_alloc::PeakAlloc;
use snapferry::app::prune_preview::{PreviewOf, PrunePreview, prune_preview};
use snapferry::domain::id::arn::{Family, KeyArn, RdsArn, Region};
use snapferry::domain::id::database_ref::DatabaseRef;
use snapferry::domain::id::names::{Attempt, ResourceId};
use snapferry::domain::id::tags::{PolicyName, Tags};
use snapferry::domain::policy::keep_span::KeepSpan;
use snapferry::domain::policy::rules::Rules;
use snapferry::domain::policy::set::{Applied, Stamp, Version};
use snapferry::domain::rds::snapshot::{Snapshot, SnapshotStatus};
use snapferry::domain::restore::configuration::{Configuration, ConfigurationHash};
use snapferry::domain::restore::versions::{VERSIONS_MAX, Versions};
use snapferry::domain::retention::entered::Entered;
use snapferry::domain::retention::gone::Listing;
use snapferry::domain::retention::round::Round;
use snapferry::domain::run::command::{ProtectionRequest, RunOptions};
use snapferry::domain::run::naming;
use snapferry::ports::doctor::ListManualSnapshots;
use snapferry::ports::{
    Clock, DescribeQuota, Page, PortError, RdsError, ReadConfigurations, ReadEntered, ReadListings,
    ReadPolicies, ReadPolicyHistory, ReadRound, SnapshotQuota,
};
use snapferry::settings::{Planning, Variables};

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

const DATABASES: usize = 1_000;
const POINTS: usize = 30;
const PAGE: usize = 100;
const MB: f32 = 64.0;
const SECONDS: f64 = 10.0;
const KEY: &str = "arn:aws:kms:eu-central-1:111122223333:key/11111111-2222-3333-4444-555555555555";

/// A world that makes its snapshots as they are listed, and counts the calls.
struct Crowd {
    planning: Planning,
    /// The source of each recovery point.
    sources: BTreeMap<RdsArn, RdsArn>,
    pages: Cell<usize>,
    looked_up: Cell<usize>,
    /// How often it was asked for versions of configurations.
    versions: Cell<usize>,
}

fn now() -> Timestamp {
    "2026-11-22T04:00:00Z".parse().unwrap()
}

impl Crowd {
    /// The source snapshot or the recovery point of one number: of each database one a day.
    fn snapshot(&self, region: &Region, number: usize) -> Snapshot {
        let (database, days) = (number / POINTS, number % POINTS);
        let arn =
            format!("arn:aws:rds:eu-west-1:111122223333:db:a-database-with-a-name-{database}");
        let due: Timestamp = "2026-11-22T03:00:00Z".parse().unwrap();
        let run = ProtectionRequest {
            database: DatabaseRef {
                arn: RdsArn::parse(&arn).unwrap(),
                resource_id: ResourceId::parse(&format!("db-{database:026}")).unwrap(),
            },
            policy: PolicyName::parse("default").unwrap(),
            planned_at: due - SignedDuration::from_hours(24 * i64::try_from(days).unwrap()),
            key: KeyArn::parse(KEY).unwrap(),
            options: RunOptions::default(),
        };
        let stack = &self.planning.stack.rules.stack;
        let source = naming::source_snapshot(stack, &run, Attempt::FIRST);
        let copy = naming::copy(stack, &run, &source, Attempt::FIRST);
        let of = &run.database.arn;
        let source = of.sibling_snapshot(of.region(), &source);
        let is_copy = *region == self.planning.stack.home;
        let carried = (0..20).map(|tag| (format!("a-tag-of-theirs-{tag}"), "value".repeat(10)));
        let mut tags: Tags = carried.collect();
        tags.extend(
            [
                ("snapferry:stack", stack.to_string()),
                (
                    "snapferry:resource-id",
                    run.database.resource_id.to_string(),
                ),
                ("snapferry:database", of.to_string()),
                ("snapferry:policy", run.policy.to_string()),
                ("snapferry:source", source.to_string()),
            ]
            .map(|(key, value)| (key.to_owned(), value)),
        );
        Snapshot {
            arn: match is_copy {
                true => of.sibling_snapshot(region, &copy),
                false => source.clone(),
            },
            resource_id: Some(run.database.resource_id.clone()),
            status: SnapshotStatus::Available,
            engine: "postgres".to_owned(),
            engine_version: "17.2".to_owned(),
            size_gib: 100,
            encrypted: true,
            key: Some(run.key.clone()),
            source: is_copy.then_some(source),
            taken_at: Some(run.planned_at + SignedDuration::from_mins(1)),
            created_at: Some(run.planned_at + SignedDuration::from_mins(20)),
            percent: None,
            tags,
        }
    }
}

impl Clock for Crowd {
    fn now(&self) -> Timestamp {
        now()
    }
}

impl ListManualSnapshots for Crowd {
    async fn list_manual_snapshots(
        &self,
        region: &Region,
        family: Family,
        marker: Option<String>,
    ) -> Result<Page<Snapshot>, RdsError> {
        self.pages.set(self.pages.get() + 1);
        let from: usize = marker.map_or(0, |marker| marker.parse().unwrap());
        let all = match family {
            Family::Instance => DATABASES * POINTS,
            Family::Cluster => 0,
        };
        let until = all.min(from + PAGE);
        let items = (from..until).map(|number| self.snapshot(region, number));
        let next = (until < all).then(|| until.to_string());
        Ok(Page::new(items.collect(), next))
    }
}

impl ReadEntered for Crowd {
    async fn read_entered(&self, copies: &[RdsArn]) -> Result<Vec<Entered>, PortError> {
        self.looked_up.set(self.looked_up.get() + 1);
        assert!(copies.len() <= PAGE);
        let entered = copies.iter().map(|copy| Entered {
            copy: copy.clone(),
            source: self.sources[copy].clone(),
            key: KeyArn::parse(KEY).ok(),
            at: now(),
            snapshot_done_at: Some(now()),
            mismatch: None,
        });
        Ok(entered.collect())
    }
}

impl ReadConfigurations for Crowd {
    async fn configuration_versions(
        &self,
        of: &[ResourceId],
    ) -> Result<BTreeMap<ResourceId, Versions>, PortError> {
        assert!(of.len() <= PAGE);
        self.versions.set(self.versions.get() + 1);
        // A new version each day, until long enough ago that all but the newest may go.
        let days = 0..i64::try_from(VERSIONS_MAX).unwrap();
        let versions = days.fold(Versions::default(), |versions, day| {
            let hash = ConfigurationHash::of(&day.to_string());
            let since = now() - SignedDuration::from_hours(24 * (300 - day));
            versions.with(hash, since)
        });
        Ok(of.iter().map(|id| (id.clone(), versions.clone())).collect())
    }

    async fn configuration(
        &self,
        _of: &ResourceId,
        _hash: &ConfigurationHash,
    ) -> Result<Option<Configuration>, PortError> {
        Ok(None)
    }
}

impl ReadListings for Crowd {
    async fn listing(&self, _region: &Region) -> Result<Option<Listing>, PortError> {
        Ok(None)
    }
}

impl ReadPolicies for Crowd {
    async fn current_policies(&self) -> Result<Option<Applied>, PortError> {
        Ok(None)
    }
}

impl ReadPolicyHistory for Crowd {
    async fn current_stamp(&self) -> Result<Option<Stamp>, PortError> {
        Ok(None)
    }

    async fn policy_version(&self, _version: Version) -> Result<Option<Applied>, PortError> {
        Ok(None)
    }

    async fn policy_stamps(&self, _versions: &[Version]) -> Result<Vec<Stamp>, PortError> {
        Ok(Vec::new())
    }
}

impl ReadRound for Crowd {
    async fn last_round(&self) -> Result<Round, PortError> {
        Ok(Round::default())
    }
}

impl DescribeQuota for Crowd {
    async fn describe_snapshot_quota(
        &self,
        _region: &Region,
        _family: Family,
    ) -> Result<Option<SnapshotQuota>, RdsError> {
        Ok(None)
    }
}

fn planning() -> Planning {
    let pairs = [
        ("SNAPFERRY_STACK_ID", "prod"),
        ("AWS_REGION", "eu-central-1"),
        ("SNAPFERRY_TABLE", "table"),
        ("SNAPFERRY_SOURCE_REGIONS", "eu-west-1"),
        (
            "SNAPFERRY_STATE_MACHINE_ARN",
            "arn:aws:states:eu-central-1:111122223333:stateMachine:protect",
        ),
        ("SNAPFERRY_KMS_KEY", KEY),
        ("SNAPFERRY_RETENTION", "35d"),
    ];
    let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
    Planning::from_variables(Variables::new(pairs)).unwrap()
}

/// The processor time of this process so far, user and system, as the kernel counts it: in hundredths of a second.
fn processor_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    // The name of the program, in brackets, may have spaces.
    let (_, fields) = stat.rsplit_once(')').unwrap();
    let times = fields.split_whitespace().skip(11).take(2);
    times
        .map(|ticks| ticks.parse::<f64>().unwrap())
        .sum::<f64>()
        / 100.0
}

/// What listing took.
struct Measured {
    preview: PrunePreview,
    pages: usize,
    looked_up: usize,
    versions: usize,
    peak: f32,
    seconds: f64,
}

impl Measured {
    fn of(source_regions: &[Region], rules_at_source: Option<Rules>) -> Self {
        let mut planning = planning();
        for policy in &mut planning.policies.all {
            policy
                .options
                .retention
                .source_retention
                .clone_from(&rules_at_source);
        }
        let mut crowd = Crowd {
            planning,
            sources: BTreeMap::new(),
            pages: Cell::new(0),
            looked_up: Cell::new(0),
            versions: Cell::new(0),
        };
        let copies = (0..DATABASES * POINTS).map(|number| {
            let copy = crowd.snapshot(&crowd.planning.stack.home, number);
            (copy.arn, copy.source.unwrap())
        });
        crowd.sources = copies.collect();
        let planning = &crowd.planning;
        let of = PreviewOf {
            stack: &planning.stack.rules.stack,
            home: &planning.stack.home,
            source_regions,
            key: &planning.key,
            built_in: &planning.policies,
        };
        ALLOCATOR.reset_peak_usage();
        // What the world itself holds does not count.
        let held = ALLOCATOR.current_usage_as_mb();
        let before = processor_seconds();
        let preview = prune_preview(&crowd, of).now_or_never().unwrap().unwrap();
        Self {
            seconds: processor_seconds() - before,
            peak: ALLOCATOR.peak_usage_as_mb() - held,
            preview,
            pages: crowd.pages.get(),
            looked_up: crowd.looked_up.get(),
            versions: crowd.versions.get(),
        }
    }

    /// What it took, in words, once it is known to be within its bound.
    fn is_within(&self, mb: f32, what: &str) -> String {
        assert!(self.peak < mb, "{what}: {:.1} MB", self.peak);
        format!(
            "inventory of {DATABASES} databases with {POINTS} {what} each: {} describe pages, {:.1} MB, {:.2} s of \
             processor time",
            self.pages, self.peak, self.seconds
        )
    }
}

/// One test, because the allocator counts for the whole process.
#[test]
fn a_thousand_databases_are_listed_under_64_mb_and_10_s_with_a_call_for_each_page() {
    let measured = Measured::of(&[], None);
    let shown = &measured.preview;
    assert_eq!(shown.groups.len(), DATABASES);
    assert_eq!(shown.removable().len(), 0);
    assert_eq!(measured.pages, DATABASES * POINTS / PAGE + 1);
    // The table's records are read only of groups in which something may go.
    assert_eq!(measured.looked_up, 0);
    assert_eq!(measured.versions, DATABASES / PAGE);
    assert_eq!(shown.unnamed.count, DATABASES * (VERSIONS_MAX - 1));
    println!("{}", measured.is_within(MB, "recovery points"));
    assert!(measured.seconds < SECONDS, "{:.2} s", measured.seconds);
    drop(measured);

    let regions = [Region::parse("eu-west-1").unwrap()];
    let two_days = Rules {
        within: Some(KeepSpan::parse("2d").unwrap()),
        ..Rules::default()
    };
    let measured = Measured::of(&regions, Some(two_days));
    let going = DATABASES * (POINTS - 2);
    assert_eq!(measured.preview.sources.groups.len(), DATABASES);
    assert_eq!(measured.preview.removable().len(), going);
    assert_eq!(measured.pages, 2 * (DATABASES * POINTS / PAGE + 1));
    // A recovery point's record for each that may go.
    assert_eq!(measured.looked_up, going.div_ceil(PAGE));
    // Twice as many, and so twice as much memory.
    let what = "recovery points and as many source snapshots";
    println!("{}", measured.is_within(2.0 * MB, what));
}
