//! The roles of a stack.

use std::fmt;

use crate::domain::text::text_newtype;

text_newtype!(
    /// The ARN of an IAM role.
    RoleArn,
    "the ARN of a role (arn:aws:iam::ACCOUNT:role/NAME)",
    |text| {
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        let [arn, partition, service, region, account, resource] = parts[..] else {
            return false;
        };
        arn == "arn"
            && partition.starts_with("aws")
            && service == "iam"
            && region.is_empty()
            && account.len() == 12
            && account.bytes().all(|b| b.is_ascii_digit())
            && resource.len() > "role/".len()
            && resource.starts_with("role/")
            && resource.bytes().all(|b| b.is_ascii_graphic())
    }
);

impl RoleArn {
    /// The account, twelve digits.
    #[must_use]
    pub fn account(&self) -> &str {
        self.as_str().split(':').nth(4).unwrap_or_default()
    }
}

/// The roles that the template makes for what runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Starts executions.
    Planner,
    /// Asks RDS for snapshots and copies.
    Worker,
    /// Settles by events.
    Reactor,
    /// Settles what no event announces.
    Sweeper,
    /// The state machine's own.
    StateMachine,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Planner,
        Self::Worker,
        Self::Reactor,
        Self::Sweeper,
        Self::StateMachine,
    ];

    /// Its logical id in the template.
    #[must_use]
    pub fn logical_id(self) -> &'static str {
        match self {
            Self::Planner => "PlannerRole",
            Self::Worker => "WorkerRole",
            Self::Reactor => "ReactorRole",
            Self::Sweeper => "SweeperRole",
            Self::StateMachine => "StateMachineRole",
        }
    }

    /// The variable of the command line that holds its ARN.
    #[must_use]
    pub fn variable(self) -> &'static str {
        match self {
            Self::Planner => "SNAPFERRY_PLANNER_ROLE_ARN",
            Self::Worker => "SNAPFERRY_WORKER_ROLE_ARN",
            Self::Reactor => "SNAPFERRY_REACTOR_ROLE_ARN",
            Self::Sweeper => "SNAPFERRY_SWEEPER_ROLE_ARN",
            Self::StateMachine => "SNAPFERRY_STATE_MACHINE_ROLE_ARN",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.logical_id())
    }
}
