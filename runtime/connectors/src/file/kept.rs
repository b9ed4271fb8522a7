//! Rows that a program keeps beside a job and reads back: JSON lines, in a file or in the parts of a folder.

use std::path::Path;

use arrow::datatypes::Schema;
use weir_core::column_type::type_name;
use weir_core::graph::Options;

/// The options of a sink for them. What it writes into comes into being with its first row. Of a folder, who starts the job looks
/// after the parts.
pub(crate) fn keeping_options(path: &str, base: &Path) -> Options {
    let allow_newer = path.ends_with('/');
    let options = format!("path = {path:?}\nformat = \"json\"\nlazy = true\nallow-newer = {allow_newer}\n");
    Options::from_toml(&options, base.to_path_buf())
}

/// The options of a source over one file of them, with these columns.
pub(crate) fn kept_options(path: &str, base: &Path, schema: &Schema) -> Options {
    let types = schema.fields().iter().map(|field| (field.name().clone(), type_name(field.data_type()).into()));
    let mut options = toml::Table::new();
    options.insert("path".to_owned(), path.into());
    options.insert("format".to_owned(), "json".into());
    options.insert("schema".to_owned(), toml::Value::Table(types.collect()));
    Options::from_toml(&options.to_string(), base.to_path_buf())
}
