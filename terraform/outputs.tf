output "recovery" {
  description = "The outputs of the recovery region's stack. `snapferry --stack NAME` reads them itself."
  value       = aws_cloudformation_stack.recovery.outputs
}

output "restore" {
  description = "The outputs of the recovery region's second stack, if it is made."
  value       = one(aws_cloudformation_stack.restore[*].outputs)
}

output "sources" {
  description = "The outputs of the source regions' stacks, by region."
  value       = { for region, stack in aws_cloudformation_stack.source : region => stack.outputs }
}

output "report" {
  description = "The outputs of the stack that puts the report into a bucket, if it is made."
  value       = one(aws_cloudformation_stack.report[*].outputs)
}
