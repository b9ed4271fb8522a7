//! Tests of the SDK as an author uses it: columns against Arrow, and operators through the code that runs in a component.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot be set up has failed")]

mod columns;
mod connect;
mod keyed;
mod refused;
mod selection;
mod templates;
