//! The host against guests: good ones, and ones that mean harm. Guests are written in WebAssembly's text format, so that they
//! can do what no SDK would, and so that no other target is needed.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot continue has failed")]

mod cache;
mod data;
mod describe;
mod guest;
mod hostile;
mod isolation;
mod limits;
mod load;
mod maps;
mod round_trip;
