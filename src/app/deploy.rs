//! Deploys the stacks of all regions: looks, uploads, compares, and acts only then.

mod act;
mod compare;
mod error;
pub(super) mod follow;
mod look;
mod parts;
mod permissions;
mod plan;
mod rights;
mod step;
mod take_away;

pub use act::{abandon, act};
pub use error::{DeployError, Refused};
pub use look::{Code, look};
pub use permissions::{ACTIONS, Permissions};
pub use plan::{Compared, Deployment, StackPlan};
pub use step::Step;
