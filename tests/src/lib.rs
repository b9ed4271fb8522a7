//! What the end-to-end tests share. Never linked into anything that ships.
//!
//! | module | holds |
//! |---|---|
//! | [`vectors`] | replays cases of other engines' test suites through the real operators |

pub mod vectors;
