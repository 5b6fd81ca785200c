//! What every call of an invocation costs, and which calls RDS throttles. Nothing else breaks here.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use jiff::{SignedDuration, Timestamp};
use snapferry::domain::id::arn::{Family, RdsArn, Region};
use snapferry::domain::run::command::Step;
use snapferry::domain::run::failure::Operation as RdsOperation;
use snapferry::domain::run::manifest::Manifest;
use snapferry::domain::run::pace::Paces;
use snapferry::domain::run::turn::Turn;
use snapferry::domain::run::wait::{Phase, Wait};
use snapferry::fake::{
    self, Action, Answer, Call, CallOutcome, Holds, Hook, Ports, Refusal, Table, Through,
};
use snapferry::ports::{Delivery, OpenPage, PortError};
use snapferry_sim::simulation::models::{Machine, ModelledRds};

use crate::compare::cloud::{Cloud, Operation, RDS_CALL, REACTION, Sdk, database_of, later};
use crate::compare::ledger::Hop;

/// The product's SDK does not try a throttled call of a function again (`src/aws/throttled_once.rs`).
const SDK: Sdk = Sdk {
    tries: 1,
    first_wait: SignedDuration::ZERO,
};
/// How long a call of another service takes, as far as a function is billed for it. An assumption.
pub(super) const OTHER_CALL: SignedDuration = SignedDuration::from_millis(10);
/// How many calls of one batch, page or sweep a function has under way at once (`app::queue::CONCURRENCY`).
pub(super) const AT_ONCE: i32 = 10;
/// Kilobytes of a wait: a token of 700 characters, three ARNs, tags' worth of names. The index projects all.
const WAIT_KB: u64 = 2;
/// Kilobytes of the slots' item: twenty ARNs.
const SLOTS_KB: u64 = 3;
/// Kilobytes of a catalog entry.
const CATALOG_KB: u64 = 2;

/// What the product's ports reach.
pub(super) type State = fake::State<ModelledRds, Machine>;

/// The stack's state, and what the comparison keeps of the account.
pub(super) struct Account {
    pub(super) state: State,
    /// The comparison's account while a function runs. Its RDS is in `state` during that time.
    pub(super) cloud: Cloud,
    /// When a worker can be at a command that was sent.
    pub(super) commands_due: Vec<Timestamp>,
}

impl Account {
    /// Takes the comparison's account in, before a function runs.
    pub(super) fn enter(&mut self, cloud: &mut Cloud) {
        std::mem::swap(cloud, &mut self.cloud);
        std::mem::swap(&mut self.cloud.rds, &mut self.state.rds);
        self.state.now = self.cloud.now;
    }

    /// Gives the comparison's account back, after a function has run.
    pub(super) fn leave(&mut self, cloud: &mut Cloud) {
        std::mem::swap(&mut self.cloud.rds, &mut self.state.rds);
        std::mem::swap(cloud, &mut self.cloud);
    }

    fn wrote(&mut self, kilobytes: u64) {
        self.cloud.ledger.write_units += kilobytes;
    }

    /// Step Functions sends the commands of the states that it has entered.
    pub(super) fn send_commands(&mut self, at: Timestamp) {
        while let Some(outgoing) = self.state.step_functions.outbox.pop_front() {
            self.cloud.ledger.transitions += 1;
            self.cloud.ledger.queue_requests += 1;
            self.state.commands.send(outgoing.body, (), at);
            self.command_sent(at);
        }
    }

    /// The command that was sent last is delayed.
    fn command_sent_later(&mut self) {
        let commands = &self.state.commands;
        let sent = commands.get(commands.newest());
        self.commands_due
            .extend(sent.map(|sent| later(sent.visible_at, REACTION)));
    }

    fn command_sent(&mut self, at: Timestamp) {
        let newest = self.state.commands.newest();
        self.state.commands.show_at(newest, at);
        let due = later(at, REACTION);
        self.commands_due.push(due);
    }
}

/// The account of one comparison.
pub(super) struct Held(pub(super) Rc<RefCell<Account>>);

impl Holds for Held {
    type Rds = ModelledRds;
    type StepFunctions = Machine;
    type Note = ();

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.0.borrow_mut().state)
    }
}

/// The fake over an account.
type Fake = Ports<Held>;

/// The ports of one invocation.
pub(super) type Metered = Through<Fake, Meter>;

/// How the RDS calls of an invocation follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Calls {
    /// One after the other.
    InTurn,
    /// Beside each other.
    AtOnce,
}

/// What an invocation has spent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spent {
    pub(super) rds_calls: u32,
    pub(super) other_calls: u32,
    /// How long it has slept to keep its pace.
    pub(super) waited: SignedDuration,
}

/// The hook of one invocation.
pub(super) struct Meter {
    account: Rc<RefCell<Account>>,
    paces: Rc<RefCell<Paces>>,
    calls: Calls,
    /// How much of the queue for slots the sweep is shown; `None` shows all.
    shown: Option<usize>,
    rds_calls: Cell<u32>,
    other_calls: Cell<u32>,
    elapsed: Cell<SignedDuration>,
    waited: Cell<SignedDuration>,
}

impl Meter {
    /// The ports of an invocation.
    pub(super) fn ports(
        account: &Rc<RefCell<Account>>,
        paces: &Rc<RefCell<Paces>>,
        calls: Calls,
        shown: Option<usize>,
    ) -> Metered {
        let meter = Self {
            account: Rc::clone(account),
            paces: Rc::clone(paces),
            calls,
            shown,
            rds_calls: Cell::new(0),
            other_calls: Cell::new(0),
            elapsed: Cell::new(SignedDuration::ZERO),
            waited: Cell::new(SignedDuration::ZERO),
        };
        Through::around(Ports(Held(Rc::clone(account))), meter)
    }

    /// What it has spent.
    pub(super) fn spent(&self) -> Spent {
        Spent {
            rds_calls: self.rds_calls.get(),
            other_calls: self.other_calls.get(),
            waited: self.waited.get(),
        }
    }

    fn others(&self, calls: u32) {
        self.other_calls.set(self.other_calls.get() + calls);
    }

    fn takes(&self, time: SignedDuration) {
        self.elapsed.set(self.elapsed.get().saturating_add(time));
    }

    /// Sleeps until a call's turn has come. Calls beside each other sleep beside each other.
    fn waits(&self, time: SignedDuration) {
        match self.calls {
            Calls::InTurn => {
                self.waited.set(self.waited.get().saturating_add(time));
                self.takes(time);
            }
            Calls::AtOnce => self.waited.set(self.waited.get().max(time)),
        }
    }

    /// When the invocation makes its next call.
    fn next_call(&self, account: &Account) -> Timestamp {
        later(account.state.now, self.elapsed.get())
    }

    /// The time by this invocation's own clock.
    fn time(&self, account: &Account) -> Timestamp {
        let slept = match self.calls {
            Calls::InTurn => SignedDuration::ZERO,
            Calls::AtOnce => self.waited.get(),
        };
        later(self.next_call(account), slept)
    }

    fn reach(&self, call: &Call, region: &Region, of: RdsOperation) -> CallOutcome {
        let account = &mut *self.account.borrow_mut();
        let asked_at = self.next_call(account);
        let paces = &mut *self.paces.borrow_mut();
        let pace = paces.of(region, of);
        let Some(turn) = pace.turn(asked_at, asked_at) else {
            return refused("no turn soon");
        };
        self.rds_calls.set(self.rds_calls.get() + 1);
        self.waits(turn.wait);
        let at = later(asked_at, turn.wait);
        if self.calls == Calls::InTurn {
            self.takes(RDS_CALL);
        }
        let hop = if region.as_str() == account.cloud.home.as_str() {
            Hop::Copy
        } else {
            Hop::Snapshot
        };
        let reached = account.cloud.reach_rds(hop, operation(call), at, SDK);
        pace.learn(turn, reached.is_err(), at);
        match reached {
            Ok(_) => CallOutcome::Proceeds,
            Err(_) => refused("Rate exceeded"),
        }
    }

    /// What DynamoDB and SQS bill for a call, whatever comes of it.
    fn bill(&self, account: &mut Account, call: &Call) {
        self.others(1);
        match call {
            Call::Register { .. }
            | Call::Forget { .. }
            | Call::NoteError { .. }
            | Call::NoteAbsence { .. } => {
                account.wrote(2 * WAIT_KB);
            }
            // The index is sorted by `since`: its item is taken out and put in again.
            Call::Replace { .. } => account.wrote(3 * WAIT_KB),
            // The same, and the index of queued copies loses the wait.
            Call::SetPhase { resource, .. } => {
                let wait = account.state.table.wait(resource);
                let is_queued = wait.is_some_and(|wait| wait.phase == Phase::Queued);
                account.wrote(3 * WAIT_KB + u64::from(is_queued));
            }
            // The same, and the index of queued copies, which has keys alone, gains the wait.
            Call::QueueCopy { .. } => account.wrote(3 * WAIT_KB + 1),
            // A key costs a unit, found or not.
            Call::LookUp { resources } => {
                account.cloud.ledger.half_read_units += 2 * resources.len() as u64;
            }
            // Twice in a transaction; the index once more.
            Call::FreeSlot { .. } | Call::HandOnSlot { .. } => {
                account.wrote(2 * SLOTS_KB + 2 * WAIT_KB + SLOTS_KB)
            }
            Call::ClaimRun { .. } | Call::ReleaseRun { .. } => account.wrote(CATALOG_KB),
            Call::RecordRecoveryPoint { .. } => {
                // Two writes, as in the adapter.
                self.others(1);
                account.wrote(2 * CATALOG_KB);
            }
            // An item; of the index of queued copies twenty keys, not consistent.
            Call::PlanCursor { .. }
            | Call::CurrentPolicies {}
            | Call::LearntLimit { .. }
            | Call::LastSweep {}
            | Call::TakenSlots {}
            | Call::ListQueue { .. } => {
                account.cloud.ledger.half_read_units += 2;
            }
            Call::SetPlanCursor { .. }
            | Call::HearDead { .. }
            | Call::LearnLimit { .. }
            | Call::NoteSweep { .. } => account.wrote(1),
            Call::SendCommand { .. } | Call::SendLater { .. } | Call::DelayMessage { .. } => {
                account.cloud.ledger.queue_requests += 1;
            }
            Call::ListOpen { .. } => self.bill_list(account),
            _ => {}
        }
    }

    fn bill_list(&self, account: &mut Account) {
        let slots = match account.state.table.slots().holders.is_empty() {
            true => 0,
            false => SLOTS_KB,
        };
        let kilobytes = account.state.table.open() as u64 * WAIT_KB + slots;
        account.cloud.ledger.half_read_units += kilobytes.div_ceil(4).max(1);
        // A page holds a megabyte.
        let more_pages = (kilobytes / 1_000) as u32;
        self.others(more_pages);
        self.takes(OTHER_CALL.saturating_mul(more_pages as i32 + 1));
    }
}

/// A call is refused like a throttled one.
fn refused(why: &str) -> CallOutcome {
    CallOutcome::Refused(Refusal {
        code: Some("Throttling".to_owned()),
        message: why.to_owned(),
    })
}

/// The operation whose rate a call counts for.
fn operation(call: &Call) -> Operation {
    match call {
        Call::ListDatabases { family, .. } | Call::FindDatabases { family, .. } => match family {
            Family::Instance => Operation::DescribeInstances,
            Family::Cluster => Operation::DescribeClusters,
        },
        Call::DescribeSnapshots { .. } | Call::AutomatedSnapshots { .. } => {
            Operation::DescribeSnapshots
        }
        Call::CreateSnapshot { .. } => Operation::Create,
        Call::CopySnapshot { .. } => Operation::Copy,
        Call::DescribeQuota { .. } => Operation::DescribeAccount,
        other => panic!("{other:?} is no call to RDS"),
    }
}

/// The order in which the sweep hands slots out.
fn in_the_queue(wait: &Wait) -> (Turn, &RdsArn) {
    (Turn::of(wait), &wait.resource)
}

/// What is open, on one page; of the queue for slots only its head.
///
/// The sweep does nothing with a queued copy but to put it in order, and hands out no more of them than there are
/// slots. Those behind cost it the reading, which is billed whole, and this simulation most of its time. The test
/// `the_cut_of_the_queue_changes_no_figure` checks that the cut changes no figure.
fn head_of_the_list(table: &Table, shown: usize) -> OpenPage {
    let (mut queued, mut listed): (Vec<&Wait>, Vec<&Wait>) =
        table.waits().partition(|wait| wait.phase == Phase::Queued);
    if queued.len() > shown {
        queued.select_nth_unstable_by(shown, |one, other| {
            in_the_queue(one).cmp(&in_the_queue(other))
        });
    }
    let (head, behind) = queued.split_at(shown.min(queued.len()));
    let slots = table.slots();
    let handed_out = slots.holders.iter().filter_map(|holder| table.wait(holder));
    let handed_out = handed_out.filter(|held| behind.iter().any(|wait| std::ptr::eq(*wait, *held)));
    listed.extend(head.iter().copied().chain(handed_out));
    // In the order of the index.
    listed.sort_by_key(|wait| (wait.since.as_millisecond(), &wait.resource));
    OpenPage {
        waits: listed.into_iter().cloned().collect(),
        slots: slots.taken(),
        ..OpenPage::default()
    }
}

fn is<T: 'static>(answer: &dyn Answer, what: impl FnOnce(&T) -> bool) -> bool {
    let answer = (answer as &dyn std::any::Any).downcast_ref::<T>();
    answer.is_some_and(what)
}

impl Hook<Fake> for Meter {
    async fn before(&self, _: &Fake, call: &Call) -> CallOutcome {
        if let Action::Rds(operation, region) = call.action() {
            return self.reach(call, region, operation);
        }
        let account = &mut *self.account.borrow_mut();
        self.bill(account, call);
        match (call, self.shown) {
            (Call::ListOpen { .. }, Some(shown)) => {
                let page = head_of_the_list(&account.state.table, shown);
                let answer: Result<OpenPage, PortError> = Ok(page);
                CallOutcome::Answered(Box::new(answer))
            }
            _ => CallOutcome::Proceeds,
        }
    }

    fn entering(&self, _: &Fake, call: &Call) {
        let account = &mut *self.account.borrow_mut();
        if let Call::StartExecution { name, .. } = call
            && !account
                .state
                .step_functions
                .executions
                .contains_key(name.as_str())
        {
            // Two calls a row, ten rows at once.
            self.takes(OTHER_CALL.saturating_mul(2) / AT_ONCE);
            // The start, the choice of the source, and the end of the execution.
            account.cloud.ledger.transitions += 3;
        }
    }

    fn after(&self, _: &Fake, call: &Call, answer: &dyn Answer) {
        let account = &mut *self.account.borrow_mut();
        let at = self.time(account);
        match call {
            Call::ClaimSlot { .. } | Call::HandOutSlot { .. } => {
                let held = is(answer, |held: &Result<bool, PortError>| {
                    matches!(held, Ok(true))
                });
                // A condition that fails is billed like the write.
                account.wrote(if held { 2 * SLOTS_KB } else { SLOTS_KB });
            }
            Call::SendTaskSuccess { manifest, .. }
                if is(answer, |sent| matches!(sent, Delivery::Accepted)) =>
            {
                notice(account, manifest, at);
                account.send_commands(at);
            }
            Call::StartExecution { .. } => account.send_commands(at),
            Call::SendCommand { .. } => account.command_sent(at),
            Call::SendLater { .. } => account.command_sent_later(),
            _ => {}
        }
    }

    fn jitter(&self, _: &Fake) -> f64 {
        self.account.borrow_mut().cloud.rng.f64()
    }
}

/// The product has learnt that a snapshot or copy is ready.
fn notice(account: &mut Account, manifest: &Manifest, at: Timestamp) {
    let hop = match manifest.step {
        Step::Snapshot => Hop::Snapshot,
        Step::Copy => Hop::Copy,
    };
    let region = account.cloud.region(hop).clone();
    let truth = account
        .state
        .rds
        .snapshot(&region, manifest.snapshot.name());
    let found = truth.map(|truth| (database_of(&truth.instance.identifier), truth.since()));
    if let Some((Some(database), ready)) = found {
        account.cloud.ledger.notice(hop, database, ready, at);
    }
}
