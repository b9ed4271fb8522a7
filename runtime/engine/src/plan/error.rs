//! What is wrong with a pipeline, and finding the columns that it names.

use arrow::datatypes::{DataType, Schema};
use weir_core::column_type::type_name;
use weir_core::connector::ConnectorError;
use weir_core::graph::{Options, Span, Spanned};
use weir_core::names::did_you_mean;
use weir_core::pipeline::Diagnostic;

/// A pipeline that cannot run, and where its file says so.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct CheckError {
    /// What is wrong and what to do about it.
    pub message: String,
    /// Bytes of the pipeline file that it is about.
    pub span: Option<Span>,
    /// Whether a column would have to be of another type.
    pub(crate) is_of_types: bool,
}

/// All that is wrong with a pipeline, in the order of its steps, as far as one mistake does not hide another.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
pub struct CheckErrors(pub Vec<CheckError>);

impl CheckError {
    /// Something that is wrong at a place.
    pub fn at(span: &Option<Span>, message: impl Into<String>) -> Self {
        Self { message: message.into(), span: span.clone(), is_of_types: false }
    }

    /// The same, with the source whose types are inferred, if it is about types.
    pub(crate) fn with_inferred(self, source: &str) -> Self {
        let Self { message, is_of_types: true, .. } = &self else { return self };
        let message =
            format!("{message}; the types of {source:?} are inferred, and a `schema` in [sources.{source}] sets them");
        Self { message, is_of_types: false, ..self }
    }

    /// The same, of what columns of other types would not have.
    pub(crate) fn of_types(self) -> Self {
        Self { is_of_types: true, ..self }
    }
}

impl From<CheckError> for CheckErrors {
    fn from(error: CheckError) -> Self {
        Self(vec![error])
    }
}

impl CheckErrors {
    /// What a connector refuses: at the option that it is about, if it says which.
    pub(crate) fn of_connector(connector: &Spanned<String>, options: &Options, error: &ConnectorError) -> Self {
        let message = error.to_string();
        let span = match error {
            ConnectorError::Several(errors) => {
                return Self(errors.iter().flat_map(|error| Self::of_connector(connector, options, error).0).collect());
            }
            ConnectorError::Option { span: Some(span), .. } => Some(span.clone()),
            ConnectorError::Unknown { .. } => connector.span.clone(),
            _ => options.place_of_named(&message).or_else(|| connector.span.clone()),
        };
        CheckError::at(&span, message).into()
    }

    /// Every item, if none is wrong.
    pub(crate) fn all<T>(items: impl Iterator<Item = Result<T, impl Into<Self>>>) -> Result<Vec<T>, Self> {
        let mut errors = Vec::new();
        let items: Vec<T> = items.filter_map(|item| item.map_err(|error| errors.extend(error.into().0)).ok()).collect();
        if errors.is_empty() { Ok(items) } else { Err(Self(errors)) }
    }

    /// Both of two that do not depend on each other.
    pub(crate) fn both<A, B>(a: Result<A, Self>, b: Result<B, Self>) -> Result<(A, B), Self> {
        match (a, b) {
            (Ok(a), Ok(b)) => Ok((a, b)),
            (Err(Self(mut errors)), Err(Self(others))) => {
                errors.extend(others);
                Err(Self(errors))
            }
            (Err(errors), _) | (_, Err(errors)) => Err(errors),
        }
    }
}

/// Refuses a list of columns in which one is twice; `list` names it, such as `key-by`.
///
/// # Errors
/// At the second, with the place of the first.
pub(crate) fn check_distinct(text: &str, list: &str, names: &[Spanned<String>]) -> Result<(), CheckError> {
    for (index, name) in names.iter().enumerate() {
        if let Some(first) = names.iter().take(index).find(|first| first.value == name.value) {
            let first = place(text, &first.span);
            let message = format!("{list} names the column {:?} twice: here and {first}; remove one", name.value);
            return Err(CheckError::at(&name.span, message));
        }
    }
    Ok(())
}

/// A place of the pipeline file in words: `in line 3, column 7`.
pub(crate) fn place(text: &str, span: &Option<Span>) -> String {
    match Diagnostic::error("", span.clone()).position(text) {
        Some((line, column)) => format!("in line {line}, column {column}"),
        None => "in another place".to_owned(),
    }
}

/// The index of a column.
///
/// # Errors
/// If there is none of that name.
pub fn column(schema: &Schema, name: &Spanned<String>) -> Result<usize, CheckError> {
    let known: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
    known.iter().position(|k| *k == name.value).ok_or_else(|| {
        let near = match field_of(schema, &name.value) {
            Some(field) => {
                format!(", but a field of one: a select makes a column of it, `add = {{ {field} = {:?} }}`", name.value)
            }
            None => did_you_mean(&name.value, &known),
        };
        let message = format!("there is no column {:?}{near}; the columns are {}", name.value, known.join(", "));
        CheckError::at(&name.span, message)
    })
}

/// The last part of a path such as `latency.p95`, if it leads into a struct.
fn field_of<'p>(schema: &Schema, path: &'p str) -> Option<&'p str> {
    let (column, rest) = path.split_once('.')?;
    let mut data_type = schema.field_with_name(column).ok()?.data_type();
    for part in rest.split('.') {
        let DataType::Struct(fields) = data_type else { return None };
        data_type = fields.iter().find(|field| field.name() == part)?.data_type();
    }
    rest.rsplit('.').next()
}

/// The index of a column that can be a key.
///
/// # Errors
/// As [`column()`], or if its values cannot be keys.
pub fn key_column(schema: &Schema, name: &Spanned<String>) -> Result<usize, CheckError> {
    let index = column(schema, name)?;
    let data_type = schema.field(index).data_type();
    if data_type.is_nested() || data_type.is_floating() {
        let message = format!(
            "column {:?} is {}; keys are integers, strings, booleans, dates, times or decimals",
            name.value,
            type_name(data_type)
        );
        return Err(CheckError::at(&name.span, message).of_types());
    }
    Ok(index)
}
