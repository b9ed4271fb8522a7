//! Every key of every connector, misspelt: the message names the key that is meant, and all that there are.

use std::path::PathBuf;

use weir_core::connector::{ConnectorError, Connectors as _};
use weir_core::graph::Options;

use crate::StandardConnectors;

/// What a connector says of options.
fn refused(is_source: bool, connector: &str, text: &str) -> String {
    let (all, options) = (StandardConnectors::new(), Options::from_toml(text, PathBuf::new()));
    let error = match is_source {
        true => all.source(connector, &options).err(),
        false => all.sink(connector, &options).err(),
    };
    match error {
        Some(ConnectorError::Option { message, span: Some(_) }) => message,
        other => panic!("{connector} took {text:?}, or told no place: {other:?}"),
    }
}

#[test]
fn a_misspelt_key_is_answered_with_the_one_that_is_meant() {
    let all = StandardConnectors::new();
    let sources = all.source_names().into_iter().map(|name| (true, name));
    let sinks = all.sink_names().into_iter().map(|name| (false, name));
    let mut keys_seen = 0;
    for (is_source, connector) in sources.chain(sinks) {
        let message = refused(is_source, connector, "qqqqqqqqqqqqqqqq = 1");
        let (_, keys) = message.split_once("; the keys are ").unwrap_or_else(|| panic!("{connector}: {message}"));
        for key in keys.split(", ") {
            let misspelt = format!("{}qq", key.strip_suffix(|_: char| true).unwrap_or(key));
            let message = refused(is_source, connector, &format!("{misspelt} = 1"));
            let meant = format!("there is no key {misspelt:?} here; did you mean {key:?}?; the keys are ");
            // Of keys as short as that any other may be as near.
            assert!(message.starts_with(&meant) || key.len() < 5, "{connector}: {message}");
            keys_seen += 1;
        }
    }
    assert!(keys_seen > 60, "{keys_seen}");
}

#[test]
fn a_misspelt_value_is_answered_with_the_one_that_is_meant() {
    for (is_source, connector, text, meant) in [
        (true, "file", "path = \"a.csv\"\nformat = \"cvs\"", "csv"),
        (true, "stdin", "format = \"jsn\"", "json"),
        (true, "nexmark", "table = \"bdi\"", "bid"),
        (true, "kafka", "brokers = \"b\"\ntopic = \"t\"\nformat = \"jsn\"", "json"),
        (true, "kafka", "brokers = \"b\"\ntopic = \"t\"\nstart = \"earlist\"", "earliest"),
        (true, "kafka", "brokers = \"b\"\ntopic = \"t\"\nstop = \"lates\"", "latest"),
        (false, "file", "path = \"a.csv\"\nformat = \"cvs\"", "csv"),
        (false, "file", "path = \"a.csv\"\nmode = \"apend\"", "append"),
        (false, "stdout", "format = \"jsn\"", "json"),
        (false, "blackhole", "checksum = true\nstring-hash = \"tuch\"", "touch"),
        (false, "kafka", "brokers = \"b\"\ntopic = \"t\"\ndelivery = \"exactly-onc\"", "exactly-once"),
    ] {
        let message = refused(is_source, connector, text);
        assert!(message.contains(&format!("{meant:?}")), "{connector}, {text}: {message}");
    }
}
