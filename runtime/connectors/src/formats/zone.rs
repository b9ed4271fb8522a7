//! Time zones of columns while text is read or written. The text side of Arrow knows offsets, not the name `UTC`; a timestamp
//! is the same number whatever zone its type names, so columns are relabelled, never converted.

use std::sync::Arc;

use arrow::array::{Array, ArrayData, ArrayRef, make_array};
use arrow::datatypes::{DataType, Field, FieldRef};
use arrow::error::ArrowError;

const UTC_OFFSET: &str = "+00:00";

/// The type to parse text into: the zone `UTC` by its offset.
pub(crate) fn for_parsing(data_type: &DataType) -> DataType {
    map_timestamps(data_type, |zone| {
        zone.map(|zone| if &**zone == "UTC" { UTC_OFFSET.into() } else { Arc::clone(zone) })
    })
}

/// The type to print: every timestamp in UTC, so that it ends in `Z`.
pub(crate) fn for_printing(data_type: &DataType) -> DataType {
    map_timestamps(data_type, |_| Some(UTC_OFFSET.into()))
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

fn map_timestamps(data_type: &DataType, zone: impl Fn(Option<&Arc<str>>) -> Option<Arc<str>> + Copy) -> DataType {
    let map_field = |field: &FieldRef| -> FieldRef {
        let data_type = map_timestamps(field.data_type(), zone);
        Arc::new(Field::new(field.name(), data_type, field.is_nullable()))
    };
    match data_type {
        DataType::Timestamp(unit, old) => DataType::Timestamp(*unit, zone(old.as_ref())),
        DataType::List(item) => DataType::List(map_field(item)),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(map_field).collect()),
        other => other.clone(),
    }
}
