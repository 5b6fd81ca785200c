//! Which recovery points may go, and why each of the others stays.

pub mod bounds;
pub mod capacity;
pub mod check;
pub mod configuration_check;
pub mod entered;
pub mod forget;
pub mod gone;
pub mod history;
pub mod inventory;
pub mod plan_hash;
pub mod round;
pub mod sightings;
pub mod source;
pub mod source_check;
pub mod steady_state;
pub mod unnamed_configurations;
