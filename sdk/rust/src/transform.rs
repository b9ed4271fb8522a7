//! Stateless operators: filter, map, flat-map, project, split.

use serde::de::DeserializeOwned;

use crate::config;
use crate::emit::OutputPlan;
use crate::schema::{Positions, Reads, Schema};
use crate::wire::{Batch, Input, Plan, TransformDelta};

pub use crate::emit::{Emitter, Outputs};
pub use crate::error::RowError;
pub use crate::row::{ReadRow, Row};
pub use crate::timestamp::Timestamp;
pub use crate::wire::OperatorInfo;
#[doc(inline)]
pub use crate::{__export_transform as export, derive::Outputs, derive::Row};

/// A stateless operator on rows. The struct is its configuration, made by serde of what the pipeline's `config` says; it owns
/// nothing else, so the host may drop it and make it anew between any two batches.
///
/// ```
/// use weir_sdk::transform::{Emitter, Row, RowError, Transform, export};
///
/// #[derive(serde::Deserialize)]
/// #[serde(rename_all = "kebab-case", deny_unknown_fields)]
/// struct Dear {
///     price_min: i64,
/// }
///
/// #[derive(Row)]
/// struct Bid {
///     price: i64,
/// }
///
/// #[derive(Row)]
/// #[row(keep(auction, bidder))]
/// struct InCents {
///     price: i64,
/// }
///
/// impl Transform for Dear {
///     type Input<'a> = Bid;
///     type Output<'a> = InCents;
///
///     fn process(&self, bid: Bid, out: &mut Emitter<InCents>) -> Result<(), RowError> {
///         if bid.price >= self.price_min {
///             let price = bid.price.checked_mul(100).ok_or_else(|| RowError::new("the price is out of range"))?;
///             out.emit(InCents { price });
///         }
///         Ok(())
///     }
/// }
///
/// export!(Dear);
/// ```
pub trait Transform: DeserializeOwned {
    /// The columns that it reads. May borrow from the batch.
    type Input<'a>: ReadRow<'a>;
    /// What it emits: a row, or an enum of rows if there are side outputs.
    type Output<'a>: Outputs;

    /// Processes one row.
    ///
    /// # Errors
    /// If this row is bad; nothing that it emitted counts.
    fn process<'a>(&self, row: Self::Input<'a>, out: &mut Emitter<Self::Output<'a>>) -> Result<(), RowError>;

    /// What it says of itself, for `weir inspect` and other tools. By default nothing.
    #[must_use]
    fn about() -> OperatorInfo {
        OperatorInfo::default()
    }

    /// Which column of the input a field of [`Transform::Input`] is read from: the one of its name, unless the configuration
    /// says so.
    fn column_of<'s>(&'s self, field: &'s str, input: &Schema<'s>) -> &'s str {
        let _ = input;
        field
    }
}

/// A stateless operator on columns: as [`Transform`], but it gets a whole batch. Every `Transform` is one by a loop over the
/// rows; write one yourself where the rows do not matter one by one: a column that is made of another is written in one go.
///
/// ```
/// use weir_sdk::transform::{ColumnTransform, Emitter, Row, RowError, export};
///
/// #[derive(serde::Deserialize)]
/// struct InCents;
///
/// #[derive(Row)]
/// struct Bid {
///     price: i64,
/// }
///
/// #[derive(Row)]
/// #[row(keep_all)]
/// struct Converted {
///     price: i64,
/// }
///
/// impl ColumnTransform for InCents {
///     type Input<'a> = Bid;
///     type Output<'a> = Converted;
///
///     // `BidColumns` has the fields of `Bid`, each as a column.
///     fn process_columns(&self, bids: &BidColumns<'_>, _: usize, out: &mut Emitter<Converted>) -> Result<(), RowError> {
///         out.emit_each(bids.price.iter().map(|price| Converted { price: price.wrapping_mul(100) }));
///         Ok(())
///     }
/// }
///
/// export!(InCents);
/// ```
pub trait ColumnTransform: DeserializeOwned {
    /// The columns that it reads.
    type Input<'a>: ReadRow<'a>;
    /// What it emits.
    type Output<'a>: Outputs;

    /// Processes a batch of `rows` rows.
    ///
    /// # Errors
    /// If the batch cannot be processed: the host calls it with parts of it until the rows that are to blame are alone. Where it is known which
    /// they are, [`Emitter::refuse`] them.
    fn process_columns<'a>(
        &self,
        columns: &<Self::Input<'a> as ReadRow<'a>>::Columns,
        rows: usize,
        out: &mut Emitter<Self::Output<'a>>,
    ) -> Result<(), RowError>;

    /// As [`Transform::about`].
    #[must_use]
    fn about() -> OperatorInfo {
        OperatorInfo::default()
    }

    /// As [`Transform::column_of`].
    fn column_of<'s>(&'s self, field: &'s str, input: &Schema<'s>) -> &'s str {
        let _ = input;
        field
    }
}

impl<T: Transform> ColumnTransform for T {
    type Input<'a> = T::Input<'a>;
    type Output<'a> = T::Output<'a>;

    #[inline]
    fn process_columns<'a>(
        &self,
        columns: &<Self::Input<'a> as ReadRow<'a>>::Columns,
        rows: usize,
        out: &mut Emitter<Self::Output<'a>>,
    ) -> Result<(), RowError> {
        for row in 0..rows {
            if out.refused.contains(row) {
                continue;
            }
            out.at(row);
            if let Err(error) = self.process(T::Input::read_row(columns, row), out) {
                out.refuse_this(error).map_err(RowError::new)?;
            }
        }
        Ok(())
    }

    fn about() -> OperatorInfo {
        T::about()
    }

    fn column_of<'s>(&'s self, field: &'s str, input: &Schema<'s>) -> &'s str {
        Transform::column_of(self, field, input)
    }
}

/// A transform that is connected to its input.
#[derive(Debug)]
pub struct Connected<Op> {
    operator: Op,
    reads: Reads,
    positions: Positions,
    outputs: Vec<OutputPlan>,
}

/// A connected transform of any type.
pub trait Process {
    /// `transform.process`
    ///
    /// # Errors
    /// As the contract says.
    fn process(&self, batch: Batch) -> Result<TransformDelta, String>;
}

impl<Op: ColumnTransform> Connected<Op> {
    /// `describe` of the interface
    ///
    /// # Errors
    /// If the configuration or a column does not fit.
    pub fn describe(config: &str, inputs: &[Input]) -> Result<(Self, Plan), String> {
        Self::connect(config::parse(config)?, inputs)
    }

    /// As [`Connected::describe`], for an operator that is configured.
    ///
    /// # Errors
    /// If a column does not fit.
    pub fn connect(operator: Op, inputs: &[Input]) -> Result<(Self, Plan), String> {
        let input = only_input(inputs)?;
        let schema = Schema::new(&input.columns);
        let mut reads = Reads::default();
        let positions = reads.want::<Op::Input<'_>>(&schema, |field| operator.column_of(field, &schema).to_owned())?;
        let outputs = <Op::Output<'_> as Outputs>::describe(&schema)?;
        let plan = Plan {
            reads: vec![reads.indices.clone()],
            reads_event_times: <Op::Input<'_> as Row>::HAS_EVENT_TIME,
            outputs: outputs.iter().map(|o| o.output.clone()).collect(),
            state: None,
            maps: Vec::new(),
        };
        Ok((Self { operator, reads, positions, outputs }, plan))
    }
}

impl<Op: ColumnTransform> Process for Connected<Op> {
    fn process(&self, batch: Batch) -> Result<TransformDelta, String> {
        process_batch(self, &batch)
    }
}

fn process_batch<'a, Op: ColumnTransform>(this: &'a Connected<Op>, batch: &'a Batch) -> Result<TransformDelta, String> {
    let roots = this.reads.columns(&batch.columns);
    let columns = this.positions.open::<Op::Input<'a>>(&roots, &batch.event_times, batch.rows)?;
    let mut out = Emitter::new(batch.rows);
    out.refused.refuse_nulls::<Op::Input<'a>>(&columns, batch.rows as usize);
    this.operator.process_columns(&columns, batch.rows as usize, &mut out).map_err(|error| error.to_string())?;
    let (outputs, rejected) = out.finish(&this.outputs);
    Ok(TransformDelta { outputs, rejected })
}

/// The input of an operator with one.
pub(crate) fn only_input(inputs: &[Input]) -> Result<&Input, String> {
    match inputs {
        [input] => Ok(input),
        _ => Err(format!("the operator has one input, and is connected to {}", inputs.len())),
    }
}
