//! Tests of the SDK as an author uses it: columns against Arrow, and operators through the code that runs in a component.

mod columns;
mod connect;
mod keyed;
mod selection;
mod templates;
