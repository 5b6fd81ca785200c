//! Which recovery points may go, and why each of the others stays.

pub mod capacity;
pub mod forget;
pub mod inventory;
