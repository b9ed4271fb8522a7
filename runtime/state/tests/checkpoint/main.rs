//! Checkpoints in a folder and in stores that lie, fail and race: what comes out is what went in, or an error.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot be set up has failed")]

mod damage;
mod faults;
mod golden;
mod leases;
mod packed;
mod retention;
mod round_trip;
mod s3;
mod samples;
#[allow(dead_code, reason = "the simulation of whole jobs uses the rest")]
mod stores;
