//! `--set sources.flights.path=other.csv`: one value of the file, changed in its text or taken out of it, so that everything after
//! reads one text and errors point into it.

use toml_edit::{DocumentMut, InlineTable, Item, Key, TableLike, Value};

use super::file::{SECTIONS, SETTINGS};
use super::{Section, syntax};
use crate::diagnostic::Diagnostic;
use crate::names::{did_you_mean, did_you_mean_of};

/// The text with every override put in, later ones over earlier ones.
pub(super) fn apply(text: &str, overrides: &[(String, String)], others: &[Section]) -> Result<String, Diagnostic> {
    if overrides.is_empty() {
        return Ok(text.to_owned());
    }
    let mut document: DocumentMut =
        text.parse().map_err(|error: toml_edit::TomlError| syntax::problem(text, error.message(), error.span()))?;
    for (path, value) in overrides {
        let refuse = |message: String| Diagnostic::error(format!("--set {path}={value}: {message}"), None);
        let keys = Key::parse(path)
            .map_err(|_| refuse(format!("{path:?} is not a dotted path, such as sources.flights.path")))?;
        let keys: Vec<&str> = keys.iter().map(Key::get).collect();
        check_path(&keys, &document, others).map_err(refuse)?;
        set(document.as_table_mut(), &keys, value).map_err(refuse)?;
    }
    Ok(document.to_string())
}

/// The text of a pipeline without the value at a dotted path (`operators.count.config.threshold`).
///
/// # Errors
/// If it is no TOML, or has no such value: which ones its table has.
pub fn unset(text: &str, path: &str) -> Result<String, String> {
    let mut document: DocumentMut = text.parse().map_err(|error: toml_edit::TomlError| error.message().to_owned())?;
    let keys = Key::parse(path)
        .map_err(|_| format!("{path:?} is not a dotted path, such as operators.count.config.threshold"))?;
    let keys: Vec<&str> = keys.iter().map(Key::get).collect();
    let (last, parents) = keys.split_last().ok_or("the path is empty")?;
    let mut table: Option<&mut dyn TableLike> = Some(document.as_table_mut());
    for parent in parents {
        table = table.and_then(|table| table.get_mut(parent)).and_then(Item::as_table_like_mut);
    }
    if table.as_mut().and_then(|table| table.remove(last)).is_some() {
        return Ok(document.to_string());
    }
    let known: Vec<&str> = table.iter().flat_map(|table| table.iter().map(|(key, _)| key)).collect();
    let (hint, table) = (did_you_mean(last, &known), parents.join("."));
    let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    Err(format!("{table} has no key {last:?}{hint}; it has {known}"))
}

/// A path must start with a setting, or with a node that the file has. Whether the node knows the key is checked with the file.
fn check_path(keys: &[&str], document: &DocumentMut, others: &[Section]) -> Result<(), String> {
    let (first, rest) = keys.split_first().ok_or("the path is empty")?;
    let sections = || SECTIONS.iter().chain(others);
    let Some((section, one)) = sections().find(|(section, _)| section == first) else {
        if SETTINGS.contains(first) {
            return Ok(());
        }
        let has_node = |section: &&str| {
            let nodes = document.get(section).and_then(Item::as_table_like);
            nodes.is_some_and(|nodes| nodes.contains_key(first))
        };
        let hint = match sections().map(|(section, _)| *section).find(has_node) {
            Some(section) => format!("; did you mean \"{section}.{}\"?", keys.join(".")),
            None => {
                let known: Vec<&str> = SETTINGS.into_iter().chain(sections().map(|(section, _)| *section)).collect();
                did_you_mean_of(first, "its keys are", &known)
            }
        };
        return Err(format!("the pipeline file has no key {first:?}{hint}"));
    };
    let nodes = document.get(section).and_then(Item::as_table_like);
    let names = || nodes.into_iter().flat_map(|nodes| nodes.iter().map(|(name, _)| name));
    match rest {
        [] => Err(format!("{section} is a table of tables; name one value, such as {section}.NAME.KEY")),
        [name, ..] if !names().any(|known| known == *name) => {
            let known: Vec<&str> = names().collect();
            Err(format!("there is no {one} {name:?}{}", did_you_mean_of(name, &format!("the {section} are"), &known)))
        }
        [name] => Err(format!("{section}.{name} is a table; name one value, such as {section}.{name}.KEY")),
        _ => Ok(()),
    }
}

fn set(root: &mut dyn TableLike, keys: &[&str], value: &str) -> Result<(), String> {
    let Some((last, parents)) = keys.split_last() else { return Ok(()) };
    let mut table = root;
    for key in parents {
        if !table.contains_key(key) {
            table.insert(key, Item::Value(Value::InlineTable(InlineTable::new())));
        }
        table = table
            .get_mut(key)
            .and_then(Item::as_table_like_mut)
            .ok_or_else(|| format!("{key:?} is a value, and has no keys"))?;
    }
    let mut value = value.parse::<Value>().unwrap_or_else(|_| Value::from(value));
    match table.get_mut(last) {
        Some(Item::Value(old)) => {
            // The comment behind the old value stays behind the new one.
            *value.decor_mut() = old.decor().clone();
            *old = value;
        }
        _ => {
            value.decor_mut().clear();
            table.insert(last, Item::Value(value));
        }
    }
    Ok(())
}
