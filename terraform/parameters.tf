# Generated from template.yaml and the templates of the parts; a test holds it. What is null keeps the template's default.

variable "source_regions" {
  type        = list(string)
  description = "The regions whose databases Snapferry protects, comma-separated, such as eu-west-1,eu-north-1. Deploy source-region.yaml in each of them: without it Snapferry notices snapshots up to three minutes later."
}

variable "recovery_key_arn" {
  type        = string
  description = "ARN of the KMS key in this region that encrypts the copies: the key itself, not an alias. If it is empty, the stack makes a key of its own ($1 a month), which stays when the stack goes."
  default     = null
}

variable "selection" {
  type        = string
  description = "Which databases Snapferry protects without a policy file: those with the tag snapferry:policy (tagged), or also those without it (all), except read replicas, secondary clusters of global databases, Neptune and DocumentDB."
  default     = null
}

variable "first_run" {
  type        = string
  description = "What databases without a recovery point do: wait for their first due time, or start now, at any hour."
  default     = null
}

variable "schedule" {
  type        = string
  description = "When databases are due: five cron fields (minute hour day-of-month month day-of-week), in the time zone below."
  default     = null
}

variable "time_zone" {
  type        = string
  description = "The schedule's IANA time zone, such as Europe/Berlin."
  default     = null
}

variable "rpo" {
  type        = string
  description = "How old the newest recovery point of a database may become under the built-in policy, such as 26h. If it is empty, twice the time between two due times. Policies that are applied say so themselves."
  default     = null
}

variable "prune" {
  type        = string
  description = "Whether the pruner deletes what no rule of retention keeps (docs/RETENTION.md). If it is no, the pruner only plans, and notes what may be removed."
  default     = null
}

variable "retention" {
  type        = string
  description = "How long the built-in policy keeps recovery points, such as 35d or 1y6mo, counted back from the newest one. If it is empty, the built-in policy keeps all. Policies that are applied say so themselves."
  default     = null
}

variable "prune_grace" {
  type        = string
  description = "The grace period in seconds: how long every round of the pruner must find that a recovery point may be removed before one removes it."
  default     = null
}

variable "prune_share" {
  type        = string
  description = "How many percent of a database's recovery points one round may remove, the oldest first. One may always be removed."
  default     = null
}

variable "prune_max" {
  type        = string
  description = "How many recovery points of all databases one round may remove, the oldest first."
  default     = null
}

variable "stack_id" {
  type        = string
  description = "The stable name that marks what this stack makes (tag snapferry:stack). If it is empty, the stack's name is used. A stack that takes over another stack's snapshots must use that stack's id."
  default     = null
}

variable "table_name" {
  type        = string
  description = "The table of an earlier stack that this stack takes over. If it is empty, the stack makes a table of its own."
  default     = null
}

variable "architecture" {
  type        = string
  description = "The processor that you built the function for."
  default     = null
}

variable "event_subscriptions" {
  type        = string
  description = "Whether RDS event subscriptions send the same events through an SNS topic, in addition to EventBridge. For the events of a source region, give the output EventsQueueArn to that region's stack."
  default     = null
}

variable "alarm_email" {
  type        = string
  description = "The address that the alarms write to. SNS asks the reader once to confirm it. If it and AlarmTopicArn are empty, the alarms notify nobody."
  default     = null
}

variable "alarm_topic_arn" {
  type        = string
  description = "ARN of an SNS topic that the alarms notify. If it and AlarmEmail are empty, the alarms notify nobody."
  default     = null
}

variable "dashboard" {
  type        = string
  description = "Whether the stack makes a dashboard in CloudWatch. A dashboard costs $3 a month from the account's fourth on."
  default     = null
}

variable "people_policies" {
  type        = string
  description = "Whether the stack makes four managed policies for people: one for the commands that only look (output ReadersPolicyArn), one that a person needs beside it to start, stop, replay, hold and have pruned (OperatorsPolicyArn), one for drills (DrillsPolicyArn) and one for restores (RestoresPolicyArn). None may delete a snapshot."
  default     = null
}

variable "metrics_per_database" {
  type        = string
  description = "Whether each database has a metric of its own, the age of its newest recovery point as a share of its RPO. Each costs $0.30 a month: $300 for 1,000 databases. The stack's own metrics need none of them."
  default     = null
}

variable "events" {
  type        = string
  description = "Whether Snapferry publishes events of its own on the default bus: a recovery point was made, failed, refused, overdue or removed. docs/EVENTS.md describes them. EventBridge charges $1.00 for a million."
  default     = null
}

variable "log_level" {
  type        = string
  description = "What the functions log: a level (error, warn, info), or a filter such as warn,snapferry=info."
  default     = null
}

variable "log_retention_days" {
  type        = string
  description = "How many days CloudWatch keeps the logs."
  default     = null
}

variable "permissions_boundary_arn" {
  type        = string
  description = "ARN of the policy that bounds every role of the stack. If it is empty, the roles have no boundary."
  default     = null
}

variable "role_path" {
  type        = string
  description = "The IAM path of every role of the stack."
  default     = null
}

variable "subnet_ids" {
  type        = list(string)
  description = "The subnets that the functions run in. They must reach the endpoints of RDS (in every region), DynamoDB, SQS, Step Functions, KMS and CloudWatch Logs. If the list is empty, the functions run outside any VPC."
  default     = null
}

variable "security_group_ids" {
  type        = list(string)
  description = "The security groups of the functions. They are needed where SubnetIds is given."
  default     = null
}

variable "source_key_arns" {
  type        = list(string)
  description = "ARNs of the KMS keys that encrypt the databases, comma-separated, where a key belongs to another account or the worker may not use all keys of this account. The owner of a key in another account must allow this account to use it. If the list is empty, the worker may use every key of this account through RDS."
  default     = null
}

variable "planner_rate" {
  type        = string
  description = "How often the planner looks for policies that are due."
  default     = null
}

variable "sweeper_rate" {
  type        = string
  description = "How often the sweeper settles what no event announced."
  default     = null
}

variable "pruner_rate" {
  type        = string
  description = "How often the pruner looks for what no rule of retention keeps. Above three hours, nothing is ever removed: what one round notes is forgotten before the next."
  default     = null
}

variable "copy_slots" {
  type        = string
  description = "How many copies to this region may be in progress at once. RDS allows 20 for an account and region; leave room for other copies."
  default     = null
}

variable "cluster_copy_slots" {
  type        = string
  description = "How many of them may be copies of cluster snapshots. AWS's guides say 5; instances may take what clusters leave."
  default     = null
}

variable "sweep_width" {
  type        = string
  description = "How many snapshots one describe call of a sweep asks for."
  default     = null
}

variable "look_seconds" {
  type        = string
  description = "How many seconds at most lie between two looks of the sweep at a young wait. At one older than twenty times this, it looks after a twentieth of its age."
  default     = null
}

variable "grace_seconds" {
  type        = string
  description = "How many seconds after RDS accepted a request a missing snapshot still proves nothing."
  default     = null
}

variable "backoff_seconds" {
  type        = string
  description = "How long after a transient fault the function tries a message again. The time doubles after each try."
  default     = null
}

variable "backoff_max_seconds" {
  type        = string
  description = "The longest time between two tries of one message."
  default     = null
}

variable "hint_recheck_seconds" {
  type        = string
  description = "How many seconds after a 'finished' event that RDS does not confirm yet the reactor looks again."
  default     = null
}

variable "function_memory" {
  type        = string
  description = "Memory of each function in MB. Lambda gives processor time in proportion to it."
  default     = null
}

variable "function_timeout" {
  type        = string
  description = "Timeout in seconds of the functions that handle messages. Keep it above twice RdsReadSeconds and once RdsChangeSeconds."
  default     = null
}

variable "scheduled_timeout" {
  type        = string
  description = "Timeout in seconds of the functions that a schedule invokes and that go through all databases or all open waits. An invocation that takes longer than its interval does no harm."
  default     = null
}

variable "pruner_memory" {
  type        = string
  description = "Memory of the pruner in MB. It holds the inventory of the recovery region's manual snapshots."
  default     = null
}

variable "pruner_timeout" {
  type        = string
  description = "Timeout of the pruner in seconds. The pruner stops removing after ten minutes, and the next round continues."
  default     = null
}

variable "rds_read_seconds" {
  type        = string
  description = "How many seconds a function waits for one try of a call that reads from RDS. A read that is not answered is tried once more."
  default     = null
}

variable "rds_change_seconds" {
  type        = string
  description = "How many seconds a function waits for RDS to accept a snapshot, a copy or a removal."
  default     = null
}

variable "visibility_seconds" {
  type        = string
  description = "How long a message stays hidden while a function handles it. Keep it at six times FunctionTimeout or more."
  default     = null
}

variable "worker_concurrency" {
  type        = string
  description = "How many workers may run at once. The queue's event source mapping has this limit, so healthy messages wait in the queue and do not fail."
  default     = null
}

variable "reactor_concurrency" {
  type        = string
  description = "How many reactors may run at once. The queue's event source mapping has this limit, so healthy messages wait in the queue and do not fail."
  default     = null
}

variable "oldest_command_alarm_seconds" {
  type        = string
  description = "How many seconds a command may be in its queue before the alarm goes into ALARM."
  default     = null
}

variable "planner_silent_seconds" {
  type        = string
  description = "The alarm looks at the planner's runs in periods of this length. Keep it at PlannerRate or more, in whole minutes."
  default     = null
}

variable "sweeper_silent_seconds" {
  type        = string
  description = "The alarms look at the sweeper's runs and at the ages it measures in periods of this length. Keep it at five minutes or more and at SweeperRate or more, in whole minutes."
  default     = null
}

variable "trust" {
  type        = string
  description = "Which certificate authorities (CAs) the functions trust: Amazon's own, which the function embeds (amazon), or those of the function's environment (native)."
  default     = null
}

variable "remover_rate" {
  type        = string
  description = "How often the remover looks for what drills left past their deadline."
  default     = null
}

variable "remover_memory" {
  type        = string
  description = "Memory of the remover in MB. It holds the rows of the recovery region's databases."
  default     = null
}

variable "remover_timeout" {
  type        = string
  description = "Timeout of the remover in seconds. A round asks for every deletion once and waits for none; the next round continues."
  default     = null
}

variable "remover_concurrency" {
  type        = string
  description = "How many removers Lambda may run at once, reserved from the account's limit. If it is empty, none are reserved. Two rounds at once do no harm: the second one removes nothing."
  default     = null
}

variable "remover_silent_seconds" {
  type        = string
  description = "The alarms look at the remover's runs in periods of this length. Keep it at RemoverRate or more, in whole minutes."
  default     = null
}

variable "report_bucket" {
  type        = string
  description = "The bucket for the report, in this region. It must exist. Block public access to it: the report names every database. It encrypts by its own default."
  default     = null
}

variable "report_prefix" {
  type        = string
  description = "What the keys of the report's objects begin with, before the stack's id, such as reports/. Each day has a page of its own (2026-11-29.html), and latest.html is the newest."
  default     = null
}

variable "report_bucket_key_arn" {
  type        = string
  description = "ARN of the KMS key that the bucket encrypts with by default, if it has a customer's key. If it is empty, the bucket encrypts with a key of S3's."
  default     = null
}

variable "report_schedule" {
  type        = string
  description = "When the report is made: a rate or a cron expression of EventBridge, in UTC. A later report of the same day replaces the earlier one."
  default     = null
}

variable "reporter_memory" {
  type        = string
  description = "Memory of the reporter in MB. It holds the rows of all databases and the page."
  default     = null
}

variable "reporter_timeout" {
  type        = string
  description = "Timeout of the reporter in seconds. 1,000 databases with 30 recovery points each are 300 pages of RDS's, about a minute."
  default     = null
}

variable "reporter_silent_seconds" {
  type        = string
  description = "The alarms look at the reporter's runs in periods of this length. Keep it at the time between two reports or more, in whole minutes."
  default     = null
}

locals {
  parameters = {
    SourceRegions = join(",", var.source_regions)
    RecoveryKeyArn = var.recovery_key_arn
    Selection = var.selection
    FirstRun = var.first_run
    Schedule = var.schedule
    TimeZone = var.time_zone
    Rpo = var.rpo
    Prune = var.prune
    Retention = var.retention
    PruneGrace = var.prune_grace
    PruneShare = var.prune_share
    PruneMax = var.prune_max
    StackId = var.stack_id
    TableName = var.table_name
    Architecture = var.architecture
    EventSubscriptions = var.event_subscriptions
    AlarmEmail = var.alarm_email
    AlarmTopicArn = var.alarm_topic_arn
    Dashboard = var.dashboard
    PeoplePolicies = var.people_policies
    MetricsPerDatabase = var.metrics_per_database
    Events = var.events
    LogLevel = var.log_level
    LogRetentionDays = var.log_retention_days
    PermissionsBoundaryArn = var.permissions_boundary_arn
    RolePath = var.role_path
    SubnetIds = var.subnet_ids == null ? null : join(",", var.subnet_ids)
    SecurityGroupIds = var.security_group_ids == null ? null : join(",", var.security_group_ids)
    SourceKeyArns = var.source_key_arns == null ? null : join(",", var.source_key_arns)
    PlannerRate = var.planner_rate
    SweeperRate = var.sweeper_rate
    PrunerRate = var.pruner_rate
    CopySlots = var.copy_slots
    ClusterCopySlots = var.cluster_copy_slots
    SweepWidth = var.sweep_width
    LookSeconds = var.look_seconds
    GraceSeconds = var.grace_seconds
    BackoffSeconds = var.backoff_seconds
    BackoffMaxSeconds = var.backoff_max_seconds
    HintRecheckSeconds = var.hint_recheck_seconds
    FunctionMemory = var.function_memory
    FunctionTimeout = var.function_timeout
    ScheduledTimeout = var.scheduled_timeout
    PrunerMemory = var.pruner_memory
    PrunerTimeout = var.pruner_timeout
    RdsReadSeconds = var.rds_read_seconds
    RdsChangeSeconds = var.rds_change_seconds
    VisibilitySeconds = var.visibility_seconds
    WorkerConcurrency = var.worker_concurrency
    ReactorConcurrency = var.reactor_concurrency
    OldestCommandAlarmSeconds = var.oldest_command_alarm_seconds
    PlannerSilentSeconds = var.planner_silent_seconds
    SweeperSilentSeconds = var.sweeper_silent_seconds
    Trust = var.trust
  }

  restore_parameters = {
    Architecture = var.architecture
    LogLevel = var.log_level
    LogRetentionDays = var.log_retention_days
    PermissionsBoundaryArn = var.permissions_boundary_arn
    RolePath = var.role_path
    SubnetIds = var.subnet_ids == null ? null : join(",", var.subnet_ids)
    SecurityGroupIds = var.security_group_ids == null ? null : join(",", var.security_group_ids)
    RemoverRate = var.remover_rate
    RemoverMemory = var.remover_memory
    RemoverTimeout = var.remover_timeout
    RemoverConcurrency = var.remover_concurrency
    RemoverSilentSeconds = var.remover_silent_seconds
    SweepWidth = var.sweep_width
    RdsReadSeconds = var.rds_read_seconds
    RdsChangeSeconds = var.rds_change_seconds
    Trust = var.trust
  }

  report_parameters = {
    ReportBucket = var.report_bucket
    ReportPrefix = var.report_prefix
    ReportBucketKeyArn = var.report_bucket_key_arn
    ReportSchedule = var.report_schedule
    SourceRegions = join(",", var.source_regions)
    Selection = var.selection
    Schedule = var.schedule
    TimeZone = var.time_zone
    Rpo = var.rpo
    Retention = var.retention
    Architecture = var.architecture
    LogLevel = var.log_level
    LogRetentionDays = var.log_retention_days
    PermissionsBoundaryArn = var.permissions_boundary_arn
    RolePath = var.role_path
    SubnetIds = var.subnet_ids == null ? null : join(",", var.subnet_ids)
    SecurityGroupIds = var.security_group_ids == null ? null : join(",", var.security_group_ids)
    ReporterMemory = var.reporter_memory
    ReporterTimeout = var.reporter_timeout
    ReporterSilentSeconds = var.reporter_silent_seconds
    Trust = var.trust
  }
}
