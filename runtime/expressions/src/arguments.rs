//! [`Arguments`]: what a function is called with, read by row. It knows no function.

use std::ops::Range;

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, PrimitiveArray, StringArray};

use crate::value::Value;

/// The values of a function's arguments for the rows of a batch; they have the types that the function said it takes.
pub(crate) struct Arguments<'a> {
    pub(crate) values: &'a [Value],
    /// How many rows.
    pub(crate) rows: usize,
    /// The call in the expression's text, for the reasons of failed rows.
    pub(crate) range: &'a Range<usize>,
}

impl<'a> Arguments<'a> {
    pub(crate) fn array(&self, index: usize) -> &'a ArrayRef {
        self.values[index].array()
    }

    /// An argument that is text.
    pub(crate) fn texts(&self, index: usize) -> Texts<'a> {
        let value = &self.values[index];
        Texts { array: value.array().as_string::<i32>(), value }
    }

    /// An argument of numbers, dates or times.
    pub(crate) fn numbers<T: ArrowPrimitiveType>(&self, index: usize) -> Numbers<'a, T> {
        let value = &self.values[index];
        Numbers { array: value.array().as_primitive::<T>(), value }
    }
}

/// An argument that is text, by row.
#[derive(Clone, Copy)]
pub(crate) struct Texts<'a> {
    array: &'a StringArray,
    value: &'a Value,
}

impl<'a> Texts<'a> {
    pub(crate) fn get(&self, row: usize) -> Option<&'a str> {
        let at = self.value.at(row);
        self.array.is_valid(at).then(|| self.array.value(at))
    }
}

/// An argument of numbers, by row.
#[derive(Clone, Copy)]
pub(crate) struct Numbers<'a, T: ArrowPrimitiveType> {
    array: &'a PrimitiveArray<T>,
    value: &'a Value,
}

impl<T: ArrowPrimitiveType> Numbers<'_, T> {
    pub(crate) fn get(&self, row: usize) -> Option<T::Native> {
        let at = self.value.at(row);
        self.array.is_valid(at).then(|| self.array.value(at))
    }
}
