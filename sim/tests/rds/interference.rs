//! What happens to calls that an interference changes.

use std::sync::Arc;
use std::time::Duration;

use snapferry_sim::rds::{Rds, RdsFault};
use snapferry_sim::rds_http::{
    Action, Incoming, Interference, RdsService, ServiceConfig, VirtualClock,
};
use tokio::sync::mpsc;

use super::service::{SOURCE, call, config, region, world};

/// Does the same to every call, and sees what RDS made of those that reached it.
#[derive(Debug)]
struct Same {
    action: Action,
    reached: mpsc::UnboundedSender<bool>,
}

impl Interference for Same {
    fn before(&self, call: &Incoming<'_>, _: &mut Rds) -> Action {
        assert_eq!(call.app, "snapferry-test");
        self.action.clone()
    }

    fn after(&self, _: &Incoming<'_>, error: Option<&RdsFault>, _: &Rds) {
        let _ = self.reached.send(error.is_none());
    }
}

pub(super) async fn served(
    action: Action,
) -> anyhow::Result<(RdsService, mpsc::UnboundedReceiver<bool>)> {
    let (events, _) = mpsc::unbounded_channel();
    let clock = VirtualClock::starting_at("2026-01-02T03:00:00Z".parse()?, 1.0);
    let rds = world(config());
    let (reached, calls) = mpsc::unbounded_channel();
    let same = Arc::new(Same { action, reached });
    let service = RdsService::start_with(ServiceConfig { rds, clock, events }, same).await?;
    Ok((service, calls))
}

pub(super) const CREATE: [(&str, &str); 3] = [
    ("Action", "CreateDBSnapshot"),
    ("DBSnapshotIdentifier", "s1"),
    ("DBInstanceIdentifier", "orders"),
];

#[tokio::test]
async fn a_refused_call_gets_the_error_that_was_asked_for_and_changes_nothing() -> anyhow::Result<()>
{
    let action = Action::Refuse {
        status: 400,
        code: "Throttling",
        message: "Rate <exceeded>".to_owned(),
    };
    let (service, mut reached) = served(action).await?;
    let reply = call(&service.url(), SOURCE, &CREATE).await?;
    assert_eq!(
        (reply.status, reply.outcome()?.as_str()),
        (400, "Throttling")
    );
    assert!(service.model().snapshot(&region(SOURCE), "s1").is_none());
    assert!(reached.try_recv().is_err());
    let throttled =
        |call: &snapferry_sim::rds_http::CallKey| call.error.as_deref() == Some("Throttling");
    assert_eq!(service.counts().sum(throttled), 1);
    Ok(())
}

#[tokio::test]
async fn a_call_without_an_answer_has_its_effect_or_not_and_ends_its_connection()
-> anyhow::Result<()> {
    for reaches_rds in [true, false] {
        let action = Action::NoAnswer {
            reaches_rds,
            held: Duration::ZERO,
        };
        let (service, mut reached) = served(action).await?;
        let reply = call(&service.url(), SOURCE, &CREATE).await;
        assert!(reply.is_err(), "{reply:?}");
        let is_there = service.model().snapshot(&region(SOURCE), "s1").is_some();
        assert_eq!(is_there, reaches_rds);
        assert_eq!(reached.try_recv().ok(), reaches_rds.then_some(true));
    }
    Ok(())
}
