//! What may be removed: the check, the bounds and the sightings.

mod bounds;
mod check;
mod reference;
mod sightings;
