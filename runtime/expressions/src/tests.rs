//! Tests of whole expressions: what operators and casts make of values and nulls, what is refused, and what is the same for every row
//! whatever rows are beside it.

mod casts;
mod guide;
mod limits;
mod operators;
mod properties;
mod refused;
