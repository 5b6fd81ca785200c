//! How far a deployment has come.

use crate::domain::deploy::names::{Bucket, StackName};
use crate::domain::id::arn::Region;
use crate::ports::deploy::StackEvent;

/// What a deployment does now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step<'a> {
    /// It asks what stands there.
    Looking,
    /// It has made a bucket.
    MadeBucket(&'a Bucket),
    /// It uploads this.
    Uploading(&'a str),
    /// CloudFormation compares the stack with its template.
    Comparing(&'a Region, &'a StackName),
    /// CloudFormation carries a change set out.
    Acting(&'a Region, &'a StackName),
    /// CloudFormation has said this about it.
    Said(&'a Region, &'a StackEvent),
}
