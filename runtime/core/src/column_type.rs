//! The names of column types, as pipeline files write them in `schema` options and as messages show them.
//!
//! | name | |
//! |---|---|
//! | `bool`, `int8` .. `int64`, `uint8` .. `uint64`, `float32`, `float64` | |
//! | `utf8` (or `string`), `binary` | in text, binary is written as hexadecimal digits |
//! | `date32` | days; `2013-01-01` |
//! | `timestamp` = `timestamp(us, UTC)`, `timestamp(UNIT)`, `timestamp(UNIT, ZONE)` | UNIT: `s`, `ms`, `us`, `ns`; ZONE: `UTC`, an offset like `+01:00`, or a name like `Europe/Berlin` |
//! | `decimal128(PRECISION, SCALE)` | PRECISION 1 .. 38, SCALE 0 .. PRECISION |
//! | `list<TYPE>`, `struct<NAME: TYPE, ...>` | not in CSV; a NAME with one of `:`, `,`, `>` and `"` is in quotes, as in JSON |

use std::borrow::Cow;
use std::sync::Arc;

use crate::names::did_you_mean;
use arrow::array::timezone::Tz;
use arrow::datatypes::{DataType, Field, Fields, Schema, TimeUnit};

/// The types without arguments, and their names.
const PLAIN: [(&str, DataType); 15] = [
    ("bool", DataType::Boolean),
    ("int8", DataType::Int8),
    ("int16", DataType::Int16),
    ("int32", DataType::Int32),
    ("int64", DataType::Int64),
    ("uint8", DataType::UInt8),
    ("uint16", DataType::UInt16),
    ("uint32", DataType::UInt32),
    ("uint64", DataType::UInt64),
    ("float32", DataType::Float32),
    ("float64", DataType::Float64),
    ("utf8", DataType::Utf8),
    ("string", DataType::Utf8),
    ("binary", DataType::Binary),
    ("date32", DataType::Date32),
];
/// What others call them.
const ELSEWHERE: [(&str, &str); 13] = [
    ("boolean", "bool"),
    ("int", "int32"),
    ("integer", "int32"),
    ("long", "int64"),
    ("bigint", "int64"),
    ("float", "float32"),
    ("double", "float64"),
    ("text", "utf8"),
    ("varchar", "utf8"),
    ("bytes", "binary"),
    ("date", "date32"),
    ("datetime", "timestamp"),
    ("decimal", "decimal128"),
];
const UNITS: [(&str, TimeUnit); 4] = [
    ("s", TimeUnit::Second),
    ("ms", TimeUnit::Millisecond),
    ("us", TimeUnit::Microsecond),
    ("ns", TimeUnit::Nanosecond),
];

/// How deep a type may nest: no operator takes more, and reading one recurses.
const DEPTH_MAX: usize = 16;

/// Whether the name of a time zone is an abbreviation such as `EST` or `CET`. The database of zones has some, but not with one meaning:
/// its `EST` has no summer time, although New York has, and its `CET` has summer time, although `CEST` exists for that.
#[must_use]
pub fn is_abbreviation(zone: &str) -> bool {
    ["EST", "MST", "HST", "CET", "MET", "EET", "WET"].iter().any(|name| name.eq_ignore_ascii_case(zone))
}

/// The type with this name.
///
/// # Errors
/// What is wrong with the name, and which names there are.
pub fn parse_type(name: &str) -> Result<DataType, String> {
    let mut parser = TypeParser { rest: name, depth: 0 };
    let data_type = parser.data_type()?;
    match parser.rest.trim() {
        "" => Ok(data_type),
        rest => Err(format!("{name:?} is a type, but {rest:?} follows it")),
    }
}

/// The name of a type; [`parse_type`] takes it back.
#[must_use]
pub fn type_name(data_type: &DataType) -> String {
    if let Some((name, _)) = PLAIN.iter().find(|(_, plain)| plain == data_type) {
        return (*name).to_owned();
    }
    let unit = |unit: &TimeUnit| UNITS.iter().find(|(_, u)| u == unit).map_or("us", |(name, _)| name);
    match data_type {
        DataType::Timestamp(u, None) => format!("timestamp({})", unit(u)),
        DataType::Timestamp(u, Some(zone)) => format!("timestamp({}, {zone})", unit(u)),
        DataType::Decimal128(precision, scale) => format!("decimal128({precision}, {scale})"),
        DataType::List(item) => format!("list<{}>", type_name(item.data_type())),
        DataType::Struct(fields) => {
            let fields = fields.iter().map(|field| format!("{}: {}", field_name(field), type_name(field.data_type())));
            format!("struct<{}>", fields.collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

/// As it is, unless the parser would read something else.
fn field_name(field: &Field) -> Cow<'_, str> {
    let name = field.name();
    match name.contains(['"', ':', ',', '>']) || name.trim() != name {
        true => serde_json::Value::from(name.as_str()).to_string().into(),
        false => name.into(),
    }
}

/// The columns of a schema with their types, as messages show them: `auction int64, price float64`.
#[must_use]
pub fn columns_text(schema: &Schema) -> String {
    let columns = schema.fields().iter().map(|field| format!("{} {}", field.name(), type_name(field.data_type())));
    columns.collect::<Vec<_>>().join(", ")
}

/// Reads a type off the front of `rest`.
struct TypeParser<'a> {
    rest: &'a str,
    depth: usize,
}

impl<'a> TypeParser<'a> {
    fn data_type(&mut self) -> Result<DataType, String> {
        if self.depth == DEPTH_MAX {
            return Err(format!("types nest {DEPTH_MAX} deep at most"));
        }
        self.depth += 1;
        let name = self.word();
        let data_type = match name {
            "timestamp" => self.timestamp(),
            "decimal128" => self.decimal(),
            "list" => {
                self.expect('<', "list<TYPE>")?;
                let item = self.data_type()?;
                self.expect('>', "list<TYPE>")?;
                Ok(DataType::new_list(item, true))
            }
            "struct" => self.fields(),
            _ => match PLAIN.iter().find(|(plain, _)| *plain == name) {
                Some((_, data_type)) => Ok(data_type.clone()),
                None => Err(unknown(name)),
            },
        };
        self.depth -= 1;
        data_type
    }

    fn timestamp(&mut self) -> Result<DataType, String> {
        if !self.take('(') {
            return Ok(DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())));
        }
        let name = self.word();
        let Some((_, unit)) = UNITS.iter().find(|(unit, _)| *unit == name) else {
            return Err(format!("the unit of a timestamp is s, ms, us or ns, not {name:?}"));
        };
        let zone = if self.take(',') { Some(self.zone()?) } else { None };
        self.expect(')', "timestamp(UNIT) or timestamp(UNIT, ZONE)")?;
        Ok(DataType::Timestamp(*unit, zone))
    }

    fn zone(&mut self) -> Result<Arc<str>, String> {
        let end = self.rest.find(')').unwrap_or(self.rest.len());
        let (zone, rest) = self.rest.split_at(end);
        self.rest = rest;
        let zone = zone.trim();
        if is_abbreviation(zone) {
            return Err(format!(
                "{zone} is an abbreviation, which names neither a place nor an offset: write an offset like +01:00, or a name \
                 like Europe/Berlin"
            ));
        }
        if zone.parse::<Tz>().is_ok() {
            return Ok(zone.into());
        }
        Err(format!("the zone of a timestamp is UTC, an offset like +01:00 or a name like Europe/Berlin, not {zone:?}"))
    }

    fn decimal(&mut self) -> Result<DataType, String> {
        const FORM: &str = "decimal128(PRECISION, SCALE)";
        self.expect('(', FORM)?;
        let precision = self.word().parse::<u8>();
        self.expect(',', FORM)?;
        let scale = self.word().parse::<u8>();
        self.expect(')', FORM)?;
        match (precision, scale) {
            (Ok(precision @ 1..=38), Ok(scale)) if scale <= precision => {
                Ok(DataType::Decimal128(precision, i8::try_from(scale).unwrap_or(0)))
            }
            _ => Err(format!("{FORM} has a PRECISION from 1 to 38 and a SCALE from 0 to PRECISION")),
        }
    }

    fn fields(&mut self) -> Result<DataType, String> {
        const FORM: &str = "struct<NAME: TYPE, ...>";
        self.expect('<', FORM)?;
        let mut fields = Vec::new();
        // Objects without a field are such a struct.
        if self.take('>') {
            return Ok(DataType::Struct(Fields::empty()));
        }
        loop {
            let name = self.field_name()?;
            self.expect(':', FORM)?;
            let field = Field::new(name, self.data_type()?, true);
            if fields.iter().any(|known: &Field| known.name() == field.name()) {
                return Err(format!("a struct cannot have two fields named {:?}", field.name()));
            }
            fields.push(field);
            if !self.take(',') {
                break;
            }
        }
        self.expect('>', FORM)?;
        Ok(DataType::Struct(Fields::from(fields)))
    }

    fn field_name(&mut self) -> Result<Cow<'a, str>, String> {
        let rest = self.rest.trim_start();
        if !rest.starts_with('"') {
            let end = rest.find([':', '>', ',']).unwrap_or(rest.len());
            let (name, rest) = rest.split_at(end);
            self.rest = rest;
            return Ok(name.trim_end().into());
        }
        let mut quoted = serde_json::Deserializer::from_str(rest).into_iter::<String>();
        let name =
            quoted.next().and_then(Result::ok).ok_or("a name of a struct that begins with a quote is as in JSON")?;
        self.rest = rest.get(quoted.byte_offset()..).unwrap_or_default();
        Ok(name.into())
    }

    /// The letters and digits that come next.
    fn word(&mut self) -> &'a str {
        self.rest = self.rest.trim_start();
        let end = self.rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word
    }

    fn take(&mut self, wanted: char) -> bool {
        let rest = self.rest.trim_start().strip_prefix(wanted);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn expect(&mut self, wanted: char, form: &str) -> Result<(), String> {
        if self.take(wanted) {
            return Ok(());
        }
        Err(format!("{wanted:?} is missing; the form is {form}"))
    }
}

fn unknown(name: &str) -> String {
    let arguments = ["timestamp", "decimal128", "list", "struct"];
    let known: Vec<&str> = PLAIN.iter().map(|(name, _)| *name).chain(arguments).collect();
    let meant = ELSEWHERE.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map_or(name, |(_, meant)| meant);
    let near = did_you_mean(meant, &known);
    format!("there is no type {name:?}{near}{}", if near.is_empty() { "; the types are " } else { " The types are " })
        + &known.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_types_correspond() {
        let names = "bool int8 uint64 float32 utf8 binary date32 timestamp(s) timestamp(ms,_UTC) timestamp(ns,_-03:30) \
                     decimal128(38,_0) list<list<int64>> struct<a:_int8,_b_c:_list<timestamp(us,_UTC)>>";
        for name in names.split_whitespace().map(|name| name.replace('_', " ")) {
            assert_eq!(type_name(&parse_type(&name).unwrap()), name);
        }
        for name in [
            r#"struct<"a:b": int8, "c, d": utf8, e"f: int8>"#,
            "struct<>",
            r#"struct<"\"\\\n>": list<struct<>>, : int8>"#,
        ] {
            let data_type = parse_type(name).unwrap();
            assert_eq!(parse_type(&type_name(&data_type)).unwrap(), data_type, "{name}");
        }
        assert_eq!(
            type_name(&parse_type(r#"struct< " a": int8, "b" :int8>"#).unwrap()),
            r#"struct<" a": int8, b: int8>"#
        );
        assert_eq!(type_name(&parse_type(" string ").unwrap()), "utf8");
        let deep = format!("{}int8{}", "list<".repeat(15), ">".repeat(15));
        assert!(parse_type(&format!("struct<a: int8, b: {deep}>")).is_err());
        assert!(parse_type(&deep).is_ok());
        assert_eq!(type_name(&parse_type("timestamp").unwrap()), "timestamp(us, UTC)");
    }

    #[test]
    fn wrong_names_are_explained() {
        for (name, reason) in [
            ("itn64", "did you mean \"int64\"?"),
            ("double", "did you mean \"float64\"?"),
            ("VARCHAR", "did you mean \"utf8\"?"),
            ("", "there is no type \"\""),
            ("int64 x", "\"x\" follows it"),
            ("timestamp(m)", "s, ms, us or ns"),
            ("timestamp(us, Mars)", "UTC, an offset"),
            ("timestamp(us, +0a:00)", "UTC, an offset"),
            ("decimal128(39, 2)", "from 1 to 38"),
            ("decimal128(3, 4)", "from 0 to PRECISION"),
            ("list int64", "list<TYPE>"),
            ("struct<a>", "struct<NAME: TYPE, ...>"),
            ("list<struct<a: int8, b: int8, a: utf8>>", "a struct cannot have two fields named \"a\""),
            ("list<int64", "'>' is missing"),
            ("struct<\"a: int8>", "as in JSON"),
            (&"list<".repeat(100_000), "16 deep at most"),
            (&"struct<a:".repeat(100_000), "16 deep at most"),
        ] {
            let error = parse_type(name).unwrap_err();
            assert!(error.contains(reason), "{name}: {error}");
        }
    }
}
