//! SQL expressions over Arrow columns: `status >= 500 and path like '/api/%'`.
//!
//! An [`Expression`] is parsed and checked once, against the columns that it may read, and then evaluated over batches of rows. It
//! is a pure function of one row: it never reads a clock, never draws a random number, never keeps state and never sees another row.
//! A row that it cannot be evaluated for (an overflow, a division by zero, a failed cast) is reported with its reason, and all other
//! rows have their values.
//!
//! ```text
//! text --parse--> syntax tree --check--> tree with types --evaluate--> a column, and the rows that failed
//! ```
//!
//! | module | holds |
//! |---|---|
//! | [`expression`] | the whole of it: [`Expression`] |
//! | [`error`] | what is wrong with an expression, and where its text says so |
//! | [`functions`] | the table of functions |
//! | [`limits`] | how long, how deep, how large |
//! | `parse` | text into the syntax tree of `sqlparser` |
//! | `check` | names, types and coercions: the syntax tree into a tree of `node` |
//! | `types` | which types go together |
//! | `evaluate` | a tree and a batch into a column |
//! | `compare`, `floats`, `arrays`, `arguments` | what operators and functions share |
//! | `failures` | rows that failed, and why |
//! | `casts` | values of one type as values of another, exactly |

mod arguments;
mod arrays;
mod casts;
mod check;
mod compare;
pub mod error;
mod evaluate;
mod evaluation_error;
pub mod expression;
mod failures;
mod floats;
pub mod functions;
pub mod limits;
mod node;
mod parse;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod text_builder;
mod types;
mod value;

pub use error::ExpressionError;
pub use expression::{Evaluated, EvaluationError, Expression, FailedRow};
