//! The options of a connector as text: the part of a pipeline file that only the connector understands, with the places that its
//! errors name. Knows no connector.

mod secrets;

use std::path::PathBuf;
use std::sync::Arc;

pub(crate) use secrets::SECRET_OPENING;
use serde::de::DeserializeOwned;
use toml::de::{DeTable, DeValue};

use crate::allow_connect::AllowConnect;
use crate::connector_error::ConnectorError;
use crate::disk::Disk;
use crate::span::Span;

/// The keys of a table that only its connector understands, with their places.
#[derive(Clone, Debug)]
pub struct Options {
    text: Arc<str>,
    path: Vec<String>,
    common: &'static [&'static str],
    is_made: bool,
    secrets: secrets::Secrets,
    /// The folder that relative paths are relative to: the pipeline file's.
    pub base: PathBuf,
    /// Whether paths must stay in that folder.
    pub confined: bool,
    /// Where it may connect to.
    pub allow_connect: AllowConnect,
    /// What its files may take of the disk.
    pub disk: Disk,
}

impl Options {
    /// The options in the table at `path` of a TOML text, without the keys `common` that are not the connector's.
    #[must_use]
    pub fn new(text: Arc<str>, path: Vec<String>, common: &'static [&'static str], base: PathBuf) -> Self {
        let (secrets, allow_connect) = (secrets::Secrets::default(), AllowConnect::default());
        Self {
            text,
            path,
            common,
            is_made: false,
            secrets,
            base,
            confined: false,
            allow_connect,
            disk: Disk::default(),
        }
    }

    /// Options from TOML text of their own, for tests.
    #[must_use]
    pub fn from_toml(text: &str, base: PathBuf) -> Self {
        Self::new(text.into(), Vec::new(), &[], base)
    }

    /// Options that a program makes, and no pipeline file says: their errors have no place.
    #[must_use]
    pub fn made(text: &str, base: PathBuf) -> Self {
        Self { is_made: true, ..Self::from_toml(text, base) }
    }

    /// Whether no pipeline file says them.
    #[must_use]
    pub fn is_made(&self) -> bool {
        self.is_made
    }

    /// Reads the options into a struct (with `deny_unknown_fields`).
    ///
    /// # Errors
    /// [`ConnectorError::Option`] with the place of the option that does not fit; [`ConnectorError::Several`], if there are several.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, ConnectorError> {
        let mut table = self.table().map_err(option_error)?;
        if !self.secrets.is_empty() {
            self.secrets.fill(table.get_mut());
        }
        let mut problems = Vec::new();
        loop {
            let error = match T::deserialize(toml::de::Deserializer::from(table.clone())) {
                Ok(options) if problems.is_empty() => return Ok(options),
                Ok(_) => break,
                Err(error) => error,
            };
            // The others are read without the one that is wrong.
            let wrong = error.span().and_then(|span| entry_at(table.get_ref(), &span));
            let is_of_another = wrong.is_none() && !problems.is_empty();
            if !is_of_another {
                problems.push(option_error(error));
            }
            match wrong {
                Some(key) => table.get_mut().remove(key.as_str()),
                None => break,
            };
        }
        Err(match problems.len() {
            1 => problems.remove(0),
            _ => ConnectorError::Several(problems),
        })
    }

    /// An error about the value of a key.
    #[must_use]
    pub fn error(&self, key: &str, message: impl Into<String>) -> ConnectorError {
        let span = self.table().ok().filter(|_| !self.is_made).map(|table| {
            let value = table.get_ref().iter().find(|(k, _)| k.get_ref().as_ref() == key);
            value.map_or_else(|| table.span(), |(_, v)| v.span())
        });
        ConnectorError::Option { message: message.into(), span }
    }

    /// The place of the value of the first option that a message names in backquotes, as in "`key` names no column".
    #[must_use]
    pub fn place_of_named(&self, message: &str) -> Option<Span> {
        let table = self.table().ok().filter(|_| !self.is_made)?;
        let mut quoted = message.split('`').skip(1).step_by(2);
        quoted.find_map(|name| {
            let entry = table.get_ref().iter().find(|(key, _)| key.get_ref().as_ref() == name);
            entry.map(|(_, value)| value.span())
        })
    }

    /// The keys of its table that are not the connector's, if a place is that of a key of the table, and not of one within a value.
    #[must_use]
    pub fn common_keys_at(&self, span: &Span) -> &'static [&'static str] {
        let is_own = |table: toml::Spanned<DeTable<'_>>| table.get_ref().keys().any(|key| key.span() == *span);
        if self.table().is_ok_and(is_own) { self.common } else { &[] }
    }

    /// Parsed anew each time: values borrow the text, and options are read once or twice.
    fn table(&self) -> Result<toml::Spanned<DeTable<'_>>, toml::de::Error> {
        let mut table = DeTable::parse(&self.text)?;
        for key in &self.path {
            let mut inner = std::mem::take(table.get_mut()).into_iter();
            let found = inner.find(|(k, _)| k.get_ref().as_ref() == key).map(|(_, v)| (v.span(), v.into_inner()));
            let Some((span, DeValue::Table(found))) = found else {
                return Err(serde::de::Error::custom(format!("there is no table {key:?}")));
            };
            table = toml::Spanned::new(span, found);
        }
        let keys = std::mem::take(table.get_mut()).into_iter();
        *table.get_mut() = keys.filter(|(k, _)| !self.common.contains(&k.get_ref().as_ref())).collect();
        Ok(table)
    }
}

/// The key of a table that a place is of, or of whose value.
fn entry_at(table: &DeTable<'_>, span: &Span) -> Option<String> {
    let holds = |value: &Span| value.start <= span.start && span.end <= value.end;
    let entry = table.iter().find(|(key, value)| key.span() == *span || holds(&value.span()))?;
    Some(entry.0.get_ref().to_string())
}

fn option_error(error: toml::de::Error) -> ConnectorError {
    ConnectorError::Option { message: error.message().to_owned(), span: error.span() }
}
