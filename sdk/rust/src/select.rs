//! Columns with some of the rows of another column.

use crate::column::{Bits, ColumnRef, bit, range};
use crate::wire::Node;

/// Appends a column's values at these rows.
pub(crate) fn select(column: ColumnRef<'_>, rows: &[Option<usize>], arrays: &mut Vec<Node>) {
    let (Ok(array), Ok(validity)) = (column.array(), column.validity()) else { return };
    let is_valid = |row: &Option<usize>| row.is_some_and(|row| validity.is_valid(row));
    let mut bits = Bits::default();
    rows.iter().for_each(|row| bits.push(is_valid(row)));
    let null_count = rows.iter().filter(|row| !is_valid(row)).count() as u32;
    let first = if null_count == 0 { Vec::new() } else { bits.into_bytes() };
    let mut selected = Node { length: rows.len() as u32, null_count, buffers: vec![first] };
    let format = column.fields.first().map_or("", |f| f.format.as_str());
    let children = column.children();
    let offsets = column.offsets().unwrap_or_default();
    // A null has an empty range: nothing of it is selected.
    let ranges =
        || rows.iter().map(|row| row.filter(|row| validity.is_valid(*row)).map_or(0..0, |row| range(offsets, row)));
    let new_offsets = || {
        let ends = ranges().scan(0u32, |end, range| {
            *end += range.len() as u32;
            Some(*end)
        });
        std::iter::once(0).chain(ends).flat_map(u32::to_le_bytes).collect::<Vec<u8>>()
    };
    match format {
        "b" => {
            let mut bits = Bits::default();
            rows.iter()
                .for_each(|row| bits.push(row.is_some_and(|row| bit(column.buffer(1).unwrap_or_default(), row))));
            selected.buffers.push(bits.into_bytes());
        }
        "u" | "z" => {
            let bytes = column.buffer(2).unwrap_or_default();
            selected.buffers.push(new_offsets());
            selected.buffers.push(ranges().flat_map(|range| bytes.get(range).unwrap_or_default().to_vec()).collect());
        }
        "+l" => selected.buffers.push(new_offsets()),
        "+s" => {}
        _ => {
            let values = column.buffer(1).unwrap_or_default();
            let width = if array.length == 0 { 1 } else { values.len() / array.length as usize };
            let value = |row: &Option<usize>| match row.and_then(|row| values.get(row * width..(row + 1) * width)) {
                Some(value) => value.to_vec(),
                None => vec![0; width],
            };
            selected.buffers.push(rows.iter().flat_map(value).collect());
        }
    }
    arrays.push(selected);
    let items: Vec<_> = if format == "+l" { ranges().flatten().map(Some).collect() } else { rows.to_vec() };
    children.into_iter().for_each(|child| select(child, &items, arrays));
}
