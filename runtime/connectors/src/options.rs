//! What the options of all connectors have in common: names that are nearly right, tables in the file's order, paths.

use std::fmt;
use std::marker::PhantomData;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use serde::de::{Deserialize, DeserializeOwned, Deserializer, MapAccess, Visitor};
use toml::Spanned;
use weir_core::connector::ConnectorError;
use weir_core::graph::Options;
use weir_core::names::did_you_mean_of;
use weir_core::pipeline::size_bytes;

/// Reads the options; a name that is unknown, but near a known one, is answered with that one.
///
/// # Errors
/// [`ConnectorError::Option`], with the place of the option that does not fit, or [`ConnectorError::Several`].
pub(crate) fn parse<T: DeserializeOwned>(options: &Options) -> Result<T, ConnectorError> {
    options.parse().map_err(|error| explained(options, error))
}

fn explained(options: &Options, error: ConnectorError) -> ConnectorError {
    match error {
        ConnectorError::Option { message, span } => {
            let common = span.as_ref().map_or(&[][..], |span| options.common_keys_at(span));
            ConnectorError::Option { message: in_words(with_suggestion(message, common)), span }
        }
        ConnectorError::Several(errors) => {
            ConnectorError::Several(errors.into_iter().map(|error| explained(options, error)).collect())
        }
        other => other,
    }
}

/// What serde says of a value of another type, or of a key that is not there, in the words of pipeline files.
fn in_words(message: String) -> String {
    if let Some(key) = message.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`')) {
        return format!("the connector needs a key {key:?}");
    }
    let of_value = message.strip_prefix("invalid type: ").or_else(|| message.strip_prefix("invalid value: "));
    let Some((found, wanted)) = of_value.and_then(|of_value| of_value.rsplit_once(", expected ")) else {
        return message;
    };
    let wanted = match wanted {
        "a sequence" => "a list, such as [\"a\", \"b\"]",
        "a map" => "a table, such as { key = \"value\" }",
        "a boolean" => "true or false",
        "u8" | "u16" | "u32" | "u64" | "usize" | "a nonzero u64" | "a nonzero usize" => {
            "a whole number, not below zero"
        }
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        wanted => wanted,
    };
    let found = match found.split_once(' ') {
        Some(("string", text)) => format!("the text {text}"),
        Some(("integer" | "boolean" | "float" | "floating", _)) => found.split('`').nth(1).unwrap_or(found).to_owned(),
        _ => match found {
            "sequence" => "a list".to_owned(),
            "map" => "a table".to_owned(),
            found => found.to_owned(),
        },
    };
    format!("it must be {wanted}, not {found}")
}

/// What keys are called elsewhere, and here.
const ELSEWHERE: [(&str, &str); 9] = [
    ("bootstrap-servers", "brokers"),
    ("group-id", "group"),
    ("consumer-group", "group"),
    ("auto-offset-reset", "start"),
    ("delivery-guarantee", "delivery"),
    ("columns", "schema"),
    ("fields", "schema"),
    ("separator", "delimiter"),
    ("file", "path"),
];

/// The messages of serde list what would be right in backticks: `` unknown field `a`, expected `b` or `c` ``. `common`: what would be, too,
/// though it is not the connector's.
fn with_suggestion(message: String, common: &[&str]) -> String {
    if message.contains("did you mean") {
        return message;
    }
    // The value may be a secret, which is put out of sight where it stands whole: none of it is cut off.
    let of = |what: &str| message.strip_prefix(what)?.rsplit_once("`, expected ");
    let names = |listed: &str| listed.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
    if let Some((wrong, listed)) = of("unknown field `") {
        let listed = names(listed);
        let known: Vec<&str> = listed.iter().map(String::as_str).chain(common.iter().copied()).collect();
        let word = wrong.replace(['.', '_'], "-");
        let meant = ELSEWHERE.iter().find(|(other, name)| *other == word && known.contains(name));
        let near = meant.map_or(wrong, |(_, name)| name);
        return format!("there is no key {wrong:?} here{}", did_you_mean_of(near, "the keys are", &known));
    }
    match of("unknown variant `") {
        Some((wrong, listed)) => {
            let listed = names(listed);
            let known: Vec<&str> = listed.iter().map(String::as_str).collect();
            format!("it cannot be `{wrong}`{}", did_you_mean_of(wrong, "it can be", &known))
        }
        None => message,
    }
}

/// The columns at these indices.
///
/// # Errors
/// [`ConnectorError::Data`] if there is no such column.
pub(crate) fn project(schema: &SchemaRef, projection: &[usize]) -> Result<SchemaRef, ConnectorError> {
    let projected = schema.project(projection);
    projected.map(Arc::new).map_err(|_| {
        let columns = schema.fields().len();
        ConnectorError::Data(format!("there are {columns} columns, but columns {projection:?} (from 0) are asked for"))
    })
}

/// A path of the pipeline file, from its folder.
pub(crate) fn resolve(options: &Options, path: &Path) -> PathBuf {
    options.base.join(path)
}

/// Refuses a path out of the folder that pipelines are confined to.
///
/// # Errors
/// [`ConnectorError::Option`], at `path`.
pub(crate) fn check_confined(options: &Options, path: &Path) -> Result<(), ConnectorError> {
    let stays = path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    if options.confined && !stays {
        let message = format!(
            "{} leads out of the folder of files that this server gives to pipelines: name a file in that folder",
            path.display()
        );
        return Err(options.error("path", message));
    }
    Ok(())
}

/// A number of bytes: a size such as `"64KiB"`, or a whole number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bytes(pub(crate) u64);

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Size;
        impl Visitor<'_> for Size {
            type Value = Bytes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a size in quotes, such as \"64KiB\"")
            }

            fn visit_i64<E: serde::de::Error>(self, bytes: i64) -> Result<Bytes, E> {
                u64::try_from(bytes).map(Bytes).map_err(|_| E::custom("a size cannot be negative"))
            }

            fn visit_u64<E>(self, bytes: u64) -> Result<Bytes, E> {
                Ok(Bytes(bytes))
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Bytes, E> {
                size_bytes(text).map(Bytes).map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Size)
    }
}

/// A table in the order in which the file has it, with the places of its keys and values.
#[derive(Clone, Debug)]
pub(crate) struct OrderedTable<V>(pub(crate) Vec<(Spanned<String>, Spanned<V>)>);

impl<'de, V: Deserialize<'de>> Deserialize<'de> for OrderedTable<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries<V>(PhantomData<V>);
        impl<'de, V: Deserialize<'de>> Visitor<'de> for Entries<V> {
            type Value = OrderedTable<V>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry::<Spanned<String>, Spanned<V>>()? {
                    entries.push(entry);
                }
                // A TOML table is sorted by name when it is parsed; the places say how it was written.
                entries.sort_by_key(|(key, _)| key.span().start);
                Ok(OrderedTable(entries))
            }
        }
        deserializer.deserialize_map(Entries(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields, rename_all = "kebab-case")]
    struct Sample {
        #[expect(dead_code, reason = "only its name matters")]
        infer_rows: Option<u32>,
        table: Option<OrderedTable<u8>>,
    }

    #[test]
    fn a_near_name_is_suggested_at_its_place() {
        let text = "infer-row = 3";
        let error = parse::<Sample>(&Options::from_toml(text, PathBuf::new())).unwrap_err();
        let ConnectorError::Option { message, span } = error else { panic!("{error}") };
        let expected =
            "there is no key \"infer-row\" here; did you mean \"infer-rows\"?; the keys are infer-rows, table";
        assert_eq!(message, expected);
        assert_eq!(span.map(|span| &text[span]), Some("infer-row"));
    }

    #[test]
    fn a_name_from_elsewhere_is_known() {
        #[derive(Debug, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Kafka {
            #[expect(dead_code, reason = "only its name matters")]
            brokers: Option<String>,
        }
        let error = parse::<Kafka>(&Options::from_toml("bootstrap_servers = 'a'", PathBuf::new())).unwrap_err();
        let expected = "there is no key \"bootstrap_servers\" here; did you mean \"brokers\"?; the keys are brokers";
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn all_that_is_wrong_is_told_once() {
        let told = |text: &str| {
            let error = parse::<Needy>(&Options::from_toml(text, PathBuf::new())).unwrap_err();
            let place = |error: &ConnectorError| match error {
                ConnectorError::Option { span, .. } => text[span.clone().unwrap()].to_owned(),
                other => panic!("{other}"),
            };
            match &error {
                ConnectorError::Several(errors) => errors.iter().map(place).collect::<Vec<_>>(),
                error => vec![place(error)],
            }
        };
        assert_eq!(told("infer-rws = 3\ntables = 1\npath = 7"), ["infer-rws", "7", "tables"]);
        assert_eq!(told("pth = \"a\"\ninfer-rows = \"b\""), ["\"b\"", "pth"]);
        assert_eq!(told("path = 7"), ["7"]);
        assert_eq!(told("infer-rows = 1"), [""], "it is of the table");
    }

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields, rename_all = "kebab-case")]
    #[expect(dead_code, reason = "only their names and types matter")]
    struct Needy {
        path: String,
        infer_rows: Option<u32>,
    }

    #[test]
    fn a_value_of_another_type_is_told_in_plain_words() {
        for (text, expected) in [
            ("infer-rows = \"x\"", "it must be a whole number, not below zero, not the text \"x\""),
            ("infer-rows = -1", "it must be a whole number, not below zero, not -1"),
            ("infer-rows = true", "it must be a whole number, not below zero, not true"),
            ("infer-rows = [1]", "it must be a whole number, not below zero, not a list"),
            ("infer-rows = { a = 1 }", "it must be a whole number, not below zero, not a table"),
            ("table = 1", "it must be a table, not 1"),
        ] {
            let error = parse::<Sample>(&Options::from_toml(text, PathBuf::new())).unwrap_err();
            assert_eq!(error.to_string(), expected, "{text}");
        }
        assert_eq!(in_words("missing field `path`".to_owned()), "the connector needs a key \"path\"");
        let list = in_words("invalid type: string \"-\", expected a sequence".to_owned());
        assert_eq!(list, "it must be a list, such as [\"a\", \"b\"], not the text \"-\"");
    }

    #[test]
    fn a_table_keeps_the_order_of_the_file() {
        let options = Options::from_toml("table = { z = 1, a = 2, m = 3 }", PathBuf::new());
        let OrderedTable(entries) = parse::<Sample>(&options).unwrap().table.unwrap();
        let names: Vec<_> = entries.iter().map(|(name, value)| (name.get_ref().as_str(), *value.get_ref())).collect();
        assert_eq!(names, [("z", 1), ("a", 2), ("m", 3)]);
    }
}
