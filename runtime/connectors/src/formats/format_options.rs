//! The options of one format each: an option that the chosen format does not have is refused, and so is a value that it cannot have.

use weir_core::connector::ConnectorError;
use weir_core::graph::Options;

use super::FormatName;
use super::csv::CsvFormat;
use super::csv_fields::Dialect;
use super::csv_nulls::Nulls;
use super::read_options::TextFormat;
use super::record_start::RecordStart;

/// What a source's options say about its format; `None`: nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct FormatOptions {
    pub(crate) header: Option<bool>,
    pub(crate) delimiter: Option<String>,
    pub(crate) quote: Option<String>,
    pub(crate) comment: Option<String>,
    pub(crate) null_values: Option<Vec<String>>,
    pub(crate) record_start: Option<String>,
    pub(crate) infer_rows: Option<usize>,
}

impl FormatOptions {
    /// Refuses all of them, for a format that is no text.
    ///
    /// # Errors
    /// [`ConnectorError::Option`], with the place of the first.
    pub(crate) fn check_none(&self, options: &Options, this: &str) -> Result<(), ConnectorError> {
        let given = [
            ("header", self.header.is_some()),
            ("delimiter", self.delimiter.is_some()),
            ("quote", self.quote.is_some()),
            ("comment", self.comment.is_some()),
            ("null-values", self.null_values.is_some()),
            ("record-start", self.record_start.is_some()),
            ("infer-rows", self.infer_rows.is_some()),
        ];
        match given.into_iter().find(|(_, is_given)| *is_given) {
            Some((option, _)) => {
                Err(options.error(option, format!("`{option}` is an option of text formats, not of {this}")))
            }
            None => Ok(()),
        }
    }

    /// The format with this name, with its options from `options`.
    ///
    /// # Errors
    /// [`ConnectorError::Option`], with the place of the option that does not fit.
    pub(crate) fn format(&self, options: &Options, name: FormatName) -> Result<TextFormat, ConnectorError> {
        let this = match name {
            FormatName::Csv => "CSV",
            FormatName::Json => "JSON",
            FormatName::Text => "text",
            FormatName::Raw => "raw",
        };
        let (csv, lines) = (name == FormatName::Csv, matches!(name, FormatName::Text | FormatName::Raw));
        let of_format = [
            ("header", self.header.is_some(), csv, "CSV"),
            ("delimiter", self.delimiter.is_some(), csv, "CSV"),
            ("quote", self.quote.is_some(), csv, "CSV"),
            ("comment", self.comment.is_some(), csv, "CSV"),
            ("null-values", self.null_values.is_some(), csv, "CSV"),
            ("record-start", self.record_start.is_some(), lines, "text and raw"),
            ("infer-rows", self.infer_rows.is_some(), !lines, "CSV and JSON"),
        ];
        if let Some((option, _, _, of)) = of_format.into_iter().find(|(_, is_given, is_its, _)| *is_given && !is_its) {
            return Err(options.error(option, format!("`{option}` is an option of {of}, not of {this}")));
        }
        Ok(match name {
            FormatName::Csv => TextFormat::Csv(self.csv(options)?),
            FormatName::Json => TextFormat::Json,
            FormatName::Text | FormatName::Raw => {
                let start = self.record_start.as_deref().map(RecordStart::new).transpose();
                let start = start.map_err(|error| options.error("record-start", error))?;
                TextFormat::Lines { start, is_raw: name == FormatName::Raw }
            }
        })
    }

    fn csv(&self, options: &Options) -> Result<CsvFormat, ConnectorError> {
        let standard = Dialect::STANDARD;
        let refused = |option: &str, what: &str| {
            options.error(option, format!("`{option}` is one ASCII character such as {what}, and not a line end"))
        };
        let character = |option: &str, text: &Option<String>, what: &str| match text.as_deref().map(str::as_bytes) {
            None => Ok(None),
            Some([byte]) if byte.is_ascii() && !matches!(byte, b'\n' | b'\r') => Ok(Some(*byte)),
            Some(_) => Err(refused(option, what)),
        };
        let quote = match self.quote.as_deref() {
            Some("") => None,
            _ => {
                character("quote", &self.quote, "\"'\", or nothing, \"\", if fields are not quoted")?.or(standard.quote)
            }
        };
        let delimiter = character("delimiter", &self.delimiter, "\";\" or \"\\t\"")?.unwrap_or(standard.delimiter);
        let comment = character("comment", &self.comment, "\"#\"")?;
        if quote == Some(delimiter) {
            let option = if self.delimiter.is_some() { "delimiter" } else { "quote" };
            return Err(options.error(option, "`delimiter` and `quote` are the same character".to_owned()));
        }
        if comment.is_some() && (comment == quote || comment == Some(delimiter)) {
            let message = "`comment` is the same character as `delimiter` or `quote`";
            return Err(options.error("comment", message));
        }
        let nulls = self.null_values.as_deref().map(Nulls::new).transpose();
        let nulls = nulls.map_err(|error| options.error("null-values", error))?.unwrap_or_default();
        let header = self.header.unwrap_or(true);
        Ok(CsvFormat { header, dialect: Dialect { delimiter, quote, comment }, nulls })
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn an_option_of_another_format_and_a_value_that_does_not_fit_are_refused() {
        let text = |text: &str| Some(text.to_owned());
        let none = FormatOptions::default;
        for (name, given, expected) in [
            (
                FormatName::Json,
                FormatOptions { header: Some(true), ..none() },
                "`header` is an option of CSV, not of JSON",
            ),
            (FormatName::Text, FormatOptions { quote: text(""), ..none() }, "`quote` is an option of CSV, not of text"),
            (
                FormatName::Raw,
                FormatOptions { infer_rows: Some(1), ..none() },
                "`infer-rows` is an option of CSV and JSON, not of raw",
            ),
            (
                FormatName::Csv,
                FormatOptions { record_start: text("^"), ..none() },
                "`record-start` is an option of text and raw",
            ),
            (
                FormatName::Text,
                FormatOptions { record_start: text("["), ..none() },
                "`record-start` is not a regular expression",
            ),
            (
                FormatName::Csv,
                FormatOptions { delimiter: text("\""), ..none() },
                "`delimiter` and `quote` are the same character",
            ),
            (
                FormatName::Csv,
                FormatOptions { delimiter: text("::"), ..none() },
                "`delimiter` is one ASCII character such as \";\"",
            ),
            (FormatName::Csv, FormatOptions { quote: text("\n"), ..none() }, "`quote` is one ASCII character"),
            (
                FormatName::Csv,
                FormatOptions { comment: text("//"), ..none() },
                "`comment` is one ASCII character such as \"#\"",
            ),
            (FormatName::Csv, FormatOptions { comment: text(","), ..none() }, "`comment` is the same character as"),
            (
                FormatName::Csv,
                FormatOptions { null_values: Some(vec![String::new(); 101]), ..none() },
                "`null-values` has at most",
            ),
        ] {
            let error = given.format(&Options::from_toml("", PathBuf::new()), name).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error:?} does not begin with {expected:?}");
        }
    }

    #[test]
    fn without_quotes_a_quote_may_separate_fields() {
        let given =
            FormatOptions { quote: Some(String::new()), delimiter: Some("\"".to_owned()), ..Default::default() };
        let format = given.format(&Options::from_toml("", PathBuf::new()), FormatName::Csv).unwrap();
        let TextFormat::Csv(format) = format else { panic!("{format:?}") };
        assert_eq!(format.dialect, Dialect { delimiter: b'"', quote: None, comment: None });
    }
}
