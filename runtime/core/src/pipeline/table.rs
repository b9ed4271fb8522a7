//! A table of the file, read key by key: every getter checks the type and names the table, the key and the place when it does
//! not fit.

use std::ops::RangeInclusive;

use toml::de::{DeTable, DeValue};

use super::problems::Problems;
use super::{json, units};
use crate::diagnostic::Diagnostic;
use crate::graph::OnError;
use crate::names::nearest;
use crate::span::{Span, Spanned};

type Value<'t> = toml::Spanned<DeValue<'t>>;
/// A value that could be read, or what is wrong with it.
type Result<T> = std::result::Result<T, Diagnostic>;

const DURATION: &str = "a duration in quotes, such as \"500ms\"";
const SIZE: &str = "a size in quotes, such as \"32MiB\"";

/// One table and what it is called.
pub(super) struct Table<'t> {
    /// How messages name it: `sources.flights`; empty: the file.
    pub(super) path: String,
    /// Where it is named in the file.
    pub(super) span: Option<Span>,
    entries: &'t DeTable<'t>,
}

impl<'t> Table<'t> {
    pub(super) fn new(path: impl Into<String>, span: Span, entries: &'t DeTable<'t>) -> Self {
        Self { path: path.into(), span: Some(span), entries }
    }

    /// A value that must be a table; `path` is how messages name it.
    pub(super) fn from_value(path: String, value: &'t Value<'t>) -> Result<Self> {
        match value.get_ref() {
            DeValue::Table(entries) => Ok(Self::new(path, value.span(), entries)),
            other => Err(wrong_type(&path, "a table", other, value.span())),
        }
    }

    /// Refuses the keys that are none of `known`, naming the nearest of each.
    pub(super) fn check_keys(&self, known: &[&str]) -> super::problems::Result<()> {
        let unknown = self.entries().into_iter().filter(|(key, _)| !known.contains(&key.value.as_str()));
        let refused = unknown.map(|(Spanned { value: key, span }, _)| {
            let problem = Diagnostic::error(format!("{} has no key {key:?}", self.described()), span);
            Err::<(), _>(problem.suggesting(&key, "its keys are", known.iter().copied()))
        });
        Problems::all(refused).map(drop)
    }

    /// All keys and values, in the file's order.
    pub(super) fn entries(&self) -> Vec<(Spanned<String>, &'t Value<'t>)> {
        let key = |key: &toml::Spanned<_>| Spanned {
            value: String::from(AsRef::<str>::as_ref(key.get_ref())),
            span: Some(key.span()),
        };
        let mut entries: Vec<_> = self.entries.iter().map(|(k, value)| (key(k), value)).collect();
        entries.sort_by_key(|(key, _)| key.span.as_ref().map_or(0, |span| span.start));
        entries
    }

    pub(super) fn get(&self, key: &str) -> Option<&'t Value<'t>> {
        self.entries.iter().find(|(k, _)| k.get_ref().as_ref() == key).map(|(_, value)| value)
    }

    /// What a getter gave, or an error that it must be there.
    pub(super) fn required<T>(&self, key: &str, value: Option<T>) -> Result<T> {
        value.ok_or_else(|| {
            let message = format!("{} needs a key {key:?}", self.described());
            let others = self.entries();
            match nearest(key, others.iter().map(|(other, _)| other.value.as_str())) {
                None => Diagnostic::error(message, self.span.clone()),
                Some(near) => {
                    let place =
                        others.iter().find(|(other, _)| other.value == near).and_then(|(other, _)| other.span.clone());
                    Diagnostic::error(message, place).with_hint(format!("is this meant to be {key:?}?"))
                }
            }
        })
    }

    pub(super) fn string(&self, key: &str) -> Result<Option<Spanned<String>>> {
        self.string_of(key, "a string")
    }

    /// A string; `wanted` is what it says, for the message if it is none.
    fn string_of(&self, key: &str, wanted: &str) -> Result<Option<Spanned<String>>> {
        let Some(value) = self.get(key) else { return Ok(None) };
        match value.get_ref() {
            DeValue::String(text) => Ok(Some(Spanned { value: text.to_string(), span: Some(value.span()) })),
            other => Err(self.wrong_type(key, wanted, other, value.span())),
        }
    }

    /// A list of strings.
    pub(super) fn strings(&self, key: &str) -> super::problems::Result<Option<Vec<Spanned<String>>>> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let DeValue::Array(items) = value.get_ref() else {
            return Err(self.wrong_type(key, "a list of strings", value.get_ref(), value.span()).into());
        };
        let strings = items.iter().map(|item| match item.get_ref() {
            DeValue::String(text) => Ok(Spanned { value: text.to_string(), span: Some(item.span()) }),
            other => Err(self.wrong_type(key, "a list of strings", other, item.span())),
        });
        Problems::all(strings).map(Some)
    }

    /// A whole number within a range.
    pub(super) fn integer(&self, key: &str, range: RangeInclusive<u64>) -> Result<Option<u64>> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let DeValue::Integer(number) = value.get_ref() else {
            return Err(self.wrong_type(key, "a whole number", value.get_ref(), value.span()));
        };
        match json::integer(number)
            .and_then(|number| u64::try_from(number).ok())
            .filter(|number| range.contains(number))
        {
            Some(number) => Ok(Some(number)),
            None => {
                let message =
                    format!("{key} = {number} is out of range: it may be {} to {}", range.start(), range.end());
                Err(Diagnostic::error(message, Some(value.span())))
            }
        }
    }

    /// `true` or `false`.
    pub(super) fn boolean(&self, key: &str) -> Result<Option<bool>> {
        let Some(value) = self.get(key) else { return Ok(None) };
        match value.get_ref() {
            DeValue::Boolean(flag) => Ok(Some(*flag)),
            other => Err(self.wrong_type(key, "a boolean", other, value.span())),
        }
    }

    /// A number that is finite.
    pub(super) fn number(&self, key: &str) -> Result<Option<f64>> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let number = match value.get_ref() {
            DeValue::Integer(number) => number.as_str().parse::<f64>().ok(),
            DeValue::Float(number) => number.as_str().parse::<f64>().ok(),
            _ => None,
        };
        let refuse = || Diagnostic::error(format!("{key} must be a number"), Some(value.span()));
        number.filter(|number| number.is_finite()).map(Some).ok_or_else(refuse)
    }

    /// A duration, in microseconds.
    pub(super) fn duration_us(&self, key: &str) -> Result<Option<i64>> {
        self.converted(key, DURATION, units::duration_us)
    }

    /// A duration that may be negative, in microseconds.
    pub(super) fn signed_duration_us(&self, key: &str) -> Result<Option<i64>> {
        self.converted(key, DURATION, units::signed_duration_us)
    }

    /// A size in bytes, more than zero.
    pub(super) fn size_bytes(&self, key: &str) -> Result<Option<u64>> {
        self.converted(key, SIZE, |text| match units::size_bytes(text)? {
            0 => Err(format!("{key} must be more than zero")),
            bytes => Ok(bytes),
        })
    }

    /// A size in bytes within a range, which the message says as it is written here.
    pub(super) fn size_within(&self, key: &str, range: RangeInclusive<u64>, told: &str) -> Result<Option<u64>> {
        let bytes = self.converted(key, SIZE, units::size_bytes)?;
        self.within(key, bytes, &range, told)
    }

    /// A duration in microseconds within a range, which the message says as it is written here.
    pub(super) fn duration_us_within(&self, key: &str, range: RangeInclusive<i64>, told: &str) -> Result<Option<i64>> {
        let us = self.duration_us(key)?;
        self.within(key, us, &range, told)
    }

    fn within<T: PartialOrd>(
        &self,
        key: &str,
        value: Option<T>,
        range: &RangeInclusive<T>,
        told: &str,
    ) -> Result<Option<T>> {
        match (value, self.string(key)?) {
            (Some(value), Some(text)) if !range.contains(&value) => {
                let message = format!("{key} = {:?} is out of range: it may be {told}", text.value);
                Err(Diagnostic::error(message, text.span))
            }
            (value, _) => Ok(value),
        }
    }

    fn converted<T>(
        &self,
        key: &str,
        wanted: &str,
        convert: impl Fn(&str) -> std::result::Result<T, String>,
    ) -> Result<Option<T>> {
        let Some(text) = self.string_of(key, wanted)? else { return Ok(None) };
        convert(&text.value).map(Some).map_err(|message| Diagnostic::error(message, text.span))
    }

    /// One of some words.
    pub(super) fn choice<T: Copy>(&self, key: &str, choices: &[(&str, T)]) -> Result<Option<T>> {
        let Some(text) = self.string(key)? else { return Ok(None) };
        match choices.iter().find(|(word, _)| *word == text.value) {
            Some((_, choice)) => Ok(Some(*choice)),
            None => {
                let words: Vec<_> = choices.iter().map(|(word, _)| *word).collect();
                let message = format!("{key} cannot be {:?}: it can be {}", text.value, words.join(" or "));
                let problem = Diagnostic::error(message, text.span);
                match nearest(&text.value, words.into_iter()) {
                    Some(near) => Err(problem.with_hint(format!("did you mean {near:?}?"))),
                    None => Err(problem),
                }
            }
        }
    }

    /// `on-error`, which every kind of step may have.
    pub(super) fn on_error(&self) -> Result<OnError> {
        let choices = [("fail", OnError::Fail), ("skip", OnError::Skip), ("dead-letter", OnError::DeadLetter)];
        Ok(self.choice("on-error", &choices)?.unwrap_or_default())
    }

    pub(super) fn table(&self, key: &str) -> Result<Option<Table<'t>>> {
        let path = if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) };
        self.get(key).map(|value| Table::from_value(path, value)).transpose()
    }

    /// The table as messages name it.
    pub(super) fn described(&self) -> String {
        if self.path.is_empty() { "the pipeline file".to_owned() } else { format!("[{}]", self.path) }
    }

    fn wrong_type(&self, key: &str, wanted: &str, got: &DeValue<'_>, span: Span) -> Diagnostic {
        let path = if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) };
        wrong_type(&path, wanted, got, span)
    }
}

/// A value of another type than the one that is `wanted`.
pub(super) fn wrong_type(what: &str, wanted: &str, got: &DeValue<'_>, span: Span) -> Diagnostic {
    let got = match got {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    };
    Diagnostic::error(format!("{what} must be {wanted}, not {got}"), Some(span))
}
