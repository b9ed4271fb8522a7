//! One case as it was read: its name, its kind, and the rest, which each kind reads in its own form.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// A case before its kind is looked at.
pub(super) struct Case {
    /// Unique, `project/area/case`.
    pub(super) name: String,
    /// Which driver runs it.
    pub(super) kind: String,
    /// Whether outputs must come in the order given.
    pub(super) ordered: bool,
    rest: Map<String, Value>,
}

/// Why a case did not pass.
#[derive(Debug)]
pub(super) enum Stop {
    /// It came out wrong.
    Fail(String),
    /// Weir has nothing that could run it yet, or it follows another engine's rules.
    Skip(String),
}

/// The argument of an operation that needs none; only `true` says it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flag;

impl<'de> serde::Deserialize<'de> for Flag {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match bool::deserialize(deserializer)? {
            true => Ok(Self),
            false => Err(serde::de::Error::custom("an operation with the argument false")),
        }
    }
}

impl Stop {
    pub(super) fn skip(reason: impl Into<String>) -> Self {
        Self::Skip(reason.into())
    }

    pub(super) fn fail(why: impl Into<String>) -> Self {
        Self::Fail(why.into())
    }
}

impl Case {
    /// Takes what every kind has.
    pub(super) fn new(place: &str, value: Value) -> Result<Self, String> {
        let Value::Object(mut rest) = value else { return Err("is no JSON object".into()) };
        let mut text = |field: &str| match rest.remove(field) {
            Some(Value::String(text)) => Some(text),
            _ => None,
        };
        let name = text("name").unwrap_or_else(|| place.to_owned());
        let kind = text("kind").ok_or("has no kind")?;
        let ordered = match rest.remove("ordered") {
            None | Some(Value::Null) => false,
            Some(Value::Bool(ordered)) => ordered,
            Some(other) => return Err(format!("has the field ordered = {other}, which is not understood")),
        };
        // Operators count in ticks, whatever a tick is: only sums and differences of times matter.
        for said_for_people in ["source", "note", "time_unit"] {
            rest.remove(said_for_people);
        }
        Ok(Self { name, kind, ordered, rest })
    }

    /// A field that its kind reads in more than one form, taken out.
    pub(super) fn take(&mut self, field: &str) -> Value {
        self.rest.remove(field).unwrap_or(Value::Null)
    }

    /// Puts a field in the place of the one that was taken.
    pub(super) fn put(&mut self, field: &str, value: Value) {
        self.rest.insert(field.to_owned(), value);
    }

    /// A field, left where it is.
    pub(super) fn peek(&self, field: &str) -> Option<&Value> {
        self.rest.get(field)
    }

    /// Takes a field that must say nothing: a driver that does not produce such outputs cannot check them.
    pub(super) fn must_be_empty(&mut self, field: &str) -> Result<(), Stop> {
        match self.take(field) {
            Value::Null => Ok(()),
            Value::Array(entries) if entries.is_empty() => Ok(()),
            _ => Err(Stop::skip(format!("expects {field}, which a case of kind {} has no place for here", self.kind))),
        }
    }

    /// All that is left, in the form of its kind. A field that the form does not have is not ignored.
    pub(super) fn into_form<T: DeserializeOwned>(self) -> Result<T, Stop> {
        read(Value::Object(self.rest))
    }
}

/// Stops at an expectation about an operation that cannot give what is expected, or that is not there: nothing would check it.
pub(super) fn can_be_met(by_ops: impl IntoIterator<Item = usize>, gives: impl Fn(usize) -> bool) -> Result<(), Stop> {
    match by_ops.into_iter().find(|op| !gives(*op)) {
        None => Ok(()),
        Some(op) => Err(Stop::skip(format!("expects something of op {op}, which gives nothing of the kind"))),
    }
}

/// A value in the form that a driver understands.
pub(super) fn read<T: DeserializeOwned>(value: Value) -> Result<T, Stop> {
    serde_json::from_value(value).map_err(|e| Stop::skip(format!("not understood: {e}")))
}
