//! `snapferry restore --emit`: a template that makes a database from its recovery point, or that takes over what was
//! restored. The two must not be mixed.

mod cloudformation;
mod described;
mod hcl;
mod terraform;

pub(super) use cloudformation::{imports, template};
pub(super) use described::{Described, Resource, TemplateForm, of_plan};
pub(super) use terraform::configuration;
