//! Secrets as files of a folder, each called as its secret is: so Docker and Kubernetes mount them. They are read when a source or a sink
//! is made, and kept by nobody but it.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use arrow::datatypes::Schema;
use weir_core::connector::{ConnectorError, Connectors, Sink, Source};
use weir_core::graph::Options;
use weir_core::limits::SECRET_BYTES_MAX;
use weir_core::names::did_you_mean;

/// Connectors whose options may name secrets.
#[derive(Clone, Debug)]
pub struct WithSecrets<C> {
    connectors: C,
    dir: Option<PathBuf>,
}

impl<C> WithSecrets<C> {
    /// The connectors, and the folder of secrets, if there is one.
    #[must_use]
    pub fn new(connectors: C, dir: Option<PathBuf>) -> Self {
        Self { connectors, dir }
    }

    /// The options with what they name. The name is that of a file, and of nothing above the folder.
    fn filled(&self, options: &Options) -> Result<Options, ConnectorError> {
        options.with_secrets(|name| match &self.dir {
            Some(dir) => read(dir, name),
            None => Err(format!(
                "there is no folder that would have the secret {name:?}: `weir run`, `check` and `serve` are told with --secrets-dir DIR"
            )),
        })
    }
}

impl<C: Connectors> Connectors for WithSecrets<C> {
    fn source(&self, connector: &str, options: &Options) -> Result<Box<dyn Source>, ConnectorError> {
        let options = self.filled(options)?;
        self.connectors.source(connector, &options).map_err(|error| options.hide(error))
    }

    fn sink(&self, connector: &str, options: &Options) -> Result<Box<dyn Sink>, ConnectorError> {
        let options = self.filled(options)?;
        self.connectors.sink(connector, &options).map_err(|error| options.hide(error))
    }

    fn source_names(&self) -> Vec<&'static str> {
        self.connectors.source_names()
    }

    fn sink_names(&self) -> Vec<&'static str> {
        self.connectors.sink_names()
    }

    fn keeping_sink(&self, path: &str, base: &Path) -> Option<(&'static str, Options)> {
        self.connectors.keeping_sink(path, base)
    }

    fn kept_source(&self, path: &str, base: &Path, schema: &Schema) -> Result<Box<dyn Source>, ConnectorError> {
        self.connectors.kept_source(path, base, schema)
    }
}

/// The text of a secret.
fn read(dir: &Path, name: &str) -> Result<String, String> {
    let path = dir.join(name);
    // Nothing is waited for that is no file, such as a pipe.
    if !path.is_file() {
        let known = std::fs::read_dir(dir).map_err(|error| format!("the folder of secrets cannot be read: {error}"))?;
        let known = known.filter_map(|entry| entry.ok().filter(|entry| entry.path().is_file()));
        let known: Vec<String> = known.filter_map(|entry| entry.file_name().into_string().ok()).collect();
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        return Err(format!("the folder of secrets has no file {name:?}{}", did_you_mean(name, &known)));
    }
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(SECRET_BYTES_MAX + 1).read_to_string(&mut text));
    read.map_err(|error| format!("the secret {name:?} cannot be read: {error}"))?;
    if text.len() as u64 > SECRET_BYTES_MAX {
        return Err(format!("the secret {name:?} has more than {SECRET_BYTES_MAX} bytes"));
    }
    // Editors, and `echo`, end a file with a newline that is none of it.
    Ok(text.strip_suffix("\r\n").or_else(|| text.strip_suffix('\n')).unwrap_or(&text).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StandardConnectors;

    /// What is said of a Kafka sink with these options and secrets.
    fn said(options: &str, secrets: &[(&str, &[u8])]) -> String {
        let dir = tempfile::tempdir().unwrap();
        for (name, secret) in secrets {
            std::fs::write(dir.path().join(name), secret).unwrap();
        }
        let connectors = WithSecrets::new(StandardConnectors::new(), Some(dir.path().to_path_buf()));
        let options = Options::from_toml(&format!("brokers = \"a:1\"\n{options}"), PathBuf::new());
        let made = connectors.sink("kafka", &options);
        made.map_or_else(|error| error.to_string(), |sink| sink.identity("j").unwrap_or_default())
    }

    #[test]
    fn a_secret_is_put_into_any_text_without_the_newline_behind_it() {
        let options = "topic = \"${secret:topic}\"\ntransactional-id = \"a-${secret:x}-${secret:y.z}-${secret:x}\"";
        let said = said(options, &[("topic", b"t\r\n"), ("x", b"${secret:y.z}"), ("y.z", b"2\n\n")]);
        assert!(said.contains("\"a-${secret:y.z}-2\\n-${secret:y.z}\""), "{said}");
    }

    #[test]
    fn an_error_has_the_name() {
        let secrets: [(&str, &[u8]); 2] = [("word", b"hid\"den\nword"), ("long", b"hid\"den\nword, and more")];
        for (options, has) in [
            ("topic = \"${secret:word}\"", "a topic's name has"),
            ("topic = \"t\"\nformat = \"${secret:word}\"", "`${secret:word}`"),
            ("topic = \"t\"\nformat = \"${secret:long}\"", "`${secret:long}`"),
            ("topic = \"t\"\nlinger = \"${secret:word}\"", "\"${secret:word}\""),
            ("topic = \"t\"\nbatch-bytes = \"a${secret:long}\"", "\"a${secret:long}\""),
            ("topic = \"t\"\nproperties = { \"security.protocol\" = \"${secret:word}\" }", "\"${secret:word}\""),
        ] {
            let said = said(options, &secrets);
            let shown = ["hid", "den", "word,", "more"].iter().find(|part| said.contains(**part));
            assert!(said.contains(has) && shown.is_none(), "{said}");
        }
    }

    #[test]
    fn an_error_has_no_part_of_it() {
        for (options, secret) in [
            ("topic = \"t\"\nlinger = \"${secret:word}\"", "12 hidden"),
            ("topic = \"t\"\nlinger = \"5${secret:word}\"", "hiddenms"),
            ("topic = \"t\"\nbatch-bytes = \"${secret:word}\"", "7hidden"),
            ("topic = \"t\"\nformat = { name = \"${secret:word}\" }", "csv, hidden"),
        ] {
            let said = said(options, &[("word", secret.as_bytes())]);
            assert!(said.contains("${secret:word}") && !said.contains("hid"), "{said}");
        }
    }

    #[test]
    fn what_cannot_be_had_is_said() {
        let large = vec![b'a'; 65_537];
        let most = &large[1..];
        let secrets: [(&str, &[u8]); 5] =
            [("kafka-password", b"p"), ("empty", b"\n"), ("large", &large), ("most", most), ("bytes", b"\xff")];
        let five = "${secret:most}".repeat(5);
        let cases = [
            (
                "${secret:kafka-pasword}",
                "topic: the folder of secrets has no file \"kafka-pasword\"; did you mean \"kafka-password\"?",
            ),
            ("${secret:../kafka}", "topic: a secret is \"${secret:NAME}\", and its name has letters"),
            ("${secret:..}", "topic: a secret is"),
            ("${secret:}", "topic: a secret is"),
            ("${secret:kafka-password", "topic: a secret is"),
            ("${secret:empty}", "topic: the secret \"empty\" is empty"),
            ("${secret:large}", "topic: the secret \"large\" has more than 65536 bytes"),
            ("${secret:most}", "a topic's name"),
            (&five, "topic: all its secrets together have more than 262144 bytes"),
            ("${secret:bytes}", "topic: the secret \"bytes\" cannot be read: stream did not contain valid UTF-8"),
        ];
        for (topic, says) in cases {
            let said = said(&format!("topic = \"{topic}\""), &secrets);
            assert!(said.starts_with(says), "{said}");
        }
        let nowhere = WithSecrets::new(StandardConnectors::new(), None);
        let options = Options::from_toml("path = \"${secret:path}\"", PathBuf::new());
        let error = nowhere.source("file", &options).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.contains("\"path\"") && error.contains("--secrets-dir DIR"), "{error}");
        let options = options.with_secrets(|_| Ok("hidden".to_owned())).unwrap();
        let shown = format!("{options:?}");
        assert!(shown.contains("secrets: [\"path\"]") && !shown.contains("hidden"), "{shown}");
    }
}
