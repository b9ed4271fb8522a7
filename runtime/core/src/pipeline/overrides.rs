//! `--set sources.flights.path=other.csv`: one value of the file, changed in its text, so that everything after reads one text
//! and errors point into it.

use toml_edit::{DocumentMut, InlineTable, Item, Key, TableLike, Value};

use super::diagnostic::Diagnostic;
use super::file::{SECTIONS, SETTINGS};
use super::nearest;

/// The text with every override put in, later ones over earlier ones.
pub(super) fn apply(text: &str, overrides: &[(String, String)]) -> Result<String, Diagnostic> {
    if overrides.is_empty() {
        return Ok(text.to_owned());
    }
    let mut document: DocumentMut =
        text.parse().map_err(|error: toml_edit::TomlError| Diagnostic::error(error.message(), error.span()))?;
    for (path, value) in overrides {
        let refuse = |message: String| Diagnostic::error(format!("--set {path}={value}: {message}"), None);
        let keys = Key::parse(path)
            .map_err(|_| refuse(format!("{path:?} is no dotted path, such as sources.flights.path")))?;
        let keys: Vec<&str> = keys.iter().map(Key::get).collect();
        check_path(&keys, &document).map_err(refuse)?;
        set(document.as_table_mut(), &keys, value).map_err(refuse)?;
    }
    Ok(document.to_string())
}

/// A path must start with a setting, or with a node that the file has. Whether the node knows the key is checked with the file.
fn check_path(keys: &[&str], document: &DocumentMut) -> Result<(), String> {
    let (first, rest) = keys.split_first().ok_or("the path is empty")?;
    let Some((section, one)) = SECTIONS.iter().find(|(section, _)| section == first) else {
        if SETTINGS.contains(first) {
            return Ok(());
        }
        let known = SETTINGS.into_iter().chain(SECTIONS.iter().map(|(section, _)| *section));
        return Err(format!("the pipeline file has no key {first:?}{}", suggestion(first, known)));
    };
    let nodes = document.get(section).and_then(Item::as_table_like);
    let names = || nodes.into_iter().flat_map(|nodes| nodes.iter().map(|(name, _)| name));
    match rest {
        [] => Err(format!("{section} is a table of tables; name one value, such as {section}.NAME.KEY")),
        [name, ..] if !names().any(|known| known == *name) => {
            Err(format!("there is no {one} {name:?}{}", suggestion(name, names())))
        }
        [name] => Err(format!("{section}.{name} is a table; name one value, such as {section}.{name}.KEY")),
        _ => Ok(()),
    }
}

fn suggestion<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    nearest(name, known).map_or_else(String::new, |near| format!("; did you mean {near:?}?"))
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
