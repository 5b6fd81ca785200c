//! Examples for the help of commands whose arguments stand in `arguments`. A test runs all examples of all commands.

pub(super) const STATUS: &str = "\
Examples:
  snapferry status
  snapferry status --database orders
  snapferry status --policy gold --all -o wide
  snapferry status --json | jq -r '.databases[] | select(.overdue) | .id'";

pub(super) const REPORT: &str = "\
Examples:
  snapferry report --html report.html
  snapferry report --json > report.json";

pub(super) const WAITS: &str = "\
Examples:
  snapferry waits
  snapferry waits --json | jq -r '.waits[].execution'";

pub(super) const DOCTOR: &str = "\
Examples:
  snapferry doctor
  snapferry doctor --source-region eu-west-1 --database orders";

pub(super) const PLAN: &str = "\
Examples:
  snapferry plan
  snapferry plan --policy default --source-region eu-west-1";

pub(super) const START: &str = "\
Examples:
  snapferry start --dry-run                       what would be started
  snapferry start --again --database orders       the last due time of one database again
  snapferry start --wait                          follows the executions to their end";

pub(super) const REPLAY_COMMANDS: &str = "\
Examples:
  snapferry replay commands                                      shows them
  snapferry replay commands --yes --reason fix-key --since 12h   sends some of them again
  snapferry replay commands --yes --database orders";

pub(super) const REPLAY_EVENTS: &str = "\
Examples:
  snapferry replay events
  snapferry replay events --yes
  snapferry replay events --yes --source-region eu-west-1";

pub(super) const REDRIVE: &str = "\
Examples:
  snapferry redrive                       shows them
  snapferry redrive --yes                 continues what can go on
  snapferry redrive --yes --restart --since 12h --database orders";

pub(super) const STOP: &str = "\
Examples:
  snapferry stop --database orders        shows its open runs
  snapferry stop --database orders --yes --why 'the wrong key'
  snapferry stop sf-orders-20261122t0300z-abcdefghij --yes";

pub(super) const PRUNE: &str = "\
Examples:
  snapferry prune
  snapferry prune --database orders
  snapferry prune --yes";

pub(super) const HOLD: &str = "\
Examples:
  snapferry hold sf-orders-20261122t0300z-abcdefghij --why 'audit 2026'
  snapferry hold sf-orders-20261122t0300z-abcdefghij --why 'audit 2026' --yes";

pub(super) const RELEASE: &str = "\
Example:
  snapferry release sf-orders-20261122t0300z-abcdefghij --yes";

pub(super) const FREEZE: &str = "\
Examples:
  snapferry freeze --why 'we look into last night'
  snapferry freeze --why 'we look into last night' --yes";

pub(super) const THAW: &str = "\
Example:
  snapferry thaw --yes";

pub(super) const DRAIN: &str = "\
Examples:
  snapferry drain                 shows what starts and runs
  snapferry drain --yes           pauses every policy
  snapferry drain --yes --stop    ends the open runs too";
