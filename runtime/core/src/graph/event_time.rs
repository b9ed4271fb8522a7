//! Which column of a source is the event time, and how its values say it. Converts nothing.

use std::fmt;

use arrow::datatypes::TimeUnit;

use crate::span::Spanned;

/// `event-time` of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventTimeColumn {
    /// Its name.
    pub column: Spanned<String>,
    /// How its values say the time.
    pub form: EventTimeForm,
}

impl fmt::Display for EventTimeColumn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.column.value)?;
        match &self.form {
            // An int64 is milliseconds by itself.
            EventTimeForm::Typed | EventTimeForm::Count(TimeUnit::Millisecond) => Ok(()),
            EventTimeForm::Count(unit) => write!(f, " in {unit}"),
            EventTimeForm::Text(format) => write!(f, " as {format}"),
        }
    }
}

/// How the values of a column say a time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum EventTimeForm {
    /// By their type: a timestamp, a date, or an int64 of milliseconds.
    #[default]
    Typed,
    /// Whole numbers of these since 1970.
    Count(TimeUnit),
    /// Text that is written in this way, in the placeholders of strftime.
    Text(String),
}
