//! Types of columns as a person writes them, for messages.

use crate::column;
use crate::wire::Field;

/// The type of a column (pre-order) as a person writes it.
#[must_use]
pub fn type_name(column: &[Field]) -> String {
    let Some(own) = column.first() else { return "nothing".to_owned() };
    let simple = match own.format.as_str() {
        "n" => "null",
        "b" => "bool",
        "c" => "int8",
        "C" => "uint8",
        "s" => "int16",
        "S" => "uint16",
        "i" => "int32",
        "I" => "uint32",
        "l" => "int64",
        "L" => "uint64",
        "f" => "float32",
        "g" => "float64",
        "u" => "utf8",
        "z" => "binary",
        "tdD" => "date32",
        _ => "",
    };
    if !simple.is_empty() {
        return simple.to_owned();
    }
    let children = column::columns(column.get(1..).unwrap_or_default(), &[]);
    match own.format.split_at_checked(2) {
        Some(("+l", "")) => format!("list<{}>", children.first().map_or_else(String::new, |c| type_name(c.fields))),
        Some(("+s", "")) => {
            let fields: Vec<_> = children.iter().map(|c| format!("{}: {}", c.name(), type_name(c.fields))).collect();
            format!("struct<{}>", fields.join(", "))
        }
        Some(("d:", parameters)) => format!("decimal128({})", parameters.replace(',', ", ")),
        Some(("ts", unit_and_zone)) => timestamp_name(unit_and_zone),
        _ => format!("{:?}", own.format),
    }
}

fn timestamp_name(unit_and_zone: &str) -> String {
    let (unit, zone) = unit_and_zone.split_once(':').unwrap_or((unit_and_zone, ""));
    let unit = if unit == "s" { "s".to_owned() } else { format!("{unit}s") };
    if zone.is_empty() { format!("timestamp({unit})") } else { format!("timestamp({unit}, {zone})") }
}

/// What a field for such a column is declared as, in brackets; empty where there is more to say than a name.
pub(crate) fn rust_type(column: &[Field]) -> String {
    let name = match column.first().map_or("", |own| own.format.as_str()) {
        "b" => "bool",
        "c" => "i8",
        "C" => "u8",
        "s" => "i16",
        "S" => "u16",
        "i" => "i32",
        "I" => "u32",
        "l" => "i64",
        "L" => "u64",
        "f" => "f32",
        "g" => "f64",
        "u" => "&str or String",
        "z" => "&[u8] or Vec<u8>",
        "tdD" => "Date",
        of if of.starts_with("tsu") => "Timestamp",
        of if of.starts_with("tsm") => "TimestampMillis",
        of if of.starts_with("tsn") => "TimestampNanos",
        of if of.starts_with("tss") => "TimestampSeconds",
        _ => return String::new(),
    };
    format!(" ({name} in Rust)")
}
