//! The functions of expressions: one row of a table for each, with what the guide says of it and an example that the tests run.
//!
//! A function is null if one of its arguments is, unless its row says otherwise. It is told the types of its arguments, and the
//! values of those that are literals, when the expression is checked; it says the types that it takes and the type that it makes.

mod choices;
mod json;
mod numbers;
mod patterns;
mod texts;
mod times;
mod words;

use std::ops::RangeInclusive;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::DataType;
use weir_core::column_type::type_name;

use crate::node::Kernel;

/// One function.
pub struct Function {
    /// What expressions call it; in lower case, and capitals do not count.
    pub name: &'static str,
    /// Its arguments, as the guide names them: `text, from [, length]`.
    pub arguments: &'static str,
    /// What it makes of them, in one sentence.
    pub meaning: &'static str,
    /// A call without columns.
    pub example: &'static str,
    /// What the example is, as text.
    pub result: &'static str,
    pub(crate) arity: RangeInclusive<usize>,
    pub(crate) bind: Bind,
}

/// How a call is checked.
#[derive(Clone, Copy)]
pub(crate) enum Bind {
    /// By the function.
    Call(fn(&[Given<'_>]) -> Result<Bound, BindError>),
    /// All arguments are of one type, and so is the result.
    Same(fn() -> Kernel),
    /// It is part of how expressions are evaluated.
    Coalesce,
    /// As [`Bind::Coalesce`].
    NullIf,
}

/// What is known of an argument when a call is checked.
pub(crate) struct Given<'a> {
    pub(crate) data_type: &'a DataType,
    /// Its value, if it is a literal.
    pub(crate) constant: Option<&'a ArrayRef>,
}

/// A call that was checked.
pub(crate) struct Bound {
    /// The type of each argument.
    pub(crate) takes: Vec<DataType>,
    pub(crate) makes: DataType,
    pub(crate) kernel: Kernel,
}

/// Why a call is not possible.
pub(crate) struct BindError {
    /// The argument that it is about, by its index; `None`: the whole call.
    pub(crate) argument: Option<usize>,
    pub(crate) message: String,
}

impl BindError {
    pub(crate) fn of(argument: usize, message: impl Into<String>) -> Self {
        Self { argument: Some(argument), message: message.into() }
    }
}

impl Function {
    /// How it is called: `substring(text, from [, length])`.
    #[must_use]
    pub fn form(&self) -> String {
        format!("{}({})", self.name, self.arguments)
    }
}

/// Every function, in the order of the guide.
pub fn all() -> impl Iterator<Item = &'static Function> {
    let tables: [&[Function]; 7] = [
        &choices::FUNCTIONS,
        &texts::FUNCTIONS,
        &words::FUNCTIONS,
        &patterns::FUNCTIONS,
        &numbers::FUNCTIONS,
        &times::FUNCTIONS,
        &json::FUNCTIONS,
    ];
    tables.into_iter().flatten()
}

/// Other names, as other databases have them.
const ALIASES: [(&str, &str); 7] = [
    ("char_length", "length"),
    ("character_length", "length"),
    ("substr", "substring"),
    ("btrim", "trim"),
    ("ceiling", "ceil"),
    ("pow", "power"),
    ("ifnull", "coalesce"),
];

/// The function with a name in lower case.
pub(crate) fn find(name: &str) -> Option<&'static Function> {
    let name = ALIASES.iter().find(|(alias, _)| *alias == name).map_or(name, |(_, name)| name);
    all().find(|function| function.name == name)
}

/// All names.
pub(crate) fn names() -> Vec<&'static str> {
    all().map(|function| function.name).collect()
}

/// The value of an argument that must be a text in quotes.
pub(crate) fn literal_text<'a>(given: &[Given<'a>], index: usize, what: &str) -> Result<&'a str, BindError> {
    let text = given.get(index).and_then(|given| given.constant).and_then(|array| array.as_string_opt::<i32>());
    match text {
        Some(text) if text.len() == 1 && text.is_valid(0) => Ok(text.value(0)),
        _ => Err(BindError::of(index, format!("{what} is a text in quotes, the same for all rows"))),
    }
}

/// Refuses an argument that is no text; a number must be cast, so that its form is the author's choice.
pub(crate) fn expect_text(given: &[Given<'_>], index: usize) -> Result<(), BindError> {
    match given.get(index).map(|given| given.data_type) {
        None | Some(DataType::Utf8 | DataType::Null) => Ok(()),
        Some(other) => {
            Err(BindError::of(index, format!("this is {}, but must be text: cast it to utf8", type_name(other))))
        }
    }
}

/// Refuses an argument that is no integer.
pub(crate) fn expect_integer(given: &[Given<'_>], index: usize) -> Result<(), BindError> {
    match given.get(index).map(|given| given.data_type) {
        None | Some(DataType::Null) => Ok(()),
        // Integers of 64 bits hold all others but the largest of uint64, for which the cast fails the row.
        Some(data_type) if data_type.is_integer() => Ok(()),
        Some(other) => Err(BindError::of(index, format!("this is {}, but must be an integer", type_name(other)))),
    }
}
