# Snapferry's stacks: one in the recovery region, one in each source region, and on request two more in the recovery region:
# the remover of drills, and the report in a bucket. The templates stay CloudFormation's: this module uploads them and makes
# the stacks, so that plan and drift of the resources show in CloudFormation.

terraform {
  required_version = ">= 1.6"

  required_providers {
    aws = {
      source = "hashicorp/aws"
      # From 6.0 on, each resource takes a region, and one provider is enough for all.
      version = ">= 6.0"
    }
  }
}

locals {
  function_sha256 = filesha256(var.function_zip)
  function_key    = "snapferry/function-${local.function_sha256}.zip"
  definition      = file("${var.templates}/protect.asl.json")
  definition_key  = "snapferry/protect-${sha256(local.definition)}.asl.json"

  # As `snapferry deploy` does: the template names code and definition by their content.
  template = replace(
    replace(
      file("${var.templates}/template.yaml"),
      "CodeUri: function.zip",
      "CodeUri: s3://${var.bucket}/${local.function_key}",
    ),
    "DefinitionUri: protect.asl.json",
    "DefinitionUri: s3://${var.bucket}/${local.definition_key}",
  )
  template_key = "snapferry/template-${sha256(local.template)}.yaml"

  # The second stack of the recovery region is made where its function is given.
  with_restore   = var.drills_zip != null
  drills_sha256  = local.with_restore ? filesha256(var.drills_zip) : null
  drills_key     = local.with_restore ? "snapferry/drills-${local.drills_sha256}.zip" : null
  restore        = local.with_restore ? file("${var.templates}/restore.yaml") : ""
  restore_code   = local.with_restore ? "CodeUri: s3://${var.bucket}/${local.drills_key}" : ""
  restore_ready  = replace(local.restore, "CodeUri: drills.zip", local.restore_code)
  restore_values = { for name, value in local.restore_parameters : name => value if value != null }

  # So is the stack that puts the report into a bucket.
  with_report   = var.report_zip != null
  report_sha256 = local.with_report ? filesha256(var.report_zip) : null
  report_key    = local.with_report ? "snapferry/report-${local.report_sha256}.zip" : null
  report        = local.with_report ? file("${var.templates}/report.yaml") : ""
  report_code   = local.with_report ? "CodeUri: s3://${var.bucket}/${local.report_key}" : ""
  report_ready  = replace(local.report, "CodeUri: report.zip", local.report_code)
  report_values = { for name, value in local.report_parameters : name => value if value != null }

  # What is null keeps the template's default.
  recovery_parameters = { for name, value in local.parameters : name => value if value != null }
  wants_events        = try(local.recovery_parameters["EventSubscriptions"], "no") == "yes"
}

resource "aws_s3_object" "function" {
  region = var.recovery_region
  bucket = var.bucket
  key    = local.function_key
  source = var.function_zip

  lifecycle {
    # The stack's rollback needs the objects that its template named before: they go only after the stack has changed.
    create_before_destroy = true

    precondition {
      condition     = local.function_sha256 == var.function_sha256
      error_message = "${var.function_zip} is not the release's: its SHA-256 is not the one of SHA256SUMS."
    }
  }
}

resource "aws_s3_object" "definition" {
  region  = var.recovery_region
  bucket  = var.bucket
  key     = local.definition_key
  content = local.definition

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_s3_object" "template" {
  region  = var.recovery_region
  bucket  = var.bucket
  key     = local.template_key
  content = local.template

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_cloudformation_stack" "recovery" {
  region       = var.recovery_region
  name         = var.stack
  template_url = "https://s3.${var.recovery_region}.amazonaws.com/${var.bucket}/${aws_s3_object.template.key}"
  parameters   = local.recovery_parameters
  capabilities = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]

  depends_on = [aws_s3_object.function, aws_s3_object.definition]

  lifecycle {
    precondition {
      condition     = !contains(var.source_regions, var.recovery_region)
      error_message = "The recovery region is a source region: a copy beside its database is lost with it."
    }
  }
}

resource "aws_cloudformation_stack" "source" {
  for_each = toset(var.source_regions)

  region        = each.value
  name          = "${var.stack}-source"
  template_body = file("${var.templates}/source-region.yaml")
  capabilities  = ["CAPABILITY_IAM"]

  parameters = {
    RecoveryRegion         = var.recovery_region
    EventsQueueArn         = local.wants_events ? aws_cloudformation_stack.recovery.outputs["EventsQueueArn"] : ""
    AlarmTopicArn          = lookup(var.source_alarm_topic_arns, each.value, "")
    PermissionsBoundaryArn = var.permissions_boundary_arn == null ? "" : var.permissions_boundary_arn
    RolePath               = var.role_path == null ? "/" : var.role_path
  }
}

resource "aws_s3_object" "drills" {
  count = local.with_restore ? 1 : 0

  region = var.recovery_region
  bucket = var.bucket
  key    = local.drills_key
  source = var.drills_zip

  lifecycle {
    create_before_destroy = true

    precondition {
      condition     = local.drills_sha256 == var.drills_sha256
      error_message = "The zip of drills_zip is not the release's: its SHA-256 is not the one of SHA256SUMS."
    }
  }
}

resource "aws_cloudformation_stack" "restore" {
  count = local.with_restore ? 1 : 0

  region        = var.recovery_region
  name          = "${var.stack}-restore"
  template_body = local.restore_ready
  capabilities  = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]

  # As `snapferry deploy --with restore` does: these stand in the first stack's outputs.
  parameters = merge(local.restore_values, {
    StackId       = aws_cloudformation_stack.recovery.outputs["StackIdentity"]
    TableName     = aws_cloudformation_stack.recovery.outputs["TableName"]
    AlarmTopicArn = lookup(aws_cloudformation_stack.recovery.outputs, "AlarmTopic", "")
  })

  depends_on = [aws_s3_object.drills]
}

resource "aws_s3_object" "report" {
  count = local.with_report ? 1 : 0

  region = var.recovery_region
  bucket = var.bucket
  key    = local.report_key
  source = var.report_zip

  lifecycle {
    create_before_destroy = true

    precondition {
      condition     = local.report_sha256 == var.report_sha256
      error_message = "The zip of report_zip is not the release's: its SHA-256 is not the one of SHA256SUMS."
    }
  }
}

resource "aws_cloudformation_stack" "report" {
  count = local.with_report ? 1 : 0

  region        = var.recovery_region
  name          = "${var.stack}-report"
  template_body = local.report_ready
  capabilities  = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]

  # As `snapferry deploy --with report` does: these stand in the first stack's outputs.
  parameters = merge(local.report_values, {
    StackName       = var.stack
    StackId         = aws_cloudformation_stack.recovery.outputs["StackIdentity"]
    TableName       = aws_cloudformation_stack.recovery.outputs["TableName"]
    StateMachineArn = aws_cloudformation_stack.recovery.outputs["StateMachineArn"]
    RecoveryKeyArn  = aws_cloudformation_stack.recovery.outputs["RecoveryKey"]
    AlarmTopicArn   = lookup(aws_cloudformation_stack.recovery.outputs, "AlarmTopic", "")
  })

  depends_on = [aws_s3_object.report]

  lifecycle {
    precondition {
      condition     = var.report_bucket != null
      error_message = "report_zip is given without report_bucket: name the bucket for the report, or leave report_zip out."
    }
  }
}
