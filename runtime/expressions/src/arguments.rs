//! [`Arguments`]: what a function is called with, read by row. It knows no function.

use std::ops::Range;

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, PrimitiveArray, StringArray};
use arrow::datatypes::{
    DataType, Date32Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow::error::ArrowError;

use crate::evaluation_error::EvaluationError;
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

/// An argument that is an integer or a date.
pub(crate) fn integer(of: &Arguments<'_>, index: usize, row: usize) -> Option<i128> {
    match of.array(index).data_type() {
        DataType::Int8 => of.numbers::<Int8Type>(index).get(row).map(i128::from),
        DataType::Int16 => of.numbers::<Int16Type>(index).get(row).map(i128::from),
        DataType::Int32 => of.numbers::<Int32Type>(index).get(row).map(i128::from),
        DataType::Int64 => of.numbers::<Int64Type>(index).get(row).map(i128::from),
        DataType::UInt8 => of.numbers::<UInt8Type>(index).get(row).map(i128::from),
        DataType::UInt16 => of.numbers::<UInt16Type>(index).get(row).map(i128::from),
        DataType::UInt32 => of.numbers::<UInt32Type>(index).get(row).map(i128::from),
        DataType::UInt64 => of.numbers::<UInt64Type>(index).get(row).map(i128::from),
        DataType::Date32 => of.numbers::<Date32Type>(index).get(row).map(i128::from),
        _ => None,
    }
}

/// What the check lets nobody ask for.
pub(crate) fn no_such(of: &Arguments<'_>) -> EvaluationError {
    let types: Vec<String> = of.values.iter().map(|value| value.array().data_type().to_string()).collect();
    ArrowError::NotYetImplemented(format!("arithmetic of {}", types.join(" and "))).into()
}
