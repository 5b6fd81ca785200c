//! Redrive: what failed goes on where it stopped, or by a new execution, and never twice at once.

use snapferry::domain::naming;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use snapferry::app::redrive::{Left, Order, Outcome, Redrive, redrive};
use snapferry::domain::command::{DatabaseRef, Run};
use snapferry::domain::names::{Attempt, ExecutionName};
use snapferry::domain::redrive::{EndedBadly, EndedExecution, Inspection, Redrivable, WhyNew};
use snapferry::domain::tags::PolicyName;
use snapferry::ports::{
    Claim, ClaimRun, Clock, ExecutionState, InspectExecution, ListEnded, Page, PortError,
    ReadDefinitions, RedriveExecution, Redriven, StartExecution, Started,
};

use crate::world::{World, a_run, rules, run, time};

struct Past {
    run: Option<Run>,
    ended: EndedExecution,
    redrivable: Redrivable,
    definition: &'static str,
    /// What RedriveExecution says, if it says no.
    refusal: Option<&'static str>,
}

/// Step Functions' memory, over the world's executions.
struct Memory {
    world: World,
    past: RefCell<BTreeMap<ExecutionName, Past>>,
    redriven: RefCell<Vec<ExecutionName>>,
    /// This call to DescribeExecution does not come through.
    broken: Cell<bool>,
    /// While this execution is described, its own planner claims its place anew, to start it.
    reclaimed: RefCell<Option<(Run, ExecutionName)>>,
}

impl Memory {
    fn new() -> Self {
        Self {
            world: World::new(),
            past: RefCell::default(),
            redriven: RefCell::default(),
            broken: Cell::new(false),
            reclaimed: RefCell::default(),
        }
    }

    /// An execution for a database that failed some hours ago.
    fn failed(&self, run: &Run, attempt: u8, hours: i64) -> ExecutionName {
        let name = name(run, attempt);
        let ended_at = self.world.now.get() - SignedDuration::from_hours(hours);
        let past = Past {
            run: Some(run.clone()),
            ended: EndedExecution {
                name: name.clone(),
                ended: EndedBadly::Failed,
                started_at: ended_at - SignedDuration::from_hours(1),
                ended_at,
            },
            redrivable: Redrivable::Yes,
            definition: "now",
            refusal: None,
        };
        self.past.borrow_mut().insert(name.clone(), past);
        let mut executions = self.world.executions.borrow_mut();
        executions.insert(name.clone(), ExecutionState::Failed);
        name
    }

    fn change(&self, name: &ExecutionName, change: impl FnOnce(&mut Past)) {
        change(self.past.borrow_mut().get_mut(name).unwrap());
    }

    fn redriven(&self) -> Vec<ExecutionName> {
        self.redriven.borrow().clone()
    }
}

fn name(run: &Run, attempt: u8) -> ExecutionName {
    let attempt = Attempt::all().nth(usize::from(attempt) - 1).unwrap();
    naming::execution(&rules().stack, run, attempt)
}

impl Clock for Memory {
    fn now(&self) -> Timestamp {
        self.world.now()
    }
}

impl ClaimRun for Memory {
    async fn claim_run(
        &self,
        database: &DatabaseRef,
        policy: &PolicyName,
        execution: &ExecutionName,
        at: Timestamp,
        instead_of: Option<&snapferry::ports::Held>,
    ) -> Result<Claim, PortError> {
        self.world
            .claim_run(database, policy, execution, at, instead_of)
            .await
    }
}

impl StartExecution for Memory {
    async fn start_execution(&self, name: &ExecutionName, run: &Run) -> Result<Started, PortError> {
        self.world.start_execution(name, run).await
    }

    async fn describe_execution(&self, name: &ExecutionName) -> Result<ExecutionState, PortError> {
        let told = self.world.describe_execution(name).await;
        let reclaimed = self.reclaimed.borrow_mut().take();
        if let Some((run, name)) = reclaimed {
            let (database, policy) = (&run.database, &run.policy);
            self.claim_run(database, policy, &name, self.now(), None)
                .await?;
        }
        told
    }
}

impl ListEnded for Memory {
    async fn list_executions(
        &self,
        ended: EndedBadly,
        from: Option<String>,
    ) -> Result<Page<EndedExecution>, PortError> {
        let from: usize = from.map_or(0, |from| from.parse().unwrap());
        let past = self.past.borrow();
        let all = past.values().map(|past| &past.ended);
        let of_status: Vec<_> = all.filter(|one| one.ended == ended).collect();
        let items: Vec<_> = of_status
            .iter()
            .skip(from)
            .take(2)
            .copied()
            .cloned()
            .collect();
        let next = from + items.len();
        let next = (next < of_status.len()).then(|| next.to_string());
        Ok(Page { items, next })
    }
}

impl InspectExecution for Memory {
    async fn inspect_execution(
        &self,
        name: &ExecutionName,
    ) -> Result<Option<Inspection>, PortError> {
        if self.broken.take() {
            return Err(PortError {
                action: "DescribeExecution",
                code: Some("ThrottlingException".to_owned()),
                source: None,
            });
        }
        let running = self.world.executions.borrow().get(name) == Some(&ExecutionState::Running);
        let past = self.past.borrow();
        Ok(past.get(name).map(|past| Inspection {
            running,
            run: past.run.clone(),
            error: Some("Snapferry.SourceMissing".to_owned()),
            cause: Some("no available source".to_owned()),
            redrives: 0,
            redrivable: past.redrivable.clone(),
        }))
    }
}

impl ReadDefinitions for Memory {
    async fn definition_now(&self) -> Result<String, PortError> {
        Ok("now".to_owned())
    }

    async fn definition_of(&self, name: &ExecutionName) -> Result<String, PortError> {
        Ok(self.past.borrow()[name].definition.to_owned())
    }
}

impl RedriveExecution for Memory {
    async fn redrive_execution(&self, name: &ExecutionName) -> Result<Redriven, PortError> {
        if let Some(why) = self.past.borrow()[name].refusal {
            return Ok(Redriven::NotRedrivable(why.to_owned()));
        }
        let mut executions = self.world.executions.borrow_mut();
        executions.insert(name.clone(), ExecutionState::Running);
        self.redriven.borrow_mut().push(name.clone());
        Ok(Redriven::Running)
    }
}

fn shown() -> Order {
    Order {
        since: time("2026-11-08T03:05:00Z"),
        until: None,
        databases: Vec::new(),
        act: false,
        restart: false,
        most: 200,
    }
}

fn acted() -> Order {
    Order {
        act: true,
        ..shown()
    }
}

fn with_restart() -> Order {
    Order {
        restart: true,
        ..acted()
    }
}

fn do_redrive(memory: &Memory, order: &Order) -> Redrive {
    run(redrive(memory, &rules().stack, order)).unwrap()
}

fn only(redrive: &Redrive) -> &Outcome {
    assert_eq!(redrive.rows.len(), 1, "{redrive:?}");
    &redrive.rows[0].outcome
}

#[test]
fn without_yes_everything_is_shown_and_nothing_is_done() {
    let memory = Memory::new();
    let failed = memory.failed(&a_run("orders"), 1, 2);
    for restart in [false, true] {
        let shown = do_redrive(&memory, &Order { restart, ..shown() });
        assert_eq!(only(&shown), &Outcome::Redrivable);
        let row = &shown.rows[0];
        assert_eq!(row.execution.name, failed);
        assert_eq!(row.error.as_deref(), Some("Snapferry.SourceMissing"));
        assert_eq!(row.cause.as_deref(), Some("no available source"));
    }
    assert!(memory.redriven().is_empty());
    assert!(memory.world.catalog.borrow().is_empty());
    assert_eq!(memory.world.calls_of("StartExecution"), 0);
}

#[test]
fn what_can_be_redriven_is_and_takes_its_databases_place() {
    let memory = Memory::new();
    let failed = memory.failed(&a_run("orders"), 1, 2);
    let done = do_redrive(&memory, &acted());
    assert_eq!(only(&done), &Outcome::Redriven);
    assert!(done.is_complete());
    assert_eq!(memory.redriven(), std::slice::from_ref(&failed));
    let catalog = memory.world.catalog.borrow();
    let open: Vec<_> = catalog.values().map(|entry| entry.open.clone()).collect();
    assert_eq!(open, [Some(failed)]);
}

#[test]
fn redriving_twice_is_redriving_once() {
    let memory = Memory::new();
    memory.failed(&a_run("orders"), 1, 2);
    do_redrive(&memory, &acted());
    let again = do_redrive(&memory, &acted());
    assert_eq!(only(&again), &Outcome::Left(Left::RunsAgain));
    assert_eq!(memory.redriven().len(), 1);
}

#[test]
fn nothing_is_redriven_beside_an_execution_that_is_open() {
    let memory = Memory::new();
    let the_run = a_run("orders");
    memory.failed(&the_run, 1, 2);
    let mut newer = the_run.clone();
    newer.planned_at = time("2026-11-23T03:00:00Z");
    let open = name(&newer, 1);
    let (database, policy) = (&the_run.database, &the_run.policy);
    let now = memory.now();
    run(memory.world.claim_run(database, policy, &open, now, None)).unwrap();
    let mut executions = memory.world.executions.borrow_mut();
    executions.insert(open.clone(), ExecutionState::Running);
    drop(executions);
    let done = do_redrive(&memory, &with_restart());
    assert_eq!(
        only(&done),
        &Outcome::Left(Left::StillRunning(open.clone()))
    );
    assert!(memory.redriven().is_empty());
    // It ends while nobody looks: it is described, and its place taken.
    let mut executions = memory.world.executions.borrow_mut();
    executions.insert(open, ExecutionState::Succeeded);
    drop(executions);
    assert_eq!(only(&do_redrive(&memory, &acted())), &Outcome::Redriven);
}

#[test]
fn a_place_that_is_claimed_anew_while_it_is_looked_at_is_not_taken() {
    let memory = Memory::new();
    let the_run = a_run("orders");
    memory.failed(&the_run, 1, 2);
    let mut newer = the_run.clone();
    newer.planned_at = time("2026-11-23T03:00:00Z");
    let claimed = name(&newer, 1);
    let (database, policy, now) = (&the_run.database, &the_run.policy, memory.now());
    // An old claim, whose planner died: but its next round is at work.
    run(memory
        .world
        .claim_run(database, policy, &claimed, now, None))
    .unwrap();
    memory.world.pass(SignedDuration::from_mins(16));
    memory.reclaimed.replace(Some((newer, claimed.clone())));
    let done = do_redrive(&memory, &acted());
    let Outcome::Failed(why) = only(&done) else {
        panic!("{done:?}");
    };
    assert!(why.contains(claimed.as_str()), "{why}");
    assert!(memory.redriven().is_empty());
}

#[test]
fn of_several_for_one_database_and_policy_only_the_latest_goes_on() {
    let memory = Memory::new();
    let older = a_run("orders");
    let mut newer = older.clone();
    newer.planned_at = time("2026-11-23T03:00:00Z");
    let first = memory.failed(&older, 1, 30);
    let second = memory.failed(&older, 2, 20);
    let last = memory.failed(&newer, 1, 2);
    let other = memory.failed(&a_run("billing"), 1, 40);
    let done = do_redrive(&memory, &acted());
    let outcomes: BTreeMap<_, _> = done
        .rows
        .iter()
        .map(|row| (row.execution.name.clone(), row.outcome.clone()))
        .collect();
    let superseded = Outcome::Left(Left::Superseded(last.clone()));
    let expected = [
        (first, superseded.clone()),
        (second, superseded),
        (last, Outcome::Redriven),
        (other, Outcome::Redriven),
    ];
    assert_eq!(outcomes, expected.into());
}

#[test]
fn a_changed_definition_is_told_and_a_new_execution_is_offered() {
    let memory = Memory::new();
    let failed = memory.failed(&a_run("orders"), 1, 2);
    memory.change(&failed, |past| past.definition = "before");
    let needs_new = Outcome::NeedsNew(WhyNew::DefinitionChanged);
    assert_eq!(only(&do_redrive(&memory, &shown())), &needs_new);
    let done = do_redrive(&memory, &acted());
    assert_eq!(only(&done), &needs_new);
    assert!(!done.is_complete());
    assert!(memory.redriven().is_empty());
    assert_eq!(memory.world.calls_of("StartExecution"), 0);
}

#[test]
fn a_new_execution_has_the_next_name_and_the_same_run_so_that_it_adopts_what_there_is() {
    let memory = Memory::new();
    let the_run = a_run("orders");
    let failed = memory.failed(&the_run, 1, 2);
    memory.change(&failed, |past| past.definition = "before");
    let second = name(&the_run, 2);
    let done = do_redrive(&memory, &with_restart());
    assert_eq!(only(&done), &Outcome::Restarted(second.clone()));
    assert!(second.as_str().ends_with("-a2"));
    assert!(done.is_complete());
    let state = memory.world.executions.borrow()[&second];
    assert_eq!(state, ExecutionState::Running);
    // Names of snapshots come from the run alone, so the copy of the first is the copy of the second.
    assert_eq!(
        naming::source_snapshot(&rules().stack, &the_run, Attempt::FIRST).as_str(),
        failed.as_str()
    );
}

#[test]
fn a_window_that_is_over_is_told_before_anything_is_asked_of_step_functions() {
    let memory = Memory::new();
    let failed = memory.failed(&a_run("orders"), 1, 14 * 24);
    memory.change(&failed, |past| past.redrivable = Redrivable::NotSaid);
    let needs_new = Outcome::NeedsNew(WhyNew::WindowOver);
    assert_eq!(only(&do_redrive(&memory, &acted())), &needs_new);
    assert!(memory.redriven().is_empty());
    memory.failed(&a_run("orders"), 1, 14 * 24 - 1);
    assert_eq!(only(&do_redrive(&memory, &acted())), &Outcome::Redriven);
}

#[test]
fn step_functions_no_is_told_whether_it_comes_before_or_at_the_redrive() {
    let memory = Memory::new();
    let failed = memory.failed(&a_run("orders"), 1, 2);
    let no = "Execution history event limit exceeded";
    memory.change(&failed, |past| {
        past.redrivable = Redrivable::No(no.to_owned())
    });
    let needs_new = Outcome::NeedsNew(WhyNew::Refused(no.to_owned()));
    assert_eq!(only(&do_redrive(&memory, &acted())), &needs_new);
    memory.change(&failed, |past| {
        past.redrivable = Redrivable::NotSaid;
        past.refusal = Some(no);
    });
    assert_eq!(only(&do_redrive(&memory, &acted())), &needs_new);
    let second = name(&a_run("orders"), 2);
    let restarted = Outcome::Restarted(second);
    assert_eq!(only(&do_redrive(&memory, &with_restart())), &restarted);
}

#[test]
fn no_new_execution_is_started_for_a_recovery_point_that_another_has_made() {
    let memory = Memory::new();
    let the_run = a_run("orders");
    let failed = memory.failed(&the_run, 1, 2);
    memory.change(&failed, |past| past.definition = "before");
    let second = name(&the_run, 2);
    let mut executions = memory.world.executions.borrow_mut();
    executions.insert(second.clone(), ExecutionState::Succeeded);
    drop(executions);
    let done = do_redrive(&memory, &with_restart());
    assert_eq!(only(&done), &Outcome::Left(Left::Done(second)));
    assert!(done.is_complete());
}

#[test]
fn a_selection_is_by_the_time_of_the_end_and_by_database() {
    let memory = Memory::new();
    for (name, hours) in [("a", 1), ("b", 5), ("c", 10), ("d", 24 * 20)] {
        memory.failed(&a_run(name), 1, hours);
    }
    let aborted = memory.failed(&a_run("e"), 1, 3);
    memory.change(&aborted, |past| past.ended.ended = EndedBadly::Aborted);
    let databases = |order: Order| {
        let redrive = do_redrive(&memory, &order);
        let runs = redrive.rows.into_iter().filter_map(|row| row.run);
        let names = runs.map(|run| run.database.arn.name().to_owned());
        names.collect::<Vec<_>>()
    };
    assert_eq!(
        databases(shown()),
        ["a", "e", "b", "c"],
        "the last end first"
    );
    let now = memory.world.now.get();
    let span = Order {
        since: now - SignedDuration::from_hours(5),
        until: Some(now - SignedDuration::from_hours(3)),
        ..shown()
    };
    assert_eq!(databases(span), ["b"]);
    let named = Order {
        databases: vec!["db-C".to_owned(), "A".to_owned()],
        ..shown()
    };
    assert_eq!(databases(named), ["a", "c"]);
    let first = Order { most: 2, ..shown() };
    assert!(do_redrive(&memory, &first).more);
    assert_eq!(databases(first), ["a", "e"]);
}

#[test]
fn an_execution_that_cannot_be_looked_at_is_told_and_the_others_go_on() {
    let memory = Memory::new();
    memory.failed(&a_run("orders"), 1, 1);
    memory.failed(&a_run("billing"), 1, 2);
    memory.broken.set(true);
    let done = do_redrive(&memory, &acted());
    assert!(done.is_broken() && !done.is_complete());
    assert!(matches!(&done.rows[0].outcome, Outcome::Failed(why) if why.contains("Throttling")));
    assert_eq!(done.rows[1].outcome, Outcome::Redriven);
}

#[test]
fn an_execution_with_an_input_that_is_not_ours_is_left_alone() {
    let memory = Memory::new();
    let foreign = memory.failed(&a_run("orders"), 1, 1);
    memory.change(&foreign, |past| past.run = None);
    let left = Outcome::Left(Left::NotOurs);
    assert_eq!(only(&do_redrive(&memory, &with_restart())), &left);
    assert!(memory.redriven().is_empty());
}

#[test]
fn where_nothing_failed_nothing_more_is_asked() {
    let memory = Memory::new();
    let done = do_redrive(&memory, &acted());
    assert!(done.rows.is_empty() && done.is_complete() && !done.more);
}
