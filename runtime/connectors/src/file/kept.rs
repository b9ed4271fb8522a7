//! Rows that a program keeps beside a job and reads back: JSON lines, in a file or in the parts of a folder.

use std::path::Path;

use arrow::datatypes::Schema;
use weir_core::column_type::type_name;
use weir_core::graph::Options;

/// The options of a sink for them. What it writes into comes into being with its first row. Of a folder, who starts the job looks
/// after the parts.
pub(crate) fn keeping_options(path: &str, base: &Path) -> Options {
    let mut options = toml::Table::new();
    options.insert("path".to_owned(), path.into());
    options.insert("format".to_owned(), "json".into());
    options.insert("lazy".to_owned(), true.into());
    options.insert("allow-newer".to_owned(), path.ends_with('/').into());
    Options::made(&options.to_string(), base.to_path_buf())
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

#[cfg(test)]
mod tests {
    use arrow::datatypes::{DataType, Field};
    use weir_core::column_type::parse_type;

    use super::*;

    #[test]
    fn paths_and_columns_of_any_name_come_back() {
        // What Rust writes for these letters is no TOML.
        let path = "e\u{301}\u{7f}/\"letters\"/";
        let read = |options: Options| options.parse::<toml::Table>().unwrap();
        assert_eq!(read(keeping_options(path, Path::new("")))["path"].as_str(), Some(path));
        let nested = DataType::Struct(vec![Field::new("a: b>", DataType::Int64, true)].into());
        let empty = DataType::Struct(Vec::<Field>::new().into());
        let schema =
            Schema::new(vec![Field::new("\u{301},", nested.clone(), true), Field::new("x", empty.clone(), true)]);
        let options = read(kept_options(path, Path::new(""), &schema));
        assert_eq!(options["path"].as_str(), Some(path));
        let types: Vec<_> = options["schema"].as_table().unwrap().values().filter_map(toml::Value::as_str).collect();
        let types: Vec<_> = types.into_iter().map(|name| parse_type(name).unwrap()).collect();
        assert!(types.contains(&nested) && types.contains(&empty), "{types:?}");
    }
}
