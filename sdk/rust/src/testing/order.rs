//! Rows of columns as bytes that have the order of the rows: what the host orders the entries of maps by.

use crate::column::{ColumnRef, bit, columns, range, value};
use crate::wire::{Field, Node};

/// A row as bytes: column by column, ascending, nulls first, text and binary by bytes, floats in total order.
pub(super) fn ordered_bytes(fields: &[Field], arrays: &[Node], row: usize) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    columns(fields, arrays).into_iter().try_for_each(|column| push(column, row, &mut bytes))?;
    Ok(bytes)
}

fn push(column: ColumnRef<'_>, row: usize, bytes: &mut Vec<u8>) -> Result<(), String> {
    let is_valid = column.validity()?.is_valid(row);
    bytes.push(u8::from(is_valid));
    if !is_valid {
        return Ok(());
    }
    let format = column.fields.first().map_or("", |field| field.format.as_str());
    match format {
        "b" => bytes.push(u8::from(bit(column.buffer(1)?, row))),
        "u" | "z" => {
            let value = column.buffer(2)?.get(range(column.offsets()?, row)).unwrap_or_default();
            // A zero does not end it, but whatever is longer comes after.
            value.iter().for_each(|byte| bytes.extend(if *byte == 0 { vec![0, 1] } else { vec![*byte] }));
            bytes.extend([0, 0]);
        }
        "+l" => {
            for item in range(column.offsets()?, row) {
                bytes.push(1);
                column.children().into_iter().try_for_each(|child| push(child, item, bytes))?;
            }
            bytes.push(0);
        }
        "+s" => column.children().into_iter().try_for_each(|child| push(child, row, bytes))?,
        "C" => fixed::<1>(column, row, bytes, |_| 0)?,
        "c" => fixed::<1>(column, row, bytes, |_| SIGN)?,
        "S" => fixed::<2>(column, row, bytes, |_| 0)?,
        "s" => fixed::<2>(column, row, bytes, |_| SIGN)?,
        "I" => fixed::<4>(column, row, bytes, |_| 0)?,
        "i" | "tdD" => fixed::<4>(column, row, bytes, |_| SIGN)?,
        "L" => fixed::<8>(column, row, bytes, |_| 0)?,
        "f" => fixed::<4>(column, row, bytes, float_mask)?,
        "g" => fixed::<8>(column, row, bytes, float_mask)?,
        decimal if decimal.starts_with("d:") => fixed::<16>(column, row, bytes, |_| SIGN)?,
        // int64 and timestamps.
        _ => fixed::<8>(column, row, bytes, |_| SIGN)?,
    }
    Ok(())
}

/// What the first byte of a signed number is changed by, so that negative ones come first.
const SIGN: u8 = 0x80;

/// Negative floats have all their bits turned round.
fn float_mask(first: u8) -> u8 {
    if first & SIGN == 0 { SIGN } else { 0xff }
}

fn fixed<const N: usize>(
    column: ColumnRef<'_>,
    row: usize,
    bytes: &mut Vec<u8>,
    mask: impl Fn(u8) -> u8,
) -> Result<(), String> {
    let mut number = value(column.fixed::<N>()?, row);
    number.reverse();
    let mask = number.first().map_or(0, |first| mask(*first));
    let others = if mask == 0xff { 0xff } else { 0 };
    bytes.extend(number.iter().enumerate().map(|(at, byte)| byte ^ if at == 0 { mask } else { others }));
    Ok(())
}
