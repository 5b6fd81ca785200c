# What the module itself needs. The templates' parameters are in parameters.tf.

variable "recovery_region" {
  type        = string
  description = "The recovery region: where the copies, the functions and everything else will be."
}

variable "stack" {
  type        = string
  description = "The name of the recovery region's stack. Those of the source regions have -source behind it."
  default     = "snapferry"
}

variable "bucket" {
  type        = string
  description = "A bucket of the recovery region for the function and the template."
}

variable "function_zip" {
  type        = string
  description = "The path of the release's snapferry-lambda-ARCHITECTURE.zip."
}

variable "function_sha256" {
  type        = string
  description = "That zip's SHA-256, from the release's SHA256SUMS. The plan fails if the zip is another."
}

variable "drills_zip" {
  type        = string
  description = "The path of the release's snapferry-drills-ARCHITECTURE.zip. With it the second stack of the recovery region is made too, which deletes what drills left."
  default     = null
}

variable "drills_sha256" {
  type        = string
  description = "That zip's SHA-256, from the release's SHA256SUMS. The plan fails if the zip is another."
  default     = null
}

variable "report_zip" {
  type        = string
  description = "The path of the release's snapferry-report-ARCHITECTURE.zip. With it and report_bucket the stack is made too that puts the report into that bucket."
  default     = null
}

variable "report_sha256" {
  type        = string
  description = "That zip's SHA-256, from the release's SHA256SUMS. The plan fails if the zip is another."
  default     = null
}

variable "templates" {
  type        = string
  description = "The path of the release's folder templates."
}

variable "source_alarm_topic_arns" {
  type        = map(string)
  description = "For each source region, an SNS topic of that region that its alarm notifies. A region without one has a silent alarm."
  default     = {}
}
