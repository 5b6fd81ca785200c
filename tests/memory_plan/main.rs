//! What a plan over two thousand databases in two regions takes of memory, in a process of its own: the allocator
//! counts.
//!
//! The adapters' share is not in it: a page of RDS and one of the table at a time, for each region and kind.
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop where it is"
)]

use std::cell::Cell;

use futures_util::FutureExt as _;
use jiff::Timestamp;
use peak_alloc::PeakAlloc;
use snapferry::app::plan_preview::preview;
use snapferry::domain::id::arn::{Family, RdsArn, Region};
use snapferry::domain::id::names::ResourceId;
use snapferry::domain::id::tags::PolicyName;
use snapferry::domain::policy::cursor::Cursor;
use snapferry::domain::policy::set::Applied;
use snapferry::domain::rds::copy_facts::CopyFacts;
use snapferry::domain::rds::database::Database;
use snapferry::domain::rds::option_group::OptionGroup;
use snapferry::domain::restore::configuration::Captured;
use snapferry::ports::{
    Clock, Entry, ListDatabases, ListOptionGroups, Page, PortError, RdsError, ReadEntries,
    ReadPlanCursor, ReadPolicies,
};
use snapferry::settings::{Planning, Variables};

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

const OF_A_REGION: usize = 1_000;
const PAGE: usize = 100;
const MB: f32 = 64.0;

/// A world that makes its databases as they are listed, and counts the calls.
#[derive(Default)]
struct Crowd {
    described: Cell<usize>,
    looked_up: Cell<usize>,
}

fn database(region: &Region, n: usize) -> Database {
    let arn = format!("arn:aws:rds:{region}:111122223333:db:a-database-with-a-name-{n}");
    let tags = (0..30).map(|tag| (format!("a-tag-of-theirs-{tag}"), "value".repeat(20)));
    let mut tags: snapferry::domain::id::tags::Tags = tags.collect();
    tags.insert("snapferry:policy".to_owned(), "default".to_owned());
    Database {
        arn: RdsArn::parse(&arn).unwrap(),
        resource_id: ResourceId::parse(&format!("db-{n:026}")).unwrap(),
        member_of: None,
        engine: "postgres".to_owned(),
        option_group: None,
        copy_facts: CopyFacts::encrypted(),
        multi_az: Some(false),
        backup_retention_days: Some(7),
        status: "backing-up".to_owned(),
        tags,
        captured: Captured::default(),
    }
}

impl Clock for Crowd {
    fn now(&self) -> Timestamp {
        "2026-11-22T04:00:00Z".parse().unwrap()
    }
}

impl ListDatabases for Crowd {
    async fn list_databases(
        &self,
        region: &Region,
        family: Family,
        marker: Option<String>,
    ) -> Result<Page<Database>, RdsError> {
        self.described.set(self.described.get() + 1);
        let from: usize = marker.map_or(0, |marker| marker.parse().unwrap());
        let all = match family {
            Family::Instance => OF_A_REGION,
            Family::Cluster => 0,
        };
        let until = all.min(from + PAGE);
        Ok(Page {
            unreadable: Vec::new(),
            items: (from..until).map(|n| database(region, n)).collect(),
            next: (until < all).then(|| until.to_string()),
        })
    }
}

impl ListOptionGroups for Crowd {
    async fn list_option_groups(
        &self,
        _region: &Region,
        _marker: Option<String>,
    ) -> Result<Page<OptionGroup>, PortError> {
        Ok(Page::new(Vec::new(), None))
    }
}

impl ReadEntries for Crowd {
    async fn read_entries(&self, of: &[(ResourceId, PolicyName)]) -> Result<Vec<Entry>, PortError> {
        self.looked_up.set(self.looked_up.get() + 1);
        assert!(of.len() <= PAGE);
        Ok(Vec::new())
    }
}

impl ReadPolicies for Crowd {
    async fn current_policies(&self) -> Result<Option<Applied>, PortError> {
        Ok(None)
    }
}

impl ReadPlanCursor for Crowd {
    async fn plan_cursor(
        &self,
        _policy: &PolicyName,
        _region: &Region,
    ) -> Result<Option<Cursor>, PortError> {
        Ok(None)
    }
}

fn planning() -> Planning {
    let pairs = [
        ("SNAPFERRY_STACK_ID", "prod"),
        ("AWS_REGION", "eu-central-1"),
        ("SNAPFERRY_TABLE", "table"),
        ("SNAPFERRY_SOURCE_REGIONS", "eu-west-1,eu-west-2"),
        (
            "SNAPFERRY_STATE_MACHINE_ARN",
            "arn:aws:states:eu-central-1:111122223333:stateMachine:protect",
        ),
        (
            "SNAPFERRY_KMS_KEY",
            "arn:aws:kms:eu-central-1:111122223333:key/11111111-2222-3333-4444-555555555555",
        ),
    ];
    let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
    Planning::from_variables(Variables::new(pairs)).unwrap()
}

#[test]
fn two_thousand_databases_are_planned_under_64_mb_with_a_call_for_each_page() {
    let (crowd, planning) = (Crowd::default(), planning());
    ALLOCATOR.reset_peak_usage();
    let shown = preview(&crowd, &planning, &planning.source_regions);
    let shown = shown.now_or_never().unwrap().unwrap();
    let peak = ALLOCATOR.peak_usage_as_mb();
    assert_eq!(shown.rows.len(), 2 * OF_A_REGION);
    assert!(shown.rows.iter().all(|row| row.warnings.len() == 2));
    let pages = 2 * OF_A_REGION / PAGE;
    assert_eq!(crowd.described.get(), pages + 2);
    assert_eq!(crowd.looked_up.get(), pages);
    println!("peak: {peak:.1} MB");
    assert!(peak < MB, "{peak:.1} MB");
}
