//! The key of a sink with `changelog = "upsert"`: that of its options, or that of the stream. It moves no row.

use std::collections::BTreeSet;

use arrow::datatypes::Schema;
use weir_core::changelog::UpsertKey;
use weir_core::connector::Sink;
use weir_core::graph::{SinkNode, Span, Spanned};

use crate::plan::error::{CheckError, CheckErrors, check_distinct, key_column};
use crate::plan::node::{ChangelogMode, PortInput};

/// What a sink writes: its columns, and which column of its input each is.
pub(super) struct Written<'a> {
    pub(super) schema: &'a Schema,
    pub(super) of: &'a [Option<usize>],
}

/// The key, and its columns in the input. `at`: where the file asks for it.
///
/// # Errors
/// If there is no key, or if it does not tell the rows of the stream apart.
pub(super) fn upsert_key(
    (spec, sink, at): (&SinkNode, &dyn Sink, &Option<Span>),
    input: &PortInput,
    written: &Written<'_>,
) -> Result<(UpsertKey, Vec<usize>), CheckErrors> {
    // The place of a key that the options name.
    let refused = |message: String| {
        CheckErrors::of_connector(&spec.connector, &spec.options, &spec.options.error("key", message))
    };
    let name = |column: &usize| format!("{:?}", input.schema.field(*column).name());
    let columns = match (sink.key(), &input.key) {
        (Some(names), _) => {
            let column = |name: &String| {
                key_column(written.schema, &Spanned { value: name.clone(), span: None })
                    .map_err(|error| refused(error.message))
            };
            let columns = CheckErrors::all(names.iter().map(column))?;
            let listed: Vec<_> = names.iter().map(|name| Spanned { value: name.clone(), span: None }).collect();
            check_distinct("", "key", &listed).map_err(|_| refused("key names a column twice".to_owned()))?;
            columns
        }
        (None, Some(key)) => {
            let written_as = |column: &usize| {
                written.of.iter().position(|of| *of == Some(*column)).ok_or_else(|| {
                    let message =
                        format!("the key of its rows has the column {}, which `columns` leaves out", name(column));
                    CheckError::at(at, message)
                })
            };
            CheckErrors::all(key.iter().map(written_as))?
        }
        (None, None) => {
            let message = "its input has no key: set key = [\"COLUMN\"]";
            return Err(CheckError::at(at, message).into());
        }
    };
    let of_input = |column: &usize| {
        written.of[*column].ok_or_else(|| {
            let field = written.schema.field(*column).name();
            refused(format!("key names {field:?}, which is a field of a column: make a column of it with a select"))
        })
    };
    let of_input = CheckErrors::all(columns.iter().map(of_input))?;
    let by_key = input.changelog != ChangelogMode::Retract;
    if let Some(key) = &input.key {
        let (key, asked): (BTreeSet<_>, BTreeSet<_>) = (key.iter().collect(), of_input.iter().collect());
        let fits = if input.changelog == ChangelogMode::Upsert { key == asked } else { key.is_subset(&asked) };
        if !fits {
            let key: Vec<String> = key.into_iter().map(name).collect();
            let message = match input.changelog {
                ChangelogMode::Upsert => format!("its rows are updates by key: key must be [{}]", key.join(", ")),
                _ => format!(
                    "several rows can have the same key: the key of its input is [{}], and key must contain all of these columns",
                    key.join(", ")
                ),
            };
            return Err(refused(message));
        }
    }
    Ok((UpsertKey { columns, by_key }, of_input))
}
