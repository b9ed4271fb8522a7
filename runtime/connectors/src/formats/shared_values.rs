//! How much memory rows take when each has its own copy of what a file has once: the values of dictionaries, and of views. Copies nothing.

use arrow::array::{Array, ArrayRef, AsArray, GenericListArray, OffsetSizeTrait, RecordBatch};
use arrow::datatypes::DataType;

/// Bytes that one row may take.
const ROW_BYTES_MAX: u64 = 256 << 20;

/// How many rows from `from` on take no more than so many bytes of values that they share; at least one.
///
/// # Errors
/// If the first row alone takes more than a row may.
pub(crate) fn rows_within(rows: &RecordBatch, from: usize, rows_max: usize, bytes_max: u64) -> Result<usize, String> {
    let rows = rows.slice(from, rows_max.min(rows.num_rows().saturating_sub(from)));
    let mut sizes = vec![0; rows.num_rows()];
    rows.columns().iter().for_each(|column| add_sizes(column, &mut sizes));
    if sizes.first().is_some_and(|size| *size > ROW_BYTES_MAX) {
        return Err(format!("a row takes more than {} MiB when each value is copied to it", ROW_BYTES_MAX >> 20));
    }
    let mut bytes = 0_u64;
    let fitting = sizes.iter().take_while(|size| {
        bytes = bytes.saturating_add(**size);
        bytes <= bytes_max
    });
    Ok(fitting.count().max(1).min(rows.num_rows()))
}

/// Whether values of this type may be shared by rows.
pub(crate) fn has_shared(data_type: &DataType) -> bool {
    match data_type {
        DataType::Utf8View | DataType::BinaryView | DataType::Dictionary(..) => true,
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            has_shared(item.data_type())
        }
        DataType::Struct(fields) => fields.iter().any(|field| has_shared(field.data_type())),
        _ => false,
    }
}

/// Items of a list that are looked at together.
const ITEMS_AT_ONCE: usize = 4_096;

/// Adds to each row what its values take.
fn add_sizes(column: &ArrayRef, sizes: &mut [u64]) {
    // The length is in the low half of a view's first word.
    let add_views = |sizes: &mut [u64], views: &[u128]| {
        sizes.iter_mut().zip(views).for_each(|(size, view)| add(size, (view & 0xffff_ffff) as u64));
    };
    match column.data_type() {
        DataType::Utf8View => add_views(sizes, column.as_string_view().views()),
        DataType::BinaryView => add_views(sizes, column.as_binary_view().views()),
        DataType::Dictionary(..) => add_dictionary(column, sizes),
        data_type if !has_shared(data_type) => {}
        DataType::List(_) => add_items(column.as_list::<i32>(), sizes),
        DataType::LargeList(_) => add_items(column.as_list::<i64>(), sizes),
        DataType::FixedSizeList(..) => {
            let list = column.as_fixed_size_list();
            let length = usize::try_from(list.value_length()).unwrap_or_default();
            let rows = sizes.iter_mut().zip((0..list.values().len()).step_by(length.max(1)));
            rows.for_each(|(size, from)| add(size, size_of_items(list.values(), from, from + length)));
        }
        DataType::Struct(_) => column.as_struct().columns().iter().for_each(|column| add_sizes(column, sizes)),
        _ => {}
    }
}

fn add_items<O: OffsetSizeTrait>(list: &GenericListArray<O>, sizes: &mut [u64]) {
    let offsets = list.value_offsets();
    for (size, ends) in sizes.iter_mut().zip(offsets.windows(2)) {
        if let [from, to] = ends {
            add(size, size_of_items(list.values(), from.as_usize(), to.as_usize()));
        }
    }
}

/// What the items of one list take; they are looked at a few at a time, because a list may have more than would fit into memory once more.
fn size_of_items(items: &ArrayRef, from: usize, to: usize) -> u64 {
    (from..to).step_by(ITEMS_AT_ONCE).fold(0, |all, start| {
        let mut sizes = vec![0; ITEMS_AT_ONCE.min(to - start)];
        add_sizes(&items.slice(start, sizes.len()), &mut sizes);
        all.saturating_add(sum(&sizes))
    })
}

fn add_dictionary(column: &ArrayRef, sizes: &mut [u64]) {
    let dictionary = column.as_any_dictionary();
    let values = dictionary.values();
    if values.is_empty() {
        return;
    }
    let of_value: Box<dyn Fn(usize) -> u64> = match values.data_type() {
        DataType::Utf8 => Box::new(|key| length(values.as_string::<i32>().value_offsets(), key)),
        DataType::LargeUtf8 => Box::new(|key| length(values.as_string::<i64>().value_offsets(), key)),
        DataType::Binary => Box::new(|key| length(values.as_binary::<i32>().value_offsets(), key)),
        DataType::LargeBinary => Box::new(|key| length(values.as_binary::<i64>().value_offsets(), key)),
        other => match other.primitive_width() {
            Some(width) => Box::new(move |_| width as u64),
            None => Box::new(|key| {
                let value = values.slice(key, 1);
                let mut size = [value.to_data().get_slice_memory_size().map_or(u64::MAX, |size| size as u64)];
                add_sizes(&value, &mut size);
                sum(&size)
            }),
        },
    };
    for (row, (size, key)) in sizes.iter_mut().zip(dictionary.normalized_keys()).enumerate() {
        if column.is_valid(row) {
            add(size, of_value(key));
        }
    }
}

fn length<O: OffsetSizeTrait>(offsets: &[O], key: usize) -> u64 {
    let at = |place: usize| offsets.get(place).map_or(0, |offset| offset.as_usize() as u64);
    at(key + 1).saturating_sub(at(key))
}

fn add(size: &mut u64, more: u64) {
    *size = size.saturating_add(more);
}

fn sum(sizes: &[u64]) -> u64 {
    sizes.iter().fold(0, |sum, size| sum.saturating_add(*size))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{
        BooleanArray, DictionaryArray, FixedSizeListArray, Int8Array, LargeStringArray, ListArray, StringArray,
        StringViewArray, StructArray,
    };
    use arrow::buffer::OffsetBuffer;
    use arrow::datatypes::{Field, Int8Type};

    use super::*;

    fn sizes(column: ArrayRef) -> Vec<u64> {
        let mut sizes = vec![0; column.len()];
        add_sizes(&column, &mut sizes);
        sizes
    }

    fn dictionary(values: ArrayRef) -> ArrayRef {
        Arc::new(DictionaryArray::<Int8Type>::new(Int8Array::from(vec![Some(1), None, Some(0), Some(1)]), values))
    }

    #[test]
    fn what_rows_share_counts_for_each() {
        let texts = ["", "four"];
        let field = |column: &ArrayRef| Arc::new(Field::new("item", column.data_type().clone(), true));
        let list = |column: ArrayRef| -> ArrayRef {
            let offsets = OffsetBuffer::from_lengths([1, 0, 3]);
            Arc::new(ListArray::new(field(&column), offsets, column, None))
        };
        let of_texts = dictionary(Arc::new(StringArray::from(texts.to_vec())));
        let structs: ArrayRef = Arc::new(StructArray::from(vec![
            (field(&of_texts), Arc::clone(&of_texts)),
            (field(&of_texts), Arc::clone(&of_texts)),
        ]));
        let pairs = FixedSizeListArray::new(field(&of_texts), 2, Arc::clone(&of_texts), None);
        for (column, expected) in [
            (Arc::new(StringArray::from(vec!["four"])) as ArrayRef, vec![0]),
            (Arc::new(StringViewArray::from(vec!["four", "more than twelve"])), vec![4, 16]),
            (Arc::clone(&of_texts), vec![4, 0, 0, 4]),
            (of_texts.slice(2, 2), vec![0, 4]),
            (dictionary(Arc::new(LargeStringArray::from(texts.to_vec()))), vec![4, 0, 0, 4]),
            (dictionary(Arc::new(Int8Array::from(vec![1, 2]))), vec![1, 0, 1, 1]),
            (dictionary(Arc::new(BooleanArray::from(vec![true, false]))), vec![1, 0, 1, 1]),
            (list(Arc::clone(&of_texts)), vec![4, 0, 4]),
            (list(Arc::clone(&of_texts)).slice(2, 1), vec![4]),
            (Arc::new(pairs.clone()), vec![4, 4]),
            (Arc::new(pairs.slice(1, 1)), vec![4]),
            (structs, vec![8, 0, 0, 8]),
        ] {
            assert_eq!(sizes(Arc::clone(&column)), expected, "{}", column.data_type());
        }
        let empty = DictionaryArray::<Int8Type>::new(Int8Array::new_null(2), Arc::new(StringArray::new_null(0)));
        assert_eq!(sizes(Arc::new(empty)), [0, 0]);
    }

    #[test]
    fn rows_end_where_there_is_no_more_room_and_one_row_has_a_limit() {
        let value = "x".repeat(1 << 20);
        let column = dictionary(Arc::new(StringArray::from(vec!["", value.as_str()])));
        let of = |columns: usize| {
            let columns = (0..columns).map(|n| (n.to_string(), Arc::clone(&column), true));
            RecordBatch::try_from_iter_with_nullable(columns).unwrap()
        };
        assert_eq!(rows_within(&of(1), 0, 10, 3 << 20), Ok(4));
        assert_eq!(rows_within(&of(1), 0, 10, 1 << 20), Ok(3));
        assert_eq!(rows_within(&of(1), 0, 2, 1), Ok(1));
        assert_eq!(rows_within(&of(1), 1, 10, 1), Ok(2));
        assert_eq!(rows_within(&of(1), 4, 10, 1), Ok(0));
        assert_eq!(rows_within(&of(256), 0, 10, 1), Ok(1));
        assert!(rows_within(&of(257), 0, 10, 1).unwrap_err().starts_with("a row takes more than 256 MiB"));
        assert_eq!(rows_within(&of(257), 1, 10, 1), Ok(2));
    }
}
