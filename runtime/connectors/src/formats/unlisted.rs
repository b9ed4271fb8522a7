//! Keys of JSON objects that a schema does not have: of an inferred one, they are those that no row of the sample had. Their values
//! are not read, so they are counted, and said when the job has ended.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use arrow::datatypes::{DataType, Fields, SchemaRef};
use serde::de::{Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::records::shorten;

/// Keys that are counted each: beyond them, keys are rather values.
const NAMES_MAX: usize = 100;
/// Keys that are said.
const TOLD_MAX: usize = 10;

/// The keys of one source.
#[derive(Debug)]
pub(crate) struct Unlisted {
    /// As messages name the source.
    name: String,
    schema: SchemaRef,
    found: Mutex<Found>,
}

#[derive(Debug, Default)]
struct Found {
    rows_by_key: BTreeMap<String, u64>,
    /// Values of keys beyond [`NAMES_MAX`].
    others: u64,
}

impl Unlisted {
    /// Nothing found so far.
    pub(crate) fn new(name: &str, schema: &SchemaRef) -> Self {
        Self { name: name.to_owned(), schema: schema.clone(), found: Mutex::default() }
    }

    /// How many columns the schema has.
    pub(crate) fn columns(&self) -> usize {
        self.schema.fields().len()
    }

    /// Looks at lines; one that is no object says nothing.
    pub(crate) fn look<'a>(&self, lines: impl Iterator<Item = &'a [u8]>) {
        let mut keys = Vec::new();
        for line in lines {
            let mut deserializer = serde_json::Deserializer::from_slice(line);
            let object = Object { fields: self.schema.fields(), path: "", keys: &mut keys };
            if object.deserialize(&mut deserializer).is_ok() && !keys.is_empty() {
                self.count(&mut keys);
            }
            keys.clear();
        }
    }

    fn count(&self, keys: &mut Vec<String>) {
        keys.sort_unstable();
        keys.dedup();
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        for key in keys.drain(..) {
            let is_known = found.rows_by_key.contains_key(&key);
            if is_known || found.rows_by_key.len() < NAMES_MAX {
                *found.rows_by_key.entry(key).or_default() += 1;
            } else {
                found.others += 1;
            }
        }
    }

    /// What a person should know, one line each.
    pub(crate) fn notes(&self) -> Vec<String> {
        let found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let rows = |count: u64| if count == 1 { "1 row".to_owned() } else { format!("{count} rows") };
        let mut notes: Vec<_> = found.rows_by_key.iter().take(TOLD_MAX).map(|(key, count)| {
            format!(
                "{key}: {} had a value, not in the schema that was inferred of {}, and so not read: name the column in a `schema`, or \
                 let more rows decide with `infer-rows`",
                rows(*count),
                self.name
            )
        }).collect();
        let more = found.rows_by_key.len().saturating_sub(TOLD_MAX);
        if more > 0 || found.others > 0 {
            let or_more = if found.others > 0 { " or more" } else { "" };
            notes.push(format!("{more}{or_more} other keys of {} are not in its schema either", self.name));
        }
        notes
    }
}

/// An object of which these fields are known; the keys of the others, with a value, are gathered.
struct Object<'a> {
    fields: &'a Fields,
    /// The keys above it, each with a dot behind it.
    path: &'a str,
    keys: &'a mut Vec<String>,
}

impl<'de> DeserializeSeed<'de> for Object<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Object<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(Key(key)) = map.next_key()? {
            match self.fields.iter().find(|field| field.name().as_str() == key).map(|field| field.data_type()) {
                None => {
                    if map.next_value::<Option<IgnoredAny>>()?.is_some() {
                        self.keys.push(format!("{}{}", self.path, shorten(key.as_bytes())));
                    }
                }
                Some(data_type) => match objects_in(data_type) {
                    None => drop(map.next_value::<IgnoredAny>()?),
                    Some(fields) => {
                        let path = format!("{}{key}.", self.path);
                        map.next_value_seed(Object { fields, path: &path, keys: &mut *self.keys })?;
                    }
                },
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(Object { fields: self.fields, path: self.path, keys: &mut *self.keys })?.is_some()
        {
        }
        Ok(())
    }

    pass_over_scalars!();
}

/// The fields of the objects that values of a type hold, if they hold any.
fn objects_in(data_type: &DataType) -> Option<&Fields> {
    match data_type {
        DataType::Struct(fields) => Some(fields),
        DataType::List(item) => objects_in(item.data_type()),
        _ => None,
    }
}

/// A key, borrowed where it has no escapes.
struct Key<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Key<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Key(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Key(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::datatypes::{Field, Schema};
    use weir_core::column_type::parse_type;

    use super::*;

    fn unlisted(lines: &[&str]) -> Unlisted {
        let columns = [("v", "int64"), ("in", "struct<a: int64>"), ("items", "list<struct<a: int64>>")];
        let fields = columns.map(|(name, data_type)| Field::new(name, parse_type(data_type).unwrap(), true));
        let unlisted = Unlisted::new("in.jsonl", &Arc::new(Schema::new(fields.to_vec())));
        unlisted.look(lines.iter().map(|line| line.as_bytes()));
        unlisted
    }

    fn keys(lines: &[&str]) -> Vec<String> {
        let notes = unlisted(lines).notes().into_iter();
        notes.map(|note| note.split(" had a value").next().unwrap().to_owned()).collect()
    }

    #[test]
    fn keys_with_values_are_counted_by_row_at_any_depth() {
        for (line, expected) in [
            ("{\"v\":1,\"in\":{\"a\":1},\"items\":[{\"a\":1},null]}", vec![]),
            ("{\"v\":{\"x\":1},\"in\":7,\"items\":\"text\"}", vec![]),
            ("{\"w\":null}", vec![]),
            ("{\"w\":0,\"\\u0076\":1}", vec!["w: 1 row"]),
            ("{\"in\":{\"b\":{}},\"items\":[{\"b\":1},{\"b\":2}]}", vec!["in.b: 1 row", "items.b: 1 row"]),
            ("{\"w\":1", vec![]),
            ("[{\"w\":1", vec![]),
        ] {
            assert_eq!(keys(&[line]), expected, "{line}");
        }
        assert_eq!(keys(&["{\"w\":1}", "{\"w\":1,\"x\":[]}"]), ["w: 2 rows", "x: 1 row"]);
    }

    #[test]
    fn the_names_that_are_kept_are_bounded() {
        let lines: Vec<_> = (0..NAMES_MAX + 5).map(|n| format!("{{\"k{n:04}\":1}}")).collect();
        let lines: Vec<_> = lines.iter().map(String::as_str).collect();
        let notes = unlisted(&lines).notes();
        assert_eq!(notes.len(), TOLD_MAX + 1);
        assert_eq!(notes[TOLD_MAX], "90 or more other keys of in.jsonl are not in its schema either");
    }
}
