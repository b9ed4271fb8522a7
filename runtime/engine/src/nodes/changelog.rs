//! `[changelogs.NAME]`: rows that describe changes, as another system or a sink of Weir writes them, into an updating stream. It keeps nothing
//! between two batches.

pub(crate) mod plan;

use arrow::array::{Array, ArrayRef, AsArray, StringArray};
use arrow::datatypes::SchemaRef;
use weir_core::batch::{RowKind, StreamBatch};
use weir_core::changelog::ChangelogEncoding;

use super::changes::Changes;
use super::dead_letter::DeadLetters;
use crate::dataflow::operator::{Operator, OperatorError, Outputs, Progress};

/// Decodes changes.
struct ChangelogOperator {
    encoding: ChangelogEncoding,
    /// Where the operation or the kind is among the columns that come in; then the row, or the row as it was and as it is.
    what: usize,
    images: Vec<Image>,
    schema: SchemaRef,
    dead_letters: DeadLetters,
}

/// Where the columns of a row are.
enum Image {
    /// Columns that come in.
    Columns(Vec<usize>),
    /// Fields of one that is a struct.
    Fields { of: usize, fields: Vec<usize> },
}

/// One change of a row: what it is, and of which image.
type Change = (RowKind, usize);

const BEFORE: usize = 0;
const AFTER: usize = 1;

impl ChangelogOperator {
    /// What a row says.
    fn changes(&self, text: &str) -> Result<&'static [Change], String> {
        Ok(match (self.encoding, text) {
            (ChangelogEncoding::Kinds, "+I") => &[(RowKind::Insert, 0)],
            (ChangelogEncoding::Kinds, "-U") => &[(RowKind::UpdateBefore, 0)],
            (ChangelogEncoding::Kinds, "+U") => &[(RowKind::UpdateAfter, 0)],
            (ChangelogEncoding::Kinds, "-D") => &[(RowKind::Delete, 0)],
            (ChangelogEncoding::Kinds, other) => {
                return Err(format!("{other:?} is no kind of row: +I, -U, +U and -D are"));
            }
            // A row that was there before the capture began is read (r).
            (ChangelogEncoding::Debezium, "c" | "r") => &[(RowKind::Insert, AFTER)],
            (ChangelogEncoding::Debezium, "u") => &[(RowKind::UpdateBefore, BEFORE), (RowKind::UpdateAfter, AFTER)],
            (ChangelogEncoding::Debezium, "d") => &[(RowKind::Delete, BEFORE)],
            (ChangelogEncoding::Debezium, other) => {
                return Err(format!("the operation {other:?} is not known: c, r, u and d are"));
            }
        })
    }

    /// What one row of a batch does.
    fn of_row(&self, batch: &StreamBatch, what: &StringArray, row: usize) -> Result<&'static [Change], String> {
        if what.is_null(row) {
            return Err("it does not say what it does: the column is null".to_owned());
        }
        let changes = self.changes(what.value(row))?;
        let lacks = |image: usize| matches!(&self.images[image], Image::Fields { of, .. } if batch.rows.column(*of).is_null(row));
        match changes.iter().find(|(_, image)| lacks(*image)) {
            None => Ok(changes),
            Some((_, BEFORE)) => Err(format!(
                "the operation {:?} needs the row as it was, and before is null: have the database send it (PostgreSQL: replica \
                 identity full)",
                what.value(row)
            )),
            Some(_) => Err(format!("the operation {:?} needs the row as it is, and after is null", what.value(row))),
        }
    }
}

impl Operator for ChangelogOperator {
    fn process(&mut self, _input: usize, batch: StreamBatch, out: &mut Outputs) -> Result<Progress, OperatorError> {
        let what = batch.rows.column(self.what).as_string::<i32>();
        let (mut changes, mut bad) = (Changes::default(), Vec::new());
        for row in 0..batch.len() {
            match self.of_row(&batch, what, row) {
                Ok(of_row) => {
                    let time = batch.event_times[row];
                    of_row.iter().for_each(|(kind, image)| changes.push(*kind, (*image, row), time));
                }
                Err(reason) => self.dead_letters.take(&batch, row, reason, &mut bad)?,
            }
        }
        let images: Vec<Vec<ArrayRef>> = self.images.iter().map(|image| image.columns(&batch)).collect();
        let images: Vec<&[ArrayRef]> = images.iter().map(Vec::as_slice).collect();
        changes.emit(&self.schema, &images, batch.ingested_at, out)?;
        self.dead_letters.emit(&batch, bad, out)?;
        Ok(Progress::Done)
    }
}

impl Image {
    fn columns(&self, batch: &StreamBatch) -> Vec<ArrayRef> {
        match self {
            Self::Columns(columns) => columns.iter().map(|column| batch.rows.column(*column).clone()).collect(),
            Self::Fields { of, fields } => {
                let row = batch.rows.column(*of).as_struct();
                fields.iter().map(|field| row.column(*field).clone()).collect()
            }
        }
    }
}
