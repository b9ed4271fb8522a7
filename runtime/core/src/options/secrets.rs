//! Secrets in the options of sources and sinks: `"${secret:NAME}"` stands for a text that is kept where the pipeline runs. Only the
//! connector is given the text: the file, `Debug`, and what is said of a connector that cannot be made have the name. Nothing is read
//! here.

use std::borrow::Cow;
use std::{fmt, io};

use toml::de::{DeTable, DeValue};

use super::{Options, option_error};
use crate::connector_error::ConnectorError;
use crate::limits::SECRETS_BYTES_MAX;
use crate::span::Span;

/// Characters of a secret, one after the other, that show a part of it; fewer may be there by chance.
const PART_CHARS: usize = 3;
/// What stands before the name of a secret; a brace stands behind it.
pub(crate) const SECRET_OPENING: &str = "${secret:";

/// Names of secrets, and what they stand for.
#[derive(Clone, Default)]
pub(super) struct Secrets(Vec<(String, String)>);

impl Options {
    /// The same options with the secrets that they name; `read` gives one, or says why not.
    ///
    /// # Errors
    /// [`ConnectorError::Option`] at an option whose secret cannot be had, or that names none.
    pub fn with_secrets(&self, read: impl Fn(&str) -> Result<String, String>) -> Result<Self, ConnectorError> {
        let mut table = self.table().map_err(option_error)?;
        let (mut secrets, mut bytes) = (Secrets::default(), 0);
        for (option, span, text) in texts(&self.path.join("."), table.get_mut()) {
            let wrong =
                |why: &str| ConnectorError::Option { message: format!("{option}: {why}"), span: Some(span.clone()) };
            for part in text.split(SECRET_OPENING).skip(1) {
                let name = part.split_once('}').map(|(name, _)| name).filter(|name| is_name(name));
                let name = name.ok_or_else(|| {
                    wrong("a secret is \"${secret:NAME}\", and its name has letters, digits, dots, dashes and underscores")
                })?;
                let known = secrets.get(name).map(str::to_owned);
                let secret = known.map_or_else(|| read(name), Ok).map_err(|why| wrong(&why))?;
                if secret.is_empty() {
                    return Err(wrong(&format!("the secret {name:?} is empty")));
                }
                bytes += secret.len();
                if bytes > SECRETS_BYTES_MAX {
                    return Err(wrong(&format!("all its secrets together have more than {SECRETS_BYTES_MAX} bytes")));
                }
                if secrets.get(name).is_none() {
                    secrets.0.push((name.to_owned(), secret));
                }
            }
        }
        Ok(Self { secrets, ..self.clone() })
    }

    /// What a connector says that cannot be made of these options, with the names of secrets in their place.
    #[must_use]
    pub fn hide(&self, error: ConnectorError) -> ConnectorError {
        let hide = |text: String| self.secrets.hide(&text);
        match error {
            ConnectorError::Option { message, span } => ConnectorError::Option { message: hide(message), span },
            ConnectorError::Several(errors) => {
                ConnectorError::Several(errors.into_iter().map(|error| self.hide(error)).collect())
            }
            ConnectorError::Io { what, source } => {
                ConnectorError::Io { what: hide(what), source: io::Error::new(source.kind(), hide(source.to_string())) }
            }
            ConnectorError::Fenced(text) => ConnectorError::Fenced(hide(text)),
            ConnectorError::Data(text) => ConnectorError::Data(hide(text)),
            other @ (ConnectorError::Unknown { .. } | ConnectorError::OutputClosed(_)) => other,
        }
    }

    /// The options that are called like a password (`"sasl.password"`) and name no secret.
    #[must_use]
    pub fn passwords_in_clear(&self) -> Vec<String> {
        const ENDS: [&str; 3] = [".password\"", ".secret\"", ".key.pem\""];
        let Ok(mut table) = self.table() else { return Vec::new() };
        let is_clear =
            |option: &str, text: &str| ENDS.iter().any(|end| option.ends_with(end)) && !text.contains(SECRET_OPENING);
        let texts = texts(&self.path.join("."), table.get_mut()).into_iter();
        texts.filter(|(option, _, text)| is_clear(option, text)).map(|(option, ..)| option).collect()
    }
}

impl Secrets {
    /// Puts them where a table names them.
    pub(super) fn fill(&self, table: &mut DeTable<'_>) {
        for (_, _, text) in texts("", table) {
            let mut parts = text.split(SECRET_OPENING);
            let mut filled = parts.next().unwrap_or_default().to_owned();
            for part in parts {
                let (name, rest) = part.split_once('}').unwrap_or((part, ""));
                filled.extend([self.get(name).unwrap_or_default(), rest]);
            }
            *text = Cow::Owned(filled);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, secret)| secret.as_str())
    }

    /// A message without them, whether it has them as they are or in quotes. Of several that begin in one place it is the longest. A message
    /// with a part of one says no more than where it belongs.
    fn hide(&self, message: &str) -> String {
        let forms = self.0.iter().flat_map(|(name, secret)| {
            let quoted = format!("{secret:?}");
            [quoted.trim_matches('"').to_owned(), secret.clone()].map(|form| (form, name))
        });
        let mut longest_first: Vec<_> = forms.collect();
        longest_first.sort_by_key(|(form, _)| std::cmp::Reverse(form.len()));
        let (mut hidden, mut rest) = (String::with_capacity(message.len()), message);
        // What is left of the message between them.
        let mut others = String::with_capacity(message.len());
        while let Some(next) = rest.chars().next() {
            match longest_first.iter().find(|(form, _)| rest.starts_with(form.as_str())) {
                Some((form, name)) => {
                    hidden.extend([SECRET_OPENING, name.as_str(), "}"]);
                    others.push('\0');
                    rest = &rest[form.len()..];
                }
                None => {
                    hidden.push(next);
                    others.push(next);
                    rest = &rest[next.len_utf8()..];
                }
            }
        }
        match self.0.iter().find(|(_, secret)| has_part(&others, secret)) {
            Some((name, _)) => format!(
                "what {SECRET_OPENING}{name}}} stands for cannot be used here, and why is not shown, since that would show a part of it"
            ),
            None => hidden,
        }
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

/// Whether a text has some characters of a secret one after the other.
fn has_part(text: &str, secret: &str) -> bool {
    let starts: Vec<usize> = secret.char_indices().map(|(at, _)| at).chain([secret.len()]).collect();
    let mut parts = starts.windows(PART_CHARS + 1).filter_map(|at| secret.get(*at.first()?..*at.last()?));
    parts.any(|part| text.contains(part))
}

/// The name of a file in a folder, and never of anything else.
fn is_name(name: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    !name.is_empty() && name.bytes().all(legal) && name != "." && name != ".."
}

/// Every text in a table, in the file's order, with its dotted name and its place.
fn texts<'t, 'i>(path: &str, table: &'t mut DeTable<'i>) -> Vec<(String, Span, &'t mut Cow<'i, str>)> {
    let mut found = Vec::new();
    let within = |path: &str, table: &'t mut DeTable<'i>| {
        let entries = table.iter_mut().map(|(key, value)| {
            let key = key.get_ref();
            let key = if key.contains('.') { format!("{key:?}") } else { key.to_string() };
            (if path.is_empty() { key } else { format!("{path}.{key}") }, value)
        });
        entries.collect::<Vec<_>>()
    };
    let mut left = within(path, table);
    while let Some((path, value)) = left.pop() {
        let span = value.span();
        match value.get_mut() {
            DeValue::String(text) => found.push((path, span, text)),
            DeValue::Array(items) => left.extend(items.iter_mut().map(|item| (path.clone(), item))),
            DeValue::Table(table) => left.extend(within(&path, table)),
            _ => {}
        }
    }
    found.sort_by_key(|(_, span, _)| span.start);
    found
}
