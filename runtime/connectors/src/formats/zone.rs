//! Time zones of columns that are printed: all of them in UTC. A timestamp is the same number whatever zone its type names, so
//! columns are relabelled, never converted.

use std::sync::Arc;

use arrow::array::{Array, ArrayData, ArrayRef, make_array};
use arrow::datatypes::{DataType, Field, FieldRef};
use arrow::error::ArrowError;

const UTC_OFFSET: &str = "+00:00";

/// The type to print: every timestamp in UTC, so that it ends in `Z`.
pub(crate) fn for_printing(data_type: &DataType) -> DataType {
    let for_printing_field = |field: &FieldRef| -> FieldRef {
        Arc::new(Field::new(field.name(), for_printing(field.data_type()), field.is_nullable()))
    };
    match data_type {
        DataType::Timestamp(unit, _) => DataType::Timestamp(*unit, Some(UTC_OFFSET.into())),
        DataType::List(item) => DataType::List(for_printing_field(item)),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(for_printing_field).collect()),
        other => other.clone(),
    }
}

/// The same values under a type that differs in zones only.
///
/// # Errors
/// If the type differs in more.
pub(crate) fn relabel(array: &ArrayRef, data_type: &DataType) -> Result<ArrayRef, ArrowError> {
    if array.data_type() == data_type {
        return Ok(Arc::clone(array));
    }
    Ok(make_array(relabel_data(array.to_data(), data_type)?))
}

fn relabel_data(data: ArrayData, data_type: &DataType) -> Result<ArrayData, ArrowError> {
    let child_types: Vec<&DataType> = match data_type {
        DataType::List(item) => vec![item.data_type()],
        DataType::Struct(fields) => fields.iter().map(|field| field.data_type()).collect(),
        _ => Vec::new(),
    };
    let children = data.child_data().iter().zip(child_types);
    let children = children.map(|(child, to)| relabel_data(child.clone(), to)).collect::<Result<Vec<_>, _>>()?;
    data.into_builder().data_type(data_type.clone()).child_data(children).build()
}
