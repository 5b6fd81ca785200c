//! Pauses that grow.

use jiff::SignedDuration;

/// The pauses in minutes. The last one repeats.
const PAUSES: [i64; 5] = [1, 2, 4, 8, 15];
/// The number of the last pause.
pub(super) const LAST: usize = PAUSES.len() - 1;

/// How long a pause lasts, from number 0.
pub(super) fn pause(number: usize) -> SignedDuration {
    SignedDuration::from_mins(PAUSES[number.min(LAST)])
}
