//! Objects of JSON into struct columns, as Arrow's own decoder does it, but for one thing: a key that is there twice is no value. Knows
//! no text and no line.

use std::collections::HashMap;
use std::fmt;

use arrow::array::{ArrayRef, StructArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::Fields;
use arrow::error::ArrowError;
use arrow::json::reader::{ArrayDecoder, DecoderContext, Tape, TapeElement};
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

/// Where the tape of a decoder has null.
const NULL_POSITION: u32 = 0;

/// Takes the row and the field of a key that is there twice; without it, the whole block is refused.
pub(super) type TakeTwice = Box<dyn Fn(usize, usize) + Send>;

/// Decodes objects with these fields.
pub(super) struct Objects {
    fields: Fields,
    columns: Vec<Box<dyn ArrayDecoder>>,
    places: HashMap<String, usize>,
    is_nullable: bool,
    is_strict: bool,
    twice: Option<TakeTwice>,
    /// By field and row; a field that a row does not have is at [`NULL_POSITION`].
    positions: Vec<u32>,
}

impl Objects {
    pub(super) fn new(
        context: &DecoderContext,
        fields: &Fields,
        is_nullable: bool,
        twice: Option<TakeTwice>,
    ) -> Result<Self, ArrowError> {
        let column = |field| context.make_decoder(field, true);
        let columns = fields.iter().map(column).collect::<Result<_, _>>()?;
        let places = fields.iter().enumerate().map(|(place, field)| (field.name().clone(), place)).collect();
        let (fields, is_strict) = (fields.clone(), context.strict_mode());
        Ok(Self { fields, columns, places, is_nullable, is_strict, twice, positions: Vec::new() })
    }

    /// Finds the values of one object.
    fn object(&mut self, tape: &Tape<'_>, at: u32, end: u32, row: usize, rows: usize) -> Result<(), ArrowError> {
        // Keys mostly come in the order of the fields.
        let (mut at, mut guess) = (at + 1, 0);
        while at < end {
            let TapeElement::String(key) = tape.get(at) else { return Err(tape.error(at, "field name")) };
            let key = tape.get_string(key);
            let is_guessed = self.fields.get(guess).is_some_and(|field| field.name() == key);
            let place = if is_guessed { Some(guess) } else { self.places.get(key).copied() };
            match place {
                Some(place) => {
                    guess = place + 1;
                    let before = std::mem::replace(&mut self.positions[place * rows + row], at + 1);
                    match &self.twice {
                        _ if before == NULL_POSITION => {}
                        Some(take) => take(row, place),
                        None => return Err(ArrowError::JsonError(format!("the key {key:?} is there twice"))),
                    }
                }
                None if self.is_strict => {
                    return Err(ArrowError::JsonError(format!("column '{key}' missing from schema")));
                }
                None => {}
            }
            at = tape.next(at + 1, "field value")?;
        }
        Ok(())
    }
}

impl ArrayDecoder for Objects {
    fn decode(&mut self, tape: &Tape<'_>, positions: &[u32]) -> Result<ArrayRef, ArrowError> {
        let rows = positions.len();
        self.positions.clear();
        self.positions.resize(self.fields.len() * rows, NULL_POSITION);
        let mut valid = Vec::with_capacity(if self.is_nullable { rows } else { 0 });
        for (row, at) in positions.iter().enumerate() {
            let is_object = match tape.get(*at) {
                TapeElement::StartObject(end) => {
                    self.object(tape, *at, end, row, rows)?;
                    true
                }
                TapeElement::Null if self.is_nullable => false,
                _ => return Err(tape.error(*at, "{")),
            };
            if self.is_nullable {
                valid.push(is_object);
            }
        }
        let nulls = self.is_nullable.then(|| NullBuffer::from(valid)).filter(|nulls| nulls.null_count() > 0);
        if self.fields.is_empty() {
            return Ok(std::sync::Arc::new(StructArray::new_empty_fields(rows, nulls)));
        }
        let column = |(place, column): (usize, &mut Box<dyn ArrayDecoder>)| {
            column.decode(tape, &self.positions[place * rows..(place + 1) * rows])
        };
        let columns = self.columns.iter_mut().enumerate().map(column).collect::<Result<_, _>>()?;
        Ok(std::sync::Arc::new(StructArray::try_new(self.fields.clone(), columns, nulls)?))
    }
}

/// The first key that an object in this JSON has twice.
pub(super) fn key_twice(json: &str) -> Option<String> {
    let mut found = None;
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let read = Keys(&mut found).deserialize(&mut deserializer);
    found.filter(|_| read.is_ok())
}

/// Looks for a key that is there twice, at any depth.
struct Keys<'a>(&'a mut Option<String>);

impl<'de> DeserializeSeed<'de> for Keys<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Keys<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut known = std::collections::HashSet::new();
        while let Some(key) = map.next_key::<String>()? {
            map.next_value_seed(Keys(&mut *self.0))?;
            if !known.insert(key.clone()) {
                self.0.get_or_insert(key);
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(Keys(&mut *self.0))?.is_some() {}
        Ok(())
    }

    pass_over_scalars!();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_are_there_twice_are_found_at_any_depth() {
        for (json, expected) in [
            ("{\"a\":1,\"a\":2}", Some("a")),
            ("{\"a\":[{\"b\":null},{\"b\":1,\"c\":{},\"b\":{}}]}", Some("b")),
            ("{\"a\":1,\"\\u0061\":\"x\"}", Some("a")),
            ("{\"a\":{\"a\":true},\"b\":[1,1]}", None),
            ("{\"a\":1,\"a\":", None),
        ] {
            assert_eq!(key_twice(json).as_deref(), expected, "{json}");
        }
    }
}
