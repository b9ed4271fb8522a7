//! Columns of files that have types of their own, such as Parquet: which of Weir's types each becomes, without a change of any value, and which have none.
//! Reads no file.

use std::sync::Arc;

use arrow::array::timezone::Tz;
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, RecordBatchOptions, UInt64Array};
use arrow::compute::{CastOptions, cast_with_options, take};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use weir_core::column_type::type_name;
use weir_core::connector::ConnectorError;
use weir_core::names::did_you_mean;

/// How deep types may nest, as in a `schema`.
const DEPTH_MAX: usize = 16;

/// Weir's type for values of another; `None`: there is none.
pub(crate) fn weir_type(foreign: &DataType) -> Option<DataType> {
    to_weir(foreign, 0)
}

fn to_weir(foreign: &DataType, depth: usize) -> Option<DataType> {
    if depth >= DEPTH_MAX {
        return None;
    }
    let below = |field: &Field| to_weir(field.data_type(), depth + 1);
    Some(match foreign {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => DataType::Utf8,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            DataType::Binary
        }
        DataType::Float16 => DataType::Float32,
        DataType::Decimal32(precision, scale) | DataType::Decimal64(precision, scale) => {
            to_weir(&DataType::Decimal128(*precision, *scale), depth)?
        }
        DataType::Decimal128(precision, scale) => {
            let fits = (1..=38).contains(precision) && u8::try_from(*scale).is_ok_and(|scale| scale <= *precision);
            fits.then(|| foreign.clone())?
        }
        DataType::Timestamp(_, Some(zone)) => zone.parse::<Tz>().is_ok().then(|| foreign.clone())?,
        DataType::Timestamp(_, None) | DataType::Boolean | DataType::Date32 => foreign.clone(),
        number if number.is_integer() || number.is_floating() => number.clone(),
        DataType::Dictionary(_, values) => to_weir(values, depth)?,
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            DataType::new_list(below(item)?, true)
        }
        DataType::Struct(fields) => {
            let fields = fields.iter().map(|field| Some(Field::new(field.name(), below(field)?, true)));
            DataType::Struct(fields.collect::<Option<Vec<_>>>()?.into())
        }
        _ => return None,
    })
}

/// The columns that a file gives, or those of a `schema`, in its order.
///
/// # Errors
/// A column that the file does not have, or has with another type; without a `schema`, one whose type Weir does not have.
pub(crate) fn columns_of(name: &str, file: &Schema, given: Option<&Schema>) -> Result<SchemaRef, ConnectorError> {
    if let Some(given) = given {
        find_columns(name, file, given)?;
        return Ok(Arc::new(given.clone()));
    }
    let mut fields: Vec<Field> = Vec::with_capacity(file.fields().len());
    for field in file.fields() {
        let Some(data_type) = weir_type(field.data_type()) else {
            return Err(ConnectorError::Data(format!(
                "{name}: column {:?} has the type {}, which Weir does not have; name the columns that are needed, without it, with \
                 `schema = {{ column = \"type\" }}`",
                field.name(),
                field.data_type()
            )));
        };
        if fields.iter().any(|known| known.name() == field.name()) {
            return Err(ConnectorError::Data(format!("{name} has two columns {:?}", field.name())));
        }
        fields.push(Field::new(field.name(), data_type, true));
    }
    if fields.is_empty() {
        return Err(ConnectorError::Data(format!("{name} has no columns")));
    }
    Ok(Arc::new(Schema::new(fields)))
}

/// Where a file has these columns: by column, its place in the file.
///
/// # Errors
/// As [`columns_of`].
pub(crate) fn find_columns(name: &str, file: &Schema, wanted: &Schema) -> Result<Vec<usize>, ConnectorError> {
    let names: Vec<&str> = file.fields().iter().map(|field| field.name().as_str()).collect();
    let place = |field: &Arc<Field>| {
        let mut places = (0..names.len()).filter(|place| names[*place] == field.name());
        let (Some(place), None) = (places.next(), places.next()) else {
            let message = match names.contains(&field.name().as_str()) {
                true => format!("{name} has two columns {:?}", field.name()),
                false => {
                    let hint = did_you_mean(field.name(), &names);
                    format!("{name} has no column {:?}{hint}", field.name())
                }
            };
            return Err(ConnectorError::Data(message));
        };
        let (found, wanted) = (file.field(place).data_type(), field.data_type());
        match weir_type(found) {
            Some(same) if same == *wanted => Ok(place),
            of => {
                let of = of.map_or_else(|| found.to_string(), |of| type_name(&of));
                let (column, wanted) = (field.name(), type_name(wanted));
                Err(ConnectorError::Data(format!(
                    "{name}: column {column:?} is {of}, and not {wanted}; read it as it is, and cast it in a `[selects.NAME]`"
                )))
            }
        }
    };
    wanted.fields().iter().map(place).collect()
}

/// Columns of a file, in any types that [`weir_type`] takes, as the columns of a source.
///
/// # Errors
/// If a value cannot be had in the type of its column.
pub(crate) fn as_weir(rows: &RecordBatch, schema: &SchemaRef, places: &[usize]) -> Result<RecordBatch, ArrowError> {
    let mut columns = Vec::with_capacity(places.len());
    for (place, field) in places.iter().zip(schema.fields()) {
        let column = rows.columns().get(*place).ok_or_else(|| {
            ArrowError::SchemaError(format!("there is no column {:?} in what was read", field.name()))
        })?;
        columns.push(as_type(column, field.data_type())?);
    }
    let with_rows = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &with_rows)
}

/// Values in another type. Takes as long as there are rows, however many values are beside theirs: the library casts all of a dictionary, and
/// all items of the list that a column is a part of.
fn as_type(column: &ArrayRef, data_type: &DataType) -> Result<ArrayRef, ArrowError> {
    let strictly = CastOptions { safe: false, ..CastOptions::default() };
    match column.data_type() {
        same if same == data_type => Ok(Arc::clone(column)),
        DataType::Dictionary(..) => {
            let dictionary = column.as_any_dictionary();
            as_type(&take(dictionary.values(), dictionary.keys(), None)?, data_type)
        }
        nested if nested.is_nested() => {
            let all = UInt64Array::from_iter_values(0..column.len() as u64);
            cast_with_options(&take(column, &all, None)?, data_type, &strictly)
        }
        _ => cast_with_options(column, data_type, &strictly),
    }
}
