//! `[dedup.NAME]`: one row per key. Of duplicates either the first that comes counts, and the others are dropped, or the one with the
//! greatest event time, and each that takes the place of another is an update.

mod first;
mod forgetting;
mod last;
pub(crate) mod plan;
mod snapshot;
